"""The judge of tests that need a machine that keeps up: it excuses starvation and nothing else."""

import time

import pytest

import starved
from starved import KEPT_UP_S, least_s, unless_starved


def standing_still() -> None:
    time.sleep(2 * KEPT_UP_S)


async def test_what_fails_while_the_machine_stands_still_is_run_again():
    runs = []

    @unless_starved
    async def late_at_first():
        runs.append(1)
        if len(runs) < 3:
            standing_still()
        assert len(runs) == 3

    await late_at_first()
    assert len(runs) == 3


async def test_what_is_broken_fails_however_often_it_is_run(monkeypatch):
    monkeypatch.setattr(starved, "RUNS", 4)
    runs = []

    @unless_starved
    async def broken():
        runs.append(1)
        standing_still()
        raise AssertionError("broken")

    with pytest.raises(AssertionError, match="broken"):
        await broken()
    assert len(runs) == 4


async def test_on_a_machine_that_keeps_up_a_failure_is_a_failure(monkeypatch):
    monkeypatch.setattr(starved, "KEPT_UP_S", 60.0)
    runs = []

    @unless_starved
    async def fails_once():
        runs.append(1)
        assert len(runs) == 2

    with pytest.raises(AssertionError):
        await fails_once()
    assert len(runs) == 1


async def test_a_test_that_is_skipped_is_skipped_and_one_that_raises_nothing_fails(monkeypatch):
    monkeypatch.setattr(starved, "RUNS", 2)
    runs = []

    @unless_starved
    async def skipped():
        pytest.skip("not here")

    @unless_starved
    async def raises_nothing():
        runs.append(1)
        standing_still()
        with pytest.raises(OSError, match="never"):
            pass

    with pytest.raises(pytest.skip.Exception):
        await skipped()
    with pytest.raises(pytest.fail.Exception):
        await raises_nothing()
    assert len(runs) == 2


def test_the_least_of_many_costs_leaves_out_the_run_that_something_else_held_up():
    runs = []

    def work() -> None:
        runs.append(1)
        ends = time.thread_time() + (0.05 if len(runs) == 1 else 0.0)
        while time.thread_time() < ends:
            pass

    assert least_s(work, 5) < 0.05
    assert len(runs) == 5
