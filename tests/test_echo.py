"""Our own voice, come back over the line, takes the floor from nobody."""

import numpy as np

from loudness_vad import LoudnessVad
from spoken import sample, telephone
from tonewise.audio import RATE, Samples
from tonewise.ear import Ear
from tonewise.echo import SEGMENT_S, STRETCH_S, Echo
from tonewise.floor import Timing

OURS = sample(1)
CALLER = sample(3)
SEGMENT, STRETCH = round(SEGMENT_S * RATE), round(STRETCH_S * RATE)


def loud_moments(samples: Samples, least_s: float = 1.0) -> list[int]:
    """Where the loud stretches of a voice end, in samples, later than `least_s`."""
    ends = range(round(least_s * RATE), len(samples), SEGMENT)
    loudest = max(np.sqrt(np.mean(samples[end - SEGMENT : end] ** 2)) for end in ends)
    return [
        end for end in ends if np.sqrt(np.mean(samples[end - SEGMENT : end] ** 2)) > loudest / 4
    ]


def share_of_ours(heard: Samples, echo: Echo) -> float:
    moments = loud_moments(heard)
    return float(np.mean([echo.is_ours(heard[:end][-STRETCH:], end) for end in moments]))


def we_speak() -> Echo:
    """Told of what we say, as in a call: only the latest seconds of it are kept."""
    echo = Echo()
    echo.spoke(OURS[: 4 * RATE], 0.0)
    return echo


def delayed(samples: Samples, seconds: float) -> Samples:
    return np.concatenate([np.zeros(round(seconds * RATE), np.float32), samples])


def test_our_voice_twenty_decibels_down_a_fifth_of_a_second_later_is_ours():
    heard = delayed(telephone(OURS) * 0.1, 0.2)[: len(OURS)]
    assert share_of_ours(heard[: 4 * RATE], we_speak()) >= 0.8


def test_a_callers_voice_is_not_ours():
    assert share_of_ours(CALLER[: 4 * RATE], we_speak()) <= 0.1


def test_a_caller_who_speaks_over_the_echo_is_heard():
    length = min(len(OURS), len(CALLER), 4 * RATE)
    heard = CALLER[:length] + delayed(telephone(OURS) * 0.1, 0.2)[:length]
    assert share_of_ours(heard, we_speak()) <= 0.2


def test_our_very_first_word_that_comes_back_is_ours_although_little_of_it_was_heard():
    echo, room = we_speak(), np.random.default_rng(5).normal(0, 0.0005, RATE // 2)
    onset = int(np.flatnonzero(np.abs(OURS) > np.abs(OURS).max() / 5)[0])
    comes_back = delayed(telephone(OURS) * 0.1, 0.2)
    end = onset + round(0.3 * RATE)
    heard = np.concatenate([room.astype(np.float32), comes_back[:end]])[-round(STRETCH_S * RATE) :]
    assert echo.is_ours(heard, end)


def test_a_server_that_was_busy_for_a_quarter_of_a_second_still_knows_its_voice():
    echo, packet = Echo(), RATE // 50
    for at in range(0, 4 * RATE, packet):
        late_s = 0.25 if RATE < at < 2 * RATE else 0.0
        echo.spoke(OURS[at : at + packet], max(0.0, at / RATE - late_s))
    heard = delayed(telephone(OURS) * 0.1, 0.2)
    assert share_of_ours(heard[: 4 * RATE], echo) >= 0.8


def test_of_a_whole_sound_a_few_stray_frames_do_not_make_a_caller_but_a_word_does():
    heard = delayed(telephone(OURS) * 0.1, 0.2)[: 3 * RATE]
    assert we_speak().was_ours(heard[2 * RATE :], 3 * RATE)
    word = heard.copy()
    loud = max(loud_moments(CALLER), key=lambda end: np.sum(CALLER[end - SEGMENT : end] ** 2))
    word[-6000 : SEGMENT - 6000] += CALLER[loud - SEGMENT : loud]
    assert not we_speak().was_ours(word[2 * RATE :], 3 * RATE)


def test_who_has_said_nothing_has_no_echo():
    assert not Echo().is_ours(OURS[:SEGMENT], SEGMENT)
    assert not we_speak().is_ours(np.zeros(SEGMENT, np.float32), 2 * RATE)


def test_what_was_taken_back_was_not_said():
    echo = Echo()
    echo.spoke(OURS[: 2 * RATE], 0.0)
    echo.spoke(np.zeros(RATE, np.float32), 0.5)
    heard = delayed(OURS, 0.1)
    end = round(1.5 * RATE)
    assert not echo.is_ours(heard[end - SEGMENT : end], end)


class Sharp(LoudnessVad):
    """Hears a whisper."""

    def speech(self, frame: Samples) -> float:
        return float(np.abs(frame).mean() > 0.0005)


def test_the_echo_of_a_notice_or_of_our_last_word_is_no_turn_of_the_callers():
    ear, ours = Ear(Sharp(), Timing()), OURS[: 3 * RATE]
    comes_back, told = delayed(telephone(ours) * 0.1, 0.2), []
    for at in range(0, len(comes_back), 320):
        if at < len(ours):
            ear.echo.spoke(ours[at : at + 320], at / RATE)
        told += ear.hear(comes_back[at : at + 320])
    assert told == []
    caller = Ear(Sharp(), Timing())
    assert list(caller.hear(CALLER[: 2 * RATE])) != []
