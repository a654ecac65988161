"""How much thought a turn asks for: an additive score in log-odds that can be read term by term.

    complexity = σ(bias + words + numbers + notation + one term per group of cue words + follow-up)

Words count by the logarithm of how many say something: courtesies, filled pauses and words said
twice are left out, so that a hesitant caller does not sound complex. The words are walked once and
looked up in a table, so time is linear in the text, and text beyond `LONGEST` is not read.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tonewise.facts import Term
from tonewise.routing import small_talk
from tonewise.routing.cue_words import GROUPS

LONGEST = 2000
"""Characters that are read: two minutes of speech, which is complex by its length alone."""
LOOK_BACK = 4
"""Turns that a chain of follow-ups is traced back."""
SHORT_FOLLOW_UP = 8
"""Words that say something; a longer turn stands on its own feet."""

KEPT_TEXTS = 512
"""Texts whose words are kept: what was said comes again in the history of every later turn."""

# Log-odds, set by hand together with the table of cue words; see there.
BIAS = -3.6
PER_LOG_WORD = 0.8
PER_NUMBER = 0.3  # beyond the first: one number fills a slot, several make a sum
MOST_NUMBERS = 5
PER_NOTATION = 0.15  # formulas and code that were typed: speech has none
MOST_NOTATION = 10
INHERITED = 0.7  # share of what the turn before had more, that a short follow-up takes over

_NOTATION = "{}[]<>=;_\\^|`~#"
_APOSTROPHES = "'’ʼ"
_TO_SPACES = {code: " " for code in range(128) if not chr(code).isalnum()}
_TO_SPACES |= {ord(mark): " " for mark in "…–—“”«»„‚‘¿¡،。、？！，：；（）「」"}
_TO_NOTHING = {ord(mark): None for mark in _APOSTROPHES}
_TABLE: dict[int, str | None] = {**_TO_SPACES, **_TO_NOTHING}

# What a phrase of the table means, where it is not the index of a group.
_INERT, _UNCOUNTED = -1, -2

_SPELLED = frozenset(small_talk.DIGIT_WORDS.replace(",", " ").split())
UNSPACED = "\u0e00"
"""Thai and most scripts after it put no spaces between words: two characters count as one."""
_SCALES = frozenset({"hundred", "thousand", "million", "billion"})
_STEPS = next(i for i, group in enumerate(GROUPS) if group.name == "steps")
_COMPARISON = next(i for i, group in enumerate(GROUPS) if group.name == "comparison")


@dataclass(slots=True)
class Reading:
    """What was found in a turn.

    Attributes:
        words: that say something: courtesies, filled pauses and words said twice are left out.
        numbers: "one hundred and fifty" is one.
        notation: characters of code and formulas.
        cues: how many of each group of `GROUPS`.
        leans: does it begin as a follow-up to the turn before?
        content: the words one by one, numbers and phrases that mean nothing replaced by "".
    """

    words: int = 0
    numbers: int = 0
    notation: int = 0
    cues: list[int] = field(default_factory=lambda: [0] * len(GROUPS))
    leans: bool = False
    content: list[str] = field(default_factory=list)


def complexity(text: str, history: Sequence[str] = ()) -> tuple[float, tuple[Term, ...]]:
    """The complexity of a turn, and what it is made of.

    Args:
        text: what was said; case and punctuation do not matter.
        history: what the caller said before, oldest first. A short follow-up ("why?", "and the
            other one?") takes over part of the complexity of the turn it leans on.

    Returns:
        A number in [0, 1], and its terms in log-odds: it is σ of the sum of their contributions.
    """
    terms = _terms(text, history[-LOOK_BACK:])
    return 1 / (1 + math.exp(-_log_odds(terms))), terms


def in_words(terms: Sequence[Term]) -> str:
    """What weighs most in a score, as in "compares options, is about law, 31 words, 3 numbers".

    A term whose name stands in quotation marks is a word of the trained score (`learned.py`).
    """
    values = {term.name: int(term.value) for term in terms}
    cues = [term for term in terms if term.name in _SAYS or term.name.startswith("“")]
    cues.sort(key=lambda term: -abs(term.contribution))
    parts = [_SAYS.get(term.name, f"says {term.name}") for term in cues[:3]]
    words, numbers = values["words"], values.get("numbers", 0)
    parts.append(f"{words} word{'s' * (words != 1)}" if words else "nothing is asked")
    if numbers:
        parts.append(f"{numbers} numbers")
    return ", ".join(parts)


def _log_odds(terms: Sequence[Term]) -> float:
    return math.fsum(term.contribution for term in terms)


def _terms(text: str, history: Sequence[str]) -> tuple[Term, ...]:
    """The terms of a score; those that add nothing are left out, but for bias and words."""
    found = read(text[:LONGEST])
    more = min(max(found.numbers - 1, 0), MOST_NUMBERS)
    notation = min(found.notation, MOST_NOTATION)
    terms = [
        Term("bias", 1, BIAS),
        Term("words", found.words, PER_LOG_WORD * math.log1p(found.words)),
    ]
    if more:
        terms.append(Term("numbers", found.numbers, PER_NUMBER * more))
    if notation:
        terms.append(Term("notation", found.notation, PER_NOTATION * notation))
    terms += [
        Term(group.name, count, group.weight * min(count, group.most))
        for group, count in zip(GROUPS, found.cues, strict=True)
        if count
    ]
    if found.leans and history:
        before = _log_odds(_terms(history[-1], history[:-1]))
        if (missing := before - _log_odds(terms)) > 0:
            terms.append(Term("follow-up", 1, INHERITED * missing))
    return tuple(terms)


# ---------------------------------------------------------------- reading


def read(text: str) -> Reading:
    """Counts what a turn holds, in one walk over its words."""
    words = tokens(text)
    found = Reading(notation=sum(map(text.count, _NOTATION)))
    pairs = _Pairs()
    end = 0  # of the phrase or number that was read last
    for at, token in enumerate(words):
        if at < end:
            continue
        if token in _PHRASES and (phrase := _phrase(words, at)):
            length, meaning = phrase
            end = at + length
            found.words += length if meaning != _UNCOUNTED else 0
            if meaning >= 0:
                found.cues[meaning] += 1
            found.content += words[at:end] if meaning >= 0 else [""]
        elif is_number(token):
            end = _number_end(words, at)
            found.numbers += 1
            found.words += 1
            found.content.append("")
        else:
            found.words += 1 if token[0] < UNSPACED else (len(token) + 1) // 2
            found.content.append(token)
            if token in _PAIRED and (closed := pairs.hear(token)) is not None:
                found.cues[closed] += 1
    found.leans = found.words <= SHORT_FOLLOW_UP and _leans(words)
    return found


@lru_cache(KEPT_TEXTS)
def tokens(text: str) -> list[str]:
    """The words, without filled pauses and without what a stammer says twice; not to be changed."""
    spoken = [word for word in text.lower().translate(_TABLE).split() if word not in _SOUNDS]
    return [
        word
        for word, before in zip(spoken, ["", *spoken], strict=False)
        if word != before or is_number(word) or word == "one"
    ]


class _Pairs:
    """Words that mean something together, with others between: "first … then"."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def hear(self, token: str) -> int | None:
        """The group whose pair this word closes."""
        for group, opens, closes in _PAIRS:
            if token in opens:
                self._open.add(group)
            elif token in closes and group in self._open:
                self._open.discard(group)
                return group
        return None


def _phrase(tokens: list[str], at: int) -> tuple[int, int] | None:
    """How many words the longest phrase that begins here has, and what it means."""
    begun = _PHRASES.get(tokens[at])
    if begun is None:
        return None
    for rest, meaning in begun.get(tokens[at + 1], ()) if at + 1 < len(tokens) else ():
        length = 1 + len(rest)
        if tokens[at + 1 : at + length] == rest:
            return length, meaning
    alone = begun.get("")
    return (1, alone[0][1]) if alone else None


def is_number(token: str) -> bool:
    """Digits, or a number that is spelled."""
    return token in _SPELLED or token[0].isdigit()


def _number_end(tokens: list[str], at: int) -> int:
    """Where the number ends that begins here: "one hundred and fifty", "555 0199", "2.5"."""
    end = at + 1
    while end < len(tokens):
        joins = tokens[end] == "point" or (tokens[end] == "and" and tokens[end - 1] in _SCALES)
        ahead = end + 1 if joins else end
        if ahead >= len(tokens) or not (is_number(tokens[ahead]) or tokens[ahead] == "one"):
            break
        end = ahead + 1
    return end


def _leans(tokens: list[str]) -> bool:
    """Does a turn begin, after courtesies and filled pauses, as a follow-up does?"""
    at = 0
    while at < len(tokens):
        for start in _FOLLOW_UPS.get(tokens[at], ()):
            if tokens[at : at + len(start)] == start:
                return True
        phrase = _phrase(tokens, at)
        if phrase is None or phrase[1] != _UNCOUNTED:
            return False
        at += phrase[0]
    return False


# ---------------------------------------------------------------- the table, made ready


def _split(phrases: str) -> list[list[str]]:
    return [phrase.lower().translate(_TABLE).split() for phrase in phrases.split(",")]


def _index() -> dict[str, dict[str, list[tuple[list[str], int]]]]:
    """First word, then second, to the rests of the phrases that begin so, the longest first."""
    rows = [
        (words, number) for number, group in enumerate(GROUPS) for words in _split(group.phrases)
    ]
    rows += [(words, _INERT) for words in _split(small_talk.INERT)]
    rows += [(words, _UNCOUNTED) for words in _split(small_talk.COURTESIES)]
    rows += [(words, _UNCOUNTED) for words in _split(small_talk.HEDGES)]
    index: dict[str, dict[str, list[tuple[list[str], int]]]] = {}
    for words, meaning in sorted(rows, key=lambda row: -len(row[0])):
        second = words[1] if len(words) > 1 else ""
        index.setdefault(words[0], {}).setdefault(second, []).append((words[1:], meaning))
    return index


def _by_first_word(phrases: list[list[str]]) -> dict[str, list[list[str]]]:
    index: dict[str, list[list[str]]] = {}
    for words in phrases:
        index.setdefault(words[0], []).append(words)
    return index


def _one_word_each(phrases: str) -> frozenset[str]:
    return frozenset(words[0] for words in _split(phrases))


_PHRASES = _index()
_SOUNDS = _one_word_each(small_talk.FILLED_PAUSES)
_FOLLOW_UPS = _by_first_word(_split(small_talk.FOLLOW_UPS))
_PAIRS = (
    (_STEPS, _one_word_each(small_talk.ORDER_OPENS), _one_word_each(small_talk.ORDER_CLOSES)),
    (
        _COMPARISON,
        _one_word_each(small_talk.CHOICE_OPENS),
        _one_word_each(small_talk.CHOICE_CLOSES),
    ),
)
_PAIRED = frozenset[str]().union(*(opens | closes for _, opens, closes in _PAIRS))
_SAYS = {group.name: group.says for group in GROUPS} | {
    "follow-up": "follows up on a complex turn",
    "notation": "holds code or formulas",
}
