"""Which model is asked next, which again, which not at all: waits, rests, windows, room, money."""

import asyncio
import time
from contextlib import aclosing
from dataclasses import replace

import pytest

from starved import unless_starved
from tonewise.default_models import Attempts
from tonewise.llm.breaker import Breaker
from tonewise.llm.dispatch import answer
from tonewise.llm.target import COLD_AFTER_S
from tonewise.plan import ModelFacts
from tonewise.stages import Message
from upstream import (
    FAULTS,
    breaks_off,
    closes_early,
    errs_in_a_good_stream,
    filters,
    is_busy,
    is_down,
    only_keeps_alive,
    openai_says,
    refuses,
    speaks_after,
    stalls_after_its_role,
    stalls_after_the_head,
)
from walking import ASKED, DEAD_AIR_S, IMPATIENT, KEY, plan, silences, walk


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


# ---------------------------------------------------------------- asked again, and left alone


async def recovers(peer, first):
    await (first if len(peer.server.requests) == 1 else openai_says("Back."))(peer)


def busy_once(seconds):
    async def busy(peer):
        await peer.answer(429, {"error": "later"}, retry_after=str(seconds))

    return lambda peer: recovers(peer, busy)


@unless_starved
async def test_a_short_wait_is_waited_for_where_there_is_no_other_model():
    async with plan(only=busy_once(0.2)) as one:
        text, attempts, waited = await silences(one.targets)
    assert text == "Back."
    assert [a.outcome for a in attempts] == ["rate_limited", "answered"]
    assert 0.2 <= waited < 0.2 + DEAD_AIR_S


@unless_starved
async def test_a_long_wait_is_not():
    async with plan(only=busy_once(7)) as one:
        began = time.perf_counter()
        assert await one.outcomes() == [("only", "rate_limited")]
    assert time.perf_counter() - began < DEAD_AIR_S


@unless_starved
async def test_nobody_waits_while_there_is_another_model():
    async with plan(busy=busy_once(1.5), other=openai_says("Here.")) as one:
        text, _, waited = await silences(one.targets)
    assert text == "Here."
    assert waited < DEAD_AIR_S


@pytest.mark.parametrize("fault", [refuses, is_down, errs_in_a_good_stream, closes_early])
async def test_a_passing_fault_of_the_only_model_is_passed_over(fault):
    async with plan(only=lambda peer: recovers(peer, fault)) as one:
        text, attempts = await one.walk()
    assert text == "Back."
    assert [a.outcome for a in attempts] == [FAULTS[fault], "answered"]


async def test_a_model_is_asked_twice_at_most():
    async with plan(only=is_down) as one:
        assert await one.outcomes() == [("only", "upstream_error")] * 2


@pytest.mark.parametrize("fault", [stalls_after_the_head, filters])
@unless_starved
async def test_silence_and_refusals_are_not_asked_for_twice(fault):
    async with plan(only=(fault, IMPATIENT)) as one:
        assert await one.outcomes() == [("only", FAULTS[fault])]


@unless_starved
async def test_a_model_that_keeps_failing_is_left_alone_by_all_calls_and_tried_again_later():
    healthy = asyncio.Event()

    async def behave(peer):
        await (openai_says("Back.") if healthy.is_set() else is_down)(peer)

    breaker = Breaker(faults=3, cooldown_s=1)
    async with plan(bad=(behave, {"breaker": breaker}), good=openai_says("Here.")) as one:
        for _ in range(3):
            assert (await one.outcomes())[0] == ("bad", "upstream_error")
        replies = await asyncio.gather(*(one.walk() for _ in range(5)))
        assert {text for text, _ in replies} == {"Here."}
        assert [a.outcome for a in replies[0][1]] == ["skipped", "answered"]
        # Not why: the provider's words may quote what another caller said.
        assert replies[0][1][0].detail == "resting for 1 s more"
        assert len(one.servers[0].requests) == 3
        healthy.set()
        await asyncio.sleep(1)
        assert await one.outcomes() == [("bad", "answered")]


async def test_a_busy_model_is_left_alone_for_as_long_as_it_asks():
    async with plan(busy=is_busy, good=openai_says("Here.")) as one:
        assert await one.outcomes() == [("busy", "rate_limited"), ("good", "answered")]
        assert await one.outcomes() == [("busy", "skipped"), ("good", "answered")]
        assert len(one.servers[0].requests) == 1


async def test_where_all_rest_the_one_that_is_due_first_is_asked_anyway():
    resting = {name: Breaker(faults=1, cooldown_s=s) for name, s in (("a", 90), ("b", 60))}
    for breaker in resting.values():
        breaker.failed(asyncio.get_running_loop().time(), "HTTP 503")
    async with plan(
        a=(openai_says("Wrong."), {"breaker": resting["a"]}),
        b=(openai_says("Still here."), {"breaker": resting["b"]}),
    ) as one:
        text, attempts = await one.walk()
    assert text == "Still here."
    assert [(a.model, a.outcome) for a in attempts] == [
        ("a", "skipped"),
        ("b", "skipped"),
        ("b", "answered"),
    ]
    assert resting["b"].state == "closed"


async def test_where_all_rest_each_is_asked_once_before_the_caller_gets_nothing():
    now = asyncio.get_running_loop().time()
    resting = {name: Breaker(1, s) for name, s in (("a", 90), ("b", 60), ("c", 30))}
    for breaker in resting.values():
        breaker.failed(now, "HTTP 503")
    async with plan(
        a=(is_down, {"breaker": resting["a"]}),
        b=(openai_says("Still here."), {"breaker": resting["b"]}),
        c=(is_down, {"breaker": resting["c"]}),
    ) as one:
        asked = [("c", "upstream_error"), ("b", "answered")]
        assert (await one.outcomes())[3:] == asked
        resting["b"].failed(now, "HTTP 503", 60)
        resting["c"].failed(now, "HTTP 503", 70)
        one.servers[1].requests.clear()
        one.servers[1]._behave = is_down
        asked = [(name, "upstream_error") for name in "bca"]
        assert (await one.outcomes(Attempts(second_tries=5)))[3:] == asked


async def test_faults_of_the_question_do_not_count_against_the_model():
    async with plan(strict=filters, good=openai_says("Here.")) as one:
        for _ in range(5):
            assert (await one.outcomes())[0] == ("strict", "content_filtered")
        assert one.targets[0].breaker.state == "closed"


async def test_a_caller_who_interrupts_does_not_count_against_the_model():
    breaker = Breaker(faults=1)
    slow = breaks_off(only_keeps_alive, "Well, ")
    async with (
        plan(only=(slow, {"breaker": breaker, "stall_s": 9})) as one,
        aclosing(answer(one.targets, ASKED, time.perf_counter)) as pieces,
    ):
        assert await anext(pieces) == "Well,"
    assert breaker.state == "closed"
    assert breaker.replied_at is not None


# ---------------------------------------------------------------- windows


@unless_starved
async def test_a_model_that_was_not_used_for_a_while_gets_more_time():
    cold = {"first_token_s": 0.1, "cold_first_token_s": 5}
    async with plan(local=(speaks_after(0.3, "Loaded."), cold)) as one:
        assert (await one.walk())[0] == "Loaded."
        assert await one.outcomes(Attempts(second_tries=0)) == [("local", "no_first_token")]
        one.targets[0].breaker.replied_at -= COLD_AFTER_S + 1
        assert (await one.walk())[0] == "Loaded."


@unless_starved
async def test_the_callers_patience_is_bounded_whatever_the_number_of_models():
    stalls = (stalls_after_its_role, {"first_token_s": 0.4})
    async with plan(a=stalls, b=stalls, c=stalls, d=stalls) as one:
        began = time.perf_counter()
        text, attempts = await one.walk(Attempts(silence=0.6))
    assert time.perf_counter() - began < 0.6 + DEAD_AIR_S
    assert text == ""
    assert [a.outcome for a in attempts] == ["no_first_token"] * 2 + ["skipped"] * 2
    assert attempts[-1].detail == "0.6 s went by without a word"


# ---------------------------------------------------------------- too long

LONG = replace(
    ASKED,
    messages=(
        Message("system", "Be brief."),
        *(Message(role, f"{role} {n}") for n in range(4) for role in ("user", "assistant")),
        Message("user", "Hello."),
    ),
)


def holds(messages):
    async def behave(peer):
        if len(peer.json["messages"]) > messages:
            error = {"code": "context_length_exceeded", "message": "maximum context length"}
            await peer.answer(400, {"error": error})
        else:
            await openai_says("It fits.")(peer)

    return behave


async def test_a_conversation_that_is_too_long_is_asked_again_without_its_older_half():
    async with plan(small=holds(6), other=openai_says("Never.")) as one:
        text, attempts = await one.walk(asked=LONG)
        asked = [m["content"] for m in one.servers[0].requests[1].json["messages"]]
    assert text == "It fits."
    assert [(a.model, a.outcome) for a in attempts] == [
        ("small", "too_long"),
        ("small", "answered"),
    ]
    assert asked == ["Be brief.", "user 3", "assistant 3", "Hello."]


async def test_a_model_that_holds_more_is_told_everything():
    def window(tokens):
        return {"facts": ModelFacts(context_window=tokens)}

    async with plan(
        small=(holds(6), window(8000)),
        alike=(holds(99), window(8000)),
        large=(holds(99), window(200_000)),
    ) as one:
        text, attempts = await one.walk(asked=LONG)
        asked = one.servers[2].requests[0].json["messages"]
    assert text == "It fits."
    assert [a.model for a in attempts] == ["small", "large"]
    assert len(asked) == len(LONG.messages)


async def test_what_cannot_be_shortened_enough_goes_to_the_next_model():
    async with plan(tiny=holds(2), other=holds(99)) as one:
        _, attempts = await one.walk(asked=LONG)
    assert [(a.model, a.outcome) for a in attempts] == [
        ("tiny", "too_long"),
        ("tiny", "too_long"),
        ("other", "answered"),
    ]


async def test_a_too_long_prompt_is_known_by_anthropics_words():
    async def refuses_length(peer):
        message = "prompt is too long: 233153 tokens > 200000 maximum"
        error = {"type": "invalid_request_error", "message": message}
        await peer.answer(400, {"type": "error", "error": error})

    async with plan(claude=refuses_length, other=openai_says("Here.")) as one:
        assert (await one.outcomes())[0] == ("claude", "too_long")


# ---------------------------------------------------------------- money


def priced(price_in, price_out):
    return {"facts": ModelFacts(price_in=price_in, price_out=price_out)}


async def test_a_fallback_that_is_too_dear_is_left_out_and_recorded():
    async with plan(
        cheap=(is_down, priced(0.1, 0.4)),
        dear=(openai_says("Expensive."), priced(1.0, 4.0)),
        fair=(openai_says("Fair."), priced(0.2, 0.8)),
    ) as one:
        text, attempts = await one.walk(Attempts(max_price_ratio=3))
        assert one.servers[1].requests == []
    assert text == "Fair."
    assert [(a.model, a.outcome) for a in attempts] == [
        ("cheap", "upstream_error"),
        ("dear", "skipped"),
        ("fair", "answered"),
    ]
    assert attempts[1].detail == "it costs 10 times as much as cheap, and 3 times is the most"


async def test_beside_a_free_model_only_free_ones_are_within_a_ceiling():
    async with plan(
        local=(is_down, priced(0, 0)),
        cloud=(openai_says("Expensive."), priced(1, 1)),
        unknown=openai_says("Who knows."),
    ) as one:
        text, attempts = await one.walk(Attempts(max_price_ratio=100))
    assert text == "Who knows."
    assert attempts[1].detail == "it costs more than local, and 100 times is the most"


@unless_starved
async def test_every_attempt_tells_what_it_cost_where_that_is_known():
    async with plan(
        counted=(openai_says("Hi."), priced(1.0, 10.0)),
        unpriced=openai_says("Hi."),
        uncounted=(stalls_after_the_head, priced(1.0, 10.0) | IMPATIENT),
    ) as one:
        costs = [(await walk([target]))[1][0].cost_usd for target in one.targets]
    assert costs == [(12 * 1.0 + 3 * 10.0) / 1e6, None, None]
