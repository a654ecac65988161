"""The computing stages of one call, asked from the event loop: words, cues, and is it over?

They run in worker threads. What was once understood is not computed again: a turn is read ahead at
its pauses, and when the turn ends at such a pause, its words are there already.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from tonewise.engines import Engines
from tonewise.facts import Patience, Transcript, VoiceCues, as_told
from tonewise.stages import Lull, TurnAudio
from tonewise.turns import MOST_S

T = TypeVar("T")
A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a stage gave, how long it took, and what went wrong where it gave nothing."""

    value: T | None
    ms: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Understood:
    """What was said in a sound, and how."""

    heard: Outcome[Transcript]
    measured: Outcome[VoiceCues]

    @property
    def transcript(self) -> Transcript:
        """The words; none where STT failed."""
        return self.heard.value or Transcript("")

    @property
    def cues(self) -> VoiceCues | None:
        """How it was said; None where that could not be measured."""
        return self.measured.value


SHARE, LENT_S = 0.35, 1.0
"""Seconds that may be spent on reading at once, for every second of sound, and at the most in a
row. Where STT is slow, or has much to do, it is asked less often."""

Place = tuple[float, int]
"""Which speech a sound holds: where it begins, and its last frame of speech."""


def place(sound: TurnAudio) -> Place:
    """The same for every sound that holds the same speech, however much silence follows it."""
    spoken = sound.spoken.nonzero()[0]
    return sound.start_s, int(spoken[-1]) if len(spoken) else -1


class Listener:
    """One call's.

    Args:
        engines: shared by all calls.
        language: what the caller is known to speak.
        clock: seconds on the wall clock.
    """

    def __init__(self, engines: Engines, language: str | None, clock: Callable[[], float]) -> None:
        self._engines = engines
        self._config = engines.config
        self._clock = clock
        self._stt = engines.stt.open(language or self._config.stt.language)
        self.acoustic = engines.acoustic.open()
        self._endpoint = engines.endpoint.open(language or self._config.stt.language)
        self.patience_times = 1.0
        """Times as long as the engine says a silence is waited for, as the caller wishes."""
        self._one_at_a_time = asyncio.Lock()
        self._known: tuple[Place, Understood] | None = None
        self._reading: Place | None = None
        self._budget_s, self._budgeted_s = LENT_S, 0.0

    def reads(self, sound: TurnAudio) -> bool:
        """Is it being read, or known already?"""
        return place(sound) in (self._reading, self._known and self._known[0])

    async def read_at_once(self, sound: TurnAudio, wanted: Callable[[], bool]) -> None:
        """Read it ahead of the lull, if that has not cost too much lately.

        The voice falls twice in every second of speech, and seldom stays so.
        """
        now_s = sound.start_s + sound.duration_s
        earned_s = SHARE * max(0.0, now_s - self._budgeted_s)
        self._budget_s = min(LENT_S, self._budget_s + earned_s)
        self._budgeted_s = now_s
        busy = self._engines.spare.stages >= self._config.stt.workers
        if busy or self._budget_s <= 0:
            return
        began = self._clock()
        self._reading = place(sound)
        await self.read(sound, wanted)
        self._budget_s -= self._clock() - began

    async def read(self, sound: TurnAudio, wanted: Callable[[], bool]) -> Understood | None:
        """The same ahead of time; None where nobody wants it any more once its turn has come."""
        async with self._one_at_a_time:
            return await self._understand(sound) if wanted() else None

    async def understand(self, sound: TurnAudio) -> Understood:
        """What was said and how, side by side; at once where it has been computed before."""
        async with self._one_at_a_time:
            return await self._understand(sound)

    async def _understand(self, sound: TurnAudio) -> Understood:
        here = place(sound)
        if self._known and self._known[0] == here:
            return self._known[1]
        heard, measured = await asyncio.gather(
            self._compute(self._stt.transcribe, sound, Transcript),
            self._compute(self.acoustic.measure, sound, VoiceCues),
        )
        understood = Understood(heard, measured)
        self._known = here, understood
        return understood

    async def transcribe(self, sound: TurnAudio, wanted: Callable[[], bool]) -> Transcript | None:
        """The words of a sound over our reply; None where STT failed, or nobody wants them."""
        async with self._one_at_a_time:
            if not wanted():
                return None
            return (await self._compute(self._stt.transcribe, sound, Transcript)).value

    async def patience(self, lull: Lull) -> Outcome[Patience]:
        """How long to wait in a pause."""
        judged = await self._compute(self._endpoint.patience, lull, Patience)
        if judged.value is None or self.patience_times == 1.0:
            return judged
        return replace(judged, value=stretched(judged.value, self.patience_times))

    async def _compute(self, stage: Callable[[A], T], about: A, kind: type[T]) -> Outcome[T]:
        """Run a stage in a worker thread. Its failure is a result, not an exception."""
        began = self._clock()
        loop = asyncio.get_running_loop()
        self._engines.spare.stages += 1
        try:
            async with asyncio.timeout(self._config.stt.timeout) as bound:
                found = await loop.run_in_executor(self._engines.workers, stage, about)
            value = as_told(found, kind)
        except Exception as error:  # noqa: BLE001 - an engine may break in any way: it costs a turn
            late = f"no result in {self._config.stt.timeout:g} s"
            told = late if bound.expired() else f"{type(error).__name__}: {error}"
            return Outcome(None, self._ms(began), told)
        finally:
            self._engines.spare.stages -= 1
        return Outcome(value, self._ms(began))

    def _ms(self, began: float) -> float:
        return round((self._clock() - began) * 1000, 3)


def stretched(patience: Patience, times: float) -> Patience:
    """The same, so many times as long, within what any turn is waited for."""
    seconds = round(min(patience.seconds * times, MOST_S), 3)
    settled = patience.settled and round(min(patience.settled * times, MOST_S), 3)
    why = f"{patience.reason}; {times:g} times as long, as wished".removeprefix("; ")
    return msgspec.structs.replace(patience, seconds=seconds, settled=settled, reason=why)


def unhurried(patience: Patience) -> Patience:
    """The same where nothing is gained by beginning early: a turn is over when it is settled."""
    return msgspec.structs.replace(patience, seconds=patience.settled or patience.seconds)
