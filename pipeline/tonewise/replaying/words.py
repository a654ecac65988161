"""How far two texts differ, word by word."""

import re
from collections.abc import Sequence

_WORD = re.compile(r"[\w']+")


def words(text: str) -> list[str]:
    """The words of a text, in small letters, without punctuation."""
    return _WORD.findall(text.lower().replace("’", "'"))


def word_errors(reference: str, heard: str) -> float:
    """Word error rate: substitutions, insertions and deletions per word of the reference.

    0 where both are empty; 1 where only the reference is.
    """
    wanted, given = words(reference), words(heard)
    if not wanted:
        return 1.0 if given else 0.0
    return _distance(wanted, given) / len(wanted)


def _distance(wanted: Sequence[str], given: Sequence[str]) -> int:
    """Levenshtein's distance, a row at a time."""
    row = list(range(len(given) + 1))
    for i, word in enumerate(wanted, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(given, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
