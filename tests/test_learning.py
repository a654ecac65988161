"""What is learnt from what callers do next: who is better, who got worse, who is not to blame."""

import itertools
import math
import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.facts import Term
from tonewise.learning.beliefs import OF_MODELS, OF_TASKS, Beliefs
from tonewise.learning.fading import Fading
from tonewise.learning.learner import Learner
from tonewise.learning.reward import RATIOS, Measured, quality, ratio_of, reward
from tonewise.learning.usual import STATES, Usual
from tonewise.operating import Learning
from tonewise.plan import ModelFacts, Plan, Score
from tonewise.records import Decided, Followed, Judged, Replied, Tried

NOW = 1_800_000_000.0
DAY_S = 86_400.0
ON = Learning(enabled=True)
FACTS = {
    "quick": ModelFacts(price_in=0.2, price_out=0.8, quality=0.7),
    "deep": ModelFacts(price_in=2.0, price_out=8.0, quality=0.9),
}


def plan(model="deep", expected=0.8, task=None, latency=None):
    terms = [Term("quality", expected, expected), Term("cost", 0.5, -0.1)]
    terms += [] if latency is None else [Term("latency", latency, -0.05 * latency)]
    scores = [Score(name, "r", 0.5, tuple(terms)) for name in ("quick", "deep", "new")]
    return Plan("r", (model,), (), 0.5, scores=tuple(scores), task=task)


def answered(learner, decision, model, at=NOW, expected=0.8, task=None, **followed):
    """A turn from its decision to what the caller did next."""
    made = plan(model, expected, task)
    learner.note(Decided(at=at, decision=decision, source="call", plan=made))
    learner.note(Replied(at=at, decision=decision, outcome="answered", model=model))
    if followed:
        learner.note(Followed(at=at, decision=decision, **followed))


class Callers:
    """Callers whose answers are good with a probability that a test sets; they show it somewhat."""

    def __init__(self, seed=1):
        self.rng = random.Random(seed)
        self.number = 0

    def turn(self, learner, model, good, at=NOW, expected=0.8, task=None, before=0.05, stays=0.6):
        """One turn; `stays`: what is left of frustration, whoever answers."""
        rng = self.rng
        well = rng.random() < good
        level = before * stays + (0.02 if well else 0.2) + rng.gauss(0, 0.08)
        self.number += 1
        answered(
            learner,
            f"{self.number}",
            model,
            at,
            expected,
            task,
            before=before,
            frustration=min(max(level, 0.0), 1.0),
            repeated=rng.random() < (0.03 if well else 0.25) + 0.2 * before,
            interrupted=rng.random() < (0.1 if well else 0.2) + 0.2 * before,
            thanked=rng.random() < (0.12 if well else 0.0) * (1 - before),
        )


# ---------------------------------------------------------------- who is better, who got worse


def test_the_model_that_answers_better_is_believed_to_be_better():
    learner, callers = Learner(ON, FACTS), Callers()
    for _ in range(400):
        callers.turn(learner, "quick", good=0.6)
        callers.turn(learner, "deep", good=0.95)
    lifts = learner.lifts(NOW)
    assert lifts["deep"] - lifts["quick"] == pytest.approx(0.35, abs=0.15)


def test_models_that_do_as_expected_have_no_lift():
    learner, callers = Learner(ON, FACTS), Callers()
    for _ in range(500):
        callers.turn(learner, "quick", good=0.7, expected=0.7)
        callers.turn(learner, "deep", good=0.9, expected=0.9)
    assert learner.lifts(NOW) == pytest.approx({"quick": 0, "deep": 0}, abs=0.07)


@pytest.mark.parametrize("seed", range(3))
def test_a_model_that_got_worse_loses_its_belief_within_a_third_of_a_half_life(seed):
    learner, callers = Learner(ON, FACTS), Callers(seed)
    at = NOW
    for turn in range(14 * 100):  # two half-lives, 50 turns a day each
        at = NOW + turn * DAY_S / 100
        callers.turn(learner, ("quick", "deep")[turn % 2], good=0.9, at=at, expected=0.85)
    before = learner.lifts(at)
    for turn in range(int(7 / 3 * 100)):
        at += DAY_S / 100
        model = ("quick", "deep")[turn % 2]
        callers.turn(learner, model, good=0.5 if model == "deep" else 0.9, at=at, expected=0.85)
    after = learner.lifts(at)
    assert before["deep"] - before["quick"] > -0.1
    assert after["deep"] - after["quick"] < -0.15


@pytest.mark.parametrize("seed", range(4))
def test_a_model_that_stays_as_it_is_is_not_taken_to_have_changed(seed):
    learner, callers = Learner(ON, FACTS), Callers(seed)
    for turn in range(2000):
        at = NOW + turn * DAY_S / 100
        callers.turn(learner, ("quick", "deep")[turn % 2], good=0.85, at=at, expected=0.85)
    changes = {name: cells[""].changes for name, cells in learner._beliefs.models.items()}
    assert changes == {"quick": 0, "deep": 0}


def test_what_is_not_asked_any_more_becomes_unsure_again():
    learner, callers = Learner(ON, FACTS), Callers()
    for _ in range(300):
        callers.turn(learner, "quick", good=0.9)
        callers.turn(learner, "deep", good=0.3)
    learnt = learner._beliefs.of(NOW, "deep")
    later = learner._beliefs.of(NOW + 70 * DAY_S, "deep")
    assert learnt.mean < later.mean < 0
    assert learnt.spread < later.spread
    assert learner._beliefs.of(NOW + 700 * DAY_S, "deep").mean == pytest.approx(0, abs=0.001)


# ---------------------------------------------------------------- nobody is blamed for the caller


def test_regression_to_the_mean_does_not_blame_the_frontier():
    """Both answer equally well; the strong one gets whoever is frustrated, and who stays so."""
    learner, callers = Learner(ON, FACTS), Callers(3)
    for _ in range(1500):
        before = min(callers.rng.betavariate(1, 4), 1.0)
        model = "deep" if before > 0.4 or callers.rng.random() < 0.1 else "quick"
        callers.turn(learner, model, good=0.85, expected=0.85, before=before)
    assert learner.lifts(NOW) == pytest.approx({"quick": 0, "deep": 0}, abs=0.07)


def test_nor_does_it_praise_the_frontier_for_callers_who_calm_down_by_themselves():
    learner, callers = Learner(ON, FACTS), Callers(4)
    for _ in range(1500):
        before = callers.rng.choice([0.05, 0.05, 0.8])
        model = "deep" if before > 0.4 else "quick"
        callers.turn(learner, model, good=0.85, expected=0.85, before=before, stays=0.1)
    assert learner.lifts(NOW) == pytest.approx({"quick": 0, "deep": 0}, abs=0.07)


def test_hard_turns_do_not_blame_who_gets_them():
    learner, callers = Learner(ON, FACTS), Callers(5)
    for _ in range(1500):
        callers.turn(learner, "deep", good=0.7, expected=0.7)
        callers.turn(learner, "quick", good=0.95, expected=0.95)
    assert learner.lifts(NOW) == pytest.approx({"quick": 0, "deep": 0}, abs=0.08)


# ---------------------------------------------------------------- absent is absent


def test_a_turn_of_which_nobody_showed_anything_teaches_nothing():
    learner = Learner(ON, FACTS)
    for number in range(100):
        answered(learner, str(number), "deep")
    assert learner.lifts(NOW).get("deep", 0.0) == 0
    assert all(row.evidence == 0 for row in learner.told(NOW))


def test_nobody_answered_so_nobody_is_judged():
    learner = Learner(ON, FACTS)
    learner.note(Decided(at=NOW, decision="1", source="call", plan=plan()))
    learner.note(Replied(at=NOW, decision="1", outcome="failed"))
    learner.note(Followed(at=NOW, decision="1", repeated=True, before=0.1, frustration=0.9))
    assert learner.lifts(NOW) == {}


def test_frustration_that_was_not_measured_is_neither_good_nor_bad():
    usual = Usual(Fading(DAY_S))
    for _ in range(200):
        usual.measured(Followed(at=NOW, decision="1", before=0.1, frustration=0.1), 0.8)
        usual.measured(Followed(at=NOW, decision="1", before=0.1, frustration=0.3), 0.8)
    told = [
        usual.measured(Followed(at=NOW, decision="1", before=0.1, frustration=after), 0.8)
        for after in (0.02, None, 0.6)
    ]
    assert told[0].better > told[1].better > told[2].better
    assert told[1].information < told[0].information


def test_who_hung_up_had_no_next_turn_to_thank_in():
    usual = Usual(Fading(DAY_S))
    usual.measured(Followed(at=NOW, decision="1", before=0.1, hung_up=True), 0.8)
    assert set(usual.states[1].signs) == {"interrupted", "hung_up"}


def test_records_of_decisions_that_are_not_known_are_left_alone():
    learner = Learner(ON, FACTS)
    learner.note(Followed(at=NOW, decision="nobody's", repeated=True))
    learner.note(Judged(at=NOW, decision="nobody's", score=0.0))
    assert learner.told(NOW) == []


# ---------------------------------------------------------------- signs, each in its direction

BAD = {"repeated": True, "interrupted": True, "hung_up": True}


@pytest.mark.parametrize("sign", RATIOS)
def test_each_sign_speaks_for_or_against_the_answer(sign):
    usual = Usual(Fading(DAY_S))
    plain = usual.measured(Followed(at=NOW, decision="1", before=0.1), 0.8)
    shown = usual.measured(Followed(at=NOW, decision="1", before=0.1, **{sign: True}), 0.8)
    assert (shown.odds > plain.odds) == (sign == "thanked")


@given(st.sampled_from(list(RATIOS)), st.floats(0.001, 0.6), st.floats(0.2, 0.95))
def test_a_sign_teaches_nothing_on_average_where_nothing_is_new(sign, rate, good):
    told = ratio_of(sign, rate, good)
    after_good = min(rate / (good + RATIOS[sign] * (1 - good)), 0.95)
    after_bad = min(after_good * RATIOS[sign], 0.95)
    means = [p * told.seen + (1 - p) * told.unseen for p in (after_good, after_bad)]
    assert means[0] - means[1] == pytest.approx(told.apart)
    assert good * means[0] + (1 - good) * means[1] == pytest.approx(told.mean)
    assert told.apart > 0


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_better_score_never_makes_a_worse_reward(low, high):
    low, high = sorted((low, high))
    rewards = []
    for score in (low, high):
        learner = Learner(ON, FACTS)
        answered(learner, "1", "deep")
        learner.note(Judged(at=NOW, decision="1", score=score))
        rewards.append(learner.told(NOW)[0])
    assert rewards[0].reward <= rewards[1].reward
    assert rewards[0].lift <= rewards[1].lift


def test_a_thumb_down_weighs_against_a_kind_voice():
    learner = Learner(ON, FACTS)
    answered(learner, "1", "deep", before=0.3, frustration=0.05, thanked=True)
    kind = learner.told(NOW)[0]
    learner.note(Judged(at=NOW + 3600, decision="1", score=0.0))
    assert learner.told(NOW + 3600)[0].lift < kind.lift


def test_a_second_thought_takes_the_place_of_the_first():
    once, twice = Learner(ON, FACTS), Learner(ON, FACTS)
    for learner, scores in ((once, [1.0]), (twice, [0.0, 1.0])):
        answered(learner, "1", "deep")
        for score in scores:
            learner.note(Judged(at=NOW, decision="1", score=score, by="app"))
    assert [row.evidence for row in twice.told(NOW)] == [1]
    assert twice.told(NOW)[0].lift == pytest.approx(once.told(NOW)[0].lift, abs=0.02)


@given(st.floats(0.2, 0.95), st.floats(-20, 20), st.floats(0, 3), st.floats(0, 100))
def test_quality_and_reward_stay_in_bounds(expected, odds, cost, wait):
    good = quality(expected, odds)
    assert 0 < good < 1
    assert good - 1 - 0.5 <= reward(good, cost, wait) <= good
    assert reward(good, None, None) == good


# ---------------------------------------------------------------- cost and latency


def tried(decision="1", model="deep", at=NOW, outcome="answered", **about):
    known = {"first_token_ms": 500.0, "total_ms": 1500.0, "input_tokens": 200, "output_tokens": 80}
    known = known if outcome == "answered" else {"total_ms": 4000.0}
    known |= about
    return Tried(at=at, decision=decision, attempt=1, model=model, outcome=outcome, **known)


def taught(*tries, latency=0.5, times=50):
    learner = Learner(ON, FACTS)
    for number in range(times):
        made = plan(latency=latency)
        learner.note(Decided(at=NOW, decision=str(number), source="call", plan=made))
        for each in tries:
            learner.note(msgspec.structs.replace(each, decision=str(number)))
    return learner.lifts(NOW)


def test_what_the_policy_counted_with_is_no_surprise():
    assert taught(tried()) == {"deep": 0}


def test_a_wait_beyond_what_was_expected_costs_five_hundredths_a_second():
    assert taught(tried(first_token_ms=2500.0))["deep"] == pytest.approx(-0.1 * 50 / 58, rel=0.01)


def test_a_model_that_thinks_aloud_is_dearer_than_its_price():
    talkative = taught(tried(model="quick", output_tokens=800), tried())
    assert talkative["quick"] < -0.05
    assert talkative["deep"] == pytest.approx(0, abs=1e-6)


def test_the_dearest_model_is_the_measure_and_no_surprise_in_the_long_run():
    assert taught(tried(output_tokens=400), times=400)["deep"] == pytest.approx(0, abs=0.05)


def test_a_failed_try_costs_the_seconds_that_it_took_and_no_more():
    assert taught(tried(outcome="no_first_token"))["deep"] == pytest.approx(
        -0.2 * 50 / 58, abs=1e-5
    )
    assert taught(tried(outcome="refused", total_ms=5.0))["deep"] == pytest.approx(0, abs=0.001)


@pytest.mark.parametrize("outcome", ["lost", "cancelled", "skipped", "bad_request", "too_long"])
def test_a_try_that_says_nothing_of_the_model_costs_it_nothing(outcome):
    assert taught(tried(outcome=outcome)).get("deep", 0) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_who_finished_the_reply_is_who_is_judged(order):
    learner = Learner(ON, FACTS)
    learner.note(Decided(at=NOW, decision="1", source="call", plan=plan("quick")))
    records = [
        tried(model="quick", outcome="cut_short", first_token_ms=300.0),
        tried(model="deep"),
        Replied(at=NOW, decision="1", outcome="answered", model="deep"),
        Judged(at=NOW, decision="1", score=0.0),
    ]
    for at in order:
        learner.note(records[at])
    evidence = {row.model: row.evidence for row in learner.told(NOW)}
    assert evidence == {"quick": 0, "deep": 1}


# ---------------------------------------------------------------- pooling


def measured(better):
    return Measured(0.0, better, 2.0)


def test_a_task_with_little_evidence_leans_on_the_others():
    beliefs = Beliefs(Fading(DAY_S))
    beliefs.make_room(NOW)
    for _ in range(200):
        beliefs.learn("deep", "maths", NOW, measured(-0.3))
        beliefs.learn("deep", "law", NOW, measured(-0.3))
    beliefs.learn("deep", "greeting", NOW, measured(0.4))
    maths, greeting, unknown = (beliefs.of(NOW, "deep", t) for t in ("maths", "greeting", "code"))
    assert maths.mean == pytest.approx(-0.3, abs=0.03)
    assert greeting.mean < -0.15
    assert unknown.mean == pytest.approx(beliefs.of(NOW, "deep").mean)
    assert unknown.spread > maths.spread


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.floats(-2, 2), st.floats(0.1, 5)),
        min_size=1,
        max_size=8,
    )
)
def test_the_posterior_is_the_exact_one_of_the_two_levels(turns):
    """Against the joint normal of (d(m), d(m, a), d(m, b)), solved as a system of equations."""
    import numpy as np

    beliefs = Beliefs(Fading(DAY_S))
    beliefs.make_room(NOW)
    precision = np.zeros((3, 3))
    precision[0, 0] = OF_MODELS**-2
    for at in (1, 2):
        link = np.zeros(3)
        link[0], link[at] = 1, -1
        precision += np.outer(link, link) / OF_TASKS**2
    pull = np.zeros(3)
    for task, better, information in turns:
        beliefs.learn("m", task, NOW, Measured(0.0, better, information))
        at = 1 + "ab".index(task)
        precision[at, at] += information
        pull[at] += information * better
    mean, variance = np.linalg.solve(precision, pull), np.diag(np.linalg.inv(precision))
    for at, task in enumerate((None, "a", "b")):
        told = beliefs.of(NOW, "m", task)
        assert told.mean == pytest.approx(max(-0.5, min(0.5, mean[at])), abs=1e-9)
        assert told.spread == pytest.approx(math.sqrt(variance[at]), rel=1e-9)


@given(st.lists(st.floats(-1, 1), max_size=20), st.floats(-1, 1))
def test_what_is_taken_back_was_never_there(others, better):
    one, other = Beliefs(Fading(DAY_S)), Beliefs(Fading(DAY_S))
    for beliefs in (one, other):
        beliefs.make_room(NOW)
        for each in others:
            beliefs.learn("m", "a", NOW, measured(each))
    share = one.learn("m", "a", NOW, measured(better))
    one.unlearn("m", "a", NOW, share)
    assert one.of(NOW, "m", "a").mean == pytest.approx(other.of(NOW, "m", "a").mean, abs=1e-9)


def test_lifts_by_task_are_those_of_every_task():
    learner, callers = Learner(ON, FACTS), Callers()
    for _ in range(50):
        callers.turn(learner, "deep", good=0.9, task="maths")
        callers.turn(learner, "quick", good=0.5, task="law")
        told = learner.lifts_by_task(NOW)
        assert told["deep"]["maths"] == learner.lifts(NOW, "maths")["deep"]
        assert told["deep"]["default"] == learner.lifts(NOW)["deep"]
    assert told["quick"]["law"] == learner.lifts(NOW, "law")["quick"]


# ---------------------------------------------------------------- off, frozen, forgotten, kept


def some_learner(turns=200):
    learner, callers = Learner(ON, FACTS), Callers()
    for number in range(turns):
        callers.turn(learner, "deep", good=0.9, at=NOW + number, task="maths")
        callers.turn(learner, "quick", good=0.5, at=NOW + number)
        learner.note(tried(str(callers.number), "quick", at=NOW + number))
    return learner


def test_with_learning_off_nothing_is_learnt_and_nothing_told():
    learner = Learner(Learning(enabled=False), FACTS)
    answered(learner, "1", "deep", before=0.1, repeated=True)
    assert learner.lifts(NOW) == {}
    assert learner.lifts_by_task(NOW) == {}
    assert learner.told(NOW) == []


def test_frozen_it_uses_what_it_knows_and_learns_no_more():
    data = some_learner().snapshot()
    frozen = Learner.from_snapshot(data, Learning(enabled=True, frozen=True), FACTS)
    before = frozen.lifts(NOW)
    answered(frozen, "later", "deep", before=0.1, repeated=True)
    assert before["deep"] > before["quick"]
    assert frozen.lifts(NOW) == before


def test_one_model_is_forgotten_and_the_others_are_not():
    learner = some_learner()
    quick = learner.lifts(NOW)["quick"]
    learner.reset("deep")
    assert learner.lifts(NOW) == {"quick": quick}
    learner.note(Judged(at=NOW, decision="1", score=0.0))
    assert "deep" not in learner.lifts(NOW)
    learner.reset()
    assert learner.told(NOW) == []


def test_a_snapshot_brings_it_all_back():
    learner = some_learner()
    kept = Learner.from_snapshot(learner.snapshot(), ON, FACTS)
    assert kept.told(NOW + DAY_S) == learner.told(NOW + DAY_S)
    assert kept.lifts_by_task(NOW) == learner.lifts_by_task(NOW)
    last = "400"
    for each in (kept, learner):
        each.note(Judged(at=NOW + 60, decision=last, score=0.0))
    assert kept.told(NOW + 60) == learner.told(NOW + 60)


def test_a_snapshot_of_a_month_is_small():
    assert len(some_learner(3000).snapshot()) < 100_000


def test_a_model_that_is_gone_from_the_settings_harms_nobody():
    data = some_learner().snapshot()
    kept = Learner.from_snapshot(data, ON, {"deep": FACTS["deep"]})
    answered(kept, "new", "deep", before=0.1, frustration=0.1)
    kept.reset("quick")
    assert set(kept.lifts(NOW)) == {"deep"}


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xff", b"{}", msgspec.msgpack.encode([1]), msgspec.msgpack.encode([])],
)
def test_what_is_no_snapshot_is_refused_in_one_sentence(data):
    with pytest.raises(ValueError, match="this is no snapshot of a learner"):
        Learner.from_snapshot(data, ON)


def test_a_snapshot_of_another_version_is_refused():
    parts = msgspec.msgpack.decode(some_learner(2).snapshot())
    with pytest.raises(ValueError, match="of version 9, not 1"):
        Learner.from_snapshot(msgspec.msgpack.encode([9, *parts[1:]]), ON)


@settings(max_examples=300)
@given(st.binary(min_size=1, max_size=30), st.integers(0, 10_000))
def test_a_damaged_snapshot_is_refused_or_read_and_never_breaks_anything(noise, at):
    whole = SNAPSHOT
    at %= len(whole)
    try:
        kept = Learner.from_snapshot(whole[:at] + noise + whole[at + len(noise) :], ON, FACTS)
    except ValueError:
        return
    answered(kept, "x", "deep", before=0.1, repeated=True)
    assert all(math.isfinite(row.lift) for row in kept.told(NOW))
    kept.snapshot()


SNAPSHOT = some_learner(3).snapshot()


def test_the_memory_does_not_grow_without_end():
    learner = Learner(ON, FACTS)
    for number in range(6000):
        model = f"m{number}"
        made = plan(model, task=f"t{number}")
        learner.note(Decided(at=NOW, decision=str(number), source="call", plan=made))
        learner.note(Replied(at=NOW, decision=str(number), outcome="answered", model=model))
        learner.note(Judged(at=NOW, decision=str(number), score=1.0))
    assert len(learner._open) <= 5000
    assert len(learner._beliefs.models) <= 256
    assert len({task for cells in learner._beliefs.models.values() for task in cells}) <= 34


def test_a_second_decided_of_the_same_decision_changes_nothing():
    learner = Learner(ON, FACTS)
    answered(learner, "1", "deep", before=0.1, repeated=True)
    told = learner.told(NOW)
    answered(learner, "1", "deep", before=0.1, repeated=True)
    assert learner.told(NOW) == told


def test_every_state_before_has_its_own_sums():
    usual = Usual(Fading(DAY_S))
    for before in (0.0, 0.1, 0.2, 0.4, 0.6, 1.0, None, math.nan):
        usual.measured(Followed(at=NOW, decision="1", before=before), 0.8)
    weights = [state.expected.weight for state in usual.states]
    assert weights == [1, 1, 1, 1, 2, 2]
    assert len(weights) == len(STATES) + 2


def test_a_model_that_left_is_forgotten_in_time():
    learner = some_learner(5)
    for number in range(5):
        later = NOW + 100 * DAY_S + number
        answered(learner, f"later {number}", "deep", later, before=0.1, frustration=0.1)
    kept = Learner.from_snapshot(learner.snapshot(), ON, FACTS)
    assert {row.model for row in kept.told(NOW + 100 * DAY_S)} == {"deep"}
