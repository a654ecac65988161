"""Says what it was told to say, turn by turn: for tests and demos."""

import time
from collections.abc import Iterator, Sequence

from tonewise.errors import ConfigError, StageError
from tonewise.facts import Transcript
from tonewise.stages import TurnAudio

LINES = (
    "Hello, what are your opening hours?",
    "Um, I am, uh, not so sure what I ordered.",
    "Compare the two contracts and explain why one of them costs more over three years.",
)


class ScriptedStream:
    """One call's script, from its first line."""

    def __init__(self, lines: Sequence[str], delay_s: float, fail_on: frozenset[int]) -> None:
        self._lines: Iterator[str] = iter(lines)
        self._delay_s = delay_s
        self._fail_on = fail_on
        self._heard: dict[float, tuple[int, str]] = {}  # by where the turn began

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The next line; after the last, no words. A turn that is read ahead keeps its line.

        Raises:
            StageError: this turn is to fail.
        """
        if turn.start_s not in self._heard:
            self._heard[turn.start_s] = len(self._heard) + 1, next(self._lines, "")
        number, text = self._heard[turn.start_s]
        if self._delay_s:
            time.sleep(self._delay_s)
        if number in self._fail_on:
            msg = f"scripted to fail on turn {number}"
            raise StageError(msg)
        return Transcript(text=text)


class Scripted:
    """Gives every call the same script."""

    name = "scripted"

    def __init__(self, lines: Sequence[str], delay_s: float, fail_on: frozenset[int]) -> None:
        self._lines = tuple(lines)
        self._delay_s = delay_s
        self._fail_on = fail_on

    def open(self, language: str | None = None) -> ScriptedStream:  # noqa: ARG002 - any language
        """The script from its beginning."""
        return ScriptedStream(self._lines, self._delay_s, self._fail_on)


def load(
    lines: Sequence[str] = LINES, delay_s: float = 0.0, fail_on: Sequence[int] = ()
) -> Scripted:
    """A script.

    Args:
        lines: what is "heard", one line per turn; a turn that fails uses up its line.
        delay_s: how long each turn takes, to see what a slow engine does.
        fail_on: numbers of the turns that raise StageError, from 1.

    Raises:
        ConfigError: `lines` is one string, or the delay is negative.
    """
    if isinstance(lines, str):
        msg = f"stt scripted: lines is a list of lines, not the string {lines!r}"
        raise ConfigError(msg)
    if delay_s < 0:
        msg = f"stt scripted: delay_s is 0 or more, not {delay_s}"
        raise ConfigError(msg)
    return Scripted(lines, delay_s, frozenset(fail_on))
