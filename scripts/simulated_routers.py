"""The routers of `simulate_router`: each is asked who answers a turn, and told what came of it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulated_month import NEW, Month, Said, candidates, usd
from tonewise.learning.learner import Learner
from tonewise.learning.profile import Profile
from tonewise.operating import Learning
from tonewise.plan import Circumstances, Exchange, Plan
from tonewise.records import AnyRecord, Decided, Followed, Judged, Tried
from tonewise.routing import policy, thresholds
from tonewise.routing.understanding import understand
from tonewise.stages import Turn


@dataclass(frozen=True)
class Asked:
    """A turn to be routed, on a day at a time in seconds; `decision` names it."""

    decision: str
    at: float
    day: int
    said: Said
    turn: Turn


@dataclass(frozen=True)
class Choice:
    """Who answers; what the router made of the caller's frustration."""

    model: str
    frustration: float | None = None
    escalated: bool = False
    explored: bool = False


class Router(Protocol):
    """One for the whole month."""

    def choose(self, asked: Asked) -> Choice:
        """Who answers?"""
        ...

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """What came of it."""
        ...


class Always:
    """One model, come what may."""

    def __init__(self, model: str) -> None:
        self._model = model

    def choose(self, asked: Asked) -> Choice:  # noqa: ARG002 - a router's signature
        """The one."""
        return Choice(self._model)

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """Nothing."""


class Oracle:
    """Knows what every answer would be worth."""

    def __init__(self, month: Month) -> None:
        self._month = month

    def choose(self, asked: Asked) -> Choice:
        """The best."""
        worth = self._month.worth(asked.said, asked.day)
        return Choice(max(worth, key=lambda name: worth[name]))

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """Nothing: it knows."""


class Static:
    """The real `routing/thresholds.py`: static rules on complexity and frustration."""

    def __init__(self, month: Month) -> None:
        self._month, self._policy = month, thresholds.load()

    def choose(self, asked: Asked) -> Choice:
        """As the thresholds say."""
        plan = self._policy.decide(asked.turn, candidates(self._month.here(asked.day)))
        return Choice(plan.models[0], plan.frustration, plan.escalated)

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """Nothing."""


class Ours:
    """The real `routing/policy.py` and `learning/`, put together as the server does it.

    Args:
        month: to see which models there are today; nothing else of it is read.
        learning: the settings.
    """

    def __init__(self, month: Month, learning: Learning) -> None:
        self._month, self._settings = month, learning
        self._policy = policy.load()
        self._profile = Profile(600.0)
        self.learner = Learner(learning, {c.name: c.facts for c in candidates(month.here(29))})

    def choose(self, asked: Asked) -> Choice:
        """As the server would: profile, beliefs, policy, exploration."""
        here = candidates(self._month.here(asked.day))
        around = Circumstances(
            call=asked.turn.around.call,
            profile=self._profile.told(asked.at),
            learned=self.learner.lifts_by_task(asked.at),
        )
        told = asked.turn
        turn = Turn(told.number, told.transcript, told.cues, told.history, {}, around)
        plan = self._policy.decide(turn, here)
        plan = self.learner.explored(plan, turn, here, asked.decision, asked.at)
        self._note(asked, plan)
        return Choice(plan.models[0], plan.frustration, plan.escalated, plan.explored)

    def _note(self, asked: Asked, plan: Plan) -> None:
        decided = Decided(at=asked.at, decision=asked.decision, source="replay", plan=plan)
        self.learner.note(decided)

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """Note them."""
        for record in records:
            if isinstance(record, Tried):
                self._profile.note(record)
            self.learner.note(record)


class Thompson:
    """Thompson sampling as LiteLLM's adaptive router describes it, in our words.

    A Beta for each kind of request and model, prior mass 10 around the quality in the settings;
    drawn quality counts 0.7, cheapness 0.3; after 200 samples further updates are dropped. What it
    is told is generous: it sees the same signs as we do, after every turn and not only where a
    phrase of the caller's gives them away; a turn counts as good unless the caller said it again,
    hung up within it, grew more frustrated by 0.1, or gave a thumb down.
    """

    CAP, MASS, QUALITY = 200, 10.0, 0.7

    def __init__(self, month: Month, seed: int) -> None:
        self._month, self._rng = month, np.random.default_rng(seed)
        self._good: Counter[tuple[str, str]] = Counter()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._open: dict[str, tuple[str, str]] = {}

    def choose(self, asked: Asked) -> Choice:
        """The best of what was drawn."""
        task = understand(asked.turn, None).task or "other"
        here = self._month.here(asked.day)
        dearest = max(map(usd, here))
        drawn = {}
        for model in here:
            key = (task, model.name)
            prior = self.MASS * (0.6 if model.told is None else model.told)
            a = prior + self._good[key]
            b = self.MASS - prior + self._seen[key] - self._good[key]
            cheap = 1 - usd(model) / dearest
            quality = self._rng.beta(a, max(b, 0.01))
            drawn[model.name] = self.QUALITY * quality + (1 - self.QUALITY) * cheap
        best = max(drawn, key=lambda name: drawn[name])
        self._open[asked.decision] = (task, best)
        return Choice(best)

    def learn(self, records: Sequence[AnyRecord]) -> None:
        """Good or bad, while the cap is not reached."""
        bad = False
        key = None
        for record in records:
            if isinstance(record, Followed):
                key = self._open.pop(record.decision, None)
                rise = (record.frustration or 0.0) - (record.before or 0.0)
                known = record.frustration is not None and record.before is not None
                bad |= record.repeated or (known and rise > 0.1)
            if isinstance(record, Judged):
                bad |= record.score < 0.5
        if key and self._seen[key] < self.CAP:
            self._seen[key] += 1
            self._good[key] += not bad


def exchange(number: int, said: Said, choice: Choice, route: str) -> Exchange:
    """The turn, as the next one remembers it."""
    return Exchange(
        number,
        said.text,
        "That is in hand.",
        route,
        choice.model,
        choice.frustration,
        choice.escalated,
    )


def all_routers(month: Month, seed: int, explore: float) -> dict[str, Router]:
    """Every router, by the name that the table calls it."""
    return {
        "always frontier": Always("large"),
        "always fast": Always("small"),
        "static rules": Static(month),
        "Thompson, capped": Thompson(month, seed),
        "ours, not learning": Ours(month, Learning(enabled=False)),
        "ours, learning": Ours(month, Learning(enabled=True, explore=explore, seed=seed)),
        "oracle": Oracle(month),
    }


WEAK = frozenset({"small"})
"""Whom a frustrated caller should not get."""
assert NEW not in WEAK  # noqa: S101
