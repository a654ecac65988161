"""A circuit breaker: leaves a model alone for a while after faults, for all calls at once.

    state      what happens                       becomes
    closed     a fault                            closed; open when it is the N-th in a row
    closed     a reply                            closed, and the count begins anew
    any        the provider asks us to wait       open, for as long as it asks
    open       may I? before the time is up       no
    open       may I? after it                    half-open: yes, this one try
    open       tried anyway                       half-open
    open       a reply or a fault                 open: a try that began before; it tells no news
    half-open  may I?                             no: one try is under way
    half-open  a reply                            closed
    half-open  a fault                            open, for twice as long as the last time
    half-open  the try was given up               open, its time up: the next one may

No clock: whoever asks says what time it is. Not for several threads.
"""

from dataclasses import dataclass
from typing import Literal

LONGEST_S = 300.0
"""No model is left alone for longer, whatever its provider asks: it costs one try to find out."""


@dataclass(slots=True)
class Breaker:
    """One model's.

    Attributes:
        faults: in a row, until it opens.
        cooldown_s: seconds that it is open for the first time.
        state: of the machine.
        opens_at: when the next try may be made, while it is open.
        reason: why it is open.
        replied_at: when the model last answered; None: not yet.
    """

    faults: int = 3
    cooldown_s: float = 20.0
    state: Literal["closed", "open", "half_open"] = "closed"
    opens_at: float = 0.0
    reason: str = ""
    replied_at: float | None = None
    _in_a_row: int = 0
    _next_s: float = 0.0

    def rests_s(self, now: float) -> float:
        """Seconds for which the model is still left alone; 0: it is not."""
        return max(0.0, self.opens_at - now) if self.state == "open" else 0.0

    def may_try(self, now: float) -> bool:
        """May a try be made? A yes while half-open must be followed by how it ended."""
        if self.state == "open" and now >= self.opens_at:
            self.state = "half_open"
            return True
        return self.state == "closed"

    def try_anyway(self) -> None:
        """A try is made although nobody may: there is no other model left."""
        if self.state == "open":
            self.state = "half_open"

    def replied(self, now: float) -> None:
        """The model answered."""
        self.replied_at = now
        if self.state != "open":
            self.state, self._in_a_row, self._next_s = "closed", 0, 0.0

    def failed(self, now: float, why: str, wait_s: float | None = None) -> None:
        """The model did not answer.

        Args:
            now: the time.
            why: for people.
            wait_s: seconds that the provider asks us to wait.
        """
        if wait_s:
            self._open(now, min(wait_s, LONGEST_S), why)
        elif self.state == "half_open":
            self._open(now, self._next_s, why)
        elif self.state == "closed":
            self._in_a_row += 1
            if self._in_a_row >= self.faults:
                self._open(
                    now, self.cooldown_s, f"{self._in_a_row} faults in a row, the last: {why}"
                )

    def gave_up(self) -> None:
        """The one try of the half-open state ended without telling anything."""
        if self.state == "half_open":
            self.state = "open"

    def _open(self, now: float, for_s: float, why: str) -> None:
        self.opens_at = max(self.opens_at, now + for_s) if self.state == "open" else now + for_s
        self.state, self.reason = "open", why
        self._next_s = min(2 * max(for_s, self.cooldown_s), LONGEST_S)
