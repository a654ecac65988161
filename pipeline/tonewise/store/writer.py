"""The thread that writes: what was noted goes from the journal, or from memory, to the database.

Nobody waits for it. While the database is away it tries again, less and less often, and the journal
grows. Where there is no journal, or no room in it, records wait in memory, up to a number.
"""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

import msgspec
from sqlalchemy import Connection

from tonewise.records import AnyRecord, from_json
from tonewise.store import writing
from tonewise.store.insisting import Insisting, Stopped, is_away
from tonewise.store.journal import Journal
from tonewise.store.ledger import WINDOWS, Amount, Key, Ledger, window_start
from tonewise.store.segments import Segment
from tonewise.store.snapshots import Snapshots
from tonewise.store.writing import Known

log = logging.getLogger(__name__)

GATHER_S = 0.2
"""Seconds that records are gathered before they are written together."""
IDLE_S = 0.5
"""Seconds after which snapshots are written and sums are read, at the latest."""
READ_AGAIN_S = 600.0
"""Seconds after which sums are read though nobody asks: those of windows that are over go then."""
WARN_EVERY_S = 60.0
BROKEN_S = 5.0
"""Seconds until writing is tried again, where something broke that is not the database."""
AT_ONCE = 100
"""Records from memory in one batch; the journal gives about as many."""


class Writer:
    """Writes until it is closed.

    Args:
        insisting: on the database.
        stop: told to `insisting` as well.
        journal: where records wait; None: in memory only.
        queue: records that may wait in memory.
        ledger: told of what has arrived.
        snapshots: written along.
        sweep: deletes some of what is over, and tells whether more is left; called with the time,
            when it starts and now and then.
        sweep_s: seconds from one sweep to the next.
    """

    def __init__(
        self,
        insisting: Insisting,
        stop: threading.Event,
        journal: Journal | None,
        queue: int,
        ledger: Ledger,
        snapshots: Snapshots,
        sweep: Callable[[float], bool],
        sweep_s: float,
    ) -> None:
        self._insisting, self._stop, self._journal = insisting, stop, journal
        self._ledger, self._snapshots, self._sweep = ledger, snapshots, sweep
        self._most, self._queue = queue, deque[bytes]()
        self._lost, self._warned_at = 0, -WARN_EVERY_S
        self._work = threading.Event()
        self._passes = threading.Condition()
        self._asked = self._answered = 0
        self._sweep_s, self._swept_at = sweep_s, -math.inf
        self._ticked_at = time.monotonic()
        self._sums_are_old, self._read_at = True, -math.inf
        self._thread = threading.Thread(target=self._run, name="tonewise-store", daemon=True)

    def start(self, kept: Callable[[AnyRecord], AnyRecord]) -> None:
        """Write what an earlier process left, then begin; returns when that is written.

        Args:
            kept: what may be kept of a record: the settings may be others than they were.

        Raises:
            SQLAlchemyError: the database does not take it.
        """
        for segment in self._journal.leftovers() if self._journal else ():
            self._recover(segment, kept)
        self._snapshots.recover(self._insisting)
        self._refresh()
        self._insisting.tries = None
        self._thread.start()

    def give(self, *lines: bytes) -> None:
        """Take records on; returns at once."""
        if self._journal is None or not self._journal.append(*lines):
            for line in lines:
                if len(self._queue) >= self._most:
                    self._lose()
                else:
                    self._queue.append(line)
        if not self._work.is_set():
            self._work.set()

    def sums_are_asked(self) -> None:
        """Somebody looks at the ledger: other processes' spending is read soon."""
        self._sums_are_old = True

    def flush(self, timeout_s: float) -> bool:
        """Wait until everything that was given is in the database; did it get there in time?"""
        with self._passes:
            self._asked += 1
            ticket = self._asked
            self._work.set()
            return self._passes.wait_for(lambda: self._answered >= ticket, timeout_s)

    def close(self, timeout_s: float) -> bool:
        """Write what is left, and end; is everything written?"""
        written = self.flush(timeout_s)
        self._stop.set()
        self._work.set()
        self._thread.join(max(timeout_s, 1.0) if written else 1.0)
        return written

    @property
    def in_memory(self) -> int:
        """Records that wait and are nowhere but in memory."""
        return len(self._queue)

    # ---------------------------------------------------------------- the thread

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._work.wait(IDLE_S) and self._asked == self._answered:
                self._stop.wait(GATHER_S)
            self._work.clear()
            ticket = self._asked
            try:
                self._drain()
                self._tick(hurry=ticket > self._answered)
            except Stopped:
                return
            except Exception:  # a disk that fails for once must not end all writing
                log.exception("the store was not written; in %.0f s it is tried again", BROKEN_S)
                self._stop.wait(BROKEN_S)
                continue
            with self._passes:
                self._answered = ticket
                self._passes.notify_all()

    def _drain(self) -> None:
        """Write what was given up to now.

        What is given meanwhile waits for the next time: else a busy server would write record by
        record, and whoever waits for a flush would wait for a quiet moment.
        """
        upto = self._journal.appended if self._journal is not None else 0
        queued = len(self._queue)
        while (self._journal is not None and self._journal.taken < upto) or queued > 0:
            if not (lines := self._next()):
                return  # somebody has cut the file short
            queued -= AT_ONCE
            self._write(_records(lines))
            if self._journal is not None:
                self._journal.done()
            self._tick()

    def _next(self) -> list[bytes]:
        lines = self._journal.take() if self._journal is not None else []
        return lines + [self._queue.popleft() for _ in range(min(len(self._queue), AT_ONCE))]

    def _write(self, records: list[AnyRecord], *, ours: bool = True) -> None:
        """Write a batch; a record that the database does not take is left out, with a warning."""
        try:
            totals = self._totals(records)
        except Stopped:
            raise
        except Exception as error:
            if not ours and is_away(error):
                raise  # no record's fault: the journal keeps them for another start
            if len(records) > 1:
                for record in records:
                    self._write([record], ours=ours)
                return
            kind, what = type(error).__name__, type(records[0]).__name__
            log.warning("a record of kind %s cannot be stored (%s): it is left out", what, kind)
            totals = {}
        if ours:
            self._ledger.written(records, totals)

    def _totals(self, records: list[AnyRecord]) -> dict[Key, Amount]:
        def write(connection: Connection, again: bool) -> dict[Key, Amount]:
            self._sums_are_old |= again
            return writing.write(connection, records)

        try:
            return self._insisting.run(write)
        except Known:
            return self._insisting.run(lambda c, _: writing.write(c, records, known=True))

    def _recover(self, segment: Segment, kept: Callable[[AnyRecord], AnyRecord]) -> None:
        count = torn = 0
        try:
            for lines in segment.whole():
                records = [kept(record) for record in _records(lines.lines)]
                count, torn = count + len(records), torn + lines.torn
                if records:
                    self._write(records, ours=False)
        except BaseException:
            segment.close()
            raise
        segment.delete()
        if count or torn:
            told = "the journal held %d record(s) of an earlier process, %d torn: they are stored"
            log.warning(told, count, torn)

    # ---------------------------------------------------------------- now and then

    def _tick(self, *, hurry: bool = False) -> None:
        now = time.monotonic()
        if not hurry and now - self._ticked_at < IDLE_S:
            return
        self._ticked_at = now
        try:
            self._snapshots.write(self._insisting)
            if self._sums_are_old or now - self._read_at >= READ_AGAIN_S:
                self._refresh()
            is_due = now - self._swept_at >= self._sweep_s
            if is_due and not self._sweep(time.time()):
                self._swept_at = now
        except Stopped:
            raise
        except Exception as error:  # noqa: BLE001 - records must be written all the same
            log.warning("the store could not be tidied: %s", type(error).__name__)

    def _refresh(self) -> None:
        self._sums_are_old, self._read_at = False, time.monotonic()
        now = time.time()
        current = [(window, window_start(window, now)) for window in WINDOWS]
        totals = self._insisting.run(lambda connection, _: writing.totals(connection, current))
        self._ledger.refreshed(totals)

    def _lose(self) -> None:
        self._lost += 1
        now = time.monotonic()
        if now - self._warned_at >= WARN_EVERY_S:
            log.warning("%d record(s) lost: neither journal nor memory has room", self._lost)
            self._warned_at, self._lost = now, 0


def _records(lines: Iterable[bytes]) -> list[AnyRecord]:
    """The records of lines; one that is none is left out, with a warning."""
    records: list[AnyRecord] = []
    for line in lines:
        try:
            records.append(from_json(line))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            log.warning("a line that is no record (%s) is left out", type(error).__name__)
    return records
