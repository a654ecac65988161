"""What is, rather than what happened: the figures that are asked for at each scrape."""

import time
from collections.abc import Callable, Mapping

from tonewise.api.clients import Clients
from tonewise.llm.dispatch import Target
from tonewise.observing.metrics import NOBODY, Figures, Metrics


def is_resting(target: Target, now_s: float) -> bool:
    """Is a model left alone after faults? `now_s` is by the clock of `call.py`."""
    return target.breaker.rests_s(now_s) > 0


def look_at(
    metrics: Metrics,
    *,
    calls: Callable[[], int],
    targets: Mapping[str, Target],
    clients: Clients,
    backlog: Callable[[], int],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Add what the parts of the server tell of themselves.

    Args:
        metrics: where to.
        calls: in hand.
        targets: the models.
        clients: and their budgets.
        backlog: bytes of records that the database does not have yet.
        clock: seconds, the breakers' own.
    """

    def resting() -> Figures:
        now_s = clock()
        return [((name,), float(is_resting(one, now_s))) for name, one in targets.items()]

    def budget(key: str) -> Callable[[], Figures]:
        return lambda: [((name or NOBODY,), one[key]) for name, one in clients.budgets().items()]

    metrics.gauge("calls_in_hand", "Calls in hand.", (), lambda: [((), float(calls()))])
    metrics.gauge("model_resting", "1: left alone after faults.", ("model",), resting)
    told = f"US dollars that a budget allows in its window; client {NOBODY}: the server's own."
    metrics.gauge("budget_limit_usd", told, ("client",), budget("limit"))
    metrics.gauge("budget_left_usd", "US dollars left of it.", ("client",), budget("left"))
    told = "Bytes of records that wait for the database."
    metrics.gauge("store_backlog_bytes", told, (), lambda: [((), float(backlog()))])
