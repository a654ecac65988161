"""What is learnt from a clip: targets, the classes its corpus has, and how much it weighs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from voice_cues.corpora import AROUSAL, CLASSES, VALENCE, Clip

FLOATS = npt.NDArray[np.float32]
SMOOTHING = 0.1
# EmoGator's bursts are no speech. They teach arousal, and what anger is, at a tenth of a corpus.
SHARES = {"emogator": 0.1, "thorsten_emotional_samples": 0.02, "cremad_sample": 0.02}
ALIASES = {"amusement": "happiness", "elation": "happiness"}


@dataclass
class Rows:
    """Targets of some clips; the first axis is the clip.

    Attributes:
        label: The class, with calm for neutral where a corpus has calm alone.
        emotion: [n, classes] smoothed; zeros where no class is told.
        allowed: [n, classes] 1 for classes that the corpus has.
        dims: [n, 2] arousal and valence in 0..1; nan where not told.
        weight: [n] equal for each class of a corpus, and for each corpus but those of SHARES.
    """

    label: npt.NDArray[np.str_]
    emotion: FLOATS
    allowed: FLOATS
    dims: FLOATS
    weight: FLOATS


def label_of(clip: Clip) -> str:
    """The clip's class: calm is neutral unless the corpus has both (RAVDESS)."""
    label = ALIASES.get(clip.label, clip.label)
    return "neutral" if label == "calm" and clip.corpus != "ravdess" else label


def targets(clips: Sequence[Clip]) -> Rows:
    """What the clips teach."""
    label = np.array([label_of(clip) for clip in clips])
    corpus = np.array([clip.corpus for clip in clips])
    n = len(clips)
    emotion, allowed = (
        np.zeros((n, len(CLASSES)), np.float32),
        np.zeros((n, len(CLASSES)), np.float32),
    )
    dims, weight = np.full((n, 2), np.nan, np.float32), np.zeros(n, np.float32)
    for name in np.unique(corpus):
        here = corpus == name
        classes = [c for c in CLASSES if (label[here] == c).any()]
        share = SHARES.get(str(name), 1.0)
        found, counts = np.unique(label[here], return_counts=True)
        for one, count in zip(found, counts, strict=True):
            weight[here & (label == one)] = share / (len(found) * count)
        if not classes:
            continue
        at = [CLASSES.index(c) for c in classes]
        allowed[np.ix_(here, at)] = 1
        told = here & np.isin(label, classes)
        emotion[np.ix_(told, at)] = SMOOTHING / len(classes)
        emotion[told, [CLASSES.index(c) for c in label[told]]] += 1 - SMOOTHING
    for i, clip in enumerate(clips):
        shift = {"strong": 0.05, "low": -0.1}.get(clip.intensity, 0.0)
        lifted = AROUSAL.get(label[i], np.nan)
        dims[i] = lifted + shift * (lifted > 0.5), VALENCE.get(label[i], np.nan)
    return Rows(label, emotion, allowed, dims, weight / weight.mean())
