"""What of a reply was made, sent and heard, told what time it is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import RATE
from tonewise.speaker import REWIND_S, Speaker

TEXTS = ("Good morning. ", "Your order was shipped. ", "Is there anything else?")


def speaker(lead_s: float = 0.2, *, whole: bool = True) -> Speaker:
    """Three sentences of one second each: a ramp, so that every sample can be told."""
    made = Speaker(lead_s)
    for number, text in enumerate(TEXTS):
        made.begin_chunk(text)
        made.add(np.linspace(number, number + 1, RATE, endpoint=False, dtype=np.float32))
    if whole:
        made.finish()
    return made


def run(made: Speaker, begin_s: float, end_s: float, step_s: float = 0.02) -> list[np.ndarray]:
    times = np.arange(begin_s, end_s, step_s)
    return [sound for now in times if (sound := made.due(float(now))) is not None]


def test_all_of_it_is_sent_once_and_in_order():
    sent = np.concatenate(run(speaker(), 0.0, 4.0))
    assert np.array_equal(sent, np.linspace(0, 3, 3 * RATE, endpoint=False, dtype=np.float32))


def test_it_is_sent_no_further_ahead_than_the_lead():
    made = speaker(lead_s=0.2)
    for now in np.arange(0, 2.5, 0.02):
        made.due(float(now))
        assert made.sent_s <= now + 0.2 + 1e-6
        assert made.sent_s >= now  # and never late


def test_it_is_over_when_it_has_been_heard_not_when_it_was_sent():
    made = speaker(lead_s=0.5)
    run(made, 0.0, 2.6)
    assert made.sent_s == 3.0
    assert not made.over(2.9)
    assert made.over(3.01)


def test_a_speaker_that_waits_for_more_is_not_over():
    made = speaker(whole=False)
    run(made, 0.0, 4.0)
    assert not made.over(9.0)


def test_sound_that_comes_late_goes_on_from_then_without_skipping():
    made = Speaker(0.2)
    made.begin_chunk("late")
    made.add(np.ones(RATE // 10, np.float32))
    run(made, 0.0, 1.0)
    made.add(np.full(RATE // 10, 2.0, np.float32))
    made.finish()
    sent = run(made, 1.0, 1.3)
    assert len(np.concatenate(sent)) == RATE // 10
    assert made.over(1.2)


@pytest.mark.parametrize(
    ("stopped_s", "heard"),
    [
        (0.0, ""),
        (0.5, "Good "),
        (1.0, "Good morning. "),
        (1.5, "Good morning. Your order "),
        (9.0, "".join(TEXTS)),
    ],
)
def test_what_was_heard_ends_between_words(stopped_s, heard):
    made = speaker()
    run(made, 0.0, stopped_s + 0.001)
    made.hold(stopped_s)
    assert made.heard(stopped_s) == heard


def test_what_was_held_goes_on_a_little_before_without_a_click():
    made = speaker()
    run(made, 0.0, 1.0)
    made.hold(1.0)
    assert made.due(1.5) is None
    assert not made.over(9.0)
    made.resume(2.0)
    first = made.due(2.0)
    assert first is not None
    assert first[0] == 0.0  # it fades in
    assert first[RATE // 10] == pytest.approx(1.0 - REWIND_S + 0.1, abs=0.01)


def test_a_peer_that_is_behind_is_believed():
    made = speaker()
    run(made, 0.0, 2.0)
    made.played_upto(1.0, 2.0)
    made.hold(2.0)
    assert made.heard(2.0) == "Good morning. "


def test_a_report_that_was_overtaken_tells_nothing():
    made = speaker()
    run(made, 0.0, 1.0)
    made.played_upto(0.9, 1.0)
    made.played_upto(0.4, 1.0)
    assert made.played_s(1.0) == pytest.approx(0.9)


def test_of_a_sentence_that_is_still_being_made_no_more_is_heard_than_could_be():
    made = Speaker(0.2)
    made.begin_chunk("One two three four five six seven eight nine ten. ")
    made.add(np.ones(RATE // 2, np.float32))
    run(made, 0.0, 1.0)
    assert made.heard(1.0) == "One two "
    made.add(np.ones(5 * RATE, np.float32))
    run(made, 1.0, 7.0)
    assert made.heard(7.0) == "One two three four five six seven eight nine "
    made.end_chunk()
    assert made.heard(7.0) == "One two three four five six seven eight nine ten. "


def test_asides_are_heard_and_are_no_part_of_the_text():
    made = Speaker(0.2)
    made.begin_chunk("")
    made.add(np.ones(RATE, np.float32))
    made.begin_chunk("Hello there.")
    made.add(np.ones(RATE, np.float32))
    made.finish()
    run(made, 0.0, 3.0)
    assert made.heard(3.0) == "Hello there."


@given(
    st.lists(
        st.tuples(st.sampled_from(["hold", "resume", "tick"]), st.floats(0.0, 0.7)), max_size=30
    )
)
def test_whatever_happens_what_was_heard_is_a_beginning_of_the_text(steps):
    made, now = speaker(), 0.0
    for what, wait_s in steps:
        now += wait_s
        if what == "hold":
            made.hold(now)
        elif what == "resume":
            made.resume(now)
        made.due(now)
        heard = made.heard(now)
        assert "".join(TEXTS).startswith(heard)
        assert made.played_s(now) <= made.sent_s <= made.made_s
