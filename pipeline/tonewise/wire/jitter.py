"""Sound packets back in the order in which they were sent (RTP, RFC 3550), without a fixed delay.

A packet that comes in its turn goes on at once: this ear is no loudspeaker, and needs no even
stream. Where one is missing, those behind it wait, none of them longer than `PATIENCE_S`; then the
missing one is given up, and all that waits goes on together. So one loss delays what comes right
after it, and nothing later. Pure: it is told what time it is.
"""

from dataclasses import dataclass

PATIENCE_S = 0.1
"""Longer than a packet can be overtaken by others on a line with 80 ms of jitter."""

MOST_HELD = 100
"""Packets that wait: two seconds of sound. Then what is missing is given up at once."""

RESTART = 1_000
"""A sequence number so far from the one expected begins another stream: 20 s of sound."""


@dataclass(frozen=True, slots=True)
class Packet:
    """A piece of encoded sound.

    Attributes:
        number: its sequence number, 16 bits.
        time: its RTP timestamp, 32 bits, in samples at 48 kHz.
        payload: what the decoder reads.
        source: SSRC of the stream that it belongs to.
    """

    number: int
    time: int
    payload: bytes
    source: int = 0


class JitterBuffer:
    """One stream's packets.

    Attributes:
        lost: packets that were given up.
        late: packets that came after they were given up, or came twice.
    """

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self.lost = 0
        self.late = 0
        self._patience_s = patience_s
        self._next: int | None = None
        self._source = 0
        self._held: dict[int, tuple[Packet, float]] = {}

    def put(self, packet: Packet, now_s: float) -> None:
        """A packet has come."""
        if self._next is None or packet.source != self._source:
            self._restart(packet)
        ahead = _signed16(packet.number - (self._next or 0))
        if abs(ahead) > RESTART:
            self._restart(packet)
            ahead = 0
        number = (self._next or 0) + ahead
        if ahead < 0 or number in self._held:
            self.late += 1
            return
        self._held[number] = packet, now_s

    def ready(self, now_s: float) -> list[Packet]:
        """The packets whose turn it is; each packet comes out once at most, in order."""
        out: list[Packet] = []
        while self._held:
            number = self._next or 0
            if number not in self._held:
                if len(self._held) < MOST_HELD and self._waited_s(now_s) < self._patience_s:
                    break
                first = min(self._held)
                self.lost += first - number
                number = first
            out.append(self._held.pop(number)[0])
            self._next = number + 1
        return out

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until `ready` may have more without a new packet; None where nothing waits."""
        return max(0.0, self._patience_s - self._waited_s(now_s)) if self._held else None

    def _waited_s(self, now_s: float) -> float:
        return now_s - min(came for _, came in self._held.values())

    def _restart(self, packet: Packet) -> None:
        self._held.clear()
        self._next, self._source = packet.number, packet.source


def _signed16(difference: int) -> int:
    return (difference + 0x8000) % 0x10000 - 0x8000
