"""Exotel's Voicebot applet (AgentStream): Twilio-like JSON, L16 in base64, in long chunks.

    from Exotel   connected · start · media · dtmf · mark · stop
    to Exotel     media · mark · clear

Put the URL `https://<user>:<password>@<us>/telephony/exotel` into the applet, which asks it where
to stream to, and `<user>:<password>` into EXOTEL_BASIC. Where the applet holds the stream's own
`wss://` URL instead, set `asks = false`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec

from tonewise.audio import Samples
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
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

LEAST_CHUNK = 3200
"""Bytes; smaller chunks of ours are heard with gaps. They are multiples of 320, too."""

MOST_QUERY = 256
"""Characters of the query; at most three parameters of one's own."""


class _Format(msgspec.Struct, frozen=True):
    encoding: str = "base64"
    sample_rate: Number = 8000


class _Start(msgspec.Struct, frozen=True):
    call_sid: str
    stream_sid: str = ""
    custom_parameters: dict[str, Any] | None = None
    media_format: _Format = _Format()
    from_: str = msgspec.field(default="", name="from")
    to: str = ""


class StartMessage(msgspec.Struct, frozen=True):
    """The stream begins."""

    start: _Start
    stream_sid: str = ""


class _Media(msgspec.Struct, frozen=True):
    payload: bytes
    timestamp: Number = None


class MediaMessage(msgspec.Struct, frozen=True):
    """Sound."""

    media: _Media


class _Stop(msgspec.Struct, frozen=True):
    reason: str = ""


class StopMessage(msgspec.Struct, frozen=True):
    """The stream is over."""

    stop: _Stop = _Stop()


_VOCABULARY = Vocabulary(
    "event",
    {
        "start": StartMessage,
        "media": MediaMessage,
        "dtmf": DtmfMessage,
        "mark": MarkMessage,
        "stop": StopMessage,
    },
)


class ExotelWire:
    """One call."""

    marks = True
    pace_ms = 0

    def __init__(self, query: Mapping[str, str]) -> None:
        self._line = TelephoneLine()
        self._query = query
        self._stream = ""

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return [Reported("a binary message, where Exotel sends text")]
        said: list[WireEvent] = []
        match _VOCABULARY.read(message):
            case StartMessage() as told:
                said = [self._started(told)]
            case MediaMessage(media):
                said = self._line.hear(media.payload, at_ms(media.timestamp))
            case DtmfMessage(dtmf):
                said = self._line.pressed(dtmf.digit)
            case MarkMessage(mark):
                said = self._line.reached(mark.name)
            case StopMessage(stop):
                self._line.check_open()
                said = [Stopped("hung up" if stop.reason == "callended" else "the stream stopped")]
        return said

    def _started(self, told: StartMessage) -> Started:
        start = told.start
        asked = whole(self._query.get("sample-rate"), 8000)
        form = named(start.media_format.encoding, whole(start.media_format.sample_rate, asked))
        self._line.start(form, frame_ms=200 if form.size(100) < LEAST_CHUNK else 100)
        self._stream = told.stream_sid or start.stream_sid
        passed = {**self._query, **(start.custom_parameters or {})}
        numbers = {"from": start.from_, "to": start.to}
        caller, ours = parameters({**numbers, **passed}, "token", "call", "sample-rate")
        return Started(start.call_sid, self._stream, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Exotel waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, 100 or 200 ms a message: Exotel plays shorter ones with gaps."""
        return [self._media(frame) for frame in self._line.speak(samples)]

    def rest(self) -> list[Message]:
        """The last chunk of a reply."""
        return [self._media(frame) for frame in self._line.rest()]

    def mark(self, name: str) -> list[Message]:
        """Comes back when what was sent before it has been played."""
        self._line.place(name)
        return [encoded(self._to("mark", mark={"name": name}))]

    def clear(self) -> list[Message]:
        """Exotel empties its buffer."""
        self._line.clear()
        return [encoded(self._to("clear"))]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - Exotel has no means
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Exotel is told no reason
        """Closing the socket goes on to the next applet."""
        return []

    def _media(self, frame: bytes) -> str:
        return encoded(self._to("media", media={"payload": frame}))

    def _to(self, event: str, **more: object) -> dict[str, object]:
        return {"event": event, "stream_sid": self._stream, **more}


@dataclass(frozen=True, slots=True)
class Exotel:
    """Exotel's calls."""

    rate: int
    gives_token: bool
    name: str = "exotel"
    subprotocol: str | None = None
    secret_env: str = "EXOTEL_BASIC"  # noqa: S105 - the variable's name, not its value

    def open(self, query: Mapping[str, str]) -> ExotelWire:
        """One call."""
        return ExotelWire(query)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """User name and password; Exotel signs nothing."""
        return control.check_basic(asked, secret)

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """The token in the start guards the stream; without a webhook, the password does."""
        return "" if self.gives_token else control.check_basic(asked, secret)

    def ringing(self, asked: Asked) -> Ringing:
        """CallSid, From and To, in either spelling."""
        return control.ringing(asked, "CallSid", "AccountSid", "CallFrom", "CallTo")

    def answer(self, stream: Stream) -> Answer:
        """JSON: where to stream to."""
        passed = {"sample-rate": str(self.rate), "call": stream.call, "token": stream.token}
        for key, value in list(stream.caller.items())[:1]:
            more = {**passed, key: value}
            passed = more if len(urlencode(more)) <= MOST_QUERY else passed
        return control.json({"url": f"{stream.url}?{urlencode(passed)}"})

    def refuse(self) -> Answer:
        """HTTP 503: the applet goes on to what is set for a failure."""
        return control.unavailable()

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:  # noqa: ARG002
        """Closing the stream goes on to the flow's next applet: put a Connect applet there."""
        return None

    def end(self, call: Ringing) -> ApiRequest | None:  # noqa: ARG002
        """Closing the stream ends it, where the flow has no next applet."""
        return None


def load(*, rate: Literal[8000, 16000, 24000] = 16000, asks: bool = True) -> Exotel:
    """Exotel's calls.

    Args:
        rate: samples per second, both ways.
        asks: the applet asks us over HTTP where to stream to; a token then guards the stream.
    """
    return Exotel(rate, asks)
