"""`tonewise cues`: how each turn of a recording was said, without asking what."""

import os
import sys
from pathlib import Path

import click
import msgspec

from tonewise.cli import channel_option, config_option, folded, width
from tonewise.cli.replay import Manner, play
from tonewise.events import AnyEvent, CallEnded, TurnEnded, TurnMeasured


@click.command("cues")
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path)
)
@config_option
@channel_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object per turn.")
def command(
    files: tuple[Path, ...], config_file: Path | None, channel: int | None, as_json: bool
) -> None:
    """Measure the voice cues of recordings, turn by turn: pauses, rate, pitch, hesitation ...

    Needs no speech recognition and no model but the VAD.

    \b
    tonewise cues web/samples/2-hesitant-synthetic.flac
    tonewise cues --json call.wav | jq .cues.hesitation
    """
    from tonewise import config as settings
    from tonewise import engines
    from tonewise import settings as tables

    # The very path that a call takes, with nobody to transcribe and so nothing to answer.
    asked = settings.load(config_file, os.environ)
    loaded = engines.load(msgspec.structs.replace(asked, stt=tables.Stt(use="scripted")))
    failed = play(loaded, files, Manner(channel), lambda file: _Writer(file, as_json).tell)
    sys.exit(1 if failed else 0)


class _Writer:
    """Writes the cues of one recording."""

    def __init__(self, file: Path, as_json: bool) -> None:
        self._file = file
        self._as_json = as_json
        self._ended: TurnEnded | None = None
        if not as_json:
            click.secho(str(file), bold=True)

    def tell(self, event: AnyEvent) -> None:
        """Remember when a turn was; write its cues."""
        if isinstance(event, TurnEnded):
            self._ended = event
        if isinstance(event, CallEnded) and self._ended is None and not self._as_json:
            click.echo("  nobody speaks")
        if not isinstance(event, TurnMeasured) or self._ended is None:
            return
        if self._as_json:
            line = {
                "file": str(self._file).encode(errors="replace").decode(),
                "turn": event.turn,
                "start_s": self._ended.start_s,
                "end_s": self._ended.end_s,
                "cues": event.cues,
            }
            click.echo(msgspec.json.encode(line))
            return
        from tonewise.timeline import how

        span = f"{self._ended.start_s:.2f} to {self._ended.end_s:.2f} s"
        click.echo(folded(f"  turn {event.turn}  {span}: {how(event.cues)}", 10, width()))
        for term in event.cues.hesitation_terms:
            value = "" if term.name == "bias" else f"{term.value:g}"
            row = f"{term.name:<22}{value:>7} {term.contribution:+z7.2f}"
            click.secho(f"          {row}", dim=True)
