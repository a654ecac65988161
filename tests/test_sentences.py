"""From tokens to what can be spoken next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.tts.sentences import Chunk, Sentences

PIECES = [
    *"abAB 3.,:;!?-—\n\"'()[]*。，…”“ 1$",
    *("Dr. ", " and ", "e.g. ", "word ", "However ", "\0", "🙂", "5 p.m. "),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=120).map("".join)


def cut(text: str, size: int | None = None, **options: int) -> list[Chunk]:
    sentences, found = Sentences(**options), []
    size = size or max(1, len(text))
    for at in range(0, len(text), size):
        found += sentences.feed(text[at : at + size])
    return found + sentences.flush()


def sources(text: str) -> list[str]:
    return [chunk.source.strip() for chunk in cut(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It is done. You can go.", ["It is done.", "You can go."]),
        ("Is it? Yes! Good.", ["Is it?", "Yes!", "Good."]),
        ("That is 3.5 hours. Fine.", ["That is 3.5 hours.", "Fine."]),
        ("Dr. Smith is here. Mrs. Jones is not.", ["Dr. Smith is here.", "Mrs. Jones is not."]),
        ("Bring fruit, e.g. pears. Go.", ["Bring fruit,", "e.g. pears.", "Go."]),
        ("Visit www.x.com. Then call.", ["Visit www.x.com.", "Then call."]),
        ("It costs $4.20. Is it ok?", ["It costs $4.20.", "Is it ok?"]),
        ("Wait... and see. Well.", ["Wait... and see.", "Well."]),
        ('He said "Is it?" and left. "No." Bye.', ['He said "Is it?" and left.', '"No."', "Bye."]),
        ("The answer is 42. Then go.", ["The answer is 42.", "Then go."]),
        ("We close at 5 p.m. on Sunday. Bye.", ["We close at 5 p.m. on Sunday.", "Bye."]),
        ("We close at 5 p.m. Call us.", ["We close at 5 p.m.", "Call us."]),
        ("J. R. Smith called. So do I. Then go.", ["J. R. Smith called.", "So do I.", "Then go."]),
        ("Take plan B. It is good.", ["Take plan B.", "It is good."]),
        ("No. 5 is alive. No. Stop.", ["No. 5 is alive.", "No.", "Stop."]),
        ("1. Open it\n2. Close it", ["1. Open it", "2. Close it"]),
        ("你好。请问你叫什么名字？谢谢", ["你好。", "请问你叫什么名字？", "谢谢"]),
        ("We met on May 5, 2024. Good.", ["We met on May 5, 2024.", "Good."]),
        ("Go (yes. Really. Now.) and see. Ok.", ["Go (yes. Really. Now.) and see.", "Ok."]),
        ("I am sad :( today. Bye.", ["I am sad :( today.", "Bye."]),
    ],
)
def test_a_text_is_cut_where_a_reader_would_breathe(text, wanted):
    assert sources(text) == wanted


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Of course, I can look that up for you", "Of course, "),
        ("Yes, of course, I can", "Yes, of course, "),
        ("Let me see — here it is", "Let me see — "),
        ("Here it is: the order", "Here it is: "),
        ("I think it is best to restart the router and then call us", None),
        (
            "I think that it is best to restart the router because it hangs",
            "I think that it is best to restart the router ",
        ),
        ("We are open between the hours of 9 and 10 in the morning", None),
        ("你好，我可以帮你", "你好，"),
    ],
)
def test_the_first_clause_is_spoken_before_its_sentence_is_over(text, first):
    chunks = Sentences().feed(text)
    if first is None:
        assert [chunk.source for chunk in chunks if len(chunk.source.split()) < 8] == []
    else:
        assert chunks[0] == Chunk(first, ends_sentence=False)


def test_a_sentence_is_followed_by_a_longer_pause_than_a_clause():
    clause, sentence = cut("Of course, I can. ")
    assert 0 < clause.pause_s < sentence.pause_s < 0.5


def test_later_sentences_stay_whole():
    text = "I see. First of all, restart it, and then, after a minute, call us. "
    assert [chunk.source for chunk in cut(text)][1:] == [text[7:]]


def test_a_sentence_without_an_end_is_cut_at_a_clause_or_else_between_words():
    long = "this goes on and on, " * 30
    assert all(chunk.source.endswith(", ") for chunk in cut(long)[1:-1])
    assert max(len(chunk.source) for chunk in cut("word " * 200)) <= 240
    assert all(chunk.source.endswith(" ") for chunk in cut("word " * 200))
    assert max(len(chunk.source) for chunk in cut("x" * 999)) <= 240


def test_a_chunk_is_there_as_soon_as_the_next_word_begins():
    sentences = Sentences()
    assert sentences.feed("It is done.") == []
    assert sentences.feed(" ") == []
    assert sentences.feed("Y") == [Chunk("It is done. ", ends_sentence=True)]


def test_white_space_alone_is_given_back_but_is_nothing_to_say():
    (only,) = cut("  \n ")
    assert only.source == "  \n "
    assert not only.is_speakable


@given(TEXTS, st.integers(1, 7))
def test_how_the_tokens_were_cut_makes_no_difference(text, size):
    assert cut(text, size, longest=60) == cut(text, longest=60)


@given(st.one_of(TEXTS, st.text(max_size=200)))
def test_all_chunks_together_are_the_text(text):
    chunks = cut(text, 3, longest=60)
    assert "".join(chunk.source for chunk in chunks) == text
    assert all(chunk.source for chunk in chunks)


@given(st.text(min_size=1, max_size=50))
def test_a_reply_can_go_on_after_a_flush(text):
    sentences = Sentences()
    first = sentences.feed(text) + sentences.flush()
    second = sentences.feed(text) + sentences.flush()
    assert "".join(chunk.source for chunk in first + second) == text * 2
