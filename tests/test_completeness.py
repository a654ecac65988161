"""Do the words sound complete? What is surely unfinished must never pass for an ending."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.endpoint import english
from tonewise.endpoint.completeness import completeness

ENDINGS = [
    ("", "no words"),
    ("  ... ", "no words"),
    ("I would like to", "open"),
    ("I'd like a refund for the", "open"),
    ("It broke because", "open"),
    ("And?", "open"),
    ("I was wondering", "open"),
    ("It's under my", "open"),
    ("The first availability we have is.", "open"),
    ("Can you", "open"),
    ("I want to book a table, um", "filler"),
    ("Uh.", "filler"),
    ("So, I was thinking, like,", "filler"),
    ("My phone number is", "announced"),
    ("Okay, the thing is", "announced"),
    ("My number is five five five", "dictating"),
    ("555-12", "listing"),
    ("It's three, three, three.", "listing"),
    ("My name is Violet, V-I-O", "listing"),
    ("five five five one two three four", "dictated"),
    ("My number is 555 123 4567.", "dictated"),
    ("For two people.", "plain"),
    ("It's a Ford Fusion from 2017.", "plain"),
    ("At two.", "plain"),
    ("The light is on.", "may go on"),
    ("We could also make.", "may go on"),
    ("Okay.", "acknowledging"),
    ("Hi there.", "acknowledging"),
    ("I bought it last week,", "trails off"),
    ("I know you handle a lot of your skin", "trails off"),
    ("How old is the Brooklyn Bridge?", "question"),
    ("Who should I talk to?", "question"),
    ("You open at nine, right?", "question"),
    ("Yes.", "answer"),
    ("no", "answer"),
    ("Express, please.", "closed"),
    ("No, that's all, thank you.", "closed"),
    ("Thanks a lot, bye.", "closed"),
    ("Yes, it is.", "plain"),
    ("I would if I could.", "plain"),
    ("i lost my card yesterday", "plain"),
]


@pytest.mark.parametrize(("text", "ending"), ENDINGS)
def test_an_ending_is_told_by_its_last_words(text, ending):
    assert completeness(text, "en").ending == ending


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("Ich hätte gern einen", "trails off"),
        ("ich hätte gern einen termin für", "plain"),
        ("Haben Sie geöffnet?", "question"),
        ("Um", "plain"),
        ("好的。", "plain"),
    ],
)
def test_other_languages_are_neutral_but_for_their_punctuation(text, ending):
    assert completeness(text, "de").ending == ending


@settings(deadline=None)
@given(st.text(), st.sampled_from([None, "en", "en-GB", "de", ""]))
def test_any_text_has_an_ending(text, language):
    words = completeness(text, language)
    assert words.count >= 0
    assert (words.ending == "no words") == (words.count == 0)


SENTENCE = st.lists(
    st.sampled_from(["we", "lost", "our", "luggage", "in", "Rome", "and", "nobody"]), max_size=12
)
OPENERS = sorted(english.ARTICLES | english.CONJUNCTIONS | english.POSSESSIVES | english.SUBJECTS)


@settings(deadline=None)
@given(SENTENCE, st.sampled_from(OPENERS), st.sampled_from(["", ".", "...", ","]))
def test_a_word_that_cannot_end_a_sentence_leaves_it_open_whatever_stt_writes_after_it(
    before, last, mark
):
    if last == "like" and mark in ("...", ","):
        return  # then it fills the pause
    text = " ".join([*before, last]) + mark
    assert completeness(text, "en").ending in ("open", "announced")


@settings(deadline=None)
@given(SENTENCE, st.sampled_from(sorted(english.PURE_FILLERS)))
def test_a_filler_at_the_end_holds_the_floor(before, filler):
    assert completeness(" ".join([*before, filler]), "en").ending == "filler"


@settings(deadline=None)
@given(st.integers(1, 6))
def test_a_number_is_dictated_until_it_is_long_enough(digits):
    said = " ".join(["my number is", *["four"] * digits])
    assert completeness(said, "en").ending == ("dictating" if digits > 1 else "plain")
    assert completeness(said + " four" * (7 - digits), "en").ending == "dictated"
