"""What is done to sound when filled pauses are spliced in: levels, cross-fades, room tone, a line.

Sound is float32 at 16 kHz in [-1, 1]; everything random comes from the generator that is handed in.
"""

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

RATE = 16_000
QUIETEST = 1e-4
"""Amplitude of the room where a recording has been gated to digital zero (-80 dBFS)."""


def rms(sound: Samples) -> float:
    """Root mean square; never 0."""
    return (
        float(np.sqrt(np.mean(np.square(sound, dtype=np.float64)) + 1e-12)) if len(sound) else 1e-6
    )


def frame_levels(sound: Samples, frame: int = 160) -> NDArray[np.float64]:
    """Level in dBFS of every whole frame."""
    count = len(sound) // frame
    blocks = sound[: count * frame].reshape(count, frame).astype(np.float64)
    return np.asarray(10 * np.log10(np.mean(blocks**2, axis=1) + 1e-10))


def loud_part(sound: Samples) -> Samples:
    """The frames within 25 dB of the loudest: what a listener takes the level from."""
    levels = frame_levels(sound)
    if not len(levels):
        return sound
    kept = np.flatnonzero(levels > np.percentile(levels, 95) - 25)
    return np.concatenate([sound[i * 160 : (i + 1) * 160] for i in kept])


def trimmed(sound: Samples, keep_s: float = 0.15) -> Samples:
    """Without the silence at both ends, but for `keep_s`."""
    levels = frame_levels(sound)
    loud = np.flatnonzero(levels > np.percentile(levels, 95) - 30) if len(levels) else levels
    if not len(loud):
        return sound
    around = round(keep_s * RATE)
    return sound[max(0, int(loud[0]) * 160 - around) : (int(loud[-1]) + 1) * 160 + around]


def faded(sound: Samples, fade_s: float) -> Samples:
    """Raised-cosine edges, so that a cut does not click."""
    edge = min(round(fade_s * RATE), len(sound) // 2)
    shape = np.ones(len(sound), np.float32)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / max(1, edge))).astype(np.float32)
    shape[:edge] = ramp
    shape[len(sound) - edge :] = ramp[::-1]
    return np.asarray(sound * shape, np.float32)


def joined(pieces: list[Samples], fade_s: float) -> Samples:
    """One after another, each fading into the next over `fade_s`."""
    whole = pieces[0]
    for piece in pieces[1:]:
        edge = min(round(fade_s * RATE), len(whole), len(piece))
        ramp = ((np.arange(edge) + 0.5) / max(1, edge)).astype(np.float32)
        seam = whole[len(whole) - edge :] * (1 - ramp) + piece[:edge] * ramp
        whole = np.concatenate([whole[: len(whole) - edge], seam, piece[edge:]])
    return np.asarray(whole, np.float32)


def room_tone(sound: Samples, count: int, rng: np.random.Generator) -> Samples:
    """`count` samples of the room a recording was made in.

    The quietest fifth of its frames of 20 ms, in any order, each overlapping the next by half. A
    room that was gated to digital zero becomes very soft noise: zeros would give the splice away.
    """
    if count <= 0:
        return np.zeros(0, np.float32)
    size = 320
    levels = frame_levels(sound, size)
    quiet = np.argsort(levels)[: max(1, len(levels) // 5)] if len(levels) else np.zeros(1, int)
    window = np.hanning(size + 1)[:size]
    tone = np.zeros(count + 2 * size)
    for start in range(0, count + size, size // 2):
        at = int(rng.choice(quiet)) * size
        piece = sound[at : at + size]
        tone[start : start + len(piece)] += piece * window[: len(piece)]
    tone = tone[size : size + count] + rng.normal(0, QUIETEST / 3, count)
    return tone.astype(np.float32)


def stretched(sound: Samples, factor: float, window_s: float = 0.03) -> Samples:
    """`factor` times as long at the same pitch (WSOLA, Verhelst & Roelands 1993)."""
    size = round(window_s * RATE)
    hop, reach = size // 2, size // 4
    if len(sound) < 2 * size:
        return sound
    window = np.hanning(size + 1)[:size]
    count = max(2, round(len(sound) * factor) // hop)
    out = np.zeros((count + 1) * hop)
    weight = np.full(len(out), 1e-3)
    at = 0
    for i in range(count):
        wanted = min(round(i * hop / factor), len(sound) - size)
        if i:
            # Where the sound goes on most like it would have gone on by itself.
            natural = sound[min(at + hop, len(sound) - size) :][:size]
            low = max(0, wanted - reach)
            area = sound[low : min(len(sound), wanted + reach + size)]
            wanted = low + int(np.argmax(np.correlate(area, natural, "valid")))
        at = wanted
        out[i * hop : i * hop + size] += sound[at : at + size] * window
        weight[i * hop : i * hop + size] += window
    return np.asarray((out / weight)[: round(len(sound) * factor)], np.float32)


def resampled(sound: Samples, factor: float) -> Samples:
    """Played `factor` times as fast: pitch and formants rise with it. Meant for 0.85 to 1.18."""
    places = np.arange(0, len(sound) - 1, factor)
    return np.asarray(np.interp(places, np.arange(len(sound)), sound), np.float32)


def tilted(sound: Samples, amount: float) -> Samples:
    """A spectrum leant by one zero: `amount` in (-0.9, 0.9), positive is duller."""
    if not len(sound):
        return sound
    leant = sound.copy()
    leant[1:] += np.float32(amount) * sound[:-1]
    return np.asarray(leant * (rms(sound) / rms(leant)), np.float32)


def telephone(sound: Samples) -> Samples:
    """Through a telephone line: 300 to 3400 Hz, 8 kHz, 8-bit µ-law, and back to 16 kHz."""
    size = len(sound)
    if not size:
        return sound
    narrow = np.fft.irfft(np.fft.rfft(sound) * _line(size), size)[::2]
    loud = np.clip(narrow, -1, 1)
    code = np.round(np.sign(loud) * np.log1p(255 * np.abs(loud)) / np.log1p(255) * 127)
    back = np.sign(code) * np.expm1(np.abs(code) / 127 * np.log1p(255)) / 255
    wide = np.zeros(size)
    wide[::2] = 2 * back[: len(wide[::2])]
    return np.asarray(np.fft.irfft(np.fft.rfft(wide) * _line(size), size), np.float32)


def at_level(sound: Samples, dbfs: float) -> Samples:
    """Scaled so that its loud part is at `dbfs`; peaks are clipped at full scale."""
    gain = 10 ** (dbfs / 20) / rms(loud_part(sound))
    return np.asarray(np.clip(sound * gain, -1, 1), np.float32)


def with_noise(sound: Samples, noise: Samples, snr_db: float, rng: np.random.Generator) -> Samples:
    """`noise`, from a random place on and as often as needed, `snr_db` below the loud part."""
    start = int(rng.integers(0, len(noise)))
    under = np.resize(np.roll(noise, -start), len(sound))
    gain = rms(loud_part(sound)) / rms(under) * 10 ** (-snr_db / 20)
    return np.asarray(sound + under * gain, np.float32)


def _line(size: int) -> NDArray[np.float64]:
    """The line's response at the frequencies of an rfft of `size`; edges 100 Hz wide."""
    hertz = np.fft.rfftfreq(size, 1 / RATE)
    rise = np.clip((hertz - 250) / 100, 0, 1)
    return np.asarray(rise * np.clip((3500 - hertz) / 100, 0, 1), np.float64)
