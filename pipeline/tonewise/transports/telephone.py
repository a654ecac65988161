"""A caller on the telephone, over any wire of `wire/`.

Two things the browser's transport does not need. What the caller has heard is known by marks, which
the provider returns when it has played up to them. And a last piece of sound that fills no packet
is sent when nothing follows it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from typing import Self

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.errors import WireError
from tonewise.events import AnyEvent, ReplyEnded
from tonewise.peer import Greeting, Heard, HungUp, Inbound, Played, Pressed
from tonewise.settings import Server
from tonewise.transports.connection import FAREWELL_S, NORMAL, Connection, Farewell
from tonewise.transports.marks import Marks
from tonewise.transports.sockets import Socket
from tonewise.wire.clarity import NARROW, Clarity
from tonewise.wire.telephone import (
    INVALID,
    POLICY,
    UNSUPPORTED,
    Due,
    Flow,
    Marked,
    Media,
    Message,
    Reported,
    Started,
    Stopped,
    Wire,
    WireEvent,
)

log = logging.getLogger(__name__)

BLOCK = RATE // 10
"""Samples handed on at a time; between two blocks the other calls have their turn."""

NOTHING_FOLLOWS_S = 0.08
"""Sound comes every 20 ms; after so long without any, the last piece is sent as it is."""

MOST_GARBLED = 20
"""Messages of a call that may make no sense; each is left out. Then we hang up."""

BURST, MOST_PER_S = 2_000, 200
"""Messages that may come at once, and in every second; honest wires send 50."""


class TelephoneTransport:
    """One call's socket, accepted. Use it as `async with`; its end closes the socket.

    Args:
        socket: nothing read from it yet.
        wire: this call's messages.
        limits: the `[server]` table.
        greeting: the call's name and its wire's; what the start tells is added.
        clearer: on a line of 8 kHz, move what it cuts off to where it can be heard.
    """

    lock_step = False
    has_keys = True
    speaks = True

    def __init__(
        self,
        socket: Socket,
        wire: Wire,
        limits: Server,
        greeting: Greeting,
        *,
        clearer: bool = False,
    ) -> None:
        self.greeting = greeting
        self._clearer = clearer
        self._clarity: Clarity | None = None
        self._wire = wire
        self._limits = limits
        self._line = Connection(socket, limits.idle)
        self._told: deque[WireEvent] = deque()  # read, and not acted on yet
        self._news: deque[Inbound] = deque()  # for `receive` to hand on
        self._garbled = 0
        self._allowance = float(BURST)  # messages that may come now
        self._counted_at = 0.0
        self._marks = Marks()
        self._stopped = False  # the provider ends the stream, and closes it itself
        self._flushing: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        await self._line.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Say goodbye in the provider's words, leave it time to close, and close."""
        self._stop_flushing()
        self.hang_up("the call is over")
        self._line.silence()
        if self._line.farewell and not self._line.gone():
            goodbye = self._wire.hang_up(self._line.farewell.reason)
            self._line.queue(goodbye)
            if goodbye or self._stopped:
                await self._see_off()
        await self._line.__aexit__()

    async def _see_off(self) -> None:
        """Answer what the provider still says, until it closes: some insist on closing first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                while (message := await self._line.last(FAREWELL_S)) is not None:
                    self._line.queue([e.message for e in self._read(message) if isinstance(e, Due)])

    @property
    def farewell(self) -> Farewell | None:
        """Why the call ends, as soon as it does."""
        return self._line.farewell

    async def hello(self) -> Started:
        """Wait for the stream's start; from then on the greeting is known.

        Raises:
            WireError: something else came, or it did not come in time, or the caller left.
        """
        late = f"the stream did not start in {self._limits.hello:g} s"
        deadline = asyncio.get_running_loop().time() + self._limits.hello
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                message = await self._line.next(max(0.0, left))
            except TimeoutError:
                raise WireError(late, POLICY) from None
            if message is None:
                farewell = self._line.farewell or Farewell(late, POLICY)
                raise WireError(farewell.reason, farewell.code)
            self._count()
            for event in self._wire.read(message):
                self._told.append(event)
            if started := next((e for e in self._told if isinstance(e, Started)), None):
                narrow = self._clearer and started.format.rate == NARROW
                self._clarity = Clarity() if narrow else None
                known, language = self.greeting, started.language
                self.greeting = Greeting(known.call, known.wire, started.caller, language)
                return started

    # ------------------------------------------------------------ in

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """What the caller says and presses, and what they have heard; at last a HungUp."""
        self._line.queue(self._wire.accept())
        self._line.start_clock()
        while True:
            while self._told and not self._line.over():
                for inbound in self._act_on(self._told.popleft()):
                    if isinstance(inbound, Heard):
                        await self._line.pace(len(inbound.samples))
                    yield inbound
            while self._news:
                yield self._news.popleft()
            message = await self._line.listen()
            if message is None:
                break
            if isinstance(message, np.ndarray):
                yield Heard(message)
            else:
                self._told.extend(self._read(message))
        yield HungUp(self._line.farewell.reason if self._line.farewell else "hung up")

    def _act_on(self, event: WireEvent) -> Iterator[Inbound]:
        match event:
            case Media():
                yield from self._heard(event)
            case Marked(name):
                if played := self._marks.played(name):
                    yield played
            case Pressed():
                yield event
            case Flow(paused):
                self._line.flow(paused=paused)
            case Due(message):
                self._line.queue([message])
            case Reported(error):
                log.warning("call %s: %s reports: %r", *self._names(), error)
            case Stopped(reason):
                self._stopped = True
                self.hang_up(reason)
            case Started():
                pass  # `hello` has read it

    def _heard(self, media: Media) -> Iterator[Heard]:
        """Sound in blocks, without what silence has stood in for already."""
        samples = media.samples[self._line.known(media.filled) :]
        for start in range(0, len(samples), BLOCK):
            yield Heard(samples[start : start + BLOCK])

    def _read(self, message: Message) -> list[WireEvent]:
        """What a message says; nothing where it makes no sense, up to a point."""
        self._count()
        try:
            return self._wire.read(message)
        except WireError as error:
            self._garbled += 1
            harmless = error.close_code in (INVALID, UNSUPPORTED)
            if not harmless or self._garbled > MOST_GARBLED:
                self.hang_up(str(error), error.close_code)
            else:
                log.warning("call %s: a message of %s is left out: %s", *self._names(), error)
            return []

    def _count(self) -> None:
        now = self._now()
        earned = (now - self._counted_at) * MOST_PER_S if self._counted_at else 0.0
        self._allowance = min(BURST, self._allowance + earned) - 1
        self._counted_at = now
        if self._allowance < 0:
            self.hang_up(f"more than {MOST_PER_S} messages in a second", POLICY)

    # ------------------------------------------------------------ out

    def send(self, event: AnyEvent) -> None:
        """The telephone hears replies only; where one ends, a mark asks when it has been heard."""
        if isinstance(event, ReplyEnded) and (last := self._marks.end(event.turn)):
            self._flush()
            if self._wire.marks:
                self._line.queue_sound(self._wire.mark(last))
            else:
                self._news.append(Played(event.turn))

    def play(self, turn: int, samples: Samples, from_s: float) -> None:
        """Sound for the caller, and marks in it."""
        mark = self._marks.add(turn, round(from_s * RATE), len(samples))
        clear = self._clarity.push(samples) if self._clarity else samples
        self._sound(self._wire.media(clear))
        if mark and self._wire.marks:
            self._line.queue_sound(self._wire.mark(mark))
        self._stop_flushing()
        loop = asyncio.get_running_loop()
        self._flushing = loop.call_later(NOTHING_FOLLOWS_S, self._flush)

    def stop_playing(self) -> None:
        """Nothing that waits is played, here or at the provider's."""
        self._stop_flushing()
        self._line.silence()
        if self._marks.sounding:
            self._line.queue(self._wire.clear())
        self._marks.stop()

    def hang_up(self, reason: str, code: int = NORMAL) -> None:
        """End the call: `receive` wakes and tells it. The first reason given is the one told."""
        self._line.hang_up(reason, code)

    def _sound(self, messages: list[Message]) -> None:
        self._line.queue_sound(messages, len(messages) * self._wire.pace_ms / 1000)

    def _flush(self) -> None:
        self._stop_flushing()
        self._sound(self._wire.rest())

    def _stop_flushing(self) -> None:
        if self._flushing:
            self._flushing.cancel()
            self._flushing = None

    def _names(self) -> tuple[str, str]:
        return self.greeting.call, self.greeting.wire

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
