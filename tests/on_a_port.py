"""An app of ours on a free port of this machine, until the test is over; and ports without one."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def on_a_port(app: ASGIApp) -> AsyncIterator[str]:
    """The address, without a slash at its end; the app's lifespan is the test's own affair."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
        web = uvicorn.Server(settings)
        task = asyncio.create_task(web.serve(sockets=[listener]))
        while not (web.started or task.done()):
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            web.should_exit = True
            await task


@contextmanager
def nobody_listening() -> Iterator[str]:
    """An address that refuses every connection: held, so that nobody else takes it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def port_for_later() -> int:
    """A free port, from below those that the system gives to whoever asks for any."""
    while True:
        port = 20_000 + secrets.randbelow(10_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
