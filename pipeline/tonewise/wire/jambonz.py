"""jambonz `listen`: L16 in binary messages, control as JSON text.

    from jambonz   call attributes (the first message) · dtmf · mark (playout, cleared) · playDone
    to jambonz     binary · mark · killAudio · disconnect

Set the application's calling webhook to `https://<us>/telephony/jambonz` (POST) with user name and
password, and put `<user>:<password>` into JAMBONZ_BASIC.
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
    Stream,
    WireEvent,
)
from tonewise.wire.vocabulary import Number, decoded, encoded, parameters, whole

Rate = Literal[8000, 16000, 24000, 48000]


class _Attributes(msgspec.Struct, frozen=True, rename="camel"):
    call_sid: str
    sample_rate: Number = 8000
    mix_type: str = "mono"
    from_: str = msgspec.field(default="", name="from")
    to: str = ""
    metadata: dict[str, Any] = {}
    token: str = ""


class _Data(msgspec.Struct, frozen=True):
    name: str = ""
    event: str = ""


class _Told(msgspec.Struct, frozen=True):
    type: str = ""
    event: str = ""
    dtmf: str = ""
    data: _Data = _Data()


_attributes: msgspec.json.Decoder[_Attributes] = msgspec.json.Decoder(_Attributes)
_told: msgspec.json.Decoder[_Told] = msgspec.json.Decoder(_Told)


class JambonzWire:
    """One call. Its end is the socket's."""

    marks = True
    pace_ms = 0

    def __init__(self, rate: int) -> None:
        self._line = TelephoneLine()
        self._rate = rate

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says; see `telephone.Wire`."""
        if isinstance(message, bytes):
            return self._line.hear(message)
        if not self._line.started:
            return [self._started(decoded(_attributes, message))]
        told = decoded(_told, message)
        if told.event == "dtmf":
            return self._line.pressed(told.dtmf)
        if told.type == "mark" and told.data.event != "cleared":
            return self._line.reached(told.data.name)
        return []

    def _started(self, told: _Attributes) -> Started:
        channels = 2 if told.mix_type == "stereo" else 1
        form = named("l16", whole(told.sample_rate, 8000), channels)
        self._line.start(form, Format("l16", self._rate))
        numbers = {"from": told.from_, "to": told.to}
        caller, ours = parameters({**numbers, **told.metadata}, "token", "call")
        token = ours.get("token") or told.token or None
        return Started(told.call_sid, told.call_sid, form, caller, token)

    def accept(self) -> list[Message]:
        """It waits for nothing."""
        return []

    def media(self, samples: Samples) -> list[Message]:
        """Sound, 20 ms a message."""
        return list(self._line.speak(samples))

    def rest(self) -> list[Message]:
        """The last frame of a reply."""
        return list(self._line.rest())

    def mark(self, name: str) -> list[Message]:
        """Comes back as played, or as cleared: the only provider that says which."""
        self._line.place(name)
        return [encoded({"type": "mark", "data": {"name": name}})]

    def clear(self) -> list[Message]:
        """The buffer is emptied."""
        self._line.clear()
        return [encoded({"type": "killAudio"})]

    def press(self, digits: str) -> list[Message]:  # noqa: ARG002 - by the API only
        """The stream carries no keys from us."""
        return []

    def hang_up(self, reason: str) -> list[Message]:  # noqa: ARG002 - jambonz is told no reason
        """End the listen; `answer` puts a hang-up after it."""
        return [encoded({"type": "disconnect"})]


@dataclass(frozen=True, slots=True)
class Jambonz:
    """Calls of jambonz."""

    rate: int
    api: str
    transfer_url: str
    name: str = "jambonz"
    subprotocol: str | None = "audio.jambonz.org"
    secret_env: str = "JAMBONZ_BASIC"  # noqa: S105 - the variable's name, not its value
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> JambonzWire:  # noqa: ARG002 - all is in the start
        """One call."""
        return JambonzWire(self.rate)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """User name and password."""
        return control.check_basic(asked, secret)

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """The token in the first message guards the stream."""
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """call_sid, account_sid, from and to."""
        return control.ringing(asked, "call_sid", "account_sid", "from", "to")

    def answer(self, stream: Stream) -> Answer:
        """Verbs: listen, both ways; then hang up."""
        listen = {
            "verb": "listen",
            "url": stream.url,
            "sampleRate": self.rate,
            "mixType": "mono",
            "passDtmf": True,
            "bidirectionalAudio": {"enabled": True, "streaming": True, "sampleRate": self.rate},
            "metadata": {**stream.caller, "token": stream.token},
        }
        first = [{"verb": "say", "text": stream.greeting}] if stream.greeting else []
        return control.json([*first, listen, {"verb": "hangup"}])

    def refuse(self) -> Answer:
        """Verbs: decline as busy."""
        return control.json([{"verb": "sip:decline", "status": 486, "reason": "Busy Here"}])

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """New verbs for the running call, which jambonz fetches. Needs `transfer_url`."""
        if not self.transfer_url:
            return None
        return self._put(call, {"call_hook": self.transfer_url.replace("{to}", control.path(to))})

    def end(self, call: Ringing) -> ApiRequest | None:
        """The call is completed."""
        return self._put(call, {"call_status": "completed"})

    def _put(self, call: Ringing, told: Mapping[str, object]) -> ApiRequest:
        place = f"Accounts/{control.path(call.account)}/Calls/{control.path(call.call)}"
        return ApiRequest("PUT", f"{self.api}/{place}", control.JSON, encoded(told), "bearer")


def load(
    *, rate: Rate = 16000, api: str = "https://jambonz.cloud/api/v1", transfer_url: str = ""
) -> Jambonz:
    """Calls of jambonz.

    Args:
        rate: samples per second, both ways.
        api: where the REST API is.
        transfer_url: an https URL whose verbs dial `{to}`; transfers need it.
    """
    return Jambonz(rate, api, transfer_url)
