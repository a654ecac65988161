"""Going on from what another model has said: nothing twice, nothing lost, no half of a word."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.llm.continuation import Words, going_on, overlap
from tonewise.llm.shortening import shortened
from tonewise.stages import LlmRequest, Message


def said_alone(*pieces: str) -> list[str]:
    words = Words()
    return [*(words.take(piece) for piece in pieces), words.finish()]


def joined(first: list[str], *others: list[str], prefilled: bool = False) -> str:
    """What is given when each model but the last breaks off."""
    words = Words()
    given = [words.take(piece) for piece in first]
    for pieces in others:
        given.append(words.broke_off())
        words.go_on(prefilled=prefilled)
        given += [words.take(piece) for piece in pieces]
    given.append(words.finish())
    assert "".join(given) == words.said
    return words.said


# ---------------------------------------------------------------- one model


def test_the_first_piece_is_given_at_once_and_a_word_when_the_next_begins():
    assert said_alone("It", " is", " ra", "ining", " now") == [
        "It",
        "",
        " is",
        "",
        " raining",
        " now",
    ]


def test_what_ends_a_clause_is_not_held_back():
    assert said_alone("Yes", ",", " sir", ".", " It") == ["Yes", ",", "", " sir.", "", " It"]


def test_a_number_is_held_back_until_it_is_whole():
    assert said_alone("Pi is", " 3", ".", "14", " or so")[1:] == ["", "", "", " 3.14 or", " so"]


def test_languages_without_spaces_are_not_held_back():
    assert said_alone("今日は", "晴れ", "です") == ["今日は", "晴れ", "です", ""]


@given(st.lists(st.text(alphabet=" \n.,3ab你🙂", max_size=4), max_size=12))
def test_one_model_is_given_as_it_spoke_without_white_space_around_it(pieces):
    assert joined(pieces) == "".join(pieces).strip()


# ---------------------------------------------------------------- another goes on


@pytest.mark.parametrize(
    ("first", "second", "reply"),
    [
        (["Your order", " has", " shi"], ["shipped today."], "Your order has shipped today."),
        (["Your order", " has"], ["Your order has shipped."], "Your order has shipped."),
        (["Your order", " has "], ["order has shipped."], "Your order has shipped."),
        (["Your order", " has "], ["…shipped."], "Your order has shipped."),
        (["Your order", " has "], [" shipped."], "Your order has shipped."),
        (["Yes."], ["Yes, it has."], "Yes. it has."),
        (["Yes"], ["Yes", ", it", " has."], "Yes, it has."),
        (["It is", " YOURS", " and "], ["Yours and mine"], "It is YOURS and mine"),
        (["It costs", " 3", ".", "5"], ["3.50 in all"], "It costs 3.50 in all"),
        (["The", " end", "."], ["."], "The end."),
        (["The", " end "], ["."], "The end."),
        (["今日は晴"], ["晴れです"], "今日は晴れです"),
        (["One", " two "], ["and two"], "One two and two"),
    ],
)
def test_what_the_second_repeats_of_the_first_is_left_out(first, second, reply):
    assert joined(first, second) == reply


@pytest.mark.parametrize(
    ("second", "reply"),
    [(["erday."], "Yesterday."), ([" it was."], "Yest it was."), (["Yesterday."], "Yesterday.")],
)
def test_a_first_piece_that_is_half_a_word_is_ended_by_a_model_that_is_prefilled(second, reply):
    assert joined(["Yest"], second, prefilled=True) == reply


def test_a_half_of_a_word_is_given_only_if_nobody_goes_on():
    words = Words()
    assert [words.take("It was"), words.take(" yest"), words.broke_off()] == ["It was", "", ""]
    words.go_on(prefilled=False)
    assert words.finish() == " yest"


def test_a_second_that_only_repeats_leaves_the_reply_as_it_was():
    assert joined(["It is", " late "], ["It is late"]) == "It is late"
    assert joined(["It is", " late "], ["It is"], ["late and dark"]) == "It is late and dark"


def test_a_third_goes_on_from_both():
    assert joined(["One", " two "], ["two three "], ["three four"]) == "One two three four"


WORD = st.sampled_from(["a", "b", "c"])
SENTENCE = st.lists(WORD, min_size=1, max_size=8)


@given(SENTENCE, st.lists(WORD, max_size=8))
def test_the_overlap_is_the_longest_there_is(said, more):
    longest = max(
        n for n in range(min(len(said), len(more)) + 1) if said[len(said) - n :] == more[:n]
    )
    assert overlap(said, more)[0] == longest


@given(SENTENCE, st.lists(WORD, max_size=8), st.lists(WORD, max_size=8))
def test_an_overlap_that_is_decided_stays(said, more, later):
    count, undecided = overlap(said, more)
    if not undecided:
        assert overlap(said, more + later)[0] == count


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[a:b] for a, b in itertools.pairwise(places)]


CUTS = st.lists(st.integers(0, 60), max_size=8)


@given(SENTENCE, SENTENCE, CUTS, CUTS)
def test_no_word_is_said_twice_and_none_is_lost_however_the_pieces_are_cut(said, more, one, two):
    first, second = " ".join(said) + " ", " ".join(more)
    count, _ = overlap(said, more)
    assert joined(pieces(first, one), pieces(second, two)) == " ".join(said + more[count:])


@given(st.lists(st.text("abcdefgh", min_size=1), min_size=1, unique_by=lambda w: w[0]), st.data())
def test_a_model_that_knows_the_reply_ends_it_wherever_the_first_broke_off(words, data):
    """Broken off anywhere, even inside a word; taken up at any word before that."""
    reply = " ".join(words)
    broken = data.draw(st.integers(1, len(reply)))
    whole = reply[:broken].count(" ")
    taken_up = data.draw(st.integers(0, whole))
    second = " ".join(words[taken_up:])
    assert joined(pieces(reply[:broken], data.draw(CUTS)), pieces(second, data.draw(CUTS))) == reply


# ---------------------------------------------------------------- what is asked

HISTORY = (
    Message("system", "Be brief."),
    Message("user", "1"),
    Message("assistant", "one"),
    Message("user", "2"),
    Message("user", "3"),
    Message("assistant", "three"),
    Message("user", "4"),
)


def test_a_model_is_asked_to_go_on_after_its_own_words():
    asked = LlmRequest(1, "fast", (Message("user", "Hello."),))
    *before, own, request = going_on(asked, "Good mor", prefill=False).messages
    assert (before, own) == ([*asked.messages], Message("assistant", "Good mor"))
    assert request.role == "user"
    assert "Go on" in request.content
    assert going_on(asked, "Good mor", prefill=True).messages[-1] == own


def test_the_older_half_of_a_conversation_is_forgotten_and_the_question_stays():
    asked = LlmRequest(1, "fast", HISTORY)
    once = shortened(asked)
    assert [m.content for m in once.messages] == ["Be brief.", "3", "three", "4"]
    twice = shortened(once)
    assert [m.content for m in twice.messages] == ["Be brief.", "4"]
    assert shortened(twice) is None
