"""Our server as a caller meets it: a real WebSocket, real time, packets of 20 ms.

`tonewise serve` runs in a process of its own, a stub of a model provider (real HTTP, OpenAI's
format) in another; only STT is a stub inside the server, which takes 100 ms and tells no word
before it was said. Times are taken at the caller.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from machine import machine
from turn_taking import (
    live_abandoned,
    live_answers,
    live_interruptions,
    live_silence,
    live_unfinished,
)
from turn_taking.live_answers import Setting
from turn_taking.live_clips import clips, write

Part = Callable[[Setting], Coroutine[Any, Any, None]]

PARTS: dict[str, Part] = {
    "answers": live_answers.delays,
    "unfinished": live_unfinished.unfinished_turns,
    "early": live_answers.early_start,
    "heard": live_answers.heard,
    "barge-in": live_interruptions.interruptions,
    "false-alarms": live_interruptions.false_alarms,
    "stall": live_silence.stalls,
    "abandoned": live_abandoned.abandoned,
}


def add_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """What `--live` understands."""
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a quarter of everything, or less")
    parser.add_argument("--calls", default="1,4,8,16", help="at once (default: 1,4,8,16)")
    parser.add_argument("--endpoint", default="", help="as in `fixed:0.3` (default: the server's)")
    parser.add_argument("--stt", default="", help="a real one, as in `auto` (default: a stub)")
    parser.add_argument("--seed", type=int, default=1, help="(default: 1)")


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415
    except ImportError:  # as on Windows
        return None
    return new_event_loop


def main(arguments: argparse.Namespace) -> None:
    """Print the tables.

    Args:
        arguments: of `add_arguments` and `add_paths`.
    """
    if not (arguments.data / "speech" / "manifest.csv").is_file():
        sys.exit(
            f"no recordings: {arguments.data / 'speech'} is not there; --data names the folder"
        )
    os.environ["NO_PROXY"] = "127.0.0.1"
    names = arguments.only.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        sys.exit(f"--only: there is no {unknown[0]!r}; choose of {', '.join(PARTS)}")
    found = clips(arguments.data, arguments.cache)
    with asyncio.Runner(loop_factory=_loop()) as runner:
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                write(found, Path(folder))
                calls = tuple(int(number) for number in arguments.calls.split(","))
                setting = Setting(
                    Path(folder),
                    arguments.endpoint,
                    found,
                    arguments.quick,
                    calls,
                    arguments.seed,
                    arguments.data,
                    arguments.stt,
                )
                print(f"\n{name}: {machine()}", flush=True)
                runner.run(PARTS[name](setting))
    sys.stdout.flush()
