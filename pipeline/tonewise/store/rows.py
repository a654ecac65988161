"""A record as a row of its table."""

from typing import Any

import msgspec
from msgspec.structs import asdict
from sqlalchemy import Table

from tonewise.plan import Plan
from tonewise.records import (
    AnyRecord,
    CallBegan,
    CallOver,
    Decided,
    Followed,
    Judged,
    Replied,
    Tried,
)
from tonewise.store import schema
from tonewise.store.discretion import plan_without_words

Row = dict[str, Any]

MOST = 2**53
"""The largest number of tokens or turns: a provider's nonsense must not stop the rest."""
LONGEST = 250
"""Letters of a name: PostgreSQL's index takes 2,700 bytes, of up to two names and more."""
_NAMES = frozenset(
    ("decision", "call", "client", "router", "user", "route", "model", "variant", "task", "rule")
) | {"by", "caller", "wire"}

TABLES: dict[type, Table] = {
    CallBegan: schema.calls,
    CallOver: schema.calls,
    Decided: schema.decisions,
    Tried: schema.attempts,
    Replied: schema.replies,
    Followed: schema.followed,
    Judged: schema.feedback,
}


def row(record: AnyRecord) -> Row:
    """The columns of a record's row, all of them; of a call's end, those that it tells."""
    cells = _cells(record)
    for name, cell in cells.items():
        if name in _NAMES and cell is not None and len(cell) > LONGEST:
            cells[name] = cell[:LONGEST]
    return cells


def _cells(record: AnyRecord) -> Row:
    match record:
        case CallBegan():
            return {
                "call": record.call,
                "at": record.at,
                "wire": record.wire,
                "caller": record.caller,
                "language": record.language,
            }
        case CallOver():
            return {
                "call": record.call,
                "at": record.at,
                "over_at": record.at,
                "reason": record.reason,
                "turns": min(record.turns, MOST),
                "seconds": record.seconds,
            }
        case Decided():
            return _decided(record)
        case Tried():
            return asdict(record) | {
                "attempt": min(record.attempt, MOST),
                "input_tokens": _count(record.input_tokens),
                "output_tokens": _count(record.output_tokens),
            }
        case Replied() | Followed() | Judged():
            return asdict(record)


def _decided(record: Decided) -> Row:
    plan = record.plan
    return {
        "decision": record.decision,
        "at": record.at,
        "source": record.source,
        "call": record.call,
        "turn": min(record.turn, MOST),
        "client": record.client,
        "router": record.router,
        "user": record.user,
        "route": plan.route,
        "model": plan.models[0] if plan.models else "",
        "variant": plan.variant,
        "task": plan.task,
        "rule": plan.rule,
        "complexity": plan.complexity,
        "frustration": plan.frustration,
        "escalated": plan.escalated,
        "explored": plan.explored,
        "calm": record.calm,
        **words(record.said, plan),
        "plan": msgspec.json.encode(plan).decode(),
    }


def words(said: str | None, plan: Plan) -> Row:
    """The columns that may tell what was said."""
    return {
        "why": "\n".join(reason.text for reason in plan.reasons),
        "said": said,
        "quotes": said is not None or plan_without_words(plan) is not plan,
        "plan": plan,
    }


def _count(number: int | None) -> int | None:
    return None if number is None else min(number, MOST)
