"""The operator's desk over HTTP: what was decided, what came of it, and what may be steered."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette

from on_a_port import on_a_port
from test_call import engines
from tonewise.api import desk as desks
from tonewise.api import inquiries
from tonewise.api.clients import Clients
from tonewise.api.problems import ApiError
from tonewise.config import Config
from tonewise.decision_in_words import sentences
from tonewise.engines import Engines
from tonewise.errors import StoreError
from tonewise.experience import Experience
from tonewise.moments import moment
from tonewise.operating import Client, Learning, Store
from tonewise.plan import Plan, Reason, Skipped
from tonewise.records import AnyRecord, CallBegan, Decided, Followed, Judged, Replied, Tried
from tonewise.routes import RouteSettings, Variant
from tonewise.store.keeper import RecordStore, open_store

TOKEN, SHOP_KEY, DESK_KEY = "the-servers-own-token", "shop-key-0123456789", "desk-key-0123456789"
ENVIRON = {"TONEWISE_TOKEN": TOKEN, "SHOP": SHOP_KEY, "DESK": DESK_KEY}
ROUTE = RouteSettings(
    "frontier", variants=(Variant(("deep",), 50, "usual"), Variant(("quick",), 50, "bold"))
)
CONFIG = Config(
    clients=(
        Client(name="shop", token_env="SHOP"),
        Client(name="desk", token_env="DESK", operator=True),
    ),
    learning=Learning(enabled=True),
    routes=(ROUTE,),
    store=Store(transcripts=True),
)


@dataclass
class Served:
    """A server with a desk."""

    http: httpx2.AsyncClient
    store: RecordStore
    experience: Experience
    engines: Engines

    def note(self, *records: AnyRecord) -> None:
        for record in records:
            self.experience.note(record)
        assert self.store.flush()

    async def get(self, path: str, key: str = TOKEN, **query: Any) -> Any:
        answer = await self.http.get(path, params=query, headers=bearer(key))
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    async def refused(
        self, path: str, key: str = TOKEN, method: str = "GET", **more: Any
    ) -> tuple[int, dict[str, Any]]:
        answer = await self.http.request(method, path, headers=bearer(key), **more)
        return answer.status_code, answer.json()["error"]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"} if key else {}


@asynccontextmanager
async def served(
    config: Config = CONFIG, environ: dict[str, str] = ENVIRON
) -> AsyncIterator[Served]:
    loaded = engines(config=config)
    store = open_store(config.store, {})
    experience = Experience(store, loaded.candidates, config.profile, config.learning)
    app = Starlette(routes=desks.routes())
    app.state.engines, app.state.store, app.state.experience = loaded, store, experience
    app.state.clients = Clients(config, environ, store)
    try:
        async with (
            on_a_port(app) as place,
            httpx2.AsyncClient(base_url=place, trust_env=False) as http,
        ):
            yield Served(http, store, experience, loaded)
    finally:
        store.close()
        await loaded.aclose()


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    async with served() as running:
        yield running


# ---------------------------------------------------------------- records

NOW = time.time()


def plan(route: str = "fast", model: str = "quick", **more: Any) -> Plan:
    return Plan(
        route, (model, "deep"), (Reason("complexity", "complexity 0.71 ≥ 0.50"),), 0.71, **more
    )


def decided(name: str, at: float = NOW, **more: Any) -> Decided:
    given = {"source": "call", "plan": plan(), "call": name.partition(".")[0], **more}
    return Decided(at=at, decision=name, **given)


def tried(name: str, at: float = NOW, attempt: int = 1, **more: Any) -> Tried:
    given = {"model": "quick", "outcome": "answered", "first_token_ms": 400.0, **more}
    return Tried(at=at, decision=name, attempt=attempt, **given)


def whole_turn(name: str, at: float = NOW) -> list[AnyRecord]:
    """A turn that fell back, was answered, calmed the caller and was judged."""
    return [
        CallBegan(at=at - 1, call=name.partition(".")[0], wire="websocket", caller="u_1"),
        decided(name, at, turn=3, user="u_1", said="where is my order"),
        tried(name, at + 1, 0, outcome="cancelled", early=True, first_token_ms=None),
        tried(name, at + 1, 1, outcome="no_first_token", detail="3 s", first_token_ms=None),
        tried(name, at + 2, 2, model="deep", cost_usd=0.0012),
        Replied(
            at=at + 3,
            decision=name,
            outcome="answered",
            model="deep",
            first_token_ms=3400.0,
            first_sound_ms=3650.0,
            replied="On its way.",
        ),
        Followed(at=at + 9, decision=name, before=0.6, frustration=0.2, thanked=True),
        Judged(at=at + 10, decision=name, score=1.0, label="resolved", by="caller"),
    ]


# ---------------------------------------------------------------- who may look


@pytest.mark.parametrize(
    "path",
    [
        "/v1/decisions",
        "/v1/decisions/x",
        "/v1/routes",
        "/v1/profile",
        "/v1/experiments",
        "/v1/learning",
    ],
)
async def test_nobody_looks_without_a_key(server, path):
    status, error = await server.refused(path, key="")
    assert status == 401
    assert (await server.refused(path, key="a wrong key of some length"))[0] == 401
    assert error["message"]


@pytest.mark.parametrize("path", ["/v1/routes", "/v1/profile", "/v1/experiments", "/v1/learning"])
async def test_a_client_that_is_no_operator_sees_nothing_of_others(server, path):
    assert (await server.refused(path, SHOP_KEY))[0] == 403
    await server.get(path, DESK_KEY)


async def test_a_client_sees_its_own_decisions_and_no_others(server):
    server.note(
        decided("dec_1", client="shop", source="api"),
        decided("dec_2", client="desk", source="api"),
        decided("c1.1"),
    )
    told = await server.get("/v1/decisions", SHOP_KEY)
    assert [row["decision"] for row in told["data"]] == ["dec_1"]
    assert len((await server.get("/v1/decisions", DESK_KEY))["data"]) == 3
    await server.get("/v1/decisions/dec_1", SHOP_KEY)
    for other in ("dec_2", "c1.1", "dec_9"):  # what is not theirs is as if it were not there
        status, error = await server.refused(f"/v1/decisions/{other}", SHOP_KEY)
        assert (status, error["param"]) == (404, "decision")
    status, error = await server.refused("/v1/decisions?client=desk", SHOP_KEY)
    assert (status, error["param"]) == (403, "client")


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_only_an_operator_steers_the_learner(server, method):
    status, _ = await server.refused("/v1/learning", SHOP_KEY, method, json={"frozen": True})
    assert status == 403
    assert not (await server.get("/v1/learning"))["frozen"]


async def test_where_no_key_is_asked_for_everybody_on_this_machine_is_an_operator():
    async with served(Config(), environ={}) as running:
        assert await running.get("/v1/learning", key="")


# ---------------------------------------------------------------- decisions


async def test_decisions_are_told_newest_first_and_page_by_page(server):
    server.note(*(decided(f"c1.{number}", NOW - 100 + number) for number in range(1, 8)))
    seen, cursor, pages = [], "", 0
    while cursor is not None:
        told = await server.get("/v1/decisions", limit=3, cursor=cursor)
        seen += [row["decision"] for row in told["data"]]
        cursor, pages = told["next_cursor"], pages + 1
        assert told["has_more"] == (cursor is not None)
    assert pages == 3
    assert seen == [f"c1.{number}" for number in range(7, 0, -1)]


async def test_a_row_has_every_key_and_null_where_nothing_is_known(server):
    server.note(decided("c1.1"))
    (row,) = (await server.get("/v1/decisions"))["data"]
    assert set(row) >= {
        "decision", "at", "source", "call", "turn", "client", "router", "user", "route", "model",
        "models", "variant", "task", "escalated", "explored", "calm", "complexity", "frustration",
        "reason", "outcome", "attempts", "cost_usd", "first_token_ms", "first_sound_ms",
        "total_ms", "score", "said",
    }  # fmt: skip
    assert (row["model"], row["outcome"], row["cost_usd"], row["score"]) == (None,) * 4
    assert row["reason"] == "complexity 0.71 ≥ 0.50"


FOUND_BY = [
    ({}, {"c1.1", "c2.1", "dec_1"}),
    ({"route": "frontier"}, {"c2.1"}),
    ({"model": "deep"}, {"c1.1", "c2.1"}),
    ({"model": "quick"}, {"dec_1"}),
    ({"client": "shop"}, {"dec_1"}),
    ({"call": "c2"}, {"c2.1"}),
    ({"user": "u_1"}, {"c1.1"}),
    ({"source": "api"}, {"dec_1"}),
    ({"router": "support"}, {"dec_1"}),
    ({"variant": "bold"}, {"c2.1"}),
    ({"outcome": "answered"}, {"c1.1"}),
    ({"escalated": "true"}, {"c2.1"}),
    ({"escalated": "false"}, {"c1.1", "dec_1"}),
    ({"explored": "true"}, {"dec_1"}),
    ({"feedback": "good"}, {"c1.1"}),
    ({"feedback": "none"}, {"c2.1", "dec_1"}),
    ({"since": "90m"}, {"c1.1"}),
    ({"until": "90m"}, {"c2.1", "dec_1"}),
    ({"q": "ORDER"}, {"c1.1"}),
    ({"q": ""}, {"c1.1", "c2.1", "dec_1"}),
    ({"min_frustration": "0.5"}, {"c2.1"}),
]


async def test_decisions_are_found_by_what_is_known_of_them(server):
    angry = plan("frontier", "deep", variant="bold", escalated=True, frustration=0.8)
    server.note(
        *whole_turn("c1.1", NOW - 3600),
        decided("c2.1", NOW - 7200, plan=angry),
        decided(
            "dec_1",
            NOW - 7300,
            source="api",
            client="shop",
            router="support",
            plan=plan(explored=True),
        ),
    )
    for asked, found in FOUND_BY:
        told = await server.get("/v1/decisions", **asked)
        assert {row["decision"] for row in told["data"]} == found, asked


WRONG = [
    ("limit=0", "limit"),
    ("limit=201", "limit"),
    ("limit=many", "limit"),
    ("limit=-1", "limit"),
    ("escalated=maybe", "escalated"),
    ("outcome=good", "outcome"),
    ("source=phone", "source"),
    ("feedback=5", "feedback"),
    ("since=yesterday", "since"),
    ("since=1e999", "since"),
    ("until=-5", "until"),
    ("min_frustration=2", "min_frustration"),
    ("cursor=nonsense", "cursor"),
    ("rout=fast", "rout"),
    ("route=a&route=b", "route"),
    (f"q={'x' * 501}", "q"),
]


async def test_a_wrong_parameter_is_told_by_name(server):
    for query, name in WRONG:
        status, error = await server.refused(f"/v1/decisions?{query}")
        assert (status, error["param"]) == (400, name), query
        assert error["message"].startswith(f"{name}:")


async def test_a_misspelt_parameter_is_told_what_was_meant(server):
    _, error = await server.refused("/v1/decisions?rout=fast")
    assert "did you mean 'route'" in error["message"]


async def test_one_decision_is_told_whole_and_in_words(server):
    server.note(*whole_turn("c1.1"))
    told = await server.get("/v1/decisions/c1.1")
    assert told["decision"]["decision"] == "c1.1"
    assert told["decision"]["model"] == "deep"
    assert told["plan"]["reasons"][0]["text"] == "complexity 0.71 ≥ 0.50"
    early, first, second = told["attempts"]
    assert (early["attempt"], early["early"]) == (0, True)
    assert (first["outcome"], first["detail"], first["cost_usd"]) == ("no_first_token", "3 s", None)
    assert (second["model"], second["cost_usd"]) == ("deep", 0.0012)
    assert told["reply"]["replied"] == "On its way."
    assert told["followed"]["thanked"]
    assert told["feedback"][0]["label"] == "resolved"
    assert "decision" not in told["reply"]
    assert told["words"][:2] == ["route       fast", "because     complexity 0.71 ≥ 0.50"]
    assert any(line.startswith("tried       quick") for line in told["words"])
    assert told["sentences"] == [
        "The turn went to fast because complexity 0.71 ≥ 0.50.",
        "A model was asked early once, for nothing: the caller spoke on.",
        "quick said nothing in time (3 s); then deep answered (first token after 0.40 s, $0.0012).",
        "Deep answered it, heard after 3.65 s.",
        "The caller said thanks.",
        "The caller's frustration fell from 0.60 to 0.20.",
        "Caller gave it 1 of 1 and called it 'resolved'.",
    ]


async def test_a_decision_that_has_just_been_made_is_there_at_once(server):
    server.experience.note(decided("c1.1"))  # not flushed
    told = await server.get("/v1/decisions/c1.1")
    assert told["reply"] is None
    assert told["followed"] is None
    assert told["attempts"] == told["feedback"] == []
    assert "No reply is over yet." in told["sentences"]


async def test_a_decision_of_a_call_with_slashes_in_its_name_is_found(server):
    server.note(decided("folder/call one.1"))
    told = await server.get("/v1/decisions/folder%2Fcall%20one.1")
    assert told["decision"]["call"] == "folder/call one"


async def test_an_unknown_decision_is_not_found(server):
    assert (await server.refused("/v1/decisions/c9.9"))[0] == 404
    assert (await server.refused(f"/v1/decisions/{'x' * 600}"))[0] == 404
    assert (await server.refused("/v1/decisions/%00"))[0] == 404


# ---------------------------------------------------------------- over time


async def test_routes_are_counted_hour_by_hour(server):
    start = (NOW - 7200) // 3600 * 3600
    angry = plan("frontier", "deep", escalated=True, frustration=0.8)
    server.note(
        decided("c1.1", start + 60),
        tried("c1.1", start + 61, cost_usd=0.5),
        decided("c1.2", start + 120, plan=angry),
        Replied(at=start + 121, decision="c1.2", outcome="failed"),
        decided("c1.3", start + 3700),
    )
    told = await server.get("/v1/routes", since=start + 5, until=start + 7200, bucket="hour")
    assert (told["since"], told["bucket"], told["bucket_s"]) == (start, "hour", 3600)
    assert told["routes"] == ["frontier", "fast"]  # as the settings list them
    first, second = told["buckets"]
    assert (first["at"], second["at"]) == (start, start + 3600)
    assert first["routes"]["fast"]["turns"] == 1
    assert first["routes"]["fast"]["cost_usd"] == 0.5
    assert first["routes"]["frontier"] == {
        "turns": 1, "escalated": 1, "failed": 1, "cost_usd": None, "first_token_ms": None,
        "frustration": 0.8,
    }  # fmt: skip
    assert list(second["routes"]) == ["fast"]


@pytest.mark.parametrize(
    ("asked", "step"),
    [
        ({}, "hour"),
        ({"since": "2h"}, "minute"),
        ({"since": "3d"}, "hour"),
        ({"since": "30d"}, "day"),
    ],
)
async def test_the_step_follows_from_the_time_that_is_asked_for(server, asked, step):
    told = await server.get("/v1/routes", **asked)
    assert told["bucket"] == step
    assert all(bucket["routes"] == {} for bucket in told["buckets"])
    assert len(told["buckets"]) >= 24


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("bucket=week", "bucket"),
        ("since=30d&bucket=minute", "bucket"),
        ("since=2026-11-21&until=2026-11-20", "since"),
        ("since=1&bucket=day", "since"),
    ],
)
async def test_too_long_or_no_time_at_all_is_refused(server, query, name):
    status, error = await server.refused(f"/v1/routes?{query}")
    assert (status, error["param"]) == (400, name)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("1700000000", 1_700_000_000.0),
        ("1700000000.5", 1_700_000_000.5),
        ("2026-11-21", 1_795_219_200.0),
        ("2026-11-21T12:00:00Z", 1_795_262_400.0),
        ("2026-11-21T12:00:00+01:00", 1_795_258_800.0),
        ("2026-11-21T12:00:00 01:00", 1_795_258_800.0),
        ("24h", 913_600.0),
        ("1.5m", 999_910.0),
        ("99999d", 0.0),
        ("", None),
        ("1e9", None),
        ("nan", None),
        ("0001-01-01", None),
        ("tomorrow", None),
        ("99999999999999", None),
    ],
)
def test_times_are_read_as_people_write_them(written, seconds):
    assert moment(written, 1_000_000.0) == seconds


# ---------------------------------------------------------------- figures


async def test_the_profile_tells_of_every_model_and_who_rests(server):
    server.note(*(tried(f"c1.{n}", NOW, first_token_ms=250.0, cost_usd=0.001) for n in range(30)))
    breaker = server.engines.targets["deep"].breaker
    for _ in range(3):
        breaker.failed(asyncio.get_running_loop().time(), "no connection")
    quick, deep = (await server.get("/v1/profile"))["models"]
    assert (quick["model"], quick["route"], quick["resting"]) == ("quick", "fast", False)
    assert quick["p50_ms"] == pytest.approx(250, rel=0.05)
    assert quick["tries"] > 0
    assert (deep["model"], deep["p50_ms"], deep["tries"]) == ("deep", None, 0.0)
    assert deep["resting"]
    assert "3 faults in a row" in deep["resting_why"]
    assert 0 < deep["resting_s"] <= 20


def experiment_turn(who: int, variant: str, cost: float) -> list[AnyRecord]:
    name = f"{variant}{who}.1"
    drawn = plan("frontier", "deep", variant=variant)
    return [
        decided(name, NOW - 60, user=f"{variant}{who}", plan=drawn),
        tried(name, NOW - 59, model="deep", cost_usd=cost + who * 1e-6),
        Replied(at=NOW - 58, decision=name, outcome="answered", model="deep", first_token_ms=400.0),
        Followed(at=NOW - 50, decision=name, before=0.1, frustration=0.1, thanked=who % 2 == 0),
    ]


async def test_experiments_compare_variants_by_callers(server):
    for who in range(40):
        server.note(*experiment_turn(who, "usual", 0.002), *experiment_turn(who, "bold", 0.001))
    told = await server.get("/v1/experiments")
    assert told["how"] is None
    assert told["cautions"]
    (experiment,) = told["experiments"]
    assert (experiment["route"], experiment["running"], experiment["callers"]) == (
        "frontier",
        True,
        80,
    )
    assert not experiment["split"]["warns"]
    usual, bold = experiment["variants"]
    assert (usual["variant"], usual["first"], usual["against_first"]) == ("usual", True, None)
    assert (bold["weight"], bold["models"], bold["turns"]) == (50, ["quick"], 40)
    cost = bold["measures"]["cost_usd"]
    assert cost["low"] < cost["value"] < cost["high"]
    assert bold["against_first"]["cost_usd"]["verdict"] == "better"
    assert bold["against_first"]["thanked"]["verdict"] == "no_telling"
    assert bold["against_first"]["feedback"]["verdict"] == "not_enough"
    other = await server.get("/v1/experiments", route="fast")
    assert other["experiments"] == []


async def test_where_there_is_no_experiment_it_says_how_to_begin():
    async with served(Config()) as running:
        told = await running.get("/v1/experiments")
    assert told["experiments"] == []
    assert "[[routes]]" in told["how"]


# ---------------------------------------------------------------- learning


async def test_learning_is_told_frozen_and_forgotten(server):
    for number in range(40):
        server.note(*whole_turn(f"c{number}.3", NOW - 3600 + number))
    told = await server.get("/v1/learning")
    assert (told["enabled"], told["frozen"], told["explore"]) == (True, False, 0.05)
    assert told["half_life_days"] == 7.0
    assert {each["model"] for each in told["beliefs"]} == {"deep"}
    belief = told["beliefs"][0]
    assert belief["low"] <= belief["lift"] <= belief["high"]
    headers = bearer(TOKEN)
    frozen = await server.http.post("/v1/learning", json={"frozen": True}, headers=headers)
    assert frozen.json()["frozen"]
    assert server.experience.learning.frozen
    thawed = await server.http.post("/v1/learning", json={"frozen": False}, headers=headers)
    assert not thawed.json()["frozen"]
    gone = await server.http.delete("/v1/learning", params={"model": "deep"}, headers=headers)
    assert gone.json()["beliefs"] == []
    assert (await server.http.delete("/v1/learning", headers=headers)).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"frozen": 1}', b'{"froze": true}', b"\xff"])
async def test_a_body_that_says_nothing_clear_changes_nothing(server, body):
    answer = await server.http.post("/v1/learning", content=body, headers=bearer(TOKEN))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]
    assert not server.experience.learning.frozen


async def test_a_model_that_is_not_there_cannot_be_forgotten(server):
    status, error = await server.refused("/v1/learning?model=dep", method="DELETE")
    assert (status, error["param"]) == (400, "model")
    assert "'deep'" in error["message"]


async def test_where_learning_is_off_it_cannot_be_steered():
    async with served(Config()) as running:
        told = await running.get("/v1/learning")
        assert (told["enabled"], told["beliefs"]) == (False, [])
        for method in ("POST", "DELETE"):
            status, error = await running.refused(
                "/v1/learning", method=method, json={"frozen": True}
            )
            assert (status, error["code"]) == (409, "learning_is_off")


# ---------------------------------------------------------------- trouble


class Stubborn:
    """A database that answers when it is told to."""

    def __init__(self) -> None:
        self.go, self.asked, self.most, self._in = threading.Event(), 0, 0, 0

    def decisions(self, _: object) -> Any:
        self.asked += 1
        self._in += 1
        self.most = max(self.most, self._in)
        self.go.wait(10)
        self._in -= 1
        raise StoreError("the store at sqlite:///x.db cannot be read: it is away")


async def test_a_slow_store_is_asked_a_few_times_at_once_and_nobody_waits_for_ever(
    server, monkeypatch
):
    slow = Stubborn()
    server.store.reading = slow
    monkeypatch.setattr(inquiries, "PATIENCE_S", 0.3)
    try:
        refused = await asyncio.gather(*(server.refused("/v1/decisions") for _ in range(6)))
        statuses = [status for status, _ in refused]
        assert set(statuses) <= {503, 504}
        assert statuses.count(504) == slow.asked == slow.most == inquiries.AT_ONCE
    finally:
        slow.go.set()
    status, error = await server.refused("/v1/decisions")  # and afterwards there is room again
    assert status == 503
    assert "it is away" in error["message"]


def test_turns_that_nobody_waits_for_any_more_are_not_read(monkeypatch):
    monkeypatch.setattr(inquiries, "PATIENCE_S", -1.0)
    with pytest.raises(ApiError) as error:
        list(inquiries.in_time(range(3)))
    assert error.value.status == 504


def test_every_end_of_a_reply_has_its_words():
    from tonewise.store.found import Whole
    from tonewise.store.keeper import open_store as opened

    store = opened(Store(), {})
    try:
        for at, outcome in enumerate(("answered", "interrupted", "cut_short", "failed")):
            store.note(decided(f"c.{at}", plan=plan(skipped=(Skipped("vip", "x is absent"),))))
            store.note(Replied(at=NOW, decision=f"c.{at}", outcome=outcome, model="deep"))
            store.note(Followed(at=NOW, decision=f"c.{at}", hung_up=True, repeated=True))
        assert store.flush()
        for at in range(4):
            found = store.reading.decision(f"c.{at}")
            assert isinstance(found, Whole)
            told = sentences(found)
            assert "The caller said much the same again and hung up on it." in told
            assert all(text.endswith(".") for text in told)
    finally:
        store.close()
