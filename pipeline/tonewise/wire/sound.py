"""Sound as a telephone line carries it: µ-law, A-law or 16-bit PCM, at the line's own rate."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Resampler, Samples, from_g711, to_g711, to_pcm16
from tonewise.errors import WireError

Encoding = Literal["mu", "a", "l16"]

NAMES: dict[str, Encoding] = {
    "audio/x-mulaw": "mu",
    "audio/mulaw": "mu",
    "audio/pcmu": "mu",
    "pcmu": "mu",
    "ulaw": "mu",
    "mulaw": "mu",
    "audio/x-alaw": "a",
    "audio/pcma": "a",
    "pcma": "a",
    "alaw": "a",
    "audio/x-l16": "l16",
    "audio/l16": "l16",
    "l16": "l16",
    "linear16": "l16",
    "audio/x-raw": "l16",
    "raw/slin": "l16",
    "base64": "l16",
    "slin": "l16",
}
"""What the providers call them; capital letters mean nothing."""

RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 64_000)

KNEE, CEILING = 0.5, 0.708
"""Louder than KNEE is bent, so that nothing passes CEILING (-3 dBFS): companding distorts there."""

_UNSUPPORTED = 1003


@dataclass(frozen=True, slots=True)
class Format:
    """How samples become bytes. Of several channels, interleaved, the first is the caller's."""

    encoding: Encoding = "mu"
    rate: int = 8_000
    channels: int = 1
    big_endian: bool = False

    @property
    def width(self) -> int:
        """Bytes of one sample of all channels."""
        return (2 if self.encoding == "l16" else 1) * self.channels

    def size(self, ms: float) -> int:
        """Bytes of so many milliseconds."""
        return round(self.rate * ms / 1000) * self.width


def named(encoding: str, rate: int, channels: int = 1, *, big_endian: bool = False) -> Format:
    """The format that a provider names.

    Raises:
        WireError: none that we can hear.
    """
    known = NAMES.get(encoding.strip().lower())
    if known is None:
        msg = "this encoding cannot be heard here; choose µ-law, A-law or 16-bit PCM (L16)"
        raise WireError(msg, _UNSUPPORTED)
    if rate not in RATES or channels not in (1, 2):
        msg = f"{rate} Hz in {channels} channels is no telephone line; choose 8000, 16000 or 24000"
        raise WireError(msg, _UNSUPPORTED)
    return Format(known, rate, channels, big_endian)


class Decoder:
    """Bytes of one direction to samples at the line's rate.

    Every message holds whole samples. One that was cut short loses its last sample, and costs the
    messages after it nothing.
    """

    def __init__(self, form: Format) -> None:
        self._form = form

    def push(self, data: bytes) -> NDArray[np.float32]:
        """The samples of one message."""
        data = data[: len(data) // self._form.width * self._form.width]
        if self._form.encoding == "l16":
            kind = ">i2" if self._form.big_endian else "<i2"
            samples = np.frombuffer(data, kind).astype(np.float32) / np.float32(32768)
        else:
            samples = from_g711(data, self._form.encoding)
        return np.ascontiguousarray(samples[:: self._form.channels])  # as PyAV wants it


class Encoder:
    """16 kHz samples to frames of bytes, all of one size.

    Args:
        form: of the bytes; one channel.
        frame_bytes: of one frame.
    """

    def __init__(self, form: Format, frame_bytes: int) -> None:
        self._form = form
        self._frame = frame_bytes
        self._resampler = Resampler(RATE, form.rate)
        self._waiting = b""

    def push(self, samples: Samples) -> list[bytes]:
        """The frames that are whole now."""
        return self._cut(self._bytes(self._resampler.push(samples)))

    def rest(self) -> list[bytes]:
        """What waits, as frames of which the last is filled up with silence."""
        frames = self._cut(self._bytes(self._resampler.flush()))
        self._resampler = Resampler(RATE, self._form.rate)
        if self._waiting:
            missing = (self._frame - len(self._waiting)) // self._form.width
            frames += self._cut(self._bytes(np.zeros(missing, np.float32)))
        return frames

    def drop(self) -> None:
        """Forget what waits: the caller speaks."""
        self._waiting = b""
        self._resampler = Resampler(RATE, self._form.rate)

    def _cut(self, data: bytes) -> list[bytes]:
        data = self._waiting + data
        whole = len(data) // self._frame * self._frame
        self._waiting = data[whole:]
        return [data[start : start + self._frame] for start in range(0, whole, self._frame)]

    def _bytes(self, samples: NDArray[np.float32]) -> bytes:
        limited = _limited(samples)
        if self._form.encoding != "l16":
            return to_g711(limited, self._form.encoding)
        data = to_pcm16(limited)
        if self._form.big_endian:
            return np.frombuffer(data, "<i2").astype(">i2").tobytes()
        return data


def _limited(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is louder than the knee, bent below the ceiling; what is not, untouched."""
    loud = np.abs(samples)
    if not len(samples) or float(loud.max()) <= KNEE:
        return samples
    room = CEILING - KNEE
    bent = KNEE + room * np.tanh((loud - KNEE) / room)
    return np.where(loud > KNEE, np.copysign(bent, samples), samples).astype(np.float32)
