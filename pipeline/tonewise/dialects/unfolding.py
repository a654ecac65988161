"""A streamed chat completion as parts that open, grow and close one after the other.

Chat completions stream words, thoughts and tool calls as they come, several calls in turns if they
like. Messages and Responses want one part to be closed before the next one opens. A call that comes
while another one is still being written waits for it; that one is over when its arguments are a
whole JSON object.
"""

from typing import Literal, NamedTuple

import msgspec

from tonewise.dialects.fields import Json

Kind = Literal["thought", "text", "refusal", "call"]


class Part:
    """A stretch of an answer: thoughts, words, a refusal, or a call of a tool.

    Attributes:
        number: its place in the answer, from 0; -1 while it waits.
        id, name: of a tool call.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind, self.number = kind, -1
        self.id = self.name = ""
        self._pieces: list[str] = []

    @property
    def text(self) -> str:
        """What it says so far; for a call its arguments."""
        return "".join(self._pieces)

    def grow(self, piece: str) -> None:
        """Add to it."""
        self._pieces.append(piece)

    @property
    def whole(self) -> bool:
        """Are the arguments a whole JSON object? Then nothing more can come."""
        last = self._pieces[-1] if self._pieces else ""
        return last.rstrip().endswith("}") and _is_object(self.text)


class Move(NamedTuple):
    """Something that happens to a part; `text` is what it grew by."""

    step: Literal["open", "grow", "close"]
    part: Part
    text: str = ""


class Unfolding:
    """One answer, chunk by chunk. What is strange in a chunk is passed over.

    Attributes:
        id, model: as the first chunk told them.
        created: seconds since 1970.
        parts: that were opened, in order.
        finish: why the answer ended; empty until then.
        matched: the stop sequence that it ended at, from servers that tell.
        usage: tokens, from servers that count.
    """

    def __init__(self) -> None:
        self.id = self.model = self.finish = self.matched = ""
        self.created = 0
        self.usage: Json = {}
        self.parts: list[Part] = []
        self._open: Part | None = None
        self._waiting: list[Part] = []
        self._slots: dict[int, Part] = {}

    def feed(self, chunk: Json) -> list[Move]:
        """What a `chat.completion.chunk` does to the parts."""
        self._read_head(chunk)
        moves: list[Move] = []
        for choice in _objects(chunk.get("choices")):
            if choice.get("index", 0) != 0:
                continue  # several answers were asked for; the other formats know one
            delta = choice.get("delta")
            if isinstance(delta, dict):
                moves += self._delta(delta)
            self.finish = _text(choice.get("finish_reason")) or self.finish
            self.matched = _text(choice.get("stop_reason")) or self.matched
        return moves

    def end(self) -> list[Move]:
        """What is left to do when no further chunk comes: all that is open closes."""
        return self._settle()

    def _read_head(self, chunk: Json) -> None:
        self.id = self.id or _text(chunk.get("id"))
        self.model = self.model or _text(chunk.get("model"))
        if isinstance(created := chunk.get("created"), int | float):
            self.created = self.created or int(created)
        if isinstance(usage := chunk.get("usage"), dict):
            self.usage = usage

    def _delta(self, delta: Json) -> list[Move]:
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        moves = self._say("thought", thought)
        moves += self._say("text", _words(delta.get("content")))
        moves += self._say("refusal", _text(delta.get("refusal")))
        for call in _objects(delta.get("tool_calls")):
            moves += self._call(call)
        return moves

    def _say(self, kind: Kind, text: str) -> list[Move]:
        if not text:
            return []
        moves: list[Move] = []
        if self._open is None or self._open.kind != kind:
            moves = self._settle()
            moves.append(self._begin(Part(kind)))
        return [*moves, *self._grow(text)]

    def _call(self, call: Json) -> list[Move]:
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        part = self._slot(call, _text(function.get("name")))
        part.id = part.id or _text(call.get("id"))
        part.name = part.name or _text(function.get("name"))
        given = function.get("arguments")
        piece = msgspec.json.encode(given).decode() if isinstance(given, dict) else _text(given)
        if part is self._open:
            moves = self._grow(piece)
        else:
            moves = []
            if part.number < 0 and piece:  # one that was closed has said all it can
                part.grow(piece)
        return [*moves, *self._advance()]

    def _slot(self, call: Json, name: str) -> Part:
        """The call that a delta belongs to; a new one where it begins one."""
        index, told = call.get("index"), _text(call.get("id"))
        if not isinstance(index, int):
            index = next((at for at, part in self._slots.items() if told and part.id == told), None)
            if index is None:
                begins = bool(told or name) or not self._slots
                index = max(self._slots, default=-1) + begins
        known = self._slots.get(index)
        # Some servers give every call the index 0, and tell them apart by their identifiers.
        if known is None or (told and name and known.id and told != known.id):
            known = self._slots[index] = Part("call")
            self._waiting.append(known)
        return known

    def _advance(self) -> list[Move]:
        """Open the calls that wait, as long as nothing else is being written."""
        moves: list[Move] = []
        while self._waiting and self._waiting[0].name:
            if self._open is not None and self._open.kind == "call" and not self._open.whole:
                break
            moves += self._close()
            moves += self._take_up()
        return moves

    def _take_up(self) -> list[Move]:
        part = self._waiting.pop(0)
        moves = [self._begin(part)]
        return [*moves, Move("grow", part, part.text)] if part.text else moves

    def _settle(self) -> list[Move]:
        """Close what is open, and let all that waits come and go."""
        moves = self._close()
        while self._waiting:
            moves += self._take_up()
            moves += self._close()
        return moves

    def _begin(self, part: Part) -> Move:
        part.number = len(self.parts)
        if part.kind == "call" and not part.id:
            part.id = f"call_{part.number}_{stem(self.id)}"
        self.parts.append(part)
        self._open = part
        return Move("open", part)

    def _grow(self, text: str) -> list[Move]:
        if self._open is None or not text:
            return []
        self._open.grow(text)
        return [Move("grow", self._open, text)]

    def _close(self) -> list[Move]:
        part, self._open = self._open, None
        return [] if part is None else [Move("close", part)]


def unfolded(completion: Json) -> Unfolding:
    """A whole chat completion, as if it had been streamed in one chunk; all parts are closed."""
    one = Unfolding()
    choices = []
    for choice in _objects(completion.get("choices")):
        said = choice.get("message")
        said = dict(said) if isinstance(said, dict) else {}
        calls = enumerate(_objects(said.get("tool_calls")))
        said["tool_calls"] = [{**call, "index": at} for at, call in calls]
        choices.append({**choice, "delta": said})
    one.feed({**completion, "choices": choices})
    one.end()
    return one


def stem(chunk_id: str) -> str:
    """What is particular of an answer's identifier."""
    return chunk_id.removeprefix("chatcmpl-").removeprefix("msg_") or "0"


def _words(content: object) -> str:
    """The text of a content that may be a list of parts, as Mistral's models write it."""
    if isinstance(content, list):
        return "".join(_text(p.get("text")) for p in _objects(content) if p.get("type") == "text")
    return _text(content)


def _is_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
