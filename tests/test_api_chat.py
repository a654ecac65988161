"""OpenAI's own SDK against our chat completions, before models on real sockets."""

import asyncio
import json
from typing import Any

import httpx2
import openai
import pytest

from api_server import api_server, chat_model, claude_model, scripted_model
from tonewise.operating import Api, Client, Store
from tonewise.records import Decided, Replied, Tried
from tonewise.routes import RouteSettings, Rule
from tonewise.settings import Router
from upstream import (
    ROLE_ONLY,
    anthropic_says,
    is_busy,
    openai_chunk,
    openai_says,
    upstream,
)

HELLO = [{"role": "user", "content": "Hello, what time do you open?"}]
HARD = [
    {
        "role": "user",
        "content": "Compare a fifteen year fixed mortgage at six percent with a thirty year "
        "adjustable one, explain which costs less if we move after ten years, and why.",
    }
]
CALL = {
    "index": 0,
    "id": "call_1",
    "type": "function",
    "function": {"name": "opening_hours", "arguments": ""},
}
WHOLE = {
    "id": "chatcmpl-9",
    "object": "chat.completion",
    "created": 1,
    "model": "m-2026",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "At nine.", "refusal": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
}


def sdk(server: Any, **more: Any) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, **more)


async def text_of(stream: Any) -> str:
    pieces = [choice.delta.content or "" async for chunk in stream for choice in chunk.choices]
    return "".join(pieces)


async def answers_whole(peer):
    await peer.answer(200, WHOLE)


async def calls_a_tool(peer):
    await peer.head()
    await peer.event(ROLE_ONLY)
    await peer.event(openai_chunk({"tool_calls": [CALL]}))
    part = {"index": 0, "function": {"arguments": '{"day": "monday"}'}}
    await peer.event(openai_chunk({"tool_calls": [part]}))
    await peer.event(openai_chunk({}, finish="tool_calls"))
    await peer.event("[DONE]")
    await peer.end()


# ---------------------------------------------------------------- answers


async def test_a_streamed_answer_is_what_the_model_said_and_tells_how_it_came_about():
    async with (
        upstream(openai_says("At", " nine.")) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
        chunks = [chunk async for chunk in stream]
        assert "".join(c.choices[0].delta.content or "" for c in chunks) == "At nine."
        told = chunks[-1].tonewise
        assert told["route"] == "fast"
        assert told["router"] == "default"
        assert told["model"] == "fast"
        assert told["reasons"]
        assert [(a["model"], a["success"]) for a in told["attempts"]] == [("fast", True)]
        assert told["attempts"][0]["first_token_ms"] > 0


async def test_no_chunk_that_was_not_asked_for_reaches_the_client():
    async with (
        upstream(openai_says("At", " nine.")) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        plain = await client.chat.completions.create(model="fast", messages=HELLO, stream=True)
        assert {len(chunk.choices) async for chunk in plain} == {1}
        assert up.requests[-1].json["stream_options"] == {"include_usage": True}
        counted = await client.chat.completions.create(
            model="fast", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in counted]
        assert chunks[-1].choices == []
        assert chunks[-1].usage.prompt_tokens == 12
        assert chunks[-1].tonewise["model"] == "fast"


async def test_a_whole_answer_passes_untouched_but_for_our_key():
    async with (
        upstream(answers_whole) as up,
        api_server(chat_model("fast", up.url)) as server,
        httpx2.AsyncClient() as client,
    ):
        answer = await client.post(
            f"{server.url}/v1/chat/completions", json={"model": "fast", "messages": HELLO}
        )
        told = answer.json()
        assert told.pop("tonewise")["attempts"][0]["success"] is True
        assert told == WHOLE
        assert int(answer.headers["content-length"]) == len(answer.content)


async def test_the_headers_tell_the_decision_to_who_asks_for_the_raw_response():
    async with (
        upstream(answers_whole) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
        answer = raw.parse()
        assert answer.choices[0].message.content == "At nine."
        assert raw.headers["tonewise-decision"] == answer.tonewise["decision"]
        assert raw.headers["tonewise-decision"].startswith("dec_")
        assert len(raw.headers["tonewise-decision"]) == 28
        assert raw.headers["tonewise-route"] == "fast"
        assert raw.headers["tonewise-model"] == "fast"
        assert raw.headers["tonewise-attempts"] == "1"
        assert raw.headers["tonewise-reason"].isascii()


async def test_the_synchronous_sdk_works_as_well():
    def ask(url: str) -> tuple[str, str]:
        with openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client:
            whole = client.chat.completions.create(model="demo", messages=HELLO)
            stream = client.chat.completions.create(model="demo", messages=HELLO, stream=True)
            pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
            return whole.choices[0].message.content, "".join(pieces)

    async with api_server(scripted_model("demo", "At nine o'clock.")) as server:
        assert await asyncio.to_thread(ask, server.url) == ("At nine o'clock.",) * 2


async def test_with_explain_off_the_body_is_exactly_the_providers():
    async with (
        upstream(answers_whole) as up,
        api_server(chat_model("fast", up.url), api=Api(explain=False)) as server,
        httpx2.AsyncClient() as client,
    ):
        url = f"{server.url}/v1/chat/completions"
        answer = await client.post(url, json={"model": "fast", "messages": HELLO})
        assert answer.json() == WHOLE
        assert answer.headers["tonewise-model"] == "fast"


async def test_inworlds_metadata_is_told_where_it_is_switched_on():
    async with (
        upstream(openai_says("At", " nine.")) as up,
        api_server(chat_model("fast", up.url), api=Api(metadata=True)) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(model="fast", messages=HELLO, stream=True)
        last = [chunk async for chunk in stream][-1]
        attempt = last.metadata["attempts"][0]
        assert attempt["model"] == "fast"
        assert attempt["success"] is True
        assert attempt["time_to_first_token_ms"] > 0
        assert last.metadata["generation_id"] == last.tonewise["decision"]


# ---------------------------------------------------------------- what passes through


async def test_tools_images_and_fields_of_tomorrow_reach_the_model_as_they_are():
    tools = [{"type": "function", "function": {"name": "opening_hours", "parameters": {}}}]
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]
    async with (
        upstream(calls_a_tool) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(
            model="auto",
            messages=messages,
            tools=tools,
            tool_choice="auto",
            seed=7,
            temperature=0.25,
            stream=True,
            extra_body={"field_of_tomorrow": {"deep": [1, 2.50, None]}},
        )
        calls = [c.choices[0].delta.tool_calls async for c in stream]
        said = "".join(call[0].function.arguments for call in calls if call)
        assert json.loads(said) == {"day": "monday"}
        asked = up.requests[0].json
        assert asked["messages"] == messages
        assert asked["tools"] == tools
        assert asked["field_of_tomorrow"] == {"deep": [1, 2.5, None]}
        assert (asked["seed"], asked["temperature"]) == (7, 0.25)
        assert asked["model"] == "fast-upstream"


async def test_our_own_keys_never_reach_the_model():
    wishes = {
        "models": ["fast"],
        "ignore": [],
        "sort": ["price"],
        "weights": {"quality": 1},
        "ttft_timeout": "2s",
        "voice": {"frustration": 0.2},
        "tonewise": {"model": "fast"},
    }
    async with (
        upstream(openai_says("Hi.")) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        for body in (wishes, {"extra_body": {**wishes, "top_k": 5}}):
            stream = await client.chat.completions.create(
                model="auto",
                messages=HELLO,
                stream=True,
                user="ann",
                metadata={"tier": "gold"},
                extra_body=body,
            )
            assert await text_of(stream) == "Hi."
        first, second = (request.json for request in up.requests)
        expected = {"model", "messages", "stream", "stream_options", "user"}
        assert set(first) == expected
        assert set(second) == expected | {"top_k"}


async def test_metadata_goes_on_only_where_the_provider_is_to_store_it():
    async with (
        upstream(openai_says("Hi.")) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(
            model="fast",
            messages=HELLO,
            stream=True,
            store=True,
            metadata={"tier": "gold", "voice": '{"frustration": 0.1}'},
        )
        assert await text_of(stream) == "Hi."
        assert up.requests[0].json["metadata"] == {"tier": "gold"}


async def test_the_configured_fields_win_and_the_usual_ones_fill_in():
    options = {"extra_body": {"top_p": 0.5}, "temperature": 0.9, "max_tokens": 50}
    async with (
        upstream(openai_says("Hi.")) as up,
        api_server(chat_model("fast", up.url, options=options)) as server,
        sdk(server) as client,
    ):
        ask = client.chat.completions.create
        await text_of(await ask(model="fast", messages=HELLO, stream=True))
        await text_of(
            await ask(
                model="fast",
                messages=HELLO,
                stream=True,
                top_p=0.1,
                temperature=0.1,
                max_completion_tokens=9,
            )
        )
        first, second = (request.json for request in up.requests)
        assert (first["top_p"], first["temperature"], first["max_tokens"]) == (0.5, 0.9, 50)
        assert (second["top_p"], second["temperature"]) == (0.5, 0.1)
        assert second["max_completion_tokens"] == 9
        assert "max_tokens" not in second


async def test_a_chat_client_can_ask_claude():
    async with (
        upstream(anthropic_says("At", " nine.")) as up,
        api_server(claude_model("claude", up.url)) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(
            model="claude",
            messages=[{"role": "system", "content": "Be brief."}, *HELLO],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert said == "At nine."
        assert chunks[-1].usage.prompt_tokens == 100
        assert chunks[-1].tonewise["model"] == "claude"
        asked = up.requests[0].json
        assert up.requests[0].path == "/v1/messages"
        assert asked["stream"] is True
        assert asked["max_tokens"] > 0
        assert "Be brief." in json.dumps(asked["system"])


# ---------------------------------------------------------------- routing


async def test_auto_sends_a_hard_question_to_the_stronger_model():
    async with (
        upstream(openai_says("Quick.")) as fast,
        upstream(openai_says("Deep.")) as deep,
        api_server(
            chat_model("fast", fast.url), chat_model("deep", deep.url, route="frontier")
        ) as server,
        sdk(server) as client,
    ):
        ask = client.chat.completions.create
        assert await text_of(await ask(model="auto", messages=HELLO, stream=True)) == "Quick."
        assert await text_of(await ask(model="auto", messages=HARD, stream=True)) == "Deep."


@pytest.mark.parametrize("place", ["top", "extra_body", "metadata"])
async def test_a_voice_that_is_frustrated_raises_the_turn(place):
    voice = {"frustration": 0.95, "arousal": 0.9}
    body: dict[str, Any] = {
        "top": {"voice": voice},
        "extra_body": {"extra_body": {"voice": voice}},
        "metadata": {"metadata": {"voice": json.dumps(voice)}},
    }[place]
    async with (
        upstream(openai_says("Quick.")) as fast,
        upstream(openai_says("Deep.")) as deep,
        api_server(
            chat_model("fast", fast.url), chat_model("deep", deep.url, route="frontier")
        ) as server,
        sdk(server) as client,
    ):
        stream = await client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, extra_body=body
        )
        assert await text_of(stream) == "Deep."
        decided = server.of(Decided)[0]
        assert decided.plan.escalated
        assert not decided.calm


async def test_a_rule_reads_the_metadata_of_a_request_and_a_router_is_named():
    rules = (Rule("gold", 'tier == "gold"', "frontier"),)
    async with (
        upstream(openai_says("Quick.")) as fast,
        upstream(openai_says("Deep.")) as deep,
        api_server(
            chat_model("fast", fast.url),
            chat_model("deep", deep.url, route="frontier"),
            router=Router(options={"metadata": ["tier"]}),
            routers={"simple": Router(use="thresholds")},
            rules=rules,
            tables={"routes": (RouteSettings("fast"), RouteSettings("frontier"))},
        ) as server,
        sdk(server) as client,
    ):
        ask = client.chat.completions.create
        gold = {"messages": HELLO, "stream": True, "metadata": {"tier": "gold"}}
        assert await text_of(await ask(model="auto", **gold)) == "Deep."
        assert await text_of(await ask(model="tonewise/simple", **gold)) == "Quick."
        assert await text_of(await ask(model="inworld/simple", **gold)) == "Quick."
        assert [each.router for each in server.of(Decided)] == ["default", "simple", "simple"]
        assert server.of(Decided)[0].plan.rule == "gold"


async def test_the_pool_of_auto_is_what_the_request_names():
    async with (
        upstream(openai_says("Quick.")) as fast,
        upstream(openai_says("Deep.")) as deep,
        api_server(
            chat_model("fast", fast.url), chat_model("deep", deep.url, route="frontier")
        ) as server,
        sdk(server) as client,
    ):
        ask = client.chat.completions.create
        for body in ({"models": ["deep"]}, {"ignore": ["fast"]}):
            answer = await ask(model="auto", messages=HELLO, stream=True, extra_body=body)
            assert await text_of(answer) == "Deep."
        assert all(each.plan.models == ("deep",) for each in server.of(Decided))


async def test_a_round_of_tool_calls_stays_with_the_model_that_began_it():
    asked = {"role": "assistant", "tool_calls": [{**CALL, "index": None}]}
    result = {"role": "tool", "tool_call_id": "call_1", "content": "nine to five"}
    async with (
        upstream(openai_says("Quick.")) as fast,
        upstream(openai_says("Deep.")) as deep,
        api_server(
            chat_model("fast", fast.url), chat_model("deep", deep.url, route="frontier")
        ) as server,
        sdk(server) as client,
    ):
        echo = {"tonewise": {"model": "deep", "decision": "dec_1"}}
        stream = await client.chat.completions.create(
            model="auto", messages=[*HELLO, asked, result], stream=True, extra_body=echo
        )
        assert await text_of(stream) == "Deep."
        assert server.of(Decided)[0].plan.reasons[0].signal == "tools"
        again = await client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, extra_body=echo
        )
        assert await text_of(again) == "Quick."


async def test_a_policy_that_breaks_does_not_break_the_request():
    class Broken:
        name = "broken"

        def decide(self, turn, candidates):
            raise ZeroDivisionError

    async with (
        upstream(openai_says("Quick.")) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        server.engines.routers["default"] = Broken()
        stream = await client.chat.completions.create(model="auto", messages=HELLO, stream=True)
        assert await text_of(stream) == "Quick."
        assert server.of(Decided)[0].plan.reasons[0].signal == "policy"


# ---------------------------------------------------------------- records


async def test_what_was_decided_is_written_down_before_the_first_byte_and_all_else_after_it():
    gate = asyncio.Event()

    async def waits(peer):
        await peer.head()
        await gate.wait()
        await peer.event(openai_chunk({"content": "At nine."}))
        await peer.event(openai_chunk({}, finish="stop"))
        await peer.event({**openai_chunk({}), "choices": [], "usage": WHOLE["usage"]})
        await peer.event("[DONE]")
        await peer.end()

    async with (
        upstream(waits) as up,
        api_server(chat_model("fast", up.url, price_in=1.0, price_out=10.0)) as server,
        sdk(server) as client,
    ):
        asking = asyncio.create_task(
            client.chat.completions.create(model="auto", messages=HELLO, stream=True, user="Ann")
        )
        await up.asked.wait()
        (decided,) = server.records
        assert decided.source == "api"
        assert decided.user.startswith("u_")
        assert "Ann" not in decided.user
        assert decided.said is None
        gate.set()
        assert await text_of(await asking) == "At nine."
        (tried,), (replied,) = server.of(Tried), server.of(Replied)
        assert tried.decision == replied.decision == decided.decision
        assert (tried.input_tokens, tried.output_tokens) == (12, 3)
        assert tried.cost_usd == pytest.approx(42e-6)
        assert tried.outcome == replied.outcome == "answered"
        assert 0 < tried.first_token_ms <= replied.first_token_ms <= replied.total_ms


async def test_words_are_kept_only_where_transcripts_are():
    async with (
        api_server(scripted_model("demo"), store=Store(transcripts=True)) as server,
        sdk(server) as client,
    ):
        await client.chat.completions.create(model="auto", messages=HELLO)
        assert server.of(Decided)[0].said == HELLO[0]["content"]


async def test_the_client_of_a_key_is_in_every_record():
    environ = {"SHOP": "a-key-of-the-shop-app"}
    async with (
        api_server(
            scripted_model("demo"),
            clients=(Client("shop", "SHOP", models=("auto",), requests_per_minute=2),),
            environ=environ,
        ) as server,
        openai.AsyncOpenAI(
            base_url=f"{server.url}/v1", api_key=environ["SHOP"], max_retries=0
        ) as client,
    ):
        ask = client.chat.completions
        raw = await ask.with_raw_response.create(model="auto", messages=HELLO)
        assert raw.headers["x-ratelimit-remaining-requests"] == "1"
        assert {r.client for r in server.records if not isinstance(r, Replied)} == {"shop"}
        with pytest.raises(openai.PermissionDeniedError):
            await ask.create(model="demo", messages=HELLO)
        with pytest.raises(openai.PermissionDeniedError):
            await ask.create(model="auto", messages=HELLO, extra_body={"models": ["demo"]})
        with pytest.raises(openai.RateLimitError):
            await ask.create(model="auto", messages=HELLO)
        stranger = client.with_options(api_key="not-a-key-of-anybody")
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="auto", messages=HELLO)


ROUND = [
    *HELLO,
    {"role": "assistant", "tool_calls": [{**CALL, "index": None}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "nine to five"},
]


@pytest.mark.parametrize(
    "wish",
    [
        {"voice": {"frustration": 0.9}},
        {"sort": "quality"},
        {"weights": {"quality": 99, "cost": 0}},
        {"tonewise": {"model": "deep"}, "messages": ROUND},
        {"ignore": ["fast"]},
        {"model": "tonewise/support"},
    ],
    ids=lambda wish: next(iter(wish)),
)
async def test_whatever_a_key_wishes_routers_choose_among_the_models_that_it_names(wish):
    async with (
        api_server(
            scripted_model("fast"),
            scripted_model("middle", route="frontier"),
            scripted_model("deep", route="frontier", options={"replies": ["Dear."]}),
            clients=(Client("shop", "SHOP", models=("auto", "tonewise/*", "fast", "mid*")),),
            routers={"support": Router()},
            environ={"SHOP": "a-key-of-the-shop-app"},
        ) as server,
        httpx2.AsyncClient() as http,
    ):
        url, key = f"{server.url}/v1/chat/completions", {"x-api-key": "a-key-of-the-shop-app"}
        body = {"model": "auto", "messages": HELLO, **wish}
        answer = await http.post(url, json=body, headers=key)
        assert answer.status_code == 200, answer.text
        (decided,) = server.of(Decided)
        assert set(decided.plan.models) <= {"fast", "middle"}
        refused = await http.post(url, json={**body, "models": ["deep"]}, headers=key)
        assert refused.status_code == 403
        told = refused.json()["error"]["message"]
        assert told.endswith("'deep'; it may ask for auto, tonewise/*, fast, mid*")


async def test_a_key_that_names_a_model_that_is_not_there_has_none_and_not_all():
    async with (
        api_server(
            scripted_model("fast"),
            clients=(Client("shop", "SHOP", models=("auto", "fats")),),
            environ={"SHOP": "a-key-of-the-shop-app"},
        ) as server,
        httpx2.AsyncClient() as http,
    ):
        answer = await http.post(
            f"{server.url}/v1/chat/completions",
            json={"model": "auto", "messages": HELLO},
            headers={"x-api-key": "a-key-of-the-shop-app"},
        )
        assert answer.status_code == 403
        told = answer.json()["error"]["message"]
        assert "none of the models" in told
        assert told.endswith("it may ask for auto, fats")


# ---------------------------------------------------------------- models


async def test_the_list_of_models_is_one_that_the_sdk_can_read():
    async with (
        api_server(
            scripted_model("org/demo", price_in=0.5, price_out=2.0, context_window=8000),
            routers={"support": Router()},
        ) as server,
        sdk(server) as client,
    ):
        listed = {model.id: model async for model in client.models.list()}
        assert list(listed) == ["auto", "tonewise/default", "tonewise/support", "org/demo"]
        demo = await client.models.retrieve("org/demo")
        assert (demo.price_in, demo.price_out, demo.context_window) == (0.5, 2.0, 8000)
        assert demo.route == "fast"
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("nobody")


async def test_a_model_may_be_called_as_its_provider_calls_it():
    async with (
        upstream(openai_says("Hi.")) as up,
        api_server(chat_model("fast", up.url), chat_model("deep", up.url)) as server,
        sdk(server) as client,
    ):
        for name in ("fast", "fast-upstream", "openai_compatible/fast-upstream"):
            stream = await client.chat.completions.create(model=name, messages=HELLO, stream=True)
            assert await text_of(stream) == "Hi."
        assert {each.plan.models for each in server.of(Decided)} == {("fast",)}


async def test_an_unknown_model_is_a_404_that_names_the_choices():
    async with (
        upstream(is_busy) as up,
        api_server(chat_model("fast", up.url)) as server,
        sdk(server) as client,
    ):
        for name in ("fats", "tonewise/nobody"):
            with pytest.raises(openai.NotFoundError, match=r"auto, tonewise/default, fast") as told:
                await client.chat.completions.create(model=name, messages=HELLO)
            assert told.value.code == "model_not_found"
        assert server.records == []
        assert up.requests == []
