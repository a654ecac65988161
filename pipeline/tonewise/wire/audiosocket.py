"""Asterisk's AudioSocket: small packets over TCP, no WebSocket.

    kind   1 byte     0x00 hang-up · 0x01 the call's UUID · 0x03 a key · 0x10… sound · 0xff error
    length 2 bytes    big-endian
    payload           sound is 16-bit little-endian mono; the kind says at which rate

Nothing is signed or encrypted: let it listen on a private address. In the dial plan write
`AudioSocket(<uuid>,<us>:<port>)`; the UUID is the call's name.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tonewise.audio import Samples
from tonewise.errors import WireError
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.sound import Format
from tonewise.wire.telephone import (
    INVALID,
    UNSUPPORTED,
    Answer,
    ApiRequest,
    Asked,
    Message,
    Reported,
    Ringing,
    Started,
    Stopped,
    Stream,
    WireEvent,
)

HANG_UP, NAME, KEY, SOUND, ERROR = 0x00, 0x01, 0x03, 0x10, 0xFF

RATES = (8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000)
"""Of the kinds from 0x10 on."""

_HEADER = 3


class AudioSocketWire:
    """One connection: `read` takes the stream in pieces of any length."""

    marks = False
    pace_ms = 20

    def __init__(self, rate: int) -> None:
        self._line = TelephoneLine()
        self._form = Format("l16", rate)
        self._waiting = b""

    def read(self, message: Message) -> list[WireEvent]:
        """The packets that are whole now; see `telephone.Wire`."""
        if isinstance(message, str):
            raise WireError("AudioSocket has no text", UNSUPPORTED)
        self._waiting += message
        events: list[WireEvent] = []
        while len(self._waiting) >= _HEADER:
            end = _HEADER + int.from_bytes(self._waiting[1:_HEADER], "big")
            if len(self._waiting) < end:
                break
            kind, payload = self._waiting[0], self._waiting[_HEADER:end]
            self._waiting = self._waiting[end:]
            events += self._packet(kind, payload)
        return events

    def _packet(self, kind: int, payload: bytes) -> list[WireEvent]:
        if kind == NAME:
            return [self._started(payload)]
        self._line.check_open()
        if SOUND <= kind < SOUND + len(RATES):
            return self._sound(RATES[kind - SOUND], payload)
        if kind == KEY:
            return self._line.pressed(payload.decode("ascii", errors="replace"))
        if kind == HANG_UP:
            return [Stopped("hung up")]
        return [Reported(f"AudioSocket reports error {payload[:1].hex()}")] if kind == ERROR else []

    def _started(self, payload: bytes) -> Started:
        if len(payload) != 16:
            raise WireError(f"a UUID has 16 bytes; this one has {len(payload)}", INVALID)
        self._line.start(self._form)
        name = str(uuid.UUID(bytes=payload))
        return Started(name, name, self._form)

    def _sound(self, rate: int, payload: bytes) -> list[WireEvent]:
        if rate != self._form.rate:  # the sound itself says best what it is
            self._form = Format("l16", rate)
            self._line = TelephoneLine()
            self._line.start(self._form)
        return self._line.hear(payload)

    def accept(self) -> list[Message]:
        """Asterisk waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, 20 ms a packet, to be sent when it is due."""
        return [self._audio(frame) for frame in self._line.speak(samples)]

    def rest(self) -> list[Message]:
        """The last packet of a reply."""
        return [self._audio(frame) for frame in self._line.rest()]

    def mark(self, name: str) -> list[Message]:  # noqa: ARG002 - AudioSocket has none
        """There are none: the clock tells what was heard."""
        return []

    def clear(self) -> list[Message]:
        """Nothing waits on the other side; only what fills no packet is dropped."""
        self._line.clear()
        return []

    def press(self, digits: str) -> list[Message]:
        """Keys."""
        return [_packed(KEY, digit.encode("ascii", errors="replace")) for digit in digits]

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Asterisk is told no reason
        """A packet that ends the call."""
        return [_packed(HANG_UP, b"")]

    def _audio(self, frame: bytes) -> bytes:
        return _packed(SOUND + RATES.index(self._form.rate), frame)


def _packed(kind: int, payload: bytes) -> bytes:
    return bytes((kind,)) + len(payload).to_bytes(2, "big") + payload


@dataclass(frozen=True, slots=True)
class AudioSocket:
    """Calls of one's own Asterisk, over TCP."""

    rate: int
    name: str = "audiosocket"
    subprotocol: str | None = None
    secret_env: str = ""
    gives_token: bool = False

    def open(self, query: Mapping[str, str]) -> AudioSocketWire:  # noqa: ARG002 - TCP has none
        """One connection."""
        return AudioSocketWire(self.rate)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """There is none."""
        raise control.no_webhook("AudioSocket")

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """It is no WebSocket."""
        raise control.no_webhook("AudioSocket")

    def ringing(self, asked: Asked) -> Ringing:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("AudioSocket")

    def answer(self, stream: Stream) -> Answer:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("AudioSocket")

    def refuse(self) -> Answer:
        """Not over HTTP: a hang-up packet, and the connection closes."""
        return control.unavailable()

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:  # noqa: ARG002
        """Hanging up goes on in the dial plan: put the transfer there."""
        return None

    def end(self, call: Ringing) -> ApiRequest | None:  # noqa: ARG002
        """The hang-up packet does it."""
        return None


def load(*, rate: int = 8000) -> AudioSocket:
    """Calls of one's own Asterisk, over TCP.

    Args:
        rate: samples per second, until the first packet of sound says its own.
    """
    if rate not in RATES:
        raise WireError(f"AudioSocket knows {', '.join(map(str, RATES))} Hz", UNSUPPORTED)
    return AudioSocket(rate)
