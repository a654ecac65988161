"""A client's request, understood: what every try at a model is made of."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tonewise.api.asking import Said, longest_reply, prompt
from tonewise.api.options import Fields, plain
from tonewise.api.tongues import Json, Tongue
from tonewise.dialects.claude_request import messages_request
from tonewise.dialects.fields import DialectError
from tonewise.errors import AttemptError
from tonewise.llm.upstream import Dialect
from tonewise.stages import Message


@dataclass(slots=True)
class Wish:
    """One request.

    Attributes:
        name: of its decision.
        route: that was decided.
        turn: the number of the turn.
        tongue: how the client speaks.
        fields: of the request, without ours.
        said: its conversation.
        stream: the reply is wanted piece by piece.
        replies: how many are wanted.
        counted: the client wants the count of tokens at the end of a stream.
        headers: of the request, names in lower case.
        total_s: seconds that the reply may take.
        usual_limit: tokens of a reply where the request names none.
        chat: the request as chat completions have it, where it was translated.
        refused: why it cannot be translated: only a provider of its own dialect can take it.
    """

    tongue: Tongue
    fields: Fields
    said: list[Said]
    stream: bool
    replies: int
    counted: bool
    headers: Callable[[], Mapping[str, str]]
    total_s: float
    usual_limit: int
    chat: Json | None = None
    refused: str = ""
    name: str = ""
    route: str = ""
    turn: int = 1
    created: int = field(default_factory=lambda: int(time.time()))
    _body: Json | None = None

    def body(self) -> Json:
        """The whole request, decoded."""
        if self._body is None:
            self._body = {name: plain(value, name) for name, value in self.fields.items()}
        return self._body

    def fields_for(self, dialect: Dialect, limit_name: str) -> Mapping[str, Any]:
        """What a provider is asked.

        Args:
            dialect: that the provider speaks.
            limit_name: what it calls the longest reply.

        Raises:
            AttemptError: `bad_request`, its dialect has no way to say this.
        """
        if dialect == self.tongue.upstream:
            return self.tongue.own(self.body()) if self._has_thoughts() else self.fields
        if self.refused:
            raise AttemptError("bad_request", self.refused)
        chat = self.body() if self.chat is None else self.chat
        if dialect == "chat":
            return _renamed({**chat, "stream": self.stream}, limit_name)
        try:
            told = messages_request(chat, self.usual_limit)
        except DialectError as error:
            raise AttemptError("bad_request", f"{error.param}: {error.message}") from error
        return {**told, "stream": self.stream}

    def _has_thoughts(self) -> bool:
        said = self.fields.get("messages")
        return (
            self.tongue.upstream == "messages"
            and isinstance(said, msgspec.Raw)
            and b'"thinking"' in bytes(said)
        )

    def headers_for(self, dialect: Dialect) -> dict[str, str]:
        """The client's own headers that a provider is sent."""
        if dialect != self.tongue.upstream or not self.tongue.headers:
            return {}
        known = self.headers()
        return {name: known[name] for name in self.tongue.headers if name in known}

    def prompt(self) -> tuple[Message, ...]:
        """Its words, for an engine that knows nothing else."""
        return prompt(self.said)

    def max_tokens(self) -> int:
        """Of the reply."""
        return longest_reply(self.fields if self.chat is None else self.chat, self.usual_limit)


def _renamed(chat: Json, limit_name: str) -> Json:
    if limit_name != "max_tokens" and "max_tokens" in chat:
        chat[limit_name] = chat.pop("max_tokens")
    return chat
