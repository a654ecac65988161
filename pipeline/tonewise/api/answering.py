"""Answers a request: asks the models of its plan until one begins, and passes on what it says.

Another model is asked only before the first useful byte has reached the client. After that a fault
is told in the client's own format. Every try is recorded, and the client's going cancels the
request upstream at once.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from tonewise.api import told
from tonewise.api.deciding import Decider, Decision
from tonewise.api.declining import declined, who_declined
from tonewise.api.outcomes import problem_of, status_of
from tonewise.api.passing import Passing
from tonewise.api.receiving import Room
from tonewise.api.step import step_to
from tonewise.api.wish import Wish
from tonewise.engines import Engines
from tonewise.errors import AttemptError, Outcome
from tonewise.experience import Experience
from tonewise.llm.order import Order
from tonewise.llm.passage import Passages
from tonewise.llm.target import Target
from tonewise.llm.upstream import HasUpstream
from tonewise.records import Replied, ReplyEnding, Tried

Send = Callable[[Any], Awaitable[None]]

_STREAM = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),  # nginx would hold words back until it has 4 or 8 KB of them
)
_JSON = ((b"content-type", b"application/json"),)

_ENDINGS: dict[Outcome, ReplyEnding] = {
    "answered": "answered",
    "content_filtered": "answered",
    "cancelled": "interrupted",
}


class Answering:
    """Shared by all requests of one server; lives in its event loop.

    Args:
        engines: shared with all calls: their targets, breakers and routers.
        experience: of all calls and requests.
        pseudonym: of who is answered.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        engines: Engines,
        experience: Experience,
        pseudonym: Callable[[str], str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.engines, self.experience, self.clock = engines, experience, clock
        self.decider = Decider(engines, experience, pseudonym, clock)
        self.passages = Passages()
        self.time = asyncio.get_running_loop().time
        self.keeps_words = engines.config.store.transcripts
        self.upstreams = {
            name: target.engine.upstream
            for name, target in engines.targets.items()
            if isinstance(target.engine, HasUpstream)
        }
        self.in_hand, self.room = 0, Room(engines.config.api.max_body)

    async def aclose(self) -> None:
        """Let go of the connections to providers."""
        await self.passages.aclose()


class Reply:
    """One request's reply.

    Attributes:
        started: the client has been told something.

    Args:
        answering: of the server.
        wish: what is asked.
        decision: who is to answer; the client knows nothing of it yet.
        client: the name of the key that asked.
        ttft_s: seconds that a model may take to its first useful piece.
        more: headers for the answer.
        began: when the request came, by the event loop's clock.
    """

    def __init__(
        self,
        answering: Answering,
        wish: Wish,
        decision: Decision,
        client: str,
        ttft_s: float | None,
        more: list[told.Pair],
        began: float,
    ) -> None:
        self._answering, self._wish, self._decision = answering, wish, decision
        self._client, self._more = client, more
        self._clock, self._note = answering.clock, answering.experience.note
        self._time = answering.time
        self._began = began
        self._first_at: float | None = None
        self._tried: list[Tried] = []
        self._now: Passing | None = None
        self._number = 0
        self.started = self._is_over = False
        self._wait_s: float | None = None
        targets = [answering.engines.targets[name] for name in decision.plan.models]
        settings = answering.engines.config.attempts
        if not wish.stream:  # nobody waits for a first word where all comes at once
            settings = replace(settings, silence=wish.total_s)
        self._silence_s, self._ttft_s = settings.silence, ttft_s
        characters = sum(len(one.text) for one in wish.said)
        self._order = Order(targets, settings, characters, self._skipped, self._time)

    async def send(self, send: Send) -> None:
        """All of it. Cancelled, it cancels what is under way upstream, and records that."""
        try:
            first = await self._begin()
            if self._now is None:
                await self._refuse(send)
            elif self._wish.stream:
                await self._stream(send, self._now, first)
            else:
                await self._whole(send, self._now)
        except asyncio.CancelledError:
            if self._now:
                self._now.cancel()
            self._ended("interrupted")
            raise
        except Exception:
            self._ended("failed")
            raise

    async def close(self) -> None:
        """Let go of what is upstream."""
        if self._now:
            await self._now.close()

    # ------------------------------------------------------------ asking

    async def _begin(self) -> bytes:
        """Ask one model after the other until one begins; its first bytes, as the client reads."""
        order, answering = self._order, self._answering
        while target := await order.next():
            self._number += 1
            step = step_to(target, order, self._ttft_s, self._silence_s, self._time())
            upstream = answering.upstreams.get(target.name)
            one = self._now = Passing(self._wish, step, upstream, self._number, answering)
            try:
                first = await one.begin()
            except AttemptError as error:
                self._now = None
                self._wait_s = error.retry_after_s
                tried = self._over(one)
                self._note(tried)
                order.failed(target, tried.outcome, error.retry_after_s)
                await one.close()
            else:
                self._first_at = self._time() if self._wish.stream else None
                return first
        return b""

    def _skipped(self, target: Target, why: str) -> None:
        self._number += 1
        tried = Tried(
            at=self._clock(),
            decision=self._decision.name,
            attempt=self._number,
            model=target.name,
            outcome="skipped",
            detail=why,
            task=self._decision.plan.task,
            client=self._client,
        )
        self._tried.append(tried)
        self._note(tried)

    def _over(self, one: Passing) -> Tried:
        """The try is over: tell the breaker; its record."""
        one.give_up()
        tried = self._record(one)
        self._tried.append(tried)
        return tried

    def _record(self, one: Passing) -> Tried:
        plan = self._decision.plan
        return one.tried(self._clock(), self._decision.name, self._client, plan.task)

    # ------------------------------------------------------------ telling

    async def _stream(self, send: Send, one: Passing, first: bytes) -> None:
        await send(self._start(200, _STREAM, one.target.name, one.request_id))
        if one.ended():  # all of it came at once
            await self._end(send, one, first)
            return
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            piece = await one.more()
            while not one.ended():
                if piece:
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await one.more()
            await self._end(send, one, piece)
        except AttemptError as error:
            self._ended("cut_short")
            status = status_of(one.outcome)
            last = one.broken(status, f"{one.target.name} broke off: {error}")
            await send({"type": "http.response.body", "body": last})

    async def _whole(self, send: Send, one: Passing) -> None:
        body = one.ending(self._explanation(one))
        self._ended(_ENDINGS.get(one.outcome, "answered"))
        length = (b"content-length", str(len(body)).encode())
        start = self._start(200, _JSON, one.target.name, one.request_id)
        start["headers"].append(length)
        await send(start)
        await send({"type": "http.response.body", "body": body})

    async def _end(self, send: Send, one: Passing, piece: bytes) -> None:
        last = piece + one.ending(self._explanation(one))
        self._ended(_ENDINGS.get(one.outcome, "answered"))
        await send({"type": "http.response.body", "body": last})

    async def _refuse(self, send: Send) -> None:
        """Nobody answered."""
        problem = problem_of(self._tried, self._wait_s or self._order.soonest_s())
        self._ended("failed")
        extra, like = self._explanation(None), self._wish.tongue.errors_like
        if by := who_declined(self._wish, self._tried):
            kind = _STREAM if self._wish.stream else _JSON
            await send(self._start(200, kind, by.model))
            body = declined(self._wish, by, extra)
        else:
            body = problem.as_anthropic() if like == "anthropic" else problem.as_openai()
            if self._answering.engines.config.api.explain:
                body = body[:-1] + b"," + told.members(extra) + b"}"
            start = self._start(problem.status, _JSON)
            headers = {"content-length": str(len(body)), **problem.headers}
            start["headers"] += [(k.encode(), v.encode()) for k, v in headers.items()]
            await send(start)
        await send({"type": "http.response.body", "body": body})

    def _start(
        self, status: int, kind: tuple[told.Pair, ...], model: str = "", request_id: str = ""
    ) -> dict[str, Any]:
        self.started = True
        headers = [*kind, *told.headers(self._decision, model, self._number), *self._more]
        if request_id and request_id.isascii() and request_id.isprintable():
            headers.append((b"x-request-id", request_id.encode()))
        return {"type": "http.response.start", "status": status, "headers": headers}

    def _explanation(self, one: Passing | None) -> dict[str, Any]:
        api = self._answering.engines.config.api
        if not (api.explain or api.metadata):
            return {}
        tried = [*self._tried, self._record(one)] if one else self._tried
        model = one.target.name if one else ""
        return told.explanation(
            self._decision,
            model,
            tried,
            self._ms(self._time()),
            explain=api.explain,
            metadata=api.metadata and one is not None,
        )

    def _ended(self, ending: ReplyEnding) -> None:
        """The reply is over: tell all that is known of it, once."""
        if self._is_over:
            return
        self._is_over, one = True, self._now
        tried = [self._over(one)] if one else []
        replied = Replied(
            at=self._clock(),
            decision=self._decision.name,
            outcome=ending,
            model=one.target.name if one and one.spoke else "",
            first_token_ms=None if self._first_at is None else self._ms(self._first_at),
            total_ms=self._ms(self._time()),
            replied=one.said if one else None,
        )
        self._note(*tried, replied)

    def _ms(self, at: float) -> float:
        return round((at - self._began) * 1000, 2)
