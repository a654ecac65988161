"""`tonewise call`: calls a server as a telephone would, from a recording."""

import asyncio
import os
import sys
import uuid
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tonewise.audio import Samples
    from tonewise.phones.handset import Errand, Heard

WIRES = ("asterisk", "plivo", "telnyx", "twilio", "vonage")


@click.command()
@click.argument("recording", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--wire", type=click.Choice(WIRES), default="twilio", show_default=True)
@click.option("--url", default="http://127.0.0.1:8600", show_default=True, help="The server.")
@click.option("--public-url", default="", help="Its telephony.public_url, which signatures cover.")
@click.option("--caller", default="+13125550100", show_default=True, help="The number that calls.")
@click.option("--keys", default="", help="Keys to press, as in 2.5:1,2.8:#  (second:key).")
@click.option("--linger", default=8.0, show_default=True, help="Seconds to listen afterwards.")
@click.option("--calls", default=1, show_default=True, type=click.IntRange(1, 500))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Keep both voices in this WAV file: the caller left, the reply right.",
)
def command(
    recording: Path,
    wire: str,
    url: str,
    public_url: str,
    caller: str,
    keys: str,
    linger: float,
    calls: int,
    out: Path | None,
) -> None:
    """Call a server as a telephone does, and play it a RECORDING in real time.

    The webhook is asked, the stream is opened, 20 ms of sound are sent at a time, marks are
    honoured, and a clear is obeyed; what comes back is written to --out. Where the variable that
    holds the wire's secret is set, as TWILIO_AUTH_TOKEN, the call is signed as the provider does.

    Try it without any provider, in two terminals, with an empty table [telephony.wires.twilio] in
    tonewise.toml:

    \b
        tonewise serve --insecure
        tonewise call web/samples/1-simple-synthetic.flac --out heard.wav
    """
    from tonewise import plugins
    from tonewise.audio_file import read
    from tonewise.phones.handset import Errand

    secret_env = plugins.load("wire", wire).secret_env if wire != "telnyx" else ""
    errand = Errand(
        url=url,
        wire=wire,
        public_url=public_url,
        secret=os.environ.get(secret_env, ""),
        caller=caller,
        keys=_keys(keys),
        linger_s=linger,
    )
    samples = read(recording)
    heard = asyncio.run(_call_all(errand, samples, calls))
    refused = [each.refused for each in heard if each.refused]
    for why in sorted(set(refused)):
        click.echo(f"refused ({refused.count(why)}): {why}", err=True)
    answered = [each for each in heard if not each.refused]
    click.echo(f"{len(answered)} of {calls} calls were taken")
    if out and answered:
        _write(out, samples, answered[0])
    if refused:
        sys.exit(1)


async def _call_all(errand: "Errand", samples: "Samples", calls: int) -> "list[Heard]":
    from tonewise.phones.handset import Handset
    from tonewise.phones.providers import dialect

    def note(at: float, what: str) -> None:
        if calls == 1:
            click.echo(f"{at:8.3f}  {what}")

    made = [Handset(dialect(errand.wire), errand, note) for _ in range(calls)]
    named = [each.call(f"CA{uuid.uuid4().hex}", samples) for each in made]
    return await asyncio.gather(*named)


def _keys(text: str) -> tuple[tuple[float, str], ...]:
    try:
        pairs = [part.split(":") for part in text.split(",") if part]
        return tuple(sorted((float(at), key) for at, key in pairs))
    except ValueError as error:
        raise click.BadParameter("write second:key, as in 2.5:1,2.8:#") from error


def _write(out: Path, samples: "Samples", heard: "Heard") -> None:
    import numpy as np

    from tonewise.audio import RATE, Resampler, to_pcm16

    line = Resampler(RATE, heard.rate)
    said = np.concatenate([line.push(samples), line.flush()])
    reply = heard.samples
    both = np.zeros((max(len(said), len(reply)), 2), np.float32)
    both[: len(said), 0], both[: len(reply), 1] = said, reply
    with wave.open(str(out), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(heard.rate)
        file.writeframes(to_pcm16(both.ravel()))
    click.echo(f"both voices are in {out}")
