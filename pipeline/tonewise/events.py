"""Everything that can happen in a call, as immutable facts in the past tense.

One JSON form for the browser, the recording, the API and the tests: an object whose first key,
`event`, names the kind. Three conventions hold for every field:

- `at` and names ending in `_s` are **seconds of caller audio** since the call began. They are the
  same on every replay of a recording.
- names ending in `_ms` are **milliseconds on the wall clock**. They differ from run to run, so
  they stand in fields of their own and `to_json(event, wall=False)` leaves them out.
- `turn` is the number of the caller's turn, from 1. A reply bears the number of the turn it answers.

A field that is None is absent from the JSON: a cue that was not measured is absent, never zero.
"""

import re
from typing import Any, Literal

import msgspec

from tonewise.errors import Outcome

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


# ---------------------------------------------------------------- what happened


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Event(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="event", tag=_snake
):
    """Something that happened in a call, at second `at` of its audio."""

    at: float


class CallStarted(Event, frozen=True):
    """A caller connected. `engines` tells which implementation serves each stage."""

    call: str
    wire: str
    engines: dict[str, str]
    caller: dict[str, Scalar] = {}
    language: str | None = None


class SpeechStarted(Event, frozen=True):
    """The caller took the floor: turn `turn` began at second `start_s`."""

    turn: int
    start_s: float


class SpeechPaused(Event, frozen=True):
    """The caller fell silent, perhaps only to think."""

    turn: int


class SpeechResumed(Event, frozen=True):
    """It was only a pause."""

    turn: int
    paused_s: float


EndReason = Literal["patience", "too_long", "end_of_audio"]


class TurnEnded(Event, frozen=True):
    """The caller's turn is over: speech from `start_s` to `end_s`. `reason` says how we know."""

    turn: int
    start_s: float
    end_s: float
    reason: EndReason


class ReplyInterrupted(Event, frozen=True):
    """The caller spoke over the reply to turn `turn` and has the floor."""

    turn: int


class TurnTranscribed(Event, frozen=True):
    """What was said in a turn."""

    turn: int
    transcript: Transcript
    stt_ms: float | None = None


class TurnMeasured(Event, frozen=True):
    """How a turn was said."""

    turn: int
    cues: VoiceCues
    acoustic_ms: float | None = None


class TurnIgnored(Event, frozen=True):
    """The turn held no words: nothing is answered and the floor is open again."""

    turn: int
    reason: str


class TurnRouted(Event, frozen=True):
    """Which model class answers a turn, and why."""

    turn: int
    plan: Plan
    routing_ms: float | None = None


class ReplyStreamed(Event, frozen=True):
    """A piece of the reply to a turn."""

    turn: int
    text: str


class AttemptEnded(Event, frozen=True):
    """One try at one model, the `attempt`-th for this turn, is over."""

    turn: int
    attempt: int
    model: str
    outcome: Outcome
    detail: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None


class ReplyEnded(Event, frozen=True):
    """The reply to a turn is over; `text` is all of it.

    Attributes:
        model: who answered; None when every attempt failed.
        outcome: `answered`, `interrupted` (by the caller), `cut_short` (the stream broke after
            some words) or `failed` (no model said anything).
        first_token_ms: from the end of the turn to the first useful piece of the reply.
    """

    turn: int
    text: str
    outcome: Literal["answered", "interrupted", "cut_short", "failed"]
    model: str | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None


class StageFailed(Event, frozen=True):
    """A stage broke. It costs this turn something, never the call."""

    turn: int
    stage: str
    engine: str
    error: str


class CallEnded(Event, frozen=True):
    """The call is over. Always the last event."""

    reason: str
    turns: int


AnyEvent = (
    CallStarted
    | SpeechStarted
    | SpeechPaused
    | SpeechResumed
    | TurnEnded
    | ReplyInterrupted
    | TurnTranscribed
    | TurnMeasured
    | TurnIgnored
    | TurnRouted
    | ReplyStreamed
    | AttemptEnded
    | ReplyEnded
    | StageFailed
    | CallEnded
)

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)


def to_json(event: AnyEvent, *, wall: bool = True) -> bytes:
    """One line of JSON, without a line break.

    Args:
        event: what happened.
        wall: False leaves out what the wall clock measured (every field named `…_ms`).
    """
    return _encoder.encode(event if wall else _without_wall_clock(event))


def from_json(line: bytes | str) -> AnyEvent:
    """The event that `to_json` wrote.

    Raises:
        msgspec.DecodeError: not JSON.
        msgspec.ValidationError: JSON, but no event of ours.
    """
    return _decoder.decode(line)


def _without_wall_clock(event: AnyEvent) -> AnyEvent:
    measured: dict[str, Any] = {
        field: None for field in event.__struct_fields__ if field.endswith("_ms")
    }
    return msgspec.structs.replace(event, **measured) if measured else event
