"""Walks a plan: tries its models one after the other until one has answered.

The next model is tried only while nothing has been said; after the first words a fault ends the
reply, so that the caller never hears a thing twice. What bounds a model is the time to *useful*
text: keep-alives, role announcements and empty deltas neither count nor start the time anew.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from tonewise.errors import AttemptError, Outcome
from tonewise.stages import Delta, LlmEngine, LlmRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """A model to try, and how long to bear with it.

    Attributes:
        name: as the plan names it.
        engine: what streams its replies.
        first_token_s: most seconds to the first useful text. A cold or local model wants more.
        total_s: most seconds spent waiting for this model, from first to last.
        stall_s: most seconds between one useful text and the next.
    """

    name: str
    engine: LlmEngine
    first_token_s: float = 4.0
    total_s: float = 60.0
    stall_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """The record of one try at one model, the `number`-th for its turn, from 1."""

    number: int
    model: str
    outcome: Outcome
    detail: str | None
    input_tokens: int | None
    output_tokens: int | None
    first_token_ms: float | None
    total_ms: float


async def answer(
    targets: Sequence[Target],
    request: LlmRequest,
    clock: Callable[[], float],
    on_cancelled: Callable[[Attempt], None] | None = None,
) -> AsyncGenerator[str | Attempt, None]:
    """The reply, piece by piece, and the record of every try, each after its last piece.

    Joined, the pieces are what the model said, without white space around it. Closing the
    generator, or cancelling the task that waits for it, cancels the request upstream.

    Args:
        targets: the models to try, the first first.
        request: what they are asked.
        clock: seconds, for the figures in the records. The bounds keep the event loop's time, and
            time that the consumer takes between two pieces is not held against the model.
        on_cancelled: is given the record of the try that was under way when the caller left, which
            a closed generator can no longer yield.
    """
    for number, target in enumerate(targets, start=1):
        one = _Try(number, target, request, clock)
        try:
            while piece := await one.words():
                yield piece
        except (asyncio.CancelledError, GeneratorExit):
            if on_cancelled:
                on_cancelled(one.record("cancelled"))
            raise
        finally:
            await one.close()  # before the next model is asked: none speaks into another's reply
        yield one.record(one.outcome)
        if one.spoke:
            return


class _Try:
    def __init__(
        self, number: int, target: Target, request: LlmRequest, clock: Callable[[], float]
    ) -> None:
        self._number, self._target, self._request, self._clock = number, target, request, clock
        self._stream: AsyncGenerator[Delta, None] | None = None
        self._left_s = target.total_s
        self._began = clock()
        self._first: float | None = None
        self._begun_to_answer = False
        self._blank = ""  # white space, held back until words follow it
        self._tokens: tuple[int | None, int | None] = (None, None)
        self._detail: str | None = None
        self.outcome: Outcome = "answered"

    @property
    def spoke(self) -> bool:
        return self._first is not None

    async def words(self) -> str:
        """The next piece with words in it; empty when the try is over: see `outcome`."""
        target, loop = self._target, asyncio.get_running_loop()
        patience_s = min(target.stall_s if self.spoke else target.first_token_s, self._left_s)
        asked = loop.time()
        try:
            async with asyncio.timeout(patience_s):
                piece = await self._useful()
        except TimeoutError:
            self._too_late(patience_s)
        except AttemptError as error:
            self._fail(error.outcome, str(error))
        except Exception as error:  # an engine's own bug costs a try, not the call
            log.warning("llm %r raised", target.name, exc_info=error)
            self._fail("garbled", f"the engine raised {type(error).__name__}")
        else:
            if not piece and not self.spoke:
                self._fail("no_first_token", "the reply ended without a word")
            return piece
        finally:
            self._left_s -= loop.time() - asked
        return ""

    def record(self, outcome: Outcome) -> Attempt:
        return Attempt(
            self._number,
            self._target.name,
            outcome,
            self._detail,
            *self._tokens,
            None if self._first is None else round((self._first - self._began) * 1000, 2),
            round((self._clock() - self._began) * 1000, 2),
        )

    async def close(self) -> None:
        """Cancel the request upstream, where it is still under way."""
        if self._stream is None:
            return
        try:
            await self._stream.aclose()
        except Exception as error:  # what it said is said: the call goes on
            log.warning("llm %r raised as it was closed", self._target.name, exc_info=error)

    async def _useful(self) -> str:
        if self._stream is None:
            self._stream = self._target.engine.stream(self._request)
        async for delta in self._stream:
            self._begun_to_answer = True
            given, made = self._tokens
            self._tokens = (
                given if delta.input_tokens is None else delta.input_tokens,
                made if delta.output_tokens is None else delta.output_tokens,
            )
            text = self._blank + delta.text if self.spoke else delta.text.lstrip()
            piece = text.rstrip()
            self._blank = text[len(piece) :]
            if piece:
                self._first = self._clock() if self._first is None else self._first
                return piece
        return ""

    def _too_late(self, patience_s: float) -> None:
        if self.spoke:
            ran_out = self._target.stall_s > patience_s
            waited = "not done after" if ran_out else "no more words for"
            seconds = self._target.total_s if ran_out else patience_s
            self._fail("cut_short", f"{waited} {seconds:g} s")
        elif self._begun_to_answer:
            self._fail("no_first_token", f"no word within {patience_s:g} s")
        else:
            self._fail("timed_out", f"nothing came within {patience_s:g} s")

    def _fail(self, outcome: Outcome, detail: str) -> None:
        self.outcome = "cut_short" if self.spoke else outcome
        self._detail = detail
