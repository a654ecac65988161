"""`tonewise compare`: the same calls under two settings, and what changes."""

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonewise.cli import channel_option, new_file, recorded_option, to_be_written
from tonewise.errors import TonewiseError

if TYPE_CHECKING:
    from tonewise.config import Config
    from tonewise.replaying.turn_log import TurnTaken


@click.command("compare")
@click.argument("before", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("after", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument(
    "calls", nargs=-1, required=True, metavar="CALL...", type=click.Path(path_type=Path)
)
@channel_option
@recorded_option
@click.option("--html", type=new_file, callback=to_be_written, help="Write a page, too.")
def command(
    before: Path,
    after: Path,
    calls: tuple[Path, ...],
    channel: int | None,
    recorded: tuple[str, ...],
    html: Path | None,
) -> None:
    """Replay calls under the settings BEFORE and AFTER and tell what changes.

    Turns are matched by when they were said. Intervals are 95 %, over the calls.

    \b
    tonewise compare tonewise.toml candidate.toml recordings/*
    tonewise compare a.toml b.toml --recorded stt,acoustic,llm --html changes.html recordings/*
    """
    from tonewise import config
    from tonewise.replaying import comparison, comparison_page

    # Both are read before the first call is replayed: a mistake in AFTER is no surprise at the end.
    both_settings = [config.load(path, os.environ) for path in (before, after)]
    told: set[str] = set()
    runs = [
        asyncio.run(_replayed(settings, calls, channel, recorded, told))
        for settings in both_settings
    ]
    both = [name for name in runs[0] if name in runs[1]]
    if not both:
        sys.exit(1)
    found = comparison.compared([(name, runs[0][name], runs[1][name]) for name in both])
    for line in comparison.text(found, before.name, after.name):
        click.echo(line)
    if html:
        html.write_text(comparison_page.page(found, before.name, after.name), encoding="utf-8")
        click.echo(f"wrote {html}", err=True)
    sys.exit(0 if len(both) == len(calls) else 1)


async def _replayed(
    settings: "Config",
    calls: tuple[Path, ...],
    channel: int | None,
    stages: tuple[str, ...],
    told: set[str],
) -> dict[str, "tuple[TurnTaken, ...]"]:
    """The turns of every call under one file of settings, by the call's name.

    Args:
        settings: of one side.
        calls: to be replayed.
        channel: the caller's.
        stages: taken from the recordings.
        told: complaints that were written before, and are not written again.
    """
    from tonewise import engines
    from tonewise.recorders import seal_for
    from tonewise.replaying.rehearsal import Source, replay

    loaded = engines.load(settings)
    found: dict[str, tuple[TurnTaken, ...]] = {}
    try:
        for path in calls:
            try:
                source = Source(path, channel, seal_for(loaded.config, os.environ))
                played = await replay(loaded, source, recorded=stages)
                name = path.name if path.name not in found else str(path)
                found[name] = played.turns
            except TonewiseError as error:
                if str(error) not in told:
                    told.add(str(error))
                    click.echo(f"tonewise: {error}", err=True)
    finally:
        await loaded.aclose()
    return found
