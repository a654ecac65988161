"""Filled pauses: how training material is spliced and labelled, and how events are found."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from tonewise.acoustic import filled_pauses
from voice_cues import fillers_events as decoding
from voice_cues import fillers_material as material
from voice_cues import fillers_sound as sound
from voice_cues.fillers_corpora import part_of
from voice_cues.fillers_events import Count
from voice_cues.fillers_rules import formants, held, scores

RATE = sound.RATE


def voice(seconds: float, pitch: float = 120.0, glide: float = 0.0) -> np.ndarray:
    """A vowel at one pitch, or with a pitch that glides by so many semitones a second."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * 2 ** (glide * time / 12)) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 25))
    return (0.1 * wave).astype(np.float32)


def sentence(seed: int = 0) -> np.ndarray:
    """Six words of gliding voice with soft gaps between, in a quiet room."""
    rng = np.random.default_rng(seed)
    words = [voice(0.3, 100 + 60 * rng.random(), 14) * np.hanning(4800) for _ in range(6)]
    gap = np.zeros(1600)
    clean = np.concatenate([piece for word in words for piece in (gap, word)])
    return (clean + rng.normal(0, 0.0005, len(clean))).astype(np.float32)


def frames(text: str) -> np.ndarray:
    """Probabilities from a row of digits: tenths."""
    return np.array([int(c) / 10 for c in text])


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("0000000000", []),
        ("0099990000", [(0.08, 0.24)]),
        ("0099900000", []),  # 120 ms is too short
        ("9990099900", [(0.0, 0.32)]),  # two frames of doubt do not part it
        ("9990009990", []),  # three do, and either half is too short
        ("9999000999", [(0.0, 0.16)]),
        ("0000009999", [(0.24, 0.4)]),
        ("0045554000", []),  # under the threshold is off
    ],
)
def test_events_are_long_enough_stretches_over_the_threshold(row, found):
    events = decoding.events(frames(row), 0.6)
    assert events == [pytest.approx(event) for event in found]


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0.05, 0.95))
def test_events_are_in_order_apart_and_long_enough(row, threshold):
    events = decoding.events(np.array(row), threshold)
    for start, end in events:
        assert end - start >= decoding.LEAST_S - 1e-9
        assert 0 <= start < end <= len(row) * decoding.FRAME_S + 1e-9
    for before, after in pairwise(events):
        assert after[0] - before[1] > decoding.BRIDGE_S


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0.16, 1)), max_size=5))
def test_what_was_found_where_it_is_true_is_all_hits(spans):
    true = [(start, start + length) for start, length in spans]
    count = decoding.compared(true, true)
    assert (count.hits, count.false, count.missed) == (len(true), 0, 0)


def test_an_event_with_an_edge_too_far_off_is_a_miss_and_a_false_alarm():
    assert decoding.compared([(1.0, 1.5)], [(1.1, 1.75)]) == Count(0, 1, 1)
    assert decoding.compared([(1.0, 1.5)], [(1.15, 1.6)]) == Count(1, 0, 0)
    assert decoding.overlapping([(1.0, 1.5)], [(1.1, 1.75)]) == Count(1, 0, 0)


def test_one_true_event_is_found_once():
    assert decoding.compared([(1.0, 1.4), (1.05, 1.45)], [(1.0, 1.4)]) == Count(1, 1, 0)


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    count = Count(hits=6, false=2, missed=4)
    assert count.precision == pytest.approx(0.75)
    assert count.recall == pytest.approx(0.6)
    assert count.f1 == pytest.approx(2 * 0.75 * 0.6 / 1.35)
    assert Count().f1 == 0


def test_the_interval_of_f1_holds_it_and_narrows_with_more_speakers():
    few = [Count(8, 1, 2), Count(3, 4, 5)] * 3
    low, high = decoding.interval(few)
    assert low < sum(few, Count()).f1 < high
    narrow = decoding.interval(few * 20)
    assert narrow[1] - narrow[0] < (high - low) / 2


def test_the_interval_of_a_rate_is_in_alarms_per_minute():
    low, high = decoding.rate_interval([1, 1, 1], [2.0, 2.0, 2.0])
    assert (low, high) == (0.5, 0.5)


def test_windows_that_agree_change_nothing_and_the_middle_counts_more_than_the_edge():
    same = [(0, np.full(75, 2.0)), (25, np.full(75, 2.0))]
    assert decoding.overlap_added(same, 100) == pytest.approx(np.full(100, 2.0))
    unlike = [(0, np.full(75, 0.0)), (25, np.full(75, 6.0))]
    mean = decoding.overlap_added(unlike, 110)
    assert mean[26] == pytest.approx(1.0)  # the second window's edge counts a fifth
    assert mean[50] == pytest.approx(3.0)
    assert mean[105] == -20  # nobody heard it


@given(st.lists(st.floats(-8, 8), min_size=75, max_size=75), st.floats(0.05, 0.95))
def test_the_product_finds_the_same_events_as_the_training_scores(logits, threshold):
    row = np.array(logits, np.float32)
    windows = [(0, row), (25, row[::-1].copy())]
    probability = 1 / (1 + np.exp(-decoding.overlap_added(windows, 100)))
    assert filled_pauses.joined(windows) == pytest.approx(probability)
    found = filled_pauses.filled_pauses(
        probability,
        threshold,
        least_s=decoding.LEAST_S,
        bridge_s=decoding.BRIDGE_S,
        frame_s=decoding.FRAME_S,
    )
    assert [(f.start_s, f.end_s) for f in found] == decoding.events(probability, threshold)


def test_frames_that_an_edge_cuts_are_not_labelled():
    marks = material.labels([(0.08, 0.22)], 8)
    assert marks.tolist() == [0, 0, 1, 1, 1, material.UNSURE, 0, 0]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_spliced_filled_pause_lies_where_its_label_says(seed):
    rng = np.random.default_rng(seed)
    token = voice(0.4, 110)
    whole, (start, end) = material.insert(sentence(seed), token, rng)
    assert 0 <= start < end <= len(whole) / RATE
    assert end - start == pytest.approx(0.4, abs=0.025)
    inside = whole[round((start + 0.05) * RATE) : round((end - 0.05) * RATE)]
    likeness = np.correlate(inside, token[1000:2600]).max()
    assert likeness > 0.98 * np.linalg.norm(token[1000:2600]) * sound.rms(inside) * 40


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_a_spliced_filled_pause_is_as_loud_as_its_sentence_give_or_take_3_db(seed):
    carrier = sentence(seed)
    whole, (start, end) = material.insert(carrier, 0.02 * voice(0.4), np.random.default_rng(seed))
    heard = whole[round((start + 0.05) * RATE) : round((end - 0.05) * RATE)]
    ratio = sound.rms(heard) / sound.rms(sound.loud_part(carrier))
    assert abs(20 * np.log10(ratio)) < 3.6


def test_silences_around_a_filled_pause_are_log_normal_with_some_left_out():
    rng = np.random.default_rng(1)
    drawn = np.array([material.pause_s(rng) for _ in range(4000)])
    assert np.mean(drawn == 0) == pytest.approx(material.NO_PAUSE, abs=0.03)
    assert drawn.max() <= material.LONGEST_PAUSE_S
    assert np.median(drawn[drawn > 0]) == pytest.approx(np.exp(material.PAUSE_LOG_MEAN), rel=0.08)


def test_the_room_between_words_is_as_loud_as_the_recordings_own():
    rng = np.random.default_rng(2)
    tone = sound.room_tone(sentence(), RATE, rng)
    assert len(tone) == RATE
    assert 20 * np.log10(sound.rms(tone)) == pytest.approx(-66, abs=4)
    gated = sound.room_tone(np.zeros(RATE, np.float32), RATE, rng)
    assert 0 < sound.rms(gated) < 1e-3


@pytest.mark.parametrize("factor", [0.6, 1.5, 2.5, 4.0])
def test_stretching_changes_the_length_and_not_the_pitch(factor):
    given_, long = voice(0.5, 140), sound.stretched(voice(0.5, 140), factor)
    assert len(long) == pytest.approx(factor * len(given_), rel=0.1)
    spectrum = np.abs(np.fft.rfft(long * np.hanning(len(long))))
    assert np.argmax(spectrum) * RATE / len(long) == pytest.approx(140, rel=0.03)


def test_a_telephone_line_keeps_the_voice_band_and_the_length():
    time = np.arange(RATE) / RATE
    for hertz, passes in ((100, False), (1000, True), (3000, True), (5000, False)):
        heard = sound.telephone((0.1 * np.sin(2 * np.pi * hertz * time)).astype(np.float32))
        assert len(heard) == RATE
        assert (sound.rms(heard) > 0.05) is passes


def test_a_vowel_lengthened_by_its_own_speaker_has_the_length_asked_for():
    long = material.lengthened(voice(0.08), 0.4, np.random.default_rng(3))
    assert len(long) / RATE == pytest.approx(0.4, abs=0.03)


def test_the_rule_hears_a_held_voice_and_neither_a_gliding_one_nor_noise():
    around = np.zeros(RATE // 4, np.float32)
    (span,) = held(np.concatenate([around, voice(0.5), around]))
    assert span == pytest.approx((0.25, 0.75), abs=0.08)
    assert held(np.concatenate([around, voice(0.5, 120, 25), around])) == []
    assert held(np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)) == []
    assert held(np.zeros(100, np.float32)) == []
    assert scores(np.concatenate([around, voice(0.5), around]), 25).max() > 0.4


def test_formants_are_where_the_resonances_were_put():
    source = voice(0.3, 110)
    for hertz, width in ((600, 80), (1400, 100)):
        radius, angle = np.exp(-np.pi * width / RATE), 2 * np.pi * hertz / RATE
        out = np.zeros(len(source) + 2)
        for i, value in enumerate(source):
            out[i + 2] = value + 2 * radius * np.cos(angle) * out[i + 1] - radius**2 * out[i]
        source = out[2:].astype(np.float32)
    assert formants(source[1600:3200]) == (
        pytest.approx(600, rel=0.1),
        pytest.approx(1400, rel=0.1),
    )


def test_nobody_is_in_two_parts_and_each_part_has_its_share():
    names = [f"speaker_{i}" for i in range(3000)]
    parts = [part_of(name) for name in names]
    assert parts == [part_of(name) for name in names]
    assert parts.count("train") / 3000 == pytest.approx(0.65, abs=0.04)
    assert parts.count("test") / 3000 == pytest.approx(0.20, abs=0.04)
