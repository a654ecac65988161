"""Sounds that anybody can make again, to compare the file with what the training computed."""

import numpy as np
import numpy.typing as npt

RATE = 16000


def probes() -> list[npt.NDArray[np.float32]]:
    """Three vowels of falling pitch, of 0.1, 1.5 and 3 s, in a little noise."""
    rng = np.random.default_rng(2)
    found = []
    for size, pitch in ((1600, 220.0), (24000, 140.0), (48000, 180.0)):
        time = np.arange(size) / RATE
        phase = 2 * np.pi * pitch * (time - 0.05 * time**2)
        voice = np.sum([np.sin(n * phase) / n for n in range(1, 16)], axis=0) * 0.05
        found.append((voice + rng.standard_normal(size) * 0.005).astype(np.float32))
    return found
