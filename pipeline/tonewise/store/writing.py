"""Writes a batch of records, in one transaction with what they cost.

Every record is inserted by its natural key, and left out where it is there already: a journal may
be read twice. What was spent is summed over the records that were new, in the same transaction, so
that nothing is charged twice and nothing is forgotten.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import Insert as PostgresInsert
from sqlalchemy.dialects.sqlite import Insert as SqliteInsert
from sqlalchemy.sql.dml import ReturningInsert

from tonewise.records import AnyRecord, CallBegan, CallOver, Decided, Judged, Tried
from tonewise.store import schema
from tonewise.store.ledger import Amount, Key, by_window, charged
from tonewise.store.rows import LONGEST, TABLES, Row, row

CHARGED = (Decided, Tried)

Statement = PostgresInsert | SqliteInsert


class Known(Exception):  # noqa: N818 - it is no error
    """Some of the records were there already; nothing must be committed."""


def write(
    connection: Connection, records: Sequence[AnyRecord], *, known: bool = False
) -> dict[Key, Amount]:
    """Write records; the database's sums of the windows that they were charged to.

    Args:
        connection: within a transaction, which the caller commits.
        records: in any order.
        known: some may be there already: slower, for each of them is asked for.

    Raises:
        Known: some are there, and it was not said that they may be.
    """
    new: list[AnyRecord] = []
    for kind in TABLES:
        some = [record for record in records if type(record) is kind]
        if not some:
            continue
        rows = [row(each) for each in some]
        statement = _inserting(connection.dialect, kind, tuple(rows[0]))
        if kind not in CHARGED:
            connection.exec_driver_sql(statement, rows)
        elif known:
            pairs = zip(some, rows, strict=True)
            new += [each for each, cells in pairs if _count(connection, statement, [cells])]
        elif _count(connection, statement, rows) == len(rows):
            new += some
        else:
            raise Known
    return _charge(connection, by_window(charged(new)))


def keep(connection: Connection, name: str, at: float, body: bytes, *, older: bool = False) -> None:
    """Write a snapshot; the latest wins.

    Args:
        connection: within a transaction.
        name: of the snapshot.
        at: when it was taken.
        body: of any form.
        older: it may be older than the one that is there, which stays then.
    """
    insert = _insert(connection.dialect.name, schema.snapshots)
    new = insert.excluded
    statement = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={"at": new.at, "body": new.body},
        where=new.at > schema.snapshots.c.at if older else None,
    )
    connection.execute(statement, {"name": name, "at": at, "body": body})


def keep_first(connection: Connection, name: str, at: float, body: bytes) -> None:
    """Write a snapshot where there is none of that name."""
    statement = _insert(connection.dialect.name, schema.snapshots).on_conflict_do_nothing()
    connection.execute(statement, {"name": name, "at": at, "body": body})


def totals(connection: Connection, since: Sequence[tuple[str, float]]) -> dict[Key, Amount]:
    """All clients' sums of some windows, each told by its name and when it began."""
    table = schema.spending
    found: dict[Key, Amount] = {}
    for window, start in since:
        rows = connection.execute(
            select(table.c.client, table.c.nano_usd, table.c.tokens, table.c.requests).where(
                table.c.window == window, table.c.since == start
            )
        )
        for client, *sums in rows:
            found[Key(client, window, start)] = Amount(*sums)  # type: ignore[arg-type]
    return found


def _count(connection: Connection, statement: str, rows: list[Row]) -> int:
    """Insert rows; how many of them were not there."""
    return connection.exec_driver_sql(statement, rows).rowcount


def _charge(connection: Connection, sums: dict[Key, Amount]) -> dict[Key, Amount]:
    if not sums:
        return {}
    # In one order, so that two processes never wait for each other's rows crosswise.
    rows = [
        key._asdict() | {"client": key.client[:LONGEST]} | sums[key]._asdict()
        for key in sorted(sums)
    ]
    told = connection.execute(_adding(connection.dialect.name), rows)
    return {Key(*cells[:3]): Amount(*cells[3:]) for cells in told}


# ---------------------------------------------------------------- statements, made once


@lru_cache(64)
def _inserting(dialect: Dialect, kind: type, names: tuple[str, ...]) -> str:
    """As the driver takes it: on its way there SQLAlchemy would look at every cell of every row.

    Args:
        dialect: of the database.
        kind: of the records.
        names: of the cells that rows have.
    """
    if dialect.name == "sqlite":  # its rows, too, tell their cells by name
        dialect = sqlite.dialect(paramstyle="named")
    statement = _statement(dialect.name, kind)
    return str(statement.compile(dialect=dialect, column_keys=list(names)))


def _statement(dialect: str, kind: type) -> Statement:
    insert = _insert(dialect, TABLES[kind])
    if kind is Judged:  # who judges twice has changed their mind
        new = {name: insert.excluded[name] for name in ("at", "score", "label", "text")}
        return insert.on_conflict_do_update(
            index_elements=["decision", "by"],
            set_=new,
            where=insert.excluded.at >= schema.feedback.c.at,
        )
    if kind not in (CallBegan, CallOver):
        return insert.on_conflict_do_nothing()
    # The two ends of a call may come in any order.
    told = ("at", "wire", "caller", "language")
    if kind is CallOver:
        told = ("over_at", "reason", "turns", "seconds")
    new = {name: insert.excluded[name] for name in told}
    return insert.on_conflict_do_update(index_elements=["call"], set_=new)


@cache
def _adding(dialect: str) -> ReturningInsert[Any]:
    table = schema.spending
    insert = _insert(dialect, table)
    names = Amount._fields
    adding = insert.on_conflict_do_update(
        index_elements=Key._fields,
        set_={name: table.c[name] + insert.excluded[name] for name in names},
    )
    return adding.returning(*(table.c[name] for name in (*Key._fields, *names)))


def _insert(dialect: str, table: Table) -> Statement:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
