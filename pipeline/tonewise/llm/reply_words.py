"""The words of a reply that passes through, for who keeps transcripts.

Nobody else reads them: see `skimming.py`. Thoughts and calls of tools are no words, and of several
replies the first is read.
"""

from typing import Any

from tonewise.llm.reply_parts import NO_JSON, any_json, data_of, first_end
from tonewise.llm.upstream import Dialect

LONGEST = 8000
"""Characters of a reply that are kept: more than anybody says, and most of what anybody writes."""

_HALVES = "0123456789 ()+-./"
"""What may be half a number: the whole would have been masked."""


def within(text: str, most: int) -> str:
    """A text of so many characters at most, cut behind a word, and not within a number."""
    if len(text) <= most:
        return text
    begun = text[:most].rsplit(maxsplit=1)
    return begun[0].rstrip(_HALVES) if begun else ""


class ReplyWords:
    """Of one reply, or of as much as came.

    Args:
        dialect: of the provider.
    """

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._pieces: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """What was said, within bounds."""
        return within("".join(self._pieces).strip(), LONGEST)

    def feed(self, events: bytes) -> None:
        """Whole events of a stream; what is none of a reply is passed over."""
        at = 0
        while at < len(events) and self._length <= LONGEST:
            told = _decoded(data_of(events[at : (at := first_end(events, at))]))
            if self._dialect == "messages":
                delta = _object(told.get("delta"))
                self._say(delta.get("text") if delta.get("type") == "text_delta" else None)
            else:
                self._say_choice(told, "delta")

    def whole(self, reply: bytes) -> None:
        """A reply that came as a whole."""
        told = _decoded(reply)
        if self._dialect == "messages":
            for block in map(_object, _list(told.get("content"))):
                self._say(block.get("text") if block.get("type") == "text" else None)
        else:
            self._say_choice(told, "message")

    def _say_choice(self, told: dict[str, Any], part: str) -> None:
        for choice in map(_object, _list(told.get("choices"))):
            if not choice.get("index"):
                said = _object(choice.get(part))
                self._say(said.get("content") or said.get("refusal"))

    def _say(self, text: object) -> None:
        if isinstance(text, str):
            self._pieces.append(text)
            self._length += len(text)


def _decoded(data: bytes | None) -> dict[str, Any]:
    try:
        return _object(any_json(data or b""))
    except NO_JSON:
        return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
