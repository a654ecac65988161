"""Passage to a provider over HTTP: a body goes up as bytes, the answer comes back as bytes.

Calls ask through `endpoint.py`, over httpx2. A request of an API client takes this way, because
there the HTTP client would be the limit: for a streamed reply of 20 tokens httpx2 computes for
0.8 ms, aiohttp for 0.2 ms, ours for 0.14 ms (`scripts/bench_proxy --clients-only`).
What failures are called, and what of a provider's words may be shown, both ways share
(`failures.py`, `providers.py`).

Nothing is followed, unpacked or retried here: a redirect is a refusal, packed bytes are garbage,
and another try is for who walks the plan to decide. Only a request that a kept connection never
took goes out once more.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from typing import Protocol
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies, proxy_bypass

from tonewise.errors import AttemptError
from tonewise.llm.connection import Connection, Connections, Place
from tonewise.llm.endpoint import trusted_roots
from tonewise.llm.failures import refusal
from tonewise.llm.proxied import Proxies
from tonewise.llm.upstream import Upstream

MOST_BYTES = 128 << 20
"""Of a reply that comes as a whole; pictures and sound make it large."""

_STALE_S = 1.0
"""A kept connection that breaks so soon was given up by the server before the request came to it,
as after a keep-alive of its own: the request goes out once more, over a new one."""
_ERROR_BODY_BYTES = 8192
_ERROR_BODY_S = 0.5  # an error without its words now is worth more than one with them later
_NO_STREAM = frozenset({"application/json", "text/html"})


class Answer(Protocol):
    """As a connection brings it: `headers` have names in lower case."""

    status: int
    headers: dict[str, str]

    async def read(self) -> bytes:
        """What has come; empty at the end."""
        ...

    def ended(self) -> bool:
        """Was it read to its end?"""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Passage:
    """One answer under way.

    Close it in any case; unless it was read to its end, that cancels the request upstream.

    Attributes:
        request_id: what the provider calls it; empty where it does not say.
    """

    def __init__(self, upstream: Upstream, answer: Answer) -> None:
        self._upstream, self._answer = upstream, answer
        self.request_id = answer.headers.get("x-request-id", "")

    async def read(self) -> bytes:
        """What has come since the last time; waits for something, and is empty at the end.

        Raises:
            AttemptError: the connection broke; its message is safe to show.
        """
        try:
            return await self._answer.read()
        except AttemptError as error:
            raise _presentable(self._upstream, error) from error

    async def whole(self) -> bytes:
        """All of it.

        Raises:
            AttemptError: the connection broke, or it is too much.
        """
        pieces = [await self.read()]
        size = len(pieces[0])
        while pieces[-1]:
            pieces.append(await self.read())
            size += len(pieces[-1])
            if size > MOST_BYTES:
                raise AttemptError("garbled", f"the reply passes {MOST_BYTES} bytes")
        return b"".join(pieces)

    def ended(self) -> bool:
        """Was it read to its end?"""
        return self._answer.ended()

    async def aclose(self) -> None:
        """Let go of it."""
        self._answer.close()


class _Direct:
    """The answer on a connection of ours, which goes back to the others."""

    def __init__(self, pool: Connections, place: Place, connection: Connection) -> None:
        self._pool, self._place, self._connection = pool, place, connection
        self.status, self.headers = connection.status, connection.headers
        self.read, self.ended = connection.read, connection.ended
        self._closed = False

    def close(self) -> None:
        if not self._closed:  # a connection given back twice would serve two requests at once
            self._closed = True
            self._pool.give_back(self._place, self._connection)


class Passages:
    """Connections to providers, kept open and shared by all requests of one event loop."""

    def __init__(self) -> None:
        self._direct = Connections()
        self._proxies = Proxies(trusted_roots())

    async def open(
        self, upstream: Upstream, body: bytes, *, stream: bool, headers: dict[str, str]
    ) -> Passage:
        """Ask; returns when the answer's headers have come and are those of a reply.

        Args:
            upstream: whom.
            body: in its dialect.
            stream: the reply is wanted as server-sent events.
            headers: of the client's own, for this request; the upstream's win.

        Raises:
            AttemptError: in every way in which that can fail; its message is safe to show.
        """
        sent = {**_usual(stream=stream), **headers, **upstream.headers}
        proxy, place = way(upstream.url, upstream.connect_s)
        try:
            answer: Answer
            if place is None:
                answer = await self._proxies.ask(
                    upstream.url, body, sent, proxy, upstream.connect_s
                )
            else:
                answer = await self._ask(place, upstream.url, body, sent)
        except AttemptError as error:
            raise _presentable(upstream, error) from error
        try:
            await _check(upstream, answer, stream=stream)
        except BaseException:
            answer.close()
            raise
        return Passage(upstream, answer)

    async def aclose(self) -> None:
        """Let go of the connections."""
        self._direct.close()
        await self._proxies.aclose()

    async def _ask(
        self, place: Place, url: str, body: bytes, headers: Mapping[str, str]
    ) -> _Direct:
        request = _head(url, headers, len(body)) + body
        connection = await self._direct.take(place)
        began = connection.time()
        try:
            await self._send(connection, request)
        except AttemptError as error:
            at_once = connection.time() - began < _STALE_S
            if not (connection.idle_since and at_once and error.outcome == "unreachable"):
                raise
            connection = await self._direct.take(place, fresh=True)
            await self._send(connection, request)
        return _Direct(self._direct, place, connection)

    async def _send(self, connection: Connection, request: bytes) -> None:
        try:
            connection.ask(request)
            await connection.answered()
        except BaseException:
            self._direct.drop(connection)
            raise


@cache
def way(url: str, connect_s: float) -> tuple[str | None, Place | None]:
    """The proxy that the environment names for a URL; and where a plain connection leads to it."""
    to = urlsplit(url)
    host = to.hostname or ""
    proxy = None
    if not proxy_bypass(host):
        known = getproxies()
        proxy = known.get(to.scheme) or known.get("all")
    if proxy or "@" in to.netloc or not (url.isascii() and url.isprintable()) or " " in url:
        return proxy if not proxy or "://" in proxy else f"http://{proxy}", None
    tls = to.scheme == "https"
    port = to.port or (443 if tls else 80)
    return None, Place(host, port, trusted_roots() if tls else None, connect_s)


def _usual(*, stream: bool) -> dict[str, str]:
    return {
        "accept": "text/event-stream" if stream else "application/json",
        "accept-encoding": "identity",  # a compressor would hold words back
        "content-type": "application/json",
        "user-agent": "tonewise",
    }


def _head(url: str, headers: Mapping[str, str], length: int) -> bytes:
    to: SplitResult = urlsplit(url)
    path = (to.path or "/") + (f"?{to.query}" if to.query else "")
    lines = [f"POST {path} HTTP/1.1", f"host: {to.netloc}", f"content-length: {length}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


async def _check(upstream: Upstream, answer: Answer, *, stream: bool) -> None:
    """Is this the beginning of a reply?"""
    headers = answer.headers
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status >= 300 or (stream and kind in _NO_STREAM):
        outcome, told, wait_s = refusal(answer.status, headers, await _beginning(answer))
        raise AttemptError(outcome, upstream.presentable(told), wait_s)
    if headers.get("content-encoding", "identity") != "identity":
        raise AttemptError("garbled", "the reply is packed, although that was not asked for")


def _presentable(upstream: Upstream, error: AttemptError) -> AttemptError:
    return AttemptError(error.outcome, upstream.presentable(str(error)), error.retry_after_s)


async def _beginning(answer: Answer) -> bytes:
    body = bytearray()
    with suppress(TimeoutError, AttemptError):
        async with asyncio.timeout(_ERROR_BODY_S):
            while len(body) < _ERROR_BODY_BYTES and (more := await answer.read()):
                body += more
    return bytes(body[:_ERROR_BODY_BYTES])
