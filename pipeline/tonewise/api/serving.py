"""What the small endpoints have in common: reading a body, and telling what is wrong with it."""

import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tonewise.api.problems import ApiError
from tonewise.plugins import did_you_mean

JSON = "application/json"
MOST_BODY = 65_536
"""Bytes of a request that holds neither a conversation nor an image."""

Answer = Callable[[Request], Awaitable[Response]]
T = TypeVar("T")


def served(answer: Answer) -> Answer:
    """An endpoint whose `ApiError` becomes its answer, in OpenAI's form."""

    async def serve(request: Request) -> Response:
        try:
            return await answer(request)
        except ApiError as error:
            return Response(error.as_openai(), error.status, error.headers, JSON)

    return serve


def as_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Any value of ours as an answer."""
    return Response(msgspec.json.encode(value), status, headers, JSON)


async def body_of(request: Request, most: int = MOST_BODY) -> bytes:
    """The whole body.

    Raises:
        ApiError: 413, it has more than `most` bytes.
    """
    pieces, length = [], 0
    async for piece in request.stream():
        pieces.append(piece)
        length += len(piece)
        if length > most:
            raise ApiError(413, f"a request here has at most {most} bytes")
    return b"".join(pieces)


def decoded(body: bytes, kind: type[T]) -> T:
    """A body as what it should be.

    Raises:
        ApiError: 400, with the field's name in `param`.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        inside = where.strip("`").lstrip(".")
        field = inside or _named(what)
        if not inside and field and "unknown field" in what:
            what = f"unknown field{_choices(field, kind)}"
        told = f"{field}: {what[:1].lower()}{what[1:]}" if field else what
        raise ApiError(400, told, param=field) from error
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise ApiError(400, f"the body is not valid JSON: {error}") from error


def _named(what: str) -> str | None:
    """The field that is missing or unknown, which msgspec names in the sentence alone."""
    found = re.search(r"(?:missing required|unknown) field `(\w{1,64})`", what)
    return found[1] if found else None


def _choices(field: str, kind: type) -> str:
    """Which fields there are in place of one that is not known."""
    known = list(kind.__struct_fields__) if issubclass(kind, msgspec.Struct) else []
    return f"{did_you_mean(field, known)}; fields are: {', '.join(known)}"
