"""Data and measures that scripts/train_complexity and scripts/bench_router share.

What is trained on and what is kept aside is decided here, once:

                 trained on                             kept aside for reports
spoken simple    CLINC150 train+val, BANKING77 train,   their test sets; the other half of
                 half of Taskmaster-4's conversations   Taskmaster-4; all of SGD and HINT3
hard             Arena-Hard v0.1, spoken_turns.csv      Arena-Hard v2.0
correctness      LLMRouter train and RouterArena, but   every set of the kinds of GSM8K and MMLU;
                 for the right column and what is       LLMRouter test; NQ, ARC, OpenTDB
                 shared alike (NQ, ARC, OpenTDB)

GSM8K- and MMLU-like prompts are left out of training altogether, whichever split they come from, so
that RouteLLM's evaluation sets (MT-Bench, GSM8K, MMLU) cannot leak in.
"""

import csv
import gzip
import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LONGEST = 60
"""Words: what a caller says in half a minute."""
FUNCTION_WORDS = frozenset(
    re.findall(r"\w+", "the a to of and is in what how i me for that with you my")
)


class Prompt(NamedTuple):
    """A prompt and how often a strong and a weak model get it right, in [0, 1]."""

    text: str
    strong: float
    weak: float

    @property
    def gap(self) -> float:
        """What the strong model is worth here, in [-1, 1]."""
        return self.strong - self.weak


def default_data() -> Path:
    """Where data lies that is not part of the project."""
    named = os.environ.get("TONEWISE_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


def table(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file, gzipped or not."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def objects(path: Path) -> list[dict[str, Any]]:
    """The lines of a gzipped JSONL file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def spoken(text: str) -> str:
    """As STT writes it: lower case, no punctuation but apostrophes."""
    return " ".join(re.sub(r"[^\w\s']|_", " ", text.lower()).split())


def english(text: str) -> bool:
    """Mostly ASCII, and at least every eighth word one of the commonest."""
    words = re.findall(r"[a-z']+", text.lower())
    ascii_share = sum(map(str.isascii, text)) / max(len(text), 1)
    common = sum(word in FUNCTION_WORDS for word in words)
    return ascii_share > 0.97 and common > 0.12 * len(words)


def as_spoken(texts: Sequence[str]) -> list[str]:
    """Distinct turns of 1 to `LONGEST` words."""
    turns = dict.fromkeys(map(spoken, texts))
    return [turn for turn in turns if turn and len(turn.split()) <= LONGEST]


def second_half(name: str) -> bool:
    """The half of the conversations that is kept aside, by a hash of their names."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).digest()[0] >= 128


# ---------------------------------------------------------------- spoken and hard turns


def simple_turns(folder: Path, *, held_out: bool) -> dict[str, list[str]]:
    """Requests that a fast model answers, by the set they come from."""
    clinc = table(folder / "clinc150/clinc150.csv.gz")
    bank = table(folder / "banking77/banking77.csv.gz")
    coffee = table(folder / "taskmaster4_user_turns/user_turns.csv.gz")
    found = {
        "CLINC150": [row["text"] for row in clinc if ("test" in row["split"]) == held_out],
        "BANKING77": [row["text"] for row in bank if (row["split"] == "test") == held_out],
        "Taskmaster-4": [row["text"] for row in coffee if second_half(row["conv"]) == held_out],
    }
    if held_out:
        sgd = table(folder / "sgd_user_turns/user_turns.csv.gz")
        hint = table(folder / "hint3/hint3.csv.gz")
        found["SGD"] = [row["text"] for row in sgd if row["split"] == "test"]
        found["HINT3"] = [row["sentence"] for row in hint]
    return {name: as_spoken(texts) for name, texts in found.items()}


def hard_prompts(folder: Path, *, held_out: bool) -> list[str]:
    """English prompts that real users found hard to get answered, as typed."""
    wanted = "arena-hard-v2.0" if held_out else "arena-hard-v0.1"
    rows = objects(folder / "arena_hard/prompts.jsonl.gz")
    return [row["prompt"] for row in rows if row["set"] == wanted and english(row["prompt"])]


# ---------------------------------------------------------------- who gets it right

STRONG = ("llama-3.3-nemotron-super-49b-v1", "llama-3.1-nemotron-51b-instruct")
WEAK = (
    "llama-3.1-8b-instruct",
    "qwen2.5-7b-instruct",
    "mistral-7b-instruct-v0.3",
    "gemma-2-9b-it",
)
_TASKS = re.findall(
    r"\w+",
    "zebra gsm8k commongen nq triviaqa mmlu gpqa mbpp humaneval gsm8k csqa math obqa arc",
)
_BEGINS = (
    (0, 139, 161, 165, 434, 826, 910, 1335, 1465, 1543, 1613, 1697, 2059, 2085),
    (0, 1, 80, 172, 335, 409, 438, 443, 636, 670, 952, 1222, 1247, 1527),
    (0, 10, 109, 163, 231, 264, 654, 670, 845, 897, 1064, 1195, 1308, 1460),
)
"""LLMRouter's rows stand in the order of their tasks, by cluster: where each task begins."""
_ASKED_FOR = "After careful thought, put you final answer in \\boxed{...}."


def llmrouter(folder: Path) -> tuple[dict[str, list[Prompt]], dict[str, list[Prompt]]]:
    """LLMRouter's train and test prompts by task: two 50B models against four of 7B to 9B."""

    def prompt(row: dict[str, Any]) -> Prompt:
        scores = row["scores"]
        right = [float(np.mean([scores[model] for model in models])) for models in (STRONG, WEAK)]
        return Prompt(row["question"].replace(_ASKED_FOR, "").strip(), *right)

    train: dict[str, list[Prompt]] = {}
    rows = objects(folder / "llmrouter/dcrouter_train.jsonl.gz")
    for cluster, begins in enumerate(_BEGINS):
        own = [prompt(row) for row in rows if row["cluster_id"] == cluster]
        for task, start, end in zip(_TASKS, begins, [*begins[1:], len(own)], strict=True):
            train.setdefault(task, []).extend(own[start:end])
    test: dict[str, list[Prompt]] = {}
    for place, row in enumerate(objects(folder / "llmrouter/dcrouter_test.jsonl.gz")):
        test.setdefault(_TASKS[place // 50], []).append(prompt(row))
    return train, test


_FAMILIES = {
    "mmlu": ("MMLU", "MMLUPro"),
    "gsm8k": ("GSM8K",),
    "opentdb": ("OpenTDB",),
    "code": ("LiveCodeBench",),
    "maths": ("MathQA", "AsDiv", "MATH", "AIME", "FinQA", "ChessInstruct"),
    "text": ("SuperGLUE", "NarrativeQA", "WMT19", "Ethics", "SocialiQA"),
}


def asked(framed: str) -> str:
    """What a prompt of RouterArena asks, without the frame around it."""
    inner = re.search(
        r"Question:(.*?)(?:\n\s*(?:Provide|Please provide|Return)|\Z)", framed, re.DOTALL
    )
    return inner[1].strip() if inner and len(inner[1]) > 20 else framed


def routerarena(folder: Path) -> dict[str, list[Prompt]]:
    """RouterArena's prompts by family, without its frame: gemini-2.0-flash, claude-3-haiku."""
    found: dict[str, list[Prompt]] = {}
    for row in objects(folder / "routerarena/cached_two_models.jsonl.gz"):
        origin = re.split(r"[_-]", row["global_index"])[0]
        family = next((f for f, origins in _FAMILIES.items() if origin in origins), "facts")
        text = asked(row["question"])
        right = [row[m]["score"] for m in ("gemini-2.0-flash-001", "claude-3-haiku-20240307")]
        found.setdefault(family, []).append(Prompt(text, *right))
    return found


NEVER_TRAINED = {"gsm8k", "mmlu", "nq", "arc", "opentdb", "commongen"}
"""Kept aside (gsm8k, mmlu), shared alike (nq, arc, opentdb), or no question at all (commongen)."""


def correctness(folder: Path) -> dict[str, list[Prompt]]:
    """What may be trained on, by its source and task."""
    found = {f"LLMRouter {task}": rows for task, rows in llmrouter(folder)[0].items()}
    found |= {f"RouterArena {family}": rows for family, rows in routerarena(folder).items()}
    return {name: rows for name, rows in found.items() if name.split()[1] not in NEVER_TRAINED}


def alpaca(folder: Path) -> list[Prompt]:
    """AlpacaEval's instructions, Mixtral-8x7B against GPT-4: for evaluation only (CC-BY-NC)."""
    column = "Mixtral-8x7B-Instruct-v0.1@alpaca_eval_gpt4_turbo_fn"
    wins = {
        row["id"]: float(row[column])
        for row in table(folder / "alpaca_eval/pref_vs_gpt4_1106.csv.gz")
        if row[column]
    }
    rows = objects(folder / "alpaca_eval/prompts.jsonl.gz")
    return [
        Prompt(row["instruction"], 0.5, wins[str(row["id"])])
        for row in rows
        if str(row["id"]) in wins
    ]


# ---------------------------------------------------------------- measures


def auc(high: Array, low: Array) -> float:
    """Probability that one of `high` scores above one of `low`; a tie counts half."""
    low = np.sort(low)
    below = np.searchsorted(low, high, "left") + np.searchsorted(low, high, "right")
    return float(below.mean() / (2 * len(low)))


def same_lengths(high: Sequence[str], low: Sequence[str]) -> tuple[list[int], list[int]]:
    """As many turns of every length from both sides, drawn at random: their places."""
    rng = np.random.default_rng(0)
    left, right = (np.array([len(text.split()) for text in texts]) for texts in (high, low))
    picked: tuple[list[int], list[int]] = ([], [])
    for length in np.unique(left):
        here, there = np.flatnonzero(left == length), np.flatnonzero(right == length)
        count = min(len(here), len(there))
        picked[0].extend(rng.choice(here, count, replace=False).tolist())
        picked[1].extend(rng.choice(there, count, replace=False).tolist())
    return picked


def _recovered(scores: Array, gaps: Array) -> tuple[Array, Array]:
    """Share of calls to the strong model, and share of the gap recovered; tied prompts at once."""
    _, place = np.unique(-scores, return_inverse=True)
    called = np.cumsum(np.bincount(place)) / len(scores)
    gained = np.cumsum(np.bincount(place, weights=gaps)) / gaps.sum()
    return np.concatenate([[0], called]), np.concatenate([[0], gained])


def apgr(scores: Array, gaps: Array) -> float:
    """Average performance gap recovered: the area under gap recovered by share of strong calls.

    RouteLLM's (arXiv 2406.18665 §3); 0.5 is chance. Exact, where RouteLLM's script takes ten
    steps. Ties are called in random order, on average.
    """
    called, gained = _recovered(scores, gaps)
    return float(np.sum(np.diff(called) * (gained[1:] + gained[:-1]) / 2))


def cpt(scores: Array, gaps: Array, share: float) -> float:
    """Percent of calls that must go to the strong model to recover `share` of the gap."""
    called, gained = _recovered(scores, gaps)
    at = int(np.argmax(gained >= share - 1e-9))
    step = gained[at] - gained[at - 1]
    return float(
        100 * (called[at - 1] + (called[at] - called[at - 1]) * (share - gained[at - 1]) / step)
    )


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap 95 % interval."""

    value: float
    low: float
    high: float

    def __format__(self, spec: str) -> str:
        return f"{self.value:{spec}} [{self.low:{spec}}, {self.high:{spec}}]"


def bootstrap(
    measure: Callable[..., float], *samples: Array, paired: bool, resamples: int
) -> Interval:
    """Resamples the rows of `samples`: all alike where `paired`, else each on its own."""
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(resamples):
        rows = rng.integers(0, len(samples[0]), len(samples[0]))
        if paired:
            drawn.append(measure(*(sample[rows] for sample in samples)))
        else:
            drawn.append(measure(*(rng.choice(sample, len(sample)) for sample in samples)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(measure(*samples), float(low), float(high))
