"""So much a minute, and the windows of the calendar. Pure: they are told what time it is."""

from collections import deque
from datetime import UTC, datetime, timedelta

from tonewise.operating import Window

MINUTE_S = 60.0

_SLOT_S = 0.125
"""The minute is counted in slots of this length, a power of two, so that no rounding moves a slot:
at most 482 numbers are kept for a client, and something is forgotten up to this much later than a
minute after it was counted, never earlier."""


class Minute:
    """What was had in the last minute: no 60 seconds ever hold more than the limit.

    Args:
        limit: that any 60 seconds may hold.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._slots: deque[tuple[int, int]] = deque()  # number of the slot, what was had in it
        self._had = 0

    def had(self, now_s: float) -> int:
        """In the last minute; `now_s` is monotonic, as everywhere here."""
        gone = int((now_s - MINUTE_S) // _SLOT_S)
        while self._slots and self._slots[0][0] < gone:
            self._had -= self._slots.popleft()[1]
        return self._had

    def add(self, amount: int, now_s: float) -> None:
        """So much was had just now."""
        slot = int(now_s // _SLOT_S)
        if self._slots and self._slots[-1][0] >= slot:  # a clock that another thread read before us
            slot, had = self._slots.pop()
            self._slots.append((slot, had + amount))
        else:
            self._slots.append((slot, amount))
        self._had += amount

    def left(self, now_s: float) -> int:
        """That may still be had."""
        return max(0, self.limit - self.had(now_s))

    def wait_s(self, now_s: float) -> float:
        """Seconds until there is room for one more; 0: there is."""
        must_go = self.had(now_s) - self.limit + 1
        wait_s = 0.0
        for slot, had in self._slots:
            if must_go <= 0:
                break
            must_go -= had
            wait_s = self._gone_s(slot) - now_s
        return wait_s

    def whole_s(self, now_s: float) -> float:
        """Seconds until all of it may be had again."""
        return self._gone_s(self._slots[-1][0]) - now_s if self.had(now_s) else 0.0

    @staticmethod
    def _gone_s(slot: int) -> float:
        return (slot + 1) * _SLOT_S + MINUTE_S


def window_end(window: Window, at: float) -> float:
    """When the window of the calendar around `at` is over; seconds since 1970, in UTC."""
    if window != "month":
        length = {"minute": 60, "hour": 3600, "day": 86_400}[window]
        return (at // length + 1) * length  # Unix time knows no leap seconds
    day = datetime.fromtimestamp(at, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (day + timedelta(days=32)).replace(day=1).timestamp()
