"""What is known of turns after the call: decisions, attempts, what callers did next, feedback.

The store keeps records; the live profile, the learner, budgets and experiments are made of them,
and of nothing else. Like events they are immutable and have one JSON form, an object whose first
key, `record`, names the kind. They differ from events in three ways: time is the wall clock's
(`at`, seconds since 1970 in UTC), a decision has an identifier that is good everywhere, and nothing
that was said is in them unless `[store] transcripts` asks for it.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tonewise.errors import Outcome
from tonewise.facts import snake
from tonewise.plan import Plan, Share

Source = Literal["call", "api", "replay"]


class Record(
    msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, tag_field="record", tag=snake
):
    """Something that is worth remembering; `at` is in seconds since 1970, UTC."""

    at: float


class CallBegan(Record, frozen=True):
    """A call began.

    Attributes:
        caller: a pseudonym of who calls, the same in every call of theirs; empty where unknown.
    """

    call: str
    wire: str
    caller: str = ""
    language: str | None = None


class CallOver(Record, frozen=True):
    """A call is over; `seconds` of caller audio, `turns` in all."""

    call: str
    reason: str
    turns: int
    seconds: float


class Decided(Record, frozen=True):
    """A turn was routed.

    Attributes:
        decision: the identifier; for a call `<call>.<turn>`.
        client: the name of the client key that asked, from `[[clients]]`; empty: none.
        router: which router decided, as in `tonewise/<router>`.
        user: a pseudonym of who is answered: experiments stick to it.
        calm: nothing in voice or words spoke of frustration, now or lately: it may be explored.
        said: the caller's words, only where transcripts are kept.
    """

    decision: str
    source: Source
    plan: Plan
    call: str = ""
    turn: int = 0
    client: str = ""
    router: str = "default"
    user: str = ""
    calm: bool = False
    said: str | None = None


class Tried(Record, frozen=True):
    """One try at one model is over; as `events.AttemptEnded`, with its `detail` safe to show.

    Attributes:
        attempt: from 1; of tries that began before the turn was over, from 0 downwards.
    """

    decision: str
    attempt: int
    model: str
    outcome: Outcome
    detail: str | None = None
    task: str | None = None
    client: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_ms: float | None = None
    total_ms: float | None = None
    cost_usd: float | None = None
    early: bool = False


ReplyEnding = Literal["answered", "interrupted", "cut_short", "failed"]


class Replied(Record, frozen=True):
    """The reply to a decided turn is over.

    Attributes:
        model: who answered; empty: nobody.
        first_token_ms: from the end of the turn, or from the request, to the first useful piece.
        first_sound_ms: likewise to the first sound; None where nothing is spoken.
        replied: the words, only where transcripts are kept.
    """

    decision: str
    outcome: ReplyEnding
    model: str = ""
    first_token_ms: float | None = None
    first_sound_ms: float | None = None
    total_ms: float | None = None
    replied: str | None = None


class Followed(Record, frozen=True):
    """What the caller did after a reply: the raw signals that the learner is rewarded by.

    Attributes:
        frustration: in the turn after it, in [0, 1]; None where there was none, or no telling.
        before: frustration in the turn that was answered; likewise.
        interrupted: the caller talked over the reply.
        repeated: the caller said much the same again.
        thanked: the next turn thanks.
        hung_up: there was no next turn: the caller hung up within the reply or right after it.
    """

    decision: str
    frustration: float | None = None
    before: float | None = None
    interrupted: bool = False
    repeated: bool = False
    thanked: bool = False
    hung_up: bool = False


class Judged(Record, frozen=True):
    """Explicit feedback on a decision.

    Attributes:
        score: from 0, bad, to 1, good.
        label: a word of the application's own.
        by: the client key's name, or `caller` where it came over the call's wire.
        text: in words, only where transcripts are kept.
    """

    decision: str
    score: Share
    label: Annotated[str, Meta(max_length=64)] = ""
    by: str = ""
    text: str | None = None


AnyRecord = CallBegan | CallOver | Decided | Tried | Replied | Followed | Judged

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyRecord] = msgspec.json.Decoder(AnyRecord)


def to_json(record: AnyRecord) -> bytes:
    """One line of JSON, without a line break."""
    return _encoder.encode(record)


def from_json(line: bytes | str) -> AnyRecord:
    """The record that `to_json` wrote.

    Raises:
        msgspec.DecodeError: not JSON.
        msgspec.ValidationError: JSON, but no record of ours.
    """
    return _decoder.decode(line)
