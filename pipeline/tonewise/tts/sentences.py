"""From a stream of tokens to what can be spoken next: sentence by sentence, the first clause early.

Pure. The same text gives the same chunks however it was cut into tokens, and all chunks together
are the text, character by character, so that history can hold exactly what was spoken.
"""

import re
from dataclasses import dataclass

from tonewise.tts.abbreviations import BEFORE_A_NAME, INSIDE_A_SENTENCE

FIRST_WORDS = 2
"""Words of a first clause: "Yes," alone would stand apart from what follows."""

CONJUNCTION_WORDS = 8
"""From so many words on, the first clause may also end before a conjunction."""

LONGEST = 240
"""Characters after which a sentence is cut at its latest clause; some 15 s of speech."""

SENTENCE_PAUSE_S, CLAUSE_PAUSE_S = 0.25, 0.08
"""Silence between chunks: short of a reader's, so that a reply on a call does not drag."""

_FULL_STOPS = ".!?…"
_WIDE_STOPS = "。！？｡．؟۔।"
_WIDE_COMMAS = "，、；：،؛"
_COMMAS = ",;:"
_DASHES = "—–-"
_CLOSERS = "\"'”’»)]}」』）】*_"
_OPENERS = "\"'“‘«([{「『（【*_#-•"
_BRACKETS = {")": "(", "]": "["}
_CONJUNCTIONS = re.compile(
    r"(?:and|but|or|so|because|which|while|if|when|where|although|though|then|after|before|until"
    r"|unless|since|who|as)\s",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w{0,8}\W|\w{9}")
"""A word that is whole, or longer than every conjunction."""
_LIST_MARKER = re.compile(r"\s*(?:\d{1,3}|[A-Za-z])[.)]\Z")
_INITIAL = re.compile(r"(?:\A|[\s(\"“])(?:[^\W\d_]\.)*[^\W\d_]\.\Z")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Something to say.

    Attributes:
        source: exactly this part of the streamed text, white space and markup included.
        ends_sentence: a pause belongs after it; False where the sentence goes on.
    """

    source: str
    ends_sentence: bool

    @property
    def pause_s(self) -> float:
        """Seconds of silence that belong after it; engines leave them out."""
        return SENTENCE_PAUSE_S if self.ends_sentence else CLAUSE_PAUSE_S

    @property
    def is_speakable(self) -> bool:
        """Whether there is anything in it but white space and punctuation."""
        return any(character.isalnum() for character in self.source)


class Sentences:
    """Cuts one reply.

    Args:
        first_words: fewest words of the first chunk, where it is a clause.
        longest: most characters of a chunk, 40 or more.
    """

    def __init__(self, first_words: int = FIRST_WORDS, longest: int = LONGEST) -> None:
        self._first_words = first_words
        self._longest = max(40, longest)
        self._rest = ""
        self._begun = False

    def feed(self, text: str) -> list[Chunk]:
        """The chunks that are complete with this piece of the stream."""
        self._rest += text
        found = []
        while cut := self._next_cut():
            found.append(self._taken(*cut))
        return found

    def flush(self) -> list[Chunk]:
        """What is left when the stream has ended."""
        # What may still come keeps the last places open: a line's end and another line close them.
        length, found = len(self._rest), list[Chunk]()
        self._rest += "\n\0"
        while length and (cut := self._next_cut()):
            found.append(self._taken(min(cut[0], length), cut[1]))
            length -= len(found[-1].source)
        left, self._rest = self._rest[:length], ""
        return [*found, Chunk(left, ends_sentence=True)] if left else found

    def _taken(self, end: int, ends_sentence: bool) -> Chunk:
        chunk = Chunk(self._rest[:end], ends_sentence)
        self._rest = self._rest[end:]
        self._begun = self._begun or chunk.is_speakable
        return chunk

    def _next_cut(self) -> tuple[int, bool] | None:
        """Where the next chunk ends, and whether a sentence does; None while that is open.

        Looks from left to right and stops at the first place that it cannot judge yet.
        """
        text, clause = self._rest, 0
        for at in range(min(len(text), self._longest)):
            if text[at] not in _INTERESTING:
                continue
            kind, end = _boundary(text, at)
            if kind == "open":
                return None
            if kind == "sentence":
                return end, True
            if kind == "clause" or (kind == "conjunction" and not self._begun):
                clause = end
                if not self._begun and self._is_first_clause(text[:end], kind):
                    return end, False
        if len(text) < self._longest:
            return None
        return clause or _last_space(text[: self._longest]), False

    def _is_first_clause(self, text: str, kind: str) -> bool:
        words = sum(any(c.isalnum() for c in word) for word in text.split())
        wide = sum(character > "\u2e7f" for character in text)  # scripts without spaces
        return words + wide // 2 >= (
            CONJUNCTION_WORDS if kind == "conjunction" else self._first_words
        )


_INTERESTING = frozenset(_FULL_STOPS + _WIDE_STOPS + _WIDE_COMMAS + _COMMAS + _DASHES + "\n ")


def _boundary(text: str, at: int) -> tuple[str, int]:
    """What ends at `text[at]`: "sentence", "clause", "conjunction", "nothing"; or "open" as yet.

    With it, the place from which the next chunk begins.
    """
    sign = text[at]
    if sign == "\n":
        return _line_end(text, at)
    if sign == " ":
        return _before_conjunction(text, at)
    stop = at + 1
    while stop < len(text) and text[stop] in _FULL_STOPS + _WIDE_STOPS + _CLOSERS:
        stop += 1  # "?!", "...", a closing quote
    after = _next_word(text, stop)
    if after == len(text):
        return "open", 0
    if sign in _WIDE_STOPS + _WIDE_COMMAS:
        return ("sentence" if sign in _WIDE_STOPS else "clause"), after
    if (after == stop and sign != "—") or "\n" in text[stop:after]:
        return "nothing", 0  # 3.5, www.example.com, 1,000, 5:30, well-known; or a line's end
    return (_after_full_stop if sign in _FULL_STOPS else _after_comma)(text, at, stop, after)


def _next_word(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _line_end(text: str, at: int) -> tuple[str, int]:
    after = _next_word(text, at + 1)
    if after == len(text):
        return "open", 0
    return ("sentence", after) if any(c.isalnum() for c in text[:at]) else ("nothing", 0)


def _before_conjunction(text: str, at: int) -> tuple[str, int]:
    if _CONJUNCTIONS.match(text, at + 1):  # "between 9 and 10" stays whole
        return ("nothing", 0) if text[at - 1 : at].isdigit() else ("conjunction", at + 1)
    return ("nothing", 0) if _WORD.match(text, at + 1) else ("open", 0)


def _after_full_stop(text: str, at: int, stop: int, after: int) -> tuple[str, int]:
    """A full stop and white space: the end of a sentence, unless an abbreviation ends here."""
    following = after
    while following < len(text) and text[following] in _OPENERS:
        following += 1
    if following == len(text):
        return "open", 0
    goes_on = text[following].islower()
    if text[at:stop].rstrip(_CLOSERS) == "." and _is_abbreviated(text[:stop], text[following]):
        return "nothing", 0
    if _inside_brackets(text[:stop]):
        return "nothing", 0
    if goes_on:
        return ("clause", after) if text[stop - 1] in "…." and stop - at > 1 else ("nothing", 0)
    return "sentence", after


def _is_abbreviated(before: str, following: str) -> bool:
    line = before.rpartition("\n")[2]
    if _LIST_MARKER.fullmatch(line):
        return True  # "1. Open the door", at the start of a line
    word = before.rsplit(maxsplit=1)[-1].lstrip(_OPENERS).rstrip(_CLOSERS).lower()
    if word in BEFORE_A_NAME:
        return BEFORE_A_NAME[word] or following.isdigit()
    if word in INSIDE_A_SENTENCE:
        return not following.isupper()
    # A. Smith, but not "So do I. Then", nor "plan B. Then".
    return (
        bool(_INITIAL.search(before))
        and word not in {"i.", "a.m.", "p.m."}
        and (len(word) > 2 or not _ends_a_phrase(before))
    )


def _ends_a_phrase(before: str) -> bool:
    """Whether a single letter stands after a word in lower case, as in "plan B."."""
    words = before.split()
    return len(words) > 1 and words[-2][-1:].islower() and not words[-2][:1].isupper()


def _after_comma(text: str, at: int, _: int, after: int) -> tuple[str, int]:
    if text[after].isdigit() and (text[at] in _DASHES or text[at] == ","):
        return "nothing", 0  # "May 5, 2026", "9 - 17", "4, 5, 6"
    if text[at] in "-–" and not text[at - 1 : at].isspace():
        return "nothing", 0  # "pre- and post-"
    if text[at] in "-–—*" and not any(c.isalnum() for c in text[:at]):
        return "nothing", 0  # a list's mark
    return ("nothing", 0) if _inside_brackets(text[:at]) else ("clause", after)


def _inside_brackets(text: str) -> bool:
    """Whether a bracket stands open; a smiley's is none."""
    depth = {"(": 0, "[": 0}
    for place, character in enumerate(text):
        if character in depth and text[place - 1 : place] not in (":", ";", "-"):
            depth[character] += 1
        elif character in _BRACKETS:
            depth[_BRACKETS[character]] = max(0, depth[_BRACKETS[character]] - 1)
    return any(depth.values())


def _last_space(text: str) -> int:
    return max(text.rfind(" "), text.rfind("\n")) + 1 or len(text)
