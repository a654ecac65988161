"""Who has the floor: turn-taking as a table.

Time is counted in samples of caller audio, so the same recording gives the same turns at any speed.

    floor      signal      next floor  what it means
    LISTENING  ONSET       SPEAKING    the caller takes the floor: turn + 1
    SPEAKING   LULL        PAUSING     silence: to think, or done?
    PAUSING    SPEECH      SPEAKING    only to think
    PAUSING    PATIENCE    REPLYING    done: the turn is ours to answer
    SPEAKING   TOO_LONG    REPLYING    nobody listens for ever
    PAUSING    TOO_LONG    REPLYING
    SPEAKING   AUDIO_OVER  REPLYING    the recording ends in a turn
    PAUSING    AUDIO_OVER  REPLYING
    REPLYING   ONSET       SPEAKING    barge-in: the caller takes the floor back, turn + 1
    REPLYING   REPLY_OVER  LISTENING   only if it names the turn that is being answered

A pair that is not in the table changes nothing: a reply that ends late, for a turn that is no
longer being answered, cannot take the floor from anybody.
"""

from enum import Enum, auto
from typing import Annotated

import msgspec
from msgspec import Meta

from tonewise.audio import RATE, seconds
from tonewise.events import (
    EndReason,
    ReplyInterrupted,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)

FloorEvent = SpeechStarted | SpeechPaused | SpeechResumed | TurnEnded | ReplyInterrupted


class Floor(Enum):
    """What is going on between the two sides."""

    LISTENING = auto()
    SPEAKING = auto()
    PAUSING = auto()
    REPLYING = auto()


class Signal(Enum):
    """What can change that."""

    ONSET = auto()
    SPEECH = auto()
    LULL = auto()
    PATIENCE = auto()
    TOO_LONG = auto()
    AUDIO_OVER = auto()
    REPLY_OVER = auto()


TABLE: dict[tuple[Floor, Signal], Floor] = {
    (Floor.LISTENING, Signal.ONSET): Floor.SPEAKING,
    (Floor.SPEAKING, Signal.LULL): Floor.PAUSING,
    (Floor.PAUSING, Signal.SPEECH): Floor.SPEAKING,
    (Floor.PAUSING, Signal.PATIENCE): Floor.REPLYING,
    (Floor.SPEAKING, Signal.TOO_LONG): Floor.REPLYING,
    (Floor.PAUSING, Signal.TOO_LONG): Floor.REPLYING,
    (Floor.SPEAKING, Signal.AUDIO_OVER): Floor.REPLYING,
    (Floor.PAUSING, Signal.AUDIO_OVER): Floor.REPLYING,
    (Floor.REPLYING, Signal.ONSET): Floor.SPEAKING,
    (Floor.REPLYING, Signal.REPLY_OVER): Floor.LISTENING,
}

_END_REASONS: dict[Signal, EndReason] = {
    Signal.PATIENCE: "patience",
    Signal.TOO_LONG: "too_long",
    Signal.AUDIO_OVER: "end_of_audio",
}


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long is long enough, in seconds.

    Attributes:
        onset: speech that begins a turn; shorter sounds are coughs and clicks.
        barge_in: speech over a reply that interrupts it; longer than `onset`, because our own voice
            comes back over the line as an echo.
        lull: silence that counts as a pause.
        patience: silence that ends the turn.
        longest_turn: after this the turn ends even if the caller speaks on.
        lead_in: sound kept from before the onset, so that no first consonant is lost.
        tail: sound kept from after the last speech.
    """

    onset: Annotated[float, Meta(gt=0, le=1)] = 0.1
    barge_in: Annotated[float, Meta(gt=0, le=2)] = 0.25
    lull: Annotated[float, Meta(gt=0, le=2)] = 0.2
    patience: Annotated[float, Meta(gt=0, le=5)] = 0.7
    longest_turn: Annotated[float, Meta(ge=1, le=600)] = 60.0
    lead_in: Annotated[float, Meta(ge=0, le=2)] = 0.3
    tail: Annotated[float, Meta(ge=0, le=2)] = 0.2


class TurnTaking:
    """The machine of one call. Pure: it hears only whether each frame was speech."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.floor = Floor.LISTENING
        self.turn = 0
        self.position = 0
        """Samples heard since the call began."""
        self._speech_from = 0
        self._speech = 0  # samples of speech of an onset in the making
        self._began = 0
        self._last_speech = 0  # where the latest speech ended

    @property
    def reach(self) -> int:
        """How far back, in samples, a turn may begin: an onset drains as slowly as it fills."""
        return 2 * _samples(max(self.timing.onset, self.timing.barge_in))

    def hear(self, spoken: bool, samples: int) -> list[FloorEvent]:
        """Hear one frame of `samples` samples; what follows from it, in order."""
        frame_began, self.position = self.position, self.position + samples
        self._count(spoken, frame_began, samples)
        signal = self._signal(spoken)
        return self._step(signal) if signal else []

    def reply_over(self, turn: int) -> None:
        """The reply to `turn` has been given: the floor is open, if it is still that turn's."""
        if turn == self.turn:
            self._step(Signal.REPLY_OVER)

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

    def _signal(self, spoken: bool) -> Signal | None:
        if self.floor in (Floor.LISTENING, Floor.REPLYING):
            enough = self.timing.onset if self.floor is Floor.LISTENING else self.timing.barge_in
            return Signal.ONSET if spoken and self._speech >= _samples(enough) else None
        resumed = spoken and self.floor is Floor.PAUSING
        silence = self.position - self._last_speech
        if spoken and not resumed:
            self._last_speech = self.position
        if self.position - self._began >= _samples(self.timing.longest_turn):
            return Signal.TOO_LONG
        if resumed:
            return Signal.SPEECH
        if self.floor is Floor.PAUSING:
            return Signal.PATIENCE if silence >= _samples(self.timing.patience) else None
        return Signal.LULL if not spoken and silence >= _samples(self.timing.lull) else None

    def _step(self, signal: Signal) -> list[FloorEvent]:
        before = self.floor
        after = TABLE.get((before, signal))
        if after is None:
            return []
        self.floor = after
        return self._what_happened(before, signal)

    def _what_happened(self, before: Floor, signal: Signal) -> list[FloorEvent]:
        at = seconds(self.position)
        match signal:
            case Signal.ONSET:
                interrupted = [ReplyInterrupted(at=at, turn=self.turn)]
                self.turn += 1
                # Sound that wavers about the threshold fills and drains for as long as it likes.
                self._began = max(self._speech_from, self.position - self.reach)
                self._last_speech = self.position
                started = SpeechStarted(at=at, turn=self.turn, start_s=seconds(self._began))
                return [*(interrupted if before is Floor.REPLYING else []), started]
            case Signal.LULL:
                return [SpeechPaused(at=at, turn=self.turn)]
            case Signal.SPEECH:
                paused = seconds(self.position - self._last_speech)
                self._last_speech = self.position
                return [SpeechResumed(at=at, turn=self.turn, paused_s=paused)]
            case Signal.PATIENCE | Signal.TOO_LONG | Signal.AUDIO_OVER:
                self._speech = 0
                start_s, end_s = seconds(self._began), seconds(self._last_speech)
                reason = _END_REASONS[signal]
                return [
                    TurnEnded(at=at, turn=self.turn, start_s=start_s, end_s=end_s, reason=reason)
                ]
        return []


def _samples(duration: float) -> int:
    return round(duration * RATE)
