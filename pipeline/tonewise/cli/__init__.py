"""The command `tonewise`. Each file of this folder is a subcommand: its object named `command`."""

import errno
import importlib
import io
import keyword
import os
import pkgutil
import sys
import time
from pathlib import Path

import click

from tonewise import __version__
from tonewise.errors import TonewiseError
from tonewise.moments import EXAMPLES, moment


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
        if not _is_full_disk(error):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python writes once more
        click.echo(f"tonewise: cannot write: {os.strerror(errno.ENOSPC)}", err=True)
        sys.exit(1)


def _is_full_disk(error: Exception) -> bool:
    if isinstance(error, ExceptionGroup):
        return all(_is_full_disk(one) for one in error.exceptions)
    return isinstance(error, OSError) and error.errno == errno.ENOSPC
