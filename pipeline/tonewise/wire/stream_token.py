"""A one-time token that ties a stream to the call that was announced for it.

A provider's webhook is signed; the WebSocket that follows often is not. So the answer to the
webhook puts a token into the stream's start, and a stream that brings none, an old one or another
call's is a stranger's. It is made of letters and digits only: Plivo passes on nothing else.
"""

import hashlib
import hmac

from tonewise.errors import WireError
from tonewise.wire.telephone import POLICY

LIFETIME_S = 60
"""From the webhook's answer to the stream's start; providers take one to ten seconds."""

_MAC = 32  # hex digits: 128 bits
_EXPIRY = 10  # hex digits


def mint(secret: bytes, call: str, now: float, lifetime_s: float = LIFETIME_S) -> str:
    """A token for one stream of one call, 42 letters and digits.

    Args:
        secret: known to this server alone, 16 bytes or more.
        call: the call's name, as `Started.call` will give it.
        now: seconds since 1970.
        lifetime_s: how long it is good for.
    """
    expiry = f"{int(now + lifetime_s):0{_EXPIRY}x}"
    return expiry + _signed(secret, call, expiry)


def check(secret: bytes, call: str, token: str | None, now: float) -> None:
    """Is the token this call's, and still good?

    Raises:
        WireError: it is not. That it comes once only is for the `Once` of the caller to see.
    """
    given = token or ""
    expiry, mac = given[:_EXPIRY], given[_EXPIRY:]
    good = hmac.compare_digest(_signed(secret, call, expiry).encode(), mac.encode(errors="replace"))
    if not good:
        raise WireError("the stream brings no token of this call", POLICY)
    if now > int(expiry, 16):
        raise WireError("the stream's token is too old", POLICY)


class Once:
    """Remembers what must not come a second time, until it would be too old anyhow.

    Args:
        most: entries kept; when more come in time, new ones are refused: better no call than a
            replayed one.
    """

    def __init__(self, most: int = 100_000) -> None:
        self._most = most
        self._until: dict[str, float] = {}

    def first(self, key: str, now: float, lifetime_s: float) -> bool:
        """Does `key` come for the first time?"""
        if len(self._until) >= self._most or key in self._until:
            self._until = {kept: until for kept, until in self._until.items() if until > now}
        if key in self._until or len(self._until) >= self._most:
            return False
        self._until[key] = now + lifetime_s
        return True


def _signed(secret: bytes, call: str, expiry: str) -> str:
    told = f"{expiry}|{call}".encode(errors="replace")
    return hmac.new(secret, told, hashlib.sha256).hexdigest()[:_MAC]
