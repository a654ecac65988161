"""Sound on its way in and out."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.audio import (
    RATE,
    Framer,
    Resampler,
    from_g711,
    from_pcm16,
    to_g711,
    to_pcm16,
)
from tonewise.errors import AudioError

EVERY_SAMPLE = np.arange(-32768, 32768, dtype="<i2")


def ffmpeg_levels(codec: str) -> np.ndarray:
    """What FFmpeg's decoder makes of each of the 256 codes."""
    decoder = av.CodecContext.create(codec, "r")
    decoder.sample_rate = 8000
    decoder.layout = "mono"
    (frame,) = decoder.decode(av.Packet(bytes(range(256))))
    return frame.to_ndarray()[0]


@pytest.mark.parametrize(("law", "codec"), [("mu", "pcm_mulaw"), ("a", "pcm_alaw")])
def test_g711_decodes_every_code_as_ffmpeg_does(law, codec):
    ours = np.frombuffer(to_pcm16(from_g711(bytes(range(256)), law) * (32768 / 32767)), "<i2")
    np.testing.assert_array_equal(ours, ffmpeg_levels(codec))


@pytest.mark.parametrize(("law", "codec"), [("mu", "pcm_mulaw"), ("a", "pcm_alaw")])
def test_g711_gives_back_every_code_that_it_decodes(law, codec):
    codes = bytes(range(256))
    again = to_g711(from_g711(codes, law), law)
    levels = ffmpeg_levels(codec)
    np.testing.assert_array_equal(levels[list(again)], levels[list(codes)])


@pytest.mark.parametrize("law", ["mu", "a"])
def test_g711_errs_by_less_than_a_step_and_clips_at_the_ends(law):
    samples = from_pcm16(EVERY_SAMPLE.tobytes())
    back = from_g711(to_g711(samples, law), law)
    # A step is at most 1/16 of the magnitude, rounded up, plus the smallest step of the law.
    assert np.all(np.abs(back - samples) <= np.abs(samples) / 31 + 17 / 32768)
    assert back[0] == -back[-1]


def test_the_idle_line_is_silent():
    assert to_g711(np.zeros(3, np.float32), "mu") == b"\xff\xff\xff"
    assert to_g711(np.zeros(3, np.float32), "a") == b"\xd5\xd5\xd5"
    assert from_g711(b"\xff", "mu")[0] == 0


def test_pcm16_is_clipped_never_wrapped():
    assert to_pcm16(np.array([2.0, -2.0], np.float32)) == b"\xff\x7f\x01\x80"


def test_half_a_sample_is_refused():
    with pytest.raises(AudioError, match="3"):
        from_pcm16(b"\x00\x00\x00")


@given(st.integers(1, 700), st.lists(st.integers(0, 900), max_size=20))
def test_frames_are_whole_and_nothing_is_lost(size: int, chunks: list[int]):
    framer = Framer(size)
    sent = np.arange(sum(chunks), dtype=np.float32)
    frames, begin = [], 0
    for chunk in chunks:
        frames += framer.push(sent[begin : begin + chunk])
        begin += chunk
    frames += framer.flush()
    assert all(len(frame) == size for frame in frames)
    got = np.concatenate(frames) if frames else np.zeros(0)
    np.testing.assert_array_equal(got[: len(sent)], sent)
    assert not got[len(sent) :].any()


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 24000, 44100, 48000])
def test_a_tone_keeps_its_pitch_level_and_length_at_any_rate(rate):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate * 2) / rate).astype(np.float32)
    resampler = Resampler(rate)
    step = rate // 50
    parts = [resampler.push(tone[i : i + step]) for i in range(0, len(tone), step)]
    heard = np.concatenate([*parts, resampler.flush()])
    assert len(heard) == pytest.approx(2 * RATE, abs=RATE // 100)
    middle = heard[RATE // 2 : RATE // 2 + RATE]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(RATE)))
    assert spectrum.argmax() == 440
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("rate", [0, 3, -8000, 10_000_000])
def test_an_absurd_rate_is_refused(rate):
    with pytest.raises(AudioError, match=str(rate)):
        Resampler(rate)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3000))
def test_a_resampled_stream_does_not_depend_on_its_chunks(step: int):
    noise = np.random.default_rng(1).normal(0, 0.1, 8000).astype(np.float32)
    one, many = Resampler(8000), Resampler(8000)
    whole = np.concatenate([one.push(noise), one.flush()])
    parts = [many.push(noise[i : i + step]) for i in range(0, len(noise), step)]
    np.testing.assert_allclose(np.concatenate([*parts, many.flush()]), whole, atol=1e-6)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists all threads")
def test_a_resampler_works_in_its_callers_thread():
    def threads() -> int:
        return len([*Path("/proc/self/task").iterdir()])

    before = threads()
    many = [Resampler(48_000) for _ in range(20)]
    for each in many:
        each.push(np.zeros(960, np.float32))
    assert threads() == before


def test_a_resampler_that_has_heard_nothing_has_nothing_left():
    assert len(Resampler(8_000).flush()) == 0
