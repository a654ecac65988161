"""`tonewise report`: a call as one HTML file that opens from the disk."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tonewise.replaying.rehearsal import Replayed, Source


@click.command("report")
@click.argument("call", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--config", "-c", type=click.Path(path_type=Path), help="Settings (a TOML file).")
@click.option("--channel", type=click.IntRange(min=0), help="The caller's channel, from 0.")
@click.option(
    "--replay",
    "anew",
    is_flag=True,
    help="Tell of a replay made now, also where the call's own events were kept.",
)
@click.option("--recorded", metavar="STAGES", default="", help="As in tonewise replay.")
def command(
    call: Path, output: Path, config: Path | None, channel: int | None, anew: bool, recorded: str
) -> None:
    """Write what happened in a call: its sound, its turns, their cues, routes, replies and times.

    A call with events of its own is told as it was; any other is replayed. The page holds
    everything, the sound included, and loads nothing from anywhere.

    \b
    tonewise report recordings/2026-11-21T14-25-03-ab12 -o call.html
    tonewise report --channel 1 stereo-call.wav -o call.html
    """
    from tonewise import config as settings
    from tonewise.recorders import seal_for
    from tonewise.replaying import expectations, report
    from tonewise.replaying.rehearsal import Replayed, Source

    loaded = settings.load(config, os.environ)
    source = Source(call, channel, seal_for(loaded, os.environ))
    stages = tuple(stage.strip() for stage in recorded.split(",") if stage.strip())
    if anew or stages or not source.recorded:
        run = _replayed(source, config, stages)
    else:
        run = Replayed(call, source.recorded)
    path = source.expectations
    wanted = expectations.read(path) if path.exists() else None
    failed = expectations.disappointments(wanted, run.events) if wanted else []
    output.write_text(report.page(source, run.events, failed), encoding="utf-8")
    click.echo(f"wrote {output} ({output.stat().st_size / 1e6:.1f} MB)", err=True)


def _replayed(source: "Source", config: Path | None, stages: tuple[str, ...]) -> "Replayed":
    from tonewise import config as settings
    from tonewise import engines
    from tonewise.replaying.rehearsal import replay

    loaded = engines.load(settings.load(config, os.environ))

    async def run() -> "Replayed":
        try:
            return await replay(loaded, source, recorded=stages)
        finally:
            await loaded.aclose()

    return asyncio.run(run())
