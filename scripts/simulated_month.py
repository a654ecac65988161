"""A month of calls that never were: models, callers and what happens to them.

What is assumed, and not known to any router:

- A turn needs between 0 and 1 of thought: 0.15 + 0.7 times the complexity that its words show, plus
  noise of 0.15, since words tell only so much.
- A model answers it well with probability σ(5 · (skill − need) + 1.2). Its skill differs by task
  by 0.08 (standard deviation), drawn anew for every seed. The policy's own guess is another
  formula, a straight line; the settings tell it each model's true quality at a need of ½, ± 0.03.
- A caller's frustration rises by 0.1 to 0.35 after a bad answer and loses 30 % after a good one; in
  one turn of twenty it jumps for reasons of the caller's own. It is heard with noise of 0.07, and
  in one turn of ten not at all.
- After a bad answer callers say it again in 39 % of turns (4 % else), talk over it more, hang up
  more, do not thank; two in a hundred give a thumb, which is right in 85 to 90 %. The ratios in
  `learning/reward.py` are others, and were set before.

Events: the frontier model `large` silently gets worse on day 12 (it answers a third of what it
answered well badly from then on); on day 16 its rival halves its prices; on day 20 `newcomer`
arrives, cheap and nearly as good as the best, and nobody tells the router how good it is.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise.plan import ModelFacts
from tonewise.routing.complexity import complexity
from tonewise.stages import Candidate

DAYS = 30
WORSE_ON, CHEAPER_ON, NEW_ON = 12, 16, 20
WORSE, CHEAPER, NEW = "large", "rival", "newcomer"
LEFT = 0.65
"""Share of its good answers that the model which gets worse still gives well."""
COST, LATENCY = 1 / 3, 0.05
"""What counts how much beside quality, as in `routing.utility.Weights`."""
READ, WROTE = 250, 80
DAY_S = 86_400.0
WAIT_SPREAD = 0.35


@dataclass(frozen=True)
class Model:
    """What it is; `told`: the quality in the settings."""

    name: str
    route: str
    skill: float
    price_in: float
    price_out: float
    wait_s: float
    told: float | None = None
    since: int = 0


MODELS = (
    Model("small", "fast", 0.35, 0.15, 0.60, 0.30),
    Model("medium", "fast", 0.55, 0.80, 3.00, 0.50),
    Model("large", "frontier", 0.95, 2.50, 10.0, 0.80),
    Model("rival", "frontier", 0.90, 3.00, 15.0, 0.90),
    Model("newcomer", "fast", 0.85, 0.50, 2.00, 0.45, since=NEW_ON),
)


@dataclass(frozen=True)
class Said:
    """A caller's turn, and the dice that are cast for it, the same for every router."""

    text: str
    task: str
    complexity: float
    need: float
    dice: NDArray[np.float64]
    noise: NDArray[np.float64]


@dataclass(frozen=True)
class Caller:
    """A call: when, in seconds since the month began, who, and all that may be said."""

    number: int
    at: float
    mood: float
    temper: float
    turns: tuple[Said, ...]


class Month:
    """What one seed makes of it.

    Args:
        seed: of all dice.
        turns: a day, about.
    """

    def __init__(self, seed: int, turns: int) -> None:
        rng = np.random.default_rng(seed)
        texts = _texts()
        tasks = sorted({task for task, _, _ in texts})
        self._skill = {
            (model.name, task): model.skill + rng.normal(0, 0.08)
            for model in MODELS
            for task in tasks
        }
        self.models = tuple(self._told(model, tasks, rng) for model in MODELS)
        self.calls = [
            call for day in range(DAYS) for call in _calls(day, max(turns // 6, 1), texts, rng)
        ]

    def _told(self, model: Model, tasks: list[str], rng: np.random.Generator) -> Model:
        if model.name == NEW:
            return model
        middling = float(np.mean([self.good(model.name, task, 0.5, 0) for task in tasks]))
        told = min(max(middling + rng.normal(0, 0.03), 0.05), 0.99)
        return replace(model, told=round(told, 2))

    def good(self, model: str, task: str, need: float, day: int) -> float:
        """The probability that a model answers a turn well."""
        share = 1 / (1 + np.exp(-(5 * (self._skill[model, task] - need) + 1.2)))
        return float(share * (LEFT if model == WORSE and day >= WORSE_ON else 1))

    def here(self, day: int) -> tuple[Model, ...]:
        """The models of a day, with the prices of that day."""
        return tuple(
            replace(model, price_in=model.price_in / 2, price_out=model.price_out / 2)
            if model.name == CHEAPER and day >= CHEAPER_ON
            else model
            for model in self.models
            if day >= model.since
        )

    def worth(self, said: Said, day: int) -> dict[str, float]:
        """What each model's answer is truly worth, in units of quality."""
        here = self.here(day)
        dearest = max(map(usd, here))
        return {
            model.name: self.good(model.name, said.task, said.need, day)
            - COST * usd(model) / dearest
            - LATENCY * model.wait_s * float(np.exp(WAIT_SPREAD**2 / 2))
            for model in here
        }


def usd(model: Model) -> float:
    """What a turn costs."""
    return (READ * model.price_in + WROTE * model.price_out) / 1e6


def candidates(models: tuple[Model, ...]) -> tuple[Candidate, ...]:
    """The same models, as the settings tell a router of them."""
    return tuple(
        Candidate(
            each.name,
            each.route,
            ModelFacts(
                price_in=each.price_in,
                price_out=each.price_out,
                quality=each.told,
                latency=each.wait_s if each.name != NEW else None,
            ),
        )
        for each in models
    )


def _texts() -> list[tuple[str, str, float]]:
    with (Path(__file__).parent / "spoken_turns.csv").open(newline="") as file:
        rows = [(row["task"], row["text"]) for row in csv.DictReader(file)]
    return [(task, text, complexity(text, ())[0]) for task, text in rows]


def _calls(
    day: int, number: int, texts: list[tuple[str, str, float]], rng: np.random.Generator
) -> list[Caller]:
    times = np.sort(rng.uniform(8, 20, number)) * 3600 + day * DAY_S
    calls: list[Caller] = []
    for at in times:
        length = min(int(rng.geometric(1 / 7)), 20)
        picks = rng.integers(0, len(texts), length)
        turns = tuple(_said(texts[pick], rng) for pick in picks)
        mood, temper = rng.beta(1.2, 10), rng.uniform(0.5, 1.5)
        calls.append(Caller(day * 100_000 + len(calls), float(at), mood, temper, turns))
    return calls


def _said(text: tuple[str, str, float], rng: np.random.Generator) -> Said:
    task, words, shown = text
    need = float(np.clip(0.15 + 0.7 * shown + rng.normal(0, 0.15), 0, 1))
    return Said(words, task, shown, need, rng.uniform(size=10), rng.normal(size=2))
