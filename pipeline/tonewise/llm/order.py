"""Whom to ask next: the models of a plan in their order, but for those that rest or are too dear.

The same for calls (`walk.py`) and for the replies that pass through to clients (`api/`).
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from tonewise.default_models import Attempts
from tonewise.errors import Outcome
from tonewise.llm.target import Target, too_dear

BLIPS: frozenset[Outcome] = frozenset({"upstream_error", "unreachable", "garbled", "cut_short"})
"""Faults that may be gone a moment later. Who was silent has had its time."""

PAUSE_S = 0.25
"""Before a second try where the provider names no time: a restart or a failover takes longer."""


class Order:
    """Of one reply.

    Where all rest, all are asked, the one that is due first first. A model is asked twice at most,
    and one that rests once.

    Args:
        targets: of the plan, the first first.
        settings: how models stand in for each other.
        characters: of the request.
        skipped: told of each model that is passed over, and why.
        time: the event loop's.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        settings: Attempts,
        characters: int,
        skipped: Callable[[Target, str], None],
        time: Callable[[], float],
    ) -> None:
        self._ahead = deque(targets)
        self._choice = targets[0] if targets else None
        self._settings, self._size = settings, characters
        self._skipped, self._time = skipped, time
        self._heard_at = self._time()
        self._resting: list[Target] = []
        self._all_rest = False
        self._asked: set[str] = set()
        self._again: list[tuple[float, Target]] = []
        self._not_again: set[str] = set()
        self._second_tries = 0

    @property
    def left_s(self) -> float:
        """Seconds for which there may still be no word; no more, where it is not above 0."""
        return self._heard_at + self._settings.silence - self._time()

    @property
    def ahead(self) -> Sequence[Target]:
        """The models that come next, if nothing speaks against them."""
        return self._ahead

    def soonest_s(self) -> float | None:
        """Seconds until a model that rests, or asked us to wait, may be asked; None: nobody is."""
        due = [each.breaker.opens_at for each in self._resting]
        due += [at for at, _ in self._again]
        return max(0.0, min(due) - self._time()) if due else None

    # ------------------------------------------------------------ asking

    async def next(self) -> Target | None:
        """The next model, perhaps after a wait; None: nobody is left."""
        if target := self.pick():
            return target
        if self._resting and not self._asked:
            self._all_rest = True
            self._ahead.extend(sorted(self._resting, key=lambda each: each.breaker.opens_at))
            return self.pick()
        return await self._second_try()

    def pick(self) -> Target | None:
        """The next model that may be asked now."""
        while self._ahead:
            target = self._ahead.popleft()
            if why := self._why_not(target):
                self._skipped(target, why)
                continue
            if self._all_rest:
                target.breaker.try_anyway()
                self._not_again.add(target.name)
            self._asked.add(target.name)
            return target
        return None

    def _why_not(self, target: Target) -> str:
        """Why a model is not asked; empty where it is."""
        if self.left_s <= 0:
            return f"{self._settings.silence:g} s went by without a word"
        if why := too_dear(target, self._choice, self._size, self._settings.max_price_ratio):
            return why
        if not self._all_rest and not target.breaker.may_try(self._time()):
            self._resting.append(target)
            # Why is for the operator: it may hold what somebody else said.
            return f"resting for {target.breaker.rests_s(self._time()):.0f} s more"
        return ""

    async def _second_try(self) -> Target | None:
        if not self._again or self._second_tries >= self._settings.second_tries:
            return None
        ready, target = min(self._again, key=lambda one: one[0])
        wait_s = max(0.0, ready - self._time())
        if wait_s > min(self._settings.retry_wait, self.left_s):
            return None
        self._second_tries += 1
        self._again.remove((ready, target))
        await asyncio.sleep(wait_s)
        target.breaker.try_anyway()
        return target

    # ------------------------------------------------------------ what became of it

    def heard(self) -> None:
        """There was a word just now."""
        self._heard_at = self._time()

    def failed(self, target: Target, outcome: Outcome, wait_s: float | None) -> None:
        """What a fault means for the models to come; `wait_s`: the provider asks us to wait."""
        busy = outcome == "rate_limited" and wait_s is not None
        if (outcome in BLIPS or busy) and target.name not in self._not_again:
            self._not_again.add(target.name)
            self._again.append((self._time() + (PAUSE_S if wait_s is None else wait_s), target))

    def bring_forward(self, target: Target) -> None:
        """This one is next, whether it was asked before or not."""
        if target in self._ahead:
            self._ahead.remove(target)
        else:
            self._not_again.add(target.name)
        self._ahead.appendleft(target)

    def over(self) -> None:
        """Nobody is asked any more."""
        self._ahead.clear()
        self._again.clear()
