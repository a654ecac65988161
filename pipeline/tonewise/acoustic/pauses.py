"""Pauses inside a turn, and how much of it is speech."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.acoustic.edges import silences
from tonewise.facts import Pauses

SHORTEST_PAUSE_S = 0.25
"""Goldman-Eisler's (1968): shorter silences are the closures of p, t and k."""


@dataclass(frozen=True, slots=True)
class Phrasing:
    """How a turn is divided.

    Attributes:
        speech_s: seconds of speech, all silences left out.
        pauses: the silences of at least 250 ms between the first speech and the last; their ratio
            is to themselves and the speech together.
    """

    speech_s: float
    pauses: Pauses


def phrasing(spoken: NDArray[np.bool_], frame_s: float) -> Phrasing | None:
    """How a turn is divided; None where there is no speech.

    More silence, of any length, takes nothing from any of these measures. So a hesitation score
    that grows with pauses and with slow speech never falls when a pause is added or lengthened.

    Args:
        spoken: was each frame speech? Shape [n]. Silence before and after is no pause.
        frame_s: seconds per frame.
    """
    speech = np.flatnonzero(spoken)
    if not len(speech):
        return None
    inner = spoken[speech[0] : speech[-1] + 1]
    lasted = [(end - start) * frame_s for start, end in silences(inner)]
    long_enough = [pause_s for pause_s in lasted if pause_s >= SHORTEST_PAUSE_S - 1e-9]
    speech_s, paused_s = len(speech) * frame_s, sum(long_enough)
    pauses = Pauses(
        count=len(long_enough),
        longest_s=max(long_enough, default=0.0),
        ratio=paused_s / (speech_s + paused_s),
    )
    return Phrasing(speech_s=speech_s, pauses=pauses)
