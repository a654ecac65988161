"""Stages taken from a recording, so that a change of another stage is judged alone.

A turn of the replay is matched with the recorded one by the seconds in which it was said, never by
its number: other ears may cut the call into other turns.
"""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import replace
from typing import get_args

import msgspec

from tonewise.audio import Samples
from tonewise.engines import Engines
from tonewise.errors import AttemptError, ConfigError, Outcome, StageError
from tonewise.events import AnyEvent, SpeechStarted, TurnEnded
from tonewise.facts import Transcript, VoiceCues
from tonewise.llm.breaker import Breaker
from tonewise.replaying.turn_log import TurnTaken, same_turn, within
from tonewise.stages import AcousticStream, Delta, LlmRequest, TurnAudio

STAGES = ("stt", "acoustic", "llm")
"""What a recording can stand in for."""

_NO_FAULT = frozenset({"answered", "cancelled", "lost", "skipped", "cut_short"})
_FAULTS = frozenset(get_args(Outcome)) - _NO_FAULT


def check(stages: Collection[str]) -> None:
    """Can a recording stand in for these?

    Raises:
        ConfigError: not for one of them.
    """
    for stage in stages:
        if stage not in STAGES:
            msg = f"a recording cannot stand in for {stage!r}; choose from {', '.join(STAGES)}"
            raise ConfigError(msg)


class Recorded:
    """Stands in for stages of one call; follows the call to know when its turns were said.

    Args:
        turns: as they were recorded.
        stages: what it stands in for.
    """

    def __init__(self, turns: Sequence[TurnTaken], stages: Collection[str]) -> None:
        check(stages)
        self.turns = turns
        self._stages = stages
        self._spans: dict[int, tuple[float, float]] = {}

    def engines(self, live: Engines) -> Engines:
        """The engines for this one call. A model that failed in another call is asked afresh."""
        attempts = live.config.attempts
        targets = {
            name: replace(
                target,
                engine=RecordedModel(name, self) if "llm" in self._stages else target.engine,
                breaker=Breaker(attempts.faults, attempts.cooldown),
            )
            for name, target in live.targets.items()
        }
        fresh = replace(live, targets=targets)
        if "stt" in self._stages:
            fresh = replace(fresh, stt=RecordedStt(self.turns))
        if "acoustic" in self._stages:
            fresh = replace(fresh, acoustic=RecordedCues(self.turns))
        return fresh

    def told(self, event: AnyEvent) -> None:
        """Learn when a turn was said."""
        match event:
            case SpeechStarted(turn=turn, start_s=start_s):
                self._spans[turn] = (start_s, event.at)
            case TurnEnded(turn=turn, start_s=start_s, end_s=end_s):
                self._spans[turn] = (start_s, end_s)
            case _:
                pass

    def heard(self, samples: Samples) -> None:
        """Nothing is learnt from the sound."""

    def spoke(self, turn: int, samples: Samples, at_s: float) -> None:
        """Nor from ours."""

    def turn(self, number: int) -> TurnTaken | None:
        """The recorded turn that was said when this one is."""
        span = self._spans.get(number)
        return same_turn(self.turns, *span) if span else None


class RecordedStt:
    """The words as they were recorded. Also one call's stream: there is nothing to remember."""

    name = "recorded"

    def __init__(self, turns: Sequence[TurnTaken]) -> None:
        self._turns = turns

    def open(self, language: str | None = None) -> "RecordedStt":  # noqa: ARG002 - as recorded
        """STT for the recorded call."""
        return self

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The words of all recorded turns that were said in this one."""
        end_s = turn.start_s + turn.duration_s
        found = [each.transcript for each in within(self._turns, turn.start_s, end_s)]
        heard = [transcript for transcript in found if transcript and transcript.text]
        if len(heard) == 1:
            return heard[0]
        return Transcript(" ".join(transcript.text for transcript in heard))


class RecordedCues:
    """The voice cues as they were recorded. Also one call's stream."""

    name = "recorded"

    def __init__(self, turns: Sequence[TurnTaken]) -> None:
        self._turns = turns
        self.emotion = True

    def open(self) -> AcousticStream:
        """The cues of the recorded call."""
        return self

    def measure(self, turn: TurnAudio) -> VoiceCues:
        """The cues of the recorded turn that overlaps most.

        Raises:
            StageError: none was recorded then.
        """
        found = same_turn(self._turns, turn.start_s, turn.start_s + turn.duration_s)
        if found is None or found.cues is None:
            raise StageError(f"no cues were recorded at {turn.start_s:.2f} s")
        if self.emotion:
            return found.cues
        return msgspec.structs.replace(
            found.cues, emotion=None, arousal=None, valence=None, departure=None
        )


class RecordedModel:
    """The replies as they were recorded, whichever model gave them; faults as this one had them."""

    name = "recorded"

    def __init__(self, model: str, recorded: Recorded) -> None:
        self._model = model
        self._recorded = recorded

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """The recorded reply, in the pieces in which it came.

        Raises:
            AttemptError: this model failed then, or nothing was replied.
        """
        turn = self._recorded.turn(request.turn)
        if turn is None or not turn.written:
            msg = "nothing was replied to this turn when it was recorded"
            raise AttemptError("bad_request", msg)  # no fault of the model, which need not rest
        own = [tried for tried in turn.attempts if tried.model == self._model]
        failed = next((tried for tried in own if tried.outcome in _FAULTS), None)
        if failed:
            raise AttemptError(failed.outcome, f"as recorded: {failed.detail or failed.outcome}")
        whole = "".join(turn.pieces) == turn.written
        for piece in turn.pieces if whole else [turn.written]:
            yield Delta(piece)
        counted = next((tried for tried in turn.attempts if tried.output_tokens), None)
        if counted:
            yield Delta("", counted.input_tokens, counted.output_tokens)

    async def aclose(self) -> None:
        """Nothing to let go of."""
