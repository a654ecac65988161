"""The task of a turn as scripts/train_complexity fits it: labels from several sets, one softmax."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import scipy.sparse
from sklearn.linear_model import LogisticRegression

import routing_data as data
from complexity_fit import SEED, Array, Material
from tonewise.routing import complexity
from tonewise.routing.cue_words import GROUPS
from tonewise.routing.features import task_signs
from tonewise.routing.learned import TASKS

_ACCOUNT_TROUBLE = set(
    re.findall(r"\w+", "account_blocked card_declined damaged_card lost_luggage report_fraud")
)
_BANK_TROUBLE = re.findall(
    r"\w+",
    "not_recognised declined failed wrong charged not_working not_received not_showing "
    "reverted swallowed blocked extra_charge compromised pending not_updated stolen",
)
_FACTS = set(
    re.findall(
        r"\w+",
        "definition fun_fact travel_suggestion meaning_of_life nutrition_info calories "
        "ingredients_list plug_type how_busy restaurant_reviews international_visa carry_on "
        "time date weather distance exchange_rate translate spelling next_holiday vaccines "
        "what_are_your_hobbies are_you_a_bot what_is_your_name who_made_you "
        "where_are_you_from how_old_are_you do_you_have_pets food_last cook_time "
        "interest_rate timezone traffic gas_type mpg who_do_you_work_for what_can_i_ask_you",
    )
)


def clinc_task(intent: str) -> str:
    """The task of a CLINC150 intent."""
    named = {
        "oos": "other",
        "yes": "yes_no",
        "no": "yes_no",
        "maybe": "yes_no",
        "greeting": "greeting",
        "goodbye": "greeting",
        "thank_you": "greeting",
        "calculator": "maths",
        "measurement_conversion": "maths",
    }
    if intent in named:
        return named[intent]
    if intent in _ACCOUNT_TROUBLE:
        return "complaint"
    return "question" if intent in _FACTS else "request"


def bank_task(category: str) -> str:
    """The task of a BANKING77 category: something went wrong, or something is wanted."""
    return "complaint" if any(part in category for part in _BANK_TROUBLE) else "request"


def task_rows(folder: Path, material: Material) -> dict[str, list[str]]:
    """Turns by their task, as STT writes them."""
    found: dict[str, list[str]] = defaultdict(list)
    for task, text in [
        *_labelled(folder),
        *_typed(material),
        *_answers(folder),
        *_by_cues(material),
    ]:
        found[task].append(text)
    for row in material.by_hand:
        if row["task"] != "hard":
            found[row["task"]] += [row["text"]] * 20
    rng = np.random.default_rng(SEED)
    turns = {}
    for task, texts in found.items():
        some = [texts[i] for i in rng.permutation(len(texts))[:2500]]
        # As typed where that differs, so that formulas and code are known by their notation too.
        turns[task] = [data.spoken(text) for text in some] + some * (task in ("maths", "code"))
    return turns


def _labelled(folder: Path) -> Iterator[tuple[str, str]]:
    for row in data.table(folder / "clinc150/clinc150.csv.gz"):
        if "test" not in row["split"]:
            yield clinc_task(row["intent"]), row["text"]
    for row in data.table(folder / "banking77/banking77.csv.gz"):
        if row["split"] == "train":
            yield bank_task(row["category"]), row["text"]


def _typed(material: Material) -> Iterator[tuple[str, str]]:
    kinds = {"math": "maths", "maths": "maths", "mbpp": "code", "humaneval": "code", "code": "code"}
    kinds |= {"triviaqa": "question", "csqa": "question"}
    for name, prompts in material.failing.items():
        if kind := kinds.get(name.split()[1]):
            yield from ((kind, " ".join(prompt.text.split()[:60])) for prompt in prompts)


def _answers(folder: Path) -> Iterator[tuple[str, str]]:
    """Not labelled: a short turn amid an order, without question or courtesy, answers something."""
    for row in data.table(folder / "taskmaster4_user_turns/user_turns.csv.gz"):
        words = complexity.tokens(row["text"])
        plain = "?" not in row["text"] and complexity.read(row["text"]).words == len(words)
        short = int(row["index"]) > 2 and 2 <= len(words) <= 6
        if plain and short and not data.second_half(row["conv"]):
            yield "slot_answer", row["text"]


def _by_cues(material: Material) -> Iterator[tuple[str, str]]:
    """Not labelled either: by their cue words, where these are clear."""
    groups = [group.name for group in GROUPS]
    kinds = {"code": "code", "medicine": "medical", "law": "legal", "composition": "writing"}
    at = {task: groups.index(group) for group, task in kinds.items()}
    known = [p.text for n, rows in material.failing.items() if n.startswith("LLM") for p in rows]
    for prompt in [*material.hard, *known]:
        start = " ".join(prompt.split()[:60])
        cues = complexity.read(start).cues
        found = {task: cues[place] for task, place in at.items() if cues[place]}
        if len(found) == 1 and (found.keys() == {"writing"} or max(found.values()) >= 2):
            yield from ((task, start) for task in found)


def fit_tasks(turns: dict[str, list[str]]) -> tuple[list[str], Array, Array]:
    """Signs, their weights by task, and the tasks' intercepts."""
    texts = [text for task in TASKS for text in turns[task]]
    labels = [TASKS.index(task) for task in TASKS for _ in turns[task]]
    found = [task_signs(text) for text in texts]
    counts = Counter(sign for signs in found for sign in signs)
    known = sorted(sign for sign, n in counts.items() if n >= 4)
    places = {sign: i for i, sign in enumerate(known)}
    pairs = [(i, places[s]) for i, signs in enumerate(found) for s in signs if s in places]
    rows, columns = zip(*pairs, strict=True)
    x = scipy.sparse.csr_matrix((np.ones(len(rows)), (rows, columns)), (len(texts), len(known)))
    machine = LogisticRegression(C=2.0, max_iter=300, class_weight="balanced")
    machine.fit(x, labels)
    kept = np.abs(machine.coef_).max(axis=0) > 0.1
    signs = [sign for sign, keep in zip(known, kept, strict=True) if keep]
    return signs, machine.coef_[:, kept].T, machine.intercept_
