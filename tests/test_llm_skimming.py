"""What is read of a stream that passes through, wherever the network cuts it."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.errors import AttemptError
from tonewise.llm.reply_parts import any_json, counts, decoded, is_useful, whole_reply
from tonewise.llm.skimming import Skim
from upstream import ANTHROPIC_START, anthropic_delta, anthropic_stop, openai_chunk

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}
TRAPS = (
    "hello",
    ' "finish_reason":"stop" ',
    '"error": {"message": "no"}',
    "data: [DONE]\n\n",
    "[DONE]",
    "\r\n\r\n",
    "message_stop",
    '"type":"error"',
    "né 漢 🙂",
)


def sse(*events, end="\n\n"):
    told = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return "".join(f"data: {each}{end}" for each in told).encode()


def chat(words, *, end="\n\n", usage=True):
    chunks = [openai_chunk({"role": "assistant", "content": ""})]
    chunks += [openai_chunk({"content": word}) for word in words]
    chunks.append(openai_chunk({}, finish="stop"))
    if usage:
        chunks.append(openai_chunk({}) | {"choices": [], "usage": USAGE})
    return b": hello\n\n" + sse(*chunks, "[DONE]", end=end)


def cut(data, places):
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(at)]


def said(events):
    return "".join(
        choice["delta"].get("content") or ""
        for chunk in decoded(events)
        for choice in chunk["choices"]
    )


@given(
    st.lists(st.sampled_from(TRAPS), min_size=1, max_size=6),
    st.lists(st.integers(0, 10_000), max_size=8),
    st.sampled_from(["\n\n", "\r\n\r\n"]),
)
def test_wherever_it_is_cut_all_words_pass_and_the_end_is_found(words, places, end):
    words = ["So: ", *words]
    skim = Skim("chat", counted=False)
    passed = b"".join(skim.feed(piece) for piece in cut(chat(words, end=end), places))
    whole = passed + skim.ending(b'"ours":1')
    assert said(whole) == "".join(words)
    assert skim.done
    assert skim.reason == "stop"
    assert (skim.input_tokens, skim.output_tokens) == (12, 3)
    assert whole.count(f"data: [DONE]{end}".encode()) == 1
    told = decoded(whole)
    assert told[-1]["ours"] == 1
    assert all(each["choices"] for each in told)  # the count was not asked for
    skim.check_end()


@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_a_count_that_was_asked_for_comes_last_and_carries_what_is_ours(places):
    skim = Skim("chat")
    passed = b"".join(skim.feed(piece) for piece in cut(chat(["a", "b"]), places))
    told = decoded(passed + skim.ending(b'"ours":1'))
    assert told[-1]["usage"] == USAGE
    assert told[-1]["ours"] == 1
    assert [each for each in told if "ours" in each] == told[-1:]


def test_nothing_is_added_where_nothing_is_to_be_told():
    data = chat(["a", "b"])
    skim = Skim("chat")
    assert skim.feed(data) + skim.ending() == data


@given(st.lists(st.integers(0, 10_000), max_size=8), st.lists(st.sampled_from(TRAPS), min_size=1))
def test_a_message_of_claudes_passes_as_it_is_and_ours_goes_into_its_last_event(places, words):
    events = [
        ANTHROPIC_START,
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "ping"},
        *map(anthropic_delta, words),
        {"type": "content_block_stop", "index": 0},
        anthropic_stop("end_turn"),
        {"type": "message_stop"},
    ]
    data = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events).encode()
    skim = Skim("messages")
    passed = b"".join(skim.feed(piece) for piece in cut(data, places))
    whole = passed + skim.ending(b'"ours":1')
    assert decoded(whole) == [*events[:-1], {"type": "message_stop", "ours": 1}]
    assert (skim.input_tokens, skim.output_tokens) == (100, 7)
    assert skim.done
    assert skim.reason == "end_turn"


@pytest.mark.parametrize(
    ("delta", "useful"),
    [
        ({"role": "assistant", "content": ""}, False),
        ({"content": " \n"}, False),
        ({"content": None, "refusal": None}, False),
        ({"content": "a"}, True),
        ({"tool_calls": [{"index": 0}]}, True),
        ({"tool_calls": []}, False),
        ({"reasoning_content": "Hm."}, True),
        ({"refusal": "No."}, True),
        ({"audio": {"data": "AAAA"}}, True),
        (None, False),
    ],
)
def test_what_is_useful(delta, useful):
    assert is_useful(delta) is useful
    skim = Skim("chat")
    skim.feed(sse({"choices": [{"delta": delta}]}))
    assert skim.useful is useful


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "out of memory", "code": 500}},
        {"object": "error", "message": "out of memory"},
        {"error": "out of memory"},
    ],
)
def test_an_error_in_the_stream_is_found_whenever_it_comes(error, early):
    skim = Skim("chat")
    if not early:
        skim.feed(sse(openai_chunk({"content": "a"})))
    with pytest.raises(AttemptError, match="out of memory") as told:
        skim.feed(sse(error))
    assert told.value.outcome == "upstream_error"


def test_an_error_that_is_none_is_none():
    skim = Skim("chat")
    skim.feed(sse(openai_chunk({"content": "a"})))
    event = sse(openai_chunk({"content": "b"}) | {"error": None})
    assert skim.feed(event) == event


def test_what_is_no_json_is_garbled_and_an_end_without_a_word_is_no_reply():
    with pytest.raises(AttemptError) as told:
        Skim("chat").feed(b"data: {not json\n\n")
    assert told.value.outcome == "garbled"
    skim = Skim("chat")
    skim.feed(chat([]))
    with pytest.raises(AttemptError) as told:
        skim.check_end()
    assert told.value.outcome == "no_first_token"
    with pytest.raises(AttemptError) as told:
        Skim("chat").check_end()
    assert told.value.outcome == "upstream_error"


def test_tokens_are_counted_alike_in_both_dialects():
    cached = {"input_tokens": 10, "cache_read_input_tokens": 90, "output_tokens": 7}
    assert counts(USAGE) == (12, 3)
    assert counts(cached) == (100, 7)
    assert counts({"prompt_tokens": "many"}) == (None, None)


# ---------------------------------------------------------------- ends without manners


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_last_event_that_nothing_ends_counts_all_the_same(end):
    skim = Skim("chat")
    passed = skim.feed(sse(openai_chunk({"content": "Hi."})))
    passed += skim.feed(sse(openai_chunk({}, finish="stop"), end=end))
    assert skim.reason == ""
    passed += skim.rest()
    skim.check_end()
    assert skim.reason == "stop"
    passed += skim.ending(b'"tonewise":{}')
    assert said(passed) == "Hi."
    assert decoded(passed)[-1]["tonewise"] == {}
    assert passed.endswith(b"\n\ndata: [DONE]\n\n")


def test_half_an_event_at_the_end_is_an_end_that_came_too_early():
    skim = Skim("chat")
    skim.feed(sse(openai_chunk({"content": "Hi."})))
    skim.feed(b'data: {"choices":[{"index":0,"del')
    assert skim.rest() == b""
    with pytest.raises(AttemptError, match="ended before the reply"):
        skim.check_end()


def test_a_message_whose_last_event_does_not_come_gets_one_of_ours():
    skim = Skim("messages")
    told = sse(ANTHROPIC_START, anthropic_delta("Hi."), anthropic_stop("end_turn"))
    passed = skim.feed(told) + skim.ending(b'"tonewise":{}')
    kinds = [event["type"] for event in decoded(passed)]
    assert kinds == ["message_start", "content_block_delta", "message_delta", "message_stop"]
    assert decoded(passed)[-1]["tonewise"] == {}


@pytest.mark.parametrize("bad", [b'{"error":"\xff"}', b'{"x":"\\ud8"}', b"[" * 5000])
def test_what_cannot_be_read_is_garbled_wherever_it_is_looked_at(bad):
    for look in (Skim("chat").feed, Skim("messages").feed, decoded):
        with pytest.raises(AttemptError) as told:
            look(b"data: " + bad + b"\n\n")
        assert told.value.outcome == "garbled"
    with pytest.raises(AttemptError) as told:
        whole_reply(bad)
    assert told.value.outcome == "garbled"


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r"])
def test_where_nothing_is_added_every_byte_is_the_providers_own(end):
    whole = chat(["Hello ", "né 漢 🙂"], end=end).removeprefix(b": hello\n\n")
    for size in (1, 7, len(whole)):
        skim = Skim("chat")
        passed = b"".join(skim.feed(whole[at : at + size]) for at in range(0, len(whole), size))
        assert passed + skim.ending() == whole


# ---------------------------------------------------------------- halves of characters


@given(st.text(alphabet=st.sampled_from('\ud83d\ude00a\\"u\n漢🙂')))
def test_half_a_character_is_replaced_and_all_else_stays_as_it_is(text):
    told = json.dumps(text).encode()
    expected = "".join("�" if "\ud800" <= c <= "\udfff" else c for c in json.loads(told))
    assert any_json(told) == expected


def test_half_a_character_does_not_end_a_stream_and_passes_as_it_came():
    stream = chat(["Hi \ud83d", "there"])
    skim = Skim("chat")
    passed = skim.feed(stream) + skim.ending()
    assert passed == stream
    assert skim.reason == "stop"
    assert said(passed) == "Hi �there"
    message = {"role": "assistant", "content": "\ude00!"}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    assert whole_reply(whole).useful


@pytest.mark.parametrize("broken", [b'{"a": "\\ud83"}', b'{"a": \\ud83d}', b'{"\\ud83d', b"\xff"])
def test_what_is_broken_otherwise_stays_so(broken):
    with pytest.raises(AttemptError, match="no reply"):
        whole_reply(broken)
