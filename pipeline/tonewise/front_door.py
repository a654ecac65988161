"""HTTP as uvicorn speaks it, with bounds before anybody has said who they are.

uvicorn reads headers without end, for as long as they take. Here a head has 64 KiB and ten seconds;
then the connection is closed, with a word where there is time for one. A body may take long, but
has to come on.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_HEAD = 65_536
"""Bytes of a request's first line and headers."""

HEAD_S = 10.0
"""Seconds that they may take, from the first byte."""

BODY_S = 20.0
LEAST_BODY = 16_384
"""Bytes of a body that must come in every `BODY_S` seconds until it is whole: 6.5 kbit/s."""

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\n"
_TOO_BIG = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
_CLOSING = b"connection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _head = 0
    _reading_head = True
    _body = 0
    _deadline: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """More bytes of a request."""
        if self._reading_head:
            self._head += len(data)
        else:
            self._body += len(data)
        super().data_received(data)
        if self._reading_head:
            if self._head > MOST_HEAD:
                self._refuse(_TOO_BIG + _CLOSING)
            elif self._head and self._deadline is None:  # most heads come whole, and need none
                self._deadline = self.loop.call_later(HEAD_S, self._refuse, b"")
        elif self._deadline is None:
            self._deadline = self.loop.call_later(BODY_S, self._look_at_body)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._reading_head = False
        self._rest()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole; the next bytes are another's head."""
        self._reading_head, self._head, self._body = True, 0, 0
        self._rest()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer has gone."""
        self._rest()
        super().connection_lost(exc)

    def _refuse(self, answer: bytes) -> None:
        self._rest()
        transport: Any = self.transport
        if self._reading_head and not transport.is_closing():
            transport.write(answer)
            transport.close()

    def _look_at_body(self) -> None:
        """Does it come on? Where nobody reads it, that is not the peer's fault."""
        self._rest()
        transport: Any = self.transport
        if transport.is_closing() or transport.get_protocol() is not self:  # or a WebSocket by now
            return
        if self._body < LEAST_BODY and not self.flow.read_paused:
            if not self.cycle.response_started:
                transport.write(_TOO_SLOW + _CLOSING)
            transport.close()
        else:
            self._body = 0
            self._deadline = self.loop.call_later(BODY_S, self._look_at_body)

    def _rest(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None
