"""A caller who follows a script, in lock-step: time is the call's own."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import numpy as np

from tonewise import audio_file
from tonewise.audio import RATE, Samples
from tonewise.events import (
    AnyEvent,
    ReplyEnded,
    ReplyInterrupted,
    ReplySounded,
    ReplyStreamed,
    TurnEnded,
    TurnIgnored,
)
from tonewise.peer import Greeting, Heard, HungUp, Inbound, Played, Pressed
from tonewise.replaying.script import Script, Step
from tonewise.stages import TtsEngine

BLOCK = RATE // 50
"""Samples heard at a time: what happens is known to 20 ms."""

LONGEST_WAIT_S = 60.0
"""A reply that takes longer is not waited for: nobody holds the line for ever."""

KEY_S = 0.3
"""Seconds from one key to the next."""


class ScriptedCaller:
    """A transport that follows a script.

    Args:
        path: of the script; recordings lie beside it.
        script: what it says.
        voice: speaks the lines.
    """

    lock_step = True
    has_keys = True

    def __init__(self, path: Path, script: Script, voice: TtsEngine | None) -> None:
        self._folder, self._script, self._voice = path.parent, script, voice
        self.speaks = script.spoken_to
        name = path.parent.name if path.name == "script.toml" else path.stem
        self.greeting = Greeting(name, "script", script.caller, script.language)
        self.error: None = None
        self._position = 0  # in samples
        self._turn = 0  # the latest that ended
        self._answered = 0  # the latest that was answered, or ignored
        self._begun_at: int | None = None  # where our voice began to answer the latest turn
        self._playing_until = 0
        self._told_played = 0
        self._noise = np.random.default_rng(0)

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """What the caller says and presses, with silence between."""
        spoke = False
        async for inbound in self._silence(0.3):
            yield inbound
        for step in self._script.steps:
            waits = self._until_barge_in(step) if step.barge_in is not None else None
            if waits is None and spoke and step.pause is None:
                waits = self._until_answered()
            if waits:
                async for inbound in waits:
                    yield inbound
            async for inbound in self._do(step):
                yield inbound
            spoke = step.say is not None or step.play is not None
        async for inbound in self._until_answered():
            yield inbound
        yield HungUp("end of script")

    def send(self, event: AnyEvent) -> None:
        """Learn where the conversation stands."""
        match event:
            case TurnEnded(turn=turn):
                self._turn, self._begun_at = turn, None
            case ReplyStreamed() if not self.speaks and self._begun_at is None:
                self._begun_at = self._position
            case ReplySounded() if self._begun_at is None:
                self._begun_at = self._position
            case ReplyEnded(turn=turn) | TurnIgnored(turn=turn):
                self._answered = max(self._answered, turn)
            case ReplyInterrupted():
                self._playing_until = self._position
            case _:
                pass

    def play(self, turn: int, samples: Samples, from_s: float) -> None:  # noqa: ARG002 - one reply
        """The caller hears it, after what is still being played."""
        self._playing_until = max(self._playing_until, self._position) + len(samples)

    def stop_playing(self) -> None:
        """What has not been played is not heard."""
        self._playing_until = min(self._playing_until, self._position)

    async def _do(self, step: Step) -> AsyncGenerator[Inbound, None]:
        if step.pause is not None:
            async for inbound in self._silence(step.pause):
                yield inbound
        for key in step.press or "":
            yield Pressed(key)
            async for inbound in self._silence(KEY_S):
                yield inbound
        if step.does[0] in ("say", "play"):
            async with aclosing(self._voiced(step)) as pieces:
                async for piece in pieces:
                    for inbound in self._sound(piece):
                        yield inbound

    async def _voiced(self, step: Step) -> AsyncGenerator[Samples, None]:
        if step.play is not None:
            for block in audio_file.blocks(self._folder / step.play):
                yield block[0]
        elif self._voice is not None:
            async with aclosing(self._voice.speak(step.say or "", self._script.language)) as said:
                async for piece in said:
                    yield piece

    def _sound(self, samples: Samples) -> list[Inbound]:
        blocks: list[Inbound] = []
        for start in range(0, len(samples), BLOCK):
            piece = samples[start : start + BLOCK]
            self._position += len(piece)
            blocks.append(Heard(self._on_the_line(piece)))
        return blocks

    def _on_the_line(self, samples: Samples) -> Samples:
        if self._script.noise_dbfs is None:
            return samples
        level = 10 ** (self._script.noise_dbfs / 20)
        noise = self._noise.normal(0.0, level, len(samples))
        return np.clip(samples + noise, -1.0, 1.0).astype(np.float32)

    async def _silence(self, seconds: float) -> AsyncGenerator[Inbound, None]:
        for _ in range(round(seconds * RATE / BLOCK)):
            for inbound in self._quiet():
                yield inbound

    def _quiet(self) -> list[Inbound]:
        """20 ms of silence, and word that a reply has been played to its end."""
        heard = self._sound(np.zeros(BLOCK, np.float32))
        if self._is_answered() and self._told_played < self._turn and self.speaks:
            self._told_played = self._turn
            heard.append(Played(self._turn))
        return heard

    def _is_answered(self) -> bool:
        return self._answered >= self._turn and self._position >= self._playing_until

    async def _until_answered(self) -> AsyncGenerator[Inbound, None]:
        """Silence, until what was said last has been answered."""
        before, began = self._turn, self._position
        while self._position - began < LONGEST_WAIT_S * RATE:
            for inbound in self._quiet():
                yield inbound
            waited = self._position - began
            if self._is_answered() and (self._turn > before or waited > 3 * RATE):
                break
        async for inbound in self._silence(0.3):
            yield inbound

    async def _until_barge_in(self, step: Step) -> AsyncGenerator[Inbound, None]:
        """Silence, until the reply is as far as the step says."""
        began = self._position
        while self._position - began < LONGEST_WAIT_S * RATE:
            at = self._begun_at
            if at is not None and self._position - at >= (step.barge_in or 0.0) * RATE:
                break
            for inbound in self._quiet():
                yield inbound
