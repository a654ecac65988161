"""The live profile: percentiles that fade, tries that were given up on, a restart in between."""

import itertools
import math
import random
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.errors import Outcome
from tonewise.learning.fading import Fading
from tonewise.learning.profile import Profile
from tonewise.learning.waits import RELATIVE_ERROR, Waits
from tonewise.records import Tried

HALF_LIFE = 600.0
NOW = 1_800_000_000.0
INSIDE_S = st.floats(0.001, 600)


def tried(at=NOW, model="deep", outcome="answered", **about):
    known = {"first_token_ms": 400.0, "total_ms": 2400.0, "output_tokens": 101, "cost_usd": 0.01}
    if outcome != "answered":
        known = {"total_ms": 1200.0}
    return Tried(at=at, decision="a.1", attempt=1, model=model, outcome=outcome, **known | about)


def profile(*tries, half_life=HALF_LIFE):
    made = Profile(half_life)
    for each in tries:
        made.note(each)
    return made


def exact_percentile(waits, share):
    """The shortest wait at which the weights reach a share of the whole."""
    total, so_far = sum(weight for _, weight in waits), 0.0
    for seconds, weight in sorted(waits):
        so_far += weight
        if so_far >= share * total * (1 - 1e-9):
            return seconds
    return max(waits)[0]


# ---------------------------------------------------------------- percentiles


@given(
    st.lists(st.tuples(INSIDE_S, st.floats(0.001, 10)), min_size=1, max_size=60),
    st.sampled_from([0.05, 0.5, 0.9, 0.95]),
)
def test_a_percentile_lies_within_five_per_cent_of_the_exact_one(waits, share):
    measured = Waits()
    for seconds, weight in waits:
        measured.add(seconds, weight, over=True)
    told = measured.percentile(share)
    near = [exact_percentile(waits, share * (1 + tiny)) for tiny in (-1e-6, 0, 1e-6)]
    assert any(abs(told - exact) <= RELATIVE_ERROR * exact * 1.000001 for exact in near)


@given(st.lists(INSIDE_S, min_size=3, max_size=30), st.integers(0, 20_000))
def test_percentiles_fade_as_the_tries_do(waits, gap_s):
    made, weighted = Profile(HALF_LIFE), []
    for number, seconds in enumerate(waits):
        at = NOW + number * gap_s
        for _ in range(40):
            made.note(tried(at, first_token_ms=seconds * 1000))
        weighted.append((seconds, 2 ** (-(len(waits) - 1 - number) * gap_s / HALF_LIFE)))
    told = made.told(NOW + (len(waits) - 1) * gap_s)["deep"]["p50"]
    near = [exact_percentile(weighted, 0.5 * (1 + tiny)) for tiny in (-1e-6, 0, 1e-6)]
    assert any(told == pytest.approx(exact, rel=RELATIVE_ERROR * 1.00001) for exact in near)


def test_waits_that_no_bucket_holds_are_counted_at_the_ends():
    measured = Waits()
    for seconds in (0.0, 1e-9, 1e9):
        measured.add(seconds, 1.0, over=True)
    assert measured.percentile(0.5) == pytest.approx(0.001, rel=0.06)
    assert measured.percentile(0.95) == pytest.approx(600, rel=0.06)


def kaplan_meier(seen, given_up, share):
    """The textbook's, on the waits themselves; None where it is not reached."""
    waiting = 1.0
    for at in sorted(set(seen)):
        at_risk = sum(w >= at for w in seen) + sum(w >= at for w in given_up)
        waiting *= 1 - seen.count(at) / at_risk
        if 1 - waiting >= share - 1e-9:
            return at
    return None


@given(
    st.lists(st.integers(0, 60), min_size=1, max_size=30),
    st.lists(st.integers(0, 60), max_size=30),
)
def test_waits_given_up_on_count_as_in_kaplan_and_meier(seen, given_up):
    seen = [0.01 * 1.2**n for n in seen]  # each in a bucket of its own
    given_up = [0.01 * 1.2**n for n in given_up]
    measured = Waits()
    for seconds in seen:
        measured.add(seconds, 1.0, over=True)
    for seconds in given_up:
        measured.add(seconds, 1.0, over=False)
    exact = kaplan_meier(seen, given_up, 0.5) or max(seen + given_up)
    assert measured.percentile(0.5) == pytest.approx(exact, rel=RELATIVE_ERROR * 1.00001)


def test_a_slow_model_does_not_look_quick_because_it_is_given_up_on():
    rng = random.Random(1)
    made = Profile(HALF_LIFE)
    for _ in range(2000):
        wait = rng.lognormvariate(math.log(1.0), 0.5)
        patience = rng.uniform(0.5, 2.0)  # then another model has spoken, or the caller
        if wait <= patience:
            made.note(tried(first_token_ms=1000 * wait))
        else:
            made.note(tried(outcome=rng.choice(["lost", "cancelled"]), total_ms=1000 * patience))
    assert made.told(NOW)["deep"]["p50"] == pytest.approx(1.0, rel=0.1)


def test_a_model_that_never_answers_in_time_is_told_with_the_time_it_was_given():
    made = profile(*[tried(outcome="no_first_token", total_ms=4000)] * 30)
    told = made.told(NOW)["deep"]
    assert told["p50"] == pytest.approx(4.0, rel=0.05)
    assert told["error_rate"] == 1


# ---------------------------------------------------------------- what a try tells

TELLS = [
    # outcome, waits, error rate among ten answered ones (None: not counted), tries
    ("answered", True, 0, 11),
    ("cut_short", False, 1, 11),
    ("rate_limited", False, 1, 11),
    ("refused", False, 1, 11),
    ("upstream_error", False, 1, 11),
    ("unreachable", False, 1, 11),
    ("garbled", False, 1, 11),
    ("timed_out", True, 1, 11),
    ("no_first_token", True, 1, 11),
    ("lost", True, None, 11),
    ("cancelled", True, None, 11),
    ("bad_request", False, None, 10),
    ("too_long", False, None, 10),
    ("content_filtered", False, None, 10),
    ("skipped", False, None, 10),
]


def test_the_table_names_every_outcome():
    assert set(get_args(Outcome)) == {row[0] for row in TELLS}


@pytest.mark.parametrize(("outcome", "waits", "failed", "tries"), TELLS)
def test_what_a_try_tells_depends_on_how_it_ended(outcome, waits, failed, tries):
    made = profile(*[tried()] * 10, tried(outcome=outcome))
    told = made.told(NOW)["deep"]
    counted = 10 if failed is None else 11
    assert told["error_rate"] == pytest.approx((failed or 0) / counted)
    assert told["tries"] == pytest.approx(tries)
    assert made._models["deep"][""].waits.weight == pytest.approx(10 + waits)


def test_a_cancelled_reply_that_had_begun_tells_how_long_it_took_to_begin():
    made = profile(*[tried(outcome="cancelled", first_token_ms=700.0)] * 6)
    told = made.told(NOW)["deep"]
    assert told["p50"] == pytest.approx(0.7, rel=0.05)
    assert "error_rate" not in told


def test_cost_and_throughput_are_means_over_what_was_answered():
    made = profile(
        *[tried(cost_usd=0.01, output_tokens=101, total_ms=2400)] * 5,  # 50 tokens a second
        *[tried(cost_usd=0.03, output_tokens=11, total_ms=1400)] * 5,  # 10
        *[tried(cost_usd=9.0, early=True)] * 5,  # thrown away: no turn's cost
    )
    told = made.told(NOW)["deep"]
    assert told["cost"] == pytest.approx(0.02)
    assert told["throughput"] == pytest.approx((100 * 5 + 10 * 5) / (2 * 5 + 1 * 5))


def test_nothing_that_is_absent_is_told():
    made = profile(*[tried(cost_usd=None, output_tokens=None)] * 30)
    assert set(made.told(NOW)["deep"]) == {"p50", "p95", "error_rate", "tries"}


@pytest.mark.parametrize(
    ("tries", "told"),
    [
        (2, set()),
        (3, {"cost", "throughput"}),
        (5, {"cost", "throughput", "p50"}),
        (10, {"cost", "throughput", "p50", "error_rate"}),
        (20, {"cost", "throughput", "p50", "error_rate", "p95"}),
    ],
)
def test_a_figure_is_told_only_with_evidence_enough(tries, told):
    made = profile(*[tried()] * tries)
    assert set(made.told(NOW).get("deep", {})) - {"tries"} == told


def test_what_was_measured_an_hour_ago_is_not_lately():
    made = profile(*[tried()] * 50)
    assert "p50" in made.told(NOW + 1800)["deep"]
    assert made.told(NOW + 3600) == {}


def test_a_model_is_known_by_task_as_well():
    made = profile(
        *[tried(task="maths", first_token_ms=2000.0)] * 20,
        *[tried(task="greeting", first_token_ms=200.0)] * 20,
    )
    assert made.told(NOW, "maths")["deep"]["p50"] == pytest.approx(2, rel=0.05)
    assert made.by_task(NOW)["greeting"]["deep"]["p50"] == pytest.approx(0.2, rel=0.05)
    assert made.told(NOW)["deep"]["tries"] == 40
    assert made.told(NOW, "law") == {}


# ---------------------------------------------------------------- time, order, merging

TRIES = st.lists(
    st.builds(
        tried,
        at=st.floats(NOW, NOW + 50 * HALF_LIFE),
        outcome=st.sampled_from(["answered", "lost", "timed_out", "rate_limited", "cut_short"]),
        model=st.sampled_from(["deep", "quick"]),
        task=st.sampled_from([None, "maths"]),
        total_ms=st.floats(1, 60_000),
    ),
    max_size=60,
)


def same(one, other):
    assert one.keys() == other.keys()
    for model in one:
        assert one[model] == pytest.approx(other[model], rel=1e-6, abs=1e-12)


@given(TRIES, st.randoms(use_true_random=False))
def test_the_order_of_records_does_not_matter(tries, rng):
    later = NOW + 50 * HALF_LIFE
    shuffled = rng.sample(tries, len(tries))
    same(profile(*tries).told(later), profile(*shuffled).told(later))


@given(TRIES, TRIES)
def test_two_profiles_merge_into_the_one_that_saw_it_all(some, others):
    later = NOW + 50 * HALF_LIFE
    merged = profile(*some)
    merged.merge(profile(*others))
    same(merged.told(later), profile(*some, *others).told(later))
    same(merged.told(later, "maths"), profile(*some, *others).told(later, "maths"))


def test_profiles_that_fade_differently_do_not_merge():
    with pytest.raises(ValueError, match="half-lives 600 and 60"):
        profile().merge(Profile(60.0))


@given(TRIES, TRIES)
def test_a_restart_changes_nothing(before, after):
    kept = Profile.from_snapshot(profile(*before).snapshot(), HALF_LIFE)
    for each in after:
        kept.note(each)
    later = NOW + 50 * HALF_LIFE
    same(kept.told(later), profile(*before, *after).told(later))


def test_the_fading_goes_on_while_the_server_is_down():
    kept = Profile.from_snapshot(profile(*[tried()] * 40).snapshot(), HALF_LIFE)
    assert kept.told(NOW + HALF_LIFE)["deep"]["tries"] == pytest.approx(20)


def test_a_clock_that_is_set_back_makes_nothing_grow():
    made = profile(*[tried()] * 20)
    before = made.told(NOW)
    assert made.told(NOW - 86_400) == before
    made.note(tried(NOW - 2 * HALF_LIFE))
    assert made.told(NOW)["deep"]["tries"] == pytest.approx(20.25)
    made.note(tried(NOW - 10_000 * HALF_LIFE))
    assert made.told(NOW)["deep"]["tries"] == pytest.approx(20.25)


@pytest.mark.parametrize("years", [1, 100])
def test_after_a_long_silence_it_begins_anew(years):
    made = profile(*[tried(first_token_ms=9000.0)] * 100)
    later = NOW + years * 365 * 86_400
    for _ in range(20):
        made.note(tried(later, first_token_ms=300.0))
    assert made.told(later)["deep"]["p95"] == pytest.approx(0.3, rel=0.05)
    assert made.told(later)["deep"]["tries"] == pytest.approx(20)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50), st.floats(0.1, 1e5))
def test_sums_by_a_moving_landmark_are_sums_by_the_plain_formula(times, half_life):
    fading, total = Fading(half_life), 0.0
    for at in times:
        total = total * fading.moved_to(at) + fading.weight(at)
    now = max(times)
    plain = sum(2 ** (-(now - at) / half_life) for at in times)
    assert total * fading.left(now) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("half_life", [0.0, -1.0, math.nan, math.inf])
def test_a_half_life_that_is_none_is_refused(half_life):
    with pytest.raises(ValueError, match="half-life must be a number above 0"):
        Fading(half_life)


# ---------------------------------------------------------------- keeping it


def test_a_model_takes_a_few_kilobytes_at_most():
    rng = random.Random(2)
    made = Profile(HALF_LIFE)
    for number in range(20_000):
        wait = 1000 * rng.lognormvariate(0, 1)
        made.note(tried(NOW + number, first_token_ms=wait, total_ms=wait + 9, task="maths"))
    assert len(made.snapshot()) < 4096


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"no snapshot",
        msgspec.msgpack.encode({"models": {}}),
        msgspec.msgpack.encode([2, 600.0, NOW, {}]),
        msgspec.msgpack.encode([1, 600.0, NOW, {"deep": {"": [{1: -5.0}, {}]}}]),
        msgspec.msgpack.encode([1, 600.0, NOW, {"deep": {"": [{10_000: 5.0}, {}]}}]),
        msgspec.msgpack.encode([1, 600.0, NOW, {"deep": {"": [{}, {}, math.nan]}}]),
        msgspec.msgpack.encode([1, 600.0, math.inf, {}]),
    ],
)
def test_what_is_no_snapshot_is_refused_in_one_sentence(data):
    with pytest.raises(ValueError, match=r"this (is no )?snapshot of a profile"):
        Profile.from_snapshot(data, HALF_LIFE)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_a_damaged_snapshot_is_refused_or_read_and_never_breaks_anything(noise, at):
    whole = profile(*[tried(task="maths")] * 30).snapshot()
    damaged = whole[: at % len(whole)] + noise + whole[at % len(whole) + len(noise) :]
    try:
        kept = Profile.from_snapshot(damaged, HALF_LIFE)
    except ValueError:
        return
    kept.note(tried())
    kept.told(NOW)


def test_a_model_can_be_forgotten():
    made = profile(*[tried()] * 10, *[tried(model="quick")] * 10)
    made.forget("deep")
    assert set(made.told(NOW)) == {"quick"}
    made.forget()
    assert made.told(NOW) == {}


def test_names_without_end_do_not_fill_the_memory():
    made = Profile(HALF_LIFE)
    for model, task in itertools.product(range(300), range(50)):
        made.note(tried(model=f"m{model}", task=f"t{task}"))
    assert len(made._models) <= 256
    assert max(map(len, made._models.values())) <= 33


@pytest.mark.parametrize("odd", [math.nan, math.inf, -5.0])
def test_odd_numbers_are_left_out(odd):
    made = profile(*[tried()] * 20)
    made.note(tried(first_token_ms=odd, total_ms=odd, cost_usd=odd))
    made.note(tried(math.nan))
    told = made.told(NOW)["deep"]
    assert all(map(math.isfinite, told.values()))
    assert told["p95"] == pytest.approx(0.4, rel=0.05)
