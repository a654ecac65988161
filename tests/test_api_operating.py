"""Keys, budgets, figures and traces of a whole server, before a model that tells what it reads."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import openai
import pytest
from websockets.asyncio.client import connect

from collector import collecting, facts
from loudness_vad import sound
from tonewise.audio import to_pcm16
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.operating import Budget, Client, Profile, Store, Telemetry
from tonewise.server import running
from tonewise.settings import Server, Stt, Vad
from upstream import Peer, upstream

KEY, TOKEN = "shop-key-0123456789", "the-servers-own-token"
ENVIRON = {"SHOP_KEY": KEY, "TONEWISE_TOKEN": TOKEN}
ASKED = {"messages": [{"role": "user", "content": "Where is my order?"}]}
SHOP, OPERATOR = {"x-api-key": KEY}, {"x-api-key": TOKEN}


async def counting(peer: Peer) -> None:
    """A model that reads 1000 tokens and writes 500, piece by piece where that is asked for."""
    message = {"role": "assistant", "content": "On its way."}
    choice = {"index": 0, "finish_reason": "stop"}
    usage = {"prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500}
    told = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    if not peer.json.get("stream"):
        await peer.answer(200, {**told, "choices": [choice | {"message": message}], "usage": usage})
        return
    told["object"] = "chat.completion.chunk"
    await peer.head()
    await peer.event({**told, "choices": [choice | {"delta": message}]})
    await peer.event({**told, "choices": [], "usage": usage})
    await peer.event("[DONE]")
    await peer.end()


@asynccontextmanager
async def serving(folder: Path, collector: str = "", **limits):
    async with upstream(counting) as provider:
        base_url = f"{provider.url.removesuffix('/v1')}/v1"
        options = {"model": "m", "base_url": base_url, "api_key_env": ""}
        config = Config(
            server=Server(port=0),
            vad=Vad(use="webrtc", options={"aggressiveness": 0}),
            stt=Stt(use="scripted", options={"lines": ["where is my parcel"]}),
            models=(Model("priced", "fast", options=options, price_in=100.0, price_out=200.0),),
            clients=(Client("shop", "SHOP_KEY", **limits),),  # a request costs 0.1 + 0.1 USD
            store=Store(url=f"sqlite:///{folder}/store.db"),
            telemetry=Telemetry(traces=collector),
            profile=Profile(warm_up=False),
        )
        async with (
            running(config, environ=ENVIRON) as server,
            httpx2.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            yield http


async def ask(http: httpx2.AsyncClient, headers: dict[str, str] = SHOP) -> httpx2.Response:
    return await http.post("/v1/chat/completions", json=ASKED, headers=headers)


async def test_a_budget_holds_across_a_restart_and_the_official_client_understands(tmp_path):
    budget = {"budget": Budget(usd=0.5, per="month")}
    async with serving(tmp_path, **budget) as http:
        assert [(await ask(http)).status_code for _ in range(2)] == [200, 200]
    async with serving(tmp_path, **budget) as http:
        assert (await ask(http)).status_code == 200  # 0.4 of 0.5 were spent: this one passes it
        refused = await ask(http)
        assert refused.status_code == 429
        assert "$0.6000 of $0.50 for this month" in refused.json()["error"]["message"]
        assert (await ask(http, OPERATOR)).status_code == 200
        client = openai.AsyncOpenAI(base_url=f"{http.base_url}v1", api_key=KEY)
        async with client:
            with pytest.raises(openai.RateLimitError) as told:
                await client.chat.completions.create(model="auto", **ASKED)
        assert told.value.code == "insufficient_quota"


async def test_a_key_for_auto_gets_an_answer_and_no_model_by_name(tmp_path):
    async with serving(tmp_path, models=("auto", "tonewise/*")) as http:
        for model in ("auto", "tonewise/default"):
            asked = {**ASKED, "model": model}
            told = await http.post("/v1/chat/completions", json=asked, headers=SHOP)
            assert told.status_code == 200, told.text
        asked = {**ASKED, "model": "priced"}
        refused = await http.post("/v1/chat/completions", json=asked, headers=SHOP)
        assert refused.status_code == 403
        listed = (await http.get("/v1/models", headers=SHOP)).json()["data"]
        assert [one["id"] for one in listed] == ["auto", "tonewise/default"]


async def test_requests_and_tokens_a_minute_are_told_and_kept(tmp_path):
    async with serving(tmp_path, requests_per_minute=3, tokens_per_minute=2000) as http:
        first = await ask(http)
        assert first.headers["x-ratelimit-remaining-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-tokens"] == "2000"
        second = await ask(http)
        assert second.headers["x-ratelimit-remaining-tokens"] == "500"
        third = await ask(http)
        assert (third.status_code, third.json()["error"]["type"]) == (429, "tokens")
        assert 50 <= int(third.headers["retry-after"]) <= 61


EXPECTED = {
    'tonewise_turns_total{route="fast",router="default",source="api"} 1.0',
    'tonewise_attempts_total{model="priced",outcome="answered"} 1.0',
    'tonewise_tokens_total{client="shop",direction="read",model="priced"} 1000.0',
    'tonewise_cost_usd_total{client="shop",model="priced"} 0.2',
    'tonewise_replies_total{outcome="answered",source="api"} 1.0',
    'tonewise_api_requests_total{client="shop",endpoint="/v1/chat/completions",status="200"} 1.0',
    'tonewise_feedback_total{client="shop",verdict="good"} 1.0',
    'tonewise_model_resting{model="priced"} 0.0',
}  # fmt: skip
OF_A_CALL = {
    'tonewise_calls_total{wire="plain"} 1.0',
    'tonewise_turns_total{route="fast",router="default",source="call"} 1.0',
    'tonewise_tokens_total{client="none",direction="read",model="priced"} 1000.0',
    'tonewise_stage_seconds_count{stage="stt"} 1.0',
    "tonewise_calls_in_hand 0.0",
}


async def figures_with(http: httpx2.AsyncClient, expected: set[str]) -> list[str]:
    """The figures, as soon as they hold these: a request is counted once its answer is out."""
    async with asyncio.timeout(20):
        while True:
            figures = (await http.get("/metrics", headers=OPERATOR)).text.splitlines()
            if expected <= set(figures):
                return figures
            await asyncio.sleep(0.02)


async def test_figures_and_traces_tell_of_the_same_request(tmp_path):
    with collecting() as collector:
        async with serving(tmp_path, collector.url) as http:
            answer = await ask(http)
            decision = answer.headers["tonewise-decision"]
            judged = {"decision": decision, "thumbs": "up"}
            told = await http.post("/v1/feedback", json=judged, headers=SHOP)
            assert told.status_code == 200, told.text
            figures = await figures_with(http, EXPECTED)
    assert any(line.startswith("tonewise_store_backlog_bytes ") for line in figures)
    (own,) = collector.named("POST /v1/chat/completions")
    assert facts(own)["tonewise.decision"] == decision
    spans = {span.name: span for span in collector.children(own)}
    assert set(spans) == {"routing", "attempt"}
    assert facts(spans["attempt"])["gen_ai.usage.output_tokens"] == 500
    assert facts(spans["attempt"])["tonewise.cost_usd"] == pytest.approx(0.2)
    assert spans["routing"].end_time_unix_nano <= spans["attempt"].end_time_unix_nano


async def test_a_call_is_seen_in_figures_and_traces_without_a_word_of_it(tmp_path):
    with collecting() as collector:
        async with serving(tmp_path, collector.url) as http:
            address = f"ws://127.0.0.1:{http.base_url.port}/call"
            async with connect(
                address, additional_headers={"Authorization": f"Bearer {TOKEN}"}, compression=None
            ) as call:
                await call.send('{"type": "start", "caller": {"number": "+49301234567"}}')
                pcm = to_pcm16(sound(("speech", 0.8), ("silence", 3.0)))
                for start in range(0, len(pcm), 6400):
                    await call.send(pcm[start : start + 6400])
                async with asyncio.timeout(30):
                    while json.loads(await call.recv())["event"] != "reply_ended":
                        pass
                await call.send('{"type": "stop"}')
                await call.wait_closed()
            figures = await figures_with(http, OF_A_CALL)
    (root,) = collector.named("call")
    (turn,) = [one for one in collector.children(root) if facts(one).get("tonewise.route")]
    assert facts(turn)["tonewise.outcome"] == "answered"
    assert {"stt", "routing", "attempt"} <= {one.name for one in collector.children(turn)}
    sent = b"".join(collector.bodies) + "\n".join(figures).encode()
    for private in (b"+49301234567", b"parcel", b"On its way"):
        assert private not in sent
