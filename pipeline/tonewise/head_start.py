"""The model asked before the turn has ended: at a pause that sounds like its end.

Its answer is held. If the turn ends there, it is given at once; if the caller goes on, it is thrown
away: nothing of it is heard, told or remembered but what it cost.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tonewise.decision import Decision
from tonewise.facts import Patience
from tonewise.listener import Understood
from tonewise.mouth import Mouth
from tonewise.settings import Early
from tonewise.start import Start

LATELY = 20
"""Turns over which requests that were thrown away are counted."""


@dataclass(frozen=True, slots=True)
class TalkedPast:
    """A turn with words that waits for its answer.

    Attributes:
        ended: when it ended, on the wall clock.
        settle_s: seconds from then for which its answer must not be heard yet.
    """

    turn: int
    understood: Understood
    ended: float
    settle_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Begun:
    turn: int
    understood: Understood
    waiting: tuple[int, ...]
    decision: Decision
    start: Start


class HeadStart:
    """One call's.

    Args:
        settings: the `[early]` table.
        mouth: asks.
        decide: whom, for turns that are answered together.
    """

    def __init__(
        self,
        settings: Early,
        mouth: Mouth,
        decide: Callable[[Sequence[TalkedPast]], Decision],
    ) -> None:
        self._settings = settings
        self._mouth = mouth
        self._decide = decide
        self._begun: _Begun | None = None
        self._letting_go: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._thrown_away: deque[int] = deque(maxlen=settings.most_cancelled)  # in which turns

    def begin(
        self,
        turn: int,
        understood: Understood,
        patience: Patience,
        waiting: Sequence[TalkedPast],
        tasks: asyncio.TaskGroup,
    ) -> None:
        """Ask for the answer to what was said so far, if it sounds like all."""
        enough = self._settings.ask_from < 1 and patience.done >= self._settings.ask_from
        if not enough or self._begun or self._spent(turn):
            return
        said = TalkedPast(turn, understood, 0.0)
        decision, start = self._ask((*waiting, said))
        start.begin(tasks)
        self._tasks = tasks
        self._begun = _Begun(
            turn, understood, tuple(each.turn for each in waiting), decision, start
        )

    def take(
        self, waiting: tuple[TalkedPast, ...], tasks: asyncio.TaskGroup
    ) -> tuple[Decision, Start]:
        """The plan for turns that wait for their answer, and the request, which has begun.

        What was asked early counts only if it was asked of the very same: not with less said, nor
        with feelings of a caller who objects in this turn.
        """
        *past, last = waiting
        begun, here = self._begun, tuple(each.turn for each in past)
        same = begun and begun.understood is last.understood
        if begun and same and (begun.turn, begun.waiting) == (last.turn, here):
            self._begun = None
            self._remember(past)
            return begun.decision, begun.start
        self.drop()
        decision, start = self._ask(waiting)
        self._remember(past)
        start.begin(tasks)
        return decision, start

    def drop(self) -> None:
        """The caller goes on: throw away what was asked."""
        begun, self._begun = self._begun, None
        if begun and self._tasks:
            self._thrown_away.append(begun.turn)
            task = self._tasks.create_task(self._let_go(begun))
            self._letting_go.add(task)
            task.add_done_callback(self._letting_go.discard)

    def _spent(self, turn: int) -> bool:
        """Has too much been thrown away lately to try again?"""
        lately = sum(turn - each < LATELY for each in self._thrown_away)
        return lately >= self._settings.most_cancelled

    async def _let_go(self, begun: _Begun) -> None:
        try:
            await begun.start.close()
        finally:
            for attempt in begun.start.cut_off():
                self._mouth.tell(begun.turn, attempt, early=True)

    def _ask(self, waiting: Sequence[TalkedPast]) -> tuple[Decision, Start]:
        *past, last = waiting
        decision = self._decide(waiting)
        said = [each.understood.transcript.text for each in past]
        words = last.understood.transcript.text
        return decision, self._mouth.ask(last.turn, words, decision.plan, said)

    def _remember(self, past: Sequence[TalkedPast]) -> None:
        for each in past:
            understood = each.understood
            self._mouth.remember(each.turn, understood.transcript.text, understood.cues)
