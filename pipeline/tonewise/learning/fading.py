"""What was measured fades: a record counts half after a half-life, whatever came after it.

    weight(record, now) = 2 ^ (−(now − at) / half_life)

Forward decay (Cormode et al., ICDE 2009): sums are kept in units of a landmark, so a new record is
added with weight 2^((at − landmark) / half_life) and nothing old has to be touched; once in
`LONGEST` half-lives everything is brought to a later landmark. So the order in which records come
does not matter, one that comes late counts as little as its age says, two sums can be added, and
what was added can be taken back exactly. No clock is read: a time is an argument.
"""

import math

LONGEST = 40.0
"""Half-lives after which the landmark moves: sums stay far from what a float can hold."""


class Fading:
    """The landmark that several sums share.

    Args:
        half_life: in the unit of the times, above 0.
    """

    __slots__ = ("half_life", "landmark", "latest")

    def __init__(self, half_life: float, landmark: float | None = None) -> None:
        if not (half_life > 0 and math.isfinite(half_life)):
            msg = f"a half-life must be a number above 0, not {half_life!r}"
            raise ValueError(msg)
        self.half_life = half_life
        self.landmark = landmark
        self.latest = landmark

    def moved_to(self, at: float) -> float:
        """Make room for a record of time `at`; every sum is to be multiplied by what this returns.

        1 where nothing has to be done, which is nearly always.
        """
        if self.landmark is None or self.latest is None:
            self.landmark = self.latest = at
            return 1.0
        self.latest = max(self.latest, at)
        steps = (at - self.landmark) / self.half_life
        if steps <= LONGEST:
            return 1.0
        self.landmark = at
        return _power(-steps)

    def weight(self, at: float) -> float:
        """Of a record of time `at`, in units of the landmark. Call `moved_to` first."""
        return 1.0 if self.landmark is None else _power((at - self.landmark) / self.half_life)

    def settled(self) -> float:
        """Move the landmark to the latest record; returns what sums are to be multiplied by."""
        if self.latest is None:
            return 1.0
        factor, self.landmark = self.left(self.latest), self.latest
        return factor

    def left(self, now: float) -> float:
        """What turns a sum into its value at `now`. Before the latest record, it is that one's."""
        if self.landmark is None or self.latest is None:
            return 1.0
        return _power(-(max(now, self.latest) - self.landmark) / self.half_life)


def _power(exponent: float) -> float:
    return 2.0**exponent if exponent > -1000 else 0.0
