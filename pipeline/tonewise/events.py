"""Everything that can happen in a call, as immutable facts in the past tense.

One JSON form for the browser, the recording, the API and the tests: an object whose first key,
`event`, names the kind. Three conventions hold for every field:

- `at` and names ending in `_s` are **seconds of caller audio** since the call began. They are the
  same on every replay of a recording.
- names ending in `_ms` are **milliseconds on the wall clock**. They differ from run to run, so
  they stand in fields of their own and `to_json(event, wall=False)` leaves them out.
- `turn` is the number of the caller's turn, from 1. A reply bears the number of its turn.

A field that is None is absent from the JSON. The values that events carry are in `facts.py`.
"""

from typing import Literal

import msgspec

from tonewise.errors import Outcome
from tonewise.facts import Event, Patience, Scalar, Transcript, VoiceCues
from tonewise.live_events import LiveEvent
from tonewise.plan import Plan


class CallStarted(Event, frozen=True):
    """A caller connected. `engines` tells which implementation serves each stage."""

    call: str
    wire: str
    engines: dict[str, str]
    caller: dict[str, Scalar] = {}  # noqa: RUF012 - msgspec makes one for each
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


EndReason = Literal["patience", "too_long", "end_of_audio", "keys"]


class TurnEnded(Event, frozen=True):
    """The caller's turn is over: speech from `start_s` to `end_s`. `reason` says how we know.

    Attributes:
        patience: how long its last silence was waited for, and why; None where nobody judged it.
    """

    turn: int
    start_s: float
    end_s: float
    reason: EndReason
    patience: Patience | None = None


class ReplyHeld(Event, frozen=True):
    """There is a sound over the reply to `turn`: it fell silent until it is known what that is."""

    turn: int


class ReplyResumed(Event, frozen=True):
    """It was nothing that wants the floor: the reply to `turn` goes on."""

    turn: int


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
    """Which model class answers a turn, and why.

    Attributes:
        shadow: what the shadow policy would have done; nobody acts on it.
    """

    turn: int
    plan: Plan
    shadow: Plan | None = None
    routing_ms: float | None = None


class ReplyStreamed(Event, frozen=True):
    """A piece of the reply to a turn."""

    turn: int
    text: str


class AttemptEnded(Event, frozen=True):
    """One try at one model, the `attempt`-th for this turn, is over.

    Attributes:
        cost_usd: of the tokens that the provider counted, where its prices are known.
        continued: it was to go on from what another model had said before it broke off.
        early: it was begun before the turn had ended, and nothing of it was given: the caller went
            on speaking.
    """

    turn: int
    attempt: int
    model: str
    outcome: Outcome
    detail: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    cost_usd: float | None = None
    continued: bool = False
    early: bool = False


ReplyOutcome = Literal["answered", "interrupted", "cut_short", "failed"]


class ReplySounded(Event, frozen=True):
    """The first sound of the reply to a turn was given, so long after the end of the turn."""

    turn: int
    first_sound_ms: float | None = None


AsideKind = Literal["hold", "idle", "notice"]


class AsideSpoken(Event, frozen=True):
    """Something was said that no model wrote and no history holds.

    Attributes:
        turn: the turn that waits for its reply; 0 before the first.
        kind: `hold` while a model takes its time, `idle` to a caller who says nothing, `notice` at
            the beginning.
    """

    turn: int
    text: str
    kind: AsideKind


class NoticeGiven(Event, frozen=True):
    """The caller was told, aloud or in writing, that feelings are read from the voice."""

    text: str
    spoken: bool


class ConsentChanged(Event, frozen=True):
    """From here on feelings may be read from the caller's voice, or not any more."""

    emotion: bool
    by: Literal["notice", "api", "digit", "phrase", "settings"]


class ReplyEnded(Event, frozen=True):
    """The reply to a turn is over; `text` is what reached the caller, `unspoken` what did not.

    Attributes:
        model: who answered, or spoke last; None when every attempt failed.
        outcome: `cut_short`: the stream broke after some words; `failed`: no model said anything.
        first_token_ms: from the end of the turn to the first useful piece of the reply.
    """

    turn: int
    text: str
    outcome: ReplyOutcome
    unspoken: str = ""
    model: str | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None


class KeyPressed(Event, frozen=True):
    """The caller pressed a key of the telephone."""

    digit: str


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
    | ReplyHeld
    | ReplyResumed
    | ReplyInterrupted
    | TurnTranscribed
    | TurnMeasured
    | TurnIgnored
    | TurnRouted
    | ReplyStreamed
    | ReplySounded
    | AsideSpoken
    | NoticeGiven
    | ConsentChanged
    | AttemptEnded
    | ReplyEnded
    | KeyPressed
    | StageFailed
    | CallEnded
    | LiveEvent
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
    measured = dict.fromkeys(name for name in event.__struct_fields__ if name.endswith("_ms"))
    return msgspec.structs.replace(event, **measured) if measured else event
