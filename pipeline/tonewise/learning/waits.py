"""Percentiles of waiting times, in a few hundred bytes: a histogram with logarithmic buckets.

Bucket i holds the waits in (g^(i−1), g^i] seconds, g = (1 + a) / (1 − a), and is told as its
middle, 2 g^i / (g + 1): no wait is told more than a = 5 % wrong, be it 10 ms or a minute (as in
DDSketch, Masson et al., VLDB 2019). Chosen over a reservoir or t-digest because it is a sum: it
fades by a factor, merges by adding, costs the same for every record, and the order does not matter.

A wait that nobody saw the end of (the request was given up after 1.2 s: a faster model had spoken,
the caller had gone on, time was up) is not 1.2 s and not nothing: it is *at least* 1.2 s. Left out,
a slow model would look quick exactly because it is given up on; taken as 1.2 s, likewise. So it is
counted as censored, and percentiles are Kaplan and Meier's (JASA 1958): its weight is spread over
the longer waits that were seen. Where none was, the longest lower bound is told.
"""

import math

RELATIVE_ERROR = 0.05
SHORTEST_S, LONGEST_S = 0.001, 600.0
"""Waits outside are counted as these."""
BASE = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_LOG_BASE = math.log(BASE)
FIRST, LAST = (math.ceil(math.log(at) / _LOG_BASE) for at in (SHORTEST_S, LONGEST_S))
NEGLIGIBLE = 1e-9
"""Share of the whole under which a bucket is forgotten when weights are brought to a landmark."""

Buckets = dict[int, float]


def bucket(seconds: float) -> int:
    """The number of the bucket that holds a wait."""
    return math.ceil(math.log(min(max(seconds, SHORTEST_S), LONGEST_S)) / _LOG_BASE)


def middle(number: int) -> float:
    """Seconds that stand for a bucket: at most 5 % from every wait in it."""
    return 2 * BASE**number / (BASE + 1)


class Waits:
    """Weights of waits, by bucket: those that were seen, and those that were given up on."""

    __slots__ = ("given_up", "seen")

    def __init__(self, seen: Buckets | None = None, given_up: Buckets | None = None) -> None:
        self.seen: Buckets = {} if seen is None else seen
        self.given_up: Buckets = {} if given_up is None else given_up

    def add(self, seconds: float, weight: float, *, over: bool) -> None:
        """Count a wait; `over`: its end was seen."""
        of, number = self.seen if over else self.given_up, bucket(seconds)
        of[number] = of.get(number, 0.0) + weight

    @property
    def weight(self) -> float:
        """Of the waits whose end was seen and of those given up on."""
        return sum(self.seen.values()) + sum(self.given_up.values())

    def merge(self, other: "Waits", factor: float) -> None:
        """Add another's weights, each multiplied by `factor`."""
        for mine, theirs in ((self.seen, other.seen), (self.given_up, other.given_up)):
            for number, weight in theirs.items():
                mine[number] = mine.get(number, 0.0) + weight * factor

    def scale(self, factor: float) -> None:
        """Multiply every weight; what has become negligible is forgotten."""
        least = self.weight * factor * NEGLIGIBLE
        self.seen, self.given_up = (
            {at: made for at, weight in of.items() if (made := weight * factor) > least}
            for of in (self.seen, self.given_up)
        )

    def percentile(self, share: float) -> float | None:
        """Seconds within which a share, in (0, 1), of the waits is over; None without waits."""
        return self.percentiles((share,))[0]

    def percentiles(self, shares: tuple[float, ...]) -> tuple[float | None, ...]:
        """Several at once; `shares` in rising order."""
        at_risk, waiting = self.weight, 1.0
        found: list[float | None] = []
        longest = None
        for number in sorted({*self.seen, *self.given_up}):
            longest = middle(number)
            over = self.seen.get(number, 0.0)
            # Within a bucket whoever was given up on is taken to have waited longer.
            waiting *= max(1 - over / at_risk, 0.0) if at_risk > 0 else 0.0
            while len(found) < len(shares) and over and 1 - waiting >= shares[len(found)] - 1e-9:
                found.append(longest)
            at_risk -= over + self.given_up.get(number, 0.0)
        return (*found, *[longest] * (len(shares) - len(found)))
