"""Each LLM engine: what it asks, over a real socket, and what it makes of the answer."""

import asyncio
import json
import traceback
from contextlib import aclosing

import pytest

from tonewise import plugins
from tonewise.errors import AttemptError, ConfigError
from tonewise.llm.anthropic import conversation
from tonewise.stages import LlmRequest, Message
from upstream import (
    ANTHROPIC_START,
    OPENAI_USAGE,
    ROLE_ONLY,
    anthropic_delta,
    anthropic_says,
    openai_chunk,
    openai_says,
    upstream,
)

KEY = "sk-test-0123456789abcdefghij"
ASKED = LlmRequest(
    turn=1,
    route="fast",
    messages=(Message("system", "Be brief."), Message("user", "Grüße! 🙂")),
    max_tokens=50,
)


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def engine(kind, server, **options):
    base = server.url + ("/v1" if kind == "openai_compatible" else "")
    return plugins.load("llm", kind, {"model": "m", "base_url": base, **options})


async def reply(one, asked=ASKED):
    async with aclosing(one.stream(asked)) as deltas:
        return [delta async for delta in deltas]


def joined(deltas) -> str:
    return "".join(delta.text for delta in deltas)


def last(values):
    return next((value for value in reversed(list(values)) if value is not None), None)


async def failure_of(kind, behave, **options) -> AttemptError:
    async with upstream(behave) as server:
        one = engine(kind, server, **options)
        try:
            with pytest.raises(AttemptError) as caught:
                await reply(one)
        finally:
            await one.aclose()
    return caught.value


# ---------------------------------------------------------------- openai_compatible


async def test_a_chat_completion_is_asked_for_and_streamed():
    async with upstream(openai_says("Hel", "lo. 🙂")) as server:
        one = engine("openai_compatible", server, temperature=0.2, extra_body={"seed": 7})
        deltas = await reply(one)
        await one.aclose()
    asked = server.requests[0]
    assert asked.path == "/v1/chat/completions"
    assert asked.raw_headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Grüße! 🙂"},
        ],
        "max_tokens": 50,
        "stream": True,
        "stream_options": {"include_usage": True},
        "temperature": 0.2,
        "seed": 7,
    }
    assert joined(deltas) == "Hello. 🙂"
    assert last(d.input_tokens for d in deltas) == OPENAI_USAGE["prompt_tokens"]
    assert last(d.output_tokens for d in deltas) == OPENAI_USAGE["completion_tokens"]


async def test_a_local_server_needs_no_key_and_may_reject_stream_options(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    async with upstream(openai_says("Hi.")) as server:
        one = engine("openai_compatible", server, api_key_env="", include_usage=False)
        assert joined(await reply(one)) == "Hi."
        await one.aclose()
    assert "authorization" not in server.requests[0].headers
    assert "stream_options" not in server.requests[0].json


@pytest.mark.parametrize(
    ("kind", "says"), [("openai_compatible", openai_says), ("anthropic", anthropic_says)]
)
async def test_half_a_character_is_no_end_of_a_reply(kind, says):
    async with upstream(says("Half \ud83d", " of it.")) as server:
        one = engine(kind, server)
        assert joined(await reply(one)) == "Half � of it."
        await one.aclose()


async def test_the_longest_reply_can_be_set_and_named():
    async with upstream(openai_says("Hi.")) as server:
        one = engine(
            "openai_compatible", server, max_tokens=9, max_tokens_name="max_completion_tokens"
        )
        await reply(one)
        await one.aclose()
    assert server.requests[0].json["max_completion_tokens"] == 9
    assert "max_tokens" not in server.requests[0].json


@pytest.mark.parametrize("kind", ["openai_compatible", "anthropic"])
async def test_turns_share_a_connection(kind):
    says = openai_says if kind == "openai_compatible" else anthropic_says
    async with upstream(says("Hi.")) as server:
        one = engine(kind, server)
        for _ in range(3):
            assert joined(await reply(one)) == "Hi."
        await one.aclose()
    assert (len(server.requests), server.connections) == (3, 1)


async def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew():
    async def closes_after_each(peer):
        await openai_says("Hi.")(peer)
        peer.hang_up()

    async with upstream(closes_after_each) as server:
        one = engine("openai_compatible", server)
        for _ in range(3):
            assert joined(await reply(one)) == "Hi."
            await asyncio.sleep(0.01)
        await one.aclose()
    assert server.connections == 3


async def test_an_answer_cut_into_single_bytes_is_the_same_answer():
    async def by_bytes(peer):
        await peer.head()
        text = ""
        for chunk in (openai_chunk({"content": "Grüße 🙂"}), openai_chunk({}, finish="stop")):
            text += f"data: {json.dumps(chunk, ensure_ascii=False)}\r\n\r\n"
        for byte in text.encode():
            await peer.chunk(bytes([byte]))
        await peer.end()

    async with upstream(by_bytes) as server:
        one = engine("openai_compatible", server)
        assert joined(await reply(one)) == "Grüße 🙂"
        await one.aclose()


async def test_a_finish_reason_ends_the_reply_even_without_done_or_hanging_up():
    async def never_ends(peer):
        await peer.head()
        await peer.event(openai_chunk({"content": "Hi."}, finish="stop"))
        await peer.drip(b": keep-alive\n\n")

    async with upstream(never_ends) as server:
        one = engine("openai_compatible", server)
        async with asyncio.timeout(20):
            assert joined(await reply(one)) == "Hi."
        await one.aclose()


async def test_reasoning_and_other_extras_are_not_words():
    async def thinks(peer):
        await peer.head()
        await peer.event(openai_chunk({"reasoning_content": "Hm", "content": None}))
        await peer.event(openai_chunk({"content": [{"type": "thinking"}]}))
        await peer.event({"choices": None, "x_unknown": {"a": 1}})
        await openai_says("Hi.")(BodyOnly(peer))

    async with upstream(thinks) as server:
        one = engine("openai_compatible", server)
        assert joined(await reply(one)) == "Hi."
        await one.aclose()


class BodyOnly:
    """A peer whose head is sent already."""

    def __init__(self, peer):
        self.event, self.end = peer.event, peer.end

    async def head(self):
        pass


# ---------------------------------------------------------------- anthropic


async def test_a_message_is_asked_for_and_streamed():
    async with upstream(anthropic_says("Hel", "lo. 🙂")) as server:
        one = engine("anthropic", server)
        deltas = await reply(one)
        await one.aclose()
    asked = server.requests[0]
    assert asked.path == "/v1/messages"
    assert asked.raw_headers["x-api-key"] == KEY
    assert asked.raw_headers["anthropic-version"] == "2023-06-01"
    assert asked.json == {
        "model": "m",
        "system": "Be brief.",
        "messages": [{"role": "user", "content": "Grüße! 🙂"}],
        "max_tokens": 50,
        "stream": True,
    }
    assert joined(deltas) == "Hello. 🙂"
    assert last(d.input_tokens for d in deltas) == 100
    assert last(d.output_tokens for d in deltas) == 7


def test_the_conversation_alternates_and_begins_with_the_caller():
    assert conversation(
        (
            Message("system", "Be brief."),
            Message("assistant", "Welcome."),
            Message("user", "Hello."),
            Message("user", "Are you there?"),
            Message("assistant", "  "),
            Message("user", "Hm."),
            Message("assistant", "Yes."),
        )
    ) == [
        {"role": "user", "content": "(The caller is on the line.)"},
        {"role": "assistant", "content": "Welcome."},
        {"role": "user", "content": "Hello.\n\nAre you there?\n\nHm."},
        {"role": "assistant", "content": "Yes."},
    ]
    assert conversation(())[0]["role"] == "user"


async def test_events_yet_to_be_invented_are_passed_over():
    async def modern(peer):
        await peer.head()
        await peer.event({"type": "vibe", "delta": "what?"}, "vibe")
        await anthropic_says("Hi.")(BodyOnly(peer))

    async with upstream(modern) as server:
        one = engine("anthropic", server)
        assert joined(await reply(one)) == "Hi."
        await one.aclose()


# ---------------------------------------------------------------- faults, both


def answers(status, body, **more):
    async def behave(peer):
        await peer.answer(status, body, **more)

    return behave


def streams(*events):
    async def behave(peer):
        await peer.head()
        for event in events:
            await peer.event(event, event.get("type") if isinstance(event, dict) else None)
        await peer.end()

    return behave


OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


@pytest.mark.parametrize(
    ("kind", "behave", "outcome", "message"),
    [
        (
            "anthropic",
            streams(ANTHROPIC_START, OVERLOADED),
            "upstream_error",
            "in the stream: Overloaded",
        ),
        ("anthropic", answers(529, OVERLOADED), "upstream_error", "HTTP 529: Overloaded"),
        (
            "anthropic",
            streams(ANTHROPIC_START, anthropic_delta("Hi")),
            "upstream_error",
            "the stream ended before the reply did",
        ),
        (
            "anthropic",
            anthropic_says(reason="refusal"),
            "content_filtered",
            "the model declined to answer",
        ),
        (
            "anthropic",
            anthropic_says(reason="max_tokens"),
            "no_first_token",
            "the reply ended without a word (stop_reason 'max_tokens')",
        ),
        (
            "openai_compatible",
            streams(ROLE_ONLY, openai_chunk({}, finish="length"), "[DONE]"),
            "no_first_token",
            "the reply ended without a word (finish_reason 'length')",
        ),
        (
            "openai_compatible",
            streams({"object": "error", "message": "out of memory", "code": 500}),
            "upstream_error",
            "in the stream: out of memory",
        ),
        (
            "openai_compatible",
            answers(200, {"error": {"message": "no credit"}}),
            "upstream_error",
            "HTTP 200, but: no credit",
        ),
        (
            "openai_compatible",
            answers(200, {"object": "chat.completion", "choices": []}),
            "garbled",
            "HTTP 200 with application/json, not an event stream",
        ),
        (
            "openai_compatible",
            answers(429, {"error": {"message": "Slow down"}}, retry_after="12"),
            "rate_limited",
            "HTTP 429 (asks to wait 12 s): Slow down",
        ),
        (
            "openai_compatible",
            answers(404, {"error": {"message": "No such model 'm'"}}),
            "refused",
            "HTTP 404: No such model 'm'",
        ),
    ],
)
async def test_a_fault_has_its_outcome_and_the_providers_words(kind, behave, outcome, message):
    error = await failure_of(kind, behave)
    assert (error.outcome, str(error)) == (outcome, message)


async def test_the_wait_that_a_provider_asks_for_is_kept():
    error = await failure_of("openai_compatible", answers(429, b"", retry_after="1.5"))
    assert error.retry_after_s == 1.5


async def test_an_error_whose_body_never_ends_is_told_soon():
    async def half(peer):
        await peer.head(500, "application/json")
        await peer.chunk(b"still thinking")
        await peer.stall()

    async with asyncio.timeout(20):
        error = await failure_of("openai_compatible", half)
    assert str(error) == "HTTP 500: still thinking"


async def test_silence_is_bounded_by_the_engine_too():
    async def silent(peer):
        await peer.stall()

    error = await failure_of("openai_compatible", silent, read_s=0.05)
    assert error.outcome == "timed_out"


def echoes(how):
    """A server that repeats the key it was sent, as servers do."""

    async def behave(peer):
        key = peer.raw_headers.get("x-api-key") or peer.raw_headers["authorization"].split()[-1]
        await how(peer, key)

    return behave


async def in_the_body(peer, key):
    await peer.answer(401, {"error": {"message": f"Incorrect API key provided: {key}."}})


async def in_part(peer, key):
    await peer.answer(401, {"error": {"message": f"Bad key {key[:12]}…{key[-9:]}"}})


async def across_the_cut(peer, key):
    await peer.answer(400, {"error": {"message": "x" * 180 + key}})


async def in_plain_text(peer, key):
    await peer.answer(403, f"token {key} is not welcome".encode(), kind="text/plain")


async def in_the_stream(peer, key):
    await streams({"type": "error", "error": {"message": f"key {key} expired"}})(peer)


async def in_json_for_a_stream(peer, key):
    await peer.answer(200, {"error": {"message": key}})


async def in_the_status_line(peer, key):
    await peer.send(f"{key} what\r\n\r\n".encode())
    peer.hang_up()


@pytest.mark.parametrize("kind", ["openai_compatible", "anthropic"])
@pytest.mark.parametrize(
    "how",
    [
        in_the_body,
        in_part,
        across_the_cut,
        in_plain_text,
        in_the_stream,
        in_json_for_a_stream,
        in_the_status_line,
    ],
)
async def test_no_message_ever_holds_the_key(kind, how):
    error = await failure_of(kind, echoes(how))
    shown = str(error) + repr(error)
    assert not any(KEY[at : at + 8] in shown for at in range(len(KEY) - 7))
    assert len(str(error)) <= 200


async def test_a_gateways_token_is_a_secret_too():
    async def behave(peer):
        await peer.answer(403, {"error": f"not you, {peer.raw_headers['X-Gateway-Token']}"})

    headers = {"X-Gateway-Token": "hush-hush-hush", "X-Title": "tonewise"}
    error = await failure_of("openai_compatible", behave, headers=headers)
    assert str(error) == "HTTP 403: not you, [key]"


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("kind", ["openai_compatible", "anthropic"])
def test_a_missing_key_is_named_when_the_engine_is_loaded(kind, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ConfigError, match="MY_KEY"):
        plugins.load("llm", kind, {"model": "m", "api_key_env": "MY_KEY"})


def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first\nsk-second")
    with pytest.raises(ConfigError, match="OPENAI_API_KEY") as caught:
        plugins.load("llm", "openai_compatible", {"model": "m"})
    assert "sk-" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://x/v1", "http://", "http://[::1"])
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(ConfigError, match="base_url"):
        plugins.load("llm", "openai_compatible", {"model": "m", "base_url": url})


# ---------------------------------------------------------------- demo and scripted


async def test_the_demo_says_what_it_is_and_whom_it_stands_for():
    deltas = await reply(plugins.load("llm", "demo"))
    assert len(deltas) > 3
    assert joined(deltas) == (
        "This is the demo responder, standing in for the fast model. You said: Grüße! 🙂. "
        "Set OPENAI_API_KEY to hear a real answer."
    )


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("", "model. Set"),
        ("Where is my car?", "You said: Where is my car? Set"),
        ("one two three four five six seven eight nine ten eleven twelve, and more", "twelve… Set"),
        ("あ" * 200, "You said: " + "あ" * 90 + "… Set"),
    ],
)
async def test_the_demo_quotes_no_more_than_the_beginning(said, quote):
    asked = LlmRequest(1, "frontier", (Message("user", said), Message("assistant", "Yes.")))
    assert quote in joined(await reply(plugins.load("llm", "demo"), asked))


async def test_the_demo_has_heard_all_pieces_that_nobody_answered():
    said = [("system", "Be kind."), ("user", "Hello."), ("assistant", "Hello!")]
    said += [("user", "I want,"), ("user", "um, a car.")]
    asked = LlmRequest(3, "fast", tuple(Message(role, text) for role, text in said))
    assert "You said: I want, um, a car. Set" in joined(
        await reply(plugins.load("llm", "demo"), asked)
    )


@pytest.mark.parametrize(("turn", "said"), [(1, "One."), (2, "And  two."), (3, "One.")])
async def test_the_script_has_a_reply_for_every_turn(turn, said):
    one = plugins.load("llm", "scripted", {"replies": ["One.", "And  two."]})
    assert joined(await reply(one, LlmRequest(turn, "fast", ()))) == said


@pytest.mark.parametrize("after", [0, 1, 2, 9])
async def test_the_script_can_fail_after_any_word_of_chosen_turns(after):
    one = plugins.load(
        "llm",
        "scripted",
        {
            "replies": ["One two."],
            "fail": "rate_limited",
            "fail_after_words": after,
            "fail_on_turns": [2],
        },
    )
    given = []

    async def listen():
        async for delta in one.stream(LlmRequest(2, "fast", ())):
            given.append(delta.text)  # noqa: PERF401  what came before the error counts

    with pytest.raises(AttemptError) as caught:
        await listen()
    assert (caught.value.outcome, given) == ("rate_limited", ["One", " two."][:after])
    assert joined(await reply(one, LlmRequest(1, "fast", ()))) == "One two."


@pytest.mark.parametrize(
    "options", [{"replies": []}, {"replies": "One."}, {"fail": "answered"}, {"fail": "tired"}]
)
def test_a_script_that_makes_no_sense_is_refused(options):
    with pytest.raises(ConfigError, match="scripted"):
        plugins.load("llm", "scripted", options)
