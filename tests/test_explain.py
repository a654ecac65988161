"""`tonewise explain`: the route of a turn of text, with reasons, and no LLM in sight."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tonewise import cli
from tonewise.cli.explain import command

COMPARISON = "compare a fifteen year fixed mortgage with a thirty year adjustable one"

SETTINGS = """
[stt]
use = "not.imported"

[acoustic]
use = "not.imported"

[router]
use = "thresholds"
[router.options]
frontier_at = 0.5

[[models]]
name = "deep"
route = "frontier"
use = "demo"

[[models]]
name = "quick"
route = "fast"
use = "demo"
"""


@pytest.fixture(autouse=True)
def no_settings_of_ours(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("TONEWISE_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text(SETTINGS)
    return str(path)


def explain(*arguments, stdin=None):
    return CliRunner().invoke(command, arguments, input=stdin)


def explain_lines(settings, *lines):
    """Lines out, messages, exit code."""
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    result = explain("--config", settings, "--jsonl", "-", stdin=text)
    return [json.loads(line) for line in result.stdout.splitlines()], result


# ---------------------------------------------------------------- one text


def test_a_person_sees_the_route_the_reasons_and_every_term(settings):
    result = explain("--config", settings, COMPARISON)
    assert result.exit_code == 0, result.output
    assert "route       frontier" in result.output
    assert "because     complexity 0.86 " in result.output
    assert "≥ 0.50: is about long-term money, compares options" in result.output
    assert "models      deep, then quick" in result.output
    for term in ("bias", "words", "numbers", "comparison", "finance"):
        assert f"            {term} " in result.output
    assert "µs" in result.output


def test_the_voice_can_be_given_beside_the_text(settings):
    cues = '{"frustration": 0.7}'
    result = explain("--config", settings, "--cues", cues, "--json", "where's my order")
    answer = json.loads(result.output)
    assert answer["route"] == "frontier"
    assert answer["frustration"] == 0.7
    assert answer["reasons"][0]["signal"] == "frustration"


def test_one_line_of_json_has_the_documented_keys(settings):
    answer = json.loads(explain("--config", settings, "--json", "where's my order").output)
    assert list(answer) == ["route", "complexity", "frustration", "reasons", "models", "micros"]
    assert answer["route"] == "fast"
    assert 0 < answer["complexity"] < 0.5
    assert 0 < answer["frustration"] < 0.1
    assert answer["models"] == ["quick", "deep"]
    assert answer["micros"] > 0


def test_the_built_in_settings_will_do():
    result = explain("--json", "hi")
    assert result.exit_code == 0, result.exception
    assert json.loads(result.output)["models"] == ["demo-fast", "demo-frontier"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either a text or --jsonl FILE"),
        (["hi", "--jsonl", "-"], "either a text or --jsonl FILE"),
        (["--jsonl", "-", "--cues", "{}"], "every line brings cues of its own"),
        (["hi", "--cues", "[1]"], "--cues must be a JSON object"),
        (["hi", "--cues", "{oops"], "--cues must be a JSON object"),
        (["--jsonl", "nowhere.jsonl"], "nowhere.jsonl"),
    ],
)
def test_a_mistake_on_the_command_line_says_what_is_wrong(arguments, message):
    result = explain(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_wrong_cue_ends_in_one_line_and_no_traceback(monkeypatch, capsys, settings):
    arguments = ["explain", "--config", settings, "hi", "--cues", '{"hesitaton": 1}']
    monkeypatch.setattr(sys, "argv", ["tonewise", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(
        "tonewise: unknown cue 'hesitaton' (did you mean 'hesitation'?); cues are: speech_s,"
    )
    assert len(printed.err.splitlines()) == 1


def test_a_wrong_threshold_in_the_settings_is_named(tmp_path, monkeypatch, capsys):
    path = tmp_path / "wrong.toml"
    path.write_text(SETTINGS.replace("0.5", "5"))
    monkeypatch.setattr(sys, "argv", ["tonewise", "explain", "--config", str(path), "hi"])
    with pytest.raises(SystemExit):
        cli.main()
    assert "'frontier_at' must be a number from 0 to 1, not 5" in capsys.readouterr().err


# ---------------------------------------------------------------- many


def test_every_line_gets_one_line(settings):
    answers, result = explain_lines(
        settings,
        {"text": "yes please"},
        {"text": COMPARISON, "metadata": {"tier": "gold", "age": 3, "new": False}},
        {"text": "yes please", "cues": {"frustration": 0.9, "hesitation": None}},
        {"text": "", "id": 7, "label": "other keys are left alone"},
    )
    assert [answer["route"] for answer in answers] == ["fast", "frontier", "frontier", "fast"]
    words, more_words, heard, nothing = (answer["frustration"] for answer in answers)
    assert 0 < words < 0.1
    assert 0 < more_words < 0.1
    assert (heard, nothing) == (0.9, None)
    assert result.exit_code == 0
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "not JSON"),
        ('{"text": "a", "metadata": ' + '{"a": ' * 100_000, "not JSON"),
        ("", "the line is empty"),
        ("[1]", "expected `object`"),
        ('{"cues": {}}', "missing required field `text`"),
        ('{"text": 3}', "text: expected `str`, got `int`"),
        ('{"text": "a", "cue": {}}', "unknown key 'cue' (did you mean 'cues'?)"),
        ('{"text": "a", "cues": 3}', "cues: expected `object"),
        ('{"text": "a", "cues": {"anger": 1}}', "unknown cue 'anger'"),
        ('{"text": "a", "cues": {"hesitation": "much"}}', "cue hesitation: expected `float"),
        ('{"text": "a", "cues": {"hesitation": true}}', "cue hesitation: expected `float"),
        ('{"text": "a", "cues": {"hesitation": 1.01}}', "'hesitation' must lie between 0 and 1"),
        ('{"text": "a", "cues": {"frustration": -0.5}}', "'frustration' must lie between"),
        ('{"text": "a", "cues": {"emotion": {"anger": 2}}}', "'anger' must lie between 0 and 1"),
        ('{"text": "a", "cues": {"frustration": NaN}}', "JSON has no NaN"),
        ('{"text": "a", "cues": {"frustration": 1e999}}', "out of range"),
        ('{"text": "a", "metadata": {"tier": ["gold"]}}', "metadata[...]: expected"),
    ],
)
def test_a_wrong_line_is_named_and_the_others_are_answered(settings, line, message):
    answers, result = explain_lines(settings, {"text": "hi"}, line, {"text": "bye"})
    assert [set(answer) == {"error"} for answer in answers] == [False, True, False]
    assert "<stdin>:2: " in answers[1]["error"]
    assert message in answers[1]["error"]
    assert result.stderr == f"tonewise: {answers[1]['error']}\n"
    assert result.exit_code == 1


def test_bytes_that_are_no_text_cost_one_line(settings, tmp_path):
    path = tmp_path / "turns.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a byte order mark is no mistake"}\n{"text": "\xff"}\n')
    result = explain("--config", settings, "--jsonl", str(path))
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["route"] == "fast"
    assert "turns.jsonl:2: not JSON" in second["error"]
    assert result.exit_code == 1


def test_ten_thousand_lines_take_seconds_start_included(settings, tmp_path):
    path = tmp_path / "turns.jsonl"
    line = json.dumps({"text": COMPARISON, "cues": {"hesitation": 0.5}}) + "\n"
    path.write_text(line * 10_000)
    arguments = ["explain", "--config", settings, "--jsonl", str(path)]
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "tonewise", *arguments], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 10_000
    after = os.times()  # not by the clock on the wall: what others do is no cost of ours
    assert after.children_user - before.children_user < 15


def test_explaining_needs_neither_the_ears_nor_a_network(settings):
    script = (
        "import sys; from click.testing import CliRunner; from tonewise.cli.explain import command;"
        f"CliRunner().invoke(command, ['--config', {settings!r}, 'hi'], catch_exceptions=False);"
        "print([m for m in ('onnxruntime', 'faster_whisper', 'httpx2', 'uvicorn') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
