"""Where an engine's requests go over HTTP, for who has a request in its dialect already."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from tonewise.providers import presentable, secrets_in

Dialect = Literal["chat", "messages"]
"""OpenAI's chat completions, or Anthropic's Messages."""

_LIMITS = ("max_tokens", "max_completion_tokens")


@dataclass(frozen=True, slots=True)
class Upstream:
    """A model behind HTTP.

    Attributes:
        dialect: that it speaks.
        url: that requests are posted to.
        headers: of every request, the key among them.
        always: fields that win over the request's own (`model`, the configured `extra_body`).
        usual: fields for a request that has none of its own (`temperature`, its limit).
        limit_name: what the server calls the longest reply.
        counts: it tells tokens at the end of a stream where it is asked to.
        connect_s: most seconds to a connection.
    """

    dialect: Dialect
    url: str
    headers: Mapping[str, str] = field(repr=False)
    always: Mapping[str, Any]
    usual: Mapping[str, Any] = field(default_factory=dict)
    limit_name: str = "max_tokens"
    counts: bool = True
    connect_s: float = 3.0
    secrets: tuple[str, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "secrets", secrets_in(self.headers))

    def presentable(self, text: str) -> str:
        """What the provider said, safe to show."""
        return presentable(text, self.secrets)

    def body(self, fields: Mapping[str, Any], *, stream: bool) -> bytes:
        """The request's body.

        Args:
            fields: of the client's request; those that are `msgspec.Raw` stay as they are.
            stream: the reply is wanted piece by piece.
        """
        limited = any(name in fields for name in _LIMITS)
        missing = {
            name: value
            for name, value in self.usual.items()
            if name not in fields and not (limited and name in _LIMITS)
        }
        whole = {**fields, **missing, **self.always}
        if stream and self.counts and self.dialect == "chat":
            whole["stream_options"] = _counting(fields.get("stream_options"))
        return msgspec.json.encode(whole)


@runtime_checkable
class HasUpstream(Protocol):
    """An engine whose model is behind HTTP, in one of the dialects that pass through."""

    upstream: Upstream


def _counting(asked: object) -> dict[str, Any]:
    """The client's `stream_options`, with the count of tokens."""
    options: dict[str, Any] = {}
    if isinstance(asked, dict):
        options = dict(asked)
    elif isinstance(asked, msgspec.Raw):
        told = msgspec.json.decode(asked)
        options = told if isinstance(told, dict) else {}
    return {**options, "include_usage": True}
