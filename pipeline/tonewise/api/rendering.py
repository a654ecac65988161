"""From a provider's bytes to the client's: the same ones, where both speak one dialect."""

from typing import Any, Protocol

import msgspec

from tonewise.api.told import members
from tonewise.api.tongues import Writer
from tonewise.api.wish import Wish
from tonewise.dialects.claude_answer import ChatChunks, chat_completion
from tonewise.llm.reply_parts import any_json, decoded
from tonewise.llm.skimming import Skim
from tonewise.llm.upstream import Dialect


class Rendering(Protocol):
    """Of one reply.

    Attributes:
        translates: the bytes are not the same.
    """

    translates: bool

    def feed(self, events: bytes) -> bytes:
        """What whole events of the provider's become."""
        ...

    def end(self, skim: Skim, extra: dict[str, Any]) -> bytes:
        """The end of the stream, with keys of ours in its last event."""
        ...

    def whole(self, reply: bytes, extra: dict[str, Any]) -> bytes:
        """A reply that came as a whole, with keys of ours."""
        ...

    def failed(self, status: int, message: str) -> bytes:
        """The end of a stream that broke off."""
        ...


class _Untouched:
    translates = False

    def __init__(self, wish: Wish) -> None:
        self._wish = wish

    def feed(self, events: bytes) -> bytes:
        return events

    def end(self, skim: Skim, extra: dict[str, Any]) -> bytes:
        return skim.ending(members(extra))

    def whole(self, reply: bytes, extra: dict[str, Any]) -> bytes:
        added = members(extra)
        at = reply.rfind(b"}")
        return reply[:at] + b"," + added + reply[at:] if added else reply

    def failed(self, status: int, message: str) -> bytes:
        return self._wish.tongue.writer(self._wish.body()).failed(status, message)


class _Translated:
    translates = True

    def __init__(self, wish: Wish, dialect: Dialect) -> None:
        self._wish = wish
        self._writer: Writer = wish.tongue.writer(wish.body())
        self._reader = ChatChunks(wish.created) if dialect == "messages" else None

    def feed(self, events: bytes) -> bytes:
        return b"".join(
            self._writer.feed(chunk if chunk.get("id") else {**chunk, "id": self._wish.name})
            for event in decoded(events)
            for chunk in (self._reader.feed(event) if self._reader else [event])
        )

    def end(self, skim: Skim, extra: dict[str, Any]) -> bytes:
        told = [self.feed(skim.ending())]
        if self._reader:
            told += map(self._writer.feed, self._reader.end())
        return b"".join([*told, self._writer.end(extra)])

    def whole(self, reply: bytes, extra: dict[str, Any]) -> bytes:
        told = any_json(reply)
        completion = chat_completion(told, self._wish.created) if self._reader else told
        name = completion.get("id") or self._wish.name
        completion = {**completion, "id": name, **extra}
        answer = self._wish.tongue.whole(completion, self._wish.body())
        return msgspec.json.encode(answer)

    def failed(self, status: int, message: str) -> bytes:
        return self._writer.failed(status, message)


def rendering(wish: Wish, dialect: Dialect) -> Rendering:
    """For one try.

    Args:
        wish: the client's.
        dialect: that the provider speaks.
    """
    return _Untouched(wish) if dialect == wish.tongue.upstream else _Translated(wish, dialect)
