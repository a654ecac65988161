"""Traces of calls and requests, as a collector on a real socket receives them."""

import logging
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from collector import Collector, collecting, facts
from loudness_vad import sound
from on_a_port import nobody_listening
from recordings import write
from small_server import small_server
from tonewise import engines
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.errors import PluginError
from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    TurnEnded,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.observing.spans import Parent, is_kept, parent_of
from tonewise.observing.traces import Traces, open_traces
from tonewise.operating import Client, Store, Telemetry
from tonewise.plan import Plan, Reason
from tonewise.records import Decided, Replied, Tried
from tonewise.replaying.rehearsal import Source, replay
from tonewise.settings import Stt, Tts, Vad

KEY = "shop-key-0123456789"
STAGES = {
    TurnEnded: "endpoint",
    TurnTranscribed: "stt",
    TurnMeasured: "cues",
    TurnRouted: "routing",
    AttemptEnded: "attempt",
}
"""What a collector sees of an event."""
SAID, REPLIED = "where is my parcel", "It is on its way."


def settings(collector: Collector, sample: float = 1.0, *, words: bool = False) -> Config:
    return Config(
        vad=Vad(use="webrtc", options={"aggressiveness": 0}),
        stt=Stt(use="scripted", options={"lines": [SAID, "thank you"]}),
        tts=Tts(use="scripted"),
        models=(
            Model("down", "fast", "scripted", options={"fail": "upstream_error"}),
            Model("quick", "fast", "scripted", options={"replies": [REPLIED]}),
        ),
        clients=(Client(name="shop", token_env="SHOP_KEY"),),
        telemetry=Telemetry(traces=collector.url, sample=sample),
        store=Store(transcripts=words),
    )


def opened(config: Config, **environ: str) -> Traces:
    traces = open_traces(config, environ)
    assert traces
    return traces


CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 3.0), ("speech", 0.7), ("silence", 3.0))


async def replayed(
    config: Config, traces: Traces, tmp_path, *, spoken: bool = False
) -> list[AnyEvent]:
    """A recorded call through real engines, traced."""
    loaded = engines.load(config)
    told: list[AnyEvent] = []
    watch = traces.call()

    def tell(event: AnyEvent) -> None:
        told.append(event)
        watch(event)

    try:
        source = Source(write(tmp_path / "call.wav", CALL))
        played = await replay(loaded, source, tell=tell, spoken=spoken)
        assert not played.error
    finally:
        await loaded.aclose()
    return told


async def test_a_call_is_one_trace_with_a_span_for_every_turn_and_every_stage(tmp_path):
    with collecting() as collector:
        config = settings(collector)
        traces = opened(config)
        began_ns = time.time_ns()
        events = await replayed(config, traces, tmp_path)
        traces.close()
    (root,) = collector.named("call")
    assert {span.trace_id for span in collector.spans} == {root.trace_id}
    assert not root.parent_span_id
    stages: dict[int, list[str]] = {}
    for event in events:
        if name := STAGES.get(type(event)):
            stages.setdefault(event.turn, []).append(name)
    assert len(stages) >= 2
    assert stages[1] == ["endpoint", "stt", "cues", "routing", "attempt", "attempt"]
    told = {
        facts(turn)["tonewise.turn"]: sorted(span.name for span in collector.children(turn))
        for turn in collector.children(root)
    }
    assert told == {turn: sorted(names) for turn, names in stages.items()}
    assert len(collector.spans) == 1 + len(stages) + sum(map(len, stages.values()))
    for span in collector.spans:
        assert began_ns <= span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns()
    for turn in collector.children(root):
        assert root.start_time_unix_nano <= turn.start_time_unix_nano
        for stage in collector.children(turn):
            assert turn.start_time_unix_nano <= stage.start_time_unix_nano
    assert collector.resource["service.name"] == "tonewise"


async def test_a_turn_tells_route_reason_and_outcome_and_attempts_tell_how_they_fared(tmp_path):
    with collecting() as collector:
        traces = opened(config := settings(collector))
        await replayed(config, traces, tmp_path)
        traces.close()
    turn = next(span for span in collector.named("turn") if facts(span)["tonewise.turn"] == 1)
    told = facts(turn)
    assert told["tonewise.route"] == "fast"
    assert (told["tonewise.outcome"], told["tonewise.model"]) == ("answered", "quick")
    assert told["tonewise.reason"]
    tries = {
        facts(span)["gen_ai.request.model"]: span
        for span in collector.children(turn)
        if span.name == "attempt"
    }
    assert facts(tries["down"])["tonewise.outcome"] == "upstream_error"
    assert (tries["down"].status.code, tries["down"].status.message) == (2, "upstream_error")
    assert tries["quick"].status.code == 0
    assert [moment.name for moment in tries["quick"].events] == ["first token"]


async def test_a_spoken_reply_is_traced_from_its_first_sound_to_its_end(tmp_path):
    with collecting() as collector:
        traces = opened(config := settings(collector))
        await replayed(config, traces, tmp_path, spoken=True)
        traces.close()
    speeches = collector.named("speech")
    assert speeches
    for speech in speeches:
        (turn,) = [one for one in collector.named("turn") if one.span_id == speech.parent_span_id]
        tried = [one for one in collector.children(turn) if one.name == "attempt"]
        assert max(one.start_time_unix_nano for one in tried) < speech.start_time_unix_nano
        assert speech.end_time_unix_nano <= turn.end_time_unix_nano


@pytest.mark.parametrize("words", [False, True])
async def test_words_are_told_only_where_transcripts_are_kept(tmp_path, words):
    with collecting() as collector:
        traces = opened(config := settings(collector, words=words))
        await replayed(config, traces, tmp_path)
        traces.close()
    sent = b"".join(collector.bodies)
    assert (SAID.encode() in sent) is words
    assert (REPLIED.encode() in sent) is words
    assert b"call.wav" not in sent


# ---------------------------------------------------------------- which are kept


@given(trace=st.integers(1, 2**128 - 1), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_trace_that_a_small_share_keeps_a_larger_one_keeps_too(trace, shares):
    small, large = sorted(shares)
    assert is_kept(trace, large) or not is_kept(trace, small)
    assert is_kept(trace, 1.0)
    assert not is_kept(trace, 0.0)


async def test_about_the_share_that_is_asked_for_is_kept(tmp_path):
    with collecting() as collector:
        traces = opened(settings(collector, sample=0.3))
        for _ in range(1000):
            traces.request("").end("GET /v1/models", {}, "", ())
        traces.close()
    assert 230 <= len(collector.spans) <= 370  # five standard deviations


# ---------------------------------------------------------------- requests

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = Parent(int(TRACE, 16), int(SPAN, 16), sampled=True)


@pytest.mark.parametrize(
    ("header", "parent"),
    [
        (f"00-{TRACE}-{SPAN}-01", SAMPLED),
        (f"00-{TRACE}-{SPAN}-00", Parent(SAMPLED.trace, SAMPLED.span, False)),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", SAMPLED),
        (f"00-{TRACE}-{SPAN}-01-more", None),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        (f"00-{TRACE.upper()}-{SPAN}-01", None),
        ("", None),
        ("a" * 10_000, None),
    ],
)  # fmt: skip
def test_traceparent_is_read_as_w3c_has_it(header, parent):
    assert parent_of(header) == parent


async def answering(request: Request) -> Response:
    """As the proxy does: notes records while it answers, and names the decision in a header."""
    note, decision = request.app.state.experience.note, "dec_0123456789abcdef01234567"
    plan = Plan("frontier", ("deep",), (Reason("complexity", "it is hard"),), 0.8)
    note(Decided(at=time.time(), decision=decision, source="api", plan=plan, client="shop"))
    note(
        Tried(
            at=time.time(), decision=decision, attempt=1, model="deep", outcome="answered",
            client="shop", input_tokens=12, output_tokens=3, total_ms=2.0, cost_usd=0.001,
        )
    )  # fmt: skip
    note(Replied(at=time.time(), decision=decision, outcome="answered", model="deep"))
    return Response(b"{}", headers={"tonewise-decision": decision})


ROUTES = [Route("/v1/chat/completions", answering, methods=["POST"])]


@pytest.mark.parametrize("sampled", [True, False])
async def test_a_request_goes_on_with_the_trace_of_whoever_asks(sampled):
    with collecting() as collector:
        config = settings(collector, sample=0.5)
        traces = opened(config)
        async with small_server(ROUTES, config, {"SHOP_KEY": KEY}, traces) as server:
            headers = {"traceparent": f"00-{TRACE}-{SPAN}-0{int(sampled)}", "x-api-key": KEY}
            await server.http.post("/v1/chat/completions", headers=headers, json={})
        traces.close()
    assert len(collector.spans) == (3 if sampled else 0)
    if not sampled:
        return
    (own,) = collector.named("POST /v1/chat/completions")
    assert own.trace_id.hex() == TRACE
    assert own.parent_span_id.hex() == SPAN
    assert own.kind == 2  # a server's
    assert sorted(span.name for span in collector.children(own)) == ["attempt", "routing"]
    told = facts(own)
    assert told["http.response.status_code"] == 200
    assert (told["tonewise.client"], told["tonewise.route"]) == ("shop", "frontier")
    (attempt,) = collector.named("attempt")
    assert facts(attempt)["gen_ai.usage.input_tokens"] == 12
    assert facts(attempt)["tonewise.cost_usd"] == pytest.approx(0.001)
    assert KEY.encode() not in b"".join(collector.bodies)
    assert b"it is hard" not in b"".join(collector.bodies)


async def test_a_request_that_is_turned_away_is_traced_as_well():
    with collecting() as collector:
        config = settings(collector)
        traces = opened(config)
        async with small_server([], config, {"SHOP_KEY": KEY}, traces) as server:
            await server.http.post("/v1/no/such/thing?key=secret", json={})
        traces.close()
    (own,) = collector.spans
    assert own.name == "POST other"
    assert facts(own)["http.response.status_code"] == 404
    assert b"secret" not in b"".join(collector.bodies)


def test_records_whose_request_never_ends_are_forgotten():
    with collecting() as collector:
        traces = opened(settings(collector))
        for n in range(10_000):
            traces.note(Replied(at=1.0, decision=f"dec_{n}", outcome="failed"))
        assert not traces.noted("dec_0")
        assert len(traces.noted("dec_9999")) == 1
        assert not traces.noted("dec_9999")
        traces.close()


# ---------------------------------------------------------------- collectors


def test_a_collector_that_is_not_there_costs_one_line_and_next_to_no_time(caplog):
    with nobody_listening() as place, caplog.at_level(logging.INFO):
        config = Config(telemetry=Telemetry(traces=place))
        traces = opened(config)
        began = time.perf_counter()
        for _ in range(20_000):
            traces.request("").end("GET /v1/models", {}, "", ())
        assert time.perf_counter() - began < 20  # 1 ms each, with both threads on a busy machine
        began = time.perf_counter()
        traces.close()
        assert time.perf_counter() - began < 20
    assert len([line for line in caplog.messages if "traces are lost" in line]) == 1
    assert len(caplog.messages) == 1


def test_a_collector_that_comes_back_is_told_again(caplog):
    with collecting(status=400) as collector, caplog.at_level(logging.INFO):
        traces = opened(settings(collector))
        traces.request("").end("one", {}, "", ())
        while not collector.headers:
            time.sleep(0.01)
        collector.status = 200
        while not collector.spans:
            traces.request("").end("two", {}, "", ())
            time.sleep(0.05)
        traces.close()
    assert collector.spans[0].name == "two"
    told = [line for line in caplog.messages if "traces" in line]
    assert ["lost" in line for line in told] == [True, False]


def test_the_environment_names_collector_service_and_keys_as_everywhere(monkeypatch):
    with collecting() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-team-key=t0p-secret",
            "OTEL_SERVICE_NAME": "the-router",
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        traces = opened(Config(), **environ)
        traces.request("").end("one", {}, "", ())
        traces.close()
    assert collector.headers[0]["x-team-key"] == "t0p-secret"
    assert collector.resource["service.name"] == "the-router"


def test_without_a_collector_there_are_no_traces():
    assert open_traces(Config(), {}) is None
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}
    assert open_traces(Config(), environ) is None


def test_without_the_package_the_settings_are_refused_and_the_environment_is_not(
    monkeypatch, caplog
):
    monkeypatch.delitem(sys.modules, "tonewise.observing.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in [one for one in sys.modules if one.startswith("opentelemetry.")]:
        monkeypatch.setitem(sys.modules, name, None)
    config = Config(telemetry=Telemetry(traces="http://127.0.0.1:9"))
    with pytest.raises(PluginError, match=r"telemetry\.traces: .*tonewise\[traces\]"):
        open_traces(config, {})
    assert open_traces(Config(), {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}) is None
    assert "tonewise[traces]" in caplog.text
