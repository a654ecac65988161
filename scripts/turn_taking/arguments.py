"""Where recordings lie and where what was computed from them is kept."""

import argparse
import os
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def add_paths(parser: argparse.ArgumentParser) -> None:
    """`--data` and `--cache`."""
    given = os.environ.get("TONEWISE_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(given) if given else _ROOT.parent / "shared" / "data",
        help="the folder with speech/ and emotion/ (default: $TONEWISE_DATA or ../shared/data)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=_ROOT / ".bench" / "turns",
        help="where VAD answers and transcripts are kept (default: .bench/turns)",
    )
