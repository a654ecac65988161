"""Two models asked side by side: the first to speak has the floor, and nobody hears the other."""

import asyncio
from dataclasses import replace

import pytest

from starved import unless_starved
from tonewise.default_models import Attempts
from tonewise.llm.breaker import Breaker
from upstream import (
    FAULTS,
    is_down,
    openai_says,
    refuses,
    sends_garbage,
    speaks_after,
    stalls_after_its_role,
)
from walking import DEAD_AIR_S, KEY, plan, silences, walk


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


HEDGED = {"hedge_after_s": 0.1}


@unless_starved
async def test_the_next_model_is_asked_beside_one_that_is_slow():
    async with plan(
        slow=(stalls_after_its_role, HEDGED), quick=openai_says("Quick", " reply.")
    ) as one:
        text, attempts, waited = await silences(one.targets)
        async with asyncio.timeout(20):
            await one.servers[0].left.wait()
    assert text == "Quick reply."
    assert [(a.number, a.model, a.outcome, a.heard) for a in attempts] == [
        (1, "slow", "lost", False),
        (2, "quick", "answered", True),
    ]
    assert waited < 0.1 + DEAD_AIR_S


@unless_starved
async def test_the_first_may_still_win_and_nothing_of_the_second_is_heard():
    async with plan(
        slow=(speaks_after(0.25, "The", " first."), HEDGED),
        slower=speaks_after(0.6, "Leftovers!"),
    ) as one:
        text, attempts = await one.walk()
        async with asyncio.timeout(20):
            await one.servers[1].asked.wait()
    assert text == "The first."
    assert sorted((a.model, a.outcome) for a in attempts) == [
        ("slow", "answered"),
        ("slower", "lost"),
    ]


@unless_starved
async def test_a_model_that_is_quick_enough_is_alone():
    async with plan(quick=(openai_says("Here."), HEDGED), never=openai_says("Never.")) as one:
        assert await one.outcomes() == [("quick", "answered")]
        await asyncio.sleep(0.15)
        assert one.servers[1].requests == []


@pytest.mark.parametrize("fault", [is_down, refuses, sends_garbage])
@unless_starved
async def test_a_hedge_that_fails_does_not_cost_the_first_its_turn(fault):
    async with plan(slow=(speaks_after(0.4, "The first."), HEDGED), bad=fault) as one:
        text, attempts = await one.walk()
    assert text == "The first."
    assert [(a.model, a.outcome) for a in attempts] == [
        ("bad", FAULTS[fault]),
        ("slow", "answered"),
    ]


@unless_starved
async def test_while_a_hedge_fails_and_the_first_is_slow_a_third_is_asked():
    async with plan(
        slow=(stalls_after_its_role, HEDGED), bad=is_down, good=openai_says("Third.")
    ) as one:
        text, attempts, waited = await silences(one.targets)
    assert text == "Third."
    assert [(a.model, a.outcome) for a in attempts] == [
        ("bad", "upstream_error"),
        ("slow", "lost"),
        ("good", "answered"),
    ]
    assert waited < 0.1 + DEAD_AIR_S


@unless_starved
async def test_a_fast_fault_does_not_wait_for_the_hedge():
    async with plan(bad=(is_down, {"hedge_after_s": 5}), good=openai_says("Here.")) as one:
        text, attempts, waited = await silences(one.targets)
    assert (text, attempts[0].outcome) == ("Here.", "upstream_error")
    assert waited < DEAD_AIR_S


@unless_starved
async def test_no_more_than_two_are_asked_at_once():
    stalls = (stalls_after_its_role, {"hedge_after_s": 0.05, "first_token_s": 0.6})
    async with plan(a=stalls, b=stalls, c=stalls) as one:
        walking = asyncio.create_task(one.walk(Attempts(second_tries=0)))
        await asyncio.sleep(0.3)
        assert [len(server.requests) for server in one.servers] == [1, 1, 0]
        _, attempts = await walking
    assert [a.outcome for a in attempts] == ["no_first_token"] * 3


async def test_when_the_caller_leaves_both_are_hung_up_on_and_recorded():
    records = []
    async with plan(a=(stalls_after_its_role, HEDGED), b=stalls_after_its_role) as one:
        walking = asyncio.create_task(walk(one.targets, on_cancelled=records.append))
        async with asyncio.timeout(20):
            await one.servers[1].asked.wait()
            walking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await walking
            for server in one.servers:
                await server.left.wait()
    assert [(r.model, r.outcome) for r in records] == [("a", "cancelled"), ("b", "cancelled")]


@unless_starved
async def test_hedged_replies_leave_no_task_behind():
    before = len(asyncio.all_tasks())
    async with plan(
        slow=(stalls_after_its_role, {"hedge_after_s": 0.02}), quick=openai_says("Here.")
    ) as one:
        target = replace(one.targets[0], breaker=Breaker(faults=99))
        texts = await asyncio.gather(*(walk([target, one.targets[1]]) for _ in range(20)))
    assert {text for text, _ in texts} == {"Here."}
    assert len(asyncio.all_tasks()) <= before


@unless_starved
async def test_a_model_that_is_always_beaten_is_left_alone_after_a_while():
    """A dead model would else cost every turn the time after which another is asked."""
    async with plan(dead=(stalls_after_its_role, HEDGED), quick=openai_says("Here.")) as one:
        for _ in range(3):
            assert ("dead", "lost") in await one.outcomes()
        assert await one.outcomes() == [("dead", "skipped"), ("quick", "answered")]
