"""Twilio Media Streams: JSON both ways, µ-law in base64.

    from Twilio   connected · start · media · dtmf · mark · stop
    to Twilio     media · mark · clear

Set a number's voice webhook to `https://<us>/telephony/twilio` (POST) and put the account's auth
token into TWILIO_AUTH_TOKEN. The webhook and the stream's upgrade are both signed with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tonewise.audio import Samples
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.signatures import check_twilio
from tonewise.wire.sound import named
from tonewise.wire.telephone import (
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
from tonewise.wire.vocabulary import (
    DtmfMessage,
    MarkMessage,
    Number,
    Vocabulary,
    at_ms,
    encoded,
    parameters,
    whole,
)

API = "https://api.twilio.com/2010-04-01"


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    """Twilio's spelling of names."""


class _Format(_Camel, frozen=True):
    encoding: str = "audio/x-mulaw"
    sample_rate: Number = 8000
    channels: Number = 1


class _Start(_Camel, frozen=True):
    call_sid: str
    stream_sid: str = ""
    account_sid: str = ""
    media_format: _Format = _Format()
    custom_parameters: dict[str, Any] = {}


class StartMessage(_Camel, frozen=True):
    """The stream begins."""

    start: _Start
    stream_sid: str = ""


class _Media(_Camel, frozen=True):
    payload: bytes
    timestamp: Number = None
    track: str = "inbound"


class MediaMessage(_Camel, frozen=True):
    """Sound."""

    media: _Media


class StopMessage(_Camel, frozen=True):
    """The stream is over."""


class ErrorMessage(_Camel, frozen=True):
    """What no documentation shows, but would be good to read in the log."""

    error: Any = None


VOCABULARY = Vocabulary(
    "event",
    {
        "start": StartMessage,
        "media": MediaMessage,
        "dtmf": DtmfMessage,
        "mark": MarkMessage,
        "stop": StopMessage,
        "error": ErrorMessage,
    },
)


class TwilioWire:
    """One call. `presses`: SignalWire takes keys from us, Twilio does not."""

    marks = True
    pace_ms = 0

    def __init__(self, *, big_endian: bool = False, presses: bool = False) -> None:
        self._line = TelephoneLine()
        self._stream = ""
        self._big_endian = big_endian
        self._presses = presses

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return [Reported("a binary message, where Twilio sends text")]
        said: list[WireEvent] = []
        match VOCABULARY.read(message):
            case StartMessage() as told:
                said = [self._started(told)]
            case MediaMessage(media):
                if media.track in ("inbound", "inbound_track"):
                    said = self._line.hear(media.payload, at_ms(media.timestamp))
            case DtmfMessage(dtmf):
                said = self._line.pressed(dtmf.digit)
            case MarkMessage(mark):
                said = self._line.reached(mark.name)
            case StopMessage():
                self._line.check_open()
                said = [Stopped("hung up")]
            case ErrorMessage():
                said = [Reported("the provider reports an error")]
        return said

    def _started(self, told: StartMessage) -> Started:
        start = told.start
        given = start.media_format
        form = named(
            given.encoding,
            whole(given.sample_rate, 8000),
            whole(given.channels, 1),
            big_endian=self._big_endian,
        )
        self._line.start(form)
        self._stream = told.stream_sid or start.stream_sid
        caller, ours = parameters(start.custom_parameters, "token", "call")
        return Started(start.call_sid, self._stream, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Twilio waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, 20 ms a message."""
        return [self._media(frame) for frame in self._line.speak(samples)]

    def rest(self) -> list[Message]:
        """The last frame of a reply."""
        return [self._media(frame) for frame in self._line.rest()]

    def mark(self, name: str) -> list[Message]:
        """Comes back when what was sent before it has been played."""
        self._line.place(name)
        return [encoded(self._to("mark", mark={"name": name}))]

    def clear(self) -> list[Message]:
        """Twilio empties its buffer and returns every mark in it, which then tell nothing."""
        self._line.clear()
        return [encoded(self._to("clear"))]

    def press(self, digits: str) -> list[Message]:
        """Keys, where the provider takes them."""
        if not self._presses:
            return []
        return [encoded(self._to("dtmf", dtmf={"digit": digit})) for digit in digits]

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Twilio is told no reason
        """Closing the socket goes on to the next verb; `answer` puts a hang-up there."""
        return []

    def _media(self, frame: bytes) -> str:
        return encoded(self._to("media", media={"payload": frame}))

    def _to(self, event: str, **more: object) -> dict[str, object]:
        return {"event": event, "streamSid": self._stream, **more}


@dataclass(frozen=True, slots=True)
class Twilio:
    """Twilio's calls."""

    name: str = "twilio"
    subprotocol: str | None = None
    secret_env: str = "TWILIO_AUTH_TOKEN"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> TwilioWire:  # noqa: ARG002 - Twilio has no query
        """One call."""
        return TwilioWire()

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """X-Twilio-Signature. It has no time: Twilio repeats a webhook that was not answered."""
        check_twilio(asked, secret)
        return ""

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """The same signature, over the `wss://` URL."""
        check_twilio(asked, secret)
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """CallSid, AccountSid, From and To."""
        return control.ringing(asked, "CallSid", "AccountSid", "From", "To")

    def answer(self, stream: Stream) -> Answer:
        """TwiML: connect the stream; when it is over, hang up."""
        return control.xml(*say(stream), connect(stream), control.element("Hangup"))

    def refuse(self) -> Answer:
        """TwiML: the busy tone."""
        return control.xml(control.element("Reject", reason="busy"))

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """New TwiML for the running call: dial."""
        return control.form(_call(call), {"Twiml": control.document(dial(to))}, call.account)

    def end(self, call: Ringing) -> ApiRequest | None:
        """The call is completed."""
        return control.form(_call(call), {"Status": "completed"}, call.account)


def say(stream: Stream) -> list[control.Element]:
    """The greeting in the provider's own voice, where there is one."""
    return [control.element("Say", stream.greeting)] if stream.greeting else []


def connect(stream: Stream, **attributes: str) -> control.Element:
    """`<Connect><Stream>` with its parameters; shared by all who speak TwiML."""
    verb, inner = (
        control.element("Connect"),
        control.element("Stream", url=stream.url, **attributes),
    )
    for name, value in {**stream.caller, "call": stream.call, "token": stream.token}.items():
        inner.append(control.element("Parameter", name=name, value=value))
    verb.append(inner)
    return verb


def dial(to: str) -> control.Element:
    """`<Dial>` a number or a SIP address; shared by all who speak TwiML."""
    verb = control.element("Dial")
    verb.append(control.element("Sip" if control.is_sip(to) else "Number", to))
    return verb


def _call(call: Ringing) -> str:
    return f"{API}/Accounts/{control.path(call.account)}/Calls/{control.path(call.call)}.json"


def load() -> Twilio:
    """Twilio has no options."""
    return Twilio()
