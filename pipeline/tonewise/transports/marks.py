"""Where in a reply the caller is: marks go out with the sound, and come back when it is heard."""

from tonewise.audio import RATE
from tonewise.peer import Played

MARK_EVERY = RATE // 5
"""Samples from mark to mark: what was heard is known to 200 ms."""


class Marks:
    """The place of one call's replies.

    A mark says whose reply it stands in, how often the peer was told to stop before it, and where.
    Some providers return a mark when they throw it away: what comes back for sound from before a
    stop tells nothing. The sound of turn 0, and what is said after a reply has ended, has no place
    in a reply.
    """

    def __init__(self) -> None:
        self.sounding = False
        """Has anything been sent since it was last stopped?"""
        self._stops = 0
        self._turn = 0
        self._sent = 0  # the sample of the reply up to which it is sent
        self._marked = 0
        self._known = False

    def add(self, turn: int, begin: int, count: int) -> str | None:
        """So much sound is sent; the name of a mark, where one is due after it.

        Args:
            turn: whose reply it belongs to.
            begin: the sample of the reply at which it begins.
            count: how many samples it has.
        """
        if turn != self._turn:
            self._turn, self._known = turn, turn > 0
            self._sent = begin - 1
        if begin != self._sent:  # it begins, or goes on from a little before
            self._marked = begin
        self.sounding, self._sent = True, begin + count
        if not self._known or self._sent - self._marked < MARK_EVERY:
            return None
        self._marked = self._sent
        return f"{turn}.{self._stops}.{self._sent * 1000 // RATE}"

    def end(self, turn: int) -> str | None:
        """The reply to `turn` has been sent; the name of its last mark, where it sounded."""
        self._known = False
        return f"{turn}.{self._stops}.end" if turn == self._turn and self.sounding else None

    def stop(self) -> None:
        """The caller speaks."""
        self.sounding = False
        self._stops += 1

    def played(self, name: str) -> Played | None:
        """What it means that a mark has been reached."""
        turn, _, rest = name.partition(".")
        stops, _, place = rest.partition(".")
        if not turn.isdigit() or stops != str(self._stops):
            return None
        return Played(int(turn), None if place == "end" else int(place) / 1000)
