"""What `tonewise doctor` finds, with real engines and real settings."""

import json
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import tiny_voice_cues
from tonewise import cli

SCRIPTED = '[stt]\nuse = "scripted"\n'
SECRET = "sk-nobody-may-see-this"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.endswith("_API_KEY") or name.startswith("TONEWISE_"):
            monkeypatch.delenv(name)


def doctor(settings: str, *options: str) -> Result:
    Path("tonewise.toml").write_text(settings)
    return CliRunner().invoke(cli.tonewise, ["doctor", *options])


def findings(settings: str) -> dict[str, dict]:
    return {found["name"]: found for found in told(settings)["findings"]}


def told(settings: str) -> dict:
    return json.loads(doctor(settings, "--json").stdout)


def test_without_a_key_a_call_is_answered_by_the_demo_and_the_doctor_says_so():
    result = doctor(SCRIPTED)
    assert result.exit_code == 0, result.output
    assert "Ready" in result.output
    assert "demo" in result.output
    assert "export OPENAI_API_KEY" in result.output


def test_every_stage_is_told_with_the_engine_that_serves_it():
    found = findings(SCRIPTED)
    assert {"vad", "stt", "acoustic", "routing", "demo-fast", "demo-frontier"} <= found.keys()
    assert "scripted" in found["stt"]["detail"]
    assert found["audio formats"]["ok"]


def test_the_licence_of_the_voice_cues_in_use_is_told(tmp_path):
    path = tiny_voice_cues.make(tmp_path / "own.onnx", license="CC BY-NC-SA 4.0: non-commercial")
    own = f"{SCRIPTED}[acoustic]\nuse = 'voice_cues'\noptions = {{model = '{path}'}}\n"
    found = findings(own)["acoustic"]
    assert found["ok"]
    assert found["detail"] == ("voice_cues: own 0.0.1; licence CC BY-NC-SA 4.0: non-commercial")
    assert (
        "licence" not in findings(SCRIPTED + '[acoustic]\nuse = "prosody"\n')["acoustic"]["detail"]
    )


def test_whisper_without_weights_is_an_error_with_the_command_that_fetches_them():
    nowhere = SCRIPTED.replace("scripted", "faster_whisper") + 'options = {cache = "nowhere"}\n'
    result = doctor(nowhere)
    assert result.exit_code == 1
    assert "download_model" in result.output
    assert "Not ready: no call can be answered without stt" in result.output


def test_a_model_whose_key_is_missing_is_an_error_that_names_the_key():
    hosted = '[[models]]\nname = "big"\noptions = {model = "x", api_key_env = "BIG_API_KEY"}\n'
    found = findings(SCRIPTED + hosted)
    assert not found["big"]["ok"]
    assert "BIG_API_KEY" in found["big"]["detail"]
    assert found["BIG_API_KEY"]["detail"] == "not set"


def test_a_key_is_told_by_name_and_never_by_value(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    for options in ([], ["--json"]):
        result = doctor(SCRIPTED, *options)
        assert result.exit_code == 0, result.output
        assert "OPENAI_API_KEY" in result.output
        assert SECRET not in result.output


def test_a_setting_with_a_typo_is_told_and_no_call_can_be_answered():
    result = doctor("[turns]\npatiense = 1\n")
    assert result.exit_code == 1
    assert "patiense" in result.output
    assert "patience" in result.output


def test_every_package_is_told_once_with_what_it_is_for_and_what_tests_need_is_not():
    packages = [each for each in told(SCRIPTED)["findings"] if each["section"] == "Packages"]
    names = [each["name"] for each in packages]
    assert len(names) == len(set(names))
    assert {"numpy", "cryptography", "aiortc"} <= set(names)
    assert not {"pytest", "twilio", "plivo"} & set(names)
    for each in packages:
        assert each["ok"] or "optional, for " in each["detail"]


def test_a_folder_for_recordings_that_cannot_be_made_is_told_before_a_call_is_lost(tmp_path):
    (tmp_path / "file").touch()
    found = findings(f"{SCRIPTED}[recording]\nfolder = '{tmp_path / 'file' / 'calls'}'\n")
    assert not found["recording"]["ok"]
    assert f"{tmp_path / 'file'} is no folder to write in" in found["recording"]["detail"]
    sealed = findings(f"{SCRIPTED}[recording]\nfolder = 'calls'\nencrypt = true\n")["recording"]
    assert "TONEWISE_RECORDING_KEY is not set" in sealed["detail"]
    assert findings(f"{SCRIPTED}[recording]\nfolder = 'calls'\n")["recording"]["ok"]
    assert "recording" not in findings(SCRIPTED)


def test_a_taken_port_is_told_but_is_no_reason_to_despair():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = told(SCRIPTED + f"[server]\nport = {port}\n")
    server = next(each for each in found["findings"] if each["name"] == "server")
    assert not server["ok"]
    assert server["fix"] == "tonewise serve --port 0"
    assert found["ready"]


def test_a_clients_key_that_is_not_there_keeps_the_server_from_starting(monkeypatch):
    settings = f'{SCRIPTED}[[clients]]\nname = "shop"\ntoken_env = "SHOP_KEY"\n'
    assert "SHOP_KEY, is not set" in findings(settings)["clients"]["detail"]
    assert not told(settings)["ready"]
    monkeypatch.setenv("SHOP_KEY", SECRET)
    assert findings(settings)["clients"]["detail"] == "shop"
    assert SECRET not in doctor(settings).stdout


def test_the_store_is_named_without_its_password(monkeypatch):
    monkeypatch.setenv("TONEWISE_DATABASE_URL", f"postgresql://me:{SECRET}@db.example.org/calls")
    found = findings(SCRIPTED)["store"]
    assert found["ok"]
    assert "db.example.org" in found["detail"]
    assert SECRET not in doctor(SCRIPTED).stdout
