"""Is what we hear our own voice, come back over the line?

The caller's latest sound is laid along what we have said, at every lag: an echo agrees with it in
shape, however faint, and at one lag all along, while a stranger's voice agrees here and there by
chance. A caller who speaks over the echo drowns the agreement, and is louder than an echo can be.

High frequencies are lifted first: the hum of two voices is much alike, their detail is not. Of 80
replies of ours (two synthetic and two kinds of real voices) through rooms of 0.2 to 0.5 s, Opus and
µ-law, 20 dB down, the likeness in the last 0.48 s, 1st and 50th hundredth .54 and .77 (of a first
word's first 64 ms: .51 and .81); that of some 350 recordings of strangers, 50th and 99th: .09 and
.19 (.12 and .34). Unlifted, in 0.16 s as it once was: .46 and .80, .26 and .61.
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

SURE = 0.4
"""Likeness at the latest lag from which no other is searched."""

LOUDER = 8.0
"""Sound of so many times the power of what agrees with us is not all ours. Set by hand, as the four
below: at 1 (0 dB) for `DULLER` 4 of 60 echoes ended a reply, at 2 none, and callers 16 dB over the
echo were heard alike (65 and 64 of 70)."""

DULLER = 2.0
"""Before the lift an echo may be louder by so much more."""

NO_FAINTER = 1 / 16
"""What has not so much of the power of the loudest frame is the room, or the echo of a pause."""

STRAY = 2
"""So many frames of an echo may be louder for all that: a click, a lost packet."""

_STEP = 2  # a telephone carries no more than 8 kHz
_RATE = RATE // _STEP
_SEGMENT = round(SEGMENT_S * _RATE)
_LONGEST = round(LONGEST_S * _RATE)
_SLACK = round(0.4 * _RATE)
"""Pieces of sound whose due times are so far apart, or overlap by so much, follow on each other: on
a live call the caller's packets tell the time, and they come in bursts, or wait for a busy server.
So a lag is known only to within so much, and all are searched."""

_KEPT = 4 * RATE // _STEP
_LIFT = 0.9
_WINDOW = round(0.01 * _RATE)
_FRAME = round(0.032 * _RATE)
_NEAR = 2
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
        self._at = 0  # where our voice was found last: a lag seldom changes

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
        lifted, said = _lifted(segment), _lifted(ours)
        near = max(0, self._at - _NEAR)
        likeness, at = _likeness_near(lifted, said[near : near + len(lifted) + 2 * _NEAR])
        at += near
        if likeness < SURE:
            likeness, at = _likeness(lifted, said)
        if likeness < max(LIKELY, BY_CHANCE / math.sqrt(_sounding_s(lifted))):
            return None
        self._at = at
        same = said[at : at + len(segment)]
        gain = float(np.dot(lifted, same)) / float(np.dot(same, same))
        around = slice(max(0, at - _AROUND * _FRAME), at + len(segment))
        # A dull voice is drowned by the lifted echo of a bright one, and the other way round.
        dull = _louder(segment, ours[around], gain * math.sqrt(DULLER))
        return dull | _louder(lifted, said[around], gain)

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


def _louder(segment: Samples, ours: Samples, gain: float) -> NDArray[np.bool_]:
    """Which frames, the last of which ends with `segment`, are too loud for our voice in it?

    Args:
        segment: what was heard.
        ours: what it agrees with, up to its end, and what came just before.
        gain: at which it agrees.
    """
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


def _likeness_near(segment: Samples, ours: Samples) -> tuple[float, int]:
    """As `_likeness`, at a few lags."""
    own, best = float(np.dot(segment, segment)), (0.0, 0)
    for at in range(len(ours) - len(segment) + 1):
        same = ours[at : at + len(segment)]
        power = own * float(np.dot(same, same))
        if power > _FAINTEST**2:
            best = max(best, (abs(float(np.dot(segment, same))) / math.sqrt(power), at))
    return best


def _likeness(segment: Samples, ours: Samples) -> tuple[float, int]:
    """The highest normalised correlation with any piece of `ours`, in [0, 1]; where it begins."""
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
    before, best, after = map(float, np.pad(likeness, 1)[at : at + 3])
    bend = before - 2 * best + after  # the best lag lies between two samples
    return min(1.0, best - (before - after) ** 2 / (8 * bend) if bend < 0 else best), at
