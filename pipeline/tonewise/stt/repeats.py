"""Has a decoder begun to repeat itself? A pure guard for engines that decode token by token."""

from collections.abc import Sequence

LONGEST_LOOP = 24
"""Tokens in the longest phrase that is watched for."""

FASTEST_S = 0.16
"""Nobody says a word, and be it "no", in less: six syllables a second is fast speech."""


def allowed_repeats(length: int, duration_s: float) -> int:
    """How often a phrase of `length` tokens may stand in a row before it is a loop.

    People say "no, no, no, no" and read out "zero zero zero zero", so a short phrase has more leave
    than a long one; but nobody says three sixes in 0.4 s.
    """
    by_ear = max(1, int(duration_s / FASTEST_S))
    return min(6 if length <= 3 else 3, by_ear)


def loop_start(tokens: Sequence[int], duration_s: float) -> int | None:
    """Where to cut `tokens` off, if its end is a loop: after the phrase's first time.

    Args:
        tokens: as decoded so far.
        duration_s: of the sound that they are the words of.

    Returns:
        The number of tokens to keep; None where nothing loops.
    """
    for length in range(1, min(LONGEST_LOOP, len(tokens) // 2) + 1):
        times = allowed_repeats(length, duration_s) + 1
        if len(tokens) < length * times:
            continue
        tail = tokens[-length * times :]
        if all(tail[at] == tail[at + length] for at in range(length * (times - 1))):
            return len(tokens) - length * (times - 1)
    return None
