"""The arguments of a tool call: a string of JSON on one side, an object on the other."""

import re

import msgspec

from tonewise.dialects.fields import Json

LONGEST = 65_536
"""Characters of arguments that are mended where they were cut off: it takes a microsecond each."""

_CLOSERS = {"{": "}", "[": "]"}
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|".*|[{}\[\],]', re.DOTALL)
"""A string, one that is cut off, or what gives JSON its form."""


def asked_with(text: str) -> Json:
    """The object that a string of arguments holds.

    No arguments are an empty object. What was cut off in the middle is what had come whole by then.
    What is no JSON object at all is told as it is, under the key `arguments`: a model wrote it, and
    whoever runs the tool should see it rather than run the tool without.
    """
    if not text.strip():
        return {}
    for candidate in (text, *(_completed(text) if len(text) <= LONGEST else ())):
        try:
            found = msgspec.json.decode(candidate)
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
            continue
        if isinstance(found, dict):
            return found
    return {"arguments": text}


def _completed(text: str) -> list[str]:
    """The text with all that is open closed: as it stands, and after its last whole value."""
    stack: list[str] = []
    whole_until = 0
    for token in _TOKEN.finditer(text):
        sign = token[0]
        if sign in _CLOSERS:
            stack.append(_CLOSERS[sign])
        elif sign in ("}", "]") and (not stack or stack.pop() != sign):
            return []
        if len(sign) == 1 and sign != '"':
            whole_until = token.start() if sign == "," else token.end()
    closed = "".join(reversed(stack))
    return [text + closed, text[:whole_until] + closed]
