"""Calls that are cut off at random moments: what is left of them in the server."""

import asyncio
import time

import numpy as np

from tonewise.audio import RATE
from turn_taking.live_answers import MODEL, Setting
from turn_taking.live_caller import Caller
from turn_taking.live_figures import row, table
from turn_taking.live_interruptions import SPOKEN
from turn_taking.live_server import Server, running

CALLS, AT_ONCE = 500, 16
WAYS = ("reset", "closed", "said stop", "fell silent")
GONE_S = 2.0
"""Every task and stream of a call ends within so long."""


async def abandoned(setting: Setting) -> None:
    """Open, speak, and go, in all ways and at all moments."""
    count = 100 if setting.quick else CALLS
    models = MODEL.format(how="long")
    more = SPOKEN
    table(
        [
            "after",
            "calls",
            "tasks",
            "threads",
            "open files",
            "Python objects",
            "calls in memory",
            "RSS MB",
        ]
    )
    async with running(setting.folder, endpoint=setting.endpoint, models=models, more=more) as at:
        await many(at, setting, 32, 7)  # what is loaded on first use, and connections that stay
        await settled(at, "32 calls to warm up")
        for part in range(4):
            await many(at, setting, count // 4, 100 + part)
            gone_s = await settled(at, f"{count // 4 * (part + 1)} calls cut off")
        print(f"\nno call left {gone_s:.2f} s after the last one was cut off")
        await one_that_works(at, setting)


async def settled(server: Server, name: str) -> float:
    """Wait for the calls to end, and count what is left; how long they took."""
    began = time.perf_counter()
    while await server.calls() and time.perf_counter() - began < 30:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    took_s = time.perf_counter() - began
    await asyncio.sleep(1.0)
    alive = await server.census()
    cells = [await server.calls(), alive["tasks"], alive["threads"], server.open_files()]
    left = sum(alive[kind] for kind in ("Call", "Dialogue", "Voice", "WebSocketTransport", "Start"))
    row([name, *cells, alive["objects"], left, f"{server.rss_mb():.1f}"])
    return took_s


async def many(server: Server, setting: Setting, count: int, seed: int) -> None:
    """So many calls, 16 at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> None:
        async with gate:
            await cut_off(server, setting, WAYS[number % len(WAYS)], seed * 1000 + number)

    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(one(number))


async def cut_off(server: Server, setting: Setting, way: str, seed: int) -> None:
    """One call, cut off somewhere in its first turns."""
    rng = np.random.default_rng(seed)
    ready = setting.of("orders", "questions and short answers")
    async with Caller(server.call, rng, speech=True) as caller:
        for at in rng.permutation(len(ready))[:3]:
            caller.say(caller.room(0.2))
            caller.say(ready[at].samples)
            caller.say(caller.room(float(rng.uniform(0.3, 3.0))))
        await asyncio.sleep(float(rng.uniform(0, 5)))
        if way == "reset":
            caller.abort()
        elif way == "said stop":
            await caller.socket.send('{"type":"stop"}')
        elif way == "fell silent":
            caller.fall_silent()
            await asyncio.sleep(0.5)


async def one_that_works(server: Server, setting: Setting) -> None:
    """After all that, a caller is answered."""
    rng = np.random.default_rng(setting.seed)
    clip = setting.of("orders")[0]
    async with Caller(server.call, rng, speech=True) as caller:
        begin = caller.say(clip.samples)
        await caller.until_sent(begin + clip.end + RATE)
        answer = await caller.until("reply_sounded", caller.when_sent(begin), 10)
        print(f"the next caller {'is answered' if answer else 'IS NOT ANSWERED'}")
