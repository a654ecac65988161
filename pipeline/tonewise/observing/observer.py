"""Watches every API request from the outside: how long it took, how it ended, whose it was.

Endpoints do nothing for it but send the header `tonewise-decision`, and note all records of a
request before their ASGI call returns.
"""

import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonewise.api.clients import Clients
from tonewise.api.problems import ApiError
from tonewise.facts import Scalar
from tonewise.observing.metrics import OTHER, Metrics
from tonewise.observing.request_trace import RequestTrace
from tonewise.observing.spans import known
from tonewise.observing.traces import Traces

ENDPOINTS = frozenset(
    {
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/messages",
        "/v1/models",
        "/v1/feedback",
        "/v1/decisions",
        "/v1/routes",
        "/v1/profile",
        "/v1/experiments",
        "/v1/learning",
    }
)
_WITH_NAMES = ("/v1/models/", "/v1/decisions/", "/v1/messages/")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
GONE = 499
"""The status, nginx's, of a request whose client left before an answer began."""


class Observer:
    """Measures and traces what comes to `/v1/…`.

    Args:
        app: what it watches; its state, by the time of a request, holds `metrics`, `traces` (either
            may be None) and `clients`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass it on, and tell of it when it is over."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/"):
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        metrics: Metrics | None = state.metrics
        traces: Traces | None = state.traces
        headers = scope["headers"]
        trace = traces.request(Headers(scope=scope).get("traceparent", "")) if traces else None
        seen = _Seen()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.note(message)
            await send(message)

        began_s = time.perf_counter()
        if metrics:
            metrics.in_hand.inc()
        try:
            await self._app(scope, receive, watched)
        except Exception:
            seen.status = 500
            raise
        finally:
            endpoint, client = endpoint_of(scope["path"]), _client(state.clients, headers)
            if metrics:
                metrics.in_hand.dec()
                took_s = time.perf_counter() - began_s
                metrics.request(endpoint, seen.status, client, took_s)
            if traces and trace:
                method = scope["method"] if scope["method"] in METHODS else "_OTHER"
                _end(traces, trace, seen, f"{method} {endpoint}", client)


class _Seen:
    """What an answer's beginning told."""

    __slots__ = ("decision", "status")

    def __init__(self) -> None:
        self.status, self.decision = GONE, ""

    def note(self, message: Message) -> None:
        self.status = message["status"]
        for name, value in message.get("headers", ()):
            if name == b"tonewise-decision":
                self.decision = value.decode("ascii", "replace")


def endpoint_of(path: str) -> str:
    """The endpoint's name: one of a bounded number, whatever the path."""
    if path in ENDPOINTS:
        return path
    for prefix in _WITH_NAMES:
        if path.startswith(prefix):
            return f"{prefix}…"
    return OTHER


def _client(clients: Clients, headers: list[tuple[bytes, bytes]]) -> str:
    try:
        return clients.identify(headers).client
    except ApiError:
        return ""


def _end(traces: Traces, trace: RequestTrace, seen: _Seen, name: str, client: str) -> None:
    method, _, endpoint = name.partition(" ")
    facts: dict[str, Scalar] = known(
        http__request__method=method,
        http__route=endpoint,
        http__response__status_code=seen.status,
        tonewise__client=client or None,
        tonewise__decision=seen.decision or None,
    )
    failed = f"HTTP {seen.status}" if seen.status >= 500 else ""
    trace.end(name, facts, failed, traces.noted(seen.decision) if seen.decision else ())
