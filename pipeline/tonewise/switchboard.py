"""The calls in hand: who may call, how many at once, and what becomes of a call that breaks.

One bad call never touches another: what goes wrong in it is logged, without its words and without
any token, and closes that socket alone.
"""

import asyncio
import logging
import secrets

from starlette.websockets import WebSocket

from tonewise.call import Call
from tonewise.engines import Engines
from tonewise.errors import WireError
from tonewise.events import AnyEvent, CallEnded
from tonewise.transports.websocket import WebSocketTransport
from tonewise.wire.plain import POLICY, TRY_LATER

log = logging.getLogger(__name__)

GOING_AWAY, FAILED = 1001, 1011
"""Close codes of RFC 6455 §7.4.1."""

STOP_S = 1.5
"""Seconds that the calls have to end when the server stops."""

MOST_WAITING = 64
"""Connections, besides the calls, that may not have said anything yet."""


class Switchboard:
    """The calls in hand.

    Args:
        loaded: the engines that they share.
        token: what callers must bring; None where anyone may call.
    """

    def __init__(self, loaded: Engines, token: str | None) -> None:
        self.engines = loaded
        self.calls = 0
        self._limits = loaded.config.server
        self._token = token
        self._connected: dict[WebSocketTransport, asyncio.Task[object] | None] = {}
        self._stopping = False

    async def answer(self, websocket: WebSocket) -> None:
        """One connection, hello to goodbye."""
        await websocket.accept()
        scheme, _, value = websocket.headers.get("authorization", "").partition(" ")
        transport = WebSocketTransport(websocket, self._limits, secrets.token_hex(4))
        self._connected[transport] = asyncio.current_task()
        try:
            async with transport:
                await self._guarded(transport, value if scheme.lower() == "bearer" else "")
        finally:
            del self._connected[transport]

    async def hang_up(self) -> None:
        """End all calls, within `STOP_S`, and take no more."""
        self._stopping = True
        for transport in self._connected:
            transport.hang_up("the server stops", GOING_AWAY)
        if tasks := [task for task in self._connected.values() if task]:
            await asyncio.wait(tasks, timeout=STOP_S)

    async def _guarded(self, transport: WebSocketTransport, bearer: str) -> None:
        try:
            await self._conduct(transport, bearer)
        except WireError as error:
            transport.hang_up(str(error), error.close_code)
        except Exception:
            log.exception("call %s failed", transport.greeting.call)
            transport.hang_up("the server failed; its log tells why", FAILED)

    async def _conduct(self, transport: WebSocketTransport, bearer: str) -> None:
        self._check_room()
        start = await transport.hello()
        self._check_token(bearer or start.token or "")
        self._check_room()
        name = transport.greeting.call

        def note(event: AnyEvent) -> None:
            if isinstance(event, CallEnded):
                told = "call %s ended after %.1f s and %d turns: %r"
                log.info(told, name, event.at, event.turns, event.reason)

        self.calls += 1
        try:
            log.info("call %s began (%d of %d)", name, self.calls, self._limits.max_calls)
            await Call(self.engines, transport, note).run()
        finally:
            self.calls -= 1

    def _check_room(self) -> None:
        if self._stopping:
            raise WireError("the server is stopping; try again in a minute", TRY_LATER)
        most = self._limits.max_calls
        if self.calls >= most or len(self._connected) > most + MOST_WAITING:
            raise WireError(f"all {most} lines are busy; try again in a minute", TRY_LATER)

    def _check_token(self, brought: str) -> None:
        if self._token is None or secrets.compare_digest(brought.encode(), self._token.encode()):
            return
        wrong = "this token is not valid here" if brought else "this server asks for a token"
        text = f"{wrong}; send 'Authorization: Bearer …' or the key token of start"
        raise WireError(text, POLICY)
