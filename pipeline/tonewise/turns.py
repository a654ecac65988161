"""The turn-taking machine of one call: frames that are speech or not in, events out.

Its table, and what its words mean, stand in `floor.py`.
"""

from tonewise.audio import RATE, seconds
from tonewise.events import (
    EndReason,
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tonewise.facts import Patience
from tonewise.floor import (
    TABLE,
    Floor,
    FloorEvent,
    Hushed,
    Interjected,
    Lingered,
    Signal,
    Timing,
)

_END_REASONS: dict[Signal, EndReason] = {
    Signal.PATIENCE: "patience",
    Signal.TOO_LONG: "too_long",
    Signal.AUDIO_OVER: "end_of_audio",
}

_REPLYING = (Floor.REPLYING, Floor.OVERLAP, Floor.WEIGHING)


class TurnTaking:
    """The machine of one call. Pure: it hears only whether each frame was speech."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.floor = Floor.LISTENING
        self.turn = 0
        self.position = 0
        """Samples heard since the call began."""
        self.pauses: list[float] = []
        """The silences of the call that turned out to be pauses, in seconds."""
        self._speech_from = 0
        self._speech = 0  # samples of speech of an onset in the making
        self._began = 0
        self._last_speech = 0  # where the latest speech ended
        self._patience: Patience | None = None  # of this lull
        self._hushed = False  # of this silence it was told that the voice has fallen
        self._lingered = False
        self._answering = False  # a turn has ended that is not answered yet
        self._reply_over = False  # the reply ended under an overlap

    @property
    def reach(self) -> int:
        """How far back, in samples, a turn may begin: an onset drains as slowly as it fills."""
        return 2 * _samples(max(self.timing.onset, self.timing.barge_in))

    @property
    def replying(self) -> bool:
        """Is the floor ours, be it that the caller makes a sound?"""
        return self.floor in _REPLYING

    @property
    def silence_s(self) -> float:
        """Seconds since the caller's latest speech ended."""
        return seconds(self.position - self._last_speech)

    @property
    def span_s(self) -> tuple[float, float]:
        """Where the turn, or the sound over the reply, began and where its speech ended so far."""
        return seconds(self._began), seconds(self._last_speech)

    def hear(
        self, spoken: bool, samples: int, quiet: int = 0, *, sure: bool = True
    ) -> list[FloorEvent]:
        """Hear one frame of `samples` samples; what follows from it, in order.

        Args:
            spoken: does it hold speech?
            samples: how long it is.
            quiet: how many of them, at its end, come after the speech.
            sure: else it may be speech, which holds a reply, but takes the floor from nobody.
        """
        frame_began, self.position = self.position, self.position + samples
        if sure or self.floor is not Floor.OVERLAP:
            self._count(spoken, frame_began, samples)
        signal = self._signal(spoken, quiet)
        return self._step(signal) if signal else self._grow_silent()

    def wait(self, turn: int, patience: Patience) -> list[FloorEvent]:
        """Let the silence in which `turn` pauses last so long; a later one asks again.

        What follows, where it has lasted so long already: nobody is kept waiting for a frame.
        """
        if turn != self.turn or self.floor is not Floor.PAUSING:
            return []
        self._patience = patience
        return self._step(Signal.PATIENCE) if self._waited else []

    def weighs(self, sound: Interjected) -> bool:
        """Does it still count what a sound was? Of one that has gone on, the whole is weighed."""
        began_s, ended_s = self.span_s
        went_on = sound.start_s == began_s and sound.end_s < ended_s
        return sound.turn == self.turn and not went_on

    def weigh(self, sound: Interjected, meant: bool) -> list[FloorEvent]:
        """What a short sound over the reply was: words for us, or not; what follows.

        It may be known late, when the reply goes on already, or the caller makes another sound.
        """
        if not self.weighs(sound):
            return []
        late = self.floor is not Floor.WEIGHING or sound.start_s != self.span_s[0]
        if meant:
            self._began = min(self._began, _samples(sound.start_s))
        elif late:
            return []
        return self._step(Signal.MEANT if meant else Signal.NOT_MEANT)

    def reply_over(self, turn: int) -> None:
        """The reply to `turn` has been given: the floor is open, if it is still that turn's."""
        if turn != self.turn:
            return
        if self.floor in (Floor.OVERLAP, Floor.WEIGHING):
            self._reply_over = True
        elif over := TABLE.get((self.floor, Signal.REPLY_OVER)):
            self.floor, self._answering = over, False

    def typed(self) -> list[FloorEvent]:
        """The caller has typed something: a turn without sound, unless one is being spoken."""
        if self.floor in (Floor.SPEAKING, Floor.PAUSING):
            return []
        self._began = self._last_speech = self.position
        happened = self._take_floor()
        self.floor = Floor.REPLYING
        at = seconds(self.position)
        self._speech, self._answering = 0, True
        ended = TurnEnded(at=at, turn=self.turn, start_s=at, end_s=at, reason="keys")
        return [*happened, ended]

    def audio_over(self) -> list[FloorEvent]:
        """There is no more audio: a turn that has begun ends now."""
        return self._step(Signal.AUDIO_OVER)

    def _count(self, spoken: bool, frame_began: int, samples: int) -> None:
        """Speech towards an onset drains as it filled, so one odd frame does not undo it."""
        if spoken:
            if not self._speech:
                self._speech_from = frame_began
            self._speech += samples
        else:
            self._speech = max(0, self._speech - samples)

    def _signal(self, spoken: bool, quiet: int) -> Signal | None:
        timing = self.timing
        if self.floor in (Floor.LISTENING, Floor.REPLYING):
            enough = timing.onset if self.floor is Floor.LISTENING else timing.hold
            return Signal.ONSET if spoken and self._speech >= _samples(enough) else None
        resumed = spoken and self.floor in (Floor.PAUSING, Floor.WEIGHING)
        silence = self.position - self._last_speech
        if spoken and not resumed:
            self._last_speech = self.position - quiet
        if not self.replying and self.position - self._began >= _samples(timing.longest_turn):
            return Signal.TOO_LONG
        if resumed:
            return Signal.SPEECH
        if self.floor is Floor.OVERLAP and self._goes_on:
            return Signal.BARGE_IN
        if self.floor in (Floor.PAUSING, Floor.WEIGHING):
            return Signal.PATIENCE if self._waited else None
        return Signal.LULL if not spoken and silence >= _samples(timing.lull) else None

    @property
    def _goes_on(self) -> bool:
        """Has the sound over the reply lasted, or come and gone for too long to be weighed?"""
        timing, lasts = self.timing, self.position - self._began
        enough = self._speech >= _samples(timing.barge_in)
        return enough or lasts >= _samples(timing.barge_in + timing.weigh)

    @property
    def _patience_s(self) -> float:
        if self.floor is Floor.WEIGHING:
            return self.timing.weigh
        return min(self._patience.seconds, MOST_S) if self._patience else self.timing.patience

    @property
    def _waited(self) -> bool:
        return self.position - self._last_speech >= _samples(self._patience_s)

    def _grow_silent(self) -> list[FloorEvent]:
        """What a silence comes to that is no lull yet, or has been one for long."""
        if self.floor is Floor.SPEAKING:
            before, self._hushed = self._hushed, self.silence_s >= self.timing.hush
            return [Hushed(self.turn)] if self._hushed and not before else []
        if self.floor is not Floor.PAUSING or self._lingered:
            return []
        self._lingered = self.silence_s >= self.timing.linger
        return [Lingered(self.turn)] if self._lingered else []

    def _step(self, signal: Signal) -> list[FloorEvent]:
        before = self.floor
        after = TABLE.get((before, signal))
        if after is None:
            return []
        self.floor = after
        return self._what_happened(before, signal)

    def _what_happened(self, before: Floor, signal: Signal) -> list[FloorEvent]:
        match signal:
            case Signal.ONSET:
                return self._began_to_speak(before)
            case Signal.BARGE_IN | Signal.MEANT:
                return self._take_floor(paused=self.floor is Floor.PAUSING)
            case Signal.LULL:
                return [self._fell_silent(before)]
            case Signal.SPEECH:
                return self._speaks_on(before)
        return self._let_go_on() if before is Floor.WEIGHING else [self._turn_ended(signal)]

    def _began_to_speak(self, before: Floor) -> list[FloorEvent]:
        # Sound that wavers about the threshold fills and drains for as long as it likes.
        self._began = max(self._speech_from, self.position - self.reach)
        self._last_speech = self.position
        if before is Floor.REPLYING:
            return [ReplyHeld(at=seconds(self.position), turn=self.turn)]
        return self._take_floor()

    def _fell_silent(self, before: Floor) -> SpeechPaused | Interjected:
        if before is Floor.OVERLAP:
            return Interjected(self.turn, *self.span_s)
        self._patience, self._lingered = None, False
        return SpeechPaused(at=seconds(self.position), turn=self.turn)

    def _take_floor(self, *, paused: bool = False) -> list[FloorEvent]:
        at = seconds(self.position)
        happened: list[FloorEvent] = []
        if self._answering and not self._reply_over:
            happened.append(ReplyInterrupted(at=at, turn=self.turn))
        self.turn += 1
        self._answering = False
        self._reply_over = False
        happened.append(SpeechStarted(at=at, turn=self.turn, start_s=seconds(self._began)))
        if paused:
            self._patience, self._lingered = None, False
            happened.append(SpeechPaused(at=at, turn=self.turn))
        return happened

    def _speaks_on(self, before: Floor) -> list[FloorEvent]:
        paused_s, self._last_speech = self.silence_s, self.position
        if before is Floor.WEIGHING:
            return []
        self.pauses.append(paused_s)
        del self.pauses[:-_REMEMBERED]
        return [SpeechResumed(at=seconds(self.position), turn=self.turn, paused_s=paused_s)]

    def _let_go_on(self) -> list[FloorEvent]:
        self._speech = 0
        happened: list[FloorEvent] = [ReplyResumed(at=seconds(self.position), turn=self.turn)]
        if self._reply_over:
            self._reply_over = False
            self.reply_over(self.turn)
        return happened

    def _turn_ended(self, signal: Signal) -> TurnEnded:
        self._speech, self._answering = 0, True
        start_s, end_s = self.span_s
        return TurnEnded(
            at=seconds(self.position),
            turn=self.turn,
            start_s=start_s,
            end_s=end_s,
            reason=_END_REASONS[signal],
            patience=self._patience if signal is Signal.PATIENCE else None,
        )


MOST_S = 5.0
"""No silence in a turn is waited for longer: as long as `Timing.patience` may be."""

_REMEMBERED = 32
"""Pauses of the caller's that are kept: how somebody paused half an hour ago says little."""


def _samples(duration: float) -> int:
    return round(duration * RATE)
