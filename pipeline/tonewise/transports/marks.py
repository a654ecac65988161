"""Where in a reply the caller is: marks go out with the sound, and come back when it is heard."""

from tonewise.audio import RATE
from tonewise.peer import Played

MARK_EVERY = RATE // 5
"""Samples from mark to mark: what was heard is known to 200 ms."""


class Marks:
    """The place of one call's replies.

    A place is known from the first sound of a reply until it falls silent for the caller: if it
    goes on after that, it goes on from a place that only the conductor knows. The sound of turn 0,
    and what is said after a reply has ended, has no place in a reply.
    """

    def __init__(self) -> None:
        self.sounding = False
        """Has anything been sent since it was last stopped?"""
        self._turn = 0
        self._sent = 0  # samples of the reply
        self._marked = 0
        self._known = False

    def add(self, turn: int, count: int) -> str | None:
        """So much sound is sent; the name of a mark, where one is due after it."""
        self.sounding = True
        if turn != self._turn:
            self._turn, self._sent, self._marked, self._known = turn, 0, 0, turn > 0
        self._sent += count
        if not self._known or self._sent - self._marked < MARK_EVERY:
            return None
        self._marked = self._sent
        return f"{turn}.{self._sent * 1000 // RATE}"

    def end(self, turn: int) -> str | None:
        """The reply to `turn` has been sent; the name of its last mark, where it sounded."""
        self._known = False
        return f"{turn}.end" if turn == self._turn and self.sounding else None

    def stop(self) -> None:
        """The caller speaks."""
        self.sounding = self._known = False

    @staticmethod
    def played(name: str) -> Played | None:
        """What it means that a mark has been reached."""
        turn, _, place = name.partition(".")
        if not turn.isdigit():
            return None
        return Played(int(turn), None if place == "end" else int(place) / 1000)
