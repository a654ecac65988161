"""Claude, over Anthropic's Messages API."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from tonewise.llm.endpoint import Endpoint
from tonewise.llm.failures import outcome_in_stream
from tonewise.llm.half_characters import forgiving
from tonewise.llm.upstream import Upstream
from tonewise.providers import api_key, message_in
from tonewise.stages import Delta, LlmRequest, Message

_VERSION = "2023-06-01"
_OPENING = "(The caller is on the line.)"
"""Stands in for the caller where the conversation begins with our own greeting: the API wants the
first message to be the user's."""

_KNOWN = {"message", "message_start", "content_block_delta", "message_delta", "error"}
"""Events that are read; others, and those still to be invented, are passed over unread.
`message` is what an event without a name is called."""


class _Piece(msgspec.Struct):
    type: str | None = None
    text: str = ""
    stop_reason: str | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    output_tokens: int | None = None


class _Opening(msgspec.Struct):
    usage: _Usage | None = None


class _Event(msgspec.Struct):
    type: str
    message: _Opening | None = None
    delta: _Piece | None = None
    usage: _Usage | None = None
    error: Any = None


_decode = forgiving(msgspec.json.Decoder(_Event).decode)


class _Anthropic:
    def __init__(self, endpoint: Endpoint, upstream: Upstream, settings: Mapping[str, Any]) -> None:
        self.endpoint = endpoint
        self.upstream = upstream
        self._settings = settings
        self.name = f"anthropic {settings['model']}"

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """The reply; its first delta, without text, says that the server has begun to answer.

        Raises:
            AttemptError: as `errors.Outcome` lists them.
        """
        spoke, reason = False, ""
        async with self.endpoint.post(self._body(request)) as answer:
            yield Delta()
            async with aclosing(aiter(answer)) as events:
                async for sent in events:
                    if sent.event not in _KNOWN:
                        continue
                    event = self._event(sent.data)
                    delta = _read(event)
                    spoke = spoke or bool(delta.text.strip())
                    yield delta
                    if event.delta and event.delta.stop_reason:
                        reason = event.delta.stop_reason
                        break
            await answer.drain()
        self._check_end(reason, spoke=spoke)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self.endpoint.aclose()

    def _body(self, request: LlmRequest) -> dict[str, Any]:
        body: dict[str, Any] = {
            "max_tokens": request.max_tokens,
            "messages": conversation(request.messages),
            "stream": True,
        }
        if system := "\n\n".join(m.content for m in request.messages if m.role == "system"):
            body["system"] = system
        return {**body, **self._settings}

    def _event(self, data: str) -> _Event:
        try:
            event = _decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self.endpoint.failure("garbled", f"no Messages event: {error}") from error
        if event.type == "error":
            said = f"in the stream: {message_in(event.error)}"
            raise self.endpoint.failure(outcome_in_stream(event.error), said)
        return event

    def _check_end(self, reason: str, *, spoke: bool) -> None:
        if not reason:
            raise self.endpoint.failure("upstream_error", "the stream ended before the reply did")
        if reason == "refusal":
            raise self.endpoint.failure("content_filtered", "the model declined to answer")
        if not spoke:
            msg = f"the reply ended without a word (stop_reason {reason!r})"
            raise self.endpoint.failure("no_first_token", msg)


def load(
    model: str,
    base_url: str = "https://api.anthropic.com",
    api_key_env: str | None = "ANTHROPIC_API_KEY",
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    connect_s: float = 3.0,
    read_s: float = 30.0,
) -> _Anthropic:
    """A model behind `POST {base_url}/v1/messages`.

    Args:
        model: as Anthropic names it.
        base_url: up to and without `/v1/messages`.
        api_key_env: environment variable that holds the key; empty where none is needed.
        max_tokens: longest reply, in place of what the call asks for.
        temperature: the model's own where None.
        headers: more headers (`anthropic-beta`, a gateway's token …).
        extra_body: more fields of the request; they win over ours.
        connect_s: most seconds to a connection.
        read_s: most seconds without a byte.

    Raises:
        ConfigError: there is no key, or a setting that cannot be sent.
    """
    key = api_key(api_key_env)
    url = base_url.rstrip("/").removesuffix("/v1") + "/v1/messages"
    secret = {"x-api-key": key} if key else {}
    sent = {"anthropic-version": _VERSION, **secret, **(headers or {})}
    always = {"model": model, **(extra_body or {})}
    usual: dict[str, Any] = {}
    if temperature is not None:
        usual["temperature"] = temperature
    if max_tokens is not None:
        usual["max_tokens"] = max_tokens
    return _Anthropic(
        Endpoint(url, sent, connect_s=connect_s, read_s=read_s),
        Upstream("messages", url, sent, always, usual, connect_s=connect_s),
        {**usual, **always},
    )


def conversation(messages: tuple[Message, ...]) -> list[dict[str, str]]:
    """The messages as the API wants them: the user's first, none empty, roles in alternation."""
    merged: list[dict[str, str]] = []
    for message in messages:
        if message.role == "system" or not message.content.strip():
            continue
        if merged and merged[-1]["role"] == message.role:
            merged[-1]["content"] += "\n\n" + message.content
        else:
            merged.append({"role": message.role, "content": message.content})
    if not merged or merged[0]["role"] != "user":
        merged.insert(0, {"role": "user", "content": _OPENING})
    return merged


def _read(event: _Event) -> Delta:
    text = event.delta.text if event.delta and event.delta.type == "text_delta" else ""
    usage = event.usage or (event.message.usage if event.message else None)
    if usage is None:
        return Delta(text)
    if usage.input_tokens is None:
        return Delta(text, None, usage.output_tokens)
    # The API counts what its cache held apart; OpenAI, and so our records, count it in.
    cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    return Delta(text, usage.input_tokens + cached, usage.output_tokens)
