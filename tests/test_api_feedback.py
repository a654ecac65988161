"""Feedback over HTTP, and pages of other origins that may use the HTTP interfaces."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from small_server import Small, small_server
from tonewise.api import feedback, health
from tonewise.api.problems import ApiError
from tonewise.api.serving import decoded
from tonewise.config import Config
from tonewise.operating import Client, Store
from tonewise.plan import Plan
from tonewise.records import Decided
from tonewise.settings import Server

KEY, OTHER_KEY, TOKEN = "shop-key-0123456789", "desk-key-0123456789", "the-servers-own-token"
ENVIRON = {"SHOP_KEY": KEY, "DESK_KEY": OTHER_KEY, "TONEWISE_TOKEN": TOKEN}
CLIENTS = (Client("shop", "SHOP_KEY"), Client("desk", "DESK_KEY", requests_per_minute=5))
SHOP, DESK, OPERATOR = ({"x-api-key": key} for key in (KEY, OTHER_KEY, TOKEN))
ORIGIN = "https://app.example.org"


@asynccontextmanager
async def server(**config):
    config = Config(clients=CLIENTS, **config)
    async with small_server([*feedback.routes(), *health.routes()], config, ENVIRON) as small:
        for decision, source, client in (("dec_1", "api", "shop"), ("c1.2", "call", "")):
            small.experience.note(
                Decided(
                    at=time.time(),
                    decision=decision,
                    source=source,
                    client=client,
                    plan=Plan("fast", ("m",), (), 0.1),
                )
            )
        yield small


async def kept(small: Small, decision: str) -> list[tuple]:
    assert await asyncio.to_thread(small.store.flush)
    whole = small.store.reading.decision(decision)
    return [(one.by, one.score, one.label, one.text) for one in whole.feedback]


@pytest.mark.parametrize(
    ("body", "headers", "decision", "score"),
    [
        ({"decision": "dec_1", "score": 0.25}, SHOP, "dec_1", 0.25),
        ({"decision": "dec_1", "thumbs": "up", "label": "resolved"}, SHOP, "dec_1", 1.0),
        ({"decision": "dec_1", "thumbs": "down"}, OPERATOR, "dec_1", 0.0),
        ({"call": "c1", "turn": 2, "score": 1}, SHOP, "c1.2", 1.0),
        ({"decision": "c1.2", "thumbs": "down", "text": "no"}, DESK, "c1.2", 0.0),
    ],
)
async def test_a_decision_is_judged_by_score_or_by_thumbs(body, headers, decision, score):
    async with server() as small:
        told = await small.http.post("/v1/feedback", json=body, headers=headers)
        assert told.status_code == 200, told.text
        label = body.get("label", "")
        assert told.json() == {
            "object": "feedback",
            "decision": decision,
            "score": score,
            "label": label,
        }
        by = {KEY: "shop", OTHER_KEY: "desk", TOKEN: ""}[headers["x-api-key"]]
        assert await kept(small, decision) == [(by, score, label, None)]


async def test_of_each_client_the_last_word_counts():
    async with server() as small:
        for score in (0.0, 0.5, 1.0):
            for headers in (SHOP, DESK):
                body = {"decision": "c1.2", "score": score}
                await small.http.post("/v1/feedback", json=body, headers=headers)
        await small.http.post("/v1/feedback", json={"decision": "c1.2", "score": 0.2}, headers=SHOP)
        assert sorted(await kept(small, "c1.2")) == [
            ("desk", 1.0, "", None),
            ("shop", 0.2, "", None),
        ]


@pytest.mark.parametrize("transcripts", [False, True])
async def test_words_are_kept_only_where_transcripts_are(transcripts):
    async with server(store=Store(transcripts=transcripts)) as small:
        body = {"decision": "dec_1", "thumbs": "up", "text": "he was kind"}
        await small.http.post("/v1/feedback", json=body, headers=SHOP)
        ((*_, text),) = await kept(small, "dec_1")
        assert text == ("he was kind" if transcripts else None)


UNKNOWN = (
    ({"decision": "dec_2", "thumbs": "up"}, SHOP),
    ({"call": "c1", "turn": 3, "thumbs": "up"}, SHOP),
    ({"decision": "dec_1", "thumbs": "up"}, DESK),  # another client's
)


async def test_what_is_not_there_and_what_is_anothers_are_told_alike():
    async with server() as small:
        for body, headers in UNKNOWN:
            told = await small.http.post("/v1/feedback", json=body, headers=headers)
            assert told.status_code == 404, body
            error = told.json()["error"]
            assert error["code"] == "not_found"
            assert "there is no decision" in error["message"]
        assert await kept(small, "dec_1") == []


WRONG = (
    ({"thumbs": "up"}, "decision"),
    ({"call": "c1", "thumbs": "up"}, "turn"),
    ({"turn": 1, "thumbs": "up"}, "decision"),
    ({"decision": "dec_1", "call": "c1", "turn": 1, "thumbs": "up"}, "decision"),
    ({"decision": "dec_1"}, "score"),
    ({"decision": "dec_1", "score": 1, "thumbs": "up"}, "score"),
    ({"decision": "dec_1", "score": 1.5}, "score"),
    ({"decision": "dec_1", "score": "1"}, "score"),
    ({"decision": "dec_1", "thumbs": "sideways"}, "thumbs"),
    ({"decision": "dec_1", "score": 1, "label": "x" * 65}, "label"),
    ({"decision": "dec_1", "score": 1, "stars": 5}, "stars"),
    ({"decision": "", "score": 1}, "decision"),
    ({"call": "c1", "turn": 0, "score": 1}, "turn"),
    ([], None),
    ("score", None),
)


async def test_what_is_wrong_is_named():
    async with server() as small:
        for body, param in WRONG:
            told = await small.http.post("/v1/feedback", json=body, headers=SHOP)
            assert told.status_code == 400, body
            error = told.json()["error"]
            assert error["param"] == param, body
            assert param is None or param in error["message"]


async def test_a_field_with_a_typo_is_told_with_the_nearest_and_all_others():
    async with server() as small:
        body = {"decision": "dec_1", "thumb": "up"}
        told = await small.http.post("/v1/feedback", json=body, headers=SHOP)
        error = told.json()["error"]
        assert (told.status_code, error["param"]) == (400, "thumb")
        assert error["message"] == (
            "thumb: unknown field (did you mean 'thumbs'?); fields are: "
            "decision, call, turn, score, thumbs, label, text"
        )


async def test_what_is_no_json_is_told():
    async with server() as small:
        for body in (b"", b"{", b"\xff", b'{"decision":"\xff"}', b"[" * 5000):
            told = await small.http.post("/v1/feedback", content=body, headers=SHOP)
            assert told.status_code == 400, body
            assert "error" in told.json()


async def test_a_body_that_is_too_long_is_not_read():
    async with server() as small:
        told = await small.http.post("/v1/feedback", content=b" " * 70_000, headers=SHOP)
    assert told.status_code == 413


async def test_feedback_needs_a_key_and_counts_as_a_request():
    async with server() as small:
        body = {"decision": "c1.2", "thumbs": "up"}
        assert (await small.http.post("/v1/feedback", json=body)).status_code == 401
        told = [(await small.http.post("/v1/feedback", json=body, headers=DESK)) for _ in range(6)]
    assert [one.status_code for one in told] == [200] * 5 + [429]
    assert told[0].headers["x-ratelimit-remaining-requests"] == "4"
    assert int(told[5].headers["retry-after"]) in (60, 61)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_whatever_is_sent_is_read_or_told(body):
    told = 400
    try:
        decoded(body, feedback.Feedback)
    except ApiError as error:
        told = error.status
    assert told == 400


# ---------------------------------------------------------------- other origins


async def test_a_welcome_page_may_ask_beforehand_and_read_the_answer():
    async with server(server=Server(origins=(f"{ORIGIN}/",))) as small:
        asked = {
            "origin": ORIGIN,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type,x-stainless-os",
        }
        preflight = await small.http.options("/v1/feedback", headers=asked)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == ORIGIN
        assert "POST" in preflight.headers["access-control-allow-methods"]
        assert "x-stainless-os" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers
        body = {"decision": "dec_1", "thumbs": "up"}
        told = await small.http.post("/v1/feedback", json=body, headers=SHOP | {"origin": ORIGIN})
    assert told.status_code == 200
    assert told.headers["access-control-allow-origin"] == ORIGIN
    shown = told.headers["access-control-expose-headers"].split(", ")
    assert {"tonewise-decision", "x-request-id", "request-id"} <= set(shown)
    assert "origin" in told.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["https://evil.example.org", "null", f"{ORIGIN}.evil.org"])
async def test_a_strangers_page_may_neither_ask_nor_read(origin):
    async with server(server=Server(origins=(ORIGIN,))) as small:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        refused = await small.http.options("/v1/feedback", headers=asked)
        body = {"decision": "dec_1", "thumbs": "up"}
        posted = await small.http.post("/v1/feedback", json=body, headers=SHOP | {"origin": origin})
        assert await kept(small, "dec_1") == []
    for answer in (refused, posted):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


async def test_what_is_not_an_interface_says_nothing_of_origins():
    async with server(server=Server(origins=(ORIGIN,))) as small:
        told = await small.http.get("/readyz", headers={"origin": ORIGIN})
    assert "access-control-allow-origin" not in told.headers
