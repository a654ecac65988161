"""The weights of `endpoint/patience.py`: a logistic model of few signs of known direction.

Fitted by projected gradient descent on the log-loss of both classes alike, with a ridge; a weight
that would point the wrong way stays at 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.endpoint.signs import ENDINGS

TOWARDS = {
    "question": 1,
    "closed": 1,
    "answer": 1,
    "dictated": 1,
    "may go on": -1,
    "acknowledging": -1,
    "trails off": -1,
    "dictating": -1,
    "listing": -1,
    "announced": -1,
    "open": -1,
    "filler": -1,
    "full stop": 1,
    "pitch falls": 1,
    "last syllable drawn out": -1,
    "held steady": -1,
    "long phrase": 1,
    "long turn": -1,
    "smart turn": 1,
}
"""What speaks for the end (1) and what against it (-1)."""

OF_WORDS = (*ENDINGS, "full stop")
OF_VOICE = tuple(name for name in TOWARDS if name not in (*OF_WORDS, "smart turn"))
BOTH = tuple(name for name in TOWARDS if name not in ("pitch falls", "smart turn"))
"""Beside the words, the last pitch only made matters worse on corpora not fitted to: it falls at
the end of spelled names and orders, and in conversation as often at a pause."""


BY_HAND = {"announced": -1.5, "dictating": -1.0}
"""Too rare in the recordings to be fitted, and too annoying to be cut off: the digits of a number,
and what was announced."""

ALL = (*BOTH, "smart turn")

WEIGHT_OF_KIND = {
    "dialogue": 1.0,
    "one side": 0.5,
    "short answers": 1.0,
    "orders": 0.5,
    "read speech": 0.5,
    "spelled and numbers": 0.3,
}
"""Conversation counts in full; what was read out or cut to one utterance counts for less."""

RIDGE = 3.0
_STEPS, _RATE = 1500, 1.5

Folds = list[tuple[str, ...]]
FOLDS: Folds = [
    ("aws-lca",),
    ("aws-pca",),
    ("gcp", "watson"),
    ("ami",),
    ("an4",),
    ("picovoice-barista", "picovoice"),
]
"""Corpora that are left out together; the rest are a last fold."""


@dataclass(frozen=True)
class Case:
    """One question and its answer, for fitting and for judging.

    Attributes:
        line: it came over.
        signs: by name.
        length_s: until the same voice went on; infinite where it did not.
    """

    dialogue: str
    corpus: str
    kind: str
    line: str
    signs: dict[str, float]
    length_s: float
    pauses: tuple[float, ...]
    unfinished: bool

    @property
    def hold(self) -> bool:
        """Did the same voice go on?"""
        return self.length_s < float("inf")


def fit(cases: Sequence[Case], names: Sequence[str]) -> dict[str, float]:
    """Weights by sign, and `bias`, which is that of even odds."""
    given = {name: weight for name, weight in BY_HAND.items() if name in names}
    names = [name for name in names if name not in given]
    values, offset = matrix(cases, names), matrix(cases, list(given)) @ list(given.values())
    done = np.array([not case.hold for case in cases], np.float64)
    counts = np.array([WEIGHT_OF_KIND[case.kind] for case in cases])
    counts[done == 1] *= counts[done == 0].sum() / counts[done == 1].sum()
    counts *= len(counts) / counts.sum()
    towards = np.array([TOWARDS[name] for name in names], np.float64)
    weights, bias = np.zeros(len(names)), 0.0
    for _ in range(_STEPS):
        wrong = (1 / (1 + np.exp(-(values @ weights + bias + offset))) - done) * counts
        weights -= _RATE * (values.T @ wrong + RIDGE * weights) / len(done)
        bias -= _RATE * float(wrong.mean())
        weights[weights * towards < 0] = 0.0
    found = {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}
    return {"bias": round(float(bias), 3), **found, **given}


def matrix(cases: Sequence[Case], names: Sequence[str]) -> NDArray[np.float64]:
    """Shape [cases, names]."""
    rows = [[case.signs.get(name, 0.0) for name in names] for case in cases]
    return np.array(rows, np.float64).reshape(len(cases), len(names))


def odds(case: Case, weights: dict[str, float]) -> float:
    """Log-odds of "done"."""
    return weights["bias"] + sum(
        weight * case.signs.get(name, 0.0) for name, weight in weights.items()
    )


def out_of_fold(cases: Sequence[Case], names: Sequence[str]) -> NDArray[np.float64]:
    """Log-odds of each case from weights that were fitted without its corpus."""
    named = {corpus for fold in FOLDS for corpus in fold}
    rest = tuple({case.corpus for case in cases} - named)
    found = np.zeros(len(cases))
    for fold in [*FOLDS, rest]:
        held = [number for number, case in enumerate(cases) if case.corpus in fold]
        weights = fit([case for case in cases if case.corpus not in fold], names)
        found[held] = [odds(cases[number], weights) for number in held]
    return found
