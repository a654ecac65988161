"""What a provider's "no" means, as pure functions: its outcome, its words, and no key in them."""

import math
import re
from collections.abc import Iterable, Mapping
from email.utils import parsedate_to_datetime

import msgspec

from tonewise.errors import Outcome

MESSAGE_LENGTH = 200
"""Characters of a provider's message that are kept: enough to act on, and one line of a screen."""

_KEY_PIECE = 8
"""So many characters of a key in a row are taken for the key: providers echo it in part."""

_TELLING = ("error", "message", "msg", "detail", "type", "code")


# The codes and the words of OpenAI, Azure, Anthropic, Google, Bedrock, Mistral, Groq, xAI, vLLM,
# llama.cpp and OpenRouter. A limit of tokens per minute may come as a 413 with words about length.
_BUSY = re.compile(r"rate.?limit|too.many.requests|throttl|tokens per min|\b429\b", re.IGNORECASE)
_FILTERED = re.compile(
    r"content.?(filter|policy|management policy)|responsible.?ai|moderation|safety (system|filter)",
    re.IGNORECASE,
)
_TOO_LONG = re.compile(
    r"context.?(length|size|window|limit)|(prompt|input) is too long|reduce the length"
    r"|(input|prompt) (length|token|tokens|token count)\b.*(exceed|maximum|must be)"
    r"|too large for model|maximum (prompt|input) length",
    re.IGNORECASE,
)


def outcome_of(status: int, body: str = "") -> Outcome:
    """How an attempt ended that was answered with an HTTP status from 300 upwards.

    Args:
        status: the status.
        body: of the answer: codes and words.
    """
    if status == 429:
        return "rate_limited"
    if status >= 500:
        return "upstream_error"
    told = _told_in(body)
    if told == "too_long" and status not in {400, 413, 422}:
        told = None
    return told or ("bad_request" if status in {400, 413, 422} else "refused")


def outcome_in_stream(error: object) -> Outcome:
    """How an attempt ended that began with 200 and then brought an error object."""
    return _told_in(str(error)) or "upstream_error"


def _told_in(text: str) -> Outcome | None:
    if _BUSY.search(text):
        return "rate_limited"
    if _FILTERED.search(text):
        return "content_filtered"
    return "too_long" if _TOO_LONG.search(text) else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait: from `retry-after-ms`, or `Retry-After` in either form (RFC 9110 §10.2.3).

    A date is read against the answer's own `Date`, so that no clock of ours is asked.

    Args:
        headers: the answer's headers, names in lower case.
    """
    in_ms, in_s = _number(headers.get("retry-after-ms")), _number(headers.get("retry-after"))
    if in_ms is not None:
        return in_ms / 1000
    if in_s is not None:
        return in_s
    try:
        until = parsedate_to_datetime(headers["retry-after"])
        return max(0.0, (until - parsedate_to_datetime(headers["date"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return None


def provider_message(body: bytes) -> str:
    """The provider's own words in the body of an error; empty where it holds none.

    Knows the shapes of OpenAI and Anthropic (`{"error": {"message"}}`), Ollama (`{"error"}`),
    FastAPI (`{"detail"}`) and plain text. A page of HTML says nothing.
    """
    try:
        return message_in(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, ValueError):
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith(("<", "{", "[")) else text


def message_in(error: object) -> str:
    """The words in an error object, however deep they lie."""
    while isinstance(error, dict | list):
        if isinstance(error, list):
            error = error[0] if error else ""
        else:
            error = next((error[name] for name in _TELLING if error.get(name)), "")
    return "" if error is None else str(error)


def presentable(text: str, secrets: Iterable[str]) -> str:
    """`text` on one line, without control characters or any piece of a secret, and cut short."""
    # Redacted before it is cut: a cut must not leave a piece too short to be recognised.
    line = " ".join("".join(c if c.isprintable() else " " for c in redacted(text, secrets)).split())
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 1] + "…"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` with `[key]` in place of every secret and every longer piece of one."""
    hidden = [False] * len(text)
    for secret in secrets:
        for start in range(max(1, len(secret) - _KEY_PIECE + 1)):
            piece = secret[start : start + _KEY_PIECE]
            at = text.find(piece) if piece else -1
            while at >= 0:
                hidden[at : at + len(piece)] = [True] * len(piece)
                at = text.find(piece, at + 1)
    kept: list[str] = []
    for place, character in enumerate(text):
        if not hidden[place]:
            kept.append(character)
        elif not place or not hidden[place - 1]:
            kept.append("[key]")
    return "".join(kept)


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
