"""What `scripts/run` and `scripts/test` set up, and what they say of it."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SHOUTING = """#!/bin/sh
echo "$*" >>"$(dirname "$0")/asked"
case "$*" in
  *-q*) ;;
  *) echo "Requirement already satisfied: everything" ;;
esac
"""


@pytest.fixture
def venv(tmp_path: Path) -> Path:
    """An environment whose Python tells what it is asked for, and installs nothing."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(SHOUTING)
    python.chmod(0o755)
    return tmp_path


def test_what_is_installed_already_is_not_told_a_second_time(venv):
    """The first call is the long one, and shows how it goes; the second only adds to it."""
    script = f'. {ROOT}/scripts/environment; venv="{venv}"; install offline dev'
    done = subprocess.run(
        ["bash", "-euc", script], capture_output=True, text=True, check=True, timeout=60
    )
    first, second = (venv / "bin" / "asked").read_text().splitlines()
    assert first.endswith(f"install -e {ROOT}[dev]")
    assert second.endswith(f"moonshine-voice -e {ROOT}[offline]")
    assert done.stderr.count("already satisfied") == 1
    assert done.stderr.index("already satisfied") < done.stderr.index("adding speech recognition")
