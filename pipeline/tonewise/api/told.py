"""What an answer tells of how it came about: headers, and a key of our own in its body."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tonewise.api.deciding import Decision
from tonewise.records import Tried

_encode = msgspec.json.Encoder().encode

_REASON_LENGTH = 200

Pair = tuple[bytes, bytes]


def headers(decision: Decision, model: str, attempts: int) -> list[Pair]:
    """Of the answer, as far as it is known when it begins.

    Args:
        decision: who was to answer.
        model: who does; empty: nobody.
        attempts: made up to then.
    """
    reasons = decision.plan.reasons
    told = {
        "tonewise-decision": decision.name,
        "tonewise-route": decision.plan.route,
        "tonewise-model": model,
        "tonewise-attempts": str(attempts),
        "tonewise-reason": reasons[0].text if reasons else "",
    }
    return [(name.encode(), _ascii(value)) for name, value in told.items() if value]


def explanation(
    decision: Decision,
    model: str,
    tried: Sequence[Tried],
    total_ms: float,
    *,
    explain: bool,
    metadata: bool,
) -> dict[str, Any]:
    """Keys for the answer's body.

    Args:
        decision: who was to answer.
        model: who did; empty: nobody.
        tried: every attempt, the last one perhaps still under way.
        total_ms: since the request came.
        explain: tell it under `tonewise`.
        metadata: tell it under `metadata` as well, as Inworld's router does.
    """
    told: dict[str, Any] = {}
    reasons = [reason.text for reason in decision.plan.reasons]
    if explain:
        told["tonewise"] = {
            "decision": decision.name,
            "route": decision.plan.route,
            "router": decision.router or None,
            "model": model or None,
            "attempts": [_attempt(each) for each in tried],
            "reasons": reasons,
        }
    if metadata:
        asked = [each for each in tried if each.outcome != "skipped"]
        told["metadata"] = {
            "attempts": [
                {
                    "model": each.model,
                    "success": each.outcome == "answered",
                    "time_to_first_token_ms": each.first_token_ms,
                }
                for each in asked
            ],
            "generation_id": decision.name,
            "reasoning": "; ".join(reasons),
            "total_duration_ms": round(total_ms),
        }
    return told


def members(told: dict[str, Any]) -> bytes:
    """The same as members of a JSON object, without its braces."""
    return _encode(told)[1:-1] if told else b""


def _attempt(tried: Tried) -> dict[str, Any]:
    return {
        "model": tried.model,
        "outcome": tried.outcome,
        "success": tried.outcome == "answered",
        "first_token_ms": tried.first_token_ms,
        "detail": tried.detail,
    }


def _ascii(text: str) -> bytes:
    """As a header can carry it: a quotation mark or a dash of ours is no letter of ASCII."""
    if not (text.isascii() and text.isprintable()):
        swapped = text.translate(_PLAIN)
        text = "".join(c if c.isascii() and c.isprintable() else "?" for c in swapped)
    return text[:_REASON_LENGTH].encode()


_PLAIN = str.maketrans(
    {"“": '"', "”": '"', "’": "'", "…": "...", "≥": ">=", "≤": "<=", "–": "-", "−": "-", "×": "x"}
)
