r"""Half a character, as `"\ud83d"` in JSON: what is left of an emoji that was cut in two.

It is allowed in JSON, and no text that can be sent on. A reply is not lost for it: it becomes "�".
"""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")

# Escape by escape, so that the second of two backslashes is not taken for the first of one.
_ESCAPES = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def forgiving(decode: Callable[[bytes], T]) -> Callable[[bytes | str], T]:
    """The same decoder, for JSON in which there may be halves of characters."""

    def decoded(data: bytes | str) -> T:
        raw = data.encode() if isinstance(data, str) else data
        try:
            return decode(raw)
        except msgspec.DecodeError:
            whole = _ESCAPES.sub(lambda found: rb"\ufffd" if found[1] else found[0], raw)
            if whole == raw:
                raise
            return decode(whole)

    return decoded
