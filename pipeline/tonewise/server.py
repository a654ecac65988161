"""The server: the page, the health check, and the door of the plain WebSocket.

    GET /          the page, and all else in web/
    GET /healthz   {"status": "ok", "version", "calls", "engines"}
    WS  /call      a call; its protocol is in `wire/plain.py`

Engines are loaded once, before the first call. One bad call never touches another: what goes wrong
in it is logged, without its words and without any token, and closes that socket alone.
"""

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

from tonewise import __version__, assets, engines
from tonewise.call import Call
from tonewise.config import Config, Server
from tonewise.doorkeeper import Doorkeeper
from tonewise.engines import Engines
from tonewise.errors import ConfigError, WireError
from tonewise.events import AnyEvent, CallEnded
from tonewise.transports.websocket import WebSocketTransport
from tonewise.wire.origin import is_loopback
from tonewise.wire.plain import POLICY, TRY_LATER
