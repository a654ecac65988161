"""A reply that has been asked for: its pieces wait until somebody takes them.

So a model can be asked before a turn has ended. What it says is kept until the turn is over; if the
caller goes on, it is thrown away, and only what it cost is told.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from tonewise.default_models import Attempts
from tonewise.llm.dispatch import Attempt, Target, answer
from tonewise.stages import LlmRequest

_LETTING_GO_S = 1.0
"""Seconds that an engine may take to close its request."""


class Start:
    """A request under way.

    Args:
        targets: the models to try, the first first.
        request: what they are asked.
        clock: seconds on the wall clock.
        settings: how models stand in for each other.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        request: LlmRequest,
        clock: Callable[[], float],
        settings: Attempts,
    ) -> None:
        self.request = request
        self._cut: list[Attempt] = []
        self._answer = answer(targets, request, clock, self._cut.append, settings)
        self._pieces: asyncio.Queue[str | Attempt | Exception | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    def begin(self, tasks: asyncio.TaskGroup) -> None:
        """Ask, beside whatever else the call does."""
        self._task = tasks.create_task(self._ask())

    async def pieces(self) -> AsyncGenerator[str | Attempt, None]:
        """What has come and what comes, in order; raises what an engine raised."""
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def cancel(self) -> None:
        """Ask no further; what has not been taken is thrown away."""
        if self._task and not self._task.cancelling():  # a second time would cut short letting go
            self._task.cancel()

    async def close(self) -> None:
        """Cancel, and wait until everything is let go."""
        self.cancel()
        if self._task:
            await asyncio.wait([self._task], timeout=_LETTING_GO_S)
            self._task.cancel()  # an engine that will not let go keeps no call from its end

    def cut_off(self) -> list[Attempt]:
        """The tries that were cut off, or over before anybody took their words; each once."""
        while not self._pieces.empty():
            left = self._pieces.get_nowait()
            if isinstance(left, Attempt):
                self._cut.insert(0, left)
        cut, self._cut = self._cut, []
        return cut

    async def _ask(self) -> None:
        try:
            async with aclosing(self._answer) as pieces:
                async for piece in pieces:
                    self._pieces.put_nowait(piece)
        except Exception as error:  # noqa: BLE001 - an engine may break in any way: it costs a turn
            self._pieces.put_nowait(error)
        finally:
            self._pieces.put_nowait(None)
