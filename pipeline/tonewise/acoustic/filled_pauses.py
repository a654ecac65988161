"""Filled pauses ("um", "uh", a hum) out of the network's answer for every 40 ms.

Overlapping windows are joined first, in log-odds: a frame near the edge of a window has heard only
half of what is around it and counts less. Then the posterior is compared with the threshold that
the model brings, short gaps are bridged, and what is too short is dropped. The training scores
itself with the very same steps, so a threshold found there holds here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.acoustic.windows import sigmoid

EDGE_FRAMES, EDGE_WEIGHT = 5, 0.2
"""On either side of a window, at most a quarter of it each: 0.2 s without a half of its context."""

UNHEARD = -20.0
"""Logit where no window was: there is no speech."""


@dataclass(frozen=True, slots=True)
class FilledPause:
    """One, from `start_s` to `end_s` of the turn."""

    start_s: float
    end_s: float


def joined(parts: Sequence[tuple[int, NDArray[np.float32]]]) -> NDArray[np.float64]:
    """Posteriors of a turn, shape [n].

    Args:
        parts: of each window, the frame where it begins and its logits, shape [frames].
    """
    count = max((first + len(logits) for first, logits in parts), default=0)
    sums, weights = np.zeros(count), np.zeros(count)
    for first, logits in parts:
        n = len(logits)
        edge = min(EDGE_FRAMES, n // 4)
        weight = np.ones(n)
        weight[:edge] = weight[n - edge :] = EDGE_WEIGHT
        sums[first : first + n] += weight * logits
        weights[first : first + n] += weight
    logits = np.divide(sums, weights, out=np.full(count, UNHEARD), where=weights > 0)
    return sigmoid(logits)


def filled_pauses(
    posteriors: NDArray[np.float64],
    threshold: float,
    *,
    least_s: float,
    bridge_s: float,
    frame_s: float,
) -> list[FilledPause]:
    """The filled pauses of a turn, in order.

    Args:
        posteriors: in [0, 1] for each frame, shape [n].
        threshold: from which a frame is part of one.
        least_s: a shorter one is a vowel.
        bridge_s: two with no more than this between them are one: the m of "um" closes the mouth.
        frame_s: seconds per frame.
    """
    steps = np.diff(np.concatenate([[0], (posteriors >= threshold).astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps > 0).tolist(), np.flatnonzero(steps < 0).tolist()
    bridge, least = round(bridge_s / frame_s), round(least_s / frame_s)
    whole: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if whole and start - whole[-1][1] <= bridge:
            whole[-1] = (whole[-1][0], end)
        else:
            whole.append((start, end))
    return [
        FilledPause(start * frame_s, end * frame_s) for start, end in whole if end - start >= least
    ]
