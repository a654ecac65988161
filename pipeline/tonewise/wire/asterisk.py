"""Asterisk's chan_websocket: the channel's own codec in binary messages, control as text.

    from Asterisk   MEDIA_START · MEDIA_XOFF · MEDIA_XON · MEDIA_MARK_PROCESSED · DTMF_END · ERROR
    to Asterisk     ANSWER · MARK_MEDIA · FLUSH_MEDIA · HANGUP

Control is plain (`MEDIA_START connection_id:x …`) or JSON, whichever the channel is set to; we
answer as we are spoken to. In websocket_client.conf give the uri `wss://<us>/telephony/asterisk`,
`protocols = media`, username and password, and put `<username>:<password>` into ASTERISK_BASIC.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tonewise.audio import Samples
from tonewise.errors import WireError
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.sound import Format
from tonewise.wire.telephone import (
    INVALID,
    TOO_BIG,
    UNSUPPORTED,
    Answer,
    ApiRequest,
    Asked,
    Flow,
    Message,
    Reported,
    Ringing,
    Started,
    Stream,
    WireEvent,
)
from tonewise.wire.vocabulary import decoded, encoded, parameters

FORMATS = {
    "ulaw": Format("mu"),
    "alaw": Format("a"),
    "slin": Format("l16", 8_000),
    "slin12": Format("l16", 12_000),
    "slin16": Format("l16", 16_000),
    "slin24": Format("l16", 24_000),
    "slin32": Format("l16", 32_000),
    "slin44": Format("l16", 44_100),
    "slin48": Format("l16", 48_000),
}

LONGEST_COMMAND = 128
"""Bytes; Asterisk ignores longer ones in silence."""

MOST_PLAIN = 4_096
"""Characters of a plain message."""


class _Event(msgspec.Struct, frozen=True):
    event: str = ""
    connection_id: str = ""
    channel_id: str = ""
    format: str = ""
    ptime: int = 20
    channel_variables: dict[str, Any] = {}
    digit: str = ""
    correlation_id: str = ""


_decoder: msgspec.json.Decoder[_Event] = msgspec.json.Decoder(_Event)


class AsteriskWire:
    """One channel. Its end is the socket's."""

    pace_ms = 0

    def __init__(self, query: Mapping[str, str], *, marks: bool) -> None:
        self.marks = marks
        self._line = TelephoneLine()
        self._query = query
        self._json = False

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return self._line.hear(message)
        told = decoded(_decoder, message) if message.startswith("{") else _plain(message)
        said: list[WireEvent] = []
        match told.event:
            case "MEDIA_START":
                self._json = message.startswith("{")
                said = [self._started(told)]
            case "MEDIA_XOFF" | "MEDIA_XON":
                self._line.check_open()
                said = [Flow(paused=told.event == "MEDIA_XOFF")]
            case "MEDIA_MARK_PROCESSED":
                said = self._line.reached(told.correlation_id)
            case "QUEUE_DRAINED":
                said = self._line.all_reached()
            case "DTMF_END":
                said = self._line.pressed(told.digit)
            case "ERROR":
                said = [Reported("Asterisk reports an error")]
        return said

    def _started(self, told: _Event) -> Started:
        form = FORMATS.get(told.format)
        if form is None:
            known = ", ".join(FORMATS)
            raise WireError(f"this codec cannot be heard here; choose from {known}", UNSUPPORTED)
        if not 10 <= told.ptime <= 100:
            raise WireError("ptime goes from 10 to 100 ms", INVALID)
        self._line.start(form, frame_ms=told.ptime)
        caller, ours = parameters({**told.channel_variables, **self._query}, "token", "call")
        stream = told.channel_id or told.connection_id
        call = ours.get("call") or stream
        return Started(call, stream, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Pick up."""
        return [self._command("ANSWER")]

    def media(self, samples: Samples) -> list[Message]:
        """Sound, one frame a message: what is no whole frame, Asterisk drops."""
        return list(self._line.speak(samples))

    def rest(self) -> list[Message]:
        """The last frame of a reply."""
        return list(self._line.rest())

    def mark(self, name: str) -> list[Message]:
        """Comes back when what was sent before it has been played, from Asterisk 20.18 or so on."""
        self._line.place(name)
        return [self._command("MARK_MEDIA", name)] if self.marks else []

    def clear(self) -> list[Message]:
        """Asterisk empties its queue, and says nothing of the marks in it."""
        self._line.clear()
        return [self._command("FLUSH_MEDIA")]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - Asterisk has no means
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Asterisk is told no reason
        """Hang the channel up."""
        return [self._command("HANGUP")]

    def _command(self, command: str, name: str = "") -> str:
        if self._json:
            text = encoded({"command": command} | ({"correlation_id": name} if name else {}))
        else:
            text = f"{command} {name}".strip()
        if len(text.encode()) > LONGEST_COMMAND:
            raise ValueError("Asterisk would not hear of a mark with so long a name")
        return text


def _plain(text: str) -> _Event:
    """`EVENT key:value key:value`; a value reaches up to the next key."""
    if len(text) > MOST_PLAIN:
        raise WireError(f"{len(text)} characters of text in one message", TOO_BIG)
    event, _, rest = text.partition(" ")
    given = dict(re.findall(r"(\w+):(\S*)", rest))
    ptime = given.get("ptime", "20")
    return _Event(
        event=event.strip(),
        connection_id=given.get("connection_id", ""),
        channel_id=given.get("channel_id", ""),
        format=given.get("format", ""),
        ptime=int(ptime) if ptime.isascii() and ptime.isdigit() and len(ptime) < 4 else 0,
        digit=given.get("digit", ""),
        correlation_id=given.get("correlation_id", "") or rest.strip(),
    )


@dataclass(frozen=True, slots=True)
class Asterisk:
    """Calls of one's own Asterisk, over a WebSocket."""

    marks: bool
    name: str = "asterisk"
    subprotocol: str | None = "media"
    secret_env: str = "ASTERISK_BASIC"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = False

    def open(self, query: Mapping[str, str]) -> AsteriskWire:
        """One channel. `query`: what the dial plan passed with `v(key=value)`."""
        return AsteriskWire(query, marks=self.marks)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """There is none."""
        raise control.no_webhook("Asterisk")

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """User name and password."""
        return control.check_basic(asked, secret)

    def ringing(self, asked: Asked) -> Ringing:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("Asterisk")

    def answer(self, stream: Stream) -> Answer:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("Asterisk")

    def refuse(self) -> Answer:
        """HTTP 503 to the upgrade: Dial ends with CHANUNAVAIL, and the dial plan goes on."""
        return control.unavailable()

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:  # noqa: ARG002
        """Hanging up goes on in the dial plan after Dial: put the transfer there."""
        return None

    def end(self, call: Ringing) -> ApiRequest | None:  # noqa: ARG002
        """HANGUP does it."""
        return None


def load(*, marks: bool = True) -> Asterisk:
    """Calls of one's own Asterisk.

    Args:
        marks: this Asterisk knows MARK_MEDIA; where it does not, the clock tells what was heard.
    """
    return Asterisk(marks)
