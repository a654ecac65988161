"""The write-ahead journal: what was noted is with the kernel before `append` returns.

A folder of segments. A record is written with one call of the system, so it outlives the process,
however that ends; it is not forced to the disk, so the machine's power failing may cost the last
seconds. Segments are deleted as soon as the database has what is in them. Several processes may
share a folder: each writes segments of its own, and reads those that a dead one left.
"""

import itertools
import logging
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tonewise.errors import StoreError
from tonewise.store.segments import SUFFIX, Segment, framed

log = logging.getLogger(__name__)

SEGMENT = 16 * 2**20
"""Bytes of a segment."""
MOST = 2**30
"""Bytes that the journal may hold: a million records, a day of a busy server without a database."""
READ = 2**18
"""Bytes that are read, and written in one transaction: some four hundred records."""
WARN_EVERY_S = 60.0

WORKS_HERE = sys.platform != "win32"
"""It needs locks that end with their process, and files that may be deleted while they are open."""

_numbers = itertools.count()


class Journal:
    """A folder of segments, of which this process writes the last.

    `append` may be called from any thread; `take` and `done` from one, which writes the database.

    Args:
        folder: made where it is not there.
        segment: bytes of one.
        most: bytes of all; what comes after is refused, with a warning a minute.
        clock: seconds, for those warnings.

    Attributes:
        appended, taken: bytes, since it was opened.

    Raises:
        StoreError: the folder cannot be made or written to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        segment: int = SEGMENT,
        most: int = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self._segment, self._most, self._clock = segment, most, clock
        self._door = threading.Lock()
        self._refused, self._warned_at = 0, -WARN_EVERY_S
        self._segments: deque[Segment] = deque()
        self._before = 0  # bytes in the segments but the last
        self.appended = self.taken = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._segments.append(self._next())
        except OSError as error:
            msg = f"the journal's folder {folder} cannot be written to: {error.strerror}"
            raise StoreError(msg) from error

    def append(self, *lines: bytes) -> bool:
        """Write records, all or none; False, and a warning a minute, where there is no room.

        Args:
            lines: of a record each, without a line break.
        """
        frame = b"".join(map(framed, lines))
        with self._door:
            try:
                if not self._segments:
                    return False
                last = self._last_for(len(frame))
                if self._before + last.written + len(frame) > self._most:
                    problem = f"it holds {self._most / 2**20:.0f} MiB, as much as it may"
                else:
                    last.append(frame)
                    self.appended += len(frame)
                    return True
            except OSError as error:
                problem = str(error.strerror)
            self._refused += len(lines)
            refused = self._refused if self._clock() - self._warned_at >= WARN_EVERY_S else 0
            if refused:
                self._refused, self._warned_at = 0, self._clock()
        if refused:
            told = "%d record(s) wait in memory only, the journal in %s has no room: %s"
            log.warning(told, refused, self.folder, problem)
        return False

    def take(self) -> list[bytes]:
        """Records that were not taken yet, oldest first, a few hundred; empty at the end."""
        with self._door:
            segments = list(self._segments)
        for segment in segments:
            while (taken := segment.take(READ)).used:
                self.taken += taken.used
                if taken.torn:
                    log.warning("%d record(s) in %s were not whole", taken.torn, segment.path)
                if taken.lines:
                    return taken.lines
        return []

    def done(self) -> None:
        """What was taken is in the database: segments that hold nothing else are deleted."""
        with self._door:
            for segment in self._segments:
                segment.settled = segment.read
            while len(self._segments) > 1 and _is_settled(self._segments[0]):
                first = self._segments.popleft()
                self._before -= first.written
                first.delete()
            if self._segments and _is_settled(self._segments[-1]):
                self._segments[-1].empty()

    def waiting(self) -> int:
        """Bytes that the database does not have yet."""
        with self._door:
            return sum(each.written - each.settled for each in self._segments)

    def leftovers(self) -> Iterator[Segment]:
        """Segments of processes that are no more, oldest first; who takes one deletes it."""
        ours = {segment.path for segment in self._segments}
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            if path in ours:
                continue
            try:
                segment = Segment(path, new=False)
            except (BlockingIOError, FileNotFoundError):
                continue  # its process lives, or another one was quicker
            except OSError as error:
                log.warning("%s cannot be read and stays there: %s", path, error.strerror)
                continue
            if segment.is_there:
                yield segment
            else:
                segment.close()

    def close(self) -> None:
        """Delete what the database has, and leave the rest for the next start."""
        with self._door:
            for segment in self._segments:
                if _is_settled(segment):
                    segment.delete()
                else:
                    segment.close()
            self._segments.clear()

    def _last_for(self, size: int) -> Segment:
        last = self._segments[-1]
        if last.written and last.written + size > self._segment:
            self._segments.append(self._next())
            self._before += last.written
            last = self._segments[-1]
        return last

    def _next(self) -> Segment:
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(_numbers)}{SUFFIX}"
        return Segment(self.folder / name, new=True)


def _is_settled(segment: Segment) -> bool:
    return segment.settled >= segment.written
