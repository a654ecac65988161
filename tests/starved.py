"""Tests of waits, limits and costs, on a machine that has something else to do.

A limit of tenths of a second tells nothing of us where the machine stood still for as long: the
model that was to be in time was late as well. Such a test is judged by a run that the machine
kept up with. What is broken fails in every run, and so it still fails here. Likewise, of many
measurements of one cost the least is the one that nobody else had a part in.
"""

import asyncio
import functools
import time
from collections.abc import Awaitable, Callable
from typing import ParamSpec

import pytest

P = ParamSpec("P")

TICK_S = 0.01
KEPT_UP_S = 0.05
"""So late in all, a run still counts."""
RUNS, LONGEST_S = 12, 120.0
"""So often, and no more once so much time is gone."""


class Pulse:
    """How late the event loop's clockwork was, in seconds in all, tick by tick."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.late_s = 0.0
        self._wind()

    def _wind(self) -> None:
        self._due = self._loop.time() + TICK_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self.late_s += max(0.0, self._loop.time() - self._due)
        self._wind()

    def stop(self) -> float:
        """No more ticks; how late they were, the one that is overdue included."""
        self._timer.cancel()
        return self.late_s + max(0.0, self._loop.time() - self._due)


def unless_starved(test: Callable[P, Awaitable[None]]) -> Callable[P, Awaitable[None]]:
    """The test, run again where it failed while the machine did not keep up.

    Only for a test that needs nothing fresh for another run: what it opens, it opens itself.
    """

    @functools.wraps(test)
    async def judged(*args: P.args, **options: P.kwargs) -> None:
        began = asyncio.get_running_loop().time()
        for run in range(1, RUNS + 1):
            pulse = Pulse()
            try:
                await test(*args, **options)
                break
            except (Exception, pytest.fail.Exception):
                gone_s = asyncio.get_running_loop().time() - began
                if pulse.stop() < KEPT_UP_S or run == RUNS or gone_s > LONGEST_S:
                    raise
            finally:
                pulse.stop()

    return judged


def least_s(work: Callable[[], object], runs: int = 20) -> float:
    """Seconds of this thread's CPU that the work takes at best, of so many runs."""
    took = []
    for _ in range(runs):
        began = time.thread_time()
        work()
        took.append(time.thread_time() - began)
    return min(took)
