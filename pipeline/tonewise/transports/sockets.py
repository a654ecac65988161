"""Two kinds of socket that look alike: messages in, messages out, a close."""

import asyncio
from contextlib import suppress
from typing import Protocol

from starlette.websockets import WebSocket, WebSocketDisconnect

_LONGEST_CLOSE_REASON = 123
"""Bytes of UTF-8 that fit into a close frame (RFC 6455 §5.5)."""

_PIECE = 4096
"""Bytes of a stream read at a time: a quarter of a second of telephone sound."""


class PeerLeft(Exception):  # noqa: N818 - it is what happened, not an error of ours
    """Nothing can be sent any more."""


class Socket(Protocol):
    """A connection to one peer."""

    async def receive(self) -> str | bytes | None:
        """The next message, or on a stream the next piece; None when the peer has left."""
        ...

    async def send(self, message: str | bytes) -> None:
        """Send a message.

        Raises:
            PeerLeft: nobody is there.
        """
        ...

    async def close(self, code: int, reason: str) -> None:
        """Close; a stream has no words for why."""
        ...

    def drop(self) -> None:
        """Let go of it at once, closed or not."""
        ...


class WebSocketPeer:
    """A WebSocket that has been accepted."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket

    async def receive(self) -> str | bytes | None:
        """See `Socket`."""
        message = await self._websocket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data or b""

    async def send(self, message: str | bytes) -> None:
        """See `Socket`."""
        try:
            if isinstance(message, str):
                await self._websocket.send_text(message)
            else:
                await self._websocket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise PeerLeft from error

    async def close(self, code: int, reason: str) -> None:
        """See `Socket`."""
        with suppress(WebSocketDisconnect, RuntimeError):
            await self._websocket.close(code, _short(reason))

    def drop(self) -> None:
        """The server does, when its handler returns."""


class TcpPeer:
    """A TCP connection, as AudioSocket uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self) -> bytes | None:
        """See `Socket`."""
        try:
            return await self._reader.read(_PIECE) or None
        except OSError:
            return None

    async def send(self, message: str | bytes) -> None:
        """See `Socket`."""
        try:
            self._writer.write(message.encode() if isinstance(message, str) else message)
            await self._writer.drain()
        except OSError as error:
            raise PeerLeft from error

    async def close(self, code: int, reason: str) -> None:  # noqa: ARG002 - TCP has no words
        """See `Socket`."""
        with suppress(OSError):
            self._writer.close()
            await self._writer.wait_closed()

    def drop(self) -> None:
        """See `Socket`."""
        self._writer.transport.abort()


def _short(reason: str) -> str:
    """As much of a reason as a close frame can carry."""
    encoded = reason.encode()
    if len(encoded) <= _LONGEST_CLOSE_REASON:
        return reason
    return encoded[: _LONGEST_CLOSE_REASON - 3].decode(errors="ignore") + "…"
