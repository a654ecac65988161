"""Filled pauses spliced into real sentences, with labels, and what is easily taken for one.

A sentence is cut where it is softest, or begun or ended; between room tone that is the recording's
own comes the token, as loud as the sentence give or take 3 dB. The negatives have the same cuts and
cross-fades around other things: without them a network learns the splice (ACOUSTICS.md §2.5).
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voice_cues.fillers_events import FRAME_S, Event
from voice_cues.fillers_rules import contour, runs
from voice_cues.fillers_sound import (
    RATE,
    Samples,
    at_level,
    faded,
    frame_levels,
    joined,
    loud_part,
    resampled,
    rms,
    room_tone,
    stretched,
    telephone,
    tilted,
    with_noise,
)

Rng = np.random.Generator

PAUSE_LOG_MEAN, PAUSE_LOG_SD = -0.7, 0.6
"""Of the silences around a filled pause, in log seconds: median 0.5 s (ACOUSTICS.md §2.5)."""

LONGEST_PAUSE_S = 1.2
NO_PAUSE = 0.35
"""Share of sides on which a filled pause touches its neighbour."""

UNSURE = -1
"""The label of a frame that an event's edge cuts: it counts for nothing in training."""


@dataclass(frozen=True, slots=True)
class Item:
    """One built recording.

    Attributes:
        sound: 16 kHz.
        events: its filled pauses, in seconds.
        kind: how it was made: `hum`, `vowel`, `real` or a kind of negative.
        speaker: of the sentence.
        token: where the spliced sound comes from; "" where nothing was spliced.
        corpus: of the sentence.
    """

    sound: Samples
    events: list[Event] = field(default_factory=list)
    kind: str = "untouched"
    speaker: str = ""
    token: str = ""
    corpus: str = ""


def labels(events: list[Event], frames: int) -> NDArray[np.int8]:
    """1 where at least three quarters of a frame of 40 ms are filled pause, 0 under a quarter."""
    share = np.zeros(frames)
    starts = np.arange(frames) * FRAME_S
    for start, end in events:
        share += np.clip(np.minimum(end, starts + FRAME_S) - np.maximum(start, starts), 0, None)
    share /= FRAME_S
    marks = np.where(share >= 0.75, 1, np.where(share <= 0.25, 0, UNSURE))
    return marks.astype(np.int8)


def pause_s(rng: Rng) -> float:
    """The silence on one side of a filled pause."""
    if rng.random() < NO_PAUSE:
        return 0.0
    return float(min(LONGEST_PAUSE_S, rng.lognormal(PAUSE_LOG_MEAN, PAUSE_LOG_SD)))


def soft_places(sound: Samples, least_gap_s: float = 0.25) -> list[int]:
    """Where a sentence may be cut: its softest moments, as sample positions, softest first."""
    levels = np.convolve(frame_levels(sound), np.ones(5) / 5, "same")
    edge = round(least_gap_s * 100)
    inner = np.arange(edge, len(levels) - edge)
    deep = [
        int(i)
        for i in inner
        if levels[i] == levels[i - 5 : i + 6].min() and levels[i] < np.percentile(levels, 90) - 12
    ]
    return [i * 160 + 80 for i in sorted(deep, key=lambda i: levels[i])]


def insert(sentence: Samples, token: Samples, rng: Rng) -> tuple[Samples, Event]:
    """The sentence with the token in it, and where the token is.

    Args:
        sentence: of any level.
        token: cut to what is to be heard; its level is set here.
        rng: draws the place, the silences, the level and the cross-fades (10 to 20 ms).
    """
    places = soft_places(sentence)
    whereabouts = rng.random()
    if whereabouts < 0.2 or not places:
        at = 0
    elif whereabouts < 0.3:
        at = len(sentence)
    else:
        at = places[int(rng.integers(0, min(len(places), 4)))]
    gain = rms(loud_part(sentence)) / rms(loud_part(token)) * 10 ** (rng.uniform(-3, 3) / 20)
    fade = float(rng.uniform(0.01, 0.02))
    before, after = (room_tone(sentence, round(pause_s(rng) * RATE), rng) for _ in range(2))
    heard = token * np.float32(gain)
    lead = joined([p for p in (sentence[:at], before) if len(p)] or [np.zeros(0, np.float32)], fade)
    start = max(0.0, len(lead) / RATE - fade / 2 if len(lead) else 0.0)
    pieces = [p for p in (lead, faded(heard, fade), after, sentence[at:]) if len(p)]
    return joined(pieces, fade), (start, start + len(heard) / RATE - fade)


def varied(token: Samples, rng: Rng) -> Samples:
    """The same token from a slightly different throat, at another pace and of another length."""
    wanted = float(np.clip(rng.lognormal(np.log(0.36), 0.4), 0.2, 0.9))
    if len(token) > wanted * RATE:
        start = int(rng.integers(0, len(token) - round(wanted * RATE) + 1))
        token = token[start : start + round(wanted * RATE)]
    if rng.random() < 0.5:
        token = resampled(token, float(rng.uniform(0.88, 1.13)))
    if rng.random() < 0.3:
        token = stretched(token, float(rng.uniform(0.8, 1.3)))
    return tilted(token, float(rng.uniform(-0.5, 0.7)))


def steady_vowels(sound: Samples, least_s: float = 0.06) -> list[Samples]:
    """The pieces of a recording in which a loud voice is steady, for lengthening."""
    heard = contour(sound)
    loud = heard.level_db > np.percentile(heard.level_db, 95) - 15
    found = runs(heard.steady & loud, 1)
    return [sound[a * 160 : b * 160] for a, b in found if (b - a) * 0.01 >= least_s]


def lengthened(vowel: Samples, seconds: float, rng: Rng) -> Samples:
    """A vowel of 60 ms or more made `seconds` long, at one pitch that falls a little."""
    long = stretched(vowel, seconds * RATE / len(vowel), 0.025)
    places = np.arange(len(long)) * (1 + np.linspace(0.02, -rng.uniform(0.0, 0.08), len(long)))
    glided = np.interp(np.clip(places, 0, len(long) - 1), np.arange(len(long)), long)
    swell = np.interp(np.linspace(0, 1, len(long)), (0, 0.15, 0.6, 1), (0.6, 1, 0.85, 0.35))
    return (glided * swell).astype(np.float32)


def drawled(sound: Samples, rng: Rng) -> Samples:
    """A sentence of which one vowel is drawn out 1.8 to 2.6 times: no filled pause."""
    heard = contour(sound)
    loud = heard.level_db > np.percentile(heard.level_db, 95) - 15
    places = [(a, b) for a, b in runs(heard.steady & loud, 1) if 6 <= b - a <= 20]
    if not places:
        return sound
    first, last = places[int(rng.integers(0, len(places)))]
    start, end = first * 160, last * 160
    long = stretched(sound[start:end], float(rng.uniform(1.8, 2.6)), 0.025)
    return joined([sound[:start], long, sound[end:]], 0.005)


def breath(rng: Rng) -> Samples:
    """Noise that swells and dies away, as loud as nothing in particular: an intake of breath."""
    noise = rng.normal(0, 1, round(rng.uniform(0.2, 0.6) * RATE))
    shaped = np.convolve(noise, (0.5, 0, -0.5), "same") * np.hanning(len(noise))
    return (0.05 * shaped).astype(np.float32)


def tone(rng: Rng) -> Samples:
    """A machine's steady sound: a beep, two tones, or a buzz with harmonics."""
    time = np.arange(round(rng.uniform(0.2, 1.5) * RATE)) / RATE
    base = float(rng.uniform(100, 1200))
    kind = int(rng.integers(0, 3))
    if kind == 0:
        wave = np.sin(2 * np.pi * base * time)
    elif kind == 1:
        wave = np.sin(2 * np.pi * base * time) + np.sin(2 * np.pi * 1.71 * base * time)
    else:
        wave = sum((np.sin(2 * np.pi * 0.3 * base * k * time) / k for k in range(1, 9)), 0 * time)
    return (0.1 * wave).astype(np.float32)


def disturbed(sound: Samples, noises: list[Samples], rng: Rng) -> Samples:
    """As it arrives: perhaps in noise, perhaps through a telephone, at any level."""
    if noises and rng.random() < 0.35:
        noise = noises[int(rng.integers(0, len(noises)))]
        sound = with_noise(sound, noise, float(rng.uniform(8, 30)), rng)
    sound = at_level(sound, float(rng.uniform(-35, -12)))
    return telephone(sound) if rng.random() < 0.5 else sound
