"""/v1/messages with Anthropic's own SDK, unchanged but for its address, before real sockets."""

import asyncio

import anthropic
import httpx2
import pytest
from pydantic import BaseModel

from tonewise.operating import Client
from translating import (
    BOTH,
    PNG,
    WEATHER,
    Serving,
    asks_for_weather,
    chat_model,
    fails,
    function_call,
    messages_model,
    serving,
)
from upstream import ROLE_ONLY, openai_chunk

HI = [{"role": "user", "content": "Hi"}]
TOOL = {"name": "weather", "description": "Tells it.", "input_schema": WEATHER}
dialects = pytest.mark.parametrize("dialect", ["chat", "messages"])


def sdk(server: Serving, **options) -> anthropic.AsyncAnthropic:
    web = anthropic.DefaultAsyncHttpxClient(trust_env=False)
    given = {"api_key": "a-key-of-ours", "max_retries": 0} | options
    return anthropic.AsyncAnthropic(base_url=server.url, http_client=web, **given)


def told(message) -> dict:
    """The message as the SDK has it, without what we add to it."""
    return message.model_dump(exclude={"tonewise", "stop_details"}, exclude_none=True)


@dialects
async def test_a_message_is_answered_whoever_answers(dialect):
    async with serving(("m", dialect, BOTH[dialect])) as server, sdk(server) as claude:
        raw = await claude.messages.with_raw_response.create(
            model="m", max_tokens=50, messages=HI, system="Be kind.", stop_sequences=["END"]
        )
        message = await raw.parse()
        assert [block.text for block in message.content] == ["Hello there, friend."]
        assert (message.type, message.role, message.stop_reason) == (
            "message",
            "assistant",
            "end_turn",
        )
        assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (15, 5)
        assert message.usage.output_tokens == 7
        assert message.tonewise["model"] == "m"
        assert [each["success"] for each in message.tonewise["attempts"]] == [True]
        assert raw.headers["tonewise-model"] == "m"
        assert raw.headers["tonewise-decision"] == message.tonewise["decision"]
        assert message._request_id == message.tonewise["decision"]
        asked = server.asked("m")
        assert asked["model"] == "m-1"
        assert asked["max_tokens"] == 50
        assert asked.get("stop", asked.get("stop_sequences")) == ["END"]
        assert "Be kind." in str(asked)


@dialects
async def test_the_stream_tells_the_same_message_as_the_whole_answer(dialect):
    asked = {"model": "m", "max_tokens": 50, "messages": HI}
    async with serving(("m", dialect, BOTH[dialect])) as server, sdk(server) as claude:
        whole = await claude.messages.create(**asked)
        async with claude.messages.stream(**asked) as stream:
            words, extra = [], None
            async for event in stream:
                if event.type == "text":
                    words.append(event.text)
                extra = getattr(event, "tonewise", None) or extra
            final = await stream.get_final_message()
        assert len(words) > 2
        assert "".join(words) == "Hello there, friend."
        assert told(final) == told(whole)
        if dialect == "chat":
            assert extra["model"] == "m"
            assert extra["attempts"][0]["outcome"] == "answered"


@dialects
async def test_a_round_of_parallel_tools_goes_all_the_way(dialect):
    cities = {"call_1": "Bonn", "call_2": "Ulm"}
    model = asks_for_weather(dialect, cities, then="It rains in both.")
    async with serving(("m", dialect, model)) as server, sdk(server) as claude:
        asked = {"model": "m", "max_tokens": 50, "tools": [TOOL]}
        async with claude.messages.stream(messages=HI, **asked) as stream:
            written = [event.snapshot async for event in stream if event.type == "input_json"]
            first = await stream.get_final_message()
        calls = [block for block in first.content if block.type == "tool_use"]
        assert first.stop_reason == "tool_use"
        assert {call.id: call.input["city"] for call in calls} == cities
        assert written[-1] == {"city": "Ulm"}
        results = [
            {"type": "tool_result", "tool_use_id": call.id, "content": "rain"} for call in calls
        ]
        turns = [*HI, first.to_param(), {"role": "user", "content": results}]
        last = await claude.messages.create(messages=turns, **asked)
        assert last.content[0].text == "It rains in both."
        second = server.asked("m")["messages"]
        if dialect == "chat":
            assert [turn["role"] for turn in second] == ["user", "assistant", "tool", "tool"]
            assert [turn["tool_call_id"] for turn in second[2:]] == list(cities)
            assert server.asked("m")["tools"][0]["function"]["parameters"] == WEATHER
        else:
            assert second[2]["content"] == results


async def test_images_reach_a_model_that_speaks_chat():
    source = {"type": "base64", "media_type": "image/png", "data": PNG}
    content = [
        {"type": "image", "source": source},
        {"type": "image", "source": {"type": "url", "url": "https://x.org/a.png"}},
        {"type": "text", "text": "What is this?"},
    ]
    async with serving(("m", "chat", BOTH["chat"])) as server, sdk(server) as claude:
        turns = [{"role": "user", "content": content}]
        await claude.messages.create(model="m", max_tokens=9, messages=turns)
        first, second, words = server.asked("m")["messages"][0]["content"]
        assert first["image_url"]["url"] == f"data:image/png;base64,{PNG}"
        assert second["image_url"]["url"] == "https://x.org/a.png"
        assert words == {"type": "text", "text": "What is this?"}


async def test_thoughts_are_told_and_do_not_go_to_claude_later():
    thinks = chat_model({"reasoning_content": "Let me think.", "content": "Yes."})
    claudes = messages_model([{"type": "text", "text": "Indeed."}])
    async with (
        serving(("m", "chat", thinks), ("c", "messages", claudes)) as server,
        sdk(server) as claude,
    ):
        asked = {"max_tokens": 2000, "thinking": {"type": "enabled", "budget_tokens": 1024}}
        async with claude.messages.stream(model="m", messages=HI, **asked) as stream:
            thoughts = [event.thinking async for event in stream if event.type == "thinking"]
            final = await stream.get_final_message()
        assert "".join(thoughts) == "Let me think."
        assert [block.type for block in final.content] == ["thinking", "text"]
        assert told(await claude.messages.create(model="m", messages=HI, **asked)) == told(final)
        turns = [*HI, final.to_param(), {"role": "user", "content": "Sure?"}]
        await claude.messages.create(model="c", messages=turns, **asked)
        assert [b["type"] for b in server.asked("c")["messages"][1]["content"]] == ["text"]
        assert server.asked("c")["thinking"] == asked["thinking"]


async def test_structured_answers_are_asked_for_and_read():
    class Weather(BaseModel):
        city: str

    says = chat_model({"content": '{"city": "Bonn"}'})
    async with serving(("m", "chat", says)) as server, sdk(server) as claude:
        answer = await claude.messages.parse(
            model="m", max_tokens=50, messages=HI, output_format=Weather
        )
        assert answer.parsed_output == Weather(city="Bonn")
        form = server.asked("m")["response_format"]
        assert form["type"] == "json_schema"
        assert form["json_schema"]["strict"] is True


@dialects
async def test_the_synchronous_sdk_works_as_well(dialect):
    def ask(url):
        web = anthropic.DefaultHttpxClient(trust_env=False)
        with anthropic.Anthropic(base_url=url, api_key="k", http_client=web) as claude:
            whole = claude.messages.create(model="m", max_tokens=9, messages=HI)
            with claude.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
                words = "".join(stream.text_stream)
        return whole.content[0].text, words

    async with serving(("m", dialect, BOTH[dialect])) as server:
        whole, words = await asyncio.to_thread(ask, server.url)
    assert whole == words == "Hello there, friend."


async def test_a_model_of_the_other_dialect_stands_in_and_the_answer_says_so():
    async with (
        serving(("c", "messages", fails(529)), ("m", "chat", BOTH["chat"])) as server,
        sdk(server) as claude,
    ):
        asked = {"model": "c", "max_tokens": 9, "messages": HI}
        for options in ({"models": ["m"]}, {"metadata": {"user_id": "ann", "models": "m"}}):
            message = await claude.messages.create(**asked, extra_body=options)
            assert message.content[0].text == "Hello there, friend."
            attempts = message.tonewise["attempts"]
            assert [each["model"] for each in attempts if each["success"]] == ["m"]
            assert len(attempts) > 1
        assert server.asked("m")["user"] == "ann"
        assert "models" not in server.asked("m")


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("behave", "error", "kind"),
    [
        (fails(429, retry_after="7"), anthropic.RateLimitError, "rate_limit_error"),
        (fails(400, "too odd"), anthropic.BadRequestError, "invalid_request_error"),
        (fails(500), anthropic.InternalServerError, "api_error"),
    ],
)
@dialects
async def test_an_error_of_the_model_is_an_error_of_its_kind(dialect, behave, error, kind):
    async with serving(("m", dialect, behave)) as server, sdk(server) as claude:
        with pytest.raises(error) as raised:
            await claude.messages.create(model="m", max_tokens=9, messages=HI)
        assert raised.value.body["error"]["type"] == kind
        assert raised.value.request_id.startswith("dec_")
        with pytest.raises(error):
            async with claude.messages.stream(model="m", max_tokens=9, messages=HI):
                pass


async def test_a_model_that_rests_is_an_overloaded_one():
    async with serving(("m", "chat", fails(500))) as server, sdk(server) as claude:
        kinds = set()
        for _ in range(12):
            with pytest.raises(anthropic.APIStatusError) as raised:
                await claude.messages.create(model="m", max_tokens=9, messages=HI)
            kinds.add(type(raised.value))
        assert kinds <= {anthropic.InternalServerError, anthropic.OverloadedError}


async def test_requests_that_cannot_be_answered_say_why():
    async with serving(("m", "chat", BOTH["chat"])) as server, sdk(server) as claude:
        asked = {"max_tokens": 9, "messages": HI}
        with pytest.raises(anthropic.NotFoundError, match="there is no model 'nobody'"):
            await claude.messages.create(model="nobody", **asked)
        with pytest.raises(anthropic.BadRequestError, match=r"tools\[0\]\.type") as refused:
            search = {"type": "web_search_20250305", "name": "web_search"}
            await claude.messages.create(model="m", tools=[search], **asked)
        assert refused.value.body["type"] == "error"
        assert refused.value.body["error"]["type"] == "invalid_request_error"
        assert refused.value.request_id.startswith("dec_")
        with pytest.raises(anthropic.NotFoundError, match="usage"):
            await claude.messages.count_tokens(model="m", messages=HI)
        with pytest.raises(anthropic.NotFoundError, match="one request at a time"):
            await claude.messages.batches.list()
        assert server.models["m"].requests == []


@dialects
async def test_a_stream_that_breaks_off_raises_in_the_sdk(dialect):
    async def breaks_off(peer):
        await peer.head()
        if dialect == "chat":
            await peer.event(ROLE_ONLY)
            await peer.event(openai_chunk({"content": "Hello"}))
        else:
            start = {"type": "content_block_start", "index": 0}
            delta = {"type": "text_delta", "text": "Hello"}
            message = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
            message |= {"model": "m", "usage": {"input_tokens": 1, "output_tokens": 1}}
            for event in (
                {"type": "message_start", "message": message},
                {**start, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": delta},
            ):
                await peer.event(event, event["type"])
        peer.hang_up()

    async with serving(("m", dialect, breaks_off)) as server, sdk(server) as claude:
        words = []
        with pytest.raises(anthropic.APIStatusError, match="broke off"):
            async with claude.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
                async for text in stream.text_stream:
                    words.append(text)  # noqa: PERF401 - the last one raises
        assert words == ["Hello"]
        assert server.tried == [("m", "cut_short")]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "sixteen-letters-or-more", "anthropic-version": "2023-06-01"},
        {"authorization": "Bearer sixteen-letters-or-more", "anthropic-version": "2026-10-21"},
        {"x-api-key": "sixteen-letters-or-more"},
        {"x-api-key": "a-wrong-key-altogether"},
        {},
    ],
)
async def test_the_key_comes_in_either_header_and_any_version_will_do(headers):
    ours = (Client("app", token_env="APP_TOKEN"),)
    environ = {"APP_TOKEN": "sixteen-letters-or-more"}
    model = ("m", "chat", BOTH["chat"])
    async with (
        serving(model, clients=ours, environ=environ) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False, headers=headers) as http,
    ):
        asked = {"model": "m", "max_tokens": 9, "messages": HI}
        answer = await http.post("/v1/messages", json=asked)
        if "sixteen" in str(headers):
            assert answer.json()["type"] == "message"
            assert "sixteen" not in str(server.models["m"].requests[0].headers)
        else:
            assert answer.status_code == 401
            assert answer.json()["error"]["type"] == "authentication_error"
            assert answer.headers["request-id"].startswith("req_")


async def test_what_only_claude_can_do_goes_to_claude_alone():
    search = {"type": "web_search_20250305", "name": "web_search"}
    both = ("m", "chat", BOTH["chat"]), ("c", "messages", BOTH["messages"])
    async with serving(*both) as server, sdk(server) as claude:
        asked = {"max_tokens": 9, "messages": HI, "tools": [search]}
        message = await claude.messages.create(model="m", extra_body={"models": ["c"]}, **asked)
        assert server.tried == [("m", "bad_request"), ("c", "answered")]
        assert message.content[0].text == "Hello there, friend."
        assert server.asked("c")["tools"] == [search]
        assert server.models["m"].requests == []


async def test_tools_are_run_by_the_sdk_though_no_thread_is_kept_here():
    calls = {"tool_calls": [function_call("call_1", "weather", city="Bonn")]}
    model = chat_model(calls, {"content": "It rains."})

    def run(url):
        @anthropic.beta_tool
        def weather(city: str) -> str:
            """Tells the weather."""
            return f"rain in {city}"

        web = anthropic.DefaultHttpxClient(trust_env=False)
        with anthropic.Anthropic(base_url=url, api_key="k", http_client=web) as claude:
            runner = claude.beta.messages.tool_runner(
                model="m", max_tokens=50, tools=[weather], messages=HI
            )
            return runner.until_done().content[0].text

    async with serving(("m", "chat", model)) as server:
        assert await asyncio.to_thread(run, server.url) == "It rains."
        said = server.asked("m")["messages"]
        assert [turn["role"] for turn in said] == ["user", "assistant", "tool"]
        assert said[2]["content"] == "rain in Bonn"


# ---------------------------------------------------------------- refusals


@dialects
@pytest.mark.parametrize("how", ["whole", "streamed"])
async def test_a_model_that_refuses_without_a_word_refuses_in_the_clients_own_way(dialect, how):
    refuses = {
        "chat": chat_model({"content": None}, finish="content_filter"),
        "messages": messages_model([], reason="refusal"),
    }
    async with serving(("m", dialect, refuses[dialect])) as server, sdk(server) as claude:
        if how == "whole":
            message = await claude.messages.create(model="m", max_tokens=9, messages=HI)
            assert message.tonewise["attempts"][0]["outcome"] == "content_filtered"
        else:
            async with claude.messages.stream(model="m", max_tokens=9, messages=HI) as stream:
                message = await stream.get_final_message()
        assert (message.stop_reason, message.content, message.model) == ("refusal", [], "m")
        assert (message.type, message.role) == ("message", "assistant")
        assert message.usage.input_tokens in (15, 20)
        assert message.usage.output_tokens == 7
        assert server.tried == [("m", "content_filtered")]


async def test_a_filter_before_the_model_is_a_refusal_as_well():
    filtered = fails(400, "The response was filtered: content_filter")
    async with serving(("m", "chat", filtered)) as server, sdk(server) as claude:
        raw = await claude.messages.with_raw_response.create(model="m", max_tokens=9, messages=HI)
        assert (await raw.parse()).stop_reason == "refusal"
        assert raw.headers["tonewise-model"] == "m"
        assert raw.headers["request-id"].startswith("dec_")


async def test_who_refuses_is_stood_in_for_where_anybody_can():
    async with (
        serving(
            ("m", "messages", messages_model([], reason="refusal")), ("n", "chat", BOTH["chat"])
        ) as server,
        sdk(server) as claude,
    ):
        message = await claude.messages.create(
            model="m", max_tokens=9, messages=HI, extra_body={"models": ["n"]}
        )
        assert message.content[0].text == "Hello there, friend."
        assert server.tried == [("m", "content_filtered"), ("n", "answered")]


# ---------------------------------------------------------------- headers


async def test_all_betas_that_a_client_names_reach_claude():
    async with serving(("m", "messages", BOTH["messages"])) as server:
        betas = [("anthropic-beta", "one-2025-01-01"), ("anthropic-beta", "two-2025-02-02,three")]
        async with httpx2.AsyncClient(trust_env=False) as http:
            asked = {"model": "m", "max_tokens": 9, "messages": HI}
            answer = await http.post(f"{server.url}/v1/messages", json=asked, headers=betas)
        assert answer.status_code == 200
        told = server.models["m"].requests[0].headers["anthropic-beta"]
        assert told.replace(" ", "") == "one-2025-01-01,two-2025-02-02,three"


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("chat/completions", {"messages": HI}),
        ("messages", {"messages": HI, "max_tokens": 9}),
        ("responses", {"input": "Hi"}),
    ],
)
async def test_a_proxy_is_asked_to_hold_no_words_back(path, asked):
    async with (
        serving(("m", "chat", BOTH["chat"])) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        for stream in (True, False):
            body = {"model": "m", "stream": stream, **asked}
            answer = await http.post(f"{server.url}/v1/{path}", json=body)
            told = answer.headers["content-type"].startswith("text/event-stream")
            assert (told, answer.headers.get("x-accel-buffering")) == (
                (True, "no") if stream else (False, None)
            )


@dialects
async def test_half_a_character_is_no_end_of_a_reply(dialect):
    half = {
        "chat": chat_model({"content": "Half \ud83d of it."}),
        "messages": messages_model([{"type": "text", "text": "Half \ud83d of it."}]),
    }
    async with serving(("m", dialect, half[dialect])) as server, sdk(server) as claude:
        asked = {"model": "m", "max_tokens": 9, "messages": HI}
        message = await claude.messages.create(**asked)
        assert message.content[0].text.replace("\ud83d", "�") == "Half � of it."
        async with claude.messages.stream(**asked) as stream:
            message = await stream.get_final_message()
        assert message.content[0].text.replace("\ud83d", "�") == "Half � of it."
        assert [outcome for _, outcome in server.tried] == ["answered"] * 2
