"""/v1/responses with OpenAI's own SDKs, unchanged but for their address, before real sockets."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import httpx2
import openai
import pytest
from pydantic import BaseModel

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

TOOL = {"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}
dialects = pytest.mark.parametrize("dialect", ["chat", "messages"])


def sdk(server: Serving, **options) -> openai.AsyncOpenAI:
    web = openai.DefaultAsyncHttpxClient(trust_env=False)
    given = {"api_key": "a-key-of-ours", "max_retries": 0} | options
    return openai.AsyncOpenAI(base_url=f"{server.url}/v1", http_client=web, **given)


def told(response) -> dict:
    """The response as the SDK has it, without what differs from one request to the next."""
    return json.loads(response.model_dump_json(exclude={"tonewise", "created_at"}))


@dialects
async def test_a_response_is_given_whoever_answers(dialect):
    async with serving(("m", dialect, BOTH[dialect])) as server, sdk(server) as client:
        raw = await client.responses.with_raw_response.create(
            model="m",
            input="Hi",
            instructions="Be kind.",
            max_output_tokens=50,
            temperature=0.5,
            store=True,
        )
        response = raw.parse()
        assert response.output_text == "Hello there, friend."
        assert (response.object, response.status) == ("response", "completed")
        assert (response.instructions, response.temperature) == ("Be kind.", 0.5)
        assert response.store is False
        usage = response.usage
        assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (20, 7, 27)
        assert usage.input_tokens_details.cached_tokens == 5
        assert response.tonewise["model"] == "m"
        assert raw.headers["tonewise-decision"] == response.tonewise["decision"]
        asked = server.asked("m")
        assert asked["model"] == "m-1"
        assert asked["max_tokens"] == 50
        assert "Be kind." in str(asked)
        assert "store" not in asked


@dialects
async def test_the_stream_tells_the_same_response_as_the_whole_answer(dialect):
    async with serving(("m", dialect, BOTH[dialect])) as server, sdk(server) as client:
        whole = await client.responses.create(model="m", input="Hi")
        async with client.responses.stream(model="m", input="Hi") as stream:
            events = [event async for event in stream]
            final = await stream.get_final_response()
        assert [event.sequence_number for event in events] == list(range(len(events)))
        grown = [e for e in events if e.type == "response.output_text.delta"]
        assert len(grown) > 2
        assert grown[-1].snapshot == final.output_text == "Hello there, friend."
        assert final.tonewise["attempts"][0]["outcome"] == "answered"
        ours, theirs = told(final), told(whole)
        for made in (ours, theirs):
            for item in made["output"]:
                for part in item["content"]:
                    part.pop("parsed", None)
        assert ours == theirs
        kinds = [
            event.type
            async for event in await client.responses.create(model="m", input="Hi", stream=True)
        ]
        assert kinds[:2] == ["response.created", "response.in_progress"]
        assert kinds[-1] == "response.completed"


@dialects
async def test_a_round_of_parallel_tools_goes_all_the_way(dialect):
    cities = {"call_1": "Bonn", "call_2": "Ulm"}
    model = asks_for_weather(dialect, cities, then="It rains in both.")
    async with serving(("m", dialect, model)) as server, sdk(server) as client:
        talk = [{"role": "user", "content": "Bonn and Ulm?"}]
        async with client.responses.stream(model="m", input=talk, tools=[TOOL]) as stream:
            grown = [
                event.snapshot
                async for event in stream
                if event.type == "response.function_call_arguments.delta"
            ]
            first = await stream.get_final_response()
        calls = [item for item in first.output if item.type == "function_call"]
        assert {call.call_id: json.loads(call.arguments)["city"] for call in calls} == cities
        assert json.loads(grown[-1]) == {"city": "Ulm"}
        assert first.output_text == "Let me look."
        talk += [item.model_dump(exclude={"parsed_arguments"}) for item in first.output]
        talk += [
            {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}
            for call in calls
        ]
        last = await client.responses.create(model="m", input=talk, tools=[TOOL])
        assert last.output_text == "It rains in both."
        roles = [turn["role"] for turn in server.asked("m")["messages"]]
        assert roles == (
            ["user", "assistant", "tool", "tool"]
            if dialect == "chat"
            else ["user", "assistant", "user"]
        )


@dialects
async def test_images_reach_the_model(dialect):
    url = f"data:image/png;base64,{PNG}"
    content = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": url, "detail": "auto"},
    ]
    async with serving(("m", dialect, BOTH[dialect])) as server, sdk(server) as client:
        await client.responses.create(model="m", input=[{"role": "user", "content": content}])
        _, image = server.asked("m")["messages"][0]["content"]
        if dialect == "chat":
            assert image == {"type": "image_url", "image_url": {"url": url}}
        else:
            assert image["source"] == {"type": "base64", "media_type": "image/png", "data": PNG}


@dialects
async def test_structured_answers_are_asked_for_and_read(dialect):
    class Weather(BaseModel):
        city: str

    written = '{"city": "Bonn"}'
    model = {
        "chat": chat_model({"content": written}),
        "messages": messages_model([{"type": "text", "text": written}]),
    }
    async with serving(("m", dialect, model[dialect])) as server, sdk(server) as client:
        answer = await client.responses.parse(model="m", input="Hi", text_format=Weather)
        assert answer.output_parsed == Weather(city="Bonn")
        async with client.responses.stream(model="m", input="Hi", text_format=Weather) as stream:
            final = await stream.get_final_response()
        assert final.output_parsed == Weather(city="Bonn")
        asked = server.asked("m")
        form = asked.get("response_format") or asked["output_config"]["format"]
        assert form["type"] == "json_schema"


async def test_thoughts_are_a_reasoning_item():
    model = chat_model({"reasoning_content": "Let me think.", "content": "Yes."})
    async with serving(("m", "chat", model)) as server, sdk(server) as client:
        response = await client.responses.create(model="m", input="Hi", reasoning={"effort": "low"})
        thought, said = response.output
        assert thought.content[0].text == "Let me think."
        assert said.content[0].text == "Yes."
        assert server.asked("m")["reasoning_effort"] == "low"
        talk = [
            {"role": "user", "content": "Hi"},
            *(item.model_dump(exclude_none=True) for item in response.output),
            {"role": "user", "content": "Sure?"},
        ]
        await client.responses.create(model="m", input=talk)
        roles = [turn["role"] for turn in server.asked("m")["messages"]]
        assert roles == ["user", "assistant", "user"]


async def test_an_answer_that_was_cut_short_is_incomplete():
    model = chat_model({"content": "Hello there"}, finish="length")
    async with serving(("m", "chat", model)) as server, sdk(server) as client:
        response = await client.responses.create(model="m", input="Hi")
        assert response.status == "incomplete"
        assert response.incomplete_details.reason == "max_output_tokens"
        async with client.responses.stream(model="m", input="Hi") as stream:
            last = [event async for event in stream][-1]
        assert last.type == "response.incomplete"
        assert told(last.response) == told(response)


async def test_the_synchronous_sdk_works_as_well():
    def ask(url):
        web = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(base_url=f"{url}/v1", api_key="k", http_client=web) as client:
            whole = client.responses.create(model="m", input="Hi")
            with client.responses.stream(model="m", input="Hi") as stream:
                final = stream.get_final_response()
        return whole.output_text, final.output_text

    async with serving(("m", "messages", BOTH["messages"])) as server:
        whole, streamed = await asyncio.to_thread(ask, server.url)
    assert whole == streamed == "Hello there, friend."


async def test_a_model_of_the_other_dialect_stands_in_and_the_answer_says_so():
    async with (
        serving(("m", "chat", fails(500)), ("c", "messages", BOTH["messages"])) as server,
        sdk(server) as client,
    ):
        response = await client.responses.create(
            model="m", input="Hi", user="ann", extra_body={"models": ["c"], "ttft_timeout": "2s"}
        )
        assert response.output_text == "Hello there, friend."
        assert response.tonewise["attempts"][-1]["model"] == "c"
        assert len(response.tonewise["attempts"]) > 1
        assert server.asked("c")["metadata"] == {"user_id": "ann"}
        assert "models" not in server.asked("c")


async def test_what_one_provider_cannot_be_asked_the_next_one_is():
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    async with (
        serving(("c", "messages", BOTH["messages"]), ("m", "chat", BOTH["chat"])) as server,
        sdk(server) as client,
    ):
        talk = [{"role": "user", "content": [sound]}]
        response = await client.responses.create(
            model="c", input=talk, extra_body={"models": ["m"]}
        )
        assert response.output_text == "Hello there, friend."
        assert server.tried == [("c", "bad_request"), ("m", "answered")]
        with pytest.raises(openai.BadRequestError, match=r"content\[0\]"):
            await client.responses.create(model="c", input=talk)


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("behave", "error"),
    [
        (fails(429), openai.RateLimitError),
        (fails(400, "too odd"), openai.BadRequestError),
        (fails(500), openai.InternalServerError),
    ],
)
async def test_an_error_of_the_model_is_an_error_of_its_kind(behave, error):
    async with serving(("m", "chat", behave)) as server, sdk(server) as client:
        with pytest.raises(error):
            await client.responses.create(model="m", input="Hi")
        with pytest.raises(error):
            await client.responses.create(model="m", input="Hi", stream=True)


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"input": [{"type": "item_reference", "id": "rs_1"}]}, "input[0].type"),
    ],
)
async def test_what_this_server_does_not_do_is_refused_by_name(asked, param):
    async with serving(("m", "chat", BOTH["chat"])) as server, sdk(server) as client:
        with pytest.raises(openai.BadRequestError) as refused:
            await client.responses.create(**{"model": "m", "input": "Hi"} | asked)
        assert refused.value.param == param
        assert server.models["m"].requests == []


async def test_responses_are_not_kept():
    async with serving(("m", "chat", BOTH["chat"])) as server, sdk(server) as client:
        for ask in (
            client.responses.retrieve("resp_1"),
            client.responses.delete("resp_1"),
            client.responses.cancel("resp_1"),
            client.responses.input_items.list("resp_1"),
        ):
            with pytest.raises(openai.NotFoundError, match="keeps no responses"):
                await ask
        with pytest.raises(openai.NotFoundError, match="usage"):
            await client.responses.input_tokens.count(model="m", input="Hi")


async def test_a_stream_that_breaks_off_ends_as_failed():
    async def breaks_off(peer):
        await peer.head()
        await peer.event(ROLE_ONLY)
        await peer.event(openai_chunk({"content": "Hello"}))
        peer.hang_up()

    async with serving(("m", "chat", breaks_off)) as server, sdk(server) as client:
        stream = await client.responses.create(model="m", input="Hi", stream=True)
        last = [event async for event in stream][-1]
        assert last.type == "response.failed"
        assert "broke off" in last.response.error.message
        assert last.response.output[0].content[0].text == "Hello"
        assert server.tried == [("m", "cut_short")]


async def test_metadata_is_answered_as_it_came():
    async with serving(("m", "chat", BOTH["chat"])) as server, sdk(server) as client:
        response = await client.responses.create(model="m", input="Hi", metadata={"order": "7"})
        assert response.metadata == {"order": "7"}
        assert "metadata" not in server.asked("m")


async def test_answers_have_identifiers_though_the_model_gives_none():
    async def nameless(peer):
        await peer.head()
        for chunk in (openai_chunk({"content": "Hello"}), openai_chunk({}, finish="stop")):
            await peer.event({**chunk, "id": ""})
        await peer.event("[DONE]")
        await peer.end()

    async with serving(("m", "chat", nameless)) as server, sdk(server) as client:
        names = set()
        for _ in range(2):
            async with client.responses.stream(model="m", input="Hi") as stream:
                names.add((await stream.get_final_response()).id)
        assert len(names) == 2


async def test_any_body_gets_an_answer_that_is_no_fault_of_ours():
    async with (
        serving(("m", "chat", BOTH["chat"])) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        bodies = [b"", b"[]", b"{", b"\xff", b"null", b'{"input":1}', b'{"messages":{}}']
        bodies += [b'{"input":[[]]}', b'{"input":"Hi","text":[]}', b"[" * 5000]
        bodies += [b'{"input":"\\ud800"}', b'{"max_tokens":1,"messages":[{"role":"user"}]}']
        bodies += [b'{"input":' + b'{"a":' * 3000 + b"1" + b"}" * 3001]
        for path in ("/v1/responses", "/v1/messages"):
            for body in bodies:
                answer = await http.post(path, content=body)
                assert answer.status_code == 400, (path, body)
                assert answer.json()["error"]["message"]


# ---------------------------------------------------------------- another language

SCRIPT = """
import OpenAI from "openai";
const client = new OpenAI({ apiKey: "k", baseURL: process.argv[2], maxRetries: 0 });
const tools = [{ type: "function", name: "weather", parameters: {}, strict: false }];
const ask = { model: "m", input: "Hi", tools };
const whole = await client.responses.create(ask);
const stream = client.responses.stream(ask);
let words = "";
stream.on("response.output_text.delta", (event) => { words += event.delta; });
const final = await stream.finalResponse();
const chunks = await client.chat.completions.create(
  { model: "m", messages: [{ role: "user", content: "Hi" }], stream: true });
let chat = "";
for await (const chunk of chunks) chat += chunk.choices[0]?.delta?.content ?? "";
let refused = "";
try { await client.responses.create({ model: "m", input: "Hi", background: true }); }
catch (error) { refused = `${error.status} ${error.param}`; }
console.log(JSON.stringify({ whole: whole.output_text, words, final: final.output_text, chat,
  call: final.output.at(-1).arguments, refused, model: final.tonewise.model }));
"""


@pytest.fixture(scope="session")
def npm_openai() -> Path:
    """A folder where node finds OpenAI's package."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tonewise-tests" / "npm"
    if not (folder / "node_modules" / "openai").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"type": "module", "private": true}')
        quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"]
        install = ["npm", "install", *quiet, "openai@7"]
        try:
            subprocess.run(install, check=True, cwd=folder, capture_output=True, timeout=120)
        except subprocess.SubprocessError:
            pytest.skip("npm could not fetch openai")
    return folder


@pytest.mark.slow
@dialects
async def test_openais_package_for_node_works_unchanged(npm_openai, dialect):
    call = {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Bonn"}}
    model = {
        "chat": chat_model(
            {"content": "Let me look.", "tool_calls": [function_call("c", "weather", city="Bonn")]}
        ),
        "messages": messages_model([{"type": "text", "text": "Let me look."}, call]),
    }
    script = npm_openai / f"ask-{dialect}-{os.getpid()}.mjs"
    script.write_text(SCRIPT)
    try:
        async with serving(("m", dialect, model[dialect])) as server:
            process = await asyncio.create_subprocess_exec(
                *("node", str(script), f"{server.url}/v1"),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            out, err = await asyncio.wait_for(process.communicate(), 60)
    finally:
        script.unlink()
    assert process.returncode == 0, err.decode()
    heard = json.loads(out)
    assert json.loads(heard.pop("call")) == {"city": "Bonn"}
    assert heard.pop("refused") == "400 background"
    assert heard.pop("model") == "m"
    assert set(heard.values()) == {"Let me look."}
