"""Why an answer ended, and the tokens it took, in the three formats.

    chat completions     Messages                         Responses
    stop                 end_turn, pause_turn             completed
    stop + stop_reason   stop_sequence                    completed
    length               max_tokens,                      incomplete, max_output_tokens
                           model_context_window_exceeded
    tool_calls           tool_use                         completed
    content_filter       refusal                          incomplete, content_filter

Messages counts what its prompt cache held apart from `input_tokens`; the two others count it in.
"""

from typing import Any

from tonewise.dialects.fields import Json

_FINISHES = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_STOPS = {"length": "max_tokens", "content_filter": "refusal"}


def chat_finish(stop_reason: str) -> str:
    """`finish_reason`, from Anthropic's `stop_reason`."""
    return _FINISHES.get(stop_reason, "stop")


def claude_stop(finish: str, *, called: bool, declined: bool, matched: bool) -> str:
    """`stop_reason`, from a `finish_reason` and from what the answer holds.

    Args:
        finish: why the answer ended; empty where the model did not say.
        called: there is a tool call in it: some servers then say `stop` all the same.
        declined: there is a refusal in it.
        matched: it ended at one of the stop sequences.
    """
    if declined or finish in _STOPS:
        return "refusal" if declined else _STOPS[finish]
    if called:
        return "tool_use"
    return "stop_sequence" if matched else "end_turn"


def chat_usage(usage: Json) -> Json:
    """`usage` of a chat completion, from that of Messages."""
    kept, read = _count(usage, "cache_creation_input_tokens"), _cached(usage)
    given = _count(usage, "input_tokens") + kept + read
    made = _count(usage, "output_tokens")
    thought = _count(_inner(usage, "output_tokens_details"), "thinking_tokens")
    told: Json = {
        "prompt_tokens": given,
        "completion_tokens": made,
        "total_tokens": given + made,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": kept},
    }
    return told | ({"completion_tokens_details": {"reasoning_tokens": thought}} if thought else {})


def claude_usage(usage: Json) -> Json:
    """`usage` of Messages, from that of a chat completion."""
    details = _inner(usage, "prompt_tokens_details")
    read, kept = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
    thought = _count(_inner(usage, "completion_tokens_details"), "reasoning_tokens")
    told: Json = {
        "input_tokens": max(0, _count(usage, "prompt_tokens") - read - kept),
        "cache_creation_input_tokens": kept,
        "cache_read_input_tokens": read,
        "output_tokens": _count(usage, "completion_tokens"),
    }
    return told | ({"output_tokens_details": {"thinking_tokens": thought}} if thought else {})


def responses_usage(usage: Json) -> Json:
    """`usage` of Responses, from that of a chat completion."""
    details = _inner(usage, "prompt_tokens_details")
    given, made = _count(usage, "prompt_tokens"), _count(usage, "completion_tokens")
    return {
        "input_tokens": given,
        "input_tokens_details": {
            "cached_tokens": _count(details, "cached_tokens"),
            "cache_write_tokens": _count(details, "cache_write_tokens"),
        },
        "output_tokens": made,
        "output_tokens_details": {
            "reasoning_tokens": _count(
                _inner(usage, "completion_tokens_details"), "reasoning_tokens"
            )
        },
        "total_tokens": given + made,
    }


def _cached(usage: Json) -> int:
    return _count(usage, "cache_read_input_tokens")


def _count(counts: Json, name: str) -> int:
    value: Any = counts.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _inner(usage: Json, name: str) -> Json:
    value = usage.get(name)
    return value if isinstance(value, dict) else {}
