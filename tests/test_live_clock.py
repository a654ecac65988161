"""A live line tells the time, whatever comes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import RATE
from tonewise.transports.live_clock import QUIET_S, STEP_S, LiveClock

PIECES = st.lists(st.floats(0.02, 3.0), min_size=1, max_size=20)


def looked_at(clock: LiveClock, now_s: float, until_s: float) -> tuple[float, float]:
    """Look whenever the clock says so; when it was looked at last, and seconds of silence."""
    silent = 0
    while (due_s := now_s + clock.wait_s(now_s)) <= until_s:
        now_s = due_s + 1e-6
        if (silence := clock.silence(now_s)) is not None:
            assert not silence.any()
            silent += len(silence)
    return until_s, silent / RATE


@given(PIECES, st.lists(st.floats(0.0, 0.9 * QUIET_S), min_size=20, max_size=20))
def test_sound_that_comes_as_it_is_spoken_is_all_that_is_heard(pieces, late):
    clock, now_s, spoken_s = LiveClock(0.0), 0.0, 0.0
    clock.heard(round(pieces[0] * RATE), 0.0)  # a piece can come when all of it was said
    for piece, late_s in zip(pieces, late, strict=False):
        now_s, silent_s = looked_at(clock, now_s, max(now_s, spoken_s + late_s))
        assert silent_s == 0
        spoken_s += piece
        clock.heard(round(piece * RATE), now_s)


@given(PIECES)
def test_sound_and_silence_together_last_as_long_as_the_call(gaps):
    clock, now_s, heard_s = LiveClock(0.0), 0.0, 0.0
    for gap_s in gaps:
        now_s, silent_s = looked_at(clock, now_s, now_s + gap_s)
        heard_s += silent_s
        assert 0 <= now_s - heard_s <= QUIET_S + 1e-3
        clock.heard(RATE // 50, now_s)
        heard_s, now_s = max(heard_s, now_s) + 0.02, now_s + 0.02


def test_silence_is_heard_late_once_and_then_as_it_passes():
    clock = LiveClock(10.0)
    assert clock.silence(10.39) is None
    assert len(clock.silence(10.41)) == pytest.approx(0.41 * RATE, abs=1)
    assert clock.wait_s(10.41) == pytest.approx(STEP_S)
    assert len(clock.silence(10.52)) == pytest.approx(0.11 * RATE, abs=1)
    clock.heard(320, 10.6)
    assert clock.wait_s(10.6) == pytest.approx(0.02 + QUIET_S)


def test_who_was_away_for_long_is_given_no_more_than_a_second_at_a_time():
    clock = LiveClock(0.0)
    assert [len(clock.silence(3600.0)) for _ in range(3)] == [RATE] * 3


def test_silence_that_stood_in_for_packets_is_known_until_sound_comes():
    clock = LiveClock(0.0)
    clock.silence(1.0)
    assert clock.known(8_000) == 8_000
    assert clock.known(32_000) == RATE
    clock.heard(320, 1.0)
    assert clock.known(8_000) == 0
