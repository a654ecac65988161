"""Models are woken before the first caller needs them.

A connection with its TLS handshake costs a model's first caller 50 to 200 ms, and a model on this
machine that was unloaded costs seconds. So when the server starts, and when a call begins after a
quiet time, each provider is connected to, and a model on this machine is asked for one word.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import aclosing
from typing import Protocol, runtime_checkable

from tonewise.llm.endpoint import Endpoint
from tonewise.llm.target import COLD_AFTER_S, Target
from tonewise.stages import LlmEngine, LlmRequest, Message

log = logging.getLogger(__name__)

CONNECTED_S = 50.0
"""Seconds for which a connection may be counted on: ours are kept for 60."""

PATIENCE_S = 20.0
"""Seconds that a model may take to wake."""


@runtime_checkable
class Wakes(Protocol):
    """An engine that asks a server, which can be woken."""

    endpoint: Endpoint


class Warmer:
    """Wakes models, beside everything else.

    Args:
        targets: the models.
    """

    def __init__(self, targets: Iterable[Target]) -> None:
        self._targets = tuple(each for each in targets if isinstance(each.engine, Wakes))
        self._woken: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self) -> None:
        """Wake who may be asleep; returns at once."""
        now = asyncio.get_running_loop().time()
        for target in self._targets:
            latest = max(self._woken.get(target.name, -1e9), target.breaker.replied_at or -1e9)
            if now - latest < CONNECTED_S:
                continue
            self._woken[target.name] = now
            task = asyncio.create_task(self._wake(target, cold=now - latest > COLD_AFTER_S))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Let them sleep."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _wake(self, target: Target, *, cold: bool) -> None:
        engine = target.engine
        assert isinstance(engine, Wakes)  # noqa: S101 - only those are kept
        try:
            async with asyncio.timeout(PATIENCE_S):
                await engine.endpoint.connect()
                if engine.endpoint.local and cold:
                    await _say_a_word(target.engine)
        except Exception as error:  # noqa: BLE001 - the first caller will hear of it, and be helped
            log.info("model %r could not be woken: %s", target.name, error)


async def _say_a_word(engine: LlmEngine) -> None:
    """Have the model loaded."""
    request = LlmRequest(0, "", (Message("user", "Hi"),), max_tokens=1)
    async with aclosing(engine.stream(request)) as deltas:
        async for delta in deltas:
            if delta.text:
                break
