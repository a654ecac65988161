"""From a row of probabilities to filled pauses, and how well they match the true ones. Numpy only.

The decoding here is the one that the product uses: the same words, the same constants.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME_S = 0.04
BRIDGE_S = 0.08
"""Two frames: gaps this short within an event are the network's doubt, not the speaker's."""

LEAST_S = 0.16
"""Four frames. Filled pauses are rarely under 0.2 s (ACOUSTICS.md §2.2), and edges are soft."""

COLLAR_S = 0.2
"""An event is found if both its edges are this close to a true one's."""

Event = tuple[float, float]
"""Start and end in seconds."""


def events(
    probability: NDArray[np.floating],
    threshold: float,
    least_s: float = LEAST_S,
    bridge_s: float = BRIDGE_S,
) -> list[Event]:
    """The filled pauses in frames of 40 ms.

    1. A frame is on from `threshold`.
    2. Off-stretches of at most `bridge_s` between two on-stretches are on.
    3. On-stretches shorter than `least_s` are dropped.

    Args:
        probability: of each frame, shape [frames].
        threshold: in (0, 1).
        least_s: the shortest event.
        bridge_s: the longest gap within an event.

    Returns:
        Start and end in seconds from the first frame's start, in order.
    """
    on = np.concatenate(([0], np.asarray(probability >= threshold, np.int8), [0]))
    edges = np.flatnonzero(np.diff(on))
    found: list[list[int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if found and (start - found[-1][1]) * FRAME_S <= bridge_s + 1e-9:
            found[-1][1] = end
        else:
            found.append([start, end])
    return [(a * FRAME_S, b * FRAME_S) for a, b in found if (b - a) * FRAME_S >= least_s - 1e-9]


@dataclass(frozen=True, slots=True)
class Count:
    """How many events were found: hits, false alarms, misses."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: "Count") -> "Count":
        return Count(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def precision(self) -> float:
        """Share of the found events that are true; 0 where none was found."""
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        """Share of the true events that were found."""
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.hits / max(1, 2 * self.hits + self.false + self.missed)


def compared(found: Sequence[Event], true: Sequence[Event], collar_s: float = COLLAR_S) -> Count:
    """Each found event matches at most one true one, the first whose edges are near."""
    left = list(true)
    hits = 0
    for start, end in found:
        near = [e for e in left if abs(e[0] - start) <= collar_s and abs(e[1] - end) <= collar_s]
        if near:
            left.remove(near[0])
            hits += 1
    return Count(hits, len(found) - hits, len(left))


def overlapping(found: Sequence[Event], true: Sequence[Event]) -> Count:
    """A laxer match: any overlap (what a count of fillers per minute depends on)."""
    left = list(true)
    hits = 0
    for start, end in found:
        near = [e for e in left if e[0] < end and start < e[1]]
        if near:
            left.remove(near[0])
            hits += 1
    return Count(hits, len(found) - hits, len(left))


def interval(by_speaker: Sequence[Count], seed: int = 0, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of F1: speakers drawn with replacement (percentile bootstrap)."""
    table = np.array([(c.hits, c.false, c.missed) for c in by_speaker])
    picks = np.random.default_rng(seed).integers(0, len(table), (draws, len(table)))
    hits, false, missed = table[picks].sum(axis=1).T
    f1 = 2 * hits / np.maximum(1, 2 * hits + false + missed)
    return float(np.percentile(f1, 2.5)), float(np.percentile(f1, 97.5))


def rate_interval(
    alarms: Sequence[float], minutes: Sequence[float], seed: int = 0, draws: int = 2000
) -> tuple[float, float]:
    """95 % interval of alarms per minute, speakers drawn with replacement."""
    table = np.array([alarms, minutes], np.float64)
    picks = np.random.default_rng(seed).integers(0, table.shape[1], (draws, table.shape[1]))
    total = table[:, picks].sum(axis=2)
    rates = total[0] / np.maximum(total[1], 1e-9)
    return float(np.percentile(rates, 2.5)), float(np.percentile(rates, 97.5))


def overlap_added(
    windows: Sequence[tuple[int, NDArray[np.floating]]], frames: int
) -> NDArray[np.float64]:
    """The mean logit of each frame over the windows that heard it.

    The outer five frames (0.2 s) of a window count a fifth as much: they lack half their context.

    Args:
        windows: (first frame, logits) of each.
        frames: of the whole recording; a frame no window heard is -20.
    """
    total, weight = np.zeros(frames), np.zeros(frames)
    for first, logits in windows:
        kept = logits[: max(0, frames - first)]
        share = np.ones(len(kept))
        edge = min(5, len(kept) // 4)
        share[:edge] = share[len(kept) - edge :] = 0.2
        total[first : first + len(kept)] += share * kept
        weight[first : first + len(kept)] += share
    return np.where(weight > 0, total / np.maximum(weight, 1e-9), -20.0)
