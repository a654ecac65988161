"""What a model is worth in a turn: a sum that can be read term by term.

    utility = (quality + learned) · w.quality − (cost + cache) · w.cost − latency · w.latency
              − energy · w.energy − switch · w.switch

    quality  1 − (1 − q) · 2 · complexity, at least 0: q is the share of turns of middling
             complexity (0.5) that the model answers well; to the easiest any model is equal
    learned  how much better or worse than that it did lately, where learning is on
    cost     USD of the turn, as a share of what the dearest model would take, its cache cold
    cache    USD more because another model has the conversation in its prompt cache, same unit
    latency  seconds to the first token: measured, else as configured
    energy   watt-hours of the turn, as a share of what the hungriest model would take
    switch   1 where another model answered last: a caller notices a change of tone

With two models of which nothing is known, the frontier model is worth more from a complexity of
0.5 on, as in `thresholds.py`. A fact that is known of some models only is guessed for the others by
their route; one that is known of none (latency, energy) counts for nobody. How the caller sounds is
not an argument: nothing here may depend on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tonewise.facts import Term
from tonewise.plan import ModelFacts, Score
from tonewise.routing.constraints import Size
from tonewise.routing.options import read_option
from tonewise.stages import Turn
from tonewise.tuning import Weight

MIN_CACHED = 1024
"""Tokens from which providers keep a prompt (platform.openai.com/docs/guides/prompt-caching;
Anthropic keeps from 1024 or more, by model)."""


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts how much, in units of quality: 1 is all turns of middling complexity.

    Attributes:
        quality: of the answer.
        cost: of the dearest model's turn.
        latency: of a second until the first word.
        energy: of the hungriest model's turn.
        switch: of another model than the one that answered last.
    """

    quality: Weight = 1.0
    cost: Weight = 1 / 3
    latency: Weight = 0.05
    energy: Weight = 0.0
    switch: Weight = 0.02


def preferences(own: Weights, given: object) -> dict[str, Weights]:
    """Sets of weights by name; what a set does not name is as the deployment has it.

    Raises:
        ConfigError: a set is none.
    """
    sets = read_option(dict[str, dict[str, float]], given, "prefer")
    return {
        name: read_option(Weights, msgspec.to_builtins(own) | changed, f"prefer.{name}")
        for name, changed in sets.items()
    }


def wished(weights: Weights, wishes: Mapping[str, float]) -> Weights:
    """The weights, with those that this one turn asks for; names that are none of ours are not."""
    known = {name: wishes[name] for name in weights.__struct_fields__ if name in wishes}
    return msgspec.structs.replace(weights, **known) if known else weights


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in one of its routes.

    Attributes:
        strength: of the route, in [0, 1].
    """

    model: str
    route: str
    strength: float
    facts: ModelFacts


class Bill(msgspec.Struct, frozen=True):
    """USD of a turn.

    Attributes:
        cold: with nothing in the model's prompt cache.
        saved: by what the model has there.
        lost: that it would save, had it answered the whole conversation.
    """

    cold: float
    saved: float = 0.0
    lost: float = 0.0

    @property
    def due(self) -> float:
        """What the turn costs."""
        return self.cold - self.saved


def bill(facts: ModelFacts, model: str, size: Size) -> Bill | None:
    """What a turn costs on a model; None where its prices are not known."""
    if facts.price_in is None or facts.price_out is None:
        return None
    cold = ((size.history + size.turn) * facts.price_in + size.reply * facts.price_out) / 1e6
    if facts.price_cached is None:
        return Bill(cold)
    discount = max(facts.price_in - facts.price_cached, 0.0) / 1e6
    saved = _kept(size.answered.get(model, 0)) * discount
    return Bill(cold, saved, _kept(max(size.answered.values(), default=0)) * discount - saved)


def _kept(tokens: int) -> int:
    return tokens if tokens >= MIN_CACHED else 0


def guessed_quality(strength: float) -> float:
    """The quality of a model of which only its route is known."""
    return 0.6 + 0.3 * strength


def guessed_cost(strength: float) -> float:
    """Its cost, as a share of the dearest model's: a frontier model takes ten times as much."""
    return 0.1 + 0.9 * strength


def scores(
    entries: Sequence[Entry],
    turn: Turn,
    bills: Mapping[str, Bill | None],
    complexity: float,
    task: str | None,
    weights: Weights,
) -> list[Score]:
    """The utility of each entry, in the same order.

    Args:
        entries: models that may answer.
        turn: the turn; of it only what was measured of the models, and who answered last, is read.
        bills: what the turn costs on each model.
        complexity: of the turn, in [0, 1].
        task: what kind of work it asks for, where that is known.
        weights: what counts how much.
    """
    latencies = {
        each.model: _latency(each, turn.around.profile.get(each.model, {})) for each in entries
    }
    costs, cached = _costs(entries, bills)
    waits = _known_or_mean([latencies[each.model] for each in entries])
    energies = _shares([each.facts.energy for each in entries])
    last = next((past.model for past in reversed(turn.history) if past.model), None)
    learned = turn.around.learned
    qualities = [_quality(each, complexity, task, weights.quality) for each in entries]
    lifts = [
        _lift(learned.get(each.model, {}), task, quality)
        for each, (quality, _) in zip(entries, qualities, strict=True)
    ]
    return [
        _score(
            each,
            (
                ("quality", *qualities[at]),
                ("learned", lifts[at], weights.quality * lifts[at]),
                ("cost", costs[at], -weights.cost * costs[at]),
                ("cache", cached[at], -weights.cost * cached[at]),
                ("latency", waits[at], -weights.latency * waits[at]),
                ("energy", energies[at], -weights.energy * energies[at]),
                (
                    "switch",
                    switched := float(last not in (None, each.model)),
                    -weights.switch * switched,
                ),
            ),
        )
        for at, each in enumerate(entries)
    ]


def _score(entry: Entry, terms: Sequence[tuple[str, float, float]]) -> Score:
    """The sum; terms that add nothing are left out, but for quality and cost."""
    told = [Term(*each) for each in terms if each[2] or each[0] in ("quality", "cost")]
    total = sum([term.contribution for term in told])
    return Score(entry.model, entry.route, total, tuple(told))


def _quality(
    entry: Entry, complexity: float, task: str | None, weight: float
) -> tuple[float, float]:
    known = entry.facts.quality
    if isinstance(known, dict):
        known = known.get(task or "", known.get("default"))
    middling = guessed_quality(entry.strength) if known is None else known
    expected = max(1 - (1 - middling) * 2 * complexity, 0.0)
    return expected, weight * expected


def _lift(learned: Mapping[str, float], task: str | None, quality: float) -> float:
    """What was learned, as far as quality can go: to 1, and to 0.

    A model that does well at hard turns is no better than others at the easiest; one that got worse
    fails at those too.
    """
    lift = learned.get(task or "default", learned.get("default", 0.0))
    return min(max(lift, -quality), 1 - quality)


def _costs(
    entries: Sequence[Entry], bills: Mapping[str, Bill | None]
) -> tuple[list[float], list[float]]:
    """Cost with a warm cache, and what a cold one adds, as shares of the dearest cold turn."""
    known = (bills[each.model] for each in entries)
    dearest = max((made.cold for made in known if made), default=0.0)
    costs, cached = [], []
    for each in entries:
        made = bills[each.model]
        if made is None:
            costs.append(guessed_cost(each.strength))
        else:
            costs.append((made.due - made.lost) / dearest if dearest else 0.0)
        cached.append(made.lost / dearest if made and dearest else 0.0)
    return costs, cached


def _latency(entry: Entry, profile: Mapping[str, float]) -> float | None:
    return profile.get("p50", entry.facts.latency)


def _known_or_mean(values: Sequence[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    mean = sum(known) / len(known) if known else 0.0
    return [mean if value is None else value for value in values]


def _shares(values: Sequence[float | None]) -> list[float]:
    """Each as a share of the largest; the largest is assumed of what is not known."""
    most = max((value for value in values if value is not None), default=0.0)
    return (
        [1.0 if value is None else value / most for value in values]
        if most
        else [0.0] * len(values)
    )
