"""Callers who stop in the middle of a clause, and never go on, or do."""

import numpy as np

from tonewise.audio import RATE
from turn_taking.live_answers import Answers, Setting, in_fours, judge
from turn_taking.live_caller import Caller
from turn_taking.live_clips import Clip, pauses
from turn_taking.live_figures import percentile, row, table
from turn_taking.live_server import Server, running

GOES_ON_AFTER_S = (1.0, 1.5, 2.0, 2.5)
UNFINISHED = 16


def unfinished(setting: Setting) -> list[tuple[Clip, Clip, int]]:
    """Clips cut in an inner pause: the part, the whole, and the sample of the cut; 0 is the end."""
    cuts = [(clip, clip, 0) for clip in setting.of("unfinished")]
    for clip in setting.clips:
        for at in pauses(clip, 0.2 if clip.kind != "orders" else 0.12):
            part = clip.until(at)
            if clip.kind != "spelled" and part.words and part.words[-1][0][-1] not in ".?!":
                cuts.append((part, clip, at))
    order = np.random.default_rng(4).permutation(len(cuts))
    return [cuts[at] for at in order[:UNFINISHED]]


async def unfinished_turns(setting: Setting) -> None:
    """Clips that stop in mid-clause, and never go on, or do."""
    cuts = unfinished(setting)
    cuts = cuts[:4] if setting.quick else cuts
    table(["unfinished, and then", "answered", "cut in", "median ms", "p95 ms"])
    async with running(setting.folder, endpoint=setting.endpoint, stt=setting.stt) as server:
        never = Answers()
        await in_fours(
            [_stops(server, part, setting, i, never) for i, (part, *_) in enumerate(cuts)]
        )
        answered = f"{len(never.delays_ms)}/{never.asked}"
        waits = [percentile(never.delays_ms, share) for share in (50, 95)]
        row(["nothing more", answered, f"{never.cut_in} before the clip's end", *waits])
        for line in sorted(never.late)[-5:] if setting.quick else ():
            print(f"    {line}")
        going_on = [cut for cut in cuts if cut[2]]
        for gap_s in GOES_ON_AFTER_S:
            found = Answers()
            work = [
                _goes_on(server, cut, gap_s, setting, i, found) for i, cut in enumerate(going_on)
            ]
            await in_fours(work)
            waits = [percentile(found.delays_ms, share) for share in (50, 95)]
            answered = f"{len(found.delays_ms)}/{found.asked}"
            row(
                [
                    f"the rest after {gap_s} s",
                    answered,
                    f"{found.cut_in} of {len(going_on)}",
                    *waits,
                ]
            )


async def _stops(server: Server, part: Clip, setting: Setting, number: int, found: Answers) -> None:
    rng = np.random.default_rng(setting.seed + number)
    async with Caller(server.call, rng) as caller:
        caller.say(caller.room(0.5))
        begin = caller.say(part.samples)
        over = begin + len(part.samples) + 4 * RATE
        await caller.until_sent(over)
        judge(caller, part, begin, over, found)


async def _goes_on(
    server: Server,
    cut: tuple[Clip, Clip, int],
    gap_s: float,
    setting: Setting,
    number: int,
    found: Answers,
) -> None:
    part, whole, at = cut
    rng = np.random.default_rng(setting.seed + number)
    rest = whole.samples[at:]
    onset = np.flatnonzero(np.abs(rest) > 0.02)[0]
    async with Caller(server.call, rng) as caller:
        caller.say(caller.room(0.5))
        begin = caller.say(part.samples[: part.end + RATE // 20])
        caller.say(caller.room(gap_s - 0.05))
        again = caller.say(rest[max(0, int(onset) - RATE // 50) :])
        end = again + whole.end - at - max(0, int(onset) - RATE // 50)
        over = end + round(2.5 * RATE)
        await caller.until_sent(over)
        words = [at for at, _ in caller.all("reply_streamed", caller.when_spoken(begin))]
        found.asked += 1
        found.cut_in += any(at < caller.when_spoken(again) for at in words)
        after = [at for at in words if at >= caller.when_spoken(end)]
        found.delays_ms += [(after[0] - caller.when_spoken(end)) * 1000] if after else []
