"""A voice with known pitch, syllables and pauses, for tests of what is measured in one."""

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.stages import TurnAudio

FRAME = 160
Stretch = tuple[str, float]


def pulses(f0: float | np.ndarray, seconds: float = 1.0, tilt: float = 1.0) -> Samples:
    """Harmonics of `f0` (Hz; one value, or one per sample) that fall off as 1 / n**tilt."""
    n = round(seconds * RATE)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(f0, n)) / RATE
    highest = int(7000 / np.max(f0))
    wave = sum(np.cos(h * phase) / h**tilt for h in range(1, highest + 1))
    return (0.3 * wave / np.max(np.abs(wave))).astype(np.float32)


def by_phone(samples: Samples) -> Samples:
    """Only 300 to 3400 Hz: the fundamental of most voices is gone."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def noise(seconds: float, rms: float = 0.001, seed: int = 3) -> Samples:
    return np.random.default_rng(seed).normal(0, rms, round(seconds * RATE)).astype(np.float32)


def syllables(rate: float, seconds: float, f0: float = 120.0) -> Samples:
    """`rate` swells a second of a voice at `f0`, from silence to silence."""
    n = round(seconds * RATE)
    swell = np.sin(np.pi * rate * np.arange(n) / RATE) ** 2
    return (pulses(f0, seconds) * swell).astype(np.float32)


def speech(*stretches: Stretch, rate: float = 4.0, latency_s: float | None = None) -> TurnAudio:
    """`speech(("voice", 1.0), ("pause", 0.5), ("voice", 1.0))`, and a VAD that is never wrong.

    There are 0.3 s of room before it and 0.2 s after it, as the ear leaves.
    """
    parts, spoken = [], []
    for kind, seconds in [("pause", 0.3), *stretches, ("pause", 0.2)]:
        n = round(seconds * RATE / FRAME) * FRAME
        voice = kind == "voice"
        parts.append(syllables(rate, n / RATE) if voice else np.zeros(n, np.float32))
        spoken += [voice] * (n // FRAME)
    samples = np.concatenate(parts)
    samples += noise(len(samples) / RATE)
    return turn(samples, np.array(spoken), latency_s=latency_s)


def turn(
    samples: Samples, spoken: np.ndarray | None = None, *, latency_s: float | None = None
) -> TurnAudio:
    """A turn; all of it speech, unless told."""
    if spoken is None:
        spoken = np.ones(-(-len(samples) // FRAME), np.bool_)
    return TurnAudio(samples, 0.0, spoken, FRAME / RATE, latency_s)
