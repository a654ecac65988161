"""The values that events carry: what is heard, how it is said, what is decided.

Immutable, and in JSON as they are written here. A value that is None is absent from the JSON: a cue
that was not measured is absent, never zero.
"""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

Amount = Annotated[float, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]

Route = str
"""The name of a class of models: `fast` and `frontier` unless the configuration names others."""

Scalar = str | int | float | bool

T = TypeVar("T")


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that never changes once it is known."""


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
    """

    seconds: float
    done: float
    terms: tuple[Term, ...] = ()
    reason: str = ""


# ---------------------------------------------------------------- what is decided


class ModelFacts(Fact, frozen=True, kw_only=True):
    """What is known of a model, whoever provides it. What is not known is absent.

    Attributes:
        price_in, price_out: USD per million tokens read and written.
        price_cached: USD per million tokens that the provider has read before in this call and
            still keeps (its prompt cache); None where it keeps nothing.
        context_window: tokens that a request and its reply may hold.
        languages: that it speaks well (ISO 639-1); empty: any.
        tags: what a constraint may ask for, as in `local`, `eu`, `zdr` (zero data retention).
        energy: watt-hours per 1000 tokens, read or written.
        quality: share of turns of middling complexity that it answers well, in [0, 1]; or by task,
            with `default` for the tasks that are not named.
        latency: seconds that it usually takes to its first token.
    """

    price_in: Amount | None = None
    price_out: Amount | None = None
    price_cached: Amount | None = None
    context_window: Annotated[int, Meta(ge=1)] | None = None
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    energy: Amount | None = None
    quality: Share | dict[str, Share] | None = None
    latency: Annotated[float, Meta(gt=0, le=600)] | None = None


class Reason(Fact, frozen=True):
    """Why a route was chosen: the signal, its value, and one sentence for a person."""

    signal: str
    text: str
    value: float | None = None
    threshold: float | None = None


class Exchange(Fact, frozen=True):
    """An earlier turn and its reply, as far as it was given.

    Attributes:
        model: who answered; empty where nobody did.
        frustration: as it was heard then, in [0, 1]; None where it was not measured.
        escalated: the turn went to a stronger route because of how the call went.
    """

    turn: int
    said: str
    replied: str
    route: str
    model: str = ""
    frustration: float | None = None
    escalated: bool = False


class Circumstances(Fact, frozen=True, kw_only=True):
    """What is known when a turn is routed, besides the turn itself. Absent is absent.

    Attributes:
        call: the call's identifier.
        wire: the wire that the call came on.
        at_s: seconds of caller audio since the call began.
        talk_over: did the turn begin over our reply?
        time: local time in ISO 8601, told by whoever has a clock.
        profile: of models by name, what was measured lately: `p50` and `p95` (seconds to the first
            token), `error_rate` in [0, 1], `cost` (USD per turn).
        budget: in USD, where there is one: `limit`, `spent`, `left`.
    """

    call: str = ""
    wire: str = ""
    at_s: float | None = None
    talk_over: bool | None = None
    time: str | None = None
    profile: dict[str, dict[str, float]] = {}
    budget: dict[str, float] = {}


class Score(Fact, frozen=True):
    """What speaks for and against a model in one turn.

    Attributes:
        utility: the sum of its contributions; None where the model is excluded.
        contributions: each with its value in the unit that the name tells.
        excluded_by: the constraint that keeps the model from answering, in words.
    """

    model: str
    route: Route
    utility: float | None = None
    contributions: tuple[Term, ...] = ()
    excluded_by: str | None = None


class Skipped(Fact, frozen=True):
    """A rule that could not be asked of this turn, and why: it did not match."""

    rule: str
    why: str


class Plan(Fact, frozen=True):
    """What the router decided for a turn.

    Attributes:
        route: the class of model that the turn deserves.
        models: names of the models to try, the first first.
        reasons: why, the deciding one first.
        complexity: in [0, 1]; `complexity_terms` says what it is made of.
        scores: of every model, the best first, where the policy weighs models.
        rule: the name of the rule that chose the route.
        skipped: rules that could not be asked.
        escalated: the route is stronger than the words alone would have earned, because of the
            caller's frustration in this turn or lately.
        frustration: in [0, 1], by the words and the voice; `frustration_terms` says what it is made
            of. None where nothing was said and nothing heard, or the policy does not ask.
    """

    route: Route
    models: tuple[str, ...]
    reasons: tuple[Reason, ...]
    complexity: float
    complexity_terms: tuple[Term, ...] = ()
    scores: tuple[Score, ...] = ()
    rule: str | None = None
    skipped: tuple[Skipped, ...] = ()
    escalated: bool = False
    frustration: float | None = None
    frustration_terms: tuple[Term, ...] = ()
