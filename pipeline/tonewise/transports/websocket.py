"""A caller on the plain WebSocket. The protocol itself is in `wire/plain.py`.

`receive` reads; `connection.py` writes, in a task of its own, ends the call where it must, and
gives silence where the caller sends nothing.
"""

from collections.abc import AsyncGenerator
from typing import Self

import numpy as np
from starlette.websockets import WebSocket

from tonewise import events
from tonewise.audio import RATE, Samples, to_pcm16
from tonewise.errors import WireError
from tonewise.events import AnyEvent
from tonewise.peer import Greeting, Heard, HungUp, Inbound
from tonewise.settings import Server
from tonewise.transports.connection import NORMAL, Connection, Farewell
from tonewise.transports.sockets import WebSocketPeer
from tonewise.wire.plain import POLICY, PlainWire, Start

BLOCK = RATE // 10
"""Samples handed on at a time; between two blocks the other calls have their turn."""


class WebSocketTransport:
    """One caller's socket, accepted. Use it as `async with`; its end closes the socket.

    Args:
        websocket: accepted, but nothing read from it yet.
        limits: the `[server]` table.
        call: the call's name.
    """

    lock_step = False
    has_keys = False

    def __init__(self, websocket: WebSocket, limits: Server, call: str) -> None:
        self.greeting = Greeting(call=call, wire="plain")
        self.speaks = False
        self._limits = limits
        self._wire = PlainWire(limits.max_message)
        self._line = Connection(WebSocketPeer(websocket), limits.idle)
        self._first: Inbound | None = None

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Deliver what is left to tell, and close."""
        await self._line.__aexit__()

    async def hello(self) -> Start:
        """Wait for the first message; from then on the greeting is known.

        Raises:
            WireError: it is no message of ours, it did not come in time, or the caller left.
        """
        try:
            message = await self._line.next(self._limits.hello)
        except TimeoutError:
            late = f"nothing came in {self._limits.hello:g} s; send start, or audio, at once"
            raise WireError(late, POLICY) from None
        if message is None:
            farewell = self._line.farewell or Farewell("the caller left", NORMAL)
            raise WireError(farewell.reason, farewell.code)
        start, self._first = self._wire.begin(message)
        self.greeting = Greeting(
            self.greeting.call, "plain", start.caller, start.language, start.notice_shown
        )
        self.speaks = start.speech
        return start

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """The caller's audio, no faster than real time in the long run; at last a HungUp."""
        self._line.start_clock()
        inbound = self._first or await self._read()
        while inbound is not None and not self._line.over():
            match inbound:
                case Heard(samples):
                    for start in range(0, len(samples), BLOCK):
                        block = samples[start : start + BLOCK]
                        await self._line.pace(len(block))
                        if self._line.over():
                            break
                        yield Heard(block)
                case np.ndarray():
                    yield Heard(inbound)
                case HungUp(reason):
                    self.hang_up(reason)
                case _:
                    yield inbound
            inbound = await self._read()
        yield HungUp(self._line.farewell.reason if self._line.farewell else "hung up")

    def send(self, event: AnyEvent) -> None:
        """Queue an event for the peer."""
        self._line.queue([events.to_json(event).decode()])

    def play(self, turn: int, samples: Samples, from_s: float) -> None:  # noqa: ARG002 - one voice
        """Queue sound for the peer."""
        self._line.queue_sound([to_pcm16(samples)])

    def stop_playing(self) -> None:
        """Sound that waits is not sent; the event that is told beside this stops the peer's own."""
        self._line.silence()

    def hang_up(self, reason: str, code: int = NORMAL) -> None:
        """End the call: `receive` wakes and tells it. The first reason given is the one told."""
        self._line.hang_up(reason, code)

    async def _read(self) -> Inbound | Samples | None:
        """What the next message says, or silence; None once the call is over."""
        message = await self._line.listen()
        if message is None or isinstance(message, np.ndarray):
            return message
        try:
            return self._wire.read(message)
        except WireError as error:
            self.hang_up(str(error), error.close_code)
            return None
