"""Reading requests that may be any JSON at all: the field that is wrong is named in the error."""

from collections.abc import Iterator
from typing import Any

from tonewise.errors import TonewiseError

Json = dict[str, Any]
"""A JSON object, as decoded."""

_JSON_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}


class DialectError(TonewiseError):
    """A request, or a part of one, that cannot be read, or not be said in the other format.

    Attributes:
        message: what is wrong and what would be right; safe to show.
        param: the field, as in `messages[2].content[0].source`.
        code: by which the vendor's own client knows what to do about it.
    """

    def __init__(self, message: str, param: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message, self.param, self.code = message, param, code


def an_object(value: object, where: str) -> Json:
    """`value`, if it is a JSON object.

    Raises:
        DialectError: it is something else.
    """
    if isinstance(value, dict):
        return value
    raise _wrong("an object", value, where)


def a_list(value: object, where: str) -> list[Any]:
    """`value`, if it is a list; None counts as an empty one.

    Raises:
        DialectError: it is something else.
    """
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise _wrong("a list", value, where)


def a_text(value: object, where: str) -> str:
    """`value`, if it is a string.

    Raises:
        DialectError: it is something else.
    """
    if isinstance(value, str):
        return value
    raise _wrong("a string", value, where)


def a_number(value: object, where: str) -> float:
    """`value`, if it is a number.

    Raises:
        DialectError: it is something else.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _wrong("a number", value, where)


def a_count(value: object, where: str) -> int:
    """`value`, if it is a whole number from 0.

    Raises:
        DialectError: it is something else.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _wrong("a whole number of 0 or more", value, where)


def objects(value: object, where: str) -> Iterator[tuple[str, Json]]:
    """Each object of a list, with the place where it stands.

    Raises:
        DialectError: it is no list, or one of its entries is no object.
    """
    for at, entry in enumerate(a_list(value, where)):
        place = f"{where}[{at}]"
        yield place, an_object(entry, place)


def kind_of(block: Json, where: str) -> str:
    """The `type` of a part.

    Raises:
        DialectError: it has none.
    """
    return a_text(block.get("type"), f"{where}.type")


def told(body: Json, *names: str) -> Json:
    """Those of the fields that are there and not null."""
    return {name: body[name] for name in names if body.get(name) is not None}


def refusal(what: str, where: str, code: str | None = None) -> DialectError:
    """The error that says what cannot be carried over, and what to do instead."""
    return DialectError(f"{where}: {what}", where, code)


def _wrong(wanted: str, value: object, where: str) -> DialectError:
    got = "nothing" if value is None else _JSON_KINDS.get(type(value), "a number")
    return DialectError(f"{where} must be {wanted}, not {got}", where)
