"""Is it quiet, or sudden? Loudness against the voice and the room."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import RATE, Samples
from tonewise.loudness import DROP_DB, Loudness, window

FRAME = 512


def noise(db: float, samples: int = FRAME, seed: int = 1) -> Samples:
    """White noise of that RMS, in dB of full scale."""
    sound = np.random.default_rng(seed).normal(0, 10 ** (db / 20), samples)
    return sound.astype(np.float32)


def heard(*levels: float) -> Loudness:
    """Somebody who has spoken so loud, frame by frame."""
    loudness = Loudness()
    for db in levels:
        loudness.quiet(noise(db), spoken=True)
    return loudness


def test_a_voice_that_falls_far_below_itself_has_fallen_silent():
    loudness = heard(-20)
    assert loudness.quiet(noise(-40), spoken=True) == 0
    assert loudness.quiet(noise(-20 - DROP_DB - 6), spoken=True) == FRAME


def test_where_in_a_frame_the_voice_ends_is_told_to_a_window():
    frame = noise(-20)
    frame[256:] = noise(-60, 256)
    assert heard(-20).quiet(frame, spoken=True) == 256


def test_a_noise_that_is_near_the_voice_is_never_quiet():
    loudness = heard(-20)
    assert all(loudness.quiet(noise(-30, seed=n), spoken=True) == 0 for n in range(20))


def test_before_anybody_has_spoken_nothing_is_quiet_but_silence_and_nothing_is_sudden():
    loudness = Loudness()
    assert loudness.quiet(noise(-70), spoken=False) == 0
    assert not loudness.sudden
    assert loudness.quiet(np.zeros(FRAME, np.float32), spoken=False) == FRAME


def test_who_speaks_after_a_much_louder_voice_is_soon_heard():
    loudness = heard(-10)
    frames = 0
    while loudness.quiet(noise(-42), spoken=True):
        frames += 1
    assert 0.5 < frames * FRAME / RATE < 3


def test_a_long_silence_is_no_reason_to_forget_how_loud_the_caller_is():
    loudness = heard(-20)
    for _ in range(1000):
        loudness.quiet(noise(-66), spoken=False)
    assert loudness.quiet(noise(-55), spoken=True) == FRAME


def in_a_room() -> Loudness:
    loudness = heard(-20)
    for n in range(30):
        loudness.quiet(noise(-60, seed=n), spoken=False)
    return loudness


@pytest.mark.parametrize(("db", "sudden"), [(-22, True), (-35, True), (-45, False)])
def test_a_sound_nearly_as_loud_as_the_caller_is_sudden_before_any_vad_knows_it(db, sudden):
    loudness = in_a_room()
    loudness.quiet(noise(db), spoken=False)
    assert loudness.sudden is sudden


def test_a_loud_room_is_not_sudden_for_long():
    loudness = in_a_room()
    for n in range(round(4 * RATE / FRAME)):
        loudness.quiet(noise(-30, seed=n), spoken=False)
    assert not loudness.sudden


def test_what_was_sudden_in_vain_has_to_be_outdone():
    loudness = in_a_room()
    loudness.quiet(noise(-30), spoken=False)
    loudness.in_vain()
    for db, sudden in ((-60, False), (-30, False), (-60, False), (-20, True)):
        loudness.quiet(noise(db), spoken=False)
        assert loudness.sudden is sudden


def test_what_was_sudden_and_speech_is_sudden_again():
    loudness = in_a_room()
    loudness.quiet(noise(-30), spoken=False)
    loudness.for_us()
    loudness.in_vain()
    loudness.quiet(noise(-60), spoken=False)
    loudness.quiet(noise(-30), spoken=False)
    assert loudness.sudden


@given(st.integers(1, 2000))
def test_windows_divide_any_frame(samples: int):
    assert samples % window(samples) == 0


@pytest.mark.parametrize(("samples", "size"), [(512, 128), (480, 120), (160, 160)])
def test_windows_of_the_vads_we_have(samples, size):
    assert window(samples) == size


@given(st.lists(st.sampled_from([0.0, 1e-6, 0.1, 1.0, float("nan"), float("inf")]), max_size=40))
def test_whatever_comes_some_of_the_frame_or_none_or_all_is_quiet(values):
    loudness = Loudness()
    for value in values:
        assert 0 <= loudness.quiet(np.full(FRAME, value, np.float32), spoken=True) <= FRAME
