"""Answers, whole and streamed, from one format to another.

The official SDKs' types read every event, and their accumulators must arrive at the whole answer.
"""

import json
from itertools import pairwise

import pytest
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from tonewise.dialects.claude_answer import ChatChunks, chat_completion
from tonewise.dialects.messages import MESSAGES
from tonewise.dialects.responses import RESPONSES

USAGE = {
    "prompt_tokens": 20,
    "completion_tokens": 7,
    "total_tokens": 27,
    "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TOLD = {"tonewise": {"decision": "dec_1", "attempts": [{"model": "m"}]}}
ALOUD = {"thinking": {"type": "adaptive"}, "stop_sequences": ["END"]}
HEAD = {"id": "chatcmpl-7", "object": "chat.completion", "created": 5, "model": "m"}
CLAUDE_EVENT = TypeAdapter(RawMessageStreamEvent)
OPENAI_EVENT = TypeAdapter(ResponseStreamEvent)


def completion(finish="stop", usage=USAGE, choice=None, **message):
    said = {"role": "assistant", "content": None, "refusal": None} | message
    one = {"index": 0, "message": said, "finish_reason": finish, "logprobs": None} | (choice or {})
    return {**HEAD, "choices": [one], "usage": usage}


def chunk(delta, finish=None, **more):
    choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
    return {**HEAD, "object": "chat.completion.chunk", "choices": [choice], "usage": None} | more


def call(name="f", arguments='{"a":1}', call_id="call_1"):
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def events(raw: bytes):
    """What a client reads: the event's name must be its type."""
    made = []
    for block in raw.decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        made.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {made[-1]['type']}"
    return made


def streamed(tongue, chunks, body, extra=None):
    writer = tongue.writer(body)
    return events(b"".join([*map(writer.feed, chunks), writer.end(extra or {})]))


def message_of(stream):
    """The message as Anthropic's SDK puts it together."""
    snapshot, buffers = None, {}
    for event in stream:
        read = CLAUDE_EVENT.validate_python(event)
        snapshot = accumulate_event(event=read, current_snapshot=snapshot, json_bufs=buffers)
    message = snapshot.model_dump(exclude_unset=True)
    assert message.pop("stop_details") is None
    return message


def response_of(stream):
    """The response as OpenAI's SDK reads it; and as its deltas alone put it together."""
    state = ResponseStreamState(input_tools=[], text_format=omit)
    for number, event in enumerate(stream):
        assert event["sequence_number"] == number
        state.handle_event(OPENAI_EVENT.validate_python(event))
    grown = {at: item.to_dict() for at, item in state._output_items.items()}
    return stream[-1]["response"], [grown[at] for at in sorted(grown)]


# ---------------------------------------------------------------- to Messages


def test_a_whole_completion_becomes_a_message():
    answer = completion(
        "tool_calls", content="Let me look.", reasoning_content="Hm.", tool_calls=[call()]
    )
    message = MESSAGES.whole({**answer, **TOLD}, ALOUD)
    Message.model_validate(message)
    assert message == {
        "id": "msg_7",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "tonewise"},
            {"type": "text", "text": "Let me look."},
            {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 12,
            "cache_creation_input_tokens": 3,
            "cache_read_input_tokens": 5,
            "output_tokens": 7,
            "output_tokens_details": {"thinking_tokens": 2},
        },
        **TOLD,
    }


def test_a_streamed_completion_becomes_anthropics_events():
    chunks = [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hello"}),
        chunk({"content": " there"}),
        chunk({"tool_calls": [{"index": 0, **call(arguments="")}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]}),
        chunk({}, "tool_calls"),
        chunk({}, choices=[], usage=USAGE),
    ]
    stream = streamed(MESSAGES, chunks, {}, TOLD)
    assert [event["type"] for event in stream] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert stream[5]["content_block"] == {
        "type": "tool_use",
        "id": "call_1",
        "name": "f",
        "input": {},
    }
    assert stream[9]["tonewise"] == TOLD["tonewise"]
    assert stream[9]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    whole = MESSAGES.whole(completion("tool_calls", content="Hello there", tool_calls=[call()]), {})
    assert message_of(stream) == whole


def test_the_first_words_are_told_when_they_come():
    writer = MESSAGES.writer({})
    assert [e["type"] for e in events(writer.feed(chunk({"role": "assistant"})))] == [
        "message_start"
    ]
    assert "Hello" in writer.feed(chunk({"content": "Hello"})).decode()
    writer = RESPONSES.writer({})
    assert "Hello" in writer.feed(chunk({"content": "Hello"})).decode()


@pytest.mark.parametrize(
    ("answer", "reason", "at"),
    [
        (completion("stop", content="x"), "end_turn", None),
        (completion("length", content="x"), "max_tokens", None),
        (completion("content_filter", content="x"), "refusal", None),
        (completion("stop", refusal="I will not."), "refusal", None),
        (completion("stop", tool_calls=[call()]), "tool_use", None),
        (completion("stop", content="x", choice={"stop_reason": "END"}), "stop_sequence", "END"),
        (completion("stop", content="x", choice={"stop_reason": 7}), "end_turn", None),
        (completion(None, content="x"), "end_turn", None),
    ],
)
def test_why_an_answer_ended_is_told_in_anthropics_words(answer, reason, at):
    message = MESSAGES.whole(answer, ALOUD)
    assert (message["stop_reason"], message["stop_sequence"]) == (reason, at)
    stream = streamed(MESSAGES, [as_chunk(answer)], ALOUD)
    assert message_of(stream) == message


def as_chunk(answer):
    choice = dict(answer["choices"][0])
    choice["delta"] = choice.pop("message")
    return {**answer, "object": "chat.completion.chunk", "choices": [choice]}


def test_thoughts_are_told_only_to_who_asked_for_them():
    answer = completion(content="Yes.", reasoning_content="Hm.")
    for quiet in ({}, {"thinking": {"type": "disabled"}}):
        assert [b["type"] for b in MESSAGES.whole(answer, quiet)["content"]] == ["text"]
        assert "Hm." not in json.dumps(streamed(MESSAGES, [as_chunk(answer)], quiet))
    assert "Hm." in json.dumps(streamed(MESSAGES, [as_chunk(answer)], ALOUD))


def test_an_error_in_a_stream_is_told_as_each_vendor_tells_it():
    writer = MESSAGES.writer({})
    writer.feed(chunk({"content": "Hello"}))
    assert events(writer.failed(503, "It broke.")) == [
        {"type": "error", "error": {"type": "overloaded_error", "message": "It broke."}}
    ]
    assert writer.end({}) == b""
    assert events(MESSAGES.writer({}).failed(500, "x"))[0]["error"]["type"] == "api_error"
    writer = RESPONSES.writer({})
    writer.feed(chunk({"content": "Hello"}))
    (failed,) = events(writer.failed(502, "It broke."))
    assert OPENAI_EVENT.validate_python(failed).type == "response.failed"
    response = failed["response"]
    assert response["status"] == "failed"
    assert response["error"] == {"code": "server_error", "message": "It broke."}
    assert response["output"][0]["content"][0]["text"] == "Hello"
    assert [e["type"] for e in events(RESPONSES.writer({}).failed(429, "x"))] == [
        "response.created",
        "response.in_progress",
        "response.failed",
    ]


# ---------------------------------------------------------------- to Responses


def test_a_whole_completion_becomes_a_response():
    body = {"instructions": "Be kind.", "temperature": 0.5, "metadata": {"a": "b"}, "store": True}
    answer = completion(
        "tool_calls", content="Let me look.", reasoning_content="Hm.", tool_calls=[call()]
    )
    response = RESPONSES.whole({**answer, **TOLD}, body)
    read = Response.model_validate(response)
    assert read.output_text == "Let me look."
    assert (read.instructions, read.temperature, read.metadata) == ("Be kind.", 0.5, {"a": "b"})
    assert (response["store"], response["status"], response["id"]) == (False, "completed", "resp_7")
    thought, said, called = response["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm."}]
    assert said["content"][0]["text"] == "Let me look."
    assert (called["call_id"], called["name"], called["arguments"]) == ("call_1", "f", '{"a":1}')
    assert len({item["id"] for item in response["output"]}) == 3
    assert response["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 27,
    }
    assert response["tonewise"] == TOLD["tonewise"]


def test_a_streamed_text_becomes_openais_events_in_their_order():
    chunks = [chunk({"content": "Hel"}), chunk({"content": "lo"}), chunk({}, "stop")]
    stream = streamed(RESPONSES, chunks, {}, TOLD)
    assert [event["type"].removeprefix("response.") for event in stream] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert stream[-1]["response"]["tonewise"] == TOLD["tonewise"]


@pytest.mark.parametrize(
    ("answer", "status", "why"),
    [
        (completion("stop", content="x"), "completed", None),
        (completion("tool_calls", tool_calls=[call()]), "completed", None),
        (completion("length", content="x"), "incomplete", "max_output_tokens"),
        (completion("content_filter", content="x"), "incomplete", "content_filter"),
    ],
)
def test_why_an_answer_ended_is_told_in_the_status_of_a_response(answer, status, why):
    response = RESPONSES.whole(answer, {})
    Response.model_validate(response)
    assert response["status"] == status
    assert response["output"][-1]["status"] == status
    assert response["incomplete_details"] == ({"reason": why} if why else None)
    stream = streamed(RESPONSES, [as_chunk(answer)], {})
    assert stream[-1]["type"] == f"response.{status}"
    assert stream[-1]["response"] == response


def test_a_refusal_is_a_refusal_in_a_response():
    answer = completion(refusal="I will not.")
    (item,) = RESPONSES.whole(answer, {})["output"]
    assert item["content"] == [{"type": "refusal", "refusal": "I will not."}]
    stream = streamed(RESPONSES, [as_chunk(answer)], {})
    assert response_of(stream)[0]["output"] == [item]


# ---------------------------------------------------------------- tool calls as servers write them


@pytest.mark.parametrize("tongue", [MESSAGES, RESPONSES])
@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            [
                {"index": 0, **call(call_id="a", arguments="")},
                {"index": 0, "function": {"arguments": '{"n":0}'}},
                {"index": 1, **call(call_id="b", arguments="")},
                {"index": 1, "function": {"arguments": '{"n":1}'}},
            ],
            id="one after the other",
        ),
        pytest.param(
            [
                {"index": 0, **call(call_id="a", arguments="")},
                {"index": 1, **call(call_id="b", arguments='{"n"')},
                {"index": 0, "function": {"arguments": '{"n":'}},
                {"index": 1, "function": {"arguments": ":1}"}},
                {"index": 0, "function": {"arguments": "0}"}},
            ],
            id="in turns",
        ),
        pytest.param(
            [
                {"index": 0, **call(call_id="a", arguments='{"n":0}')},
                {"index": 0, **call(call_id="b", arguments='{"n":1}')},
            ],
            id="all with the index 0",
        ),
        pytest.param(
            [call(call_id="a", arguments='{"n":0}'), call(call_id="b", arguments='{"n":1}')],
            id="without an index",
        ),
        pytest.param(
            [
                {"index": 0, **call(call_id="a", arguments=None)},
                {"index": 0, "id": "a", "function": {"name": "f", "arguments": {"n": 0}}},
                {"index": 1, "id": "b", "function": {}},
                {"index": 1, "function": {"name": "f", "arguments": '{"n":1}'}},
            ],
            id="with arguments as an object, and a name that comes late",
        ),
    ],
)
def test_parallel_calls_come_out_whole_however_a_server_streams_them(tongue, deltas):
    chunks = [chunk({"tool_calls": [delta]}) for delta in deltas]
    stream = streamed(tongue, [*chunks, chunk({}, "tool_calls")], {})
    if tongue is MESSAGES:
        found = [(b["id"], b["input"]) for b in message_of(stream)["content"]]
    else:
        output = response_of(stream)[0]["output"]
        found = [(item["call_id"], json.loads(item["arguments"])) for item in output]
    assert found == [("a", {"n": 0}), ("b", {"n": 1})]
    in_turn(stream)


def test_a_call_without_arguments_is_an_empty_object():
    chunks = [chunk({"tool_calls": [{"index": 0, **call(arguments="")}]}), chunk({}, "tool_calls")]
    stream = streamed(RESPONSES, chunks, {})
    response, (grown,) = response_of(stream)
    assert response["output"][0]["arguments"] == grown["arguments"] == "{}"
    assert [e["arguments"] for e in stream if e["type"].endswith("arguments.done")] == ["{}"]
    assert message_of(streamed(MESSAGES, chunks, {}))["content"][0]["input"] == {}


def test_only_the_last_item_of_an_answer_that_was_cut_off_is_incomplete():
    said = {"content": "Let me look.", "tool_calls": [call(arguments='{"a":1,"b')]}
    answer = completion("length", **said)
    states = [item["status"] for item in RESPONSES.whole(answer, {})["output"]]
    assert states == ["completed", "incomplete"]
    assert MESSAGES.whole(answer, {})["content"][1]["input"] == {"a": 1}


def test_only_the_first_of_several_answers_is_told():
    answer = completion(content="One")
    answer["choices"].append({**answer["choices"][0], "index": 1})
    assert MESSAGES.whole(answer, {})["content"] == [{"type": "text", "text": "One"}]


def test_calls_without_identifiers_get_some_that_differ():
    calls = [{"index": n, "function": {"name": "f", "arguments": "{}"}} for n in range(2)]
    content = MESSAGES.whole(completion("tool_calls", tool_calls=calls), {})["content"]
    assert len({block["id"] for block in content}) == 2
    assert all(block["id"] for block in content)


# ---------------------------------------------------------------- from Messages

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 12,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 5,
        "output_tokens": 7,
    },
}


def claude_events(message, cuts=3):
    """A message as Anthropic streams it."""
    usage = message["usage"]
    opening = {
        **message,
        "content": [],
        "stop_reason": None,
        "usage": {**usage, "output_tokens": 1},
    }
    yield {"type": "message_start", "message": opening}
    for index, block in enumerate(message["content"]):
        at = {"index": index}
        kind, field, text, empty = {
            "thinking": ("thinking_delta", "thinking", block.get("thinking"), {"thinking": ""}),
            "text": ("text_delta", "text", block.get("text"), {"text": ""}),
            "tool_use": (
                "input_json_delta",
                "partial_json",
                json.dumps(block["input"]) if block.get("input") else "",
                {"input": {}},
            ),
        }[block["type"]]
        yield {"type": "content_block_start", **at, "content_block": {**block, **empty}}
        yield {"type": "ping"}
        step = max(1, len(text) // cuts)
        for start in range(0, len(text), step):
            delta = {"type": kind, field: text[start : start + step]}
            yield {"type": "content_block_delta", **at, "delta": delta}
        if block["type"] == "thinking":
            sign = {"type": "signature_delta", "signature": block["signature"]}
            yield {"type": "content_block_delta", **at, "delta": sign}
        yield {"type": "content_block_stop", **at}
    ended = {name: message[name] for name in ("stop_reason", "stop_sequence")}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 7}}
    yield {"type": "message_stop"}


def chunks_of(message, **more):
    reader = ChatChunks(5, **more)
    made = [chunk for event in claude_events(message) for chunk in reader.feed(event)]
    assert reader.finished
    return [*made, *reader.end()]


def test_a_message_becomes_a_chat_completion():
    made = chat_completion(MESSAGE, 5)
    ChatCompletion.model_validate(made)
    (choice,) = made["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me look."
    assert choice["message"]["reasoning_content"] == "Hm."
    assert choice["message"]["tool_calls"] == [
        call(call_id="toolu_1"),
        call(call_id="toolu_2", name="g", arguments="{}"),
    ]
    assert made["usage"] == {
        "prompt_tokens": 20,
        "completion_tokens": 7,
        "total_tokens": 27,
        "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
    }


def test_anthropics_events_become_chunks_that_openais_sdk_puts_together():
    state = ChatCompletionStreamState()
    for made in chunks_of(MESSAGE):
        state.handle_chunk(ChatCompletionChunk.model_validate(made))
    put_together = state.current_completion_snapshot.to_dict()
    (choice,) = put_together["choices"]
    (wanted,) = chat_completion(MESSAGE, 5)["choices"]
    assert choice["message"]["content"] == wanted["message"]["content"]
    assert choice["finish_reason"] == "tool_calls"
    calls = [
        {name: value for name, value in one.items() if name != "index"}
        for one in choice["message"]["tool_calls"]
    ]
    for one in calls:
        one["function"].pop("parsed_arguments", None)
        one["function"]["arguments"] = json.loads(one["function"]["arguments"])
    assert [(one["id"], one["function"]["arguments"]) for one in calls] == [
        ("toolu_1", {"a": 1}),
        ("toolu_2", {}),
    ]
    assert put_together["usage"] == chat_completion(MESSAGE, 5)["usage"]


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "stop"),
        ("refusal", "content_filter"),
        ("model_context_window_exceeded", "length"),
        ("a_reason_of_tomorrow", "stop"),
    ],
)
def test_why_claude_ended_is_told_in_openais_words(reason, finish):
    message = {**MESSAGE, "stop_reason": reason}
    assert chat_completion(message, 0)["choices"][0]["finish_reason"] == finish
    assert chunks_of(message)[-2]["choices"][0]["finish_reason"] == finish


def test_tokens_are_told_only_where_they_were_asked_for():
    assert chunks_of(MESSAGE)[-1]["choices"] == []
    assert all(made["choices"] for made in chunks_of(MESSAGE, include_usage=False))


def test_a_message_that_goes_through_chat_is_the_same_message():
    for stop in ({}, {"stop_reason": "stop_sequence", "stop_sequence": "END"}):
        own = {"type": "thinking", "thinking": "Hm.", "signature": "tonewise"}
        message = {**MESSAGE, **stop, "content": [own, *MESSAGE["content"][1:]]}
        if stop:
            message["content"] = message["content"][:2]
        assert message_of(streamed(MESSAGES, chunks_of(message), ALOUD)) == message
        assert MESSAGES.whole(chat_completion(message, 5), ALOUD) == message


# ---------------------------------------------------------------- properties

TEXT = st.text(min_size=1, max_size=12)
CALLS = st.lists(
    st.tuples(
        st.text("fgh", min_size=1, max_size=3),
        st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=3),
    ),
    max_size=3,
)


@st.composite
def answers(draw):
    """A whole chat completion, and one of the many ways to stream it."""
    thought, words = draw(st.just("") | TEXT), draw(st.just("") | TEXT)
    calls = [
        call(name, json.dumps(arguments), f"call_{at}")
        for at, (name, arguments) in enumerate(draw(CALLS))
    ]
    finish = draw(st.sampled_from(["stop", "length", "content_filter"]))
    deltas = [{"reasoning_content": part} for part in pieces(draw, thought)]
    deltas += [{"content": part} for part in pieces(draw, words)]
    queues = []
    for at, one in enumerate(calls):
        parts = pieces(draw, one["function"]["arguments"])
        queue = [{"index": at, **one, "function": {**one["function"], "arguments": ""}}]
        queues.append(queue + [{"index": at, "function": {"arguments": part}} for part in parts])
    mixed, begun = draw(st.booleans()), 0
    while left := [at for at, queue in enumerate(queues) if queue and at <= begun]:
        # Calls begin in their order; after that, some servers let them grow in turns.
        at = draw(st.sampled_from(left)) if mixed else left[0]
        begun = max(begun, at + 1)
        deltas.append({"tool_calls": [queues[at].pop(0)]})
    deltas += [{}] * draw(st.integers(0, 2))
    chunks = [chunk(delta) for delta in deltas]
    chunks += [chunk({}, finish), chunk({}, choices=[], usage=USAGE)]
    said = {"content": words or None, "reasoning_content": thought or None}
    return completion(finish, **said, tool_calls=calls), chunks


def pieces(draw, text):
    """The text, cut anywhere."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=3)))
    places = [0, *(cut for cut in cuts if cut < len(text)), len(text)]
    return [text[a:b] for a, b in pairwise(places) if a < b]


def in_turn(stream):
    """What opens is closed before the next thing opens, and all is closed at the end."""
    opened, open_at = [], None
    for event in stream:
        kind = event["type"]
        at = event.get("index", event.get("output_index"))
        if kind in ("content_block_start", "response.output_item.added"):
            assert open_at is None
            assert at == len(opened)
            opened.append(at)
            open_at = at
        elif kind in ("content_block_stop", "response.output_item.done"):
            assert at == open_at
            open_at = None
        elif at is not None:
            assert at == open_at
    assert open_at is None
    return len(opened)


@settings(max_examples=100, deadline=None)
@given(answers())
def test_however_an_answer_is_streamed_anthropics_sdk_puts_the_whole_one_together(answer):
    whole, chunks = answer
    for body in (ALOUD, {}):
        stream = streamed(MESSAGES, chunks, body)
        message = MESSAGES.whole(whole, body)
        assert in_turn(stream) == len(message["content"])
        Message.model_validate(message)
        assert message_of(stream) == message


@settings(max_examples=100, deadline=None)
@given(answers())
def test_however_an_answer_is_streamed_openais_sdk_puts_the_whole_one_together(answer):
    whole, chunks = answer
    stream = streamed(RESPONSES, chunks, {})
    response, grown = response_of(stream)
    wanted = RESPONSES.whole(whole, {})
    assert in_turn(stream) == len(wanted["output"])
    Response.model_validate(wanted)
    assert response == wanted
    for item, grew in zip(wanted["output"], grown, strict=True):
        if item["type"] == "message":
            assert grew["content"][0]["text"] == item["content"][0]["text"]
        if item["type"] == "function_call":
            assert grew["arguments"] == item["arguments"]


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)
STRANGE_CHUNK = st.fixed_dictionaries(
    {},
    optional={
        "id": ANY,
        "model": ANY,
        "created": ANY,
        "usage": ANY | st.fixed_dictionaries({"prompt_tokens": ANY, "prompt_tokens_details": ANY}),
        "choices": ANY
        | st.lists(
            st.fixed_dictionaries(
                {},
                optional={
                    "index": st.just(0) | ANY,
                    "finish_reason": ANY | st.just("stop"),
                    "stop_reason": ANY,
                    "delta": ANY
                    | st.fixed_dictionaries(
                        {},
                        optional={
                            "content": ANY | st.text(),
                            "refusal": ANY,
                            "reasoning": ANY,
                            "tool_calls": ANY
                            | st.lists(
                                st.fixed_dictionaries(
                                    {},
                                    optional={
                                        "index": ANY,
                                        "id": ANY,
                                        "function": ANY
                                        | st.fixed_dictionaries(
                                            {}, optional={"name": ANY, "arguments": ANY}
                                        ),
                                    },
                                ),
                                max_size=3,
                            ),
                        },
                    ),
                },
            ),
            max_size=2,
        ),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STRANGE_CHUNK, max_size=6), st.sampled_from([MESSAGES, RESPONSES]), ANY)
def test_whatever_a_server_sends_the_stream_is_in_order_and_ends(chunks, tongue, thinking):
    body = {"thinking": thinking, "stop_sequences": thinking}
    stream = streamed(tongue, chunks, body)
    in_turn(stream)
    if tongue is MESSAGES:
        assert [stream[0]["type"], stream[-1]["type"]] == ["message_start", "message_stop"]
        for event in stream:
            CLAUDE_EVENT.validate_python(event)
    else:
        assert stream[-1]["type"] in ("response.completed", "response.incomplete")
    tongue.whole({"choices": [{"message": ANY}], **(chunks[0] if chunks else {})}, body)


EVENT_KINDS = ["message_start", "content_block_start", "content_block_delta", "content_block_stop"]
STRANGE_EVENT = st.fixed_dictionaries(
    {"type": st.sampled_from([*EVENT_KINDS, "message_delta", "message_stop", "error"]) | ANY},
    optional={
        name: ANY
        | st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "tool_use", "input_json_delta", "text_delta"])},
            optional=dict.fromkeys(("text", "input", "partial_json", "id", "name", "usage"), ANY),
        )
        for name in ("message", "index", "content_block", "delta", "usage")
    },
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STRANGE_EVENT, max_size=8), ANY)
def test_whatever_anthropic_sends_it_becomes_chunks_or_nothing(strange, content):
    reader = ChatChunks(0)
    made = [chunk for event in strange for chunk in reader.feed(event)] + reader.end()
    for one in made:
        ChatCompletionChunk.model_validate(one)
    assert reader.end() == []
    message = {"content": content, "usage": content, "stop_reason": content}
    ChatCompletion.model_validate(chat_completion(message, 0))
