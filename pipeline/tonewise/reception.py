"""Which calls ring and which are in hand, so that none is one too many. Pure: it is told the time.

rings      counted until its stream starts, or until the token for it is too old
in hand    counted until it is over; it cannot ring or start a second time
"""

from tonewise.errors import WireError
from tonewise.settings import Telephony
from tonewise.wire.stream_token import LIFETIME_S
from tonewise.wire.telephone import POLICY, TRY_LATER, Ringing


class Unwelcome(WireError):  # noqa: N818 - what happened, not a fault
    """A caller, or an account, that the settings do not let in."""


class Reception:
    """The telephone calls of one process.

    Args:
        settings: whose calls are welcome, and how many from one number.
    """

    def __init__(self, settings: Telephony) -> None:
        self._settings = settings
        self._rings: dict[tuple[str, str], tuple[Ringing, float]] = {}
        self._in_hand: dict[tuple[str, str], str] = {}

    def ringing(self, now: float) -> int:
        """Calls that were answered and whose stream has not started."""
        self._forget(now)
        return len(self._rings)

    def ring(self, wire: str, ring: Ringing, free: int, now: float) -> None:
        """A call rings.

        Args:
            wire: which brings it.
            ring: the call.
            free: lines that no call holds.
            now: seconds.

        Raises:
            WireError: it is not welcome, or no line is free, or it is in hand.
        """
        self._check(wire, ring.call, ring.caller, now)
        accounts = self._settings.accounts
        if accounts and ring.account not in accounts:
            raise Unwelcome("this account is not on telephony.accounts", POLICY)
        known = (wire, ring.call) in self._rings
        if not known and free - self.ringing(now) < 1:
            raise WireError("all lines are busy", TRY_LATER)
        self._rings[wire, ring.call] = ring, now + LIFETIME_S

    def begin(self, wire: str, call: str, caller: str, now: float) -> Ringing:
        """A call's stream has started.

        Returns:
            what was known when it rang; else its name alone.

        Raises:
            WireError: it is not welcome, or in hand already.
        """
        ring, _ = self._rings.pop((wire, call), (Ringing(call, "", caller), 0.0))
        self._check(wire, call, ring.caller, now)
        self._in_hand[wire, call] = ring.caller
        return ring

    def end(self, wire: str, call: str) -> None:
        """A call is over."""
        self._in_hand.pop((wire, call), None)

    def _check(self, wire: str, call: str, caller: str, now: float) -> None:
        self._forget(now)
        if (wire, call) in self._in_hand:
            raise WireError("this call is in hand already", POLICY)
        callers = self._settings.callers
        if callers and not any(_matches(caller, pattern) for pattern in callers):
            raise Unwelcome("this number is not on telephony.callers", POLICY)
        if not any(character.isdigit() for character in caller):
            return  # withheld: that many people may call without a number
        others = [ring.caller for (_, other), (ring, _) in self._rings.items() if other != call]
        if [*others, *self._in_hand.values()].count(caller) >= self._settings.calls_per_number:
            raise WireError("too many calls from one number", TRY_LATER)

    def _forget(self, now: float) -> None:
        late = [key for key, (_, until) in self._rings.items() if until < now]
        for key in late:
            del self._rings[key]


def _matches(number: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1])
    return number == pattern
