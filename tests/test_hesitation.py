"""The hesitation score, and what is usual for a caller."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.acoustic.baseline import Baseline
from tonewise.acoustic.hesitation import BIAS, MEASURES, hesitation, per_minute
from tonewise.acoustic.pauses import phrasing

USUAL = {name: measure.mean for name, measure in MEASURES.items()}
anything = st.fixed_dictionaries(
    {},
    optional={
        "filled_pauses_per_min": st.floats(0, 100),
        "pause_ratio": st.floats(0, 1),
        "longest_pause_s": st.floats(0, 60),
        "articulation_rate": st.floats(0, 20),
        "response_latency_s": st.floats(0, 600),
    },
)


def score(**measured: float) -> float:
    return hesitation(measured, USUAL.__getitem__)[0]


def test_an_ordinary_turn_scores_one_in_ten():
    assert score(**USUAL) == pytest.approx(0.1, abs=0.001)


@given(anything)
def test_the_terms_add_up_to_the_log_odds_of_the_score(measured):
    value, terms = hesitation(measured, USUAL.__getitem__)
    log_odds = sum(term.contribution for term in terms)
    assert value == pytest.approx(1 / (1 + math.exp(-log_odds)), abs=0.0006)
    assert [term.name for term in terms] == ["bias", *(n for n in MEASURES if n in measured)]
    assert 0 <= value <= 1


@given(anything)
def test_no_measure_weighs_more_than_three_standard_deviations(measured):
    _, terms = hesitation(measured, USUAL.__getitem__)
    assert terms[0].contribution == BIAS
    for term in terms[1:]:
        assert abs(term.contribution) <= 3 * abs(MEASURES[term.name].weight) + 1e-9


@pytest.mark.parametrize(
    ("name", "by", "log_odds"),
    [
        ("filled_pauses_per_min", 7.0, 0.9),
        ("pause_ratio", 0.11, 0.7),
        ("longest_pause_s", 0.25, 0.5),
        ("articulation_rate", 1.0, -0.4),
        ("response_latency_s", 1.2, 0.6),
    ],
)
def test_a_measure_adds_its_weight_per_standard_deviation(name, by, log_odds):
    _, terms = hesitation({name: USUAL[name] + by}, USUAL.__getitem__)
    assert terms[1].contribution == pytest.approx(log_odds, abs=0.001)
    assert terms[1].value == pytest.approx(USUAL[name] + by, abs=0.001)


def test_what_cannot_be_measured_adds_no_term_rather_than_zero():
    names = {term.name for term in hesitation(USUAL, USUAL.__getitem__)[1]}
    assert names == {"bias", *MEASURES}
    assert not {"lengthenings", "restarts"} & names
    without = {name: value for name, value in USUAL.items() if name != "filled_pauses_per_min"}
    assert {term.name for term in hesitation(without, USUAL.__getitem__)[1]} == {"bias", *without}


@given(anything, st.integers(0, 9), st.floats(0.5, 60))
def test_the_score_never_falls_when_an_um_is_added(measured, count, speech_s):
    def heard(filled):
        return score(**(measured | {"filled_pauses_per_min": per_minute(filled, speech_s)}))

    assert heard(count + 1) >= heard(count)


def test_a_single_um_is_noticed_and_decides_nothing_alone():
    assert 0.2 < score(**(USUAL | {"filled_pauses_per_min": per_minute(1, 4.0)})) < 0.4
    assert score(**(USUAL | {"filled_pauses_per_min": per_minute(3, 6.0)})) > 0.5


def spoken_score(flags: list[bool], syllables: int) -> float:
    """The score of a turn, frame by frame of 10 ms, with as many syllables."""
    found = phrasing(np.array(flags), 0.01)
    assert found is not None
    return score(
        pause_ratio=found.pauses.ratio,
        longest_pause_s=found.pauses.longest_s,
        articulation_rate=syllables / found.speech_s,
    )


runs = st.lists(st.integers(1, 80), min_size=1, max_size=9)


@given(runs, st.integers(1, 40), st.data())
def test_hesitation_never_falls_when_a_pause_is_added_or_lengthened(lengths, syllables, data):
    """Runs of speech and silence by turns; more silence goes in anywhere between first and last."""
    flags = [i % 2 == 0 for i, length in enumerate(lengths) for _ in range(length)]
    last = max(i for i, spoken in enumerate(flags) if spoken)
    if not last:
        return
    at = data.draw(st.integers(1, last))
    longer = [*flags[:at], *[False] * data.draw(st.integers(1, 300)), *flags[at:]]
    assert spoken_score(longer, syllables) >= spoken_score(flags, syllables)


# ---------------------------------------------------------------- the caller's own baseline


def test_the_first_turn_is_measured_against_everybody():
    assert Baseline({"rate": 4.0}).usual("rate") == 4.0


def test_each_turn_pulls_the_baseline_by_its_weight():
    caller = Baseline({"rate": 4.0})
    caller.learn({"rate": 5.0}, speech_s=6.0)  # counts whole
    assert caller.usual("rate") == pytest.approx((2 * 4 + 5) / 3)
    caller.learn({"rate": 1.0}, speech_s=1.5)  # counts half
    assert caller.usual("rate") == pytest.approx((2 * 4 + 5 + 0.5) / 3.5)


def test_what_was_not_measured_in_a_turn_does_not_count():
    caller = Baseline({"rate": 4.0, "latency": 1.0})
    caller.learn({"rate": 5.0}, speech_s=3.0)
    assert caller.usual("latency") == 1.0


def test_after_four_turns_and_six_seconds_the_baseline_stands():
    caller = Baseline({"rate": 4.0})
    for _ in range(6):
        caller.learn({"rate": 6.0}, speech_s=0.6)
    assert not caller.ready
    for _ in range(4):
        caller.learn({"rate": 6.0}, speech_s=2.0)
    assert caller.ready
    before = caller.usual("rate")
    caller.learn({"rate": 1.0}, speech_s=10.0)
    assert caller.usual("rate") == before


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 60)), max_size=8))
def test_the_baseline_lies_between_everybody_and_the_caller(turns):
    caller = Baseline({"rate": 4.0})
    for rate, speech_s in turns:
        caller.learn({"rate": rate}, speech_s)
    heard = [4.0, *(rate for rate, _ in turns)]
    assert min(heard) - 1e-9 <= caller.usual("rate") <= max(heard) + 1e-9
