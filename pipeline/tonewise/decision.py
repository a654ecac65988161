"""One decision of a call: whatever the policy does, the caller gets a plan."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tonewise.engines import Engines
from tonewise.events import AnyEvent, StageFailed, TurnRouted
from tonewise.facts import Circumstances, Exchange, Plan, Reason, Transcript, VoiceCues, as_told
from tonewise.peer import Greeting
from tonewise.stages import Policy, Turn


@dataclass(frozen=True, slots=True)
class Decision:
    """A plan, and what is told of it; nobody has been told yet."""

    plan: Plan
    shadow: Plan | None
    failed: tuple[StageFailed, ...]
    took_ms: float

    def events(self, at: float, turn: int) -> tuple[AnyEvent, ...]:
        """What is told when the decision is acted on."""
        routed = TurnRouted(
            at=at, turn=turn, plan=self.plan, shadow=self.shadow, routing_ms=self.took_ms
        )
        return *self.failed, routed


class Decider:
    """Asks the policies of one call.

    Args:
        engines: shared by all calls.
        greeting: what is known of the call.
        clock: seconds on the wall clock.
        calendar: the local time, for rules that ask for it; None on a replay.
    """

    def __init__(
        self,
        engines: Engines,
        greeting: Greeting,
        clock: Callable[[], float],
        calendar: Callable[[], datetime] | None,
    ) -> None:
        self._engines = engines
        self._greeting = greeting
        self._clock = clock
        self._calendar = calendar

    def decide(
        self,
        turn: int,
        transcript: Transcript,
        cues: VoiceCues | None,
        history: tuple[Exchange, ...],
        at: float,
        *,
        talk_over: bool,
    ) -> Decision:
        """Who should answer a turn?"""
        began = self._clock()
        time = self._calendar and self._calendar().astimezone().isoformat(timespec="seconds")
        around = Circumstances(
            call=self._greeting.call,
            wire=self._greeting.wire,
            at_s=at,
            talk_over=talk_over,
            time=time,
        )
        question = Turn(turn, transcript, cues, history, self._greeting.caller, around)
        failed: list[StageFailed] = []
        plan = self._ask(self._engines.policy, question, failed)
        if plan is None:
            candidates = self._engines.candidates
            why = Reason("policy", "the policy failed, so the models are tried as they are listed")
            plan = Plan(candidates[0].route, tuple(c.name for c in candidates), (why,), 0.0)
        shadow = self._engines.shadow
        beside = self._ask(shadow, question, failed) if shadow else None
        return Decision(plan, beside, tuple(failed), round((self._clock() - began) * 1000, 3))

    def _ask(self, policy: Policy, question: Turn, failed: list[StageFailed]) -> Plan | None:
        """What a policy makes of a turn; None where it broke."""
        try:
            plan = as_told(policy.decide(question, self._engines.candidates), Plan)
            if unknown := [name for name in plan.models if name not in self._engines.targets]:
                raise LookupError(f"the plan names unknown models: {', '.join(unknown)}")
            return plan
        except Exception as error:  # noqa: BLE001 - a policy of the user's own may break in any way
            told = f"{type(error).__name__}: {error}"
            failed.append(
                StageFailed(
                    at=question.around.at_s or 0.0,
                    turn=question.number,
                    stage="routing",
                    engine=policy.name,
                    error=told,
                )
            )
            return None
