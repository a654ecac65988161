"""Genesys AudioHook and Audio Connector: JSON control, µ-law in binary messages.

    from Genesys   open · close · ping · discarded · dtmf · playback_completed · error · …
    to Genesys     opened · closed · pong · event (barge-in) · disconnect

Every message has a number that rises by one, in each direction. Only Genesys closes the socket.
Give the integration the URL `wss://<us>/telephony/genesys`, an API key and a client secret, and put
`<key>:<secret>` into GENESYS_CREDENTIALS.
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
from tonewise.wire.signatures import check_message
from tonewise.wire.sound import Format
from tonewise.wire.telephone import (
    INVALID,
    POLICY,
    UNSUPPORTED,
    Answer,
    ApiRequest,
    Asked,
    Due,
    Message,
    Reported,
    Ringing,
    Started,
    Stopped,
    Stream,
    WireEvent,
)
from tonewise.wire.vocabulary import decoded, encoded, parameters

PROBE = "00000000-0000-0000-0000-000000000000"
"""The conversation with which Genesys only tries whether we answer."""

_DURATION = re.compile(r"PT(\d{1,7}(?:\.\d{1,6})?)S")


class _Offer(msgspec.Struct, frozen=True):
    type: str = ""
    format: str = ""
    channels: tuple[str, ...] = ()
    rate: int = 0


class _Participant(msgspec.Struct, frozen=True):
    ani: str = ""
    dnis: str = ""


class _Parameters(msgspec.Struct, frozen=True, rename="camel"):
    conversation_id: str = ""
    organization_id: str = ""
    participant: _Participant = _Participant()
    media: tuple[_Offer, ...] = ()
    language: str = ""
    input_variables: dict[str, Any] = {}
    reason: str = ""
    discarded: str = ""
    digit: str = ""
    code: int = 0


class _Control(msgspec.Struct, frozen=True):
    type: str
    seq: int
    id: str
    parameters: _Parameters = _Parameters()


_decoder: msgspec.json.Decoder[_Control] = msgspec.json.Decoder(_Control)


class GenesysWire:
    """One session."""

    marks = False  # playback_completed tells of the last one only
    pace_ms = 0

    def __init__(self, frame_ms: int) -> None:
        self._line = TelephoneLine(frame_ms)
        self._id = ""
        self._heard = 0  # the number of their latest message
        self._sent = 0
        self._offer: _Offer | None = None
        self._closed = False

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return self._line.hear(message)
        told = decoded(_decoder, message)
        if told.seq != self._heard + 1:
            raise WireError(f"message {self._heard + 1} was next, and {told.seq} came", INVALID)
        if self._id and told.id != self._id:
            raise WireError("a message of another session", POLICY)
        self._heard = told.seq
        return self._told(told)

    def _told(self, told: _Control) -> list[WireEvent]:
        given = told.parameters
        said: list[WireEvent] = []
        match told.type:
            case "open":
                said = [self._started(told)]
            case "ping":
                said = [Due(self._say("pong"))]
            case "close":
                self._closed = True
                said = [Due(self._say("closed")), Stopped(_why(given.reason))]
            case "dtmf":
                said = self._line.pressed(given.digit)
            case "discarded":
                matched = _DURATION.fullmatch(given.discarded)
                self._line.lose(1000 * float(matched[1]) if matched else 0.0)
            case "playback_completed":
                said = self._line.all_reached()
            case "error":
                said = [Reported(f"Genesys reports error {given.code}")]
        return said

    def _started(self, told: _Control) -> Started:
        given = told.parameters
        offer = next((one for one in given.media if _good(one)), None)
        if offer is None:
            raise WireError("offer PCMU at 8000 Hz, the customer's channel first", UNSUPPORTED)
        form = Format("mu", 8000, len(offer.channels))
        self._line.start(form, Format("mu", 8000))
        self._id, self._offer = told.id, offer
        numbers = {"from": given.participant.ani, "to": given.participant.dnis}
        probe = {"probe": True} if given.conversation_id == PROBE else {}
        caller, _ = parameters({**numbers, **given.input_variables, **probe})
        language = given.language[:2].lower() if given.language[:2].isalpha() else None
        return Started(given.conversation_id or told.id, told.id, form, caller, None, language)

    def accept(self) -> list[Message]:
        """Until this, Genesys sends no sound. It answers with the one offer that we take."""
        media = [msgspec.to_builtins(self._offer)] if self._offer else []
        return [self._say("opened", startPaused=False, media=media)]

    def media(self, samples: Samples) -> list[Message]:
        """Sound, in longer messages: Genesys limits how many may come in a second."""
        return list(self._line.speak(samples))

    def rest(self) -> list[Message]:
        """The last message of a reply."""
        return list(self._line.rest())

    def mark(self, name: str) -> list[Message]:
        """There are none; `playback_completed` reaches all that wait."""
        self._line.place(name)
        return []

    def clear(self) -> list[Message]:
        """Barge-in: Genesys stops what it plays."""
        self._line.clear()
        return [self._say("event", entities=[{"type": "barge_in", "data": {}}])]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - Genesys has no means
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:
        """Give the call back to the flow: it goes on after the Audio Connector's step."""
        if self._closed:
            return []
        return [self._say("disconnect", reason="completed", info=reason[:100])]

    def refuse(self) -> list[Message]:
        """Who may not come in is told so inside the protocol."""
        return [self._say("disconnect", reason="unauthorized")]

    def _say(self, kind: str, **given: object) -> str:
        self._sent += 1
        return encoded(
            {
                "version": "2",
                "type": kind,
                "seq": self._sent,
                "clientseq": self._heard,
                "id": self._id,
                "parameters": given,
            }
        )


def _good(offer: _Offer) -> bool:
    line = offer.type == "audio" and offer.format == "PCMU" and offer.rate == 8000
    return line and offer.channels in (("external",), ("external", "internal"))


def _why(reason: str) -> str:
    return "hung up" if reason in ("end", "disconnect") else "the session closed"


@dataclass(frozen=True, slots=True)
class Genesys:
    """Calls of Genesys Cloud."""

    frame_ms: int
    name: str = "genesys"
    subprotocol: str | None = None
    secret_env: str = "GENESYS_CREDENTIALS"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = False

    def open(self, query: Mapping[str, str]) -> GenesysWire:  # noqa: ARG002 - all is in `open`
        """One session."""
        return GenesysWire(self.frame_ms)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """There is none."""
        raise control.no_webhook("Genesys")

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:
        """An HTTP message signature with a nonce. `secret` is `<key>:<secret>`."""
        key, _, client = secret.partition(":")
        return check_message(asked, key, client, now)

    def ringing(self, asked: Asked) -> Ringing:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("Genesys")

    def answer(self, stream: Stream) -> Answer:  # noqa: ARG002
        """There is no webhook."""
        raise control.no_webhook("Genesys")

    def refuse(self) -> Answer:
        """HTTP 503 to the upgrade; the flow takes its failure path."""
        return control.unavailable()

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:  # noqa: ARG002
        """Disconnecting goes on in the flow: put the transfer there."""
        return None

    def end(self, call: Ringing) -> ApiRequest | None:  # noqa: ARG002
        """Disconnecting does it."""
        return None


def load(*, frame_ms: int = 200) -> Genesys:
    """Calls of Genesys Cloud.

    Args:
        frame_ms: sound per message to Genesys.
    """
    return Genesys(frame_ms)
