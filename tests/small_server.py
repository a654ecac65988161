"""The small endpoints on a real socket, with real clients, store, figures and traces."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from on_a_port import on_a_port
from tonewise.api.clients import Clients
from tonewise.api.cors import Cors
from tonewise.config import Config
from tonewise.doorkeeper import Doorkeeper
from tonewise.experience import Experience
from tonewise.llm.breaker import Breaker
from tonewise.observing import readiness
from tonewise.observing.metrics import Metrics
from tonewise.observing.observer import Observer
from tonewise.observing.standing import look_at
from tonewise.observing.traces import Traces
from tonewise.operating import Learning, Profile
from tonewise.store.keeper import RecordStore, open_store


@dataclass
class Resting:
    """A model as its breaker sees it."""

    breaker: Breaker = field(default_factory=Breaker)


@dataclass
class Small:
    """A server that answers."""

    http: httpx2.AsyncClient
    store: RecordStore
    clients: Clients
    metrics: Metrics
    experience: Experience
    targets: dict[str, Resting]


@asynccontextmanager
async def small_server(
    routes: Sequence[BaseRoute],
    config: Config | None = None,
    environ: Mapping[str, str] | None = None,
    traces: Traces | None = None,
) -> AsyncIterator[Small]:
    config, environ = config or Config(), environ or {}
    store = open_store(config.store, {})
    clients, metrics = Clients(config, environ, store), Metrics(config)
    targets = {model.name: Resting() for model in config.models}
    look_at(metrics, calls=lambda: 2, targets=targets, clients=clients, backlog=lambda: 7)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(Doorkeeper, server=config.server),
            Middleware(Cors, server=config.server),
            Middleware(Observer),
        ],
    )
    app.state.clients, app.state.store = clients, store
    app.state.metrics, app.state.traces = metrics, traces
    watchers = [clients, metrics] + ([traces] if traces else [])
    app.state.experience = Experience(
        store, (), Profile(), Learning(), listeners=[one.note for one in watchers]
    )
    app.state.checks = {
        "store": readiness.of_store(store.flush),
        "models": readiness.of_models(targets),
    }
    try:
        async with (
            on_a_port(app) as place,
            httpx2.AsyncClient(base_url=place, trust_env=False) as http,
        ):
            yield Small(http, store, clients, metrics, app.state.experience, targets)
    finally:
        store.close()


async def until(happened, seconds: float = 20.0) -> None:
    """Wait for something that another thread does."""
    ends = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        await asyncio.sleep(0.01)
