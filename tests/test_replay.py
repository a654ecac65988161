"""A recorded call goes in; the same events come out every time."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click
import numpy as np
import pytest

import recordings
from loudness_vad import sound
from recordings import wav_bytes, write
from tonewise import assets
from tonewise.errors import AudioError
from tonewise.events import ReplyEnded
from tonewise.peer import Heard, HungUp, OtherParty
from tonewise.timeline import Timeline
from tonewise.transports.replay import Replay

CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2))
SAMPLES = sorted((assets.folder("web") / "samples").glob("*.flac"))


async def received(transport: Replay) -> list:
    return [inbound async for inbound in transport.receive()]


def tonewise(*arguments: object, **environ: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return subprocess.run(
        [sys.executable, "-m", "tonewise", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=clean | environ,
    )


async def test_a_recording_is_heard_whole_and_then_hangs_up(tmp_path):
    inbound = await received(Replay(write(tmp_path / "call.wav", CALL)))
    heard = np.concatenate([item.samples for item in inbound if isinstance(item, Heard)])
    np.testing.assert_allclose(heard, CALL, atol=1e-4)
    assert inbound[-1] == HungUp("end of recording", answer_last_turn=True)


async def test_only_the_callers_channel_is_heard(tmp_path):
    path = write(tmp_path / "two.wav", np.zeros_like(CALL), CALL)
    inbound = await received(Replay(path, channel=0))
    assert not any(item.samples.any() for item in inbound if isinstance(item, Heard))


async def test_when_the_other_party_falls_silent_is_told_once(tmp_path):
    agent = sound(("speech", 1.0), ("silence", 1.5))
    path = write(tmp_path / "two.wav", agent, np.zeros_like(agent))
    inbound = await received(Replay(path, channel=1))
    (ended,) = [item for item in inbound if isinstance(item, OtherParty)]
    assert ended.at == pytest.approx(1.0, abs=0.11)


async def test_real_time_takes_as_long_as_the_audio(tmp_path):
    import time

    path = write(tmp_path / "call.wav", CALL[:8000])
    began = time.perf_counter()
    await received(Replay(path, speed=1.0))
    assert time.perf_counter() - began >= 0.4


def test_two_channels_need_the_callers_named(tmp_path):
    path = write(tmp_path / "two.wav", CALL, CALL)
    with pytest.raises(AudioError, match=r"2 channels.*--channel \(0, 1\)"):
        Replay(path)
    with pytest.raises(AudioError, match="no channel 5"):
        Replay(path, channel=5)


@pytest.fixture
def scripted(tmp_path) -> Path:
    path = tmp_path / "scripted.toml"
    path.write_text(recordings.scripted("where is my order", "thank you"))
    return path


@pytest.mark.skipif(not SAMPLES, reason="no samples in web/samples")
def test_the_same_recording_gives_the_same_bytes(scripted):
    first = tonewise("replay", "--json", "--config", scripted, *SAMPLES)
    second = tonewise("replay", "--json", "--config", scripted, *SAMPLES)
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert [event["event"] for event in events].count("call_started") == len(SAMPLES)
    assert {"turn_transcribed", "turn_measured", "turn_routed", "reply_ended"} <= {
        event["event"] for event in events
    }
    assert "_ms" not in first.stdout


@pytest.mark.skipif(not SAMPLES, reason="no samples in web/samples")
def test_wall_times_are_told_when_asked_for(scripted):
    told = tonewise("replay", "--json", "--wall", "--config", scripted, SAMPLES[0])
    assert "stt_ms" in told.stdout
    assert "first_token_ms" in told.stdout


@pytest.mark.skipif(not SAMPLES, reason="no samples in web/samples")
def test_the_timeline_tells_what_was_said_how_and_why(scripted):
    told = tonewise("replay", "--config", scripted, SAMPLES[0])
    assert told.returncode == 0, told.stderr
    for part in ("turn 1", "said", "“where is my order”", "how", "fast", "worth most", "reply"):
        assert part in told.stdout
    assert "times real time" in told.stdout


def test_a_reply_cannot_steer_the_terminal():
    lines: list[str] = []
    reply = "First.\n\x1b[2J\x1b]0;owned\x07Second."
    Timeline(lines.append).tell(ReplyEnded(at=1.0, turn=1, text=reply, outcome="answered"))
    told = click.unstyle(lines[0])
    assert told.startswith("  reply  “First. ")
    assert not {"\x1b", "\x07", "\n"} & set(told)


@pytest.mark.skipif(not SAMPLES, reason="no samples in web/samples")
def test_what_the_terminal_cannot_write_is_no_reason_to_stop(scripted):
    told = tonewise("replay", "--config", scripted, SAMPLES[0], PYTHONIOENCODING="latin-1")
    assert told.returncode == 0, told.stderr
    assert "?where is my order?" in told.stdout


@pytest.mark.skipif(not SAMPLES, reason="no samples in web/samples")
def test_a_reader_that_has_seen_enough_is_no_error(scripted):
    """As with `| head`."""
    command = [sys.executable, "-m", "tonewise", "replay", "--json", "--config", str(scripted)]
    with subprocess.Popen(
        [*command, *map(str, SAMPLES)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert "call_started" in process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 0


def test_a_bad_file_is_named_the_others_are_played_and_the_exit_code_says_so(tmp_path, scripted):
    bad, good = tmp_path / "bad.wav", tmp_path / "good.wav"
    bad.write_text("this is no audio")
    good.write_bytes(wav_bytes(CALL))
    told = tonewise("replay", "--json", "--config", scripted, bad, tmp_path / "none.mp3", good)
    assert told.returncode == 1
    assert "bad.wav: not audio" in told.stderr
    assert "none.mp3: no such file" in told.stderr
    assert "Traceback" not in told.stderr
    assert json.loads(told.stdout.splitlines()[-1])["event"] == "call_ended"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are always text")
@pytest.mark.parametrize("command", ["replay", "cues"])
def test_a_file_name_that_is_no_text_can_be_told_in_json(tmp_path, scripted, command):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/call-\xff.wav"))
    path.write_bytes(wav_bytes(CALL))
    told = tonewise(command, "--json", "--config", scripted, path)
    assert told.returncode == 0, told.stderr
    assert "call-?" in told.stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk at hand")
@pytest.mark.parametrize("command", ["replay", "cues"])
def test_a_full_disk_is_told_in_one_line(tmp_path, scripted, command):
    path = tmp_path / "call.wav"
    path.write_bytes(wav_bytes(CALL))
    line = [sys.executable, "-m", "tonewise", command, "--json", "--config", str(scripted), path]
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert told.stderr == "tonewise: cannot write: No space left on device\n"
    assert told.returncode == 1


def test_nothing_is_left_behind_at_home_by_us_or_by_a_library(tmp_path):
    recording = tmp_path / "call.wav"
    recording.write_bytes(wav_bytes(CALL))
    (home := tmp_path / "home").mkdir()
    told = tonewise("replay", recording, HOME=str(home), XDG_CACHE_HOME="")
    assert told.returncode == 0, told.stderr
    assert [path.name for path in home.rglob("*")] == []


def test_a_recording_that_breaks_off_is_played_as_far_as_it_goes(tmp_path, scripted):
    cut = tmp_path / "cut.wav"
    cut.write_bytes(wav_bytes(np.tile(CALL, 3))[: len(CALL) * 2])
    told = tonewise("replay", "--json", "--config", scripted, cut)
    assert told.returncode == 1
    assert "cut off" in told.stderr
    last = json.loads(told.stdout.splitlines()[-1])
    assert last["reason"] == "recording broken off"
    assert last["at"] == pytest.approx(len(CALL) / 16000, abs=0.05)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ("[stt]\nuse = 'moonshin'", "did you mean 'moonshine'"),
        ("[vad]\nthreshold = 7", "vad.threshold"),
        ("[vad]\noptions = {agressiveness = 1}\nuse = 'webrtc'", "aggressiveness"),
    ],
)
def test_a_typo_in_the_settings_is_one_clear_line(tmp_path, settings, complaint):
    path = tmp_path / "typo.toml"
    path.write_text(settings)
    told = tonewise("replay", "--config", path, "any.wav")
    assert told.returncode == 1
    assert complaint in told.stderr
    assert "Traceback" not in told.stderr


def test_cues_are_measured_without_any_speech_recognition(tmp_path):
    path = SAMPLES[0] if SAMPLES else write(tmp_path / "call.wav", CALL)
    told = tonewise("cues", "--json", path)
    assert told.returncode == 0, told.stderr
    for line in told.stdout.splitlines():
        cues = json.loads(line)["cues"]
        assert cues["speech_s"] > 0
        assert "text" not in line


@pytest.mark.skipif(len(SAMPLES) != 4, reason="no samples in web/samples")
@pytest.mark.skipif(not find_spec("moonshine_voice"), reason="no moonshine-voice here")
def test_the_samples_are_routed_by_what_is_said_and_by_how_it_is_said():
    """With the real ears: a simple call, a hesitant one, one that grows complex, an angry one."""
    told = tonewise("replay", "--json", *SAMPLES)
    assert told.returncode == 0, told.stderr
    plans = [
        event["plan"]
        for event in map(json.loads, told.stdout.splitlines())
        if event["event"] == "turn_routed"
    ]
    assert [plan["route"] for plan in plans] == [
        *("fast", "fast", "fast", "fast"),
        *("fast", "fast", "fast", "frontier", "fast"),
        *("fast", "fast", "frontier"),
        *("fast", "fast", "frontier"),
    ]
    hesitant, complex_one, frustrated = plans[7], plans[11], plans[14]
    assert hesitant["reasons"][0]["signal"] == "hesitation"
    assert hesitant["complexity"] < 0.5
    assert complex_one["reasons"][0]["signal"] == "utility"
    assert complex_one["complexity"] >= 0.5
    assert frustrated["reasons"][0]["signal"] == "frustration"
