"""The silences of a recording: pauses to be waited through, and ends to be answered.

HOLD: the same voice goes on after at least 0.2 s and at most 3 s, and nobody else spoke.
SHIFT: the other party speaks next, or the single utterance is over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import inf

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.ear import RELEASE
from tonewise.loudness import Loudness
from tonewise.stages import VadEngine
from turn_taking.recordings import UNSURE, Span, Voice

SHORTEST_S, LONGEST_HOLD_S = 0.2, 3.0
"""Longer silences inside a turn are somebody looking something up."""

LEAST_ANSWER_S = 0.2
SILENCE_AFTER_S = 4.0
LEAST_RUN_S = 0.06
"""Shorter stretches of "speech" are clicks."""

CLOSURE_S = 0.1

Runs = list[tuple[float, float]]


@dataclass(frozen=True)
class Silence:
    """A moment at which to ask.

    Attributes:
        voice: in which channel.
        turn_s: where the turn began, in seconds of the channel.
        start_s: where the speech ended.
        length_s: until the same voice goes on; infinite for a SHIFT.
        pauses: the speaker's earlier silences that were HOLDs.
    """

    voice: int
    turn_s: float
    start_s: float
    length_s: float
    pauses: tuple[float, ...]

    @property
    def hold(self) -> bool:
        """Did the same voice go on?"""
        return self.length_s < inf


@dataclass(frozen=True)
class Hearing:
    """What the ear makes of a channel, frame by frame.

    Attributes:
        spoken: speech to the VAD, with the ear's own hysteresis.
        quiet: samples at the end of each frame that are none: it fell silent, or was so already.
        frame_samples: of each.
    """

    spoken: NDArray[np.bool_]
    quiet: NDArray[np.int64]
    frame_samples: int

    @property
    def frame_s(self) -> float:
        """Seconds of each."""
        return self.frame_samples / RATE


def hearing(vad: VadEngine, samples: Samples) -> Hearing:
    """Hear a channel as the ear does while somebody speaks."""
    stream, loudness, size, on = vad.open(), Loudness(), vad.frame_samples, False
    count = len(samples) // size
    flags, quiet = np.zeros(count, np.bool_), np.full(count, size, np.int64)
    for number in range(count):
        frame = samples[number * size : (number + 1) * size]
        on = stream.speech(frame) >= vad.threshold - (RELEASE if on else 0.0)
        behind = loudness.quiet(frame, on)
        flags[number], quiet[number] = on, behind if on else size
    return Hearing(flags, quiet, size)


def runs(heard: Hearing) -> Runs:
    """Stretches of speech; silences under 0.1 s are the closures of consonants."""
    size, found = heard.frame_samples, Runs()
    for number in np.flatnonzero(heard.quiet < size):
        start, end = number * size / RATE, ((number + 1) * size - heard.quiet[number]) / RATE
        if found and start - found[-1][1] < CLOSURE_S:
            found[-1] = (found[-1][0], float(end))
        else:
            found.append((float(start), float(end)))
    return [run for run in found if run[1] - run[0] >= LEAST_RUN_S]


def with_silence_after(samples: Samples) -> Samples:
    """A clip and 4 s more of its quietest half second, at a fiftieth of its level.

    Clips are cut at the last word: the quietest part of a short one still holds some speech.
    """
    size = RATE // 2
    parts = [samples[start : start + size] for start in range(0, max(1, len(samples) - size), size)]
    quiet = min(parts, key=lambda part: float(np.mean(part**2)))
    there_and_back = np.concatenate([quiet, quiet[::-1]])
    repeats = round(SILENCE_AFTER_S * RATE / len(there_and_back)) + 1
    return np.concatenate([samples, np.tile(np.float32(0.02) * there_and_back, repeats)])


def silences(number: int, voice: Voice, heard: Runs, other: Runs | None) -> Iterator[Silence]:
    """The HOLDs and SHIFTs of a channel, from its runs of speech and the other channel's."""
    if voice.spans is not None:
        yield from _of_spans(number, voice.spans, heard)
    elif other is not None:
        yield from _of_channel(number, heard, other)
    elif voice.one_side:
        yield from _of_side(number, heard)
    elif heard:
        yield from _of_turn(number, heard, ended=True, pauses=())


def _of_turn(
    number: int, heard: Runs, *, ended: bool, pauses: tuple[float, ...]
) -> Iterator[Silence]:
    """One turn's: a HOLD between any two runs, a SHIFT after the last where it is known."""
    for (_, end), (start, _) in pairwise(heard):
        length = start - end
        if SHORTEST_S <= length <= LONGEST_HOLD_S:
            yield Silence(number, heard[0][0], end, length, pauses)
            pauses = (*pauses, length)
    if ended:
        yield Silence(number, heard[0][0], heard[-1][1], inf, pauses)


def _of_channel(number: int, heard: Runs, other: Runs) -> Iterator[Silence]:
    turn: Runs = []
    known: tuple[float, ...] = ()
    for (start, end), following in zip(heard, [*heard[1:], (inf, inf)], strict=True):
        turn.append((start, end))
        answer = _overlap(other, end, following[0])
        if answer >= LEAST_ANSWER_S or following[0] - end > LONGEST_HOLD_S:
            over = _overlap(other, end - 0.3, end) > 0 or answer < LEAST_ANSWER_S
            found = list(_of_turn(number, turn, ended=not over, pauses=known))
            yield from found
            known = (*known, *(one.length_s for one in found if one.hold))
            turn = []


def _of_side(number: int, heard: Runs) -> Iterator[Silence]:
    """Where the other party was not recorded: over 1.5 s is a SHIFT, under 1 s a HOLD."""
    turn: Runs = []
    for (start, end), following in zip(heard, [*heard[1:], (inf, inf)], strict=True):
        turn.append((start, end))
        if following[0] - end >= 1.0:
            sure = 1.5 <= following[0] - end < inf
            yield from _of_turn(number, turn, ended=sure, pauses=())
            turn = []


def _of_spans(number: int, spans: tuple[Span, ...], heard: Runs) -> Iterator[Silence]:
    known: dict[str, tuple[float, ...]] = {}
    for place, span in enumerate(spans):
        if span.speaker == UNSURE:
            continue
        inside = [
            run for run in heard if span.start_s - 0.15 <= run[0] and run[1] <= span.end_s + 0.3
        ]
        others = [other for other in spans if other.speaker != span.speaker]
        inside = [run for run in inside if not _overlap(_pairs(others), run[0], run[1] + 0.1)]
        if not inside:
            continue
        following = spans[place + 1] if place + 1 < len(spans) else None
        ended = (
            following is not None
            and following.speaker not in (UNSURE, span.speaker)
            and following.start_s >= span.end_s
            and abs(inside[-1][1] - span.end_s) < 0.3
        )
        before = known.get(span.speaker, ())
        found = list(_of_turn(number, inside, ended=ended, pauses=before))
        found = [one for one in found if not _crossed(one, others)]
        yield from found
        known[span.speaker] = (*before, *(one.length_s for one in found if one.hold))


def _crossed(silence: Silence, others: list[Span]) -> bool:
    """Did somebody else speak in a HOLD?"""
    return silence.hold and bool(
        _overlap(_pairs(others), silence.start_s, silence.start_s + silence.length_s)
    )


def _pairs(spans: list[Span]) -> Runs:
    return [(span.start_s, span.end_s) for span in spans]


def _overlap(runs_: Runs, start: float, end: float) -> float:
    return sum(max(0.0, min(end, b) - max(start, a)) for a, b in runs_)
