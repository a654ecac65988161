"""Traces for OpenTelemetry: one for every call and every API request, or for a share of them.

They go to a collector over OTLP/HTTP, in batches, from a thread of their own. A collector that is
not there costs a line in the log and nothing else: what does not fit is lost.
"""

import importlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Protocol

from tonewise.config import Config
from tonewise.errors import PluginError
from tonewise.events import AnyEvent
from tonewise.observing.call_trace import CallTrace
from tonewise.observing.request_trace import Noted, RequestTrace
from tonewise.observing.spans import Give, Span, is_kept, new_trace, parent_of
from tonewise.records import AnyRecord, Decided, Replied, Tried

log = logging.getLogger(__name__)

INSTALL = "python -m pip install 'tonewise[traces]'"

MOST_WAITING = 4096
"""API decisions whose records wait for the end of their request; then the oldest are forgotten."""


class Exporter(Protocol):
    """Brings spans to a collector."""

    def give(self, spans: Sequence[Span]) -> None:
        """Takes microseconds and never fails."""
        ...

    def close(self) -> None:
        """Sends what is left, if that goes quickly; blocks for two seconds at most."""
        ...


class Traces:
    """All traces of one server. May be used from several threads.

    Args:
        exporter: where the spans go.
        share: of the calls and requests that are traced, in [0, 1].
        words: what was said and replied is told as well: only where transcripts are kept.
    """

    def __init__(self, exporter: Exporter, *, share: float, words: bool) -> None:
        self._exporter, self._share, self._words = exporter, share, words
        self._waiting: OrderedDict[str, list[Noted]] = OrderedDict()
        self._lock = Lock()

    def call(self) -> Callable[[AnyEvent], None]:
        """For one call: is to be told all its events."""
        trace = CallTrace(self._exporter.give, words=self._words)
        return trace.watch if is_kept(trace.trace, self._share) else _nothing

    def note(self, record: AnyRecord) -> None:
        """Any record: those of API decisions are kept until their request is over."""
        if isinstance(record, Decided | Tried | Replied) and record.decision.startswith("dec_"):
            with self._lock:
                self._waiting.setdefault(record.decision, []).append((record, time.time_ns()))
                if len(self._waiting) > MOST_WAITING:
                    self._waiting.popitem(last=False)

    def request(self, traceparent: str) -> RequestTrace:
        """An API request came, with this `traceparent`, or an empty one."""
        parent = parent_of(traceparent)
        trace = parent.trace if parent else new_trace()
        kept = parent.sampled if parent else is_kept(trace, self._share)
        give: Give = self._exporter.give if kept and self._share else _nothing
        return RequestTrace(give, trace, parent.span if parent else 0)

    def noted(self, decision: str) -> list[Noted]:
        """The records of an API decision and when they came; they are told once."""
        with self._lock:
            return self._waiting.pop(decision, [])

    def close(self) -> None:
        """Send what is left; blocks for two seconds at most."""
        self._exporter.close()


def _nothing(_: object) -> None:
    """This trace is not kept."""


def open_traces(config: Config, environ: Mapping[str, str]) -> Traces | None:
    """Traces as the settings want them; None where no collector is named.

    Raises:
        PluginError: `[telemetry] traces` names a collector, and OpenTelemetry is not installed.
    """
    endpoint = _endpoint(config.telemetry.traces, environ)
    if not endpoint or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    try:
        otlp = importlib.import_module("tonewise.observing.otlp")
    except ImportError as error:
        msg = f"traces need OpenTelemetry, which cannot be loaded ({error}); {INSTALL}"
        if config.telemetry.traces:
            raise PluginError(f"telemetry.traces: {msg}") from error
        log.warning("%s", msg)  # the environment is often set for everything that runs there
        return None
    exporter: Exporter = otlp.OtlpExporter(endpoint, environ)
    return Traces(exporter, share=config.telemetry.sample, words=config.store.transcripts)


def _endpoint(named: str, environ: Mapping[str, str]) -> str:
    """Where traces go, with the path; by OpenTelemetry's rules for its variables."""
    if not named and (whole := environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "")):
        return whole
    place = (named or environ.get("OTEL_EXPORTER_OTLP_ENDPOINT", "")).rstrip("/")
    return place if not place or place.endswith("/v1/traces") else f"{place}/v1/traces"
