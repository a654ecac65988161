"""How loud, how noisy, how distorted."""

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import Samples

FULL_SCALE = 0.98
"""From here a sample is clipped: µ-law's loudest code is 0.980, A-law's 0.984."""

QUIETEST = 1e-10
"""Mean square of what 16-bit silence can hold, -100 dBFS: below it is digital silence."""

_MARGIN = 5
"""Frames next to speech that are left out of the noise: windows overlap, and rooms ring."""

_FEWEST_FRAMES = 10


def loudness_dbfs(power: NDArray[np.float32], spoken: NDArray[np.bool_]) -> float | None:
    """RMS of the speech between 100 Hz and 3.4 kHz relative to full scale, ≤ 0.

    None where there is no speech, or nothing to hear in it. The band makes a telephone and a
    studio microphone comparable.

    Args:
        power: mean square of each frame, shape [n].
        spoken: was it speech? Shape [n].
    """
    if not spoken.any():
        return None
    loud = float(power[spoken].mean())
    return min(0.0, _decibels(loud)) if loud > QUIETEST else None


def snr_db(power: NDArray[np.float32], spoken: NDArray[np.bool_]) -> float | None:
    """Speech against the noise between words, -20 to 100 dB.

    The noise is the median of the silent frames, so a click or a breath does not count; it is
    taken off the speech, which it lies under. None where there is under 0.1 s of silence at
    some distance from speech.

    Args:
        power: mean square of each frame, shape [n].
        spoken: was it speech? Shape [n].
    """
    near = np.convolve(spoken, np.ones(2 * _MARGIN + 1, np.int64), "full")
    silent = near[_MARGIN : _MARGIN + len(spoken)] == 0
    if not spoken.any() or np.count_nonzero(silent) < _FEWEST_FRAMES:
        return None
    noise = max(float(np.median(power[silent])), QUIETEST)
    speech = float(power[spoken].mean()) - noise
    return _decibels(max(speech / noise, 0.01))


def clipping(samples: Samples) -> float:
    """Share of samples at full scale, in [0, 1]."""
    return int(np.count_nonzero(np.abs(samples) >= FULL_SCALE)) / max(1, len(samples))


def _decibels(ratio: float) -> float:
    return float(10 * np.log10(ratio))
