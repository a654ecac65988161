"""The HTTP interfaces on a real socket, before models that speak either dialect."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette

from on_a_port import on_a_port
from tonewise import engines
from tonewise.api import chat, messages, responses
from tonewise.api.answering import Answering
from tonewise.api.clients import Clients
from tonewise.config import Config
from tonewise.default_models import Attempts, Model
from tonewise.operating import Client, Store
from tonewise.records import AnyRecord, Tried
from tonewise.settings import Acoustic, Endpoint, Stt, Tts, Vad
from tonewise.store.ledger import Spending
from upstream import Behaviour, Peer, Upstream, openai_chunk, upstream

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5Er"
    "kJggg=="
)
WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


class Experience:
    """Keeps every record, and knows nothing of other calls."""

    def __init__(self) -> None:
        self.records: list[AnyRecord] = []

    def note(self, *records: AnyRecord) -> None:
        self.records += records

    def around(self, known, client=""):
        return known

    def explored(self, plan, turn, candidates, decision):
        return plan


class Ledger:
    """Nothing was spent."""

    def spent(self, client, window, now):
        return Spending(0.0, 0)


@dataclass
class Serving:
    """The server, and the models behind it by name."""

    url: str
    models: dict[str, Upstream]
    records: list[AnyRecord]

    def asked(self, name: str, number: int = -1) -> dict:
        """What a model was asked."""
        return self.models[name].requests[number].json

    @property
    def tried(self) -> list[tuple[str, str]]:
        return [(each.model, each.outcome) for each in self.records if isinstance(each, Tried)]


@asynccontextmanager
async def serving(
    *models: tuple[str, str, Behaviour],
    clients: tuple[Client, ...] = (),
    environ: dict[str, str] | None = None,
    store: Store = Store(),  # noqa: B008 - it is frozen
) -> AsyncIterator[Serving]:
    """Models, each with its name, its dialect (`chat` or `messages`) and how it behaves."""
    async with AsyncExitStack() as opened:
        peers, listed = {}, []
        for name, dialect, behave in models:
            peer = peers[name] = await opened.enter_async_context(upstream(behave))
            use = "anthropic" if dialect == "messages" else "openai_compatible"
            at = peer.url if dialect == "messages" else f"{peer.url}/v1"
            options = {"model": f"{name}-1", "base_url": at, "api_key_env": ""}
            listed.append(Model(name, "fast", use, options=options))
        config = Config(
            vad=Vad(use="webrtc"),
            stt=Stt(use="scripted", options={"lines": ["Hi."]}),
            acoustic=Acoustic(use="voice_cues"),
            endpoint=Endpoint(use="fixed"),
            tts=Tts(use="none"),
            models=tuple(listed),
            attempts=Attempts(),
            clients=clients,
            store=store,
        )
        loaded = engines.load(config)
        opened.push_async_callback(loaded.aclose)
        experience = Experience()
        answering = Answering(loaded, experience, lambda who: f"u_{len(who)}" if who else "")
        opened.push_async_callback(answering.aclose)
        app = Starlette(routes=[*chat.routes(), *messages.routes(), *responses.routes()])
        app.state.answering = answering
        app.state.clients = Clients(config, environ or {}, Ledger())
        place = await opened.enter_async_context(on_a_port(app))
        yield Serving(place, peers, experience.records)


# ---------------------------------------------------------------- models that answer either way

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 5},
}


def function_call(call_id: str, name: str, **arguments) -> dict:
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": call_id, "type": "function", "function": function}


def chat_model(*answers: dict, finish: str = "stop") -> Behaviour:
    """Answers its requests in turn with these messages, streamed or not as it is asked."""
    number = iter(range(1000))

    async def behave(peer: Peer) -> None:
        answer = {"role": "assistant", "content": None, **answers[next(number) % len(answers)]}
        reason = "tool_calls" if answer.get("tool_calls") else finish
        if not peer.json.get("stream"):
            choice = {"index": 0, "message": answer, "finish_reason": reason, "logprobs": None}
            whole = openai_chunk({}) | {"object": "chat.completion", "choices": [choice]}
            await peer.answer(200, whole | {"usage": USAGE})
            return
        await peer.head()
        await peer.event(openai_chunk({"role": "assistant", "content": ""}))
        for delta in deltas_of(answer):
            await peer.event(openai_chunk(delta))
        await peer.event(openai_chunk({}, finish=reason))
        if (peer.json.get("stream_options") or {}).get("include_usage"):
            await peer.event(openai_chunk({}) | {"choices": [], "usage": USAGE})
        await peer.event("[DONE]")
        await peer.end()

    return behave


def deltas_of(answer: dict):
    for name in ("reasoning_content", "content", "refusal"):
        words = answer.get(name) or ""
        for at in range(0, len(words), 5):
            yield {name: words[at : at + 5]}
    for index, call in enumerate(answer.get("tool_calls") or ()):
        function = {**call["function"], "arguments": ""}
        yield {"tool_calls": [{"index": index, **call, "function": function}]}
        written = call["function"]["arguments"]
        for at in range(0, len(written), 4):
            part = {"arguments": written[at : at + 4]}
            yield {"tool_calls": [{"index": index, "function": part}]}


def messages_model(*answers: list[dict], reason: str = "end_turn") -> Behaviour:
    """The same for a model that speaks Messages; an answer is a list of content blocks."""
    number = iter(range(1000))

    async def behave(peer: Peer) -> None:
        blocks = answers[next(number) % len(answers)]
        stop = "tool_use" if any(b["type"] == "tool_use" for b in blocks) else reason
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": peer.json["model"],
            "content": blocks,
            "stop_reason": stop,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 15,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 5,
                "output_tokens": 7,
            },
        }
        if not peer.json.get("stream"):
            await peer.answer(200, message)
            return
        await peer.head()
        for event in message_events(message):
            await peer.event(event, event["type"])
        await peer.end()

    return behave


def message_events(message: dict):
    """A message as Anthropic streams it."""
    opening = {**message, "content": [], "stop_reason": None}
    yield {"type": "message_start", "message": opening}
    for index, block in enumerate(message["content"]):
        kind, field = {
            "text": ("text_delta", "text"),
            "thinking": ("thinking_delta", "thinking"),
            "tool_use": ("input_json_delta", "partial_json"),
        }[block["type"]]
        empty = {"input": {}} if block["type"] == "tool_use" else {field: ""}
        text = json.dumps(block["input"]) if "input" in block else block[field]
        started = {**block, **empty}
        yield {"type": "content_block_start", "index": index, "content_block": started}
        for at in range(0, len(text), 5):
            delta = {"type": kind, field: text[at : at + 5]}
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


def asks_for_weather(dialect: str, cities: dict[str, str], then: str) -> Behaviour:
    """A model that asks for the weather in cities, by the call's identifier; then it answers."""
    look = "Let me look."
    if dialect == "chat":
        calls = [function_call(call, "weather", city=city) for call, city in cities.items()]
        return chat_model({"content": look, "tool_calls": calls}, {"content": then})
    uses = [
        {"type": "tool_use", "id": call, "name": "weather", "input": {"city": city}}
        for call, city in cities.items()
    ]
    return messages_model([{"type": "text", "text": look}, *uses], [{"type": "text", "text": then}])


BOTH = {
    "chat": chat_model({"content": "Hello there, friend."}),
    "messages": messages_model([{"type": "text", "text": "Hello there, friend."}]),
}
"""A model that greets, in either dialect."""


def fails(status: int, message: str = "No.", **headers: str) -> Behaviour:
    """Every request is an error."""

    async def behave(peer: Peer) -> None:
        await peer.answer(status, {"error": {"message": message}}, **headers)

    return behave
