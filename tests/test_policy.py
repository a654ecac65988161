"""The policy: constraints, rules, what a model is worth, and escalation that sticks."""

import json
import math
import re

import pytest
from click.testing import CliRunner
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tonewise import config, engines, plan_in_words, plugins
from tonewise.cli.explain import command
from tonewise.errors import ConfigError
from tonewise.facts import Transcript, VoiceCues
from tonewise.plan import Circumstances, Exchange, ModelFacts
from tonewise.routes import RouteSettings, Rule, Variant, variant_of
from tonewise.routing import policy
from tonewise.routing.complexity import complexity
from tonewise.routing.constraints import Size
from tonewise.routing.escalation import Escalation, state
from tonewise.routing.utility import bill
from tonewise.stages import Candidate, Turn

QUICK, DEEP = Candidate("quick", "fast"), Candidate("deep", "frontier")
ASIDE = Candidate("aside", "private")
SIMPLE = "where's my order"
MIDDLING = "i don't really know maybe compare the two plans you have"
HARD = "compare a fifteen year fixed with a thirty year and tell me which one costs me less"


def model(name, route="fast", **facts):
    return Candidate(name, route, ModelFacts(**facts))


def voice(**cues):
    return VoiceCues(speech_s=2.0, **cues)


def past(*frustrations, model="quick", said="hello there", replied="Hello."):
    return tuple(
        Exchange(at, said, replied, "fast", model, frustration)
        for at, frustration in enumerate(frustrations, start=1)
    )


def decide(
    text=SIMPLE,
    candidates=(QUICK, DEEP),
    cues=None,
    history=(),
    caller=None,
    around=None,
    language=None,
    **options,
):
    turn = Turn(
        len(history) + 1,
        Transcript(text, language),
        cues,
        history,
        caller or {},
        around or Circumstances(),
    )
    return policy.load(**options).decide(turn, tuple(candidates))


def score(plan, name):
    return next(each for each in plan.scores if each.model == name)


def contribution(plan, name, term):
    return {each.name: each.contribution for each in score(plan, name).contributions}.get(term, 0)


# ---------------------------------------------------------------- without rules


@pytest.mark.parametrize(
    "text", [SIMPLE, "hi", "yes please", MIDDLING, HARD, "write a python loop"]
)
def test_where_nothing_is_known_of_the_models_it_decides_as_the_thresholds_do(text):
    turn = Turn(1, Transcript(text))
    simple = plugins.load("routing", "thresholds")
    wanted = "frontier" if complexity(text)[0] >= 0.5 else "fast"
    assert decide(text).route == wanted
    assert simple.decide(turn, (QUICK, DEEP)).route in ("fast", "frontier")


def test_every_contribution_is_told_and_they_sum_to_the_utility():
    plan = decide(HARD)
    assert plan.models == ("deep", "quick")
    for each in plan.scores:
        assert {"quality", "cost"} <= {term.name for term in each.contributions}
        assert each.utility == pytest.approx(sum(term.contribution for term in each.contributions))
    assert plan.scores[0].model == "deep"
    assert plan.reasons[0].signal == "utility"
    assert "deep is worth most: 0.52 (quality +0.85, cost -0.33); quick 0.36" in (
        plan.reasons[0].text
    )


@pytest.mark.parametrize(
    ("facts", "weights", "winner"),
    [
        ({}, {}, "a"),
        ({"price_in": 9.0, "price_out": 9.0}, {}, "b"),
        ({"latency": 2.0}, {}, "b"),
        ({"energy": 5.0}, {"energy": 1.0}, "b"),
        ({"energy": 5.0}, {}, "a"),
        ({"quality": 0.1}, {}, "b"),
        ({"quality": {"default": 0.9}}, {}, "a"),
        ({"quality": {"comparison": 0.1, "default": 0.9}}, {}, "b"),
        ({"price_in": 9.0, "price_out": 9.0}, {"cost": 0.0}, "a"),
    ],
)
def test_what_a_model_is_worth_follows_from_its_facts_and_the_weights(facts, weights, winner):
    known = {"price_in": 1.0, "price_out": 1.0, "latency": 0.5, "energy": 0.1, "quality": 0.7}
    models = (model("a", **{**known, **facts}), model("b", **known))
    plan = decide(MIDDLING, models, weights=weights)
    assert plan.models[0] == winner


def test_what_was_measured_of_a_model_counts_more_than_what_is_configured():
    models = (model("a", latency=0.2), model("b", latency=0.4))
    assert decide(candidates=models).models[0] == "a"
    measured = Circumstances(profile={"a": {"p50": 3.0}})
    assert decide(candidates=models, around=measured).models[0] == "b"


def test_a_fact_that_only_one_model_tells_gives_it_no_advantage_for_telling():
    models = (model("a", latency=0.4), model("b"))
    plan = decide(candidates=models)
    assert contribution(plan, "a", "latency") == contribution(plan, "b", "latency")


def test_a_cheaper_preference_of_the_deployment_is_the_callers_to_name():
    options = {"prefer": {"cheap": {"cost": 2.0}, "best": {"cost": 0.0}}}
    assert decide(HARD, **options).models[0] == "deep"
    assert decide(HARD, caller={"prefer": "cheap"}, **options).models[0] == "quick"
    assert decide(SIMPLE, caller={"prefer": "best"}, **options).models[0] == "deep"
    plan = decide(SIMPLE, caller={"prefer": "gold"}, **options)
    assert plan.models[0] == "quick"
    assert any("does not know: it is ignored" in reason.text for reason in plan.reasons)


def test_the_trained_score_decides_at_its_own_threshold_and_tells_the_task():
    def decided(said):
        return decide(said, complexity="learned")

    assert decided("hi").route == "fast"
    assert decided(HARD).route == "frontier"
    rules = (Rule("greeted", "turn.task == 'greeting'", "frontier"),)
    assert decide("hello there", complexity="learned", rules=rules).rule == "greeted"


# ---------------------------------------------------------------- prompt cache


PRICED = {"price_in": 3.0, "price_out": 15.0, "price_cached": 0.3}


def test_the_price_of_a_lost_prompt_cache_keeps_a_long_call_with_its_model():
    # Two models alike, but that b is a little cheaper.
    a, b = model("a", **PRICED), model("b", **{**PRICED, "price_in": 2.9})
    weights = {"switch": 0.0}
    short = past(None, model="a")
    assert decide(candidates=(a, b), history=short, weights=weights).models[0] == "b"
    long = past(*[None] * 8, model="a", said="word " * 200, replied="word " * 200)
    plan = decide(candidates=(a, b), history=long, weights=weights)
    assert plan.models[0] == "a"
    assert contribution(plan, "b", "cache") < 0 == contribution(plan, "a", "cache")


def test_a_bill_is_what_the_provider_would_charge():
    size = Size(history=2000, turn=100, reply=80, longest_reply=400, answered={"a": 1500})
    made = bill(ModelFacts(**PRICED), "a", size)
    assert made.cold == pytest.approx((2100 * 3 + 80 * 15) / 1e6)
    assert made.due == pytest.approx((600 * 3 + 1500 * 0.3 + 80 * 15) / 1e6)
    assert made.lost == 0
    other = bill(ModelFacts(**PRICED), "b", size)
    assert other.due == other.cold == pytest.approx(made.cold)
    assert other.lost == pytest.approx(made.saved)
    assert bill(ModelFacts(price_in=1.0), "a", size) is None


def test_between_equals_the_model_that_answered_last_goes_on():
    models = (model("a"), model("b"))
    assert decide(candidates=models).models[0] == "a"
    plan = decide(candidates=models, history=past(None, model="b"))
    assert plan.models[0] == "b"
    assert contribution(plan, "a", "switch") == pytest.approx(-0.02)


# ---------------------------------------------------------------- constraints


@pytest.mark.parametrize(
    ("facts", "asked", "why"),
    [
        ({"tags": ("eu",)}, {"require": ("local",)}, "lacks the tag 'local'"),
        ({"tags": ("eu",)}, {"caller": {"require": "eu, zdr"}}, "lacks the tag 'zdr'"),
        ({"languages": ("en", "de")}, {"language": "es"}, "does not speak 'es'"),
        ({"context_window": 500}, {"history": past(*[None] * 5, said="x" * 200)}, "do not fit"),
        (PRICED, {"ceiling": 0.0001}, "more than $0.00010"),
        (PRICED, {"around": Circumstances(budget={"left": -1.0})}, "more than $0.00000"),
    ],
)
def test_a_model_that_breaks_a_constraint_is_excluded_and_the_plan_says_why(facts, asked, why):
    other = model("other", "frontier", tags=("eu", "zdr", "local"), price_in=0.0, price_out=0.0)
    if "budget" in str(asked):
        other = model("other", "frontier")  # of unknown price: it cannot be said to cost too much
    plan = decide(candidates=(model("it", **facts), other), **asked)
    assert plan.models == ("other",)
    assert why in score(plan, "it").excluded_by
    assert score(plan, "it").utility is None


def test_a_tag_is_a_promise_that_is_kept_though_nobody_be_left():
    plan = decide(require=("eu",))
    assert plan.models == ()
    assert "no model may answer: quick lacks the tag 'eu'" in plan.reasons[0].text


def test_a_call_is_answered_though_every_model_speaks_another_language():
    models = (model("a", languages=("de",)), model("b", "frontier", languages=("fr",)))
    plan = decide(candidates=models, language="es-MX")
    assert set(plan.models) == {"a", "b"}
    assert any("does not speak 'es'" in reason.text for reason in plan.reasons)


def test_when_all_cost_too_much_the_cheapest_answers():
    models = (model("a", **PRICED), model("b", price_in=1.0, price_out=1.0))
    plan = decide(candidates=models, ceiling=0.0)
    assert plan.models == ("b",)
    assert any(reason.signal == "constraint" for reason in plan.reasons)


def test_a_prompt_in_chinese_counts_a_token_per_character():
    small = model("small", context_window=1000)
    text = "请比较抵押贷款" * 100
    assert decide(text, (small, DEEP)).models == ("deep",)
    assert "small" in decide("a" * 700, (small, DEEP)).models


# ---------------------------------------------------------------- rules and routes


RULES = (
    Rule("few words", "turn.words < 3", "fast"),
    Rule("angry", "voice.frustration > 0.5", "frontier", "the caller is losing patience"),
    Rule("medical", "turn.task == 'medical'", "private"),
)


@pytest.mark.parametrize(
    ("text", "cues", "route", "rule"),
    [
        ("hi", None, "fast", "few words"),
        ("hi", voice(frustration=0.9), "fast", "few words"),
        (SIMPLE, None, "fast", None),
        (SIMPLE, voice(frustration=0.55), "frontier", "angry"),
        (HARD, voice(frustration=0.55), "frontier", "angry"),
        ("can i take ibuprofen with aspirin", None, "private", "medical"),
        ("can i take ibuprofen with aspirin", voice(frustration=0.55), "private", "medical"),
    ],
)
def test_the_first_true_rule_wins_and_the_voice_can_only_raise(text, cues, route, rule):
    plan = decide(text, (QUICK, DEEP, ASIDE), cues, rules=RULES)
    assert (plan.route, plan.rule) == (route, rule)


def test_a_rule_gives_its_reason_in_words():
    plan = decide(cues=voice(frustration=0.55), rules=RULES[:2])
    assert plan.reasons[0].text == "the caller is losing patience"
    assert plan.escalated
    assert (
        "rule 'few words' is true: turn.words < 3" in decide("hi", rules=RULES[:1]).reasons[0].text
    )


def test_a_rule_that_could_not_be_asked_is_recorded():
    plan = decide(rules=RULES[:2])
    assert [(each.rule, each.why) for each in plan.skipped] == [
        ("angry", "'frustration' is absent")
    ]


def test_a_rule_whose_models_may_not_answer_gives_way_to_the_next():
    rules = (Rule("a", "true", "private"), Rule("b", "true", "frontier"))
    models = (model("quick", tags=("eu",)), model("deep", "frontier", tags=("eu",)), ASIDE)
    plan = decide(candidates=models, rules=rules, require=("eu",))
    assert plan.rule == "b"
    assert plan.skipped[0].why == "no model of route 'private' may answer"


def test_a_rule_that_hears_the_voice_needs_a_route_on_the_ladder():
    with pytest.raises(ConfigError, match=r"rules\[0\] 'x' hears the voice.*'private' a strength"):
        decide(rules=(Rule("x", "voice.arousal > 0.5", "private"),))
    ladder = (RouteSettings("private", strength=0.5),)
    rules = (Rule("x", "voice.arousal > 0.5", "private"),)
    models = (QUICK, DEEP, ASIDE)
    assert decide(SIMPLE, models, voice(arousal=0.9), rules=rules, routes=ladder).route == "private"
    assert decide(HARD, models, voice(arousal=0.9), rules=rules, routes=ladder).route == "frontier"


def test_a_route_that_stands_aside_is_reached_by_rules_only_and_falls_back_where_it_says():
    models = (QUICK, DEEP, ASIDE)
    assert "aside" not in decide(candidates=models).models
    rules = (Rule("all", "true", "private"),)
    assert decide(candidates=models, rules=rules).models == ("aside",)
    routes = (RouteSettings("private", fallback=("frontier",)),)
    assert decide(candidates=models, rules=rules, routes=routes).models == ("aside", "deep")


def test_the_default_route_is_taken_where_no_rule_is_true_but_for_a_frustrated_caller():
    options = {"default_route": "fast", "rules": RULES[:1]}
    assert decide(HARD, **options).route == "fast"
    assert decide(HARD, **options).reasons[0].signal == "default"
    assert decide(SIMPLE, cues=voice(frustration=0.9), **options).route == "frontier"
    aside = decide(HARD, (QUICK, DEEP, ASIDE), voice(frustration=0.9), default_route="private")
    assert aside.models == ("aside",)


def test_a_fallback_of_the_default_route_is_not_lost_to_a_frustrated_caller():
    options = {"default_route": "fast", "routes": (RouteSettings("fast", fallback=("private",)),)}
    models = (QUICK, DEEP, ASIDE)
    assert decide(candidates=models, **options).models == ("quick", "aside")
    upset = decide(candidates=models, cues=voice(frustration=0.9), **options)
    assert upset.models == ("deep", "quick", "aside")


def test_what_hardly_speaks_against_a_model_is_told_as_nothing_and_not_as_minus_nothing():
    around = Circumstances(learned={"quick": {"default": -0.0002}, "deep": {"default": -0.0002}})
    plan = decide(around=around)
    assert contribution(plan, "quick", "learned") < 0
    assert "learned +0.00" in plan.reasons[0].text
    page = "\n".join(plan_in_words.in_words(plan))
    assert "+0.000" in page
    assert not re.search(r"-0\.0+(?!\d)", page)


# ---------------------------------------------------------------- variants

HALVES = RouteSettings(
    "frontier", variants=(Variant(("a", "b"), 90, "old"), Variant(("c",), 10, "new"))
)


def test_a_caller_keeps_a_variant_and_the_other_one_is_the_fallback():
    models = (QUICK, *(model(name, "frontier") for name in "abc"))
    seen = set()
    for number in range(60):
        plan = decide(HARD, models, caller={"user": number}, routes=(HALVES,))
        again = decide(HARD, models, caller={"user": number, "tier": "x"}, routes=(HALVES,))
        assert plan.models == again.models
        assert sorted(plan.models) == ["a", "b", "c", "quick"]
        seen.add(plan.models[0])
        drawn = "old" if plan.models[0] in "ab" else "new"
        assert any(drawn in reason.text for reason in plan.reasons if reason.signal == "variant")
    assert seen == {"a", "c"}


def test_without_a_callers_name_the_call_draws():
    models = (QUICK, *(model(name, "frontier") for name in "abc"))
    calls = [
        decide(HARD, models, around=Circumstances(call=f"call {n}"), routes=(HALVES,)).models[0]
        for n in range(60)
    ]
    assert set(calls) == {"a", "c"}


@given(st.lists(st.integers(0, 100), min_size=1, max_size=5), st.text(max_size=10))
def test_a_variant_of_no_weight_is_nobodys(weights, caller):
    assume(any(weights))
    total = sum(weights)
    shares = [100 * weight // total for weight in weights]
    shares[shares.index(max(shares))] += 100 - sum(shares)
    route = RouteSettings(
        "r", variants=tuple(Variant((f"m{i}",), share) for i, share in enumerate(shares))
    )
    drawn = variant_of(route, caller)
    assert drawn.weight > 0
    assert drawn == variant_of(route, caller)


# ---------------------------------------------------------------- escalation


@pytest.mark.parametrize(
    ("heard", "escalated"),
    [
        ([0.59], [False]),
        ([0.60, 0.0, 0.0], [True, True, False]),
        ([0.90, 0.0, None, 0.0], [True, True, True, False]),
        ([0.55, 0.55, 0.55], [False, False, False]),
        ([0.70, 0.45, 0.45, 0.45, 0.2, 0.2], [True, True, True, True, False, False]),
        ([None, None], [False, False]),
        ([0.5, 0.7, 0.5, 0.5], [False, True, True, True]),
        ([math.nan, 0.9, math.nan], [False, True, True]),
    ],
)
def test_escalation_is_entered_at_060_left_under_040_and_fades(heard, escalated):
    for at, wanted in enumerate(escalated):
        history = past(*heard[:at])
        assert state(Escalation(), history, heard[at]).escalated is wanted
        cues = voice(frustration=heard[at])
        assert (decide(SIMPLE, cues=cues, history=history).route == "frontier") is wanted


def test_a_frustrated_caller_is_not_bounced_between_models():
    mood = [0.62, 0.38, 0.61, 0.35, 0.58, 0.41]
    texts = ["where's my order", "yes please", "the blue one", "on friday", "okay", "main street"]
    history, routes = (), []
    for at, (frustration, text) in enumerate(zip(mood, texts, strict=True), start=1):
        plan = decide(text, cues=voice(frustration=frustration), history=history)
        routes.append(plan.route)
        history += (
            Exchange(at, text, "…", plan.route, plan.models[0], frustration, plan.escalated),
        )
    assert routes == ["frontier"] * 6
    assert "the caller was frustrated" in plan.reasons[0].text


def test_the_plan_says_why_a_caller_is_escalated():
    plan = decide(cues=voice(frustration=0.8))
    assert plan.reasons[0].text == "frustration 0.80 ≥ 0.60: the caller is frustrated"
    assert plan.escalated
    later = decide(cues=voice(frustration=0.1), history=past(0.8))
    assert later.reasons[0].text == (
        "the caller was frustrated 1 turn ago, faded to 0.56 ≥ 0.40: stays with the stronger model"
    )
    assert later.escalated
    assert not decide(HARD).escalated


def test_a_hesitant_caller_meets_a_lower_bar_but_not_for_a_trivial_turn():
    assert decide(MIDDLING).route == "fast"
    plan = decide(MIDDLING, cues=voice(hesitation=0.7))
    assert plan.route == "frontier"
    assert "hesitation 0.70 ≥ 0.40, and complexity" in plan.reasons[0].text
    assert decide("um yes please", cues=voice(hesitation=0.95)).route == "fast"


# ---------------------------------------------------------------- feelings may only help

shares = st.none() | st.floats(0, 1)
texts = st.sampled_from([SIMPLE, MIDDLING, HARD, "hi", "", "and why is that"])
facts = st.builds(
    ModelFacts,
    price_in=st.none() | st.floats(0, 10),
    price_out=st.none() | st.floats(0, 50),
    price_cached=st.none() | st.floats(0, 1),
    quality=shares,
    latency=st.none() | st.floats(0.1, 3),
    tags=st.sampled_from([(), ("eu",), ("eu", "zdr")]),
    languages=st.sampled_from([(), ("en",)]),
)
NAMES = ("weak", "fast", "frontier", "private")
WEAK = RouteSettings("weak", strength=0.2)
routes = st.sampled_from(
    [
        (WEAK,),
        (WEAK, RouteSettings("fast", fallback=("private",))),
        (WEAK, RouteSettings("fast", fallback=())),
        (
            RouteSettings(
                "weak", strength=0.2, variants=(Variant(("m1",), 50), Variant(("m0",), 50))
            ),
            RouteSettings("frontier", variants=(Variant(("m2",), 50), Variant(("m3",), 50))),
        ),
    ]
)
candidates = st.lists(st.tuples(st.sampled_from(NAMES), facts), min_size=1, max_size=5).map(
    lambda rows: tuple(Candidate(f"m{i}", route, known) for i, (route, known) in enumerate(rows))
)
conditions = st.sampled_from(
    [
        "voice.frustration > 0.3",
        "voice.hesitation >= 0.5 || voice.frustration > 0.8",
        "voice.frustration > 0.2 && turn.complexity < 0.5",
        "voice.trend > 0.1",
        "turn.words > 3",
        "turn.complexity > 0.4",
        "call.escalations > 1",
    ]
)
rules = st.lists(
    st.tuples(conditions, st.sampled_from(["weak", "fast", "frontier", "private"])), max_size=5
).map(
    lambda rows: tuple(
        Rule(str(at), when, "weak" if "voice" in when and route == "private" else route)
        for at, (when, route) in enumerate(rows)
    )
)
histories = st.lists(shares, max_size=5).map(lambda heard: past(*heard, model="m0"))


def strength(route):
    return {"weak": 0.2, "fast": 0.0, "frontier": 1.0}.get(route, math.nan)


@settings(max_examples=500)
@given(
    text=texts,
    models=candidates,
    rules=rules,
    routes=routes,
    caller=st.integers(0, 3),
    history=histories,
    default=st.sampled_from(["", "weak", "fast", "private"]),
    low=shares,
    high=st.floats(0, 1),
    other=shares,
    signal=st.sampled_from(["frustration", "hesitation"]),
)
def test_more_frustration_or_hesitation_can_only_help(  # noqa: PLR0917
    text, models, rules, routes, caller, history, default, low, high, other, signal
):
    assume(low is None or low <= high)
    beside = {"frustration": "hesitation", "hesitation": "frustration"}[signal]
    options = {
        "rules": rules,
        "routes": routes,
        "caller": {"user": caller},
        "history": history,
        "default_route": default,
        "language": "en",
    }
    calm = decide(text, models, voice(**{signal: low, beside: other}), **options)
    upset = decide(text, models, voice(**{signal: high, beside: other}), **options)
    # never a weaker route
    assert not strength(upset.route) < strength(calm.route)
    assert (calm.route == "private") == (upset.route == "private")
    # nobody is excluded, nothing is priced or weighed otherwise
    assert set(calm.models) <= set(upset.models)
    assert upset.scores == calm.scores
    assert upset.complexity == calm.complexity


@given(
    text=texts,
    models=candidates,
    rules=rules,
    routes=routes,
    history=histories,
    frustration=shares,
)
def test_a_plan_names_each_model_once_and_is_the_same_every_time(
    text, models, rules, routes, history, frustration
):
    options = {"rules": rules, "routes": routes, "history": history, "language": "en"}
    plan = decide(text, models, voice(frustration=frustration), **options)
    assert len(set(plan.models)) == len(plan.models) > 0
    assert set(plan.models) <= {each.name for each in models}
    assert plan.reasons
    assert plan.reasons[0].text
    for each in plan.scores:
        assert math.isfinite(each.utility)
        assert all(math.isfinite(term.contribution) for term in each.contributions)
    assert plan == decide(text, models, voice(frustration=frustration), **options)


# ---------------------------------------------------------------- settings

SETTINGS = """
[router]
use = "policy"

[router.options.weights]
cost = 0.2

[[models]]
name = "quick"
use = "demo"
price_in = 0.25
price_out = 2.0
tags = ["eu"]

[[models]]
name = "deep"
route = "frontier"
use = "demo"
quality = { default = 0.9, code = 0.95 }

[[rules]]
name = "gold"
when = "caller.tier == 'gold'"
route = "frontier"
"""


def loaded(tmp_path, text):
    path = tmp_path / "tonewise.toml"
    path.write_text(text)
    settings = config.load(path, {})
    for section in (settings.router, settings.router.shadow):
        if section.use:
            engines.load_policy(settings, section)
    return settings


@pytest.mark.parametrize(
    ("text", "complaints"),
    [
        (
            "[[rules]]\nname='x'\nwhen='true'\nroute='slow'",
            ["rules[1] 'x'.route", "fast, frontier"],
        ),
        ("[[rules]]\nname='x'\nwhen='voise.a > 1.0'\nroute='fast'", ["'x': when", "'voice'"]),
        ("[[rules]]\nname='x'\nwehn='true'", ["'rules.wehn'", "did you mean 'when'"]),
        ("[[rules]]\nname='gold'\nwhen='true'\nroute='fast'", ["two are called 'gold'"]),
        ("[[routes]]\nname='fats'", ["'fats' has no models"]),
        (
            "[[routes]]\nname='fast'\nvariants=[{models=['quick', 'deep']}]\n"
            "[[routes]]\nname='frontier'",
            ["routes[1] 'frontier'", "'deep' stands in variants of 'fast'", "variants, too"],
        ),
        (
            "[[routes]]\nname='fast'\nvariants=[{models=['quick', 'deep']}]",
            [
                "model 'deep'.route",
                "'frontier' is left empty",
                "'deep' stands in variants of 'fast'",
            ],
        ),
        (
            "[[routes]]\nname='fast'\n[[models]]\nname='z'\nroute='frontal'",
            ["model 'z'.route", "no route 'frontal'", "did you mean 'frontier'"],
        ),
        (
            "[[routes]]\nname='x'\nvariants=[{models=['deep'], weight=60}, {models=['quick'], "
            "weight=30}]",
            ["routes[0] 'x'.variants", "sum to 100, not 90"],
        ),
        (
            "[[routes]]\nname='frontier'\nvariants=[{models=['depe']}]",
            ["routes[0] 'frontier'.variants[0].models", "did you mean 'deep'"],
        ),
        ("[[models]]\nname='z'\nprice_in=-1", ["models[2].price_in", ">= 0"]),
        ("[[models]]\nname='z'\nqality=0.1", ["'models.qality'", "did you mean 'quality'"]),
        ("[router.shadow]\nuse='polcy'", ["router.shadow.use", "did you mean 'policy'"]),
        ("[router.shadow]\nuse='policy'\noptions={wieghts={}}", ["'wieghts'", "weights"]),
    ],
)
def test_a_mistake_in_the_settings_names_the_place_and_the_choices(tmp_path, text, complaints):
    loaded(tmp_path, SETTINGS)
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, f"{SETTINGS}\n{text}")
    for complaint in complaints:
        assert complaint in str(caught.value)


def test_a_model_may_stand_in_variants_of_its_own_route_and_of_others(tmp_path):
    settings = loaded(
        tmp_path,
        f"{SETTINGS}\n[[routes]]\nname='fast'\nvariants=[{{models=['quick', 'deep']}}]\n"
        "[[routes]]\nname='frontier'\nvariants=[{models=['deep']}]",
    )
    plan = decide(HARD, engines.candidates(settings), routes=settings.routes)
    assert {(each.model, each.route) for each in plan.scores} == {
        ("quick", "fast"),
        ("deep", "fast"),
        ("deep", "frontier"),
    }


def test_rules_need_a_policy_that_reads_them(tmp_path):
    with pytest.raises(ConfigError, match='use = "policy" under'):
        loaded(tmp_path, SETTINGS.replace('"policy"', '"thresholds"').replace("weights", "x"))


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"weights": {"qualty": 1}}, "did you mean 'quality'.*cost, latency"),
        ({"weights": {"cost": -1}}, "weights.cost"),
        ({"prefer": {"cheap": {"costs": 1}}}, "prefer.cheap.*did you mean 'cost'"),
        ({"escalation": {"enter": 0.3}}, "must not be above enter"),
        ({"escalation": {"enter": 3}}, "escalation.enter"),
        ({"require": "eu"}, "require"),
        ({"ceiling": -1}, "ceiling"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"complexity": "mine"}, "'rules' or 'learned'"),
        ({"metadata": ["a", 1]}, r"metadata\[1\]"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(options, complaint):
    with pytest.raises(ConfigError, match=complaint):
        plugins.load("routing", "policy", options)


def test_explain_prints_the_plan_with_every_contribution(tmp_path):
    path = tmp_path / "tonewise.toml"
    path.write_text(SETTINGS)
    run = CliRunner().invoke(command, ["--config", str(path), HARD])
    assert run.exit_code == 0
    assert "because     deep is worth most" in run.output
    assert "sum  quality     cost" in run.output
    assert "deep (frontier)" in run.output
    assert "gold: 'tier' is absent" in run.output
    options = ["--config", str(path), "--metadata", '{"tier": "gold"}', "--json", "hi"]
    answer = json.loads(CliRunner().invoke(command, options).output)
    assert answer["rule"] == "gold"
    assert answer["route"] == "frontier"
    assert {each["model"] for each in answer["scores"]} == {"quick", "deep"}


def test_explain_names_a_wrong_rule(tmp_path):
    path = tmp_path / "tonewise.toml"
    path.write_text(SETTINGS.replace("caller.tier", "turn.teir"))
    run = CliRunner().invoke(command, ["--config", str(path), "hi"])
    assert isinstance(run.exception, ConfigError)
    assert "rules[0] 'gold': when, character 6: unknown variable 'turn.teir'" in str(run.exception)
