"""What caller and agent say to each other: turns read ahead, weighed, understood and answered.

The half of the conductor that knows what words are; `call.py` is the half that knows sound.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from tonewise.backchannel import is_meant
from tonewise.decision import Decider, Decision, continued
from tonewise.ear import Ear, HeardNow
from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnTranscribed,
)
from tonewise.facts import Patience, Transcript, VoiceCues
from tonewise.floor import Floor, Interjected
from tonewise.head_start import HeadStart, TalkedPast
from tonewise.joining import MOST_PIECES, joined
from tonewise.listener import Listener, Outcome, Understood, place, unhurried
from tonewise.mouth import Mouth
from tonewise.partials import Partials
from tonewise.peer import Greeting
from tonewise.reply import Reply
from tonewise.stages import Lull, TurnAudio
from tonewise.tuning import Tuning
from tonewise.voice import Voice
from tonewise.wishes import Wishes


class Dialogue:
    """One call's.

    Args:
        engines: shared by all calls.
        greeting: what is known of the call.
        ear: says what the floor makes of it.
        voice: speaks, where the peer can hear us.
        emit: takes what happens.
        react: acts on what the ear makes of a sound that was weighed.
        end: ends the call, with the reason.
        clock: seconds on the wall clock.
        calendar: the local time; None in lock-step.
    """

    def __init__(
        self,
        engines: Engines,
        greeting: Greeting,
        ear: Ear,
        voice: Voice,
        emit: Callable[[AnyEvent], None],
        react: Callable[[HeardNow], None],
        end: Callable[[str], None],
        clock: Callable[[], float],
        calendar: Callable[[], datetime] | None,
    ) -> None:
        self._engines = engines
        self._config = engines.config
        self.ear = ear
        self.voice = voice
        self._emit = emit
        self._react = react
        self._end = end
        self._clock = clock
        self._live = calendar is not None
        self.listener = Listener(engines, greeting.language, clock)
        self.partials = Partials(engines, ear, greeting.language, clock, live=self._live)
        self._decider = Decider(engines, greeting, clock, calendar)
        self.mouth = Mouth(engines, voice, emit, self._at, clock, self._reply_over, self._live)
        self.head_start = HeadStart(self._config.early, self.mouth, self._decide)
        self._hearing = asyncio.Lock()  # one turn at a time, in the order in which they were said
        self._unanswered: list[TalkedPast] = []
        self._in_reply: list[TalkedPast] = []  # what the reply in the making answers
        self._unheard: list[TalkedPast] = []  # answered, but the caller went on before it was heard
        self.wishes = Wishes(engines, emit, self._at, self._tune, live=self._live)
        self.talk_over = 0
        """The latest turn that began over the words of a reply."""
        self.respect: Callable[[Understood], Understood] = lambda understood: understood
        """What of an understood turn may be told and used."""
        self.hand_over: Callable[[], None] = lambda: None
        """Told when the model wants a person to take the call, and the caller has heard so."""

    def _at(self) -> float:
        return self.ear.position_s

    def _tune(self, tuning: Tuning) -> None:
        self._decider.tuning = tuning
        self.listener.patience_times = tuning.patience

    # ------------------------------------------------------------ reading ahead

    async def read_at_once(self, turn: int, sound: TurnAudio) -> None:
        """The voice has just fallen: have it read, so that the words are there in time.

        On the audio's clock reading takes none, and nothing would be gained.
        """
        taking = self.ear.taking

        def wanted() -> bool:
            speaking = taking.floor in (Floor.SPEAKING, Floor.PAUSING)
            return turn == taking.turn and speaking and self._is_latest(sound)

        if self._live:
            await self.listener.read_at_once(sound, wanted)

    async def read_ahead(
        self, turn: int, sound: TurnAudio, tasks: asyncio.TaskGroup, *, lingering: bool
    ) -> None:
        """At a pause: what was said so far, how long to wait, and perhaps ask the model already."""
        taking = self.ear.taking

        def wanted() -> bool:
            return (turn, taking.floor) == (taking.turn, Floor.PAUSING) and self._is_latest(sound)

        def lull(words: Transcript | None = None, cues: VoiceCues | None = None) -> Lull:
            return Lull(sound, taking.silence_s, words, cues, tuple(taking.pauses))

        if not lingering and not self.listener.reads(sound):
            guess = (await self.listener.patience(lull())).value
            if guess and guess.done < self._config.early.read_from:
                return  # it sounds unfinished: read it when the silence lasts
        understood = await self.listener.read(sound, wanted)
        if understood is None:
            return
        self.partials.show(turn, understood.transcript, sound.start_s + sound.duration_s)
        judged = await self.listener.patience(lull(understood.transcript, understood.cues))
        if judged.value is None:
            self._fail(turn, "endpoint", self._engines.endpoint.name, judged.error)
        elif wanted():
            patience = judged.value if self._live else unhurried(judged.value)
            # While an interrupted reply lets go, the model would not be told of it.
            ready = self._live and not self.mouth.answering
            if ready and understood.transcript.text.strip():
                self.head_start.begin(turn, understood, patience, self._unanswered, tasks)
            for heard in self.ear.wait(turn, patience):
                self._react(heard)

    def _is_latest(self, sound: TurnAudio) -> bool:
        """Has nothing been said since?"""
        heard_s = sound.start_s + (place(sound)[1] + 1) * sound.frame_s
        return heard_s > self.ear.taking.span_s[1] - 0.001

    async def weigh(self, over: Interjected, sound: TurnAudio) -> None:
        """A short sound over the reply: words for us, or does the reply go on?"""
        asked, ours = self.mouth.asked, self.mouth.saying  # when it was said: STT may take long
        words = await self.listener.transcribe(sound, lambda: self.ear.taking.weighs(over))
        meant = words is not None and is_meant(words, asked=asked, ours=ours)
        for heard in self.ear.weigh(over, meant):
            self._react(heard)

    # ------------------------------------------------------------ taking a turn

    async def take_turn(
        self, over: TurnEnded, sound: TurnAudio, ended: float, tasks: asyncio.TaskGroup
    ) -> None:
        """Understand a turn; then answer it, unless the caller has taken the floor again.

        A turn that was talked past waits for what came over it. Words go on from it, and the answer
        to them is the answer to both; a cough asks nothing, and leaves it to be answered.
        """
        turn = over.turn
        async with self._hearing:
            understood = self.respect(await self.listener.understand(sound))
            self._tell(turn, understood)
        if understood.transcript.text.strip():
            self._unanswered.append(TalkedPast(turn, understood, ended, _settle_s(over.patience)))
        else:
            self._emit(TurnIgnored(at=self._at(), turn=turn, reason="no words were heard"))
        await self._answer(turn, tasks)

    async def take_typed(
        self, turn: int, digits: str, ended: float, tasks: asyncio.TaskGroup
    ) -> None:
        """A turn that was typed on the keys of a telephone."""
        typed = Transcript(digits, digits=digits)
        async with self._hearing:
            self._emit(TurnTranscribed(at=self._at(), turn=turn, transcript=typed))
        nothing: Outcome[VoiceCues] = Outcome(None, 0.0)
        understood = Understood(Outcome(typed, 0.0), nothing)
        self._unanswered.append(TalkedPast(turn, understood, ended))
        await self._answer(turn, tasks)

    async def _answer(self, turn: int, tasks: asyncio.TaskGroup) -> None:
        """Answer all that waits for it, unless the caller has taken the floor again."""
        await self.mouth.free()
        if turn != self.ear.taking.turn:
            return
        if not self._unanswered:
            self.ear.taking.reply_over(turn)
            return
        waiting, self._unanswered = tuple(self._unanswered), []
        decision, start = self.head_start.take(waiting, tasks)
        for event in decision.events(self._at(), waiting[-1].turn):
            self._emit(event)
        last = waiting[-1]
        self.wishes.routed(last.turn)
        self._in_reply = [*self._unheard, *waiting]
        words, cues = last.understood.transcript.text, last.understood.cues
        await self.mouth.answer(
            Reply(
                last.turn,
                words,
                decision.plan,
                last.ended,
                cues,
                answers=turn,
                settle_s=last.settle_s,
            ),
            start,
        )

    def _decide(self, waiting: Sequence[TalkedPast]) -> Decision:
        """Who should answer what was said in these turns, and in those whose reply nobody heard?"""
        pieces, last = [*self._unheard, *waiting][-MOST_PIECES:], waiting[-1]
        words, cues = joined([each.understood for each in pieces])
        unheard = {each.turn for each in self._unheard}
        decision = self._decider.decide(
            last.turn,
            words,
            cues,
            tuple(past for past in self.mouth.history if past.turn not in unheard),
            self._at(),
            talk_over=last.turn == self.talk_over,
        )
        return continued(decision, len(pieces))

    def _reply_over(self, reply: Reply) -> None:
        lost = reply.interrupted and not reply.given
        self._unheard = self._in_reply[-MOST_PIECES:] if lost else []
        if self.voice.speaks and not reply.interrupted:
            self.ear.floor_given_s = self._at()
        self.ear.taking.reply_over(reply.answers)
        if reply.hand_over and not reply.interrupted:
            self.hand_over()
        if reply.hang_up and not reply.interrupted:
            self._end("the agent ended the call")

    def _tell(self, turn: int, understood: Understood) -> None:
        """What was said and how; told in the same order on every run."""
        heard, measured = understood.heard, understood.measured
        if heard.value is None:
            self._fail(turn, "stt", self._engines.stt.name, heard.error)
        else:
            self._emit(
                TurnTranscribed(at=self._at(), turn=turn, transcript=heard.value, stt_ms=heard.ms)
            )
        if measured.value is None:
            self._fail(turn, "acoustic", self._engines.acoustic.name, measured.error)
        else:
            self._emit(
                TurnMeasured(at=self._at(), turn=turn, cues=measured.value, acoustic_ms=measured.ms)
            )

    def _fail(self, turn: int, stage: str, engine: str, error: str) -> None:
        self._emit(StageFailed(at=self._at(), turn=turn, stage=stage, engine=engine, error=error))


def _settle_s(patience: Patience | None) -> float:
    """Seconds after the end of a turn for which its answer must not be heard yet."""
    if patience is None or patience.settled is None:
        return 0.0
    return max(0.0, patience.settled - patience.seconds)
