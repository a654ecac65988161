"""A caller's sound as a browser sends it: Opus packets to samples, and to silence where none come.

A packet that was lost leaves a gap in the timestamps. The decoder guesses what was in it, so
that the clock of the call is right, and no step sounds like a consonant.
"""

from collections.abc import Iterator

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.errors import AudioError
from tonewise.transports.live_clock import QUIET_S, STEP_S
from tonewise.transports.opus import OPUS_RATE, Decoder, decoder, duration
from tonewise.wire.jitter import JitterBuffer, Packet

MOST_AHEAD_S = 10.0
"""Nobody speaks faster than time passes: sound so far ahead comes from no browser."""

MOST_GARBLED = 50
"""Packets of a call that may be no Opus; then it is hung up on."""

_LONGEST_GAP = 2 * RATE
"""A longer one is another stream, or a caller who was away: nothing stands in for it."""

_MOST_GUESSED = 5
"""Lost packets in a row that are guessed: after 100 ms a guess is silence anyway."""


class OpusEar:
    """One caller's packets, in order, as samples at 16 kHz."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._expected: int | None = None  # the timestamp after the last packet
        self._lasts = 0  # samples at 48 kHz of the last packet: those that are lost are like it

    def hear(self, packet: Packet, known: int = 0) -> tuple[Samples, int]:
        """The sound of the next packet, and of the gap before it.

        Args:
            packet: no other of its stream comes before it any more.
            known: samples of the gap that silence has stood in for already.

        Returns:
            The samples, and how many of `known` were used.

        Raises:
            AudioError: it is no Opus; the next packet makes a gap of it.
        """
        if not packet.payload:  # padding
            return np.zeros(0, np.float32), 0
        lasts = duration(packet.payload)
        if not lasts:
            raise AudioError("this packet is no Opus")
        gap = 0
        if self._expected is not None:
            gap = max(0, _signed32(packet.time - self._expected))
        used = min(gap * RATE // OPUS_RATE, known)
        missing = gap * RATE // OPUS_RATE - used
        filled: list[Samples] = []
        if 0 < missing <= _LONGEST_GAP:
            filled = self._concealed(missing, packet.payload, silent=bool(used))
        sound = self._decoder.decode(packet.payload)
        self._expected, self._lasts = packet.time + lasts, lasts
        return np.concatenate([*filled, sound]), used

    def _concealed(self, count: int, follows: bytes, *, silent: bool) -> list[Samples]:
        """So many samples in place of lost ones: guessed, and the last of them repaired."""
        size = self._lasts * RATE // OPUS_RATE
        number = 0 if silent or not size else min(count // size, _MOST_GUESSED)
        silence = np.zeros(max(0, count - number * size), np.float32)
        return [
            silence,
            *(self._decoder.lost(size, b"") for _ in range(number - 1)),
            *(self._decoder.lost(size, follows) for _ in range(min(1, number))),
        ]


class CallerSound:
    """One caller's sound in real time: it is told what time it is.

    Args:
        now_s: when the call begins.
    """

    def __init__(self, now_s: float) -> None:
        self.buffer = JitterBuffer()
        self._ear = OpusEar(decoder())
        self._quiet_since = now_s  # when something was heard last, or silence stood in for it
        self._made_up = 0  # samples of silence that have stood in since the last packet
        self._spoken_until: float | None = None  # by the caller's clock
        self._garbled = 0

    def ready(self, now_s: float) -> Iterator[Samples]:
        """What can be heard now.

        Raises:
            AudioError: too much of it is no Opus, or it comes faster than anyone speaks.
        """
        for packet in self.buffer.ready(now_s):
            try:
                samples, _ = self._ear.hear(packet, self._made_up)
            except AudioError:
                self._garbled += 1
                if self._garbled > MOST_GARBLED:
                    raise
                continue
            self._quiet_since, self._made_up = now_s, 0
            self._count(len(samples), now_s)
            if len(samples):
                yield samples
        missing = now_s - self._quiet_since
        if missing >= (STEP_S if self._made_up else QUIET_S):
            count = min(round(missing * RATE), RATE)
            self._quiet_since = now_s
            self._made_up += count
            yield np.zeros(count, np.float32)

    def wait_s(self, now_s: float) -> float:
        """Seconds until `ready` may have more without a new packet."""
        wait_s = self.buffer.wait_s(now_s)
        return STEP_S / 2 if wait_s is None else wait_s

    def _count(self, samples: int, now_s: float) -> None:
        """What was held up comes in a burst, and is not ahead of its time."""
        self._spoken_until = (self._spoken_until or now_s) + samples / RATE
        if self._spoken_until - now_s > MOST_AHEAD_S:
            raise AudioError("sound comes faster than anyone speaks")


def _signed32(difference: int) -> int:
    return (difference + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
