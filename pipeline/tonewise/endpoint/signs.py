"""What in a lull speaks for the end of the turn, and what against it: a few numbers with names."""

from dataclasses import dataclass

import numpy as np

from tonewise.endpoint.completeness import Ending, Words, completeness
from tonewise.endpoint.prosody_end import Close, close
from tonewise.facts import Transcript
from tonewise.stages import Lull

ENDINGS: tuple[Ending, ...] = (
    "question",
    "closed",
    "answer",
    "dictated",
    "may go on",
    "acknowledging",
    "trails off",
    "dictating",
    "listing",
    "announced",
    "open",
    "filler",
)
"""Each is a sign of its own, 1 or 0; "plain" and "no words" are the zero they are measured from."""

UNFINISHED: tuple[Ending, ...] = ("open", "announced", "filler", "dictating")
"""Endings after which something must still come."""

_PUNCTUATED = {".": 0.93, "!": 0.93, "?": 0.975, ",": 0.33, "-": 0.25, "…": 0.23}
"""What a mark at the end stands for where STT tells no probability: what Moonshine tells on average
where it writes that mark."""

_UNPUNCTUATED = 0.88
"""And for no mark, from an engine that writes none: a little less than the average end."""

_SOFT = 0.02
"""Keeps a probability of 0 or 1 from outweighing all else."""

USUAL_S = 3.0
"""Seconds. The median length of a turn of the dialogues that ended; where one went on after a pause
it had lasted 5.6 s in the median already."""

LONG_S = 0.25
"""Seconds. Longer than the last syllable of a phrase usually is, and about where Goto (1999) begins
to call a steady vowel a filled pause."""


@dataclass(frozen=True, slots=True)
class Signs:
    """All that is known in a lull.

    Attributes:
        values: by name, about -2 to 2, 0 where nothing is known.
        words: how the words end; None where they are not known yet.
    """

    values: dict[str, float]
    words: Words | None

    @property
    def unfinished(self) -> bool:
        """Are the words surely not all?"""
        return self.words is not None and self.words.ending in UNFINISHED


def signs(lull: Lull, language: str | None) -> Signs:
    """The signs of a lull; the call's language is used where STT does not name one."""
    values = _of_voice(close(lull.turn))
    words = None
    if lull.transcript is not None:
        words = completeness(lull.transcript.text, lull.transcript.language or language)
        values |= _of_words(words, lull.transcript)
    return Signs(values, words)


def _of_voice(voice: Close) -> dict[str, float]:
    pitch = 0.0 if voice.pitch_st is None else voice.pitch_st
    return {
        "pitch falls": float(np.clip(-pitch / 3, -1.5, 2)),
        "last syllable drawn out": float(np.clip((voice.last_s - LONG_S) * 4, 0, 2)),
        "held steady": float(voice.steady and voice.last_s >= LONG_S),
        "long phrase": min(3.0, voice.phrase_s) / 2 - 0.5,
        "long turn": _long(voice.turn_s),
    }


def _long(turn_s: float) -> float:
    """How long a turn has lasted, in doublings of `USUAL_S`: who has talked for long goes on."""
    return float(np.clip(np.log2(turn_s / USUAL_S), -2, 2)) if turn_s else 0.0


def _of_words(words: Words, transcript: Transcript) -> dict[str, float]:
    values: dict[str, float] = {ending: float(words.ending == ending) for ending in ENDINGS}
    end = transcript.sentence_end
    if not words.count:
        end = 0.5
    elif end is None:
        end = _PUNCTUATED.get(transcript.text.strip()[-1:], _UNPUNCTUATED)
        # Many engines write a full stop after anything.
        if words.ending in (*UNFINISHED, "trails off"):
            end = min(end, _PUNCTUATED[","])
    values["full stop"] = halved_odds(end)
    return values


def halved_odds(probability: float) -> float:
    """Another listener's probability as a sign: half its log-odds, at most about 2."""
    return float(np.log((probability + _SOFT) / (1 - probability + _SOFT))) / 2
