"""Sound inside the house: 16 kHz, mono, float32 in [-1, 1]. All else is converted at the door.

Raw PCM, G.711 and other sample rates become `Samples` here; files are read in `audio_file.py`.
"""

from typing import Literal, cast

import av
import av.filter
import numpy as np
from numpy.typing import NDArray

from tonewise.errors import AudioError

RATE = 16_000
"""Samples per second of every `Samples` in the house."""

LOWEST_RATE, HIGHEST_RATE = 4_000, 192_000
"""Sample rates outside this range are taken for a broken header."""

Samples = NDArray[np.float32]
"""Mono PCM at 16 kHz, shape [n], in [-1, 1]."""

Law = Literal["mu", "a"]


def seconds(count: int) -> float:
    """The duration of `count` samples, rounded to the millisecond that events carry."""
    return round(count / RATE, 3)


def from_pcm16(data: bytes) -> Samples:
    """Samples from 16-bit signed little-endian PCM, whatever its rate.

    Raises:
        AudioError: an odd number of bytes, so that a sample is cut in half.
    """
    if len(data) % 2:
        msg = f"16-bit PCM comes in pairs of bytes; this chunk has {len(data)}"
        raise AudioError(msg)
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768)


def to_pcm16(samples: Samples) -> bytes:
    """16-bit signed little-endian PCM; what is beyond full scale is clipped."""
    scaled = np.rint(np.clip(samples, -1.0, 1.0) * np.float32(32767))
    return bytes(scaled.astype("<i2").tobytes())


# ---------------------------------------------------------------- G.711


def _mu_law_levels() -> NDArray[np.int16]:
    """ITU-T G.711 table 2: 256 codes to 16-bit linear."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _a_law_levels() -> NDArray[np.int16]:
    """ITU-T G.711 table 1: 256 codes to 16-bit linear."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = (code & 0x0F) << 4
    magnitude = np.where(
        segment == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(segment - 1, 0)
    )
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_LINEAR: NDArray[np.int32] = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
"""Every 16-bit sample, in the order of its bits read as uint16."""


def _mu_law_codes() -> NDArray[np.uint8]:
    """The code of each 16-bit sample: G.711 decides on 14 bits, biased by 33."""
    coarse = _LINEAR >> 2
    magnitude = np.minimum(np.abs(coarse), 8158) + 33
    segment = np.floor(np.log2(magnitude)).astype(np.int32) - 5
    code = (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F)
    return np.asarray(~np.where(coarse < 0, code | 0x80, code), dtype=np.int32).astype(np.uint8)


def _a_law_codes() -> NDArray[np.uint8]:
    """The code of each 16-bit sample: G.711 decides on 13 bits; even bits are inverted."""
    coarse = _LINEAR >> 3
    magnitude = np.where(coarse < 0, -coarse - 1, coarse)
    segment = np.maximum(np.floor(np.log2(np.maximum(magnitude, 1))).astype(np.int32) - 4, 0)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    return (code ^ np.where(coarse < 0, 0x55, 0xD5)).astype(np.uint8)


_LEVELS: dict[Law, NDArray[np.int16]] = {"mu": _mu_law_levels(), "a": _a_law_levels()}
_CODES: dict[Law, NDArray[np.uint8]] = {
    "mu": _mu_law_codes(),
    "a": _a_law_codes(),
}


def from_g711(data: bytes, law: Law) -> Samples:
    """Samples at the line's rate (8 kHz) from µ-law or A-law bytes."""
    levels = _LEVELS[law][np.frombuffer(data, dtype=np.uint8)]
    return levels.astype(np.float32) / np.float32(32768)


def to_g711(samples: Samples, law: Law) -> bytes:
    """µ-law or A-law bytes."""
    linear = np.frombuffer(to_pcm16(samples), dtype="<i2").view(np.uint16)
    return _CODES[law][linear].tobytes()


# ---------------------------------------------------------------- streams


class Resampler:
    """Turns a live stream of any rate into 16 kHz, chunk by chunk, without clicks at the joins.

    One per direction per call. PyAV's resampler delays by 1 to 2 ms and answers evenly, where
    soxr's streams come in bursts of 40 to 100 ms.

    Args:
        rate: of what is pushed.
        to: of what comes out; on the way to a peer it is the line's.

    Raises:
        AudioError: a rate is outside 4 kHz to 192 kHz.
    """

    def __init__(self, rate: int, to: int = RATE) -> None:
        for hertz in (rate, to):
            if not LOWEST_RATE <= hertz <= HIGHEST_RATE:
                span = f"{LOWEST_RATE} to {HIGHEST_RATE}"
                raise AudioError(f"a sample rate of {hertz} Hz is not sound; give {span}")
        self.rate = rate
        self._av = None if rate == to else _graph(rate, to)

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """What is ready after `samples` at `rate`."""
        if self._av is None:
            return samples
        if not len(samples):
            return samples
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis, :], format="flt", layout="mono")
        frame.sample_rate = self.rate
        self._av.push(frame)
        return _pulled(self._av)

    def flush(self) -> NDArray[np.float32]:
        """The last milliseconds, at the end of the stream."""
        if self._av is None:
            return np.zeros(0, np.float32)
        self._av.push(None)
        return _pulled(self._av)


def _graph(rate: int, to: int) -> av.filter.Graph:
    """What `av.AudioResampler` makes, but without a thread of its own per core."""
    graph = av.filter.Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add("abuffer", sample_rate=str(rate), sample_fmt="flt", channel_layout="mono"),
        graph.add("aformat", sample_rates=str(to), sample_fmts="flt", channel_layouts="mono"),
        graph.add("abuffersink"),
    )
    graph.configure()
    return graph


def _pulled(graph: av.filter.Graph) -> Samples:
    pieces: list[Samples] = []
    while True:
        try:
            pieces.append(cast("av.AudioFrame", graph.pull()).to_ndarray()[0])
        except (BlockingIOError, EOFError):  # nothing is ready, or all is out
            return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


class Framer:
    """Cuts a stream into frames of `size` samples and keeps the rest for the next push."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._rest = np.zeros(0, np.float32)

    def push(self, samples: Samples) -> list[Samples]:
        """The whole frames that are complete now."""
        joined = np.concatenate([self._rest, samples]) if len(self._rest) else samples
        whole = len(joined) // self.size * self.size
        self._rest = joined[whole:].copy()
        return [joined[start : start + self.size] for start in range(0, whole, self.size)]

    def flush(self) -> list[Samples]:
        """The last frame, filled up with silence; none where nothing is left."""
        if not len(self._rest):
            return []
        frame = np.zeros(self.size, np.float32)
        frame[: len(self._rest)] = self._rest
        self._rest = self._rest[:0]
        return [frame]
