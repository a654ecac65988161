"""The mouth of one call: a plan in, a reply out, and the memory of what was said.

What a caller interrupts is remembered as far as it was given, and a turn that the caller talked
past before it could be answered is remembered as said.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    ReplyEnded,
    ReplyOutcome,
    ReplyStreamed,
    StageFailed,
)
from tonewise.facts import Plan, VoiceCues
from tonewise.llm.dispatch import Attempt, answer
from tonewise.stages import Exchange, LlmRequest, Message


@dataclass(slots=True)
class _Reply:
    """A reply in the making."""

    spoken: list[str] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    first_token_ms: float | None = None
    interrupted: bool = False

    @property
    def text(self) -> str:
        return "".join(self.spoken)

    @property
    def model(self) -> str | None:
        """Who answered, or spoke last; None where nobody did."""
        heard = [attempt.model for attempt in self.attempts if attempt.heard]
        return heard[-1] if heard else None

    @property
    def outcome(self) -> ReplyOutcome:
        if self.interrupted:
            return "interrupted"
        if any(attempt.outcome == "answered" for attempt in self.attempts):
            return "answered"
        return "cut_short" if self.spoken else "failed"

    @property
    def failure(self) -> str:
        """Why nobody answered, in words; empty where somebody did."""
        if self.outcome != "failed":
            return ""
        tries = "; ".join(str(attempt) for attempt in self.attempts)
        return f"no model answered: {tries}" if tries else "the plan names no model"


class Mouth:
    """Answers the turns of one call.

    Args:
        engines: shared by all calls.
        emit: takes what happens.
        now: seconds of caller audio heard.
        clock: seconds on the wall clock.
    """

    def __init__(
        self,
        engines: Engines,
        emit: Callable[[AnyEvent], None],
        now: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._engines = engines
        self._emit = emit
        self._now = now
        self._clock = clock
        self.spoke_in = 0
        """The latest turn to which words of a reply were given."""
        self._history: deque[Exchange] = deque(maxlen=engines.config.llm.history)

    @property
    def history(self) -> tuple[Exchange, ...]:
        """The latest exchanges, oldest first."""
        return tuple(self._history)

    def remember(self, turn: int, said: str, cues: VoiceCues | None = None) -> None:
        """A turn that was talked past: not answered, but the next turn's model reads it."""
        self._history.append(Exchange(turn, said, "", "", frustration=_frustration(cues)))

    async def answer(
        self, turn: int, said: str, plan: Plan, ended: float, cues: VoiceCues | None = None
    ) -> None:
        """Stream the reply to a turn. Cancel it to interrupt.

        Args:
            turn: the turn's number.
            said: its words.
            plan: whom to ask.
            ended: when the turn ended, on the wall clock.
            cues: how it was said, for the turns after it.
        """
        reply = _Reply()
        try:
            await self._stream(turn, self._request(turn, said, plan), plan, reply, ended)
        except asyncio.CancelledError:
            reply.interrupted = True
            raise
        except Exception as error:  # noqa: BLE001 - an engine may break in any way: it costs a turn
            self._fail(turn, plan, f"{type(error).__name__}: {error}")
        else:
            if reply.failure:
                self._fail(turn, plan, reply.failure)
        finally:
            self._history.append(
                Exchange(
                    turn,
                    said,
                    reply.text,
                    plan.route,
                    model=reply.model or "",
                    frustration=_frustration(cues, plan),
                    escalated=plan.escalated,
                )
            )
            self._emit(self._ended(turn, reply, ended))

    async def _stream(
        self, turn: int, request: LlmRequest, plan: Plan, reply: _Reply, ended: float
    ) -> None:
        def tried(attempt: Attempt) -> None:
            reply.attempts.append(attempt)
            self._emit(self._attempt_ended(turn, attempt))

        targets = [self._engines.targets[name] for name in plan.models]
        async with aclosing(
            answer(targets, request, self._clock, tried, self._engines.config.attempts)
        ) as pieces:
            async for piece in pieces:
                if isinstance(piece, Attempt):
                    tried(piece)
                    continue
                if reply.first_token_ms is None:
                    reply.first_token_ms = self._ms(ended)
                reply.spoken.append(piece)
                self.spoke_in = turn
                self._emit(ReplyStreamed(at=self._now(), turn=turn, text=piece))

    def _request(self, turn: int, said: str, plan: Plan) -> LlmRequest:
        settings = self._engines.config.llm
        messages = [Message("system", settings.instructions)]
        for earlier in self._history:
            messages.append(Message("user", earlier.said))
            if earlier.replied:
                messages.append(Message("assistant", earlier.replied))
        messages.append(Message("user", said))
        return LlmRequest(turn, plan.route, tuple(messages), settings.max_tokens)

    def _ended(self, turn: int, reply: _Reply, ended: float) -> ReplyEnded:
        return ReplyEnded(
            at=self._now(),
            turn=turn,
            text=reply.text,
            outcome=reply.outcome,
            model=reply.model,
            first_token_ms=reply.first_token_ms,
            total_ms=self._ms(ended),
        )

    def _attempt_ended(self, turn: int, attempt: Attempt) -> AttemptEnded:
        return AttemptEnded(
            at=self._now(),
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
        )

    def _fail(self, turn: int, plan: Plan, told: str) -> None:
        self._emit(
            StageFailed(at=self._now(), turn=turn, stage="llm", engine=plan.route, error=told)
        )

    def _ms(self, began: float) -> float:
        return round((self._clock() - began) * 1000, 3)


def _frustration(cues: VoiceCues | None, plan: Plan | None = None) -> float | None:
    """As the policy heard it, in the words and the voice; else as the voice alone told it."""
    if plan and plan.frustration is not None:
        return plan.frustration
    return cues.frustration if cues else None
