"""Who follows a call's events beside its peer: records, metrics and traces.

None of them may touch the call: what breaks in one is logged once and follows no more.
"""

import logging
import time
from collections.abc import Callable, Sequence

from tonewise.chronicle import Chronicle
from tonewise.events import AnyEvent
from tonewise.observing.metrics import Metrics
from tonewise.observing.traces import Traces
from tonewise.peer import Greeting
from tonewise.records import AnyRecord

log = logging.getLogger(__name__)

Follower = Callable[[AnyEvent], None]
"""Told every event of one call, in order, on the event loop: it must be quick."""

Follow = Callable[[Greeting], Follower]
"""Makes the follower of a call that begins."""


def nobody(_: Greeting) -> Follower:
    """Follows no call."""
    return lambda _: None


def all_of(follows: Sequence[Follow]) -> Follow:
    """One that is all of them; each is kept from the call, and from the others."""

    def follow(greeting: Greeting) -> Follower:
        followers = [_made(each, greeting) for each in follows]

        def told(event: AnyEvent) -> None:
            for at, follower in enumerate(followers):
                if follower is None:
                    continue
                try:
                    follower(event)
                except Exception:
                    followers[at] = None
                    log.exception("call %s is not followed any more by one", greeting.call)

        return told

    return follow


def recording(
    pseudonym: Callable[[str], str], note: Callable[[AnyRecord], None], *, keeps_words: bool
) -> Follow:
    """Makes records of what happens.

    Args:
        pseudonym: of who calls.
        note: given each record.
        keeps_words: what was said may be in them.
    """

    def follow(greeting: Greeting) -> Follower:
        chronicle = Chronicle(greeting.call, greeting.wire, pseudonym, keeps_words, time.time)

        def told(event: AnyEvent) -> None:
            for record in chronicle.note(event):
                note(record)

        return told

    return follow


def watching(metrics: Metrics | None, traces: Traces | None) -> list[Follow]:
    """Those that the settings want, of metrics and traces."""
    followed: list[Follow] = []
    if metrics:
        watch = metrics.watch
        followed.append(lambda _: watch)
    if traces:
        call = traces.call
        followed.append(lambda _: call())
    return followed


def _made(follow: Follow, greeting: Greeting) -> Follower | None:
    try:
        return follow(greeting)
    except Exception:
        log.exception("call %s is not followed by one", greeting.call)
        return None
