"""Both voices of a call on one time line, as FLAC that can be read wherever it breaks off."""

from collections import deque

import av
import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples

Pcm = NDArray[np.int16]
"""16-bit samples at 16 kHz."""

FURTHEST_S = 120.0
"""Sound due later than this is dropped: what is kept in memory has an end."""

_STREAM_INFO = b"fLaC\x80\x00\x00\x22"
"""The magic number and the header of the only metadata block, which is also the last (RFC 9639)."""


def pcm(samples: Samples) -> Pcm:
    """Samples as 16-bit integers; what came from 16 bits goes back into the same ones."""
    clipped = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0)
    scaled: Pcm = np.clip(np.rint(clipped * np.float32(32768)), -32768, 32767).astype(np.int16)
    return scaled


class TwoVoices:
    """Aligns the caller's sound and ours. The caller's sound is the clock."""

    def __init__(self) -> None:
        self._caller: deque[Pcm] = deque()
        self._reply: list[tuple[int, Pcm]] = []
        self.taken = 0
        """Samples that were taken."""
        self.heard = 0
        """Samples of the caller's."""
        self._last: tuple[int, int] = (-1, 0)  # a turn, and where our latest sound of it ends

    def hear(self, samples: Pcm) -> None:
        """The caller's next samples."""
        self._caller.append(samples)
        self.heard += len(samples)

    def speak(self, turn: int, samples: Pcm, at_s: float) -> None:
        """Our sound, due at second `at_s`; what comes late follows at once."""
        earliest = max(round(at_s * RATE), self.taken)
        begin = max(earliest, self._last[1]) if turn == self._last[0] else earliest
        self._last = (turn, begin + len(samples))
        if begin - self.heard <= FURTHEST_S * RATE:
            self._reply.append((begin, samples))

    def fall_silent(self, at_s: float) -> None:
        """We were interrupted: what was due after `at_s` was not played."""
        end = max(round(at_s * RATE), self.taken)
        self._reply = [(begin, s[: end - begin]) for begin, s in self._reply if begin < end]
        self._last = (-1, 0)

    def take(self, upto: int) -> Pcm:
        """What has not been taken, up to sample `upto`; shape [n, 2]."""
        count = min(upto, self.heard) - self.taken
        if count <= 0:
            return np.zeros((0, 2), np.int16)
        both = np.zeros((count, 2), np.int16)
        filled = 0
        while filled < count:
            piece = self._caller.popleft()
            fits = min(len(piece), count - filled)
            both[filled : filled + fits, 0] = piece[:fits]
            if fits < len(piece):
                self._caller.appendleft(piece[fits:])
            filled += fits
        self._mix(both)
        self.taken += count
        return both

    def _mix(self, both: Pcm) -> None:
        left, begins, ends = [], self.taken, self.taken + len(both)
        for begin, samples in self._reply:
            first, last = max(begin, begins), min(begin + len(samples), ends)
            if first < last:
                both[first - begins : last - begins, 1] = samples[first - begin : last - begin]
            if begin + len(samples) > ends:
                left.append((begin, samples))
        self._reply = left


class Flac:
    """Encodes two channels to FLAC, a frame of 72 ms at a time."""

    def __init__(self) -> None:
        context = av.CodecContext.create("flac", "w")
        context.sample_rate = RATE
        context.layout = "stereo"
        context.format = "s16"
        context.open()
        self._context = context
        self._rest = np.zeros((0, 2), np.int16)
        self._position = 0

    @property
    def header(self) -> bytes:
        """What the file begins with. Written anew at the end, for then it tells the length."""
        return _STREAM_INFO + bytes(self._context.extradata or b"")

    def push(self, samples: Pcm) -> list[bytes]:
        """The frames that are whole after these samples, shape [n, 2]."""
        size = self._context.frame_size
        joined = np.concatenate([self._rest, samples])
        whole = len(joined) // size * size
        self._rest = joined[whole:]
        frames = (joined[begin : begin + size] for begin in range(0, whole, size))
        return [packet for frame in frames for packet in self._encoded(frame)]

    def finish(self) -> list[bytes]:
        """The last frames."""
        packets = self._encoded(self._rest) if len(self._rest) else []
        self._rest = self._rest[:0]
        return packets + [bytes(packet) for packet in self._context.encode(None)]

    def _encoded(self, samples: Pcm) -> list[bytes]:
        flat = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(flat, format="s16", layout="stereo")
        frame.sample_rate = RATE
        frame.pts = self._position
        self._position += len(samples)
        return [bytes(packet) for packet in self._context.encode(frame)]
