"""The ear of one call: sound in, turns out.

It asks the VAD about every frame, tells the turn-taking machine, and keeps just as much sound as
the turn in the making needs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from tonewise.audio import RATE, Framer, Samples, seconds
from tonewise.echo import STRETCH_S, Echo
from tonewise.events import SpeechPaused, SpeechStarted, StageFailed, TurnEnded
from tonewise.facts import Patience
from tonewise.floor import Floor, FloorEvent, Hushed, Interjected, Lingered, Timing
from tonewise.loudness import Loudness, window
from tonewise.stages import TurnAudio, VadEngine
from tonewise.turns import TurnTaking

RELEASE = 0.15
"""A frame stays speech until its probability is this far below the threshold: Silero's own
hysteresis (`neg_threshold` in its `get_speech_timestamps`)."""

STARTLED_S = 0.2
"""A sudden sound that the VAD does not know for speech within so long is none."""

LEAD_S = 0.1
"""A sound over the reply is compared with ours from so long before its onset."""

SUPPOSED_S = 0.15
"""How much silence STT is given where the voice has just fallen. It is surer that a sentence is
over when it hears nothing follow: Moonshine, asked 0.02 to 0.06 s after 47 whole utterances, by
84 % in the median, after 0.1 s by 95 %, and with silence made up to 0.15 s by 95 %, too."""


EarEvent = FloorEvent | StageFailed

HeardNow = tuple[EarEvent, TurnAudio | None]
"""What happened, and the sound that it is about: of the turn so far, or of a sound over a reply."""

_WITH_SOUND = (Hushed, SpeechPaused, Lingered, Interjected, TurnEnded)


class Ear:
    """Hears one call.

    Args:
        vad: shared; this ear opens a stream of its own.
        timing: how long is long enough.
        threshold: probability from which a frame is speech; None takes the engine's own.
    """

    def __init__(self, vad: VadEngine, timing: Timing, threshold: float | None = None) -> None:
        self.taking = TurnTaking(timing)
        self.floor_given_s: float | None = None
        """When our voice last fell silent, in seconds of the call; None where that is unknown."""
        self._vad = vad.open()
        self._threshold = vad.threshold if threshold is None else threshold
        self._size = vad.frame_samples
        self._windows = Framer(window(self._size))
        self._begun: list[Samples] = []  # windows of a frame that is not whole yet
        self._quiet = 0  # samples of them that were quiet, and were heard already
        self._engine = vad.name
        self.echo = Echo()
        """What we say, so that it is known where it comes back."""
        self._echo_frames = -(-round(STRETCH_S * RATE) // vad.frame_samples)
        self._failing = False
        self._spoken = False
        self._loudness = Loudness()
        self._fading = False  # what the VAD calls speech is that of a turn, or its end
        self._startled = 0  # frames of a sound over the reply that are only sudden
        self._voiced = False  # is there speech in it?
        self._frames: list[Samples] = []
        self._flags: list[bool] = []
        self._first = 0  # where self._frames begins, in samples of the call
        self._latency_s: float | None = None
        self._weighing: list[Interjected] = []  # nobody knows yet what they were

    @property
    def position_s(self) -> float:
        """Seconds of caller audio heard."""
        return seconds(self.taking.position)

    def hear(self, samples: Samples) -> Iterator[HeardNow]:
        """What happened while hearing `samples`, as it happens; an ended turn brings its sound.

        A frame on which the VAD breaks counts as silence.

        Lazy, so that a replay can wait for the reply before the next frame is heard.
        """
        for piece in self._windows.push(samples):
            yield from self._hear_window(piece)

    def audio_over(self) -> Iterator[HeardNow]:
        """There is no more sound."""
        for piece in self._windows.flush():
            yield from self._hear_window(piece)
        if missing := self._size - sum(map(len, self._begun)) if self._begun else 0:
            yield from self._hear_frame(np.pad(np.concatenate(self._begun), (0, missing)))
        for event in self.taking.audio_over():
            yield self._with_sound(event)

    def _hear_window(self, piece: Samples) -> Iterator[HeardNow]:
        """Silence is counted window by window, speech frame by frame: the VAD knows no less."""
        self._begun.append(piece)
        heard = sum(map(len, self._begun))
        if heard == self._size:
            yield from self._hear_frame(np.concatenate(self._begun))
            return
        silent = self.taking.floor in (Floor.SPEAKING, Floor.PAUSING)
        first = self._quiet == heard - len(piece)
        if silent and first and self._loudness.quiet_so_far(piece):
            self._quiet = heard
            for event in self.taking.hear(False, len(piece)):
                yield self._with_sound(event)

    def _hear_frame(self, frame: Samples) -> Iterator[HeardNow]:
        try:
            probability = float(self._vad.speech(frame))
            self._failing = False
        except Exception as error:  # noqa: BLE001 - an engine may break in any way
            probability = 0.0
            if not self._failing:  # told once, not thirty times a second
                yield self._failed(error), None
            self._failing = True
        self._spoken = probability >= self._threshold - (RELEASE if self._spoken else 0.0)
        self._frames.append(frame)
        spoken, quiet = self._spoken, self._loudness.quiet(frame, self._spoken)
        speaking = self.taking.floor in (Floor.SPEAKING, Floor.PAUSING)
        self._fading = self._spoken and (self._fading or speaking)
        if self.taking.floor in (Floor.LISTENING, Floor.REPLYING) and not self._fading:
            quiet = 0  # who begins softly is heard, too
        rest, self._quiet, self._begun = len(frame) - self._quiet, 0, []
        sudden = self._is_sudden()
        if (spoken or sudden) and self._is_echo(rest):
            spoken = sudden = False
        self._flags.append(spoken)
        self._voiced |= spoken
        sure = spoken and quiet < len(frame)
        for event in self.taking.hear(sure or sudden, rest, quiet, sure=sure or not sudden):
            yield from self._weighed(event)
        if self.taking.floor in (Floor.LISTENING, Floor.REPLYING):
            self._forget()

    def _is_sudden(self) -> bool:
        """Does a sound hold the reply before the VAD knows it for speech?"""
        if self.taking.floor is Floor.REPLYING:
            self._startled, self._voiced = 0, False
        elif self.taking.floor is not Floor.OVERLAP:
            return False
        lasts = self._startled * self._size >= STARTLED_S * RATE
        self._startled += self._loudness.sudden
        return self._loudness.sudden and not lasts

    def _weighed(self, event: FloorEvent) -> Iterator[HeardNow]:
        """A sound over the reply without any speech in it needs no words to be weighed by."""
        if isinstance(event, Interjected) and not (self._voiced and self._is_callers(event)):
            self._loudness.in_vain()
            yield from self.weigh(event, meant=False)
            return
        if isinstance(event, Interjected | SpeechStarted):
            self._loudness.for_us()
        if isinstance(event, Interjected):
            self._weighing.append(event)
        yield self._with_sound(event)

    def _is_callers(self, event: Interjected) -> bool:
        """Was the sound over the reply, and what came after it, more than an echo of it?"""
        begin = max(0, round((event.start_s - LEAD_S) * RATE) - self._first) // self._size
        heard = np.concatenate(self._frames[min(begin, len(self._frames) - self._echo_frames) :])
        return not self.echo.was_ours(heard, self.taking.position)

    def _is_echo(self, samples: int) -> bool:
        """Is the latest sound our own voice? Asked where it could take the floor from somebody."""
        if self.taking.floor in (Floor.SPEAKING, Floor.PAUSING):
            return False
        latest = np.concatenate(self._frames[-self._echo_frames :])
        return self.echo.is_ours(latest, self.taking.position + samples)

    def wait(self, turn: int, patience: Patience) -> Iterator[HeardNow]:
        """How long the silence in which `turn` pauses may last, and what follows from it."""
        for event in self.taking.wait(turn, patience):
            yield self._with_sound(event)

    def weigh(self, sound: Interjected, meant: bool) -> Iterator[HeardNow]:
        """What a short sound over the reply was, and what follows from it."""
        if sound in self._weighing:
            self._weighing.remove(sound)
        for event in self.taking.weigh(sound, meant):
            yield self._with_sound(event)

    def _with_sound(self, event: FloorEvent) -> tuple[FloorEvent, TurnAudio | None]:
        if isinstance(event, SpeechStarted):
            given, self.floor_given_s = self.floor_given_s, None
            over_us = given is None or given > event.start_s
            self._latency_s = None if over_us else round(event.start_s - (given or 0.0), 3)
        elif isinstance(event, TurnEnded):
            self.floor_given_s = None  # a voice that ended during the turn invited nothing
        sound = self._sound() if isinstance(event, _WITH_SOUND) else None
        if isinstance(event, Hushed) and sound:
            sound = supposed_over(sound, self.taking.span_s[1], self._begun)
        return event, sound

    def so_far(self) -> TurnAudio:
        """The sound of the turn that is being spoken."""
        return self._sound()

    def _failed(self, error: Exception) -> StageFailed:
        return StageFailed(
            at=self.position_s,
            turn=self.taking.turn,
            stage="vad",
            engine=self._engine,
            error=f"{type(error).__name__}: {error}",
        )

    def _sound(self) -> TurnAudio:
        """Of the turn, or of the sound over the reply, as far as it was heard."""
        timing, size = self.taking.timing, self._size
        start_s, end_s = self.taking.span_s
        begin = max(0, round((start_s - timing.lead_in) * RATE) - self._first) // size
        end = -(-(round((end_s + timing.tail) * RATE) - self._first) // size)
        spoken = np.array(self._flags[begin:end])
        # The VAD goes on hearing speech for a while: the sound of one silence is one and the same.
        over = -(-(round(end_s * RATE) - self._first) // size)
        spoken[max(0, over - begin) :] = False
        return TurnAudio(
            samples=np.concatenate(self._frames[begin:end]),
            start_s=seconds(self._first + begin * size),
            spoken=spoken,
            frame_s=size / RATE,
            response_latency_s=self._latency_s,
        )

    def _forget(self) -> None:
        """Between turns only what could still be a beginning is kept, and what is being weighed."""
        timing, size = self.taking.timing, self._size
        begun = [self.taking.position - round(each.start_s * RATE) for each in self._weighing]
        needed = max(self.taking.reach, *begun, 0) + round(timing.lead_in * RATE)
        surplus = len(self._frames) - round(needed / size) - 1
        if surplus > 0:
            del self._frames[:surplus], self._flags[:surplus]
            self._first += surplus * size


def supposed_over(turn: TurnAudio, end_s: float, since: Sequence[Samples] = ()) -> TurnAudio:
    """A turn whose speech has just ended as it will sound if that was all: the room goes on.

    What is heard of it is used only where it turns out so.

    Args:
        turn: with so little silence at its end that it could be the middle of a word.
        end_s: where its speech ended, in seconds of the call.
        since: the silence that came after `turn`.
    """
    size = round(turn.frame_s * RATE)
    samples, over = np.concatenate([turn.samples, *since]), round((end_s - turn.start_s) * RATE)
    frames = -(-(over + round(SUPPOSED_S * RATE)) // size)
    room, missing = samples[over:], frames * size - len(samples)
    if missing <= 0 or not len(room):
        return turn
    there_and_back = np.concatenate([room[::-1], room])
    return replace(
        turn,
        samples=np.concatenate([samples, np.resize(there_and_back, missing)]),
        spoken=np.pad(turn.spoken, (0, frames - len(turn.spoken))),
    )
