"""What belongs to decisions, gathered for many at once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, Table, func, select

from tonewise.store.found import Row, VariantTurn
from tonewise.store.schema import attempts, feedback, followed, replies

_NONE: Mapping[str, Any] = {}
_BOTH = ("at", "route", "variant", "router", "client", "task", "explored", "calm", "escalated")
_OF_TURNS = _BOTH
_OF_ROWS = (*_BOTH, "source", "call", "turn", "user", "rule", "complexity", "frustration", "said")
"""Columns that are told as they are."""


class Belongings(NamedTuple):
    """By decision: its reply, what followed, `count` and `cost` of its tries, its mean `score`."""

    replies: dict[str, RowMapping]
    followed: dict[str, RowMapping]
    tries: dict[str, RowMapping]
    scores: dict[str, RowMapping]


def belongings(connection: Connection, of: Sequence[str]) -> Belongings:
    """Everything that rows of decisions tell besides themselves."""
    if not of:
        return Belongings({}, {}, {}, {})

    def gathered(table: Table, *sums: Any) -> dict[str, RowMapping]:  # noqa: ANN401 - columns
        key = table.c.decision
        asked = select(key, *sums).group_by(key) if sums else select(table)
        rows = connection.execute(asked.where(key.in_(of))).mappings()
        return {row["decision"]: row for row in rows}

    return Belongings(
        gathered(replies),
        gathered(followed),
        gathered(
            attempts,
            func.count().label("count"),
            func.sum(attempts.c.cost_usd).label("cost"),
        ),
        gathered(feedback, func.avg(feedback.c.score).label("score")),
    )


def decided(row: RowMapping | Mapping[Any, Any], around: Belongings) -> Row:
    """A decision as lists tell it."""
    decision = row["decision"]
    reply = around.replies.get(decision, _NONE)
    tries = around.tries.get(decision, _NONE)
    return Row(
        **{name: row[name] for name in _OF_ROWS},
        decision=decision,
        model=reply.get("model") or None,
        models=tuple(row["plan"]["models"]),
        reason=row["why"].partition("\n")[0] or None,
        outcome=reply.get("outcome"),
        attempts=tries.get("count", 0),
        cost_usd=tries.get("cost"),
        first_token_ms=reply.get("first_token_ms"),
        first_sound_ms=reply.get("first_sound_ms"),
        total_ms=reply.get("total_ms"),
        score=around.scores.get(decision, _NONE).get("score"),
    )


def variant_turn(row: RowMapping | Mapping[Any, Any], around: Belongings) -> VariantTurn:
    """A decision as experiments count it."""
    decision = row["decision"]
    reply = around.replies.get(decision, _NONE)
    after = around.followed.get(decision, _NONE)
    tries = around.tries.get(decision, _NONE)
    before = after.get("before")
    return VariantTurn(
        **{name: row[name] for name in _OF_TURNS},
        decision=decision,
        who=row["user"] or row["call"] or decision,
        model=reply.get("model") or row["model"],
        outcome=reply.get("outcome"),
        attempts=tries.get("count", 0),
        cost_usd=tries.get("cost"),
        first_token_ms=reply.get("first_token_ms"),
        before=row["frustration"] if before is None else before,
        frustration=after.get("frustration"),
        followed=bool(after),
        interrupted=after.get("interrupted", False),
        repeated=after.get("repeated", False),
        thanked=after.get("thanked", False),
        hung_up=after.get("hung_up", False),
        score=around.scores.get(decision, _NONE).get("score"),
    )
