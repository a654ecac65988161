"""Voice cues by a network: what is heard, what is not told, and what is learnt of a caller."""

import dataclasses
import json
import math
import os
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_voice_cues
from recordings import write
from starved import least_s
from synthetic_voice import noise, pulses, speech, turn
from tonewise import assets, plugins
from tonewise.acoustic import abstention, prosody, voice_cues
from tonewise.acoustic.baseline import Baseline, Lessons
from tonewise.acoustic.filled_pauses import filled_pauses, joined
from tonewise.acoustic.hesitation import per_minute
from tonewise.acoustic.windows import softmax, together, windows
from tonewise.audio import RATE
from tonewise.audio_file import read
from tonewise.errors import PluginError
from tonewise.facts import VoiceCues
from tonewise.peer import Heard
from tonewise.routing.frustration import frustration
from tonewise.stages import TurnAudio
from tonewise.transports.replay import Replay

SHIPPED = Path(assets.folder("models")) / "voice-cues" / "model.onnx"
shipped = pytest.mark.skipif(not SHIPPED.is_file(), reason="models/voice-cues is not there")
DATA = Path(os.environ.get("TONEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_actors = pytest.mark.skipif(
    not (DATA / "emotion" / "ravdess").is_dir(), reason="no RAVDESS: TONEWISE_DATA"
)
BOTH = ["tiny", pytest.param("shipped", marks=shipped)]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voice_cues")
    return str(tiny_voice_cues.make(folder / "tiny.onnx"))


@pytest.fixture(scope="session")
def engine(tiny):
    return voice_cues.load(tiny)


@pytest.fixture(scope="session")
def engines(engine):
    return {"tiny": engine} | ({"shipped": voice_cues.load()} if SHIPPED.is_file() else {})


def voiced(seconds=3.0, *, level_db=0.0, at=0.0):
    """A turn that starts at second `at`, louder by `level_db`."""
    sound = speech(("voice", seconds))
    samples = (sound.samples * 10 ** (level_db / 20)).astype(np.float32)
    return dataclasses.replace(sound, samples=samples, start_s=at)


def um(seconds=0.4):
    """The tone that the tiny network takes for a filled pause."""
    t = np.arange(round(seconds * RATE)) / RATE
    return (0.1 * np.sin(2 * np.pi * tiny_voice_cues.TONE_HZ * t)).astype(np.float32)


def cut(sound, seconds):
    """The first seconds of a turn, as a call has them while it goes on."""
    frames = round(seconds / sound.frame_s)
    n = round(seconds * RATE)
    return dataclasses.replace(sound, samples=sound.samples[:n], spoken=sound.spoken[:frames])


def numbers(found):
    if isinstance(found, dict | list):
        inner = found.values() if isinstance(found, dict) else found
        return [n for value in inner for n in numbers(value)]
    return [found] if isinstance(found, float | int) else []


# ---------------------------------------------------------------- what is heard


def test_a_turn_is_measured_in_full_and_prosody_stays_what_it_was(engine):
    sound = voiced()
    found = engine.open().measure(sound)
    assert set(found.emotion) == set(tiny_voice_cues.LABELS)
    assert sum(found.emotion.values()) == pytest.approx(1, abs=0.001)
    assert 0 < found.arousal < 1
    assert found.valence == pytest.approx(1 - found.arousal, abs=0.001)
    assert found.filled_pauses == 0
    assert found.quality == pytest.approx(1, abs=0.05)
    assert found.unknown is None
    assert found.frustration is None
    plain = prosody.load().open().measure(sound)
    for name in ("speech_s", "pauses", "articulation_rate", "loudness_dbfs", "f0_median_hz"):
        assert getattr(found, name) == getattr(plain, name)


def test_a_turn_is_the_mean_of_its_windows_in_log_odds_weighted_by_speech(engine):
    sound = speech(("voice", 3.0), ("pause", 1.6), ("voice", 2.0))
    sound = dataclasses.replace(
        sound, samples=sound.samples * np.linspace(0.2, 2, len(sound.samples))
    )
    sound = dataclasses.replace(sound, samples=sound.samples.astype(np.float32))
    found = windows(sound, 3.0, 1.0, 0.04)
    levels = [10 * np.log10(np.mean(sound.samples[w.begin : w.end] ** 2)) for w in found]
    logits = (np.array(levels) + 20) / 10
    spoken = np.array([w.speech_s for w in found])
    expected = 1 / (1 + np.exp(-(logits @ spoken) / spoken.sum()))
    assert len(found) > 3
    assert engine.open().measure(sound).arousal == pytest.approx(expected, abs=2e-3)


def test_windows_begin_every_second_and_one_ends_where_the_speech_does():
    sound = speech(("voice", 5.5))  # with 0.3 s before and 0.2 s after: 6 s
    assert [(w.begin / RATE, w.end / RATE) for w in windows(sound, 3.0, 1.0, 0.04)] == [
        (0, 3),
        (1, 4),
        (2, 5),
        (3, 6),
    ]
    longer = speech(("voice", 5.5), ("pause", 2.0))  # silence after it changes nothing
    assert windows(longer, 3.0, 1.0, 0.04) == windows(sound, 3.0, 1.0, 0.04)
    assert [w.end - w.begin for w in windows(voiced(1.0), 3.0, 1.0, 0.04)] == [1.5 * RATE]
    assert windows(voiced(0.4), 3.0, 1.0, 0.04) == []
    assert windows(turn(noise(3.0), np.zeros(300, bool)), 3.0, 1.0, 0.04) == []


@given(st.floats(1.2, 40), st.sampled_from([160, 480, 512]), st.data())
def test_windows_lie_in_the_turn_on_the_grid_of_frames(seconds, size, data):
    n = round(seconds * RATE)
    spoken = np.array(data.draw(st.lists(st.booleans(), min_size=10, max_size=40)))
    spoken = np.resize(np.repeat(spoken, 8), -(-n // size))
    sound = TurnAudio(np.zeros(n, np.float32), 0.0, spoken, size / RATE)
    found = windows(sound, 3.0, 1.0, 0.04)
    for each in found:
        assert 0 <= each.begin < each.end <= n
        assert each.begin % 640 == 0
        assert each.end - each.begin <= 3 * RATE
        assert 0.25 <= each.speech_s <= (each.end - each.begin) / RATE + 1e-6
    assert len({each.begin for each in found}) == len(found)


def test_windows_speak_together():
    found = windows(speech(("voice", 5.5)), 3.0, 1.0, 0.04)
    same = np.array([1.0, -2.0])
    assert together(found, [same] * len(found)) == pytest.approx(same)
    assert softmax(np.array([1000.0, 0.0])) == pytest.approx([1, 0])


# ---------------------------------------------------------------- filled pauses


def test_filled_pauses_are_counted_and_timed(engine):
    parts = [speech(("voice", 1.5)).samples, um(0.4), speech(("voice", 2.0)).samples, um(0.8)]
    found = engine.open().measure(turn(np.concatenate(parts)))
    assert found.filled_pauses == 2
    assert found.filled_pause_s == pytest.approx(1.2, abs=0.1)


def test_filled_pauses_make_a_turn_sound_hesitant(engine):
    fluent = engine.open().measure(turn(speech(("voice", 3.0)).samples))
    halting = np.concatenate([um(0.4), speech(("voice", 2.6)).samples])
    thinking = engine.open().measure(turn(halting))
    assert thinking.hesitation > fluent.hesitation + 0.1
    by_name = {term.name: term for term in thinking.hesitation_terms}
    assert by_name["filled_pauses_per_min"].contribution > 1
    assert by_name["filled_pauses_per_min"].value == pytest.approx(
        per_minute(1, thinking.speech_s), abs=0.01
    )


def test_one_um_in_a_short_answer_is_not_sixty_a_minute():
    assert per_minute(1, 1.0) == per_minute(1, 3.0) == 20
    assert per_minute(1, 6.0) == 10


def test_a_frame_that_two_windows_heard_counts_by_how_well_each_heard_it():
    first, second = np.full(75, 4.0, np.float32), np.full(75, -4.0, np.float32)
    found = joined([(0, first), (25, second)])
    assert len(found) == 100
    assert found[:25] == pytest.approx(1 / (1 + math.exp(-4)))
    assert found[50] == pytest.approx(0.5)
    assert found[26] > 0.9  # the second has hardly heard anything before it
    assert found[73] < 0.1
    assert joined([(10, first)])[:10].max() < 1e-8
    assert len(joined([])) == 0


LIMITS = {"threshold": 0.5, "least_s": 0.16, "bridge_s": 0.08, "frame_s": 0.04}


@pytest.mark.parametrize(
    ("frames", "found"),
    [
        ("..........", []),
        ("..####....", [(0.08, 0.24)]),
        ("..###.....", []),
        ("####.####.", [(0.0, 0.36)]),
        ("####..####", [(0.0, 0.40)]),
        ("####...####", [(0.0, 0.16), (0.28, 0.44)]),
        ("##..##....", [(0.0, 0.24)]),
        ("..........####", [(0.40, 0.56)]),
        ("", []),
    ],
)
def test_short_gaps_are_bridged_and_short_sounds_dropped(frames, found):
    posteriors = np.array([0.9 if frame == "#" else 0.1 for frame in frames])
    events = filled_pauses(posteriors, **LIMITS)
    assert [(e.start_s, e.end_s) for e in events] == [pytest.approx(span) for span in found]


@given(st.lists(st.floats(0, 1), max_size=200))
def test_filled_pauses_are_apart_in_order_and_long_enough(posteriors):
    events = filled_pauses(np.array(posteriors), **LIMITS)
    edges = [edge for event in events for edge in (event.start_s, event.end_s)]
    assert edges == sorted(edges)
    assert all(event.end_s - event.start_s >= 0.16 - 1e-9 for event in events)


# ---------------------------------------------------------------- what is not told


@pytest.mark.parametrize(
    ("sound", "why"),
    [
        (voiced(0.6), "0.6 s of speech"),
        (turn(np.zeros(2 * RATE, np.float32), np.zeros(200, bool)), "0.0 s of speech"),
        (turn(np.zeros(RATE // 5, np.float32)), "0.2 s of speech"),
    ],
)
def test_under_a_second_of_speech_says_nothing_of_feelings(engine, sound, why):
    found = engine.open().measure(sound)
    assert why in found.unknown
    assert found.emotion is found.arousal is found.valence is found.departure is None
    assert b"emotion" not in msgspec.json.encode(found)


def test_speech_in_as_much_noise_says_nothing_of_the_voice(engine):
    sound = speech(("voice", 1.5), ("pause", 0.5), ("voice", 1.5))
    loud = (sound.samples + noise(len(sound.samples) / RATE, 0.2)).astype(np.float32)
    found = engine.open().measure(dataclasses.replace(sound, samples=loud))
    assert "dB above the noise" in found.unknown
    assert found.emotion is found.arousal is found.filled_pauses is None
    assert found.hesitation is not None
    assert found.quality < 0.3


def test_where_nothing_stands_out_no_feeling_is_named(tmp_path):
    flat = voice_cues.load(str(tiny_voice_cues.make(tmp_path / "flat.onnx", neutral=0.0)))
    found = flat.open().measure(voiced())
    assert found.unknown == "nothing stands out: the likeliest is neutral with 0.32, under 0.45"
    assert found.emotion is None
    assert found.arousal is not None  # how aroused a voice is can be told all the same
    assert found.filled_pauses == 0


@pytest.mark.parametrize(
    ("cues", "quality"),
    [
        (VoiceCues(speech_s=3.0, snr_db=20.0, clipping=0.0), 1.0),
        (VoiceCues(speech_s=30.0, snr_db=60.0), 1.0),
        (VoiceCues(speech_s=1.5, snr_db=20.0), 0.5),
        (VoiceCues(speech_s=3.0, snr_db=5.0), 0.25),
        (VoiceCues(speech_s=3.0, snr_db=-9.0), 0.0),
        (VoiceCues(speech_s=3.0), 1.0),
        (VoiceCues(speech_s=3.0, snr_db=10.0, clipping=0.05), 0.25),
        (VoiceCues(speech_s=3.0, clipping=0.5), 0.0),
        (VoiceCues(speech_s=0.0), 0.0),
    ],
)
def test_quality_is_speech_and_silence_and_an_unclipped_line(cues, quality):
    assert abstention.quality(cues) == pytest.approx(quality)


STRANGE = {
    "nothing": np.zeros(0, np.float32),
    "one sample": np.zeros(1, np.float32),
    "a fifth of a second": pulses(120, 0.2),
    "silence": np.zeros(4 * RATE, np.float32),
    "an offset": np.full(4 * RATE, 0.7, np.float32),
    "noise": noise(4.0, 0.3),
    "clipped": np.clip(pulses(120, 4.0) * 20, -1, 1),
    "no numbers": np.full(4 * RATE, np.nan, np.float32),
    "infinity": np.full(4 * RATE, np.inf, np.float32),
    "far beyond full scale": np.full(4 * RATE, 3e38, np.float32),
    "almost nothing": np.full(4 * RATE, 1e-30, np.float32),
}


@pytest.mark.parametrize("model", BOTH)
@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("flags", ["all", "none", "odd", "too few"])
def test_whatever_comes_the_cues_are_finite_or_unknown(engines, model, name, flags):
    samples = STRANGE[name]
    count = -(-len(samples) // 160)
    spoken = {
        "all": np.ones(count, bool),
        "none": np.zeros(count, bool),
        "odd": np.arange(count) % 2 == 1,
        "too few": np.ones(min(count, 3), bool),
    }[flags]
    found = engines[model].open().measure(turn(samples, spoken))
    told = msgspec.to_builtins(found)
    assert all(np.isfinite(numbers(told)))
    assert msgspec.convert(json.loads(msgspec.json.encode(found)), VoiceCues) == found
    assert (found.emotion is None) == (found.unknown is not None)


@pytest.mark.slow
@pytest.mark.parametrize("model", BOTH)
def test_ten_minutes_are_heard_like_ten_seconds(engines, model):
    piece = [("voice", 2.5), ("pause", 0.5)] * 3
    short = engines[model].open().measure(speech(*piece))
    long = engines[model].open().measure(speech(*piece * 67))
    assert all(np.isfinite(numbers(msgspec.to_builtins(long))))
    if short.arousal is not None and long.arousal is not None:
        assert long.arousal == pytest.approx(short.arousal, abs=0.05)


# ---------------------------------------------------------------- a turn in the making


class Counting:
    """A network, and how often it was asked."""

    def __init__(self, engine):
        self._network = engine._network
        self.card, self.dimensions, self.asked = self._network.card, self._network.dimensions, 0

    def read(self, samples):
        self.asked += 1
        return self._network.read(samples)


def test_a_turn_that_grows_is_heard_once_and_ends_as_if_it_had_been_asked_once(engine):
    sound = speech(("voice", 2.2), ("pause", 0.4), ("voice", 3.1), ("pause", 0.6), ("voice", 2.0))
    network = Counting(engine)
    stream = voice_cues.VoiceCuesStream(network)
    for seconds in (2.7, 2.9, 6.2, 6.6):
        stream.measure(cut(sound, seconds))
    so_far = network.asked
    assert stream.measure(sound) == engine.open().measure(sound)
    assert stream.measure(sound) == engine.open().measure(sound)
    whole = len(windows(sound, 3.0, 1.0, 0.04))
    assert network.asked <= whole + 2  # one more for each pause, at most
    assert network.asked - so_far <= 4


@pytest.mark.parametrize("kind", ["voice_cues", "prosody"])
def test_however_often_a_turn_is_measured_it_teaches_once(engine, kind):
    made = engine if kind == "voice_cues" else prosody.load()
    script = [
        dataclasses.replace(
            speech(("voice", 1.5), ("pause", pause), ("voice", 2.0)), start_s=10.0 * at
        )
        for at, pause in enumerate((0.4, 0.5, 0.8, 0.3, 0.6, 0.9))
    ]
    once, often = made.open(), made.open()
    for sound in script:
        for seconds in (2.1, 2.6, 3.4):
            often.measure(cut(sound, seconds))
        assert often.measure(sound) == once.measure(sound)


def test_the_latest_reading_of_a_turn_is_what_is_learnt():
    learnt = []
    lessons = Lessons()
    for start_s, lesson in [(0.0, "a"), (0.0, "b"), (5.0, "c"), (5.0, None), (9.0, "d"), (12, "e")]:
        lessons.begin(start_s)
        if lesson:
            lessons.keep(lambda lesson=lesson: learnt.append(lesson))
    assert learnt == ["b", "d"]


# ---------------------------------------------------------------- the caller's own baseline


def arousals(engine, levels_db):
    """Arousal and departure of turns that are louder by so much, one after the other."""
    stream = engine.open()
    found = [
        stream.measure(voiced(level_db=level, at=10.0 * at)) for at, level in enumerate(levels_db)
    ]
    return [cues.arousal for cues in found], [
        cues.departure.arousal if cues.departure else None for cues in found
    ]


def test_before_a_turn_was_heard_nothing_departs_from_it(engine):
    _, departures = arousals(engine, [0, 0])
    assert departures[0] is None
    assert departures[1] is not None


def test_a_caller_who_grows_louder_departs_from_their_own_first_turns(engine):
    _, departures = arousals(engine, [-6, -6, -6, -6, 8])
    assert departures[4] > 2
    assert departures[4] > max(departures[1:4]) + 1


def test_a_caller_who_arrives_angry_stays_angry(engine):
    heard, departures = arousals(engine, [12] * 8)
    assert min(heard) == pytest.approx(heard[0], abs=0.001)
    assert min(departures[1:]) > 0.4
    calm, _ = arousals(engine, [-12] * 8)
    assert max(calm) < min(heard)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=12), st.floats(0.1, 3))
def test_whoever_is_always_above_everybody_stays_above(turns, above):
    caller = Baseline({"arousal": -1.0})
    for _ in turns:
        caller.learn({"arousal": -1.0 + above}, speech_s=5.0)
        caller.drift({"arousal": -1.0 + above})
    assert -1.0 < caller.usual("arousal") < -1.0 + above


def test_a_turn_that_was_heard_badly_teaches_less():
    well, badly = Baseline({"x": 0.0}), Baseline({"x": 0.0})
    well.learn({"x": 1.0}, speech_s=3.0)
    badly.learn({"x": 1.0}, speech_s=3.0, quality=0.2)
    assert well.usual("x") == pytest.approx(1 / 3)
    assert badly.usual("x") == pytest.approx(0.2 / 2.2)
    badly.learn({"x": 1.0}, speech_s=3.0, quality=0.0)
    assert badly.usual("x") == pytest.approx(0.2 / 2.2)


def test_a_baseline_that_stands_drifts_slowly_and_only_when_it_is_told_to():
    caller = Baseline({"x": 0.0})
    caller.drift({"x": 1.0})
    assert caller.usual("x") == 0
    for _ in range(4):
        caller.learn({"x": 0.0}, speech_s=3.0)
    caller.learn({"x": 1.0}, speech_s=3.0)
    assert caller.usual("x") == 0
    caller.drift({"x": 1.0})
    assert caller.usual("x") == pytest.approx(0.05)
    for _ in range(200):
        caller.drift({"x": 1.0})
    assert caller.usual("x") == pytest.approx(1, abs=0.001)


def test_only_a_calm_caller_moves_a_baseline_that_stands(engine):
    _, calm = arousals(engine, [0, 0, 0, 0, *[0.8] * 10])
    assert calm[-1] < calm[4]
    _, furious = arousals(engine, [0, 0, 0, 0, *[10] * 10])
    assert furious[-1] == furious[4]


def test_calls_share_no_memory(engine):
    one, other = engine.open(), engine.open()
    first = one.measure(voiced())
    for at in range(1, 6):
        one.measure(voiced(level_db=-9, at=10.0 * at))
    assert other.measure(voiced()) == first


def test_many_calls_are_heard_at_once(engine):
    wanted, found = engine.open().measure(voiced()), []

    def call():
        found.append(engine.open().measure(voiced()))

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [wanted] * 4


# ---------------------------------------------------------------- the switch


def test_switched_off_mid_call_feelings_are_gone_and_timing_goes_on(engine):
    stream = engine.open()
    for at in range(3):
        assert stream.measure(voiced(at=10.0 * at)).emotion
    stream.emotion = False
    found = stream.measure(voiced(at=30.0))
    assert found.unknown == "feelings are not read from this voice"
    assert found.emotion is found.arousal is found.valence is found.departure is None
    assert found.filled_pauses is None
    assert found.hesitation is not None
    assert found.articulation_rate is not None


def test_switched_off_the_network_is_not_asked(engine):
    network = Counting(engine)
    stream = voice_cues.VoiceCuesStream(network)
    stream.emotion = False
    stream.measure(voiced())
    assert network.asked == 0
    assert not stream.emotion


def test_switched_off_and_on_again_the_caller_is_a_stranger(engine):
    stream = engine.open()
    for at in range(5):
        stream.measure(voiced(level_db=-9, at=10.0 * at))
    stream.emotion = False
    stream.emotion = True
    assert stream.emotion
    fresh = stream.measure(voiced(at=90.0))
    assert fresh.departure is None
    assert fresh.emotion == engine.open().measure(voiced()).emotion


def test_switched_off_while_a_turn_is_measured_nothing_of_it_is_told(engine):
    class Switching(Counting):
        def read(self, samples):
            stream.emotion = False
            return super().read(samples)

    stream = voice_cues.VoiceCuesStream(Switching(engine))
    found = stream.measure(voiced())
    assert found.emotion is found.arousal is found.filled_pauses is None
    assert found.unknown == "feelings are not read from this voice"


def test_without_emotion_no_network_is_loaded_and_cannot_be_switched_on():
    engine = voice_cues.load(model="there is none", emotion=False)
    assert engine.name == "prosody, emotion off"
    assert not engine.emotion
    stream = engine.open()
    stream.emotion = True
    assert not stream.emotion
    assert stream.measure(voiced()).emotion is None


async def test_the_agents_voice_is_never_analysed(tmp_path, engine):
    caller, furious = voiced(level_db=-6).samples, voiced(level_db=12).samples
    found = []
    for name, agent in (("silent", np.zeros_like(caller)), ("furious", furious)):
        replay = Replay(write(tmp_path / f"{name}.wav", agent, caller), channel=1)
        heard = [item.samples async for item in replay.receive() if isinstance(item, Heard)]
        found.append(engine.open().measure(turn(np.concatenate(heard))))
    assert found[0] == found[1]
    assert found[0].emotion["anger"] < engine.open().measure(turn(furious)).emotion["anger"] / 2


# ---------------------------------------------------------------- the contract


def test_a_network_of_ones_own_is_named_by_its_path(tiny):
    engine = plugins.load("acoustic", "voice_cues", {"model": tiny})
    assert engine.name == "tiny 0.0.1"
    assert engine.license == "CC0-1.0"
    assert engine.emotion
    assert engine.weight_files == (Path(tiny),)


@pytest.mark.parametrize(
    ("without", "lacks"),
    [
        (("emotion",), "the output 'emotion'"),
        (("arousal",), "the output 'arousal'"),
        (("labels",), "the metadata 'labels'"),
        (("license", "thresholds"), "the metadata 'license', the metadata 'thresholds'"),
    ],
)
def test_a_file_that_does_not_keep_the_contract_is_refused_and_told_what_it_lacks(
    tmp_path, without, lacks
):
    path = tiny_voice_cues.make(tmp_path / "x.onnx", without=without)
    with pytest.raises(PluginError, match="does not keep the contract") as caught:
        voice_cues.load(str(path))
    assert f"it lacks {lacks}" in str(caught.value)


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"rate": "8000"}, "it wants 8000 Hz"),
        ({"labels": "neutral, anger"}, "metadata"),
        ({"labels": '["neutral", "anger"]'}, "it has 2 labels"),
        ({"thresholds": '{"unknown": 4}'}, "metadata"),
        ({"window_s": "0"}, "metadata"),
        ({"baseline": "{}"}, "lack 'arousal'"),
        ({"baseline": '{"arousal": {"mean": 0, "sd_within": 0}}'}, "metadata"),
        ({"frame_s": "0.5"}, "not a frame for every 0.5 s"),
    ],
)
def test_what_a_file_says_of_itself_must_be_true(tmp_path, metadata, told):
    path = tiny_voice_cues.make(tmp_path / "x.onnx", **metadata)
    with pytest.raises(PluginError) as caught:
        voice_cues.load(str(path))
    assert told in str(caught.value)


def test_what_a_network_does_not_tell_is_absent(tmp_path):
    path = tiny_voice_cues.make(tmp_path / "x.onnx", without=("valence", "filled_pause", "frame_s"))
    found = voice_cues.load(str(path)).open().measure(voiced())
    assert found.emotion
    assert found.arousal
    assert found.valence is found.filled_pauses is None


def test_a_missing_or_broken_file_is_told(tmp_path):
    with pytest.raises(PluginError, match="there is no file"):
        voice_cues.load(str(tmp_path / "none.onnx"))
    with pytest.raises(PluginError, match="take the acoustic 'prosody'"):
        voice_cues.load("no-such-model")
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(PluginError, match="cannot be read as an ONNX file"):
        voice_cues.load(str(tmp_path / "broken.onnx"))


def test_a_network_that_gives_no_numbers_tells_nothing(engine):
    class Broken(Counting):
        def read(self, samples):
            return dataclasses.replace(super().read(samples), dimensions=np.array([np.nan, 0.0]))

    found = voice_cues.VoiceCuesStream(Broken(engine)).measure(voiced())
    assert found.unknown == "the network could not hear the turn"
    assert found.emotion is None


# ---------------------------------------------------------------- the one that is shipped


@shipped
def test_the_shipped_network_keeps_the_contract_and_says_its_licence(engines):
    engine = engines["shipped"]
    assert engine.name.startswith("voice-cues ")
    assert engine.license
    assert "anger" in engine._network.card.labels
    found = engine.open().measure(voiced(4.0))
    assert found.filled_pauses is not None
    assert (found.emotion is None) == (found.unknown is not None)


@shipped
def test_the_shipped_network_costs_a_few_milliseconds_a_window(engines):
    read, window = engines["shipped"]._network.read, pulses(120, 3.0)
    # 7 ms is the aim; a neighbour on the same core can double that, and another machine again.
    assert least_s(lambda: read(window)) < 0.03


KIDS = "kids are talking by the door"


def acted(actor, emotion, intensity, gain_db=0.0):
    """An actor of RAVDESS says KIDS; where it is within 35 dB of its loudest, it is speech."""
    name = f"03-01-{emotion:02}-{intensity:02}-01-01-{actor:02}.opus"
    samples = read(DATA / "emotion" / "ravdess" / f"Actor_{actor:02}" / name)
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = np.mean(frames**2, axis=1)
    spoken = level > level.max() * 10**-3.5
    return turn((samples * 10 ** (gain_db / 20)).astype(np.float32), spoken)


@shipped
@needs_actors
def test_the_same_sentence_in_anger_is_another_matter_and_words_cannot_tell(engines):
    engine, told_apart = engines["shipped"], 0
    actors = range(17, 25)
    for actor in actors:
        calm, angry = (
            frustration(KIDS, (), engine.open().measure(acted(actor, *how)))[0]
            for how in ((1, 1), (5, 2))
        )
        told_apart += angry > calm + 0.05
    assert told_apart >= 0.75 * len(actors)


@shipped
@needs_actors
@pytest.mark.parametrize("gain_db", [-12, 12])
def test_how_loud_the_line_is_hardly_changes_what_is_heard(engines, gain_db):
    for actor in (18, 19, 22):
        sound, louder = acted(actor, 1, 1, -12), acted(actor, 1, 1, gain_db - 12)
        network = engines["shipped"]._network
        plain, changed = (network.read(each.samples).dimensions[0] for each in (sound, louder))
        shares = 1 / (1 + np.exp(-np.array([plain, changed])))
        assert abs(shares[0] - shares[1]) < 0.08
