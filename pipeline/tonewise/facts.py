"""The values that events carry: what is heard, how it is said, what is decided.

Immutable, and in JSON as they are written here. A value that is None is absent from the JSON: a cue
that was not measured is absent, never zero.
"""

import msgspec

Route = str
"""The name of a class of models: `fast` and `frontier` unless the configuration names others."""

Scalar = str | int | float | bool


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that never changes once it is known."""


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
    """

    text: str
    language: str | None = None
    words: tuple[Word, ...] = ()
    no_speech: float | None = None
    log_probability: float | None = None


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
        emotion, arousal, valence, frustration: absent until an acoustic model measures them.
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
    frustration: float | None = None


# ---------------------------------------------------------------- what is decided


class Reason(Fact, frozen=True):
    """Why a route was chosen: the signal, its value, and one sentence for a person."""

    signal: str
    text: str
    value: float | None = None
    threshold: float | None = None


class Plan(Fact, frozen=True):
    """What the router decided for a turn.

    Attributes:
        route: the class of model that the turn deserves.
        models: names of the models to try, the first first.
        reasons: why, the deciding one first.
        complexity: in [0, 1]; `complexity_terms` says what it is made of.
    """

    route: Route
    models: tuple[str, ...]
    reasons: tuple[Reason, ...]
    complexity: float
    complexity_terms: tuple[Term, ...] = ()
