"""What an answer was worth, as far as the caller showed it.

A sign speaks for or against an answer by its log-odds, log P(sign | good) / P(sign | bad):

    thanked      0.25 times as likely after a bad answer as after a good one
    repeated     6 times: to say it again is to say that it was not understood
    interrupted  2 times: people also talk over a good answer once they have got it
    hung_up      2 times: nearly every call ends, and most of them well
    frustration  one standard deviation higher after a bad answer; counted up to 2.5
    score        explicit feedback from 0 to 1: 0.7 higher after a good answer, since thumbs mostly,
                 but not always, mean the answer

The ratios are set by hand: no public set of calls tells which answers were good. How *often* people
thank, repeat or hang up is not set but measured, apart for callers who were calm, uneasy or upset
before (`usual.py`), and so is where frustration goes from there by itself. A caller who is upset
goes to the strongest model, and stays more upset than others whoever answers; likewise a very high
value is followed by a lower one whoever answers (regression to the mean). So an answer is compared
with what usually follows *this* state, and no model is blamed, or praised, for whom it was given.

What is learnt from a turn is a measurement of d, by how much the model is better than the policy
takes it to be:

    y = (h − mean h) / D  −  (q − mean q)        variance  var h / D²

h is the sum of the log-odds, q the quality that the policy expected, mean and variance are those of
all turns in this state, and D is how far apart good and bad answers lie in h, by the ratios above.
So y is d on average whatever the base rates are, and a turn weighs as much as its signs tell.

What is told to people, and is comparable between turns, is

    reward = quality − ⅓ · cost − 0.05 · seconds to the first token
    quality = σ(logit q + L),  L = 0.7 · h + 4.4 · (score − usual score),  |L| ≤ 3

0.7, since the signs of one turn come from each other (who repeats sounds frustrated); 4.4, since a
thumb up against no opinion is 9 to 1 (log 9 = 2.2). Cost is a share of the dearest model's turn; it
and the wait weigh as in `routing.utility.Weights`. They need no signs: what they took beyond what
the policy counted with is measured, and added to beliefs as it is.

Absent is absent. Without a `Followed` the signs were not measured and nothing is learnt. After one,
"did not repeat" was measured: it is weak evidence that the answer was good. Who hung up had no next
turn, in which to thank, to repeat or to be calm: those are not counted.
"""

import math

import msgspec

RATIOS = {"thanked": 0.25, "repeated": 6.0, "interrupted": 2.0, "hung_up": 2.0}
"""How much likelier a sign is after a bad answer than after a good one."""
SHIFT, MOST_SHIFT = 1.0, 2.5
SCORE_SHIFT = 0.7
TOGETHER, SCORE_ODDS = 0.7, 4.4
MOST = 3.0
"""Log-odds: 20 to 1. One turn proves nothing."""
LEAST_EXPECTED, MOST_EXPECTED = 0.20, 0.95
COST, LATENCY = 1 / 3, 0.05
LONGEST_WAIT_S = 10.0


class Measured(msgspec.Struct, frozen=True, array_like=True):
    """What one turn tells of its model.

    Attributes:
        odds: log-odds that the answer was good, beyond what was expected of it.
        better: by how much the model is better than expected, in units of quality.
        information: one over the variance of that.
    """

    odds: float = 0.0
    better: float = 0.0
    information: float = 0.0

    def __add__(self, other: "Measured") -> "Measured":
        whole = self.information + other.information
        pull = self.better * self.information + other.better * other.information
        return Measured(self.odds + other.odds, pull / whole if whole else 0.0, whole)


class Ratio(msgspec.Struct, frozen=True):
    """What a sign's being seen, and its not being seen, speaks for; how it tells good from bad."""

    seen: float
    unseen: float
    apart: float
    mean: float
    variance: float


def ratio_of(sign: str, rate: float, good: float) -> Ratio:
    """The log-odds of a sign that is seen in a share `rate` of turns, `good` of them answered well.

    Args:
        sign: one of `RATIOS`.
        rate: in (0, 1).
        good: in (0, 1).
    """
    after_good = min(rate / (good + RATIOS[sign] * (1 - good)), 0.95)
    after_bad = min(after_good * RATIOS[sign], 0.95)
    seen = math.log(after_good / after_bad)
    unseen = math.log((1 - after_good) / (1 - after_bad))
    rate = good * after_good + (1 - good) * after_bad
    mean = rate * seen + (1 - rate) * unseen
    apart = (after_good - after_bad) * (seen - unseen)
    return Ratio(seen, unseen, apart, mean, rate * (1 - rate) * (seen - unseen) ** 2)


def felt_odds(steps: float, good: float) -> float:
    """The log-odds of frustration, `steps` standard deviations above what is usual.

    Good answers lie (1 − good) · SHIFT below the mean of all, bad ones good · SHIFT above it.
    """
    odds = -SHIFT * (steps - SHIFT * (good - 0.5))
    return min(max(odds, -MOST_SHIFT), MOST_SHIFT)


def quality(expected: float, odds: float) -> float:
    """The probability in (0, 1) that the answer was good."""
    start = math.log(expected / (1 - expected))
    return 1 / (1 + math.exp(-(start + min(max(odds, -MOST), MOST))))


def reward(quality: float, cost: float | None, wait_s: float | None) -> float:
    """In units of quality; what was not measured of cost and wait is left out.

    Args:
        quality: the probability that the answer was good.
        cost: of the turn, as a share of what the dearest model would have taken.
        wait_s: seconds to the first token.
    """
    waited = min(wait_s or 0.0, LONGEST_WAIT_S)
    return quality - COST * (cost or 0.0) - LATENCY * waited
