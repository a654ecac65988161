"""The voice cues of a turn, as a call measures them."""

import dataclasses
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from starved import least_s
from synthetic_voice import by_phone, noise, pulses, speech, turn
from tonewise import plugins
from tonewise.acoustic import prosody
from tonewise.audio import RATE, Resampler, from_g711, to_g711
from tonewise.audio_file import read
from tonewise.ear import Ear
from tonewise.facts import VoiceCues
from tonewise.floor import Timing
from tonewise.stages import TurnAudio
from tonewise.vad import silero

DATA = Path(os.environ.get("TONEWISE_DATA", Path(__file__).parents[2] / "shared" / "data"))
needs_data = pytest.mark.skipif(
    not (DATA / "speech").is_dir(), reason="no recordings: TONEWISE_DATA or ../shared/data"
)


def cues(sound: TurnAudio) -> VoiceCues:
    """Of a call's first turn."""
    return prosody.load().open().measure(sound)


def numbers(found: object) -> list[float]:
    """Every number in the cues."""
    if isinstance(found, dict):
        return [n for value in found.values() for n in numbers(value)]
    if isinstance(found, list):
        return [n for value in found for n in numbers(value)]
    return [found] if isinstance(found, float | int) else []


def test_prosody_is_an_engine_of_the_acoustic_stage():
    assert "prosody" in plugins.names("acoustic")
    assert plugins.load("acoustic", "prosody").name == "prosody"


def test_a_turn_is_measured_in_full():
    found = cues(speech(("voice", 2.0), ("pause", 0.6), ("voice", 1.0), rate=4, latency_s=0.4))
    assert found.speech_s == pytest.approx(3.0, abs=0.15)
    assert found.pauses is not None
    assert found.pauses.count == 1
    assert found.pauses.longest_s == pytest.approx(0.65, abs=0.05)
    assert found.pauses.ratio == pytest.approx(0.6 / 3.6, abs=0.03)
    assert found.articulation_rate == pytest.approx(4.0, abs=0.3)
    assert found.response_latency_s == 0.4
    assert found.f0_median_hz == pytest.approx(120, abs=1)
    assert found.snr_db is not None
    assert found.snr_db > 25
    assert found.clipping == 0
    assert [term.name for term in found.hesitation_terms] == [
        "bias",
        "pause_ratio",
        "longest_pause_s",
        "articulation_rate",
        "response_latency_s",
    ]


def test_what_only_a_model_can_hear_is_absent():
    found = cues(speech(("voice", 2.0)))
    assert found.emotion is None
    assert found.arousal is None
    assert found.valence is None
    assert found.frustration is None
    assert not {b"emotion", b"arousal"} & set(msgspec.json.encode(found).split(b'"'))


def test_a_pause_to_think_raises_hesitation():
    fluent = cues(speech(("voice", 3.0))).hesitation
    thinking = cues(speech(("voice", 1.5), ("pause", 0.6), ("voice", 1.5))).hesitation
    lost = cues(
        speech(("voice", 1.0), ("pause", 0.6), ("voice", 1.0), ("pause", 1.2), ("voice", 1.0))
    ).hesitation
    assert fluent is not None
    assert thinking is not None
    assert lost is not None
    assert fluent < 0.1 < thinking < lost
    assert lost > 0.5


def test_a_single_short_word_says_nothing_about_hesitation():
    found = cues(speech(("voice", 0.3)))
    assert found.hesitation is None
    assert found.hesitation_terms == ()
    assert found.articulation_rate is None
    assert found.pauses is not None


def test_a_caller_who_always_pauses_is_measured_against_themselves():
    stream = prosody.load().open()
    halting = speech(("voice", 1.5), ("pause", 0.5), ("voice", 1.5))
    turns = [dataclasses.replace(halting, start_s=10.0 * at) for at in range(6)]
    first, *_, last = [stream.measure(sound).hesitation for sound in turns]
    assert first is not None
    assert last is not None
    assert 0.1 < last < first


def test_calls_share_no_memory():
    engine = prosody.load()
    one, other = engine.open(), engine.open()
    halting = speech(("voice", 1.0), ("pause", 0.6), ("voice", 1.0))
    first = one.measure(halting)
    for at in range(1, 6):
        one.measure(dataclasses.replace(halting, start_s=10.0 * at))
    assert other.measure(halting) == first


def test_the_same_turns_give_the_same_bytes():
    script = [
        speech(("voice", 1.3), ("pause", 0.4), ("voice", 0.7), rate=rate, latency_s=0.3)
        for rate in (3.0, 4.5, 6.0)
    ]

    def run() -> list[bytes]:
        stream = prosody.load().open()
        return [msgspec.json.encode(stream.measure(sound)) for sound in script]

    assert run() == run()


@pytest.mark.parametrize("gain_db", [-12, 12])
def test_loudness_changes_nothing_but_loudness(gain_db):
    sound = speech(("voice", 1.5), ("pause", 0.5), ("voice", 1.2))
    samples = (0.25 * sound.samples).astype(np.float32)
    plain = cues(turn(samples, sound.spoken))
    loud = cues(turn((samples * 10 ** (gain_db / 20)).astype(np.float32), sound.spoken))
    assert plain.loudness_dbfs is not None
    assert loud.loudness_dbfs == pytest.approx(plain.loudness_dbfs + gain_db, abs=0.11)
    for name in ("speech_s", "pauses", "articulation_rate", "hesitation", "hesitation_terms"):
        assert getattr(loud, name) == getattr(plain, name)
    for name in ("f0_median_hz", "f0_range_st", "snr_db"):
        assert getattr(loud, name) == pytest.approx(getattr(plain, name), abs=0.11)


def test_a_telephone_line_changes_neither_pitch_nor_pace():
    sound = speech(("voice", 2.0), ("pause", 0.5), ("voice", 2.0))
    line = Resampler(8000)
    sent = from_g711(to_g711(by_phone(sound.samples)[::2], "mu"), "mu")
    heard = np.concatenate([line.push(sent), line.flush()])[: len(sound.samples)]
    plain, phone = cues(sound), cues(turn(heard, sound.spoken))
    assert phone.f0_median_hz == pytest.approx(plain.f0_median_hz, rel=0.02)
    assert phone.articulation_rate == pytest.approx(plain.articulation_rate, abs=0.3)
    assert phone.hesitation == pytest.approx(plain.hesitation, abs=0.05)


# ---------------------------------------------------------------- whatever comes


STRANGE = {
    "nothing": np.zeros(0, np.float32),
    "one sample": np.zeros(1, np.float32),
    "silence": np.zeros(RATE, np.float32),
    "an offset": np.full(RATE, 0.7, np.float32),
    "an offset at full scale": np.full(RATE, -1.0, np.float32),
    "almost nothing": np.full(RATE, 1e-30, np.float32),
    "no numbers": np.full(RATE, np.nan, np.float32),
    "infinity": np.full(RATE, np.inf, np.float32),
    "far beyond full scale": np.full(RATE, 3e38, np.float32),
    "noise": noise(1.0, 0.3),
    "a square wave": np.sign(pulses(120, 1.0)),
    "50 ms": pulses(120, 0.05),
    "a click": np.eye(1, RATE, 5000, dtype=np.float32)[0],
}


@pytest.mark.parametrize("name", STRANGE)
@pytest.mark.parametrize("flags", ["all", "none", "odd"])
def test_whatever_comes_the_cues_are_finite_or_absent(name, flags):
    samples = STRANGE[name]
    count = -(-len(samples) // 160)
    spoken = {"all": np.ones, "none": np.zeros, "odd": lambda n, _: np.arange(n) % 2 == 1}
    found = cues(turn(samples, spoken[flags](count, np.bool_)))
    assert all(np.isfinite(numbers(msgspec.to_builtins(found))))
    if flags == "none":
        assert found == VoiceCues(speech_s=0.0, clipping=found.clipping)


@settings(max_examples=60, deadline=None)
@given(
    arrays.arrays(np.float32, st.integers(0, 3000), elements=st.floats(-1, 1, width=32)),
    st.data(),
)
def test_any_samples_and_any_flags_are_measured(samples, data):
    size = data.draw(st.integers(160, 512))
    frames = -(-len(samples) // size)
    spoken = data.draw(arrays.arrays(np.bool_, frames))
    found = cues(TurnAudio(samples, 0.0, spoken, size / RATE))
    built = msgspec.to_builtins(found)
    assert all(np.isfinite(numbers(built)))
    assert msgspec.convert(built, VoiceCues) == found
    assert 0 <= found.speech_s <= len(samples) / RATE + 0.01
    assert found.loudness_dbfs is None or found.loudness_dbfs <= 0


def test_a_sample_that_is_no_number_counts_as_silence():
    sound = speech(("voice", 1.5), ("pause", 0.5), ("voice", 1.0))
    broken, mended = sound.samples.copy(), sound.samples.copy()
    broken[9000], mended[9000] = np.nan, 0.0
    assert cues(turn(broken, sound.spoken)) == cues(turn(mended, sound.spoken))


def test_fewer_or_more_flags_than_sound_do_no_harm():
    voice = pulses(120, 1.0)
    assert cues(turn(voice, np.zeros(0, np.bool_))).speech_s == 0
    assert cues(turn(voice, np.ones(3, np.bool_))).speech_s == pytest.approx(1.0, abs=0.01)
    assert cues(turn(voice, np.ones(500, np.bool_))).speech_s == pytest.approx(1.0, abs=0.01)


def test_a_minute_costs_a_small_part_of_a_second():
    sound = speech(*[("voice", 2.5), ("pause", 0.5)] * 20)
    stream = prosody.load().open()
    # 45 ms; a neighbour on the same core can double that, and another machine again.
    assert least_s(lambda: stream.measure(sound), 8) < 0.2


@pytest.mark.slow
def test_ten_minutes_are_measured_like_ten_seconds():
    piece = [("voice", 2.5), ("pause", 0.5)] * 3
    short, long = cues(speech(*piece)), cues(speech(*piece * 67))
    assert long.articulation_rate == pytest.approx(short.articulation_rate, abs=0.1)
    assert long.f0_median_hz == pytest.approx(short.f0_median_hz, abs=1)
    assert all(np.isfinite(numbers(msgspec.to_builtins(long))))


# ---------------------------------------------------------------- recordings


def recorded(name: str, channel: int | None = None) -> list[VoiceCues]:
    """The cues of a recording's turns, cut as in a call."""
    ear, stream, found = Ear(silero.load(), Timing()), prosody.load().open(), []
    for heard in (ear.hear(read(DATA / "speech" / name, channel)), ear.audio_over()):
        for event, sound in heard:
            if sound is not None:
                found.append(stream.measure(sound))
                ear.taking.reply_over(event.turn)
    return found


@needs_data
@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [
        ("realtimestt/asr-reference.flac", 85, 110),
        ("realtimestt/LJ001-0004.flac", 200, 260),
        ("an4/an406-fcaw-b.flac", 200, 235),
        ("an4/cen5-miry-b.flac", 90, 108),
        ("picovoice/leopard_test.flac", 100, 120),
    ],
)
def test_men_and_women_are_heard_at_their_pitch(name, lowest, highest):
    medians = [found.f0_median_hz for found in recorded(name) if found.f0_median_hz]
    assert lowest < np.median(medians) < highest


@needs_data
def test_callers_on_a_telephone_speak_at_a_human_pace_and_hesitate_now_and_then():
    turns = [c for c in recorded("aws-lca/auto_repairs_40_2ch.flac", 1) if c.speech_s > 2]
    assert len(turns) >= 6
    rates = [c.articulation_rate for c in turns if c.articulation_rate]
    assert 3.0 < np.median(rates) < 5.5
    scores = [c.hesitation for c in turns if c.hesitation is not None]
    assert np.median(scores) < 0.2 < max(scores)


@needs_data
def test_a_plain_short_answer_is_not_hesitant():
    names = ("book_a_room", "230pm", "half_an_hour", "two_people")
    for name in names:
        for found in recorded(f"gcp/{name}.flac"):
            assert found.hesitation is None or found.hesitation < 0.2
