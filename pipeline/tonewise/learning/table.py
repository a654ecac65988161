"""The table of beliefs that people read."""

import msgspec

from tonewise.learning.beliefs import Belief, Cell


class Told(msgspec.Struct, frozen=True):
    """A row of the table that people read.

    Attributes:
        task: None: over all of them.
        lift: how much better than expected, in units of quality; 95 % of the belief lies between
            `low` and `high`.
        evidence: turns that count.
        reward: of the latest turn; None where none was told yet.
        at: when that was, in seconds since 1970.
    """

    task: str | None
    model: str
    lift: float
    low: float
    high: float
    evidence: float
    reward: float | None = None
    at: float | None = None


def row(task: str | None, model: str, belief: Belief, cell: Cell) -> Told:
    """A row of it; `cell` has the latest reward."""
    half = 1.96 * belief.spread
    figures = (belief.mean, belief.mean - half, belief.mean + half)
    lift, low, high = (round(figure, 4) for figure in figures)
    told = None if cell.reward is None else round(cell.reward, 4)
    at = cell.at if cell.reward is not None else None
    return Told(task, model, lift, low, high, round(belief.evidence, 2), told, at)
