"""When another model than the best may answer, to learn of it, and which one.

Only a calm caller's turn, and only where the choice was open: no rule decided, nobody's voice moved
the turn up, no round of tool calls goes on, no experiment gives this caller a model. Of those, the
share that the settings say, drawn by a hash of the decision: the same decision, the same draw.

Which one: with u its utility, s the spread of what is believed of it, and z = (u best − u) / s,

    to gain = s · (φ(z) − z · Φ(−z))

the expected improvement (Močkus 1974): by how much it would be worth more than the best, where it
is. It is small for a model that is plainly worse, and for one that is well known. Models are drawn
in proportion to it, with two bounds: nobody is tried who is expected to be worse by more than
`MOST_WORSE`, nor who has less than `LEAST_GAIN` to gain: of them there is nothing left to learn.
Where no model is left, nothing is explored. `scripts/simulate_router` compares it with drawing by
the chance to be better (top-two Thompson sampling), with gain over loss, and with drawing evenly.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import msgspec

from tonewise.learning.beliefs import Belief
from tonewise.operating import Learning
from tonewise.plan import Plan, Reason, Score
from tonewise.stages import Candidate, Turn

CALM_UNDER = 0.20
"""Frustration, now or faded from lately: half of what ends an escalation. An ordinary turn has 0.05
(`routing/frustration.py`)."""
FADES = 0.7
"""Share of a turn's frustration that is left a turn later, as in `routing/escalation.py`: somebody
who was just frustrated enough to be escalated (0.6) is calm again four turns later."""
OPEN = frozenset({"utility", "default"})
"""What the first reason of a plan may be about: the model that is worth most, or the default route.
Any other says that something asked for just this route."""
MOST_WORSE = 0.25
"""Units of utility that a try may be expected to cost: one good answer in four."""
LEAST_GAIN = 0.001
"""Units of utility: one good answer in a thousand."""


def draw(seed: int, decision: str) -> float:
    """A number in [0, 1) that is always the same for a decision."""
    digest = hashlib.blake2b(f"{seed}\n{decision}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / 2**53


def calm(plan: Plan, turn: Turn) -> bool:
    """Did nothing in voice or words speak of frustration, now or lately?

    Unknown is not calm. Words always give a figure, a silent line or a policy that does not ask
    gives none. An earlier turn without a figure only fades, as it does in escalation: this turn's
    has read its words again.
    """
    if plan.frustration is None or plan.escalated:
        return False
    level = 0.0
    for heard in (*(past.frustration for past in turn.history), plan.frustration):
        known = heard is not None and math.isfinite(heard)
        level = max(heard if known and heard is not None else 0.0, FADES * level)
    lately = any(past.escalated for past in turn.history[-4:])
    return level < CALM_UNDER and not lately and math.isfinite(plan.frustration)


def explored(
    plan: Plan,
    turn: Turn,
    candidates: Sequence[Candidate],
    beliefs: Mapping[str, Belief],
    settings: Learning,
    draw: float,
) -> Plan:
    """The plan, or one that tries another model first; the very same object where it stays.

    Args:
        plan: the policy's.
        turn: it was made for.
        candidates: all models.
        beliefs: by model, for the turn's task; who is not in it is not known at all.
        settings: `[learning]`.
        draw: in [0, 1): see `draw`.
    """
    learning = settings.enabled and not settings.frozen
    if not learning or draw >= settings.explore or not may_be_explored(plan, turn):
        return plan
    choices = _choices(plan, turn, candidates)
    if not choices:
        return plan
    best, *others = choices
    gains = {
        score.model: gain
        for score in others
        if _worth(best) - _worth(score) <= MOST_WORSE
        and (gain := _to_gain(_worth(best) - _worth(score), beliefs.get(score.model))) >= LEAST_GAIN
    }
    if not gains:
        return plan
    tried = _drawn(gains, draw / settings.explore)
    return _with_first(plan, next(score for score in others if score.model == tried), best)


def may_be_explored(plan: Plan, turn: Turn) -> bool:
    """Is the caller calm, and was the choice open?"""
    signals = {reason.signal for reason in plan.reasons}
    return (
        calm(plan, turn)
        and plan.rule is None
        and not turn.around.tools
        and not plan.variant
        and "variant" not in signals
        and bool(plan.reasons)
        and plan.reasons[0].signal in OPEN
        and not plan.explored
    )


def _choices(plan: Plan, turn: Turn, candidates: Sequence[Candidate]) -> list[Score]:
    """The score of the plan's first model, then of those that might answer in its place."""
    known = {each.name for each in candidates}
    only = set(turn.around.only) or known
    scores: dict[str, Score] = {}
    for score in plan.scores:
        if score.excluded_by is None and score.utility is not None and score.model in plan.models:
            scores.setdefault(score.model, score)
    excluded = {score.model for score in plan.scores if score.excluded_by is not None}
    best = scores.get(plan.models[0]) if plan.models else None
    if best is None:
        return []
    by_default = plan.reasons[0].signal == "default"
    others = [
        score
        for model, score in scores.items()
        if model != best.model
        and model in known & only
        and not score.reserve
        and model not in excluded
        and not (by_default and score.route != plan.route)
    ]
    return [best, *others]


def _to_gain(behind: float, belief: Belief | None) -> float:
    """The expected improvement of a model that is worth so much less than the best."""
    spread = (belief or Belief()).spread
    z = behind / spread
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return spread * (density - z * 0.5 * math.erfc(z / math.sqrt(2)))


def _drawn(gains: Mapping[str, float], draw: float) -> str:
    """One of them, in proportion."""
    left = draw * sum(gains.values())
    drawn = ""
    for model, gain in gains.items():
        drawn, left = model, left - gain
        if left < 0:
            break
    return drawn


def _with_first(plan: Plan, tried: Score, best: Score) -> Plan:
    behind = _worth(best) - _worth(tried)
    text = f"the caller is calm: {tried.model} is tried in place of {best.model} to learn of it"
    text += f"; it is expected to be worth {behind:.2f} less"
    models = (tried.model, *(model for model in plan.models if model != tried.model))
    why = (Reason("exploration", text, behind, MOST_WORSE), *plan.reasons)
    return msgspec.structs.replace(
        plan, route=tried.route, models=models, reasons=why, explored=True
    )


def _worth(score: Score) -> float:
    return score.utility or 0.0
