"""How the last words were said: does the voice come to rest, or is it held up?

At the end of a turn pitch tends to fall to the bottom of the speaker's range (Ford & Thompson
1996); before a pause to think the last syllable is drawn out, and a filled pause ("um") is a long
sound of even pitch (Goto 1999). None of it is sure: each is one term among several, and beside the
words they say little (README, turn-taking).
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.contours import HOP_S, contours
from tonewise.pitch import f0
from tonewise.stages import TurnAudio

HEARD_S = 1.5
"""Of the turn's end; longer costs more and tells little of its last words."""

_BEFORE_S = 0.05
_QUIETEST = 1e-10
_AUDIBLE_DB = 25.0
"""Below the loudest speech (95th percentile): under it is echo, breath or noise."""

_FINAL_FRAMES = 10
_FEWEST_VOICED = 25
"""A quarter of a second of voice: under it there is nothing to compare with."""

_DIP_DB = 4.0
"""A syllable begins where the level lies this far below its peak. De Jong & Wempe (2009) use 2 dB
on smoothed intensity; frames of 10 ms waver more."""

_SHORTEST = 15
"""Frames: no last syllable of a phrase is shorter."""

_MOSTLY, _STEADY_ST = 0.7, 0.8
"""A held vowel is voiced for most of its length, and its pitch hardly moves (Goto 1999): standard
deviation in semitones."""


@dataclass(frozen=True, slots=True)
class Close:
    """How the voice ends.

    Attributes:
        pitch_st: of the last tenth of a second of voice against the median before, in semitones.
        last_s: seconds that the last syllable was held.
        steady: its pitch hardly moved.
        phrase_s: seconds of speech since the latest silence of 0.2 s.
        turn_s: seconds since the turn began, pauses included.
    """

    pitch_st: float | None = None
    last_s: float = 0.0
    steady: bool = False
    phrase_s: float = 0.0
    turn_s: float = 0.0


def close(turn: TurnAudio) -> Close:
    """How the voice ends at the last speech of `turn`; all absent where there was none.

    Costs about 2 ms of CPU, however long the turn.
    """
    spoken = np.flatnonzero(turn.spoken)
    if not len(spoken):
        return Close()
    end = min(len(turn.samples), round((spoken[-1] + 1) * turn.frame_s * RATE))
    begin = max(0, end - round(HEARD_S * RATE))
    found = _measured(turn.samples[begin : end + round(_BEFORE_S * RATE)])
    return replace(
        found,
        phrase_s=_phrase_s(turn.spoken, turn.frame_s),
        turn_s=float(spoken[-1] + 1 - spoken[0]) * turn.frame_s,
    )


def _measured(samples: Samples) -> Close:
    sound = contours(np.nan_to_num(np.clip(samples, -1.0, 1.0)))
    level = 10 * np.log10(np.maximum(sound.power, _QUIETEST))
    audible = level >= np.percentile(level, 95) - _AUDIBLE_DB
    last = int(np.flatnonzero(audible)[-1]) + 1
    level, audible = level[:last], audible[:last]
    hertz = f0(sound.periodicity[:last] * audible[:, np.newaxis])
    held = hertz[_last_syllable(level, audible) :]
    voiced = held[held > 0]
    even = len(voiced) > _MOSTLY * len(held) and float(np.std(12 * np.log2(voiced))) < _STEADY_ST
    return Close(
        pitch_st=_pitch_at_end(hertz[hertz > 0]),
        last_s=round(len(held) * HOP_S, 2),
        steady=even,
    )


def _pitch_at_end(voiced: NDArray[np.float64]) -> float | None:
    if len(voiced) < _FEWEST_VOICED:
        return None
    semitones = 12 * np.log2(voiced)
    final, before = semitones[-_FINAL_FRAMES:], semitones[:-_FINAL_FRAMES]
    return float(np.median(final) - np.median(before))


def _last_syllable(level: NDArray[np.float32], audible: NDArray[np.bool_]) -> int:
    """Where the last stretch begins that holds no dip; seen from its end, which may fade."""
    peak, place = float(level[-1]), len(level) - 1
    while place > 0 and audible[place - 1]:
        before = float(level[place - 1])
        peak = max(peak, before)
        if before < peak - _DIP_DB and len(level) - place > _SHORTEST:
            break
        place -= 1
    return place


def _phrase_s(spoken: NDArray[np.bool_], frame_s: float) -> float:
    """Seconds since the latest inner silence of at least 0.2 s."""
    flags = np.flatnonzero(spoken)
    gaps = np.flatnonzero(np.diff(flags) * frame_s >= 0.2 + frame_s)
    first = flags[gaps[-1] + 1] if len(gaps) else flags[0]
    return float((flags[-1] + 1 - first) * frame_s)
