"""How high the voice is: the fundamental frequency, F0, of each frame and of a turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE
from tonewise.contours import HIGHEST_F0, LONGEST_LAG, LOWEST_F0, SHORTEST_LAG

VOICED = 0.3
"""Periodicity from which a frame is voiced. Whitening lowers Praat's 0.45 to this."""

LONG_PERIOD_BONUS = 0.06
"""What a period twice as long is preferred by. Where a line has cut off the fundamental, half the
true period looks almost as good; 0.06 makes the fewest octave errors there (scripts/bench_cues)."""

EVEN, ALIKE = 0.7, 0.9
"""A machine-made voice repeats so evenly that twice its period is a period too. From EVEN on, the
shortest lag that is ALIKE as good as the best is taken."""

FEWEST_FRAMES = 20
"""0.2 s of voice: under that a median is chance."""

_LAG_RATE = RATE // 2
_LAGS = np.arange(SHORTEST_LAG + 1, LONGEST_LAG)
"""All but the outermost, which have only one neighbour."""
_WITHIN = (_LAG_RATE / HIGHEST_F0 <= _LAGS) & (_LAG_RATE / LOWEST_F0 >= _LAGS)
_BONUS = (LONG_PERIOD_BONUS * np.log2(_LAGS)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Pitch:
    """The pitch of a turn: median in Hz, and 5th-to-95th-percentile range in semitones."""

    median_hz: float
    range_st: float


def f0(periodicity: NDArray[np.float32]) -> NDArray[np.float64]:
    """F0 in Hz of each frame, shape [n]; 0 where the frame is unvoiced.

    Two passes (De Looze & Hirst 2008): the first finds the speaker's range, the second looks
    only there, so that single frames do not jump an octave.
    """
    peaks = _peaks(periodicity)
    first = _track(peaks, _WITHIN)
    voiced = first[first > 0]
    if len(voiced) < FEWEST_FRAMES:
        return first
    low, high = np.percentile(voiced, (25, 75))
    longest, shortest = _LAG_RATE / (0.75 * low), _LAG_RATE / (1.5 * high)
    return _track(peaks, _WITHIN & (shortest <= _LAGS) & (longest >= _LAGS))


def pitch(hertz: NDArray[np.float64]) -> Pitch | None:
    """Median and range of the voiced frames; None where there are too few of them."""
    voiced = hertz[hertz > 0]
    if len(voiced) < FEWEST_FRAMES:
        return None
    low, middle, high = np.percentile(voiced, (5, 50, 95))
    return Pitch(median_hz=float(middle), range_st=float(12 * np.log2(high / low)))


@dataclass(frozen=True, slots=True)
class _Peaks:
    """The autocorrelation's peaks, each refined by the parabola through three lags.

    Attributes:
        height: shape [n, lags]; 0 where there is no peak.
        offset: from the whole lag to the peak's top, shape [n, lags].
    """

    height: NDArray[np.float32]
    offset: NDArray[np.float32]


def _peaks(periodicity: NDArray[np.float32]) -> _Peaks:
    before, at, after = periodicity[:, :-2], periodicity[:, 1:-1], periodicity[:, 2:]
    peak = (at >= before) & (at > after) & (at > 0)
    slope = before - after
    curvature = before - 2 * at + after
    offset = np.divide(0.5 * slope, curvature, out=np.zeros_like(at), where=peak)
    return _Peaks(height=np.where(peak, at - 0.25 * slope * offset, 0.0), offset=offset)


def _track(peaks: _Peaks, allowed: NDArray[np.bool_]) -> NDArray[np.float64]:
    height = np.where(allowed, peaks.height, 0.0)
    rows = np.arange(len(height))
    best = np.where(height > 0, height + _BONUS, 0.0).argmax(axis=1)
    top = height[rows, best]
    shortest = (height >= ALIKE * top[:, np.newaxis]).argmax(axis=1)
    best = np.where(top >= EVEN, shortest, best)
    lag = _LAGS[best] + peaks.offset[rows, best]
    return np.where(height[rows, best] >= VOICED, _LAG_RATE / lag, 0.0)
