"""Is what we hear our own voice, come back over the line?

The caller's latest sound is laid along what we have said, at every lag: an echo agrees with it in
shape, however faint, and at one lag all along, while a stranger's voice agrees here and there by
chance. So the longer the stretch, the less likeness is asked for. A caller who speaks over the echo
drowns the agreement, and is louder than an echo can be.

High frequencies are lifted first: the hum of two voices is much alike, their detail is not.
Likeness on 60 replies of ours (two synthetic and two real voices) through rooms of 0.2 to 0.5 s,
Opus and µ-law, 20 dB down, against 216 recordings of others, 1st and 50th hundredth of echoes, 99th
and highest of strangers: in 0.16 s .33, .70; .41, .48; in 0.48 s .43, .71; .18, .30. Unlifted, in
0.16 s: .46, .80; .61, .75.
It removes nothing from the sound: it only keeps an echo from taking the floor.
"""

import math

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples

SEGMENT_S = 0.16
"""The least that is compared."""

STRETCH_S = 0.48
"""The most of the latest sound that is compared: room enough for a pause between two words."""

LONGEST_S = 0.8
"""The longest way of our voice to the caller and back, jitter buffers included."""

LIKELY, BY_CHANCE = 0.25, 0.07
"""Likeness from which sound is an echo; and of a sound that has just begun, `BY_CHANCE` over the
root of the seconds that it lasts, where that is more."""

LOUDER = 8.0
"""Sound of so many times the power of what agrees with us (9 dB: rooms add 3 to 6) is not all
ours."""

NO_FAINTER = 1 / 16
"""What has not so much of the power of the loudest frame is the room, or the echo of a pause."""

STRAY = 2
"""So many frames of an echo may be louder for all that: a click, a lost packet."""

_STEP = 2  # a telephone carries no more than 8 kHz
_RATE = RATE // _STEP
_SEGMENT = round(SEGMENT_S * _RATE)
_STRETCH = round(STRETCH_S * _RATE)
_LONGEST = round(LONGEST_S * _RATE)
_SLACK = round(0.4 * _RATE)
"""Pieces of sound whose due times are so far apart, or overlap by so much, follow on each other: on
a live call the caller's packets tell the time, and they come in bursts, or wait for a busy server.
So a lag is known only to within so much, and all are searched."""

_KEPT = 4 * RATE // _STEP
_LIFT = 0.9
_WINDOW = round(0.01 * _RATE)
_FRAME = round(0.032 * _RATE)
_AROUND = 8
"""An echo is as loud as we were within so many frames: rooms ring, and a player that has waited
for a packet plays on at another lag."""

_FAINTEST = 1e-10


class Echo:
    """Of one call."""

    def __init__(self) -> None:
        self._said: Samples = np.zeros(0, np.float32)
        self._said_upto = 0  # the sample of the call at which `_said` ends, at the reduced rate
        self._rest: Samples = np.zeros(0, np.float32)  # less than a sample of the reduced rate

    def spoke(self, samples: Samples, at_s: float) -> None:
        """We say `samples` from second `at_s` of the call on."""
        begin = round(at_s * RATE) // _STEP
        gap = begin - self._said_upto
        if len(self._said) and abs(gap) < _SLACK:  # due by a clock that ticks, played without break
            gap, begin = 0, self._said_upto
            samples = np.concatenate([self._rest, samples])
        self._rest = samples[len(samples) // _STEP * _STEP :]
        sound = _reduced(samples)
        if gap < 0:  # what was sent and then taken back was not said
            self._said = self._said[:gap]
        elif gap:
            self._said = np.concatenate([self._said, np.zeros(min(gap, _KEPT), np.float32)])
        self._said = np.concatenate([self._said, sound])[-_KEPT:]
        self._said_upto = begin + len(sound)

    def is_ours(self, heard: Samples, upto: int) -> bool:
        """Is `heard`, to its end, our own voice?

        Args:
            heard: the caller's latest sound, at least `SEGMENT_S`.
            upto: the sample of the call at which it ends.
        """
        found = self._found(heard, upto)
        return found is not None and not found[-1]

    def was_ours(self, heard: Samples, upto: int) -> bool:
        """Was `heard` our own voice, most of it?

        Args:
            heard: a sound that is over, at least `SEGMENT_S`.
            upto: the sample of the call at which it ends.
        """
        found = self._found(heard, upto)
        return found is not None and int(found.sum()) <= STRAY

    def _found(self, heard: Samples, upto: int) -> NDArray[np.bool_] | None:
        """Which of its frames are louder than our voice in it; None where that is not found."""
        segment = _reduced(heard)
        ours = self._said_before(upto // _STEP, len(segment))
        if len(segment) < _SEGMENT or len(ours) < len(segment):
            return None
        segment, ours = _lifted(segment), _lifted(ours)
        likeness, at = _likeness(segment, ours)
        if likeness < max(LIKELY, BY_CHANCE / math.sqrt(_sounding_s(segment))):
            return None
        return _louder(segment, ours[max(0, at - _AROUND * _FRAME) : at + len(segment)])

    def _said_before(self, upto: int, length: int) -> Samples:
        """What could be heard in the `length` samples before `upto`, silence where we said none."""
        first, last = upto - length - _LONGEST - _SLACK // 2, upto + _SLACK // 2
        begin = self._said_upto - len(self._said)
        said = self._said[max(0, first - begin) : max(0, last - begin)]
        if not said.any():
            return said[:0]
        return np.concatenate([np.zeros(max(0, min(begin, last) - first), np.float32), said])


def _reduced(samples: Samples) -> Samples:
    whole = len(samples) // _STEP * _STEP
    reduced: Samples = samples[:whole].reshape(-1, _STEP).mean(axis=1, dtype=np.float32)
    return reduced


def _lifted(sound: Samples) -> Samples:
    lifted: Samples = np.append(np.float32(0), sound[1:] - np.float32(_LIFT) * sound[:-1])
    return lifted


def _sounding_s(segment: Samples) -> float:
    """For how many seconds it sounds: of a word that has just begun little can be compared."""
    powers = _powers(segment, _WINDOW)
    most = float(np.sum(powers**2))
    return max(1.0, float(np.sum(powers)) ** 2 / most if most > 0 else 1.0) * _WINDOW / _RATE


def _louder(segment: Samples, ours: Samples) -> NDArray[np.bool_]:
    """Which frames, the last of which ends with `segment`, are too loud for what agrees with us?

    Args:
        segment: what was heard.
        ours: what it agrees with, up to its end, and what came just before.
    """
    same = ours[-len(segment) :]
    gain = float(np.dot(segment, same)) / max(_FAINTEST, float(np.dot(same, same)))
    heard, said = _powers(segment), _powers(ours)
    around = np.pad(said, (_AROUND, _AROUND))
    loudest = np.lib.stride_tricks.sliding_window_view(around, 2 * _AROUND + 1).max(axis=1)
    least: NDArray[np.float64] = np.maximum(
        LOUDER * gain**2 * loudest[-len(heard) :], NO_FAINTER * float(heard.max())
    )
    louder: NDArray[np.bool_] = heard > least
    return louder


def _powers(sound: Samples, size: int = _FRAME) -> NDArray[np.float64]:
    whole = sound[len(sound) % size :].astype(np.float64).reshape(-1, size)
    powers: NDArray[np.float64] = np.mean(np.square(whole), axis=1)
    return powers


def _likeness(segment: Samples, ours: Samples) -> tuple[float, int]:
    """The highest normalised correlation of `segment` with any piece of `ours`, in [0, 1], and
    where that begins."""
    size = 1 << (len(ours) - 1).bit_length()  # what wraps around is not looked at
    spectrum = np.fft.rfft(ours, size) * np.conj(np.fft.rfft(segment, size))
    products = np.fft.irfft(spectrum, size)[: len(ours) - len(segment) + 1]
    energy = np.concatenate([[0.0], np.cumsum(np.square(ours, dtype=np.float64))])
    pieces = energy[len(segment) :] - energy[: -len(segment)]
    own = float(np.sum(np.square(segment, dtype=np.float64)))
    loud = pieces > max(_FAINTEST, 1e-3 * float(pieces.max()))
    if own < _FAINTEST or not loud.any():
        return 0.0, 0
    likeness = np.zeros(len(pieces))
    likeness[loud] = np.abs(products[loud]) / np.sqrt(own * pieces[loud])
    at = int(likeness.argmax())
    before, best, after = (float(likeness[min(max(0, at + i), len(pieces) - 1)]) for i in (-1, 0, 1))
    bend = before - 2 * best + after  # the best lag lies between two samples
    return min(1.0, best - (before - after) ** 2 / (8 * bend) if bend < 0 else best), at
