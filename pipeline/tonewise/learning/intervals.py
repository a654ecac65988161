"""How sure is a figure that was measured on callers?

Variants are drawn by caller, and the turns of one caller are alike. So the unit is the caller: a
thousand turns of ten callers are ten observations, not a thousand. Means are ratios of sums, whose
variance is that of the callers' own residuals (the delta method, or linearisation; Deng, Knoblich,
Lu 2018); quantiles get theirs through the share of turns below them (Woodruff 1952). A bootstrap
over callers gives the same within its noise (`tests/test_experiments.py`), costs a thousand times
as much, and its seed is one more thing to believe in.

Nobody waits with looking until the end. Between two equal variants an interval for one look sees a
difference one time in four when it is looked at twenty times (the tests measure it); so differences
get one that holds at all looks together, an asymptotic confidence sequence (Waudby-Smith, Arbour,
Sinha, Kennedy, Ramdas 2024, theorem 2.2), which sees one in one comparison of fifty:

    d ± s · √( (tρ² + 1)/(tρ²) · ln( (tρ² + 1)/α² ) )        t callers, s the standard error of d

which costs about half as much width again, and is narrowest about `PLANNED` callers.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ALPHA = 0.05
FEWEST_CALLERS = 30
"""Under it the spread between callers is not known well enough for any interval (Cameron, Gelbach,
Miller 2008: with fewer clusters than that, tests on them err twice as often as they say)."""
FEWEST_BEYOND = 5
"""Turns that must lie beyond a quantile."""
PLANNED = 500
"""Callers at which the interval for all looks is narrowest. Chosen once: to choose it by the data
would be to peek."""
_Z = 1.959963984540054

Values = NDArray[np.float64]
Callers = NDArray[np.int64]


class Estimate(NamedTuple):
    """A figure, its standard error, and its interval of 95 % for one look.

    Attributes:
        turns, callers: it was measured on.
    """

    value: float
    error: float
    low: float
    high: float
    turns: int
    callers: int


def mean(values: Values, callers: Callers) -> Estimate:
    """Of some turns.

    Args:
        values: one for each turn; at least one.
        callers: whose turn it was, numbered from 0.
    """
    total, count = _by_caller(values, callers)
    value = float(total.sum() / count.sum())
    return _estimate(value, _error(total, count, value), values, callers)


def share(values: Values, callers: Callers) -> Estimate:
    """Of some turns, of which each has 0 or 1, in [0, 1].

    Where it never or always happened the callers do not differ, and yet it is not known for sure:
    the error is at least that of so many turns of so many people, two of which had it otherwise
    (Agresti and Coull 1998).
    """
    found = mean(values, callers)
    turns = len(values)
    usual = (found.value * turns + 2) / (turns + 4)
    error = max(found.error, math.sqrt(usual * (1 - usual) / (turns + 4)))
    made = _estimate(found.value, error, values, callers)
    return made._replace(low=max(made.low, 0.0), high=min(made.high, 1.0))


def quantile(values: Values, callers: Callers, level: float) -> Estimate:
    """Of some turns, as in 0.95 for what one turn in twenty exceeds."""
    value = float(np.quantile(values, level))
    total, count = _by_caller((values <= value).astype(np.float64), callers)
    error = _error(total, count, float(total.sum() / count.sum()))
    reach = student(len(count) - 1) * error
    low, high = np.quantile(values, [max(level - reach, 0.0), min(level + reach, 1.0)])
    spread = float(high - low) / (2 * student(len(count) - 1))
    return Estimate(value, spread, float(low), float(high), len(values), len(count))


class Gap(NamedTuple):
    """How far apart two figures are, and the interval of 95 % that holds at all looks together."""

    value: float
    low: float
    high: float


def gap(one: Estimate, other: Estimate) -> Gap:
    """How much `one` is more than `other`, measured on other callers."""
    same = math.isclose(one.value, other.value, rel_tol=1e-9)  # sums of the same, in other orders
    value = 0.0 if same else one.value - other.value
    callers = one.callers + other.callers
    reach = math.hypot(one.error, other.error) * always(callers)
    return Gap(value, value - reach, value + reach)


def always(callers: int) -> float:
    """Standard errors to either side within which a figure stays at all looks, in 95 of 100 times.

    Args:
        callers: so far; more than 2.
    """
    wide = -2 * math.log(ALPHA)
    grown = callers * (wide + math.log(wide) + 1) / PLANNED
    reach = math.sqrt((grown + 1) / grown * math.log((grown + 1) / ALPHA**2))
    return reach * student(callers - 2) / _Z


def student(freedom: int) -> float:
    """The 97.5 % quantile of Student's t, within 0.1 % from 8 degrees of freedom on.

    By its expansion about the normal one (Abramowitz and Stegun 26.7.5); infinite for none.
    """
    if freedom < 1:
        return math.inf
    z, n = _Z, freedom
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def mismatch(counts: Sequence[int], weights: Sequence[float]) -> float | None:
    """How often chance alone splits callers as unevenly as this; None where there are too few.

    Args:
        counts: of callers by variant.
        weights: as they should be split; positive.

    Returns:
        The p-value of Pearson's χ² test, in [0, 1].
    """
    whole = sum(counts) / sum(weights)
    expected = [weight * whole for weight in weights]
    if len(counts) < 2 or min(expected) < 5:  # under it χ² is no χ² (Cochran 1954)
        return None
    squares = ((have - due) ** 2 / due for have, due in zip(counts, expected, strict=True))
    return _chi_square_beyond(math.fsum(squares), len(counts) - 1)


def _chi_square_beyond(x: float, freedom: int) -> float:
    """The chance of more than `x`, by the recurrence over degrees of freedom (A. & S. 26.4.8)."""
    odd = freedom % 2
    chance = math.erfc(math.sqrt(x / 2)) if odd else math.exp(-x / 2)
    for below in range(1 if odd else 2, freedom, 2):
        chance += (
            math.exp(below / 2 * math.log(x / 2) - x / 2 - math.lgamma(below / 2 + 1)) if x else 0
        )
    return min(chance, 1.0)


def _estimate(value: float, error: float, values: Values, callers: Callers) -> Estimate:
    many = _count(callers)
    reach = student(many - 1) * error if error else 0.0
    return Estimate(value, error, value - reach, value + reach, len(values), many)


def _by_caller(values: Values, callers: Callers) -> tuple[Values, Values]:
    """Sum and count of each caller's turns; of callers who have any."""
    count = np.bincount(callers).astype(np.float64)
    total = np.bincount(callers, weights=values).astype(np.float64)
    some = count > 0
    return total[some], count[some]


def _error(total: Values, count: Values, value: float) -> float:
    many = len(count)
    if many < 2:
        return math.inf
    apart = total - value * count
    return float(math.sqrt(many / (many - 1) * np.square(apart).sum()) / count.sum())


def _count(callers: Callers) -> int:
    return len(np.unique(callers))
