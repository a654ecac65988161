"""The figures that Prometheus reads at `/metrics`: see `[telemetry] metrics`.

Two streams make them, and no figure is made of both: records tell of turns, attempts, tokens, money
and feedback, of calls and of API requests alike; events tell how the stages of calls do. What is,
rather than what happened, is asked for at each scrape (`standing.py`).

Labels come from the settings and from our own lists; whatever else turns up is `other`. So their
number has a bound, and no word of a caller, no number and no identifier can get into them.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import cast

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from tonewise import __version__
from tonewise.config import Config
from tonewise.events import (
    AnyEvent,
    ReplyInterrupted,
    StageFailed,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.records import (
    AnyRecord,
    CallBegan,
    CallOver,
    Decided,
    Judged,
    Replied,
    Tried,
)
from tonewise.routes import STRENGTHS

log = logging.getLogger(__name__)

OTHER = "other"
NOBODY = "none"
"""The client of those who have no client's key: the operator, and calls."""

STAGES = ("vad", "stt", "acoustic", "endpoint", "routing", "llm", "tts", "recording")
WIRES = ("plain", "webrtc", "telephone", "replay")

_WAITING_S = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10)
"""Buckets where a caller waits: finest where people notice a difference."""
_WORK_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_REQUEST_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

MOST_WAITING = 1000
"""Increments that are gathered: those of a hundred requests."""

Figures = Iterable[tuple[tuple[str, ...], float]]
"""Values with their labels."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A gauge that is asked at each scrape."""

    name: str
    text: str
    labels: tuple[str, ...]
    ask: Callable[[], Figures]

    def collect(self) -> Iterable[object]:
        family = GaugeMetricFamily(self.name, self.text, labels=self.labels)
        try:
            for values, figure in self.ask():
                family.add_metric(values, figure)
        except Exception:  # all other figures are told all the same
            log.exception("the figure %s cannot be told", self.name)
        yield family


class _Counts:
    """What is counted, gathered until somebody looks: each alone takes a lock and five calls."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Counter, float]] = deque()

    def add(self, counter: Counter, amount: float = 1.0) -> None:
        """Count; from any thread."""
        self._waiting.append((counter, amount))
        if len(self._waiting) >= MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Add up what was gathered."""
        sums: dict[Counter, float] = {}
        with suppress(IndexError):  # another thread may take the last one
            while self._waiting:
                counter, amount = self._waiting.popleft()
                sums[counter] = sums.get(counter, 0.0) + amount
        for counter, total in sums.items():
            counter.inc(total)


class Metrics:
    """All figures of one server, in a registry of its own. May be used from several threads.

    Attributes:
        in_hand: API requests; the event loop's alone.

    Args:
        config: tells the names that labels may have.
    """

    def __init__(self, config: Config) -> None:
        self._registry = CollectorRegistry()
        self._counts = _Counts()
        self._count = self._counts.add
        ProcessCollector(registry=self._registry)  # memory, open files, CPU seconds
        Info("tonewise", "What runs.", registry=self._registry).info({"version": __version__})
        self._models = frozenset(model.name for model in config.models)
        self._routes = frozenset(
            [*STRENGTHS, *(m.route for m in config.models), *(r.name for r in config.routes)]
        )
        self._routers = frozenset(["default", *config.routers])
        self._clients = frozenset(client.name for client in config.clients)
        self._wires = frozenset([*WIRES, *config.telephony.wires])
        self._make_counters()
        self._make_times()

    # `labels` looks for a child under a lock: each is found once. There are few, see above.

    def _make_counters(self) -> None:
        made = self._counter
        self._calls = cache(made("calls", "Calls that began.", "wire").labels)
        self._call_s = made("call_audio_seconds", "Seconds of caller audio in calls that are over.")
        self._turns = cache(made("turns", "Turns routed.", "source", "route", "router").labels)
        self._escalated = cache(
            made("turns_escalated", "Turns that frustration sent higher.", "route").labels
        )
        self._explored = cache(
            made("turns_explored", "Turns that tried another model.", "route").labels
        )
        self._attempts = cache(made("attempts", "Tries at a model.", "model", "outcome").labels)
        self._replies = cache(made("replies", "Replies that ended.", "source", "outcome").labels)
        self._tokens = cache(made("tokens", "Tokens.", "model", "client", "direction").labels)
        self._usd = cache(
            made("cost_usd", "US dollars, where prices are known.", "model", "client").labels
        )
        self._feedback = cache(made("feedback", "Explicit feedback.", "verdict", "client").labels)
        self._interrupted = made("interruptions", "Replies that a caller talked over.")
        self._broken = cache(made("stage_failures", "Stages that broke.", "stage").labels)
        self._requests = cache(
            made("api_requests", "API requests.", "endpoint", "status", "client").labels
        )
        self.in_hand = 0
        Gauge(
            "tonewise_api_requests_in_hand", "API requests in hand.", registry=self._registry
        ).set_function(lambda: self.in_hand)

    def _make_times(self) -> None:
        made = self._histogram
        told = "From the end of a turn, or a request, to the first useful piece of the reply."
        self._first_token = cache(made("first_token", told, _WAITING_S, "source", "model").labels)
        told = "From the end of a turn to the first sound of the reply."
        self._first_sound = made("first_sound", told, _WAITING_S)
        self._stage = cache(made("stage", "What a stage took for a turn.", _WORK_S, "stage").labels)
        self._request = cache(
            made("api_request", "API requests, whole.", _REQUEST_S, "endpoint").labels
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tonewise_{name}", text, labels, registry=self._registry)

    def _histogram(
        self, name: str, text: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        name = f"tonewise_{name}_seconds"
        return Histogram(name, text, labels, buckets=buckets, registry=self._registry)

    # ------------------------------------------------------------ what happens

    def watch(self, event: AnyEvent) -> None:
        """Any event of any call."""
        match event:
            case TurnTranscribed(stt_ms=float(took)):
                self._stage("stt").observe(took / 1000)
            case TurnMeasured(acoustic_ms=float(took)):
                self._stage("acoustic").observe(took / 1000)
            case TurnRouted(routing_ms=float(took)):
                self._stage("routing").observe(took / 1000)
            case ReplyInterrupted():
                self._interrupted.inc()
            case StageFailed(stage=stage):
                self._broken(stage if stage in STAGES else OTHER).inc()

    def note(self, record: AnyRecord) -> None:
        """Any record, once."""
        match record:
            case Decided():
                self._decided(record)
            case Tried():
                self._tried(record)
            case Replied():
                self._replied(record)
            case Judged(score=score, by=by):
                verdict = "good" if score >= 0.5 else "bad"
                self._feedback(verdict, by if by == "caller" else self.client(by)).inc()
            case CallBegan(wire=wire):
                self._calls(wire if wire in self._wires else OTHER).inc()
            case CallOver(seconds=seconds):
                self._call_s.inc(max(0.0, seconds))

    def _decided(self, record: Decided) -> None:
        plan = record.plan
        route = plan.route if plan.route in self._routes else OTHER
        router = record.router if record.router in self._routers else OTHER
        self._count(self._turns(record.source, route, router))
        if plan.escalated:
            self._escalated(route).inc()
        if plan.explored:
            self._explored(route).inc()

    def _tried(self, record: Tried) -> None:
        model, client = self._model(record.model), self.client(record.client)
        self._count(self._attempts(model, record.outcome))
        if record.input_tokens and record.input_tokens > 0:
            self._count(self._tokens(model, client, "read"), record.input_tokens)
        if record.output_tokens and record.output_tokens > 0:
            self._count(self._tokens(model, client, "written"), record.output_tokens)
        if record.cost_usd and record.cost_usd > 0:
            self._count(self._usd(model, client), record.cost_usd)

    def _replied(self, record: Replied) -> None:
        source = "api" if record.decision.startswith("dec_") else "call"
        self._count(self._replies(source, record.outcome))
        if record.first_token_ms is not None:
            model = self._model(record.model)
            self._first_token(source, model).observe(record.first_token_ms / 1000)
        if record.first_sound_ms is not None:
            self._first_sound.observe(record.first_sound_ms / 1000)

    def request(self, endpoint: str, status: int, client: str, seconds: float) -> None:
        """An API request is over; `endpoint` is one of a bounded number of names."""
        self._count(self._requests(endpoint, str(status), self.client(client)))
        self._request(endpoint).observe(seconds)

    # ------------------------------------------------------------ what is

    def gauge(
        self, name: str, text: str, labels: tuple[str, ...], ask: Callable[[], Figures]
    ) -> None:
        """Add a figure that is asked for at each scrape."""
        asked = _Asked(f"tonewise_{name}", text, labels, ask)
        self._registry.register(cast("Collector", asked))

    def exposition(self) -> tuple[bytes, str]:
        """All of it in Prometheus's text format, and its media type."""
        self._counts.settle()
        encoder, kind = choose_encoder("")  # a scraper's header that is not quite right breaks it
        return encoder(self._registry), kind

    # ------------------------------------------------------------ labels

    def _model(self, name: str) -> str:
        return name if name in self._models else (OTHER if name else NOBODY)

    def client(self, name: str) -> str:
        """As labels tell it."""
        return name if name in self._clients else (OTHER if name else NOBODY)
