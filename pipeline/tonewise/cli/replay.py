"""`tonewise replay`: a recorded call goes in, routed turns and replies come out."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonewise.errors import TonewiseError
from tonewise.events import AnyEvent, CallEnded, to_json
from tonewise.timeline import Timeline

if TYPE_CHECKING:
    from tonewise.engines import Engines

Tell = Callable[[AnyEvent], None]


@click.command("replay")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@click.option("--config", "-c", type=click.Path(path_type=Path), help="Settings (a TOML file).")
@click.option(
    "--channel",
    type=click.IntRange(min=0),
    help="The caller's channel, from 0; needed where a recording has more than one.",
)
@click.option("--json", "as_json", is_flag=True, help="Write the events as JSON lines.")
@click.option(
    "--wall",
    is_flag=True,
    help="With --json: also what the wall clock measured (fields named ..._ms), which differs "
    "from run to run.",
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.0,
    help="1 is real time, 2 twice as fast; 0, the default, as fast as it goes.",
)
def command(
    files: tuple[Path, ...],
    config: Path | None,
    channel: int | None,
    as_json: bool,
    wall: bool,
    speed: float,
) -> None:
    """Replay recorded calls: what was said, how, which route each turn took and why, the reply.

    FILE is any audio (WAV, FLAC, Ogg, MP3 ...). A replay runs on the audio's own clock and waits
    for each reply, so the same recording gives the same events, byte for byte, at any speed.

    \b
    tonewise replay web/samples/1-simple-synthetic.flac
    tonewise replay --channel 1 stereo-call.wav
    tonewise replay --json call.wav > call.jsonl
    """
    from tonewise import config as settings
    from tonewise import engines

    loaded = engines.load(settings.load(config, os.environ), _progress)
    _progress("")
    if notice := getattr(loaded.stt, "notice", ""):
        click.secho(notice, dim=True, err=True)

    def writer(file: Path) -> Tell:
        if as_json:
            return lambda event: click.echo(to_json(event, wall=wall))
        click.secho(str(file), bold=True)
        return _timed(Timeline(click.echo).tell)

    failed = play(loaded, files, channel, speed, writer)
    sys.exit(1 if failed else 0)


def play(
    loaded: "Engines",
    files: tuple[Path, ...],
    channel: int | None,
    speed: float,
    writer: Callable[[Path], Tell],
) -> bool:
    """Replay each file to its own writer; did any of them fail?

    A file that cannot be played is told of on stderr, and the others are played all the same.
    """
    try:
        return asyncio.run(_play(loaded, files, channel, speed, writer))
    except asyncio.CancelledError:  # nobody reads any more
        return False


async def _play(
    loaded: "Engines",
    files: tuple[Path, ...],
    channel: int | None,
    speed: float,
    writer: Callable[[Path], Tell],
) -> bool:
    from tonewise.call import Call
    from tonewise.transports.replay import Replay

    failed = False
    try:
        for file in files:
            try:
                transport = Replay(file, channel, speed=speed)
                await Call(loaded, transport, watch=_while_read(writer(file))).run()
                if transport.error:
                    raise transport.error
            except TonewiseError as error:
                failed = True
                click.echo(f"tonewise: {error}", err=True)
    finally:
        await loaded.aclose()
    return failed


def _while_read(tell: Tell) -> Tell:
    """Ends the replay, quietly, where nobody reads any more, as with `| head`."""
    replaying = asyncio.current_task()

    def tell_or_leave(event: AnyEvent) -> None:
        try:
            tell(event)
        except BrokenPipeError:
            # What is still written, and what Python flushes at its end, must go somewhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if replaying:
                replaying.cancel()

    return tell_or_leave


def _timed(tell: Tell) -> Tell:
    """Adds, at the end of a call, how fast it was replayed."""
    began = time.perf_counter()

    def tell_and_time(event: AnyEvent) -> None:
        tell(event)
        if isinstance(event, CallEnded):
            took = time.perf_counter() - began
            speed = f"{event.at / took:.0f} times real time"
            click.secho(f"{event.at:.1f} s of audio in {took:.1f} s, {speed}\n", dim=True)

    return tell_and_time


def _progress(line: str) -> None:
    """One line that is overwritten; nothing where nobody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\033[K{line}", nl=False, err=True)
