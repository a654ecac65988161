"""How much better or worse than expected each model does, by task, and how sure that is.

For a model m and a task t, let d be what is to be added to the quality that the policy expects:

    d(m)    ~ N(0, 0.10²)      models differ from what is written of them by so much; by 0.25
                               where no quality is written, and the policy guesses by the route
    d(m, t) ~ N(d(m), 0.08²)   tasks of one model differ less

A turn measures d with a known variance (`reward.py`), so two fading sums a task, of measurements
over their variance and of one over the variance, make the posterior in closed form. A task with
little evidence leans on the model's other tasks, a model with little evidence on "as expected"; a
turn in which nobody showed anything adds nothing.

As the sums fade, evidence of half a year ago weighs nothing, and a model that is not asked any more
drifts back to "as expected", and to unsure, which makes it worth trying again. That alone would
notice a model that got worse only after a half-life. So the same sums are kept with a fifth of the
half-life as well, and where those disagree with all that was before them by three standard errors,
the model is taken to have changed: what is older is forgotten, in all its tasks.

Beside it, `d` of cost and latency: what answers took beyond what the policy counted with, in the
same units; a plain shrunken mean over all tasks, since it is measured and not guessed.
"""

import math

import msgspec

from tonewise.learning.fading import Fading
from tonewise.learning.reward import Measured

OF_MODELS, OF_UNKNOWN, OF_TASKS = 0.10, 0.25, 0.08
"""Standard deviations, in units of quality. Set by hand: what is told of a model comes from some
benchmark, and between benchmarks ten points are usual; a guess by the route is coarser."""
SLOW = ("pull", "information", "turns", "measured", "tries")
NEW = ("new_pull", "new_information", "new_turns")
"""The sums of a cell, by how quickly they fade."""
MOST_LIFT = 0.5
FORGOTTEN = 1e-3
"""Turns that count, under which nothing is left to remember: ten half-lives after one turn."""
MEASURED_PRIOR = 8.0
"""Tries without surprise that are assumed beforehand, for cost and latency."""
QUICKER = 5.0
"""Times as quickly as the belief: the sums that a change shows in first."""
CHANGED, CHANGED_TURNS = 3.0, 20.0
"""Standard errors, and recent turns, from which on a model counts as changed. The standard errors
are told too large by up to √2, since weights differ, so a false alarm is rare; it costs little: the
belief is less sure for a while."""


class Belief(msgspec.Struct, frozen=True):
    """What is believed of a model: `mean` and `spread` (standard deviation) of its lift.

    Attributes:
        evidence: turns that count, after fading.
        beside: what of the mean is cost and latency.
    """

    mean: float = 0.0
    spread: float = math.hypot(OF_MODELS, OF_TASKS)
    evidence: float = 0.0
    beside: float = 0.0


class Cell(msgspec.Struct, array_like=True):
    """Fading sums of a model in a task, and the latest reward."""

    pull: float = 0.0
    information: float = 0.0
    turns: float = 0.0
    measured: float = 0.0
    tries: float = 0.0
    reward: float | None = None
    at: float = 0.0
    new_pull: float = 0.0
    new_information: float = 0.0
    new_turns: float = 0.0
    changes: int = 0


class Share(msgspec.Struct, array_like=True):
    """What one turn has added, so that it can be taken back when more is known of it."""

    pull: float = 0.0
    information: float = 0.0
    turns: float = 0.0
    changes: int = 0


class Beliefs:
    """Of all models.

    Args:
        fading: of the sums.
        unknown: models of which the settings tell no quality.
    """

    def __init__(self, fading: Fading, unknown: frozenset[str] = frozenset()) -> None:
        self.fading = fading
        self._unknown = unknown
        self._quick = Fading(fading.half_life / QUICKER, fading.landmark)
        self.models: dict[str, dict[str, Cell]] = {}

    def learn(self, model: str, task: str, at: float, measured: Measured) -> Share:
        """A turn that a model answered, of which something was measured.

        Args:
            model: who.
            task: of the turn; empty: unknown.
            at: when it was decided.
            measured: what it tells.
        """
        cell, information = self.cell(model, task), measured.information
        share = Share(measured.better * information, information, 1.0, cell.changes)
        self._add(cell, share, at, 1.0)
        if self._changed(self.models[model]):
            self._forget_the_old(self.models[model])
            share.changes = cell.changes
        return share

    def unlearn(self, model: str, task: str, at: float, share: Share) -> None:
        """Take back what `learn` gave."""
        cell = self.cell(model, task)
        if share.changes == cell.changes:  # else it is forgotten already, but for a trace
            self._add(cell, share, at, -1.0)
            for name in ("information", "turns", "new_information", "new_turns"):
                setattr(cell, name, max(getattr(cell, name), 0.0))

    def surprised(self, model: str, task: str, at: float, by: float) -> None:
        """A try took less (above 0) or more than expected, in units of quality."""
        cell, weight = self.cell(model, task), self.fading.weight(at)
        cell.measured += weight * by
        cell.tries += weight

    def cell(self, model: str, task: str) -> Cell:
        """The sums of a model in a task, new ones where there are none."""
        return self.models.setdefault(model, {}).setdefault(task, Cell())

    def of(self, now: float, model: str, task: str | None = None) -> Belief:
        """What is believed of a model in a task; None: over all of them."""
        cells, left = self.models.get(model, {}), self.fading.left(now)
        over_all = self._over_all(model, cells, left)
        return over_all if task is None else _leaning(over_all, cells.get(task), left)

    def by_task(self, now: float, model: str) -> dict[str | None, Belief]:
        """The same for all tasks at once; None: over all of them."""
        cells, left = self.models.get(model, {}), self.fading.left(now)
        over_all = self._over_all(model, cells, left)
        return {None: over_all} | {
            task: _leaning(over_all, cell, left) for task, cell in cells.items()
        }

    def _over_all(self, model: str, cells: dict[str, Cell], left: float) -> Belief:
        precision = (OF_UNKNOWN if model in self._unknown else OF_MODELS) ** -2
        pull, turns, measured, tries = 0.0, 0.0, 0.0, MEASURED_PRIOR
        for cell in cells.values():
            turns += cell.turns * left
            measured += cell.measured * left
            tries += cell.tries * left
            if (info := cell.information * left) > 1e-12:
                certain = 1 / (1 / info + OF_TASKS**2)
                precision += certain
                pull += certain * cell.pull * left / info
        beside = measured / tries
        return Belief(_bounded(pull / precision + beside), precision**-0.5, turns, beside)

    def make_room(self, at: float) -> None:
        """For a record of time `at`: call it before one is added."""
        slow, quick = self.fading.moved_to(at), self._quick.moved_to(at)
        if slow != 1 or quick != 1:
            self._scale(slow, quick)

    def settle(self) -> None:
        """Bring every sum to the time of the latest record, and forget what has faded away."""
        self._scale(self.fading.settled(), self._quick.settled())
        for model, cells in list(self.models.items()):
            left = {task: cell for task, cell in cells.items() if _left_of(cell)}
            self.models[model] = left
            if not left:
                del self.models[model]

    def _scale(self, slow: float, quick: float) -> None:
        for cells in self.models.values():
            for cell in cells.values():
                for name in SLOW:
                    setattr(cell, name, getattr(cell, name) * slow)
                for name in NEW:
                    setattr(cell, name, getattr(cell, name) * quick)

    def _add(self, cell: Cell, share: Share, at: float, sign: float) -> None:
        weight, quick = sign * self.fading.weight(at), sign * self._quick.weight(at)
        cell.pull += weight * share.pull
        cell.information += weight * share.information
        cell.turns += weight * share.turns
        cell.new_pull += quick * share.pull
        cell.new_information += quick * share.information
        cell.new_turns += quick * share.turns

    def _changed(self, cells: dict[str, Cell]) -> bool:
        """Do the latest turns disagree with those before them?"""
        latest = self.fading.latest or 0.0
        slow, quick = self.fading.left(latest), self._quick.left(latest)
        new_pull = new = pull = all_ = turns = 0.0
        for cell in cells.values():
            new_pull += cell.new_pull * quick
            new += cell.new_information * quick
            turns += cell.new_turns * quick
            pull += cell.pull * slow
            all_ += cell.information * slow
        old = all_ - new
        if turns < CHANGED_TURNS or new <= 0 or old <= new / QUICKER:
            return False
        apart = new_pull / new - (pull - new_pull) / old
        return abs(apart) > CHANGED * math.sqrt(1 / new + 1 / old)

    def _forget_the_old(self, cells: dict[str, Cell]) -> None:
        latest = self.fading.latest or 0.0
        factor = self._quick.left(latest) / self.fading.left(latest)
        for cell in cells.values():
            cell.pull = cell.new_pull * factor
            cell.information = cell.new_information * factor
            cell.turns = cell.new_turns * factor
            cell.changes += 1


def _left_of(cell: Cell) -> bool:
    return cell.turns + cell.tries > FORGOTTEN


def _leaning(over_all: Belief, cell: Cell | None, left: float) -> Belief:
    """The belief of one task, which leans on the model's other tasks."""
    own = cell or Cell()
    whole = OF_TASKS**-2 + own.information * left
    lean = OF_TASKS**-2 / whole
    mean = lean * (over_all.mean - over_all.beside) + own.pull * left / whole + over_all.beside
    variance = 1 / whole + lean**2 * over_all.spread**2
    return Belief(_bounded(mean), math.sqrt(variance), own.turns * left, over_all.beside)


def _bounded(lift: float) -> float:
    return min(max(lift, -MOST_LIFT), MOST_LIFT)
