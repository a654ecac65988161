"""The ear of one call: sound in, turns out.

It asks the VAD about every frame, tells the turn-taking machine, and keeps just as much sound as
the turn in the making needs.
"""

from collections.abc import Iterator

import numpy as np

from tonewise.audio import RATE, Framer, Samples, seconds
from tonewise.events import SpeechStarted, StageFailed, TurnEnded
from tonewise.stages import TurnAudio, VadEngine
from tonewise.turns import Floor, FloorEvent, Timing, TurnTaking

RELEASE = 0.15
"""A frame stays speech until its probability is this far below the threshold: Silero's own
hysteresis (`neg_threshold` in its `get_speech_timestamps`)."""


EarEvent = FloorEvent | StageFailed


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

    def hear(self, samples: Samples) -> Iterator[tuple[EarEvent, TurnAudio | None]]:
        """What happened while hearing `samples`, as it happens; an ended turn brings its sound.

        A frame on which the VAD breaks counts as silence.

        Lazy, so that a replay can wait for the reply before the next frame is heard.
        """
        for frame in self._framer.push(samples):
            yield from self._hear_frame(frame)

    def audio_over(self) -> Iterator[tuple[EarEvent, TurnAudio | None]]:
        """There is no more sound."""
        for frame in self._framer.flush():
            yield from self._hear_frame(frame)
        for event in self.taking.audio_over():
            yield self._with_sound(event)

    def _hear_frame(self, frame: Samples) -> Iterator[tuple[EarEvent, TurnAudio | None]]:
        try:
            probability = self._vad.speech(frame)
            self._failing = False
        except Exception as error:  # noqa: BLE001 - an engine may break in any way
            probability = 0.0
            if not self._failing:  # told once, not thirty times a second
                yield self._failed(error), None
            self._failing = True
        self._spoken = probability >= self._threshold - (RELEASE if self._spoken else 0.0)
        self._frames.append(frame)
        self._flags.append(self._spoken)
        for event in self.taking.hear(self._spoken, len(frame)):
            yield self._with_sound(event)
        if self.taking.floor in (Floor.LISTENING, Floor.REPLYING):
            self._forget()

    def _with_sound(self, event: FloorEvent) -> tuple[FloorEvent, TurnAudio | None]:
        if isinstance(event, SpeechStarted):
            given, self.floor_given_s = self.floor_given_s, None
            over_us = given is None or given > event.start_s
            self._latency_s = None if over_us else round(event.start_s - (given or 0.0), 3)
        elif isinstance(event, TurnEnded):
            self.floor_given_s = None  # a voice that ended during the turn invited nothing
        return event, self._turn_audio(event) if isinstance(event, TurnEnded) else None

    def _failed(self, error: Exception) -> StageFailed:
        return StageFailed(
            at=self.position_s,
            turn=self.taking.turn,
            stage="vad",
            engine=self._engine,
            error=f"{type(error).__name__}: {error}",
        )

    def _turn_audio(self, event: TurnEnded) -> TurnAudio:
        timing, size = self.taking.timing, self._framer.size
        begin = max(0, round((event.start_s - timing.lead_in) * RATE) - self._first) // size
        end = -(-(round((event.end_s + timing.tail) * RATE) - self._first) // size)
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
