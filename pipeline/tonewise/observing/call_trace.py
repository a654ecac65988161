"""The trace of a call: a span for the call, in it one for every turn, in it one for every stage.

    call ─ turn ─┬─ endpoint   the silence that ended it
                 ├─ stt        as long as the engine took, up to when its words were told
                 ├─ cues
                 ├─ routing
                 ├─ attempt    one for each try at a model
                 └─ speech     from the first sound of the reply to its end

Times are the wall clock's when an event arrived; a stage's span ends then, and began as long before
as the stage says it took.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    CallEnded,
    CallStarted,
    ReplyEnded,
    ReplyInterrupted,
    ReplySounded,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Scalar
from tonewise.observing.spans import Give, Span, known, new_span, new_trace
from tonewise.observing.stage_facts import of_attempt, of_plan


@dataclass(slots=True)
class _Turn:
    began_ns: int
    number: int = field(default_factory=new_span)
    ended_ns: int | None = None
    paused_ns: int | None = None
    sounded_ns: int | None = None
    facts: dict[str, Scalar] = field(default_factory=dict)
    failed: str = ""
    told: bool = False
    moments: list[tuple[str, int]] = field(default_factory=list)
    stages: list[Span] = field(default_factory=list)


class CallTrace:
    """One call's.

    Args:
        give: takes the spans of each turn when it is over, and the call's own last.
        words: what was said and replied is told as well.
        clock_ns: nanoseconds since 1970.
    """

    def __init__(
        self, give: Give, *, words: bool, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        self._give, self._words, self._clock_ns = give, words, clock_ns
        self.trace = new_trace()
        self._root = new_span()
        self._began_ns = clock_ns()
        self._facts: dict[str, Scalar] = {}
        self._turns: dict[int, _Turn] = {}

    def watch(self, event: AnyEvent) -> None:
        """Any event of the call, in order."""
        now_ns = self._clock_ns()
        match event:
            case CallStarted():
                self._began_ns = now_ns
                self._facts |= known(
                    tonewise__call=event.call,
                    tonewise__wire=event.wire,
                    tonewise__language=event.language,
                )
            case CallEnded():
                self._facts["tonewise.turns"] = event.turns
                self._facts["tonewise.ended_because"] = event.reason
                self._end(now_ns)
            case SpeechStarted() | SpeechPaused() | SpeechResumed() | TurnEnded():
                self._listened(event, now_ns)
            case TurnTranscribed() | TurnMeasured() | TurnRouted() | StageFailed():
                self._understood(event, now_ns)
            case AttemptEnded() | ReplySounded() | ReplyInterrupted() | ReplyEnded():
                self._replied(event, now_ns)
            case TurnIgnored():
                turn = self._turn(event.turn, now_ns)
                turn.facts["tonewise.outcome"] = "ignored"
                turn.ended_ns = now_ns

    def _listened(
        self, event: SpeechStarted | SpeechPaused | SpeechResumed | TurnEnded, now_ns: int
    ) -> None:
        turn = self._turn(event.turn, now_ns)
        match event:
            case SpeechPaused():
                turn.paused_ns = now_ns
            case SpeechResumed():
                turn.paused_ns = None
            case TurnEnded():
                self._give_turns(over=True)
                facts = known(
                    tonewise__reason=event.reason,
                    tonewise__patience_s=event.patience.seconds if event.patience else None,
                    tonewise__done=event.patience.done if event.patience else None,
                )
                self._stage(turn, "endpoint", turn.paused_ns or now_ns, now_ns, facts)

    def _understood(
        self, event: TurnTranscribed | TurnMeasured | TurnRouted | StageFailed, now_ns: int
    ) -> None:
        turn = self._turn(event.turn, now_ns)
        match event:
            case TurnTranscribed(transcript=heard):
                words = heard.text if self._words else None
                facts = known(tonewise__language=heard.language, tonewise__said=words)
                self._stage(turn, "stt", _before(now_ns, event.stt_ms), now_ns, facts)
            case TurnMeasured():
                self._stage(turn, "cues", _before(now_ns, event.acoustic_ms), now_ns, {})
            case TurnRouted(plan=plan):
                facts = of_plan(plan)
                turn.facts |= facts
                self._stage(turn, "routing", _before(now_ns, event.routing_ms), now_ns, facts)
            case StageFailed():
                turn.moments.append((f"{event.stage} failed", now_ns))

    def _replied(
        self, event: AttemptEnded | ReplySounded | ReplyInterrupted | ReplyEnded, now_ns: int
    ) -> None:
        turn = self._turn(event.turn, now_ns)
        match event:
            case AttemptEnded():
                turn.stages.append(of_attempt(event, now_ns, self.trace, turn.number))
            case ReplySounded():
                turn.sounded_ns = now_ns
            case ReplyInterrupted():
                turn.moments.append(("interrupted", now_ns))
            case ReplyEnded():
                turn.facts |= known(
                    tonewise__outcome=event.outcome,
                    tonewise__model=event.model,
                    tonewise__first_token_ms=event.first_token_ms,
                    tonewise__replied=event.text if self._words else None,
                )
                turn.failed = "no model said anything" if event.outcome == "failed" else ""
                turn.ended_ns = now_ns
                if turn.sounded_ns is not None:
                    self._stage(turn, "speech", turn.sounded_ns, now_ns, {})

    # ------------------------------------------------------------ what is made of it

    def _turn(self, turn: int, now_ns: int) -> _Turn:
        return self._turns.setdefault(turn, _Turn(now_ns))

    def _stage(
        self, turn: _Turn, name: str, began_ns: int, ended_ns: int, facts: dict[str, Scalar]
    ) -> None:
        began_ns = max(began_ns, turn.began_ns)
        turn.stages.append(
            Span(self.trace, new_span(), turn.number, name, began_ns, ended_ns, facts)
        )

    def _give_turns(self, *, over: bool) -> None:
        """Those that are over, or all. What comes of a turn later is given as part of it, too."""
        for number, turn in self._turns.items():
            if turn.ended_ns is None and over:
                continue
            spans, turn.stages = turn.stages, []
            if not turn.told:
                turn.told = True
                turn.facts["tonewise.turn"] = number
                ended_ns = turn.ended_ns or self._clock_ns()
                spans.append(
                    Span(
                        self.trace,
                        turn.number,
                        self._root,
                        "turn",
                        turn.began_ns,
                        ended_ns,
                        turn.facts,
                        turn.failed,
                        moments=tuple(turn.moments),
                    )
                )
            if spans:
                self._give(spans)

    def _end(self, now_ns: int) -> None:
        self._give_turns(over=False)
        facts, began_ns = self._facts, self._began_ns
        self._give(
            [Span(self.trace, self._root, 0, "call", began_ns, now_ns, facts, kind="server")]
        )
        self._turns = {}


def _before(now_ns: int, took_ms: float | None) -> int:
    return now_ns - int((took_ms or 0.0) * 1e6)
