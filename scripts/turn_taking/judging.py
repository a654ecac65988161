"""How well a way of waiting does: cut-offs against delay, with intervals.

The measures are those of livekit/eot-bench: each way has a knob that makes it wait longer; turned
through its range it gives a curve of false cut-offs (the share of HOLDs that it would end) against
delay (its mean wait at a SHIFT). Read off are the cut-offs at a delay of at most 300 and 600 ms,
and the delay where at most 5 % are cut off.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.endpoint.patience import DOUBTFUL, SHORTEST_S, STEEPER

Waits = NDArray[np.float64]
BOOTSTRAPS = 400
CAUTIONS = np.linspace(-4, 9, 261)
AT_DELAY_S, AT_CUTS = (0.3, 0.6), 0.05


@dataclass(frozen=True)
class Way:
    """A way of waiting: seconds for each case, for every position of its knob, shape [k, n]."""

    name: str
    waits: Waits


@dataclass(frozen=True)
class Score:
    """Shares and seconds; NaN where the curve does not reach that far."""

    cut_at_300: float
    cut_at_600: float
    mean_at_5: float
    median_at_5: float
    p95_at_5: float


def score(waits: Waits, lengths: NDArray[np.float64]) -> Score:
    """The operating points of a way, for cases of `lengths` (infinite for a SHIFT)."""
    hold = np.isfinite(lengths)
    cuts = (waits[:, hold] < lengths[hold]).mean(axis=1)
    delays = waits[:, ~hold].mean(axis=1)
    at = [_least(cuts, delays <= budget + 1e-9) for budget in AT_DELAY_S]
    few = cuts <= AT_CUTS + 1e-9
    if not few.any():
        return Score(at[0], at[1], *(float("nan"),) * 3)
    best = int(np.flatnonzero(few)[delays[few].argmin()])
    shifts = waits[best, ~hold]
    return Score(
        at[0],
        at[1],
        float(delays[best]),
        float(np.median(shifts)),
        float(np.percentile(shifts, 95)),
    )


def fixed_score(seconds: float, lengths: NDArray[np.float64]) -> float:
    """The share of HOLDs that a timer cuts off."""
    hold = np.isfinite(lengths)
    return float((seconds < lengths[hold]).mean())


def intervals(
    waits: Waits,
    lengths: NDArray[np.float64],
    groups: Sequence[str],
    measure: Callable[[Waits, NDArray[np.float64]], Score] = score,
) -> list[tuple[float, float]]:
    """95 % of each field of a score, from bootstrap samples of whole dialogues and speakers."""
    rng = np.random.default_rng(4)
    names = sorted(set(groups))
    members = [np.flatnonzero([group == name for group in groups]) for name in names]
    found = []
    for _ in range(BOOTSTRAPS):
        drawn = np.concatenate([members[i] for i in rng.integers(len(names), size=len(names))])
        hold = np.isfinite(lengths[drawn])
        if hold.any() and not hold.all():
            one = measure(waits[:, drawn], lengths[drawn])
            found.append(
                (one.cut_at_300, one.cut_at_600, one.mean_at_5, one.median_at_5, one.p95_at_5)
            )
    low, high = np.nanpercentile(np.array(found), (2.5, 97.5), axis=0)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def linear(
    odds: NDArray[np.float64],
    paces: NDArray[np.float64],
    unfinished: NDArray[np.bool_],
    *,
    shortest: float = SHORTEST_S,
    longest: float = 1.6,
    cap: float = 2.5,
    cautions: NDArray[np.float64] = CAUTIONS,
) -> Waits:
    """The waits of `endpoint/patience.py`, a row for every caution."""
    most = np.where(unfinished, cap, longest)
    counted = odds + STEEPER * np.minimum(0.0, odds - DOUBTFUL)
    waits: Waits = np.clip(shortest + paces * (cautions[:, np.newaxis] - counted), shortest, most)
    return waits


def timer(count: int) -> Waits:
    """A timer of 0.2 to 3 s."""
    return np.repeat(np.linspace(0.2, 3.0, 281)[:, np.newaxis], count, axis=1)


def threshold(scores: NDArray[np.float64]) -> Waits:
    """A learned score under eot-bench's policy: act after a delay, or after a time-out.

    All of threshold, delay and time-out are swept, and the best of them is read off on the very
    cases that are reported, which favours the score.
    """
    rows = []
    for least in (0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99):
        for delay in (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0):
            rows += [
                np.where(scores >= least, delay, patience)
                for patience in np.arange(delay, 3.05, 0.1)
            ]
    return np.array(rows)


def _least(values: NDArray[np.float64], allowed: NDArray[np.bool_]) -> float:
    return float(values[allowed].min()) if allowed.any() else float("nan")
