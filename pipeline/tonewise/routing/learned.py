"""How much thought a turn asks for, and what its task is: the trained score, read from a file.

    complexity = σ(bias + Σ feature + Σ word + follow-up)

Additive like the score that is set by hand (`complexity.py`), with the same signature and meaning:
every word that counts is a term of its own, named in quotation marks. `scripts/train_complexity`
makes the weights; models/complexity/README.md is the card. numpy reads the file, and plain Python
adds up, because a turn has a dozen words.

Words are English. In another language length and numbers are all that is left, as in the hand-set
score; the task of such a turn is mostly `other` or a guess by its length, with a low probability.
"""

import io
import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewise.errors import PluginError
from tonewise.facts import Term
from tonewise.routing import complexity
from tonewise.routing.complexity import INHERITED, LOOK_BACK
from tonewise.routing.features import FEATURES, Measured, measure, task_signs

FILE = "model.npz"
VERSION = 1
"""Of the file and of what it is multiplied with; a file of another version is refused."""
TASKS = (
    "greeting",
    "yes_no",
    "slot_answer",
    "request",
    "complaint",
    "question",
    "comparison",
    "maths",
    "code",
    "medical",
    "legal",
    "writing",
    "other",
)
"""greeting: hello, thanks, goodbye. slot_answer: a name, a date, a number that was asked for.
request: an order or something done to an account. other: out of scope, or none of these."""

MOST_WORDS = 12
"""Words that get a term of their own, the weightiest first; the rest share one."""
_OTHER_WORDS = "other words"

_BROKEN = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError, RuntimeError, MemoryError),
)
"""What numpy, zipfile and json raise for a file that was cut short or overwritten."""

Weights = NDArray[np.float32]


class LearnedComplexity:
    """The trained score and task of a turn. It holds no call's state, and threads may share it."""

    def __init__(self, folder: Path) -> None:
        """Reads `folder`/model.npz, a file of our own without pickles.

        Raises:
            PluginError: the file is missing, broken, or of another version.
        """
        path = folder / FILE
        try:
            with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as file:
                self._take(json.loads(bytes(file["about"])), dict(file))
        except FileNotFoundError as error:
            msg = f"the model of complexity is missing: {path}; scripts/train_complexity makes it"
            raise PluginError(msg) from error
        except _BROKEN as error:
            msg = f"the model of complexity cannot be read: {path}: {error}"
            raise PluginError(msg) from error

    def _take(self, about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        if about["version"] != VERSION:
            msg = f"it is of version {about['version']}, and this program needs {VERSION}"
            raise ValueError(msg)
        if tuple(about["features"]) != FEATURES or tuple(about["tasks"]) != TASKS:
            msg = "its features or tasks are others than this program's; train it anew"
            raise ValueError(msg)
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                msg = f"{name} holds a number that is none"
                raise ValueError(msg)
        self.frontier_at = float(about["frontier_at"])
        self._bias = float(arrays["bias"])
        self._features: list[float] = arrays["features"].tolist()
        phrases = _lines(arrays["phrases"])
        self._phrases = dict(zip(phrases, arrays["phrase_weights"].tolist(), strict=True))
        signs = _lines(arrays["signs"])
        self._signs = {sign: row for row, sign in enumerate(signs)}
        self._sign_weights: Weights = arrays["sign_weights"]
        self._intercepts: Weights = arrays["task_intercepts"]
        shapes = self._sign_weights.shape, self._intercepts.shape, len(self._features)
        if shapes != ((len(signs), len(TASKS)), (len(TASKS),), len(FEATURES)):
            msg = "the sizes of its parts do not agree"
            raise ValueError(msg)

    def score(self, text: str, history: Sequence[str] = ()) -> tuple[float, tuple[Term, ...]]:
        """The complexity of a turn, and what it is made of.

        Args:
            text: what was said; case and punctuation do not matter.
            history: what the caller said before, oldest first. A short follow-up takes over part
                of the complexity of the turn it leans on.

        Returns:
            A number in [0, 1], and its terms in log-odds: it is σ of the sum of their
            contributions.
        """
        terms = self._terms(text, history[-LOOK_BACK:])
        return _sigmoid(_log_odds(terms)), terms

    def task(self, text: str) -> tuple[str, float]:
        """The likeliest of `TASKS`, and its probability in (0, 1]."""
        rows = [row for sign in task_signs(text) if (row := self._signs.get(sign)) is not None]
        z = self._intercepts + self._sign_weights[rows].sum(axis=0)
        shares = np.exp(z - z.max())
        best = int(z.argmax())
        return TASKS[best], float(shares[best] / shares.sum())

    def _terms(self, text: str, history: Sequence[str]) -> tuple[Term, ...]:
        """The terms of a score; those that add nothing are left out, but for bias and words."""
        found = measure(text)
        terms = [Term("bias", 1, self._bias)]
        terms += [
            Term(name, value, weight * effect)
            for name, value, effect, weight in zip(
                FEATURES, found.values, found.effects, self._features, strict=True
            )
            if (weight and effect) or name == "words"
        ]
        terms += self._words(found)
        if found.leans and history:
            before = _log_odds(self._terms(history[-1], history[:-1]))
            if (missing := before - _log_odds(terms)) > 0:
                terms.append(Term("follow-up", 1, INHERITED * missing))
        return tuple(terms)

    def _words(self, found: Measured) -> list[Term]:
        weights = self._phrases
        terms = [
            Term(f"“{phrase}”", 1, found.share * weights[phrase])
            for phrase in found.phrases
            if phrase in weights
        ]
        if len(terms) <= MOST_WORDS:
            return terms
        terms.sort(key=lambda term: -abs(term.contribution))
        rest = terms[MOST_WORDS:]
        return [*terms[:MOST_WORDS], Term(_OTHER_WORDS, len(rest), _log_odds(rest))]


def in_words(terms: Sequence[Term]) -> str:
    """What weighs most in a score, as in "compares options, says “provider”, 31 words"."""
    return complexity.in_words(terms)


def _lines(characters: NDArray[np.uint8]) -> list[str]:
    text = bytes(characters).decode()
    return text.split("\n") if text else []


def _log_odds(terms: Sequence[Term]) -> float:
    return math.fsum(term.contribution for term in terms)


def _sigmoid(log_odds: float) -> float:
    """Never 0 or 1 exactly: beyond ±36 a double has no room for the difference."""
    return 1 / (1 + math.exp(-max(-36.0, min(36.0, log_odds))))
