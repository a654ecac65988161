"""What a request may wish of us, and how it becomes a turn: names, limits, voices, history."""

import json

import httpx2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_server import api_server, chat_model, claude_model, scripted_model
from tonewise.api.asking import Said, in_tools, messages, prompt, turn_of
from tonewise.api.names import Names
from tonewise.api.options import Options, take
from tonewise.api.problems import ApiError
from tonewise.api.receiving import fields_of
from tonewise.facts import VoiceCues
from tonewise.stages import Message

HELLO = [{"role": "user", "content": "Hello."}]


def taken(**body):
    fields = fields_of(json.dumps(body).encode())
    return take(fields), {name: msgspec.json.decode(value) for name, value in decodable(fields)}


def decodable(fields):
    return [
        (name, value if isinstance(value, msgspec.Raw) else msgspec.json.encode(value))
        for name, value in fields.items()
    ]


# ---------------------------------------------------------------- options


def test_a_request_that_wishes_nothing_stays_as_it_is():
    options, left = taken(model="auto", messages=HELLO, top_p=0.5)
    assert options == Options()
    assert left == {"model": "auto", "messages": HELLO, "top_p": 0.5}


def test_wishes_may_stand_at_the_top_in_extra_body_or_in_metadata():
    wishes = {"models": ["a", "b"], "ignore": ["c"], "ttft_timeout": "500ms", "sort": ["latency"]}
    texts = {"models": "a, b", "ignore": '["c"]', "ttft_timeout": "500ms", "sort": "latency"}
    expected, _ = taken(**wishes)
    assert expected.models == ("a", "b")
    assert expected.ignore == ("c",)
    assert expected.ttft_s == 0.5
    for body in ({"extra_body": wishes}, {"metadata": wishes}, {"metadata": texts}, texts):
        options, left = taken(**body)
        assert options == expected
        assert left == {}


def test_what_stands_at_the_top_wins():
    options, left = taken(models=["a"], extra_body={"models": ["b"], "top_k": 3}, top_k=4)
    assert options.models == ("a",)
    assert left == {"top_k": 4}


@pytest.mark.parametrize(
    ("value", "seconds"), [("500ms", 0.5), ("2s", 2.0), ("1.5", 1.5), (3, 3.0), (0.25, 0.25)]
)
def test_a_limit_may_be_written_in_several_ways(value, seconds):
    assert taken(ttft_timeout=value)[0].ttft_s == seconds


def test_sorting_weighs_the_first_key_most_and_all_that_is_not_named_not_at_all():
    weights = taken(sort=["price", "throughput"])[0].weights
    assert weights["cost"] >= 100 * weights["latency"] > 0
    assert weights["quality"] == weights["energy"] == weights["switch"] == 0
    both = taken(sort="price", weights={"intelligence": 0.5})[0].weights
    assert both["quality"] == 0.5
    assert both["cost"] == weights["cost"]


def test_metadata_tells_of_the_caller_what_is_a_plain_value():
    metadata = {"tier": "gold", "calls": 3, "vip": True, "odd": {"a": 1}, "list": [1]}
    options, left = taken(metadata=metadata, user="ann")
    assert options.caller == {"tier": "gold", "calls": 3, "vip": True, "user": "ann"}
    assert options.user == "ann"
    assert left == {"user": "ann"}


def test_anthropics_user_id_is_the_user_and_stays_in_the_metadata():
    options, left = taken(metadata={"user_id": "ann", "tier": "gold"})
    assert options.user == "ann"
    assert left == {"metadata": {"user_id": "ann"}}


def test_a_voice_has_the_fields_of_our_own_ears():
    voice = {
        "frustration": 0.4,
        "hesitation": 0.2,
        "pauses": {"count": 1, "longest_s": 0.8, "ratio": 0.2},
        "emotion": {"anger": 0.7, "neutral": 0.3},
        "speech_s": 2.5,
    }
    cues = taken(voice=voice)[0].cues
    assert isinstance(cues, VoiceCues)
    assert cues.frustration == 0.4
    assert cues.pauses.longest_s == 0.8
    assert cues.arousal is None
    assert taken(metadata={"voice": json.dumps(voice)})[0].cues == cues


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"models": [1]}, "models"),
        ({"models": {"a": 1}}, "models"),
        ({"models": ["m"] * 100 + [""]}, "models"),
        ({"ignore": 3}, "ignore"),
        ({"sort": ["speed"]}, "sort"),
        ({"weights": {"speed": 1}}, "weights"),
        ({"weights": {"cost": -1}}, "weights.cost"),
        ({"weights": {"cost": True}}, "weights.cost"),
        ({"weights": {"cost": 10**400}}, "weights.cost"),
        ({"weights": [1]}, "weights"),
        ({"ttft_timeout": "soon"}, "ttft_timeout"),
        ({"ttft_timeout": 0}, "ttft_timeout"),
        ({"ttft_timeout": True}, "ttft_timeout"),
        ({"ttft_timeout": "9" * 400}, "ttft_timeout"),
        ({"voice": {"frustation": 0.3}}, "voice"),
        ({"voice": {"frustration": 3}}, "voice.frustration"),
        ({"voice": {"frustration": "high"}}, "voice.frustration"),
        ({"voice": {"emotion": {"anger": 2}}}, "voice.emotion.anger"),
        ({"voice": {"pauses": 3}}, "voice.pauses"),
        ({"voice": {"hesitation_terms": []}}, "voice"),
        ({"voice": "angry"}, "voice"),
        ({"metadata": "gold"}, "metadata"),
        ({"metadata": {str(n): n for n in range(100)}}, "metadata"),
        ({"metadata": {"voice": "{not json"}}, "voice"),
        ({"extra_body": []}, "extra_body"),
        ({"user": 3}, "user"),
        ({"user": "u" * 1000}, "user"),
        ({"tonewise": 3}, "tonewise"),
    ],
)
def test_a_wrong_wish_is_a_400_that_names_it(body, param):
    with pytest.raises(ApiError) as told:
        taken(**body)
    assert told.value.status == 400
    assert told.value.param == param
    assert told.value.message.startswith(f"{param}: ")


def test_a_slip_of_the_pen_is_pointed_out():
    with pytest.raises(ApiError, match="did you mean 'frustration'"):
        taken(voice={"frustation": 0.3})


# ---------------------------------------------------------------- the turn


def said(*pairs):
    return [Said(role, content) for role, content in pairs]


def test_the_last_words_of_the_user_are_the_turn_and_all_before_is_history():
    turn = turn_of(
        said(
            ("system", "Be brief."),
            ("assistant", "Welcome!"),
            ("user", "Hi."),
            ("assistant", "Hello."),
            ("user", "When do"),
            ("user", "you open?"),
        ),
        Options(began="quick"),
    )
    assert turn.transcript.text == "When do\nyou open?"
    assert turn.number == 2
    assert [(past.said, past.replied, past.model) for past in turn.history] == [
        ("Hi.", "Hello.", "quick")
    ]
    assert not turn.around.tools


def test_while_tools_are_called_the_turn_is_still_the_one_that_began_it():
    conversation = messages(
        [
            {"role": "user", "content": "When do you open?"},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "at nine"},
        ]
    )
    turn = turn_of(conversation, Options())
    assert turn.transcript.text == "When do you open?"
    assert turn.around.tools
    assert in_tools(conversation)


def test_only_words_are_read_of_pictures_and_parts():
    parts = [
        {"type": "text", "text": "What"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "text", "text": "is it?"},
    ]
    conversation = messages([{"role": "user", "content": parts}])
    assert turn_of(conversation, Options()).transcript.text == "What\nis it?"
    assert prompt(conversation) == (Message("user", "What\nis it?"),)


def test_a_conversation_without_a_user_is_a_turn_without_words():
    turn = turn_of(said(("system", "Greet the caller.")), Options())
    assert (turn.number, turn.transcript.text, turn.history) == (1, "", ())


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (None, "messages"),
        ([], "messages"),
        ("hello", "messages"),
        ([1], "messages[0]"),
        ([{"role": "user", "content": 3}], "messages[0].content"),
        ([{"role": 3, "content": "a"}], "messages[0].role"),
    ],
)
def test_a_wrong_conversation_is_a_400_that_names_the_message(value, param):
    for given_value in (value, msgspec.Raw(json.dumps(value).encode()) if value else value):
        with pytest.raises(ApiError) as told:
            messages(given_value)
        assert told.value.status == 400
        assert told.value.param == param


# ---------------------------------------------------------------- names


def test_models_are_known_by_our_name_and_by_their_providers():
    named = (
        chat_model("quick", "http://127.0.0.1:1"),
        chat_model("web", "x", options={"model": "gpt", "base_url": "https://api.openai.com/v1"}),
        claude_model("deep", "x"),
        scripted_model("demo"),
        chat_model("twin a", "x", options={"model": "twin"}),
        chat_model("twin b", "x", options={"model": "twin"}),
    )
    names = Names(("default", "support"), named)
    for asked, found in {
        "quick": "quick",
        "quick-upstream": "quick",
        "gpt": "web",
        "openai/gpt": "web",
        "anthropic/deep-upstream": "deep",
        "demo": "demo",
    }.items():
        assert names.model(asked) == found
        assert names.router(asked) is None
    assert names.router("auto") == "default"
    assert names.router("tonewise/support") == names.router("inworld/support") == "support"
    for unknown in ("twin", "openai/quick", "", "auto2"):
        with pytest.raises(ApiError) as told:
            names.model(unknown)
        assert told.value.status == 404


@pytest.mark.parametrize(
    ("patterns", "models"),
    [
        ((), None),
        (("auto",), None),
        (("auto", "tonewise/*", "inworld/support"), None),
        (("auto", "quick"), ("quick",)),
        (("auto", "openai/gpt"), ("web",)),
        (("q*", "deep"), ("quick", "deep")),
        (("*",), ("quick", "web", "deep", "tonewise/odd")),
        (("auto", "tonewise/odd"), ("tonewise/odd",)),
        (("auto", "nobody"), ()),
    ],
)
def test_the_models_that_a_key_may_have_are_those_it_names_and_all_where_it_names_none(
    patterns, models
):
    named = (
        scripted_model("quick"),
        chat_model("web", "x", options={"model": "gpt", "base_url": "https://api.openai.com/v1"}),
        claude_model("deep", "x"),
        scripted_model("tonewise/odd"),
    )
    assert Names(("default", "support"), named).among(patterns) == models


# ---------------------------------------------------------------- hostile bodies

DEEP = b'{"model":"auto","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
BOMBS = [
    b"",
    b"[]",
    b"null",
    b'"auto"',
    b"{",
    b"\xff\xfe{}",
    b'{"model":"auto","messages":[{"role":"user","content":"\\ud800"}]}',
    b'{"model":"auto","messages":[{"role":"user","content":"\\u0000"}]}',
    b'{"model":"\\ud800","messages":[]}',
    b'{"model":1e999,"messages":[]}',
    DEEP,
    b'{"messages":[{"role":"user","content":"a"}],"metadata":'
    + b'{"a":' * 50_000
    + b"1"
    + b"}" * 50_000
    + b"}",
    b'{"messages":[{"role":"user","content":"a"}],"voice":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b'{"messages":[{"role":"user","content":"a"}],"stream":"yes"}',
    b'{"messages":[{"role":"user","content":"a"}],"n":"many","stream_options":3}',
    b'{"messages":[{"role":"user","content":"a"}],"model":["auto"]}',
    b'{"messages":[{"role":"user","content":"a"}],"user":"\\ud83d"}',
    b'{"messages":[{"role":"user","content":"a"}],"max_tokens":-1}',
    b'{"messages":[{"role":"user","content":"a"}],"max_tokens":1e400}',
    b'{"messages":[{"role":"user","content":"a"}],"model":"auto","model":"demo"}',
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = [
    *("model", "messages", "stream", "stream_options", "n", "user", "metadata", "extra_body"),
    *("models", "ignore", "sort", "weights", "ttft_timeout", "voice", "tonewise", "tools"),
    *("max_tokens", "store"),
]


async def test_no_hostile_body_makes_the_server_fail():
    async with api_server(scripted_model("demo")) as server, httpx2.AsyncClient() as client:
        url = f"{server.url}/v1/chat/completions"
        for body in BOMBS:
            answer = await client.post(url, content=body)
            assert answer.status_code < 500, body[:200]
            if answer.status_code != 200:
                assert answer.json()["error"]["message"]
        assert server.answering.in_hand == 0


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
async def test_no_fields_whatever_make_a_request_fail(fields):
    body = {"model": "auto", "messages": HELLO, **fields}
    raw = json.dumps(body).encode()
    assert problem_with(raw) in (None, 400, 404)


def problem_with(raw):
    try:
        known = fields_of(raw)
        options = take(known)
        conversation = messages(known.get("messages"))
        turn_of(conversation, options)
        prompt(conversation)
    except ApiError as problem:
        return problem.status
    return None
