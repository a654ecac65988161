"""Who has the floor."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import RATE
from tonewise.events import (
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)
from tonewise.facts import Patience
from tonewise.floor import TABLE, Floor, Hushed, Interjected, Lingered, Signal, Timing
from tonewise.turns import TurnTaking

FRAME = RATE // 100  # 10 ms


def say(taking: TurnTaking, *stretches: tuple[str, float]) -> list:
    """What is told of them; that a silence lingers is for the call alone."""
    happened = []
    for kind, seconds in stretches:
        for _ in range(round(seconds * 100)):
            happened += taking.hear(kind == "speech", FRAME)
    return [event for event in happened if not isinstance(event, Hushed | Lingered)]


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


def answered(timing: Timing | None = None) -> TurnTaking:
    """A caller who has said something and is being answered."""
    taking = TurnTaking(timing or Timing())
    say(taking, ("speech", 0.5), ("silence", 0.8))
    assert taking.floor is Floor.REPLYING
    return taking


def test_a_sound_over_the_reply_silences_it_within_a_tenth_of_a_second():
    taking = answered()
    said_s = taking.position / RATE
    (held,) = say(taking, ("speech", 0.1))
    assert isinstance(held, ReplyHeld)
    assert held.at - said_s <= 0.1


def test_speaking_on_over_the_reply_takes_the_floor_back():
    taking = answered(Timing(barge_in=0.5))
    held, interrupted, started = say(taking, ("speech", 0.6))
    assert isinstance(held, ReplyHeld)
    assert isinstance(interrupted, ReplyInterrupted)
    assert interrupted.turn == 1
    assert isinstance(started, SpeechStarted)
    assert (started.turn, started.start_s) == (2, pytest.approx(1.3))


def test_what_only_may_be_speech_holds_the_reply_and_takes_the_floor_from_nobody():
    taking = answered(Timing(barge_in=0.3))
    happened = [
        event for _ in range(80) for event in taking.hear(spoken=True, samples=FRAME, sure=False)
    ]
    assert kinds(happened) == [ReplyHeld]
    assert taking.floor is Floor.OVERLAP


def test_a_short_sound_over_the_reply_is_weighed_and_nothing_else_happens_meanwhile():
    taking = answered()
    held, interjected = say(taking, ("speech", 0.3), ("silence", 0.5))
    assert isinstance(held, ReplyHeld)
    assert interjected == Interjected(1, 1.3, 1.6)
    assert taking.floor is Floor.WEIGHING


def test_what_was_no_interruption_lets_the_reply_go_on():
    taking = answered()
    _, short = say(taking, ("speech", 0.3), ("silence", 0.3))
    (resumed,) = taking.weigh(short, meant=False)
    assert isinstance(resumed, ReplyResumed)
    assert (taking.turn, taking.floor) == (1, Floor.REPLYING)


def test_a_short_stop_is_a_turn_of_its_own_and_ends_like_one():
    taking = answered(Timing(patience=0.7))
    _, short = say(taking, ("speech", 0.3), ("silence", 0.3))
    assert kinds(taking.weigh(short, meant=True)) == [ReplyInterrupted, SpeechStarted, SpeechPaused]
    (ended,) = say(taking, ("silence", 0.5))
    assert (ended.turn, ended.start_s, ended.end_s) == (2, 1.3, 1.6)


def test_a_sound_that_nobody_can_name_in_time_does_not_hold_the_reply_for_ever():
    taking = answered(Timing(weigh=1.2))
    happened = say(taking, ("speech", 0.3), ("silence", 1.3))
    assert kinds(happened) == [ReplyHeld, Interjected, ReplyResumed]
    assert taking.weigh(happened[1], meant=False) == []


@pytest.mark.parametrize("since", [3.0, 0.2])
def test_words_for_us_stop_the_reply_whenever_they_are_known(since: float):
    taking = answered(Timing(weigh=1.2, patience=0.7))
    _, short, _ = say(taking, ("speech", 0.3), ("silence", 1.3 + since))
    assert kinds(taking.weigh(short, meant=True)) == [
        ReplyInterrupted,
        SpeechStarted,
        SpeechPaused,
    ]
    (ended,) = say(taking, ("silence", 0.1))
    assert (ended.turn, ended.start_s, ended.end_s) == (2, 1.3, 1.6)


def test_words_that_are_known_when_the_reply_is_over_are_a_turn():
    taking = answered()
    _, short, _ = say(taking, ("speech", 0.3), ("silence", 1.4))
    taking.reply_over(1)
    assert kinds(taking.weigh(short, meant=True)) == [SpeechStarted, SpeechPaused]


def test_words_that_are_known_while_the_caller_makes_another_sound_begin_their_turn():
    for noise_s, then in ((0.3, Floor.SPEAKING), (0.15, Floor.PAUSING)):
        taking = answered()
        _, short, _ = say(taking, ("speech", 0.3), ("silence", 1.4))
        say(taking, ("speech", noise_s), ("silence", 0.3 - noise_s))
        assert kinds(taking.weigh(short, meant=True))[:2] == [ReplyInterrupted, SpeechStarted]
        assert taking.floor is then
        assert taking.span_s[0] == 1.3


def test_what_is_known_late_for_a_cough_says_nothing_of_another_sound():
    taking = answered()
    _, cough, _ = say(taking, ("speech", 0.3), ("silence", 1.4))
    _, other = say(taking, ("speech", 0.2), ("silence", 0.2))
    assert taking.weigh(cough, meant=False) == []
    assert taking.floor is Floor.WEIGHING
    assert kinds(taking.weigh(other, meant=False)) == [ReplyResumed]


def test_of_a_sound_that_has_gone_on_the_whole_is_weighed():
    taking = answered()
    _, begun = say(taking, ("speech", 0.2), ("silence", 0.2))
    (whole,) = say(taking, ("speech", 0.2), ("silence", 0.2))
    assert not taking.weighs(begun)
    assert taking.weigh(begun, meant=True) == []
    assert taking.weighs(whole)
    assert kinds(taking.weigh(whole, meant=False)) == [ReplyResumed]


def test_words_over_a_reply_mean_nothing_to_the_turn_after():
    taking = answered()
    _, short, _ = say(taking, ("speech", 0.3), ("silence", 1.4))
    say(taking, ("speech", 0.8))
    assert taking.turn == 2
    assert taking.weigh(short, meant=True) == []


def test_a_sound_that_comes_and_goes_does_not_hold_the_reply_for_ever():
    taking = answered(Timing(barge_in=0.6, weigh=1.2))
    happened = say(taking, *[("speech", 0.08), ("silence", 0.12)] * 10)
    interrupted = next(event for event in happened if isinstance(event, ReplyInterrupted))
    assert interrupted.at - happened[0].at <= 1.9


def test_no_advice_keeps_a_caller_waiting_for_ever():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 0.5), ("silence", 0.2))
    taking.wait(1, Patience(600.0, 0.1))
    assert kinds(say(taking, ("silence", 5.0))) == [TurnEnded]


def test_a_reply_that_ends_under_a_cough_ends_when_the_cough_is_known_for_one():
    taking = answered()
    _, cough = say(taking, ("speech", 0.3), ("silence", 0.3))
    taking.reply_over(1)
    assert taking.floor is Floor.WEIGHING
    assert kinds(taking.weigh(cough, meant=False)) == [ReplyResumed]
    assert taking.floor is Floor.LISTENING


def test_who_speaks_over_the_very_end_of_a_reply_interrupts_nothing():
    taking = answered()
    say(taking, ("speech", 0.3))
    taking.reply_over(1)
    assert kinds(say(taking, ("speech", 0.6))) == [SpeechStarted]
    assert taking.turn == 2


def test_patience_follows_what_is_known_of_the_silence_and_is_asked_anew_for_the_next():
    taking = TurnTaking(Timing(patience=0.7))
    say(taking, ("speech", 1.0), ("silence", 0.2))
    taking.wait(1, Patience(1.5, 0.1))
    assert say(taking, ("silence", 1.2)) == []
    say(taking, ("speech", 0.5))
    (paused, ended) = say(taking, ("silence", 0.8))
    assert isinstance(paused, SpeechPaused)
    assert ended.at - ended.end_s == pytest.approx(0.7)
    assert ended.patience is None


def test_a_turn_that_is_over_says_how_long_it_was_waited_for_and_why():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 1.0), ("silence", 0.15))
    taking.wait(1, Patience(0.2, 0.97, reason="a question that is whole"))
    (ended,) = say(taking, ("silence", 0.2))
    assert ended.at - ended.end_s == pytest.approx(0.2)
    assert ended.patience.reason == "a question that is whole"


def test_a_turn_ends_with_the_word_that_it_is_over_where_the_silence_has_lasted_so_long():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 1.0), ("silence", 0.15))
    assert taking.wait(1, Patience(0.2, 0.9)) == []
    (ended,) = taking.wait(1, Patience(0.12, 0.97, reason="a question that is whole"))
    assert isinstance(ended, TurnEnded)
    assert ended.at == pytest.approx(1.15)
    assert taking.floor is Floor.REPLYING
    assert taking.wait(1, Patience(0.12, 0.97)) == []


def test_a_fallen_voice_is_told_once_a_silence_and_before_the_pause():
    taking, hushed = TurnTaking(Timing(hush=0.03, lull=0.1)), []
    for spoken, frames in ((True, 50), (False, 5), (True, 20), (False, 20)):
        for _ in range(frames):
            hushed += [
                (round(taking.silence_s, 3), type(event))
                for event in taking.hear(spoken, FRAME)
                if isinstance(event, Hushed | SpeechPaused)
            ]
    assert hushed == [(0.03, Hushed), (0.03, Hushed), (0.1, SpeechPaused)]


def test_speech_ends_where_its_last_frame_grows_quiet():
    taking = TurnTaking(Timing(patience=0.5))
    say(taking, ("speech", 1.0))
    taking.hear(spoken=True, samples=FRAME, quiet=FRAME * 3 // 4)
    *_, ended = say(taking, ("silence", 1.0))
    assert ended.end_s == pytest.approx(1.0025, abs=0.001)
    assert ended.at - ended.end_s == pytest.approx(0.5, abs=0.01)


def test_advice_that_comes_too_late_or_for_another_turn_changes_nothing():
    taking = TurnTaking(Timing(patience=0.7))
    say(taking, ("speech", 1.0), ("silence", 0.2))
    taking.wait(2, Patience(0.2, 1.0))
    assert say(taking, ("silence", 0.3)) == []
    say(taking, ("speech", 0.1))
    taking.wait(1, Patience(0.2, 1.0))
    assert kinds(say(taking, ("silence", 0.4))) == [SpeechPaused]


def test_what_is_typed_is_a_turn_and_interrupts_the_reply():
    taking = answered()
    assert kinds(taking.typed()) == [ReplyInterrupted, SpeechStarted, TurnEnded]
    assert (taking.turn, taking.floor) == (2, Floor.REPLYING)
    taking.reply_over(2)
    assert kinds(taking.typed()) == [SpeechStarted, TurnEnded]
    say(taking, ("speech", 0.7))
    assert taking.typed() == []  # who types while speaking has not ended the turn


def test_a_late_goodbye_of_turn_1_cannot_take_the_floor_from_turn_2():
    taking = TurnTaking(Timing())
    say(taking, ("speech", 0.5), ("silence", 0.8))
    say(taking, ("speech", 0.7), ("silence", 0.8))
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
    import tonewise.floor

    rows = [line.split() for line in tonewise.floor.__doc__.splitlines()]
    written = [row[2] for row in rows if row[:2] == [floor.name, signal.name]]
    expected = [TABLE[floor, signal].name] if (floor, signal) in TABLE else []
    assert written == expected


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 120)), max_size=40),
    st.lists(st.integers(0, 3000), max_size=5),
)
def test_whatever_is_heard_turns_are_numbered_and_ordered(stretches, replies):
    taking = TurnTaking(Timing(longest_turn=10))
    happened, frame, sounds = [], 0, []
    for spoken, count in stretches:
        for _ in range(count):
            now = taking.hear(spoken, FRAME)
            happened += now
            sounds += [event for event in now if isinstance(event, Interjected)]
            frame += 1
            if frame in replies:
                taking.reply_over(taking.turn)
            if frame in replies and sounds:  # it is known what one was, at once or late
                sound = sounds.pop(frame % len(sounds))
                happened += taking.weigh(sound, meant=frame % 2 == 0)
    happened += taking.audio_over()
    happened = [e for e in happened if not isinstance(e, Hushed | Lingered | Interjected)]
    started = [e for e in happened if isinstance(e, SpeechStarted)]
    ended = [e for e in happened if isinstance(e, TurnEnded)]
    assert [e.turn for e in started] == list(range(1, len(started) + 1))
    assert [e.turn for e in ended] == [e.turn for e in started]  # each turn that begins ends
    assert [e.at for e in happened] == sorted(e.at for e in happened)
    for begin, end in zip(started, ended, strict=True):
        assert begin.start_s < end.end_s <= end.at
        assert end.at - begin.at <= 10.011
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
