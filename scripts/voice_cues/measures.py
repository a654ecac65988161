"""How well scores tell things apart, with intervals over speakers; numpy alone."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def auc(score: Array, positive: Mask) -> float:
    """The area under the ROC curve, ties counted half; nan where a side is empty."""
    n = int(positive.sum())
    if n in (0, positive.size):
        return float("nan")
    order = np.argsort(score, kind="stable")
    ranks = np.empty(score.size)
    ordered = score[order]
    first = np.searchsorted(ordered, ordered, "left")
    last = np.searchsorted(ordered, ordered, "right")
    ranks[order] = (first + last + 1) / 2
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (positive.size - n)))


def uar(guess: Sequence[str] | npt.NDArray[np.str_], truth: npt.NDArray[np.str_]) -> float:
    """Unweighted average recall over the classes that occur, 0 to 1."""
    guessed = np.asarray(guess)
    return float(np.mean([(guessed[truth == c] == c).mean() for c in np.unique(truth)]))


def ece(confidence: Array, right: Mask, bins: int = 10) -> float:
    """Expected calibration error over bins of equal width: mean |accuracy - confidence|."""
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[which == b].sum() - right[which == b].sum()) for b in range(bins)]
    return float(sum(gaps) / max(confidence.size, 1))


def log_softmax(logits: Array) -> Array:
    """Over the last axis."""
    shifted = logits - logits.max(-1, keepdims=True)
    out: Array = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return out


def anger_log_odds(logits: Array, anger: int) -> Array:
    """The log odds of one class against all others, from [n, classes] logits."""
    rest = np.delete(logits, anger, axis=1)
    top = rest.max(1)
    out: Array = logits[:, anger] - top - np.log(np.exp(rest - top[:, None]).sum(1))
    return out


def interval(
    measure: Callable[[npt.NDArray[np.intp]], float],
    speakers: npt.NDArray[np.str_],
    *,
    draws: int = 1000,
    seed: int = 7,
) -> tuple[float, float]:
    """The 95 % interval of a measure when speakers are drawn with replacement.

    Args:
        measure: Computes the figure from row numbers.
        speakers: Of each row.
        draws: How many resamples.
        seed: Of the draws.
    """
    rows = [np.flatnonzero(speakers == s) for s in np.unique(speakers)]
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(draws):
        picked = rng.integers(0, len(rows), len(rows))
        found.append(measure(np.concatenate([rows[i] for i in picked])))
    low, high = np.nanquantile(found, [0.025, 0.975])
    return float(low), float(high)


def temperature(logits: Array, truth: npt.NDArray[np.intp]) -> float:
    """The temperature under which the true classes are likeliest, found on a fine grid."""
    grid = np.exp(np.linspace(np.log(0.25), np.log(6), 120))
    rows = np.arange(truth.size)
    losses = [-log_softmax(logits / t)[rows, truth].mean() for t in grid]
    return float(grid[int(np.argmin(losses))])
