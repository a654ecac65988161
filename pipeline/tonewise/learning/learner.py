"""The learner: joins the records of a decision into a reward, and beliefs out of rewards.

A decision is known by its `Decided`; who answered it by `Replied` or `Tried`; whether the answer
was good by `Followed` and `Judged`, which come in the next turn, or days later. Whenever one of
them arrives, what the decision had added is taken back and added anew: nothing waits, nothing is
counted twice, and a decision of which nobody showed anything counts for nothing.

What callers usually do fades four times as slowly as beliefs: people change slower than models, and
a model that answers most turns and got worse is seen against what was usual before.
"""

import math
from collections.abc import Mapping, Sequence

from tonewise.learning import exploring
from tonewise.learning.beliefs import Beliefs
from tonewise.learning.fading import Fading
from tonewise.learning.kept import (
    USUAL_QUALITY,
    VERSION,
    Kept,
    OpenDecision,
    expected_of,
    kept_from,
)
from tonewise.learning.prices import Prices
from tonewise.learning.profile import NOT_LISTENED_TO, OF_THE_REQUEST
from tonewise.learning.reward import (
    COST,
    LATENCY,
    LEAST_EXPECTED,
    LONGEST_WAIT_S,
    MOST_EXPECTED,
    Measured,
    quality,
    reward,
)
from tonewise.learning.table import Told, row
from tonewise.learning.usual import Usual
from tonewise.operating import Learning
from tonewise.plan import ModelFacts, Plan
from tonewise.records import AnyRecord, Decided, Followed, Judged, Replied, Tried
from tonewise.stages import Candidate, Turn

DAY_S = 86_400.0
SLOWER = 4.0
"""Times as long as beliefs: the half-life of what callers usually do."""
MOST_OPEN, OPEN_KEPT = 5000, 300
"""Decisions that more may be learnt of: in memory, and in a snapshot."""
MOST_MODELS, MOST_TASKS = 256, 32
STALE_S = 60.0
"""Seconds for which a lift that nothing was added to is good."""


class Learner:
    """One for the whole server. Not thread-safe: whoever shares it brings a lock.

    Args:
        settings: `[learning]`; put others in their place to freeze it, or to let it go on. The
            half-life stays what it was.
        facts: prices by model name; a model without is learnt about all but for its cost.
    """

    def __init__(self, settings: Learning, facts: Mapping[str, ModelFacts] | None = None) -> None:
        self.settings = settings
        half_life = settings.half_life * DAY_S
        self._beliefs = Beliefs(Fading(half_life), _unknown(facts))
        self._usual = Usual(Fading(half_life * SLOWER))
        self._prices = Prices(facts or {}, {})
        self._open: dict[str, OpenDecision] = {}
        self._lifts: dict[str, tuple[float, dict[str, float]]] = {}

    # ------------------------------------------------------------ learning

    def note(self, record: AnyRecord) -> None:
        """Remember, where learning is on and not frozen. A decision comes before what is of it."""
        if not self.settings.enabled or self.settings.frozen or not math.isfinite(record.at):
            return
        if isinstance(record, Decided):
            self._decided(record)
        elif isinstance(record, Tried | Replied | Followed | Judged):
            decision = self._open.get(record.decision)
            if decision is None:
                return
            if isinstance(record, Tried):
                self._tried(decision, record)
            elif isinstance(record, Replied):
                self._answered_by(decision, record.model)
                decision.replied = decision.replied or bool(record.model)
            elif isinstance(record, Followed):
                self._followed(decision, record)
            else:
                self._judged(decision, record)

    def knows(self, decision: str) -> bool:
        """Would a record of this decision be learnt from?"""
        return decision in self._open

    def _decided(self, record: Decided) -> None:
        if record.decision in self._open:
            return
        self._make_room(record.at)
        task = self._task(record.plan.task)
        self._open[record.decision] = OpenDecision(record.at, task, expected_of(record.plan))
        while len(self._open) > MOST_OPEN:
            del self._open[next(iter(self._open))]

    def _tried(self, decision: OpenDecision, record: Tried) -> None:
        first, total = _seconds(record.first_token_ms), _seconds(record.total_ms)
        if record.outcome == "skipped" or record.early or not self._knows(record.model):
            return
        usual = decision.expected.get(record.model, (USUAL_QUALITY, None))[1]
        by = 0.0
        if first is not None:
            share, beyond = self._prices.of(record)
            decision.wait_s, decision.cost = first, share
            by -= COST * (beyond or 0.0)
            by -= LATENCY * (min(first, LONGEST_WAIT_S) - usual) if usual is not None else 0.0
            if not decision.replied:
                self._answered_by(decision, record.model)
        elif record.outcome in NOT_LISTENED_TO | OF_THE_REQUEST or total is None:
            return
        else:  # it failed, and the caller waited for nothing
            by -= LATENCY * min(total, LONGEST_WAIT_S)
        self._beliefs.surprised(record.model, decision.task, decision.at, by)
        self._lifts.pop(record.model, None)

    def _answered_by(self, decision: OpenDecision, model: str) -> None:
        """The last who spoke is who is judged; `Replied` has the last word on who that was."""
        if not model or model == decision.model or not self._knows(model):
            return
        self._taken_back(decision)
        decision.model = model
        self._count(decision)

    def _followed(self, decision: OpenDecision, record: Followed) -> None:
        if decision.followed is not None:
            return
        self._make_room(record.at)
        decision.followed = self._usual.measured(record, self._quality_expected(decision))
        self._count(decision)

    def _judged(self, decision: OpenDecision, record: Judged) -> None:
        self._make_room(record.at)
        expected = self._quality_expected(decision)
        if record.by not in decision.judged and len(decision.judged) < 8:
            self._usual.note_score(record.score, expected, record.at)
        decision.judged = {**decision.judged, record.by: record.score}
        score = sum(decision.judged.values()) / len(decision.judged)
        decision.score = self._usual.judged(score, expected, record.at)
        self._count(decision)

    def _count(self, decision: OpenDecision) -> None:
        """Add what is known of a decision now, in place of what was known before."""
        self._taken_back(decision)
        measured = (decision.followed or Measured()) + (decision.score or Measured())
        if not decision.model or not measured.information:
            return
        model, task, at = decision.model, decision.task, decision.at
        decision.share = self._beliefs.learn(model, task, at, measured)
        self._lifts.pop(model, None)
        cell = self._beliefs.cell(model, task)
        if at >= cell.at:
            cell.at = at
            good = quality(self._quality_expected(decision), measured.odds)
            cell.reward = reward(good, decision.cost, decision.wait_s)

    def _taken_back(self, decision: OpenDecision) -> None:
        if decision.share is not None:
            self._beliefs.unlearn(decision.model, decision.task, decision.at, decision.share)
            decision.share = None
            self._lifts.pop(decision.model, None)

    def _quality_expected(self, decision: OpenDecision) -> float:
        told = decision.expected.get(decision.model, (USUAL_QUALITY, None))[0]
        return min(max(told, LEAST_EXPECTED), MOST_EXPECTED)

    def _knows(self, model: str) -> bool:
        return model in self._beliefs.models or len(self._beliefs.models) < MOST_MODELS

    def _task(self, task: str | None) -> str:
        """The name that a task is learnt under: tasks without end are not kept apart."""
        models = self._beliefs.models.values()
        known = {name for cells in models for name in cells if name}
        return task if task and (task in known or len(known) < MOST_TASKS) else ""

    def _make_room(self, at: float) -> None:
        for part in (self._beliefs, self._usual):
            part.make_room(at)

    # ------------------------------------------------------------ what was learnt

    def lifts(self, now: float, task: str | None = None) -> dict[str, float]:
        """How much better or worse than expected each model does, in units of quality.

        Shrunk by evidence; in [-0.5, 0.5]; nothing where learning is off.
        """
        models = self._beliefs.models if self.settings.enabled else ()
        return {model: round(self._beliefs.of(now, model, task).mean, 6) for model in models}

    def lifts_by_task(self, now: float) -> dict[str, dict[str, float]]:
        """The same by model, then by task; `default` is for tasks that are not named.

        Worked out anew for a model when it was learnt of, or after `STALE_S`: beliefs fade by days.
        """
        if not self.settings.enabled:
            return {}
        for model in self._beliefs.models:
            if now - self._lifts.get(model, (-math.inf,))[0] > STALE_S:
                told = self._beliefs.by_task(now, model).items()
                lifts = {task or "default": round(belief.mean, 6) for task, belief in told}
                self._lifts[model] = (now, lifts)
        return {model: self._lifts[model][1] for model in self._beliefs.models}

    def explored(
        self, plan: Plan, turn: Turn, candidates: Sequence[Candidate], decision: str, now: float
    ) -> Plan:
        """The plan, or one that tries another model first; see `exploring.explored`."""
        drawn = exploring.draw(self.settings.seed, decision)
        if not self.settings.enabled or drawn >= self.settings.explore:
            return plan
        beliefs = {name: self._beliefs.of(now, name, plan.task) for name in plan.models}
        return exploring.explored(plan, turn, candidates, beliefs, self.settings, drawn)

    def told(self, now: float) -> list[Told]:
        """Every belief: of each model over all tasks, then by task."""
        rows = []
        for model, cells in sorted(self._beliefs.models.items()):
            latest = max(cells.values(), key=lambda cell: cell.at)
            rows.append(row(None, model, self._beliefs.of(now, model), latest))
            rows += [
                row(task, model, self._beliefs.of(now, model, task), cell)
                for task, cell in sorted(cells.items())
                if task
            ]
        return rows

    def reset(self, model: str | None = None) -> None:
        """Forget what was learnt: of one model, or all of it."""
        if model is None:
            anew = Learner(self.settings, self._prices.facts)
            self._beliefs, self._usual, self._prices = anew._beliefs, anew._usual, anew._prices
            self._open, self._lifts = {}, {}
            return
        self._beliefs.models.pop(model, None)
        self._prices.written.pop(model, None)
        self._lifts.pop(model, None)
        self._open = {key: each for key, each in self._open.items() if each.model != model}

    # ------------------------------------------------------------ keeping

    def snapshot(self) -> bytes:
        """All of it, but of the open decisions only the latest."""
        for part in (self._beliefs, self._usual):
            part.settle()
        beliefs, usual = self._beliefs, self._usual
        return Kept(
            VERSION,
            beliefs.fading.latest,
            beliefs.models,
            usual.fading.latest,
            usual.states,
            usual.scores,
            usual.scored,
            self._prices.written,
            dict(list(self._open.items())[-OPEN_KEPT:]),
        ).to_bytes()

    @classmethod
    def from_snapshot(
        cls, data: bytes, settings: Learning, facts: Mapping[str, ModelFacts] | None = None
    ) -> "Learner":
        """What `snapshot` gave; half-lives are the settings' own from here on.

        Raises:
            ValueError: it is no snapshot of a learner, or of another version.
        """
        kept, learner = kept_from(data), cls(settings, facts)
        half_life = settings.half_life * DAY_S
        learner._beliefs = Beliefs(Fading(half_life, kept.latest), _unknown(facts))
        learner._beliefs.models = {model: cells for model, cells in kept.models.items() if cells}
        learner._usual.fading = Fading(half_life * SLOWER, kept.usual_latest)
        learner._usual.states = kept.states
        learner._usual.scores, learner._usual.scored = kept.scores, kept.scored
        learner._prices = Prices(facts or {}, kept.written)
        learner._open = kept.open
        return learner


def _unknown(facts: Mapping[str, ModelFacts] | None) -> frozenset[str]:
    return frozenset(name for name, each in (facts or {}).items() if each.quality is None)


def _seconds(ms: float | None) -> float | None:
    return None if ms is None or not math.isfinite(ms) or ms < 0 else ms / 1000
