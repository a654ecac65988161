"""The score of complexity as scripts/train_complexity fits it: its rows, its priors, its loss."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import scipy.sparse
from scipy.optimize import minimize

import routing_data as data
from tonewise.routing import complexity
from tonewise.routing.cue_words import GROUPS
from tonewise.routing.features import FEATURES, measure

Array = data.Array
ROOT = Path(__file__).resolve().parents[1]
SEED = 20261121

# Length and numbers: no source that may be trained on tells them well, so they are set by hand,
# with an eye on LLMRouter's GSM8K- and MMLU-like train prompts, which are never trained on.
CORE = {
    "words": 0.9,
    "long": 2.0,
    "numbers": 0.4,
    "notation": 0.2,
    "quantities": 1.0,
    "word length": -0.6,
}
HAND_SET = {group.name: group.weight for group in GROUPS}
UNSEEN = ("medicine", "law", "finance", "exception", "composition")
"""Groups that the hard prompts at hand hardly have: their weights stay as they were set by hand."""
MOST_OF_A_WORD = 0.5
FRAMES = frozenset(
    re.findall(r"\w+", "options answer boxed frac sqrt text sentence correct following given")
)
"""Words of the frames that benchmarks put around a question."""
ORDER_UNUSED = ("mbpp", "humaneval", "code")
"""Which of two programming exercises is the harder one is told by words ("function", "string") that
would then speak against all code, where small models fail most."""
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "the a an of to in on at for and or is are was were be been being it its this that "
        "these those with by from as i my me im ive you your we our us they them their he she "
        "his her do does did have has had will would can could should if not no so but about "
        "into than then there here up out off over am id ill please what how why which who "
        "when where one some any",
    )
)
"""Words without a subject: how a corpus was collected shows in them, not what a turn asks for."""


@dataclass(frozen=True)
class Strengths:
    """How far weights may go from where they are drawn to, and what the two kinds weigh."""

    cues: float = 0.3
    words: float = 0.4
    failing: float = 0.3
    """Weight of a task with known failures, where spoken against hard has 2000."""
    label: str = "failing"


@dataclass
class Rows:
    """What is fitted: texts, targets in [0, 1], weights, and where each comes from."""

    texts: list[str] = field(default_factory=list)
    targets: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def add(
        self, texts: Iterable[str], target: float | list[float], weight: float, source: str
    ) -> None:
        """Rows of one source, which weigh `weight` in all."""
        texts = list(texts)
        self.texts += texts
        self.targets += target if isinstance(target, list) else [target] * len(texts)
        self.weights += [weight / max(len(texts), 1)] * len(texts)
        self.sources += [source] * len(texts)


@dataclass
class Model:
    """The fitted score."""

    bias: float
    features: Array
    phrases: dict[str, float]

    def score(self, texts: Sequence[str]) -> Array:
        """Log-odds of each text."""
        return np.array([self._one(text) for text in texts])

    def _one(self, text: str) -> float:
        found = measured(text)
        words = sum(self.phrases.get(phrase, 0.0) for phrase in found.phrases)
        return self.bias + float(self.features @ np.array(found.effects)) + found.share * words


measured = cache(measure)


@dataclass
class Material:
    """All that may be trained on."""

    simple: dict[str, list[str]]
    hard: list[str]
    by_hand: list[dict[str, str]]
    failing: dict[str, list[data.Prompt]]


def everything(folder: Path) -> Material:
    """All that may be trained on."""
    return Material(
        data.simple_turns(folder, held_out=False),
        data.hard_prompts(folder, held_out=False),
        data.table(ROOT / "scripts/spoken_turns.csv"),
        data.correctness(folder),
    )


# ---------------------------------------------------------------- rows


def spoken_rows(
    simple: dict[str, list[str]], hard: list[str], by_hand: list[dict[str, str]]
) -> Rows:
    """Simple and hard turns as STT writes them; every length weighs as much on both sides."""
    rng = np.random.default_rng(SEED)
    rows = Rows()
    for name, texts in simple.items():
        some = [texts[i] for i in rng.permutation(len(texts))[:3000]]
        starts = rng.integers(0, len(texts), len(some) // 6)
        together = [" ".join(texts[i : i + rng.integers(2, 4)]) for i in starts]
        rows.add(some + together, 0.0, 1000 / len(simple), name)
    for prompt in hard:
        words = data.spoken(prompt).split()
        cuts = [len(words), *(min(len(words), int(n)) for n in rng.integers(8, 50, 2))]
        rows.add([prompt, *(" ".join(words[:n]) for n in cuts)], 1.0, 1000 / len(hard), "hard")
    easy = ("complaint", "slot_answer", "greeting", "yes_no")
    for row in by_hand:
        rows.add([row["text"]], float(row["task"] not in easy), 4.0, "by hand")
    balance(rows)
    return rows


def balance(rows: Rows) -> None:
    """Gives both sides the same weight at every length (in steps of a quarter of an octave)."""
    steps = np.array([int(4 * np.log2(1 + len(text.split()))) for text in rows.texts])
    weights, targets = np.array(rows.weights), np.array(rows.targets)
    for step in np.unique(steps):
        sides = [(steps == step) & (targets == side) for side in (0.0, 1.0)]
        totals = [weights[side].sum() for side in sides]
        if min(totals) == 0:
            for side in sides:
                weights[side] *= 0.1
            continue
        shared = min(np.sqrt(totals[0] * totals[1]), 2 * min(totals))
        for side, total in zip(sides, totals, strict=True):
            weights[side] *= shared / total
    rows.weights = (weights * 2000 / weights.sum()).tolist()


def failing_rows(sources: dict[str, list[data.Prompt]], strengths: Strengths) -> Rows:
    """Prompts with the share of small models that fail, or another label, by source."""
    labels: dict[str, Callable[[data.Prompt], float]] = {
        "failing": lambda p: 1 - p.weak,
        "needed": lambda p: p.strong * (1 - p.weak),
        "gap": lambda p: float(p.gap > 0),
    }
    rows = Rows()
    for name, prompts in sources.items():
        if name.split()[1] in ORDER_UNUSED:
            continue
        used = [p for p in prompts if p.gap] if strengths.label == "gap" else prompts
        weight = strengths.failing * 1000 / len(sources) * min(1.0, np.sqrt(len(used) / 300))
        rows.add([p.text for p in used], [labels[strengths.label](p) for p in used], weight, name)
    return rows


def joined(*parts: Rows) -> Rows:
    """All rows of some parts."""
    rows = Rows()
    for part in parts:
        rows.texts += part.texts
        rows.targets += part.targets
        rows.weights += part.weights
        rows.sources += part.sources
    return rows


# ---------------------------------------------------------------- fitting


def vocabulary(rows: Rows) -> list[str]:
    """Phrases of two sources at least, or of ten hard prompts, without mere function words."""
    own = {word for g in GROUPS if g.name in UNSEEN for word in complexity.tokens(g.phrases)}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for text, source in zip(rows.texts, rows.sources, strict=True):
        for phrase in measured(text).phrases:
            counts[phrase][source] += 1
    return sorted(
        phrase
        for phrase, by_source in counts.items()
        if by_source.total() >= 12
        and (sum(n >= 2 for n in by_source.values()) >= 2 or by_source["hard"] >= 10)
        and not all(word in FUNCTION_WORDS for word in phrase.split())
        and not any(word in own or word in FRAMES for word in phrase.split())
        and len(phrase) > 1
    )


def incidence(texts: list[str], phrases: list[str]) -> scipy.sparse.csr_matrix:
    """Which phrase is in which text, times the text's share."""
    places = {phrase: i for i, phrase in enumerate(phrases)}
    rows, columns, values = [], [], []
    for row, text in enumerate(texts):
        found = measured(text)
        here = [places[phrase] for phrase in found.phrases if phrase in places]
        rows += [row] * len(here)
        columns += here
        values += [found.share] * len(here)
    return scipy.sparse.csr_matrix((values, (rows, columns)), (len(texts), len(phrases)))


def fit(rows: Rows, strengths: Strengths, *, words: bool = True) -> Model:
    """The weights of least loss, drawn towards those set by hand."""
    phrases = vocabulary(rows) if words else []
    effects = np.array([measured(text).effects for text in rows.texts])
    own = sorted({s for s in rows.sources if s.startswith(("LLMRouter", "RouterArena"))})
    intercepts = np.array([[float(s == name) for name in own] for s in rows.sources])
    design = scipy.sparse.hstack(
        [
            scipy.sparse.csr_matrix(np.ones((len(rows.texts), 1))),
            scipy.sparse.csr_matrix(effects),
            incidence(rows.texts, phrases),
            scipy.sparse.csr_matrix(intercepts.reshape(len(rows.texts), -1)),
        ]
    ).tocsr()
    prior = {**dict.fromkeys(FEATURES, 0.0), **HAND_SET, **CORE}
    centre = np.zeros(design.shape[1])
    centre[0] = complexity.BIAS
    centre[1 : 1 + len(FEATURES)] = [prior[name] for name in FEATURES]
    stiff = 1e-3  # what stays as it was set by hand
    reach = np.concatenate(
        [
            [100.0],
            [stiff if f in CORE or f in UNSEEN else strengths.cues for f in FEATURES]
            / (effects.std(axis=0) + 1e-6),
            np.full(len(phrases), strengths.words),
            np.full(len(own), 3.0),
        ]
    )
    targets, weights = np.array(rows.targets), np.array(rows.weights)

    def loss(theta: Array) -> tuple[float, Array]:
        z = design @ theta
        missed = weights * (1 / (1 + np.exp(-z)) - targets)
        away = (theta - centre) / reach
        total = weights @ (np.logaddexp(0, z) - targets * z) + 0.5 * away @ away
        return total, design.T @ missed + away / reach

    bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(centre)
    bounds[1 : 1 + len(FEATURES)] = [limits(name) for name in FEATURES]
    # No single word may outweigh a cue: "money" speaks for a simple request, but not that loudly.
    of_words = slice(1 + len(FEATURES), 1 + len(FEATURES) + len(phrases))
    bounds[of_words] = [(-MOST_OF_A_WORD, MOST_OF_A_WORD)] * len(phrases)
    found = minimize(
        loss, centre, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300}
    )
    end = 1 + len(FEATURES)
    weights_of_words = found.x[end : end + len(phrases)]
    return Model(
        float(found.x[0]),
        found.x[1:end],
        dict(zip(phrases, weights_of_words.tolist(), strict=True)),
    )


def limits(name: str) -> tuple[float | None, float | None]:
    """A cue never changes sides, and counts half to one and a half of what was set by hand."""
    if name in CORE:
        return None, None
    if name not in HAND_SET:
        return -0.6, 0.6
    low, high = sorted((0.5 * HAND_SET[name], 1.5 * HAND_SET[name]))
    return low, high
