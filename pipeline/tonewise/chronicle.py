"""The events of one call, turned into records as they happen: what the store and the learner keep.

Nothing waits here, and nothing that cost money is lost: a model that was asked early and thrown
away is recorded even where its turn was never routed. What a caller did next is recorded once it is
known: at the next decision, or at the end of the call.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tonewise.aftermath import Aftermath
from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    CallEnded,
    CallStarted,
    ReplyEnded,
    ReplyInterrupted,
    ReplySounded,
    ReplyStreamed,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Scalar, Transcript
from tonewise.learning.exploring import calm
from tonewise.live_events import FeedbackGiven
from tonewise.plan import Exchange, Plan
from tonewise.records import AnyRecord, CallBegan, CallOver, Decided, Judged, Replied, Tried
from tonewise.routing.ladder import CALLER_KEYS
from tonewise.stages import Turn
from tonewise.store.discretion import without_words

LEFT = frozenset({"hung up", "the caller left"})
"""Ends of a call that are the caller's own doing, as transports tell them."""

LONGEST = 2000
"""Characters of a turn that are compared and kept: two minutes of speech."""

LONGEST_LABEL = 64
"""Characters of a label, as `records.Judged` takes them."""

REMEMBERED = 32
"""Decisions that may tell whether a caller is calm; frustration has faded long before."""


@dataclass(slots=True)
class Chronicle:
    """Of one call, event by event.

    Args:
        call: the call's identifier.
        wire: the wire that the call came on.
        pseudonym: of who calls; see `pseudonyms.pseudonyms`.
        keeps_words: what was said may be kept.
        clock: seconds since 1970, UTC.
        router: which router decides in this call.
    """

    call: str
    wire: str
    pseudonym: Callable[[str], str]
    keeps_words: bool
    clock: Callable[[], float]
    router: str = "default"
    _at: float = 0.0
    _user: str = ""
    _decided: dict[int, str] = field(default_factory=dict)
    _tasks: dict[int, str | None] = field(default_factory=dict)
    _open: list[Aftermath] = field(default_factory=list)
    _unanswered: list[tuple[int, str]] = field(default_factory=list)
    _heard: dict[int, float | None] = field(default_factory=dict)
    _early: dict[int, int] = field(default_factory=dict)
    _past: deque[Exchange] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def note(self, event: AnyEvent) -> list[AnyRecord]:
        """What happened; the records that follow from it, in order."""
        self._at = self.clock()
        told: list[AnyRecord] = []
        match event:
            case CallStarted():
                told.append(self._began(event))
            case TurnRouted():
                told += self._routed(event)
            case AttemptEnded():
                told.append(self._tried(event))
            case ReplyEnded():
                told += self._replied(event)
            case CallEnded():
                told += self._ended(event)
            case FeedbackGiven():
                told += self._judged(event)
            case _:
                self._remember(event)
        return told

    def _began(self, event: CallStarted) -> CallBegan:
        self._user = self.pseudonym(who(event.caller))
        return CallBegan(
            at=self._at,
            call=self.call,
            wire=self.wire,
            caller=self._user,
            language=event.language,
        )

    # ------------------------------------------------------------ decisions

    def _routed(self, event: TurnRouted) -> list[AnyRecord]:
        turn, plan = event.turn, event.plan
        if turn in self._decided:  # a turn is answered once; what is told twice is kept once
            return []
        decision = self._decided[turn] = f"{self.call}.{turn}"
        self._tasks[turn] = plan.task
        words = tuple(text for number, text in self._unanswered if number <= turn)
        self._unanswered = [each for each in self._unanswered if each[0] > turn]
        now = self._heard.get(turn) if plan.frustration is None else plan.frustration
        if self._open and self._open[-1].next_words is None:
            self._open[-1].next_words, self._open[-1].after = words, now
        self._open.append(Aftermath(decision, words, now))
        decided = Decided(
            at=self._at,
            decision=decision,
            source="replay" if self.wire == "replay" else "call",
            plan=plan,
            call=self.call,
            turn=turn,
            router=self.router,
            user=self._user,
            calm=self._calm(turn, plan, now),
            said=" ".join(words) or None,
        )
        return [*self._settled(), decided if self.keeps_words else without_words(decided)]

    def _calm(self, turn: int, plan: Plan, now: float | None) -> bool:
        known = calm(plan, Turn(turn, Transcript(""), None, tuple(self._past)))
        past = Exchange(turn, "", "", plan.route, frustration=now, escalated=plan.escalated)
        self._past.append(past)
        return known

    # ------------------------------------------------------------ replies

    def _of(self, turn: int) -> Aftermath | None:
        """Of the decision for a turn, while it is open."""
        name = self._decided.get(turn)
        return next((each for each in self._open if each.decision == name), None)

    def _tried(self, event: AttemptEnded) -> Tried:
        number = event.attempt
        if event.early:  # each early start numbers its tries from 1; below 1 they are all different
            number = self._early[event.turn] = self._early.get(event.turn, 1) - 1
        return Tried(
            at=self._at,
            decision=f"{self.call}.{event.turn}",
            attempt=number,
            model=event.model,
            outcome=event.outcome,
            detail=event.detail,
            task=self._tasks.get(event.turn),
            input_tokens=event.input_tokens,
            output_tokens=event.output_tokens,
            first_token_ms=event.first_token_ms,
            total_ms=event.total_ms,
            cost_usd=event.cost_usd,
            early=event.early,
        )

    def _remember(self, event: AnyEvent) -> None:
        """What is told later, as part of something."""
        match event:
            case TurnTranscribed(turn=turn, transcript=heard) if heard.text.strip():
                self._unanswered.append((turn, heard.text[:LONGEST]))
            case TurnMeasured(turn=turn, cues=cues):
                self._heard[turn] = cues.frustration
            case ReplyStreamed(turn=turn) if known := self._of(turn):
                known.streamed = True
            case ReplySounded(turn=turn) if known := self._of(turn):
                known.sounded, known.first_sound_ms = True, event.first_sound_ms
            case ReplyInterrupted() if self._open and self._open[-1].over_at is None:
                # It bears the number of the turn that lost the floor, and a cough after the words
                # that are answered counts as a turn: it means the reply that is not over.
                self._open[-1].interrupted = True
            case _:
                pass

    def _replied(self, event: ReplyEnded) -> list[AnyRecord]:
        known = self._of(event.turn)
        if known is None or known.over_at is not None:
            return []
        known.over_at, known.given = event.at, bool(event.text.strip())
        replied = Replied(
            at=self._at,
            decision=known.decision,
            outcome=event.outcome,
            model=event.model or "",
            first_token_ms=event.first_token_ms,
            first_sound_ms=known.first_sound_ms,
            total_ms=event.total_ms,
            replied=event.text if self.keeps_words else None,
        )
        return [replied, *self._settled()]

    # ------------------------------------------------------------ what came of it

    def _settled(self) -> list[AnyRecord]:
        """Of decisions of which all is known, in their order."""
        told: list[AnyRecord] = []
        while self._open and self._open[0].settled:
            told.append(self._open.pop(0).followed(self._at))
        return told

    def _ended(self, event: CallEnded) -> list[AnyRecord]:
        last = self._open[-1] if self._open else None
        if last and last.next_words is None:
            words = tuple(text for _, text in self._unanswered)
            last.hung_up = event.reason in LEFT and last.left(event.at, words)
            if words:
                last.next_words, last.after = words, self._heard.get(self._unanswered[-1][0])
        told: list[AnyRecord] = [each.followed(self._at) for each in self._open]
        self._open.clear()
        self._unanswered.clear()
        over = CallOver(
            at=self._at,
            call=self.call,
            reason=event.reason,
            turns=event.turns,
            seconds=event.at,
        )
        return [*told, over]

    def _judged(self, event: FeedbackGiven) -> list[AnyRecord]:
        decision = self._meant(event.turn)
        if decision is None:
            return []
        label = event.label[:LONGEST_LABEL]
        return [Judged(at=self._at, decision=decision, score=event.score, label=label, by="caller")]

    def _meant(self, turn: int) -> str | None:
        """The decision for a turn; for one talked past, the next; for a cough, the last."""
        later = [number for number in self._decided if number >= turn]
        number = min(later, default=max(self._decided, default=None))
        return None if number is None else self._decided[number]


def who(caller: Mapping[str, Scalar]) -> str:
    """What tells a caller from others, as the transport tells it; empty where it tells nothing."""
    return next((str(caller[key]) for key in CALLER_KEYS if caller.get(key)), "")
