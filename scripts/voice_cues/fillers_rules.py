"""Filled pauses by rule: a voice that stays, at one pitch and with one timbre (Goto et al. 1999).

The rules serve three times: as the detector to beat, to find where in a recording of a hum the hum
is, and to find vowels that can be lengthened. Everything is on a grid of 10 ms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.contours import HOP_S, contours
from tonewise.pitch import VOICED, f0

Samples = NDArray[np.float32]

RATE = 16_000
LONGEST_CHANGE_S = 0.05
"""Timbre is compared over this distance: the length of a plosive's release."""

STEADIEST_PITCH = 8.0
"""Semitones a second. Goto et al. (1999) and ACOUSTICS.md §2.2 draw the line near 6 on clean
studio speech; the telephone and 10 ms frames make the estimate noisier."""

STEADIEST_TIMBRE = 2.6
"""Mean difference in dB between the spectra LONGEST_CHANGE_S apart, level removed."""

_BANDS = 20
_LOWEST, _HIGHEST = 150.0, 3400.0


@dataclass(frozen=True, slots=True)
class Contour:
    """A recording, frame by frame of 10 ms; all of shape [n].

    Attributes:
        level_db: of the band 100 Hz to 3.4 kHz.
        f0_hz: 0 where unvoiced.
        pitch_slope: absolute, in semitones a second.
        timbre_change: in dB, level removed.
    """

    level_db: NDArray[np.float64]
    f0_hz: NDArray[np.float64]
    pitch_slope: NDArray[np.float64]
    timbre_change: NDArray[np.float64]

    @property
    def steady(self) -> NDArray[np.bool_]:
        """Frames in which the voice stays as it is."""
        return (
            (self.f0_hz > 0)
            & (self.pitch_slope < STEADIEST_PITCH)
            & (self.timbre_change < STEADIEST_TIMBRE)
        )


def contour(samples: Samples) -> Contour:
    """What the rules look at, of 16 kHz `samples`."""
    heard = contours(samples)
    pitch = f0(heard.periodicity)
    pitch[heard.periodicity.max(axis=1) < VOICED] = 0
    bands = _bands(samples, len(pitch))
    level = 10 * np.log10(np.asarray(heard.power, np.float64) + 1e-10)
    shape = bands - bands.mean(axis=1, keepdims=True)
    return Contour(level, pitch, _slope(pitch), _change(shape))


def runs(flags: NDArray[np.bool_], bridge: int = 0) -> list[tuple[int, int]]:
    """Stretches of True as (start, end); gaps of up to `bridge` frames do not interrupt them."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    joined: list[tuple[int, int]] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if joined and start - joined[-1][1] <= bridge:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def held(
    samples: Samples, least_s: float = 0.2, bridge_s: float = 0.03
) -> list[tuple[float, float]]:
    """Where a voice is held for `least_s` or longer, in seconds: the rule's events."""
    found = runs(contour(samples).steady, round(bridge_s / HOP_S))
    return [(a * HOP_S, b * HOP_S) for a, b in found if (b - a) * HOP_S >= least_s]


def scores(samples: Samples, frames: int) -> NDArray[np.float64]:
    """Seconds of the held voice around each frame of 40 ms, shape [frames]: the rule as a score."""
    steady = contour(samples).steady
    length = np.zeros(frames)
    for start, end in runs(steady, 3):
        first, last = round(start / 4), max(round(start / 4) + 1, round(end / 4))
        length[first:last] = (end - start) * HOP_S
    return length


def formants(samples: Samples, order: int = 10) -> tuple[float, float]:
    """The first two formants in Hz of a steady piece of voice; 0 where there is none.

    Linear prediction at 8 kHz (autocorrelation method), roots with a bandwidth under 500 Hz.
    """
    sound = samples[::2]
    if len(sound) <= 4 * order:
        return 0.0, 0.0
    bright = np.append(sound[0], sound[1:] - 0.63 * sound[:-1]) * np.hamming(len(sound))
    lags = np.array([float(bright[: len(bright) - k] @ bright[k:]) for k in range(order + 1)])
    lags[0] = lags[0] * 1.0001 + 1e-9
    table = lags[np.abs(np.subtract.outer(np.arange(order), np.arange(order)))]
    roots = np.roots(np.concatenate(([1.0], -np.linalg.solve(table, lags[1:]))))
    roots = roots[roots.imag > 0.01]
    hertz = np.angle(roots) * 8000 / (2 * np.pi)
    width = -np.log(np.abs(roots) + 1e-9) * 8000 / np.pi
    kept = np.sort(hertz[(width < 500) & (hertz > 180) & (hertz < 3700)])
    return (float(kept[0]), float(kept[1])) if len(kept) > 1 else (0.0, 0.0)


def _slope(pitch: NDArray[np.float64], reach: int = 4) -> NDArray[np.float64]:
    """Semitones a second between `reach` frames before and after; large where either is silent."""
    slope = np.full(len(pitch), 99.0)
    if len(pitch) <= 2 * reach:
        return slope
    before, after = pitch[: -2 * reach], pitch[2 * reach :]
    both = (before > 0) & (after > 0)
    semitones = 12 * np.log2(np.where(both, after, 1.0) / np.where(both, before, 1.0))
    slope[reach:-reach] = np.where(both, np.abs(semitones) / (2 * reach * HOP_S), 99.0)
    # At the ends of a voiced stretch, what is next to it counts.
    for start, end in runs(pitch > 0):
        if end - start > 2 * reach:
            slope[start : start + reach] = slope[start + reach]
            slope[end - reach : end] = slope[end - reach - 1]
    return slope


def _change(shape: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = round(LONGEST_CHANGE_S / HOP_S / 2)
    change = np.full(len(shape), 99.0)
    if len(shape) > 2 * reach:
        change[reach:-reach] = np.abs(shape[2 * reach :] - shape[: -2 * reach]).mean(axis=1)
    return change


def _bands(samples: Samples, count: int) -> NDArray[np.float64]:
    """Level in dB of _BANDS mel bands, shape [count, bands], smoothed over 30 ms."""
    window, hop = 512, 160
    padded = np.zeros((count - 1) * hop + window if count else 0, np.float32)
    heard = samples[: max(0, len(padded) - window // 2)]
    padded[window // 2 : window // 2 + len(heard)] = heard
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop] if count else None
    if frames is None:
        return np.zeros((0, _BANDS))
    power = np.abs(np.fft.rfft(frames * np.hanning(window).astype(np.float32))) ** 2
    edges = 700 * (10 ** (np.linspace(_mel(_LOWEST), _mel(_HIGHEST), _BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(window, 1 / RATE)
    rise = (hertz[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - hertz[:, None]) / (edges[2:] - edges[1:-1])
    energy = power @ np.clip(np.minimum(rise, fall), 0, None)
    smooth = np.apply_along_axis(np.convolve, 0, energy, np.ones(3) / 3, "same")
    return np.asarray(10 * np.log10(smooth + 1e-8), np.float64)


def _mel(hertz: float) -> float:
    return 2595 * float(np.log10(1 + hertz / 700))
