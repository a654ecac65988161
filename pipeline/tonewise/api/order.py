"""Whom to ask next: the models of a plan in their order, but for those that rest or are too dear.

The rules are those of a call (`llm/walk.py`), so far as they fit a reply that is passed through:
there is no going on from what another model said, and nobody is asked beside another.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tonewise.default_models import Attempts
from tonewise.llm.target import Target, too_dear
from tonewise.llm.walk import BLIPS, PAUSE_S
from tonewise.records import Tried


@dataclass(frozen=True, slots=True)
class Step:
    """A model to ask now.

    Attributes:
        window_s: most seconds to its first useful piece.
        whole_s: most seconds to a reply that comes as a whole.
    """

    target: Target
    window_s: float
    whole_s: float


class Order:
    """Of one request.

    Args:
        targets: of the plan, the first first.
        settings: how models stand in for each other.
        characters: of the request.
        ttft_s: seconds to the first useful piece that the request allows a model, while there is
            another one to ask.
        skipped: told of each model that is passed over, and why.
        time: the event loop's.
    """

    def __init__(
        self,
        targets: Sequence[Target],
        settings: Attempts,
        characters: int,
        ttft_s: float | None,
        skipped: Callable[[Target, str], None],
        time: Callable[[], float],
    ) -> None:
        self._ahead = deque(targets)
        self._choice = targets[0] if targets else None
        self._settings, self._size, self._ttft_s = settings, characters, ttft_s
        self._skipped = skipped
        self._time = time
        self._began = self._time()
        self._resting: list[Target] = []
        self._again: list[tuple[float, Target]] = []
        self._tried: set[str] = set()
        self._second_tries = 0

    @property
    def left_s(self) -> float:
        """Seconds that the client may still wait for something."""
        return self._settings.silence - (self._time() - self._began)

    async def next(self) -> Step | None:
        """The next model; None: nobody is left."""
        while self._ahead:
            target = self._ahead.popleft()
            if why := self._why_not(target):
                self._skipped(target, why)
            else:
                return self._step(target)
        target_or_none = await self._second_chance()
        return self._step(target_or_none) if target_or_none else None

    def failed(self, target: Target, tried: Tried, wait_s: float | None) -> None:
        """What a failure means for the models to come."""
        blip = tried.outcome in BLIPS
        busy = tried.outcome == "rate_limited" and wait_s is not None
        if (blip or busy) and all(other is not target for _, other in self._again):
            wait = PAUSE_S if wait_s is None else wait_s
            self._again.append((self._time() + wait, target))

    def soonest_s(self) -> float | None:
        """Seconds until a model that rests, or asked us to wait, may be asked; None: nobody is."""
        due = [each.breaker.opens_at for each in self._resting]
        due += [at for at, _ in self._again]
        return max(0.0, min(due) - self._time()) if due else None

    def _step(self, target: Target) -> Step:
        self._tried.add(target.name)
        window_s = target.window_s(self._time())
        if not self._ahead:  # a model that thinks long is better than none
            window_s = max(window_s, self.left_s)
        elif self._ttft_s is not None:
            window_s = self._ttft_s
        # A long reply is none the worse for it while there is nobody else to ask.
        whole_s = target.total_s if self._ahead else math.inf
        return Step(target, min(window_s, max(self.left_s, 0.0)), whole_s)

    def _why_not(self, target: Target) -> str:
        if self.left_s <= 0:
            return f"the client has waited {self._settings.silence:g} s for a word"
        if why := too_dear(target, self._choice, self._size, self._settings.max_price_ratio):
            return why
        if not target.breaker.may_try(self._time()):
            self._resting.append(target)
            # Why is for the operator: it may hold what another client said.
            return f"resting for {target.breaker.rests_s(self._time()):.0f} s more"
        return ""

    async def _second_chance(self) -> Target | None:
        """The resting model that is due first, if none was asked; or one again."""
        if not self._tried and self._resting:
            target = min(self._resting, key=lambda each: each.breaker.opens_at)
        elif self._again and self._second_tries < self._settings.second_tries:
            ready, target = min(self._again, key=lambda one: one[0])
            wait_s = max(0.0, ready - self._time())
            if wait_s > min(self._settings.retry_wait, self.left_s):
                return None
            self._second_tries += 1
            self._again.remove((ready, target))
            await asyncio.sleep(wait_s)
        else:
            return None
        target.breaker.try_anyway()
        return target
