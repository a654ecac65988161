"""The server: the page, the health check, and the plain WebSocket.

    GET /          the page, and all else in web/
    GET /healthz   {"status": "ok", "version", "calls", "engines"}
    WS  /call      a call; its protocol is in `wire/plain.py`

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
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from tonewise import __version__, assets, engines
from tonewise.config import Config, Server
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.switchboard import Switchboard
from tonewise.wire.origin import host_is_ours, is_loopback, origin_is_welcome

STALLED_MS = 30_000
"""After so long a peer that takes no bytes is dropped by the kernel, where it can (Linux)."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # ask each time; an unchanged file costs a 304
}

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


class Doorkeeper:
    """Turns away what comes by a wrong name or from a stranger's page; see `wire/origin.py`."""

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._origins = server.origins
        self._loopback = is_loopback(server.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or let it in; either way with our headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        app = PlainTextResponse(refusal, 403) if refusal else self._app
        await app(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if self._loopback and not host_is_ours(host, self._origins):
            return "This server answers to 127.0.0.1 and localhost only.\n"
        if scope["type"] == "websocket" and not origin_is_welcome(origin, host, self._origins):
            return "Pages of this origin may not call; server.origins in the settings lists who.\n"
        return None


def create_app(
    config: Config,
    progress: Callable[[str], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
) -> Starlette:
    """The app; its lifespan loads the engines, and lets them go.

    Args:
        config: the settings.
        progress: told what is being loaded, a line at a time, from a thread.
        environ: where the callers' token is looked for.

    Raises:
        ConfigError: other machines could call, and no token guards the door.
    """
    token = environ.get(config.server.token_env) or None
    if token is None and not is_loopback(config.server.host):
        msg = (
            f"server.host is {config.server.host!r}, so other machines could call: put a long "
            f"random token into the variable {config.server.token_env}, or take host 127.0.0.1"
        )
        raise ConfigError(msg)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        loaded = await asyncio.to_thread(engines.load, config, progress)
        app.state.switchboard = Switchboard(loaded, token)
        try:
            yield
        finally:
            await app.state.switchboard.hang_up()
            await loaded.aclose()

    return Starlette(
        routes=[
            Route("/healthz", _healthz),
            WebSocketRoute("/call", _call),
            Mount("/", StaticFiles(directory=assets.folder("web"), html=True)),
        ],
        middleware=[Middleware(Doorkeeper, server=config.server)],
        lifespan=lifespan,
    )


async def _healthz(request: Request) -> JSONResponse:
    board: Switchboard = request.app.state.switchboard
    return JSONResponse(
        {
            "status": "ok",
            "version": __version__,
            "calls": board.calls,
            "engines": board.engines.names,
        }
    )


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
    config: Config, progress: Callable[[str], None], ready: Callable[[Running], None]
) -> None:
    """Run until Ctrl-C or SIGTERM.

    Args:
        config: the settings.
        progress: told what is being loaded.
        ready: called once, when the server answers.

    Raises:
        TonewiseError: it cannot start.
    """
    async with running(config, progress) as server:
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
) -> AsyncIterator[Running]:
    """A server that runs as long as the context; its end ends all calls.

    Raises:
        TonewiseError: it cannot start.
    """
    app = create_app(config, progress, environ)
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
