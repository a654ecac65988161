"""`tonewise serve`: the page, and the server that answers calls."""

import asyncio
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tonewise.cli import config_option

if TYPE_CHECKING:
    from tonewise.server import Running


@click.command()
@config_option
@click.option("--host", help="Where to listen.  [default: 127.0.0.1, this machine only]")
@click.option("--port", type=click.IntRange(0, 65_535), help="0 takes a free one.  [default: 8600]")
@click.option(
    "--insecure",
    is_flag=True,
    help="Take telephone calls that nobody signed, from this machine: to try things out.",
)
def command(
    config_file: Path | None, host: str | None, port: int | None, *, insecure: bool
) -> None:
    """Serve the page and answer calls.

    Open the address that it prints: play a sample call, or talk. Programs call the WebSocket at
    /call with 16-bit PCM and read JSON events; GET /healthz tells whether the server is well.

    Listening for other machines (--host 0.0.0.0) needs a token that callers must bring, in the
    environment variable TONEWISE_TOKEN. Ctrl-C ends all calls and stops.
    """
    from tonewise import config, server

    settings = config.load(config_file, os.environ)
    asked = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    if asked:
        changed = msgspec.structs.replace(settings.server, **asked)
        settings = msgspec.structs.replace(settings, server=changed)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("tonewise").setLevel(logging.INFO)

    if insecure:
        told = "--insecure: telephone calls are taken unsigned. Do not put this behind a tunnel."
        click.secho(told, fg="yellow", err=True)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(server.serve(settings, _progress, _ready, insecure=insecure))
    click.echo("Stopped.")
    _leave_nobody_behind()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Makes uvloop's event loop; asyncio's own where there is none, as on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _leave_nobody_behind() -> None:
    """End the process although an engine still computes.

    Everything is closed and kept by now. But Python waits at its end for every thread, and one that
    hangs in somebody's engine would keep a stopped server alive until it is killed.
    """
    others = [each for each in threading.enumerate() if each is not threading.main_thread()]
    until = time.monotonic() + 1.0  # a turn's worth of computing ends by itself
    for thread in others:
        if not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
    if stuck := [each.name for each in others if each.is_alive() and not each.daemon]:
        click.echo(f"These still compute, and are left: {', '.join(stuck)}", err=True)
        sys.stdout.flush()
        os._exit(0)


def _progress(line: str) -> None:
    click.echo(f"{line} …", err=True)


def found_at(url: str) -> str:
    """Where this machine's browser finds a server that listens on every address of the machine."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _ready(server: "Running") -> None:
    if notice := getattr(server.engines.stt, "notice", None):
        click.secho(notice, dim=True)
    for stage, name in server.engines.names.items():
        if stage != "llm":
            click.echo(f"  {stage:<9} {name}")
    models = server.engines.config.models
    for model in models:
        click.echo(f"  {model.route:<9} {model.name}")
    if all(model.use == "demo" for model in models):
        click.echo("  No model is configured: the built-in demo responder answers, and says so.")
    telephony = server.engines.config.telephony
    for wire in telephony.wires:
        place = telephony.public_url.rstrip("/") or server.url.rstrip("/")
        click.echo(f"  {wire:<9} rings at {place}/telephony/{wire}")
    click.echo(f"\nReady. Open {click.style(found_at(server.url), bold=True)} (Ctrl-C stops)")
