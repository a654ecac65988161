"""Does a caller say again what was said before? Compares words, not meanings, in any language.

Filled pauses, courtesies, "again" and "I said" are left out, endings do not count ("order",
"orders"), and a number is its digits, however it is written: "eight four two" is "842".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tonewise.routing.complexity import KEPT_TEXTS, UNSPACED, tokens

ALIKE = 0.65
"""Words that two turns share, of all in either, from which one says the other again. By hand."""
WITHIN = 0.8
"""Share of a turn's words that another one holds, from which it says it again, only shorter."""
FEWEST = 2
"""Words that say something; a turn of fewer ("yes please") says nothing again."""
FEWEST_ALIKE = 3
"""From here on, not every word must be the same."""
FEWEST_DIGITS = 3
STEM = 5
"""Characters that are compared: forgives endings, and names that STT spells now so, now so."""

_DIGITS = {
    word: digits
    for digits, words in (
        ("0", "zero"),
        ("1", "one"),
        ("2", "two twenty"),
        ("3", "three thirty"),
        ("4", "four forty"),
        ("5", "five fifty"),
        ("6", "six sixty"),
        ("7", "seven seventy"),
        ("8", "eight eighty"),
        ("9", "nine ninety"),
        ("10", "ten"),
        ("11", "eleven"),
        ("12", "twelve"),
    )
    for word in words.split()
}
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """
        a an the i im ive id me my mine we our you your it its is are was were be been am do does
        did to of for in on at and or so that this these those there with from by as please thanks
        thank yes yeah no not nope okay ok well just like said say told already again once more
        sorry hello hi hey can could would will want need wanted need tell get have has had what
        which how about any some oh right sure great good fine dont still now really actually think
        let lets also know if much very bye goodbye help helpful day nice other else
        """,
    )
)


@dataclass(frozen=True, slots=True)
class Said:
    """A turn as it is compared.

    Attributes:
        words: all of them, filled pauses left out.
        stems: of those that say something.
        digits: of its numbers, in order.
    """

    words: list[str]
    stems: frozenset[str]
    digits: str


@lru_cache(KEPT_TEXTS)
def said(text: str) -> Said:
    """What is compared of a turn."""
    words = tokens(text)
    ascii_words = words if text.isascii() else [word for word in words if word.isascii()]
    digits = "".join([word if word.isdigit() else _DIGITS.get(word, "") for word in ascii_words])
    stems = {
        word[:STEM]
        for word in words
        if word not in _EMPTY and word not in _DIGITS and not word.isdigit()
    }
    if len(ascii_words) < len(words):
        unspaced = [word for word in words if word[0] >= UNSPACED]
        stems.update(word[at : at + 2] for word in unspaced for at in range(len(word) - 1))
    return Said(words, frozenset(stems), digits)


def again(now: Said, before: Said) -> bool:
    """Does a turn say another one again, in much the same words or shorter?"""
    if len(now.digits) >= FEWEST_DIGITS and now.digits == before.digits:
        return True
    if now.digits and before.digits and now.digits != before.digits:
        return False
    both = len(now.stems & before.stems)
    if len(now.stems) < FEWEST_ALIKE:
        return len(now.stems) >= FEWEST and now.stems == before.stems
    return both >= ALIKE * len(now.stems | before.stems) or both >= WITHIN * len(now.stems)


def times(now: Said, earlier: Sequence[Said]) -> int:
    """How many earlier turns this one says again."""
    return sum(again(now, before) for before in earlier)


def shorter(now: Said, earlier: Sequence[Said]) -> bool:
    """Is it said again in fewer words than the last time? Patience shows in length."""
    last = next((before for before in reversed(earlier) if again(now, before)), None)
    return last is not None and len(now.words) < 0.7 * len(last.words)
