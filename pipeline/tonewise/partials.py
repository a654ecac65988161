"""The transcript as it grows: what was said so far, shown before the turn is over.

At pauses the turn is read ahead anyway, and what was read is shown: that costs nothing. While the
caller speaks on and on it is read now and then besides, where nobody has anything else to compute.
Only the caller's page is told: nothing is decided by it, and in a recording it would be noise.
"""

import asyncio
from collections.abc import Callable

from tonewise.ear import Ear
from tonewise.engines import Engines
from tonewise.events import AnyEvent
from tonewise.facts import Transcript, as_told
from tonewise.floor import Floor
from tonewise.live_events import TurnPartlyTranscribed
from tonewise.stages import TurnAudio

_REST = 3.0
"""Times as long as the last reading took, until the next: at most a quarter of a core is spent."""


class Partials:
    """One call's.

    Args:
        engines: shared by all calls.
        ear: knows what was said so far.
        language: what the caller is known to speak.
        clock: seconds on the wall clock.
        live: False: nothing is shown.
    """

    def __init__(
        self,
        engines: Engines,
        ear: Ear,
        language: str | None,
        clock: Callable[[], float],
        *,
        live: bool,
    ) -> None:
        self.tell: Callable[[AnyEvent], None] | None = None
        """Takes what is shown; None: nobody looks, as on a telephone, and nothing is read."""
        self._every_s = engines.config.stt.partials if live else 0.0
        self._spare = engines.spare
        self._stt = engines.stt.open(language or engines.config.stt.language)
        self._ear = ear
        self._clock = clock
        self._turn = 0
        self._read_s = 0.0  # up to where it was read, in seconds of the call
        self._rest_until = 0.0
        self._shown = ""

    def show(self, turn: int, transcript: Transcript, upto_s: float) -> None:
        """What was read of a turn up to second `upto_s`; shown where it is new."""
        self._follow(turn)
        older = upto_s < self._read_s
        self._read_s = max(self._read_s, upto_s)
        taking = self._ear.taking
        over = turn != taking.turn or taking.floor not in (Floor.SPEAKING, Floor.PAUSING)
        off = not self._every_s or over or older
        if self.tell is None or off or transcript.text in ("", self._shown):
            return
        self._shown = transcript.text
        partly = TurnPartlyTranscribed(at=self._ear.position_s, turn=turn, transcript=transcript)
        self.tell(partly)

    def listen_along(self, tasks: asyncio.TaskGroup) -> None:
        """The caller speaks: read along, if it is time and nothing else is to be computed."""
        taking = self._ear.taking
        if not self._every_s or self.tell is None or taking.floor is not Floor.SPEAKING:
            return
        self._follow(taking.turn)
        unread = self._ear.position_s - max(self._read_s, taking.span_s[0])
        if unread < self._every_s or not self._spare.free or self._clock() < self._rest_until:
            return
        tasks.create_task(self._read(taking.turn, self._ear.so_far(), self._ear.position_s))

    def _follow(self, turn: int) -> None:
        if turn != self._turn:
            self._turn, self._shown = turn, ""

    async def _read(self, turn: int, sound: TurnAudio, upto_s: float) -> None:
        self._read_s = upto_s
        began = self._clock()
        try:
            heard = as_told(await self._spare.run(self._stt.transcribe, sound), Transcript)
        except Exception:  # noqa: BLE001 - told where it matters: when the turn is transcribed
            self._rest_until = float("inf")
            return
        self._rest_until = self._clock() + _REST * (self._clock() - began)
        self.show(turn, heard, upto_s)
