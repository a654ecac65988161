"""`tonewise replay`: a recorded call goes in, routed turns and replies come out."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonewise.cli import channel_option, config_option, finite, folded, recorded_option, width
from tonewise.errors import TonewiseError
from tonewise.events import AnyEvent, CallEnded, to_json
from tonewise.timeline import Timeline

if TYPE_CHECKING:
    from tonewise.audio import Samples
    from tonewise.engines import Engines
    from tonewise.replaying.expectations import Expectations
    from tonewise.replaying.rehearsal import Replayed, Source

Tell = Callable[[AnyEvent], None]


@dataclass(frozen=True, slots=True)
class Manner:
    """How calls are replayed, as the command line says.

    Attributes:
        spoken: speak the replies, which then take the time that it takes to say them.
        recorded: stages that are taken from the recording.
        record: make folders of the replayed calls here.
        expect: `check` what is expected, `update` it, or neither.
    """

    channel: int | None = None
    speed: float = 0.0
    spoken: bool = False
    recorded: tuple[str, ...] = ()
    record: Path | None = None
    expect: str = ""


@click.command("replay")
@click.argument(
    "files", nargs=-1, required=True, metavar="CALL...", type=click.Path(path_type=Path)
)
@config_option
@channel_option
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
    callback=finite,
    default=0.0,
    help="1 is real time, 2 twice as fast; 0, the default, as fast as it goes.",
)
@click.option(
    "--spoken", is_flag=True, help="Speak the replies, too: they take time and can be spoken over."
)
@recorded_option
@click.option(
    "--record",
    type=click.Path(path_type=Path, file_okay=False),
    help="Make a folder of each replayed call here.",
)
@click.option("--update", is_flag=True, help="Write expect.toml anew from what the replay gives.")
def command(
    files: tuple[Path, ...],
    config_file: Path | None,
    channel: int | None,
    as_json: bool,
    wall: bool,
    speed: float,
    spoken: bool,
    recorded: tuple[str, ...],
    record: Path | None,
    update: bool,
) -> None:
    """Replay recorded calls: what was said, how, which route each turn took and why, the reply.

    CALL is any audio (WAV, FLAC, Ogg, MP3 ...), the folder of a recorded call, or a script (TOML).
    A replay runs on the audio's own clock and waits for each reply, so the same recording gives
    the same events, byte for byte, at any speed. What an expect.toml beside a call expects is
    checked.

    \b
    tonewise replay web/samples/1-simple-synthetic.flac
    tonewise replay --channel 1 stereo-call.wav
    tonewise replay --json call.wav > call.jsonl
    tonewise replay --recorded stt,llm recordings/2026-11-21T14-25-03-ab12
    """
    from tonewise import config as settings
    from tonewise import engines

    loaded = engines.load(settings.load(config_file, os.environ), _progress)
    _progress("")

    def writer(file: Path) -> Tell:
        if as_json:
            return lambda event: click.echo(to_json(event, wall=wall))
        click.secho(str(file), bold=True)
        return _timed(Timeline(lambda line: click.echo(folded(line, 9, width()))).tell)

    manner = Manner(channel, speed, spoken, recorded, record, "update" if update else "check")
    failed = play(loaded, files, manner, writer)
    notice = getattr(loaded.stt, "notice", "")
    if notice and "stt" not in recorded:
        click.secho(notice, dim=True, err=True)
    sys.exit(1 if failed else 0)


def play(
    loaded: "Engines", files: tuple[Path, ...], manner: Manner, writer: Callable[[Path], Tell]
) -> bool:
    """Replay each call to its own writer; did any of them fail?

    A call that cannot be played is told of on stderr, and the others are played all the same.
    """
    try:
        return asyncio.run(_play(loaded, files, manner, writer))
    except asyncio.CancelledError:  # nobody reads any more
        return False


async def _play(
    loaded: "Engines", files: tuple[Path, ...], manner: Manner, writer: Callable[[Path], Tell]
) -> bool:
    from tonewise.recorders import seal_for
    from tonewise.replaying.rehearsal import Source, replay

    failed = False
    try:
        for file in files:
            try:
                source = Source(file, manner.channel, seal_for(loaded.config, os.environ))
                wanted = _wanted(source, manner.expect)
                played = await replay(
                    loaded,
                    source,
                    recorded=manner.recorded,
                    speed=manner.speed,
                    spoken=manner.spoken,
                    tell=_while_read(_from_the_first_event(writer, file)),
                    record=manner.record,
                    follow=[_Bar(source)] if sys.stderr.isatty() else [],
                )
                if played.error:
                    raise played.error
                failed = _expected(source, wanted, played, manner.expect) or failed
            except TonewiseError as error:
                failed = True
                click.echo(f"tonewise: {error}", err=True)
    finally:
        await loaded.aclose()
    return failed


def _wanted(source: "Source", expect: str) -> "Expectations | None":
    """What is expected of a call; read before it is replayed, for that may take long."""
    from tonewise.replaying import expectations

    path = source.expectations
    return expectations.read(path) if expect and path.exists() else None


def _expected(
    source: "Source", wanted: "Expectations | None", played: "Replayed", expect: str
) -> bool:
    """Check, or write, what is expected of a call; was it disappointed?"""
    from tonewise.replaying import expectations, expecting

    path = source.expectations
    if expect == "update":
        expecting.write(path, expecting.updated(wanted, played.events))
        click.echo(f"wrote {path}", err=True)
        return False
    found = expectations.disappointments(wanted, played.events) if wanted else []
    if found:
        click.echo(f"{path}: {len(found)} of what is expected did not come", err=True)
        click.echo(expectations.told(found), err=True)
    return bool(found)


class _Bar:
    """How far a long replay is; a witness that follows the caller's sound."""

    def __init__(self, source: "Source") -> None:
        self._whole_s = source.seconds
        self._began = self._drawn = time.perf_counter()
        self._heard = 0

    def told(self, event: AnyEvent) -> None:
        """Events do not move it."""

    def heard(self, samples: "Samples") -> None:
        """Draw the bar, twice a second at most."""
        self._heard += len(samples)
        now = time.perf_counter()
        if now - self._drawn < 0.5:
            return
        self._drawn = now
        at_s = self._heard / 16_000
        share = min(at_s / self._whole_s, 1.0) if self._whole_s else 0.0
        bar = f"[{'#' * round(share * 30):<30}] " if self._whole_s else ""
        whole = f" of {_minutes(self._whole_s)}" if self._whole_s else ""
        speed = at_s / (now - self._began)
        _progress(f"{bar}{_minutes(at_s)}{whole}, {speed:.0f} times real time")

    def spoke(self, turn: int, samples: "Samples", at_s: float) -> None:
        """Our voice does not move it."""


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


def _from_the_first_event(writer: Callable[[Path], Tell], file: Path) -> Tell:
    """A call that cannot be played has nothing written of it, not even its name."""
    opened: list[Tell] = []

    def tell(event: AnyEvent) -> None:
        if not opened:
            opened.append(writer(file))
        opened[0](event)

    return tell


def _while_read(tell: Tell) -> Tell:
    """Ends the replay, quietly, where nobody reads any more, as with `| head`."""
    replaying = asyncio.current_task()

    def tell_or_leave(event: AnyEvent) -> None:
        _progress("")  # the bar, out of the way of what is written
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
