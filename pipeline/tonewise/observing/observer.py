"""Watches every API request from the outside: how long it took, how it ended, whose it was.

Endpoints do nothing for it but send the header `tonewise-decision`, and note all records of a
request before their ASGI call returns.
"""

import time
from typing import Self

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
        watch = Watch(scope)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                watch.began(message)
            await send(message)

        with watch:
            await self._app(scope, receive, watched)


class Watch:
    """One request, watched from here to the end of the `with` in which it is answered.

    Args:
        scope: of the request.
    """

    def __init__(self, scope: Scope) -> None:
        state = scope["app"].state
        self._metrics: Metrics | None = state.metrics
        self._traces: Traces | None = state.traces
        self._clients: Clients = state.clients
        self._scope = scope
        self._status, self._decision = GONE, ""
        self._trace: RequestTrace | None = None
        if self._traces:
            self._trace = self._traces.request(Headers(scope=scope).get("traceparent", ""))
        if self._metrics:
            self._metrics.in_hand += 1
        self._began_s = time.perf_counter()

    def began(self, message: Message) -> None:
        """The answer begins."""
        self._status = message["status"]
        if self._trace:
            told = dict(message.get("headers", ()))
            self._decision = told.get(b"tonewise-decision", b"").decode("ascii", "replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Exception):
            self._status = 500
        self._end()

    def _end(self) -> None:
        scope, took_s = self._scope, time.perf_counter() - self._began_s
        endpoint, client = endpoint_of(scope["path"]), _client(self._clients, scope["headers"])
        if self._metrics:
            self._metrics.in_hand -= 1
            self._metrics.request(endpoint, self._status, client, took_s)
        if self._traces and self._trace:
            method = scope["method"] if scope["method"] in METHODS else "_OTHER"
            facts: dict[str, Scalar] = known(
                http__request__method=method,
                http__route=endpoint,
                http__response__status_code=self._status,
                tonewise__client=client or None,
                tonewise__decision=self._decision or None,
            )
            failed = f"HTTP {self._status}" if self._status >= 500 else ""
            noted = self._traces.noted(self._decision) if self._decision else ()
            self._trace.end(f"{method} {endpoint}", facts, failed, noted)


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
