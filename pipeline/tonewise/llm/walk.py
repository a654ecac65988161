"""Which model of a plan is asked, when, and what: the next one, one beside it, or one again."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tonewise.default_models import Attempts
from tonewise.llm.continuation import going_on
from tonewise.llm.order import Order
from tonewise.llm.shortening import shortened
from tonewise.llm.target import Attempt, Target
from tonewise.llm.tries import Try
from tonewise.stages import LlmRequest


class Walk:
    """One walk through a plan. See `dispatch.answer`."""

    def __init__(
        self,
        targets: Sequence[Target],
        request: LlmRequest,
        clock: Callable[[], float],
        settings: Attempts,
    ) -> None:
        self._request = request
        self._clock, self._settings = clock, settings
        self._time = asyncio.get_running_loop().time
        characters = sum(len(message.content) for message in request.messages)
        self._order = Order(targets, settings, characters, self._skipped, self._time)
        self._shorter: dict[str, LlmRequest] = {}
        self._said = ""
        self._number = 0
        self._records: deque[Attempt] = deque()
        self._running: list[Try] = []
        self._speaker: Try | None = None

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
        self._order.heard()

    def ends_with(self, one: Try) -> bool:
        """Is the reply over, now that this try is? Otherwise another model goes on."""
        return one.outcome == "answered" or one.used_up or not self._settings.carry_on

    async def leave(self, one: Try, said: str) -> None:
        """The try that spoke is over, and all that was given is `said`."""
        self._running.remove(one)
        self._records.append(one.record())
        await one.close()
        if self.ends_with(one):
            self._order.over()
        else:
            self._said = said
            self._consider(one)

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
        newest = self._running[-1]
        may_hedge = self._order.ahead and len(self._running) == 1
        hedge_s = newest.target.hedge_after_s if may_hedge else None
        if hedge_s is None and len(self._running) == 1 and newest.task is None:
            await newest.begin()  # the usual way: no task, nothing to compare
        else:
            tasks = [one.begin_beside() for one in self._running]
            due_s = None if hedge_s is None else max(0, newest.began + hedge_s - self._time())
            done, _ = await asyncio.wait(tasks, timeout=due_s, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                newest.slow = True
                if target := self._order.pick():
                    self._begin(target)
                return
        over = [one for one in self._running if one.task is None or one.task.done()]
        self._speaker = next((one for one in over if one.first), None)
        for one in list(self._running) if self._speaker else over:
            if one is not self._speaker:
                await self._over(one)

    async def _over(self, one: Try) -> None:
        self._running.remove(one)
        failed = one.task is not None and one.task.done() and not one.first
        if self._speaker and not failed:
            one.outcome = "lost"
        self._records.append(one.record())
        await one.close()  # before another speaks: none speaks into another's reply
        self._consider(one)

    # ------------------------------------------------------------ whom to ask

    async def _start(self) -> bool:
        target = await self._order.next()
        if target:
            self._begin(target)
        return target is not None

    def _begin(self, target: Target) -> None:
        self._number += 1
        request = self._shorter.get(target.name, self._request)
        if self._said:
            request = going_on(request, self._said, prefill=target.prefill)
        window_s = min(target.window_s(self._time()), self._order.left_s)
        one = Try(self._number, target, request, self._clock, window_s, continued=bool(self._said))
        self._running.append(one)

    def _skipped(self, target: Target, why: str) -> None:
        self._number += 1
        self._records.append(Attempt(self._number, target.name, "skipped", why))

    def _consider(self, one: Try) -> None:
        """What the fault of a try means for those to come."""
        if one.outcome == "too_long":
            self._make_room(one.target)
        else:
            self._order.failed(one.target, one.outcome, one.retry_after_s)

    def _make_room(self, target: Target) -> None:
        """Next comes a model that holds more; else the same one, told less."""
        window = target.facts.context_window
        for larger in self._order.ahead:
            if window and (larger.facts.context_window or 0) > window:
                self._order.bring_forward(larger)
                return
        shorter = None if target.name in self._shorter else shortened(self._request)
        if shorter:
            self._shorter[target.name] = shorter
            self._order.bring_forward(target)
