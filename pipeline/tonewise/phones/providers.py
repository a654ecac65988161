"""Which dialects there are."""

from collections.abc import Callable

from tonewise.phones.binary_dialects import Asterisk, Vonage
from tonewise.phones.dialect import Dialect
from tonewise.phones.json_dialects import Plivo, Telnyx, Twilio

DIALECTS: dict[str, Callable[[], Dialect]] = {
    "asterisk": Asterisk,
    "plivo": Plivo,
    "telnyx": Telnyx,
    "twilio": Twilio,
    "vonage": Vonage,
}


def dialect(wire: str) -> Dialect:
    """A new call's."""
    return DIALECTS[wire]()
