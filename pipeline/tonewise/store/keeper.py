"""The store as everybody sees it: records and snapshots go in, sums and queries come out."""

import logging
import math
import threading
from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from tonewise.errors import StoreError
from tonewise.operating import Store, Window
from tonewise.records import AnyRecord, to_json
from tonewise.store import migrating, retention
from tonewise.store.database import Address, Database
from tonewise.store.discretion import Discretion
from tonewise.store.insisting import Insisting
from tonewise.store.journal import WORKS_HERE, Journal
from tonewise.store.ledger import Ledger, Spending
from tonewise.store.reading import Reading
from tonewise.store.retention import Deleted
from tonewise.store.snapshots import Snapshots, own_name, server_name
from tonewise.store.spill import Spill
from tonewise.store.writer import Writer

log = logging.getLogger(__name__)

IN_MEMORY = 10_000
"""Decisions that a store in memory keeps: some 50 MB."""
SWEEP_S, SWEEP_MEMORY_S = 3600.0, 10.0
"""Seconds after which what is over is deleted."""
SWEPT_AT_ONCE = 5000
"""Decisions: meanwhile nothing is written, and for longer than a second nobody should wait."""


def open_store(settings: Store, environ: Mapping[str, str], port: int = 0) -> "RecordStore":
    """The store of the settings, with its tables, and with what the last process left written.

    Args:
        settings: the store's.
        environ: where its address may be, and whose secrets must not be kept.
        port: that the server listens on: part of its name, where the settings have none.

    Raises:
        ConfigError: its address cannot be understood.
        PluginError: the driver that it needs is not installed.
        StoreError: the database or the journal's folder cannot be opened, or the database is of a
            newer tonewise. Without its database a server cannot know what clients have spent.
    """
    address = Address(settings, environ)
    database, journal = Database(address), None
    try:
        database.checked()
        migrating.migrate(database)
        journal = _journal(address, settings)
        server = server_name(settings, port)
        return RecordStore(settings, environ, database, journal, server)
    except BaseException as error:
        if journal:
            journal.close()
        database.close()
        if isinstance(error, SQLAlchemyError):
            msg = f"the store at {address.shown} cannot be used: {database.told(error)}"
            raise StoreError(msg) from None
        raise


def _journal(address: Address, settings: Store) -> Journal | None:
    if address.in_memory:
        return None
    if not WORKS_HERE:
        told = "there is no journal on Windows: what the database does not have yet waits in memory"
        log.warning("%s, and is lost if the server is killed", told)
        return None
    return Journal(address.journal(settings))


class RecordStore:
    """What is known of all calls and requests. Made by `open_store`.

    Args:
        settings: the store's.
        environ: whose secrets must not be kept.
        database: open, with its tables.
        journal: where records wait; None for a store in memory.
        server: who has it open, by name.

    Attributes:
        reading: queries.
        shown: the address, without a password.
    """

    def __init__(
        self,
        settings: Store,
        environ: Mapping[str, str],
        database: Database,
        journal: Journal | None,
        server: str,
    ) -> None:
        self._settings, self._database, self._journal = settings, database, journal
        self._server = server
        secrets = database.address.secrets
        self._discretion = Discretion(words=settings.transcripts, environ=environ, secrets=secrets)
        self._ledger = Ledger()
        spill = Spill(journal.folder) if journal else None
        self._snapshots = Snapshots(database, spill)
        stop = threading.Event()
        insisting = Insisting(database, stop, self._snapshots.save)
        sweep_s = SWEEP_MEMORY_S if database.address.in_memory else SWEEP_S
        self._writer = Writer(
            insisting,
            stop,
            journal,
            settings.queue,
            self._ledger,
            self._snapshots,
            self._sweep,
            sweep_s,
        )
        self.reading = Reading(database)
        self.shown = database.address.shown
        self._closed = False
        self._writer.start(self._discretion.kept)

    def note(self, *records: AnyRecord) -> None:
        """Remember records. Takes microseconds and never raises; safe from any thread.

        When it returns, they are with the kernel and outlive this process, however it ends.
        Words are left out before, unless transcripts are kept, and secrets in any case.
        """
        if self._closed:
            log.warning("a record came after the store was closed: it is left out")
            return
        lines = []
        for record in records:
            try:
                kept = self._discretion.kept(record)
                line = _line(kept)
                self._ledger.noted(kept)
            except Exception as error:  # noqa: BLE001 - a call is worth more than its record
                log.warning("a record cannot be kept: %s", type(error).__name__)
            else:
                lines.append(line)
        if lines:
            self._writer.give(*lines)

    def keep(self, name: str, body: bytes) -> None:
        """Keep a snapshot under a name; the latest wins, and is written within a second."""
        self._snapshots.keep(name, body)

    def kept(self, name: str) -> bytes | None:
        """The latest snapshot under a name; None where there is none.

        Raises:
            StoreError: the database is away, and nothing was kept in this process.
        """
        try:
            return self._snapshots.kept(name)
        except SQLAlchemyError as error:
            raise StoreError(self._problem(error)) from None

    def keep_own(self, name: str, body: bytes) -> None:
        """Keep a snapshot of this server's own, beside those that others have of the name."""
        self._snapshots.keep(own_name(name, self._server), body)

    def kept_own(self, name: str) -> bytes | None:
        """The latest of this server's own; where it has none, the newest of another's.

        Raises:
            StoreError: the database is away, and nothing was kept in this process.
        """
        try:
            return self._snapshots.kept_own(name, self._server)
        except SQLAlchemyError as error:
            raise StoreError(self._problem(error)) from None

    def settle(self, name: str, body: bytes) -> bytes:
        """What is kept under a name once and for all: the first that any server gave.

        Raises:
            StoreError: the database is away.
        """
        try:
            return self._snapshots.settle(name, body)
        except SQLAlchemyError as error:
            raise StoreError(self._problem(error)) from None

    def spent(self, client: str, window: Window, now: float) -> Spending:
        """What a client has spent in the window of now, up to the last record that was noted.

        Args:
            client: its name; empty: the whole deployment, calls included.
            window: of the UTC calendar.
            now: seconds since 1970.
        """
        self._writer.sums_are_asked()
        return self._ledger.spent(client, window, now)

    @property
    def backlog(self) -> int:
        """Records that wait in memory for the database."""
        return self._writer.in_memory

    def flush(self, timeout_s: float = 10.0) -> bool:
        """Wait until the database has everything that was noted; False: it has not yet."""
        return self._writer.flush(timeout_s)

    def delete_expired(self, now: float) -> Deleted:
        """Delete what is over at a time, in seconds since 1970; done once an hour anyway.

        Raises:
            StoreError: the database is away.
        """
        return self._deleted(now, math.inf)

    def _deleted(self, now: float, most: float) -> Deleted:
        try:
            return retention.delete_expired(
                self._database,
                now,
                days=self._settings.days,
                transcript_days=self._settings.transcript_days,
                limit=IN_MEMORY if self._database.address.in_memory else None,
                most=most,
            )
        except SQLAlchemyError as error:
            raise StoreError(self._problem(error)) from None

    def close(self, timeout_s: float = 10.0) -> None:
        """Write everything, and end; what the database does not take in time stays behind."""
        if self._closed:
            return
        self._closed = True
        written = self._writer.close(timeout_s)
        waiting = self._journal.waiting() if self._journal else 0
        if not written:
            self._snapshots.save()
            told = "the store was closed before the database had everything: %.1f KiB wait in the "
            told += "journal for the next start; %d record(s) that it had no room for are lost"
            log.warning(told, waiting / 1024, self._writer.in_memory)
        if self._journal:
            self._journal.close()
        self._database.close()

    def _problem(self, error: SQLAlchemyError) -> str:
        return f"the store at {self.shown} cannot be used: {self._database.told(error)}"

    def _sweep(self, now: float) -> bool:
        """Delete some of what is over; is more left?"""
        try:
            deleted = self._deleted(now, SWEPT_AT_ONCE)
        except StoreError as error:
            log.warning("what is over is not deleted: %s", error)
            return False
        if any(deleted) and not self._database.address.in_memory:
            told = "%d decision(s) and the words of %d record(s) were deleted: their time is over"
            log.info(told, *deleted)
        return max(deleted) >= SWEPT_AT_ONCE


def _line(record: AnyRecord) -> bytes:
    try:
        line = to_json(record)
    except UnicodeEncodeError:  # half a character, as a broken client may send
        told = _encodable(msgspec.to_builtins(record))
        line = to_json(msgspec.convert(told, type(record)))
    # PostgreSQL has no room for the character NUL in a text.
    return line.replace(b"\\u0000", b"\\ufffd")


def _encodable(told: Any) -> Any:  # noqa: ANN401 - any JSON
    match told:
        case str():
            return told.encode("utf-8", "replace").decode()
        case dict():
            return {_encodable(key): _encodable(value) for key, value in told.items()}
        case list() | tuple():
            return [_encodable(each) for each in told]
        case _:
            return told
