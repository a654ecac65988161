"""What is said over our reply: for us, or only that somebody listens?"""

import pytest

from tonewise.backchannel import is_meant
from tonewise.facts import Transcript


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Mm-hm.",
        "uh-huh",
        "Okay.",
        "yeah, right",
        "I see.",
        "Hm?",
        "Ja, genau.",
        "Sí, vale.",
        "Oui, d'accord.",
    ],
)
def test_a_listeners_sounds_do_not_stop_us(said):
    assert not is_meant(Transcript(said), asked=False)


@pytest.mark.parametrize(
    "said", ["Stop.", "No.", "Wait!", "Yes, but not that one", "Hold on", "What?", "Nein", "Four"]
)
def test_words_for_us_do(said):
    assert is_meant(Transcript(said), asked=False)


@pytest.mark.parametrize("said", ["Yes.", "Okay", "sure"])
def test_a_yes_after_our_question_is_an_answer(said):
    assert is_meant(Transcript(said), asked=True)


@pytest.mark.parametrize("said", ["Mm-hm.", "uh", ""])
def test_a_hum_is_no_answer_even_then(said):
    assert not is_meant(Transcript(said), asked=True)


def test_a_word_that_the_recogniser_itself_does_not_believe_is_noise():
    assert not is_meant(Transcript("You.", log_probability=-1.4), asked=True)
    assert is_meant(Transcript("Stop it now please", log_probability=-1.4), asked=False)
    assert is_meant(Transcript("Stop", log_probability=-0.3), asked=False)


def test_our_own_words_come_back_are_no_interruption():
    ours = "Your order was shipped on Monday and arrives on Friday."
    assert not is_meant(Transcript("was shipped on Monday"), asked=False, ours=ours)
    assert is_meant(Transcript("shipped on Monday? No, on Sunday it was"), asked=False, ours=ours)
