"""The router's first form: what a turn asks for, and which route that earns it."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise import plugins
from tonewise.errors import ConfigError
from tonewise.facts import Transcript, VoiceCues
from tonewise.plan import Exchange
from tonewise.routing import complexity as scoring
from tonewise.routing import small_talk, thresholds
from tonewise.routing.complexity import LONGEST, complexity, in_words
from tonewise.routing.cue_words import GROUPS
from tonewise.stages import Candidate, Turn

FAST, FRONTIER = Candidate("quick", "fast"), Candidate("deep", "frontier")

SIMPLE = """
hi
hello there how are you
yes
yes please
no thanks that's all
um yeah that's right
okay great thank you so much bye
where's my order
um where's my uh where's my order
i want to know where my package is
what time do you close today
are you open on sunday
what's my account balance
i forgot my password
can you reset my password please
my name is john smith
november the fifth
it's four one five five five five zero one nine nine
one hundred and fifty dollars
the second of march at half past three
my zip code is nine four one one zero
book a table for two tomorrow at seven
i'd like a large latte with oat milk and a blueberry muffin to go please
can i get two mochas one with almond milk and the other with two percent
cancel my appointment on friday
can you check if my refund has gone through
let me know if it's going to rain tomorrow
speak to a manager
i want to speak to a manager right now
no no no that's not what i said
set a timer for ten minutes
turn off the lights in the kitchen
how do i activate my new card
why was i charged a fee
when will my replacement card arrive
how much does it cost to ship a parcel to canada
i need a one way flight from boston to denver on the eleventh of march
could you send me the receipt for my last order
what's the weather like in chicago this weekend
please transfer fifty dollars from checking to savings
i lost my card
"""

COMPLEX = """
compare a fifteen year fixed with a thirty year and tell me which one costs me less
um so i'm trying to uh compare a fifteen year fixed mortgage with a thirty year one
what's the difference between term and whole life insurance
i have two mortgage offers one is a thirty year fixed at six percent and the other is a five year \
adjustable at five percent and we will probably move after ten years so which one is cheaper
should i pay off my student loans first or put the money into an index fund
if i sell the house this year do i owe capital gains even though i lived in it for only \
eighteen months
explain how the deductible and the out of pocket maximum work together
i'm past the deadline but my policy says i'm entitled to a refund so can you make an exception
can i return it after the deadline if the manual was missing even though the box is open
write a python function that reverses a linked list
why does my sql query get slower when i add a second join
my docker container can't reach the database but it works without the firewall how should i debug it
prove that the square root of two is irrational
what's the probability that two dice add up to seven or eleven
a train leaves at nine going sixty miles an hour and another at ten going eighty when does it \
catch up and how would i calculate that
can i take ibuprofen if i'm on blood thinners
what are the side effects of metformin if you are pregnant
my chest hurts and my left arm is numb and i feel dizzy
my landlord wants to keep the security deposit because of a carpet that was old when i moved in \
what are my rights
can my employer enforce a non compete if i was fired without severance
i signed the contract but the clause about liability changed after that can i sue
what happens to my pension if i move abroad before i retire
first explain the policy and then tell me which of the two plans makes more sense for a \
family of four
help me understand why my premiums went up and what happens if i switch to a higher deductible
write a short story about a lighthouse in the style of hemingway
design a marketing strategy for a small bakery with a limited budget
analyze the pros and cons of moving our servers to the cloud
what are the ethical implications of using ai to screen job applicants
walk me through the steps to set up a trust fund for my kids
"""


FRUSTRATED = """
i've called three times and nobody has fixed it
i've called three times already and nobody has fixed my internet this is ridiculous
this is the worst service i have ever had
"""


def lines(table):
    return table.strip().splitlines()


def test_the_table_of_spoken_turns_is_long_enough_to_mean_something():
    assert len(lines(SIMPLE)) + len(lines(COMPLEX)) >= 60


@pytest.mark.parametrize("text", lines(SIMPLE))
def test_a_simple_turn_goes_to_the_fast_model(text):
    assert decide(text).route == "fast", complexity(text)


@pytest.mark.parametrize("text", lines(COMPLEX))
def test_a_complex_turn_goes_to_the_frontier_model(text):
    assert decide(text).route == "frontier", complexity(text)


@pytest.mark.parametrize("text", lines(FRUSTRATED))
def test_a_frustrated_turn_goes_to_the_frontier_model_though_it_is_simple(text):
    assert complexity(text)[0] < 0.5
    plan = decide(text)
    assert (plan.route, plan.reasons[0].signal) == ("frontier", "frustration")
    assert plan.frustration == plan.reasons[0].value >= 0.6


@pytest.mark.parametrize("text", [*lines(SIMPLE), *lines(COMPLEX)])
def test_case_punctuation_and_filled_pauses_change_nothing(text):
    typed = f"Um, {text.capitalize()}?!"
    heard = "uh um " + text.replace("'", "").replace(" ", " uh ")
    assert complexity(typed) == complexity(text)
    assert complexity(heard) == complexity(text)


def decide(text, *, cues=None, history=(), candidates=(FAST, FRONTIER), **options):
    past = tuple(Exchange(i, said, "…", "fast") for i, said in enumerate(history, start=1))
    turn = Turn(len(past) + 1, Transcript(text), cues, past)
    return thresholds.load(**options).decide(turn, candidates)


def voice(**cues):
    return VoiceCues(speech_s=2.0, **cues)


# ---------------------------------------------------------------- the score


def test_the_score_is_the_sigmoid_of_the_sum_of_its_terms():
    score, terms = complexity(lines(COMPLEX)[3])
    assert terms[0].name == "bias"
    assert {"words", "numbers", "comparison", "finance"} <= {term.name for term in terms}
    assert score == 1 / (1 + math.exp(-math.fsum(term.contribution for term in terms)))


def test_words_said_twice_count_once():
    assert complexity("i i i want the um the invoice") == complexity("i want the invoice")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("one hundred and fifty dollars", 1),
        ("$1,250.75", 1),
        ("two point five percent", 1),
        ("four one five five five five zero one nine nine", 1),
        ("two lattes and three teas", 2),
        ("3 rooms for 2 nights at 90 euros", 3),
        ("another one", 0),
    ],
)
def test_a_number_of_several_words_is_one_number(text, numbers):
    assert scoring.read(text).numbers == numbers


def test_check_if_is_no_condition_but_only_if_is():
    def names(text):
        return {term.name for term in complexity(text)[1]}

    assert "conditions" not in names("can you check if it has shipped")
    assert "conditions" in names("send it only if it has shipped")


def test_chinese_is_measured_by_its_characters():
    short, long = (
        complexity("你好")[0],
        complexity("请比较十五年固定利率抵押贷款和三十年浮动利率贷款" * 4)[0],
    )
    assert short < 0.1 < long


def test_no_phrase_stands_in_two_places_of_the_table():
    tables = [group.phrases for group in GROUPS]
    tables += [small_talk.INERT, small_talk.COURTESIES, small_talk.HEDGES]
    counted = Counter(" ".join(phrase) for table in tables for phrase in scoring._split(table))
    assert [phrase for phrase, count in counted.items() if count > 1] == []


def test_every_group_of_cues_gives_its_reason_and_a_sane_weight():
    for group in GROUPS:
        assert group.why.endswith(".")
        assert 0.2 <= abs(group.weight) <= 2
        assert 1 <= group.most <= 5
    assert len({group.name for group in GROUPS}) == len(GROUPS)


def test_a_short_follow_up_inherits_part_of_the_complexity_before_it():
    hard = lines(COMPLEX)[3]
    alone, after = complexity("why")[0], complexity("um and why is that", [hard])[0]
    assert alone < 0.2
    assert 0.5 < after < complexity(hard)[0]
    assert complexity("what about the other one", ["hi", hard, "why"])[0] > 0.4
    assert complexity("what about the other one", [hard, "where's my order"])[0] < 0.2


def test_a_turn_that_stands_on_its_own_feet_inherits_nothing():
    hard = lines(COMPLEX)[3]
    for text in ("thanks bye", "yes please", "where's my order", "i've called three times"):
        assert complexity(text, [hard]) == complexity(text)


def test_a_follow_up_never_makes_a_turn_simpler():
    text = "what if i sell my shares and buy bonds"
    assert complexity(text, ["hi"]) == complexity(text)


def test_what_is_beyond_the_longest_turn_is_not_read():
    text = "word " * LONGEST
    assert complexity(text) == complexity(text[:LONGEST])


@given(text=st.text(max_size=300), history=st.lists(st.text(max_size=60), max_size=6))
def test_any_text_has_a_score_between_zero_and_one(text, history):
    score, terms = complexity(text, history)
    assert 0 < score < 1
    assert all(math.isfinite(term.contribution) for term in terms)
    assert complexity(text, history) == (score, terms)
    assert in_words(terms)


WORDS = st.lists(
    st.sampled_from(sorted({word for line in lines(SIMPLE + COMPLEX) for word in line.split()})),
    max_size=40,
)


@given(words=WORDS, history=st.lists(WORDS, max_size=5))
def test_any_speech_has_a_score_between_zero_and_one(words, history):
    score, _ = complexity(" ".join(words), [" ".join(past) for past in history])
    assert 0 < score < 1


# ---------------------------------------------------------------- the policy


def test_a_frustrated_caller_gets_the_frontier_model_for_a_simple_turn():
    text = "where's my order"
    assert decide(text).route == "fast"
    plan = decide(text, cues=voice(frustration=0.8))
    assert plan.route == "frontier"
    assert plan.reasons[0].signal == "frustration"
    assert plan.reasons[0].text.startswith("frustration 0.80 ≥ 0.60")


def test_a_hesitant_caller_meets_a_lower_bar():
    text = "i don't really know maybe compare the two plans you have"
    assert 0.25 <= complexity(text)[0] < 0.5
    assert decide(text, cues=voice(hesitation=0.3)).route == "fast"
    plan = decide(text, cues=voice(hesitation=0.7))
    assert plan.route == "frontier"
    assert plan.reasons[0].signal == "hesitation"
    assert "hesitation 0.70 ≥ 0.40, and complexity" in plan.reasons[0].text


def test_a_trivial_turn_stays_fast_however_hesitantly_it_is_said():
    plan = decide("um yes please", cues=voice(hesitation=0.95))
    assert plan.route == "fast"
    assert plan.reasons[0].signal == "complexity"
    assert "but the turn is simple" in plan.reasons[1].text


@pytest.mark.parametrize("cues", [None, voice(), voice(frustration=math.nan, hesitation=math.nan)])
def test_a_cue_that_was_not_measured_is_absent_from_the_reasons(cues):
    plan = decide("where's my order", cues=cues)
    assert [reason.signal for reason in plan.reasons] == ["complexity"]


def test_the_deciding_reason_says_what_weighs_most_and_the_numbers_behind_it():
    plan = decide(lines(COMPLEX)[0])
    assert plan.reasons[0].text == (
        f"complexity {plan.complexity:.2f} ≥ 0.50: "
        "compares options, is about long-term money, 15 words, 2 numbers"
    )
    assert plan.reasons[0].value == plan.complexity
    assert plan.reasons[0].threshold == 0.5


def test_a_score_just_under_its_threshold_is_shown_to_be_under_it():
    score = complexity("where's my order")[0]
    plan = decide("where's my order", frontier_at=score + 0.0004)
    assert f"{score:.4f} < {score + 0.0004:.4f}" in plan.reasons[0].text


def test_a_turn_without_words_is_fast():
    assert decide("").route == "fast"
    assert "nothing is asked" in decide("").reasons[0].text


def test_history_reaches_the_score():
    hard = lines(COMPLEX)[3]
    assert decide("why", history=[hard]).route == "frontier"


@pytest.mark.parametrize(
    ("text", "models"),
    [
        ("hi", ("f1", "f2", "d1", "d2", "x")),
        ("write a python function to solve it", ("d1", "d2", "f1", "f2", "x")),
    ],
)
def test_the_other_routes_models_are_the_fallback_and_unknown_routes_come_last(text, models):
    candidates = (
        Candidate("x", "private"),
        Candidate("d1", "frontier"),
        Candidate("f1", "fast"),
        Candidate("d2", "frontier"),
        Candidate("f2", "fast"),
    )
    assert decide(text, candidates=candidates).models == models


def test_one_model_answers_whatever_the_route():
    assert decide("hi", candidates=(FRONTIER,)).models == ("deep",)
    assert decide("hi", candidates=()).models == ()


shares = st.none() | st.floats(0, 1)
RANK = {"fast": 0, "frontier": 1}


@given(words=WORDS, hesitation=shares, frustration=shares)
def test_the_voice_only_ever_moves_a_turn_towards_the_frontier(words, hesitation, frustration):
    text = " ".join(words)
    heard = decide(text, cues=voice(hesitation=hesitation, frustration=frustration))
    assert RANK[heard.route] >= RANK[decide(text).route]
    assert heard.complexity == decide(text).complexity


@given(words=WORDS, low=st.floats(0, 1), high=st.floats(0, 1), other=shares)
def test_more_frustration_or_hesitation_never_gives_a_weaker_model(words, low, high, other):
    low, high = sorted((low, high))
    text = " ".join(words)
    for cue, beside in (("frustration", "hesitation"), ("hesitation", "frustration")):
        less = decide(text, cues=voice(**{cue: low, beside: other}))
        more = decide(text, cues=voice(**{cue: high, beside: other}))
        assert RANK[more.route] >= RANK[less.route]


@given(
    words=WORDS,
    routes=st.lists(st.sampled_from(["fast", "frontier", "private"]), max_size=8),
    frustration=shares,
)
def test_a_plan_names_every_model_once_and_keeps_the_order_within_a_route(
    words, routes, frustration
):
    candidates = tuple(Candidate(f"m{i}", route) for i, route in enumerate(routes))
    cues = voice(frustration=frustration)
    plan = decide(" ".join(words), cues=cues, candidates=candidates)
    assert sorted(plan.models) == sorted(each.name for each in candidates)
    for route in set(routes):
        of_route = [each.name for each in candidates if each.route == route]
        assert [name for name in plan.models if name in of_route] == of_route
    if plan.route in routes:
        assert plan.models[0] == next(c.name for c in candidates if c.route == plan.route)
    decisive = plan.reasons[0]
    assert (decisive.value >= decisive.threshold) == (plan.route == "frontier")


@pytest.mark.parametrize("wrong", [-0.1, 1.5, math.nan, "0.5", True, None])
@pytest.mark.parametrize(
    "option", ["frontier_at", "hesitant_at", "hesitant_complexity", "frustrated_at"]
)
def test_a_threshold_out_of_range_is_refused_by_name(option, wrong):
    with pytest.raises(ConfigError, match=f"{option}.*from 0 to 1"):
        plugins.load("routing", "thresholds", {option: wrong})


def test_the_thresholds_are_options():
    assert decide("hi", frontier_at=0).route == "frontier"
    assert decide("hi", cues=voice(frustration=0.3), frustrated_at=0.3).route == "frontier"
    hesitant = decide("hi", cues=voice(hesitation=0.1), hesitant_at=0.1, hesitant_complexity=0)
    assert hesitant.route == "frontier"


def test_the_shared_parts_of_the_room_are_no_policies():
    assert "thresholds" in plugins.names("routing")
    assert not {"complexity", "cue_words", "small_talk"} & set(plugins.names("routing"))
