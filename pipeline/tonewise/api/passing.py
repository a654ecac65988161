"""One try at one model for a client's request, whose reply passes through to the client."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from tonewise.api.problems import ApiError
from tonewise.api.rendering import Rendering, rendering
from tonewise.api.spoken import Spoken
from tonewise.api.step import Step
from tonewise.api.wish import Wish
from tonewise.errors import AttemptError, Outcome
from tonewise.llm.passage import Passages
from tonewise.llm.reply_parts import check_end, whole_reply
from tonewise.llm.reply_words import ReplyWords
from tonewise.llm.skimming import Skim
from tonewise.llm.target import tell_breaker
from tonewise.llm.upstream import Upstream
from tonewise.records import Tried
from tonewise.stages import LlmRequest

log = logging.getLogger(__name__)

CLOSING_S = 0.5
"""The reply is whole; its count of tokens is worth no longer wait."""
_DRAIN_S = 0.05  # only a connection that was read to its end can serve the next request

_FILTERED = ("content_filter", "refusal")


class Ways(Protocol):
    """What a try needs of the server that makes it."""

    passages: Passages
    time: Callable[[], float]
    """The event loop's."""
    keeps_words: bool
    """What models say is remembered."""


class _Answer(Protocol):
    request_id: str

    async def read(self) -> bytes: ...
    async def whole(self) -> bytes: ...
    def ended(self) -> bool: ...
    async def aclose(self) -> None: ...


class Passing:
    """A try at a model, the `number`-th for its request.

    Args:
        wish: what is asked.
        step: whom, and for how long.
        upstream: where its model is, if it is behind HTTP.
        number: from 1.
        ways: to providers.

    Attributes:
        spoke: something useful has come.
        outcome: how it ended, or will have.
        retry_after_s: seconds that the provider asks us to wait.
    """

    def __init__(
        self,
        wish: Wish,
        step: Step,
        upstream: Upstream | None,
        number: int,
        ways: Ways,
    ) -> None:
        self.target, self.number = step.target, number
        self.spoke = self._over = False
        self.outcome: Outcome = "answered"
        self.retry_after_s: float | None = None
        self._upstream = upstream
        self._dialect = self._upstream.dialect if self._upstream else "chat"
        self._wish, self._step, self._passages = wish, step, ways.passages
        self._time = ways.time
        self._began = self._time()
        self._first_at: float | None = None
        self._ended_at: float | None = None
        self._detail: str | None = None
        self._tokens: tuple[int | None, int | None] = (None, None)
        self._answer: _Answer | None = None
        self._rendering: Rendering = rendering(wish, self._dialect)
        self._skim = Skim(self._dialect, counted=self._rendering.translates or wish.counted)
        self._last = b""
        self._words = ReplyWords(self._dialect) if ways.keeps_words else None

    @property
    def said(self) -> str | None:
        """What the model said, as far as it came; None where nobody reads along."""
        return (self._words.text or None) if self._words else None

    @property
    def request_id(self) -> str:
        """What the provider calls the request."""
        return self._answer.request_id if self._answer else ""

    async def begin(self) -> bytes:
        """Ask; the reply up to its first useful piece, or all of it where it comes as a whole.

        Raises:
            AttemptError: it failed.
        """
        step, total_s = self._step, self._wish.total_s
        patience_s = min(step.window_s if self._wish.stream else step.whole_s, total_s)
        with self._failing():
            try:
                async with asyncio.timeout(patience_s):
                    self._answer = await self._ask()
                    return await (self._first() if self._wish.stream else self._all())
            except TimeoutError:
                if self._answer:
                    msg = f"no word within {patience_s:.3g} s"
                    raise AttemptError("no_first_token", msg) from None
                msg = f"nothing came within {patience_s:.3g} s"
                raise AttemptError("timed_out", msg) from None

    async def more(self) -> bytes:
        """What comes next; `ended` tells whether anything will.

        Raises:
            AttemptError: it broke off.
        """
        stall_s = self._step.stall_s
        left_s = self._began + self._wish.total_s - self._time()
        closing = bool(self._skim.reason) and self._wish.replies == 1
        patience_s = min(CLOSING_S if closing else stall_s, left_s)
        with self._failing():
            try:
                async with asyncio.timeout(patience_s):
                    return await self._next()
            except TimeoutError:
                if closing:
                    self._end()
                    return b""
                waited = "no more came for" if stall_s <= left_s else "not done after"
                raise AttemptError("cut_short", f"{waited} {patience_s:.3g} s") from None

    def ended(self) -> bool:
        """Is the reply whole?"""
        return self._over

    def ending(self, extra: dict[str, Any]) -> bytes:
        """The end of the reply, with keys of ours."""
        with self._failing():
            if not self._wish.stream:
                return self._rendering.whole(self._last, extra)
            return self._rendering.end(self._skim, extra)

    def broken(self, status: int, message: str) -> bytes:
        """The end of a reply that broke off."""
        return self._rendering.failed(status, message)

    def cancel(self) -> None:
        """The client has gone."""
        if not self._ended_at:
            self.outcome = "cancelled"

    def tried(self, at: float, decision: str, client: str, task: str | None) -> Tried:
        """The record of the try, as far as it is known."""
        read, written = self._tokens
        ended = self._ended_at or self._time()
        return Tried(
            at=at,
            decision=decision,
            attempt=self.number,
            model=self.target.name,
            outcome=self.outcome,
            detail=self._detail,
            task=task,
            client=client,
            input_tokens=read,
            output_tokens=written,
            first_token_ms=None if self._first_at is None else self._ms(self._first_at),
            total_ms=self._ms(ended),
            cost_usd=self.target.cost(read, written),
        )

    def give_up(self) -> None:
        """Tell the breaker how it went; nothing here waits."""
        tell_breaker(
            self.target.breaker,
            self._time(),
            self.outcome,
            why=self._detail,
            wait_s=self.retry_after_s,
            spoke=self.spoke,
        )

    async def close(self) -> None:
        """Let go of the answer; where it is not over, that cancels the request upstream."""
        if self._answer is None:
            return
        try:
            if self._over and self.outcome == "answered" and not self._answer.ended():
                async with asyncio.timeout(_DRAIN_S):
                    while await self._answer.read():
                        pass
        except (TimeoutError, AttemptError):
            pass  # it was whole: what breaks after it concerns nobody
        finally:
            await self._answer.aclose()

    # ------------------------------------------------------------ asking

    async def _ask(self) -> _Answer:
        wish, upstream = self._wish, self._upstream
        if upstream is None:
            request = LlmRequest(wish.turn, wish.route, wish.prompt(), wish.max_tokens())
            stream = self.target.engine.stream(request)
            return Spoken(stream, wish.name, self.target.name)
        fields = wish.fields_for(self._dialect, upstream.limit_name)
        body = upstream.body(fields, stream=wish.stream)
        return await self._passages.open(
            upstream, body, stream=wish.stream, headers=wish.headers_for(self._dialect)
        )

    async def _first(self) -> bytes:
        pieces = [await self._next()]
        while not (self.spoke or self._over):
            pieces.append(await self._next())
        return b"".join(pieces)

    async def _next(self) -> bytes:
        assert self._answer is not None  # noqa: S101 - begin() has asked
        skim = self._skim
        data = await self._answer.read()
        passing = skim.feed(data) if data else skim.rest()
        if self._words:
            self._words.feed(passing)
        if skim.useful and not self.spoke:
            self.spoke, self._first_at = True, self._time()
        if skim.done or not data:
            self._end()
        return self._rendering.feed(passing) if passing else b""

    def _end(self) -> None:
        skim = self._skim
        self._tokens = skim.input_tokens, skim.output_tokens
        if self._words:
            self._words.feed(skim.held)
        skim.check_end()
        self._over, self._ended_at = True, self._time()
        if skim.reason in _FILTERED:
            self.outcome, self._detail = "content_filtered", "the provider's filter stopped it"

    async def _all(self) -> bytes:
        assert self._answer is not None  # noqa: S101 - begin() has asked
        self._last = await self._answer.whole()
        if self._words:
            self._words.whole(self._last)
        reply = whole_reply(self._last)
        self._tokens, self.spoke = reply.tokens, reply.useful
        check_end(reply.reason, useful=reply.useful)
        self._over, self._ended_at = True, self._time()
        return b""

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Whatever goes wrong is an AttemptError that is safe to show, and is remembered."""
        try:
            yield
        except AttemptError as error:
            self._fail(error.outcome, str(error), error.retry_after_s)
            raise AttemptError(self.outcome, self._detail or "", error.retry_after_s) from error
        except ApiError as error:  # a field that nobody had to look at before
            self._fail("bad_request", error.message, None)
            raise AttemptError(self.outcome, self._detail or "") from error
        except Exception as error:
            log.warning("llm %r raised", self.target.name, exc_info=error)
            self._fail("garbled", f"the engine raised {type(error).__name__}", None)
            raise AttemptError(self.outcome, self._detail or "") from error

    def _fail(self, outcome: Outcome, detail: str, wait_s: float | None) -> None:
        if self._skim.input_tokens is not None:
            self._tokens = self._skim.input_tokens, self._skim.output_tokens
        self.outcome = "cut_short" if self.spoke and self._wish.stream else outcome
        self._detail = self._upstream.presentable(detail) if self._upstream else detail
        self.retry_after_s, self._ended_at = wait_s, self._time()

    def _ms(self, at: float) -> float:
        return round((at - self._began) * 1000, 2)
