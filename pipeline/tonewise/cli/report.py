"""`tonewise report`: a call as one HTML file that opens from the disk."""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonewise.cli import channel_option, config_option, new_file, recorded_option, to_be_written

if TYPE_CHECKING:
    from tonewise.config import Config
    from tonewise.replaying.rehearsal import Replayed, Source


@click.command("report")
@click.argument("call", type=click.Path(path_type=Path))
@click.option("--output", "-o", type=new_file, callback=to_be_written, required=True)
@config_option
@channel_option
@click.option(
    "--replay",
    "anew",
    is_flag=True,
    help="Tell of a replay made now, also where the call's own events were kept.",
)
@recorded_option
def command(
    call: Path,
    output: Path,
    config_file: Path | None,
    channel: int | None,
    anew: bool,
    recorded: tuple[str, ...],
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

    loaded = settings.load(config_file, os.environ)
    source = Source(call, channel, seal_for(loaded, os.environ))
    if anew or recorded or not source.recorded:
        run = _replayed(source, loaded, recorded)
    else:
        run = Replayed(call, source.recorded)
    path = source.expectations
    wanted = expectations.read(path) if path.exists() else None
    failed = expectations.disappointments(wanted, run.events) if wanted else []
    output.write_text(report.page(source, run.events, failed), encoding="utf-8")
    size = output.stat().st_size
    told = f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"
    click.echo(f"wrote {output} ({told}); it opens in a browser", err=True)


def _replayed(source: "Source", settings: "Config", stages: tuple[str, ...]) -> "Replayed":
    from tonewise import engines
    from tonewise.replaying.rehearsal import replay

    loaded = engines.load(settings)

    async def run() -> "Replayed":
        try:
            return await replay(loaded, source, recorded=stages)
        finally:
            await loaded.aclose()

    return asyncio.run(run())
