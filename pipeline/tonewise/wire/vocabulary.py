"""JSON messages of a wire, read with bounds: how long, how deep, of which shape.

A message of a kind that is not listed says nothing: providers add kinds without asking. One of a
listed kind and of a wrong shape is an error, which tells where, and never what stood there.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard, TypeVar

import msgspec

from tonewise.errors import WireError
from tonewise.facts import Scalar
from tonewise.wire.telephone import INVALID, TOO_BIG

T = TypeVar("T")

MOST_TEXT = 98_304
"""Characters of a text message: `MOST_AUDIO` bytes of sound in base64, and the rest."""

MOST_PARAMETERS, LONGEST_KEY, LONGEST_VALUE = 32, 64, 1_024
"""What a call's set-up may pass on to the router."""

WHOLE_UNTIL = 2**53
"""Beyond this a whole number is not the same number in every JSON reader."""

Number = int | float | str | None
"""Providers write numbers as numbers, or as text."""


class _Key(msgspec.Struct, frozen=True):
    digit: str


class DtmfMessage(msgspec.Struct, frozen=True):
    """A key was pressed; so Twilio's whole family writes it."""

    dtmf: _Key


class _Mark(msgspec.Struct, frozen=True):
    name: str


class MarkMessage(msgspec.Struct, frozen=True):
    """A mark was reached, or cleared."""

    mark: _Mark


class Vocabulary:
    """The kinds of message that a provider sends.

    Args:
        tag: the key that names the kind.
        kinds: the shape of each.
    """

    def __init__(self, tag: str, kinds: Mapping[str, type[msgspec.Struct]]) -> None:
        kind = msgspec.defstruct("Kind", [("name", str, "")], rename={"name": tag})
        self._kind: msgspec.json.Decoder[Any] = msgspec.json.Decoder(kind)
        self._kinds = {name: msgspec.json.Decoder(shape) for name, shape in kinds.items()}

    def read(self, text: str) -> msgspec.Struct | None:
        """A message; None where its kind is not known.

        Raises:
            WireError: it is too long, no JSON, or has a wrong shape.
        """
        named = decoded(self._kind, text).name
        decoder = self._kinds.get(named)
        return None if decoder is None else decoded(decoder, text)


def decoded(decoder: msgspec.json.Decoder[T], text: str) -> T:
    """What a text says.

    Raises:
        WireError: it is too long, no JSON, or has a wrong shape.
    """
    if len(text) > MOST_TEXT:
        msg = f"{len(text)} characters of text in one message; send at most {MOST_TEXT}"
        raise WireError(msg, TOO_BIG)
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        what = str(error)
        raise WireError(f"a message has a wrong shape: {what[:100]}", INVALID) from error
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise WireError("this text is not JSON", INVALID) from error


def encoded(message: Mapping[str, object]) -> str:
    """A message of ours as JSON text."""
    return msgspec.json.encode(message).decode()


def whole(value: Number, otherwise: int = 0) -> int:
    """A number that may be written as text; `otherwise` where it is none."""
    if isinstance(value, str):
        digits = value.strip()
        return (
            int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else otherwise
        )
    if value is None or not -WHOLE_UNTIL < value < WHOLE_UNTIL:
        return otherwise
    return int(value)


def at_ms(value: Number) -> int | None:
    """A timestamp; None where there is none, or it makes no sense."""
    found = whole(value, -1)
    return found if found >= 0 else None


def parameters(given: Mapping[str, object], *ours: str) -> tuple[dict[str, Scalar], dict[str, str]]:
    """What a call's set-up passed on: for the router, and what was `ours` (token, call).

    What is no text, number, true or false is left out, and so is what is empty, too long or too
    much: the caller, who knows nothing of it, should not lose the call for it.
    """
    known: dict[str, Scalar] = {}
    own: dict[str, str] = {}
    for key, value in given.items():
        if key in ours:
            own[key] = str(value)[:LONGEST_VALUE]
        elif 0 < len(key) <= LONGEST_KEY and len(known) < MOST_PARAMETERS and _fits(value):
            known[key] = value
    return known, own


def _fits(value: object) -> TypeGuard[Scalar]:
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_VALUE
    return isinstance(value, bool | int | float) and abs(value) < WHOLE_UNTIL
