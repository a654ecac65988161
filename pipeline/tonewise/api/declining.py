"""A reply in which the model refuses without a word, as a client of Anthropic's expects it.

OpenAI's clients are told an error. Anthropic's know `stop_reason: refusal`, with status 200.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from tonewise.api.wish import Wish
from tonewise.records import Tried


def who_declined(wish: Wish, tried: Sequence[Tried]) -> Tried | None:
    """The try whose model, the last one asked, refused, where the client knows how to be told so.

    Args:
        wish: the client's.
        tried: every try.
    """
    asked = [each for each in tried if each.outcome != "skipped"]
    if wish.tongue.errors_like != "anthropic" or not asked:
        return None
    return asked[-1] if asked[-1].outcome == "content_filtered" else None


def declined(wish: Wish, tried: Tried, extra: dict[str, Any]) -> bytes:
    """The whole reply, streamed or not as it was asked for.

    Args:
        wish: the client's.
        tried: whose model refused.
        extra: keys of ours.
    """
    said = "delta" if wish.stream else "message"
    choice = {"index": 0, said: {"role": "assistant"}, "finish_reason": "content_filter"}
    told = {"id": wish.name, "created": wish.created, "model": tried.model, "choices": [choice]}
    if tried.input_tokens is not None and tried.output_tokens is not None:
        read, written = tried.input_tokens, tried.output_tokens
        told["usage"] = {"prompt_tokens": read, "completion_tokens": written}
    if not wish.stream:
        return msgspec.json.encode(wish.tongue.whole({**told, **extra}, wish.body()))
    writer = wish.tongue.writer(wish.body())
    return writer.feed(told) + writer.end(extra)
