"""Server-sent events: the same events, however the network cuts the bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.errors import AttemptError
from tonewise.llm.sse import ServerSentEvent, SseParser


def parsed(*chunks: bytes, limit: int = 1 << 20) -> list[tuple[str, str]]:
    parser = SseParser(limit)
    return [(e.event, e.data) for chunk in chunks for e in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [("message", "a")]),
        (b"data:a\r\rdata: b\r\n\r\n", [("message", "a"), ("message", "b")]),
        (b"data: a\ndata: b\n\n", [("message", "a\nb")]),
        (b"data:  two spaces\n\n", [("message", " two spaces")]),
        (b"event: ping\ndata: {}\n\ndata: x\n\n", [("ping", "{}"), ("message", "x")]),
        (b": keep-alive\n\n:\n\ndata: a\n: in between\n\n", [("message", "a")]),
        (b"data\n\n", [("message", "")]),
        (b"event: nothing\n\ndata: a\n\n", [("message", "a")]),
        (b"id: 7\nretry: 10\nnonsense\ndata: a\n\n", [("message", "a")]),
        (
            b"\xef\xbb\xbfdata: after a byte order mark\n\n",
            [("message", "after a byte order mark")],
        ),
        (b"data: \xff\n\n", [("message", "�")]),
        (b"data: the stream breaks off here\n", []),
        (b"", []),
    ],
)
def test_a_stream_is_read_as_the_standard_says(stream, events):
    assert parsed(stream) == events


def test_a_character_split_between_two_chunks_stays_whole():
    whole = "data: grüß dich 🙂\n\n".encode()
    for cut in range(len(whole)):
        assert parsed(whole[:cut], whole[cut:]) == [("message", "grüß dich 🙂")]


def test_a_crlf_split_between_two_chunks_is_one_line_end():
    assert parsed(b"data: a\r", b"\ndata: b\r", b"", b"\n\r", b"\n") == [("message", "a\nb")]


PIECES = [
    "data: a",
    "data:ü🙂",
    "data",
    "event: e",
    ": c",
    "id: 1",
    "\n",
    "\r",
    "\r\n",
    "\ufeff",
    " ",
]


def events_until_error(chunks: list[bytes], limit: int) -> list[ServerSentEvent | str]:
    parser, seen = SseParser(limit), []
    try:
        for chunk in chunks:
            for event in parser.feed(chunk):
                seen.append(event)  # noqa: PERF402  what came before an error counts
    except AttemptError as error:
        seen.append(error.outcome)
    return seen


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.data(), st.sampled_from([8, 20, 1000]))
def test_any_chunking_gives_the_same_events(pieces, data, limit):
    stream = "".join(pieces).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert events_until_error(chunks, limit) == events_until_error([stream], limit)


@given(st.lists(st.binary(max_size=30), max_size=20))
def test_any_bytes_are_read_or_refused_but_never_crash(chunks):
    events_until_error(chunks, 50)


@pytest.mark.parametrize(
    "chunks",
    [
        [b"data: " + b"x" * 200],
        [b"x"] * 200,
        [b"data: 12345678\n"] * 30,
        [b"data:\n"] * 200,
    ],
    ids=["long line", "long line, byte by byte", "many lines", "many empty lines"],
)
def test_a_line_or_event_without_end_is_garbled_and_not_hoarded(chunks):
    with pytest.raises(AttemptError) as caught:
        parsed(*chunks, limit=100)
    assert caught.value.outcome == "garbled"


def test_a_long_stream_of_small_events_passes_the_limit_on_size():
    assert len(parsed(*[b"data: 1234567890\n\n"] * 1000, limit=100)) == 1000
