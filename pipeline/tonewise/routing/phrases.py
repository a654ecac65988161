"""Tables of phrases, and where they stand in a text; the longest one that fits is taken."""

from collections.abc import Iterator

from tonewise.routing.complexity import tokens

Meaning = int | None
Index = dict[str, dict[str, list[tuple[list[str], Meaning]]]]
"""First word, then second, to the rests of the phrases that begin so and their meanings, longest
first; a phrase of one word stands under the empty second."""


def index_of(*rows: tuple[str, Meaning]) -> Index:
    """A table, made ready.

    Args:
        rows: phrases separated by commas, and what they mean; of one that stands in two rows, the
            first counts.
    """
    index: Index = {}
    phrases = [(words, meaning) for text, meaning in rows for words in split(text)]
    for words, meaning in sorted(phrases, key=lambda row: -len(row[0])):
        second = words[1] if len(words) > 1 else ""
        index.setdefault(words[0], {}).setdefault(second, []).append((words[1:], meaning))
    return index


def split(phrases: str) -> list[list[str]]:
    """Phrases that are separated by commas, as lists of words."""
    return [tokens(phrase) for phrase in phrases.split(",")]


def one_word_each(phrases: str) -> frozenset[str]:
    """The first word of each phrase."""
    return frozenset(words[0] for words in split(phrases))


def walk(words: list[str], index: Index) -> Iterator[tuple[int, int, Meaning]]:
    """Where the phrases of a table stand, how many words they have, and what they mean."""
    if index.keys().isdisjoint(words):  # as most texts are of most tables
        return
    end = 0
    for at, word in enumerate(words):
        if at >= end and word in index and (found := _longest(words, at, index[word])):
            length, meaning = found
            end = at + length
            yield at, length, meaning


def begins(words: list[str], at: int, index: Index) -> bool:
    """Does a phrase of a table begin just there?"""
    begun = index.get(words[at]) if at < len(words) else None
    return begun is not None and _longest(words, at, begun) is not None


def holds(words: list[str], index: Index) -> bool:
    """Does a phrase of a table stand anywhere in a text?"""
    return next(walk(words, index), None) is not None


def _longest(
    words: list[str], at: int, begun: dict[str, list[tuple[list[str], Meaning]]]
) -> tuple[int, Meaning] | None:
    """How many words the longest phrase that begins here has, and what it means."""
    for rest, meaning in begun.get(words[at + 1], ()) if at + 1 < len(words) else ():
        length = 1 + len(rest)
        if words[at + 1 : at + length] == rest:
            return length, meaning
    alone = begun.get("")
    return (1, alone[0][1]) if alone else None
