"""A model provider on a real socket that misbehaves on demand, and the shapes of honest replies.

A behaviour is a coroutine that is given one request and answers it, byte by byte where it likes.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any


class Peer:
    """The server's side of one request."""

    def __init__(self, server: "Upstream", reader, writer, head: list[str], body: bytes) -> None:
        self.server, self._reader, self._writer = server, reader, writer
        self.path = head[0].split(" ")[1]
        self.headers = dict(line.lower().split(": ", 1) for line in head[1:])
        self.raw_headers = dict(line.split(": ", 1) for line in head[1:])
        self.json: dict[str, Any] = json.loads(body)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def head(self, status: int = 200, kind: str = "text/event-stream", **more: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Type: {kind}"]
        lines += ["Transfer-Encoding: chunked"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%s\r\n" % (len(data), data))

    async def event(self, data: Any, event: str | None = None) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        name = f"event: {event}\n" if event else ""
        await self.chunk(f"{name}data: {text}\n\n".encode())

    async def end(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def answer(self, status: int, body: Any, kind: str = "application/json", **more) -> None:
        await self.head(status, kind, **more)
        await self.chunk(body if isinstance(body, bytes) else json.dumps(body).encode())
        await self.end()

    def hang_up(self) -> None:
        """Close; what was sent still arrives."""
        self._writer.close()

    def crash(self) -> None:
        """Reset the connection; what was sent may be lost."""
        self._writer.transport.abort()

    async def stall(self) -> None:
        """Say nothing more until the client goes."""
        with suppress(ConnectionError):
            while await self._reader.read(1024):
                pass
        self.server.left.set()

    async def drip(self, data: bytes, every_s: float = 0.02) -> None:
        """The same chunk again and again until the client goes."""
        with suppress(ConnectionError):
            while not self._reader.at_eof():
                await self.chunk(data)
                await asyncio.sleep(every_s)
        self.server.left.set()


Behaviour = Callable[[Peer], Awaitable[None]]


class Upstream:
    """What the tests may ask of a server.

    Attributes:
        url: base URL, without `/v1`.
        requests: what was asked, in order.
        connections: how many were opened.
        asked: set once a request has come.
        left: set once a client has gone in the middle of a reply.
    """

    def __init__(self, behave: Behaviour) -> None:
        self._behave = behave
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""
        self.requests: list[Peer] = []
        self.connections = 0
        self.asked = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
                if head[0].startswith("HEAD "):  # somebody wakes us before the first request
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                    continue
                length = next(
                    int(line[15:]) for line in head if line.lower()[:15] == "content-length:"
                )
                peer = Peer(self, reader, writer, head, await reader.readexactly(length))
                self.requests.append(peer)
                self.asked.set()
                await self._behave(peer)
                if writer.transport.is_closing():
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def upstream(behave: Behaviour) -> AsyncIterator[Upstream]:
    """A server on a free port of this machine that treats every request alike."""
    one = Upstream(behave)
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield one
    finally:
        server.close()
        await one.stop()


# ---------------------------------------------------------------- honest replies


def openai_chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": None,
    } | more


ROLE_ONLY = openai_chunk({"role": "assistant", "content": ""})
OPENAI_USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def openai_says(*words: str) -> Behaviour:
    """A whole chat completion, as OpenAI streams it."""

    async def behave(peer: Peer) -> None:
        await peer.head()
        await peer.event(ROLE_ONLY)
        for word in words:
            await peer.event(openai_chunk({"content": word}))
        await peer.event(openai_chunk({}, finish="stop"))
        await peer.event(openai_chunk({}) | {"choices": [], "usage": OPENAI_USAGE})
        await peer.event("[DONE]")
        await peer.end()

    return behave


def openai_stream(text: str) -> bytes:
    """The body of a whole chat completion that says `text` in one chunk."""
    chunks = [openai_chunk({"content": text}), openai_chunk({}, finish="stop")]
    return b"".join(f"data: {e}\n\n".encode() for e in (*map(json.dumps, chunks), "[DONE]"))


ANTHROPIC_START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 90,
            "output_tokens": 1,
        },
    },
}


def anthropic_delta(text: str) -> dict[str, Any]:
    return {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": text},
    }


def anthropic_stop(reason: str) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": 7},
    }


def anthropic_says(*words: str, reason: str = "end_turn") -> Behaviour:
    """A whole message, as Anthropic streams it, thinking and pings included."""
    block = {"type": "text", "text": ""}
    thought = {"type": "thinking_delta", "thinking": "Hm."}

    async def behave(peer: Peer) -> None:
        events = [
            ANTHROPIC_START,
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": thought},
            *(anthropic_delta(word) for word in words),
            {"type": "content_block_stop", "index": 0},
            anthropic_stop(reason),
            {"type": "message_stop"},
        ]
        await peer.head()
        for event in events:
            await peer.event(event, event["type"])
        await peer.end()

    return behave


# ---------------------------------------------------------------- faults


async def refuses(peer):
    peer.crash()


async def stalls_before_the_head(peer):
    await peer.stall()


async def stalls_after_the_head(peer):
    await peer.head()
    await peer.stall()


async def stalls_after_its_role(peer):
    await peer.head()
    await peer.event(ROLE_ONLY)
    await peer.drip(b": keep-alive\n\n")


async def errs_in_a_good_stream(peer):
    await peer.head()
    await peer.event({"error": {"message": "out of memory"}})
    await peer.end()


async def is_busy(peer):
    await peer.answer(429, {"error": {"message": "Slow down"}}, retry_after="7")


async def is_down(peer):
    await peer.answer(503, {"error": {"message": "Back soon"}})


async def sends_garbage(peer):
    await peer.head()
    await peer.event("{not json")
    await peer.stall()


async def closes_early(peer):
    await peer.head()
    peer.hang_up()


async def filters(peer):
    await peer.answer(400, {"error": {"message": "No.", "code": "content_filter"}})


FAULTS = {
    refuses: "unreachable",
    stalls_before_the_head: "timed_out",
    stalls_after_the_head: "no_first_token",
    stalls_after_its_role: "no_first_token",
    errs_in_a_good_stream: "upstream_error",
    is_busy: "rate_limited",
    is_down: "upstream_error",
    sends_garbage: "garbled",
    closes_early: "upstream_error",
    filters: "content_filtered",
}
"""What each costs an attempt."""


def breaks_off(then, *words):
    """Says the words, and then does this."""

    async def behave(peer):
        await peer.head()
        await peer.event(ROLE_ONLY)
        for word in words:
            await peer.event(openai_chunk({"content": word}))
        await then(peer)

    return behave


async def falls_silent(peer):
    await peer.stall()


async def only_keeps_alive(peer):
    await peer.drip(b": keep-alive\n\n")


async def only_sends_white_space(peer):
    await peer.drip(b'data: {"choices": [{"delta": {"content": " "}}]}\n\n')


async def hangs_up(peer):
    peer.hang_up()


async def ends_without_an_end(peer):
    await peer.end()


async def errs(peer):
    await peer.event({"error": {"message": "overloaded"}})
    await peer.end()


async def babbles(peer):
    await peer.event("{not json")
    await peer.stall()


def speaks_after(seconds, *words):
    async def behave(peer):
        await peer.head()
        await peer.event(ROLE_ONLY)
        await asyncio.sleep(seconds)
        for word in words:
            await peer.event(openai_chunk({"content": word}))
        await peer.event(openai_chunk({}, finish="stop"))
        await peer.end()

    return behave
