"""What a head of a corpus's own makes of the statistics, for speakers it never heard.

This is how the field reports RAVDESS and EmoDB: one corpus, held-out speakers, all of its classes.
The shipped head serves every corpus at once and is drawn to zero for the sake of unseen ones.
"""

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from voice_cues.clips import Store
from voice_cues.measures import interval, uar

FOLDS = {"ravdess": 6, "emodb": 10}
STRENGTH = 0.003  # scikit-learn's C; 0.01 and 0.03 give the same within half a point


def own_head(store: Store, frozen: npt.NDArray[np.float16], corpus: str) -> dict[str, list[float]]:
    """UAR in percent with its interval over speakers, clean and by telephone.

    Args:
        store: The clips.
        frozen: Statistics of the untouched encoder, clean and by telephone.
        corpus: One of FOLDS.
    """
    rows = np.array([i for i, c in enumerate(store.clips) if c.corpus == corpus])
    label = np.array([store.clips[i].label for i in rows])
    speaker = np.array([store.clips[i].speaker for i in rows])
    x = frozen[rows].astype(np.float32)
    guess = np.empty((2, len(rows)), label.dtype)
    for k in range(FOLDS[corpus]):
        out = np.isin(speaker, np.unique(speaker)[k :: FOLDS[corpus]])
        train = x[~out].transpose(1, 0, 2).reshape(-1, x.shape[2])
        mean, scale = train.mean(0), train.std(0) + 1e-3
        head = LogisticRegression(C=STRENGTH, max_iter=100, class_weight="balanced")
        head.fit((train - mean) / scale, np.tile(label[~out], 2))
        for channel in (0, 1):
            guess[channel, out] = head.predict((x[out, channel] - mean) / scale)
    found = {}
    for channel, name in enumerate(("clean", "tel")):
        told = guess[channel]
        low, high = interval(lambda at, t=told: uar(t[at], label[at]), speaker, draws=300)  # type: ignore[misc]
        found[name] = [round(100 * v, 1) for v in (uar(told, label), low, high)]
    return found
