"""One decision of a call: whatever the policy does, the caller gets a plan."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec

from tonewise.engines import Engines
from tonewise.events import AnyEvent, StageFailed, TurnRouted
from tonewise.facts import Transcript, VoiceCues, as_told
from tonewise.peer import Greeting
from tonewise.plan import Circumstances, Exchange, Plan, Reason
from tonewise.stages import Candidate, Policy, Turn
from tonewise.tuning import Tuning


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


def permitted(candidates: tuple[Candidate, ...], only: Collection[str]) -> tuple[Candidate, ...]:
    """The models that may answer; all of them where nobody named any that there is."""
    return tuple(each for each in candidates if each.name in only) or candidates


def asked(policy: Policy, question: Turn, candidates: tuple[Candidate, ...]) -> Plan:
    """What a policy makes of a turn, found fit to be acted on.

    Raises:
        Exception: the policy broke, or its plan is none; it may be somebody's own.
    """
    plan = as_told(policy.decide(question, candidates), Plan)
    known = {each.name for each in candidates}
    if unknown := [name for name in plan.models if name not in known]:
        raise LookupError(f"the plan names unknown models: {', '.join(unknown)}")
    return plan


def without_policy(candidates: tuple[Candidate, ...]) -> Plan:
    """The plan where the policy broke: the models as they are listed."""
    why = Reason("policy", "the policy failed, so the models are tried as they are listed")
    return Plan(candidates[0].route, tuple(each.name for each in candidates), (why,), 0.0)


def continued(decision: Decision, pieces: int) -> Decision:
    """The same, telling that so many turns, none of them answered before, were taken as one."""
    if pieces == 1:
        return decision
    text = f"{pieces} turns are taken as one: the caller went on before an answer was heard"
    reasons = (*decision.plan.reasons, Reason("continued", text, float(pieces)))
    return replace(decision, plan=msgspec.structs.replace(decision.plan, reasons=reasons))


class Decider:
    """Asks the policies of one call.

    Attributes:
        tuning: what the caller's application wishes, from the next decision on.

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
        self.tuning = Tuning()

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
            weights=self.tuning.weights,
            only=self.tuning.only,
        )
        experience = self._engines.experience
        if experience:
            around = experience.around(around)
        candidates = permitted(self._engines.candidates, around.only)
        question = Turn(turn, transcript, cues, history, self._greeting.caller, around)
        failed: list[StageFailed] = []
        plan = self._ask(self._engines.policy, question, candidates, failed)
        if plan is None:
            plan = without_policy(candidates)
        elif experience:
            name = f"{self._greeting.call}.{turn}"
            plan = experience.explored(plan, question, candidates, name)
        shadow = self._engines.shadow
        beside = self._ask(shadow, question, candidates, failed) if shadow else None
        return Decision(plan, beside, tuple(failed), round((self._clock() - began) * 1000, 3))

    def _ask(
        self,
        policy: Policy,
        question: Turn,
        candidates: tuple[Candidate, ...],
        failed: list[StageFailed],
    ) -> Plan | None:
        """What a policy makes of a turn; None where it broke."""
        try:
            return asked(policy, question, candidates)
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
