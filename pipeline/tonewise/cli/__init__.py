"""The command `tonewise`. Each file of this folder is a subcommand: its object named `command`."""

import errno
import importlib
import io
import keyword
import math
import os
import pkgutil
import shutil
import sys
import time
from pathlib import Path

import click

from tonewise import __version__
from tonewise.errors import TonewiseError
from tonewise.moments import EXAMPLES, moment

NARROW = 40
"""Columns of a terminal in which folding would leave nothing to read."""


class _Folder(click.Group):
    """A group whose subcommands are the files of this folder."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        # import_.py is the command import: Python has that word for itself.
        return sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        file = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = importlib.import_module(f"{__name__}.{file}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            from tonewise.plugins import did_you_mean  # here, so that --help need not wait for it

            hint = did_you_mean(args[0], known)
            ctx.fail(f"there is no command {args[0]!r}{hint}; choose one of {', '.join(known)}")
        return super().resolve_command(ctx, args)


def to_be_written(ctx: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """A file that is written when all is computed: whether it can be is found out before."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder '{path.parent}'; make it first", ctx, option)
    if path and not path.exists() and not os.access(path.parent, os.W_OK):
        msg = f"nothing may be written into the folder '{path.parent}'"
        raise click.BadParameter(msg, ctx, option)
    return path


new_file = click.Path(path_type=Path, dir_okay=False, writable=True)
"""The type of an option whose callback is `to_be_written`."""


def finite(ctx: click.Context, option: click.Parameter, value: float) -> float:
    """`nan` is a number to Python, and within every range to click."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number to count with", ctx, option)
    return value


def width() -> int | None:
    """Columns of the terminal that is written to; None where there is none, as in a pipe."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def folded(line: str, hang: int, columns: int | None) -> str:
    """A line broken between words where a terminal is too narrow for it.

    Args:
        line: may be coloured.
        hang: what follows a break is indented by so many spaces.
        columns: None leaves the line as it is, so that pipes get lines that can be searched.
    """
    if columns is None or columns < NARROW or len(click.unstyle(line)) <= columns:
        return line
    first, *words = line.split(" ")
    rows, used = [first], len(click.unstyle(first))
    for word in words:
        long = len(click.unstyle(word))
        if used + 1 + long <= columns or not click.unstyle(rows[-1]).strip():
            rows[-1] += f" {word}"
            used += 1 + long
        elif word:
            rows.append(" " * hang + word)
            used = hang + long
    return "\n".join(row.rstrip() for row in rows)


def as_moment(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """What an option like `--since` names, in seconds since 1970."""
    if value is None:
        return None
    at = moment(value.strip(), time.time())
    if at is None:
        raise click.BadParameter(f"{value!r} is no time; write it as in {EXAMPLES}")
    return at


config_option = click.option(
    "--config",
    "-c",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings, a TOML file. Else $TONEWISE_CONFIG, else tonewise.toml here, else defaults.",
)
"""Which settings; as `config_file`."""


channel_option = click.option(
    "--channel",
    type=click.IntRange(min=0),
    help="The caller's channel, from 0; needed where a recording has more than one.",
)
"""Whose voice in a recording is the caller's; as `channel`."""


def _as_stages(ctx: click.Context, option: click.Parameter, value: str) -> tuple[str, ...]:
    from tonewise.plugins import did_you_mean
    from tonewise.replaying.recorded import STAGES

    stages = tuple(stage.strip() for stage in value.split(",") if stage.strip())
    for stage in stages:
        if stage not in STAGES:
            hint = did_you_mean(stage, list(STAGES))
            msg = f"a recording cannot stand in for {stage!r}{hint}; choose from {','.join(STAGES)}"
            raise click.BadParameter(msg, ctx, option)
    return stages


recorded_option = click.option(
    "--recorded",
    metavar="STAGES",
    default="",
    callback=_as_stages,
    help="Stages taken from the recording, as in stt,acoustic,llm; the others are live.",
)
"""Which stages a recording stands in for; a tuple of them as `recorded`."""

store_option = click.option(
    "--store", "url", metavar="URL", help="Another store: sqlite:///tonewise.db"
)
"""Another store than that of the settings; as `url`."""


@click.group(
    cls=_Folder,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: tonewise replay web/samples/1-simple-synthetic.flac",
)
@click.version_option(__version__, prog_name="tonewise")
def tonewise() -> None:
    """Route a live conversation to the right model by what is said and by how it is said."""


def main() -> None:
    """Run the command line; a mistake of the user's ends in one clear line, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what the terminal cannot write becomes a "?"
            stream.reconfigure(errors="replace")
    try:
        tonewise()
    except TonewiseError as error:
        click.echo(f"tonewise: {error}", err=True)
        sys.exit(1)
    except (OSError, ExceptionGroup) as error:
        if _is_full_disk(error):
            # Python writes once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            click.echo(f"tonewise: cannot write: {os.strerror(errno.ENOSPC)}", err=True)
        elif isinstance(error, OSError) and error.filename is not None:  # somebody's file
            click.echo(f"tonewise: {os.fsdecode(error.filename)}: {error.strerror}", err=True)
        else:
            raise
        sys.exit(1)


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return all(_is_full_disk(one) for one in error.exceptions)
    return isinstance(error, OSError) and error.errno == errno.ENOSPC
