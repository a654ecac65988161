"""Frustration: what callers say, what they say again, how they sound, and how it lingers."""

import math
import re
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise import plugins
from tonewise.errors import ConfigError
from tonewise.facts import Departure, Transcript, VoiceCues
from tonewise.plan import Circumstances, Exchange
from tonewise.routes import Rule
from tonewise.routing import patience_words, thresholds
from tonewise.routing.complaints import SIGNS
from tonewise.routing.frustration import frustration, heard, in_words
from tonewise.routing.phrases import split
from tonewise.routing.said_again import again, said
from tonewise.stages import Candidate, Turn

FRUSTRATED = """
i've called three times and nobody has fixed it
i've called three times already and nobody has fixed my internet this is ridiculous
this is the third time i'm calling about the same bill
i have asked you five times now and nobody is helping me
this is the worst service i have ever had
this is completely unacceptable
i'm really frustrated with this
i am so angry right now
i'm sick and tired of being put on hold
you people are useless
what a joke
are you kidding me
this is a waste of my time
i've had enough of this
oh for god's sake
what the hell is going on
i'm fed up i want my money back
no that's not what i said you are not listening i said tuesday
how can you be so incompetent
stop wasting my time and get me a manager
i was promised a refund and i'm still waiting this is very disappointing
shut up and give me an agent
damn it just give me a human
"""

ELEVATED = """
speak to a manager
i want to speak to a manager right now
can i talk to a real person please
representative
operator please
get me a human
could you put me through to your supervisor
no no no that's not what i said
i already told you that
as i told you my name is anna
like i said it's the blue one
great another transfer
thanks for nothing
just great
i'm not happy with this
i would like to make a complaint
that's a bit disappointing to be honest
i'm still waiting for my parcel
nobody called me back
my internet keeps dropping
you hung up on me
i called twice about this
it's not right that i have to pay for this
i'll take my business elsewhere
never again
how many times do i have to say it
that's wrong
that is incorrect
no i don't want that show me something else
you charged me twice
this is taking forever
i find this rather annoying
"""

CALM = """
where's my order
hi
yes please
no thanks
no problem
no problem at all thank you
not bad
not bad at all actually
no worries take your time
no thank you that's all
no that's all thanks bye
i'm not angry
i'm not at all upset
that's not ridiculous
no rush
i can't wait to see it
i can't complain
sounds great thank you so much
oh great thank you
that's just perfect thanks
i'd like to book a table for one person
i'm looking for a real estate agent
my travel agent booked it
i need the human resources department
take the pill three times a day
play the song three times in a row
i've been to paris three times
what's the worst case
tell me a joke
i have an upset stomach
could you check if there's another flight
do you have any other colours
can you compare the two plans for me
it doesn't have to be today
why was i charged a fee
how do i cancel my subscription
i need to change my address
i made a horrible mistake with the date
sorry for the confusion
"""


MODELS = (Candidate("quick", "fast"), Candidate("deep", "frontier"))


def lines(table):
    return table.strip().splitlines()


def score(text, history=(), cues=None, **known):
    return frustration(text, history, cues, **known)[0]


def names(text, history=(), cues=None, **known):
    return {term.name for term in frustration(text, history, cues, **known)[1]}


def call(*turns):
    """A history: what was said, and the reply to it."""
    return tuple(Exchange(at, *turn, "fast") for at, turn in enumerate(turns, start=1))


def voice(**cues):
    return VoiceCues(speech_s=2.0, **cues)


# ---------------------------------------------------------------- words


def test_the_table_of_spoken_turns_is_long_enough_to_mean_something():
    assert len(lines(FRUSTRATED) + lines(ELEVATED) + lines(CALM)) >= 60


@pytest.mark.parametrize("text", lines(FRUSTRATED))
def test_a_caller_who_says_that_it_is_enough_is_believed(text):
    assert score(text) >= 0.6, frustration(text)


@pytest.mark.parametrize("text", lines(ELEVATED))
def test_a_complaint_is_noticed_and_is_no_alarm_by_itself(text):
    assert 0.1 <= score(text) < 0.6, frustration(text)


@pytest.mark.parametrize("text", lines(CALM))
def test_a_calm_turn_is_as_good_as_nothing(text):
    assert score(text) < 0.1, frustration(text)


@pytest.mark.parametrize("text", [*lines(FRUSTRATED), *lines(ELEVATED), *lines(CALM)])
def test_case_punctuation_and_filled_pauses_change_nothing(text):
    typed = f"Um, {text.capitalize()}?!"
    heard = "uh um " + text.replace("'", "").replace(" ", " uh ")
    assert frustration(typed) == frustration(text)
    assert frustration(heard) == frustration(text)


def test_no_phrase_stands_in_two_places_of_the_table():
    tables = [sign.phrases for sign in SIGNS] + [patience_words.INERT]
    counted = Counter(" ".join(phrase) for table in tables for phrase in split(table))
    assert [phrase for phrase, count in counted.items() if count > 1] == []


def test_every_sign_gives_its_reason_and_a_sane_amount():
    for sign in SIGNS:
        assert sign.why.endswith(".")
        assert 0.2 <= sign.amount <= 3
        assert sign.most in (1, 2)
    assert len({sign.name for sign in SIGNS}) == len(SIGNS)


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: sign.name)
def test_every_phrase_of_the_table_is_found(sign):
    lost = [
        " ".join(phrase)
        for phrase in split(sign.phrases)
        if sign.name not in names(" ".join(phrase))
    ]
    assert lost == []


def test_what_is_denied_is_taken_back_and_what_is_asked_is_not():
    assert "outburst" in names("it is ridiculous")
    assert "outburst" not in names("it's not really that ridiculous")
    assert "outburst" in names("i did not ask for that it is ridiculous")


def test_thanks_count_for_nothing_beside_a_complaint():
    assert score("this is unacceptable thank you") == score("this is unacceptable")
    assert score("great perfect wonderful this is unacceptable") == score("this is unacceptable")
    assert score("great perfect thank you") < score("where's my order")


def test_in_words_the_weightiest_comes_first():
    _, terms = frustration("i've called three times nobody has fixed it get me a manager")
    assert in_words(terms) == (
        "says that nobody has put it right, asks for a person, has tried three times or more"
    )


def test_another_language_is_not_guessed_at():
    assert frustration("das ist ja eine schande", language="de") == (None, ())
    once = call(("meine kundennummer ist falsch geschrieben", "Verstanden."))
    told = frustration("meine kundennummer ist falsch geschrieben", once, language="de")
    assert "says it again" in {term.name for term in told[1]}


def test_nothing_said_and_nothing_heard_is_no_score():
    assert frustration("") == (None, ())
    assert frustration("um uh", (), voice()) == (None, ())
    assert frustration("", (), voice(arousal=0.9))[0] > 0.05


# ---------------------------------------------------------------- the call


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("where is my order", "where's my order"),
        ("so where is my order then i said where is my order", "where is my order"),
        ("again i want the blue jacket in large", "i want the blue jacket in large please"),
        ("the blue jacket in large", "hello i would like to have the blue jacket in size large"),
        ("eight four two one", "my order number is 8421"),
        ("it's 8 4 2 1", "uh eight four two one"),
        ("cancel my reservations for friday", "i need to cancel my reservation for friday"),
        ("我要取消我的订单", "我要取消我的订单谢谢"),
    ],
)
def test_a_turn_that_is_said_again_is_found_however_it_is_put(now, before):
    assert again(said(now), said(before))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ("yes please", "yes please"),
        ("no thank you very much", "no thank you very much"),
        ("where is my refund", "where is my order"),
        ("eight four two two", "eight four two one"),
        ("book a table for two", "book a flight to boston"),
        ("what is the address", "what is the phone number"),
        ("a room for 3 nights from monday", "a room for 4 nights from monday"),
        ("", ""),
    ],
)
def test_a_turn_that_says_something_else_is_no_repetition(now, before):
    assert not again(said(now), said(before))


def test_whoever_has_to_say_it_three_times_is_frustrated():
    history = call(
        ("my order number is eight four two one", "Sorry, I didn't get that."),
        ("eight four two one", "I'm sorry, I did not catch that. Could you repeat it?"),
    )
    first, second = (
        score("my order number is eight four two one"),
        score("eight four two one", history[:1]),
    )
    third = score("no i said eight four two one", history)
    assert first < 0.1 < second < 0.6 <= third
    assert {"says it again", "says no", "corrects", "getting worse"} <= names(
        "no i said eight four two one", history
    )


def test_patience_shows_in_length():
    history = call(("i would like to change the delivery address of my order", "Which one?"))
    assert "in fewer words" in names("change delivery address order", history)
    assert "in fewer words" not in names(
        "i would like to change the delivery address of my order", history
    )


def test_a_reply_that_failed_counts_and_one_that_did_not_does_not():
    failed = call(("find me a table", "I'm sorry, I didn't get that."))
    served = call(("find me a table", "Your table is booked for seven."))
    assert score("for two at seven", failed) > score("for two at seven", served)


def test_a_no_that_only_closes_the_matter_is_harmless():
    more = call(("book it", "Booked! Is there anything else I can do for you?"))
    offer = call(("book it", "I have a table at nine. Shall I take it?"))
    assert "says no" not in names("no", more)
    assert "says no" in names("no", offer)
    assert "says no" not in names("no that's all thank you", offer)


def test_a_question_that_was_answered_before_is_asked_again():
    history = call(
        ("a table please", "Sure. How many people will be dining?"),
        ("four", "And at what time?"),
        ("at eight", "How many people will be dining?"),
    )
    assert "we asked again" in names("four people", history)
    assert "we asked again" not in names("at eight", history[:2])


def test_frustration_lingers_and_fades():
    angry = Exchange(
        1, "this is unacceptable", "I am looking into it.", "frontier", frustration=0.9
    )
    calm = score("it is the one from march", (angry,))
    assert calm == pytest.approx(0.6 * 0.9 + 0.4 * 0.0474, abs=0.002)
    assert "was frustrated" in names("it is the one from march", (angry,))
    later = (angry, Exchange(2, "it is the one from march", "Found.", "frontier", frustration=calm))
    again_calm = score("the second one", later)
    assert again_calm < 0.4 < calm


def test_a_score_that_the_history_does_not_bring_is_worked_out_from_its_words():
    known = call(("this is unacceptable", "I see."))
    assert "was frustrated" in names("it is the one from march", known)


def test_a_low_level_does_not_linger():
    before = (Exchange(1, "no", "Fine.", "fast", frustration=0.3),)
    assert "was frustrated" not in names("it is the one from march", before)


# ---------------------------------------------------------------- the voice


def test_a_plainly_angry_voice_alone_stays_under_the_threshold_and_words_take_it_over():
    angry = voice(emotion={"anger": 0.69}, arousal=0.725, departure=Departure(arousal=1.5))
    alone = score("where is my order", (), angry)
    assert alone == pytest.approx(0.46, abs=0.01)
    assert score("i'm still waiting for my order", (), angry) >= 0.6


def test_every_term_of_the_voice_at_its_ceiling_is_the_override():
    furious = voice(emotion={"angry": 1.0}, arousal=1.0, departure=Departure(arousal=9.0))
    assert score("where is my order", (), furious) == pytest.approx(0.85, abs=0.01)


def test_cheerful_shouting_is_not_frustration():
    changed = Departure(arousal=9.0, valence=3.0)
    cheerful = voice(emotion={"joy": 0.9, "anger": 0.02}, arousal=1.0, departure=changed)
    assert score("we won", (), cheerful) < 0.6


CALM_VOICE = voice(
    emotion={"neutral": 0.9, "anger": 0.02}, arousal=0.4, departure=Departure(-0.3, 0.1)
)
TENSE_VOICE = voice(
    emotion={"neutral": 0.5, "anger": 0.4}, arousal=0.62, departure=Departure(0.9, -0.4)
)
ANGRY_VOICE = voice(emotion={"anger": 0.85}, arousal=0.85, departure=Departure(2.2, -1.0))


@pytest.mark.parametrize(
    ("text", "calm", "tense", "angry"),
    [
        ("where is my order", 0.03, 0.22, 0.76),
        ("yes please", 0.02, 0.22, 0.76),
        ("i already told you that", 0.14, 0.48, 0.91),
        ("i'm still waiting for my order", 0.22, 0.64, 0.94),
    ],
)
def test_the_same_words_in_another_voice_are_another_matter(text, calm, tense, angry):
    scores = [score(text, (), cues) for cues in (CALM_VOICE, TENSE_VOICE, ANGRY_VOICE)]
    assert scores == pytest.approx([calm, tense, angry], abs=0.02)
    assert score(text, (), voice()) == score(text) == pytest.approx(calm, abs=0.02)


def test_an_unknown_voice_leaves_the_score_to_the_words():
    unknown = voice(unknown="0.6 s of speech", quality=0.2, hesitation=0.9, filled_pauses=3)
    for text in (*lines(CALM), *lines(FRUSTRATED)):
        assert frustration(text, (), unknown) == frustration(text)
    assert heard(unknown) is heard(None) is None


def test_the_voice_alone_is_a_score_of_its_own():
    assert heard(CALM_VOICE) == pytest.approx(0.047, abs=0.001)
    assert heard(ANGRY_VOICE) == pytest.approx(score("where is my order", (), ANGRY_VOICE))
    assert heard(voice(frustration=0.7)) == pytest.approx(0.7)


def test_a_policy_hears_both_and_a_rule_may_ask_for_either():
    asked = [
        Rule("voice", "voice.frustration > 0.7", "frontier"),
        Rule("both", "turn.frustration > 0.5", "frontier"),
    ]
    for use, options in (("thresholds", {}), ("policy", {}), ("policy", {"rules": asked})):
        policy = plugins.load("routing", use, options)
        plans = [
            policy.decide(Turn(1, Transcript("i'm still waiting for my order"), cues), MODELS)
            for cues in (None, CALM_VOICE, TENSE_VOICE, ANGRY_VOICE)
        ]
        assert [plan.route for plan in plans] == ["fast", "fast", "frontier", "frontier"]
        if options:
            assert [plan.rule for plan in plans[2:]] == ["both", "voice"]
            assert all(plan.escalated for plan in plans[2:])


@pytest.mark.parametrize("when", ["turn.frustration < 0.5", "turn['frustration'] == 0.0"])
def test_a_rule_may_not_reward_a_caller_for_words_that_are_calm(when):
    with pytest.raises(ConfigError, match="may only help a caller"):
        plugins.load("routing", "policy", {"rules": [Rule("calm", when, "fast")]})


def test_a_rule_reads_what_the_voice_tells_and_what_it_does_not_is_absent():
    known = voice(
        filled_pauses=2, filled_pause_s=0.8, quality=0.5, departure=Departure(arousal=1.5)
    )
    when = (
        "voice.filled_pauses == 2 && voice.filled_pause_s > 0.7 && voice.quality >= 0.5 "
        "&& voice.arousal_change > 1.0 && !has(voice.valence_change)"
    )
    policy = plugins.load("routing", "policy", {"rules": [Rule("r", when, "frontier")]})
    assert policy.decide(Turn(1, Transcript("hi"), known), MODELS).rule == "r"
    assert policy.decide(Turn(1, Transcript("hi"), voice()), MODELS).rule is None


def test_a_cue_that_was_not_measured_is_not_listed():
    listed = names("where's my order", (), voice(arousal=math.nan, emotion={"joy": 0.4}))
    assert not listed & {"angry voice", "arousal", "arousal rises", "valence drops"}
    assert "talks over us" not in names("where's my order", talk_overs=0)
    assert "talks over us" in names("where's my order", talk_overs=1)


@pytest.mark.parametrize("given", [0.1, 0.3, 0.7, 0.95])
def test_what_a_client_measured_stands_for_the_voice_and_words_add_to_it(given):
    cues = voice(frustration=given)
    assert score("it is the one from march", (), cues) == pytest.approx(given, abs=0.02)
    assert score("get me a manager", (), cues) > given


def test_of_the_voice_and_the_client_the_one_that_says_more_counts():
    both = voice(frustration=0.2, emotion={"anger": 0.9}, arousal=0.9)
    assert score("hello", (), both) == score("hello", (), voice(emotion=both.emotion, arousal=0.9))
    assert "told by the client" in names("hello", (), voice(frustration=0.9, arousal=0.6))


# ---------------------------------------------------------------- properties

WORDS = sorted({word for line in lines(FRUSTRATED + ELEVATED + CALM) for word in line.split()})
speech = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
shares = st.none() | st.floats(0, 1)
exchanges = st.lists(
    st.builds(
        Exchange,
        turn=st.just(1),
        said=speech,
        replied=st.sampled_from(
            ["", "Sorry, I didn't get that.", "Done. Anything else?", "Which?"]
        ),
        route=st.just("fast"),
        frustration=shares,
    ),
    max_size=9,
).map(tuple)


@given(text=st.text(max_size=300) | speech, history=exchanges, arousal=shares, told=shares)
def test_any_turn_has_a_score_that_is_the_sigmoid_of_its_terms(text, history, arousal, told):
    found, terms = frustration(text, history, voice(arousal=arousal, frustration=told))
    if found is None:
        assert terms == ()
        return
    assert 0 <= found <= 1
    total = math.fsum(term.contribution for term in terms)
    assert found == pytest.approx(1 / (1 + math.exp(-total)), abs=1e-6)
    assert frustration(text, history, voice(arousal=arousal, frustration=told)) == (found, terms)


@given(
    text=speech,
    history=exchanges,
    cues=st.fixed_dictionaries({"anger": shares, "arousal": shares, "told": shares}),
    raised=st.sampled_from(["anger", "arousal", "told", "rise", "drop", "talk_overs"]),
    by=st.floats(0, 1),
)
def test_more_in_the_voice_never_lowers_the_score(text, history, cues, raised, by):
    def heard(**changed):
        known = {"rise": None, "drop": None, "talk_overs": 0, **cues, **changed}
        emotion = None if known["anger"] is None else {"anger": known["anger"]}
        drop = known["drop"]
        return score(
            text,
            history,
            voice(
                emotion=emotion,
                arousal=known["arousal"],
                frustration=known["told"],
                departure=Departure(known["rise"], None if drop is None else -drop),
            ),
            talk_overs=known["talk_overs"],
        )

    least = cues.get(raised) or 0
    less = heard(**{raised: least})
    most = least + 1 if raised == "talk_overs" else min(least + by, 1) if raised in cues else by * 3
    more = heard(**{raised: most})
    if less is not None and more is not None:
        assert more >= less - 1e-9


@given(
    text=st.sampled_from([*lines(CALM), *lines(FRUSTRATED)]),
    history=exchanges,
    complaint=st.sampled_from(
        ["this is ridiculous", "nobody has fixed it", "get me a manager", "i already told you"]
    ),
)
def test_a_complaint_never_lowers_the_score(text, history, complaint):
    # With more words, a turn may be no repetition any more.
    if not any(again(said(text), said(past.said)) for past in history):
        assert score(f"{text} and {complaint}", history) >= score(text, history) - 1e-9


@given(text=speech, history=exchanges)
def test_what_the_reasons_say_never_breaks(text, history):
    _, terms = frustration(text, history)
    assert not re.search(r"(, ,|^,|,$)", in_words(terms))


# ---------------------------------------------------------------- the policy

MODELS = (Candidate("quick", "fast"), Candidate("deep", "frontier"))


def decide(text, history=(), cues=None, **known):
    turn = Turn(len(history) + 1, Transcript(text), cues, history, **known)
    return thresholds.load().decide(turn, MODELS)


def test_words_alone_take_a_frustrated_caller_to_the_frontier_and_say_why():
    plan = decide("i've called three times and nobody has fixed it")
    assert plan.route == "frontier"
    assert plan.reasons[0].signal == "frustration"
    assert re.match(
        r"frustration 0\.\d\d ≥ 0\.60: .*has tried three times or more", plan.reasons[0].text
    )


def test_asking_for_a_manager_is_told_though_it_decides_nothing_alone():
    plan = decide("speak to a manager")
    assert plan.route == "fast"
    assert plan.frustration > 0.1
    assert "frustration 0.18 < 0.60: asks for a person" in [r.text for r in plan.reasons]


def test_talking_over_us_counts():
    over = decide("i already told you", around=Circumstances(talk_over=True))
    assert over.frustration > decide("i already told you").frustration


def test_an_ordinary_turn_has_a_score_and_no_remark():
    plan = decide("where's my order")
    assert 0 < plan.frustration < 0.1
    assert [reason.signal for reason in plan.reasons] == ["complexity"]


def test_it_takes_no_time():
    history = call(*((line, "I'm sorry, could you say that again?") for line in lines(ELEVATED)))
    text = " ".join(lines(FRUSTRATED)[:3])

    def micros():
        began = time.perf_counter()
        frustration(text, history)
        return (time.perf_counter() - began) * 1e6

    assert min(micros() for _ in range(50)) < 2000  # 0.2 ms where nothing else runs


def test_the_shared_parts_of_the_room_are_no_policies():
    assert not {"frustration", "complaints", "said_again"} & set(plugins.names("routing"))
