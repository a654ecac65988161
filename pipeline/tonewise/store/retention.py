"""Deletes what may not be kept any longer: words first, then everything."""

import math
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, update

from tonewise.store import schema
from tonewise.store.database import Database
from tonewise.store.discretion import plan_without_words
from tonewise.store.ledger import window_start
from tonewise.store.rows import words
from tonewise.store.snapshots import OF
from tonewise.store.stored import plan_in

DAY_S = 86_400.0
AT_ONCE = 500
"""Rows in one transaction: who writes, or reads, waits no longer than that takes."""
SUMS_S = {"minute": 3600.0, "hour": 2 * DAY_S}
"""Seconds that the sums of short windows are kept: budgets ask for the current ones alone."""

SERVERS_S = 30 * DAY_S
"""Seconds after which a server that keeps nothing any more is taken for one that has gone."""

BELONGING = (
    schema.decisions,
    schema.attempts,
    schema.replies,
    schema.followed,
    schema.feedback,
)


class Deleted(NamedTuple):
    """How many decisions were deleted, and how many rows were rid of words."""

    decisions: int
    words: int


def delete_expired(
    database: Database,
    now: float,
    *,
    days: int,
    transcript_days: int,
    limit: int | None = None,
    most: float = math.inf,
) -> Deleted:
    """Delete what is over.

    Args:
        database: ours.
        now: seconds since 1970, UTC.
        days: after so many, decisions and all that belongs to them go.
        transcript_days: after so many, what was said and answered goes.
        limit: of decisions, the oldest beyond it go as well; None: no limit.
        most: about so many decisions go, and as many are rid of words; the rest waits for another
            time.
    """
    decisions = _delete_decisions(database, now - days * DAY_S, most)
    if limit is not None and (since := _beyond(database, limit)):
        decisions += _delete_decisions(database, since, most)
    wordless = _delete_words(database, now - transcript_days * DAY_S, most)
    with database.connected(write=True) as connection:
        _delete_sums(connection, now, days)
        _delete_servers(connection, now)
    if database.address.file is not None and (decisions or wordless):
        with database.engine.connect() as connection:  # the words are in its log as well
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return Deleted(decisions, wordless)


def _delete_decisions(database: Database, before: float, most: float) -> int:
    table = schema.decisions
    old = select(table.c.decision).where(table.c.at < before).limit(AT_ONCE)
    deleted = 0
    while deleted < most:
        with database.connected(write=True) as connection:
            keys = list(connection.execute(old).scalars())
            for each in BELONGING if keys else ():
                connection.execute(delete(each).where(each.c.decision.in_(keys)))
            deleted += len(keys)
            if len(keys) < AT_ONCE:  # what is left belongs to no decision
                for each in (*BELONGING, schema.calls):
                    connection.execute(delete(each).where(each.c.at < before))
                break
    return deleted


def _delete_words(database: Database, before: float, most: float) -> int:
    rid = 0
    table = schema.decisions
    old = select(table.c.decision, table.c.said, table.c.plan).where(
        table.c.quotes, table.c.at < before
    )
    while rid < most:
        with database.connected(write=True) as connection:
            rows = connection.execute(old.limit(AT_ONCE)).all()
            for decision, said, told in rows:
                cells = words(None, plan_without_words(plan_in(told), said))
                connection.execute(update(table).where(table.c.decision == decision).values(cells))
        rid += len(rows)
        if len(rows) < AT_ONCE:
            break
    with database.connected(write=True) as connection:
        for other, column in ((schema.replies, "replied"), (schema.feedback, "text")):
            cell = other.c[column]
            gone = update(other).where(cell.is_not(None), other.c.at < before).values({cell: None})
            rid += connection.execute(gone).rowcount
    return rid


def _delete_sums(connection: Connection, now: float, days: int) -> None:
    table = schema.spending
    long = window_start("month", min(now, now - days * DAY_S))
    for window in ("minute", "hour", "day", "month"):
        before = now - SUMS_S[window] if window in SUMS_S else long
        connection.execute(delete(table).where(table.c.window == window, table.c.since < before))


def _delete_servers(connection: Connection, now: float) -> None:
    """What servers knew that have kept nothing for long; the newest of each name stays."""
    table = schema.snapshots
    own = select(table.c.name, table.c.at).where(table.c.name.contains(OF, autoescape=True))
    seen: set[str] = set()
    for name, at in connection.execute(own.order_by(table.c.at.desc())).all():
        what = name.partition(OF)[0]
        if what in seen and at < now - SERVERS_S:
            connection.execute(delete(table).where(table.c.name == name))
        seen.add(what)


def _beyond(database: Database, limit: int) -> float | None:
    """When the last decision to be kept was made; None where there are no more than that."""
    table = schema.decisions
    with database.connected() as connection:
        if (connection.execute(select(func.count()).select_from(table)).scalar() or 0) <= limit:
            return None
        newest = select(table.c.at).order_by(table.c.at.desc()).offset(limit - 1).limit(1)
        at: float | None = connection.execute(newest).scalar()
        return at
