"""What every telephone wire keeps of a call: its order, its sound both ways, its marks.

waiting ── start ──→ open ── stop ──→ over       media before start, a second start: a stranger
"""

import numpy as np

from tonewise.audio import RATE, Resampler, Samples
from tonewise.errors import WireError
from tonewise.peer import Pressed
from tonewise.wire.gaps import LONGEST_MS, Filler, Gaps, InOrder
from tonewise.wire.sound import Decoder, Encoder, Format
from tonewise.wire.telephone import INVALID, POLICY, TOO_BIG, Marked, Media, WireEvent

MOST_AUDIO = 65_536
"""Bytes of sound in one message: seconds of it, where honest ones bring 20 to 100 ms."""

MOST_MARKS = 1_000
"""Marks that may wait to be reached; older ones are forgotten."""

KEYS = frozenset("0123456789*#ABCD")

FRAME_MS = 20


class TelephoneLine:
    """One call on a wire.

    Args:
        frame_ms: how much sound goes into one message to the provider.
    """

    def __init__(self, frame_ms: int = FRAME_MS) -> None:
        self._frame_ms = frame_ms
        self._ear: _Ear | None = None
        self._voice = Encoder(Format(), Format().size(frame_ms))
        self._marks: dict[str, None] = {}
        self._ordered: InOrder[bytes] = InOrder()

    @property
    def started(self) -> bool:
        """Has the stream begun?"""
        return self._ear is not None

    def start(
        self, heard: Format, spoken: Format | None = None, frame_ms: int | None = None
    ) -> None:
        """The stream begins.

        Args:
            heard: the caller's sound.
            spoken: ours; None: the same, in one channel.
            frame_ms: where the start itself says how long a frame of ours should be.

        Raises:
            WireError: it had begun before.
        """
        if self._ear is not None:
            raise WireError("a stream starts once; this is its second start", POLICY)
        self._ear = _Ear(heard)
        ours = spoken or Format(heard.encoding, heard.rate, 1, heard.big_endian)
        self._voice = Encoder(ours, ours.size(frame_ms or self._frame_ms))

    def check_open(self) -> None:
        """Nothing may come before the start.

        Raises:
            WireError: it has.
        """
        self._open()

    def _open(self) -> "_Ear":
        if self._ear is None:
            raise WireError("the stream has not started; start comes first", POLICY)
        return self._ear

    # ------------------------------------------------------------ sound

    def hear(self, data: bytes, at_ms: float | None = None) -> list[WireEvent]:
        """The caller's sound; `at_ms` is the packet's own timestamp, where it has one.

        Raises:
            WireError: it comes before the start, or there is too much of it.
        """
        ear = self._open()
        if len(data) > MOST_AUDIO:
            msg = f"{len(data)} bytes of sound in one message; send at most {MOST_AUDIO}"
            raise WireError(msg, TOO_BIG)
        return _some(ear.hear(data, at_ms))

    def hear_numbered(self, data: bytes, number: int) -> list[WireEvent]:
        """As `hear`, where packets come out of order and `number` puts them right."""
        ear = self._open()
        heard: list[WireEvent] = []
        for packet in self._ordered.push(number, data):
            if isinstance(packet, bytes):
                heard += self.hear(packet)
            else:
                ear.lose(packet)
        return heard

    def lose(self, ms: float) -> None:
        """The provider says that so much of the caller's sound is lost."""
        self._open().lose_ms(ms)

    def speak(self, samples: Samples) -> list[bytes]:
        """Frames of our sound."""
        return self._voice.push(samples)

    def rest(self) -> list[bytes]:
        """The last frame of a reply."""
        return self._voice.rest()

    # ------------------------------------------------------------ marks and keys

    def place(self, name: str) -> None:
        """A mark is on its way."""
        self._marks[name] = None
        if len(self._marks) > MOST_MARKS:
            del self._marks[next(iter(self._marks))]

    def reached(self, name: str) -> list[WireEvent]:
        """A mark comes back; after a `clear` it says nothing of what was heard."""
        if name not in self._marks:
            return []
        del self._marks[name]
        return [Marked(name)]

    def all_reached(self) -> list[WireEvent]:
        """The provider has played everything, so that every mark is reached."""
        marks, self._marks = self._marks, {}
        return [Marked(name) for name in marks]

    def clear(self) -> None:
        """Forget the marks, and what fills no frame yet."""
        self._marks.clear()
        self._voice.drop()

    def pressed(self, digit: str) -> list[WireEvent]:
        """A key of the caller's telephone.

        Raises:
            WireError: there is no such key, or nothing has started.
        """
        self.check_open()
        if digit.upper() not in KEYS:
            raise WireError("a telephone has the keys 0 to 9, *, # and A to D", INVALID)
        return [Pressed(digit.upper())]


class _Ear:
    """Bytes of the caller's to 16 kHz, holes filled."""

    def __init__(self, form: Format) -> None:
        self._rate = form.rate
        self._decoder = Decoder(form)
        self._resampler = Resampler(form.rate)
        self._gaps = Gaps()
        self._filler = Filler(form.rate)
        self._usual = form.rate * FRAME_MS // 1000  # samples of a packet
        self._lost = 0  # samples to be put back before the next packet

    def lose(self, packets: int) -> None:
        """So many packets will never come."""
        self._lost += packets * self._usual

    def lose_ms(self, ms: float) -> None:
        """So much sound will never come."""
        self._lost += round(min(ms, LONGEST_MS) * self._rate / 1000)

    def hear(self, data: bytes, at_ms: float | None) -> Media:
        samples = self._decoder.push(data)
        missing = self._lost
        if at_ms is not None:
            length = len(samples) * 1000 / self._rate
            missing += round(self._gaps.before(at_ms, length) * self._rate / 1000)
        missing = min(missing, self._rate * LONGEST_MS // 1000)
        self._lost = 0
        filled = self._filler.fill(missing) if missing else samples[:0]
        self._filler.heard(samples)
        self._usual = len(samples) or self._usual
        whole = self._resampler.push(np.concatenate([filled, samples]) if missing else samples)
        return Media(whole, min(missing * RATE // self._rate, len(whole)))


def _some(media: Media) -> list[WireEvent]:
    return [media] if len(media.samples) else []
