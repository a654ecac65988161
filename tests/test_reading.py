"""Text as a person reads it aloud."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.tts.number_words import cardinal, ordinal, plain, year
from tonewise.tts.reading import readable

MARKS = set("*`~|{}[]<>\\^_")
PIECES = [
    *"abAB 3.,:;!?-—\n\"'()[]*_`#~|<>{}\\^。1$%€/@&+=°",
    *("Dr. ", "🙂", "http://", "www.", "a.com", "5 p.m.", "st.", "\u200d", "1/2", "2024", "12:30"),
    *("| a |", "```", "&lt;", "x", "٣", "³", "½"),
]
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.text(max_size=60))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**Bold**, _slanted_ and `code`.", "Bold, slanted and code."),
        ("See [our page](https://x.com/a?b=c) 🙂 :)", "See our page"),
        ("# Title\n- one\n- two", "Title. one. two"),
        ("> quoted\n\n~~gone~~ <b>hi</b> &amp; you", "quoted. gone hi and you"),
        ("| a | b |\n|---|---|\n| c | d |", "a, b. c, d"),
        ("Snake_case and 2 * 3", "Snake case and two three"),
        ("Keep it up 👩‍👩‍👧 🇩🇪 1️⃣!", "Keep it up one!"),
        ("What?!! Really!!!", "What?! Really!"),
    ],
)
def test_markup_and_emoji_are_not_read(written, read):
    assert readable(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("jane.doe@example.co.uk", "jane dot doe at example dot co dot uk"),
        ("a_b-c+d@x.io.", "a underscore b dash c plus d at x dot io."),
        ("https://www.example.com/help.", "example dot com slash help."),
        ("http://a-b.org/x/y/z?q=1!", "a dash b dot org!"),
        ("Visit example.com today", "Visit example dot com today"),
        ("https://me:secret@example.com/", "example dot com"),
    ],
)
def test_addresses_are_read_so_that_they_can_be_typed(written, read):
    assert readable(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("$4.20", "four dollars and twenty cents"),
        ("$1", "one dollar"),
        ("$0.99", "ninety-nine cents"),
        ("$1,299", "one thousand two hundred ninety-nine dollars"),
        ("$3.2 billion", "three point two billion dollars"),
        ("$5M", "five million dollars"),
        ("-$5", "minus five dollars"),
        ("$5-$10", "five to ten dollars"),
        ("£3.01", "three pounds and one penny"),
        ("5 €, 20 USD", "five euros, twenty dollars"),
        ("3:30 pm", "three thirty P.M."),
        ("3:05", "three oh five"),
        ("9:00", "nine o'clock"),
        ("15:00", "fifteen hundred hours"),
        ("at 5 p.m.", "at five P.M."),
        ("10am", "ten A.M."),
        ("9-5 pm", "nine to five P.M."),
        ("9am–5pm, 2:30-3:30", "nine A.M. to five P.M., two thirty to three thirty"),
        ("9 a.m.-5 p.m., Mon-Fri", "nine A.M. to five P.M., Monday to Friday"),
        ("$20/month or 5 GB/mo", "twenty dollars per month or five gigabytes per month"),
        ("you may 3 times", "you may three times"),
        ("2026-11-21", "November twenty-first, twenty twenty-six"),
        ("11/21/2026", "November twenty-first, twenty twenty-six"),
        ("21/11/2026", "November twenty-first, twenty twenty-six"),
        ("Nov. 21", "November twenty-first"),
        ("the 4th of July 1999", "the fourth of July nineteen ninety-nine"),
        ("3 May", "the third of May"),
        ("in 2005", "in two thousand five"),
        ("the 1990s", "the nineteen nineties"),
        ("2019-2021", "twenty nineteen to twenty twenty-one"),
        ("50%", "fifty percent"),
        ("3.5 %", "three point five percent"),
        ("2–3 days", "two to three days"),
        ("-5 °C", "minus five degrees Celsius"),
        ("1 km, 5 GB, 100 km/h", "one kilometer, five gigabytes, one hundred kilometers per hour"),
        ("1st, 22nd", "first, twenty-second"),
        ("1/2 cup, 2 1/2 hours, 7/9", "one half cup, two and a half hours, seven ninths"),
        ("24/7", "twenty-four seven"),
        ("v2.1.3", "version two point one point three"),
        ("192.168.1.1", "one nine two dot one six eight dot one dot one"),
        ("5 < 6", "five less than six"),
        ("~5", "about five"),
        ("10k", "ten thousand"),
        ("6'2\"", "six foot two"),
        ("007", "zero zero seven"),
        ("COVID-19, MP3, 5G", "COVID-nineteen, MP3, 5G"),
    ],
)
def test_figures_are_read_as_what_they_mean(written, read):
    assert readable(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("(555) 123-4567", "five five five, one two three, four five six seven"),
        ("555-0123", "five five five, zero one two three"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("order number 45921", "order number four five nine two one"),
        ("the PIN is code 0042", "the PIN is code zero zero four two"),
        ("X7K9Q2", "X seven K nine Q two"),
        ("#5, #A12", "number five, number A12"),
        ("555 123 4567", "five five five, one two three, four five six seven"),
    ],
)
def test_what_is_dialled_or_typed_is_read_digit_by_digit(written, read):
    assert readable(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Dr. Smith vs. Mrs. Brown", "Doctor Smith versus Missus Brown"),
        ("e.g. tea, etc.", "for example tea, et cetera."),
        ("St. Louis, on Main St.", "Saint Louis, on Main Street."),
        ("No. 5, and no. That is no. Go", "number five, and no. That is no. Go"),
        ("tea w/ milk & and/or", "tea with milk and and or"),
    ],
)
def test_abbreviations_are_read_out(written, read):
    assert readable(written) == read


def test_the_british_write_the_day_first():
    assert readable("3/4/2026", "en-GB") == "April third, twenty twenty-six"
    assert readable("3/4/2026", "en-US") == "March fourth, twenty twenty-six"


@pytest.mark.parametrize(
    ("language", "written", "read"),
    [
        ("de", "**Hallo**, max@wo.de: 4,20 €", "Hallo, max at wo Punkt de: 4,20 €"),
        ("fr", "Écrivez à a.b@c.fr 🙂", "Écrivez à a point b arobase c point fr"),
        ("zh", "你好，*3*个。", "你好， 3 个。"),
    ],
)
def test_other_languages_keep_their_numbers_for_the_engine(language, written, read):
    assert readable(written, language) == read


@given(TEXTS, st.sampled_from([None, "en-GB", "de", "zh", ""]))
def test_no_markup_is_left_and_no_text_with_letters_is_emptied(text, language):
    read = readable(text, language)
    assert read == " ".join(read.split())
    assert not MARKS & set(read)
    assert any(map(str.isalnum, read)) or not any(map(str.isalnum, text))


PHRASES = [
    *("I see,", "the order", "costs $4.20", "at 3:30 pm", "no. 5", "www.x.com", "a@b.org"),
    *("Dr. Who", "in 1999", "50%", "**now**", "done."),
]


@given(st.lists(st.sampled_from(PHRASES), max_size=12))
def test_reading_what_was_read_changes_nothing(parts):
    read = readable(" ".join(parts))
    assert readable(read) == read


@given(st.integers(0, 10**15 - 1))
def test_a_number_in_words_can_be_told_from_every_other(number):
    assert value(cardinal(number)) == number
    assert plain(f"{number:,}") == cardinal(number)


@given(st.integers(0, 10**6))
def test_an_ordinal_ends_as_ordinals_do(number):
    assert ordinal(number).endswith(("st", "nd", "rd", "th"))


def test_years_are_read_in_pairs():
    told = {1066: "ten sixty-six", 1900: "nineteen hundred", 1905: "nineteen oh five"}
    told |= {2000: "two thousand", 2010: "twenty ten", 987: "nine hundred eighty-seven"}
    assert {number: year(number) for number in told} == told


def test_reading_is_quick_even_where_it_is_hard():
    began = time.process_time()
    hard = ("1", "a.", "<", "[a](", "$1-", "_a", "x@", "www.", "1:", "A1-", "| ", "a@a.", "(1)")
    for text in (*hard, "1-1", "1,", "a_", ":-", " ", ". ", "([", "&lt;", "\n-"):
        readable(text * (3000 // len(text)))
    assert time.process_time() - began < 2.0


def value(words: str) -> int:
    """The number that words stand for, by another way than they were made."""
    small = {cardinal(n): n for n in range(100)}
    scale = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
    total = part = 0
    for word in words.split():
        if word == "hundred":
            part *= 100
        elif word in scale:
            total, part = total + part * scale[word], 0
        else:
            part += small[word]
    return total + part
