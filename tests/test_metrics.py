"""What monitoring reads: figures with few labels and no word of a caller, and readiness."""

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from small_server import small_server, until
from starved import least_s
from tonewise.api import health
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.errors import Outcome
from tonewise.events import (
    ReplyInterrupted,
    StageFailed,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Transcript, VoiceCues
from tonewise.observing.metrics import Metrics
from tonewise.observing.observer import endpoint_of
from tonewise.observing.readiness import Checked, readiness
from tonewise.operating import Budget, Client
from tonewise.plan import Plan
from tonewise.records import CallBegan, CallOver, Decided, Judged, Replied, Tried

KEY, TOKEN = "shop-key-0123456789", "the-servers-own-token"
ENVIRON = {"SHOP_KEY": KEY, "TONEWISE_TOKEN": TOKEN}
CONFIG = Config(
    models=(Model("quick", "fast", "demo"), Model("deep", "frontier", "demo")),
    clients=(Client(name="shop", token_env="SHOP_KEY", budget=Budget(usd=5.0, per="day")),),
)
BEARER = {"authorization": f"Bearer {TOKEN}"}


def figures(metrics: Metrics) -> dict[tuple, float]:
    """Every sample by its name and labels."""
    text = metrics.exposition()[0].decode()
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def plan(route: str = "fast", **more) -> Plan:
    return Plan(route, ("quick",), (), 0.2, **more)


def decided(decision: str = "c.1", at: float = 1.0, **more) -> Decided:
    more.setdefault("plan", plan())
    return Decided(at=at, decision=decision, source="call", **more)


def tried(decision: str = "c.1", **more) -> Tried:
    told = {"at": time.time(), "attempt": 1, "model": "quick", "outcome": "answered"}
    return Tried(decision=decision, **told | more)


EXPECTED = set(
    """
tonewise_calls_total{wire="plain"} 1.0
tonewise_call_audio_seconds_total 31.5
tonewise_turns_total{route="frontier",router="default",source="call"} 1.0
tonewise_turns_total{route="fast",router="default",source="call"} 1.0
tonewise_turns_escalated_total{route="frontier"} 1.0
tonewise_turns_explored_total{route="fast"} 1.0
tonewise_attempts_total{model="quick",outcome="timed_out"} 1.0
tonewise_attempts_total{model="quick",outcome="answered"} 1.0
tonewise_tokens_total{client="shop",direction="read",model="quick"} 100.0
tonewise_tokens_total{client="shop",direction="written",model="quick"} 20.0
tonewise_cost_usd_total{client="shop",model="quick"} 0.5
tonewise_replies_total{outcome="answered",source="call"} 1.0
tonewise_first_token_seconds_sum{model="quick",source="call"} 0.42
tonewise_first_token_seconds_bucket{le="0.4",model="quick",source="call"} 0.0
tonewise_first_token_seconds_bucket{le="0.5",model="quick",source="call"} 1.0
tonewise_first_sound_seconds_sum 0.9
tonewise_feedback_total{client="caller",verdict="good"} 1.0
tonewise_feedback_total{client="shop",verdict="bad"} 1.0
tonewise_stage_seconds_count{stage="stt"} 1.0
tonewise_stage_seconds_sum{stage="stt"} 0.08
tonewise_stage_seconds_sum{stage="acoustic"} 0.005
tonewise_stage_seconds_sum{stage="routing"} 0.0004
tonewise_interruptions_total 1.0
tonewise_stage_failures_total{stage="stt"} 1.0
""".strip().splitlines()
)


def test_a_call_is_counted_from_its_records_and_its_stages_from_its_events():
    metrics = Metrics(CONFIG)
    for record in (
        CallBegan(at=1.0, call="c", wire="plain"),
        decided(plan=plan("frontier", escalated=True)),
        decided("c.2", plan=plan(explored=True)),
        tried(outcome="timed_out"),
        tried(client="shop", input_tokens=100, output_tokens=20, cost_usd=0.5),
        Replied(at=2.0, decision="c.1", outcome="answered", model="quick", first_token_ms=420.0,
                first_sound_ms=900.0),
        Judged(at=3.0, decision="c.1", score=0.5, by="caller"),
        Judged(at=3.0, decision="c.1", score=0.4, by="shop"),
        CallOver(at=4.0, call="c", reason="hung up", turns=2, seconds=31.5),
    ):  # fmt: skip
        metrics.note(record)
    for event in (
        TurnTranscribed(at=1.0, turn=1, transcript=Transcript("hi"), stt_ms=80.0),
        TurnMeasured(at=1.0, turn=1, cues=VoiceCues(1.0), acoustic_ms=5.0),
        TurnRouted(at=1.0, turn=1, plan=plan(), routing_ms=0.4),
        TurnTranscribed(at=1.0, turn=1, transcript=Transcript("hi")),
        ReplyInterrupted(at=1.0, turn=1),
        StageFailed(at=1.0, turn=1, stage="stt", engine="x", error="y"),
    ):
        metrics.watch(event)
    assert set(metrics.exposition()[0].decode().splitlines()) >= EXPECTED


def test_two_servers_in_one_process_do_not_share_figures():
    one, other = Metrics(CONFIG), Metrics(CONFIG)
    one.note(decided())
    assert ("tonewise_turns_total", *_turn_labels()) in figures(one)
    assert ("tonewise_turns_total", *_turn_labels()) not in figures(other)


def _turn_labels() -> list[tuple[str, str]]:
    return [("route", "fast"), ("router", "default"), ("source", "call")]


WORDS = st.text(min_size=1, max_size=12).map(lambda word: f"§{word}")


@given(words=st.lists(WORDS, min_size=6, max_size=6))
def test_no_word_that_comes_from_outside_becomes_a_label(words):
    call, model, route, client, wire, path = words
    metrics = Metrics(CONFIG)
    metrics.note(CallBegan(at=1.0, call=call, wire=wire, caller=call, language=client))
    metrics.note(decided(call, plan=plan(route), router=path, user=call, client=client, said=call))
    metrics.note(tried(call, model=model, client=client, input_tokens=3, cost_usd=0.1, detail=call))
    metrics.note(Replied(at=1.0, decision=call, outcome="failed", model=model, first_token_ms=1.0))
    metrics.note(Judged(at=1.0, decision=call, score=1.0, label=call, by=client, text=call))
    metrics.note(CallOver(at=1.0, call=call, reason=call, turns=1, seconds=1.0))
    metrics.watch(StageFailed(at=1.0, turn=1, stage=route, engine=model, error=call))
    metrics.request(endpoint_of(f"/v1/{path}"), 404, client, 0.1)
    assert "§" not in metrics.exposition()[0].decode()


def test_whatever_comes_the_number_of_samples_has_a_bound():
    metrics = Metrics(CONFIG)
    for n in range(2000):
        outcome = get_args(Outcome)[n % 3]
        metrics.note(tried(f"d{n}", model=f"model-{n}", client=f"c{n}", outcome="answered"))
        metrics.note(tried(f"d{n}", outcome=outcome if isinstance(outcome, str) else "refused"))
        metrics.request(endpoint_of(f"/v1/decisions/{n}"), 200, f"c{n}", 0.1)
    assert len(figures(metrics)) < 200


@pytest.mark.parametrize(
    ("path", "name"),
    [("/v1/messages", "/v1/messages"), ("/v1/decisions/dec_1", "/v1/decisions/…"),
     ("/v1/models/a/b", "/v1/models/…"), ("/v1/", "other"), ("/v1/decisionsx", "other")],
)  # fmt: skip
def test_an_endpoint_has_one_name(path, name):
    assert endpoint_of(path) == name


def test_a_record_costs_microseconds():
    metrics = Metrics(CONFIG)
    records = [
        decided(),
        tried(client="shop", input_tokens=100, output_tokens=20, cost_usd=0.5),
        Replied(at=2.0, decision="c.1", outcome="answered", model="quick", first_token_ms=4.0),
    ]

    def work() -> None:
        for _ in range(100):
            for record in records:
                metrics.note(record)

    assert least_s(work, 30) / 300 < 40e-6  # 4 µs where nothing else runs


# ---------------------------------------------------------------- over HTTP


async def test_the_operator_reads_the_figures_and_nobody_else():
    async with small_server(health.routes(), CONFIG, ENVIRON) as server:
        assert (await server.http.get("/metrics")).status_code == 401
        refused = await server.http.get("/metrics", headers={"x-api-key": KEY})
        assert refused.status_code == 403
        server.experience.note(tried(client="shop", cost_usd=1.5))
        told = await server.http.get("/metrics", headers=BEARER | {"accept": "text/x; version=a"})
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        "tonewise_calls_in_hand 2.0",
        'tonewise_budget_limit_usd{client="shop"} 5.0',
        'tonewise_budget_left_usd{client="shop"} 3.5',
        'tonewise_model_resting{model="deep"} 0.0',
        "tonewise_store_backlog_bytes 7.0",
    ):
        assert line in told.text.splitlines()
    assert "process_cpu_seconds_total" in told.text


async def test_on_loopback_without_any_key_the_figures_are_open():
    async with small_server(health.routes(), Config()) as server:
        assert (await server.http.get("/metrics")).status_code == 200


async def test_requests_are_counted_by_endpoint_status_and_client():
    async def answer(request: Request) -> Response:
        if request.method == "GET":
            raise RuntimeError("broken")
        return Response(status_code=201)

    routes = [*health.routes(), Route("/v1/feedback", answer, methods=["GET", "POST"])]
    async with small_server(routes, CONFIG, ENVIRON) as server:
        await server.http.post("/v1/feedback", headers={"x-api-key": KEY})
        await server.http.post("/v1/feedback", headers={"x-api-key": "wrong"})
        assert (await server.http.get("/v1/feedback", headers=BEARER)).status_code == 500
        await server.http.get("/v1/some/secret/path")
        # A request is counted once its answer is out: the client may be quicker.
        await until(lambda: not figures(server.metrics)["tonewise_api_requests_in_hand",])
        told = figures(server.metrics)
    counted = {
        tuple(value for _, value in labels): number
        for (name, *labels), number in told.items()
        if name == "tonewise_api_requests_total"
    }
    assert counted == {
        ("shop", "/v1/feedback", "201"): 1,
        ("none", "/v1/feedback", "201"): 1,
        ("none", "/v1/feedback", "500"): 1,
        ("none", "other", "404"): 1,
    }
    assert told["tonewise_api_requests_in_hand",] == 0


async def test_a_server_is_ready_while_one_model_answers_and_the_store_keeps_up():
    async with small_server(health.routes(), CONFIG, ENVIRON) as server:
        ready = await server.http.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {
            "ready": True,
            "checks": {"store": {"ok": True}, "models": {"ok": True}},
        }
        now = time.perf_counter()
        for name, target in server.targets.items():
            assert (await server.http.get("/readyz")).status_code == 200, name
            target.breaker.failed(now, "busy", wait_s=60)
        told = await server.http.get("/readyz")
    assert told.status_code == 503
    models = told.json()["checks"]["models"]
    assert not models["ok"]
    assert "every model rests after faults; the first is tried in " in models["why"]


def test_a_check_that_breaks_is_not_well_and_tells_no_secret():
    def broken() -> str | None:
        raise RuntimeError("postgresql://user:secret@host")

    found = readiness({"store": broken, "models": lambda: None})
    assert found.checks["store"] == Checked(False, "cannot tell: RuntimeError")
    assert not found.ready
