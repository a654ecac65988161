"""What a narrow line cuts off is heard all the same, without a click, whatever the pieces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoken import telephone
from tonewise.wire.clarity import Clarity


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * 16_000)) / 16_000)).astype(
        np.float32
    )


def level(samples: np.ndarray, hertz: float) -> float:
    """Amplitude of one tone."""
    samples = samples[2000:14_000]
    wave = np.exp(-2j * np.pi * hertz * np.arange(len(samples)) / 16_000)
    return float(2 * abs(np.mean(samples * wave)))


@pytest.mark.parametrize(("high", "low"), [(4500, 3500), (5000, 3000), (5500, 2500)])
def test_a_hiss_that_the_line_cuts_off_is_heard_mirrored(high, low):
    assert level(telephone(tone(high)), low) < 0.002
    assert level(telephone(Clarity().push(tone(high))), low) > 0.02


@pytest.mark.parametrize("hertz", [300, 700, 1500, 3000])
def test_what_the_line_carries_stays_where_it_is(hertz):
    clear = Clarity().push(tone(hertz))
    assert level(clear, hertz) > 0.02
    others = [level(clear, 8000 - hertz)] if hertz < 3000 else []
    assert all(other < 0.01 for other in others)


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(0, 700), min_size=1, max_size=20))
def test_pieces_of_any_length_give_the_same_sound(cuts):
    sound = np.random.default_rng(1).normal(0, 0.1, sum(cuts)).astype(np.float32)
    clarity, at, parts = Clarity(), 0, []
    for cut in cuts:
        parts.append(clarity.push(sound[at : at + cut]))
        assert len(parts[-1]) == cut
        at += cut
    np.testing.assert_allclose(np.concatenate(parts), Clarity().push(sound), atol=1e-5)


def test_silence_stays_silence():
    assert not Clarity().push(np.zeros(3200, np.float32)).any()
