"""How clients speak: what a dialect must be able to do, and OpenAI's chat completions, which can.

Inside, a request and a reply are those of chat completions. A dialect translates, as pure
functions of what it is given: see `dialects/`.
"""

from typing import Any, Literal, Protocol

import msgspec

from tonewise.api.problems import ApiError
from tonewise.llm.upstream import Dialect

Json = dict[str, Any]
"""A JSON object, as decoded."""

_encode = msgspec.json.Encoder().encode


class Writer(Protocol):
    """One streamed answer in a client's dialect."""

    def feed(self, chunk: Json) -> bytes:
        """What a `chat.completion.chunk` becomes: whole server-sent events, or nothing."""
        ...

    def end(self, extra: Json) -> bytes:
        """The last events; `extra` goes into the last one, as keys beside its own."""
        ...

    def failed(self, status: int, message: str) -> bytes:
        """The error that ends the stream; may come first and last of all."""
        ...


class Tongue(Protocol):
    """A dialect. One object for all requests.

    Attributes:
        name: of the dialect.
        upstream: the dialect of providers to whom its requests, and whose replies, pass untouched.
        headers: names, in lower case, of the client's headers that go with them.
        errors_like: whose errors its clients understand.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - told above
    @property
    def upstream(self) -> Dialect | None: ...  # noqa: D102
    @property
    def headers(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def errors_like(self) -> Literal["openai", "anthropic"]: ...  # noqa: D102

    def to_chat(self, body: Json) -> Json:
        """The request as chat completions have it; `body` stays as it is.

        Raises:
            DialectError: it is no request; names the field.
        """
        ...

    def own(self, body: Json) -> Json:
        """A request that passes through, without what its provider would refuse."""
        ...

    def whole(self, completion: Json, body: Json) -> Json:
        """A whole `chat.completion` as an answer; keys that are not OpenAI's stay at its top."""
        ...

    def writer(self, body: Json) -> Writer:
        """For the streamed answer to a request."""
        ...


class ChatWriter:
    """Chunks as they are, for replies that were translated to them."""

    def __init__(self, *, counted: bool) -> None:
        self._counted = counted
        self._held: Json = {}

    def feed(self, chunk: Json) -> bytes:
        """The last chunk before this one."""
        if not chunk.get("choices") and not self._counted:
            return b""
        held, self._held = self._held, chunk
        return _event(held) if held else b""

    def end(self, extra: Json) -> bytes:
        """The last chunk, and the end."""
        return (_event({**self._held, **extra}) if self._held else b"") + b"data: [DONE]\n\n"

    def failed(self, status: int, message: str) -> bytes:
        """An error in the place of a chunk."""
        problem = ApiError(status, message, kind="upstream_error", code="upstream_error")
        held = _event(self._held) if self._held else b""
        return held + b"data: " + problem.as_openai() + b"\n\n"


class Chat:
    """Chat completions: nothing to translate."""

    name = "chat"
    upstream: Dialect = "chat"
    headers = ()
    errors_like: Literal["openai"] = "openai"

    def to_chat(self, body: Json) -> Json:
        """The same."""
        return body

    def own(self, body: Json) -> Json:
        """The same."""
        return body

    def whole(self, completion: Json, body: Json) -> Json:  # noqa: ARG002 - another tongue's needs
        """The same."""
        return completion

    def writer(self, body: Json) -> ChatWriter:
        """Chunks; the count of tokens only where it was asked for."""
        return ChatWriter(counted=counted(body.get("stream_options")))


CHAT = Chat()


def counted(stream_options: object) -> bool:
    """Does a client want the count of tokens at the end of a stream?"""
    return isinstance(stream_options, dict) and bool(stream_options.get("include_usage"))


def _event(chunk: Json) -> bytes:
    return b"data: " + _encode(chunk) + b"\n\n"
