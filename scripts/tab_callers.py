"""Callers in a real browser, a tab each: they play the sample calls, again and again."""

import asyncio
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chromium import Browser, Page, empty_browser

TALKS_AT_ONCE = "--autoplay-policy=no-user-gesture-required"
SAMPLES = 4
LONGEST = 3
"""The sample that lasts longest: nobody hangs up while we watch who is let go."""

LET_GO_S = 5.0
LOOK_S = 1.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")

PATIENCE_S = 60.0
"""With which a tab is waited for: ten of them start at once on a machine that is full."""

_LIVE = "!document.getElementById('stop').hidden"
_CALLS = "document.querySelectorAll('.call').length"
_HEARD = "document.querySelectorAll('.turn .badge:not(:empty)').length"
_WAY = "document.getElementById('way').textContent"


class Tab:
    """One caller.

    Attributes:
        heard: turns that were understood and given to a model.
        ways: how the server was reached, call by call; "" where it was not.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.heard = 0
        self.ways: list[str] = []

    async def open(self, url: str) -> None:
        """Load the page."""
        await self.page.call("Page.navigate", url=url)
        await self.page.until("document.body?.classList.contains('ready')", PATIENCE_S)

    async def call(self, sample: int) -> None:
        """Begin to play a sample."""
        before = await self.page.js(_CALLS)
        await self.page.click(f"#samples li:nth-child({sample}) button")
        await self.page.until(f"{_CALLS} > {before} || !({_LIVE})", PATIENCE_S)
        self.ways.append(await self.page.js(_WAY))

    async def keep_calling(self, first: int) -> None:
        """One sample after the other, each as a call of its own, until cancelled."""
        number = first
        while True:
            await self.call(1 + number % SAMPLES)
            number += 1
            live = True
            while live:
                await asyncio.sleep(LOOK_S)
                live, self.heard = await self.page.js(f"[{_LIVE}, {_HEARD}]")

    async def hang_up(self) -> None:
        """End the call, if there is one."""
        await self.page.click("#stop")
        await self.page.until(f"!({_LIVE})", PATIENCE_S)


def cpu_s(browser: Browser) -> float:
    """Processor time of all its processes so far."""
    spent = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == browser.process.pid:  # its process group
                spent += int(fields[11]) + int(fields[12])
    return spent / TICKS_PER_S


async def call_for(
    tabs: list[Tab], seconds: float, line: Callable[[], Awaitable[None]], every_s: float
) -> None:
    """Everybody calls for so long; `line` is told every so often."""
    calling = [asyncio.create_task(tab.keep_calling(at)) for at, tab in enumerate(tabs)]
    with _let_go(calling):
        for _ in range(max(1, round(seconds / every_s))):
            done, _ = await asyncio.wait(calling, timeout=every_s)
            for task in done:
                task.result()  # a tab that broke is told
            await line()


@contextmanager
def _let_go(calling: list[asyncio.Task[None]]) -> Iterator[None]:
    try:
        yield
    finally:
        for task in calling:
            task.cancel()


async def leave(whole: Browser, tabs: list[Tab], calls: Callable[[], int]) -> None:
    """Half of the tabs are closed in mid-call, the rest killed: who is let go, and how soon?"""
    await asyncio.gather(*(tab.hang_up() for tab in tabs))
    await _until(lambda: calls() == 0)
    await asyncio.gather(*(tab.call(LONGEST) for tab in tabs))
    await _until(lambda: calls() == len(tabs))
    closed, killed = tabs[: len(tabs) // 2], tabs[len(tabs) // 2 :]
    await asyncio.gather(*(tab.page.close() for tab in closed))
    await _tell(f"{len(closed)} tabs closed", calls, len(killed))
    whole.kill()
    await _tell(f"the browser with {len(killed)} tabs killed (SIGKILL)", calls, 0)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not await asyncio.to_thread(true):  # noqa: ASYNC110 - another process tells
            await asyncio.sleep(0.1)


async def _tell(what: str, calls: Callable[[], int], others: int) -> None:
    loop = asyncio.get_running_loop()
    began, freed = loop.time(), None
    while (now := loop.time() - began) < LET_GO_S:
        if freed is None and await asyncio.to_thread(calls) <= others:
            freed = now
        await asyncio.sleep(0.05)
    left = await asyncio.to_thread(calls) - others
    soon = "" if freed is None else f", the last let go after {freed:.1f} s"
    print(f"{what}: {left} of their peers left {LET_GO_S:g} s later{soon}", flush=True)


def tell_heard(tabs: list[Tab]) -> None:
    """Turns by tab, and how they came."""
    ways = Counter(way or "not taken" for tab in tabs for way in tab.ways)
    print(f"\ncalls: {', '.join(f'{count} {way}' for way, count in ways.most_common())}")
    print(f"turns heard by tab: {', '.join(str(tab.heard) for tab in tabs)}", flush=True)


async def callers(
    url: str,
    count: int,
    seconds: float,
    line: Callable[[Browser], Awaitable[None]],
    every_s: float,
    calls: Callable[[], int],
) -> None:
    """So many tabs of one browser call for so long, and leave.

    Args:
        url: of the server.
        count: of tabs.
        seconds: for which they call.
        line: prints how the server does.
        every_s: seconds between two lines.
        calls: how many calls the server has in hand.
    """
    async with empty_browser(TALKS_AT_ONCE) as whole:
        tabs = [Tab(await whole.tab()) for _ in range(count)]
        for tab in tabs:
            await tab.open(url)
        await call_for(tabs, seconds, lambda: line(whole), every_s)
        tell_heard(tabs)
        await leave(whole, tabs, calls)
