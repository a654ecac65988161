"""What is kept by name, the latest only: profile and beliefs, which each server has of its own.

A server's own snapshot is kept under `<name>@<server>`. One that has none yet begins with the
newest of another's, or with what was kept when servers had no names.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, case, or_, select

from tonewise.operating import Store
from tonewise.store import schema, writing
from tonewise.store.database import Database
from tonewise.store.insisting import Insisting
from tonewise.store.spill import Snapshot, Spill

log = logging.getLogger(__name__)

OF = "@"
"""Between a name and the server whose own it is."""


def server_name(settings: Store, port: int) -> str:
    """What a server is called: the same after a restart, and no other one's."""
    return settings.server or f"{socket.gethostname()}:{port}"


def own_name(name: str, server: str) -> str:
    """The name under which a server's own is kept."""
    return f"{name}{OF}{server}"


def kept(connection: Connection, name: str) -> bytes | None:
    """What is kept under a name; None where there is nothing."""
    table = schema.snapshots
    body: bytes | None = connection.execute(
        select(table.c.body).where(table.c.name == name)
    ).scalar()
    return body


def kept_own(connection: Connection, name: str, server: str) -> bytes | None:
    """A server's own; else the newest that there is; None where there is none."""
    table = schema.snapshots
    first = case((table.c.name == own_name(name, server), 0), else_=1)
    found = select(table.c.body).where(_anybodys(name)).order_by(first, table.c.at.desc())
    body: bytes | None = connection.execute(found.limit(1)).scalar()
    return body


def all_kept(connection: Connection, name: str) -> dict[str, bytes]:
    """All servers' own, by the names under which they are kept."""
    table = schema.snapshots
    found = connection.execute(select(table.c.name, table.c.body).where(_anybodys(name)))
    return {row[0]: row[1] for row in found}


def _anybodys(name: str) -> ColumnElement[bool]:
    named = schema.snapshots.c.name
    return or_(named == name, named.startswith(f"{name}{OF}", autoescape=True))


class Snapshots:
    """Kept in the database within a second; beside the journal while there is none.

    Args:
        database: ours.
        spill: files for the meantime; None: memory is all there is.
        clock: seconds since 1970.
    """

    def __init__(
        self, database: Database, spill: Spill | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._database, self._spill, self._clock = database, spill, clock
        self._door = threading.Lock()
        self._latest: dict[str, Snapshot] = {}
        self._due: set[str] = set()
        self._spilt: dict[str, Snapshot] = {}

    def keep(self, name: str, body: bytes) -> None:
        """Remember; returns at once."""
        snapshot = Snapshot(self._clock(), body)
        with self._door:
            same = name in self._latest and self._latest[name].body == body
            self._latest[name] = snapshot
            if not same:
                self._due.add(name)

    def kept(self, name: str) -> bytes | None:
        """The latest under a name; None where there is none."""
        with self._door:
            if name in self._latest:
                return self._latest[name].body
        with self._database.connected() as connection:
            return kept(connection, name)

    def kept_own(self, name: str, server: str) -> bytes | None:
        """The latest of a server's own; else the newest of another's; None where there is none."""
        with self._door:
            if own := self._latest.get(own_name(name, server)):
                return own.body
        with self._database.connected() as connection:
            return kept_own(connection, name, server)

    def settle(self, name: str, body: bytes) -> bytes:
        """What is kept under a name once and for all: the first that anybody gave."""
        with self._database.connected(write=True) as connection:
            writing.keep_first(connection, name, self._clock(), body)
            return kept(connection, name) or body

    def recover(self, insisting: Insisting) -> None:
        """Bring into the database what a process left beside the journal."""
        for name, left in self._spill.read() if self._spill else ():
            insisting.run(_keeping(name, left, older=True))
            self._forget(name)

    def write(self, insisting: Insisting) -> None:
        """Write what is new; asks nobody where there is nothing."""
        for name, snapshot in self._unwritten().items():
            insisting.run(_keeping(name, snapshot))
            with self._door:
                if self._latest[name] is snapshot:
                    self._due.discard(name)
            if self._spilt.pop(name, None):
                self._forget(name)

    def save(self) -> None:
        """Put what is new into files: the database is away."""
        for name, snapshot in self._unwritten().items() if self._spill else ():
            if self._spilt.get(name) is snapshot:
                continue
            try:
                self._spill.write(name, snapshot)  # type: ignore[union-attr]
                self._spilt[name] = snapshot
            except OSError as error:
                log.warning("the snapshot %r cannot be saved: %s", name, error.strerror)

    def _unwritten(self) -> dict[str, Snapshot]:
        with self._door:
            return {name: self._latest[name] for name in self._due}

    def _forget(self, name: str) -> None:
        if self._spill:
            self._spill.forget(name)


def _keeping(
    name: str, snapshot: Snapshot, *, older: bool = False
) -> Callable[[Connection, bool], None]:
    return lambda connection, _: writing.keep(connection, name, *snapshot, older=older)
