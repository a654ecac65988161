"""Pauses: where they begin and end, and what counts as one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthetic_voice import noise, pulses, syllables
from tonewise.acoustic.edges import sharpened, silences
from tonewise.acoustic.levels import QUIETEST
from tonewise.acoustic.pauses import phrasing
from tonewise.contours import HOP_S, contours

FRAME_S = 0.01


def mask(pattern: str) -> np.ndarray:
    """`mask("30S 25- 30S")`: 30 frames of speech, 25 of silence, 30 of speech."""
    runs = [np.full(int(run[:-1]), run[-1] == "S") for run in pattern.split()]
    return np.concatenate(runs) if runs else np.zeros(0, np.bool_)


@pytest.mark.parametrize(
    ("pattern", "speech_s", "count", "longest_s", "ratio"),
    [
        ("100S", 1.0, 0, 0.0, 0.0),
        ("30- 100S 20-", 1.0, 0, 0.0, 0.0),
        ("50S 24- 50S", 1.0, 0, 0.0, 0.0),
        ("50S 25- 50S", 1.0, 1, 0.25, 0.2),
        ("50S 50- 50S", 1.0, 1, 0.5, 1 / 3),
        ("40- 20S 30- 20S 60- 60S 9-", 1.0, 2, 0.6, 0.9 / 1.9),
    ],
)
def test_a_pause_is_a_silence_of_250_ms_between_speech(pattern, speech_s, count, longest_s, ratio):
    found = phrasing(mask(pattern), FRAME_S)
    assert found is not None
    assert found.speech_s == pytest.approx(speech_s)
    assert found.pauses.count == count
    assert found.pauses.longest_s == pytest.approx(longest_s)
    assert found.pauses.ratio == pytest.approx(ratio)


@pytest.mark.parametrize("pattern", ["", "1-", "80-"])
def test_without_speech_there_are_no_pauses(pattern):
    assert phrasing(mask(pattern), FRAME_S) is None


@given(st.lists(st.booleans(), min_size=1, max_size=200).filter(any), st.floats(0.005, 0.05))
def test_speech_and_pauses_never_exceed_the_turn(flags, frame_s):
    found = phrasing(np.array(flags), frame_s)
    assert found is not None
    assert 0 <= found.pauses.ratio < 1
    assert found.pauses.longest_s * found.pauses.count <= len(flags) * frame_s
    paused_s = found.pauses.ratio * len(flags) * frame_s
    assert found.speech_s + paused_s <= len(flags) * frame_s * (1 + 1e-9)


# ---------------------------------------------------------------- the VAD's edges


def heard(pause_s: float, late_s: float, *, room: float = 0.001) -> tuple[np.ndarray, np.ndarray]:
    """A VAD that lets go and catches on `late_s` late, and the level: speech, a pause, speech."""
    parts = [np.zeros(4800), syllables(5, 1.0), np.zeros(round(pause_s * 16000)), syllables(5, 1.0)]
    samples = np.concatenate([*parts, np.zeros(4800)]).astype(np.float32)
    samples += noise(len(samples) / 16000, room)
    level_db = 10 * np.log10(np.maximum(contours(samples).power, QUIETEST))
    at = np.arange(len(level_db)) * HOP_S - late_s
    first = (at >= 0.3) & (at < 1.3)
    second = (at >= 1.3 + pause_s) & (at < 2.3 + pause_s)
    return first | second, level_db


def pause_in(spoken: np.ndarray) -> float:
    (inner,) = silences(spoken)[1:-1]
    return (inner[1] - inner[0]) * HOP_S


@pytest.mark.parametrize("pause_s", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("lag_s", [-0.05, 0.0, 0.05, 0.09, 0.15])
def test_a_pause_is_as_long_as_it_sounds_however_late_the_vad_lets_go(pause_s, lag_s):
    _, level_db = heard(pause_s, 0.0)
    on_time, _ = heard(pause_s, 0.0)
    late, _ = heard(pause_s, lag_s)
    # It lets go late, but catches on in time: the pause it hears is short by the lag.
    spoken = on_time | late if lag_s > 0 else on_time & late
    assert pause_in(spoken) == pytest.approx(
        pause_s - abs(lag_s) * (1 if lag_s > 0 else -1), abs=0.02
    )
    # The swells themselves begin and end softly, hence up to 60 ms more.
    assert pause_s - 0.03 <= pause_in(sharpened(spoken, level_db)) <= pause_s + 0.06


@pytest.mark.parametrize(("early_s", "late_s"), [(0.1, 0.0), (0.0, 0.1), (0.1, 0.1), (0.0, 0.0)])
def test_speech_that_the_vad_cut_off_is_given_back(early_s, late_s):
    voice, room = pulses(120, 1.0), np.zeros(8000, np.float32)
    samples = np.concatenate([room, voice, room, voice, room])
    samples += noise(len(samples) / 16000)
    level_db = 10 * np.log10(contours(samples).power)
    at = np.arange(len(level_db)) * HOP_S
    spoken = (at >= 0.5) & (at < 1.5 - early_s) | (at >= 2.0 + late_s) & (at < 3.0)
    assert pause_in(sharpened(spoken, level_db)) == pytest.approx(0.5, abs=0.06)


def test_an_edge_moves_no_further_than_a_vad_can_be_late():
    spoken, level_db = heard(1.0, 0.0)
    deaf = spoken.copy()
    deaf[130:180] = True
    assert pause_in(sharpened(deaf, level_db)) == pytest.approx(1.0 - 0.3, abs=0.03)


def test_in_loud_noise_the_vad_is_believed():
    spoken, level_db = heard(0.5, 0.09, room=0.05)
    np.testing.assert_array_equal(sharpened(spoken, level_db), spoken)


@given(
    st.lists(st.booleans(), min_size=1, max_size=120),
    st.integers(0, 10**6),
    st.floats(-12, 12),
)
def test_edges_depend_on_the_level_only_relative_to_itself(flags, seed, gain_db):
    level_db = np.random.default_rng(seed).uniform(-90, 0, len(flags)).astype(np.float64)
    spoken = np.array(flags)
    np.testing.assert_array_equal(
        sharpened(spoken, level_db), sharpened(spoken, level_db + round(gain_db))
    )
