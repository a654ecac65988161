"""The server: the app, running on a port, until it is asked to stop."""

import asyncio
import errno
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette

from tonewise.api.ahead import Ahead
from tonewise.application import create_app
from tonewise.config import Config
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.front_door import BoundedHttp
from tonewise.settings import Server
from tonewise.switchboard import Switchboard

GARBAGE_AFTER = 10_000
"""Objects made, and not freed, after which Python looks for cycles among the newest. Its own 700
are made within two requests; what we make has no cycles, so it would look in vain."""

STALLED_MS = 30_000
"""After so long a peer that takes no bytes is dropped by the kernel, where it can (Linux)."""


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
        gc.collect()
        gc.freeze()  # engines and modules stay to the end: nobody need look through them again
        gc.set_threshold(GARBAGE_AFTER, 20, 20)
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
        Ahead(app, limits),
        lifespan="off",
        http=BoundedHttp,
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
        # Longer than balancers (60 s) and SDKs keep theirs: else a request meets a closing door.
        timeout_keep_alive=75,
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
