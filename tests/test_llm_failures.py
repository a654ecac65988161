"""A provider's "no": what it means, what it says, and no key in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.llm.failures import outcome_in_stream, outcome_of, retry_after_s
from tonewise.providers import MESSAGE_LENGTH, presentable, provider_message, redacted

KEY = "sk-proj-0aB1cD2eF3gH4iJ5kL6mN7oP8qR9"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (307, "refused"),
        (400, "bad_request"),
        (413, "bad_request"),
        (422, "bad_request"),
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


@pytest.mark.parametrize(
    ("status", "words", "outcome"),
    [
        (400, '{"code": "context_length_exceeded"}', "too_long"),
        (400, "This model's maximum context length is 8192 tokens.", "too_long"),
        (400, "prompt is too long: 233153 tokens > 200000 maximum", "too_long"),
        (400, "input length and `max_tokens` exceed context limit: 174167 + 64000", "too_long"),
        (400, "The input token count (1196265) exceeds the maximum number of tokens", "too_long"),
        (400, "Input is too long for requested model.", "too_long"),
        (400, "Please reduce the length of the messages or completion.", "too_long"),
        (400, '{"type": "exceed_context_size_error"}', "too_long"),
        (400, "Prompt contains 40000 tokens, too large for model with 32768", "too_long"),
        (400, "Input length 877338 exceeds the maximum allowed input length", "too_long"),
        (413, "Request too large on tokens per minute (TPM): Limit 6000", "rate_limited"),
        (400, '{"code": "content_filter"}', "content_filtered"),
        (400, '{"code": "content_policy_violation"}', "content_filtered"),
        (400, "triggering Azure OpenAI's content management policy", "content_filtered"),
        (400, "Output blocked by content filtering policy", "content_filtered"),
        (403, "Your chosen model requires moderation", "content_filtered"),
        (400, "Unsupported parameter: 'max_tokens'", "bad_request"),
        (400, "temperature is too long a word", "bad_request"),
        (401, "Incorrect API key", "refused"),
        (404, "context window not found", "refused"),
        (500, "maximum context length", "upstream_error"),
    ],
)
def test_codes_and_words_tell_more_than_a_status(status, words, outcome):
    assert outcome_of(status, words) == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"code": 429, "message": "Rate limit reached"}, "rate_limited"),
        ({"type": "rate_limit_error", "message": "…"}, "rate_limited"),
        ({"type": "overloaded_error", "message": "Overloaded"}, "upstream_error"),
        ({"message": "prompt is too long: 9 tokens > 8 maximum"}, "too_long"),
        ({"code": "content_filter"}, "content_filtered"),
        ("CUDA is out of memory", "upstream_error"),
    ],
)
def test_an_error_in_a_stream_has_an_outcome(error, outcome):
    assert outcome_in_stream(error) == outcome


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
