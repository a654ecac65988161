"""Whether feelings may be read from a caller's voice, and who decides."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.consent import (
    OPT_OUT_PHRASES,
    Change,
    Consent,
    Emotion,
    in_full,
    objects,
    without_feelings,
)
from tonewise.facts import Departure, Pauses, VoiceCues


def told(settings=None, **known):
    """A call whose caller was told."""
    consent = Consent(settings or Emotion(), **known)
    consent.given()
    return consent


# ---------------------------------------------------------------- no reading without a notice


def test_nothing_is_read_before_the_caller_was_told():
    consent = Consent(Emotion())
    assert not consent.on
    assert "talking to a computer" in consent.notice
    assert consent.given() == Change(on=True, by="notice")
    assert consent.on
    assert consent.notice is None
    assert consent.given() is None


@pytest.mark.parametrize(
    "settings", [Emotion(enabled=False), Emotion(notice=""), Emotion(notice=" \n")]
)
def test_the_settings_switch_it_off_for_every_call(settings):
    consent = Consent(settings)
    assert consent.notice is None
    assert consent.given() is None
    assert consent.switched(True) == Change(on=False, by="settings")
    assert not consent.on
    assert not Consent(settings, recorded=True).on


def test_whoever_is_on_a_recording_cannot_be_told_and_the_settings_decide():
    consent = Consent(Emotion(), recorded=True)
    assert consent.on
    assert consent.notice is None
    without = Consent(Emotion(recordings=False), recorded=True)
    assert not without.on
    assert without.notice is None
    assert without.switched(True) == Change(on=False, by="settings")


def test_nobody_is_told_of_what_the_engine_does_not_do():
    consent = Consent(Emotion(), possible=False)
    assert consent.notice is None
    assert consent.given() is None
    assert consent.switched(True) == Change(on=False, by="settings")
    assert not Consent(Emotion(), possible=False, recorded=True).on


def test_the_notice_says_how_to_object():
    assert in_full(Emotion()).endswith("If you do not want that, say: don't analyse my voice.")
    assert "press 9, or say: don't" in in_full(Emotion(), keys=True)
    assert "press the star key, or" in in_full(Emotion(opt_out_digit="*"), keys=True)
    mute = Emotion(opt_out_digit="", opt_out_phrases=())
    assert in_full(mute, keys=True).endswith("to help you better.")
    assert in_full(Emotion(notice="Sie können {opt_out} {widersprechen}")).startswith(
        "Sie können If"
    )
    assert in_full(Emotion(notice="We listen.")) == "We listen."


def test_following_the_notice_is_understood():
    for settings in (Emotion(), Emotion(opt_out_phrases=("Leave my feelings alone!",))):
        consent = told(settings)
        _, _, phrase = in_full(settings).rpartition("say: ")
        assert consent.said(phrase) == Change(on=False, by="phrase")


# ---------------------------------------------------------------- objecting


def test_a_caller_objects_by_key_by_phrase_or_by_their_application():
    by_key, by_phrase, by_api = told(), told(), told()
    assert by_key.pressed("9") == Change(on=False, by="digit")
    assert by_phrase.said("Um, please don't analyze my voice.") == Change(on=False, by="phrase")
    assert by_api.switched(False) == Change(on=False, by="api")
    for consent in (by_key, by_phrase, by_api):
        assert not consent.on
        assert consent.given() is None  # a notice that ends afterwards switches nothing on
        assert not consent.on
        assert (
            consent.pressed("9") is consent.said("stop emotion") is consent.switched(False) is None
        )
        assert consent.switched(True) == Change(on=True, by="api")


def test_another_key_and_other_words_change_nothing():
    consent = told()
    assert [consent.pressed(key) for key in "012345678*#"] == [None] * 11
    assert consent.said("where is my order, my voice is hoarse") is None
    assert consent.on
    assert told(Emotion(opt_out_digit="")).pressed("9") is None


def test_who_objects_before_the_notice_is_left_alone():
    consent = Consent(Emotion())
    assert consent.said("don't analyse my voice") is None
    assert consent.notice is None
    assert consent.given() is None
    assert not consent.on


def test_an_application_that_asks_again_has_to_tell_first():
    consent = Consent(Emotion())
    consent.switched(False)
    assert consent.notice is None
    assert consent.switched(True) is None
    assert consent.notice
    assert not consent.on
    assert consent.given() == Change(on=True, by="notice")


@pytest.mark.parametrize(
    "text",
    [
        *OPT_OUT_PHRASES,
        "DON'T ANALYSE MY VOICE!",
        "do not analyse my voice",
        "Don’t analyze my voice, thanks",
        "dont analyse, um, my voice",
        "I said: please stop analyzing my emotions. Where is my order?",
        "could you turn off the emotion recognition",
        "turn emotion off",
    ],
)
def test_an_objection_is_found_however_it_is_put(text):
    assert objects(text, OPT_OUT_PHRASES)


@pytest.mark.parametrize(
    "text",
    ["", "um", "analyse my bill", "my voice mail does not work", "can you stop my subscription"],
)
def test_other_matters_are_no_objection(text):
    assert not objects(text, OPT_OUT_PHRASES)


def test_a_phrase_without_words_is_no_phrase():
    assert not objects("hello there", ("...", "um"))


steps = st.sampled_from(
    [
        *[("given",), ("switched", True), ("switched", False)],
        *[("pressed", "9"), ("pressed", "1"), ("said", "stop emotion"), ("said", "hello")],
    ]
)


@given(
    st.lists(steps, max_size=12),
    st.booleans(),
    st.sampled_from(["", "We listen to how you sound."]),
    st.booleans(),
)
def test_feelings_are_never_read_untold_unallowed_or_unwanted(taken, enabled, notice, recorded):
    consent = Consent(Emotion(enabled=enabled, notice=notice), recorded=recorded)
    was_told, wanted = recorded, True
    for name, *arguments in taken:
        before = consent.on
        change = getattr(consent, name)(*arguments)
        was_told |= name == "given"
        if name == "switched":
            wanted = arguments[0]
        elif arguments in (["9"], ["stop emotion"]):
            wanted = False
        assert consent.on == (enabled and bool(notice) and was_told and wanted)
        if change is None or change.by == "settings":
            assert consent.on == before
        else:
            assert change.on == consent.on != before


# ---------------------------------------------------------------- settings and cues


@pytest.mark.parametrize("digit", ["", "0", "#", "*", "D"])
def test_any_key_of_a_telephone_may_be_the_one(digit):
    assert msgspec.convert({"opt_out_digit": digit}, Emotion).opt_out_digit == digit


@pytest.mark.parametrize(
    "wrong",
    [{"opt_out_digit": "12"}, {"opt_out_digit": "x"}, {"opt_out_phrases": [""]}, {"notise": "x"}],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Emotion)


def test_an_objection_takes_the_feelings_out_of_the_very_turn_it_is_in():
    cues = VoiceCues(
        speech_s=2.0,
        pauses=Pauses(1, 0.5, 0.2),
        hesitation=0.3,
        emotion={"anger": 0.9},
        arousal=0.9,
        valence=0.1,
        departure=Departure(2.0, -1.0),
        frustration=0.8,
        filled_pauses=1,
    )
    left = without_feelings(cues, "the caller does not want it")
    assert left == VoiceCues(
        speech_s=2.0,
        pauses=Pauses(1, 0.5, 0.2),
        hesitation=0.3,
        filled_pauses=1,
        unknown="the caller does not want it",
    )
