"""May this server be sent callers and requests now? Health says that it lives, readiness this."""

import time
from collections.abc import Callable, Mapping

import msgspec

from tonewise.llm.dispatch import Target
from tonewise.observing.standing import is_resting

PATIENCE_S = 2.0
"""So long the database may take to what was noted before it was asked."""


class Checked(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at.

    Attributes:
        why: it is not well.
    """

    ok: bool
    why: str | None = None


class Readiness(msgspec.Struct, frozen=True):
    """What `GET /readyz` answers, with status 200 or 503."""

    ready: bool
    checks: dict[str, Checked]


Check = Callable[[], str | None]
"""Tells why something is not well; None: it is."""


def readiness(checks: Mapping[str, Check]) -> Readiness:
    """Look at everything; a check that breaks is not well. May block for seconds: in a thread."""
    found: dict[str, Checked] = {}
    for name, check in checks.items():
        try:
            why = check()
        except Exception as error:  # noqa: BLE001 - whatever broke, callers had better go elsewhere
            why = f"cannot tell: {type(error).__name__}"
        found[name] = Checked(why is None, why)
    return Readiness(all(one.ok for one in found.values()), found)


def of_models(targets: Mapping[str, Target], clock: Callable[[], float] = time.monotonic) -> Check:
    """Is there a model that does not rest after faults?"""

    def check() -> str | None:
        now_s = clock()
        if any(not is_resting(target, now_s) for target in targets.values()):
            return None
        soonest = min((target.breaker.opens_at for target in targets.values()), default=now_s)
        return f"every model rests after faults; the first is tried in {soonest - now_s:.0f} s"

    return check


def of_store(flush: Callable[[float], bool]) -> Check:
    """Does the database take what is written, without falling behind?

    Args:
        flush: waits so many seconds at most until all is there; False: it is not. The store's own.
    """
    told = "the database takes nothing now, or falls behind; records wait in the journal"
    return lambda: None if flush(PATIENCE_S) else told


def of_stopping(stopping: Callable[[], bool]) -> Check:
    """Does the server still take callers?"""
    return lambda: "the server stops" if stopping() else None
