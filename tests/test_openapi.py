"""/openapi.json tells the truth of a running server, and /docs shows it without anybody's help."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import openai
import pytest
from starlette.routing import Route

from chromium import browser, executable
from tonewise import assets
from tonewise.api.openapi import document
from tonewise.api.openapi_schemas import SORTS
from tonewise.application import create_app
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.operating import Client, Learning
from tonewise.server import Running, running
from tonewise.settings import Server, Stt, Vad

KEY, TOKEN = "shop-key-0123456789", "the-servers-own-token"
ENVIRON = {"SHOP_KEY": KEY, "TONEWISE_TOKEN": TOKEN}
BEARER = {"authorization": f"Bearer {TOKEN}"}
CONFIG = Config(
    server=Server(port=0),
    vad=Vad(use="webrtc"),
    stt=Stt(use="scripted"),
    models=(
        Model("quick", "fast", "scripted", options={"replies": ["All right."]}),
        Model("deep", "frontier", "scripted", options={"replies": ["Let us see."]}),
    ),
    clients=(Client(name="shop", token_env="SHOP_KEY"),),
    learning=Learning(enabled=True),
)

UNTOLD = {
    "/docs": "a page for people",
    "/telephony/calls": "the telephone wires have a page of their own in the README",
    "/telephony/calls/{call}/transfer": "likewise",
    "/telephony/{wire}": "likewise",
    "/v1/messages/count_tokens": "there only to say that it is absent",
    "/v1/messages/batches{rest}": "likewise",
    "/v1/responses/{rest}": "likewise",
    "/v1/{rest}": "likewise",
    **dict.fromkeys(
        ("/chat/completions", "/responses", "/messages", "/models"),
        "there only to say that /v1 is missing before it",
    ),
}


@asynccontextmanager
async def served(
    config: Config = CONFIG, environ: dict[str, str] = ENVIRON
) -> AsyncIterator[tuple[Running, httpx2.AsyncClient]]:
    async with (
        running(config, environ=environ) as server,
        httpx2.AsyncClient(base_url=server.url, trust_env=False) as http,
    ):
        yield server, http


# ---------------------------------------------------------------- the document


def test_every_address_of_the_server_is_told_and_every_one_that_is_told_is_there():
    app = create_app(CONFIG, environ=ENVIRON)
    routes = [route for route in app.routes if isinstance(route, Route)]
    there = {re.sub(r":\w+}", "}", route.path) for route in routes} - set(UNTOLD)
    told = set(document()["paths"])
    assert {path.replace("{model}", "{name}") for path in told} == there


def test_what_is_referred_to_is_there_and_all_that_is_there_is_referred_to():
    told = document()
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(told)))
    assert named == set(told["components"]["schemas"])


def test_every_operation_has_a_name_of_its_own_and_says_what_it_is_for():
    operations = [one for path in document()["paths"].values() for one in path.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names) == 25
    assert all(one["summary"].endswith((".", "?")) for one in operations)


def test_where_no_key_is_set_the_document_asks_for_none():
    asked = json.dumps(document(keys=True))
    assert '"securitySchemes"' in asked
    assert '"401"' in asked
    free = json.dumps(document(keys=False))
    assert '"security' not in free
    assert '"401"' not in free


async def test_the_server_tells_it_to_anyone_and_sorts_as_it_says():
    async with served() as (_, http):
        told = await http.get("/openapi.json")
        assert told.headers["content-type"] == "application/json"
        assert told.json() == json.loads(json.dumps(document()))
        example = document()["paths"]["/v1/chat/completions"]["post"]
        body = example["requestBody"]["content"]["application/json"]["example"]
        for sort in SORTS:
            answer = await http.post(
                "/v1/chat/completions", json=body | {"sort": sort}, headers=BEARER
            )
            assert answer.status_code == 200, sort


async def test_every_example_is_answered():
    async with served() as (_, http):
        for path, methods in document()["paths"].items():
            for method, operation in methods.items():
                for content in operation.get("requestBody", {}).get("content", {}).values():
                    if body := content.get("example"):
                        told = await http.request(method, path, json=body, headers=BEARER)
                        # There is no call of the example's name to judge.
                        assert told.status_code == (404 if path == "/v1/feedback" else 200), path


async def test_what_is_not_there_is_told_in_the_clients_own_way():
    async with served() as (_, http):
        wrong = await http.get("/v1/chat/completions")
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
        assert wrong.json()["error"]["code"] == "method_not_allowed"
        absent = await http.post("/v1/embeddings", json={})
        assert absent.status_code == 404
        assert "GET /docs" in absent.json()["error"]["message"]
        theirs = await http.get("/v1/messages")
        assert theirs.status_code == 405
        assert theirs.json()["type"] == "error"


# ---------------------------------------------------------------- and the server keeps to it

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
HOOKS = """
import schemathesis

@schemathesis.serializer("application/sdp")
def as_it_is(ctx, value):
    return {"data": str(value).encode("utf-8", "replace")}
"""


async def asked_for_everything(tmp_path: Path, *options: str) -> None:
    """Schemathesis, against a server of ours."""
    pytest.importorskip("schemathesis")
    (tmp_path / "hooks.py").write_text(HOOKS)
    async with served() as (server, http):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}openapi.json"]
        command += ["--header", f"Authorization: Bearer {TOKEN}", "--checks", ",".join(CHECKS)]
        command += ["--seed", "1", "--no-color", "--generation-database", "none", *options]
        done = await asyncio.create_subprocess_exec(
            *command,
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": "."},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        told = (await done.communicate())[0].decode()
        assert done.returncode == 0, told
        assert "No issues found" in told or "passed" in told, told
        assert (await http.get("/readyz")).status_code == 200


async def test_the_documents_own_examples_are_answered_as_it_says(tmp_path):
    await asked_for_everything(tmp_path, "--phases=examples")


@pytest.mark.slow
async def test_nothing_that_it_allows_or_forbids_breaks_the_server(tmp_path):
    await asked_for_everything(tmp_path, "--phases=examples,coverage,fuzzing", "--max-examples=10")


# ---------------------------------------------------------------- the page


def test_the_page_is_small_and_loads_nothing_from_elsewhere():
    files = [assets.folder("web") / f"docs.{kind}" for kind in ("html", "css", "js")]
    assert sum(file.stat().st_size for file in files) <= 30_000
    for file in files:
        assert not re.search(r"https?://|//[a-z]+\.|@import|eval\(|innerHTML", file.read_text())


@pytest.mark.skipif(not executable(), reason="no Chromium; CHROMIUM names one")
async def test_the_page_shows_every_operation_finds_and_opens_them():
    async with served() as (server, _), browser() as page:
        await page.go(f"{server.url}docs")
        await page.until("document.querySelectorAll('.operation').length === 25")
        field = "document.getElementById('find')"
        await page.js(f"{field}.value = 'feedback', {field}.dispatchEvent(new Event('input'))")
        assert await page.text("#found") == "1 found"
        shown = "[...document.querySelectorAll('.operation')].filter((one) => !one.hidden)"
        await page.js(f"{shown}[0].firstElementChild.click()")
        await page.until(f"{shown}[0].textContent.includes('curl')")
        told = await page.js(f"{shown}[0].querySelector('pre').textContent")
        assert '-H "Authorization: Bearer $TONEWISE_TOKEN"' in told
        assert """-d '{"decision":"ab12cd34.1","thumbs":"up"}'""" in told
        await page.click("#all")
        await page.until("document.querySelectorAll('.operation .inside').length === 25")
        assert page.errors == []


# ---------------------------------------------------------------- a client that is set up wrong


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/responses", "/v1/responses"),
        ("/messages", "/v1/messages"),
        ("/v1/v1/messages", "/v1/messages"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
    ],
)
async def test_who_has_a_wrong_base_url_is_told_the_right_one(path, meant):
    async with served() as (_, http):
        answer = await http.post(path, json={"model": "auto"}, headers=BEARER)
        assert answer.status_code == 404
        told = answer.json()["error"]["message"]
        assert f"ask {meant}" in told
        assert "base_url" in told
        assert ("type" in answer.json()) == meant.endswith("messages")  # in Anthropic's shape


async def test_openais_client_tells_what_is_wrong_with_its_base_url():
    async with (
        served() as (server, _),
        openai.AsyncOpenAI(base_url=server.url, api_key="k", max_retries=0) as client,
    ):
        with pytest.raises(openai.NotFoundError, match="ask /v1/chat/completions"):
            await client.chat.completions.create(model="auto", messages=[])
        with pytest.raises(openai.NotFoundError, match="ask /v1/models"):
            await client.models.list()
