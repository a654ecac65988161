"""Our voice on its way to a browser: Opus, one packet every 20 ms."""

import asyncio
import uuid
from collections import deque
from fractions import Fraction
from typing import Any

import av
import numpy as np

from tonewise.audio import RATE, Samples, to_pcm16
from tonewise.transports.opus import OPUS_RATE

FRAME_S = 0.02
FRAME = round(FRAME_S * RATE)

BITRATE = 32_000
"""Bits a second: wideband speech in Opus needs 16 to 20 thousand, and its repair the rest (RFC 7587
§3.1.1)."""

EXPECTED_LOSS = 10
"""Percent, for which the encoder adds to each packet what repairs the one before (RFC 6716 §2.1.7):
browsers use it."""

_FADE_OUT = round(0.005 * RATE)
"""Samples over which our voice falls silent when the caller speaks: a step is a click."""

_LATE_S = 0.1
"""Who is later than this leaves packets out, so that the peer need not catch up."""


class ReplyTrack:
    """Our voice, as aiortc asks for it: it looks like a `MediaStreamTrack` that yields packets.

    Packets go out by the wall clock, silence where there is nothing to say. What waits here can
    still be taken back; what is beyond is 20 ms of sound and the peer's own buffer.
    """

    kind = "audio"

    def __init__(self) -> None:
        self.id = str(uuid.uuid4())
        self._encoder = _encoder()
        self._waiting: deque[Samples] = deque()
        self._count = 0  # samples that wait
        self._frames = 0  # 20 ms each, sent or left out
        self._began_at: float | None = None
        self._stopped = False

    @property
    def waiting_s(self) -> float:
        """Seconds of sound that have not been sent."""
        return self._count / RATE

    def play(self, samples: Samples) -> None:
        """Sound at 16 kHz, to be sent after what waits."""
        if not self._stopped and len(samples):
            self._waiting.append(samples)
            self._count += len(samples)

    def silence(self) -> None:
        """What waits is not sent, but for a fading end."""
        rest = self._take(_FADE_OUT)
        self._waiting.clear()
        self._count = 0
        self.play(rest * np.linspace(1.0, 0.0, len(rest), dtype=np.float32))

    async def recv(self) -> "av.Packet[Any]":
        """The next 20 ms, when it is time."""
        now = asyncio.get_running_loop().time()
        if self._began_at is None:
            self._began_at = now
        late = now - (self._began_at + self._frames * FRAME_S)
        if late > _LATE_S:
            self._frames += int(late / FRAME_S)
        elif late < 0:
            await asyncio.sleep(-late)
        packet = av.Packet(self._encoded(self._take(FRAME)))
        packet.pts = self._frames * round(FRAME_S * OPUS_RATE)
        packet.time_base = Fraction(1, OPUS_RATE)
        self._frames += 1
        return packet

    def stop(self) -> None:
        """Nothing is played any more."""
        self._stopped = True
        self._waiting.clear()
        self._count = 0

    def close(self) -> None:
        """Nothing is asked for any more. The encoder has threads, and aiortc goes on knowing us."""
        self.stop()
        del self._encoder

    def _take(self, count: int) -> Samples:
        """The next samples that wait; fewer where there are no more."""
        pieces: list[Samples] = []
        wanted = count
        while wanted and self._waiting:
            first = self._waiting.popleft()
            pieces.append(first[:wanted])
            if len(first) > wanted:
                self._waiting.appendleft(first[wanted:])
            wanted -= len(pieces[-1])
        self._count -= count - wanted
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _encoded(self, samples: Samples) -> bytes:
        whole = np.zeros(FRAME, np.float32)
        whole[: len(samples)] = samples
        pcm = np.frombuffer(to_pcm16(whole), np.int16)[np.newaxis, :]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = RATE
        return b"".join(bytes(packet) for packet in self._encoder.encode(frame))


def _encoder() -> av.AudioCodecContext:
    encoder: av.AudioCodecContext = av.CodecContext.create("libopus", "w")
    encoder.format = av.AudioFormat("s16")
    encoder.layout = "mono"
    encoder.sample_rate = RATE
    encoder.bit_rate = BITRATE
    encoder.time_base = Fraction(1, RATE)
    encoder.options = {
        "application": "voip",
        "fec": "1",
        "packet_loss": str(EXPECTED_LOSS),
        "compression_level": "5",  # of 10: half the work, and no difference at this rate
    }
    return encoder
