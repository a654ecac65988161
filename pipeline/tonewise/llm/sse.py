"""Server-sent events, from bytes to events, without a socket.

After the HTML standard, §9.2.6 "Interpreting an event stream": lines end with LF, CR or CRLF, a
line that begins with a colon is a comment (a keep-alive), an empty line ends an event, and an
event that the stream breaks off in is dropped. Reconnection (`id`, `retry`) has no use here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tonewise.errors import AttemptError

LIMIT_BYTES = 1 << 20
"""The longest line, and the most data in one event. A chunk of a reply has some hundred bytes."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event: its kind (`message` where the stream names none) and its data."""

    event: str
    data: str


class SseParser:
    """Turns the bytes of one event stream into events, wherever the network cut them.

    Args:
        limit_bytes: longest line, and most data per event, before the stream counts as garbled.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._line = bytearray()
        self._ended_with_cr = False
        self._at_start = True
        self._event = ""
        self._data: list[str] = []
        self._data_bytes = 0

    def feed(self, chunk: bytes) -> Iterator[ServerSentEvent]:
        """The events that `chunk` completes. Exhaust it before the next feed.

        Raises:
            AttemptError: `garbled`, where a line or an event passes the limit.
        """
        if not chunk:
            return
        after_cr, self._ended_with_cr = self._ended_with_cr, chunk.endswith(b"\r")
        if after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the second half of a CRLF that the network cut in two
        for piece in chunk.splitlines(keepends=True):
            content = piece.rstrip(b"\r\n")
            self._line += content
            if len(self._line) > self._limit:
                raise AttemptError("garbled", f"a line of the stream passes {self._limit} bytes")
            if len(content) < len(piece):
                line = bytes(self._line)
                self._line.clear()
                yield from self._ended(line)

    def _ended(self, line: bytes) -> Iterator[ServerSentEvent]:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        if not line:
            if self._data:
                yield ServerSentEvent(self._event or "message", "\n".join(self._data))
            self._event, self._data, self._data_bytes = "", [], 0
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data_bytes += len(value) + 1
            if self._data_bytes > self._limit:
                raise AttemptError("garbled", f"an event of the stream passes {self._limit} bytes")
            self._data.append(value.decode("utf-8", "replace"))
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
