"""A query as conditions on the tables."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from tonewise.store.found import Query
from tonewise.store.schema import decisions, feedback, replies

_EQUAL = ("route", "client", "user", "call", "rule", "router", "variant", "task", "source")
_TRUE = ("escalated", "explored", "calm")
_CURSOR = "~"


def conditions(query: Query) -> list[ColumnElement[bool]]:
    """What a row of `decisions`, joined with its reply, must meet.

    Raises:
        ValueError: the cursor is none of ours.
    """
    table = decisions.c
    equal = ((table[name], getattr(query, name)) for name in _EQUAL)
    asked = [column == storable(told) for column, told in equal if told is not None]
    asked += [table[name].is_(told) for name in _TRUE if (told := getattr(query, name)) is not None]
    bounds = (
        (query.since, table.at.__ge__),
        (query.until, table.at.__lt__),
        (query.min_frustration, table.frustration.__ge__),
        (query.max_frustration, table.frustration.__le__),
        (query.min_complexity, table.complexity.__ge__),
    )
    asked += [holds(bound) for bound, holds in bounds if bound is not None]
    return [*asked, *_joined(query)]


def cursor(at: float, decision: str) -> str:
    """What asks for the decisions before this one."""
    return f"{at!r}{_CURSOR}{decision}"


def storable(text: str) -> str:
    """A text as it was stored, if it was: no database takes every letter that a client may send."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _joined(query: Query) -> Iterator[ColumnElement[bool]]:
    table = decisions.c
    if query.cursor is not None:
        yield _before(query.cursor)
    if query.model is not None:
        model = storable(query.model)
        planned = and_(replies.c.decision.is_(None), table.model == model)
        yield or_(replies.c.model == model, planned)
    if query.outcome is not None:
        yield replies.c.outcome == query.outcome
    if query.feedback is not None:
        yield _judged(query.feedback)
    if query.search:
        places: tuple[ColumnElement[Any], ...] = (
            table.decision,
            table.call,
            table.user,
            table.why,
            table.said,
            replies.c.replied,
        )
        wanted = storable(query.search).lower()
        yield or_(*(func.lower(place).contains(wanted, autoescape=True) for place in places))


def _before(told: str) -> ColumnElement[bool]:
    at, found, decision = told.partition(_CURSOR)
    try:
        time = float(at) if found else None
    except ValueError:
        time = None
    if time is None:
        msg = "cursor: not one that a page of decisions told"
        raise ValueError(msg)
    table = decisions.c
    return or_(table.at < time, and_(table.at == time, table.decision < storable(decision)))


def _judged(wanted: str) -> ColumnElement[bool]:
    mine = feedback.c.decision == decisions.c.decision
    match wanted:
        case "good":
            return exists(select(1).where(mine, feedback.c.score >= 0.5))
        case "bad":
            return exists(select(1).where(mine, feedback.c.score < 0.5))
        case "any":
            return exists(select(1).where(mine))
        case _:
            return ~exists(select(1).where(mine))
