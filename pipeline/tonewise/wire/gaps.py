"""Packets that are lost, late or out of order: the caller's time must not shrink.

A voice that skips 200 ms loses 200 ms of its pauses with it, and turn-taking counts pauses. So what
is missing is put back, as a fading echo of what came before (up to 60 ms) and then as silence.
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

TOLERANCE_MS = 60
"""Timestamps that waver by less are jitter of the clock, not loss."""

LONGEST_MS = 2_000
"""What is put back at a time; a longer hole was a hold, or a lie."""

ECHO_MS = 60
"""How long the last sound fades; ITU-T G.711 appendix I repeats and fades for as long."""

_RESTARTED = 1_000
"""A number so far back is no late packet: the count began anew."""


class Gaps:
    """Finds holes in one direction of a call by the packets' own timestamps."""

    def __init__(self) -> None:
        self._next_ms: float | None = None  # where the next packet belongs

    def before(self, at_ms: float, length_ms: float) -> float:
        """Milliseconds missing before a packet of `length_ms` that is stamped `at_ms`."""
        if self._next_ms is None:
            self._next_ms = at_ms
        missing = at_ms - self._next_ms
        if abs(missing) > LONGEST_MS:  # the clock was set anew
            self._next_ms = at_ms
            missing = LONGEST_MS if missing > 0 else 0.0
        elif missing >= TOLERANCE_MS:
            self._next_ms = at_ms
        else:
            if missing <= -TOLERANCE_MS:  # sound came that the clock did not count
                self._next_ms = at_ms
            missing = 0.0
        self._next_ms += length_ms
        return missing


class Filler:
    """Makes the sound that stands in for lost packets."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._last = np.zeros(0, np.float32)

    def heard(self, samples: NDArray[np.float32]) -> None:
        """Remember the latest sound."""
        longest = self._rate * ECHO_MS // 1000
        if len(samples):
            self._last = np.concatenate([self._last, samples])[-longest:]

    def fill(self, count: int) -> NDArray[np.float32]:
        """`count` samples: a fading echo, backwards so that it joins on, and then silence."""
        filled = np.zeros(count, np.float32)
        echo = self._last[::-1][:count]
        filled[: len(echo)] = echo * np.linspace(1, 0, len(echo), dtype=np.float32)
        self._last = self._last[:0]
        return filled


class InOrder(Generic[T]):
    """Puts numbered packets in order, waiting for a late one while `most` others come.

    Args:
        most: packets held back; five of 20 ms are as late as speech may be.
    """

    def __init__(self, most: int = 5) -> None:
        self._most = most
        self._held: dict[int, T] = {}
        self._next: int | None = None

    def push(self, number: int, packet: T) -> Iterator[T | int]:
        """The packets that are next; in place of lost ones, how many are lost."""
        if self._next is None or number < self._next - _RESTARTED:
            self._next = number
        if number < self._next:
            return  # too late: its place has been filled
        self._held[number] = packet
        while self._held:
            first = min(self._held)
            if first > self._next:
                if len(self._held) <= self._most:
                    return
                yield first - self._next
            yield self._held.pop(first)
            self._next = first + 1

    def flush(self) -> Iterator[T]:
        """What is held back, at the end."""
        for number in sorted(self._held):
            yield self._held.pop(number)
