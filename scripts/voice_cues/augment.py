"""What happens to speech between a mouth and a recogniser: lines, rooms, noise, levels, tempo.

All functions take and give float32 PCM at 16 kHz, one dimension, and draw from a given generator.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr
from scipy.signal import butter, fftconvolve, sosfilt

RATE = 16000
Pcm = npt.NDArray[np.float32]
Rng = np.random.Generator


def level(pcm: Pcm, dbfs: float) -> Pcm:
    """The same with its loudest half second at a level, in dB below full scale; may clip."""
    half = RATE // 2
    energy = np.concatenate([[0.0], np.cumsum(pcm.astype(np.float64) ** 2)])
    span = min(half, pcm.size)
    loudest = float((energy[span:] - energy[:-span]).max()) / span
    gain = 10 ** (dbfs / 20) / max(loudest, 1e-12) ** 0.5
    return np.clip(pcm * np.float32(gain), -1, 1)


def mu_law(pcm: Pcm) -> Pcm:
    """G.711 µ-law there and back, by its formula: 8 bits, µ = 255."""
    squeezed = np.sign(pcm) * np.log1p(255 * np.abs(pcm)) / np.log(256)
    coarse = np.round(squeezed * 127.5 - 0.5) / 127.5 + 0.5 / 127.5
    out: Pcm = (np.sign(coarse) * (256 ** np.abs(coarse) - 1) / 255).astype(np.float32)
    return out


def a_law(pcm: Pcm) -> Pcm:
    """G.711 A-law there and back, by its formula: 8 bits, A = 87.6."""
    size, one = np.abs(pcm), 1 + np.log(87.6)
    squeezed = np.where(size < 1 / 87.6, 87.6 * size, 1 + np.log(np.maximum(87.6 * size, 1))) / one
    coarse = (np.floor(squeezed * 128) + 0.5).clip(0.5, 127.5) / 128 * one
    back = np.where(coarse < 1, coarse / 87.6, np.exp(coarse - 1) / 87.6)
    return (np.sign(pcm) * back).astype(np.float32)


@cache
def _line(low: int, high: int, order: int) -> Any:  # noqa: ANN401 scipy is untyped
    return butter(order, [low, high], "bandpass", fs=8000, output="sos")


def telephone(pcm: Pcm, low: int = 300, high: int = 3400, *, a: bool = False) -> Pcm:
    """A telephone line: down to 8 kHz, its band, µ-law (or A-law), up to 16 kHz."""
    narrow = soxr.resample(pcm, RATE, 8000, "MQ")
    banded = sosfilt(_line(low, high, 4), narrow).astype(np.float32)
    coded = (a_law if a else mu_law)(np.clip(banded, -1, 1))
    wide: Pcm = soxr.resample(coded, 8000, RATE, "MQ")
    return wide[: pcm.size] if wide.size >= pcm.size else np.pad(wide, (0, pcm.size - wide.size))


def coloured_noise(size: int, slope: float, rng: Rng) -> Pcm:
    """Noise whose power falls with frequency to the power of `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequency = np.arange(spectrum.size) + 1.0
    noise = np.fft.irfft(spectrum / frequency ** (slope / 2), size)
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def with_noise(pcm: Pcm, noise: Pcm, snr_db: float) -> Pcm:
    """Speech with noise at a ratio of mean powers, in dB."""
    power, other = float(np.mean(pcm**2)), float(np.mean(noise**2))
    gain = (power / max(other, 1e-12) / 10 ** (snr_db / 10)) ** 0.5
    return (pcm + np.float32(gain) * noise).astype(np.float32)


def reverberated(pcm: Pcm, rt60: float, direct_db: float, rng: Rng) -> Pcm:
    """A room: noise that decays by 60 dB in `rt60` seconds, `direct_db` below the direct sound."""
    time = np.arange(int(rt60 * RATE)) / RATE
    tail = rng.standard_normal(time.size) * np.exp(-6.9 * time / rt60)
    tail *= 10 ** (-direct_db / 20) / (np.sqrt(np.sum(tail**2)) + 1e-9)
    tail[0] = 1.0
    out: Pcm = fftconvolve(pcm, tail)[: pcm.size].astype(np.float32)
    return out


def faster(pcm: Pcm, factor: float) -> Pcm:
    """Tempo and pitch changed together, as by a tape; small factors only (pitch tells arousal)."""
    out: Pcm = soxr.resample(pcm, RATE * factor, RATE, "MQ")
    return out


def lossy(pcm: Pcm, rng: Rng) -> Pcm:
    """One to three lost packets of 20 to 60 ms, filled with nothing."""
    out = pcm.copy()
    for _ in range(int(rng.integers(1, 4))):
        at = int(rng.integers(0, max(1, pcm.size - 960)))
        out[at : at + int(rng.integers(1, 4)) * 320] = 0
    return out


def some_noise(size: int, babble: Pcm | None, rng: Rng) -> Pcm:
    """Coloured noise, mains hum, or somebody else's speech."""
    kind = rng.random()
    if kind < 0.3 and babble is not None and babble.size:
        return np.resize(np.roll(babble, int(rng.integers(babble.size))), size)
    if kind < 0.4:
        time = np.arange(size) / RATE * float(rng.choice([50.0, 60.0])) * 2 * np.pi
        hum = np.sum([np.sin(n * time) / n for n in range(1, 12)], axis=0)
        return np.asarray(hum, np.float32)
    return coloured_noise(size, float(rng.uniform(0, 2)), rng)


def disturbed(pcm: Pcm, babble: Pcm | None, rng: Rng) -> Pcm:
    """One draw of all that may happen on the way: room, noise, level, line, losses."""
    if rng.random() < 0.3:
        pcm = reverberated(pcm, float(rng.uniform(0.1, 0.6)), float(rng.uniform(0, 12)), rng)
    if rng.random() < 0.55:
        noise = some_noise(pcm.size, babble, rng)
        pcm = with_noise(pcm, noise, float(rng.uniform(5, 28)))
    pcm = level(pcm, float(rng.uniform(-35, -8)))
    if rng.random() < 0.65:
        low, high = int(rng.integers(150, 400)), int(rng.integers(3200, 3700))
        pcm = telephone(pcm, low, high, a=bool(rng.random() < 0.25))
    return lossy(pcm, rng) if rng.random() < 0.1 else pcm
