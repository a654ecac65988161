"""From the end of speech to the first words of the reply."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tonewise.audio import RATE
from turn_taking.live_caller import Caller
from turn_taking.live_clips import Clip
from turn_taking.live_figures import difference, percentile, row, table
from turn_taking.live_server import Server, running

TURNS, PERIOD_S = 4, 4.6
"""Of each call, as for the peers' figures."""

MODEL = '[[models]]\nname = "stub"\noptions = {{ model = "m", base_url = "URL/{how}" }}\n'


@dataclass
class Answers:
    """What became of the turns of some calls.

    Attributes:
        delays_ms: from the end of speech to the first words at the caller.
        sounds_ms: to the first sound of the reply, where it is spoken.
        ended_ms: to the end of the turn, at the caller.
        asked: turns.
        cut_in: turns into which we spoke before their end.
        early: requests that were thrown away.
        cpu: seconds of the server per minute of audio and call.
    """

    delays_ms: list[float] = field(default_factory=list)
    ended_ms: list[float] = field(default_factory=list)
    sounds_ms: list[float] = field(default_factory=list)
    asked: int = 0
    cut_in: int = 0
    early: int = 0
    cpu: float = 0.0
    rss_mb: float = 0.0
    late: list[str] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Setting:
    """What all parts are told.

    Attributes:
        folder: temporary.
        endpoint: the endpoint engine; empty takes the default.
        clips: what may be played.
        quick: fewer of everything.
        calls: at once, for the first table.
        seed: of all that is drawn.
        data: the folder with speech/ and emotion/.
        stt: the STT engine; empty takes the stub.
    """

    folder: Path
    endpoint: str
    clips: Sequence[Clip]
    quick: bool
    calls: tuple[int, ...]
    seed: int
    data: Path
    stt: str = ""

    def of(self, *kinds: str) -> list[Clip]:
        """The clips of some kinds."""
        return [clip for clip in self.clips if clip.kind in kinds]


WHOLE = ("orders", "questions and short answers", "read")


async def delays(setting: Setting) -> None:
    """End of speech to first words, at one call and at many."""
    columns = ["calls at once, what is said", "answered", "cut in", "median ms", "p95 ms"]
    columns += ["turn ended, median ms", "CPU-s per audio min and call", "server MB, and per call"]
    columns += ["STT asked, times a turn"]
    table(columns)
    plans: list[tuple[int, tuple[str, ...]]] = [(number, WHOLE) for number in setting.calls]
    plans.append((min(4, max(setting.calls)), ("spelled",)))
    async with running(setting.folder, endpoint=setting.endpoint, stt=setting.stt) as server:
        await calls(server, setting, WHOLE, 1, seed=99, turns=1)  # what is loaded on first use
        for number, kinds in plans:
            rounds = 1 if setting.quick else max(1, round(16 / number))
            before, asked = server.rss_mb(), await _transcriptions(server, setting)
            found = Answers()
            for again in range(rounds):
                seed = setting.seed + 100 * number + again
                await calls(server, setting, kinds, number, seed=seed, into=found)
            row(
                [
                    f"{number}, {'whole utterances' if kinds is WHOLE else 'spelled, dictated'}",
                    f"{len(found.delays_ms)}/{found.asked}",
                    found.cut_in,
                    percentile(found.delays_ms, 50),
                    percentile(found.delays_ms, 95),
                    percentile(found.ended_ms, 50),
                    f"{found.cpu / rounds:.2f}",
                    f"{before:.0f}, {max(0.0, found.rss_mb - before) / number:.1f}",
                    f"{(await _transcriptions(server, setting) - asked) / found.asked:.1f}",
                ]
            )
            for line in (*sorted(found.late)[-5:], *found.cuts) if setting.quick else ():
                print(f"    {line}")


async def _transcriptions(server: Server, setting: Setting) -> float:
    """How often the stub was asked; another engine does not tell."""
    return float("nan") if setting.stt else (await server.census())["transcriptions"]


async def calls(
    server: Server,
    setting: Setting,
    kinds: Sequence[str],
    number: int,
    *,
    seed: int,
    turns: int = TURNS,
    into: Answers | None = None,
    speech: bool = False,
) -> Answers:
    """So many calls at once, each with turns of its own, at a phase of its own."""
    found = into if into is not None else Answers()
    rng = np.random.default_rng(seed)
    ready = setting.of(*kinds)
    before = server.cpu_s()
    async with asyncio.TaskGroup() as group:
        for _ in range(number):
            drawn = [ready[at] for at in rng.permutation(len(ready))[:turns]]
            group.create_task(
                one_call(
                    server,
                    drawn,
                    np.random.default_rng(rng.integers(1 << 32)),
                    found,
                    speech=speech,
                )
            )
        await asyncio.sleep(turns * PERIOD_S)
        found.rss_mb = max(found.rss_mb, server.rss_mb())
    minutes = number * turns * PERIOD_S / 60
    found.cpu += (server.cpu_s() - before) / minutes
    return found


async def one_call(
    server: Server,
    drawn: Sequence[Clip],
    rng: np.random.Generator,
    found: Answers,
    *,
    speech: bool = False,
) -> None:
    """A caller who says one clip every `PERIOD_S`."""
    await asyncio.sleep(rng.uniform(0, PERIOD_S))
    async with Caller(server.call, rng, speech=speech) as caller:
        begun = []
        for clip in drawn:
            caller.say(caller.room(rng.uniform(0.3, 0.35)))
            begun.append(caller.say(clip.samples))
            caller.say(caller.room(max(2.0, PERIOD_S - 0.3 - len(clip.samples) / RATE)))
        over = begun[-1] + len(drawn[-1].samples) + round(3 * RATE)
        await caller.until_sent(over)
        for clip, begin, upto in zip(drawn, begun, [*begun[1:], over], strict=True):
            judge(caller, clip, begin, upto, found)
        found.early += sum(event.get("early", False) for _, event in caller.all("attempt_ended"))


def judge(caller: Caller, clip: Clip, begin: int, upto: int, found: Answers) -> None:
    """What became of one clip, said from sample `begin`; the next one comes at `upto`."""
    since, next_one = caller.when_spoken(begin), caller.when_spoken(upto)
    end = caller.when_spoken(begin + clip.end)
    words = [at for at, _ in caller.all("reply_streamed", since) if at < next_one]
    ended = [(at, event) for at, event in caller.all("turn_ended", since) if at < next_one]
    found.asked += 1
    early = [event for at, event in ended if at < end]
    if any(at < end for at in words):
        found.cut_in += 1
        found.cuts += [f"cut in: {clip.name}: {event.get('patience')}" for event in early]
    answers = [at for at in words if at >= end]
    if not answers:
        told = [(round(at - end, 2), e["event"]) for at, e in caller.told if since <= at < next_one]
        found.late.append(f"no answer: {clip.name}: {told}")
        return
    sounds = [at for at, _ in caller.all("reply_sounded", since) if end <= at < next_one]
    found.sounds_ms += [(at - end) * 1000 for at in sounds[:1]]
    delay = (answers[0] - end) * 1000
    found.delays_ms.append(delay)
    last = [(at, event) for at, event in ended if end <= at <= answers[0]]
    if last:
        found.ended_ms.append((last[0][0] - end) * 1000)
        patience = last[0][1].get("patience") or {}
        waited = f"{patience.get('seconds')} s: {patience.get('reason')}"
        found.late.append(f"{delay:7.0f} {clip.name}: {waited}")


async def in_fours(work: Sequence[Coroutine[None, None, None]]) -> None:
    """Four calls at a time."""
    gate = asyncio.Semaphore(4)

    async def gated(one: Coroutine[None, None, None]) -> None:
        async with gate:
            await one

    async with asyncio.TaskGroup() as group:
        for one in work:
            group.create_task(gated(one))


# ---------------------------------------------------------------- a slow model


async def early_start(setting: Setting) -> None:
    """A model that takes 400 ms, asked early and not."""
    table(["a model that takes 400 ms", "answered", "median ms", "p95 ms", "asked for nothing"])
    found = {}
    for name, more in (
        ("asked early", ""),
        ("asked when the turn is over", "[early]\nask_from = 1.0"),
    ):
        models = MODEL.format(how="after-400")
        async with running(
            setting.folder, endpoint=setting.endpoint, models=models, more=more
        ) as at:
            answers = Answers()
            for again in range(1 if setting.quick else 4):
                await calls(at, setting, WHOLE, 4, seed=setting.seed + again, into=answers)
        found[name] = answers.delays_ms
        waits = [percentile(answers.delays_ms, share) for share in (50, 95)]
        answered = f"{len(answers.delays_ms)}/{answers.asked}"
        row([name, answered, *waits, f"{answers.early} requests"])
    print(f"hidden: {difference(found['asked when the turn is over'], found['asked early'])} ms")


async def heard(setting: Setting) -> None:
    """How much of a model's 400 ms is heard, where no reply is before `courtesy` is over."""
    columns = ["a spoken reply", "heard", "first words, median ms", "first sound, median ms"]
    table([*columns, "p95 ms"])
    found = {}
    for name, how in (("a model that answers at once", "instant"), ("one of 400 ms", "after-400")):
        models = MODEL.format(how=how)
        async with running(setting.folder, endpoint=setting.endpoint, models=models) as at:
            answers = Answers()
            for again in range(1 if setting.quick else 4):
                seed = setting.seed + again
                await calls(at, setting, WHOLE, 4, seed=seed, into=answers, speech=True)
        found[name] = answers.sounds_ms
        told = f"{len(answers.sounds_ms)}/{answers.asked}"
        waits = [percentile(answers.sounds_ms, share) for share in (50, 95)]
        row([name, told, percentile(answers.delays_ms, 50), *waits])
    slow, instant = found["one of 400 ms"], found["a model that answers at once"]
    print(f"of the 400 ms is heard: {difference(slow, instant)} ms")
