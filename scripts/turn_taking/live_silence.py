"""A model that stalls, and the silence that the caller hears."""

import numpy as np

from turn_taking.live_answers import Setting, in_fours
from turn_taking.live_caller import Caller
from turn_taking.live_clips import Clip
from turn_taking.live_figures import percentile, row, table
from turn_taking.live_interruptions import SPOKEN
from turn_taking.live_server import Server, running

STALLS, ANSWERS = (
    '[[models]]\nname = "stalls"\noptions = {{ model = "m", base_url = "URL/stalls" }}\n{more}\n',
    '[[models]]\nname = "answers"\noptions = { model = "m", base_url = "URL/instant" }\n',
)
SETTINGS = {
    "hold_after 0.5, hedge_after 1.5": ("hedge_after = 1.5", "[speech]\nhold_after = 0.5\n"),
    "hold_after 0.8 (default), first_token 2": ("first_token = 2.0", ""),
    "hold_after 0.8 (default), hedge_after 0.6": ("hedge_after = 0.6", ""),
}
NEVER_RESTS = "[attempts]\nfaults = 1000\n"
"""Else the model that stalls is left out after three turns, which is what a user wants."""


async def stalls(setting: Setting) -> None:
    """A head, a role, keep-alives, and never a word; a second model stands behind it."""
    count = 4 if setting.quick else 16
    table(
        ["settings", "answered", "hold phrase", "dead air, median ms", "longest ms", "once begun"]
    )
    for name, (model, more) in SETTINGS.items():
        models = STALLS.format(more=model) + ANSWERS
        found: list[tuple[float, float, bool]] = []
        tables = NEVER_RESTS + SPOKEN + more
        async with running(
            setting.folder, endpoint=setting.endpoint, models=models, more=tables
        ) as at:
            await in_fours([stalled(at, setting, number, found) for number in range(count)])
        dead = [each[0] for each in found]
        row(
            [
                name,
                f"{len(found)}/{count}",
                f"{sum(each[2] for each in found)}",
                percentile(dead, 50),
                f"{max(dead, default=0):.0f}",
                percentile([each[1] for each in found], 50),
            ]
        )
    print("dead air: nothing to play, from the end of speech to the end of the reply; once begun:")
    print("the part of it after the turn had ended")


async def stalled(
    server: Server, setting: Setting, number: int, found: list[tuple[float, float, bool]]
) -> None:
    """One question, and how long nothing is heard."""
    rng = np.random.default_rng(setting.seed + number)
    ready = setting.of("orders", "questions and short answers")
    clip: Clip = ready[int(rng.integers(len(ready)))]
    async with Caller(server.call, rng, speech=True) as caller:
        caller.say(caller.room(0.5))
        begin = caller.say(clip.samples)
        await caller.until_sent(begin + clip.end)
        end = caller.when_spoken(begin + clip.end)
        over = await caller.until("reply_ended", end, 20)
        ended = caller.all("turn_ended", caller.when_spoken(begin))
        if over is None or over[1]["outcome"] != "answered" or not ended:
            return
        until = min(over[0], caller.playing_upto())
        dead = [
            (until - since - caller.played_between(since, until)) * 1000
            for since in (end, max(end, ended[-1][0]))
        ]
        found.append((dead[0], dead[1], bool(caller.all("aside_spoken", end))))
