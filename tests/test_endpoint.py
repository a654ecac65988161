"""Is the caller done? Patience follows the words and the voice, and never leaves its range."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starved import least_s
from synthetic_voice import pulses, syllables
from tonewise.audio import RATE, Samples
from tonewise.audio_file import read
from tonewise.endpoint import fixed, patience, smart_turn
from tonewise.endpoint.prosody_end import Close, close
from tonewise.endpoint.weights import VOICE, WITH_SMART_TURN, WORDS
from tonewise.errors import ConfigError, PluginError
from tonewise.facts import Patience, Transcript
from tonewise.stages import Lull, TurnAudio
from tonewise.stt import moonshine

SAMPLES = Path(__file__).resolve().parents[1] / "web" / "samples"
FRAME_S = 0.032
FRAME = round(FRAME_S * RATE)


def turn(samples: Samples, silence_s: float = 0.1) -> TurnAudio:
    """`samples` of speech, then silence."""
    quiet = np.zeros(round(silence_s * RATE), np.float32)
    whole = np.concatenate([samples, quiet])
    count = len(whole) // FRAME
    spoken = np.arange(count) * FRAME < len(samples)
    return TurnAudio(whole[: count * FRAME], 0.0, spoken, FRAME_S)


def asked(
    text: str | None, *, end: float | None = None, pauses: tuple[float, ...] = ()
) -> Patience:
    """The default engine's answer after six syllables and these words."""
    words = None if text is None else Transcript(text, language="en", sentence_end=end)
    lull = Lull(turn(SPEECH), 0.1, words, pauses=pauses)
    return patience.load().open("en").patience(lull)


SPEECH = syllables(4.0, 1.5)
LEVEL = pulses(120.0, 1.0)
FALLING = pulses(np.linspace(140.0, 85.0, RATE), 1.0)


def test_an_open_clause_is_waited_for_longer_than_a_question():
    assert asked("I would like to", end=0.1).seconds > 2 * asked("How old is it?", end=0.99).seconds


def test_a_pause_to_think_does_not_end_the_turn_as_soon_as_an_answer_does():
    order = ["How old is it?", "It is on the left.", "It is on the left, and", "It is, um"]
    seconds = [asked(text).seconds for text in order]
    assert seconds[0] < seconds[1] < min(seconds[2:])


def test_stt_that_writes_no_punctuation_and_another_language_are_waited_for_as_for_anything():
    for text, language in (("it is on the left", "en"), ("ich hätte gern einen termin", "de")):
        lull = Lull(turn(SPEECH), 0.1, Transcript(text, language))
        assert 0.2 <= patience.load().open().patience(lull).seconds <= 0.6


def test_a_full_stop_after_an_open_clause_is_not_believed_unless_stt_is_sure_of_it():
    assert asked("I would like to.") == asked("I would like to,")
    assert asked("It is, um.").seconds > asked("It is on the left.").seconds + 0.3


def test_an_um_is_waited_out_before_any_word_is_known():
    stream = patience.load().open("en")
    held, spoken = (stream.patience(Lull(turn(sound), 0.1)) for sound in (LEVEL, SPEECH))
    assert held.seconds > spoken.seconds + 0.3
    assert "um" in held.reason or "drawn out" in held.reason


def test_a_number_being_dictated_may_take_longer_than_anything_else():
    dictating = asked("My number is five five five", end=0.1)
    assert dictating.seconds > asked("I would like a", end=0.1).seconds or dictating.seconds > 1.6
    assert "dictated" in dictating.reason


def test_stt_that_hears_the_sentence_end_shortens_the_wait():
    seconds = [asked("it is on the left", end=end).seconds for end in (0.05, 0.5, 0.95)]
    assert seconds[0] > seconds[1] > seconds[2]


def test_a_caller_who_pauses_long_is_waited_for_longer():
    hasty, slow = (asked("it is on the left", pauses=(p,) * 5).seconds for p in (0.25, 1.4))
    assert slow > hasty


def test_who_has_talked_for_long_is_waited_for_longer():
    words = Transcript("it is on the left", sentence_end=0.9)
    long, short = (
        patience.load().open().patience(Lull(turn(sound), 0.1, words)).seconds
        for sound in (np.concatenate([SPEECH] * 8), np.concatenate([SPEECH] * 2))
    )
    assert long > short + 0.2


def test_a_sound_without_words_is_no_whole_turn():
    assert asked("").seconds > asked("it is on the left").seconds + 0.3


def test_before_the_words_are_known_nothing_is_ended_at_once():
    assert 0.4 <= asked(None).seconds <= 1.2


def test_what_it_says_adds_up_and_can_be_read():
    answer = asked("I would like to", end=0.1)
    odds = WORDS["bias"] + sum(term.contribution for term in answer.terms)
    assert answer.done == pytest.approx(1 / (1 + np.exp(-odds)), abs=0.01)
    assert answer.reason[0].isupper()
    assert "like to" in answer.reason


def test_signs_push_the_way_that_speech_science_says():
    towards = {"full stop", "question", "closed", "answer", "dictated", "pitch falls"}
    towards |= {"long phrase", "smart turn"}
    assert {"bias", "full stop", "long turn"} <= WORDS.keys()
    for weights in (VOICE, WORDS, WITH_SMART_TURN):
        for name, weight in weights.items():
            assert name == "bias" or (weight >= 0 if name in towards else weight <= 0), name


@settings(deadline=None)
@given(
    st.one_of(st.none(), st.text(max_size=60)),
    st.one_of(st.none(), st.floats(0, 1)),
    st.lists(st.floats(0, 10), max_size=8).map(tuple),
    st.sampled_from([None, "en", "de"]),
)
def test_patience_stays_in_its_range_and_repeats_itself(text, end, pauses, language):
    words = None if text is None else Transcript(text, sentence_end=end)
    lull = Lull(turn(LEVEL), 0.1, words, pauses=pauses)
    stream = patience.load().open(language)
    answer = stream.patience(lull)
    assert 0.12 <= answer.seconds <= 2.5
    assert 0 <= answer.done <= 1
    assert answer.reason
    assert stream.patience(lull) == answer


def test_sound_that_is_no_speech_or_no_number_is_answered_too():
    stream = patience.load().open("en")
    for samples in (
        np.zeros(0, np.float32),
        np.zeros(100, np.float32),
        np.full(RATE, np.nan, np.float32),
    ):
        heard = turn(samples)
        silent = TurnAudio(heard.samples, 0.0, np.zeros(len(heard.spoken), np.bool_), FRAME_S)
        for audio in (heard, silent):
            assert 0.4 <= stream.patience(Lull(audio, 0.1)).seconds <= 2.5


def test_a_falling_pitch_is_heard_and_a_level_one_is_not_called_falling():
    falling, level = close(turn(FALLING)), close(turn(LEVEL))
    assert falling.pitch_st is not None
    assert level.pitch_st is not None
    assert falling.pitch_st < -2
    assert abs(level.pitch_st) < 0.5


def test_a_held_vowel_is_steady_and_long():
    held = close(turn(LEVEL))
    assert held.steady
    assert held.last_s > 0.5


def test_only_the_past_is_heard():
    said = turn(FALLING, silence_s=0.3)
    shorter = TurnAudio(said.samples[: -3 * FRAME], 0.0, said.spoken[:-3], FRAME_S)
    assert close(shorter).pitch_st == pytest.approx(close(said).pitch_st, abs=0.05)


def test_no_speech_has_no_close():
    assert (
        close(TurnAudio(np.zeros(FRAME, np.float32), 0.0, np.zeros(1, np.bool_), FRAME_S))
        == Close()
    )


def test_a_lull_costs_a_few_milliseconds_however_long_the_turn():
    stream, long = patience.load().open("en"), turn(np.tile(LEVEL, 60))
    lull = Lull(long, 0.1, Transcript("it is on the left"))
    stream.patience(lull)
    assert least_s(lambda: stream.patience(lull)) < 0.02  # 2 ms on a quiet machine


def test_a_timer_answers_the_same_whatever_was_said():
    stream = fixed.load(0.5).open("en")
    assert {stream.patience(Lull(turn(s), 0.1)).seconds for s in (LEVEL, FALLING)} == {0.5}


@pytest.mark.skipif(not find_spec("moonshine_voice"), reason="no moonshine-voice here")
def test_moonshine_tells_that_a_sentence_is_not_over():
    stream = moonshine.load().open("en")
    sound = read(SAMPLES / "1-simple-synthetic.flac")
    ends = []
    for seconds in (2.4, 2.8):  # "Can you tell me where my", "… order is?"
        heard = sound[: round(seconds * RATE)]
        flags = np.ones(len(heard) // FRAME, np.bool_)
        ends.append(stream.transcribe(TurnAudio(heard, 0.0, flags, FRAME_S)).sentence_end)
    assert ends[0] < 0.8 < ends[1]


class Ear:
    """Stands for Smart Turn, whose file is not here: always of one opinion."""

    def __init__(self, probability: float) -> None:
        self.opinion, self.asked = probability, 0

    def probability(self, samples: Samples) -> float:
        self.asked += 1
        return self.opinion


def test_another_ear_is_asked_once_the_words_are_known_and_has_a_say():
    seconds = []
    for ear in (Ear(0.02), Ear(0.98)):
        engine = patience.PatienceEngine(0.2, 1.6, 2.5, 1.1, 2.0, ear)
        lull = Lull(turn(SPEECH), 0.1)
        engine.open("en").patience(lull)
        assert ear.asked == 0
        known = Lull(lull.turn, 0.2, Transcript("it is on the left", sentence_end=0.6))
        answer = engine.open("en").patience(known)
        assert ear.asked == 1
        assert "smart turn" in [term.name for term in answer.terms]
        seconds.append(answer.seconds)
    assert seconds[0] > seconds[1] + 0.3


def test_smart_turn_says_how_to_get_its_file(tmp_path):
    with pytest.raises(PluginError, match="smart_turn cannot read"):
        smart_turn.load(path=str(tmp_path / "none.onnx"))


def test_smart_turn_hears_the_last_eight_seconds_at_any_level():
    sound = np.concatenate([FALLING] * 9)
    features = smart_turn.log_mel(sound)
    assert features.shape == (80, 800)
    assert np.ptp(features) <= 2.0 + 1e-6  # 80 dB, as Whisper cuts it
    np.testing.assert_allclose(smart_turn.log_mel(sound[RATE:]), features, atol=1e-6)
    np.testing.assert_allclose(smart_turn.log_mel(0.1 * sound), features, atol=1e-2)
    assert np.isfinite(smart_turn.log_mel(np.zeros(0, np.float32))).all()


def test_smart_turn_hears_a_tone_where_the_mel_scale_puts_it():
    tone = np.sin(2 * np.pi * 1000 * np.arange(8 * RATE) / RATE).astype(np.float32)
    assert smart_turn.log_mel(tone).mean(axis=1).argmax() in (24, 25, 26)  # 15 of 45.2 mels


@pytest.mark.parametrize(
    ("load", "options"),
    [
        (patience.load, {"shortest": 0.05}),
        (patience.load, {"shortest": 2.0}),
        (patience.load, {"cap": 60.0}),
        (patience.load, {"caution": 99.0}),
        (fixed.load, {"seconds": 0.0}),
        (fixed.load, {"seconds": 60.0}),
        (smart_turn.load, {"shortest": 3.0}),
    ],
)
def test_an_option_out_of_range_is_said_so(load, options):
    with pytest.raises(ConfigError, match="endpoint"):
        load(**options)


def test_a_reply_is_heard_no_earlier_than_a_calmer_listener_would_speak():
    lull = Lull(turn(SPEECH), 0.1, Transcript("i have a question about my plan"))
    quick = patience.load().open("en").patience(lull)
    calm = patience.load(caution=2.0).open("en").patience(lull)
    assert quick.seconds < quick.settled
    assert quick.settled == calm.seconds == calm.settled
    assert patience.load(courtesy=-1.0).open("en").patience(lull).settled == quick.seconds
    with pytest.raises(ConfigError, match="courtesy"):
        patience.load(courtesy=11.0)


def test_no_reply_is_heard_over_the_closure_of_a_consonant():
    lull = Lull(turn(SPEECH), 0.1, Transcript("yes please"))
    eager = patience.load(caution=-9.0, courtesy=-9.0).open("en").patience(lull)
    assert eager.seconds == patience.SHORTEST_S
    assert eager.settled == patience.HEARD_S
