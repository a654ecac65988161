"""Where speech really begins and ends: the VAD's edges, moved to where the level falls and rises.

Every VAD lets go late and some catch on late, by an amount that depends on the engine, its
threshold and the line. On hand-labelled noisy speech Silero hears a pause 90 ms too short; between
read sentences, 30 to 60 dB above the noise, it is between 35 ms too short and 30 ms too long with
Silero, and 90 to 120 ms too short with WebRTC (medians). One constant cannot mend all of that. The
sound itself can: after this it is 10 to 30 ms too short with all of them, the width of a frame
(`scripts/bench_cues --only pauses`).
"""

import numpy as np
from numpy.typing import NDArray

FARTHEST = 20
"""Frames of 10 ms that an edge may move: the VAD is late, not deaf."""

LEAST_CONTRAST_DB = 20.0
"""Where the silence is less than this below the speech, the end of a word is lost in the noise and
the VAD is believed: at 10 dB the level put the edges 160 ms wrong."""

LEVEL_SHARE = 0.15
"""How far up from the silence to the speech, in dB, the edge lies."""

DEEPEST_DB = 60.0
"""Silence is taken for no deeper than this below the speech: digital silence is minus infinity."""


def sharpened(spoken: NDArray[np.bool_], level_db: NDArray[np.float32]) -> NDArray[np.bool_]:
    """`spoken` with its edges where the level crosses from silence to speech.

    Args:
        spoken: was each 10 ms frame speech? Shape [n].
        level_db: the level of each frame in dB, against anything, shape [n].
    """
    if not spoken.any() or spoken.all():
        return spoken
    sharp = spoken.copy()
    speech_db = float(np.median(level_db[spoken]))
    for start, end in silences(spoken):
        silence_db = max(float(np.median(level_db[start:end])), speech_db - DEEPEST_DB)
        contrast = speech_db - silence_db
        if contrast < LEAST_CONTRAST_DB:
            continue
        loud = level_db >= silence_db + LEVEL_SHARE * contrast
        _move(sharp, loud, start, end)
        _move(sharp[::-1], loud[::-1], len(sharp) - end, len(sharp) - start)
    return sharp


def silences(spoken: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The runs of silence as [start, end) frame numbers, in order."""
    steps = np.diff(np.concatenate([[1], spoken.astype(np.int8), [1]]))
    starts, ends = np.flatnonzero(steps < 0), np.flatnonzero(steps > 0)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _move(sharp: NDArray[np.bool_], loud: NDArray[np.bool_], start: int, end: int) -> None:
    """Move the edge where the silence [start, end) begins, in place."""
    if start == 0:
        return
    quiet = _leading(~loud[max(0, start - FARTHEST) : start][::-1])
    sharp[start - quiet : start] = False
    if not quiet:
        still_loud = _leading(loud[start : min(end, start + FARTHEST)])
        sharp[start : start + still_loud] = True


def _leading(flags: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not."""
    return len(flags) if flags.all() else int(flags.argmin())
