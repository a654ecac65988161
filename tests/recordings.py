"""Writes small recordings for tests, and settings with which they are heard."""

import struct
from pathlib import Path

import av
import numpy as np

from tonewise.audio import RATE, to_pcm16


def scripted(*lines: str) -> str:
    """Settings without a model: a light VAD, and an STT that hears these words, a line a turn."""
    said = ", ".join(f'"{line}"' for line in lines)
    return f"""
[vad]
use = "webrtc"
options = {{aggressiveness = 0}}
[stt]
use = "scripted"
options = {{lines = [{said}]}}
"""


def write(path: Path, *channels: np.ndarray, rate: int = RATE, codec: str | None = None) -> Path:
    """A recording in the format of the file's suffix."""
    codec = (
        codec
        or {
            ".wav": "pcm_s16le",
            ".flac": "flac",
            ".mp3": "libmp3lame",
            ".ogg": "libopus",
            ".aac": "aac",
        }[path.suffix]
    )
    layout = {1: "mono", 2: "stereo"}[len(channels)]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=48_000 if codec == "libopus" else rate)
        stream.layout = layout
        context = stream.codec_context
        planes = np.stack(channels).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=layout)
        frame.sample_rate = rate
        context.open()
        fit = av.AudioResampler(context.format, layout, context.rate, context.frame_size or None)
        for piece in [*fit.resample(frame), *fit.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def wav_bytes(samples: np.ndarray, rate: int = RATE, channels: int = 1) -> bytearray:
    """A WAV file whose header may lie."""
    data = to_pcm16(samples)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, channels, rate,
        rate * 2 * channels, 2 * channels, 16, b"data", len(data),
    )  # fmt: skip
    return bytearray(head + data)
