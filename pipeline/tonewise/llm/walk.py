"""Which model of a plan is asked, when, and what: the next one, one beside it, or one again."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tonewise.default_models import Attempts
from tonewise.errors import Outcome
from tonewise.llm.continuation import going_on
from tonewise.llm.shortening import shortened
from tonewise.llm.target import Attempt, Target, too_dear
from tonewise.llm.tries import Try
from tonewise.stages import LlmRequest

BLIPS: frozenset[Outcome] = frozenset({"upstream_error", "unreachable", "garbled", "cut_short"})
"""Faults that may be gone a moment later. Who was silent has had its time."""

PAUSE_S = 0.25
"""Before a second try where the provider names no time: a restart or a failover takes longer."""


@dataclass(frozen=True, slots=True)
class _Step:
    target: Target
    request: LlmRequest
    second: bool = False


class Walk:
    """One walk through a plan. See `dispatch.answer`."""

    def __init__(
        self,
        targets: Sequence[Target],
        request: LlmRequest,
        clock: Callable[[], float],
        settings: Attempts,
    ) -> None:
        self._ahead = deque(_Step(target, request) for target in targets)
        self._choice = targets[0] if targets else None
        self._clock, self._settings = clock, settings
        self._time = asyncio.get_running_loop().time
        self._heard_at = self._time()
        self._said = ""
        self._number = 0
        self._records: deque[Attempt] = deque()
        self._running: dict[Try, _Step] = {}
        self._speaker: Try | None = None
        self._resting: list[_Step] = []
        self._again: list[tuple[float, _Step]] = []
        self._tried = self._second_tries = 0

    async def next(self) -> Try | Attempt | None:
        """What happens next: a model speaks, a try is over, or, None, nobody is left to ask."""
        while True:
            if self._records:
                return self._records.popleft()
            if self._speaker:
                speaker, self._speaker = self._speaker, None
                return speaker
            if not self._running and not await self._start():
                return self._records.popleft() if self._records else None
            await self._listen()

    def heard(self, one: Try) -> None:
        """Words of `one` were given just now."""
        one.heard = True
        self._heard_at = self._time()

    def ends_with(self, one: Try) -> bool:
        """Is the reply over, now that this try is? Otherwise another model goes on."""
        return one.outcome == "answered" or one.used_up or not self._settings.carry_on

    async def leave(self, one: Try, said: str) -> None:
        """The try that spoke is over, and all that was given is `said`."""
        step = self._running.pop(one)
        self._records.append(one.record())
        await one.close()
        if self.ends_with(one):
            self._ahead.clear()
            self._again.clear()
        else:
            self._said = said
            self._consider(one, step)

    def cancelled(self) -> list[Attempt]:
        """The records that nobody has been given, those of the tries under way among them."""
        for one in self._running:
            one.outcome = "cancelled"
        return [*self._records, *(one.record() for one in self._running)]

    async def close(self) -> None:
        """Cancel what is under way."""
        # First what cannot be cut short by another cancellation: a breaker that is never told how
        # its one try ended would keep the model from every caller, for ever.
        for one in self._running:
            one.give_up()
        for one in self._running:
            await one.close()

    # ------------------------------------------------------------ listening

    async def _listen(self) -> None:
        """Wait until one of the models that are asked has spoken or is over; or ask one more."""
        newest = next(reversed(self._running))
        hedge_s = newest.target.hedge_after_s if self._ahead and len(self._running) == 1 else None
        if hedge_s is None and len(self._running) == 1 and newest.task is None:
            await newest.begin()  # the usual way: no task, nothing to compare
        else:
            tasks = [one.begin_beside() for one in self._running]
            due_s = None if hedge_s is None else max(0, newest.began + hedge_s - self._time())
            done, _ = await asyncio.wait(tasks, timeout=due_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                newest.slow = True
                if step := self._pick():
                    self._begin(step)
                return
        over = [one for one in self._running if one.task is None or one.task.done()]
        self._speaker = next((one for one in over if one.first), None)
        for one in list(self._running) if self._speaker else over:
            if one is not self._speaker:
                await self._over(one)

    async def _over(self, one: Try) -> None:
        step = self._running.pop(one)
        failed = one.task is not None and one.task.done() and not one.first
        if self._speaker and not failed:
            one.outcome = "lost"
        self._records.append(one.record())
        await one.close()  # before another speaks: none speaks into another's reply
        self._consider(one, step)

    # ------------------------------------------------------------ whom to ask

    async def _start(self) -> bool:
        step = self._pick() or await self._second_chance()
        if step:
            self._begin(step)
        return step is not None

    def _begin(self, step: _Step) -> None:
        self._number += 1
        self._tried += 1
        target, request, now = step.target, step.request, self._time()
        if self._said:
            request = going_on(request, self._said, prefill=target.prefill)
        window_s = min(target.window_s(now), self._left_s)
        one = Try(self._number, target, request, self._clock, window_s, continued=bool(self._said))
        self._running[one] = step

    @property
    def _left_s(self) -> float:
        """Seconds that the caller may still wait for a word."""
        return self._heard_at + self._settings.silence - self._time()

    def _pick(self) -> _Step | None:
        while self._ahead:
            step = self._ahead.popleft()
            if not (why := self._why_not(step)):
                return step
            self._number += 1
            self._records.append(Attempt(self._number, step.target.name, "skipped", why))
        return None

    def _why_not(self, step: _Step) -> str:
        """Why a model is not asked; empty where it is."""
        if self._left_s <= 0:
            return f"the caller has waited {self._settings.silence:g} s for a word"
        characters = sum(len(message.content) for message in step.request.messages)
        if why := too_dear(step.target, self._choice, characters, self._settings.max_price_ratio):
            return why
        breaker = step.target.breaker
        if not breaker.may_try(self._time()):
            self._resting.append(step)
            # Why is for the operator: it may hold what another caller said.
            return f"resting for {breaker.rests_s(self._time()):.0f} s more"
        return ""

    async def _second_chance(self) -> _Step | None:
        """Nobody is left: the resting model that is due first, if none was asked; or one again."""
        if not self._tried and self._resting:
            step = min(self._resting, key=lambda step: step.target.breaker.opens_at)
        elif self._again and self._second_tries < self._settings.second_tries:
            ready, step = min(self._again, key=lambda one: one[0])
            wait_s = max(0.0, ready - self._time())
            if wait_s > min(self._settings.retry_wait, self._left_s):
                return None
            self._second_tries += 1
            self._again.remove((ready, step))
            await asyncio.sleep(wait_s)
        else:
            return None
        step.target.breaker.try_anyway()
        return replace(step, second=True)

    def _consider(self, one: Try, step: _Step) -> None:
        """What the fault of a try means for those to come."""
        if one.outcome == "too_long":
            self._make_room(step)
        elif not step.second and (
            one.outcome in BLIPS
            or (one.outcome == "rate_limited" and one.retry_after_s is not None)
        ):
            wait_s = PAUSE_S if one.retry_after_s is None else one.retry_after_s
            self._again.append((self._time() + wait_s, step))

    def _make_room(self, step: _Step) -> None:
        """Next comes a model that holds more; else the same one, told less."""
        window = step.target.facts.context_window
        for larger in self._ahead:
            if window and (larger.target.facts.context_window or 0) > window:
                self._ahead.remove(larger)
                self._ahead.appendleft(larger)
                return
        shorter = None if step.second else shortened(step.request)
        if shorter:
            self._ahead.appendleft(_Step(step.target, shorter, second=True))
