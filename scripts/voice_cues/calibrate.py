"""Bias, temperature, thresholds and baselines of the shipped file, from corpora held out whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from voice_cues.corpora import FOLDED, LABELS
from voice_cues.evaluation import Part, threshold
from voice_cues.measures import Array, log_softmax

SURE_ENOUGH = 0.3  # twice chance: below the `unknown` threshold fewer guesses than this are right
STIFFNESS = 0.05  # pull of the biases towards none


@dataclass(frozen=True)
class Calibration:
    """Calibrated emotion logits are (logits + bias) / temperature."""

    bias: Array
    temperature: float

    def apply(self, p: Part) -> Part:
        """The part with its emotion logits calibrated."""
        values = {field.name: getattr(p, field.name) for field in fields(p)}
        return Part(**{**values, "emotion": (p.emotion + self.bias) / self.temperature})


def joined(parts: Sequence[Part]) -> Part:
    """All clips of some parts."""
    names = [field.name for field in fields(Part)]
    return Part(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))


NONE = Calibration(np.zeros(len(LABELS)), 1.0)


def truths(p: Part) -> tuple[Part, npt.NDArray[np.intp]]:
    """The clips that have one of LABELS, and which."""
    p = p.take(np.flatnonzero(np.isin(p.label, [*LABELS, *FOLDED])))
    return p, np.array([LABELS.index(FOLDED.get(x, x)) for x in p.label], np.intp)


def fit_calibration(parts: Sequence[Part]) -> Calibration:
    """The biases and the temperature under which the true labels of held-out corpora are likeliest.

    Every corpus weighs the same, and every label in it; a corpus's softmax is over its own labels.
    """
    told = [found for found in (truths(p) for p in parts) if found[1].size]

    def cost(x: Array) -> float:
        total = STIFFNESS * float((x[:-1] ** 2).sum())
        for p, truth in told:
            had = np.unique(truth)
            logs = log_softmax(((p.emotion + x[:-1]) / np.exp(x[-1]))[:, had])
            at = np.searchsorted(had, truth)
            each = -logs[np.arange(truth.size), at]
            total += float(np.mean([each[at == i].mean() for i in range(had.size)])) / len(told)
        return total

    found = minimize(cost, np.zeros(len(LABELS) + 1), method="L-BFGS-B").x
    return Calibration(found[:-1] - found[:-1].mean(), float(np.exp(found[-1])))


def unknown_below(parts: Sequence[Part]) -> float:
    """The posterior of the likeliest label under which guesses are mostly wrong; 0.2 to 0.45."""
    tops, rights = [], []
    for p in parts:
        told, truth = truths(p)
        if truth.size:
            q = np.exp(log_softmax(told.emotion))
            tops.append(q.max(1))
            rights.append(q.argmax(1) == truth)
    top, right = np.concatenate(tops), np.concatenate(rights)
    for edge in np.arange(0.2, 0.45, 0.01):
        near = (top >= edge) & (top < edge + 0.05)
        if near.sum() > 30 and right[near].mean() >= SURE_ENOUGH:
            return round(float(edge), 3)
    return 0.45


def ordinary(parts: Sequence[Part], name: str) -> dict[str, Any]:
    """What neutral speech scores: its mean over corpora, and the spread within a speaker."""
    means, spreads = [], []
    for p in parts:
        neutral = p.take(np.flatnonzero(p.four == "neutral"))
        values: Array = getattr(neutral, name)
        if not values.size:
            continue
        means.append(values.mean(0))
        for speaker in np.unique(neutral.speaker):
            own = values[neutral.speaker == speaker]
            if len(own) >= 4:
                spreads.append(own.var(0, ddof=1))
    mean, sd = np.mean(means, 0), np.sqrt(np.mean(spreads, 0))
    return {"mean": np.round(mean, 4).tolist(), "sd_within": np.round(sd, 4).tolist()}


def constants(clean: Mapping[str, Part], tel: Mapping[str, Part]) -> dict[str, Any]:
    """All constants of the shipped file, from held-out predictions by corpus.

    Returns:
        `bias` and `temperature` of the emotion logits; `anger` and `unknown`, posteriors;
        `baseline` of arousal, valence and (calibrated) emotion logits.
    """
    raw = [*clean.values(), *tel.values()]
    fitted = fit_calibration(raw)
    parts = [fitted.apply(p) for p in raw]
    log_odds = threshold([p for p in parts if (p.four == "neutral").any()])
    return {
        "bias": np.round(fitted.bias, 4).tolist(),
        "temperature": round(fitted.temperature, 4),
        "anger": round(float(1 / (1 + np.exp(-log_odds))), 4),
        "unknown": unknown_below(parts),
        "baseline": {name: ordinary(parts, name) for name in ("arousal", "valence", "emotion")},
    }
