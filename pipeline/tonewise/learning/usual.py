"""What callers usually do after an answer, by the state they were in before it.

Fading sums; what is compared with them is in `reward.py`.
"""

import math

import msgspec

from tonewise.learning.fading import Fading
from tonewise.learning.reward import (
    LEAST_EXPECTED,
    MOST_EXPECTED,
    RATIOS,
    SCORE_ODDS,
    SCORE_SHIFT,
    SHIFT,
    TOGETHER,
    Measured,
    Ratio,
    felt_odds,
    ratio_of,
)
from tonewise.records import Followed

STATES = (0.10, 0.20, 0.40, 0.60)
"""Frustration before the answer, where one state ends and the next begins; the last is unknown."""
RATES = {"thanked": 0.10, "repeated": 0.06, "interrupted": 0.10, "hung_up": 0.15}
"""How often a sign is seen, before anything was measured; worth `PRIOR` turns."""
PRIOR, SCORES = 20.0, 5.0
NEXT_TURN = frozenset({"thanked", "repeated"})
"""Signs that only a next turn can show."""
LEAST_SPREAD, SPREAD = 0.08, 0.15
"""Of frustration around what is usual: at least, and before anything was measured."""
STAYS, CALM = 0.55, 0.05
"""Before anything was measured: frustration is CALM, and STAYS of what was above that is left."""
USUAL_SCORE, SCORE_VARIANCE = 0.6, 0.2
EXPECTED = 0.75
"""Share of good answers that is expected, before anything was measured."""


class Moments(msgspec.Struct, array_like=True):
    """Fading sums of a quantity: of weights, values and squares."""

    weight: float = 0.0
    sum: float = 0.0
    squares: float = 0.0

    def add(self, value: float, weight: float) -> None:
        """Count a value."""
        self.weight += weight
        self.sum += weight * value
        self.squares += weight * value * value

    def scale(self, factor: float) -> None:
        """Multiply the sums."""
        self.weight *= factor
        self.sum *= factor
        self.squares *= factor

    def told(
        self, left: float, mean: float, variance: float, worth: float = PRIOR
    ) -> tuple[float, float]:
        """Mean and variance, with a prior that is worth so many values."""
        whole = self.weight * left + worth
        told = (self.sum * left + worth * mean) / whole
        squares = (self.squares * left + worth * (variance + mean * mean)) / whole
        return told, max(squares - told * told, 0.0)


class State(msgspec.Struct, array_like=True):
    """What was seen after answers to callers in one state."""

    signs: dict[str, Moments] = {}
    frustration: Moments = msgspec.field(default_factory=Moments)
    unheard: Moments = msgspec.field(default_factory=Moments)
    heard: Moments = msgspec.field(default_factory=Moments)
    expected: Moments = msgspec.field(default_factory=Moments)

    def moments(self) -> list[Moments]:
        """All of them."""
        return [*self.signs.values(), self.frustration, self.unheard, self.heard, self.expected]


class Usual:
    """Of all callers, in every state.

    Args:
        fading: of its sums.
    """

    def __init__(self, fading: Fading) -> None:
        self.fading = fading
        self.states = [State() for _ in range(len(STATES) + 2)]
        self.scores = Moments()
        self.scored = Moments()

    def measured(self, followed: Followed, expected: float) -> Measured:
        """What the caller did next tells so much of the model; then it is remembered as well.

        Args:
            followed: what the caller did.
            expected: quality that the policy expected of the answer.
        """
        state, left = self._state(followed.before), self.fading.left(followed.at)
        good = min(max(state.expected.told(left, EXPECTED, 0.0)[0], LEAST_EXPECTED), MOST_EXPECTED)
        ratios = {sign: self._ratio(state, sign, good, left) for sign in RATIOS}
        odds = sum(
            ratios[sign].seen if getattr(followed, sign) else ratios[sign].unseen
            for sign in _shown(followed)
        )
        off = _off(followed)
        if off is not None:
            mean, variance = state.frustration.told(left, 0.0, SPREAD**2)
            steps = (off - mean) / max(math.sqrt(variance), LEAST_SPREAD)
            odds += felt_odds(steps, good)
        heard = off is not None or (followed.hung_up and followed.before is not None)
        usual = state.heard if heard else state.unheard
        apart, mean, variance = _apart(
            ratios, self._rate(state, "hung_up", left), good, heard=heard
        )
        mean, variance = usual.told(left, mean, variance)
        better = (odds - mean) / apart - (expected - good)
        self._remember(followed, state, usual, odds, off, expected)
        return Measured(TOGETHER * odds, better, apart * apart / max(variance, 0.05))

    def judged(self, score: float, expected: float, at: float) -> Measured:
        """What explicit feedback tells of the model."""
        left = self.fading.left(at)
        mean, variance = self.scores.told(left, USUAL_SCORE, SCORE_VARIANCE, SCORES)
        good = self.scored.told(left, EXPECTED, 0.0, SCORES)[0]
        better = (score - mean) / SCORE_SHIFT - (expected - good)
        information = SCORE_SHIFT**2 / max(variance, 0.05)
        return Measured(SCORE_ODDS * (score - mean), better, information)

    def note_score(self, score: float, expected: float, at: float) -> None:
        """Remember a score that was given."""
        weight = self.fading.weight(at)
        self.scores.add(score, weight)
        self.scored.add(expected, weight)

    def make_room(self, at: float) -> None:
        """For a record of time `at`: call it before one is added."""
        if (factor := self.fading.moved_to(at)) != 1:
            self._scale(factor)

    def settle(self) -> None:
        """Bring every sum to the time of the latest record."""
        self._scale(self.fading.settled())

    def _scale(self, factor: float) -> None:
        for state in self.states:
            for moments in state.moments():
                moments.scale(factor)
        self.scores.scale(factor)
        self.scored.scale(factor)

    def _remember(
        self,
        followed: Followed,
        state: State,
        usual: Moments,
        odds: float,
        off: float | None,
        expected: float,
    ) -> None:
        weight = self.fading.weight(followed.at)
        usual.add(odds, weight)
        state.expected.add(expected, weight)
        for sign in _shown(followed):
            state.signs.setdefault(sign, Moments()).add(float(getattr(followed, sign)), weight)
        if off is not None:
            state.frustration.add(off, weight)

    def _state(self, before: float | None) -> State:
        if before is None or not math.isfinite(before):
            return self.states[-1]
        return self.states[sum(before >= bound for bound in STATES)]

    def _ratio(self, state: State, sign: str, good: float, left: float) -> Ratio:
        return ratio_of(sign, self._rate(state, sign, left), good)

    @staticmethod
    def _rate(state: State, sign: str, left: float) -> float:
        return state.signs.get(sign, Moments()).told(left, RATES[sign], 0.0)[0]


def _apart(
    ratios: dict[str, Ratio], hung_up: float, good: float, *, heard: bool
) -> tuple[float, float, float]:
    """How far apart good and bad answers lie in the log-odds of a turn, their mean and variance."""
    apart = mean = variance = 0.0
    for sign, ratio in ratios.items():
        share = 1 - hung_up if sign in NEXT_TURN else 1.0
        apart += share * ratio.apart
        mean += share * ratio.mean
        variance += share * ratio.variance
    if heard:
        apart += (1 - hung_up) * SHIFT**2
        mean += (1 - hung_up) * SHIFT**2 * (good - 0.5)
        variance += 1 - hung_up
    return apart, mean, variance


def _shown(followed: Followed) -> list[str]:
    """The signs that the caller could show."""
    return [sign for sign in RATIOS if not (followed.hung_up and sign in NEXT_TURN)]


def _off(followed: Followed) -> float | None:
    """Frustration in the next turn beyond what the state before lets expect; None: no telling."""
    after, before = followed.frustration, followed.before
    if after is None or before is None or followed.hung_up:
        return None
    off = after - (CALM + STAYS * max(before - CALM, 0.0))
    return off if math.isfinite(off) else None
