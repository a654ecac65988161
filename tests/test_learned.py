"""The trained score: what it makes of a turn, and what becomes of it without its file."""

import contextlib
import json
import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from starved import least_s
from test_routing import COMPLEX, SIMPLE, lines
from tonewise import assets, plugins
from tonewise.errors import ConfigError, PluginError
from tonewise.facts import Transcript
from tonewise.routing import thresholds
from tonewise.routing.complexity import complexity, in_words
from tonewise.routing.features import FEATURES, LONGEST, measure
from tonewise.routing.learned import FILE, MOST_WORDS, TASKS, LearnedComplexity
from tonewise.stages import Candidate, Turn

FOLDER = assets.folder("models") / "complexity"
LEARNED = LearnedComplexity(FOLDER)
MORTGAGES = lines(COMPLEX)[3]


def names(text):
    return [term.name for term in LEARNED.score(text)[1]]


# ---------------------------------------------------------------- what it says of spoken turns


@pytest.mark.parametrize("text", lines(SIMPLE))
def test_a_simple_turn_scores_below_the_threshold(text):
    score, terms = LEARNED.score(text)
    assert score < LEARNED.frontier_at, terms


@pytest.mark.parametrize("text", lines(COMPLEX))
def test_a_complex_turn_scores_above_the_threshold(text):
    score, terms = LEARNED.score(text)
    assert score >= LEARNED.frontier_at, terms


@pytest.mark.parametrize("text", [*lines(SIMPLE), *lines(COMPLEX)])
def test_case_punctuation_and_filled_pauses_change_nothing(text):
    typed = f"Um, {text.capitalize()}?!"
    heard = "uh um " + text.replace("'", "").replace(" ", " uh ")
    assert LEARNED.score(typed) == LEARNED.score(text)
    assert LEARNED.score(heard) == LEARNED.score(text)


@pytest.mark.parametrize(
    ("text", "task"),
    [
        ("hello", "greeting"),
        ("thanks a lot goodbye", "greeting"),
        ("yes that's right", "yes_no"),
        ("no", "yes_no"),
        ("five five five zero one nine nine", "slot_answer"),
        ("cancel my appointment on friday", "request"),
        ("you charged my card twice", "complaint"),
        ("who wrote moby dick", "question"),
        ("which of the two plans is better for me", "comparison"),
        ("solve x squared minus four equals zero", "maths"),
        ("write a python function that reverses a linked list", "code"),
        ("can i take these pills with alcohol if i have a fever", "medical"),
        ("do i have to pay the fine if the contract was never signed", "legal"),
        ("write a short story about a lighthouse", "writing"),
    ],
)
def test_the_task_of_a_plain_example_is_known(text, task):
    assert LEARNED.task(text)[0] == task


def test_two_hard_turns_of_one_length_as_simple_ones_are_told_apart():
    simple = "can you tell me when my parcel will be here and who brings it"
    hard = "can you explain why inflation rises when a country prints more of its money"
    assert abs(len(simple.split()) - len(hard.split())) <= 1
    assert LEARNED.score(simple)[0] + 0.2 < LEARNED.score(hard)[0]


# ---------------------------------------------------------------- how it is made up


@given(text=st.text(max_size=300), history=st.lists(st.text(max_size=60), max_size=6))
def test_any_text_has_a_score_and_a_task(text, history):
    score, terms = LEARNED.score(text, history)
    assert 0 < score < 1
    assert all(math.isfinite(term.contribution) for term in terms)
    assert LEARNED.score(text, history) == (score, terms)
    assert in_words(terms)
    task, probability = LEARNED.task(text)
    assert task in TASKS
    assert 0 < probability <= 1
    assert LEARNED.task(text) == (task, probability)


WORDS = st.lists(
    st.sampled_from(sorted({word for line in lines(SIMPLE + COMPLEX) for word in line.split()})),
    max_size=120,
).map(" ".join)


@given(text=WORDS)
def test_the_score_is_the_sigmoid_of_the_sum_of_its_terms(text):
    score, terms = LEARNED.score(text)
    assert terms[0].name == "bias"
    total = math.fsum(term.contribution for term in terms)
    assert score == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-12)
    assert sum(name.startswith("“") for name in names(text)) <= MOST_WORDS


def test_a_word_that_counts_is_a_term_of_its_own():
    named = dict(zip(names(MORTGAGES), LEARNED.score(MORTGAGES)[1], strict=True))
    assert {"words", "numbers", "comparison", "finance"} <= set(named)
    words = [name for name in named if re.fullmatch("“.+”", name)]
    assert words
    assert "says “" in in_words([named["bias"], named["words"], named[words[0]]])


def test_a_long_text_names_its_weightiest_words_and_adds_up_the_rest():
    _, terms = LEARNED.score(" ".join(lines(COMPLEX)))
    words = [term for term in terms if term.name.startswith("“")]
    rest = next(term for term in terms if term.name == "other words")
    assert len(words) == MOST_WORDS
    assert rest.value > MOST_WORDS


@pytest.mark.parametrize("text", json.loads((FOLDER / "parity.json").read_text()))
def test_numpy_computes_what_the_training_computed(text):
    expected = json.loads((FOLDER / "parity.json").read_text())[text]
    assert LEARNED.score(text)[0] == pytest.approx(1 / (1 + math.exp(-expected)), abs=1e-9)


def test_a_short_follow_up_inherits_part_of_the_complexity_before_it():
    alone, after = LEARNED.score("why")[0], LEARNED.score("um and why is that", [MORTGAGES])[0]
    assert alone < 0.2
    assert 0.5 < after < LEARNED.score(MORTGAGES)[0]
    assert LEARNED.score("thanks bye", [MORTGAGES]) == LEARNED.score("thanks bye")


def test_what_is_beyond_the_longest_text_is_not_read():
    text = "word " * LONGEST
    assert LEARNED.score(text) == LEARNED.score(text[:LONGEST])


def test_a_cue_counts_for_less_in_a_long_prompt():
    filler = "and the man went on to the next house of the street " * 8
    short, long = measure("compare the plans"), measure("compare the plans " + filler)
    comparison = FEATURES.index("comparison")
    assert long.effects[comparison] < short.effects[comparison] / 4
    assert long.values[comparison] == short.values[comparison]


def test_another_language_is_measured_by_its_length():
    short, long = "wie spät ist es", "ich möchte die beiden verträge vergleichen " * 8
    assert LEARNED.score(short)[0] < 0.4
    assert LEARNED.score(long)[0] > 0.6
    assert not [name for name in names(long) if name.startswith("“")]
    assert LEARNED.score("你好")[0] < 0.3


def test_a_turn_takes_less_than_two_milliseconds():
    turns = [*lines(SIMPLE), *lines(COMPLEX), " ".join(lines(COMPLEX)[:5])]
    for turn in turns:
        took = least_s(lambda said=turn: (LEARNED.score(said, turns[:4]), LEARNED.task(said)), 8)
        assert took < 2e-3, turn


# ---------------------------------------------------------------- its file


def test_a_missing_file_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(PluginError, match=r"missing.*model\.npz.*train_complexity"):
        LearnedComplexity(tmp_path)


def damaged(tmp_path, **changes):
    with np.load(FOLDER / FILE, allow_pickle=False) as file:
        arrays = dict(file)
    about = json.loads(bytes(arrays["about"])) | changes.pop("about", {})
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(tmp_path / FILE, **arrays | changes)
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"about": {"version": 99}}, "version 99"),
        ({"about": {"features": ["words"]}}, "features"),
        ({"about": {"tasks": ["yes"]}}, "tasks"),
        ({"bias": np.float64(math.nan)}, "bias holds a number that is none"),
        ({"task_intercepts": np.zeros(3, np.float32)}, "do not agree"),
        ({"features": np.zeros(3)}, "do not agree"),
        ({"phrase_weights": np.zeros(3)}, "cannot be read"),
        ({"phrases": np.frombuffer(b"\xff\xfe", np.uint8)}, "cannot be read"),
        ({"bias": np.array(["x"], object)}, "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, changes, said):
    with pytest.raises(PluginError, match=said):
        LearnedComplexity(damaged(tmp_path, **changes))


WHOLE = (FOLDER / FILE).read_bytes()


@given(at=st.integers(0, len(WHOLE) - 1), byte=st.integers(0, 255), cut=st.booleans())
def test_a_damaged_file_is_refused_or_harmless(tmp_path_factory, at, byte, cut):
    folder = tmp_path_factory.mktemp("model")
    after = b"" if cut else bytes([byte]) + WHOLE[at + 1 :]
    (folder / FILE).write_bytes(WHOLE[:at] + after)
    with contextlib.suppress(PluginError):
        assert LearnedComplexity(folder).score(MORTGAGES) == LEARNED.score(MORTGAGES)


# ---------------------------------------------------------------- in a policy


def decide(text, **options):
    policy = thresholds.load(**options)
    models = (Candidate("quick", "fast"), Candidate("deep", "frontier"))
    return policy.decide(Turn(1, Transcript(text)), models)


def test_a_policy_takes_the_trained_score_when_it_is_told_to():
    plan = decide(MORTGAGES, complexity="learned")
    assert plan.route == "frontier"
    assert (plan.complexity, plan.complexity_terms) == LEARNED.score(MORTGAGES)
    assert decide(MORTGAGES).complexity == complexity(MORTGAGES)[0]


def test_without_its_file_the_policy_falls_back_to_rules_and_says_so(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(assets, "folder", lambda name: tmp_path / name)
    assert decide(MORTGAGES, complexity="learned").complexity == complexity(MORTGAGES)[0]
    assert "by rules instead" in caplog.text


def test_an_unknown_score_is_refused():
    with pytest.raises(ConfigError, match="'rules' or 'learned', not 'magic'"):
        plugins.load("routing", "thresholds", {"complexity": "magic"})
