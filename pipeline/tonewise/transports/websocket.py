"""A caller on the plain WebSocket. The protocol itself is in `wire/plain.py`.

One task reads, inside `receive`; one writes, started when the transport is entered. `send` only
puts an event into the writer's queue, so a peer that does not read never delays the call: when too
much waits for it, or for too long, the call is hung up.
"""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Self

from starlette.websockets import WebSocket, WebSocketDisconnect

from tonewise import events
from tonewise.audio import RATE, Samples
from tonewise.config import Server
from tonewise.errors import WireError
from tonewise.events import AnyEvent
from tonewise.stages import Greeting, Heard, HungUp, Inbound, Played
from tonewise.wire.plain import POLICY, PlainWire, Start

NORMAL = 1000

MOST_UNREAD = 1000
"""Events that may wait for a peer to read them: minutes of a lively call."""

MOST_BLOCKED_S = 5.0
"""Seconds that one event may wait at the head of the queue."""

FAREWELL_S = 1.0
"""Seconds for the last events and the close frame."""

BLOCK = RATE // 10
"""Samples handed on at a time; between two blocks the other calls have their turn."""

_LONGEST_CLOSE_REASON = 123
"""Bytes of UTF-8 that fit into a close frame (RFC 6455 §5.5)."""


@dataclass(frozen=True, slots=True)
class Farewell:
    """Why a call ends, and what the socket closes with."""

    reason: str
    code: int


class WebSocketTransport:
    """One caller's socket, accepted. Use it as `async with`; its end closes the socket.

    Args:
        websocket: accepted, but nothing read from it yet.
        limits: the `[server]` table.
        call: the call's name.
    """

    lock_step = False

    def __init__(self, websocket: WebSocket, limits: Server, call: str) -> None:
        self.greeting = Greeting(call=call, wire="plain")
        self._websocket = websocket
        self._limits = limits
        self._wire = PlainWire(limits.max_message)
        self._first: Inbound | None = None
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._writer: asyncio.Task[None] | None = None
        self._farewell: Farewell | None = None
        self._gone = False  # the peer hears nothing more
        self._waiting: asyncio.Timeout | None = None  # in `_next`: wakes it
        self._due = 0.0  # when what was heard would have been spoken, in real time

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Deliver what is left to tell, within `FAREWELL_S`, and close."""
        farewell = self._farewell or Farewell("the call is over", NORMAL)
        self._outbox.put_nowait(None)
        try:
            async with asyncio.timeout(FAREWELL_S):
                if self._writer:
                    await self._writer
                if not self._gone:
                    await self._websocket.close(farewell.code, _short(farewell.reason))
        except (TimeoutError, WebSocketDisconnect, RuntimeError):
            self._gone = True

    async def hello(self) -> Start:
        """Wait for the first message; from then on the greeting is known.

        Raises:
            WireError: it is no message of ours, it did not come in time, or the caller left.
        """
        late = f"nothing came in {self._limits.hello:g} s; send start, or audio, at once"
        message = await self._next(self._limits.hello, late)
        if message is None:
            farewell = self._farewell or Farewell(late, POLICY)
            raise WireError(farewell.reason, farewell.code)
        start, self._first = self._wire.begin(message)
        self.greeting = Greeting(self.greeting.call, "plain", start.caller, start.language)
        return start

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """The caller's audio, no faster than real time in the long run; at last a HungUp."""
        inbound = self._first or await self._read()
        while inbound is not None and not self._over():
            match inbound:
                case Heard(samples):
                    for start in range(0, len(samples), BLOCK):
                        block = samples[start : start + BLOCK]
                        await self._pace(block)
                        if self._over():
                            break
                        yield Heard(block)
                case Played():
                    yield inbound
                case HungUp(reason):
                    self.hang_up(reason)
            inbound = await self._read()
        yield HungUp(self._farewell.reason if self._farewell else "hung up")

    def send(self, event: AnyEvent) -> None:
        """Queue an event for the peer."""
        if self._gone:
            return
        if self._outbox.qsize() >= MOST_UNREAD:
            self._gone = True
            self.hang_up(f"{MOST_UNREAD} events wait unread: read what is sent to you", POLICY)
            return
        self._outbox.put_nowait(events.to_json(event).decode())

    def hang_up(self, reason: str, code: int = NORMAL) -> None:
        """End the call: `receive` wakes and tells it. The first reason given is the one told."""
        if self._farewell is None:
            self._farewell = Farewell(reason, code)
            if self._waiting and not self._waiting.expired():
                self._waiting.reschedule(asyncio.get_running_loop().time())

    def _over(self) -> bool:
        return self._farewell is not None

    async def _read(self) -> Inbound | None:
        """What the next message says; None once the call is over."""
        idle = self._limits.idle
        message = await self._next(idle, f"idle: no message came in {idle:g} s")
        if message is None:
            return None
        try:
            return self._wire.read(message)
        except WireError as error:
            self.hang_up(str(error), error.close_code)
            return None

    async def _next(self, limit_s: float, late: str) -> str | bytes | None:
        if self._farewell:
            return None
        try:
            async with asyncio.timeout(limit_s) as self._waiting:
                message = await self._websocket.receive()
        except TimeoutError:
            self.hang_up(late, POLICY)
            return None
        finally:
            self._waiting = None
        if message["type"] == "websocket.disconnect":
            self._gone = True
            self.hang_up("the caller left")
            return None
        text: str | None = message.get("text")
        data: bytes | None = message.get("bytes")
        return text if text is not None else data or b""

    async def _pace(self, block: Samples) -> None:
        """Let the other calls have their turn, and wait where the audio is far ahead of time.

        An honest line that stalls and catches up is at most `idle` seconds ahead: after a longer
        stall it has been hung up on. So this holds back only who sends faster than anyone speaks.
        """
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now) + len(block) / RATE
        await asyncio.sleep(max(0.0, self._due - now - self._limits.idle))

    async def _write(self) -> None:
        while (message := await self._outbox.get()) is not None:
            try:
                async with asyncio.timeout(MOST_BLOCKED_S):
                    await self._websocket.send_text(message)
            except TimeoutError:
                self._gone = True
                self.hang_up(f"nothing was read for {MOST_BLOCKED_S:g} s", POLICY)
                return
            except (WebSocketDisconnect, RuntimeError):
                self._gone = True
                self.hang_up("the caller left")
                return


def _short(reason: str) -> str:
    """As much of a reason as a close frame can carry."""
    encoded = reason.encode()
    if len(encoded) <= _LONGEST_CLOSE_REASON:
        return reason
    return encoded[: _LONGEST_CLOSE_REASON - 3].decode(errors="ignore") + "…"
