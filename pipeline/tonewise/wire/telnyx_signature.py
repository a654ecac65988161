"""Telnyx signs its webhooks with a key pair: Ed25519 over the time and the body."""

import base64
import binascii

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tonewise.errors import WireError
from tonewise.wire.call_control import check_recent
from tonewise.wire.telephone import POLICY, Asked


def check_telnyx(asked: Asked, public_key: str, now: float) -> str:
    """Ed25519 over `timestamp|body`, by the account's public key.

    Args:
        asked: the webhook.
        public_key: as the portal shows it: 32 bytes in base64.
        now: seconds since 1970.

    Returns:
        the signature: the timestamp is in it, so no honest request repeats it.

    Raises:
        WireError: wrong, missing or too old.
    """
    given = asked.headers.get("telnyx-signature-ed25519", "")
    stamped = asked.headers.get("telnyx-timestamp", "")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
        signature = base64.b64decode(given, validate=True)
        key.verify(signature, stamped.encode() + b"|" + asked.body)
        check_recent(int(stamped), now)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise WireError("the signature is wrong, or missing", POLICY) from error
    return given
