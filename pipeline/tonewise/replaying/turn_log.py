"""What happened in a call, gathered turn by turn."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    ReplyEnded,
    ReplyInterrupted,
    ReplyStreamed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Transcript, VoiceCues
from tonewise.plan import Plan

NEAR_S = 0.5
"""Turns that do not overlap are still the same one where they lie as close as this."""


@dataclass(slots=True)
class TurnTaken:
    """One turn: seconds of the call, what was made of it, and what was replied.

    Attributes:
        start_s, end_s: of its speech.
        ended_at: when it was known to be over.
        replied_at: when the first words of the reply were there.
        pieces: of the reply, as they came.
        failures: of its stages, in words.
    """

    number: int
    start_s: float
    end_s: float
    ended_at: float | None = None
    transcript: Transcript | None = None
    cues: VoiceCues | None = None
    plan: Plan | None = None
    shadow: Plan | None = None
    reply: ReplyEnded | None = None
    replied_at: float | None = None
    pieces: list[str] = field(default_factory=list)
    attempts: list[AttemptEnded] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    ignored: str | None = None
    interrupted_at: float | None = None
    measured_ms: dict[str, float] = field(default_factory=dict)

    @property
    def said(self) -> str:
        """The words; empty where none were heard."""
        return self.transcript.text if self.transcript else ""

    @property
    def route(self) -> str | None:
        """None where nothing was routed."""
        return self.plan.route if self.plan else None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why that route, in words."""
        return tuple(reason.text for reason in self.plan.reasons) if self.plan else ()

    @property
    def reply_text(self) -> str:
        """What was replied, or was to be."""
        if self.reply is None:
            return "".join(self.pieces)
        return self.reply.text

    @property
    def written(self) -> str:
        """All that was written of the reply, also what the caller never heard."""
        return self.reply.text + self.reply.unspoken if self.reply else "".join(self.pieces)

    @property
    def waited_s(self) -> float | None:
        """From the end of speech to the first words of the reply, on the call's own clock."""
        return None if self.replied_at is None else round(self.replied_at - self.end_s, 3)

    @property
    def cost_usd(self) -> float | None:
        """Of all tries; None where none has a price."""
        costs = [tried.cost_usd for tried in self.attempts if tried.cost_usd is not None]
        return round(sum(costs), 9) if costs else None


def turns(events: Iterable[AnyEvent]) -> tuple[TurnTaken, ...]:
    """The turns of a call, in order."""
    taken: dict[int, TurnTaken] = {}
    for event in events:
        match event:
            case SpeechStarted(turn=number, start_s=start_s):
                taken[number] = TurnTaken(number, start_s, max(start_s, event.at))
            case TurnEnded(turn=number, start_s=start_s, end_s=end_s):
                turn = taken.setdefault(number, TurnTaken(number, start_s, end_s))
                turn.start_s, turn.end_s, turn.ended_at = start_s, end_s, event.at
            case _:
                turn_of_event = taken.get(getattr(event, "turn", 0))
                if turn_of_event:
                    _note(turn_of_event, event)
    return tuple(taken[number] for number in sorted(taken))


def _note(turn: TurnTaken, event: AnyEvent) -> None:
    for name in ("stt_ms", "acoustic_ms", "routing_ms", "first_token_ms", "total_ms"):
        ms = getattr(event, name, None)
        if ms is not None and not isinstance(event, AttemptEnded):
            turn.measured_ms[name.removesuffix("_ms")] = ms
    match event:
        case TurnTranscribed(transcript=transcript):
            turn.transcript = transcript
        case TurnMeasured(cues=cues):
            turn.cues = cues
        case TurnRouted(plan=plan, shadow=shadow):
            turn.plan, turn.shadow = plan, shadow
        case StageFailed(stage=stage, error=error):
            turn.failures.append(f"{stage}: {error}")
        case TurnIgnored(reason=reason):
            turn.ignored = reason
        case _:
            _note_reply(turn, event)


def _note_reply(turn: TurnTaken, event: AnyEvent) -> None:
    match event:
        case ReplyStreamed(text=text):
            turn.pieces.append(text)
            turn.replied_at = event.at if turn.replied_at is None else turn.replied_at
        case AttemptEnded():
            turn.attempts.append(event)
        case ReplyEnded():
            turn.reply = event
            if turn.replied_at is None and event.text:
                turn.replied_at = event.at
        case ReplyInterrupted():
            turn.interrupted_at = event.at
        case _:
            pass


def same_turn(among: Sequence[TurnTaken], start_s: float, end_s: float) -> TurnTaken | None:
    """The turn that overlaps most with these seconds, or lies near them; None where none does."""

    def overlap(turn: TurnTaken) -> float:
        return min(turn.end_s, end_s) - max(turn.start_s, start_s)

    best = max(among, key=overlap, default=None)
    return best if best and overlap(best) > -NEAR_S else None


def within(among: Sequence[TurnTaken], start_s: float, end_s: float) -> list[TurnTaken]:
    """The turns whose middle lies in these seconds, so that each is in one place at most."""
    return [turn for turn in among if start_s <= (turn.start_s + turn.end_s) / 2 < end_s]


def paired(
    before: Sequence[TurnTaken], after: Sequence[TurnTaken]
) -> list[tuple[TurnTaken | None, TurnTaken | None]]:
    """The same turns of two runs side by side, in order; None where one run has no such turn."""
    left = list(after)
    pairs: list[tuple[TurnTaken | None, TurnTaken | None]] = []
    for turn in before:
        match = same_turn(left, turn.start_s, turn.end_s)
        if match:
            left.remove(match)
        pairs.append((turn, match))
    pairs += [(None, turn) for turn in left]
    return sorted(pairs, key=lambda pair: (pair[0] or pair[1] or before[0]).start_s)
