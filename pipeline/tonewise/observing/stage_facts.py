"""What spans tell of a decision and of an attempt, in calls and in API requests alike.

Names that begin with `gen_ai.` are OpenTelemetry's own for generative AI; the rest is ours.
"""

from tonewise.events import AttemptEnded
from tonewise.facts import Scalar
from tonewise.observing.spans import Span, known, new_span
from tonewise.plan import Plan
from tonewise.records import Tried

NO_FAILURE = ("answered", "cancelled", "lost", "skipped")
"""Outcomes of an attempt that are nobody's fault."""


def of_plan(plan: Plan) -> dict[str, Scalar]:
    """Route and first reason; the reason's sentence may quote the caller, its signal cannot."""
    reason = plan.reasons[0] if plan.reasons else None
    return known(
        tonewise__route=plan.route,
        tonewise__reason=reason.signal if reason else None,
        tonewise__complexity=plan.complexity,
        tonewise__frustration=plan.frustration,
        tonewise__escalated=plan.escalated,
        tonewise__explored=plan.explored,
        tonewise__rule=plan.rule,
        tonewise__variant=plan.variant or None,
        tonewise__task=plan.task,
    )


def of_attempt(tried: AttemptEnded | Tried, now_ns: int, trace: int, parent: int) -> Span:
    """The span of an attempt that ended now."""
    began_ns = now_ns - int((tried.total_ms or 0.0) * 1e6)
    facts = known(
        gen_ai__operation__name="chat",
        gen_ai__request__model=tried.model,
        gen_ai__usage__input_tokens=tried.input_tokens,
        gen_ai__usage__output_tokens=tried.output_tokens,
        tonewise__attempt=tried.attempt,
        tonewise__outcome=tried.outcome,
        tonewise__cost_usd=tried.cost_usd,
        tonewise__early=tried.early,
    )
    first_ms = tried.first_token_ms
    return Span(
        trace,
        new_span(),
        parent,
        "attempt",
        began_ns,
        now_ns,
        facts,
        "" if tried.outcome in NO_FAILURE else tried.outcome,
        "client",
        () if first_ms is None else (("first token", began_ns + int(first_ms * 1e6)),),
    )
