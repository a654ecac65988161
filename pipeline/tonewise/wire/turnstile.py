"""So many visits a minute from one address, and no more. Pure: it is told what time it is."""

MOST_ADDRESSES = 10_000
"""Remembered at once; then those whose allowance is whole again are forgotten."""


class Turnstile:
    """An allowance for each address, which grows back evenly.

    Args:
        per_minute: visits, which may come all at once.
    """

    def __init__(self, per_minute: int) -> None:
        self._most = float(per_minute)
        self._left: dict[str, tuple[float, float]] = {}  # address: allowance, and when

    def wait_s(self, address: str, now_s: float) -> float:
        """0 lets the visitor in; else the seconds, at least one, until it would."""
        left = self._grown(address, now_s)
        if left >= 1:
            if len(self._left) >= MOST_ADDRESSES:
                self._forget(now_s)
            self._left[address] = left - 1, now_s
            return 0.0
        return max(1.0, (1 - left) * 60 / self._most)

    def _grown(self, address: str, now_s: float) -> float:
        left, at_s = self._left.get(address, (self._most, now_s))
        return min(self._most, left + (now_s - at_s) * self._most / 60)

    def _forget(self, now_s: float) -> None:
        whole = [one for one in self._left if self._grown(one, now_s) >= self._most]
        for address in whole or [next(iter(self._left))]:
            del self._left[address]
