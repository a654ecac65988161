"""What the variants of a route did to the callers who got them, and how sure that is.

A caller counts where their draw put them, whoever answered in the end: turns that fell back to
another model, or were explored, stay with their variant. To leave them out would choose callers by
what the variant itself did to them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import numpy as np

from tonewise.learning.intervals import Estimate, gap, mismatch
from tonewise.learning.measures import MEASURES, Measure, VariantTurn
from tonewise.routes import RouteSettings, Variant

MISMATCH = 0.001
"""p-value under which a split is not what the weights say. Stricter than 0.05, for it is looked at
again and again (Fabijan and others 2019 use 0.0005, Kohavi and others 2020 use 0.001)."""

CAUTIONS = (
    "Intervals hold in 95 of 100 cases. Those of a difference hold however often you look; those of"
    " a variant alone hold for one look.",
    "Nine measures are nine chances to be misled: decide before you begin which one counts.",
    "Callers are told apart by user, number or client identifier; who brings none of them is"
    " somebody new in every call.",
)

HOW = """Split the callers of a route among models, by weights that sum to 100:

    [[routes]]
    name = "frontier"
    variants = [
      { name = "usual", models = ["deep"], weight = 90 },
      { name = "bold", models = ["deeper", "deep"], weight = 10 },
    ]

Each caller keeps their variant as long as the weights stay: by user, number or client identifier.
The first variant is what the others are compared with.
"""

Verdict = Literal["better", "worse", "no_telling", "not_enough"]


class Figure(msgspec.Struct, frozen=True):
    """A measure of one variant; `low` to `high` is the interval of 95 % for one look.

    Attributes:
        value: None where nothing was measured.
        enough: there are callers enough for an interval.
        text: the same for a person.
    """

    value: float | None
    low: float | None
    high: float | None
    turns: int
    callers: int
    enough: bool
    text: str


class Difference(msgspec.Struct, frozen=True):
    """A measure of one variant less that of the first; the interval holds at all looks."""

    value: float | None
    low: float | None
    high: float | None
    enough: bool
    verdict: Verdict
    text: str


class Split(msgspec.Struct, frozen=True):
    """Are callers split as the weights say?

    Attributes:
        p: how often chance alone splits them as unevenly; None: too few callers to tell.
    """

    p: float | None
    warns: bool
    text: str


class Found(msgspec.Struct, frozen=True):
    """One variant. `weight` is None and `models` empty where the settings have it no more."""

    variant: str
    weight: int | None
    models: tuple[str, ...]
    turns: int
    callers: int
    first: bool
    measures: dict[str, Figure]
    against_first: dict[str, Difference] | None


class Experiment(msgspec.Struct, frozen=True):
    """The variants of one route.

    Attributes:
        running: the settings have more than one of them.
        explored: turns in which another model was tried first.
        moved: callers who had more than one of the variants.
    """

    route: str
    running: bool
    turns: int
    callers: int
    explored: int
    moved: int
    split: Split
    variants: tuple[Found, ...]


# ---------------------------------------------------------------- gathering


@dataclass(slots=True)
class _Gathered:
    """The turns of one variant: of each measure the values, and whose they are."""

    who: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    explored: int = 0
    values: list[list[float]] = field(default_factory=lambda: [[] for _ in MEASURES])
    owners: list[list[int]] = field(default_factory=lambda: [[] for _ in MEASURES])

    def take(self, turn: VariantTurn) -> None:
        number = self.who.setdefault(turn.who, len(self.who))
        self.turns += 1
        self.explored += turn.explored
        for at, measure in enumerate(MEASURES):
            value = measure.of(turn)
            if value is not None:
                self.values[at].append(value)
                self.owners[at].append(number)

    def estimates(self) -> list[Estimate | None]:
        """Of each measure; None where nothing was measured."""
        return [
            measure.estimate(np.array(values, np.float64), np.array(owners, np.int64))
            if values
            else None
            for measure, values, owners in zip(MEASURES, self.values, self.owners, strict=True)
        ]


def compare(
    turns: Iterable[VariantTurn], routes: Sequence[RouteSettings], only: str | None = None
) -> list[Experiment]:
    """The experiments, those of the settings first.

    Args:
        turns: that had a variant.
        routes: `[[routes]]`.
        only: the one route that is asked for; None: all.
    """
    known = {route.name: route for route in routes if len(route.variants) > 1}
    gathered: dict[str, dict[str, _Gathered]] = {
        name: {label(variant): _Gathered() for variant in route.variants}
        for name, route in known.items()
        if only in (None, name)
    }
    for turn in turns:
        if only in (None, turn.route):
            of_route = gathered.setdefault(turn.route, {})
            of_route.setdefault(turn.variant, _Gathered()).take(turn)
    return [_experiment(name, found, known.get(name)) for name, found in gathered.items()]


def label(variant: Variant) -> str:
    """What plans call a variant."""
    return variant.name or ", ".join(variant.models)


# ---------------------------------------------------------------- reckoning


def _experiment(
    name: str, gathered: Mapping[str, _Gathered], settings: RouteSettings | None
) -> Experiment:
    known = {label(variant): variant for variant in settings.variants} if settings else {}
    first = next(iter(gathered))
    estimates = {variant: found.estimates() for variant, found in gathered.items()}
    callers = {who for found in gathered.values() for who in found.who}
    seen = sum(len(found.who) for found in gathered.values())
    told = [
        Found(
            variant=variant,
            weight=known[variant].weight if variant in known else None,
            models=known[variant].models if variant in known else (),
            turns=found.turns,
            callers=len(found.who),
            first=variant == first,
            measures={
                measure.name: _figure(measure, estimate)
                for measure, estimate in zip(MEASURES, estimates[variant], strict=True)
            },
            against_first=None
            if variant == first
            else _differences(estimates[variant], estimates[first]),
        )
        for variant, found in gathered.items()
    ]
    return Experiment(
        route=name,
        running=bool(known),
        turns=sum(found.turns for found in gathered.values()),
        callers=len(callers),
        explored=sum(found.explored for found in gathered.values()),
        moved=seen - len(callers),
        split=_split(told, seen - len(callers)),
        variants=tuple(told),
    )


def _figure(measure: Measure, found: Estimate | None) -> Figure:
    if found is None:
        return Figure(None, None, None, 0, 0, enough=False, text="nothing was measured")
    turns, callers, told = found.turns, found.callers, measure.told(found.value)
    if missing := measure.missing(turns, callers):
        text = f"{told} ({missing})"
        return Figure(found.value, None, None, turns, callers, enough=False, text=text)
    text = f"{told} ({measure.told(found.low)} to {measure.told(found.high)})"
    return Figure(found.value, found.low, found.high, turns, callers, enough=True, text=text)


def _differences(
    mine: Sequence[Estimate | None], first: Sequence[Estimate | None]
) -> dict[str, Difference]:
    return {
        measure.name: _difference(measure, here, there)
        for measure, here, there in zip(MEASURES, mine, first, strict=True)
    }


def _difference(measure: Measure, mine: Estimate | None, first: Estimate | None) -> Difference:
    if mine is None or first is None:
        return Difference(None, None, None, False, "not_enough", "nothing was measured")
    apart = gap(mine, first)
    fewest = min(mine.turns, first.turns), min(mine.callers, first.callers)
    if missing := measure.missing(*fewest):
        return Difference(apart.value, None, None, False, "not_enough", missing)
    verdict: Verdict = "no_telling"
    if apart.low > 0 or apart.high < 0:
        verdict = "better" if (apart.value > 0) == measure.more_is_better else "worse"
    words = f"{_signed(measure, apart.value)} ({_signed(measure, apart.low)} to "
    words += f"{_signed(measure, apart.high)}): {verdict.replace('_', ' ')}"
    return Difference(apart.value, apart.low, apart.high, True, verdict, words)


def _signed(measure: Measure, value: float) -> str:
    return f"{'−' if value < 0 else '+'}{measure.told(abs(value))}"


def _split(variants: Sequence[Found], moved: int) -> Split:
    """The variants that the settings give callers to, against their weights."""
    weighed = [each for each in variants if each.weight]
    counts, weights = [each.callers for each in weighed], [each.weight or 0 for each in weighed]
    have, due = (" : ".join(map(str, numbers)) for numbers in (counts, weights))
    again = f"; {moved} of them had more than one variant: the weights or names were changed in"
    again = again + " this time, so look only at what came after" if moved else ""
    if len(weighed) < 2:
        return Split(None, bool(moved), f"the settings do not split callers any more{again}")
    p = mismatch(counts, weights) if sum(counts) else None
    if p is None:
        return Split(None, bool(moved), f"too few callers to check the split: {have}{again}")
    if p >= MISMATCH:
        text = f"callers are split {have}, as the weights {due} say{again}"
        return Split(p, bool(moved), text)
    text = f"callers are split {have}, which the weights {due} do not explain (p = {p:.1g}): "
    text += "believe no difference before it is known why. Were the weights changed in this time?"
    return Split(p, True, text + again)
