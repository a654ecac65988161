"""What can be counted in a turn: the numbers and words that the trained score gives weights to.

One walk over the words (`complexity.read`), then arithmetic. Case, punctuation, courtesies and
filled pauses change nothing, so a score built on this cannot tell a typed prompt from a spoken turn
by its typography; only `notation` (code, formulas) is typed by nature.

    share = min(1, 35 / words)²

What a single cue or word says is multiplied by this share: in a long prompt it is worth less, and
length and numbers say more. Without it, words lower the score's order on prompts of the kind of
GSM8K and MMLU, which are long (see models/complexity/README.md).
"""

import math
import re
from dataclasses import dataclass
from itertools import pairwise

from tonewise.routing import complexity
from tonewise.routing.cue_words import GROUPS

LONGEST = 6000
"""Characters that are read: six minutes of speech, more than any turn and most prompts."""

_LONG = 25
"""Words from which length counts for more: half of all spoken requests have fewer than ten."""
_WHOLE = 35
"""Words up to which a cue counts in full."""
_MEAN_LENGTH = 4.5
_MEAN_WEIGHT = 5
"""Letters of an average word, and how many such words a turn's mean is drawn towards it by."""

_QUANTITIES = frozenset(
    re.findall(
        r"\w+",
        "each every per twice thrice half double triple times third quarter fifth remaining "
        "left total altogether combined more less fewer than average equal equally share rate "
        "speed faster percent",
    )
)
_QUESTIONS = {
    "how": "asks how",
    "why": "asks why",
    "what": "asks what",
    "whats": "asks what",
    "which": "asks which",
    "who": "asks for a fact",
    "whom": "asks for a fact",
    "whose": "asks for a fact",
    "when": "asks for a fact",
    "where": "asks for a fact",
}
_AFTER_HOW = frozenset(re.findall(r"\w+", "many much long old far big often tall"))
"""How many, how long …: what is asked for is a fact."""
_SELF = frozenset(re.findall(r"\w+", "i my me im ive id ill mine we our us"))

_ASKS = ("asks how", "asks why", "asks what", "asks which", "asks for a fact")
FEATURES = (
    "words",
    "long",
    "numbers",
    "notation",
    "quantities",
    "word length",
    *(group.name for group in GROUPS),
    *_ASKS,
    "first person",
)
"""The measured numbers, by the names of their terms."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted in a turn.

    Attributes:
        values: as a person would count them, one per name of `FEATURES`.
        effects: the same as the score takes them in: logarithms, limits, shares.
        phrases: distinct words and pairs of neighbouring words, in the order of their first use.
        share: what a single word or cue is multiplied by, in (0, 1].
        leans: does the turn begin as a follow-up to the one before?
    """

    values: tuple[float, ...]
    effects: tuple[float, ...]
    phrases: tuple[str, ...]
    share: float
    leans: bool


def measure(text: str) -> Measured:
    """Counts what a turn holds; time is linear in the text, up to `LONGEST` characters."""
    found = complexity.read(text[:LONGEST])
    content = found.content
    log_words = math.log1p(found.words)
    share = min(1.0, _WHOLE / max(found.words, 1)) ** 2
    quantities = sum(word in _QUANTITIES for word in content)
    length = _word_length(content)
    asked = _asked(content)
    asks = [float(name in asked) for name in _ASKS]
    self_ = float(any(word in _SELF for word in content))
    more = min(max(found.numbers - 1, 0), complexity.MOST_NUMBERS)
    most = [min(count, group.most) for count, group in zip(found.cues, GROUPS, strict=True)]
    return Measured(
        (
            *(found.words, found.words, found.numbers, found.notation, quantities, length),
            *found.cues,
            *asks,
            self_,
        ),
        (
            log_words,
            max(0.0, log_words - math.log1p(_LONG)),
            more,
            min(found.notation, complexity.MOST_NOTATION),
            math.log1p(max(quantities - 1, 0)),
            length,
            *(share * count for count in most),
            *(share * flag for flag in asks),
            share * self_,
        ),
        _phrases(content),
        share,
        found.leans,
    )


def _word_length(content: list[str]) -> float:
    """Letters per word beyond the average of English, drawn towards it in a short turn."""
    lengths = [min(len(word), 12) for word in content if word and word < complexity.UNSPACED]
    return sum(length - _MEAN_LENGTH for length in lengths) / (len(lengths) + _MEAN_WEIGHT)


def _asked(content: list[str]) -> set[str]:
    """The kinds of question among the names of `_ASKS`."""
    asked = set()
    for at, word in enumerate(content):
        kind = _QUESTIONS.get(word)
        if kind == "asks how" and at + 1 < len(content) and content[at + 1] in _AFTER_HOW:
            kind = "asks for a fact"
        if kind:
            asked.add(kind)
    return asked


def _phrases(content: list[str]) -> tuple[str, ...]:
    found = dict.fromkeys(content)
    found.update(
        dict.fromkeys(f"{before} {word}" for before, word in pairwise(content) if before and word)
    )
    found.pop("", None)
    return tuple(found)


def task_signs(text: str) -> tuple[str, ...]:
    """What tells the task of a turn: words, pairs, the first and last word, length, cues.

    Courtesies stay in: in a greeting or a yes they are all there is. A number is "#".
    """
    text = text[:LONGEST]
    words = ["#" if complexity.is_number(word) else word for word in complexity.tokens(text)][:200]
    signs = dict.fromkeys(words)
    signs.update(dict.fromkeys(map("{} {}".format, words, words[1:])))
    if words:
        signs[f"^{words[0]}"] = signs[f"{words[-1]}$"] = None
    signs[f"length {min(len(words), 40).bit_length()}"] = None
    found = complexity.read(text)
    signs.update({f"@{g.name}": None for g, c in zip(GROUPS, found.cues, strict=True) if c})
    if found.notation > 2:
        signs["@notation"] = None
    return tuple(signs)
