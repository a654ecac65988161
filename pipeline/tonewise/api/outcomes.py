"""What a client is told when no model answered: the status that fits, and every try in words."""

from collections.abc import Sequence

from tonewise.api.problems import ApiError
from tonewise.errors import Outcome
from tonewise.llm.target import IN_WORDS
from tonewise.records import Tried

_STATUS: dict[Outcome, tuple[int, str]] = {
    "rate_limited": (429, "rate_limit_error"),
    "bad_request": (400, "invalid_request_error"),
    "too_long": (400, "invalid_request_error"),
    "content_filtered": (400, "invalid_request_error"),
    "timed_out": (504, "timeout_error"),
    "no_first_token": (504, "timeout_error"),
    "skipped": (503, "overloaded_error"),
}
_CODES: dict[Outcome, str] = {
    "too_long": "context_length_exceeded",
    "content_filtered": "content_filter",
    "rate_limited": "rate_limit_exceeded",
}


def status_of(outcome: Outcome) -> int:
    """The HTTP status of a try that failed. A key of ours that a provider refuses is our fault."""
    return _STATUS.get(outcome, (502, ""))[0]


def problem_of(tried: Sequence[Tried], wait_s: float | None) -> ApiError:
    """The error for a request that nobody answered.

    Args:
        tried: every try; the last one that was made decides what kind of error it is.
        wait_s: seconds after which a model that is busy or rests may be asked again.
    """
    asked = [each for each in tried if each.outcome != "skipped"]
    outcome: Outcome = asked[-1].outcome if asked else "skipped"
    status, kind = _STATUS.get(outcome, (502, "upstream_error"))
    tries = "; ".join(_in_words(each) for each in tried)
    return ApiError(
        status,
        f"no model answered: {tries}" if tries else "no model may answer this request",
        kind=kind,
        code=_CODES.get(outcome, outcome if asked else "no_model"),
        retry_after_s=wait_s if status in (429, 503) else None,
    )


def _in_words(tried: Tried) -> str:
    detail = f" ({tried.detail})" if tried.detail else ""
    return f"{tried.model} {IN_WORDS[tried.outcome]}{detail}"
