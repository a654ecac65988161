"""What the held-out predictions say: figures for the tables of the card.

Everything that is fixed from data (thresholds, temperatures, what neutral speech scores) is taken,
for a corpus, from the predictions for the other corpora: no network had its corpus in training.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from voice_cues.corpora import CLASSES, FOLDED, HIGH, KINDS, LABELS, LOW, Clip
from voice_cues.measures import Array, anger_log_odds, auc, ece, interval, log_softmax, uar
from voice_cues.rows import label_of

FOUR = ("neutral", "happiness", "sadness", "anger")
ANGER = LABELS.index("anger")
FALSE_ALARMS = 0.03  # on average over corpora that were held out; 0.05 left one above 12 %
SHRINKAGE = 2  # turns that the population counts for in a caller's baseline, as at run time
CALM_TURNS = 3
Words = npt.NDArray[np.str_]
Index = npt.NDArray[np.intp]


def folded(logits: Array) -> Array:
    """[n, CLASSES or more] to [n, LABELS]: calm and boredom are kinds of neutral."""
    columns = [np.logaddexp.reduce(logits[:, at], axis=1) for at in KINDS]
    return np.stack(columns, 1)


@dataclass(frozen=True)
class Part:
    """Held-out predictions for some clips through one channel.

    Attributes:
        corpus, speaker, sex, label: Of each clip.
        raw: [n, CLASSES] as trained.
        emotion: [n, LABELS] as shipped.
        arousal, valence: Logits.
    """

    corpus: Words
    speaker: Words
    sex: Words
    label: Words
    raw: Array
    emotion: Array
    arousal: Array
    valence: Array

    @property
    def four(self) -> Words:
        """One of FOUR, or nothing; boredom is nothing here, as elsewhere."""
        calm = np.where(self.label == "calm", "neutral", self.label)
        return np.where(np.isin(calm, FOUR), calm, "")

    def take(self, rows: Index) -> "Part":
        """Some of the clips."""
        return Part(*(getattr(self, field.name)[rows] for field in fields(self)))


def part(clips: Sequence[Clip], rows: Index, logits: npt.NDArray[np.float32]) -> Part:
    """Predictions with what the clips are."""
    chosen = [clips[r] for r in rows]
    wide = logits.astype(np.float64)
    return Part(
        np.array([c.corpus for c in chosen]),
        np.array([c.speaker for c in chosen]),
        np.array([c.sex for c in chosen]),
        np.array([label_of(c) for c in chosen]),
        wide[:, : len(CLASSES)],
        folded(wide),
        wide[:, len(CLASSES)],
        wide[:, len(CLASSES) + 1],
    )


def anger_auc(p: Part) -> float:
    """Anger against the rest."""
    return auc(anger_log_odds(p.emotion, ANGER), p.label == "anger")


def arousal_auc(p: Part) -> float:
    """High against low, by label; disgust is neither."""
    high, low = np.isin(p.label, list(HIGH)), np.isin(p.label, list(LOW))
    return auc(p.arousal[high | low], high[high | low])


def valence_auc(p: Part) -> float:
    """Happiness against anger, fear, sadness, disgust."""
    up = p.label == "happiness"
    both = up | np.isin(p.label, ["anger", "fear", "sadness", "disgust"])
    return auc(p.valence[both], up[both])


def four_way(p: Part) -> float:
    """UAR over those of FOUR that occur."""
    p = p.take(np.flatnonzero(p.four != ""))
    names = [name for name in FOUR if (p.four == name).any()]
    if len(names) < 2:
        return float("nan")
    at = [LABELS.index(name) for name in names]
    return uar(np.array(names)[p.emotion[:, at].argmax(1)], p.four)


def every_class(p: Part) -> float:
    """UAR over all the classes of the clips, calm and boredom among them."""
    names = [name for name in CLASSES if (p.label == name).any()]
    at = [CLASSES.index(name) for name in names]
    p = p.take(np.flatnonzero(np.isin(p.label, names)))
    return uar(np.array(names)[p.raw[:, at].argmax(1)], p.label)


def with_baseline(p: Part, ordinary: Array, *, seed: int = 0) -> Part:
    """The clips of callers with four calm ones at least, moved by a baseline of three of those.

    The three are left out. What a caller's calm turns score above what neutral speech scores in
    general is subtracted, shrunk by SHRINKAGE turns.

    Args:
        p: Predictions.
        ordinary: [LABELS] what neutral speech of other corpora scores on average.
        seed: Of which three.
    """
    rng = np.random.default_rng(seed)
    moved, kept = p.emotion.copy(), []
    share = CALM_TURNS / (CALM_TURNS + SHRINKAGE)
    for speaker in np.unique(p.speaker):
        own = np.flatnonzero(p.speaker == speaker)
        calm = own[p.four[own] == "neutral"]
        if calm.size > CALM_TURNS:
            three = rng.permutation(calm)[:CALM_TURNS]
            rest = np.setdiff1d(own, three)
            moved[rest] -= share * (p.emotion[three].mean(0) - ordinary)
            kept.append(rest)
    if not kept:
        return p.take(np.array([], np.intp))
    at = np.concatenate(kept)
    values = {field.name: getattr(p, field.name)[at] for field in fields(p)}
    return Part(**{**values, "emotion": moved[at]})


def threshold(parts: Sequence[Part]) -> float:
    """The log odds of anger that neutral speech passes in FALSE_ALARMS, on average over corpora."""
    scores = [anger_log_odds(p.emotion, ANGER)[p.four == "neutral"] for p in parts]
    each = np.concatenate([np.full(s.size, 1 / s.size) for s in scores if s.size])
    both = np.concatenate(scores)
    order = np.argsort(-both)
    share = np.cumsum(each[order]) / each.sum()
    return float(both[order][min(int(np.searchsorted(share, FALSE_ALARMS)), both.size - 1)])


def alarms(p: Part, above: float, label: str = "neutral") -> float:
    """The share of clips of a label whose log odds of anger are above a threshold."""
    return float((anger_log_odds(p.emotion, ANGER)[p.four == label] > above).mean())


def sure(p: Part) -> tuple[Array, npt.NDArray[np.bool_]]:
    """How sure the likeliest is of the labels that the corpus has, and whether it is right."""
    p = p.take(np.flatnonzero(np.isin(p.label, [*LABELS, *FOLDED])))
    truth = np.array([LABELS.index(FOLDED.get(x, x)) for x in p.label], np.intp)
    had = np.unique(truth)
    q = np.exp(log_softmax(p.emotion[:, had]))
    return q.max(1), had[q.argmax(1)] == truth


def calibration(p: Part) -> float:
    """ECE of a part whose emotion logits are calibrated."""
    return ece(*sure(p))


def spread(measure: Callable[[Part], float], p: Part, draws: int = 300) -> tuple[float, float]:
    """The 95 % interval of a measure over speakers."""
    return interval(lambda rows: measure(p.take(rows)), p.speaker, draws=draws)


def mean(figures: Mapping[str, float], without: str = "") -> float:
    """The mean over corpora, one left out if wanted, nan left out always."""
    return float(np.nanmean([value for name, value in figures.items() if name != without]))
