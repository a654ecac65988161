"""A chat completion, whole or streamed, as /v1/responses answers.

Each stretch of words is a message, each refusal likewise, each call a `function_call`, and thoughts
are a `reasoning` item with their text. An answer that was cut off is `incomplete`, and so is its
last item.
"""

from typing import Any

import msgspec

from tonewise.dialects.endings import responses_usage
from tonewise.dialects.fields import Json
from tonewise.dialects.unfolding import Move, Part, Unfolding, stem, unfolded

_INCOMPLETE = {"length": "max_output_tokens", "content_filter": "content_filter"}
_PREFIX = {"thought": "rs", "text": "msg", "refusal": "msg", "call": "fc"}
_EVENTS = {
    "thought": "reasoning_text",
    "text": "output_text",
    "refusal": "refusal",
    "call": "function_call_arguments",
}
_ECHOED: Json = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "prompt_cache_key": None,
    "reasoning": None,
    "safety_identifier": None,
    "service_tier": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "user": None,
}
"""What the answer repeats of the request, and what it says where the request says nothing."""


def whole(completion: Json, body: Json) -> Json:
    """The response that says what a chat completion says.

    Args:
        completion: its keys `tonewise` and `metadata` are carried over.
        body: the request, as it came to /v1/responses.
    """
    answer = unfolded(completion)
    extra = {name: completion[name] for name in ("tonewise", "metadata") if name in completion}
    return _response(answer, body) | _closed(answer) | extra


class Writer:
    """One streamed answer in OpenAI's events, with rising `sequence_number`."""

    def __init__(self, body: Json) -> None:
        self._body = body
        self._answer = Unfolding()
        self._count = 0
        self._over = False

    def feed(self, chunk: Json) -> bytes:
        """The events that tell what a chunk tells; empty where it tells nothing new."""
        moves = self._answer.feed(chunk)
        return b"".join(self._begin() + [e for move in moves for e in self._told(move)])

    def end(self, extra: Json) -> bytes:
        """The last events; `extra` stands in the response that the last one holds."""
        if self._over:
            return b""
        events = self._begin()
        events += [e for move in self._answer.end() for e in self._told(move)]
        self._over = True
        closed = _closed(self._answer)
        response = {**_response(self._answer, self._body), **closed, **extra}
        return b"".join([*events, self._event(closed["status"], {"response": response})])

    def failed(self, status: int, message: str) -> bytes:
        """An error that ends the stream."""
        if self._over:
            return b""
        events = self._begin()
        self._over = True
        code = "rate_limit_exceeded" if status == 429 else "server_error"
        response = _response(self._answer, self._body)
        response |= {"status": "failed", "error": {"code": code, "message": message}}
        response["output"] = [_item(p, "incomplete", self._answer) for p in self._answer.parts]
        return b"".join([*events, self._event("failed", {"response": response})])

    def _begin(self) -> list[bytes]:
        if self._count:
            return []
        response = {"response": _response(self._answer, self._body)}
        return [self._event("created", response), self._event("in_progress", response)]

    def _told(self, move: Move) -> list[bytes]:
        match move.step:
            case "open":
                return self._opened(move.part)
            case "grow":
                delta: Json = {**self._place(move.part), "delta": move.text}
                if move.part.kind == "text":
                    delta["logprobs"] = []
                return [self._event(f"{_EVENTS[move.part.kind]}.delta", delta)]
            case "close":
                return self._shut(move.part)

    def _opened(self, part: Part) -> list[bytes]:
        item = {**_item(part, "in_progress", self._answer), **_emptied(part)}
        place = self._place(part)
        added = {"output_index": part.number, "item": item}
        events = [self._event("output_item.added", added)]
        if part.kind != "call":
            inner = {**place, "part": _content(part, "")}
            events.append(self._event("content_part.added", inner))
        return events

    def _shut(self, part: Part) -> list[bytes]:
        place, text, kind = self._place(part), part.text, part.kind
        done: Json
        if kind == "call":
            done = {"name": part.name, "arguments": text or "{}"}
        elif kind == "refusal":
            done = {"refusal": text}
        else:
            done = {"text": text, **({"logprobs": []} if kind == "text" else {})}
        events = []
        if kind == "call" and not text:
            nothing = {**place, "delta": done["arguments"]}
            events.append(self._event(f"{_EVENTS[kind]}.delta", nothing))
        events.append(self._event(f"{_EVENTS[kind]}.done", {**place, **done}))
        if kind != "call":
            inner = {**place, "part": _content(part, text)}
            events.append(self._event("content_part.done", inner))
        item = _item(part, _status(part, self._answer), self._answer)
        shut = {"output_index": part.number, "item": item}
        return [*events, self._event("output_item.done", shut)]

    def _place(self, part: Part) -> Json:
        place = {"item_id": _id(part, self._answer), "output_index": part.number}
        return place if part.kind == "call" else {**place, "content_index": 0}

    def _event(self, kind: str, data: dict[str, Any]) -> bytes:
        kind = f"response.{kind}"
        told = {"type": kind, "sequence_number": self._count, **data}
        self._count += 1
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), msgspec.json.encode(told))


def _response(answer: Unfolding, body: Json) -> Json:
    """A response that has only begun."""
    echoed = {
        name: body[name] if body.get(name) is not None else otherwise
        for name, otherwise in _ECHOED.items()
    }
    return {
        "id": f"resp_{stem(answer.id)}",
        "object": "response",
        "created_at": answer.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        **echoed,
        "model": answer.model,
        "output": [],
        "previous_response_id": None,
        "store": False,
        "truncation": "disabled",
        "usage": None,
    }


def _closed(answer: Unfolding) -> Json:
    """What is different in a response that is over."""
    why = _INCOMPLETE.get(answer.finish)
    return {
        "status": "incomplete" if why else "completed",
        "incomplete_details": {"reason": why} if why else None,
        "output": [_item(part, _status(part, answer), answer) for part in answer.parts],
        "usage": responses_usage(answer.usage),
    }


def _status(part: Part, answer: Unfolding) -> str:
    last = part is answer.parts[-1]
    return "incomplete" if last and answer.finish in _INCOMPLETE else "completed"


def _item(part: Part, status: str, answer: Unfolding) -> Json:
    item: Json = {"id": _id(part, answer), "status": status}
    match part.kind:
        case "call":
            arguments = part.text or "{}"
            call = {"call_id": part.id, "name": part.name, "arguments": arguments}
            return {**item, "type": "function_call", **call}
        case "thought":
            inner = [_content(part, part.text)]
            return {**item, "type": "reasoning", "summary": [], "content": inner}
        case _:
            inner = [_content(part, part.text)]
            return {**item, "type": "message", "role": "assistant", "content": inner}


def _emptied(part: Part) -> Json:
    return {"arguments": ""} if part.kind == "call" else {"content": []}


def _content(part: Part, text: str) -> Json:
    match part.kind:
        case "thought":
            return {"type": "reasoning_text", "text": text}
        case "refusal":
            return {"type": "refusal", "refusal": text}
        case _:
            return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _id(part: Part, answer: Unfolding) -> str:
    return f"{_PREFIX[part.kind]}_{stem(answer.id)}_{part.number}"
