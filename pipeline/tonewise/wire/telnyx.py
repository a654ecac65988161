"""Telnyx Media Streaming: JSON both ways, RTP payloads in base64, in no sure order.

    from Telnyx   connected · start · media · dtmf · mark · error · stop
    to Telnyx     media · mark · clear

Make a TeXML application with the webhook `https://<us>/telephony/telnyx` (POST) and put the
account's public key into TELNYX_PUBLIC_KEY. Needs `cryptography`: Telnyx signs with a key pair.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from tonewise.audio import Samples
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.sound import Format, named
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
from tonewise.wire.telnyx_signature import check_telnyx
from tonewise.wire.twilio import connect, dial, say
from tonewise.wire.vocabulary import (
    DtmfMessage,
    MarkMessage,
    Number,
    Vocabulary,
    encoded,
    parameters,
    whole,
)

API = "https://api.telnyx.com/v2/texml"

Codec = Literal["PCMU", "PCMA", "L16"]


class _Format(msgspec.Struct, frozen=True):
    encoding: str = "PCMU"
    sample_rate: Number = 8000
    channels: Number = 1


class _Start(msgspec.Struct, frozen=True):
    call_control_id: str = ""
    media_format: _Format = _Format()
    custom_parameters: dict[str, Any] | None = None


class StartMessage(msgspec.Struct, frozen=True):
    """The stream begins."""

    start: _Start
    stream_id: str = ""


class _Media(msgspec.Struct, frozen=True):
    payload: bytes
    chunk: Number = None
    track: str = "inbound"


class MediaMessage(msgspec.Struct, frozen=True):
    """Sound."""

    media: _Media


class _Error(msgspec.Struct, frozen=True):
    code: Number = None
    title: str = ""


class ErrorMessage(msgspec.Struct, frozen=True):
    """Telnyx could not do what we asked."""

    payload: _Error = _Error()


class StopMessage(msgspec.Struct, frozen=True):
    """The stream is over."""


_VOCABULARY = Vocabulary(
    "event",
    {
        "start": StartMessage,
        "media": MediaMessage,
        "dtmf": DtmfMessage,
        "mark": MarkMessage,
        "error": ErrorMessage,
        "stop": StopMessage,
    },
)


class TelnyxWire:
    """One call."""

    marks = True
    pace_ms = 0

    def __init__(self, query: Mapping[str, str], ours: Format) -> None:
        self._line = TelephoneLine()
        self._query = query
        self._ours = ours

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return [Reported("a binary message, where Telnyx sends text")]
        said: list[WireEvent] = []
        match _VOCABULARY.read(message):
            case StartMessage() as told:
                said = [self._started(told)]
            case MediaMessage(media):
                said = self._heard(media)
            case DtmfMessage(dtmf):
                said = self._line.pressed(dtmf.digit)
            case MarkMessage(mark):
                said = self._line.reached(mark.name)
            case ErrorMessage(error):
                said = [Reported(f"{whole(error.code)} {error.title[:100]}")]
            case StopMessage():
                self._line.check_open()
                said = [Stopped("hung up")]
        return said

    def _heard(self, media: _Media) -> list[WireEvent]:
        if media.track not in ("inbound", "inbound_track"):
            return []
        number = whole(media.chunk, -1)
        if number < 0:
            return self._line.hear(media.payload)
        return self._line.hear_numbered(media.payload, number)

    def _started(self, told: StartMessage) -> Started:
        start = told.start
        given = start.media_format
        form = named(
            given.encoding,
            whole(given.sample_rate, 8000),
            whole(given.channels, 1),
            big_endian=self._ours.big_endian,
        )
        self._line.start(form, self._ours)
        passed = {**self._query, **(start.custom_parameters or {})}
        caller, ours = parameters(passed, "token", "call")
        call = ours.get("call") or start.call_control_id
        return Started(call, told.stream_id or call, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Telnyx waits for nothing."""
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
        return [encoded({"event": "mark", "mark": {"name": name}})]

    def clear(self) -> list[Message]:
        """Telnyx empties its buffer."""
        self._line.clear()
        return [encoded({"event": "clear"})]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - by the API only
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Telnyx is told no reason
        """Closing the socket goes on to the next verb; `answer` puts a hang-up there."""
        return []

    def _media(self, frame: bytes) -> str:
        return encoded({"event": "media", "media": {"payload": frame}})


@dataclass(frozen=True, slots=True)
class Telnyx:
    """Telnyx's calls."""

    codec: Codec
    ours: Format
    name: str = "telnyx"
    subprotocol: str | None = None
    secret_env: str = "TELNYX_PUBLIC_KEY"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> TelnyxWire:
        """One call."""
        return TelnyxWire(query, self.ours)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:
        """telnyx-signature-ed25519, by the account's public key."""
        return check_telnyx(asked, secret, now)

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """Nothing is signed here: the token in the stream's start guards it."""
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """CallSid, AccountSid, From and To."""
        return control.ringing(asked, "CallSid", "AccountSid", "From", "To")

    def answer(self, stream: Stream) -> Answer:
        """TeXML: connect the stream both ways; when it is over, hang up.

        Without `bidirectionalMode` what we say would be dropped in silence. Call and token go along
        twice, as parameters and in the URL: older TeXML has no parameters.
        """
        query = urlencode({"call": stream.call, "token": stream.token})
        joined = Stream(
            f"{stream.url}?{query}", stream.call, stream.token, stream.caller, stream.greeting
        )
        verb = connect(
            joined,
            track="inbound_track",
            codec="PCMA" if self.codec == "PCMA" else "PCMU",
            bidirectionalMode="rtp",
            bidirectionalCodec=self.codec,
            bidirectionalSamplingRate=str(self.ours.rate),
        )
        return control.xml(*say(stream), verb, control.element("Hangup"))

    def refuse(self) -> Answer:
        """TeXML: the busy tone."""
        return control.xml(control.element("Reject", reason="busy"))

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """New TeXML for the running call: dial."""
        return self._update(call, {"Texml": control.document(dial(to))})

    def end(self, call: Ringing) -> ApiRequest | None:
        """The call is completed."""
        return self._update(call, {"Status": "completed"})

    def _update(self, call: Ringing, told: Mapping[str, str]) -> ApiRequest:
        url = f"{API}/Accounts/{control.path(call.account)}/Calls/{control.path(call.call)}"
        return ApiRequest("POST", url, control.FORM, urlencode(told), "bearer")


def load(*, codec: Codec = "PCMU", rate: int = 8000, big_endian: bool = False) -> Telnyx:
    """Telnyx's calls.

    Args:
        codec: of what we say; `L16` at 16000 is wide-band where the line is.
        rate: samples per second of what we say: 8000, or 16000 and 24000 with L16.
        big_endian: the byte order of L16, which Telnyx does not document.
    """
    return Telnyx(codec, named(codec, rate, big_endian=big_endian))
