"""What is wrong with a request, in the words and shapes that each vendor's client understands."""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from tonewise.errors import TonewiseError

_ANTHROPIC_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ApiError(TonewiseError):
    """A request that gets an error for an answer.

    Args:
        status: HTTP status.
        message: what was wrong and what would be right; safe to show.
        kind: OpenAI's `type` of it.
        code: OpenAI's `code`, where a program may want to tell it from others.
        param: the field that is wrong.
        retry_after_s: seconds after which it may go well.
        also: headers that go with it, as those that tell a rate limit.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        retry_after_s: float | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message = status, message
        self.kind, self.code, self.param = kind, code, param
        self.retry_after_s = retry_after_s
        self._also = dict(also or {})

    @property
    def headers(self) -> dict[str, str]:
        """That go with it."""
        wait = self.retry_after_s
        return self._also | ({} if wait is None else {"retry-after": str(max(1, math.ceil(wait)))})

    def as_openai(self) -> bytes:
        """The body for OpenAI's clients, and all others."""
        told: dict[str, Any] = {
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        }
        return msgspec.json.encode({"error": told})

    def as_anthropic(self) -> bytes:
        """The body for Anthropic's clients."""
        kind = _ANTHROPIC_KINDS.get(self.status, "api_error")
        told: dict[str, Any] = {"type": kind, "message": self.message}
        if self.code:
            told["details"] = {"error_code": self.code}  # where its SDK looks for it
        return msgspec.json.encode({"type": "error", "error": told})
