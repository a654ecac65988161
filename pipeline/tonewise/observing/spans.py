"""Spans, and what belongs together: identifiers, parents, which share of traces is kept.

A trace is a call or an API request; `traceparent` is W3C's header of that name.
"""

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tonewise.facts import Scalar

NANO = 1_000_000_000

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")


@dataclass(frozen=True, slots=True)
class Parent:
    """What an incoming `traceparent` tells; `sampled`: whoever sent it keeps this trace."""

    trace: int
    span: int
    sampled: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time.

    Attributes:
        trace, number, parent: identifiers of 128, 64 and 64 bits; parent 0: none.
        began_ns, ended_ns: since 1970.
        facts: what is known of it, never words unless transcripts are kept.
        failed: why it failed; empty: it did not.
        moments: what happened in it, and when.
    """

    trace: int
    number: int
    parent: int
    name: str
    began_ns: int
    ended_ns: int
    facts: dict[str, Scalar] = field(default_factory=dict)
    failed: str = ""
    kind: Literal["internal", "server", "client"] = "internal"
    moments: tuple[tuple[str, int], ...] = ()


Give = Callable[[Sequence[Span]], None]
"""Takes spans that are over; never waits and never raises."""


def parent_of(traceparent: str) -> Parent | None:
    """What a `traceparent` header tells; None where it is none, or not valid."""
    found = _TRACEPARENT.fullmatch(traceparent.strip())
    if not found or found[1] == "ff" or (found[1] == "00" and found[5]):
        return None
    trace, span = int(found[2], 16), int(found[3], 16)
    return Parent(trace, span, bool(int(found[4], 16) & 1)) if trace and span else None


def new_trace() -> int:
    """An identifier of 128 random bits."""
    return secrets.randbits(128) or 1


def new_span() -> int:
    """An identifier of 64 random bits."""
    return secrets.randbits(64) or 1


def is_kept(trace: int, share: float) -> bool:
    """Is a trace among the share that is kept? The same for everybody who asks of this trace.

    By the identifier's last 56 bits, which W3C's trace context (level 2) wants to be random.
    """
    return (trace & (2**56 - 1)) < share * 2**56


def known(**facts: Scalar | None) -> dict[str, Scalar]:
    """The facts that are known, with dots for double underscores in their names."""
    return {name.replace("__", "."): one for name, one in facts.items() if one is not None}
