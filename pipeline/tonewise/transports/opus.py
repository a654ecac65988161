"""Opus to samples at 16 kHz, and a guess where a packet was lost.

An encoder that expects losses adds to each packet a rough copy of the one before (RFC 6716 §2.1.7).
FFmpeg does not pass that on, so libopus is asked itself: PyAV carries it, or the system has it.
Where it is not found, FFmpeg decodes, and a lost packet is guessed without that copy.
"""

import ctypes
import ctypes.util
import weakref
from functools import cache
from pathlib import Path
from typing import Protocol

import av
import numpy as np

from tonewise.audio import RATE, Resampler, Samples, from_pcm16
from tonewise.errors import AudioError

OPUS_RATE = 48_000
"""Opus counts its samples at this rate, whatever is in it (RFC 7587 §4.1)."""

_LONGEST = 120 * RATE // 1000
"""Samples at 16 kHz of the longest packet (RFC 6716 §3.2.5)."""

_ONE_FRAME = 0xFC
"""The first byte of a packet says how it is encoded; without its last two bits it says that one
frame follows (RFC 6716 §3.1). Where none follows, libopus takes the frame for lost and guesses:
the one way to its concealment that leads through FFmpeg."""


class Decoder(Protocol):
    """One stream's decoder; packets are given to it in order."""

    def decode(self, payload: bytes) -> Samples:
        """The sound of a packet.

        Raises:
            AudioError: it is no Opus.
        """
        ...

    def lost(self, count: int, follows: bytes) -> Samples:
        """About `count` samples in place of a packet that was lost, before the one that follows."""
        ...


def decoder() -> Decoder:
    """The best one there is."""
    library = libopus()
    return FfmpegDecoder() if library is None else LibopusDecoder(library)


def duration(payload: bytes) -> int:
    """Samples at 48 kHz that a packet lasts; 0 where it is no Opus (RFC 6716 §3.1)."""
    if not payload:
        return 0
    mode, code = payload[0] >> 3, payload[0] & 3
    if mode < 12:
        frame = (480, 960, 1920, 2880)[mode % 4]
    elif mode < 16:
        frame = (480, 960)[mode % 2]
    else:
        frame = (120, 240, 480, 960)[mode % 4]
    if code < 3:
        return frame * (1, 2, 2)[code]
    return frame * (payload[1] & 0x3F) if len(payload) > 1 else 0


@cache
def libopus() -> ctypes.CDLL | None:
    """The library, where there is one; once for the process."""
    packages = Path(av.__file__).parent
    carried = [*packages.parent.glob("av.libs/libopus*"), *packages.glob(".dylibs/libopus*")]
    for path in [*map(str, carried), ctypes.util.find_library("opus")]:
        try:
            library = ctypes.CDLL(path) if path else None
        except OSError:
            continue
        if library is not None:
            library.opus_decoder_create.restype = ctypes.c_void_p
            library.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
            library.opus_decode_float.argtypes = [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_int32,
                ctypes.c_void_p,
                ctypes.c_int,
                ctypes.c_int,
            ]
            return library
    return None


class LibopusDecoder:
    """libopus itself (`opus.h`)."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        failed = ctypes.c_int()
        self._state = library.opus_decoder_create(RATE, 1, ctypes.byref(failed))
        if failed.value or not self._state:
            raise AudioError(f"libopus gives no decoder: error {failed.value}")
        weakref.finalize(self, library.opus_decoder_destroy, self._state)

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder`."""
        return self._ask(payload, _LONGEST, repair=False)

    def lost(self, count: int, follows: bytes) -> Samples:
        """See `Decoder`; what follows may hold a copy, and else libopus guesses."""
        whole = count // (RATE // 400) * (RATE // 400)  # it guesses in steps of 2.5 ms
        return self._ask(follows or None, min(whole, _LONGEST), repair=bool(follows))

    def _ask(self, payload: bytes | None, count: int, *, repair: bool) -> Samples:
        sound = np.zeros(count, np.float32)
        size = len(payload) if payload else 0
        made = self._library.opus_decode_float(
            self._state, payload, size, sound.ctypes.data, count, int(repair)
        )
        if made < 0:
            raise AudioError(f"this packet is no Opus: libopus says {made}")
        return sound[:made]


class FfmpegDecoder:
    """libopus by way of FFmpeg."""

    def __init__(self) -> None:
        self._codec: av.AudioCodecContext = av.CodecContext.create("libopus", "r")
        self._codec.format = av.AudioFormat("s16")
        self._codec.layout = "mono"
        self._codec.sample_rate = OPUS_RATE
        self._resampler = Resampler(OPUS_RATE)
        self._nothing = b""  # stands for a packet like the last one that was lost

    def decode(self, payload: bytes) -> Samples:
        """See `Decoder`."""
        if not payload:  # for FFmpeg this would be the end of all sound
            raise AudioError("this packet is no Opus: it is empty")
        self._nothing = bytes([payload[0] & _ONE_FRAME])
        return self._decoded(payload)

    def lost(self, count: int, follows: bytes) -> Samples:  # noqa: ARG002 - its copy is out of reach
        """See `Decoder`."""
        return self._decoded(self._nothing) if self._nothing else np.zeros(count, np.float32)

    def _decoded(self, payload: bytes) -> Samples:
        try:
            frames = self._codec.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise AudioError(f"this packet is no Opus: {error}") from error
        pcm = b"".join(frame.to_ndarray().tobytes() for frame in frames)
        return self._resampler.push(from_pcm16(pcm))
