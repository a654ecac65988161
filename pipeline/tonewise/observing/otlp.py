"""Brings spans to a collector over OTLP/HTTP, by OpenTelemetry's own exporter.

That exporter reads its variables: `OTEL_EXPORTER_OTLP_HEADERS` for a collector that asks for a key,
`…_CERTIFICATE`, `…_COMPRESSION`, `…_TIMEOUT`. Needs the extra `traces`.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from tonewise import __version__
from tonewise.observing.spans import Span

log = logging.getLogger(__name__)

MOST_WAITING = 8192
"""Spans; then the oldest are lost."""

BATCH = 512
EVERY_S = 1.0
"""So long spans wait for others at most."""
CLOSING_S = 2.0

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
}
_SCOPE = InstrumentationScope("tonewise", __version__)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_THEIR_LOG = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")


class OtlpExporter:
    """Sends spans in batches, from a thread of its own.

    Args:
        endpoint: of the collector, with its path, as in `http://127.0.0.1:4318/v1/traces`.
        environ: may name the service: `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`.
    """

    def __init__(self, endpoint: str, environ: Mapping[str, str]) -> None:
        self._inner: SpanExporter = OTLPSpanExporter(endpoint=endpoint)
        named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        own = {} if named else {"service.name": "tonewise"}
        self._resource = Resource.create({**own, "service.version": __version__})
        self._queue: deque[Span] = deque(maxlen=MOST_WAITING)
        self._wake, self._closing = threading.Event(), threading.Event()
        self._well = True
        _THEIR_LOG.addFilter(_silent)  # it tells of every failure, and we of the first
        self._thread = threading.Thread(target=self._work, name="traces", daemon=True)
        self._thread.start()

    def give(self, spans: Sequence[Span]) -> None:
        """Takes microseconds and never fails; may be called from any thread."""
        self._queue.extend(spans)
        if len(self._queue) >= BATCH:
            self._wake.set()

    def close(self) -> None:
        """Send what is left, if that goes quickly; blocks for two seconds at most."""
        self._closing.set()
        self._wake.set()
        self._thread.join(CLOSING_S / 2)
        self._inner.shutdown()  # ends its waiting for a collector that is not there
        self._thread.join(CLOSING_S / 2)
        _THEIR_LOG.removeFilter(_silent)

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.wait(EVERY_S)
            self._wake.clear()
            self._send()

    def _send(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            try:
                result = self._inner.export([self._as_theirs(span) for span in batch])
                well = result is SpanExportResult.SUCCESS
            except Exception:
                log.exception("traces cannot be made of %d spans", len(batch))
                well = False
            if self._well and not well:
                log.warning("traces are lost: the collector does not take them; calls go on")
            elif well and not self._well:
                log.info("traces: the collector takes them again")
            self._well = well
            if not well and self._closing.is_set():
                return

    def _as_theirs(self, span: Span) -> ReadableSpan:
        def context(number: int, *, remote: bool = False) -> SpanContext:
            return SpanContext(span.trace, number, remote, _SAMPLED)

        return ReadableSpan(
            name=span.name,
            context=context(span.number),
            parent=context(span.parent) if span.parent else None,
            resource=self._resource,
            attributes=span.facts,
            events=[Event(name, timestamp=at_ns) for name, at_ns in span.moments],
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(),
            start_time=span.began_ns,
            end_time=max(span.began_ns, span.ended_ns),
            instrumentation_scope=_SCOPE,
        )


def _silent(_: logging.LogRecord) -> bool:
    return False
