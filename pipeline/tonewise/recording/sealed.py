"""Recordings encrypted at rest: AES-256-GCM, a chunk at a time.

A killed process leaves whole chunks behind it, and each can be read without those after it. A file
is a line that names the format, then chunks: the length of what follows (4 bytes, big-endian), a
nonce (12 bytes), and the sealed bytes with their tag (16 bytes). The file's name and the chunk's
number are authenticated with it, so that no chunk can be moved, within a file or between two.
"""

import base64
import binascii
import io
import os
import struct
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tonewise.errors import ConfigError, RecordingError
from tonewise.recording.folder import MAGIC

_LENGTH = struct.Struct(">I")
_NONCE, _TAG = 12, 16


class Seal:
    """Seals and opens the files of recordings with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def chunk(self, name: str, number: int, data: bytes) -> bytes:
        """Chunk `number`, from 0, of the file `name`, sealed."""
        nonce = os.urandom(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, data, _bound(name, number))
        return _LENGTH.pack(len(sealed)) + sealed

    def opened(self, path: Path) -> BinaryIO:
        """A sealed file as one that can be read and moved about in. A torn last chunk is left out.

        Raises:
            RecordingError: no sealed file.
        """
        return io.BufferedReader(_Opened(path, self))

    def unsealed(self, path: Path, number: int, sealed: bytes) -> bytes:
        """What a chunk holds.

        Raises:
            RecordingError: another key sealed it, or it was changed.
        """
        nonce, data = sealed[:_NONCE], sealed[_NONCE:]
        try:
            return self._cipher.decrypt(nonce, data, _bound(path.name, number))
        except InvalidTag as error:
            msg = f"{path}: chunk {number} cannot be opened: another key, or the file was changed"
            raise RecordingError(msg) from error


class _Opened(io.RawIOBase):
    """Reads a sealed file; one chunk at a time is in memory."""

    def __init__(self, path: Path, seal: Seal) -> None:
        self._path, self._seal = path, seal
        self._file = path.open("rb")
        self._chunks = list(self._index())
        """Of each chunk: where its text begins, how long that is, where it stands in the file."""
        self._end = sum(self._chunks[-1][:2]) if self._chunks else 0
        self._at = 0
        self._held: tuple[int, bytes] = (-1, b"")

    def _index(self) -> list[tuple[int, int, int]]:
        if self._file.read(len(MAGIC)) != MAGIC:
            raise RecordingError(f"{self._path}: no sealed recording")
        size = self._path.stat().st_size
        found, begin, at = [], 0, len(MAGIC)
        while len(head := self._file.read(_LENGTH.size)) == _LENGTH.size:
            length = _LENGTH.unpack(head)[0]
            at += _LENGTH.size
            if at + length > size or length < _NONCE + _TAG:
                break
            found.append((begin, length - _NONCE - _TAG, at))
            begin, at = begin + length - _NONCE - _TAG, at + length
            self._file.seek(at)
        return found

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._end)[whence]
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # a buffer, as io promises
        number = self._number(self._at)
        if number is None:
            return 0
        begin = self._chunks[number][0]
        data = self._text(number)[self._at - begin :][: len(view)]
        view[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()

    def _number(self, at: int) -> int | None:
        """Which chunk holds byte `at` of the text."""
        low, high = 0, len(self._chunks)
        while low < high:
            middle = (low + high) // 2
            begin, length, _ = self._chunks[middle]
            if at < begin:
                high = middle
            elif at >= begin + length:
                low = middle + 1
            else:
                return middle
        return None

    def _text(self, number: int) -> bytes:
        if self._held[0] != number:
            _, length, at = self._chunks[number]
            self._file.seek(at)
            sealed = self._file.read(length + _NONCE + _TAG)
            self._held = (number, self._seal.unsealed(self._path, number, sealed))
        return self._held[1]


def load(key: str = "", key_env: str = "the key's variable") -> Seal:
    """A seal.

    Args:
        key: 32 bytes in base64.
        key_env: where the key was found, for messages.

    Raises:
        ConfigError: no key, or not 32 bytes in base64.
    """
    how = "make one with: openssl rand -base64 32"
    if not key:
        raise ConfigError(f"recording: ${key_env} is not set, which encryption needs; {how}")
    try:
        raw = base64.b64decode(key, validate=True)
    except binascii.Error as error:
        raise ConfigError(f"recording: ${key_env} is not base64; {how}") from error
    if len(raw) != 32:
        raise ConfigError(f"recording: ${key_env} holds {len(raw)} bytes, not 32; {how}")
    return Seal(raw)


def _bound(name: str, number: int) -> bytes:
    return f"{name}:{number}".encode()
