"""A voice of tones, the same every time, with the faults of real ones on demand: for tests."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.errors import ConfigError, StageError

_LEVEL = 0.14
"""Peak of the tones: -20 dBFS in all."""

_LOWEST_HZ, _STEP_HZ, _TONES = 220.0, 20.0, 48


class Scripted:
    """Each character is a tone of a length and a pitch of its own."""

    name = "scripted"

    def __init__(
        self,
        lengths_s: tuple[float, float],
        delays_s: tuple[float, float],
        faults_s: tuple[float | None, float | None],
        fail_on: Sequence[str],
    ) -> None:
        self._character_s, self._piece_s = lengths_s
        self._first_s, self._next_s = delays_s
        self._fail_s, self._stall_s = faults_s
        self._fail_on = tuple(fail_on)
        self.said: list[tuple[str, str | None]] = []
        """What was asked for, with its language, in order."""

    async def speak(self, text: str, language: str | None = None) -> AsyncGenerator[Samples, None]:
        """The tones of the text.

        Raises:
            StageError: as the script has it.
        """
        self.said.append((text, language))
        faulty = not self._fail_on or any(part in text for part in self._fail_on)
        sound = tones(text, self._character_s)
        size = max(1, round(self._piece_s * RATE))
        for start in range(0, len(sound), size):
            delay_s = self._next_s if start else self._first_s
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if faulty:
                await self._misbehave(start / RATE)
            yield sound[start : start + size]
        if faulty:
            await self._misbehave(len(sound) / RATE, over=True)

    async def aclose(self) -> None:
        """Nothing to let go of."""

    async def _misbehave(self, given_s: float, *, over: bool = False) -> None:
        if self._stall_s is not None and (over or given_s >= self._stall_s):
            await asyncio.Event().wait()
        if self._fail_s is not None and (over or given_s >= self._fail_s):
            raise StageError(f"the script says so, after {given_s:.2f} s")


def tones(text: str, character_s: float) -> Samples:
    """The sound of a text: white space is silence, everything else a tone by its code point."""
    size = round(character_s * RATE)
    t = np.arange(size) / RATE
    edge = np.minimum(1, np.minimum(t, t[::-1]) / 0.005) if size else t
    parts = [
        np.zeros(size)
        if character.isspace()
        else _LEVEL
        * edge
        * np.sin(2 * np.pi * (_LOWEST_HZ + _STEP_HZ * (ord(character) % _TONES)) * t)
        for character in text
    ]
    return np.concatenate(parts).astype(np.float32) if parts else np.zeros(0, np.float32)


def load(
    character_s: float = 0.06,
    piece_s: float = 0.1,
    first_piece_delay_s: float = 0.0,
    piece_delay_s: float = 0.0,
    fail_after_s: float | None = None,
    stall_after_s: float | None = None,
    fail_on: Sequence[str] = (),
) -> Scripted:
    """A voice that does as it is told.

    Args:
        character_s: seconds of sound per character; 0.06 is about a person's pace.
        piece_s: seconds of sound per piece.
        first_piece_delay_s: seconds before the first piece.
        piece_delay_s: seconds before every other piece.
        fail_after_s: seconds of sound after which it fails, at the end at the latest; never
            where None.
        stall_after_s: seconds of sound after which it falls silent for good; never where None.
        fail_on: parts of texts on which it fails or stalls; all texts where none is named.

    Raises:
        ConfigError: lengths that are no lengths.
    """
    if not (0 < character_s <= 10 and 0 < piece_s <= 60):
        msg = "tts 'scripted': character_s and piece_s are lengths in seconds, above 0"
        raise ConfigError(msg)
    return Scripted(
        (character_s, piece_s),
        (first_piece_delay_s, piece_delay_s),
        (fail_after_s, stall_after_s),
        fail_on,
    )
