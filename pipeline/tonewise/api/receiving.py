"""A request's body: read within bounds, and taken apart only as far as anybody looks at it."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from tonewise.api.options import Fields
from tonewise.api.problems import ApiError

MOST_AT_ONCE = 8
"""Bodies of the largest size that are in hand at once, or as many more smaller ones."""

_LINGER_S = 2.0

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Gone(Exception):  # noqa: N818 - nothing is wrong: the client has left
    """The client left before it had said what it wants."""


class Room:
    """For the bodies of all requests in hand: each keeps its own until it is answered.

    Attributes:
        taken: bytes.

    Args:
        most: bytes that one body may have.
    """

    def __init__(self, most: int) -> None:
        self.most, self.taken = most, 0
        self._all = MOST_AT_ONCE * most

    def take(self, size: int) -> None:
        """So much has come.

        Raises:
            ApiError: 503, there is no room for it.
        """
        if self.taken + size > self._all:
            raise ApiError(
                503,
                f"the requests in hand hold {self._all} bytes, as many as may be; come back soon",
                kind="overloaded_error",
                code="overloaded",
                retry_after_s=1.0,
                also={"connection": "close"},
            )
        self.taken += size

    def give_back(self, size: int) -> None:
        """So much is not needed any more."""
        self.taken -= size


async def body_of(scope: Any, receive: Any, room: Room) -> bytes:  # noqa: ANN401 - ASGI's own
    """The whole body; its size is taken from the room.

    Args:
        scope: of the request.
        receive: gives its messages.
        room: for it.

    Raises:
        ApiError: 413, it has more bytes than it may; 415, it is packed; 503, there is no room.
        Gone: it never came to its end.
    """
    most = room.most
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:19]) > most:
            await _discard(receive, most)
            raise _too_large(most)
        if name == b"content-encoding" and value not in (b"", b"identity"):
            raise ApiError(415, "send the body unpacked, without Content-Encoding")
    pieces: list[bytes] = []
    size, more = 0, True
    try:
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Gone
            piece, more = message.get("body", b""), message.get("more_body", False)
            if size + len(piece) > most:
                raise _too_large(most)
            room.take(len(piece))
            size += len(piece)
            pieces.append(piece)
    except BaseException as error:
        room.give_back(size)
        pieces.clear()
        if more and isinstance(error, ApiError):
            await _discard(receive, most)
        raise
    return b"".join(pieces)


def fields_of(body: bytes) -> Fields:
    """The members of a JSON object, each as it came.

    Raises:
        ApiError: 400, it is none.
    """
    try:
        return dict(_decode(body))
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        msg = f"the body must be a JSON object: {error}"
        raise ApiError(400, msg, code="invalid_json") from error


async def _discard(receive: Any, most: int) -> None:  # noqa: ANN401
    """Let a client that is still sending come to its end, within bounds, so that it listens."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_S):
            size, more = 0, True
            while more and size <= most:
                message = await receive()
                size += len(message.get("body", b""))
                more = message.get("more_body", False)


def _too_large(most: int) -> ApiError:
    msg = f"the body has more than {most} bytes ([api] max_body)"
    return ApiError(413, msg, code="request_too_large", also={"connection": "close"})
