"""What must be looked at of a stream that passes through, and no more.

Up to the first useful piece every event is read: only then may the reply begin. After that bytes
pass in whole events, unread, until one of them may be the end or an error: a search for a few
letters tells. From the end on every event is read again, and the last one is held back, so that
something can be added to it. In JSON a key's own quotation mark never follows a backslash, so what
a model says in its words cannot be taken for a key.

Useful is a word, a piece of a tool call, a thought, a picture or a sound; a keep-alive, a role or
white space is not.
"""

from typing import Any

import msgspec

from tonewise.errors import AttemptError
from tonewise.llm.half_characters import forgiving
from tonewise.llm.reply_parts import (
    DONE,
    NO_JSON,
    check_end,
    counts,
    data_of,
    first_end,
    is_useful,
    last_end,
    raise_error,
)
from tonewise.llm.upstream import Dialect

LIMIT_BYTES = 32 << 20
"""Of one event, and of all that comes before the first useful piece. A picture may be one."""

_SIGNS: dict[Dialect, tuple[bytes, ...]] = {
    "chat": (b'_reason":"', b'_reason": "', b'"error"'),  # of `finish_reason`, and quicker found
    "messages": (b"message_delta", b"message_stop", b'"error"'),
}
"""Of what must be read. Looked for one by one: several times as fast as with one expression."""

_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


class _Choice(msgspec.Struct):
    delta: dict[str, Any] | None = None
    message: dict[str, Any] | None = None
    finish_reason: Any = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    object: Any = None
    message: Any = None


class _Opening(msgspec.Struct):
    usage: Any = None


class _Event(msgspec.Struct):
    type: str = ""
    message: _Opening | None = None
    delta: dict[str, Any] | None = None
    content_block: dict[str, Any] | None = None
    usage: Any = None
    error: Any = None


_chunk = forgiving(msgspec.json.Decoder(_Chunk).decode)
_event = forgiving(msgspec.json.Decoder(_Event).decode)


class Skim:
    """One stream.

    Attributes:
        useful: something useful has come.
        reason: why the reply ended, once it has: `finish_reason` or `stop_reason`.
        done: nothing follows.
        input_tokens, output_tokens: as far as the provider told.
        held: the last event, held back.

    Args:
        dialect: of the stream.
        counted: the client asked for the count of tokens; else the chunk that holds nothing else
            is kept from it.
    """

    def __init__(self, dialect: Dialect, *, counted: bool = True) -> None:
        self.useful = self.done = False
        self.reason = ""
        self.input_tokens: int | None = None
        self.output_tokens: int | None = None
        self._dialect: Dialect = dialect
        self._counted = counted
        self._pending = b""
        self.held = b""
        self._goodbye = b"data: [DONE]\n\n" if dialect == "chat" else b""
        self._before = 0

    def feed(self, data: bytes) -> bytes:
        """What may pass of all that came, in whole events.

        Raises:
            AttemptError: an error instead of the rest of the reply, or what is no reply; its
                message holds the provider's own words.
        """
        data = self._pending + data
        end = last_end(data, 0, len(data))
        self._pending = data[end:]
        if len(self._pending) > LIMIT_BYTES or self._before > LIMIT_BYTES:
            raise AttemptError("garbled", f"an event of the stream passes {LIMIT_BYTES} bytes")
        return self._passing(data[:end])

    def _passing(self, whole: bytes) -> bytes:
        """What passes of whole events."""
        pieces: list[bytes] = []
        at = 0
        while at < len(whole):
            if self.useful and not self.reason:
                sign = self._next_sign(whole, at)
                start = len(whole) if sign < 0 else max(last_end(whole, at, sign), at)
                pieces.append(whole[at:start])
                if (at := start) == len(whole):
                    break
            event = whole[at : (at := first_end(whole, at))]
            pieces.append(self._look(event))
        passing = b"".join(pieces)
        if not self.useful:
            self._before += len(passing)
        return passing

    def _next_sign(self, whole: bytes, at: int) -> int:
        """Where something stands that must be read; -1: nowhere."""
        found = [whole.find(sign, at) for sign in _SIGNS[self._dialect]]
        if self._dialect == "chat":
            # Nothing follows it, so it is at the very end.
            found.append(whole.find(DONE, max(at, len(whole) - 2 * len(DONE))))
        return min((place for place in found if place >= 0), default=-1)

    def rest(self) -> bytes:
        """At the end of the stream: what passes of an event that no empty line ended.

        Some servers leave that line out behind their last event. Half an event is none.

        Raises:
            AttemptError: an error instead of the rest of the reply.
        """
        event, self._pending = self._pending.rstrip(b"\r\n") + b"\n\n", b""
        if data_of(event) is None:
            return b""
        try:
            return self._look(event)
        except AttemptError as error:
            if error.outcome != "garbled":
                raise
            return b""

    def ending(self, extra: bytes = b"") -> bytes:
        """The last event, and the end.

        Args:
            extra: members for its JSON object, without braces; empty: none.
        """
        held, self.held = self.held, b""
        before = b""
        if self._dialect == "messages" and self.reason and not self.done:
            before, held = held, _STOP  # without it some clients wait for more
        if extra and held:
            at = held.rfind(b"}")
            held = held[:at] + b"," + extra + held[at:]
        return before + held + self._goodbye

    def check_end(self) -> None:
        """Is this a reply that a client can do something with?

        Raises:
            AttemptError: it broke off, was filtered, or is empty.
        """
        check_end(self.reason or ("unknown" if self.done else ""), useful=self.useful)

    # ------------------------------------------------------------ looking

    def _look(self, event: bytes) -> bytes:
        """What passes now, this event or the one that was held back."""
        data = data_of(event)
        if self.done or not data:
            return event if data is None and not self.held else b""
        if data == DONE:
            self.done, self._goodbye = True, event
            return b""
        try:
            passes = self._chat(data) if self._dialect == "chat" else self._message(data)
        except NO_JSON as error:
            raise AttemptError("garbled", f"no event of a reply: {error}") from error
        if not self.reason:
            return event
        held = self.held
        if passes:
            self.held = event
            return held
        return b""

    def _chat(self, data: bytes) -> bool:
        chunk = _chunk(data)
        # vLLM and SGLang once wrote {"object": "error", "message": …}; OpenAI writes {"error": …}.
        raise_error(chunk.error or (chunk.message if chunk.object == "error" else None))
        for choice in chunk.choices or ():
            self.useful = self.useful or is_useful(choice.delta)
            if isinstance(choice.finish_reason, str) and choice.finish_reason:
                self.reason = choice.finish_reason
        if isinstance(chunk.usage, dict):
            self.input_tokens, self.output_tokens = counts(chunk.usage)
            return bool(chunk.choices) or self._counted
        return True

    def _message(self, data: bytes) -> bool:
        event = _event(data)
        if event.type == "error":
            raise_error(event.error or "an error without words")
        delta, block = event.delta or {}, event.content_block or {}
        if event.type == "content_block_delta":
            said = next((v for k, v in delta.items() if k != "type" and isinstance(v, str)), "")
            self.useful = self.useful or bool(said.strip())
        elif event.type == "content_block_start":
            self.useful = self.useful or block.get("type", "text") not in ("text", "thinking")
        elif event.type == "message_delta" and isinstance(delta.get("stop_reason"), str):
            self.reason = delta["stop_reason"]
        self.done = event.type == "message_stop"
        usage = event.usage or (event.message.usage if event.message else None)
        if isinstance(usage, dict):
            read, written = counts(usage)
            self.input_tokens = self.input_tokens if read is None else read
            self.output_tokens = self.output_tokens if written is None else written
        return True
