"""What variants did to callers, and how sure that is."""

import json
import math
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise import config as configs
from tonewise.cli.experiments import command
from tonewise.config import Config
from tonewise.errors import ConfigError
from tonewise.learning import intervals
from tonewise.learning.experiments import Experiment, Found, compare
from tonewise.learning.intervals import Estimate, gap, mean, mismatch, quantile, share, student
from tonewise.learning.measures import MEASURES
from tonewise.operating import Store
from tonewise.plan import Plan, Reason
from tonewise.records import Decided, Followed, Tried
from tonewise.routes import RouteSettings, Variant, variant_of
from tonewise.store.keeper import open_store

ROUTE = RouteSettings(
    "frontier", variants=(Variant(("deep",), 50, "usual"), Variant(("deeper",), 50, "bold"))
)


@dataclass(frozen=True)
class Turn:
    """A turn that a variant answered."""

    variant: str = "usual"
    who: str = "ada"
    route: str = "frontier"
    explored: bool = False
    cost_usd: float | None = 0.001
    first_token_ms: float | None = 400.0
    before: float | None = 0.3
    frustration: float | None = 0.2
    followed: bool = True
    interrupted: bool = False
    repeated: bool = False
    thanked: bool = False
    hung_up: bool = False
    score: float | None = None


def clustered(
    callers: int, seed: int, mean_of: float = 1.0
) -> tuple[intervals.Values, intervals.Callers]:
    """Turns of callers who differ, one from the other, more than their turns do."""
    chance = np.random.default_rng(seed)
    values: list[float] = []
    owners: list[int] = []
    for caller in range(callers):
        turns = chance.geometric(0.25)
        own = mean_of * chance.lognormal(-0.18, 0.6)
        values += list(own * chance.lognormal(-0.045, 0.3, turns))
        owners += [caller] * turns
    return np.array(values), np.array(owners)


def sampled(callers: int, seed: int, variant: str, cost: float = 0.001) -> list[Turn]:
    values, owners = clustered(callers, seed, cost)
    return [
        Turn(variant, f"{variant}{who}", cost_usd=float(value))
        for value, who in zip(values, owners, strict=True)
    ]


def only(found: list[Experiment]) -> Experiment:
    (experiment,) = found
    return experiment


# ---------------------------------------------------------------- intervals


def bootstrapped(values, owners, statistic, draws: int = 800) -> float:
    """The standard error by drawing callers with replacement."""
    chance = np.random.default_rng(7)
    by_caller = [values[owners == caller] for caller in range(owners.max() + 1)]
    many = len(by_caller)
    found = [
        statistic(np.concatenate([by_caller[i] for i in chance.integers(0, many, many)]))
        for _ in range(draws)
    ]
    return float(np.std(found))


def test_the_error_of_a_mean_is_what_a_bootstrap_over_callers_finds():
    values, owners = clustered(150, 1)
    found = mean(values, owners)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(bootstrapped(values, owners, np.mean), rel=0.08)
    by_turns = values.std() / math.sqrt(len(values))
    assert found.error > 1.5 * by_turns  # who counts turns is far too sure


@pytest.mark.parametrize("level", [0.5, 0.95])
def test_the_error_of_a_quantile_is_what_a_bootstrap_over_callers_finds(level):
    values, owners = clustered(400, 2)
    found = quantile(values, owners, level)
    usual = bootstrapped(values, owners, lambda drawn: np.quantile(drawn, level))
    assert found.error == pytest.approx(usual, rel=0.25)
    assert found.low < found.value < found.high


def test_an_interval_holds_in_about_95_of_100_cases():
    whole, _ = clustered(100_000, 3)
    true_mean, true_high = whole.mean(), np.quantile(whole, 0.95)
    often = float((whole > 1.5).mean())
    held = np.zeros(3)
    for seed in range(300):
        values, owners = clustered(80, 1000 + seed)
        found = (
            (mean(values, owners), true_mean),
            (quantile(values, owners, 0.95), true_high),
            (share((values > 1.5).astype(float), owners), often),
        )
        held += [each.low <= true <= each.high for each, true in found]
    assert (held / 300 > 0.90).all(), held / 300


def test_what_never_happened_is_still_not_known_to_be_impossible():
    never = share(np.zeros(600), np.repeat(np.arange(60), 10))
    assert never.value == never.low == 0.0
    assert 0.003 < never.high < 0.01  # the rule of three: 3 / 600
    always = share(np.ones(600), np.repeat(np.arange(60), 10))
    assert 0.99 < always.low < always.high == 1.0


def test_the_same_turns_of_fewer_callers_are_known_less_well():
    chance = np.random.default_rng(5)
    values = np.repeat(chance.normal(1, 0.3, 60), 10)
    as_60, as_600 = np.repeat(np.arange(60), 10), np.arange(600)
    assert mean(values, as_60).error > 2.5 * mean(values, as_600).error


def errs_at_some_look(seed: int, looks: int = 20, each: int = 25) -> tuple[bool, bool]:
    """Two equal variants, looked at again and again: is a difference seen, by each interval?"""
    first, second = (clustered(looks * each, 2 * seed + side) for side in (0, 1))
    by_us = by_one_look = False
    for look in range(2, looks + 1):
        callers = look * each
        here, there = (mean(v[o < callers], o[o < callers]) for v, o in (first, second))
        apart = gap(here, there)
        by_us |= not apart.low <= 0 <= apart.high
        by_one_look |= abs(apart.value) > 1.96 * math.hypot(here.error, there.error)
    return by_us, by_one_look


def test_who_looks_every_day_is_not_fooled_by_equal_variants():
    erred = np.mean([errs_at_some_look(seed) for seed in range(150)], axis=0)
    assert erred[0] <= 0.05  # at all twenty looks together
    assert erred[1] > 0.12  # what it guards against is real


def test_a_real_difference_is_found_all_the_same():
    found = [gap(mean(*clustered(250, s, 1.4)), mean(*clustered(250, s + 1))) for s in range(60)]
    assert np.mean([each.low > 0 for each in found]) > 0.8
    assert all(each.low < each.value < each.high for each in found)


@pytest.mark.parametrize(
    ("freedom", "table"), [(8, 2.3060), (10, 2.2281), (29, 2.0452), (58, 2.0017), (1000, 1.9623)]
)
def test_students_quantile_is_that_of_the_tables(freedom, table):
    assert student(freedom) == pytest.approx(table, rel=1e-3)


def test_one_caller_tells_nothing_about_callers():
    alone = mean(np.array([1.0, 2.0]), np.array([0, 0]))
    assert (alone.low, alone.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("counts", "weights", "p"),
    [
        ((50, 50), (50, 50), 1.0),
        ((60, 40), (50, 50), 0.0455),
        ((90, 110), (50, 50), 0.1573),
        ((171, 19), (90, 10), 1.0),
        ((30, 40, 50), (1, 1, 1), 0.0821),
        ((30, 40, 50, 40), (1, 1, 1, 1), 0.1718),
        ((300, 200), (50, 50), 7.7e-6),
        ((4, 2), (50, 50), None),
    ],
)
def test_the_test_of_a_split_is_pearsons(counts, weights, p):
    found = mismatch(counts, weights)
    assert found == (None if p is None else pytest.approx(p, rel=0.01))


# ---------------------------------------------------------------- experiments


def test_a_cheaper_variant_is_called_better_and_a_dearer_one_worse():
    turns = [*sampled(120, 1, "usual", 0.002), *sampled(120, 2, "bold", 0.001)]
    first, second = only(compare(turns, [ROUTE])).variants
    assert (first.variant, first.first, first.against_first) == ("usual", True, None)
    cost = second.against_first["cost_usd"]
    assert cost.verdict == "better"
    assert cost.low < cost.value < cost.high < 0
    assert cost.text.startswith("−$")
    assert cost.text.endswith("better")
    turned = [replace(t, variant={"usual": "bold", "bold": "usual"}[t.variant]) for t in turns]
    assert only(compare(turned, [ROUTE])).variants[1].against_first["cost_usd"].verdict == "worse"


@pytest.mark.parametrize(
    ("measure", "one", "other", "verdict"),
    [
        ("thanked", {"thanked": True}, {}, "better"),
        ("repeated", {"repeated": True}, {}, "worse"),
        ("interrupted", {"interrupted": True}, {}, "worse"),
        ("hung_up", {"hung_up": True}, {}, "worse"),
        ("feedback", {"score": 1.0}, {"score": 0.2}, "better"),
        ("frustration_change", {"frustration": 0.1}, {"frustration": 0.5}, "better"),
        ("first_token_p50_ms", {"first_token_ms": 300.0}, {"first_token_ms": 900.0}, "better"),
        ("first_token_p95_ms", {"first_token_ms": 900.0}, {"first_token_ms": 300.0}, "worse"),
    ],
)
def test_every_measure_knows_which_way_is_better(measure, one, other, verdict):
    turns = [
        Turn(variant, f"{variant}{who % 40}", **what)
        for variant, what in (("usual", other), ("bold", one))
        for who in range(160)
    ]
    second = only(compare(turns, [ROUTE])).variants[1]
    assert second.against_first[measure].verdict == verdict


def test_equal_variants_are_not_told_apart():
    turns = [*sampled(150, 11, "usual"), *sampled(150, 12, "bold")]
    second = only(compare(turns, [ROUTE])).variants[1]
    assert {each.verdict for each in second.against_first.values()} == {"no_telling", "not_enough"}
    assert second.against_first["cost_usd"].verdict == "no_telling"


def test_where_there_are_too_few_callers_it_says_so_and_tells_no_interval():
    turns = [*sampled(120, 1, "usual"), *sampled(12, 2, "bold", 0.1)]
    second = only(compare(turns, [ROUTE])).variants[1]
    cost, apart = second.measures["cost_usd"], second.against_first["cost_usd"]
    assert cost.value is not None
    assert (cost.low, cost.high, cost.enough) == (None, None, False)
    assert "12 of 30 callers" in cost.text
    assert (apart.verdict, apart.low) == ("not_enough", None)


def test_one_caller_with_a_thousand_turns_is_one_caller():
    turns = [replace(turn, who="ada") for turn in sampled(200, 1, "usual")]
    first = only(compare(turns, [ROUTE])).variants[0]
    assert first.callers == 1
    assert not first.measures["cost_usd"].enough


def test_the_slowest_of_twenty_needs_turns_enough():
    turns = [Turn("usual", f"u{who}", first_token_ms=100.0 + who) for who in range(60)]
    measures = only(compare(turns, [ROUTE])).variants[0].measures
    assert measures["first_token_p50_ms"].enough
    assert "60 of 100 turns" in measures["first_token_p95_ms"].text


def test_what_was_not_measured_is_absent_and_does_not_count_as_nothing():
    turns = [
        Turn("usual", f"u{who}", cost_usd=None, followed=who % 2 == 0, repeated=who % 2 == 1)
        for who in range(80)
    ]
    measures = only(compare(turns, [ROUTE])).variants[0].measures
    assert measures["cost_usd"].value is None
    assert measures["cost_usd"].text == "nothing was measured"
    assert (measures["repeated"].turns, measures["repeated"].value) == (40, 0.0)


def test_an_experiment_that_is_set_up_and_has_no_turns_yet_is_listed():
    experiment = only(compare([], [ROUTE, RouteSettings("fast")]))
    assert (experiment.route, experiment.running, experiment.turns) == ("frontier", True, 0)
    assert [(v.variant, v.weight, v.models) for v in experiment.variants] == [
        ("usual", 50, ("deep",)),
        ("bold", 50, ("deeper",)),
    ]
    assert not experiment.split.warns


def test_one_that_was_taken_out_of_the_settings_is_still_told():
    experiment = only(compare([Turn(), Turn("bold", "bob")], []))
    assert not experiment.running
    assert [v.weight for v in experiment.variants] == [None, None]


def test_a_variant_without_a_name_is_called_by_its_models():
    unnamed = RouteSettings("fast", variants=(Variant(("a", "b"), 50), Variant(("c",), 50)))
    assert [v.variant for v in only(compare([], [unnamed])).variants] == ["a, b", "c"]


def test_only_the_route_that_is_asked_for_is_reckoned():
    other = RouteSettings("fast", variants=(Variant(("a",), 50), Variant(("b",), 50)))
    turns = [Turn(), Turn("a", route="fast")]
    assert [e.route for e in compare(turns, [ROUTE, other])] == ["frontier", "fast"]
    assert [e.route for e in compare(turns, [ROUTE, other], "fast")] == ["fast"]


def test_explored_turns_stay_with_their_variant_and_are_counted():
    turns = [Turn(), Turn(explored=True, cost_usd=0.003)]
    experiment = only(compare(turns, [ROUTE]))
    assert experiment.explored == 1
    assert experiment.variants[0].measures["cost_usd"].value == pytest.approx(0.002)


# ---------------------------------------------------------------- the split


def split(usual: int, bold: int, route: RouteSettings = ROUTE):
    turns = [Turn("usual", f"u{who}") for who in range(usual)]
    turns += [Turn("bold", f"b{who}") for who in range(bold)]
    return only(compare(turns, [route])).split


def test_the_draw_itself_splits_callers_as_the_weights_say():
    weights = Variant(("deep",), 90, "usual"), Variant(("deeper",), 10, "bold")
    route = RouteSettings("frontier", variants=weights)
    turns = []
    for who in range(3000):
        drawn = variant_of(route, f"caller {who}")
        turns.append(Turn(drawn.name, f"caller {who}"))
    found = only(compare(turns, [route])).split
    assert not found.warns
    assert found.p > 0.001


def test_a_split_that_the_weights_do_not_explain_warns():
    assert not split(260, 240).warns
    found = split(300, 200)
    assert found.warns
    assert "300 : 200" in found.text
    assert "believe no difference" in found.text
    assert not split(3, 1).warns  # too few to tell
    assert split(3, 1).p is None


def test_a_caller_with_two_variants_warns_that_the_weights_were_changed():
    turns = [*[Turn("usual", f"u{who}") for who in range(40)]]
    turns += [Turn("bold", f"u{who}") for who in range(40)]
    experiment = only(compare(turns, [ROUTE]))
    assert (experiment.callers, experiment.moved) == (40, 40)
    assert experiment.split.warns
    assert "40 of them had more than one variant" in experiment.split.text


def test_a_variant_that_gets_nobody_any_more_does_not_upset_the_split():
    weights = Variant(("deep",), 100, "usual"), Variant(("deeper",), 0, "bold")
    assert not split(500, 80, RouteSettings("frontier", variants=weights)).warns


# ---------------------------------------------------------------- any turns


numbers = st.none() | st.floats(0, 1000, allow_nan=False)
shares = st.none() | st.floats(0, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.builds(
            Turn,
            variant=st.sampled_from(["usual", "bold", "gone"]),
            who=st.sampled_from([f"u{number}" for number in range(50)]),
            route=st.sampled_from(["frontier", "fast"]),
            cost_usd=numbers,
            first_token_ms=numbers,
            before=shares,
            frustration=shares,
            followed=st.booleans(),
            interrupted=st.booleans(),
            score=shares,
        ),
        max_size=60,
    )
)
def test_no_turns_break_it_and_every_figure_lies_in_its_interval(turns):
    found = compare(turns, [ROUTE])
    assert sum(each.turns for each in found) == len(turns)
    told = msgspec.json.decode(msgspec.json.encode(found))
    assert len(told) == len(found)
    for experiment in found:
        for variant in experiment.variants:
            check(variant)


def check(variant: Found) -> None:
    assert set(variant.measures) == {measure.name for measure in MEASURES}
    for figure in variant.measures.values():
        assert figure.enough == (figure.low is not None) == (figure.high is not None)
        if figure.enough:
            assert figure.low - 1e-9 <= figure.value <= figure.high + 1e-9
        assert figure.callers <= variant.callers
    for apart in (variant.against_first or {}).values():
        assert (apart.verdict == "not_enough") == (not apart.enough)


def test_the_error_of_a_difference_is_that_of_both():
    one, other = Estimate(2.0, 0.3, 0, 0, 100, 250), Estimate(1.0, 0.4, 0, 0, 100, 250)
    apart = gap(one, other)
    assert apart.value == 1.0
    assert (apart.high - apart.value) / 0.5 == pytest.approx(3.04, rel=0.01)


# ---------------------------------------------------------------- the command

SETTINGS = """
[[models]]
name = "deep"
route = "frontier"
use = "scripted"
options = { replies = ["yes"] }

[[models]]
name = "deeper"
route = "frontier"
use = "scripted"
options = { replies = ["yes"] }

[[routes]]
name = "frontier"
variants = [
  { name = "usual", models = ["deep"], weight = 50 },
  { name = "bold", models = ["deeper"], weight = 50 },
]
"""


def stored(url: str, callers: int = 40) -> None:
    """Fill a store with two variants, one of which costs twice as much."""
    now = time.time()
    store = open_store(Store(url=url, url_env=""), {})
    try:
        for who in range(callers):
            for variant, cost in (("usual", 0.002), ("bold", 0.001)):
                name = f"{variant}{who}.1"
                plan = Plan("frontier", ("deep",), (Reason("x", "y"),), 0.5, variant=variant)
                decided = Decided(at=now - 60, decision=name, source="call", plan=plan, user=name)
                store.note(decided)
                spent = cost + who * 1e-6
                store.note(
                    Tried(
                        at=now - 59,
                        decision=name,
                        attempt=1,
                        model="deep",
                        outcome="answered",
                        cost_usd=spent,
                    )
                )
                store.note(Followed(at=now - 50, decision=name, before=0.5, frustration=0.2))
        assert store.flush()
    finally:
        store.close()


def loaded(path: Path) -> Config:
    return configs.load(path, os.environ)


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_the_command_compares_variants_from_the_store(tmp_path):
    url = f"sqlite:///{tmp_path}/tonewise.db"
    stored(url)
    config = tmp_path / "tonewise.toml"
    config.write_text(SETTINGS)
    done = asked("--config", str(config), "--store", url)
    assert done.exit_code == 0, done.output
    assert "frontier: 80 turns of 80 callers" in done.output
    assert "callers are split 40 : 40, as the weights 50 : 50 say" in done.output
    cost = [line for line in done.output.splitlines() if "−$0.001 (" in line]
    assert len(cost) == 1
    assert cost[0].endswith(": better")
    assert "however often you look" in done.output
    told = json.loads(asked("--config", str(config), "--store", url, "--json").output)
    assert told["experiments"][0]["variants"][1]["against_first"]["cost_usd"]["verdict"] == "better"
    later = asked("--config", str(config), "--store", url, "--since", "30s")
    assert "0 turns of 0 callers" in later.output


def test_who_has_no_experiment_is_taught_how_to_make_one(tmp_path):
    config = tmp_path / "tonewise.toml"
    config.write_text("")
    done = asked("--config", str(config))
    assert done.exit_code == 0
    assert "There is no experiment. Split the callers" in done.output
    example = done.output[done.output.index("    [[routes]]") : done.output.index("Each caller")]
    taught = SETTINGS.partition("[[routes]]")[0] + "\n".join(
        line.strip() for line in example.splitlines()
    )
    config.write_text(taught)  # what is taught works
    assert len(loaded(config).routes[0].variants) == 2


def test_what_is_tried_without_a_store_on_disk_is_asked_of_the_server(tmp_path):
    config = tmp_path / "tonewise.toml"
    config.write_text(SETTINGS)
    done = asked("--config", str(config))
    assert isinstance(done.exception, ConfigError)
    assert "/v1/experiments" in str(done.exception)


@pytest.mark.parametrize("arguments", [("--since", "soon"), ("--since", "1h", "--until", "2h")])
def test_a_time_that_is_none_is_refused(arguments):
    done = asked(*arguments)
    assert done.exit_code == 2
    assert "Error" in done.output
