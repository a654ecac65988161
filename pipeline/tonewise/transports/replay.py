"""A recording as a caller: the call runs on the audio's own clock, in lock-step.

The next block is heard only when the turn before it has been answered, so a replay gives the same
events on every run and goes as fast as the machine can.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise import audio_file
from tonewise.audio import RATE
from tonewise.errors import AudioError
from tonewise.events import AnyEvent
from tonewise.facts import Scalar
from tonewise.stages import Greeting, Heard, HungUp, Inbound, OtherParty

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
    ) -> None:
        self.recording = audio_file.probe(path)
        self._channel = _channel(self.recording, channel)
        self._speed = speed
        name = path.stem.encode(errors="replace").decode()  # not every file name can be JSON
        self.greeting = Greeting(call=name, wire="replay", caller=caller or {})
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
                yield Heard(block[self._channel])
                played += block.shape[1]
                if self._speed:
                    due = began + played / RATE / self._speed
                    await asyncio.sleep(due - asyncio.get_running_loop().time())
        except AudioError as error:
            self.error, reason = error, "recording broken off"
        yield HungUp(reason, answer_last_turn=True)

    def send(self, event: AnyEvent) -> None:
        """A recording cannot listen: who wants the events watches the call."""

    def _blocks(self) -> Iterator[NDArray[np.float32]]:
        for block in audio_file.blocks(self.recording.path):
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


def _channel(recording: audio_file.Recording, channel: int | None) -> int:
    if channel is None and recording.channels == 1:
        return 0
    choices = ", ".join(str(number) for number in range(recording.channels))
    if channel is None:
        msg = (
            f"{recording.path}: it has {recording.channels} channels; "
            f"say which one is the caller's with --channel ({choices})"
        )
        raise AudioError(msg)
    if not 0 <= channel < recording.channels:
        raise AudioError(f"{recording.path}: it has no channel {channel}; choose from {choices}")
    return channel
