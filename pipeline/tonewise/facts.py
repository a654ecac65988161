"""The values that events carry: what is heard, and how it is said. What is decided: `plan.py`.

Immutable, and in JSON as they are written here. A value that is None is absent from the JSON: a cue
that was not measured is absent, never zero.
"""

import re
from typing import TypeVar

import msgspec

Route = str
"""The name of a class of models: `fast` and `frontier` unless the configuration names others."""

Scalar = str | int | float | bool

T = TypeVar("T")


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that never changes once it is known."""


def snake(name: str) -> str:
    """The name of a class as JSON tells it: `TurnEnded` is `turn_ended`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="event", tag=snake
):
    """Something that happened in a call, at second `at` of its audio."""

    at: float


def as_told(value: T, kind: type[T]) -> T:
    """A value as events will tell it, so that an engine's slip is found where it was made.

    What JSON has no word for, as NaN, becomes None, which is absent.

    Raises:
        TypeError: it holds what no JSON can, as NumPy's numbers.
        msgspec.ValidationError: it is no `kind`, or holds None where a value is needed.
    """
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


# ---------------------------------------------------------------- what is heard


class Word(Fact, frozen=True):
    """A word of a transcript and where in the turn's audio it was said."""

    text: str
    start_s: float
    end_s: float
    probability: float | None = None


class Transcript(Fact, frozen=True):
    """What was said.

    Attributes:
        text: the words, as the engine wrote them; empty when it heard none.
        language: ISO 639-1 code, where the engine knows it.
        words: with their times, where the engine gives them.
        no_speech: probability in [0, 1] that there was no speech at all.
        log_probability: mean natural-log probability of a token (0 is certain).
        digits: what was typed on the keys of a telephone, where the turn is that.
        sentence_end: probability in [0, 1] that a full stop, rather than a comma, follows the last
            word; None where the engine cannot tell.
    """

    text: str
    language: str | None = None
    words: tuple[Word, ...] = ()
    no_speech: float | None = None
    log_probability: float | None = None
    digits: str | None = None
    sentence_end: float | None = None


class Term(Fact, frozen=True):
    """One summand of a score, so that the score can be read.

    Attributes:
        name: what was measured.
        value: as measured, in the unit that the name tells.
        contribution: what it adds to the score (to its log-odds, where the score is a probability).
    """

    name: str
    value: float
    contribution: float


class Pauses(Fact, frozen=True):
    """Silences of at least 250 ms inside a turn (Goldman-Eisler's threshold)."""

    count: int
    longest_s: float
    ratio: float


class Departure(Fact, frozen=True):
    """How a turn departs from the caller's own baseline, in population standard deviations."""

    arousal: float | None = None
    valence: float | None = None


class VoiceCues(Fact, frozen=True):
    """How a turn was said: the paralinguistic reading.

    Attributes:
        speech_s: seconds of speech, pauses left out.
        pauses: None when there was no speech.
        articulation_rate: syllables per second of speech; None under 0.5 s of speech.
        response_latency_s: from the end of our voice to the caller's; None where that is unknown.
        loudness_dbfs: RMS of the speech relative to full scale, ≤ 0.
        f0_median_hz, f0_range_st: pitch, and its 5th-to-95th-percentile range in semitones; None
            where too little of the turn is voiced.
        snr_db: speech against the noise between words; None where there is no silence to compare.
        clipping: share of samples at full scale, in [0, 1].
        hesitation: in [0, 1]; `hesitation_terms` says what it is made of.
        emotion: posteriors by label, which sum to 1; absent until an acoustic model measures them,
            and where it abstains.
        arousal, valence: in [0, 1]; absent likewise.
        departure: arousal and valence against the caller's own first turns.
        frustration: the voice's part alone, in [0, 1].
        filled_pauses: how many ("um", "uh") were heard; None where nothing listens for them.
        filled_pause_s: seconds of them.
        quality: how far the line lets the voice be judged, in [0, 1].
        unknown: why no emotion is named, in words; arousal may be told all the same.
    """

    speech_s: float
    pauses: Pauses | None = None
    articulation_rate: float | None = None
    response_latency_s: float | None = None
    loudness_dbfs: float | None = None
    f0_median_hz: float | None = None
    f0_range_st: float | None = None
    snr_db: float | None = None
    clipping: float | None = None
    hesitation: float | None = None
    hesitation_terms: tuple[Term, ...] = ()
    emotion: dict[str, float] | None = None
    arousal: float | None = None
    valence: float | None = None
    departure: Departure | None = None
    frustration: float | None = None
    filled_pauses: int | None = None
    filled_pause_s: float | None = None
    quality: float | None = None
    unknown: str | None = None


class Patience(Fact, frozen=True):
    """How long a silence may last before it ends the turn.

    Attributes:
        seconds: from the end of speech.
        done: probability in [0, 1] that the caller has said all.
        terms: what `done` is made of, in log-odds.
        reason: in one sentence, for a person.
        settled: seconds of silence after which a reply may be heard, where that is later. What is
            begun in between is thrown away unheard if the caller goes on.
    """

    seconds: float
    done: float
    terms: tuple[Term, ...] = ()
    reason: str = ""
    settled: float | None = None
