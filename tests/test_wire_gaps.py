"""Packets lost, late, doubled or out of order: the caller's time neither shrinks nor runs away."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.wire.gaps import ECHO_MS, LONGEST_MS, Filler, Gaps, InOrder


def through(order: InOrder[str], numbers: list[int]) -> list[str | int]:
    return [one for number in numbers for one in order.push(number, str(number))]


def test_packets_in_order_pass_at_once():
    order: InOrder[str] = InOrder()
    assert through(order, [7, 8, 9]) == ["7", "8", "9"]


def test_a_late_packet_is_waited_for():
    order: InOrder[str] = InOrder(most=3)
    assert through(order, [1, 3, 4, 2, 5]) == ["1", "2", "3", "4", "5"]


def test_a_lost_packet_is_told_and_a_packet_too_late_is_dropped():
    order: InOrder[str] = InOrder(most=2)
    assert through(order, [1, 3, 4, 5]) == ["1", 1, "3", "4", "5"]
    assert through(order, [2, 6]) == ["6"]


def test_a_count_that_begins_anew_is_followed():
    order: InOrder[str] = InOrder()
    assert through(order, [50_000, 1, 2]) == ["50000", "1", "2"]


@given(st.permutations(range(1, 40)), st.integers(1, 8))
def test_nothing_comes_twice_or_backwards(numbers, most):
    order: InOrder[str] = InOrder(most)
    out = through(order, numbers) + list(order.flush())
    packets = [int(one) for one in out if isinstance(one, str)]
    assert packets == sorted(set(packets))


@given(st.lists(st.integers(0, 39), max_size=60), st.integers(1, 8))
def test_lost_and_found_make_the_whole(numbers, most):
    order: InOrder[str] = InOrder(most)
    out = through(order, numbers)
    if out:
        span = sum(1 if isinstance(one, str) else one for one in out)
        assert span == int(out[-1]) - int(out[0]) + 1


def test_jitter_is_no_loss_and_a_hole_is():
    gaps = Gaps()
    assert [gaps.before(at, 20) for at in (0, 25, 38, 61, 80)] == [0.0] * 5
    assert gaps.before(300, 20) == 200
    assert gaps.before(320, 20) == 0


def test_a_clock_set_anew_costs_no_more_than_the_longest_hole():
    gaps = Gaps()
    gaps.before(0, 20)
    assert gaps.before(1e9, 20) == LONGEST_MS
    assert gaps.before(1e9 + 20, 20) == 0
    assert gaps.before(0, 20) == 0
    assert gaps.before(20, 20) == 0


@given(st.lists(st.integers(0, 10**12), max_size=50))
def test_any_timestamps_give_bounded_holes(stamps):
    gaps = Gaps()
    assert all(0 <= gaps.before(at, 20) <= LONGEST_MS for at in stamps)


def test_a_drifting_clock_adds_up_to_no_false_hole():
    gaps = Gaps()
    holes = [gaps.before(at * 20.02, 20) for at in range(50 * 120)]  # 0.1 % fast for two minutes
    assert sum(holes) == pytest.approx(120, abs=61)


@pytest.mark.parametrize("count", [0, 1, 100, 480, 5000])
def test_what_is_filled_joins_on_and_fades(count):
    filler = Filler(8000)
    sound = np.sin(np.arange(800) / 5).astype(np.float32)
    filler.heard(sound)
    filled = filler.fill(count)
    assert len(filled) == count
    if count >= 100:
        assert abs(filled[0] - sound[-1]) < 0.01
        assert np.all(np.abs(filled[8 * ECHO_MS :]) == 0)
    assert not filler.fill(count).any()
