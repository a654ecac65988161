"""What a telephone line cuts off, moved to where it can be heard.

A line of 8 kHz ends below 4 kHz, and there the hiss of "s" and "f" lies that tells "spell" from
"bell". Hearing aids move such sounds down; so does this: what lies above 4 kHz is mirrored at 4 kHz
and added between 2.2 and 4 kHz, and the upper half of the line is raised, as a telephone's own
microphone does (ITU-T P.48 rises by some 10 dB from 300 Hz to 3 kHz).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples

MIRRORED = 2.0
"""Share of the sound above 4 kHz that is added below: chosen by scripts/bench_telephony's listener
on forty other sentences, as were the two figures below."""

RISE_DB, RISE_HZ = 12.0, 1200.0
"""High tones are raised by so much; half of it is reached near this frequency."""

LEVEL = 0.5
"""Keeps a voice about as loud as it was, in RMS; what is louder, the encoder bends."""

NARROW = 8000
"""Samples per second of the line that this is for."""

TAPS = 63
"""Of each filter: 2 ms of delay each."""


class Clarity:
    """One direction of one call, 16 kHz. The sound comes out 6 ms later."""

    def __init__(self) -> None:
        self._sign = 1.0
        self._above = _Filter(_designed(lambda f: np.clip((f - 3600) / 600, 0, 1)))
        self._below = _Filter(
            _designed(lambda f: np.clip((f - 1800) / 600, 0, 1) * np.clip((4200 - f) / 400, 0, 1))
        )
        self._rise = _Filter(_designed(_rise))
        self._waiting = np.zeros(TAPS - 1, np.float32)  # the sound that is not moved, as late

    def push(self, samples: Samples) -> Samples:
        """The sound, clearer; as much as was given."""
        if not len(samples):
            return samples
        high = self._above.push(samples)
        signs = np.where(np.arange(len(high)) % 2, -self._sign, self._sign)
        if len(high) % 2:
            self._sign = -self._sign
        mirrored = self._below.push((high * signs).astype(np.float32))
        late = np.concatenate([self._waiting, samples])
        self._waiting = late[len(samples) :]
        mixed = late[: len(samples)] + np.float32(MIRRORED) * mirrored
        return self._rise.push(mixed.astype(np.float32)) * np.float32(LEVEL)


class _Filter:
    """A FIR filter that remembers."""

    def __init__(self, taps: NDArray[np.float64]) -> None:
        self._taps = taps
        self._last = np.zeros(len(taps) - 1, np.float32)

    def push(self, samples: Samples) -> Samples:
        whole = np.concatenate([self._last, samples])
        self._last = whole[len(samples) :]
        return np.convolve(whole, self._taps, "valid").astype(np.float32)


def _designed(gain: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float64]:
    """A linear-phase filter of this gain over frequency, by sampling and a Hamming window."""
    grid = 1024
    response = gain(np.fft.rfftfreq(grid, 1 / RATE).astype(np.float64))
    pulse = np.fft.irfft(response, grid)
    middle = TAPS // 2
    taps: NDArray[np.float64] = np.roll(pulse, middle)[:TAPS] * np.hamming(TAPS)
    return taps


def _rise(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    high: float = 10 ** (RISE_DB / 20)
    curve = (hertz / RISE_HZ) ** 2
    return (1 + high * curve) / (1 + curve)
