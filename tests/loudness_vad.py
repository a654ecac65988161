"""A VAD for tests of everything but the VAD: a frame is speech when it is loud."""

import numpy as np

from tonewise.audio import RATE, Samples


class LoudnessVad:
    name = "loudness"
    frame_samples = 160
    threshold = 0.5

    def open(self) -> "LoudnessVad":
        return self

    def speech(self, frame: Samples) -> float:
        return float(np.abs(frame).mean() > 0.05)


def sound(*stretches: tuple[str, float]) -> Samples:
    """`sound(("speech", 0.5), ("silence", 1.0))`: a buzz for speech, faint noise for silence."""
    rng = np.random.default_rng(7)
    parts = []
    for kind, seconds in stretches:
        n = round(seconds * RATE)
        noise = rng.normal(0, 0.001, n)
        buzz = 0.3 * np.sign(np.sin(2 * np.pi * 120 * np.arange(n) / RATE))
        parts.append(noise + (buzz if kind == "speech" else 0))
    return np.concatenate(parts).astype(np.float32)
