"""SignalWire's cXML streams: Twilio's messages, with wide-band sound, and keys both ways.

Set a number's voice webhook to `https://<us>/telephony/signalwire` (POST) and put the project's
signing key into SIGNALWIRE_SIGNING_KEY. The stream's upgrade is not signed: its token guards it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tonewise.wire import call_control as control
from tonewise.wire.signatures import check_twilio
from tonewise.wire.telephone import Answer, ApiRequest, Asked, Ringing, Stream
from tonewise.wire.twilio import TwilioWire, connect, dial, say

Codec = Literal["PCMU@8000h", "L16@16000h", "L16@24000h"]


@dataclass(frozen=True, slots=True)
class SignalWire:
    """SignalWire's calls."""

    codec: Codec
    space: str
    big_endian: bool
    name: str = "signalwire"
    subprotocol: str | None = None
    secret_env: str = "SIGNALWIRE_SIGNING_KEY"  # noqa: S105 - the variable's name
    gives_token: bool = True

    def open(self, query: Mapping[str, str]) -> TwilioWire:  # noqa: ARG002 - it has no query
        """One call."""
        return TwilioWire(big_endian=self.big_endian, presses=True)

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """Twilio's signature under SignalWire's name, or Twilio's."""
        ours = "x-signalwire-signature"
        check_twilio(asked, secret, ours if ours in asked.headers else "x-twilio-signature")
        return ""

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:  # noqa: ARG002
        """Nothing is signed here."""
        return ""

    def ringing(self, asked: Asked) -> Ringing:
        """CallSid, AccountSid, From and To."""
        return control.ringing(asked, "CallSid", "AccountSid", "From", "To")

    def answer(self, stream: Stream) -> Answer:
        """cXML: connect the stream; when it is over, hang up."""
        return control.xml(
            *say(stream), connect(stream, codec=self.codec), control.element("Hangup")
        )

    def refuse(self) -> Answer:
        """cXML: the busy tone."""
        return control.xml(control.element("Reject", reason="busy"))

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """New cXML for the running call: dial. Needs the option `space`."""
        return self._update(call, {"Twiml": control.document(dial(to))})

    def end(self, call: Ringing) -> ApiRequest | None:
        """The call is completed. Needs the option `space`."""
        return self._update(call, {"Status": "completed"})

    def _update(self, call: Ringing, told: Mapping[str, str]) -> ApiRequest | None:
        if not self.space:
            return None
        api = f"https://{self.space}/api/laml/2010-04-01"
        account, name = control.path(call.account), control.path(call.call)
        return control.form(f"{api}/Accounts/{account}/Calls/{name}.json", told, call.account)


def load(*, codec: Codec = "L16@16000h", space: str = "", big_endian: bool = False) -> SignalWire:
    """SignalWire's calls.

    Args:
        codec: what the stream carries.
        space: your space's host, as in `example.signalwire.com`; transfers need it.
        big_endian: the byte order of L16, which SignalWire does not document.
    """
    return SignalWire(codec, space, big_endian)
