"""Any server with OpenAI's `/audio/speech`: OpenAI, Kokoro-FastAPI, vLLM-Omni, LocalAI and others.

The sound is streamed: it is heard while the rest is still being made.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Literal

import httpx2
import msgspec

from tonewise.audio import Resampler, Samples
from tonewise.errors import AudioError, ConfigError, StageError
from tonewise.providers import api_key, check_header, provider_message, redacted
from tonewise.tts.wav_stream import WavStream

_ERROR_BYTES = 4096
_KEEP_ALIVE_S = 20.0


class OpenAiCompatible:
    """A voice behind HTTP, over connections that all calls share."""

    def __init__(
        self,
        client: httpx2.AsyncClient,
        url: httpx2.URL,
        body: Mapping[str, Any],
        rate: int,
        key: str,
    ) -> None:
        self._client = client
        self._url = url
        self._body = body
        self._rate = rate
        self._key = key
        self.name = f"openai_compatible {body['model']} {body['voice']}"

    async def speak(self, text: str, language: str | None = None) -> AsyncGenerator[Samples, None]:  # noqa: ARG002 - the voice tells the language from the text
        """The text as sound; closing the generator closes the request.

        Raises:
            StageError: no connection, an error of the server's, silence, or no sound.
        """
        heard = False
        try:
            async with self._client.stream(
                "POST", self._url, content=msgspec.json.encode({**self._body, "input": text})
            ) as response:
                await self._check(response)
                async with aclosing(self._pieces(response)) as pieces:
                    async for piece in pieces:
                        heard = True
                        yield piece
        except httpx2.HTTPError as error:
            raise self._failure(_what(error)) from error
        except AudioError as error:
            raise self._failure(str(error)) from error
        if not heard:
            raise self._failure("the server answered without any sound")

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _pieces(self, response: httpx2.Response) -> AsyncGenerator[Samples, None]:
        wav, resampler = WavStream(self._rate), None
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                sound = wav.feed(chunk)
                if resampler is None and len(sound):
                    resampler = Resampler(wav.rate)
                if resampler and len(piece := resampler.push(sound)):
                    yield piece
        if resampler and len(piece := resampler.flush()):
            yield piece

    async def _check(self, response: httpx2.Response) -> None:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if response.status_code == 200 and not kind.startswith(("application/json", "text/")):
            return
        body = bytearray()
        async with aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) >= _ERROR_BYTES:
                    break
        told = provider_message(bytes(body[:_ERROR_BYTES]))
        raise self._failure(f"HTTP {response.status_code}" + (f": {told}" if told else ""))

    def _failure(self, text: str) -> StageError:
        """Without a word of the server's where any piece of the key is in it."""
        if redacted(text, (self._key,)) != text:
            text = text.partition(":")[0] + " (its words hold the key and are left out)"
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return StageError(f"tts {self.name}: {line[:200]}")


def load(
    model: str = "gpt-4o-mini-tts",
    voice: str = "alloy",
    base_url: str = "https://api.openai.com/v1",
    api_key_env: str | None = "OPENAI_API_KEY",
    response_format: Literal["pcm", "wav"] = "pcm",
    rate: int = 24_000,
    headers: Mapping[str, str] | None = None,
    extra_body: Mapping[str, Any] | None = None,
    connect_s: float = 3.0,
    read_s: float = 10.0,
) -> OpenAiCompatible:
    """A voice behind `POST {base_url}/audio/speech`.

    Args:
        model: as the server names it.
        voice: as the server names it.
        base_url: up to and without `/audio/speech`.
        api_key_env: environment variable that holds the key; empty where none is needed.
        response_format: "pcm" begins soonest; "wav" for a server that knows no other.
        rate: samples per second of "pcm".
        headers: more headers.
        extra_body: more fields of the request (`speed`, `instructions`); they win over ours.
        connect_s: most seconds to a connection.
        read_s: most seconds without a byte.

    Raises:
        ConfigError: there is no key, or a setting that cannot be sent.
    """
    if response_format not in {"pcm", "wav"}:
        msg = f'tts openai_compatible: response_format is "pcm" or "wav", not {response_format!r}'
        raise ConfigError(msg)
    try:
        Resampler(rate)
    except AudioError as error:
        raise ConfigError(f"tts openai_compatible: {error}") from error
    key = api_key(api_key_env) or ""
    for name, value in (headers or {}).items():
        check_header(value, f"the header {name!r}")
    body: dict[str, Any] = {"model": model, "voice": voice, "response_format": response_format}
    client = httpx2.AsyncClient(
        headers={
            "accept": "audio/*, application/octet-stream",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": "tonewise",
            **({"authorization": f"Bearer {key}"} if key else {}),
            **(headers or {}),
        },
        timeout=httpx2.Timeout(read_s, connect=connect_s),
        limits=httpx2.Limits(max_keepalive_connections=32, keepalive_expiry=_KEEP_ALIVE_S),
    )
    url = _checked(base_url.rstrip("/") + "/audio/speech")
    return OpenAiCompatible(client, url, {**body, **(extra_body or {})}, rate, key)


def _checked(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise ConfigError(f"base_url {url!r} is no URL: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigError(f"base_url {url!r} must begin with http:// or https:// and a host")
    return parsed


def _what(error: httpx2.HTTPError) -> str:
    told = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    if isinstance(error, (httpx2.ConnectError, httpx2.ConnectTimeout)):
        return f"the server cannot be reached ({told})"
    if isinstance(error, httpx2.TimeoutException):
        return f"the server fell silent ({told})"
    return f"the connection broke ({told})"
