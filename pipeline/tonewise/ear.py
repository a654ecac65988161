"""The ear of one call: sound in, turns out.

It asks the VAD about every frame, tells the turn-taking machine, and keeps just as much sound as
the turn in the making needs.
"""

from collections.abc import Iterator

import numpy as np

from tonewise.audio import RATE, Framer, Samples, seconds
from tonewise.echo import SEGMENT_S, Echo
from tonewise.events import SpeechPaused, SpeechStarted, StageFailed, TurnEnded
from tonewise.floor import Floor, FloorEvent, Interjected, Lingered, Timing
from tonewise.stages import TurnAudio, VadEngine
from tonewise.turns import TurnTaking

RELEASE = 0.15
"""A frame stays speech until its probability is this far below the threshold: Silero's own
hysteresis (`neg_threshold` in its `get_speech_timestamps`)."""


EarEvent = FloorEvent | StageFailed

HeardNow = tuple[EarEvent, TurnAudio | None]
"""What happened, and the sound that it is about: of the turn so far, or of a sound over a reply."""

_WITH_SOUND = (SpeechPaused, Lingered, Interjected, TurnEnded)


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
        self._framer = Framer(vad.frame_samples)
        self._engine = vad.name
        self.echo = Echo()
        """What we say, so that it is known where it comes back."""
        self._echo_frames = -(-round(SEGMENT_S * RATE) // vad.frame_samples)
        self._failing = False
        self._spoken = False
        self._frames: list[Samples] = []
        self._flags: list[bool] = []
        self._first = 0  # where self._frames begins, in samples of the call
        self._latency_s: float | None = None

    @property
    def position_s(self) -> float:
        """Seconds of caller audio heard."""
        return seconds(self.taking.position)

    def hear(self, samples: Samples) -> Iterator[HeardNow]:
        """What happened while hearing `samples`, as it happens; an ended turn brings its sound.

        A frame on which the VAD breaks counts as silence.

        Lazy, so that a replay can wait for the reply before the next frame is heard.
        """
        for frame in self._framer.push(samples):
            yield from self._hear_frame(frame)

    def audio_over(self) -> Iterator[HeardNow]:
        """There is no more sound."""
        for frame in self._framer.flush():
            yield from self._hear_frame(frame)
        for event in self.taking.audio_over():
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
        spoken = self._spoken and not self._is_echo(len(frame))
        self._flags.append(spoken)
        for event in self.taking.hear(spoken, len(frame)):
            yield self._with_sound(event)
        if self.taking.floor in (Floor.LISTENING, Floor.REPLYING):
            self._forget()

    def _is_echo(self, samples: int) -> bool:
        """Is the latest sound our own voice? Asked where it could take the floor from somebody."""
        if self.taking.floor in (Floor.SPEAKING, Floor.PAUSING):
            return False
        latest = np.concatenate(self._frames[-self._echo_frames :])
        return self.echo.is_ours(latest, self.taking.position + samples)

    def weigh(self, meant: bool) -> Iterator[HeardNow]:
        """What the short sound over the reply was, and what follows from it."""
        for event in self.taking.weigh(meant):
            yield self._with_sound(event)

    def _with_sound(self, event: FloorEvent) -> tuple[FloorEvent, TurnAudio | None]:
        if isinstance(event, SpeechStarted):
            given, self.floor_given_s = self.floor_given_s, None
            over_us = given is None or given > event.start_s
            self._latency_s = None if over_us else round(event.start_s - (given or 0.0), 3)
        elif isinstance(event, TurnEnded):
            self.floor_given_s = None  # a voice that ended during the turn invited nothing
        return event, self._sound() if isinstance(event, _WITH_SOUND) else None

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
        timing, size = self.taking.timing, self._framer.size
        start_s, end_s = self.taking.span_s
        begin = max(0, round((start_s - timing.lead_in) * RATE) - self._first) // size
        end = -(-(round((end_s + timing.tail) * RATE) - self._first) // size)
        return TurnAudio(
            samples=np.concatenate(self._frames[begin:end]),
            start_s=seconds(self._first + begin * size),
            spoken=np.array(self._flags[begin:end]),
            frame_s=size / RATE,
            response_latency_s=self._latency_s,
        )

    def _forget(self) -> None:
        """Between turns only what could still be a beginning is kept."""
        timing, size = self.taking.timing, self._framer.size
        needed = self.taking.reach + round(timing.lead_in * RATE)
        surplus = len(self._frames) - round(needed / size) - 1
        if surplus > 0:
            del self._frames[:surplus], self._flags[:surplus]
            self._first += surplus * size
