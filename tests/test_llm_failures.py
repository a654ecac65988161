"""A provider's "no": what it means, what it says, and no key in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.llm.failures import (
    MESSAGE_LENGTH,
    outcome_of,
    presentable,
    provider_message,
    redacted,
    retry_after_s,
)

KEY = "sk-proj-0aB1cD2eF3gH4iJ5kL6mN7oP8qR9"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (307, "refused"),
        (400, "refused"),
        (401, "refused"),
        (404, "refused"),
        (429, "rate_limited"),
        (500, "upstream_error"),
        (503, "upstream_error"),
        (529, "upstream_error"),
    ],
)
def test_a_status_has_an_outcome(status, outcome):
    assert outcome_of(status) == outcome


SATURDAY = "Sat, 21 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT", "date": SATURDAY}, 30.0),
        ({"retry-after": "Sat, 21 Nov 2026 11:00:00 GMT", "date": SATURDAY}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30 GMT"}, None),
        ({"retry-after": "soon", "date": SATURDAY}, None),
        ({"retry-after": "Sat, 21 Nov 2026 12:00:30", "date": SATURDAY}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(headers, seconds):
    assert retry_after_s(headers) == seconds


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "No such model", "type": "x", "code": null}}', "No such model"),
        (b'{"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}', "Busy"),
        (b'{"error": "model not found"}', "model not found"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', "field required"),
        (b'[{"error": {"code": 404, "message": "gone"}}]', "gone"),
        (b'{"error": {"type": "server_error", "message": ""}}', "server_error"),
        (b'{"error": {"message": "cut off', ""),
        (b"[" * 5000, ""),
        (b"{}", ""),
        (b"null", ""),
        (b"upstream connect error", "upstream connect error"),
        (b"<html><body>502</body></html>", ""),
        (b"\xff\xfe", "��"),
        (b"", ""),
    ],
)
def test_the_providers_own_words_are_found(body, said):
    assert provider_message(body) == said


@given(st.binary(max_size=200))
def test_no_body_of_an_error_breaks_the_reading_of_it(body):
    assert isinstance(provider_message(body), str)


def test_a_key_is_redacted_whole_and_in_part():
    assert redacted(f"bad key {KEY}.", [KEY]) == "bad key [key]."
    assert redacted(f"bad key {KEY[:14]}***{KEY[-9:]}", [KEY]) == "bad key [key]***[key]"
    assert redacted("nothing to hide", [KEY, ""]) == "nothing to hide"


@given(
    before=st.text(max_size=250),
    start=st.integers(0, len(KEY) - 8),
    length=st.integers(8, len(KEY)),
    after=st.text(max_size=250),
)
def test_no_piece_of_a_key_is_ever_shown(before, start, length, after):
    shown = presentable(before + KEY[start : start + length] + after, [KEY])
    assert not any(KEY[at : at + 8] in shown for at in range(len(KEY) - 7))
    assert len(shown) <= MESSAGE_LENGTH


def test_a_message_is_one_line_without_control_characters():
    assert presentable("two\nlines\x1b[31m\x00 of\ttext ", []) == "two lines [31m of text"
