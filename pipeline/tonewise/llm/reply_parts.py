"""Pieces of a reply, in either dialect: its events, what is useful in it, and how it may end."""

from dataclasses import dataclass
from typing import Any

import msgspec

from tonewise.errors import AttemptError
from tonewise.llm.failures import outcome_in_stream
from tonewise.llm.half_characters import forgiving
from tonewise.providers import message_in

DONE = b"[DONE]"
"""The data of the event that ends a streamed chat completion."""

NO_JSON = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
"""What reading JSON may raise that is none."""

any_json = forgiving(msgspec.json.decode)
"""Whatever JSON holds."""

_ENDS = (b"\n\n", b"\r\n\r\n", b"\r\r")
_USEFUL = frozenset(
    (
        "content",
        "reasoning_content",
        "reasoning",
        "reasoning_details",
        "tool_calls",
        "function_call",
        "refusal",
        "audio",
        "images",
    )
)


def first_end(data: bytes, start: int) -> int:
    """Where the event that begins at a place ends."""
    if not (returns := b"\r" in data) and (at := data.find(b"\n\n", start)) >= 0:
        return at + 2
    marks = _ENDS if returns else ()
    return min(
        (at + len(mark) for mark in marks if (at := data.find(mark, start)) >= 0),
        default=len(data),
    )


def last_end(data: bytes, start: int, stop: int) -> int:
    """Where the last event between two places ends; 0: none does."""
    if b"\r" not in data:
        at = data.rfind(b"\n\n", start, stop)
        return at + 2 if at >= 0 else 0
    return max(
        (at + len(mark) for mark in _ENDS if (at := data.rfind(mark, start, stop)) >= 0), default=0
    )


def data_of(event: bytes) -> bytes | None:
    """The data of one event; None where it has none, as a comment."""
    if event.startswith(b"data: ") and event.find(b"\n") == len(event) - 2:
        return event[6:-2]
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line[:5] == b"data:"]
    return b"\n".join(lines) if lines else None


def decoded(events: bytes) -> list[dict[str, Any]]:
    """The JSON objects in whole events; all else is left out.

    Raises:
        AttemptError: `garbled`, an event holds no JSON.
    """
    told: list[dict[str, Any]] = []
    at = 0
    while at < len(events):
        data = data_of(events[at : (at := first_end(events, at))])
        if not data or data == DONE:
            continue
        try:
            one = any_json(data)
        except NO_JSON as error:
            raise AttemptError("garbled", f"no event of a reply: {error}") from error
        if isinstance(one, dict):
            told.append(one)
    return told


def is_useful(piece: dict[str, Any] | None) -> bool:
    """Does a delta, or a whole message, of a chat completion hold anything?"""
    if not piece:
        return False
    for name, value in piece.items():
        if name in _USEFUL and (value.strip() if isinstance(value, str) else value):
            return True
    return False


def counts(usage: dict[str, Any]) -> tuple[int | None, int | None]:
    """Tokens read and written, in either dialect."""
    read = _number(usage, "prompt_tokens")
    if read is None and (read := _number(usage, "input_tokens")) is not None:
        # Anthropic counts what its cache held apart; OpenAI, and so our records, count it in.
        read += _number(usage, "cache_creation_input_tokens") or 0
        read += _number(usage, "cache_read_input_tokens") or 0
    written = _number(usage, "completion_tokens")
    return read, _number(usage, "output_tokens") if written is None else written


def raise_error(error: object) -> None:
    """Where a reply holds an error in its place.

    Raises:
        AttemptError: it does.
    """
    if error:
        raise AttemptError(outcome_in_stream(error), f"in the stream: {message_in(error)}")


class _Choice(msgspec.Struct):
    message: dict[str, Any] | None = None
    finish_reason: Any = None


class _Whole(msgspec.Struct):
    choices: list[_Choice] | None = None
    content: list[Any] | None = None
    stop_reason: Any = None
    usage: Any = None
    error: Any = None


_whole = forgiving(msgspec.json.Decoder(_Whole).decode)


@dataclass(frozen=True, slots=True)
class WholeReply:
    """What must be known of a reply that came as a whole: `tokens` are those read and written."""

    reason: str
    useful: bool
    tokens: tuple[int | None, int | None]


def whole_reply(data: bytes) -> WholeReply:
    """A chat completion or a Message, looked at.

    Raises:
        AttemptError: it is none, or an error stands in its place.
    """
    try:
        reply = _whole(data)
    except NO_JSON as error:
        raise AttemptError("garbled", f"no reply: {error}") from error
    raise_error(reply.error)
    choices = reply.choices or []
    reasons = [each.finish_reason for each in choices] + [reply.stop_reason]
    return WholeReply(
        next((each for each in reasons if isinstance(each, str) and each), "unknown"),
        any(is_useful(each.message) for each in choices) or bool(reply.content),
        counts(reply.usage) if isinstance(reply.usage, dict) else (None, None),
    )


def check_end(reason: str, *, useful: bool) -> None:
    """Is a reply that ended so any use?

    A reply that is empty because its limit is used up is what was asked for.

    Raises:
        AttemptError: it is not.
    """
    if not reason:
        raise AttemptError("upstream_error", "the stream ended before the reply did")
    if reason == "error":
        raise AttemptError("upstream_error", "the provider stopped with an error")
    if not useful and reason in ("content_filter", "refusal"):
        raise AttemptError("content_filtered", "the provider's content filter stopped it")
    if not useful and reason not in ("length", "max_tokens", "stop_sequence"):
        msg = f"the reply ended without a word (finish_reason {reason!r})"
        raise AttemptError("no_first_token", msg)


def _number(usage: dict[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
