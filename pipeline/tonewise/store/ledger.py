"""What clients have spent: in the database, and on the way there."""

import math
import threading
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple, get_args

from tonewise.operating import Window
from tonewise.records import AnyRecord, Decided, Tried

WINDOWS: tuple[Window, ...] = get_args(Window)
NANO = 1_000_000_000
ALL = ""
"""The client that stands for the whole deployment, calls included."""
_MOST, _MOST_USD = 2**53, 1e6
"""Of one record, whatever a provider tells: sums must stay within 64 bits."""


class Spending(NamedTuple):
    """What was spent in a window; `requests` are decisions."""

    usd: float
    tokens: int
    requests: int


class Amount(NamedTuple):
    """The same in whole numbers: billionths of a dollar."""

    nano_usd: int = 0
    tokens: int = 0
    requests: int = 0

    def plus(self, other: "Amount", sign: int = 1) -> "Amount":
        """The sum, or with sign -1 the difference."""
        return Amount(
            self.nano_usd + sign * other.nano_usd,
            self.tokens + sign * other.tokens,
            self.requests + sign * other.requests,
        )


_DECIDED = Amount(requests=1)


class Key(NamedTuple):
    """A client's window that began at `since`."""

    client: str
    window: Window
    since: float


def window_start(window: Window, at: float) -> float:
    """When the window of the UTC calendar that holds a time began."""
    match window:
        case "minute":
            return float(at // 60 * 60)
        case "hour":
            return float(at // 3600 * 3600)
        case "day":
            return float(at // 86_400 * 86_400)
        case "month":
            day = datetime.fromtimestamp(at, UTC)
            return datetime(day.year, day.month, 1, tzinfo=UTC).timestamp()


def amount(record: AnyRecord) -> tuple[str, Amount] | None:
    """The client that a record is charged to, and what; None where it costs nothing."""
    if isinstance(record, Decided):
        return (record.client, _DECIDED) if record.source != "replay" else None
    if not isinstance(record, Tried):
        return None
    tokens = (record.input_tokens or 0) + (record.output_tokens or 0)
    cost = record.cost_usd or 0.0
    usd = min(cost, _MOST_USD) if math.isfinite(cost) and cost > 0 else 0.0
    spent = Amount(round(usd * NANO), max(0, min(tokens, _MOST)))
    return (record.client, spent) if any(spent) else None


Charges = dict[tuple[str, float], Amount]
"""By client and minute, of which all windows are made."""


def charged(records: Iterable[AnyRecord]) -> Charges:
    """What records cost each client, and all of them together, minute by minute."""
    sums: dict[tuple[str, float], list[int]] = {}
    for record in records:
        if due := amount(record):
            client, spent = due
            minute = window_start("minute", record.at)
            for name in (client, ALL) if client else (ALL,):
                so_far = sums.setdefault((name, minute), [0, 0, 0])
                for at, more in enumerate(spent):
                    so_far[at] += more
    return {of: Amount(*each) for of, each in sums.items()}


def by_window(charges: Charges) -> dict[Key, Amount]:
    """The same for every window that the minutes lie in."""
    sums: dict[Key, Amount] = {}
    for (client, minute), spent in charges.items():
        for window in WINDOWS:
            key = Key(client, window, window_start(window, minute))
            sums[key] = sums.get(key, Amount()).plus(spent)
    return sums


class Ledger:
    """Sums by client and window, exact at every moment, whatever is still on its way."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._written: dict[Key, Amount] = {}
        self._waiting: dict[str, dict[float, Amount]] = {}

    def noted(self, record: AnyRecord) -> None:
        """A record is on its way to the database."""
        if due := amount(record):
            client, spent = due
            minute = window_start("minute", record.at)
            with self._door:
                for name in (client, ALL) if client else (ALL,):
                    minutes = self._waiting.setdefault(name, {})
                    before = minutes.get(minute)
                    minutes[minute] = before.plus(spent) if before else spent

    def written(self, records: Iterable[AnyRecord], totals: Mapping[Key, Amount]) -> None:
        """Records have arrived; the database's sums are now these."""
        charges = charged(records)
        with self._door:
            self._written.update(totals)
            self._arrived(charges)

    def refreshed(self, totals: Mapping[Key, Amount]) -> None:
        """The database's sums of the windows of now, other processes' spending among them."""
        with self._door:
            self._written = dict(totals)

    def spent(self, client: str, window: Window, now: float) -> Spending:
        """What a client has spent in the window of now."""
        since = window_start(window, now)
        with self._door:
            total = self._written.get(Key(client, window, since), Amount())
            for minute, waiting in self._waiting.get(client, {}).items():
                if window_start(window, minute) == since:
                    total = total.plus(waiting)
        return Spending(total.nano_usd / NANO, total.tokens, total.requests)

    def _arrived(self, charges: Charges) -> None:
        for (client, minute), spent in charges.items():
            minutes = self._waiting.setdefault(client, {})
            left = minutes.get(minute, Amount()).plus(spent, -1)
            if left == Amount():
                del minutes[minute]
            else:
                minutes[minute] = left
