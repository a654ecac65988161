"""Models are woken before the first caller needs them."""

import asyncio
import json

import pytest

from tonewise import plugins
from tonewise.default_models import Model
from tonewise.llm.endpoint import Endpoint
from tonewise.llm.target import Target
from tonewise.stages import LlmRequest, Message
from tonewise.warming import CONNECTED_S, Warmer

ASKED = LlmRequest(1, "fast", (Message("user", "hello"),))


class Provider:
    """Says "Hi" to every request, and notes connections and what they asked."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[str] = []
        self.most_tokens: list[int] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode().lower(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader, writer) -> None:
        method = head.split(maxsplit=1)[0]
        self.asked.append(method)
        if method == "head":
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        self.most_tokens.append(json.loads(await reader.readexactly(length))["max_tokens"])
        chunk = {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
        body = f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n".encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\n\r\n".encode() + body)


@pytest.fixture
async def provider():
    told = Provider()
    server = await asyncio.start_server(told, "127.0.0.1", 0)
    told.port = server.sockets[0].getsockname()[1]
    async with server:
        yield told


def target(port: int, host: str = "127.0.0.1", name: str = "model") -> Target:
    options = {"model": "m", "base_url": f"http://{host}:{port}/v1", "api_key_env": ""}
    return Target(name, plugins.load("llm", "openai_compatible", options), facts=Model(name))


async def over(warmer: Warmer) -> None:
    while warmer._tasks:
        await asyncio.sleep(0.01)


async def test_a_model_on_this_machine_is_connected_to_and_asked_for_one_word(provider):
    model = target(provider.port)
    warmer = Warmer([model])
    warmer.begin()
    await over(warmer)
    assert provider.asked == ["head", "post"]
    assert provider.most_tokens == [1]
    async for _ in model.engine.stream(ASKED):
        pass
    assert provider.asked == ["head", "post", "post"]
    assert provider.connections <= 2  # a broken-off answer may cost the connection it came by
    await model.engine.aclose()


async def test_a_model_elsewhere_is_only_connected_to_and_the_first_caller_finds_the_line_open(
    provider, monkeypatch
):
    model = target(provider.port)
    monkeypatch.setattr(Endpoint, "local", False)
    warmer = Warmer([model])
    warmer.begin()
    await over(warmer)
    assert provider.asked == ["head"]
    async for _ in model.engine.stream(ASKED):
        pass
    assert (provider.asked, provider.connections) == (["head", "post"], 1)
    await model.engine.aclose()


async def test_whoever_is_awake_is_left_alone(provider):
    model = target(provider.port)
    warmer = Warmer([model])
    warmer.begin()
    await over(warmer)
    warmer.begin()
    await over(warmer)
    assert provider.asked == ["head", "post"]
    spoke = target(provider.port, name="another")
    spoke.breaker.replied(asyncio.get_running_loop().time() - CONNECTED_S + 1)
    Warmer([spoke]).begin()
    await asyncio.sleep(0.05)
    assert provider.asked == ["head", "post"]
    await model.engine.aclose()
    await spoke.engine.aclose()


async def test_a_model_that_cannot_be_woken_costs_nothing(caplog):
    model = target(1)
    warmer = Warmer([model, Target("demo", plugins.load("llm", "demo"))])
    with caplog.at_level("INFO"):
        warmer.begin()
        await over(warmer)
    assert "'model' could not be woken" in caplog.text
    await model.engine.aclose()


async def test_warming_that_is_under_way_ends_with_the_server():
    connected = asyncio.Event()

    async def silent(reader, writer):
        connected.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    model = target(server.sockets[0].getsockname()[1])
    warmer = Warmer([model])
    warmer.begin()
    await connected.wait()
    async with asyncio.timeout(20):
        await warmer.aclose()
    assert not warmer._tasks
    await model.engine.aclose()
    server.close()
