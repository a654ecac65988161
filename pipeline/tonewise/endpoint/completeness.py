"""Do the words sound complete? A light rule over the last words of a turn.

It reads what STT wrote so far. Words are compared with tables (`english.py`); what is said in other
languages is neutral but for the punctuation, which is STT's own guess and the same in all.
"""

import re
from dataclasses import dataclass
from typing import Literal

from tonewise.endpoint import english as en

Ending = Literal[
    "no words",
    "trails off",
    "filler",
    "open",
    "announced",
    "dictating",
    "listing",
    "dictated",
    "may go on",
    "acknowledging",
    "plain",
    "question",
    "answer",
    "closed",
]
"""How the words end:

no words    STT heard none, or is still listening
trails off  STT itself wrote a comma, a dash or an ellipsis at the end, or began a sentence with
            a capital letter and did not end it
filler      "um", "uh": the floor is being held
open        a word that cannot end a sentence, or the beginning of a clause
announced   "my number is": what was announced is still to come
dictating   digits of a number that was announced, and not yet as many as such a number has
listing     digits or letters one by one, and nothing says how many there will be
dictated    digits, as many as a telephone, account or card number has
may go on   "on", "make": ends some sentences, but more often its object follows
acknowledging  "okay", "sure", "hi" alone: more often a beginning than all there is to say
plain       nothing in particular
question    a question, or a tag: "isn't it?", "right?"
answer      a whole turn of one word: "yes"
closed      a phrase at which callers hand over: "please", "that's all"
"""

_TOKEN = re.compile(r"[^\W_]+(?:['’][^\W_]+)*", re.UNICODE)
_SPELLED = re.compile(r"\b(?:[a-z][-. ,]+){1,}[a-z]\b\.?$", re.IGNORECASE)
_TRAILING = (",", "-", "–", "—", "...", "…", ":", ";")
_QUESTION_WORDS = frozenset(
    {"what", "who", "where", "when", "which", "why", "how", "whom", "whose"}
)
_SPELLING = 60
"""Characters in which a spelled name is looked for."""

_LAST = 8
"""Words that are looked at."""


@dataclass(frozen=True, slots=True)
class Words:
    """How the words of a turn end.

    Attributes:
        ending: see `Ending`.
        shown: the words that it was read from, for people.
        count: of words in all.
    """

    ending: Ending
    shown: str
    count: int


def completeness(text: str, language: str | None = None) -> Words:
    """How `text` ends. Total: any text has an ending; more of it never raises.

    Args:
        text: as STT wrote it.
        language: ISO 639-1 code; None is taken for English.
    """
    stripped = text.strip().strip("\"'“”")
    words = [found.lower().replace("’", "'") for found in _TOKEN.findall(stripped)]
    if not words:
        return Words("no words", "", 0)
    asks = stripped.endswith("?")
    english = language is None or language.lower().replace("_", "-").split("-")[0] == "en"
    ending = _english(stripped, words, asks=asks) if english else _any(stripped, asks=asks)
    return Words(ending, " ".join(words[-3:]), len(words))


def _any(stripped: str, *, asks: bool) -> Ending:
    if _trails_off(stripped):
        return "trails off"
    return "question" if asks else "plain"


def _english(stripped: str, words: list[str], *, asks: bool) -> Ending:
    """The first rule that holds: what is surely unfinished comes before what may be finished."""
    sentence = _last_sentence(stripped)
    last, tail = words[-1], " ".join(words[-_LAST:])
    digits = _digits(words)
    if digits or _SPELLED.search(stripped[-_SPELLING:]):
        return _number(words, digits, stripped)
    rules: list[tuple[bool, Ending]] = [
        (last in en.PURE_FILLERS, "filler"),
        (last in en.FILLERS and stripped.endswith(_TRAILING), "filler"),
        (len(words) > 1 and not asks and _ends_with(tail, en.ANNOUNCING), "announced"),
        (_ends_with(tail, en.CLOSERS), "closed"),
        (len(sentence) <= 2 and last in en.ANSWERS, "answer"),
        (_open(sentence, tail, asks=asks), "open"),
        (asks or (len(words) > 2 and _ends_with(tail, en.TAGS)), "question"),
        (" ".join(sentence) in en.ACKNOWLEDGING, "acknowledging"),
        (_trails_off(stripped), "trails off"),
        (last in en.PARTICLES | en.TRANSITIVE, "may go on"),
    ]
    return next((ending for holds, ending in rules if holds), "plain")


def _trails_off(stripped: str) -> bool:
    """STT's own punctuation: those that write it leave out what they did not hear."""
    unended = stripped[:1].isupper() and stripped[-1].isalnum() and " " in stripped
    return unended or stripped.endswith(_TRAILING)


def _open(sentence: list[str], tail: str, *, asks: bool) -> bool:
    last = sentence[-1]
    before = sentence[-2] if len(sentence) > 1 else ""
    if last in en.ARTICLES | en.CONJUNCTIONS | en.POSSESSIVES | en.DETERMINERS:
        return True
    if last in en.PREPOSITIONS:
        # "Who should I talk to?" ends in its preposition.
        return not (asks and _QUESTION_WORDS & set(sentence[:3]))
    if last in en.AUXILIARIES:
        return before not in en.ANSWER_TAILS
    if last in en.SUBJECTS:
        return True
    return _ends_with(tail, en.OPEN_PHRASES)


def _number(words: list[str], digits: int, stripped: str) -> Ending:
    """Digits and letters: as many as a whole number has, or still coming?"""
    if digits in en.WHOLE_NUMBERS:
        return "dictated"
    lately = words[-_LAST:]
    announced = any(_contains(lately, phrase) for phrase in en.ANNOUNCING)
    if digits and (announced or en.NUMBERED & set(lately)):
        return "dictating"
    # "At two", "room five": a lone small number is an amount, not a list.
    return "listing" if digits >= 2 or _SPELLED.search(stripped[-_SPELLING:]) else "plain"


def _digits(words: list[str]) -> int:
    """How many digits the run of digits at the end holds; a year or an amount is no run."""
    count, groups = 0, 0
    for word in reversed(words):
        size = len(word) if word.isdecimal() else int(word in en.DIGITS)
        if word in en.REPEATED and groups:
            count += en.REPEATED[word] - 1
            continue
        if not size:
            break
        count, groups = count + size, groups + 1
    last = words[-1]
    amount = groups == 1 and last.isdecimal() and len(last) in (1, 2, 4)
    return 0 if amount or (groups == 1 and not last.isdecimal()) else count


def _last_sentence(stripped: str) -> list[str]:
    parts = [part for part in re.split(r"(?<=[.?!])\s+", stripped) if _TOKEN.search(part)]
    return [found.lower().replace("’", "'") for found in _TOKEN.findall(parts[-1])]


def _ends_with(tail: str, phrases: tuple[str, ...]) -> bool:
    return any(tail == phrase or tail.endswith(" " + phrase) for phrase in phrases)


def _contains(words: list[str], phrase: str) -> bool:
    return f" {phrase} " in f" {' '.join(words)} "
