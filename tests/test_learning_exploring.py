"""Exploring: who may be tried in place of the best model, when, how often, and who never is."""

import math

import msgspec
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from tonewise.facts import Transcript, VoiceCues
from tonewise.learning.beliefs import Belief
from tonewise.learning.exploring import CALM_UNDER, MOST_WORSE, calm, draw, explored
from tonewise.learning.learner import Learner
from tonewise.operating import Learning
from tonewise.plan import Circumstances, Exchange, ModelFacts, Plan, Reason, Score
from tonewise.routes import RouteSettings, Rule, Variant
from tonewise.routing import policy, thresholds
from tonewise.routing.ladder import Ladder
from tonewise.stages import Candidate, Turn

ALL = Learning(enabled=True, explore=1.0)
MODELS = (
    Candidate("small", "fast", ModelFacts(price_in=0.2, price_out=0.6, quality=0.7)),
    Candidate("medium", "fast", ModelFacts(price_in=0.5, price_out=2.0, quality=0.8)),
    Candidate("large", "frontier", ModelFacts(price_in=1.0, price_out=4.0, quality=0.9)),
)
CALM_TURN = Turn(1, Transcript("can you tell me when my parcel comes"))


def plan_for(turn=CALM_TURN, models=MODELS, **options):
    return policy.load(**options).decide(turn, models)


def tried(plan, turn=CALM_TURN, beliefs=None, settings=ALL, draw=0.5, models=MODELS):
    return explored(plan, turn, models, beliefs or {}, settings, draw)


def turn(**about):
    return Turn(**({"number": 1, "transcript": CALM_TURN.transcript} | about))


def past(frustration=None, escalated=False):
    return Exchange(1, "hello", "hello", "fast", "small", frustration, escalated)


# ---------------------------------------------------------------- a calm turn is explored


def test_a_calm_turn_may_be_answered_by_another_model_and_the_plan_says_so():
    plan = plan_for()
    made = tried(plan)
    assert made.explored
    assert made.models[0] != plan.models[0]
    assert sorted(made.models) == sorted(plan.models)
    assert made.route == next(c.route for c in MODELS if c.name == made.models[0])
    why = made.reasons[0]
    assert why.signal == "exploration"
    assert why.text.startswith(f"the caller is calm: {made.models[0]} is tried in place of ")
    assert made.reasons[1:] == plan.reasons


def test_after_the_model_that_is_tried_the_plan_is_the_policys():
    plan = plan_for()
    made = tried(plan)
    assert made.models[1:] == tuple(m for m in plan.models if m != made.models[0])


# ---------------------------------------------------------------- and these never are

NEVER = {
    "learning is off": {"settings": Learning(enabled=False, explore=1.0)},
    "it is frozen": {"settings": Learning(enabled=True, frozen=True, explore=1.0)},
    "the share is none": {"settings": Learning(enabled=True, explore=0.0), "draw": 0.0},
    "the draw is above the share": {"settings": Learning(enabled=True, explore=0.3), "draw": 0.3},
    "tools are called": {"turn": turn(around=Circumstances(tools=True))},
    "the caller is frustrated": {"turn": turn(cues=VoiceCues(speech_s=2, frustration=0.9))},
    "the caller was so a turn ago": {"turn": turn(history=(past(0.9), past(0.05)))},
    "the caller was so three turns ago": {"turn": turn(history=(past(0.9), *[past(0.05)] * 2))},
    "an earlier turn was escalated": {"turn": turn(history=(past(None, True), past()))},
    "the words complain": {"turn": turn(transcript=Transcript("this is unacceptable"))},
    "nothing was said": {"turn": turn(transcript=Transcript(""))},
    "a rule chose": {"options": {"rules": (Rule("r", "turn.words > 0", "fast"),)}},
    "a rule heard the voice": {
        "options": {"rules": (Rule("r", "voice.hesitation > 0.1", "frontier"),)},
        "turn": turn(cues=VoiceCues(speech_s=2, hesitation=0.3)),
    },
    "the caller hesitates": {
        "turn": turn(
            cues=VoiceCues(speech_s=2, hesitation=0.9),
            transcript=Transcript("compare the gold and the silver plan for me if I move abroad"),
        )
    },
    "an experiment gives the model": {
        "options": {
            "routes": (
                RouteSettings(
                    "fast",
                    0.0,
                    variants=(Variant(("small",), 50, "a"), Variant(("medium",), 50, "b")),
                ),
                RouteSettings("frontier", 1.0),
            )
        }
    },
    "there is one model": {"models": MODELS[:1]},
}


@pytest.mark.parametrize("why", NEVER)
def test_a_turn_is_not_explored_when(why):
    case = dict(NEVER[why])
    if "rules" in case.get("options", {}):
        pytest.importorskip("cel")
    asked, models = case.pop("turn", CALM_TURN), case.pop("models", MODELS)
    plan = plan_for(asked, models, **case.pop("options", {}))
    assert plan.models
    assert tried(plan, asked, models=models, **case) is plan


def test_a_policy_that_does_not_weigh_models_is_never_explored():
    plan = thresholds.load().decide(CALM_TURN, MODELS)
    assert tried(plan) is plan


def test_frustration_that_is_not_known_is_not_calm():
    plan = msgspec.structs.replace(plan_for(), frustration=None)
    assert not calm(plan, CALM_TURN)
    assert tried(plan) is plan


def test_a_caller_is_calm_again_after_a_while():
    long_ago = turn(history=(past(0.6), *[past(0.05)] * 4))
    assert calm(plan_for(long_ago), long_ago)


def test_who_belongs_to_a_variant_of_another_route_is_never_explored_onto_another_variant():
    usual, bold = Variant(("deep",), 90, "usual"), Variant(("bolder",), 10, "bold")
    routes = (RouteSettings("fast", 0.0), RouteSettings("frontier", 1.0, variants=(usual, bold)))
    models = (
        Candidate("quick", "fast", ModelFacts(price_in=0.1, price_out=0.4, quality=0.8)),
        Candidate("deep", "frontier", ModelFacts(price_in=0.2, price_out=0.5, quality=0.84)),
        Candidate("bolder", "frontier", ModelFacts(price_in=0.2, price_out=0.5, quality=0.84)),
    )
    for user in range(50):
        caller = {"user": f"u{user}"}
        asked = Turn(1, Transcript("hello there"), None, (), caller, Circumstances())
        plan = plan_for(asked, models, routes=routes)
        mine = Ladder(routes, models, f"u{user}").drawn["frontier"]
        answered = {tried(plan, asked, draw=at / 50, models=models).models[0] for at in range(50)}
        assert answered == {"deep" if mine == "usual" else "bolder"}


def test_where_a_default_route_is_set_only_its_own_models_are_tried():
    plan = plan_for(default_route="fast")
    for at in range(100):
        assert tried(plan, draw=at / 100).models[0] in ("small", "medium")


# ---------------------------------------------------------------- over random plans

SHARES = st.one_of(st.none(), st.floats(0, 1))
SCORES = st.lists(
    st.builds(
        Score,
        st.sampled_from("abcdef"),
        st.sampled_from(["fast", "frontier", "aside"]),
        st.one_of(st.none(), st.floats(-1, 1)),
        excluded_by=st.sampled_from([None, None, None, "is too dear"]),
    ),
    max_size=8,
)


@st.composite
def plans(draw):
    scores = draw(SCORES)
    models = draw(st.permutations([*"abcdef"]))[: draw(st.integers(0, 6))]
    signals = ["utility", "default", "rule", "hesitation", "frustration", "escalation", "variant"]
    signal = draw(st.sampled_from(signals))
    return Plan(
        "fast",
        tuple(models),
        (Reason(signal, "so"),),
        0.3,
        scores=tuple(scores),
        rule=draw(st.sampled_from([None, None, "r"])),
        escalated=draw(st.booleans()),
        frustration=draw(SHARES),
        variant=draw(st.sampled_from(["", "", "b"])),
    )


@st.composite
def turns(draw):
    history = draw(st.lists(st.builds(past, SHARES, st.booleans()), max_size=5))
    around = Circumstances(
        only=tuple(draw(st.lists(st.sampled_from("abcdef"), max_size=3))), tools=draw(st.booleans())
    )
    return Turn(len(history) + 1, Transcript("well"), history=tuple(history), around=around)


BELIEFS = st.dictionaries(
    st.sampled_from("abcdef"), st.builds(Belief, st.floats(-0.5, 0.5), st.floats(0.001, 0.5))
)
CANDIDATES = tuple(Candidate(name, "fast") for name in "abcde")


@settings(max_examples=500)
@given(plans(), turns(), BELIEFS, st.floats(0, 1, exclude_max=True))
def test_a_frustrated_caller_is_never_explored(plan, asked, beliefs, drawn):
    made = explored(plan, asked, CANDIDATES, beliefs, ALL, drawn)
    heard = [past.frustration for past in asked.history[-3:]] + [plan.frustration]
    if plan.frustration is None or plan.escalated or asked.around.tools:
        assert made is plan
    if any(each is not None and each >= 0.6 for each in heard):
        assert made is plan
    if any(past.escalated for past in asked.history[-4:]):
        assert made is plan
    if made is not plan:
        assert plan.frustration < CALM_UNDER


OPEN_CHOICE = (Reason("utility", "so"),)


@given(
    st.lists(st.floats(0, 0.6), min_size=6, max_size=6),
    st.sets(st.sampled_from("abcdef"), max_size=3),
    st.sets(st.sampled_from("abcdef"), max_size=4),
    BELIEFS,
    st.floats(0, 1, exclude_max=True),
)
def test_nobody_is_tried_who_may_not_answer_or_is_expected_to_be_much_worse(
    worths, excluded, only, beliefs, drawn
):
    worth = dict(zip("abcdef", worths, strict=True))
    allowed = sorted(set(worth) - excluded, key=lambda name: -worth[name])
    assert allowed
    scores = [Score(name, "fast", worth[name]) for name in allowed]
    scores += [Score(name, "fast", excluded_by="is too dear") for name in excluded]
    # A policy of somebody's own may name in its plan whom a constraint excludes: not to be tried.
    models = (*allowed, *excluded)
    plan = Plan("fast", models, OPEN_CHOICE, 0.3, scores=tuple(scores), frustration=0.05)
    asked = Turn(1, Transcript("well"), around=Circumstances(only=tuple(only)))
    made = explored(plan, asked, CANDIDATES, beliefs, ALL, drawn)
    first = made.models[0]
    event("explored" if made is not plan else "not explored")
    if made is not plan:
        assert first in {each.name for each in CANDIDATES} - excluded - {allowed[0]}
        assert not only or first in only
        assert worth[allowed[0]] - worth[first] <= MOST_WORSE
        assert sorted(made.models) == sorted(models)


def weighed(**utilities):
    scores = tuple(Score(name, "fast", worth) for name, worth in utilities.items())
    return Plan("fast", tuple(utilities), OPEN_CHOICE, 0.3, scores=scores, frustration=0.05)


@pytest.mark.parametrize(("behind", "may"), [(MOST_WORSE - 0.01, True), (MOST_WORSE + 0.01, False)])
def test_there_is_a_bound_on_how_much_worse_a_try_is_expected_to_be(behind, may):
    plan = weighed(a=0.8, b=0.8 - behind)
    made = tried(plan, beliefs={"b": Belief(0, 0.4)}, models=CANDIDATES)
    assert (made is not plan) == may


def test_who_is_well_known_to_be_worse_has_nothing_more_to_teach():
    plan = weighed(a=0.8, b=0.7)
    assert tried(plan, beliefs={"b": Belief(0, 0.03)}, models=CANDIDATES) is plan
    assert tried(plan, beliefs={"b": Belief(0, 0.15)}, models=CANDIDATES).models == ("b", "a")


def test_the_one_with_most_to_gain_is_tried_most():
    plan = weighed(a=0.8, b=0.75, c=0.75, d=0.6)
    beliefs = {"b": Belief(0, 0.05), "c": Belief(0, 0.2), "d": Belief(0, 0.2)}
    count = dict.fromkeys("bcd", 0)
    for at in range(1000):
        count[tried(plan, beliefs=beliefs, draw=at / 1000, models=CANDIDATES).models[0]] += 1
    assert count["c"] > count["d"] > count["b"] > 0


# ---------------------------------------------------------------- the draw


@pytest.mark.parametrize("share", [0.02, 0.05, 0.3, 1.0])
def test_the_explored_share_of_calm_turns_is_what_the_settings_say(share):
    settings, plan, turns = Learning(enabled=True, explore=share, seed=3), plan_for(), 4000
    count = sum(
        tried(plan, settings=settings, draw=draw(3, f"call.{n}")).explored for n in range(turns)
    )
    assert abs(count - turns * share) <= 3.3 * math.sqrt(turns * share * (1 - share))


def test_the_same_decision_is_drawn_the_same_and_another_seed_draws_anew():
    assert draw(1, "a.1") == draw(1, "a.1")
    assert len({draw(seed, "a.1") for seed in range(50)}) == 50
    assert draw(1, "1.1") != draw(11, ".1")


@given(st.integers(), st.text(max_size=40).filter(lambda s: s.isprintable()))
def test_a_draw_is_a_share(seed, decision):
    assert 0 <= draw(seed, decision) < 1


def test_the_learner_explores_as_the_settings_say_and_not_at_all_when_off():
    plan = plan_for()
    on = Learner(Learning(enabled=True, explore=0.2, seed=5))
    off = Learner(Learning(enabled=False, explore=0.2, seed=5))
    made = [on.explored(plan, CALM_TURN, MODELS, f"c.{n}", 1e9) for n in range(1000)]
    assert abs(sum(each.explored for each in made) - 200) < 3.3 * math.sqrt(160)
    assert all(off.explored(plan, CALM_TURN, MODELS, f"c.{n}", 1e9) is plan for n in range(1000))
    again = [on.explored(plan, CALM_TURN, MODELS, f"c.{n}", 1e9) for n in range(1000)]
    assert again == made


@pytest.mark.parametrize("lift", [-2.0, -0.2, 0.0, 0.05, 0.5])
def test_what_was_learned_counts_as_far_as_quality_can_go(lift):
    told = Circumstances(learned={"large": {"default": lift}})
    for said in ("hello", "compare both plans over ten years, with interest, step by step"):
        plan = plan_for(turn(transcript=Transcript(said), around=told))
        score = next(each for each in plan.scores if each.model == "large")
        terms = {term.name: term.value for term in score.contributions}
        expected = min(max(terms["quality"] + lift, 0), 1)
        assert terms["quality"] + terms.get("learned", 0.0) == pytest.approx(expected)


def test_what_was_learned_of_a_task_wins_over_the_rest():
    asked = turn(transcript=Transcript("can you write a poem"))
    other = turn(transcript=Transcript("well then"))
    task = plan_for(asked).task
    assert task is not None
    known = Circumstances(learned={"large": {"default": -0.3, task: -0.1}})

    def learned(asked, around):
        plan = plan_for(turn(transcript=asked.transcript, around=around))
        terms = next(each for each in plan.scores if each.model == "large").contributions
        return {term.name: term.value for term in terms}["learned"]

    assert learned(asked, known) == pytest.approx(-0.1)
    assert learned(other, known) == pytest.approx(-0.3)
