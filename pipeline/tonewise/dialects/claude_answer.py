"""An answer from Anthropic's Messages API, whole or in events, as chat completions tell it.

Thoughts become `reasoning_content`, as vLLM and DeepSeek call it. Citations and what a provider's
own tools did are left out. Events that are still to be invented are passed over.
"""

import msgspec

from tonewise.dialects.endings import chat_finish, chat_usage
from tonewise.dialects.fields import Json


def chat_completion(message: Json, created: int) -> Json:
    """The chat completion that says what a Message says.

    Args:
        message: as Anthropic answered; what is strange in it is passed over.
        created: seconds since 1970.
    """
    said: Json = {"role": "assistant", "content": None, "refusal": None}
    texts, thoughts, calls = [], [], []
    for block in _objects(message.get("content")):
        match block.get("type"):
            case "text":
                texts.append(_text(block, "text"))
            case "thinking":
                thoughts.append(_text(block, "thinking"))
            case "tool_use":
                calls.append(_call(block, _written(block.get("input"))))
    if texts or not calls:
        said["content"] = "".join(texts)
    if any(thoughts):
        said["reasoning_content"] = "".join(thoughts)
    if calls:
        said["tool_calls"] = calls
    stop = _text(message, "stop_reason")
    choice: Json = {"index": 0, "message": said, "logprobs": None, "finish_reason": "stop"}
    choice["finish_reason"] = chat_finish(stop)
    matched = message.get("stop_sequence")
    return {
        "id": _text(message, "id"),
        "object": "chat.completion",
        "created": created,
        "model": _text(message, "model"),
        "choices": [choice | ({"stop_reason": matched} if matched else {})],
        "usage": chat_usage(_object(message.get("usage"))),
    }


class ChatChunks:
    """One streamed answer, event by event.

    Args:
        created: seconds since 1970.
        include_usage: the last chunk tells the tokens.

    Attributes:
        finished: the model told why it ended: the answer is whole.
    """

    def __init__(self, created: int, *, include_usage: bool = True) -> None:
        self.finished = False
        self._head: Json = {"id": "", "object": "chat.completion.chunk", "created": created}
        self._head["model"] = ""
        self._usage: Json = {}
        self._calls: dict[int, _Open] = {}
        self._done = not include_usage

    def feed(self, event: Json) -> list[Json]:
        """The chunks that tell what an event tells.

        Args:
            event: its data, decoded; `type` names it.
        """
        match event.get("type"):
            case "message_start":
                chunks = self._start(_object(event.get("message")))
            case "content_block_start":
                chunks = self._open(event, _object(event.get("content_block")))
            case "content_block_delta":
                chunks = self._more(event, _object(event.get("delta")))
            case "content_block_stop":
                chunks = self._close(event)
            case "message_delta":
                chunks = self._finish(event, _object(event.get("delta")))
            case _:
                chunks = []
        return chunks

    def end(self) -> list[Json]:
        """The chunk that tells the tokens, once; there is nothing else to close."""
        if self._done:
            return []
        self._done = True
        return [{**self._head, "choices": [], "usage": chat_usage(self._usage)}]

    def _start(self, message: Json) -> list[Json]:
        self._head |= {"id": _text(message, "id"), "model": _text(message, "model")}
        self._usage |= _object(message.get("usage"))
        return [self._chunk({"role": "assistant", "content": ""})]

    def _open(self, event: Json, block: Json) -> list[Json]:
        match block.get("type"):
            case "text" if text := _text(block, "text"):
                return [self._chunk({"content": text})]
            case "thinking" if thought := _text(block, "thinking"):
                return [self._chunk({"reasoning_content": thought})]
            case "tool_use":
                call = _Open(len(self._calls), _object(block.get("input")))
                self._calls[_index(event)] = call
                return [self._chunk({"tool_calls": [{"index": call.number, **_call(block, "")}]})]
        return []

    def _more(self, event: Json, delta: Json) -> list[Json]:
        match delta.get("type"):
            case "text_delta" if text := _text(delta, "text"):
                return [self._chunk({"content": text})]
            case "thinking_delta" if thought := _text(delta, "thinking"):
                return [self._chunk({"reasoning_content": thought})]
            case "input_json_delta" if part := _text(delta, "partial_json"):
                if call := self._calls.get(_index(event)):
                    call.written = True
                    return [self._chunk({"tool_calls": [call.delta(part)]})]
        return []

    def _close(self, event: Json) -> list[Json]:
        call = self._calls.get(_index(event))
        if call is None or call.written:
            return []
        # A call without arguments comes without a delta; in chat completions it says "{}".
        call.written = True
        return [self._chunk({"tool_calls": [call.delta(_written(call.input))]})]

    def _finish(self, event: Json, delta: Json) -> list[Json]:
        told = _object(event.get("usage"))
        self._usage |= {name: value for name, value in told.items() if value is not None}
        reason = _text(delta, "stop_reason")
        if not reason or self.finished:
            return []
        self.finished = True
        chunk = self._chunk({}, chat_finish(reason))
        if matched := _text(delta, "stop_sequence"):
            chunk["choices"][0]["stop_reason"] = matched
        return [chunk]

    def _chunk(self, delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "choices": [choice], "usage": None}


class _Open:
    """A tool call that is being written."""

    def __init__(self, number: int, given: Json) -> None:
        self.number, self.input, self.written = number, given, False

    def delta(self, part: str) -> Json:
        return {"index": self.number, "function": {"arguments": part}}


def _call(block: Json, arguments: str) -> Json:
    function = {"name": _text(block, "name"), "arguments": arguments}
    return {"id": _text(block, "id"), "type": "function", "function": function}


def _written(given: object) -> str:
    return msgspec.json.encode(_object(given)).decode()


def _text(holder: Json, name: str) -> str:
    value = holder.get(name)
    return value if isinstance(value, str) else ""


def _index(event: Json) -> int:
    value = event.get("index")
    return value if isinstance(value, int) else -1


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
