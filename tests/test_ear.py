"""Sound in, turns out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loudness_vad import LoudnessVad, sound
from tonewise.audio import RATE, Samples
from tonewise.ear import Ear
from tonewise.events import (
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    SpeechPaused,
    SpeechStarted,
    StageFailed,
    TurnEnded,
)
from tonewise.floor import Floor, Hushed, Interjected, Timing
from tonewise.stages import TurnAudio


def turns_in(samples: Samples, timing: Timing | None = None, step: int = 777) -> list:
    ear = Ear(LoudnessVad(), timing or Timing())
    found = []
    for begin in range(0, len(samples), step):
        found += list(ear.hear(samples[begin : begin + step]))
    return found + list(ear.audio_over())


def sounds_of(found: list) -> list[TurnAudio]:
    return [audio for event, audio in found if isinstance(event, TurnEnded) and audio]


def test_a_turn_brings_its_sound_with_a_little_before_and_after():
    call = sound(("silence", 2.0), ("speech", 1.0), ("silence", 1.5))
    (turn,) = sounds_of(turns_in(call, Timing(lead_in=0.3, tail=0.2)))
    assert turn.start_s == pytest.approx(1.7, abs=0.011)
    assert turn.duration_s == pytest.approx(1.5, abs=0.021)
    begin = round(turn.start_s * RATE)
    np.testing.assert_array_equal(turn.samples, call[begin : begin + len(turn.samples)])


def test_the_flags_say_where_in_the_turn_somebody_spoke():
    call = sound(("silence", 1.0), ("speech", 0.5), ("silence", 0.4), ("speech", 0.5))
    (turn,) = sounds_of(turns_in(call))
    assert len(turn.spoken) == -(-len(turn.samples) // round(turn.frame_s * RATE))
    assert turn.spoken.sum() * turn.frame_s == pytest.approx(1.0, abs=0.02)


def test_each_turn_has_its_own_sound():
    call = sound(*[("silence", 1.0), ("speech", 0.6)] * 3, ("silence", 1.0))
    ear = Ear(LoudnessVad(), Timing())
    turns = []
    for event, audio in ear.hear(call):
        if isinstance(event, TurnEnded):
            turns.append(audio)
            ear.taking.reply_over(event.turn)
    assert [round(turn.start_s, 1) for turn in turns] == [0.7, 2.3, 3.9]
    assert all(turn.spoken.sum() * turn.frame_s == pytest.approx(0.6, abs=0.02) for turn in turns)


def test_long_silence_costs_no_memory():
    ear = Ear(LoudnessVad(), Timing())
    list(ear.hear(sound(("silence", 120.0))))
    assert sum(len(frame) for frame in ear._frames) < 2 * RATE


def test_how_long_the_caller_took_to_answer_is_known_once_our_voice_has_ended():
    ear = Ear(LoudnessVad(), Timing())
    list(ear.hear(sound(("silence", 1.0))))
    ear.floor_given_s = ear.position_s
    call = sound(("silence", 0.8), ("speech", 0.5), ("silence", 1.0), ("speech", 0.7))
    found = list(ear.hear(call)) + list(ear.audio_over())
    first, second = sounds_of(found)
    assert first.response_latency_s == pytest.approx(0.8, abs=0.011)
    assert second.response_latency_s is None  # nobody spoke in between


def test_a_voice_that_ends_under_the_callers_own_invites_nothing():
    ear = Ear(LoudnessVad(), Timing())
    list(ear.hear(sound(("silence", 0.5), ("speech", 0.5))))
    ear.floor_given_s = 0.8
    list(ear.hear(sound(("silence", 1.0))))
    ear.taking.reply_over(1)
    (turn,) = sounds_of([*ear.hear(sound(("speech", 0.5))), *ear.audio_over()])
    assert turn.response_latency_s is None


class Slow(LoudnessVad):
    """Hears with frames of 32 ms, as Silero does, and speech for 0.1 s after its end."""

    frame_samples = 512

    def __init__(self, lag: int = 3) -> None:
        self.lag, self.left = lag, 0

    def open(self) -> "Slow":
        return Slow(self.lag)

    def speech(self, frame: Samples) -> float:
        self.left = self.lag + 1 if super().speech(frame) else max(0, self.left - 1)
        return float(self.left > 0)


def test_a_vad_that_is_slow_to_hear_the_end_of_speech_keeps_nobody_waiting():
    call = sound(("silence", 0.5), ("speech", 1.0), ("silence", 1.0))
    ear = Ear(Slow(), Timing(patience=0.12))
    (ended,) = (event for event, _ in ear.hear(call) if isinstance(event, TurnEnded))
    assert ended.end_s == pytest.approx(1.5, abs=0.009)
    assert ended.at == pytest.approx(1.62, abs=0.017)


def test_what_a_slow_vad_still_calls_speech_does_not_hold_the_reply_to_it():
    ear = Ear(Slow(lag=8), Timing(patience=0.12))
    found = list(ear.hear(sound(("silence", 0.5), ("speech", 1.0), ("silence", 2.0))))
    assert [type(event) for event, _ in found][-2:] == [SpeechPaused, TurnEnded]
    assert ear.taking.floor is Floor.REPLYING


def test_a_vad_that_is_slow_to_hear_an_onset_does_not_let_the_reply_go_on():
    ear = Ear(Deaf(0.2), Timing())
    list(ear.hear(sound(("silence", 0.5), ("speech", 1.0), ("silence", 1.0))))
    onset_s = ear.position_s
    found = [event for event, _ in ear.hear(sound(("speech", 0.8)))]
    assert [type(event) for event in found] == [ReplyHeld, ReplyInterrupted, SpeechStarted]
    assert found[0].at - onset_s < 0.05


def test_a_sudden_noise_holds_the_reply_for_a_moment_and_asks_nobody_what_it_was():
    ear = Ear(Deaf(9.0), Timing())
    list(ear.hear(sound(("silence", 0.5), ("speech", 1.0), ("silence", 1.0))))
    found = [event for event, _ in ear.hear(sound(("speech", 0.5), ("silence", 0.5)))]
    assert [type(event) for event in found] == [ReplyHeld, ReplyResumed]
    assert found[1].at - found[0].at < 0.4
    again = list(ear.hear(sound(("silence", 0.5), ("speech", 0.5), ("silence", 0.5))))
    assert again == []  # a noise like one that was nothing


class Deaf(LoudnessVad):
    """Hears the first second of speech, and after it speech so many seconds late."""

    frame_samples = 512

    def __init__(self, late_s: float) -> None:
        self.late, self.heard, self.run = late_s * RATE / 512, 0.0, 0

    def open(self) -> "Deaf":
        return self

    def speech(self, frame: Samples) -> float:
        loud = super().speech(frame)
        self.heard += loud
        self.run = self.run + 1 if loud else 0
        return float(loud) if self.heard <= RATE // 512 + 1 else float(self.run > self.late)


def test_words_are_read_as_soon_as_the_voice_falls_and_as_if_that_were_all():
    call = sound(("silence", 0.5), ("speech", 1.0), ("silence", 0.5))
    ear, hushed, paused = Ear(Slow(), Timing()), None, None
    for event, audio in ear.hear(call):
        if isinstance(event, Hushed):
            hushed, at_s = audio, ear.position_s
        if isinstance(event, SpeechPaused):
            paused = audio
    assert at_s == pytest.approx(1.5 + Timing().hush, abs=0.009)
    assert hushed.start_s + hushed.duration_s >= 1.65
    assert len(hushed.samples) == len(hushed.spoken) * 512
    heard = hushed.spoken.nonzero()[0]
    assert heard.tolist() == paused.spoken.nonzero()[0].tolist()  # the same speech
    quiet = hushed.samples[(int(heard[-1]) + 1) * 512 :]
    assert 0 < np.abs(quiet).max() < 0.01


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5000))
def test_how_the_audio_is_cut_into_chunks_changes_nothing(step: int):
    call = sound(("silence", 0.5), ("speech", 0.5), ("silence", 1.2), ("speech", 0.3))
    whole = [event for event, _ in turns_in(call, step=len(call))]
    assert [event for event, _ in turns_in(call, step=step)] == whole
    assert isinstance(whole[0], SpeechStarted)


class Stumbling(LoudnessVad):
    """A VAD that breaks on some frames."""

    def __init__(self, *frames: range) -> None:
        self.frames, self.heard = frames, 0

    def speech(self, frame: Samples) -> float:
        self.heard += 1
        if any(self.heard in stretch for stretch in self.frames):
            raise ValueError("not this one")
        return super().speech(frame)


def test_a_vad_that_breaks_is_told_of_once_and_the_call_goes_on():
    ear = Ear(Stumbling(range(10, 20), range(200, 201)), Timing())
    found = list(ear.hear(sound(("silence", 0.3), ("speech", 0.6), ("silence", 1.5))))
    failed = [event for event, _ in found if isinstance(event, StageFailed)]
    assert [(event.turn, event.stage, event.engine) for event in failed] == [
        (0, "vad", "loudness"),
        (1, "vad", "loudness"),
    ]
    assert failed[0].error == "ValueError: not this one"
    assert len(sounds_of(found)) == 1


def test_the_sound_of_words_that_are_known_late_is_kept_until_then():
    call = sound(
        *(("speech", 0.6), ("silence", 1.5), ("speech", 0.3), ("silence", 6.0)),
        *(("speech", 0.2), ("silence", 3.0)),  # a cough, which is known for one
    )
    ear = Ear(LoudnessVad(), Timing(weigh=1.2))
    short, cough = [event for event, _ in ear.hear(call) if isinstance(event, Interjected)]
    list(ear.weigh(cough, meant=False))
    list(ear.hear(call[:160]))
    (interrupted, *_, paused) = list(ear.weigh(short, meant=True))
    assert isinstance(interrupted[0], ReplyInterrupted)
    turn = paused[1]
    begin = round(turn.start_s * RATE)
    assert turn.start_s == pytest.approx(1.8, abs=0.011)
    np.testing.assert_array_equal(turn.samples, call[begin : begin + len(turn.samples)])
    list(ear.hear(sound(("silence", 2.0))))
    assert len(ear._frames) * 160 < 2 * RATE, "and no longer than that"
