"""Medians and 95th percentiles with their intervals, and tables of them."""

from collections.abc import Callable, Sequence

import numpy as np

ROUNDS = 2000


def percentile(values: Sequence[float], share: float) -> str:
    """As in `180 (172-191)`: the value, and 95 % of 2000 bootstrap samples."""
    if not len(values):
        return "–"
    found = np.array(values)
    drawn = np.random.default_rng(0).choice(found, (ROUNDS, len(found)))
    low, high = np.percentile(np.percentile(drawn, share, axis=1), (2.5, 97.5))
    return f"{np.percentile(found, share):.0f} ({low:.0f}–{high:.0f})"


def difference(longer: Sequence[float], shorter: Sequence[float]) -> str:
    """Of two medians, with 95 % of 2000 bootstrap samples."""
    if not len(longer) or not len(shorter):
        return "–"
    rng = np.random.default_rng(0)
    drawn = [
        np.median(rng.choice(np.array(v), (ROUNDS, len(v))), axis=1) for v in (longer, shorter)
    ]
    low, high = np.percentile(drawn[0] - drawn[1], (2.5, 97.5))
    return f"{np.median(longer) - np.median(shorter):.0f} ({low:.0f}–{high:.0f})"


def table(columns: Sequence[str], say: Callable[[str], None] = print) -> None:
    """The head of a table."""
    say("")
    row(columns, say)
    row(["---"] + ["--:"] * (len(columns) - 1), say)


def row(cells: Sequence[object], say: Callable[[str], None] = print) -> None:
    """One row of it."""
    say("| " + " | ".join(str(cell) for cell in cells) + " |")
