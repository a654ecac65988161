"""One HTTP endpoint that answers with server-sent events; whatever fails is an AttemptError."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager, suppress
from functools import cache
from typing import Any

import httpx2
import msgspec

from tonewise.errors import AttemptError, ConfigError, Outcome
from tonewise.llm.failures import refusal
from tonewise.llm.leftovers import Promptness
from tonewise.llm.sse import ServerSentEvent, SseParser
from tonewise.providers import check_header, presentable, secrets_in
from tonewise.wire.origin import is_loopback

_ERROR_BODY_BYTES = 8192
_ERROR_BODY_S = 0.5  # an error without its words now is worth more than one with them later
_DRAIN_S = 0.05
_KEEP_ALIVE_S = 60.0  # turns come seconds apart: a TLS handshake saved on almost every one
_BREAKAGES: tuple[tuple[tuple[type[httpx2.HTTPError], ...], Outcome, str], ...] = (
    ((httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError), "unreachable", "no way in"),
    ((httpx2.TimeoutException,), "timed_out", "the server fell silent"),
    ((httpx2.DecodingError,), "garbled", "the reply cannot be unpacked"),
)


class Events:
    """The events of one answer, as they come."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks = chunks
        self._parser = SseParser()

    async def __aiter__(self) -> AsyncGenerator[ServerSentEvent, None]:
        async for chunk in self._chunks:
            for event in self._parser.feed(chunk):
                yield event

    async def drain(self) -> None:
        """Read what little is left: only a connection read to its end can serve the next turn."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_S):
                async for _ in self._chunks:
                    pass


class Endpoint:
    """Where requests are posted to, over connections that all calls share.

    Args:
        url: where to.
        headers: sent with every request.
        connect_s: most seconds to a connection.
        read_s: most seconds without a byte; the attempt has tighter bounds of its own.

    Raises:
        ConfigError: no such URL, or a header that cannot be sent.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], *, connect_s: float, read_s: float
    ) -> None:
        for name, value in headers.items():
            check_header(value, f"the header {name!r}")
        self._url = _checked(url)
        self._secrets = secrets_in(headers)
        self._client = httpx2.AsyncClient(
            headers={
                "accept": "text/event-stream",
                "accept-encoding": "identity",  # a compressor would hold words back
                "content-type": "application/json",
                "user-agent": "tonewise",
                **headers,
            },
            verify=trusted_roots(),
            timeout=httpx2.Timeout(read_s, connect=connect_s),
            limits=httpx2.Limits(max_keepalive_connections=64, keepalive_expiry=_KEEP_ALIVE_S),
        )

    @asynccontextmanager
    async def post(self, body: Mapping[str, Any]) -> AsyncIterator[Events]:
        """Ask, and have the answer's events; leaving early cancels the request upstream.

        Raises:
            AttemptError: in every way in which asking and listening can fail.
        """
        answered, promptness = False, Promptness()
        try:
            async with self._client.stream(
                "POST",
                self._url,
                content=msgspec.json.encode(body),
                extensions={"trace": promptness.trace},
            ) as response:
                answered = True
                if promptness.suspicious:
                    raise self.failure("garbled", "the server had answered before it was asked")
                if response.status_code >= 300 or _is_no_stream(response):
                    raise await self._refusal(response)
                async with aclosing(response.aiter_bytes()) as chunks:
                    yield Events(chunks)
        except httpx2.HTTPError as error:
            raise self._breakage(error, answered=answered) from error

    @property
    def local(self) -> bool:
        """Is it on this machine?"""
        return is_loopback(self._url.host)

    async def connect(self) -> None:
        """Have a connection open for the next request; whatever the server says to it is fine.

        Raises:
            AttemptError: there is no way in.
        """
        try:
            await self._client.head(self._url.join("/"))
        except httpx2.HTTPError as error:
            raise self._breakage(error, answered=False) from error

    def failure(
        self, outcome: Outcome, text: str, retry_after_s: float | None = None
    ) -> AttemptError:
        """An AttemptError whose message is safe to show, whatever the provider wrote."""
        return AttemptError(outcome, presentable(text, self._secrets), retry_after_s)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def _refusal(self, response: httpx2.Response) -> AttemptError:
        body = await _beginning(response)
        return self.failure(*refusal(response.status_code, response.headers, body))

    def _breakage(self, error: httpx2.HTTPError, *, answered: bool) -> AttemptError:
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        for kinds, outcome, meaning in _BREAKAGES:
            if isinstance(error, kinds):
                return self.failure(outcome, f"{meaning} ({what})")
        if answered:
            return self.failure("upstream_error", f"the connection broke in the reply ({what})")
        if isinstance(error, httpx2.RemoteProtocolError) and "disconnect" not in what:
            return self.failure("garbled", f"the server does not speak HTTP ({what})")
        return self.failure("unreachable", f"the connection broke before an answer ({what})")


@cache
def trusted_roots() -> ssl.SSLContext:
    """Whom we believe who they are."""
    return httpx2.create_ssl_context()  # 20 ms to read: once for all engines


async def _beginning(response: httpx2.Response) -> bytes:
    body = bytearray()
    with suppress(TimeoutError, httpx2.HTTPError):
        async with asyncio.timeout(_ERROR_BODY_S), aclosing(response.aiter_bytes()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) >= _ERROR_BODY_BYTES:
                    break
    return bytes(body[:_ERROR_BODY_BYTES])


def _is_no_stream(response: httpx2.Response) -> bool:
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in {"application/json", "text/html"}


def _checked(url: str) -> httpx2.URL:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        msg = f"base_url {url!r} is no URL: {error}"
        raise ConfigError(msg) from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        msg = f"base_url {url!r} must begin with http:// or https:// and a host"
        raise ConfigError(msg)
    return parsed
