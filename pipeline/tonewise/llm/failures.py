"""What a provider's "no" means, as pure functions: how the attempt ended, and when to ask again."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from tonewise.errors import Outcome
from tonewise.providers import provider_message

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


def refusal(
    status: int, headers: Mapping[str, str], body: bytes
) -> tuple[Outcome, str, float | None]:
    """What an answer says that is no reply.

    Args:
        status: HTTP status; under 300 where the answer should have been a stream, and is none.
        headers: of the answer, names in lower case.
        body: its beginning.

    Returns:
        How the attempt ended, in words that are not safe to show yet, and the seconds that the
        provider asks us to wait.
    """
    said = provider_message(body)
    if status < 300:
        kind = headers.get("content-type", "").partition(";")[0]
        if said and b'"error"' in body:
            return "upstream_error", f"HTTP {status}, but: {said}", None
        return "garbled", f"HTTP {status} with {kind}, not an event stream", None
    wait_s = retry_after_s(headers) if status in {429, 503, 529} else None
    asks = "" if wait_s is None else f" (asks to wait {wait_s:g} s)"
    told = f"HTTP {status}{asks}" + (f": {said}" if said else "")
    return outcome_of(status, body.decode("utf-8", "replace")), told, wait_s


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


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None
