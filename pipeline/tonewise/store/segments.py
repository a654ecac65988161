"""One file of the journal: lines with a checksum each, locked by the process that writes it.

    <crc32 of the record, 8 hex digits> <record> <line feed>

A record holds no line break. A line that was torn by the end of its process, or of its disk, has no
end or another checksum: it is left out. The lock is the kernel's and goes with the process, however
it ended: a segment that can be locked is nobody's.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

if sys.platform != "win32":
    import fcntl

SUFFIX = ".lines"
_HEAD = 9
"""Characters of the checksum and the space after it."""
_BINARY: int = getattr(os, "O_BINARY", 0)  # Windows would change line breaks


def framed(line: bytes) -> bytes:
    """A record as it stands in the file.

    Raises:
        ValueError: there is a line break in it.
    """
    if b"\n" in line:
        msg = "a record is one line"
        raise ValueError(msg)
    return b"%08x %b\n" % (crc32(line), line)


class Lines(NamedTuple):
    """What was read.

    Attributes:
        lines: the records, checksums taken off.
        torn: lines that were not whole.
        used: bytes that they were read from; what follows is no whole line yet.
    """

    lines: list[bytes]
    torn: int
    used: int


def unframed(data: bytes) -> Lines:
    """The records in a piece of a file that begins with a line."""
    *whole, rest = data.split(b"\n")
    lines = [line[_HEAD:] for line in whole if _is_sound(line)]
    return Lines(lines, len(whole) - len(lines), len(data) - len(rest))


def _is_sound(line: bytes) -> bool:
    return line[:_HEAD] == b"%08x " % crc32(line[_HEAD:])


class Segment:
    """An open segment.

    Args:
        path: its file.
        new: makes it; it must not be there yet.

    Attributes:
        written: bytes in the file.
        read: bytes of it that were read.
        settled: bytes of it that the database has.

    Raises:
        OSError: it cannot be made or opened.
        BlockingIOError: another process has it.
    """

    def __init__(self, path: Path, *, new: bool) -> None:
        flags = os.O_RDWR | os.O_APPEND | _BINARY | (os.O_CREAT | os.O_EXCL if new else 0)
        self.path = path
        self._file = os.open(path, flags, 0o600)
        try:
            if sys.platform != "win32":
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._file)
            raise
        self.written = os.fstat(self._file).st_size
        self.read = self.settled = 0

    @property
    def is_there(self) -> bool:
        """False where another process has read and deleted it since."""
        return os.fstat(self._file).st_nlink > 0

    def append(self, line: bytes) -> None:
        """Write one framed line, whole or not at all.

        Raises:
            OSError: there is no room, or no disk.
        """
        written = os.write(self._file, line)
        if written != len(line):  # the disk is full; half a line would spoil the next one
            os.ftruncate(self._file, self.written)
            raise OSError(28, os.strerror(28))
        self.written += written

    def take(self, most: int) -> Lines:
        """The next lines, about `most` bytes of them; nothing at the end."""
        wanted = min(most, self.written - self.read)
        data = os.pread(self._file, wanted, self.read) if wanted > 0 else b""
        taken = unframed(data)
        if data and not taken.used and self.read + len(data) < self.written:
            return self.take(2 * most)  # one line is longer than that
        self.read += taken.used
        return taken

    def whole(self, most: int = 1 << 20) -> Iterator[Lines]:
        """Everything that is in it, a piece at a time; what its end lacks is told as torn."""
        while True:
            taken = self.take(most)
            if not taken.used:
                break
            yield taken
        if self.read < self.written:
            yield Lines([], 1, self.written - self.read)

    def empty(self) -> None:
        """Forget what is in it; everything was read."""
        os.ftruncate(self._file, 0)
        self.written = self.read = self.settled = 0

    def close(self) -> None:
        """Let it go; the file stays."""
        os.close(self._file)

    def delete(self) -> None:
        """Close it and delete the file."""
        self.path.unlink(missing_ok=True)
        self.close()
