"""Recordings, and what is wrong with them."""

import os

import numpy as np
import pytest

from loudness_vad import sound
from recordings import wav_bytes, write
from tonewise import audio_file
from tonewise.audio import RATE
from tonewise.errors import AudioError

CALL = sound(("silence", 0.4), ("speech", 0.6), ("silence", 0.5))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.ogg"])
def test_every_usual_format_is_read(tmp_path, name):
    samples = audio_file.read(write(tmp_path / name, CALL))
    assert len(samples) == pytest.approx(len(CALL), abs=0.1 * RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.1)
    assert loud[0] / RATE == pytest.approx(0.4, abs=0.06)


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
def test_every_usual_rate_becomes_ours(tmp_path, rate):
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    samples = audio_file.read(write(tmp_path / "tone.wav", tone, rate=rate))
    assert len(samples) == pytest.approx(RATE, abs=20)
    assert np.abs(np.fft.rfft(samples[:RATE], RATE)).argmax() == 440


def test_channels_are_kept_apart(tmp_path):
    path = write(tmp_path / "two.wav", CALL, np.zeros_like(CALL))
    assert audio_file.probe(path).channels == 2
    assert np.abs(audio_file.read(path, channel=0)).max() > 0.2
    assert np.abs(audio_file.read(path, channel=1)).max() < 0.01


def test_a_long_recording_comes_in_blocks(tmp_path):
    path = write(tmp_path / "long.flac", np.tile(CALL, 20))
    sizes = [block.shape[1] for block in audio_file.blocks(path)]
    assert max(sizes) < RATE
    assert sum(sizes) == 20 * len(CALL)


def lying_header(offset: int, replacement: bytes) -> bytes:
    data = wav_bytes(CALL)
    data[offset : offset + len(replacement)] = replacement
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "empty file"),
        (b"this is a text about sound", "not audio"),
        (bytes(range(256)) * 40, "not audio"),
        (bytes(wav_bytes(CALL))[:44], "no sound"),
        (lying_header(22, b"\x00\x00"), "0 channels"),
        (lying_header(24, (3).to_bytes(4, "little")), "3 Hz"),
        (lying_header(24, (10_000_000).to_bytes(4, "little")), "10000000 Hz"),
        (bytes(wav_bytes(CALL))[: len(CALL)], "cut off"),
    ],
    ids=["empty", "text", "bytes", "header only", "no channels", "slow", "absurd", "truncated"],
)
def test_what_is_wrong_with_a_file_is_said_with_its_name(tmp_path, data, complaint):
    path = tmp_path / "bad.wav"
    path.write_bytes(data)
    with pytest.raises(AudioError, match=complaint) as caught:
        audio_file.read(path)
    assert "bad.wav" in str(caught.value)


@pytest.mark.parametrize("name", ["cut.flac", "cut.mp3"])
def test_a_compressed_file_that_was_cut_off_is_told_from_a_whole_one(tmp_path, name):
    path = write(tmp_path / name, np.tile(CALL, 8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(AudioError, match="cut off"):
        audio_file.read(path)


def test_all_that_could_be_read_of_a_broken_file_is_given_first(tmp_path):
    path = tmp_path / "cut.wav"
    path.write_bytes(wav_bytes(np.tile(CALL, 4))[: len(CALL) * 2])
    heard = 0
    with pytest.raises(AudioError):
        for block in audio_file.blocks(path):
            heard += block.shape[1]
    assert heard == pytest.approx(len(CALL), abs=50)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(AudioError, match="no such file"):
        audio_file.probe(tmp_path / "none.wav")
    with pytest.raises(AudioError, match="a folder"):
        audio_file.probe(tmp_path)


def test_a_file_name_is_never_read_as_a_url():
    with pytest.raises(AudioError, match="no such file"):
        audio_file.probe(__import__("pathlib").Path("http://127.0.0.1:9/a.wav"))


def test_a_recorder_that_never_filled_in_its_header_is_forgiven(tmp_path):
    path = tmp_path / "streamed.wav"
    path.write_bytes(lying_header(4, b"\xff\xff\xff\xff"))
    assert len(audio_file.read(path)) == len(CALL)


def test_a_format_that_announces_no_length_is_not_taken_for_cut_off(tmp_path):
    """FFmpeg guesses a bare AAC's length from its first seconds, and silence takes few bits."""
    path = write(tmp_path / "call.aac", sound(("silence", 6.0), ("speech", 4.0)))
    assert audio_file.probe(path).seconds is None
    assert len(audio_file.read(path)) == pytest.approx(10 * RATE, abs=0.2 * RATE)


def test_recordings_of_two_kinds_joined_to_one_are_heard_to_the_end(tmp_path):
    """Broadcasters' AAC changes rate and channels midway; what the header says first goes."""
    tone = sound(("speech", 1.0))
    stereo = write(tmp_path / "stereo.aac", tone, tone, rate=22_050).read_bytes()
    mono = write(tmp_path / "mono.aac", tone, rate=44_100).read_bytes()
    joined = tmp_path / "joined.aac"
    joined.write_bytes(stereo + mono)
    alone = sum(len(audio_file.read(tmp_path / f"{name}.aac")) for name in ("stereo", "mono"))
    assert audio_file.probe(joined).channels == 2
    assert len(audio_file.read(joined)) == pytest.approx(alone, abs=0.05 * RATE)


def test_a_pipe_is_told_from_a_file_that_is_not_there(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(AudioError, match="a pipe or a device; save"):
        audio_file.probe(tmp_path / "pipe")


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30])
def test_a_sample_that_is_no_sound_spoils_no_other(tmp_path, odd):
    samples = CALL.astype(np.float32)
    samples[100] = odd
    heard = audio_file.read(write(tmp_path / "odd.wav", samples, codec="pcm_f32le"))
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= 1
    assert np.array_equal(heard[200:], samples[200:])
