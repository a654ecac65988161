"""Pitch, syllables and levels of sounds whose answer is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthetic_voice import by_phone, noise, pulses, syllables
from tonewise.acoustic.levels import QUIETEST, clipping, loudness_dbfs, snr_db
from tonewise.acoustic.syllables import nuclei
from tonewise.audio import RATE, Resampler, Samples, from_g711, to_g711
from tonewise.contours import contours
from tonewise.pitch import f0, pitch


def pitch_of(samples: Samples):
    return pitch(f0(contours(samples).periodicity))


def count_of(samples: Samples) -> int:
    sound = contours(samples)
    level_db = 10 * np.log10(np.maximum(sound.power, QUIETEST))
    everywhere = np.ones(len(level_db), np.bool_)
    return len(nuclei(level_db, f0(sound.periodicity) > 0, everywhere))


# ---------------------------------------------------------------- pitch


@pytest.mark.parametrize("line", [lambda x: x, by_phone], ids=["whole band", "300-3400 Hz"])
@pytest.mark.parametrize("tilt", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("hertz", [70, 90, 120, 160, 214, 260, 330, 450])
def test_a_pulse_train_has_its_pitch_even_where_the_line_cuts_the_fundamental(hertz, tilt, line):
    found = pitch_of(line(pulses(hertz, 1.0, tilt)))
    assert found is not None
    assert found.median_hz == pytest.approx(hertz, rel=0.015)
    assert found.range_st < 0.6


@settings(max_examples=25, deadline=None)
@given(st.floats(80, 350), st.floats(0.2, 1.0))
def test_any_steady_voice_has_its_pitch(hertz, tilt):
    found = pitch_of(pulses(hertz, 0.5, tilt))
    assert found is not None
    assert found.median_hz == pytest.approx(hertz, rel=0.015)


def test_the_range_of_a_glide_is_its_semitones():
    glide = 120 * 2 ** np.linspace(0, 0.5, 2 * RATE)  # 6 semitones
    found = pitch_of(pulses(glide, 2.0))
    assert found is not None
    assert found.range_st == pytest.approx(0.9 * 6, abs=0.4)
    assert found.median_hz == pytest.approx(120 * 2**0.25, rel=0.02)


def test_pitch_survives_a_telephone_call():
    heard = from_g711(to_g711(pulses(110, 1.0)[::2], "mu"), "mu")
    line = Resampler(8000)
    found = pitch_of(np.concatenate([line.push(heard), line.flush()]))
    assert found is not None
    assert found.median_hz == pytest.approx(110, rel=0.015)


@pytest.mark.parametrize(
    "sound",
    [noise(2.0, 0.1), by_phone(noise(2.0, 0.1)), np.zeros(RATE, np.float32), pulses(120, 0.1)],
    ids=["noise", "noise by phone", "silence", "a tenth of a second"],
)
def test_what_is_not_a_voice_has_no_pitch(sound):
    assert pitch_of(sound) is None


def test_pitch_does_not_hear_the_gain():
    voice = pulses(150, 1.0) + noise(1.0, 0.01)
    reference = f0(contours(voice).periodicity)
    for gain in (0.25, 4.0):
        np.testing.assert_allclose(
            f0(contours((gain * voice).astype(np.float32)).periodicity), reference, rtol=1e-3
        )


# ---------------------------------------------------------------- syllables


@pytest.mark.parametrize("rate", [2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
@pytest.mark.parametrize("room", [0.0, 0.003])
def test_every_swell_of_the_voice_is_a_syllable(rate, room):
    sound = syllables(rate, 4.0) + noise(4.0, room)
    assert count_of(sound) == 4 * rate


def test_a_swell_of_noise_is_no_syllable():
    swell = np.sin(np.pi * 4 * np.arange(2 * RATE) / RATE) ** 2
    assert count_of((noise(2.0, 0.1) * swell).astype(np.float32)) == 0


def test_a_steady_vowel_is_one_syllable():
    assert count_of(np.concatenate([noise(0.3), pulses(120, 1.0), noise(0.3)])) == 1


def test_a_ripple_under_the_dip_is_no_syllable():
    ripple = 1 + 0.05 * np.sin(2 * np.pi * 5 * np.arange(2 * RATE) / RATE)
    voice = (pulses(120, 2.0) * ripple).astype(np.float32)
    assert count_of(np.concatenate([noise(0.3), voice, noise(0.3)])) == 1


# ---------------------------------------------------------------- levels


def tone(amplitude: float, seconds: float = 1.0, hertz: float = 1000) -> Samples:
    at = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


@pytest.mark.parametrize(("amplitude", "expected"), [(1.0, -3.0), (0.5, -9.0), (0.01, -43.0)])
def test_loudness_is_the_rms_against_full_scale(amplitude, expected):
    power = contours(tone(amplitude)).power
    assert loudness_dbfs(power, np.ones(len(power), bool)) == pytest.approx(expected, abs=0.2)


def test_a_constant_offset_is_no_sound():
    assert np.max(contours(np.full(RATE, 0.5, np.float32)).power) < QUIETEST


@pytest.mark.parametrize("snr", [0, 10, 20, 40])
def test_the_noise_between_words_is_compared_with_the_words(snr):
    samples = np.concatenate([np.zeros(RATE), tone(0.2), np.zeros(RATE)]).astype(np.float32)
    # White noise reaches to 8 kHz; 3.3 of the 8 are in the band that is compared.
    samples += noise(3.0, 0.2 / np.sqrt(2) * 10 ** (-snr / 20) * np.sqrt(8 / 3.3))
    power = contours(samples).power
    spoken = np.zeros(len(power), bool)
    spoken[100:200] = True
    assert snr_db(power, spoken) == pytest.approx(snr, abs=1.0)


def test_without_silence_there_is_no_noise_to_compare():
    power = contours(tone(0.2)).power
    assert snr_db(power, np.ones(len(power), bool)) is None
    assert snr_db(power, np.zeros(len(power), bool)) is None


@pytest.mark.parametrize("law", ["mu", "a"])
def test_clipping_counts_the_samples_at_full_scale_on_a_telephone_too(law):
    clipped = np.clip(3 * tone(1.0), -1, 1)
    share = np.mean(np.abs(clipped) >= 0.999)
    assert clipping(clipped) == pytest.approx(share, abs=0.01)
    assert clipping(from_g711(to_g711(clipped, law), law)) == pytest.approx(share, abs=0.02)
    assert clipping(tone(0.9)) == 0
    assert clipping(np.zeros(0, np.float32)) == 0
