"""Any server that speaks OpenAI's chat completions: OpenAI, OpenRouter, vLLM, Ollama and others."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import msgspec

from tonewise.llm.endpoint import Endpoint
from tonewise.llm.failures import outcome_in_stream
from tonewise.llm.half_characters import forgiving
from tonewise.llm.upstream import Upstream
from tonewise.providers import api_key, message_in
from tonewise.stages import Delta, LlmRequest

_DONE = "[DONE]"
_CLOSING_S = 0.5  # the reply is whole; its usage is worth no longer wait


class _Words(msgspec.Struct):
    content: Any = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Words | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    """One `chat.completion.chunk`, or what stands in its place when something went wrong."""

    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: str | None = None
    message: Any = None


_decode = forgiving(msgspec.json.Decoder(_Chunk).decode)


class _OpenAiCompatible:
    def __init__(
        self,
        endpoint: Endpoint,
        upstream: Upstream,
        settings: Mapping[str, Any],
        prefill_body: Mapping[str, Any],
    ) -> None:
        self.endpoint = endpoint
        self.upstream = upstream
        self._settings = settings
        self._prefill_body = prefill_body
        self.name = f"openai_compatible {settings['model']}"

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """The reply; its first delta, without text, says that the server has begun to answer.

        Raises:
            AttemptError: as `errors.Outcome` lists them.
        """
        spoke, reason = False, ""
        async with self.endpoint.post(self._body(request)) as answer:
            yield Delta()
            async with aclosing(aiter(answer)) as events:
                async for event in events:
                    if event.data == _DONE:
                        reason = reason or "unknown"
                        break
                    chunk = self._chunk(event.data)
                    text, reason = _read(chunk)
                    spoke = spoke or bool(text.strip())
                    yield _delta(text, chunk.usage)
                    if reason:
                        yield await self._closing(events)
                        break
            await answer.drain()
        self._check_end(reason, spoke=spoke)

    async def aclose(self) -> None:
        """Let go of connections."""
        await self.endpoint.aclose()

    def _body(self, request: LlmRequest) -> dict[str, Any]:
        goes_on = bool(request.messages) and request.messages[-1].role == "assistant"
        return {
            "messages": [{"role": m.role, "content": m.content} for m in request.messages],
            self.upstream.limit_name: request.max_tokens,
            "stream": True,
            **self._settings,
            **(self._prefill_body if goes_on else {}),
        }

    def _chunk(self, data: str) -> _Chunk:
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, RecursionError) as error:
            raise self.endpoint.failure("garbled", f"no chat completion chunk: {error}") from error
        # vLLM and SGLang once wrote {"object": "error", "message": …}; OpenAI writes {"error": …}.
        wrong = chunk.error or (chunk.message if chunk.object == "error" else None)
        if wrong:
            outcome = outcome_in_stream(wrong)
            raise self.endpoint.failure(outcome, f"in the stream: {message_in(wrong)}")
        return chunk

    async def _closing(self, events: AsyncGenerator[Any, None]) -> Delta:
        """What comes after the last words: usage, where the server counts, and [DONE]."""
        usage: Any = None
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                async for event in events:
                    if event.data == _DONE:
                        break
                    usage = self._chunk(event.data).usage or usage
        return _delta("", usage)

    def _check_end(self, reason: str, *, spoke: bool) -> None:
        if not reason:
            raise self.endpoint.failure("upstream_error", "the stream ended before the reply did")
        if reason == "content_filter":
            raise self.endpoint.failure(
                "content_filtered", "the provider's content filter stopped it"
            )
        if reason == "error":
            raise self.endpoint.failure("upstream_error", "the provider stopped with an error")
        if not spoke:
            msg = f"the reply ended without a word (finish_reason {reason!r})"
            raise self.endpoint.failure("no_first_token", msg)


def load(
    model: str,
    base_url: str = "https://api.openai.com/v1",
    api_key_env: str | None = "OPENAI_API_KEY",
    *,
    max_tokens: int | None = None,
    max_tokens_name: str | None = None,
    temperature: float | None = None,
    include_usage: bool = True,
    headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    prefill_body: Mapping[str, Any] | None = None,
    connect_s: float = 3.0,
    read_s: float = 30.0,
) -> _OpenAiCompatible:
    """A model behind `POST {base_url}/chat/completions`.

    Args:
        model: as the server names it.
        base_url: up to and without `/chat/completions`.
        api_key_env: environment variable that holds the key; empty where none is needed.
        max_tokens: longest reply, in place of what the call asks for.
        max_tokens_name: what the server calls that; by default `max_completion_tokens` at OpenAI,
            whose newer models know no other name, and `max_tokens` elsewhere.
        temperature: the server's own where None.
        include_usage: ask for token counts; False for a server that rejects `stream_options`.
        headers: more headers (OpenRouter's `X-Title`, a gateway's token …).
        extra_body: more fields of the request; they win over ours.
        prefill_body: more fields of a request that ends with the model's own words, to go on from
            (vLLM, llama.cpp: `continue_final_message = true`, `add_generation_prompt = false`).
        connect_s: most seconds to a connection.
        read_s: most seconds without a byte.

    Raises:
        ConfigError: there is no key, or a setting that cannot be sent.
    """
    key = api_key(api_key_env)
    url = base_url.rstrip("/") + "/chat/completions"
    sent = {**({"authorization": f"Bearer {key}"} if key else {}), **(headers or {})}
    at_openai = "//api.openai.com" in base_url
    limit_name = max_tokens_name or ("max_completion_tokens" if at_openai else "max_tokens")
    always = {"model": model, **(extra_body or {})}
    usual: dict[str, Any] = {}
    if temperature is not None:
        usual["temperature"] = temperature
    if max_tokens is not None:
        usual[limit_name] = max_tokens
    counted = {"stream_options": {"include_usage": True}} if include_usage else {}
    return _OpenAiCompatible(
        Endpoint(url, sent, connect_s=connect_s, read_s=read_s),
        Upstream("chat", url, sent, always, usual, limit_name, include_usage, connect_s),
        {"model": model, **counted, **usual, **always},
        prefill_body or {},
    )


def _read(chunk: _Chunk) -> tuple[str, str]:
    """The words of a chunk, and why the reply ends with it; each may be empty."""
    for choice in chunk.choices or ():
        if choice.index == 0:  # asked for several replies (`n`), a server sends them in turns
            content = choice.delta.content if choice.delta else None
            return content if isinstance(content, str) else "", choice.finish_reason or ""
    return "", ""


def _delta(text: str, usage: object) -> Delta:
    counts = usage if isinstance(usage, dict) else {}
    given, made = counts.get("prompt_tokens"), counts.get("completion_tokens")
    return Delta(
        text,
        given if isinstance(given, int) else None,
        made if isinstance(made, int) else None,
    )
