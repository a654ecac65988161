"""Sound as a server streams it, raw or with a WAV header, byte by byte. Pure."""

import struct

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import HIGHEST_RATE, LOWEST_RATE
from tonewise.errors import AudioError

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_LONGEST_HEADER = 65_536
_COMPRESSED = (b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1")


class WavStream:
    """Mono samples from bytes that come in any sizes.

    A header is read where there is one, whatever was asked for: servers send what they like. The
    sizes in it are not believed, as a server that streams cannot know them.

    Args:
        rate: samples per second where no header says so; such sound is 16-bit mono.

    Attributes:
        rate: what it is, from the first samples on.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self._rest = b""
        self._begun = False
        self._type = np.dtype("<i2")
        self._channels = 1

    def feed(self, data: bytes) -> NDArray[np.float32]:
        """The samples that are whole now, at `rate`.

        Raises:
            AudioError: it is compressed, or a header that makes no sense.
        """
        self._rest += data
        if not self._begun and not self._begin():
            return np.zeros(0, np.float32)
        size = self._type.itemsize * self._channels
        whole = len(self._rest) // size * size
        values = np.frombuffer(self._rest[:whole], self._type).astype(np.float32)
        self._rest = self._rest[whole:]
        if self._type.kind == "i":
            values /= np.float32(2 ** (8 * self._type.itemsize - 1))
        mono: NDArray[np.float32] = values.reshape(-1, self._channels).mean(
            axis=1, dtype=np.float32
        )
        return mono

    def _begin(self) -> bool:
        """Whether the samples begin at the front of what came."""
        if len(self._rest) < 4:
            return False
        if self._rest.startswith(_COMPRESSED):
            raise AudioError("the server sends compressed sound: ask for pcm or wav")
        if not self._rest.startswith(b"RIFF"):
            self._begun = True
            return True
        at = 12
        while len(self._rest) >= at + 8:
            name, length = struct.unpack_from("<4sI", self._rest, at)
            if name == b"data":
                self._rest = self._rest[at + 8 :]
                self._begun = True
                return True
            if name == b"fmt " and len(self._rest) >= at + 24:
                self._read_format(self._rest[at + 8 : at + 8 + length])
            at += 8 + length + length % 2
            if at > _LONGEST_HEADER:
                raise AudioError("a WAV header without an end")
        return False

    def _read_format(self, body: bytes) -> None:
        code, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if code == _EXTENSIBLE and len(body) >= 26:
            (code,) = struct.unpack_from("<H", body, 24)
        types = {(_PCM, 16): "<i2", (_PCM, 32): "<i4", (_FLOAT, 32): "<f4"}
        known = types.get((code, bits))
        if known is None or not 1 <= channels <= 8 or not LOWEST_RATE <= rate <= HIGHEST_RATE:
            msg = f"a WAV of kind {code} with {bits} bits, {channels} channels and {rate} Hz"
            raise AudioError(f"{msg} is not understood: 16-bit PCM is")
        self._type, self._channels, self.rate = np.dtype(known), channels, rate
