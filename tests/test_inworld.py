"""Inworld's router JSON is read as it is, and routes as its documentation says."""

import json
from collections import Counter

import pytest

from tonewise import config, engines
from tonewise.errors import ConfigError
from tonewise.facts import Transcript, VoiceCues
from tonewise.stages import Turn


def variant(name, model, weight):
    return {"variant": {"variant_id": name, "model_id": model}, "weight": weight}


# In the shape of docs.inworld.ai/api-reference/routerAPI, with names of our own.
ROUTER = {
    "name": "routers/helpdesk",
    "displayName": "Help desk",
    "routes": [
        {
            "route": {
                "route_id": "premium",
                "variants": [
                    variant("control", "openai/gpt-5.4", 70),
                    variant("candidate", "anthropic/claude-sonnet-4-6", 30),
                ],
            },
            "condition": {"cel_expression": 'tier == "premium"'},
        },
        {
            "route": {
                "routeId": "spanish",
                "variants": [
                    {"variant": {"variantId": "es", "modelId": "mistral/medium"}, "weight": 100}
                ],
            },
            "condition": {"celExpression": "language == 'es' && use_case == 'support'"},
        },
        {
            "route": {"route_id": "manager", "variants": [variant("m", "openai/gpt-5.4", 100)]},
            "condition": {
                "cel_expression": "messages.exists(m, m.role == 'user' && "
                "m.content.contains('manager'))"
            },
        },
    ],
    "defaultRoute": {"route_id": "basic", "variants": [variant("b", "openai/gpt-5.4-mini", 100)]},
}


def loaded(tmp_path, router=ROUTER, toml=""):
    (tmp_path / "router.json").write_text(json.dumps(router))
    path = tmp_path / "tonewise.toml"
    path.write_text(f'[router]\nuse = "policy"\ninworld = "router.json"\n{toml}')
    return config.load(path, {})


def decided(settings, said="hello", cues=None, **caller):
    policy = engines.load_policy(settings, settings.router)
    return policy.decide(
        Turn(1, Transcript(said), cues, caller=caller), engines.candidates(settings)
    )


@pytest.mark.parametrize(
    ("said", "caller", "route", "model"),
    [
        ("hello", {}, "basic", "openai/gpt-5.4-mini"),
        ("hello", {"tier": "free"}, "basic", "openai/gpt-5.4-mini"),
        ("hello", {"tier": "premium", "user": "ada"}, "premium", "openai/gpt-5.4"),
        ("hola", {"language": "es", "use_case": "support"}, "spanish", "mistral/medium"),
        ("hola", {"language": "es", "use_case": "sales"}, "basic", "openai/gpt-5.4-mini"),
        ("a manager please", {}, "manager", "openai/gpt-5.4"),
        ("a manager", {"tier": "premium", "user": "ada"}, "premium", "openai/gpt-5.4"),
    ],
)
def test_the_first_true_condition_wins_and_else_the_default(tmp_path, said, caller, route, model):
    plan = decided(loaded(tmp_path), said, **caller)
    assert plan.route == route
    assert plan.models[0] == model
    assert plan.rule == (route if route != "basic" else None)


def test_weights_are_kept_and_a_user_always_gets_the_same_variant(tmp_path):
    def drawn(settings):
        policy = engines.load_policy(settings, settings.router)
        models = engines.candidates(settings)
        callers = ({"tier": "premium", "user": f"caller {number}"} for number in range(1000))
        turns = (Turn(1, Transcript("hello"), caller=caller) for caller in callers)
        return [policy.decide(turn, models).models[0] for turn in turns]

    first = drawn(loaded(tmp_path))
    share = Counter(first)["openai/gpt-5.4"] / len(first)
    assert share == pytest.approx(0.7, abs=0.06)  # four standard errors
    assert drawn(loaded(tmp_path)) == first


def test_the_other_variant_is_the_fallback_and_no_other_route_is(tmp_path):
    plan = decided(loaded(tmp_path), tier="premium", user="ada")
    assert set(plan.models) == {"openai/gpt-5.4", "anthropic/claude-sonnet-4-6"}


def test_models_are_made_from_their_identifiers_or_found_among_ours(tmp_path):
    made = {model.name: model for model in loaded(tmp_path).models}
    assert made["mistral/medium"].use == "openai_compatible"
    assert made["mistral/medium"].options == {
        "model": "medium",
        "api_key_env": "MISTRAL_API_KEY",
        "base_url": "https://api.mistral.ai/v1",
    }
    assert made["anthropic/claude-sonnet-4-6"].use == "anthropic"
    own = """
    [[models]]
    name = "ours"
    use = "openai_compatible"
    options = { model = "gpt-5.4-mini", base_url = "http://127.0.0.1:1" }
    [[routes]]
    name = "fast"
    """
    assert decided(loaded(tmp_path, toml=own)).models == ("ours",)


def test_no_match_and_no_default_is_answered_all_the_same(tmp_path):
    router = {"routes": ROUTER["routes"][:1]}
    plan = decided(loaded(tmp_path, router))
    assert plan.models
    assert plan.rule is None


def test_a_route_without_a_condition_is_always_taken(tmp_path):
    router = {"routes": [{"route": {"route_id": "all", "variants": [variant("v", "xai/g", 100)]}}]}
    assert decided(loaded(tmp_path, router)).route == "all"


def test_a_pool_of_models_leaves_out_what_it_ignores(tmp_path):
    pool = {"models": ["groq/a", "groq/b", "openai/c"], "ignore": ["groq/b"]}
    router = {"defaultRoute": {"routeId": "r", "variants": [{"variant": {"modelSelection": pool}}]}}
    assert set(decided(loaded(tmp_path, router)).models) == {"groq/a", "openai/c"}


def test_what_is_not_used_is_told(tmp_path, caplog):
    router = json.loads(json.dumps(ROUTER))
    router["defaultRoute"]["variants"][0]["variant"]["web_search"] = {"engine": "x"}
    router["defaults"] = {"message_templates": [{}]}
    loaded(tmp_path, router)
    assert "defaultRoute.variants[0].web_search is not used" in caplog.text
    assert "defaults.message_templates is not used" in caplog.text


def test_the_voice_may_be_asked_too_and_our_own_rules_come_first(tmp_path):
    toml = """
    [[routes]]
    name = "manager"
    strength = 1
    """
    with pytest.raises(ConfigError, match="two are called 'manager'"):
        loaded(tmp_path, toml=toml)
    toml = """
    [[rules]]
    name = "ours"
    when = "tier == 'free'"
    route = "spanish"
    """
    assert decided(loaded(tmp_path, toml=toml), tier="free").rule == "ours"
    router = {**ROUTER, "routes": [*ROUTER["routes"]]}
    router["routes"][2] = {
        "route": {"route_id": "frontier", "variants": [variant("m", "openai/gpt-5.4", 100)]},
        "condition": {"cel_expression": "voice.frustration > 0.5"},
    }
    router["defaultRoute"] = {"route_id": "fast", "variants": ROUTER["defaultRoute"]["variants"]}
    settings = loaded(tmp_path, router)
    assert decided(settings).route == "fast"
    assert decided(settings, cues=VoiceCues(1.0, frustration=0.55)).route == "frontier"


def without(path):
    """The router, with the value at a path taken away or replaced."""
    router = json.loads(json.dumps(ROUTER))
    *way, last, value = path
    inner = router
    for step in way:
        inner = inner[step]
    inner[last] = value
    return router


FIRST = ("routes", 0, "route")


@pytest.mark.parametrize(
    ("router", "complaints"),
    [
        ([], ["top level: must be an object"]),
        ({}, ["neither routes nor a defaultRoute"]),
        ({"routes": {}}, ["routes: must be a list"]),
        (without((*FIRST, "route_id", "")), ["routes[0].route.route_id: must be a text"]),
        (without((*FIRST, "variants", [])), ["routes[0].route.variants: at least one"]),
        (
            without((*FIRST, "variants", 0, "weight", 60)),
            ["routes[0] 'premium'.variants: the weights must sum to 100, not 90"],
        ),
        (without((*FIRST, "variants", 0, "weight", "70")), ["variants[0].weight", "'70'"]),
        (
            without((*FIRST, "variants", 0, "variant", "model_id", "acme/x")),
            ["variants[0]", "'acme/x'", "[[models]]", "openai, anthropic"],
        ),
        (without((*FIRST, "variants", 0, "variant", "model_id", None)), ["names no model"]),
        (
            without(("routes", 1, "route", "routeId", "premium")),
            ["two are called 'premium'"],
        ),
        (without(("routes", 0, "condition", 3)), ["routes[0].condition: must be an object"]),
        (
            without(("routes", 0, "condition", {"cel_expression": "tier =="})),
            ["rules[0] 'premium': when", "ends too early"],
        ),
        (
            without(("routes", 0, "condition", {"cel_expression": "voise.anger > 0.5"})),
            ["'premium'", "did you mean 'voice'"],
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, router, complaints):
    with pytest.raises(ConfigError) as caught:
        decided(loaded(tmp_path, router))
    for complaint in complaints:
        assert complaint in str(caught.value)


def test_a_file_that_is_no_json_is_named(tmp_path):
    for content in (None, b"{", b"\xff"):
        path = tmp_path / "tonewise.toml"
        path.write_text('[router]\nuse = "policy"\ninworld = "router.json"')
        if content is not None:
            (tmp_path / "router.json").write_bytes(content)
        with pytest.raises(ConfigError, match=r"router\.json"):
            config.load(path, {})
