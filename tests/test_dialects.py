"""Requests, from one format to another: what is carried over, what is refused, and by what name."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tonewise.dialects.arguments import asked_with
from tonewise.dialects.claude_request import OPENING, for_claude, messages_request
from tonewise.dialects.fields import DialectError
from tonewise.dialects.messages import MESSAGES
from tonewise.dialects.responses import RESPONSES
from tonewise.dialects.schemas import JSON_ONLY

PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**SCHEMA, "additionalProperties": False}
FUNCTION = {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}


def claude(**more):
    return messages_request({"messages": [{"role": "user", "content": "Hi"}], **more}, 500)


def of_messages(**more):
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], **more}
    return MESSAGES.to_chat(body)


def of_responses(**more):
    return RESPONSES.to_chat({"input": "Hi", **more})


# ---------------------------------------------------------------- Messages to chat


def test_a_messages_request_becomes_a_chat_request():
    chat = of_messages(
        model="auto",
        stream=True,
        system=[{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
        stop_sequences=["END"],
        temperature=0.5,
        top_p=0.9,
        metadata={"user_id": "ann"},
        service_tier="auto",
        top_k=5,
    )
    assert chat == {
        "model": "auto",
        "stream": True,
        "messages": [
            {"role": "system", "content": "Be kind.\n\nBe brief."},
            {"role": "user", "content": "Hi"},
        ],
        "max_tokens": 9,
        "stop": ["END"],
        "temperature": 0.5,
        "top_p": 0.9,
        "user": "ann",
    }


def test_several_tool_results_become_tool_messages_and_what_they_show_follows():
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    turns = [
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "x"},
                {"type": "text", "text": "Let me look."},
                {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Bonn"}},
                {"type": "tool_use", "id": "b", "name": "camera", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "no", "is_error": True},
                {
                    "type": "tool_result",
                    "tool_use_id": "b",
                    "content": [{"type": "text", "text": "here"}, image],
                },
                {"type": "text", "text": "Well?"},
            ],
        },
    ]
    assistant, first, second, user = of_messages(messages=turns)["messages"]
    assert assistant["content"] == "Let me look."
    assert [call["id"] for call in assistant["tool_calls"]] == ["a", "b"]
    assert assistant["tool_calls"][0]["function"] == {
        "name": "weather",
        "arguments": '{"city":"Bonn"}',
    }
    assert first == {"role": "tool", "tool_call_id": "a", "content": "Error: no"}
    assert second == {"role": "tool", "tool_call_id": "b", "content": "here"}
    kinds = [part["type"] for part in user["content"]]
    assert kinds == ["text", "image_url", "text"]
    assert "b" in user["content"][0]["text"]
    assert user["content"][1]["image_url"]["url"] == f"data:image/png;base64,{PNG}"


@pytest.mark.parametrize(
    ("source", "part"),
    [
        (
            {"type": "url", "url": "https://x.org/a.png"},
            {"type": "image_url", "image_url": {"url": "https://x.org/a.png"}},
        ),
        (
            {"type": "base64", "media_type": "image/png", "data": PNG},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ),
    ],
)
def test_an_image_of_messages_goes_to_chat_and_comes_back(source, part):
    block = {"type": "image", "source": source}
    chat = of_messages(messages=[{"role": "user", "content": [block]}])
    assert chat["messages"] == [{"role": "user", "content": [part]}]
    assert messages_request(chat)["messages"] == [{"role": "user", "content": [block]}]


def test_documents_go_to_chat_and_come_back():
    pdf = {
        "type": "document",
        "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
    }
    text = {
        "type": "document",
        "title": "Notes",
        "source": {"type": "text", "media_type": "text/plain", "data": "Buy milk."},
    }
    chat = of_messages(messages=[{"role": "user", "content": [pdf, text]}])
    file, note = chat["messages"][0]["content"]
    assert file["file"] == {
        "filename": "a.pdf",
        "file_data": f"data:application/pdf;base64,{PNG}",
    }
    assert note == {"type": "text", "text": "Notes\n\nBuy milk."}
    assert messages_request(chat)["messages"][0]["content"][0] == pdf


@pytest.mark.parametrize(
    ("choice", "chat"),
    [
        ({"type": "auto"}, {"tool_choice": "auto"}),
        ({"type": "none"}, {"tool_choice": "none"}),
        ({"type": "any"}, {"tool_choice": "required"}),
        (
            {"type": "any", "disable_parallel_tool_use": True},
            {"tool_choice": "required", "parallel_tool_calls": False},
        ),
        (
            {"type": "tool", "name": "weather"},
            {"tool_choice": {"type": "function", "function": {"name": "weather"}}},
        ),
    ],
)
def test_the_choice_of_tools_means_the_same_in_messages_and_chat(choice, chat):
    tool = {"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}
    made = of_messages(tools=[tool], tool_choice=choice)
    assert made["tools"] == [{"type": "function", "function": FUNCTION}]
    assert {name: made[name] for name in chat} == chat
    back = claude(**{name: made[name] for name in ("tools", *chat)})
    assert back["tools"] == [tool]
    assert back["tool_choice"] == choice


@pytest.mark.parametrize(
    ("asked", "effort"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 32_000}}, "high"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"output_config": {"effort": "max"}}, "max"),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 1024}}
            | {"output_config": {"effort": "high"}},
            "high",
        ),
    ],
)
def test_how_hard_to_think_is_carried_over(asked, effort):
    assert of_messages(**asked).get("reasoning_effort") == effort


@pytest.mark.parametrize(
    ("schema", "strict"), [(SCHEMA, None), (CLOSED, True), ({**CLOSED, "required": []}, None)]
)
def test_a_schema_is_strict_only_where_openai_would_take_it_so(schema, strict):
    made = of_messages(output_config={"format": {"type": "json_schema", "schema": schema}})
    form = made["response_format"]["json_schema"]
    assert form["schema"] == schema
    assert form.get("strict") is strict
    assert claude(**made)["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


# ---------------------------------------------------------------- chat to Messages


def test_a_chat_request_becomes_a_messages_request():
    body = messages_request(
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": "One", "name": "ann"},
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Two"}]},
                {"role": "assistant", "content": "Three "},
            ],
            "max_completion_tokens": 7,
            "temperature": 1.7,
            "top_p": 0.5,
            "stop": "END",
            "user": "ann",
            "seed": 3,
            "presence_penalty": 1,
            "a_field_of_tomorrow": True,
        }
    )
    assert body == {
        "model": "m",
        "max_tokens": 7,
        "system": "Be kind.\n\nBe brief.",
        "messages": [
            {"role": "user", "content": [text("One"), text("Two")]},
            {"role": "assistant", "content": [text("Three")]},
        ],
        "temperature": 1,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "ann"},
    }


def text(words):
    return {"type": "text", "text": words}


def test_tool_calls_and_results_become_two_turns():
    calls = [
        {"id": f"call_{n}", "type": "function", "function": {"name": "f", "arguments": given}}
        for n, given in enumerate(['{"a": 1}', "", '{"a": 2, "cut": "off', "nonsense"])
    ]
    results = [{"role": "tool", "tool_call_id": f"call_{n}", "content": str(n)} for n in range(4)]
    body = messages_request(
        {
            "messages": [
                {"role": "user", "content": "Go"},
                {"role": "assistant", "content": None, "tool_calls": calls},
                *results,
                {"role": "user", "content": "And?"},
            ]
        }
    )
    _, asked, told = body["messages"]
    assert [block["input"] for block in asked["content"]] == [
        {"a": 1},
        {},
        {"a": 2},
        {"arguments": "nonsense"},
    ]
    assert [b.get("tool_use_id", b.get("text")) for b in told["content"]] == [
        *(f"call_{n}" for n in range(4)),
        "And?",
    ]
    # Anthropic wants every tool in the history declared; none of them may be called.
    assert body["tools"] == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert body["tool_choice"] == {"type": "none"}


def test_identifiers_that_anthropic_would_refuse_are_rewritten_and_still_belong_together():
    def call(name):
        return {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}

    body = messages_request(
        {
            "messages": [
                {"role": "user", "content": "Go"},
                {"role": "assistant", "tool_calls": [call("f:0"), call("f.0"), call("ok_1-x")]},
                {"role": "tool", "tool_call_id": "f:0", "content": "a"},
                {"role": "tool", "tool_call_id": "f.0", "content": "b"},
                {"role": "tool", "tool_call_id": "ok_1-x", "content": "c"},
            ]
        }
    )
    asked = [block["id"] for block in body["messages"][1]["content"]]
    told = [block["tool_use_id"] for block in body["messages"][2]["content"]]
    assert asked == told
    assert len(set(asked)) == 3
    assert asked[2] == "ok_1-x"
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") for one in asked)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Tell a joke."}],
        [{"role": "assistant", "content": "Hello, who is there?"}],
    ],
)
def test_a_conversation_that_no_user_began_is_opened(messages):
    assert messages_request({"messages": messages})["messages"][0] == {
        "role": "user",
        "content": [text(OPENING)],
    }


def test_blank_texts_are_left_out_for_anthropic_refuses_them():
    blank = {"role": "user", "content": [text(" "), text("Hi"), text("")]}
    empty = {"role": "assistant", "content": ""}
    body = messages_request({"messages": [blank, empty, {"role": "user", "content": "\n"}]})
    assert body["messages"] == [{"role": "user", "content": [text("Hi")]}]


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        ({"response_format": {"type": "json_object"}}, {"system": JSON_ONLY}),
        ({"response_format": {"type": "text"}}, {}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({}, {"max_tokens": 500}),
        ({"safety_identifier": "x"}, {"metadata": {"user_id": "x"}}),
        ({"tool_choice": "none"}, {}),
    ],
)
def test_settings_find_their_counterpart_at_anthropic(asked, made):
    plain = {"max_tokens": 500, "messages": [{"role": "user", "content": [text("Hi")]}]}
    assert claude(**asked) == plain | made


def test_allowed_tools_are_the_only_ones_left():
    tools = [{"type": "function", "function": {"name": name}} for name in "abc"]
    listed = [{"type": "function", "function": {"name": "b"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": listed}}
    body = claude(tools=tools, tool_choice=choice)
    assert [tool["name"] for tool in body["tools"]] == ["b"]
    assert body["tool_choice"] == {"type": "any"}
    chat = of_responses(
        tools=[{"type": "function", "name": name, "parameters": SCHEMA} for name in "abc"],
        tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"name": "c"}]},
    )
    assert [tool["function"]["name"] for tool in chat["tools"]] == ["c"]
    assert chat["tool_choice"] == "auto"


def test_what_may_be_cached_stays_marked():
    mark = {"cache_control": {"type": "ephemeral"}}
    part = {"type": "text", "text": "Long.", **mark}
    body = messages_request({"messages": [{"role": "system", "content": [part]}]})
    assert body["system"] == [part]


def test_thoughts_that_are_not_claudes_own_do_not_go_to_claude():
    own = {"type": "thinking", "thinking": "Hm.", "signature": "EqQB"}
    foreign = [{**own, "signature": sign} for sign in ("tonewise", "")]
    turns = [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [*foreign, own, text("Yes")]},
        {"role": "assistant", "content": foreign},
    ]
    assert for_claude({"messages": turns})["messages"] == [
        turns[0],
        {"role": "assistant", "content": [own, text("Yes")]},
    ]
    clean = {"messages": turns[:1]}
    assert for_claude(clean) is clean


# ---------------------------------------------------------------- Responses to chat


def test_a_responses_request_becomes_a_chat_request():
    chat = RESPONSES.to_chat(
        {
            "model": "auto",
            "instructions": "Be kind.",
            "input": [
                {"role": "developer", "content": "Be brief."},
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "What is this?"},
                        {"type": "input_image", "detail": "low", "image_url": "https://x.org/a"},
                        {"type": "input_file", "filename": "a.pdf", "file_data": "data:x"},
                    ],
                },
                {"type": "reasoning", "id": "rs_1", "summary": []},
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "Let me look.", "annotations": []}],
                },
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call", "call_id": "b", "name": "f", "arguments": '{"x":1}'},
                {"type": "function_call_output", "call_id": "a", "output": "one"},
                {
                    "type": "function_call_output",
                    "call_id": "b",
                    "output": [
                        {"type": "input_text", "text": "two"},
                        {"type": "input_image", "image_url": "https://x.org/b"},
                    ],
                },
            ],
            "max_output_tokens": 50,
            "reasoning": {"effort": "low", "summary": "auto"},
            "text": {"verbosity": "low", "format": {"type": "json_object"}},
            "store": True,
            "include": ["reasoning.encrypted_content"],
            "truncation": "auto",
            "metadata": {"a": "b"},
            "user": "ann",
        }
    )
    messages = chat.pop("messages")
    assert chat == {
        "model": "auto",
        "max_tokens": 50,
        "reasoning_effort": "low",
        "verbosity": "low",
        "response_format": {"type": "json_object"},
        "user": "ann",
    }
    system, developer, user, assistant, first, second, shown = messages
    assert system == {"role": "system", "content": "Be kind."}
    assert developer == {"role": "system", "content": "Be brief."}
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "file"]
    assert user["content"][1]["image_url"] == {"url": "https://x.org/a", "detail": "low"}
    assert assistant["content"] == "Let me look."
    assert [call["id"] for call in assistant["tool_calls"]] == ["a", "b"]
    assert (first["content"], second["content"]) == ("one", "two")
    assert shown["content"][1]["image_url"]["url"] == "https://x.org/b"


def test_what_a_tool_showed_comes_before_what_the_user_says_next():
    image = {"type": "input_image", "image_url": "https://x.org/b"}
    chat = of_responses(
        input=[
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": [image]},
            {"role": "user", "content": "Well?"},
        ]
    )
    _, tool, shown, user = chat["messages"]
    assert tool == {"role": "tool", "tool_call_id": "a", "content": ""}
    assert shown["content"][1]["type"] == "image_url"
    assert user["content"] == "Well?"


def test_structured_answers_and_functions_of_responses_reach_chat():
    form = {"type": "json_schema", "name": "n", "schema": CLOSED, "strict": True}
    tool = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    chat = of_responses(
        text={"format": form},
        tools=[tool],
        tool_choice={"type": "function", "name": "f"},
        parallel_tool_calls=False,
    )
    inner = {"name": "n", "schema": CLOSED, "strict": True}
    assert chat["response_format"] == {"type": "json_schema", "json_schema": inner}
    function = {"name": "f", "parameters": SCHEMA, "strict": False}
    assert chat["tools"] == [{"type": "function", "function": function}]
    assert chat["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert chat["parallel_tool_calls"] is False


# ---------------------------------------------------------------- refusals


def pictured(url):
    part = {"type": "image_url", "image_url": {"url": url}}
    return {"messages": [{"role": "user", "content": [part]}]}


def filed(data):
    part = {"type": "file", "file": {"file_data": data}}
    return {"messages": [{"role": "user", "content": [part]}]}


REFUSED = [
    (claude, {"n": 2}, "n"),
    (claude, {"logprobs": True}, "logprobs"),
    (claude, {"functions": [{"name": "f"}]}, "functions"),
    (claude, {"modalities": ["text", "audio"]}, "modalities"),
    (claude, {"stop": "\n"}, "stop[0]"),
    (claude, {"max_tokens": "many"}, "max_tokens"),
    (claude, {"reasoning_effort": "heroic"}, "reasoning_effort"),
    (claude, {"tools": [{"type": "custom", "custom": {}}]}, "tools[0].type"),
    (claude, {"messages": [{"role": "function"}]}, "messages[0].role"),
    (claude, {"messages": [{"content": "Hi"}]}, "messages[0].role"),
    (
        claude,
        {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
        "messages[0].content[0]",
    ),
    (
        claude,
        {"messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "x"}}]}]},
        "messages[0].content[0].file.file_id",
    ),
    (claude, pictured("data:image/bmp;base64,Qk0="), "messages[0].content[0].image_url.url"),
    (claude, pictured("data:image/png,raw"), "messages[0].content[0].image_url.url"),
    (claude, filed("data:application/msword;base64,AA"), "messages[0].content[0].file.file_data"),
    (claude, filed("data:text/plain;base64,/w=="), "messages[0].content[0].file.file_data"),
    (of_messages, {"container": "x"}, "container"),
    (of_messages, {"thread": {"type": "create"}}, "thread"),
    (of_messages, {"compaction": {"instructions": "x"}}, "compaction"),
    (of_messages, {"inference_geo": "eu"}, "inference_geo"),
    (of_messages, {"max_tokens": None}, "max_tokens"),
    (of_messages, {"messages": None}, "messages"),
    (of_messages, {"messages": [{"role": "robot", "content": []}]}, "messages[0].role"),
    (
        of_messages,
        {"messages": [{"role": "assistant", "content": [{"type": "server_tool_use"}]}]},
        "messages[0].content[0].type",
    ),
    (
        of_messages,
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        "tools[0].type",
    ),
    (of_responses, {"previous_response_id": "resp_1"}, "previous_response_id"),
    (of_responses, {"conversation": "conv_1"}, "conversation"),
    (of_responses, {"background": True}, "background"),
    (of_responses, {"prompt": {"id": "x"}}, "prompt"),
    (of_responses, {"tools": [{"type": "web_search"}]}, "tools[0].type"),
    (of_responses, {"tools": [{"type": "custom", "name": "x"}]}, "tools[0].type"),
    (of_responses, {"tool_choice": {"type": "mcp"}}, "tool_choice.type"),
    (of_responses, {"input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
    (of_responses, {"input": [{"type": "web_search_call"}]}, "input[0].type"),
    (of_responses, {"input": []}, "input"),
    (of_responses, {"top_logprobs": 2}, "top_logprobs"),
    (of_responses, {"text": {"format": {"type": "yaml"}}}, "text.format"),
]


@pytest.mark.parametrize(("ask", "asked", "param"), REFUSED)
def test_what_cannot_be_carried_over_is_refused_by_name(ask, asked, param):
    with pytest.raises(DialectError) as refused:
        ask(**asked)
    assert refused.value.param == param
    assert refused.value.message.startswith(param)


# ---------------------------------------------------------------- properties

ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 9)
    | st.floats(allow_nan=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
RICH_CHAT = {
    "model": "m",
    "messages": [
        {"role": "system", "content": "S"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "T"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
                {
                    "type": "file",
                    "file": {"filename": "f", "file_data": "data:text/plain;base64,aGk="},
                },
            ],
        },
        {
            "role": "assistant",
            "content": "A",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":[1]}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "R"}]},
        {"role": "assistant", "content": None, "refusal": "No."},
    ],
    "max_tokens": 5,
    "stop": ["x"],
    "temperature": 1.5,
    "tools": [
        {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": CLOSED}},
    "reasoning_effort": "low",
    "modalities": ["text"],
    "user": "u",
}
RICH_MESSAGES = {
    "model": "m",
    "max_tokens": 5,
    "system": [{"type": "text", "text": "S"}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "image", "source": {"type": "url", "url": "https://x.org"}},
                {
                    "type": "document",
                    "title": "D",
                    "source": {"type": "content", "content": [{"type": "text", "text": "C"}]},
                },
                {
                    "type": "search_result",
                    "source": "s",
                    "title": "t",
                    "content": [{"type": "text", "text": "C"}],
                },
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "H", "signature": "s"},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "a",
                    "content": [{"type": "text", "text": "R"}],
                    "is_error": True,
                }
            ],
        },
    ],
    "tools": [{"name": "f", "input_schema": SCHEMA}],
    "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": CLOSED}},
    "stop_sequences": ["x"],
    "metadata": {"user_id": "u"},
}
RICH_RESPONSES = {
    "model": "m",
    "instructions": "I",
    "input": [
        {"role": "user", "content": [{"type": "input_image", "image_url": "https://x.org"}]},
        {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
        {
            "type": "function_call_output",
            "call_id": "a",
            "output": [{"type": "input_file", "file_data": "data:x"}],
        },
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No"}]},
    ],
    "tools": [{"type": "function", "name": "f", "parameters": SCHEMA, "strict": True}],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"name": "f"}]},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": CLOSED}},
    "reasoning": {"effort": "low"},
    "max_output_tokens": 5,
}


def places(node, path=()):
    """The path of every node in a JSON document."""
    yield path
    entries = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, inner in entries:
        yield from places(inner, (*path, key))


def with_another(document, path, value):
    if not path:
        return value
    made = json.loads(json.dumps(document))
    holder = made
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return made


def outcome(translate, body):
    """The refusal, or what was made."""
    try:
        return None, translate(body)
    except DialectError as refused:
        return refused, None


@pytest.mark.parametrize(
    ("translate", "rich"),
    [
        (messages_request, RICH_CHAT),
        (MESSAGES.to_chat, RICH_MESSAGES),
        (RESPONSES.to_chat, RICH_RESPONSES),
        (for_claude, RICH_MESSAGES),
    ],
)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_stands_in_a_request_it_is_translated_or_refused_and_left_as_it_was(
    translate, rich, data
):
    path = data.draw(st.sampled_from([p for p in places(rich) if p]))
    kinds = st.sampled_from(["text", "image", "file", "tool", "user", "auto", "none", "url"])
    body = with_another(rich, path, data.draw(ANY | kinds))
    before = json.dumps(body)
    refused, made = outcome(translate, body)
    assert (refused.param in refused.message) if refused else json.dumps(made)
    assert json.dumps(body) == before


@given(st.dictionaries(st.sampled_from([*RICH_CHAT, *RICH_MESSAGES, *RICH_RESPONSES]), ANY))
def test_arbitrary_json_is_translated_or_refused(body):
    for translate in (messages_request, MESSAGES.to_chat, RESPONSES.to_chat, for_claude):
        refused, made = outcome(translate, body)
        assert refused.message if refused else json.dumps(made)


def test_json_nested_as_deep_as_it_may_be_does_no_harm():
    deep = inner = {}
    for _ in range(400):
        inner["items"] = {"type": "object", "additionalProperties": False}
        inner["properties"], inner = {"items": inner["items"]}, inner["items"]
    of_messages(output_config={"format": {"type": "json_schema", "schema": deep}})
    assert asked_with('{"a":' * 5000) == {"arguments": '{"a":' * 5000}


WORDS = st.text(min_size=1, max_size=8).filter(str.strip)
IDS = st.text("abcXYZ019_-", min_size=1, max_size=8)
JSON = st.dictionaries(
    st.text(max_size=3), st.integers() | st.text(max_size=3) | st.booleans(), max_size=3
)


@st.composite
def conversations(draw):
    """A chat that alternates, with rounds of tools; it begins with the user."""
    made = [{"role": "system", "content": draw(WORDS)}] if draw(st.booleans()) else []
    numbers = iter(range(1000))
    for _ in range(draw(st.integers(1, 3))):
        made.append({"role": "user", "content": draw(WORDS)})
        if draw(st.booleans()):
            calls = [
                {
                    "id": f"{draw(IDS)}{next(numbers)}",
                    "type": "function",
                    "function": {"name": draw(IDS), "arguments": json.dumps(draw(JSON))},
                }
                for _ in range(draw(st.integers(1, 3)))
            ]
            said = draw(st.none() | WORDS)
            made.append({"role": "assistant", "content": said, "tool_calls": calls})
            made += [
                {"role": "tool", "tool_call_id": call["id"], "content": draw(WORDS)}
                for call in calls
            ]
        else:
            made.append({"role": "assistant", "content": draw(WORDS)})
    return [*made, {"role": "user", "content": draw(WORDS)}]


def parsed(messages):
    """The same, with arguments compared as what they mean."""
    copy = json.loads(json.dumps(messages))
    for message in copy:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
    return copy


@given(conversations(), st.integers(1, 99), st.sampled_from(["auto", "none", "required"]))
def test_a_chat_that_goes_to_messages_and_back_is_the_same(messages, limit, choice):
    tools = [{"type": "function", "function": FUNCTION}]
    chat = {"model": "m", "messages": messages, "max_tokens": limit, "user": "ann", "stop": ["X"]}
    chat |= {"tools": tools, "tool_choice": choice, "temperature": 0.5}
    back = MESSAGES.to_chat(messages_request(chat))
    assert parsed(back.pop("messages")) == parsed(chat.pop("messages"))
    assert back == chat


@given(JSON, st.data())
def test_arguments_that_were_cut_off_say_what_had_come_whole(arguments, data):
    jiter = pytest.importorskip("jiter")
    written = json.dumps({"z": [arguments, {"y": arguments}], **arguments})
    cut = written[: data.draw(st.integers(1, len(written)))]
    theirs = jiter.from_json(cut.encode(), partial_mode=True)
    ours = asked_with(cut)
    assert ours == theirs
