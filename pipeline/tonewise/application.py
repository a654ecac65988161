"""The app: every page, socket and interface, and all that stands behind them, opened and closed.

    GET /               the page, and all else in web/
    GET /healthz        {"status": "ok", "version", "calls", "engines"}
    GET /readyz         can it take a call now? /metrics: figures for Prometheus
    WS  /call           a call; its protocol is in `wire/plain.py`
    /webrtc, /whip      a call over WebRTC; see `signalling.py`
    /telephony          calls by telephone; see `telephony.py`
    /v1/…               the HTTP interfaces; see `api/`. /openapi.json and /docs tell of them

Engines are loaded once, before the first call; `switchboard.py` conducts the calls. Whoever writes
or computes for long does so in a thread.
"""

import asyncio
import hashlib
import logging
import mimetypes
import os
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from tonewise import __version__, assets, engines, recorders, signalling, telephony, trunks
from tonewise.api import chat, desk, feedback, health, messages, models, openapi, responses
from tonewise.api.answering import Answering
from tonewise.api.clients import Clients
from tonewise.api.cors import Cors
from tonewise.api.keys import own_token
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.doorkeeper import Doorkeeper
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.experience import Experience
from tonewise.following import Follow, all_of, recording, watching
from tonewise.observing import readiness
from tonewise.observing.metrics import Metrics
from tonewise.observing.observer import Observer
from tonewise.observing.standing import look_at
from tonewise.observing.traces import open_traces
from tonewise.pseudonyms import pseudonyms
from tonewise.settings import Server
from tonewise.store.keeper import RecordStore, open_store
from tonewise.switchboard import Switchboard
from tonewise.warming import Warmer
from tonewise.wire.origin import is_loopback

log = logging.getLogger(__name__)

SAVE_EVERY_S = 0.5
"""What was learnt is given to the store so often: after a crash a second is missing at most."""

PSEUDONYM_KEY = "pseudonym_key"
"""The name under which the store keeps the secret that pseudonyms are made with."""

# A machine's own table may lack these or, on Windows, know better; `nosniff` forgives nothing.
for _type, _ending in (
    ("text/javascript", ".js"),
    ("audio/flac", ".flac"),
    ("audio/wav", ".wav"),
    ("audio/ogg", ".ogg"),
    ("audio/mpeg", ".mp3"),
):
    mimetypes.add_type(_type, _ending)


# ---------------------------------------------------------------- the app


def create_app(
    config: Config,
    progress: Callable[[str], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
    *,
    insecure: bool = False,
) -> Starlette:
    """The app; its lifespan loads the engines, and lets them go.

    Args:
        config: the settings.
        progress: told what is being loaded, a line at a time, from a thread.
        environ: where tokens and keys are looked for.
        insecure: telephone calls need no signature; on loopback only.

    Raises:
        ConfigError: other machines could call, and no token guards the door, or a bad one does.
    """
    token = _token(config.server, environ)
    lines = trunks.load(config, environ, insecure=insecure)
    signed = () if insecure else {f"/telephony/{name}" for name in lines}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            loaded, follow = await _open(app, closing, config, environ, progress)
            warmer = Warmer(loaded.targets.values()) if config.profile.warm_up else None
            begin = warmer.begin if warmer else lambda: None
            board = Switchboard(loaded, token, environ, follow, begin)
            if warmer:
                closing.push_async_callback(warmer.aclose)
            closing.push_async_callback(board.hang_up)
            app.state.switchboard = board
            app.state.signalling = signalling.Signalling(board, config, environ)
            app.state.telephony = telephony.Telephony(
                board, config, environ, lines, insecure=insecure
            )
            _look_at(app, loaded)
            await closing.enter_async_context(app.state.telephony.listening())
            begin()
            yield

    return Starlette(
        routes=_routes(config),
        middleware=[
            Middleware(Doorkeeper, server=config.server, signed=signed),
            Middleware(Cors, server=config.server),
            Middleware(Observer),
        ],
        lifespan=lifespan,
    )


def _routes(config: Config) -> list[BaseRoute]:
    asked = [chat, responses, messages, models] if config.api.enabled else []
    return [
        *(route for part in asked for route in part.routes()),  # the busiest are looked for first
        Route("/healthz", _healthz),
        WebSocketRoute("/call", _call),
        *signalling.routes(),
        *telephony.routes(),
        *health.routes(),
        *feedback.routes(),
        *desk.routes(),
        *openapi.routes(),
        Mount("/", StaticFiles(directory=assets.folder("web"), html=True)),
    ]


def _token(limits: Server, environ: Mapping[str, str]) -> str | None:
    """What callers must bring; nobody else's machine may call without."""
    token = own_token(limits, environ)
    if token is None and not is_loopback(limits.host):
        msg = (
            f"server.host is {limits.host!r}, so other machines could call: put a long random "
            f"token into the variable {limits.token_env}, or take host 127.0.0.1"
        )
        raise ConfigError(msg)
    return token


# ---------------------------------------------------------------- what stands behind it


async def _open(
    app: Starlette,
    closing: AsyncExitStack,
    config: Config,
    environ: Mapping[str, str],
    progress: Callable[[str], None],
) -> tuple[Engines, Follow]:
    """Store, engines and experience, opened in this order and closed in the other.

    Engines take seconds to load: a missing key or an unreachable store is told before that.
    """
    recorders.check(config.recording, environ)
    progress("opening the store")
    store = await asyncio.to_thread(open_store, config.store, environ, config.server.port)
    closing.push_async_callback(asyncio.to_thread, store.close)
    clients = Clients(config, environ, store)
    metrics = Metrics(config) if config.telemetry.metrics else None
    traces = open_traces(config, environ)
    if traces:
        closing.push_async_callback(asyncio.to_thread, traces.close)
    loaded = await asyncio.to_thread(engines.load, config, progress)
    closing.push_async_callback(loaded.aclose)
    listeners = [clients.note, *(each.note for each in (metrics, traces) if each)]
    experience = Experience(
        store,
        loaded.candidates,
        config.profile,
        config.learning,
        clients.budget,
        listeners,
        config.store.redact if config.store.transcripts else (),
    )
    closing.push_async_callback(asyncio.to_thread, experience.save)
    await closing.enter_async_context(_saving(experience))
    pseudonym = pseudonyms(_key(store, environ.get(config.store.pseudonym_env, "")))
    loaded = replace(loaded, experience=experience)
    answering = Answering(loaded, experience, pseudonym)
    closing.push_async_callback(answering.aclose)
    state = app.state
    state.engines, state.store, state.experience = loaded, store, experience
    state.clients, state.metrics, state.traces = clients, metrics, traces
    state.answering = answering
    kept = recording(pseudonym, experience.note, keeps_words=config.store.transcripts)
    return loaded, all_of([kept, *watching(metrics, traces)])


def _key(store: RecordStore, secret: str) -> bytes:
    """The key of pseudonyms: as old as the store, and known only to who has `secret` as well."""
    key = store.settle(PSEUDONYM_KEY, secrets.token_bytes(32))
    return hashlib.blake2b(secret.encode(), key=key, digest_size=32).digest()


@asynccontextmanager
async def _saving(experience: Experience) -> AsyncIterator[None]:
    async def save() -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            try:
                await asyncio.to_thread(experience.save)
            except Exception:  # the next half second may go better
                log.exception("what was learnt is not kept")

    task = asyncio.create_task(save())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _look_at(app: Starlette, loaded: Engines) -> None:
    """What is asked of the parts: figures at each scrape, readiness at each probe."""
    state = app.state
    board: Switchboard = state.switchboard
    store: RecordStore = state.store
    if state.metrics:
        look_at(
            state.metrics,
            calls=lambda: board.calls,
            targets=loaded.targets,
            clients=state.clients,
            backlog=lambda: store.backlog,
        )
    state.checks = {
        "models": readiness.of_models(loaded.targets),
        "store": readiness.of_store(store.flush),
        "stopping": readiness.of_stopping(lambda: board.stopping),
    }


# ---------------------------------------------------------------- its own answers


async def _healthz(request: Request) -> JSONResponse:
    board: Switchboard = request.app.state.switchboard
    told: dict[str, object] = {
        "status": "ok",
        "version": __version__,
        "calls": board.calls,
        "engines": board.engines.names,
    }
    told["models"] = [_priced(model) for model in board.engines.config.models]
    if tallies := request.app.state.telephony.tallies:
        told["telephony"] = tallies
    return JSONResponse(told)


def _priced(model: Model) -> dict[str, str | float]:
    """What the page needs to tell what a turn would have cost elsewhere."""
    known = {"price_in": model.price_in, "price_out": model.price_out}
    prices = {key: price for key, price in known.items() if price is not None}
    return {"name": model.name, "route": model.route, **prices}


async def _call(websocket: WebSocket) -> None:
    board: Switchboard = websocket.app.state.switchboard
    await board.answer(websocket)
