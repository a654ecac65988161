"""What commands print fits into a narrow terminal, and is left as it is for a pipe."""

import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from loudness_vad import sound
from recordings import scripted, write
from tonewise import cli
from tonewise.cli import experiments, serve

SCRIPTED = scripted("can you please compare the two plans for a family of four in a big city")


@pytest.fixture
def call(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SCRIPTED)
    stretches = ("silence", 0.5), ("speech", 0.8), ("silence", 1.2)
    return write(tmp_path / "call.wav", sound(*stretches))


@pytest.mark.parametrize(
    ("line", "folded"),
    [
        ("short", "short"),
        ("label  " + "word " * 9, "label  " + "word " * 6 + "word\n       word word"),
        ("x" * 60, "x" * 60),
        ("a  b" + " " * 60 + "c", "a  b\n       c"),
        ("   " + "x" * 60 + " y", "   " + "x" * 60 + "\n       y"),
    ],
    ids=["short", "words", "one long word", "columns", "indented"],
)
def test_a_line_is_folded_between_words(line, folded):
    assert cli.folded(line, 7, 42) == folded
    assert cli.folded(line, 7, None) == line


def test_colours_take_no_room():
    line = click.style("label", fg="green", bold=True) + " " + "word " * 7
    assert cli.folded(line, 4, 41) == line


@given(st.lists(st.text("abcé…", min_size=1, max_size=20)), st.integers(40, 120))
def test_no_row_is_too_long_and_no_word_is_lost(words, columns):
    rows = cli.folded("  " + " ".join(words), 9, columns).split("\n")
    assert " ".join(rows).split() == words
    assert all(len(row) <= columns for row in rows)
    assert all(row.startswith(" " * 9) for row in rows[1:])


def in_a_terminal(*arguments: object, columns: int = 80) -> str:
    """What a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "tonewise", *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=clean
    ) as program:
        os.close(theirs)
        sent = b"".join(_sent(ours))
        program.wait(60)
    os.close(ours)
    return sent.decode()


def _sent(ours: int) -> Iterator[bytes]:
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65_536)
        except OSError:  # Linux: nobody writes any more
            return
        if not piece:
            return
        yield piece


@pytest.mark.parametrize("command", ["replay", "cues"])
def test_a_call_fits_into_a_narrow_terminal(call, tmp_path, command):
    sent = in_a_terminal(command, "-c", tmp_path / "settings.toml", call)
    lines = click.unstyle(sent).splitlines()
    assert any("syllables/s" in line for line in lines), sent
    assert [line for line in lines if len(line) > 80 and str(call) not in line] == []


def test_a_plan_fits_into_a_narrow_terminal(tmp_path):
    (tmp_path / "settings.toml").write_text(SCRIPTED)
    sent = in_a_terminal("explain", "-c", tmp_path / "settings.toml", "compare the two plans")
    lines = click.unstyle(sent).splitlines()
    assert any(line.startswith("because") for line in lines), sent
    assert max(map(len, lines)) <= 80


def test_nothing_of_the_bar_is_left_among_the_turns(tmp_path, call):
    sent = in_a_terminal("replay", "-c", tmp_path / "settings.toml", "--speed", 1, call)
    assert "times real time" in sent
    assert re.search(r"\] \d+:\d\d of [^\r\n]*\r?\n", sent) is None


def test_a_table_that_is_too_wide_has_its_last_column_below_the_third(monkeypatch):
    rows = [("", "variant", "measured", "against usual"), ("cost", "bold", "0.12 USD", "+0.04 USD")]
    monkeypatch.setattr(experiments, "width", lambda: 45)
    assert experiments.table(rows) == [
        "      variant  measured  against usual",
        "cost  bold     0.12 USD  +0.04 USD",
    ]
    monkeypatch.setattr(experiments, "width", lambda: 30)
    assert experiments.table(rows) == [
        "      variant  measured",
        "               against usual",
        "cost  bold     0.12 USD",
        "               +0.04 USD",
    ]


def test_a_server_on_every_address_is_opened_here_by_the_one_of_this_machine():
    assert serve.found_at("http://0.0.0.0:8600/") == "http://127.0.0.1:8600/"
    assert serve.found_at("http://[::]:8600/") == "http://[::1]:8600/"
    assert serve.found_at("http://192.0.2.1:8600/") == "http://192.0.2.1:8600/"


def test_a_pipe_gets_lines_that_are_not_folded(tmp_path, call):
    told = CliRunner().invoke(
        cli.tonewise, ["replay", "-c", f"{tmp_path}/settings.toml", str(call)]
    )
    assert re.search(r"^  reply  “.*” demo-\w+$", told.stdout, re.MULTILINE)
    assert max(map(len, told.stdout.splitlines())) > 120
