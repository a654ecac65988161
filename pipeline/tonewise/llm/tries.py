"""One try at one model: asked, listened to within bounds, and closed.

What bounds a model is the time to *useful* text: keep-alives, role announcements and empty deltas
neither count nor start the time anew.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable

from tonewise.errors import AttemptError, Outcome
from tonewise.llm.target import Attempt, Target, tell_breaker
from tonewise.stages import Delta, LlmRequest

log = logging.getLogger(__name__)


class Try:
    """A try at `target`, the `number`-th for its turn.

    Args:
        number: from 1.
        target: whom to ask.
        request: what.
        clock: seconds, for the record.
        window_s: most seconds to the first useful text.
        continued: the request is to go on from what another model said.

    Attributes:
        first: its first words, once it has spoken; empty when it ended without.
        outcome: how it ended, or will have.
        retry_after_s: seconds that the provider asks us to wait.
        used_up: it spoke for all the time that a reply may take.
        heard: words of it were given.
        slow: it let the time pass after which another model is asked beside it.
    """

    def __init__(
        self,
        number: int,
        target: Target,
        request: LlmRequest,
        clock: Callable[[], float],
        window_s: float,
        *,
        continued: bool = False,
    ) -> None:
        self.target = target
        self.first = ""
        self.outcome: Outcome = "answered"
        self.retry_after_s: float | None = None
        self.used_up = self.heard = self.slow = False
        self._time = asyncio.get_running_loop().time
        self.began = self._time()
        self.task: asyncio.Task[None] | None = None
        self._number, self._request, self._clock = number, request, clock
        self._window_s, self._left_s = min(window_s, target.total_s), target.total_s
        self._continued = continued
        self._clock_began = clock()
        self._stream: AsyncGenerator[Delta, None] | None = None
        self._first_at: float | None = None
        self._begun_to_answer = False
        self._given_up = False
        self._blank = ""  # white space, held back until words follow it
        self._tokens: tuple[int | None, int | None] = (None, None)
        self._detail: str | None = None

    @property
    def spoke(self) -> bool:
        """Has it said anything useful?"""
        return self._first_at is not None

    async def begin(self) -> None:
        """Ask, and wait for the first words; see `first`."""
        self.first = await self.words()

    def begin_beside(self) -> asyncio.Task[None]:
        """The same, in a task of its own."""
        if self.task is None:
            self.task = asyncio.create_task(self.begin())
        return self.task

    async def words(self) -> str:
        """The next piece with words in it; empty when the try is over: see `outcome`."""
        target = self.target
        patience_s = min(target.stall_s, self._left_s) if self.spoke else self._window_s
        asked = self._time()
        try:
            async with asyncio.timeout(patience_s):
                piece = await self._useful()
        except TimeoutError:
            self._too_late(patience_s)
        except AttemptError as error:
            self.retry_after_s = error.retry_after_s
            self._fail(error.outcome, str(error))
        except Exception as error:  # an engine's own bug costs a try, not the call
            log.warning("llm %r raised", target.name, exc_info=error)
            self._fail("garbled", f"the engine raised {type(error).__name__}")
        else:
            if not piece and not self.spoke:
                self._fail("no_first_token", "the reply ended without a word")
            return piece
        finally:
            self._left_s -= self._time() - asked
        return ""

    def record(self) -> Attempt:
        """What is known of the try now."""
        return Attempt(
            self._number,
            self.target.name,
            self.outcome,
            self._detail,
            *self._tokens,
            None if self._first_at is None else self._ms(self._first_at),
            self._ms(self._clock()),
            self.target.cost(*self._tokens),
            self._continued,
            self.heard,
        )

    def give_up(self) -> None:
        """Tell the breaker how it went, and cancel the task: nothing here waits."""
        if self._given_up:
            return
        self._given_up = True
        self._tell_breaker()
        if self.task:
            self.task.cancel()

    async def close(self) -> None:
        """Give up, where that is still to do, and cancel the request upstream."""
        self.give_up()
        if self.task and not self.task.done():
            await asyncio.wait({self.task})  # as it is cancelled it closes the stream itself
        if self._stream:
            await self._hang_up(self._stream)

    async def _hang_up(self, stream: AsyncGenerator[Delta, None]) -> None:
        try:
            await stream.aclose()
        except Exception as error:  # what it said is said: the call goes on
            log.warning("llm %r raised as it was closed", self.target.name, exc_info=error)

    def _tell_breaker(self) -> None:
        tell_breaker(
            self.target.breaker,
            self._time(),
            self.outcome,
            why=self._detail,
            wait_s=self.retry_after_s,
            spoke=self.spoke,
            slow=self.slow,
        )

    async def _useful(self) -> str:
        if self._stream is None:
            self._stream = self.target.engine.stream(self._request)
        async for delta in self._stream:
            self._begun_to_answer = True
            if delta.input_tokens is not None or delta.output_tokens is not None:
                self._count(delta)
            text = self._blank + delta.text
            if text and not text.isspace():
                self._blank = ""
                if self._first_at is None:
                    self._first_at = self._clock()
                return text
            self._blank = text
        return ""

    def _count(self, delta: Delta) -> None:
        read, written = self._tokens
        self._tokens = (
            read if delta.input_tokens is None else delta.input_tokens,
            written if delta.output_tokens is None else delta.output_tokens,
        )

    def _too_late(self, patience_s: float) -> None:
        if self.spoke:
            self.used_up = self.target.stall_s > patience_s
            waited = "not done after" if self.used_up else "no more words for"
            seconds = self.target.total_s if self.used_up else patience_s
            self._fail("cut_short", f"{waited} {seconds:g} s")
        elif self._begun_to_answer:
            self._fail("no_first_token", f"no word within {patience_s:.3g} s")
        else:
            self._fail("timed_out", f"nothing came within {patience_s:.3g} s")

    def _fail(self, outcome: Outcome, detail: str) -> None:
        self.outcome = "cut_short" if self.spoke else outcome
        self._detail = detail

    def _ms(self, at: float) -> float:
        return round((at - self._clock_began) * 1000, 2)
