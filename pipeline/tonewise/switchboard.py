"""The calls in hand: who may call, how many at once, and what becomes of a call that breaks.

One bad call never touches another: what goes wrong in it is logged, without its words and without
any token, and closes that socket alone.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine, Mapping
from typing import Protocol

from starlette.websockets import WebSocket

from tonewise.call import Call
from tonewise.engines import Engines
from tonewise.errors import WireError
from tonewise.events import AnyEvent, CallEnded, CallStarted
from tonewise.following import Follow, nobody
from tonewise.live_events import RecordingBegan
from tonewise.peer import NAME_BYTES, Transport
from tonewise.recorders import CONSENT, Recorders, seal_for
from tonewise.shelf import MINUTES, Shelf
from tonewise.transports.websocket import WebSocketTransport
from tonewise.wire.plain import POLICY, TRY_LATER

log = logging.getLogger(__name__)

GOING_AWAY, FAILED = 1001, 1011
"""Close codes of RFC 6455 §7.4.1."""

STOP_S = 1.5
"""Seconds that the calls have to end when the server stops."""

MOST_WAITING = 64
"""Connections, besides the calls, that may not have said anything yet."""


class Line(Transport, Protocol):
    """A transport that can be hung up from our side."""

    def hang_up(self, reason: str, code: int = ...) -> None:
        """End the call; the first reason given is the one told."""
        ...


class Connected(Line, Protocol):
    """A line over a socket, which is open as long as the context."""

    async def __aenter__(self) -> object: ...

    async def __aexit__(self, *_: object) -> None: ...


class Switchboard:
    """The calls in hand.

    Args:
        loaded: the engines that they share.
        token: what callers must bring; None where anyone may call.
        environ: holds the key of recordings, where they are encrypted.
        follow: makes who follows each call's events, besides its peer.
        begins: told when a call begins, before its first event.

    Raises:
        ConfigError: recordings are to be encrypted and there is no key.
        PluginError: … and the package for it is not installed.
    """

    def __init__(
        self,
        loaded: Engines,
        token: str | None,
        environ: Mapping[str, str] | None = None,
        follow: Follow = nobody,
        begins: Callable[[], None] = lambda: None,
    ) -> None:
        self._follow, self._begins = follow, begins
        self.engines = loaded
        self.calls = 0
        self._recorders = Recorders(
            loaded, loaded.config.recording, environ or {}, troubled=log.warning
        )
        self.shelf = Shelf()
        self.seal = seal_for(loaded.config, environ or {})
        """Opens this server's recordings, where they are sealed."""
        self._limits = loaded.config.server
        self._token = token
        self._connected: dict[Line, asyncio.Task[object] | None] = {}
        self._stopping = False

    @property
    def stopping(self) -> bool:
        """Is no call taken any more, because the server stops?"""
        return self._stopping

    async def answer(self, websocket: WebSocket) -> None:
        """One connection, hello to goodbye."""
        await websocket.accept()
        scheme, _, value = websocket.headers.get("authorization", "").partition(" ")
        transport = WebSocketTransport(websocket, self._limits, secrets.token_hex(NAME_BYTES))
        bearer = value if scheme.lower() == "bearer" else ""
        await self.attend(transport, self._conduct(transport, bearer))

    async def attend(self, line: Connected, conduct: Coroutine[None, None, None]) -> None:
        """One connection, in the task of its handler; it becomes a call when `hold` takes it."""
        self._connected[line] = asyncio.current_task()
        try:
            async with line:
                await self._guarded(line, conduct)
        finally:
            del self._connected[line]

    def begin(self, line: Line, conduct: Coroutine[None, None, None]) -> None:
        """Conduct a call beside whatever asked for it; it is one of the calls from now on."""
        task = asyncio.create_task(self._guarded(line, conduct))
        self._connected[line] = task
        self.calls += 1

        def over(_: object) -> None:
            self.calls -= 1
            del self._connected[line]

        task.add_done_callback(over)

    async def hang_up(self) -> None:
        """End all calls, within `STOP_S`, and take no more."""
        self._stopping = True
        for transport in self._connected:
            transport.hang_up("the server stops", GOING_AWAY)
        if tasks := [task for task in self._connected.values() if task]:
            await asyncio.wait(tasks, timeout=STOP_S)

    async def _guarded(self, transport: Line, conduct: Coroutine[None, None, None]) -> None:
        try:
            await conduct
        except WireError as error:
            transport.hang_up(str(error), error.close_code)
        except Exception:
            log.exception("call %s failed", transport.greeting.call)
            transport.hang_up("the server failed; its log tells why", FAILED)

    async def _conduct(self, transport: WebSocketTransport, bearer: str) -> None:
        self.check_room()
        start = await transport.hello()
        self.check_token(bearer or start.token or "")
        await self.hold(transport)

    async def hold(
        self,
        transport: Transport,
        watch: Callable[[AnyEvent], None] = lambda _: None,
        hand_over: Callable[[], None] = lambda: None,
    ) -> None:
        """As `converse`, where the connection has not been counted as a call yet.

        Raises:
            WireError: no line is free.
        """
        self.check_room()
        self.calls += 1
        try:
            await self.converse(transport, watch, hand_over)
        finally:
            self.calls -= 1

    async def converse(
        self,
        transport: Transport,
        watch: Callable[[AnyEvent], None] = lambda _: None,
        hand_over: Callable[[], None] = lambda: None,
    ) -> None:
        """One call with a caller who has been let in.

        Args:
            transport: the caller.
            watch: told every event.
            hand_over: brings a person into the call.
        """
        name = transport.greeting.call
        self._begins()
        follower = self._follow(transport.greeting)

        def note(event: AnyEvent) -> None:
            watch(event)
            follower(event)
            if link and isinstance(event, CallStarted):  # to this caller alone, and no witness
                told_link = RecordingBegan(at=0.0, link=f"recordings/{link}", minutes=MINUTES)
                transport.send(told_link)
            if isinstance(event, CallEnded):
                told = "call %s ended after %.1f s and %d turns: %r"
                log.info(told, name, event.at, event.turns, event.reason)

        recorder = self._recorders.of(transport.greeting)  # None: off, or without consent
        asked = recorder and transport.greeting.caller.get(CONSENT) is True
        link = self.shelf.lay(recorder.folder) if recorder and asked else None
        log.info("call %s began (%d of %d)", name, self.calls, self._limits.max_calls)
        try:
            call = Call(self.engines, transport, note, witness=recorder, hand_over=hand_over)
            await call.run()
        finally:
            if recorder:
                await asyncio.to_thread(recorder.close)
            if link:
                self.shelf.over(link)

    def check_room(self) -> None:
        """Is a line free?

        Raises:
            WireError: none is, or the server stops.
        """
        if self._stopping:
            raise WireError("the server is stopping; try again in a minute", TRY_LATER)
        most = self._limits.max_calls
        if self.calls >= most or len(self._connected) > most + MOST_WAITING:
            raise WireError(f"all {most} lines are busy; try again in a minute", TRY_LATER)

    def check_token(self, brought: str) -> None:
        """May who brings this token call?

        Raises:
            WireError: they may not.
        """
        if self._token is None or secrets.compare_digest(brought.encode(), self._token.encode()):
            return
        wrong = "this token is not valid here" if brought else "this server asks for a token"
        text = f"{wrong}; send 'Authorization: Bearer …' or the key token of start"
        raise WireError(text, POLICY)
