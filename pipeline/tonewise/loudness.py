"""Has the voice fallen silent, or begun? Heard from its loudness, sooner than a VAD can tell.

A VAD hears the end of speech late, for it listens for a while before it is sure: Silero by 83 ms in
the median (58 to 116 in the middle half; 66 clips of speech whose true end is where they fall
35 dB under their peak), and loudness by 4 ms (1 to 16). So a sound that the VAD calls speech counts
as speech only where it is not far below the loudest speech of late. Where noise lies less far
below, nothing ever falls under it, and the VAD decides alone.

Nor does a VAD hear a word at once that begins with a hiss: Silero takes up to 172 ms for "four". So
over a reply, which may be held for a moment in vain, a sudden sound is enough.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples

WINDOW = 128
"""About so many samples, 8 ms: one or two periods of a voice."""

DROP_DB = 28.0
"""Windows this far under the loudest frame are no speech. On those clips 26 dB would find the end
56 ms early in one of twenty, before a faint last consonant; 30 dB finds it 8 ms late in the median.
"""

FORGETS_DB = 3.0
"""For every second of speech the loudest frame is forgotten by so much: callers turn away, and
others take over."""

SUDDEN_DB, ABOVE_ROOM_DB = 18.0, 20.0
"""A frame is sudden that is at most so far below the loudest speech, and at least so far above the
room. 246 onsets of 41 clips over the VAD alone, and over both: 109 and 33 ms at p95, 172 and 39 at
the longest; needless holds in a minute of barks, sneezes and saws nearly as loud as the caller: 4
and 10."""

ROOM_RISES_DB = 10.0
"""A second: the room is as loud as its quietest frame of late."""

LOUDER_DB = 6.0
"""By so much a sound has to outdo one that was not meant for us: a saw holds a reply once."""

_FAINTEST = 1e-10


class Loudness:
    """Of one call's caller."""

    def __init__(self) -> None:
        self._peak_db = -math.inf
        self._room_db = math.inf
        self._latest_db = -math.inf
        self._vain_db = -math.inf
        self.sudden = False
        """Does the latest frame stand out of the room, about as loud as the caller speaks?"""

    def quiet(self, frame: Samples, spoken: bool) -> int:
        """How many samples at the end of `frame` are too quiet for speech, 0 to all.

        Args:
            frame: the next of the call.
            spoken: does the VAD call it speech? Only then does its loudness count.
        """
        size = window(len(frame))
        powers = np.mean(_squares(frame).reshape(-1, size), axis=1)
        self._follow(_db(float(powers.mean())), len(frame) / RATE, spoken)
        loud = np.flatnonzero(powers >= self._least)
        return len(frame) - size * (int(loud[-1]) + 1) if len(loud) else len(frame)

    def quiet_so_far(self, begun: Samples) -> bool:
        """Is the beginning of a frame, a window of it, too quiet for speech?"""
        return float(_squares(begun).mean()) < self._least

    @property
    def _least(self) -> float:
        return max(10 ** ((self._peak_db - DROP_DB) / 10), _FAINTEST)

    def in_vain(self) -> None:
        """What was sudden of late was nothing: others like it are no longer sudden."""
        self._vain_db = max(self._vain_db, self._latest_db)
        self._latest_db = -math.inf

    def for_us(self) -> None:
        """What was sudden of late was speech."""
        self._latest_db = -math.inf

    def _follow(self, db: float, frame_s: float, spoken: bool) -> None:
        known = max(self._peak_db - SUDDEN_DB, self._room_db + ABOVE_ROOM_DB)
        self.sudden = db >= max(known, self._vain_db + LOUDER_DB) and self._peak_db > -math.inf
        self._latest_db = max(db, self._latest_db) if self.sudden else self._latest_db
        self._room_db = min(db, self._room_db + ROOM_RISES_DB * frame_s)
        self._vain_db -= FORGETS_DB * frame_s
        if spoken:
            self._peak_db = max(self._peak_db - FORGETS_DB * frame_s, db)


def window(frame_samples: int) -> int:
    """The length that divides a frame into equal windows of about `WINDOW` samples."""
    most = max(1, round(frame_samples / WINDOW))
    parts = next(number for number in range(most, 0, -1) if not frame_samples % number)
    return frame_samples // parts


def _squares(sound: Samples) -> NDArray[np.float64]:
    return np.clip(np.nan_to_num(sound.astype(np.float64)), -1.0, 1.0) ** 2


def _db(power: float) -> float:
    return 10 * math.log10(max(power, _FAINTEST))
