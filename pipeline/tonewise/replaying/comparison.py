"""Two settings, the same calls: which callers would have been treated differently?"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tonewise.replaying.turn_log import TurnTaken, paired

BOOTSTRAPS = 2_000

Pair = tuple[TurnTaken | None, TurnTaken | None]
NONE = "none"


def _frustration(turn: TurnTaken) -> float | None:
    return turn.plan.frustration if turn.plan else None


def _complexity(turn: TurnTaken) -> float | None:
    return turn.plan.complexity if turn.plan else None


def _hesitation(turn: TurnTaken) -> float | None:
    return turn.cues.hesitation if turn.cues else None


MEASURES: dict[str, Callable[[TurnTaken], float | None]] = {
    "cost, USD": lambda turn: turn.cost_usd,
    "reply after, s": lambda turn: turn.waited_s,
    "complexity": _complexity,
    "hesitation": _hesitation,
    "frustration": _frustration,
}
"""What is compared, per turn. Seconds are those of the call's own clock."""

NOTICED = {"hesitation": 0.05, "frustration": 0.05, "complexity": 0.05, "reply after, s": 0.05}
"""Smaller differences are not told turn by turn."""


@dataclass(frozen=True, slots=True)
class Change:
    """A turn that was treated differently, and how, in words."""

    call: str
    before: TurnTaken | None
    after: TurnTaken | None
    what: tuple[str, ...]

    @property
    def turn(self) -> TurnTaken:
        """One that there is."""
        turn = self.before or self.after
        if turn is None:
            raise ValueError("a change of nothing")
        return turn


@dataclass(frozen=True, slots=True)
class Difference:
    """A measure under both settings.

    Attributes:
        before, after: means over the turns in which both measured it.
        low, high: 95 % of the mean difference, from 2,000 bootstrap samples of the calls.
        turns: how many.
    """

    measure: str
    before: float
    after: float
    low: float
    high: float
    turns: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Calls under two settings: the same turns side by side."""

    calls: tuple[tuple[str, tuple[Pair, ...]], ...]

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """How many turns took which route before, and which after."""
        return Counter((_route(a), _route(b)) for _, pairs in self.calls for a, b in pairs)

    @property
    def changes(self) -> list[Change]:
        """Every turn that was treated differently, in the order of the calls."""
        found = (
            Change(call, a, b, tuple(_changes(a, b)))
            for call, pairs in self.calls
            for a, b in pairs
        )
        return [change for change in found if change.what]

    def difference(self, measure: str) -> Difference | None:
        """A measure over all calls; None where it was never measured under both."""
        value = MEASURES[measure]
        by_call = [list(_measured(pairs, value)) for _, pairs in self.calls]
        by_call = [pairs for pairs in by_call if pairs]
        if not by_call:
            return None
        everything = np.array([pair for pairs in by_call for pair in pairs])
        sums = np.array([(sum(b - a for a, b in pairs), len(pairs)) for pairs in by_call])
        drawn = sums[np.random.default_rng(1).integers(0, len(sums), (BOOTSTRAPS, len(sums)))]
        totals = drawn.sum(axis=1)
        low, high = np.percentile(totals[:, 0] / totals[:, 1], [2.5, 97.5])
        before, after = everything.mean(axis=0)
        return Difference(
            measure, float(before), float(after), float(low), float(high), len(everything)
        )

    def of_call(self, name: str) -> "Comparison":
        """One call alone."""
        return Comparison(tuple(call for call in self.calls if call[0] == name))

    @property
    def differences(self) -> list[Difference]:
        """Every measure that there is."""
        found = (self.difference(measure) for measure in MEASURES)
        return [difference for difference in found if difference]


def compared(
    calls: Sequence[tuple[str, Sequence[TurnTaken], Sequence[TurnTaken]]],
) -> Comparison:
    """Calls by name, with their turns before and after."""
    return Comparison(tuple((name, tuple(paired(a, b))) for name, a, b in calls))


def _measured(
    pairs: Sequence[Pair], value: Callable[[TurnTaken], float | None]
) -> Iterator[tuple[float, float]]:
    for before, after in pairs:
        if before and after:
            a, b = value(before), value(after)
            if a is not None and b is not None:
                yield a, b


def _route(turn: TurnTaken | None) -> str:
    return (turn.route if turn else None) or NONE


def _changes(before: TurnTaken | None, after: TurnTaken | None) -> Iterator[str]:
    if before is None or after is None:
        yield "is a turn only after" if before is None else "is no turn any more"
        return
    if before.route != after.route:
        yield f"route {_route(before)} → {_route(after)}"
    if before.said != after.said:
        yield f"heard “{before.said}” → “{after.said}”"
    for measure, least in NOTICED.items():
        a, b = MEASURES[measure](before), MEASURES[measure](after)
        if (a is None) != (b is None) or (a is not None and b is not None and abs(a - b) >= least):
            yield f"{measure} {_number(a)} → {_number(b)}"


def _number(value: float | None) -> str:
    return "absent" if value is None else f"{value:.3g}"


# ---------------------------------------------------------------- as text


def text(comparison: Comparison, before: str, after: str) -> Iterator[str]:
    """For a terminal: what changed, then the routes, then the measures."""
    for change in comparison.changes:
        turn = change.turn
        yield f"{change.call}  {turn.start_s:.2f} to {turn.end_s:.2f} s  “{turn.said}”"
        yield from (f"  {what}" for what in change.what)
        if change.after and change.before and change.before.route != change.after.route:
            yield from (f"  before  {reason}" for reason in change.before.reasons[:2])
            yield from (f"  after   {reason}" for reason in change.after.reasons[:2])
    turns = sum(comparison.confusion.values())
    moved = sum(n for (a, b), n in comparison.confusion.items() if a != b)
    yield ""
    yield f"{len(comparison.calls)} calls, {turns} turns; {moved} take another route"
    yield ""
    yield from _confusion(comparison.confusion, before, after)
    yield ""
    yield f"{'per turn':16} {'before':>10} {'after':>10}   difference"
    for found in comparison.differences:
        change_by = f"{found.after - found.before:+.3g} [{found.low:+.3g}, {found.high:+.3g}]"
        yield f"{found.measure:16} {found.before:10.3g} {found.after:10.3g}   {change_by}"


def _confusion(routes: Counter[tuple[str, str]], before: str, after: str) -> Iterator[str]:
    names = sorted({name for pair in routes for name in pair})
    yield f"routes by {before} (lines) and by {after} (columns)"
    yield f"{'':14}" + "".join(f"{name:>12}" for name in names)
    for a in names:
        yield f"{a:14}" + "".join(f"{routes[(a, b)]:12}" for b in names)
