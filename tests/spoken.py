"""Speech for tests: the shipped synthetic calls, and real recordings where they are at hand."""

import os
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest

from tonewise.audio import RATE, Resampler, Samples, from_g711, to_g711
from tonewise.audio_file import read
from tonewise.stages import TurnAudio

ROOT = Path(__file__).resolve().parents[1]
CALLS = sorted((ROOT / "web" / "samples").glob("*.flac"))
REAL = Path(os.environ.get("TONEWISE_DATA") or ROOT.parent / "shared" / "data") / "speech"

needs_real_speech = pytest.mark.skipif(
    not REAL.is_dir(), reason="real recordings are not at hand (TONEWISE_DATA or ../shared/data)"
)


@cache
def sample(number: int) -> Samples:
    """The `number`-th synthetic call, from 1."""
    return read(CALLS[number - 1])


@cache
def real(path: str) -> Samples:
    return read(REAL / path)


def telephone(samples: Samples) -> Samples:
    """The same by an 8 kHz µ-law line."""
    narrow = av.AudioResampler("flt", "mono", 8000)
    frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
    frame.sample_rate = RATE
    pieces = [piece.to_ndarray()[0] for piece in narrow.resample(frame) + narrow.resample(None)]
    wide = Resampler(8000)
    line = from_g711(to_g711(np.concatenate(pieces), "mu"), "mu")
    return np.concatenate([wide.push(line), wide.flush()])


def turn(samples: Samples, spoken: np.ndarray | None = None, frame_s: float = 0.032) -> TurnAudio:
    """A turn; without flags it is all speech."""
    if spoken is None:
        spoken = np.ones(-(-len(samples) // round(frame_s * RATE)), bool)
    return TurnAudio(samples.astype(np.float32), 0.0, spoken, frame_s)


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> Samples:
    made = np.random.default_rng(seed).normal(0, level, round(seconds * RATE))
    return made.astype(np.float32)
