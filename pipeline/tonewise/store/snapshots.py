"""What is kept by name, the latest only: the profile and what the learner knows."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Connection, select

from tonewise.store import schema, writing
from tonewise.store.database import Database
from tonewise.store.insisting import Insisting
from tonewise.store.spill import Snapshot, Spill

log = logging.getLogger(__name__)


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
        table = schema.snapshots
        with self._database.connected() as connection:
            body: bytes | None = connection.execute(
                select(table.c.body).where(table.c.name == name)
            ).scalar()
        return body

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
