"""Plivo Audio Streaming: JSON both ways, µ-law or L16 in base64.

    from Plivo   start · media · dtmf · playedStream · clearedAudio · stop
    to Plivo     playAudio · checkpoint · clearAudio · sendDTMF

Set the application's answer URL to `https://<us>/telephony/plivo` (POST) and put the account's auth
token into PLIVO_AUTH_TOKEN.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tonewise.audio import Samples
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.signatures import check_plivo
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
    Number,
    Vocabulary,
    at_ms,
    decoded,
    encoded,
    parameters,
    whole,
)

API = "https://api.plivo.com/v1"

MOST_HEADERS = 512
"""Bytes of `extraHeaders`; letters and digits only."""

ContentType = Literal["audio/x-mulaw;rate=8000", "audio/x-l16;rate=8000", "audio/x-l16;rate=16000"]


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    """Plivo's spelling of names."""


class _Format(_Camel, frozen=True):
    encoding: str = "audio/x-mulaw"
    sample_rate: Number = 8000


class _Start(_Camel, frozen=True):
    call_id: str
    stream_id: str = ""
    media_format: _Format = _Format()


class StartMessage(_Camel, frozen=True):
    """The stream begins."""

    start: _Start
    extra_headers: str | dict[str, Any] = msgspec.field(default="", name="extra_headers")


class _Media(_Camel, frozen=True):
    payload: bytes
    timestamp: Number = None
    track: str = "inbound"


class MediaMessage(_Camel, frozen=True):
    """Sound."""

    media: _Media


class PlayedMessage(_Camel, frozen=True):
    """A checkpoint was reached."""

    name: str = ""


class StopMessage(_Camel, frozen=True):
    """The stream is over; some streams just close."""


class ErrorMessage(_Camel, frozen=True):
    """Plivo could not do what we asked."""


_VOCABULARY = Vocabulary(
    "event",
    {
        "start": StartMessage,
        "media": MediaMessage,
        "dtmf": DtmfMessage,
        "playedStream": PlayedMessage,
        "stop": StopMessage,
        "error": ErrorMessage,
        "incorrectPayload": ErrorMessage,
    },
)
_anything: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class PlivoWire:
    """One call."""

    marks = True
    pace_ms = 0

    def __init__(self) -> None:
        self._line = TelephoneLine()
        self._stream = ""
        self._sound: dict[str, object] = {}

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return [Reported("a binary message, where Plivo sends text")]
        said: list[WireEvent] = []
        match _VOCABULARY.read(message):
            case StartMessage() as told:
                said = [self._started(told)]
            case MediaMessage(media):
                if media.track == "inbound":
                    said = self._line.hear(media.payload, at_ms(media.timestamp))
            case DtmfMessage(dtmf):
                said = self._line.pressed(dtmf.digit)
            case PlayedMessage(name):
                said = self._line.reached(name)
            case StopMessage():
                self._line.check_open()
                said = [Stopped("hung up")]
            case ErrorMessage():
                said = [Reported("Plivo reports an error")]
        return said

    def _started(self, told: StartMessage) -> Started:
        start = told.start
        kind = start.media_format.encoding.partition(";")[0]
        rate = whole(start.media_format.sample_rate, 8000)
        form = named(kind, rate)
        self._line.start(form)
        self._stream = start.stream_id
        self._sound = {"contentType": kind, "sampleRate": rate}
        caller, ours = parameters(_passed(told.extra_headers), "token", "call")
        return Started(start.call_id, start.stream_id, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Plivo waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, 20 ms a message."""
        return [self._play(frame) for frame in self._line.speak(samples)]

    def rest(self) -> list[Message]:
        """The last frame of a reply."""
        return [self._play(frame) for frame in self._line.rest()]

    def mark(self, name: str) -> list[Message]:
        """Comes back when what was sent before it has been played."""
        self._line.place(name)
        return [encoded({"event": "checkpoint", "streamId": self._stream, "name": name})]

    def clear(self) -> list[Message]:
        """Plivo empties its buffer."""
        self._line.clear()
        return [encoded({"event": "clearAudio", "streamId": self._stream})]

    def press(self, digits: str) -> list[Message]:
        """Keys towards the caller."""
        return [encoded({"event": "sendDTMF", "dtmf": digits})] if digits else []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Plivo is told no reason
        """Closing the socket ends the stream; see `Plivo.end`."""
        return []

    def _play(self, frame: bytes) -> str:
        return encoded({"event": "playAudio", "media": {**self._sound, "payload": frame}})


def _passed(told: str | Mapping[str, object]) -> Mapping[str, object]:
    """Extra headers come as an object, as its JSON, or as Plivo's `{key: value, …}`."""
    if not isinstance(told, str):
        return told
    if told.startswith('{"'):
        return decoded(_anything, told)
    return dict(re.findall(r"(?:X-PH-)?([A-Za-z0-9]+) ?[=:] ?([A-Za-z0-9]+)", told[:2048]))


@dataclass(frozen=True, slots=True)
class Plivo:
    """Plivo's calls."""

    content_type: ContentType
    auth_id: str
    transfer_url: str
    name: str = "plivo"
    subprotocol: str | None = None
    secret_env: str = "PLIVO_AUTH_TOKEN"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> PlivoWire:  # noqa: ARG002 - all is in the start
        """One call."""
        return PlivoWire()

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """X-Plivo-Signature-V3, which has a nonce and no time."""
        return check_plivo(asked, secret)

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """The token in the stream's start guards it."""
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """CallUUID, From and To."""
        told = control.ringing(asked, "CallUUID", "ParentAuthID", "From", "To")
        return Ringing(told.call, self.auth_id or told.account, told.caller, told.called)

    def answer(self, stream: Stream) -> Answer:
        """Plivo XML: connect the stream, and keep the call for as long as it runs."""
        passed = f"call={_bare(stream.call)},token={_bare(stream.token)}"
        for key, value in stream.caller.items():
            more = f"{_bare(key)}={_bare(value)},{passed}"
            passed = more if _bare(key) and _bare(value) and len(more) <= MOST_HEADERS else passed
        verb = control.element(
            "Stream",
            stream.url,
            bidirectional="true",
            keepCallAlive="true",
            contentType=self.content_type,
            extraHeaders=passed,
        )
        speak = [control.element("Speak", stream.greeting)] if stream.greeting else []
        return control.xml(*speak, verb)

    def refuse(self) -> Answer:
        """Plivo XML: the busy tone."""
        return control.xml(control.element("Hangup", reason="busy"))

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """New XML for the running call, which Plivo fetches. Needs the option `transfer_url`."""
        if not self.transfer_url:
            return None
        url = self.transfer_url.replace("{to}", control.path(to))
        told = {"legs": "aleg", "aleg_url": url, "aleg_method": "GET"}
        return ApiRequest("POST", _call(call), control.JSON, encoded(told), "basic", call.account)

    def end(self, call: Ringing) -> ApiRequest | None:
        """Hang up."""
        return ApiRequest("DELETE", _call(call), control.JSON, "", "basic", call.account)


def _call(call: Ringing) -> str:
    return f"{API}/Account/{control.path(call.account)}/Call/{control.path(call.call)}/"


def _bare(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "", text)


def load(
    *,
    content_type: ContentType = "audio/x-l16;rate=16000",
    auth_id: str = "",
    transfer_url: str = "",
) -> Plivo:
    """Plivo's calls.

    Args:
        content_type: what the stream carries, both ways.
        auth_id: your account's, for the API, where the webhook does not tell it.
        transfer_url: an https URL whose XML dials `{to}`; transfers need it.
    """
    return Plivo(content_type, auth_id, transfer_url)
