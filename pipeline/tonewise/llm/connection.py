"""HTTP/1.1 to one server, and nothing that posting JSON and reading its answer does not need.

A reply of 20 tokens costs half the CPU that it does over aiohttp (`scripts/bench_proxy
--clients-only`), because nothing is built that nobody reads. The parser is Node's. A connection on
which something comes that nobody asked for is closed, so that no answer can be taken for another's;
one whose answer was read to its end is kept and used again.
"""

import asyncio
import os
import re
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any

import httptools

from tonewise.errors import AttemptError

KEEP_ALIVE_S = 60.0  # turns come seconds apart: a TLS handshake saved on almost every one
MOST_HEADERS = 65_536
MOST_UNREAD = 262_144
"""Bytes that may wait for the client before the server is asked to pause."""

_PARSER_ERRORS = (httptools.HttpParserError, httptools.HttpParserUpgrade)  # no kin of each other
_NUMBERED = re.compile(r"\[Errno (\d+)\]")
_NAMED = re.compile(r" for '[^']*'")


@dataclass(frozen=True, slots=True)
class Place:
    """A server: where, and whether over TLS."""

    host: str
    port: int
    context: ssl.SSLContext | None
    connect_s: float


class Connection(asyncio.Protocol):
    """One connection, and the answer that is under way on it.

    Attributes:
        status: of the answer; 0 until its headers have come.
        headers: of the answer, names in lower case.
        whole: the answer has come to its end.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.status = 0
        self.headers: dict[str, str] = {}
        self.whole = True
        self.idle_since = 0.0
        self._transport: Any = None
        self._parser = httptools.HttpResponseParser(self)
        self._unread: deque[bytes] = deque()
        self._size = self._head_size = 0
        self._waiter: asyncio.Future[None] | None = None
        self._error: AttemptError | None = None
        self._gone = self._paused = self._surplus = False
        self._measured = self._keeps = True

    # ------------------------------------------------------------ asking

    def ask(self, request: bytes) -> None:
        """Send a whole request; the answer before it was read to its end."""
        self.status, self.headers, self.whole = 0, {}, False
        self._size = self._head_size = 0
        self._unread.clear()
        self._transport.write(request)

    async def answered(self) -> None:
        """Wait for the answer's headers.

        Raises:
            AttemptError: they do not come.
        """
        while not self.status and not self._error:
            await self._wait()
        if self._error:
            raise self._error

    async def read(self) -> bytes:
        """What has come of the body; waits for something, and is empty at the end.

        Raises:
            AttemptError: the connection broke.
        """
        while not self._unread:
            if self.whole:
                return b""
            if self._error:
                raise self._error
            await self._wait()
        data = self._unread[0] if len(self._unread) == 1 else b"".join(self._unread)
        self._unread.clear()
        self._size = 0
        if self._paused and not self._gone:
            self._paused = False
            self._transport.resume_reading()
        return data

    def ended(self) -> bool:
        """Was the answer read to its end?"""
        return self.whole and not self._unread

    @property
    def usable(self) -> bool:
        """May it be asked again?"""
        return self.whole and self._keeps and not (self._gone or self._surplus or self._error)

    def time(self) -> float:
        """The event loop's."""
        return self._loop.time()

    def close(self) -> None:
        """Close it at once; what is under way is cancelled."""
        if self._transport and not self._gone:
            self._gone = True
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    # ------------------------------------------------------------ asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """The server wrote something."""
        if self.whole:  # nobody asked: it must not become the answer to the next request
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except _PARSER_ERRORS as error:
            what = str(error) if isinstance(error, httptools.HttpParserError) else "an upgrade"
            self._fail(AttemptError("garbled", f"the server does not speak HTTP ({what})"))
        if not self.status:
            self._head_size += len(data)
            if self._head_size > MOST_HEADERS:
                msg = f"the answer's headers pass {MOST_HEADERS} bytes"
                self._fail(AttemptError("garbled", msg))
        if self._size > MOST_UNREAD and not self._paused and not self._gone:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        """It is closed."""
        self._gone = True
        if self.status and not self._measured and error is None:
            self.whole = True
        elif not self.whole and self._error is None:
            why = f" ({type(error).__name__})" if error else ""
            if self.status:
                told = AttemptError("upstream_error", f"the connection broke in the reply{why}")
            else:
                msg = f"the connection broke before an answer{why}"
                told = AttemptError("unreachable", msg)
            self._error = told
        self._wake()

    def _fail(self, error: AttemptError) -> None:
        self._error = self._error or error
        self.close()

    # ------------------------------------------------------------ httptools'

    def on_message_begin(self) -> None:
        """An answer begins; behind the one that was asked for there must not be another."""
        self._surplus = self.whole

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; what comes behind the body, as a trailer, nobody looks at."""
        if self._surplus or self.status:
            return
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """All headers; those of an interim answer (1xx) do not count."""
        if self._surplus:
            return
        status = self._parser.get_status_code()
        if status < 200:
            self.headers = {}
            return
        self.status = status
        self._measured = "content-length" in self.headers or "transfer-encoding" in self.headers
        self._keeps = self._measured and self._parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        if self._surplus:
            return
        self._unread.append(body)
        self._size += len(body)

    def on_message_complete(self) -> None:
        """The end of the answer."""
        if self.status:
            self.whole = True


class Connections:
    """Open connections, by place; for one event loop."""

    def __init__(self) -> None:
        self._idle: dict[Place, deque[Connection]] = {}
        self._open: set[Connection] = set()

    async def take(self, place: Place, *, fresh: bool = False) -> Connection:
        """One that waits, or a new one.

        Args:
            place: where to.
            fresh: a new one in any case.

        Raises:
            AttemptError: `unreachable`.
        """
        loop = asyncio.get_running_loop()
        idle = self._idle.get(place)
        while idle and not fresh:
            known = idle.pop()
            if known.usable and loop.time() - known.idle_since < KEEP_ALIVE_S:
                return known
            self.drop(known)
        made = Connection(loop)
        try:
            async with asyncio.timeout(place.connect_s):
                await loop.create_connection(
                    lambda: made, place.host, place.port, ssl=place.context
                )
        except asyncio.CancelledError:
            made.close()  # perhaps it was open, and asyncio's goodbye over TLS takes half a minute
            raise
        except TimeoutError:
            made.close()
            msg = f"no way in (no connection within {place.connect_s:g} s)"
            raise AttemptError("unreachable", msg) from None
        except (OSError, ValueError) as error:
            raise AttemptError("unreachable", f"no way in ({_why(error)})") from error
        self._open.add(made)
        return made

    def give_back(self, place: Place, one: Connection) -> None:
        """Done with it: it is kept, or, where its answer was not read to its end, closed."""
        if one.usable:
            now = one.idle_since = one.time()
            idle = self._idle.setdefault(place, deque())
            idle.append(one)
            while now - idle[0].idle_since > KEEP_ALIVE_S:
                self.drop(idle.popleft())
        else:
            self.drop(one)

    def drop(self, one: Connection) -> None:
        """Close it."""
        self._open.discard(one)
        one.close()

    def close(self) -> None:
        """Close all."""
        for one in list(self._open):
            self.drop(one)
        self._idle.clear()


def _why(error: Exception) -> str:
    """Without the address: clients are told it, and where our models are is not theirs to know."""
    if found := _NUMBERED.search(str(error)):
        return os.strerror(int(found[1]))
    return _NAMED.sub("", str(error)) or type(error).__name__
