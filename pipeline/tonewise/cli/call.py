"""`tonewise call`: calls a server as a telephone would, from a recording."""

import asyncio
import math
import os
import re
import sys
import uuid
import wave
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tonewise.cli import channel_option, finite, new_file, to_be_written

if TYPE_CHECKING:
    from tonewise.audio import Samples
    from tonewise.phones.handset import Errand, Heard

WIRES = ("asterisk", "plivo", "telnyx", "twilio", "vonage")
KEYS = "0123456789*#ABCD"


def _as_url(ctx: click.Context, option: click.Parameter, value: str) -> str:
    if not re.match(r"https?://[^/]", value):
        raise click.BadParameter(
            f"write it as in http://127.0.0.1:8600, not {value!r}", ctx, option
        )
    return value


def _as_keys(
    ctx: click.Context, option: click.Parameter, value: str
) -> tuple[tuple[float, str], ...]:
    pairs = [part.partition(":") for part in value.split(",") if part]
    try:
        keys = sorted((float(at), key.upper()) for at, _, key in pairs)
    except ValueError:
        keys = [(0.0, "")]
    if not all(key and key in KEYS and 0 <= at < math.inf for at, key in keys):
        told = f"write second:key, as in 2.5:1,2.8:#, with keys of {KEYS}"
        raise click.BadParameter(told, ctx, option)
    return tuple(keys)


@click.command()
@click.argument("recording", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@channel_option
@click.option("--wire", type=click.Choice(WIRES), default="twilio", show_default=True)
@click.option(
    "--url",
    default="http://127.0.0.1:8600",
    show_default=True,
    callback=_as_url,
    help="The server.",
)
@click.option("--public-url", default="", help="Its telephony.public_url, which signatures cover.")
@click.option(
    "--caller",
    default="+13125550100",
    show_default=True,
    help="The number that calls; of several callers the next ones have the next numbers.",
)
@click.option(
    "--keys",
    default="",
    callback=_as_keys,
    help="Keys to press, as in 2.5:1,2.8:#  (second:key).",
)
@click.option(
    "--linger",
    default=8.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    callback=finite,
    help="Seconds to listen afterwards.",
)
@click.option("--calls", default=1, show_default=True, type=click.IntRange(1, 500), help="At once.")
@click.option(
    "--out",
    type=new_file,
    callback=to_be_written,
    help="Keep both voices in this WAV file: the caller left, the reply right.",
)
def command(
    recording: Path,
    channel: int | None,
    wire: str,
    url: str,
    public_url: str,
    caller: str,
    keys: tuple[tuple[float, str], ...],
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
    from tonewise import audio_file, plugins
    from tonewise.phones.handset import Errand

    secret_env = plugins.load("wire", wire).secret_env if wire != "telnyx" else ""
    errand = Errand(
        url=url,
        wire=wire,
        public_url=public_url,
        secret=os.environ.get(secret_env, ""),
        caller=caller,
        keys=keys,
        linger_s=linger,
    )
    samples = audio_file.read(recording, audio_file.probe(recording).callers(channel))
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

    errands = [
        replace(errand, caller=next_caller(errand.caller, number)) for number in range(calls)
    ]
    made = [Handset(dialect(each.wire), each, note) for each in errands]
    named = [each.call(f"CA{uuid.uuid4().hex}", samples) for each in made]
    return await asyncio.gather(*named)


def next_caller(caller: str, number: int) -> str:
    """Of several callers each has a number: a server takes only a few calls of the same."""
    last = re.search(r"\d+$", caller)
    if not last:
        return caller
    return f"{caller[: last.start()]}{int(last[0]) + number:0{len(last[0])}}"


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
