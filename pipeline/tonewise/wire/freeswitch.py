"""FreeSWITCH, by mod_audio_stream or mod_audio_fork: L16 in binary messages.

    from FreeSWITCH   metadata (any text, the first message) · binary L16
    to FreeSWITCH     streamAudio, or playAudio and killAudio (mod_audio_fork), or binary L16

The stream does not say its rate: let the metadata be JSON as in {"rate": 16000, "call": "<uuid>"},
or set `rate`. Further keys are passed on to the router. FreeSWITCH sends no keys either; an
application may relay them with `send_text {"event": "dtmf", "digit": "5"}`. Let
STREAM_EXTRA_HEADERS bring an `Authorization: Basic …` and put `<user>:<password>` into
FREESWITCH_BASIC.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

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
    Ringing,
    Started,
    Stopped,
    Stream,
    WireEvent,
)
from tonewise.wire.vocabulary import Vocabulary, decoded, encoded, parameters, whole

Playback = Literal["stream", "fork", "binary"]

FRAME_MS: dict[Playback, int] = {"stream": 200, "fork": 200, "binary": 20}
"""`stream` and `fork` make a file and an event of every message: fewer, longer ones."""


class DtmfMessage(msgspec.Struct, frozen=True):
    """A key was pressed; relayed by an application."""

    digit: str


class StopMessage(msgspec.Struct, frozen=True):
    """The call is over; relayed by an application."""


_VOCABULARY = Vocabulary("event", {"dtmf": DtmfMessage, "stop": StopMessage})
_anything: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class FreeSwitchWire:
    """One call. Its end is the socket's."""

    marks = False

    def __init__(self, query: Mapping[str, str], playback: Playback, form: Format) -> None:
        self.pace_ms = FRAME_MS[playback]
        self._line = TelephoneLine(self.pace_ms)
        self._query = query
        self._playback = playback
        self._form = form

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if not self._line.started:
            started: list[WireEvent] = [self._started(message if isinstance(message, str) else "")]
            return started + (self._line.hear(message) if isinstance(message, bytes) else [])
        if isinstance(message, bytes):
            return self._line.hear(message)
        match _VOCABULARY.read(message) if message.startswith("{") else None:
            case DtmfMessage(digit):
                return self._line.pressed(digit)
            case StopMessage():
                return [Stopped("hung up")]
            case _:
                return []

    def _started(self, metadata: str) -> Started:
        told = decoded(_anything, metadata) if metadata.startswith("{") else {}
        passed = {**self._query, **told}
        rate = passed.pop("rate", None)
        rate = whole(rate, -1) if isinstance(rate, int | str) else self._form.rate
        form = named("l16", rate, self._form.channels)
        self._form = form
        self._line.start(form)
        caller, ours = parameters(passed, "token", "call")
        call = ours.get("call", "")
        return Started(call, call, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """FreeSWITCH waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, in the form that the module takes."""
        return [self._media(frame) for frame in self._line.speak(samples)]

    def rest(self) -> list[Message]:
        """The last piece of a reply."""
        return [self._media(frame) for frame in self._line.rest()]

    def mark(self, name: str) -> list[Message]:  # noqa: ARG002 - FreeSWITCH has none
        """There are none: the clock tells what was heard."""
        return []

    def clear(self) -> list[Message]:
        """mod_audio_fork stops what it plays; mod_audio_stream documents no way to."""
        self._line.clear()
        return [encoded({"type": "killAudio"})] if self._playback == "fork" else []

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - FreeSWITCH has no means
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - it is told no reason
        """mod_audio_fork tells the application to; the others see the socket close."""
        return [encoded({"type": "disconnect"})] if self._playback == "fork" else []

    def _media(self, frame: bytes) -> Message:
        rate = self._form.rate
        match self._playback:
            case "binary":
                return frame
            case "stream":
                data = {"audioDataType": "raw", "sampleRate": rate, "audioData": frame}
                return encoded({"type": "streamAudio", "data": data})
            case "fork":
                data = {"audioContentType": "raw", "sampleRate": rate, "audioContent": frame}
                return encoded({"type": "playAudio", "data": data})


@dataclass(frozen=True, slots=True)
class FreeSwitch:
    """Calls of one's own FreeSWITCH."""

    playback: Playback
    form: Format
    subprotocol: str | None
    name: str = "freeswitch"
    secret_env: str = "FREESWITCH_BASIC"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = False

    def open(self, query: Mapping[str, str]) -> FreeSwitchWire:
        """One call."""
        return FreeSwitchWire(query, self.playback, self.form)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """There is none."""
        raise control.no_webhook("FreeSWITCH")

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """User name and password."""
        return control.check_basic(asked, secret)

    def ringing(self, asked: Asked) -> Ringing:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("FreeSWITCH")

    def answer(self, stream: Stream) -> Answer:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("FreeSWITCH")

    def refuse(self) -> Answer:
        """HTTP 503 to the upgrade; the module fires its error event."""
        return control.unavailable()

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:  # noqa: ARG002
        """By the event socket: `uuid_transfer <uuid> <to>`."""
        return None

    def end(self, call: Ringing) -> ApiRequest | None:  # noqa: ARG002
        """By the event socket: `uuid_kill <uuid>`."""
        return None


def load(
    *,
    playback: Playback = "stream",
    rate: int = 8000,
    channels: Literal[1, 2] = 1,
    subprotocol: str | None = None,
) -> FreeSwitch:
    """Calls of one's own FreeSWITCH.

    Args:
        playback: how replies go back: `stream` for mod_audio_stream, `fork` for mod_audio_fork,
            `binary` for builds that play raw sound.
        rate: samples per second, where the metadata does not say.
        channels: 2 where the stream was started as `stereo`; the first is the caller's.
        subprotocol: `audio.drachtio.org` for mod_audio_fork.
    """
    return FreeSwitch(playback, named("l16", rate, channels), subprotocol)
