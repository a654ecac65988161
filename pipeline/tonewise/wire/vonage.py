"""Vonage Voice WebSockets: L16 in binary messages of exactly 20 ms, control as JSON text.

    from Vonage   websocket:connected · websocket:dtmf · websocket:notify · websocket:cleared
    to Vonage     notify (a mark) · clear

Set the application's answer URL to `https://<us>/telephony/vonage` (POST), switch signed webhooks
on, and put the account's signature secret into VONAGE_SIGNATURE_SECRET.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tonewise.audio import Samples
from tonewise.errors import WireError
from tonewise.wire import call_control as control
from tonewise.wire.line import TelephoneLine
from tonewise.wire.signatures import check_jwt
from tonewise.wire.sound import named
from tonewise.wire.telephone import (
    INVALID,
    Answer,
    ApiRequest,
    Asked,
    Message,
    Ringing,
    Started,
    Stream,
    WireEvent,
)
from tonewise.wire.vocabulary import Vocabulary, decoded, encoded, parameters

API = "https://api.nexmo.com/v1/calls"

MOST_HEADERS = 512
"""Bytes of `headers` in an NCCO."""


class ConnectedMessage(msgspec.Struct, frozen=True):
    """The stream begins; what we put into `headers` stands beside these."""

    content_type: str = msgspec.field(default="audio/l16;rate=16000", name="content-type")


class DtmfMessage(msgspec.Struct, frozen=True):
    """A key was pressed."""

    digit: str


class _Payload(msgspec.Struct, frozen=True):
    mark: str = ""


class NotifyMessage(msgspec.Struct, frozen=True):
    """What we asked to be notified of has been reached."""

    payload: _Payload = _Payload()


_VOCABULARY = Vocabulary(
    "event",
    {
        "websocket:connected": ConnectedMessage,
        "websocket:dtmf": DtmfMessage,
        "websocket:notify": NotifyMessage,
    },
)
_anything: msgspec.json.Decoder[dict[str, Any]] = msgspec.json.Decoder(dict[str, Any])


class VonageWire:
    """One call. There is no stop: the socket just closes."""

    marks = True
    pace_ms = 0

    def __init__(self) -> None:
        self._line = TelephoneLine()

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return self._line.hear(message)
        match _VOCABULARY.read(message):
            case ConnectedMessage(content_type):
                return [self._started(content_type, message)]
            case DtmfMessage(digit):
                return self._line.pressed(digit)
            case NotifyMessage(payload):
                return self._line.reached(payload.mark)
            case _:
                return []

    def _started(self, content_type: str, message: str) -> Started:
        told = decoded(_anything, message)
        kind, _, rate = content_type.replace(" ", "").partition(";rate=")
        if not (rate.isascii() and rate.isdigit() and len(rate) < 7):
            raise WireError("content-type names no rate, as in audio/l16;rate=16000", INVALID)
        form = named(kind, int(rate))
        self._line.start(form)
        passed = {key: told[key] for key in told if key not in ("event", "content-type")}
        caller, ours = parameters(passed, "token", "call")
        call = ours.get("call", "")
        return Started(call, call, form, caller, ours.get("token"))

    def accept(self) -> list[Message]:
        """Vonage waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound in messages of exactly 20 ms; others are played as noise."""
        return list(self._line.speak(samples))

    def rest(self) -> list[Message]:
        """The last frame of a reply."""
        return list(self._line.rest())

    def mark(self, name: str) -> list[Message]:
        """Comes back when what was sent before it has been played."""
        self._line.place(name)
        return [encoded({"action": "notify", "payload": {"mark": name}})]

    def clear(self) -> list[Message]:
        """Vonage empties its buffer."""
        self._line.clear()
        return [encoded({"action": "clear"})]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - by the API only
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - Vonage is told no reason
        """Closing the socket ends our part; see `Vonage.end`."""
        return []


@dataclass(frozen=True, slots=True)
class Vonage:
    """Vonage's calls."""

    rate: int
    name: str = "vonage"
    subprotocol: str | None = None
    secret_env: str = "VONAGE_SIGNATURE_SECRET"  # noqa: S105 - the variable's name
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> VonageWire:  # noqa: ARG002 - all is in `headers`
        """One call."""
        return VonageWire()

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:
        """A JWT with the body's hash."""
        return check_jwt(asked, secret, now)

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """The token in the first message guards the stream."""
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """uuid, conversation_uuid, from and to."""
        return control.ringing(asked, "uuid", "conversation_uuid", "from", "to")

    def answer(self, stream: Stream) -> Answer:
        """NCCO: connect the stream; when it is over, the call is."""
        headers = {"call": stream.call, "token": stream.token}
        for key, value in stream.caller.items():
            if len(msgspec.json.encode({**headers, key: value})) <= MOST_HEADERS:
                headers = {key: value, **headers}
        endpoint = {
            "type": "websocket",
            "uri": stream.url,
            "content-type": f"audio/l16;rate={self.rate}",
            "headers": headers,
        }
        first = [{"action": "talk", "text": stream.greeting}] if stream.greeting else []
        return control.json([*first, {"action": "connect", "endpoint": [endpoint]}])

    def refuse(self) -> Answer:
        """NCCO: say so and hang up; it knows no busy tone."""
        return control.json([{"action": "talk", "text": control.BUSY}])

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """A new NCCO for the running call: connect a phone or a SIP address."""
        sip = {"type": "sip", "uri": to}
        endpoint = sip if control.is_sip(to) else {"type": "phone", "number": to.lstrip("+")}
        ncco = [{"action": "connect", "endpoint": [endpoint]}]
        destination = {"type": "ncco", "ncco": ncco}
        return self._put(call, {"action": "transfer", "destination": destination})

    def end(self, call: Ringing) -> ApiRequest | None:
        """Hang up."""
        return self._put(call, {"action": "hangup"})

    def _put(self, call: Ringing, told: Mapping[str, object]) -> ApiRequest:
        url = f"{API}/{control.path(call.call)}"
        return ApiRequest("PUT", url, control.JSON, encoded(told), "bearer")


def load(*, rate: Literal[8000, 16000] = 16000) -> Vonage:
    """Vonage's calls.

    Args:
        rate: samples per second, both ways.
    """
    return Vonage(rate)
