"""A reply in the making: what was written of it, who wrote it, and how it ended."""

from dataclasses import dataclass, field

from tonewise.events import AttemptEnded, ReplyOutcome
from tonewise.facts import VoiceCues
from tonewise.llm.dispatch import Attempt
from tonewise.plan import Plan


@dataclass(slots=True)
class Reply:
    """The reply to one turn.

    Attributes:
        turn: the turn's number.
        said: its words.
        plan: whom to ask.
        ended: when the turn ended, on the wall clock.
        cues: how it was said.
        heard: as far as the caller heard it; None: all that was written.
        settle_s: seconds after `ended` for which its sound is held: the caller may go on.
        answers: the turn that it ends; a cough after the words that it answers counts as a turn.
        hang_up: the model wants the call to end after it.
        over: its end was told.
        hand_over: the model wants a person to take the call after it.
    """

    turn: int
    said: str
    plan: Plan
    ended: float
    cues: VoiceCues | None = None
    answers: int = 0
    settle_s: float = 0.0
    written: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    first_token_ms: float | None = None
    interrupted: bool = False
    sounded: bool = False
    heard: str | None = None
    hang_up: bool = False
    over: bool = False
    hand_over: bool = False

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self.written)

    @property
    def given(self) -> str:
        """What reached the caller."""
        return self.text if self.heard is None else self.heard

    @property
    def unspoken(self) -> str:
        """What was written and did not reach the caller."""
        return self.text[len(self.given) :]

    @property
    def model(self) -> str | None:
        """Who answered, or spoke last; None where nobody did."""
        heard = [attempt.model for attempt in self.attempts if attempt.heard]
        return heard[-1] if heard else None

    @property
    def outcome(self) -> ReplyOutcome:
        """How it ended."""
        if self.interrupted:
            return "interrupted"
        if any(attempt.outcome == "answered" for attempt in self.attempts):
            return "answered"
        return "cut_short" if self.written else "failed"

    @property
    def failure(self) -> str:
        """Why nobody answered, in words; empty where somebody did."""
        if self.outcome != "failed":
            return ""
        tries = "; ".join(str(attempt) for attempt in self.attempts)
        return f"no model answered: {tries}" if tries else "the plan names no model"

    @property
    def frustration(self) -> float | None:
        """Of the caller, as the policy heard it in words and voice; else as the voice told it."""
        if self.plan.frustration is not None:
            return self.plan.frustration
        return self.cues.frustration if self.cues else None


class Marker:
    """Finds a marker in a stream of pieces, wherever they are cut, and leaves it out.

    Args:
        marker: the text; empty finds nothing.
    """

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._kept = ""
        self.found = False

    def push(self, piece: str) -> str:
        """The piece without the marker; what may be its beginning is kept back."""
        if not self._marker:
            return piece
        text = self._kept + piece
        if self._marker in text:
            self.found = True
            text = text.replace(self._marker, "")
        keep = next(
            (n for n in range(len(self._marker) - 1, 0, -1) if text.endswith(self._marker[:n])), 0
        )
        self._kept = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """What was kept back and was no marker."""
        kept, self._kept = self._kept, ""
        return kept


def attempt_ended(at: float, turn: int, attempt: Attempt, *, early: bool) -> AttemptEnded:
    """The event that one try at one model is over."""
    return AttemptEnded(
        at=at,
        turn=turn,
        attempt=attempt.number,
        model=attempt.model,
        outcome=attempt.outcome,
        detail=attempt.detail,
        input_tokens=attempt.input_tokens,
        output_tokens=attempt.output_tokens,
        first_token_ms=attempt.first_token_ms,
        total_ms=attempt.total_ms,
        cost_usd=attempt.cost_usd,
        continued=attempt.continued,
        early=early,
    )
