"""A chat completion, whole or streamed, as /v1/messages answers.

Words, thoughts and tool calls become content blocks in the order in which they came. Thoughts are
told only to who asked for thinking; they carry a signature of ours, by which `for_claude` knows
that they are not Claude's own. A refusal becomes text, with `stop_reason: refusal`.
"""

from typing import Any

import msgspec

from tonewise.dialects.arguments import asked_with
from tonewise.dialects.claude_request import FOREIGN
from tonewise.dialects.endings import claude_stop, claude_usage
from tonewise.dialects.fields import Json
from tonewise.dialects.messages_request import thinks_aloud
from tonewise.dialects.unfolding import Move, Part, Unfolding, stem, unfolded

_DELTAS = {"thought": ("thinking_delta", "thinking"), "call": ("input_json_delta", "partial_json")}


def whole(completion: Json, body: Json) -> Json:
    """The Message that says what a chat completion says.

    Args:
        completion: its keys `tonewise` and `metadata` are carried over.
        body: the request, as it came to /v1/messages.
    """
    answer = unfolded(completion)
    blocks = [
        _block(part, part.text, signature=FOREIGN)
        for part in answer.parts
        if part.kind != "thought" or thinks_aloud(body)
    ]
    extra = {name: completion[name] for name in ("tonewise", "metadata") if name in completion}
    usage = claude_usage(answer.usage)
    return {**_message(answer), "content": blocks, **_stopped(answer, body), "usage": usage} | extra


class Writer:
    """One streamed answer in Anthropic's events."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._aloud = thinks_aloud(body)
        self._answer = Unfolding()
        self._numbers: dict[int, int] = {}
        self._begun = self._over = False

    def feed(self, chunk: Json) -> bytes:
        """The events that tell what a chunk tells; empty where it tells nothing new."""
        moves = self._answer.feed(chunk)
        return b"".join(self._begin() + [e for move in moves for e in self._told(move)])

    def end(self, extra: Json) -> bytes:
        """The last events; `extra` stands in `message_delta`, where the SDK keeps it."""
        if self._over:
            return b""
        events = self._begin()
        events += [e for move in self._answer.end() for e in self._told(move)]
        self._over = True
        last = {"delta": _stopped(self._answer, self._body)}
        last["usage"] = claude_usage(self._answer.usage)
        return b"".join(
            [*events, _event("message_delta", last | extra), _event("message_stop", {})]
        )

    def failed(self, status: int, message: str) -> bytes:
        """An error that ends the stream."""
        if self._over:
            return b""
        self._over = True
        kind = {429: "rate_limit_error", 503: "overloaded_error", 529: "overloaded_error"}
        told = {"type": kind.get(status, "api_error"), "message": message}
        return _event("error", {"error": told})

    def _begin(self) -> list[bytes]:
        if self._begun:
            return []
        self._begun = True
        return [_event("message_start", {"message": _message(self._answer)})]

    def _told(self, move: Move) -> list[bytes]:
        part = move.part
        if part.kind == "thought" and not self._aloud:
            return []
        place = {"index": self._numbers.setdefault(part.number, len(self._numbers))}
        match move.step:
            case "open":
                block = _block(part, "", signature="")
                return [_event("content_block_start", {**place, "content_block": block})]
            case "grow":
                kind, name = _DELTAS.get(part.kind, ("text_delta", "text"))
                delta = {"type": kind, name: move.text}
                return [_event("content_block_delta", {**place, "delta": delta})]
            case "close":
                events = [_event("content_block_stop", place)]
                if part.kind == "thought":
                    delta = {"type": "signature_delta", "signature": FOREIGN}
                    events.insert(0, _event("content_block_delta", {**place, "delta": delta}))
                return events


def _message(answer: Unfolding) -> Json:
    return {
        "id": f"msg_{stem(answer.id)}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }


def _stopped(answer: Unfolding, body: Json) -> Json:
    kinds = {part.kind for part in answer.parts}
    asked = body.get("stop_sequences")
    matched = isinstance(asked, list) and answer.matched in asked
    reason = claude_stop(
        answer.finish, called="call" in kinds, declined="refusal" in kinds, matched=matched
    )
    at = answer.matched if reason == "stop_sequence" else None
    return {"stop_reason": reason, "stop_sequence": at}


def _block(part: Part, text: str, *, signature: str) -> Json:
    if part.kind == "thought":
        return {"type": "thinking", "thinking": text, "signature": signature}
    if part.kind == "call":
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": asked_with(text)}
    return {"type": "text", "text": text}


def _event(kind: str, data: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode({"type": kind, **data}))
