"""No key, token or password that is planted turns up anywhere but where it belongs."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest

from collector import collecting
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.errors import ConfigError
from tonewise.operating import Budget, Client, Profile, Store, Telemetry
from tonewise.server import running
from tonewise.settings import Server, Stt, Vad
from upstream import Peer, upstream

TOKEN = "operator-token-PLANTED-0a1b2c3d4e"
KEY = "client-key-PLANTED-5f6a7b8c9d0e"
PROVIDER = "sk-provider-PLANTED-1f2e3d4c5b6a"
COLLECTOR = "collector-key-PLANTED-9f8e7d6c"
WRONG = "a-wrong-key-PLANTED-7a6b5c4d3e2f"
PLANTED = (TOKEN, KEY, PROVIDER, COLLECTOR, WRONG)
ASKED = {"model": "auto", "messages": [{"role": "user", "content": "Where is my order?"}]}
DIALECTS = {
    "/v1/chat/completions": ASKED,
    "/v1/messages": {**ASKED, "max_tokens": 100},
    "/v1/responses": {"model": "auto", "input": "Where is my order?"},
}


async def talkative(peer: Peer) -> None:
    """A provider that repeats the key that it was sent, whole and in part."""
    sent = peer.raw_headers.get("Authorization") or peer.raw_headers.get("authorization", "")
    assert PROVIDER in sent
    body = {"error": {"message": f"Incorrect API key provided: {PROVIDER}. Yours: {PROVIDER[:20]}"}}
    await peer.answer(401, body, x_request_id=PROVIDER)


def settings(base_url: str, collector: str, folder: Path) -> Config:
    options = {"model": "m", "base_url": f"{base_url}/v1", "api_key_env": "PLANTED_PROVIDER_KEY"}
    return Config(
        server=Server(port=0),
        vad=Vad(use="webrtc"),
        stt=Stt(use="scripted"),
        models=(
            Model("refusing", "fast", options=options, price_in=1.0, price_out=2.0),
            Model("answering", "fast", "scripted", options={"replies": ["All right."]}),
        ),
        clients=(Client("shop", "PLANTED_CLIENT_KEY", budget=Budget(usd=1.0)),),
        store=Store(url=f"sqlite:///{folder}/planted.db", transcripts=True),
        telemetry=Telemetry(traces=collector),
        profile=Profile(warm_up=False),  # httpcore's DEBUG log tells what came
    )


async def everything_asked(http: httpx2.AsyncClient) -> list[str]:
    """What is answered, to right and wrong keys, at every kind of address."""
    answers: list[httpx2.Response] = []

    async def ask(method: str, path: str, **more: Any) -> None:
        answers.append(await http.request(method, path, **more))

    for headers in (
        {"authorization": f"Bearer {KEY}"},
        {"x-api-key": TOKEN},
        {"authorization": f"Bearer {WRONG}"},
        {"x-api-key": WRONG, "traceparent": WRONG},
    ):
        for path, body in DIALECTS.items():
            for more in ({}, {"stream": True}, {"model": "refusing"}, {"model": 7}):
                await ask("POST", path, json=body | more, headers=headers)
        judged = {"decision": "dec_none", "thumbs": "up"}
        await ask("POST", "/v1/feedback", json=judged, headers=headers)
        for path in ("decisions", "profile", "experiments", "learning", "models", "no/such"):
            await ask("GET", f"/v1/{path}", headers=headers)
        for path in ("metrics", "healthz", "readyz", "openapi.json", "docs"):
            await ask("GET", f"/{path}", headers=headers)
    operator = {"x-api-key": TOKEN}
    await ask("GET", "/v1/decisions", headers=operator)
    for row in answers[-1].json()["data"][:5]:
        await ask("GET", f"/v1/decisions/{row['decision']}", headers=operator)
    assert {401, 403, 404, 200} <= {answer.status_code for answer in answers}
    return [f"{answer.headers} {answer.text}" for answer in answers]


async def test_planted_keys_turn_up_nowhere(tmp_path, monkeypatch, caplog, capfd):
    environ = {
        "TONEWISE_TOKEN": TOKEN,
        "PLANTED_CLIENT_KEY": KEY,
        "PLANTED_PROVIDER_KEY": PROVIDER,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={COLLECTOR}",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    caplog.set_level(logging.DEBUG)
    with collecting() as collector:
        async with upstream(talkative) as provider:
            config = settings(provider.url.removesuffix("/v1"), collector.url, tmp_path)
            async with (
                running(config, environ=environ) as server,
                httpx2.AsyncClient(base_url=server.url, trust_env=False) as http,
            ):
                told = await everything_asked(http)
                await asyncio.sleep(0.2)
    assert collector.headers[0]["x-key"] == COLLECTOR  # where it belongs
    assert sum("Incorrect API key provided: [key]" in one for one in told) >= 6
    assert collector.named("POST /v1/chat/completions")
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert written
    printed = capfd.readouterr()
    places = {
        "an answer": "\n".join(told).encode(),
        "the log": caplog.text.encode(),
        "what was printed": (printed.out + printed.err).encode(),
        "the traces": b"".join(collector.bodies),
        "the store": b"".join(written),
    }
    found = [
        (place, secret)
        for place, text in places.items()
        for secret in PLANTED
        for piece in (secret[:16], secret[-16:])
        if piece.encode() in text
    ]
    assert found == []


@pytest.mark.parametrize("key", ["tooshort", f"{KEY}\n"])
async def test_a_key_that_will_not_do_is_not_repeated_at_the_start(tmp_path, key):
    config = settings("http://127.0.0.1:9", "", tmp_path)
    config = msgspec.structs.replace(config, models=config.models[1:])
    environ = {"PLANTED_CLIENT_KEY": key, "TONEWISE_TOKEN": TOKEN}
    with pytest.raises(ConfigError, match="PLANTED_CLIENT_KEY") as refused:
        async with running(config, environ=environ):
            pass
    assert key.strip() not in str(refused.value)
