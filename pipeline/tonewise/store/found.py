"""What one asks the store, and what it answers."""

from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from tonewise.plan import Plan
from tonewise.records import CallBegan, Followed, Judged, Replied, ReplyEnding, Source, Tried

Feedback = Literal["good", "bad", "any", "none"]
"""good: some score of 0.5 or more; bad: some score below."""


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which decisions; None: not asked.

    Attributes:
        since, until: seconds since 1970: since ≤ at < until.
        model: that answered; or that was to be tried first, where no reply is over yet.
        search: in identifiers and reasons, and in what was said and replied where that is kept;
            case does not matter.
        cursor: from the page before.
    """

    since: float | None = None
    until: float | None = None
    route: str | None = None
    model: str | None = None
    client: str | None = None
    user: str | None = None
    call: str | None = None
    rule: str | None = None
    router: str | None = None
    variant: str | None = None
    task: str | None = None
    source: Source | None = None
    outcome: ReplyEnding | None = None
    min_frustration: float | None = None
    max_frustration: float | None = None
    min_complexity: float | None = None
    escalated: bool | None = None
    explored: bool | None = None
    calm: bool | None = None
    feedback: Feedback | None = None
    search: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 50
    cursor: str | None = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A decision in a list.

    Attributes:
        model: who answered; None: nobody, or no reply is over yet.
        models: that were to be tried.
        reason: the first.
        outcome: of the reply.
        attempts: how many tries are over.
        cost_usd: of all tries; None where none told.
        score: the mean of explicit feedback.
    """

    decision: str
    at: float
    source: Source
    call: str
    turn: int
    client: str
    router: str
    user: str
    route: str
    model: str | None
    models: tuple[str, ...]
    variant: str
    task: str | None
    rule: str | None
    escalated: bool
    explored: bool
    calm: bool
    complexity: float
    frustration: float | None
    reason: str | None
    outcome: str | None
    attempts: int
    cost_usd: float | None
    first_token_ms: float | None
    first_sound_ms: float | None
    total_ms: float | None
    score: float | None
    said: str | None


class Page(NamedTuple):
    """Decisions, newest first; `next_cursor` asks for older ones, None: there are none."""

    rows: tuple[Row, ...]
    next_cursor: str | None


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """A decision with everything that belongs to it."""

    decision: Row
    plan: Plan
    attempts: tuple[Tried, ...] = ()
    reply: Replied | None = None
    followed: Followed | None = None
    feedback: tuple[Judged, ...] = ()
    began: CallBegan | None = None


class RouteShare(msgspec.Struct, frozen=True, kw_only=True):
    """What went to one route in one stretch of time.

    Attributes:
        cost_usd: the sum; None where no attempt told.
        first_token_ms, frustration: means; None where nothing was measured.
    """

    turns: int
    escalated: int
    failed: int
    cost_usd: float | None
    first_token_ms: float | None
    frustration: float | None


class Bucket(msgspec.Struct, frozen=True):
    """A stretch of time that began at `at`, by route."""

    at: float
    routes: dict[str, RouteShare]


class VariantTurn(msgspec.Struct, frozen=True, kw_only=True):
    """One decision as experiments count it.

    Attributes:
        who: is answered: the user, else the call, else the decision itself.
        model: who answered; else who was to be tried first.
        cost_usd: of all tries; None where none told.
        before, frustration: in the turn, and in the one after it.
        followed: it is known what the caller did then.
        score: the mean of explicit feedback.
    """

    decision: str
    at: float
    route: str
    variant: str
    who: str
    model: str
    router: str
    client: str
    task: str | None
    explored: bool
    calm: bool
    escalated: bool
    outcome: str | None
    attempts: int
    cost_usd: float | None
    first_token_ms: float | None
    before: float | None
    frustration: float | None
    followed: bool
    interrupted: bool
    repeated: bool
    thanked: bool
    hung_up: bool
    score: float | None
