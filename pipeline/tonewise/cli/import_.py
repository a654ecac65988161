"""`tonewise import`: call folders from recordings and transcripts of other systems."""

import shlex
from pathlib import Path

import click


@click.command("import")
@click.argument("sound", type=click.Path(path_type=Path))
@click.argument("transcript", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to make, as in tests/calls/a-refund.",
)
@click.option(
    "--channel",
    type=click.IntRange(min=0),
    help="The caller's, from 0 [default: 0, as Twilio, Genesys and Amazon Connect record].",
)
def command(sound: Path, transcript: Path | None, output: Path, channel: int | None) -> None:
    """Make a call folder from a recording, and from its transcript where there is one.

    TRANSCRIPT is JSON of Amazon Connect's Contact Lens or of Genesys Cloud, or plain text.

    \b
    tonewise import RE0123.wav -o tests/calls/a-refund
    tonewise import contact.wav contact-lens.json -o tests/calls/a-complaint
    tonewise import hello.wav hello.txt -o tests/calls/hello
    """
    from tonewise.replaying import importing

    made = importing.make(output, sound, transcript, channel)
    click.echo(f"made {made}; hear it with: tonewise replay {shlex.quote(str(made))}", err=True)
