"""Models that stand in for each other: any fault, over real sockets, and what the caller hears."""

import asyncio
import time
from dataclasses import replace

import pytest

from on_a_port import nobody_listening
from starved import unless_starved
from test_call import TURN, Line, conduct, engines
from tonewise import plugins
from tonewise.default_models import Attempts
from tonewise.events import AttemptEnded, ReplyEnded, StageFailed
from tonewise.llm.breaker import Breaker
from tonewise.llm.dispatch import Attempt, Target
from tonewise.peer import Heard, HungUp
from tonewise.plan import ModelFacts
from tonewise.stages import Message
from upstream import (
    FAULTS,
    anthropic_delta,
    anthropic_says,
    babbles,
    breaks_off,
    ends_without_an_end,
    errs,
    falls_silent,
    hangs_up,
    is_down,
    only_keeps_alive,
    only_sends_white_space,
    openai_says,
    openai_stream,
    stalls_after_the_head,
    upstream,
)
from walking import ASKED, DEAD_AIR_S, IMPATIENT, KEY, PATIENCE_S, plan, silences, walk


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


# ---------------------------------------------------------------- before the first word


@pytest.mark.parametrize(
    ("fault", "outcome"), FAULTS.items(), ids=lambda v: getattr(v, "__name__", v)
)
@unless_starved
async def test_a_fault_costs_no_more_than_its_window(fault, outcome):
    async with plan(bad=(fault, IMPATIENT), good=openai_says("Second", " model.")) as one:
        text, attempts, waited = await silences(one.targets)
    assert text == "Second model."
    assert [(a.model, a.outcome) for a in attempts] == [("bad", outcome), ("good", "answered")]
    assert waited < PATIENCE_S + DEAD_AIR_S


@unless_starved
async def test_nobody_listening_costs_next_to_nothing():
    with nobody_listening() as place:
        options = {"model": "m", "base_url": f"{place}/v1"}
        engine = plugins.load("llm", "openai_compatible", options)
        async with plan(good=openai_says("Here.")) as one:
            text, attempts, waited = await silences([Target("gone", engine), *one.targets])
        await engine.aclose()
    assert (text, attempts[0].outcome) == ("Here.", "unreachable")
    assert waited < DEAD_AIR_S


# ---------------------------------------------------------------- after the first word

REPLY = "Your order has left the house and will be with you on Monday."


MID_SENTENCE = [
    falls_silent,
    only_keeps_alive,
    only_sends_white_space,
    hangs_up,
    ends_without_an_end,
    errs,
    babbles,
]


async def goes_on(peer):
    """A model that knows the reply, and does as it is asked."""
    said = peer.json["messages"][-2]["content"]
    assert REPLY.startswith(said)
    await openai_says(*in_words(REPLY[len(said) :].lstrip()))(peer)


def in_words(text):
    first, *others = text.split(" ")
    return (first, *(f" {word}" for word in others))


async def begins_anew(peer):
    await openai_says(*in_words(REPLY))(peer)


async def takes_up_the_last_words(peer):
    await openai_says(*in_words(REPLY.partition("order ")[2]))(peer)


async def goes_on_in_single_letters(peer):
    await openai_says(*REPLY)(peer)


@pytest.mark.parametrize("then", MID_SENTENCE)
@pytest.mark.parametrize(
    "second", [begins_anew, takes_up_the_last_words, goes_on_in_single_letters]
)
@unless_starved
async def test_the_next_model_goes_on_and_no_word_is_said_twice(then, second):
    first = breaks_off(then, "Your", " order", " has", " left", " the", " hou")
    async with plan(bad=(first, {"stall_s": PATIENCE_S}), good=second) as one:
        text, attempts, waited = await silences(one.targets)
    assert text == REPLY
    assert [(a.model, a.outcome, a.continued) for a in attempts] == [
        ("bad", "cut_short", False),
        ("good", "answered", True),
    ]
    assert waited < PATIENCE_S + DEAD_AIR_S


async def test_the_next_model_is_told_what_was_said_and_asked_to_go_on():
    first = breaks_off(hangs_up, "Your", " order", " has", " le")
    async with plan(bad=first, good=openai_says("left.")) as one:
        text, _ = await one.walk()
        asked = one.servers[1].requests[0].json["messages"]
    assert text == "Your order has left."
    assert asked[:-1] == [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Your order has"},
    ]
    assert asked[-1]["role"] == "user"
    assert "Go on" in asked[-1]["content"]


async def test_a_model_that_can_be_prefilled_goes_on_from_its_own_words():
    first = breaks_off(hangs_up, "Your", " order", " has", " le")
    async with plan(bad=first, claude=(anthropic_says(" left."), {"prefill": True})) as one:
        text, _ = await one.walk()
        asked = one.servers[1].requests[0].json["messages"]
    assert text == "Your order has left."
    assert asked[-1] == {"role": "assistant", "content": "Your order has"}


async def test_a_server_may_want_to_be_told_that_it_is_prefilled():
    fields = {"continue_final_message": True, "add_generation_prompt": False}
    async with (
        plan(bad=breaks_off(hangs_up, "One", " two ")) as one,
        upstream(openai_says("three.")) as vllm,
    ):
        options = {"model": "m", "base_url": vllm.url, "prefill_body": fields}
        engine = plugins.load("llm", "openai_compatible", options)
        good = Target("vllm", engine, prefill=True)
        assert (await walk([*one.targets, good]))[0] == "One two three."
        await walk([good])
        await engine.aclose()
        continued, asked = (request.json for request in vllm.requests)
    assert continued.items() >= fields.items()
    assert not asked.keys() & fields.keys()


async def test_a_reply_may_pass_through_many_mouths():
    async def breaks_after_two(peer):
        said = next((m["content"] for m in peer.json["messages"] if m["role"] == "assistant"), "")
        rest = in_words(REPLY[len(said) :].lstrip())
        await breaks_off(hangs_up, *rest[:2], " ")(peer)

    async with plan(a=breaks_after_two, b=breaks_after_two, c=breaks_after_two, d=goes_on) as one:
        text, attempts = await one.walk()
    assert text == REPLY
    assert [a.outcome for a in attempts] == ["cut_short"] * 3 + ["answered"]


@unless_starved
async def test_where_nobody_can_go_on_all_that_was_said_is_given():
    first = breaks_off(hangs_up, "Your", " order", " has", " le")
    async with plan(bad=first, worse=(stalls_after_the_head, IMPATIENT)) as one:
        text, attempts = await one.walk(Attempts(second_tries=0))
    assert text == "Your order has le"
    assert [(a.outcome, a.heard) for a in attempts] == [
        ("cut_short", True),
        ("no_first_token", False),
    ]


async def test_the_only_model_is_asked_to_go_on_itself():
    async def breaks_off_once(peer):
        if len(peer.json["messages"]) == 1:
            await breaks_off(hangs_up, "One", " two", " th")(peer)
        else:
            await openai_says("three.")(peer)

    async with plan(only=breaks_off_once) as one:
        text, attempts = await one.walk()
    assert text == "One two three."
    assert [(a.outcome, a.continued) for a in attempts] == [
        ("cut_short", False),
        ("answered", True),
    ]


@unless_starved
async def test_a_reply_without_end_is_not_gone_on_with():
    async def rambles(peer):
        await peer.head()
        await peer.drip(b'data: {"choices": [{"delta": {"content": " on"}}]}\n\n')

    async with plan(a=(rambles, {"total_s": 0.3}), b=openai_says("Never.")) as one:
        text, attempts = await one.walk()
        assert one.servers[1].requests == []
    assert [a.outcome for a in attempts] == ["cut_short"]
    assert "Never" not in text


async def test_an_anthropic_model_is_gone_on_from_like_any_other():
    async def overloaded_in_mid_sentence(peer):
        await peer.head()
        for word in ("One", " two", " thr"):
            await peer.event(anthropic_delta(word), "content_block_delta")
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        await peer.event(error, "error")
        await peer.end()

    async with plan(claude=overloaded_in_mid_sentence, other=openai_says("three.")) as one:
        text, attempts = await one.walk()
    assert text == "One two three."
    assert attempts[0].detail == "in the stream: Overloaded"


# ---------------------------------------------------------------- answers twice


def whole_answer(text):
    body = openai_stream(text)
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("late_s", [0, 0.03], ids=["at once", "a moment later"])
@unless_starved
async def test_a_second_answer_is_never_taken_for_the_answer_to_the_next_caller(late_s):
    async def answers_twice(peer):
        said = peer.json["messages"][-1]["content"]
        if late_s:
            await peer.send(whole_answer(f"To {said}."))
            await asyncio.sleep(late_s)
            await peer.send(whole_answer("Leftovers!"))
        else:
            await peer.send(whole_answer(f"To {said}.") + whole_answer("Leftovers!"))

    async with plan(twice=(answers_twice, {"breaker": Breaker(faults=99)})) as one:
        for caller in ("Ann", "Bob", "Cem", "Dee"):
            asked = replace(ASKED, messages=(Message("user", caller),))
            text, attempts = await one.walk(asked=asked)
            assert text == f"To {caller}."
            assert attempts[-1].outcome == "answered"
            await asyncio.sleep(2 * late_s)


async def test_a_second_answer_in_the_same_stream_is_not_heard():
    async def answers_twice(peer):
        await peer.head()
        for _ in range(2):
            await peer.chunk(openai_stream("Once."))
        await peer.end()

    async with plan(twice=answers_twice) as one:
        for _ in range(3):
            assert (await one.walk())[0] == "Once."


async def test_of_several_replies_side_by_side_one_is_heard():
    async def says_two(peer):
        await peer.head()
        for word in ("One", " reply."):
            for index in (1, 0):
                choice = {"index": index, "delta": {"content": word if index == 0 else "No!"}}
                await peer.event({"choices": [choice]})
        await peer.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        await peer.end()

    async with plan(two=says_two) as one:
        assert (await one.walk())[0] == "One reply."


# ---------------------------------------------------------------- all upstreams down


@unless_starved
async def test_all_upstreams_down_is_one_clear_error_with_every_attempt():
    line = Line(Heard(TURN), HungUp("bye"))
    async with plan(quick=is_down, deep=(stalls_after_the_head, IMPATIENT)) as one:
        targets = {target.name: target for target in one.targets}
        began = time.perf_counter()
        await conduct(engines(targets=targets), line)
    (failed,) = line.all(StageFailed)
    assert failed.stage == "llm"
    assert failed.error == (
        "no model answered: quick had an error (HTTP 503: Back soon); "
        "deep said nothing in time (no word within 0.15 s); "
        "quick had an error (HTTP 503: Back soon)"
    )
    (ended,) = line.all(ReplyEnded)
    assert (ended.outcome, ended.text, ended.model) == ("failed", "", None)
    assert len(line.all(AttemptEnded)) == 3
    assert time.perf_counter() - began < 3


async def test_the_events_tell_who_went_on_and_what_it_cost():
    line = Line(Heard(TURN), HungUp("bye"))
    bad = breaks_off(hangs_up, "One", " two ")
    good = (openai_says("three."), {"facts": ModelFacts(price_in=1.0, price_out=10.0)})
    async with plan(quick=bad, deep=good) as one:
        await conduct(engines(targets={t.name: t for t in one.targets}), line)
    (ended,) = line.all(ReplyEnded)
    assert (ended.outcome, ended.text, ended.model) == ("answered", "One two three.", "deep")
    first, second = line.all(AttemptEnded)
    assert (first.outcome, first.continued, first.cost_usd) == ("cut_short", False, None)
    assert (second.outcome, second.continued, second.cost_usd) == ("answered", True, 42e-6)


def test_an_attempt_can_be_read_as_a_sentence():
    assert str(Attempt(1, "m", "rate_limited", "HTTP 429")) == "m was busy (HTTP 429)"
    assert str(Attempt(1, "m", "cancelled")) == "m was cancelled"
