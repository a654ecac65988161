"""Tables of phrases, and where they stand in a text; the longest one that fits is taken."""

from collections.abc import Iterator

from tonewise.routing.complexity import tokens

Meaning = int | None
Index = dict[str, list[tuple[list[str], Meaning]]]
"""First word to the rest of the phrases that begin with it and their meanings, longest first."""


def index_of(*rows: tuple[str, Meaning]) -> Index:
    """A table, made ready.

    Args:
        rows: phrases separated by commas, and what they mean; of one that stands in two rows, the
            first counts.
    """
    index: Index = {}
    phrases = [(words, meaning) for text, meaning in rows for words in split(text)]
    for words, meaning in sorted(phrases, key=lambda row: -len(row[0])):
        index.setdefault(words[0], []).append((words[1:], meaning))
    return index


def split(phrases: str) -> list[list[str]]:
    """Phrases that are separated by commas, as lists of words."""
    return [tokens(phrase) for phrase in phrases.split(",")]


def one_word_each(phrases: str) -> frozenset[str]:
    """The first word of each phrase."""
    return frozenset(words[0] for words in split(phrases))


def walk(words: list[str], index: Index) -> Iterator[tuple[int, int, Meaning]]:
    """Where the phrases of a table stand, how many words they have, and what they mean."""
    end = 0
    for at, word in enumerate(words):
        if at < end or word not in index:
            continue
        for rest, meaning in index[word]:
            length = 1 + len(rest)
            if not rest or words[at + 1 : at + length] == rest:
                end = at + length
                yield at, length, meaning
                break


def begins(words: list[str], at: int, index: Index) -> bool:
    """Does a phrase of a table begin just there?"""
    return at < len(words) and any(
        words[at + 1 : at + 1 + len(rest)] == rest for rest, _ in index.get(words[at], ())
    )


def holds(words: list[str], index: Index) -> bool:
    """Does a phrase of a table stand anywhere in a text?"""
    return next(walk(words, index), None) is not None
