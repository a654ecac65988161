"""A request's body: read within bounds, and taken apart only as far as anybody looks at it."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from tonewise.api.options import Fields
from tonewise.api.problems import ApiError

_LINGER_S = 2.0

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class Gone(Exception):  # noqa: N818 - nothing is wrong: the client has left
    """The client left before it had said what it wants."""


async def body_of(scope: Any, receive: Any, most: int) -> bytes:  # noqa: ANN401 - ASGI's own
    """The whole body.

    Args:
        scope: of the request.
        receive: gives its messages.
        most: bytes that it may have.

    Raises:
        ApiError: 413, it has more; 415, it is packed.
        Gone: it never came to its end.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value[:19]) > most:
            await _discard(receive, most)
            raise _too_large(most)
        if name == b"content-encoding" and value not in (b"", b"identity"):
            raise ApiError(415, "send the body unpacked, without Content-Encoding")
    pieces: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            if message.get("more_body", False):
                await _discard(receive, most)
            raise _too_large(most)
        pieces.append(piece)
        if not message.get("more_body", False):
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
