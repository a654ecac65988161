"""A recording as a caller: the call runs on the audio's own clock, in lock-step.

The next block is heard only when the turn before it has been answered, so a replay gives the same
events on every run and goes as fast as the machine can.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise import audio_file
from tonewise.audio import RATE, Samples
from tonewise.errors import AudioError
from tonewise.events import AnyEvent
from tonewise.facts import Scalar
from tonewise.peer import Greeting, Heard, HungUp, Inbound, OtherParty, Pressed

BLOCK = RATE // 10
"""Samples heard at a time; both channels of a recording keep in step to a tenth of a second."""

QUIET_S = 0.3
"""The other party has finished when its channel has been quiet for this long."""

QUIET_DBFS = -45.0
"""Below this a channel of a telephone recording holds line noise, not a voice."""


class Replay:
    """A transport that plays a recording.

    Args:
        path: the recording.
        channel: the caller's, from 0. A recording of several channels needs it named.
        caller: what a live transport would know of the caller.
        speed: 1 is real time, 0 as fast as it goes.
        speaks: make the replies into sound, too, on the audio's own clock: a reply takes the time
            that it takes to say, and who speaks in that time interrupts it.
        language: what the caller is known to speak (ISO 639-1).
        call: what the call is named; None takes the file's name.
        opener: opens the recording, where it does not lie on the disk as it sounds.
        keys: of the telephone that were pressed, each with its second of the call.
        asked: what else the caller's side did, likewise.

    Raises:
        AudioError: not audio, or no such channel.
    """

    lock_step = True

    def __init__(
        self,
        path: Path,
        channel: int | None = None,
        caller: Mapping[str, Scalar] | None = None,
        speed: float = 0.0,
        language: str | None = None,
        call: str | None = None,
        opener: audio_file.Opener = audio_file.plainly,
        *,
        speaks: bool = False,
        keys: Sequence[tuple[float, str]] = (),
        asked: Sequence[tuple[float, Inbound]] = (),
    ) -> None:
        self.has_keys = bool(keys)
        done = [*((at, Pressed(digit)) for at, digit in keys), *asked]
        self._done = deque(sorted(done, key=itemgetter(0)))
        self.recording = audio_file.probe(path, opener)
        self._opener = opener
        self._channel = self.recording.callers(channel)
        self._speed = speed
        self.speaks = speaks
        name = (call or path.stem).encode(errors="replace").decode()  # not each can be JSON
        self.greeting = Greeting(name, "replay", caller or {}, language)
        self.error: AudioError | None = None
        """What was wrong with the recording, once it has been played as far as it goes."""

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """The caller's audio, and where the other channel's voice ends; then the end."""
        other = _OtherChannel()
        began, played = asyncio.get_running_loop().time(), 0
        reason = "end of recording"
        try:
            for block in self._blocks():
                if block.shape[0] == 2 and (ended := other.ended(block[1 - self._channel])):
                    yield ended
                for inbound in self._with_what_was_done(block[self._channel], played):
                    yield inbound
                played += block.shape[1]
                if self._speed:
                    due = began + played / RATE / self._speed
                    await asyncio.sleep(due - asyncio.get_running_loop().time())
        except AudioError as error:
            self.error, reason = error, "recording broken off"
        yield HungUp(reason, answer_last_turn=True)

    def send(self, event: AnyEvent) -> None:
        """A recording cannot listen: who wants the events watches the call."""

    def play(self, turn: int, samples: Samples, from_s: float) -> None:
        """Nobody hears it: who wants the sound is the call's witness."""

    def stop_playing(self) -> None:
        """There is nothing to stop."""

    def _with_what_was_done(self, samples: Samples, begin: int) -> Iterator[Inbound]:
        """Sound that begins at sample `begin` of the call, and the keys pressed in it."""
        while self._done and (at := round(self._done[0][0] * RATE) - begin) < len(samples):
            if at > 0:
                yield Heard(samples[:at])
                samples, begin = samples[at:], begin + at
            yield self._done.popleft()[1]
        yield Heard(samples)

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        for block in audio_file.blocks(self.recording.path, self._opener):
            for start in range(0, block.shape[1], BLOCK):
                yield block[:, start : start + BLOCK]


class _OtherChannel:
    """Listens only for when the other party is done: loud, or not. Nothing else is analysed."""

    def __init__(self) -> None:
        self._position = 0
        self._loud_until = 0
        self._told = True

    def ended(self, block: NDArray[np.float32]) -> OtherParty | None:
        """That its voice has ended, once, when it has been quiet for long enough."""
        self._position += len(block)
        level = 10 * np.log10(np.mean(np.square(block), dtype=np.float64) + 1e-12)
        if level > QUIET_DBFS:
            self._loud_until, self._told = self._position, False
        quiet = (self._position - self._loud_until) / RATE
        if self._told or quiet < QUIET_S:
            return None
        self._told = True
        return OtherParty(at=round(self._loud_until / RATE, 3))
