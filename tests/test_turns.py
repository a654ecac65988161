"""Who has the floor."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import RATE
from tonewise.events import (
    ReplyInterrupted,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tonewise.turns import TABLE, Floor, Signal, Timing, TurnTaking

FRAME = RATE // 100  # 10 ms


def say(taking: TurnTaking, *stretches: tuple[str, float]) -> list:
    happened = []
    for kind, seconds in stretches:
        for _ in range(round(seconds * 100)):
            happened += taking.hear(kind == "speech", FRAME)
    return happened


def kinds(events: list) -> list[type]:
    return [type(event) for event in events]


def test_a_turn_begins_ends_and_says_when():
    taking = TurnTaking(Timing())
    happened = say(taking, ("silence", 1.0), ("speech", 1.5), ("silence", 1.0))
    assert kinds(happened) == [SpeechStarted, SpeechPaused, TurnEnded]
    assert happened[0].start_s == 1.0
    ended = happened[-1]
    assert (ended.turn, ended.start_s, ended.end_s, ended.reason) == (1, 1.0, 2.5, "patience")
    assert ended.at == pytest.approx(2.5 + Timing().patience)
    assert taking.floor is Floor.REPLYING


def test_a_pause_to_think_does_not_end_the_turn():
    taking = TurnTaking(Timing(patience=0.7))
    happened = say(taking, ("speech", 0.5), ("silence", 0.6), ("speech", 0.5), ("silence", 0.8))
    assert kinds(happened) == [SpeechStarted, SpeechPaused, SpeechResumed, SpeechPaused, TurnEnded]
    assert happened[2].paused_s == pytest.approx(0.61, abs=0.011)
    assert happened[-1].start_s == 0.0


def test_a_cough_is_no_turn():
    assert say(TurnTaking(Timing(onset=0.1)), ("speech", 0.08), ("silence", 2.0)) == []


def test_one_odd_frame_does_not_undo_an_onset():
    taking = TurnTaking(Timing(onset=0.1))
    happened = say(taking, ("speech", 0.06), ("silence", 0.01), ("speech", 0.06))
    assert kinds(happened) == [SpeechStarted]
    assert happened[0].start_s == 0.0


def test_a_sound_that_wavers_for_long_does_not_put_the_beginning_out_of_reach():
    taking = TurnTaking(Timing(onset=0.1, barge_in=0.25))
    wavering = [("speech", 0.03), *[("silence", 0.01), ("speech", 0.01)] * 500]
    (started,) = say(taking, *wavering, ("speech", 0.1))
    assert isinstance(started, SpeechStarted)
    assert started.start_s == pytest.approx(started.at - 0.5)


def test_nobody_listens_for_ever():
    taking = TurnTaking(Timing(longest_turn=3.0))
    happened = say(taking, ("speech", 3.5))
    assert kinds(happened)[:2] == [SpeechStarted, TurnEnded]
    assert happened[1].reason == "too_long"


def test_a_turn_in_progress_ends_when_the_recording_does():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 0.5))
    (ended,) = taking.audio_over()
    assert (ended.reason, ended.end_s) == ("end_of_audio", 0.5)
    assert TurnTaking(Timing()).audio_over() == []


def test_speaking_over_the_reply_takes_the_floor_back():
    taking = TurnTaking(Timing(barge_in=0.25))
    say(taking, ("speech", 0.5), ("silence", 0.8))
    assert say(taking, ("speech", 0.2), ("silence", 0.5)) == []  # "mm-hm"
    interrupted, started = say(taking, ("speech", 0.3))
    assert isinstance(interrupted, ReplyInterrupted)
    assert interrupted.turn == 1
    assert isinstance(started, SpeechStarted)
    assert started.turn == 2


def test_a_late_goodbye_of_turn_1_cannot_take_the_floor_from_turn_2():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 0.5), ("silence", 0.8))
    say(taking, ("speech", 0.5), ("silence", 0.8))
    assert (taking.turn, taking.floor) == (2, Floor.REPLYING)
    taking.reply_over(1)
    assert taking.floor is Floor.REPLYING
    taking.reply_over(2)
    assert taking.floor is Floor.LISTENING


def test_a_reply_that_ends_while_the_caller_speaks_changes_nothing():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 0.5))
    taking.reply_over(1)
    assert taking.floor is Floor.SPEAKING


@pytest.mark.parametrize(("floor", "signal"), list(itertools.product(Floor, Signal)))
def test_the_table_in_the_docstring_is_the_table(floor: Floor, signal: Signal):
    import tonewise.turns

    rows = [line.split() for line in tonewise.turns.__doc__.splitlines()]
    written = [row[2] for row in rows if row[:2] == [floor.name, signal.name]]
    expected = [TABLE[floor, signal].name] if (floor, signal) in TABLE else []
    assert written == expected


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=40),
    st.lists(st.integers(0, 3000), max_size=5),
)
def test_whatever_is_heard_turns_are_numbered_and_ordered(stretches, replies):
    taking = TurnTaking(Timing(longest_turn=10))
    happened, frame = [], 0
    for spoken, count in stretches:
        for _ in range(count):
            happened += taking.hear(spoken, FRAME)
            frame += 1
            if frame in replies:
                taking.reply_over(taking.turn)
    happened += taking.audio_over()
    started = [e for e in happened if isinstance(e, SpeechStarted)]
    ended = [e for e in happened if isinstance(e, TurnEnded)]
    assert [e.turn for e in started] == list(range(1, len(started) + 1))
    assert [e.turn for e in ended] == [e.turn for e in started]  # each turn that begins ends
    assert [e.at for e in happened] == sorted(e.at for e in happened)
    for begin, end in zip(started, ended, strict=True):
        assert begin.start_s < end.end_s <= end.at
        assert end.at - begin.start_s <= 10.011
    for earlier, later in itertools.pairwise(zip(started, ended, strict=True)):
        assert earlier[1].end_s <= later[0].start_s


@given(st.floats(0.25, 1.5), st.floats(0.02, 1.4))
def test_a_shorter_silence_than_patience_never_ends_a_turn(patience: float, silence: float):
    taking = TurnTaking(Timing(patience=patience))
    happened = say(taking, ("speech", 0.4), ("silence", silence), ("speech", 0.4))
    ended = any(isinstance(event, TurnEnded) for event in happened)
    if silence < patience - 0.01:
        assert not ended
    if silence > patience + 0.01:
        assert ended
