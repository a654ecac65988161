"""Is this speech? The real engines on silence, noise, tones and speech."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spoken import needs_real_speech, noise, real, sample, telephone
from tonewise.audio import RATE, Samples
from tonewise.errors import ConfigError, PluginError, StageError
from tonewise.stages import VadEngine
from tonewise.vad import silero, webrtc

SILERO, WEBRTC = silero.load(), webrtc.load()
both = pytest.mark.parametrize("engine", [SILERO, WEBRTC], ids=["silero", "webrtc"])


def heard(engine: VadEngine, samples: Samples) -> np.ndarray:
    stream, size = engine.open(), engine.frame_samples
    starts = range(0, len(samples) - size + 1, size)
    return np.array([stream.speech(samples[start : start + size]) for start in starts])


def share_of_speech(engine: VadEngine, samples: Samples) -> float:
    return float(np.mean(heard(engine, samples) >= engine.threshold))


def tone(hertz: float, seconds: float = 2.0) -> Samples:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype("f4")


@both
def test_frames_are_10_to_32_ms(engine):
    assert 160 <= engine.frame_samples <= 512
    assert 0 < engine.threshold < 1
    assert engine.name


@both
def test_silence_is_not_speech(engine):
    assert share_of_speech(engine, np.zeros(2 * RATE, np.float32)) == 0


@pytest.mark.parametrize("level", [0.001, 0.03, 0.3])
def test_hiss_is_not_speech(level):
    assert share_of_speech(SILERO, noise(3.0, level)) < 0.02


@pytest.mark.parametrize("hertz", [50, 440, 1000])
def test_a_hum_or_a_beep_is_not_speech(hertz):
    assert share_of_speech(SILERO, tone(hertz)) < 0.1


@both
@pytest.mark.parametrize("line", [lambda x: x, telephone], ids=["wide-band", "telephone"])
@pytest.mark.parametrize("gain", [1.0, 0.1])
def test_speech_is_heard_and_the_silence_between_turns_is_not(engine, line, gain):
    call = line(sample(1) * np.float32(gain))
    size = engine.frame_samples
    whole = len(call) // size
    loudness = np.sqrt(np.mean(np.square(call[: whole * size].reshape(whole, size)), axis=1))
    speech = heard(engine, call) >= engine.threshold
    assert speech[loudness > 0.1 * loudness.max()].mean() > 0.8
    if engine is SILERO:  # WebRTC's hears speech in hiss
        assert speech[loudness < 0.02 * loudness.max()].mean() < 0.25


@needs_real_speech
@pytest.mark.parametrize(
    "path", ["watson/english2.g712.flac", "watson/new_single2-mono-NB.flac", "pyannote/sample.flac"]
)
def test_the_threshold_serves_poor_telephone_lines(path):
    assert share_of_speech(SILERO, real(path)[: 30 * RATE]) > 0.5


@needs_real_speech
@pytest.mark.parametrize("path", ["noise/office-ambience-24000-mono.flac", "gcp/quit.flac"])
def test_the_threshold_keeps_an_office_and_a_silent_caller_out(path):
    assert share_of_speech(SILERO, real(path)) < 0.25


def test_frame_by_frame_is_exactly_what_the_whole_recording_gives():
    samples = sample(2)[: 5 * RATE]
    whole = len(samples) // 512
    padded = np.concatenate([np.zeros(64, np.float32), samples])
    rows = np.stack([padded[n * 512 : n * 512 + 576] for n in range(whole)])
    state = np.zeros((1, 1, 128), np.float32)
    session = onnxruntime.InferenceSession(
        silero.weights_in_wheel(), providers=["CPUExecutionProvider"]
    )
    at_once = session.run(None, {"input": rows, "h": state, "c": state})[0].reshape(-1)
    np.testing.assert_allclose(heard(SILERO, samples), at_once, atol=1e-5)


@both
def test_calls_do_not_hear_each_other(engine):
    size = engine.frame_samples
    one, other = sample(1)[: 4 * RATE], noise(4.0)
    alone = heard(engine, one)
    first, second = engine.open(), engine.open()
    together = []
    for start in range(0, len(one) - size + 1, size):
        together.append(first.speech(one[start : start + size]))
        second.speech(other[start : start + size])
    np.testing.assert_array_equal(together, alone)


@both
def test_many_threads_share_one_engine(engine):
    samples = sample(1)[: 3 * RATE]
    alone = heard(engine, samples)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: heard(engine, samples), range(8)):
            np.testing.assert_array_equal(result, alone)


@both
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_whatever_the_samples_hold_the_answer_is_a_probability(engine, data):
    any_float = st.floats(width=32, allow_nan=True, allow_infinity=True)
    frame = data.draw(arrays(np.float32, engine.frame_samples, elements=any_float))
    assert 0 <= engine.open().speech(frame) <= 1


def test_one_broken_frame_does_not_deafen_the_call():
    speech = sample(1)[: 4 * RATE]
    stream = SILERO.open()
    stream.speech(np.full(512, np.nan, np.float32))
    after = [stream.speech(speech[n : n + 512]) for n in range(0, len(speech) - 511, 512)]
    assert np.isfinite(after).all()
    assert max(after) > 0.9


@both
@pytest.mark.parametrize("length", [0, 1, 160, 511, 513])
def test_a_frame_of_another_length_is_refused_with_the_right_one_named(engine, length):
    with pytest.raises(StageError, match=str(engine.frame_samples)):
        engine.open().speech(np.zeros(length, np.float32))


def test_webrtc_says_yes_or_no():
    assert set(heard(WEBRTC, sample(1)[: 4 * RATE])) == {0.0, 1.0}


def test_webrtc_calls_less_speech_the_more_aggressive_it_is():
    call = sample(2)
    shares = [share_of_speech(webrtc.load(aggressiveness=n), call) for n in range(4)]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[3]


@pytest.mark.parametrize("wrong", [-1, 4, 1.5, "2"])
def test_webrtc_names_the_aggressiveness_it_does_not_know(wrong):
    with pytest.raises(ConfigError, match="0, 1, 2 or 3"):
        webrtc.load(aggressiveness=wrong)


@pytest.mark.parametrize("wrong", [0, 1, -0.2, 35, float("nan")])
def test_a_threshold_is_a_probability(wrong):
    with pytest.raises(ConfigError, match="threshold"):
        silero.load(threshold=wrong)


def test_missing_weights_are_named_with_the_way_to_get_them(tmp_path):
    with pytest.raises(PluginError, match="pip install"):
        silero.load(weights=str(tmp_path / "none.onnx"))


def test_silero_does_not_import_faster_whisper():
    code = "import sys, tonewise.vad.silero as s; s.load(); print('faster_whisper' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
