"""Rules in CEL: what is refused when they are loaded, and what they find when they are asked."""

import math
import re
from contextlib import suppress

import cel
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.errors import ConfigError
from tonewise.facts import Pauses, Transcript, VoiceCues, Word
from tonewise.plan import Circumstances, Exchange
from tonewise.routes import Rule
from tonewise.routing import cel_syntax, rules, variables
from tonewise.routing.cel_syntax import DEEPEST, LONGEST, SyntaxProblem
from tonewise.stages import Turn

CUES = VoiceCues(
    speech_s=2.0,
    pauses=Pauses(count=2, longest_s=0.7, ratio=0.3),
    articulation_rate=4.5,
    hesitation=0.5,
    emotion={"anger": 0.6, "neutral": 0.4},
    arousal=0.7,
    valence=-0.4,
    frustration=0.8,
)
PAST = (
    Exchange(1, "where is my order", "On its way.", "fast", "quick", 0.2),
    Exchange(2, "so where is my order then", "Still on its way.", "frontier", "deep", 0.6, True),
)
FULL = Turn(
    3,
    Transcript("Where is my order 42?", "en", (Word("Where", 0, 1, 0.9), Word("is", 1, 2, 0.7))),
    CUES,
    PAST,
    {"tier": "premium", "age": 30, "time": "caller's own"},
    Circumstances(
        wire="twilio",
        at_s=61.5,
        talk_over=True,
        time="2026-11-21T22:15:00+01:00",
        profile={"deep": {"p50": 0.4, "p95": 1, "error_rate": 0.01, "cost": 0.002}},
        budget={"limit": 5, "spent": 2.5, "left": 2.5},
    ),
)


def compiled(when, metadata=("tier", "age")):
    (rule,) = rules.compiled([Rule("r", when, "fast")], metadata)
    return rule


def asked(when, turn=FULL, metadata=("tier", "age"), task="request"):
    """Does the rule match, and why could it not be asked?"""
    rule = compiled(when, metadata)
    asking = rules.Asked(variables.values(turn, 0.3, task, rule.reads), rule.language)
    return asking.matches(rule), [skipped.why for skipped in asking.skipped]


@pytest.mark.parametrize(
    "when",
    [
        "voice.frustration > 0.7 && voice.anger >= 0.6",
        "0.4 < voice.hesitation",
        "voice.arousal == 0.7 && voice.valence < 0.0 && voice.rate > 4",
        "voice.pauses == 2 && voice.longest_pause > 0.5 && voice.pause_ratio < 0.5",
        "voice.talk_over && voice.confidence == 0.6",
        "voice.trend > 0.39",
        "turn.text.startsWith('Where') && lower(turn.text).contains('where is')",
        "turn.words == 5 && turn.number == 3 && turn.digits == 2 && turn.repeats == 1",
        "turn.language in ['en', 'de'] && turn.task == 'request'",
        "turn.complexity < 0.5 && turn.stt_confidence > 0.79",
        "call.wire == 'twilio' && call.duration > 60 && call.escalations == 1",
        "caller.tier == 'premium' && tier == 'premium' && age + 1 > 30 && caller['age'] == 30",
        'caller.time == "caller\'s own" && time.hour == 22 && time.minute < 30',
        "time.weekday == 6",
        "profile['deep'].p50 < 0.5 && profile.deep.p95 == 1.0 && 'deep' in profile",
        "profile.exists(name, profile[name].error_rate < 0.1)",
        "budget.left > 0.0 && budget.spent * 2.0 == budget.limit",
        "messages.exists(m, m.role == 'assistant' && m.content.contains('Still'))",
        "messages.filter(m, m.role == 'user').map(m, size(m.content)).all(n, n > 5)",
        "has(voice.frustration) && !has(caller.nothing)",
        "turn.text.matches('(?i)ORDER [0-9]+')",
        "size_chars('čeština') == 7 && size('abc') == 3",
        "turn.words > 2 ? true : false",
        "timestamp('2026-11-21T00:00:00Z').getFullYear() == 2026",
        "// a remark\n turn.words > 4.5 && true",
        '-turn.words < -4 && 0x10 == 16 && 3u == 3u && 1e1 > .5 && r\'\\d\' != """x"""',
    ],
)
def test_a_rule_reads_every_variable_of_a_turn(when):
    assert asked(when) == (True, [])


@pytest.mark.parametrize(
    ("when", "complaints"),
    [
        ("turn.wrods > 2", ["character 6", "'turn.wrods'", "did you mean 'words'", "complexity"]),
        ("voise.rate > 1.0", ["'voise'", "did you mean 'voice'", "known are voice, turn, call"]),
        ("frustration > 0.5", ["did you mean 'turn.frustration'"]),
        ("team == 'x'", ["'team'", "caller.team", "metadata"]),
        ("profile.deep.p5 < 1.0", ["p5", "did you mean 'p95'", "error_rate"]),
        ("turn.text > 3", ["character 11", "> cannot compare a string with an int"]),
        ("turn.task == 3", ["a string with an int", "never equal"]),
        ("turn.words + 1.5 > 2.0", ["+ cannot take an int and a double", "write 2.0 for 2"]),
        ("turn.words", ["a rule needs a bool, not an int"]),
        ("turn.words && true", ["&& needs a bool, not an int"]),
        ("turn.text.contains(1)", ["contains() needs a string, not an int"]),
        ("turn.text.contain('x')", ["'contain'", "did you mean 'contains'"]),
        ("lower(turn.text, 'x') == ''", ["lower() takes 1 values"]),
        ("upper(turn.text) == ''", ["unknown function 'upper'", "size_chars"]),
        ("turn.text.matches('(')", ["no regular expression", "unclosed group"]),
        ("size(turn.words) > 1", ["size() needs one string, list or map"]),
        ("turn.words.x > 1", ["an int has no field 'x'"]),
        ("turn.words[0] > 1", ["an int has no members"]),
        ("messages['a'].role == 'x'", ["needs an int, not a string"]),
        ("1 in turn.text", ["in needs a list or a map"]),
        ("messages.exists(1, true)", ["must be a simple name"]),
        ("turn.words.exists(x, true)", ["exists() needs a list or a map"]),
        ("has(turn)", ["has"]),
        ("turn.words > 1 ? 1 : true", ["?: gives either an int or a bool"]),
        ("turn.words >", ["it ends too early"]),
        ("(turn.words > 1", ["')' is expected"]),
        ("turn.words > 1)", ["the end is expected"]),
        ("turn.words # 1", ["'#'", "CEL"]),
        ("", ["it ends too early"]),
        ("a{b: 1}", ["the end is expected, not '{'"]),
        ("[1].exists(a,[1].exists(b,[1].exists(c,true)))", ["more than 2 macros"]),
        ("(" * 300 + "true" + ")" * 300, [f"more than {DEEPEST} levels"]),
        ("!" * 300 + "true", [f"more than {DEEPEST} levels"]),
        ("1" + "+1" * 100 + " > 0", [f"more than {DEEPEST} operators"]),
        ("caller" + ".a" * 100 + " > 0", [f"more than {DEEPEST} members"]),
        ("true || " * LONGEST + "true", [f"{LONGEST} are allowed"]),
    ],
)
def test_a_mistake_is_found_when_the_rules_are_loaded(when, complaints):
    with pytest.raises(ConfigError) as caught:
        rules.compiled([Rule("first", "true", "fast"), Rule("vip", when, "fast")])
    for complaint in ["rules[1] 'vip': when", *complaints]:
        assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("when", "why"),
    [
        ("voice.frustration > 0.1", ["'frustration' is absent"]),
        ("voice.pauses >= 0", ["'pauses' is absent"]),
        ("turn.stt_confidence >= 0.0", ["'stt_confidence' is absent"]),
        ("tier == 'premium'", ["'tier' is absent"]),
        ("caller.tier == 'premium'", ["'tier' is absent"]),
        ("profile.deep.p50 < 9.0", ["'deep' is absent"]),
        ("time.hour >= 0", ["'hour' is absent"]),
        ("budget.left >= 0.0", ["'left' is absent"]),
        ("has(voice.frustration) || has(budget.left)", []),
        ("voice.frustration > 0.1 && turn.words > 99", []),
        ("messages[5].role == 'user'", None),
        ("turn.words / 0 == 1", None),
        ("9223372036854775807 + turn.words > 0", None),
        ("int(turn.text) == 1", None),
    ],
)
def test_what_cannot_be_asked_of_a_turn_does_not_match_and_is_recorded(when, why):
    matches, skipped = asked(when, Turn(1, Transcript("hello there")))
    assert matches is False
    assert skipped == why if why is not None else len(skipped) == 1


def test_an_absent_signal_does_not_spoil_the_other_side_of_an_or():
    bare = Turn(1, Transcript("hello there"))
    assert asked("voice.frustration > 0.1 || turn.words == 2", bare) == (True, [])


def test_nan_and_a_failed_acoustic_stage_are_absent_and_zero_is_not():
    rule = "has(voice.hesitation)"
    for cues in (None, VoiceCues(1.0), VoiceCues(1.0, hesitation=math.nan)):
        assert asked(rule, Turn(1, Transcript("hi"), cues)) == (False, [])
    assert asked(rule, Turn(1, Transcript("hi"), VoiceCues(1.0, hesitation=0.0))) == (True, [])


@pytest.mark.parametrize("value", [2**70, -(2**63), 1e308, "", True, "\x00"])
def test_whatever_a_transport_tells_of_the_caller_breaks_no_rule(value):
    turn = Turn(1, Transcript("hi"), caller={"tier": value})
    assert asked("tier != 'premium'", turn)[0] is True


def test_a_time_that_is_none_is_absent():
    turn = Turn(1, Transcript("hi"), around=Circumstances(time="half past nine"))
    assert asked("time.hour > 1", turn) == (False, ["'hour' is absent"])


def test_a_metadata_key_of_any_name_may_be_read_where_the_settings_say_so():
    turn = Turn(1, Transcript("hi"), caller={"use_case": "support"})
    assert asked("use_case == 'support'", turn, metadata=("*",)) == (True, [])
    with pytest.raises(ConfigError, match="did you mean 'voice'"):
        compiled("voise.frustration > 0.5", metadata=("*",))


def test_a_rule_that_gives_no_truth_does_not_match():
    turn = Turn(1, Transcript("hi"), caller={"tier": "gold"})
    assert asked("tier", turn) == (False, ["it gives str, not true or false"])


# ---------------------------------------------------------------- feelings may only help


@pytest.mark.parametrize("signal", ["frustration", "anger", "hesitation", "trend"])
@pytest.mark.parametrize(
    "when",
    [
        "{} < 0.5",
        "0.5 >= {}",
        "{} == 0.0",
        "!({} > 0.5)",
        "({} > 0.5) == false",
        "{} > 0.5 ? false : true",
        "1.0 - {} < 0.5",
        "0.5 > {} || turn.words > 3",
        "[{}].exists(x, x < 0.5)",
        "turn.complexity > {}",
        "{0} > {0}",
        "!has({})",
    ],
)
def test_a_rule_may_not_reward_a_caller_for_being_calm(signal, when):
    for written in (f"voice.{signal}", f"voice['{signal}']"):
        if "has(" in when and "[" in written:
            continue  # no CEL
        with pytest.raises(ConfigError, match="may only help a caller"):
            compiled(when.format(written))


@given(
    floors=st.lists(
        st.tuples(st.sampled_from(["frustration", "anger", "hesitation"]), st.floats(0, 1)),
        min_size=1,
        max_size=4,
    ),
    joins=st.lists(st.sampled_from(["&&", "||"]), min_size=4, max_size=4),
    low=st.floats(0, 1),
    high=st.floats(0, 1),
    raised=st.sampled_from(["frustration", "hesitation"]),
)
def test_more_distress_never_makes_a_rule_untrue(floors, joins, low, high, raised):
    low, high = sorted((low, high))
    when = " ".join(
        f"{join * bool(at)} voice.{name} >= {floor!r}".replace("e-", "0e-")
        for at, ((name, floor), join) in enumerate(zip(floors, joins, strict=False))
    )
    rule = compiled(when)

    def matches(value):
        cues = VoiceCues(1.0, emotion={"anger": 0.5}, **{"frustration": 0.5, raised: value})
        turn = Turn(1, Transcript("hi"), cues)
        return rules.Asked(variables.values(turn, 0.1, None, rule.reads), rule.language).matches(
            rule
        )

    assert matches(high) >= matches(low)


# ---------------------------------------------------------------- our reader and the library's

LEAVES = st.sampled_from(
    [
        *("true", "false", "1", "2u", "1.5", "'a'", '"b"', "[1,2]", "['a']", "{'a':1}"),
        *("turn.words", "turn.text", "voice.rate", "turn.complexity", "call.duration"),
        *("age", "tier", "messages", "profile"),
    ]
)
SIGNS = ("&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in")
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(
            inner,
            st.sampled_from(
                ["&&", "||", "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "in"]
            ),
            inner,
        ).map(" ".join),
        inner.map("({})".format),
        inner.map("!({})".format),
        inner.map("-({})".format),
        inner.map("size({})".format),
        st.tuples(inner, inner, inner).map(lambda p: "({} ? {} : {})".format(*p)),
        st.tuples(inner, inner).map(lambda p: "({}).contains({})".format(*p)),
        st.tuples(inner, inner).map(lambda p: "({}).exists(x, {} == x)".format(*p)),
        st.tuples(inner, inner).map(lambda p: "[{}, {}]".format(*p)),
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("when", ["1.5 in {'a': 1}", "{1.5: 'a'}.size() == 1", "null in {'a': 1}"])
def test_a_key_of_a_map_is_no_fraction(when):
    with pytest.raises(ConfigError, match="needs"):
        compiled(when, metadata=())


@settings(max_examples=300)
@given(EXPRESSIONS)
def test_a_rule_that_is_accepted_never_fails_on_its_types(when):
    try:
        rule = compiled(when, metadata=())
    except ConfigError:
        return
    context = cel.Context(variables.values(FULL, 0.3, "request", rule.reads))
    with suppress(ArithmeticError, LookupError):  # 1/0, a missing key: only the values tell
        assert isinstance(rule.program.execute(context), bool)


@settings(max_examples=300)
@given(
    st.one_of(
        EXPRESSIONS,
        st.text(alphabet="ab.1 '\"()[]{}<>=!&|?:,+-*/%x\\\nturnwods", max_size=30),
    )
)
def test_our_reader_reads_whatever_the_library_reads(when):
    try:
        cel.compile(when)
    except (ValueError, OverflowError):
        return
    try:
        cel_syntax.read(when)
    except SyntaxProblem:
        # Messages and names that begin with a dot: the library reads them and computes neither.
        assert "{" in when or re.search(r"(^|[^\w)\]}'\"\s])\s*\.\s*[a-z_]", when)
