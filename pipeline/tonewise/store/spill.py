"""Snapshots that wait for the database, as files beside the journal: the latest of each name."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote
from zlib import crc32

SUFFIX = ".snapshot"


class Snapshot(NamedTuple):
    """What was to be kept under a name, and when."""

    at: float
    body: bytes


class Spill:
    """The files.

    Args:
        folder: the journal's.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, snapshot: Snapshot) -> None:
        """Keep one; what was there under the name is replaced, at once or not at all.

        Raises:
            OSError: there is no room.
        """
        path = self._path(name)
        half = path.with_name(f"{path.name}.{os.getpid()}.half")
        head = b"%08x %r\n" % (crc32(snapshot.body), snapshot.at)
        try:
            with os.fdopen(os.open(half, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as to:
                to.write(head + snapshot.body)
            half.replace(path)
        finally:
            half.unlink(missing_ok=True)

    def read(self) -> Iterator[tuple[str, Snapshot]]:
        """What is there and whole."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            head, _, body = path.read_bytes().partition(b"\n")
            checksum, _, at = head.partition(b" ")
            try:
                snapshot = Snapshot(float(at), body)
            except ValueError:
                continue
            if checksum == b"%08x" % crc32(body):
                yield unquote(path.name.removesuffix(SUFFIX)), snapshot

    def forget(self, name: str) -> None:
        """The database has it."""
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / (quote(name, safe="") + SUFFIX)
