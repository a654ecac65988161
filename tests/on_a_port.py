"""An app of ours on a free port of this machine, until the test is over."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
