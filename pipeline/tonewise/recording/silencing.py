"""Silence over what must not be heard, where the words are known only after the sound."""

import numpy as np

from tonewise.audio import RATE
from tonewise.events import (
    AnyEvent,
    ReplyEnded,
    ReplyStreamed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnTranscribed,
)
from tonewise.facts import Transcript
from tonewise.recording.redaction import hidden_times, spans
from tonewise.recording.sound import Pcm

MARGIN_S = 0.2
"""Around a word, for word times are estimates."""

LAG_S = 1.5
"""A turn is told after it began: at most two onsets of 0.25 s and a lead-in of a second before."""


class Silencer:
    """Knows which seconds of a call are to be silent, and up to where that is certain.

    Args:
        what: to be hidden; nothing is silenced where it is empty.
        lead_in_s: sound in a turn's audio from before its first speech.
    """

    def __init__(self, what: tuple[str, ...], lead_in_s: float) -> None:
        self._what = what
        self._lead_in_s = lead_in_s
        self._open: dict[int, tuple[float, float | None]] = {}  # turns whose words are not known
        self._hidden: list[tuple[int, int]] = []  # in samples
        self._replies: dict[int, str] = {}

    @property
    def lag_s(self) -> float:
        """How late sound must be written; 0 where nothing is silenced."""
        return LAG_S if self._what else 0.0

    def told(self, event: AnyEvent) -> None:
        """Learn from what happened."""
        if not self._what:
            return
        match event:
            case SpeechStarted(turn=turn, start_s=start_s):
                self._open[turn] = (start_s, None)
            case TurnEnded(turn=turn, start_s=start_s, end_s=end_s):
                self._open[turn] = (start_s, end_s)
            case TurnTranscribed(turn=turn, transcript=said):
                self._transcribed(turn, said, event.at)
            case TurnIgnored(turn=turn):
                self._open.pop(turn, None)
            case StageFailed(turn=turn, stage="stt"):
                self._transcribed(turn, None, event.at)
            case ReplyStreamed(turn=turn, text=text):
                self._replies[turn] = self._replies.get(turn, "") + text
            case ReplyEnded(turn=turn, text=text):
                self._replies[turn] = text
            case _:
                pass

    def _transcribed(self, turn: int, said: Transcript | None, at: float) -> None:
        """The words of a turn are known, or will never be."""
        if turn not in self._open:
            return
        begin, end = self._open.pop(turn)
        times = hidden_times(said, self._what) if said else None
        if times is None:
            self._hide(begin, at if end is None else end)
        first = begin - self._lead_in_s
        for word_begin, word_end in times or ():
            self._hide(first + word_begin, first + word_end)

    def spoken(self, turn: int, samples: Pcm) -> Pcm:
        """Our sound; silence from when the words that it is made from hold what is to be hidden."""
        hide = bool(self._what) and spans(self._replies.get(turn, ""), self._what)
        return np.zeros_like(samples) if hide else samples

    def known_upto(self, sample: int) -> int:
        """Sound up to here may be written."""
        begins = [round((begin - self._lead_in_s) * RATE) for begin, _ in self._open.values()]
        return min([sample, *begins])

    def over(self, heard: int) -> None:
        """The call is over: a turn whose words nobody knows is silenced."""
        for begin, end in self._open.values():
            self._hide(begin, heard / RATE if end is None else end)
        self._open.clear()

    def silence(self, both: Pcm, begin: int) -> None:
        """Silence the caller in sound that begins at sample `begin`, in place; shape [n, 2]."""
        for first, last in self._hidden:
            both[max(first - begin, 0) : max(last - begin, 0), 0] = 0
        self._hidden = [span for span in self._hidden if span[1] > begin + len(both)]

    def _hide(self, begin_s: float, end_s: float) -> None:
        span = (round((begin_s - MARGIN_S) * RATE), round((end_s + MARGIN_S) * RATE))
        self._hidden.append((max(span[0], 0), span[1]))
