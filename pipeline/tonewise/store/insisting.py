"""Writes to a database that may be away, until it is back or we are told to stop."""

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from tonewise.store.database import Database

log = logging.getLogger(__name__)

PAUSE_S, LONGEST_PAUSE_S = 0.1, 10.0
"""Seconds between tries: doubled each time."""
WARN_EVERY_S = 60.0
AT_FIRST = 5
"""Tries before the server takes calls: it had better not start than wait for somebody's rights."""
AWAY = (OperationalError, InterfaceError, ProgrammingError)
"""The database is not there, is full, or has lost its tables: no record's fault."""
_RECORDS_FAULT = ("22", "23", "54")
"""Classes of PostgreSQL's errors that are: bad data, a constraint, a limit of size."""

T = TypeVar("T")


def is_away(error: Exception) -> bool:
    """Is it no record's fault, so that it may go well later?"""
    if not isinstance(error, AWAY):
        return False
    return str(getattr(error.orig, "sqlstate", ""))[:2] not in _RECORDS_FAULT


class Stopped(Exception):  # noqa: N818 - it is no error
    """The database was away until we were told to stop."""


class Insisting:
    """Runs what writes in a transaction, as often as it takes.

    Args:
        database: ours.
        stop: set: try no more.
        while_away: called after each try that failed.

    Attributes:
        tries: of one action, at most; None: until it is told to stop.
    """

    def __init__(
        self, database: Database, stop: threading.Event, while_away: Callable[[], None]
    ) -> None:
        self._database, self._stop, self._while_away = database, stop, while_away
        self.tries: int | None = AT_FIRST
        self._away_since: float | None = None
        self._warned_at = 0.0

    def run(self, action: Callable[[Connection, bool], T]) -> T:
        """What the action gives, once it is committed.

        Args:
            action: is given a connection, and whether an earlier try may have been committed: the
                connection may break just then.

        Raises:
            Stopped: it is not committed.
            SQLAlchemyError: nor is it after as many tries as it has.
            Exception: whatever else the action raises; nothing is committed.
        """
        pause, again, tried = PAUSE_S, False, 0
        while True:
            tried += 1
            try:
                with self._database.connected(write=True) as connection:
                    given = action(connection, again)
            except AWAY as error:
                if not is_away(error) or tried == self.tries:
                    raise
                self._warn(error)
                self._while_away()
                if self._stop.wait(pause):
                    raise Stopped from None
                pause, again = min(2 * pause, LONGEST_PAUSE_S), True
            else:
                self._back()
                return given

    def _warn(self, error: DBAPIError) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since, self._warned_at = now, now - WARN_EVERY_S
        if now - self._warned_at >= WARN_EVERY_S:
            self._warned_at = now
            log.warning(
                "the store at %s cannot be written, what is noted waits for it: %s",
                self._database.address.shown,
                self._database.told(error),
            )

    def _back(self) -> None:
        if self._away_since is not None:
            away = time.monotonic() - self._away_since
            log.warning("the store can be written again, after %.1f s", away)
            self._away_since = None
