"""What the words of a turn, and of the replies before it, say of the caller's patience.

The words are walked and looked up in tables (`complaint_words.py`, `patience_words.py`): time is
linear in the text.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from tonewise.facts import Term
from tonewise.routing import patience_words as table
from tonewise.routing.complaint_words import COMPLAINTS, Sort
from tonewise.routing.complexity import KEPT_TEXTS, tokens
from tonewise.routing.phrases import begins, holds, index_of, one_word_each, split, walk
from tonewise.routing.said_again import Said, again, said, shorter, times

SIGNS = (*COMPLAINTS, *table.SMALL_SIGNS)
"""Every sign that is found by its words, in the order in which terms are listed."""

WEIGHT: dict[Sort, float] = {"complains": 1.2, "insists": 1.0}
MOST: dict[Sort, float] = {"complains": 3.0, "insists": 3.0}
"""Log-odds per unit of x5 and x6, and their ceilings."""

# Units of x6, but for the last of them.
SAYS_NO = 0.8
SAID_AGAIN = 1.0  # per earlier turn
SHORTER = 0.3
TRIED_TWICE = 1.0
TRIED_OFTEN = 2.0
TRIED_OFTEN_COMPLAINS = 1.3
FAILED = 0.3  # per reply, of the last two, that did not do what was asked
REFUSED = 0.2  # more, where the last one began so
ASKED_AGAIN = 0.3  # the reply asks what an earlier one had asked

AGREES, PLEASED, MOST_CONTENT = 0.5, 0.5, 1.5
"""Log-odds that agreement, and each word of praise, take away."""
UNANSWERED = 0.5
"""Share that is left of a small sign at a call's beginning."""
BEGINNING = 0.5
"""Log-odds that it takes away that we have not answered yet: there is nothing to object to."""
MANNERS = 1.0
"""Units of x5 and x6, and of the voice, beside which such words count no
longer: they are manners, or irony."""
REPLIES = 3
"""Latest replies that are read."""
LONGEST_REPLY = 600
"""Characters of a reply that are read: failures are owned up to at the beginning."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply as it is read.

    Attributes:
        failed: did it not do what was asked?
        refused: does it begin by saying so?
        offers: does it ask whether there is anything else?
        question: the last one, as it is compared; None where it only offers more.
    """

    failed: bool
    refused: bool
    offers: bool
    question: Said | None


@lru_cache(KEPT_TEXTS)
def answer(reply: str) -> Answer:
    """What is read of a reply."""
    words = tokens(reply[:LONGEST_REPLY])
    offers = holds(words, _OFFERS)
    question = said(_question(reply)) if "?" in reply and not offers else None
    return Answer(
        failed=holds(words, _FAILED),
        refused=begins(words, 0, _REFUSED),
        offers=offers,
        question=question,
    )


@dataclass(slots=True)
class Evidence:
    """Terms in log-odds; the two sums stay under their ceilings."""

    terms: list[Term] = field(default_factory=list)
    units: float = 0.0
    _left: dict[Sort, float] = field(default_factory=MOST.copy)

    def add(self, name: str, sort: Sort, value: float, units: float) -> None:
        """Another sign; what is above the ceiling of its sum is cut off."""
        units = min(units, self._left[sort])
        if units > 0:
            self._left[sort] -= units
            self.units += units
            self.terms.append(Term(name, value, WEIGHT[sort] * units))


def evidence(
    now: Said,
    earlier: Sequence[Said],
    replies: Sequence[Answer],
    *,
    beside: float = 0.0,
    english: bool = True,
) -> Evidence:
    """What the words say.

    Args:
        now: the turn.
        earlier: the caller's turns before it, oldest first.
        replies: to them.
        beside: log-odds of what the voice says; content counts less beside it.
        english: False: only repetition is read, as in any language.
    """
    found = Evidence()
    if english:
        _signs(found, now.words, answered=bool(earlier))
        _tries(found, now.words)
        if not replies or not replies[-1].offers:
            _no(found, now.words)
    if count := times(now, earlier):
        found.add("says it again", "insists", count, SAID_AGAIN * count)
        if shorter(now, earlier):
            found.add("in fewer words", "insists", 1, SHORTER)
    if english:
        _replies(found, replies)
        _content(found, now.words, beside, answered=bool(earlier))
    return found


# ---------------------------------------------------------------- reading


def _signs(found: Evidence, words: list[str], *, answered: bool) -> None:
    counts = [0] * len(SIGNS)
    for at, _, meaning in walk(words, _SIGNS):
        if meaning is None:
            continue
        sign = SIGNS[meaning]
        if sign.denied and _denied(words, at):
            counts[_DENIES] -= 1
        else:
            counts[meaning] += 1
    if _asks_for_a_person(words):
        counts[_PERSON] += 1
    for at, sign in enumerate(SIGNS) if any(counts) else ():
        if (count := counts[at]) > 0:
            amount = sign.amount if answered or not sign.answers else sign.amount * UNANSWERED
            found.add(sign.name, sign.sort, count, amount * min(count, sign.most))


def _denied(words: list[str], at: int) -> bool:
    """Is there a "not" before the phrase, with nothing but small words between?"""
    before = at - 1
    while before > max(at - 4, 0) and words[before] in _BETWEEN:
        before -= 1
    return before >= 0 and words[before] in _DENIALS


def _asks_for_a_person(words: list[str]) -> bool:
    asked = -table.NEAR - 1
    for at, length, meaning in walk(words, _PEOPLE):
        if meaning == _ASKS:
            asked = at
        elif meaning == _WHO and (at - asked <= table.NEAR or length == len(words)):
            return True
    # The whole turn, as callers shout it at machines: "agent. representative, please".
    return not _ROLES.isdisjoint(words) and all(
        word in _ROLES for word in words if word not in _LEAD_INS
    )


def _tries(found: Evidence, words: list[str]) -> None:
    """What was done "three times" before this call."""
    tried = not _TRIED.isdisjoint(words)
    found_times = [each for each in walk(words, _TIMES) if not _a_habit(words, each)]
    often = [at for at, _, meaning in found_times if meaning == _OFTEN]
    if often and (tried or any(_ends_with(words[:at], _ALONE) for at in often)):
        found.add("has tried often", "insists", len(often), TRIED_OFTEN)
        found.add("and tells so", "complains", len(often), TRIED_OFTEN_COMPLAINS)
    elif tried and found_times:
        found.add("has tried twice", "insists", 1, TRIED_TWICE)


def _a_habit(words: list[str], found: tuple[int, int, int | None]) -> bool:
    after = found[0] + found[1]
    return after < len(words) and words[after] in _HABIT


def _no(found: Evidence, words: list[str]) -> None:
    """A "no" to a reply, unless it only closes the matter."""
    at = _first_word(words)
    if at < len(words) and words[at] in _NO and not begins(words, at + 1, _NO_HARM):
        found.add("says no", "insists", 1, SAYS_NO)


def _replies(found: Evidence, replies: Sequence[Answer]) -> None:
    """Where we failed in the last two replies, and asked again."""
    if failed := sum(reply.failed or reply.refused for reply in replies[-2:]):
        units = FAILED * failed + REFUSED * replies[-1].refused
        found.add("we failed", "insists", failed, units)
    asked = replies[-1].question if replies else None
    if asked and any(
        before.question and again(asked, before.question) for before in replies[-REPLIES:-1]
    ):
        found.add("we asked again", "insists", 1, ASKED_AGAIN)


def _content(found: Evidence, words: list[str], beside: float, *, answered: bool) -> None:
    """What speaks against frustration: the less of it, the more there is of the other."""
    left = max(1 - (found.units + beside) / MANNERS, 0.0)
    pleased = sum(1 for _ in walk(words, _PLEASED))
    agrees = begins(words, _first_word(words), _AGREES)
    less = left * min(PLEASED * pleased + AGREES * agrees, MOST_CONTENT)
    if less > 0:
        found.terms.append(Term("content", pleased + agrees, -less))
    if left > 0 and not answered:
        found.terms.append(Term("nothing answered yet", 1, -BEGINNING * left))


def _first_word(words: list[str]) -> int:
    return next((at for at, word in enumerate(words) if word not in _LEAD_INS), len(words))


def _question(reply: str) -> str:
    """The last question of a reply."""
    head = reply[-LONGEST_REPLY:].rpartition("?")[0]
    return head[max(head.rfind(mark) for mark in ".!?") + 1 :]


def _ends_with(words: list[str], phrases: Sequence[list[str]]) -> bool:
    return any(words[-len(phrase) :] == phrase for phrase in phrases)


# ---------------------------------------------------------------- the tables, made ready

_ASKS, _WHO = 0, 1
_OFTEN, _TWICE = 0, 1

_SIGNS = index_of((table.INERT, None), *((sign.phrases, at) for at, sign in enumerate(SIGNS)))
_PERSON, _DENIES = (
    next(at for at, sign in enumerate(SIGNS) if sign.name == name) for name in ("person", "denies")
)
_PEOPLE = index_of((table.NO_PEOPLE, None), (table.ASKS_FOR, _ASKS), (table.PEOPLE, _WHO))
_ROLES = one_word_each(table.ROLES)
_TIMES = index_of((table.MANY, _OFTEN), (table.TWICE, _TWICE))
_TRIED = one_word_each(table.TRIED)
_HABIT = one_word_each(table.OFTEN_BY_HABIT)
_ALONE = split(table.MANY_ALONE)
_NO_HARM = index_of((table.NO_HARM, None))
_OFFERS = index_of((table.OFFERS_MORE, None))
_FAILED = index_of((table.FAILED, None))
_REFUSED = index_of((table.REFUSED, None))
_PLEASED = index_of((table.PLEASED, None))
_AGREES = index_of((table.AGREES, None))
_NO = one_word_each(table.SAYS_NO)
_LEAD_INS = frozenset(word for words in split(table.LEAD_INS) for word in words)
_DENIALS = one_word_each(table.DENIALS)
_BETWEEN = one_word_each(table.BETWEEN)
