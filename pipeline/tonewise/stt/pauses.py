"""Cuts a long turn at its pauses, for engines that hear half a minute at most."""

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.stages import TurnAudio

_STEP = RATE // 50
"""Loudness is compared over 20 ms."""


def pieces(turn: TurnAudio, longest_s: float) -> list[Samples]:
    """The sound of a turn in pieces of at most `longest_s` seconds, none of it lost or doubled.

    A cut falls into the middle of the longest pause of the last two thirds of what still fits; in
    speech without a pause, into its quietest 20 ms.
    """
    samples, start = turn.samples, 0
    silent = _silent(turn)
    most = int(longest_s * RATE)
    found: list[Samples] = []
    while len(samples) - start > most:
        earliest, latest = start + most // 3, start + most
        cut = _middle_of_longest_pause(silent, earliest, latest)
        if cut is None:
            cut = _quietest(samples, earliest, latest)
        found.append(samples[start:cut])
        start = cut
    return [*found, samples[start:]]


def _silent(turn: TurnAudio) -> NDArray[np.bool_]:
    """For each sample: does it lie outside speech?"""
    per_frame = max(1, round(turn.frame_s * RATE))
    silent = np.repeat(~turn.spoken, per_frame)[: len(turn.samples)]
    return np.pad(silent, (0, len(turn.samples) - len(silent)), constant_values=False)


def _middle_of_longest_pause(silent: NDArray[np.bool_], earliest: int, latest: int) -> int | None:
    edges = np.diff(silent[earliest:latest].astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(begins):
        return None
    longest = int(np.argmax(ends - begins))
    return earliest + int(begins[longest] + ends[longest]) // 2


def _quietest(samples: Samples, earliest: int, latest: int) -> int:
    whole = (latest - earliest) // _STEP
    loudness = np.square(samples[earliest : earliest + whole * _STEP]).reshape(whole, _STEP).sum(1)
    return earliest + int(np.argmin(loudness)) * _STEP + _STEP // 2
