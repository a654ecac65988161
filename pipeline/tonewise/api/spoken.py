"""The reply of an engine that has no HTTP behind it, in the bytes that one with HTTP would send."""

import logging
import time
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from tonewise.stages import Delta

log = logging.getLogger(__name__)

_encode = msgspec.json.Encoder().encode


class Spoken:
    """One reply, as chunks of a chat completion. It has words only: no tools, no pictures.

    Args:
        deltas: what the engine says.
        name: the reply's identifier.
        model: who says it.
    """

    request_id = ""

    def __init__(self, deltas: AsyncGenerator[Delta, None], name: str, model: str) -> None:
        self._deltas, self._model = deltas, model
        self._head = {"id": f"chatcmpl-{name}", "created": int(time.time()), "model": model}
        self._read: int | None = None
        self._written: int | None = None
        self._begun = self._over = False

    async def read(self) -> bytes:
        """The next chunks; empty at the end.

        Raises:
            AttemptError: as the engine raises it.
        """
        if self._over:
            return b""
        async for delta in self._deltas:
            self._count(delta)
            if delta.text:
                role = {} if self._begun else {"role": "assistant"}
                self._begun = True
                return self._chunk({**role, "content": delta.text})
        self._over = True
        last = self._chunk({}, "stop")
        if usage := self._usage():
            last += self._event({"choices": [], "usage": usage})
        return last + b"data: [DONE]\n\n"

    async def whole(self) -> bytes:
        """The whole completion.

        Raises:
            AttemptError: as the engine raises it.
        """
        words: list[str] = []
        async for delta in self._deltas:
            self._count(delta)
            words.append(delta.text)
        message = {"role": "assistant", "content": "".join(words), "refusal": None}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        told = {**self._head, "object": "chat.completion", "choices": [choice]}
        usage = self._usage()
        return _encode({**told, "usage": usage} if usage else told)

    def ended(self) -> bool:
        """Was all of it said?"""
        return self._over

    async def aclose(self) -> None:
        """Stop the engine."""
        try:
            await self._deltas.aclose()
        except Exception as error:  # what it said is said
            log.warning("llm %r raised as it was closed", self._model, exc_info=error)

    def _count(self, delta: Delta) -> None:
        self._read = self._read if delta.input_tokens is None else delta.input_tokens
        self._written = self._written if delta.output_tokens is None else delta.output_tokens

    def _usage(self) -> dict[str, int]:
        if self._read is None or self._written is None:
            return {}
        total = self._read + self._written
        return {
            "prompt_tokens": self._read,
            "completion_tokens": self._written,
            "total_tokens": total,
        }

    def _chunk(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return self._event({"choices": [choice]})

    def _event(self, more: dict[str, Any]) -> bytes:
        told = {**self._head, "object": "chat.completion.chunk", **more}
        return b"data: " + _encode(told) + b"\n\n"
