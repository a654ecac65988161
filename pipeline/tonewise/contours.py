"""What is followed through a turn every 10 ms: how loud it is, and how periodic.

Both come from one short-time power spectrum at 8 kHz, so that a telephone line and a studio
microphone are heard alike. Three seconds cost about 1.5 ms.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples

HOP_S = 0.01

LOWEST_F0, HIGHEST_F0 = 65.0, 500.0
"""Hz. Chest voice of a deep man to an excited child."""

_RATE = RATE // 2
_HOP = round(HOP_S * _RATE)
_WINDOW = 384
"""48 ms: three periods of the lowest voice (Boersma 1993), and short enough for a syllable."""

_SIZE = 512
SHORTEST_LAG, LONGEST_LAG = int(_RATE / HIGHEST_F0) - 1, int(_RATE / LOWEST_F0) + 2
"""In samples at 8 kHz; one to spare on both sides, for the parabola through a peak."""

_BLOCK = 50
"""Frames at a time: half a second of spectra stays in the processor's cache, which halves the
cost."""

_HALF_BAND = 23
"""Taps of the low-pass before every second sample is dropped (odd, 4 n - 1)."""


@dataclass(frozen=True, slots=True)
class Contours:
    """A turn, frame by frame: frame i is centred on second i · 0.01, one for every 10 ms begun.

    Attributes:
        power: mean square between 100 Hz and 3.4 kHz, shape [n].
        periodicity: normalised autocorrelation of the whitened sound at lags SHORTEST_LAG …
            LONGEST_LAG of 8 kHz samples, about 1 for a perfect period, shape [n, lags]; 0 where
            there is no sound.
    """

    power: NDArray[np.float32]
    periodicity: NDArray[np.float32]


def contours(samples: Samples) -> Contours:
    """The contours of a turn, in 16 kHz `samples` of any length and level."""
    # A constant offset is no sound, but where the turn begins and ends it would be a click.
    sound = _halved(samples - samples.mean() if len(samples) else samples)
    count = -(-len(sound) // _HOP)
    # Half a window of silence on both sides puts the middle of frame i on sample i · hop.
    around = _WINDOW // 2
    padded = np.zeros(max(0, count - 1) * _HOP + _WINDOW, np.float32)
    heard = sound[: len(padded) - around]
    padded[around : around + len(heard)] = heard
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count]
    blocks = [_block(frames[start : start + _BLOCK]) for start in range(0, count or 1, _BLOCK)]
    return Contours(
        power=np.concatenate([power for power, _ in blocks]),
        periodicity=np.concatenate([periodicity for _, periodicity in blocks]),
    )


def _block(frames: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    spectrum = np.fft.rfft((frames * _HANN).astype(np.float64), _SIZE)
    energy = spectrum.real**2 + spectrum.imag**2
    power = energy[:, _LOUD].sum(axis=1) * _TO_MEAN_SQUARE
    # The root of the energy whitens the spectrum (a generalised autocorrelation, Tolonen &
    # Karjalainen 2000): else a formant drowns the period where a telephone line has cut off the
    # fundamental.
    magnitude = np.sqrt(energy, out=energy)
    magnitude[:, ~_PITCHED] = 0.0
    autocorrelation = np.fft.irfft(magnitude, _SIZE)
    whole, lags = autocorrelation[:, :1], autocorrelation[:, SHORTEST_LAG : LONGEST_LAG + 1]
    periodicity = np.divide(lags, whole * _HANN_LAGS, out=np.zeros_like(lags), where=whole > 0)
    return power.astype(np.float32), periodicity.astype(np.float32)


def _halved(samples: Samples) -> Samples:
    """Every second sample, after a half-band low-pass whose even taps are all zero but one."""
    half = _HALF_BAND // 2
    padded = np.concatenate([np.zeros(half, np.float32), samples, np.zeros(half + 1, np.float32)])
    length = (len(samples) + 1) // 2
    halved: Samples = np.convolve(padded[0::2], _ODD_TAPS, "valid")[:length]
    halved += np.float32(0.5) * padded[half::2][:length]
    return halved


def _odd_taps() -> NDArray[np.float32]:
    at = np.arange(_HALF_BAND) - _HALF_BAND // 2
    taps = 0.5 * np.sinc(at / 2) * np.hamming(_HALF_BAND)
    odd = taps[0::2]
    scaled: NDArray[np.float32] = (odd * (0.5 / odd.sum())).astype(np.float32)
    return scaled


def _hann_autocorrelation() -> NDArray[np.float32]:
    """The window's own autocorrelation, which Boersma (1993) divides out."""
    whole = np.correlate(_HANN, _HANN, "full")[_WINDOW - 1 :]
    lags: NDArray[np.float32] = (whole / whole[0])[SHORTEST_LAG : LONGEST_LAG + 1]
    return lags.astype(np.float32)


_ODD_TAPS = _odd_taps()
_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW)).astype(np.float32)
_HANN_LAGS = _hann_autocorrelation()
_HERTZ = np.fft.rfftfreq(_SIZE, 1 / _RATE)
_PITCHED = (_HERTZ >= 60.0) & (_HERTZ <= 3400.0)
"""Mains hum and a constant offset lie below every voice."""
_LOUD = (_HERTZ >= 100.0) & (_HERTZ <= 3400.0)
_TO_MEAN_SQUARE = np.float32(2.0 / (_SIZE * float(np.sum(_HANN**2))))
