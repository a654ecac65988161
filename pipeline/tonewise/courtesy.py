"""Manners of one call: the caller is told what is heard, may object, and is not left in silence.

Feelings are read from the voice only where `consent.py` says so; what it decides is told as events
and done at once, also to a turn that is being heard just now.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from tonewise.consent import Change, Consent, without_feelings
from tonewise.dialogue import Dialogue
from tonewise.engines import Engines
from tonewise.events import AnyEvent, ConsentChanged, NoticeGiven
from tonewise.floor import Floor
from tonewise.listener import Understood
from tonewise.peer import Transport

_LOOK_S = 0.25

_AGAIN_S = 2.0
"""Before a notice that was interrupted, or that the voice could not say, is tried again."""


class Courtesy:
    """One call's.

    Args:
        engines: shared by all calls.
        transport: the peer.
        dialogue: knows who has the floor, reads feelings or does not, and says what is to be said.
        emit: takes what happens.
        clock: seconds on the wall clock.
        end: ends the call, with the reason.
    """

    def __init__(
        self,
        engines: Engines,
        transport: Transport,
        dialogue: Dialogue,
        emit: Callable[[AnyEvent], None],
        clock: Callable[[], float],
        end: Callable[[str], None],
    ) -> None:
        self._settings = engines.config.emotion
        self._greeting = transport.greeting
        self._speech = engines.config.speech
        self._reads_feelings = getattr(engines.acoustic, "emotion", True)
        self._ear = dialogue.ear
        self._listener = dialogue.listener
        self._mouth = dialogue.mouth
        self._voice = dialogue.voice
        self._emit = emit
        self._clock = clock
        self._end = end
        self.quiet_since = clock()
        """When somebody last said something, on the wall clock."""
        self._consent = Consent(
            self._settings,
            keys=transport.has_keys,
            recorded=transport.lock_step,
            possible=self._reads_feelings,
        )
        self._telling: asyncio.Task[None] | None = None
        self._listener.acoustic.emotion = self._consent.on

    # ------------------------------------------------------------ feelings

    def give_notice(self, tasks: asyncio.TaskGroup) -> None:
        """Tell the caller that feelings are read, where they are not told yet."""
        if self._consent.notice is None:
            return
        shown = self._greeting.notice_shown
        if self._settings.notice_spoken and self._voice.speaks and not shown:
            if self._telling is None or self._telling.done():
                self._telling = tasks.create_task(self._say_notice())
        else:
            self._tell_notice(self._consent.notice, spoken=False)

    def stop(self) -> None:
        """The call is over."""
        if self._telling:
            self._telling.cancel()

    def pressed(self, digits: str) -> bool:
        """The caller typed something; True where that was to object."""
        being_told = self._consent.notice is not None
        change = self._consent.pressed(digits)
        self._change(change)
        return change is not None or (being_told and self._consent.notice is None)

    def switched(self, on: bool, tasks: asyncio.TaskGroup) -> None:
        """The caller's application wants feelings read, or not."""
        self._change(self._consent.switched(on))
        if on:
            self.give_notice(tasks)

    def respect(self, understood: Understood) -> Understood:
        """What was understood, without the feelings of a caller who does not want them read."""
        self._change(self._consent.said(understood.transcript.text))
        if self._consent.on or not understood.cues or not self._reads_feelings:
            return understood
        if understood.cues.emotion is None and understood.cues.arousal is None:
            return understood
        cues = without_feelings(understood.cues, "the caller does not want it")
        return replace(understood, measured=replace(understood.measured, value=cues))

    async def _say_notice(self) -> None:
        """Until it is heard out: over it the caller may speak, and has not been told then."""
        while (notice := self._consent.notice) is not None:
            taking = self._ear.taking
            if taking.floor is not Floor.LISTENING or self._voice.busy.is_set():
                await asyncio.sleep(_LOOK_S)
            elif not await self._mouth.say(taking.turn, notice, "notice"):
                await asyncio.sleep(_AGAIN_S)
            elif self._consent.notice is not None:  # nobody has objected meanwhile
                self._tell_notice(notice, spoken=True)

    def _tell_notice(self, text: str, *, spoken: bool) -> None:
        self._emit(NoticeGiven(at=self._ear.position_s, text=text, spoken=spoken))
        self._change(self._consent.given())

    def _change(self, change: Change | None) -> None:
        if change is None:
            return
        self._listener.acoustic.emotion = self._consent.on
        self._emit(ConsentChanged(at=self._ear.position_s, emotion=change.on, by=change.by))

    # ------------------------------------------------------------ silence

    async def mind_the_silence(self) -> None:
        """A caller who says nothing is asked once; then the call is closed."""
        after_s = self._speech.idle_after
        asked = -1
        while after_s:
            await asyncio.sleep(min(1.0, after_s / 4))
            taking = self._ear.taking
            if taking.floor is not Floor.LISTENING or self._voice.busy.is_set():
                self.quiet_since = self._clock()
                continue
            if self._clock() - self.quiet_since < after_s:
                continue
            if asked == taking.turn:
                self._end(f"idle: nobody said anything for {2 * after_s:g} s")
                return
            asked = taking.turn
            await self._mouth.say(taking.turn, self._speech.idle_prompt, "idle")
            self.quiet_since = self._clock()
