"""What commands have in common: how settings are named, and mistakes that end in one line."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result

from loudness_vad import sound
from recordings import scripted, write
from tonewise import cli
from tonewise.cli.call import next_caller
from tonewise.config import Config
from tonewise.errors import ConfigError
from tonewise.keeping import Recording
from tonewise.recorders import seal_for

CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2))

SCRIPTED = scripted("can you please compare the two plans for a family of four in a big city")

READ_SETTINGS = (
    ["cues"],
    ["decisions"],
    ["doctor"],
    ["experiments"],
    ["explain"],
    ["learning"],
    ["replay"],
    ["report"],
    ["serve"],
)


@pytest.fixture
def call(tmp_path: Path) -> Path:
    (tmp_path / "settings.toml").write_text(SCRIPTED)
    return write(tmp_path / "call.wav", CALL)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.tonewise, [str(each) for each in arguments])


def main(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """The exit code of the whole program, which tells of its own mistakes."""
    monkeypatch.setattr(sys, "argv", ["tonewise", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


# ---------------------------------------------------------------- options


@pytest.mark.parametrize("command", READ_SETTINGS, ids=" ".join)
def test_every_command_that_reads_settings_names_them_by_the_same_words(command):
    found = cli.tonewise.get_command(click.Context(cli.tonewise), command[0])
    assert found is not None
    option = next(each for each in found.params if each.name == "config_file")
    assert isinstance(option, click.Option)
    assert set(option.opts) == {"--config", "-c"}
    assert (
        option.help
        == "Settings, a TOML file. Else $TONEWISE_CONFIG, else tonewise.toml here, else defaults."
    )


@pytest.mark.parametrize("command", READ_SETTINGS, ids=" ".join)
def test_settings_that_are_not_there_are_named_in_one_line(command, tmp_path, monkeypatch, capsys):
    more = {"cues": ["a.wav"], "replay": ["a.wav"], "explain": ["hi"]}
    more["report"] = ["a.wav", "-o", tmp_path / "a.html"]
    monkeypatch.chdir(tmp_path)
    assert main(monkeypatch, *command, "-c", "gone.toml", *more.get(command[0], [])) == 1
    printed = capsys.readouterr()
    assert "gone.toml: cannot be read: No such file or directory" in printed.out + printed.err


def test_a_command_with_a_typo_is_told_with_the_nearest_one():
    told = run("expain", "hi")
    assert told.exit_code == 2
    assert "there is no command 'expain' (did you mean 'explain'?)" in told.output


@pytest.mark.parametrize("command", ["replay", "report", "compare"])
def test_a_stage_with_a_typo_is_told_before_anything_is_loaded(call, tmp_path, command):
    before = {"compare": [tmp_path / "settings.toml"] * 2}.get(command, [])
    after = ["-o", tmp_path / "a.html"] if command == "report" else []
    told = run(command, *before, "--recorded", "sst,llm", call, *after)
    assert told.exit_code == 2
    assert "cannot stand in for 'sst' (did you mean 'stt'?)" in told.output


@pytest.mark.parametrize(
    "line",
    [
        ["report", "{call}", "-o", "{nowhere}/page.html"],
        ["compare", "{settings}", "{settings}", "{call}", "--html", "{nowhere}/page.html"],
        ["call", "{call}", "--out", "{nowhere}/heard.wav"],
    ],
    ids=["report", "compare", "call"],
)
def test_a_file_that_could_not_be_written_is_told_before_the_work(call, tmp_path, line):
    places = {"call": call, "settings": tmp_path / "settings.toml", "nowhere": tmp_path / "nowhere"}
    told = run(*(part.format(**places) for part in line))
    assert told.exit_code == 2
    assert f"there is no folder '{tmp_path / 'nowhere'}'" in told.output
    assert "wrote" not in told.output


def test_a_place_that_cannot_be_written_to_ends_in_one_line(call, monkeypatch, capsys):
    assert main(monkeypatch, "import", call, "-o", call / "made") == 1
    told = capsys.readouterr().err
    assert told == f"tonewise: {call / 'made'}: Not a directory\n"


@pytest.mark.parametrize("option", ["--linger", "--keys", "--url"])
def test_a_telephone_call_that_makes_no_sense_is_not_made(call, option):
    for wrong in {"--linger": ["nan", "-1"], "--keys": ["1", "1:xx", "x:1"]}.get(option, ["here"]):
        told = run("call", call, option, wrong)
        assert told.exit_code == 2, told.output
        assert option in told.output


@pytest.mark.parametrize(
    ("first", "number", "next_one"),
    [
        ("+13125550100", 0, "+13125550100"),
        ("+13125550100", 7, "+13125550107"),
        ("+099", 1, "+100"),
        ("+009", 1, "+010"),
        ("sip:ada", 3, "sip:ada"),
    ],
)
def test_every_caller_of_a_load_has_a_number_of_their_own(first, number, next_one):
    assert next_caller(first, number) == next_one


def test_two_voices_do_not_call_as_one(tmp_path):
    both = write(tmp_path / "both.wav", CALL, CALL)
    for options in ([], ["--channel", 2]):
        told = run("call", both, "--url", "http://127.0.0.1:1", *options)
        assert told.exit_code == 1
        assert "choose from 0, 1" in str(told.exception) or "--channel (0, 1)" in str(
            told.exception
        )
    assert (
        "nobody answers" in run("call", both, "--url", "http://127.0.0.1:1", "--channel", 1).stderr
    )


def test_a_telephone_that_nobody_answers_says_what_to_look_for(call):
    told = run("call", call, "--url", "http://127.0.0.1:1")
    assert told.exit_code == 1
    assert "nobody answers at http://127.0.0.1:1" in told.stderr
    assert "is a server running?" in told.stderr


class Unaware(BaseHTTPRequestHandler):
    """A server that knows nothing of telephones."""

    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        """Nothing into the test's output."""


def test_a_server_that_takes_no_calls_of_a_provider_is_told_what_it_lacks(call):
    with HTTPServer(("127.0.0.1", 0), Unaware) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        told = run("call", call, "--url", f"http://127.0.0.1:{server.server_port}")
    assert told.exit_code == 1
    assert "HTTP 404: this server takes no such calls" in told.stderr
    assert "[telephony.wires.twilio]" in told.stderr


def test_who_opens_an_encrypted_call_without_its_key_is_not_told_to_make_another():
    opened = seal_for(Config(recording=Recording(encrypt=True)), {})
    with pytest.raises(ConfigError, match=r"the key that it was recorded with into \$TONEWISE_REC"):
        opened()


# ---------------------------------------------------------------- calls that are none


def test_silence_is_told_as_such(tmp_path):
    (tmp_path / "settings.toml").write_text(SCRIPTED)
    quiet = write(tmp_path / "quiet.wav", np.zeros_like(CALL))
    options = ("-c", tmp_path / "settings.toml", quiet)
    assert "nobody spoke; end of recording" in run("replay", *options).stdout
    assert "nobody speaks" in run("cues", *options).stdout
    assert run("cues", "--json", *options).stdout == ""


@pytest.mark.parametrize("command", ["replay", "cues"])
def test_of_a_call_that_cannot_be_played_only_the_reason_is_told(tmp_path, command):
    (tmp_path / "settings.toml").write_text(SCRIPTED)
    (tmp_path / "notes.wav").write_text("this is no sound")
    told = run(command, "-c", tmp_path / "settings.toml", tmp_path / "notes.wav")
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "not audio that can be decoded" in told.stderr


def test_an_expectation_with_a_typo_is_told_before_the_call_is_played(tmp_path, call):
    (tmp_path / "call.expect.toml").write_text("[call]\nturnes = 1\n")
    told = run("replay", "-c", tmp_path / "settings.toml", call)
    assert told.exit_code == 1
    assert "there is no key 'turnes' (did you mean 'turns'?)" in told.stderr
    assert told.stdout == ""


def test_what_is_wrong_with_a_call_is_told_once_though_it_is_replayed_twice(tmp_path, call):
    settings = tmp_path / "settings.toml"
    told = run("compare", settings, settings, call, tmp_path / "gone.wav")
    assert told.exit_code == 1
    assert told.stderr.count("gone.wav: no such file") == 1


@pytest.fixture
def parrot(tmp_path, monkeypatch) -> Path:
    """An STT engine of the user's own beside the settings, with something to say of itself."""
    lines = SCRIPTED.replace('"scripted"\noptions', '"my_parrot"\n# options')
    (tmp_path / "parrot.toml").write_text(lines)
    (tmp_path / "my_parrot.py").write_text(
        "from tonewise.facts import Transcript\n\n\n"
        "class Parrot:\n"
        "    name = 'parrot'\n"
        "    notice = 'Better parrots can be had.'\n\n"
        "    def open(self, language=None):\n        return self\n\n"
        "    def transcribe(self, turn):\n        return Transcript('squawk')\n\n\n"
        "def load():\n    return Parrot()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "parrot.toml"


def test_what_an_engine_says_of_itself_comes_after_the_call(parrot, call, tmp_path):
    told = run("replay", "-c", parrot, "--record", tmp_path / "made", call)
    assert told.exit_code == 0, told.output
    assert "“squawk”" in told.stdout
    assert told.output.index("squawk") < told.output.index("Better parrots can be had.")
    folder = next((tmp_path / "made").iterdir())
    assert "parrots" not in run("replay", "-c", parrot, "--recorded", "stt", folder).output
