"""The keys of a telephone: pressed one by one, read as one number.

A number ends with `#`, which is no part of it, or when no key has been pressed for a while. Pure:
time is counted in seconds of caller audio.
"""

AFTER_S = 2.0
"""Without another key the number is whole: people press two keys a second, and look up the next
digits in between. Asterisk's Read and Twilio's Gather wait five seconds; nobody likes it."""

LONGEST = 32
"""Digits of a number; a card has 19."""

_END = "#"


class Keypad:
    """One caller's."""

    def __init__(self, after_s: float = AFTER_S) -> None:
        self._after_s = after_s
        self._digits = ""
        self._latest_s = 0.0

    def pressed(self, digit: str, at_s: float) -> str | None:
        """A key was pressed; the number, where it is whole with this key."""
        if digit == _END and self._digits:
            return self._taken()
        self._digits, self._latest_s = self._digits + digit, at_s
        return self._taken() if len(self._digits) >= LONGEST else None

    def waited(self, at_s: float) -> str | None:
        """It is second `at_s`: the number, where no other key is expected any more."""
        whole = self._digits and at_s - self._latest_s >= self._after_s
        return self._taken() if whole else None

    def keep(self, digits: str, at_s: float) -> None:
        """A number that could not be used yet: it is whole again after a while."""
        self._digits, self._latest_s = digits + self._digits, at_s

    def _taken(self) -> str:
        digits, self._digits = self._digits, ""
        return digits
