"""Queries: lists of decisions, one decision whole, routes over time, turns for experiments.

All of them wait for the database: call them from a thread of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, and_, case, cast, func, select
from sqlalchemy.exc import SQLAlchemyError

from tonewise.errors import StoreError
from tonewise.operating import Store
from tonewise.records import CallBegan, Followed, Judged, Replied, Tried
from tonewise.store import migrating, snapshots
from tonewise.store.asking import conditions, cursor, storable
from tonewise.store.belongings import Belongings, belongings, decided, variant_turn
from tonewise.store.database import Address, Database
from tonewise.store.found import Bucket, Page, Query, RouteShare, VariantTurn, Whole
from tonewise.store.schema import attempts, calls, decisions, feedback, followed, replies
from tonewise.store.stored import plan_in, record_in

AT_ONCE = 500
"""Decisions that are read at once where many are asked for."""
MOST_BUCKETS = 10_000


def open_reading(settings: Store, environ: Mapping[str, str]) -> "Reading":
    """A store that is only read, as while its server runs. The journal is left alone.

    Raises:
        ConfigError: its address cannot be understood, or it is in the memory of its server.
        PluginError: the driver that it needs is not installed.
        StoreError: there is none, it cannot be opened, or it is of another version.
    """
    database = Database(Address(settings, environ), read_only=True)
    try:
        migrating.check(database)
    except BaseException:
        database.close()
        raise
    return Reading(database)


class Reading:
    """Answers queries; safe from any thread.

    Args:
        database: open, with its tables.

    Every method raises `StoreError` where the database is away.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def decisions(self, query: Query) -> Page:
        """Decisions, newest first.

        Raises:
            ValueError: the cursor is none of ours.
        """
        some = (
            select(decisions)
            .outerjoin(replies, replies.c.decision == decisions.c.decision)
            .where(*conditions(query))
            .order_by(decisions.c.at.desc(), decisions.c.decision.desc())
            .limit(query.limit + 1)
        )
        with self._connected() as connection:
            rows = connection.execute(some).mappings().all()
            page = rows[: query.limit]
            around = belongings(connection, [row["decision"] for row in page])
        last = page[-1] if len(rows) > query.limit else None
        told = cursor(last["at"], last["decision"]) if last else None
        return Page(tuple(decided(row, around) for row in page), told)

    def decision(self, decision: str) -> Whole | None:
        """A decision with everything that belongs to it; None where there is none."""
        with self._connected() as connection:
            found = connection.execute(
                select(decisions).where(decisions.c.decision == storable(decision))
            )
            row = found.mappings().first()
            return _whole(connection, row) if row else None

    def kept(self, name: str) -> bytes | None:
        """The latest snapshot under a name; None where there is none."""
        with self._connected() as connection:
            return snapshots.kept(connection, name)

    def kept_own(self, name: str, server: str) -> bytes | None:
        """A server's own; where it has none, the newest of another's; None: there is none."""
        with self._connected() as connection:
            return snapshots.kept_own(connection, name, server)

    def all_kept(self, name: str) -> dict[str, bytes]:
        """All servers' own, by the names under which they are kept."""
        with self._connected() as connection:
            return snapshots.all_kept(connection, name)

    def routes_over_time(
        self,
        since: float,
        until: float,
        step_s: float,
        *,
        router: str | None = None,
        client: str | None = None,
    ) -> list[Bucket]:
        """What went to which route, in stretches of `step_s` seconds; those with none are there.

        Args:
            since: seconds since 1970.
            until: likewise; the last stretch may end later.
            step_s: more than 0.
            router: this one's decisions only.
            client: this one's only.

        Raises:
            ValueError: there would be more than 10,000 stretches.
        """
        if not 0 <= until - since <= step_s * MOST_BUCKETS:
            msg = f"since, until: at most {MOST_BUCKETS} stretches of {step_s:g} s, in order"
            raise ValueError(msg)
        asked = conditions(Query(since=since, until=until, router=router, client=client))
        shares: dict[tuple[int, str], RouteShare] = {}
        with self._connected() as connection:
            place = _place(connection, since, step_s)
            costs = {
                (int(at), route): cost
                for at, route, cost in connection.execute(_costs(place, asked))
            }
            for at, route, *sums in connection.execute(_sums(place, asked)):
                key = (int(at), route)
                turns, escalated, failed, waited, upset = sums
                shares[key] = RouteShare(
                    turns=turns,
                    escalated=int(escalated),
                    failed=int(failed),
                    cost_usd=costs.get(key),
                    first_token_ms=waited,
                    frustration=upset,
                )
        count = -int(-(until - since) // step_s)
        buckets = [Bucket(since + step_s * at, {}) for at in range(count)]
        for (at, route), share in sorted(shares.items()):
            buckets[min(at, count - 1)].routes[route] = share
        return buckets

    def variant_turns(
        self, since: float, until: float, *, route: str | None = None, every: bool = False
    ) -> Iterator[VariantTurn]:
        """Decisions as experiments count them, oldest first, read as they are asked for.

        Args:
            since: seconds since 1970.
            until: likewise, not included.
            route: of this one only.
            every: those that drew no variant, too.
        """
        asked = conditions(Query(since=since, until=until, route=route))
        asked += [] if every else [decisions.c.variant != ""]
        place = (decisions.c.at, decisions.c.decision)
        after: list[ColumnElement[bool]] = []
        while True:
            some = select(decisions).where(*asked, *after).order_by(*place).limit(AT_ONCE)
            with self._connected() as connection:
                rows = connection.execute(some).mappings().all()
                around = belongings(connection, [row["decision"] for row in rows])
            yield from (variant_turn(row, around) for row in rows)
            if len(rows) < AT_ONCE:
                return
            at, decision = rows[-1]["at"], rows[-1]["decision"]
            later = (place[0] > at) | and_(place[0] == at, place[1] > decision)
            after = [later]

    def count(self) -> int:
        """How many decisions there are."""
        with self._connected() as connection:
            return connection.execute(select(func.count()).select_from(decisions)).scalar() or 0

    def close(self) -> None:
        """Let the database go."""
        self._database.close()

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        try:
            with self._database.connected() as connection:
                yield connection
        except SQLAlchemyError as error:
            shown, said = self._database.address.shown, self._database.told(error)
            raise StoreError(f"the store at {shown} cannot be read: {said}") from None


def _whole(connection: Connection, row: Mapping[Any, Any]) -> Whole:
    decision = row["decision"]

    def of(table: Any, order: Any) -> Sequence[Any]:  # noqa: ANN401 - a table and its column
        asked = select(table).where(table.c.decision == decision).order_by(order)
        return connection.execute(asked).all()

    reply, after = of(replies, replies.c.at), of(followed, followed.c.at)
    began = connection.execute(
        select(calls).where(calls.c.call == row["call"], calls.c.wire.is_not(None))
    ).first()
    around: Belongings = belongings(connection, [decision])
    return Whole(
        decision=decided(row, around),
        plan=plan_in(row["plan"]),
        attempts=tuple(record_in(Tried, each) for each in of(attempts, attempts.c.attempt)),
        reply=record_in(Replied, reply[0]) if reply else None,
        followed=record_in(Followed, after[0]) if after else None,
        feedback=tuple(record_in(Judged, each) for each in of(feedback, feedback.c.at)),
        began=record_in(CallBegan, began) if began and row["call"] else None,
    )


def _place(connection: Connection, since: float, step_s: float) -> ColumnElement[int]:
    """The number of the stretch that a decision falls into."""
    steps = (decisions.c.at - since) / step_s
    down = func.floor(steps) if connection.dialect.name == "postgresql" else steps
    return cast(down, BigInteger)


def _sums(place: ColumnElement[int], asked: Sequence[ColumnElement[bool]]) -> Select[Any]:
    def count(which: ColumnElement[bool]) -> ColumnElement[Any]:
        return func.sum(case((which, 1), else_=0))

    return (
        select(
            place,
            decisions.c.route,
            func.count(),
            count(decisions.c.escalated),
            count(func.coalesce(replies.c.outcome, "") == "failed"),
            func.avg(replies.c.first_token_ms),
            func.avg(decisions.c.frustration),
        )
        .select_from(decisions)
        .outerjoin(replies, replies.c.decision == decisions.c.decision)
        .where(*asked)
        .group_by(place, decisions.c.route)
    )


def _costs(place: ColumnElement[int], asked: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return (
        select(place, decisions.c.route, func.sum(attempts.c.cost_usd))
        .select_from(decisions)
        .join(attempts, attempts.c.decision == decisions.c.decision)
        .where(*asked)
        .group_by(place, decisions.c.route)
    )
