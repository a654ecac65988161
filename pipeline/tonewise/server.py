"""The server: the page, the health check, and the plain WebSocket.

    GET /          the page, and all else in web/
    GET /healthz   {"status": "ok", "version", "calls", "engines"}
    WS  /call      a call; its protocol is in `wire/plain.py`
    /webrtc, /whip a call over WebRTC; see `signalling.py`
    /telephony     calls by telephone; see `telephony.py`

Engines are loaded once, before the first call; `switchboard.py` conducts the calls.
"""

import asyncio
import errno
import mimetypes
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from tonewise import __version__, assets, engines, signalling, telephony, trunks
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.doorkeeper import Doorkeeper
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.settings import Server
from tonewise.switchboard import Switchboard
from tonewise.wire.origin import is_loopback

STALLED_MS = 30_000
"""After so long a peer that takes no bytes is dropped by the kernel, where it can (Linux)."""

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
        environ: where the callers' token is looked for.
        insecure: telephone calls need no signature; on loopback only.

    Raises:
        ConfigError: other machines could call, and no token guards the door.
    """
    token = _token(config.server, environ)
    lines = trunks.load(config, environ, insecure=insecure)
    signed = () if insecure else {f"/telephony/{name}" for name in lines}

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loaded = await asyncio.to_thread(engines.load, config, progress)
        app.state.switchboard = Switchboard(loaded, token, environ)
        app.state.signalling = signalling.Signalling(app.state.switchboard, config, environ)
        app.state.telephony = telephony.Telephony(
            app.state.switchboard, config, environ, lines, insecure=insecure
        )
        try:
            async with app.state.telephony.listening():
                yield
        finally:
            await app.state.switchboard.hang_up()
            await loaded.aclose()

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            WebSocketRoute("/call", _call),
            *signalling.routes(),
            *telephony.routes(),
            Mount("/", StaticFiles(directory=assets.folder("web"), html=True)),
        ],
        middleware=[Middleware(Doorkeeper, server=config.server, signed=signed)],
        lifespan=lifespan,
    )


def _token(limits: Server, environ: Mapping[str, str]) -> str | None:
    """What callers must bring; nobody else's machine may call without."""
    token = environ.get(limits.token_env) or None
    if token is None and not is_loopback(limits.host):
        msg = (
            f"server.host is {limits.host!r}, so other machines could call: put a long random "
            f"token into the variable {limits.token_env}, or take host 127.0.0.1"
        )
        raise ConfigError(msg)
    return token


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


# ---------------------------------------------------------------- running it


@dataclass(frozen=True, slots=True)
class Running:
    """A server that answers."""

    url: str
    port: int
    engines: Engines
    web: asyncio.Task[None]


async def serve(
    config: Config,
    progress: Callable[[str], None],
    ready: Callable[[Running], None],
    *,
    insecure: bool = False,
) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        config: the settings.
        progress: told what is being loaded.
        ready: called once, when the server answers.
        insecure: telephone calls need no signature; on loopback only.

    Raises:
        TonewiseError: it cannot start.
    """
    async with running(config, progress, insecure=insecure) as server:
        asked = asyncio.Event()
        with suppress(NotImplementedError):  # Windows: there uvicorn's own handlers stay
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, asked.set)
        ready(server)
        stop = asyncio.ensure_future(asked.wait())
        await asyncio.wait({stop, server.web}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()


@asynccontextmanager
async def running(
    config: Config,
    progress: Callable[[str], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
    *,
    insecure: bool = False,
) -> AsyncIterator[Running]:
    """A server that runs as long as the context; its end ends all calls.

    Raises:
        TonewiseError: it cannot start.
    """
    app = create_app(config, progress, environ, insecure=insecure)
    with _listener(config.server) as listener:
        # The lifespan is ours, not uvicorn's: an error in it is raised here, not logged there.
        async with app.router.lifespan_context(app):
            web = uvicorn.Server(_settings(app, config.server))
            task = asyncio.create_task(web.serve(sockets=[listener]))
            while not (web.started or task.done()):  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            port = listener.getsockname()[1]
            board: Switchboard = app.state.switchboard
            try:
                yield Running(_url(config.server.host, port), port, board.engines, task)
            finally:
                await board.hang_up()
                web.should_exit = True
                await task


def _settings(app: Starlette, limits: Server) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",
        ws="websockets-sansio",
        # Up to here the wire says itself what is too big, with a clean goodbye; this is the wall.
        ws_max_size=4 * limits.max_message,
        ws_ping_interval=20,  # keeps proxies from closing a quiet call
        # No deadline for the pong: it queues behind the audio of a caller who sends too fast. A
        # dead peer falls silent, and `idle` ends that.
        ws_ping_timeout=None,
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def _listener(server: Server) -> socket.socket:
    try:
        family = socket.getaddrinfo(server.host or None, server.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((server.host, server.port), family=family, backlog=128)
    except OSError as error:
        place = _url(server.host, server.port)
        raise ConfigError(f"cannot listen on {place}: {_why(error)}") from error
    if option := getattr(socket, "TCP_USER_TIMEOUT", None):
        listener.setsockopt(socket.IPPROTO_TCP, option, STALLED_MS)
    return listener


def _why(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host; name another with --host"
    if error.errno == errno.EADDRINUSE:
        return "the port is taken; stop who has it, or name another with --port"
    if error.errno == errno.EACCES:
        return "the system does not allow it; name a port from 1024 on with --port"
    return f"{os.strerror(error.errno or 0)}; name another host with --host"


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
