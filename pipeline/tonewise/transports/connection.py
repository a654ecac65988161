"""One peer's connection: read in time, written without waiting, ended once.

One task writes, started when the connection is entered; whoever reads calls `next`. Queueing never
waits, so a peer that does not read never delays the call: when too much waits for it, or for too
long, the call is hung up. The first reason to hang up is the one that is told.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from tonewise.audio import Samples
from tonewise.transports.live_clock import LiveClock
from tonewise.transports.sockets import PeerLeft, Socket

NORMAL, POLICY = 1000, 1008
"""Close codes of RFC 6455 §7.4.1."""

MOST_UNREAD = 1000
"""Messages that may wait for a peer to read them: 20 s of our voice."""

MOST_BLOCKED_S = 5.0
"""Seconds that one message may wait at the head of the queue."""

FAREWELL_S = 1.0
"""Seconds for the last messages and the close frame."""

Message = str | bytes


@dataclass(frozen=True, slots=True)
class Farewell:
    """Why a call ends, and what the socket closes with."""

    reason: str
    code: int


@dataclass(frozen=True, slots=True)
class _Sound:
    """Sound that waits to be sent, unless the caller has spoken since.

    Attributes:
        lasts_s: how long it takes to play, where it must not be sent faster; else 0.
    """

    message: Message
    lasts_s: float
    silenced: int


class Connection:
    """A socket in use. Use it as `async with`; its end closes the socket.

    Args:
        socket: accepted, but nothing read from it yet.
        idle_s: for so long a peer may send nothing, and so far its sound may run ahead of real
            time before it has to wait.
    """

    def __init__(self, socket: Socket, idle_s: float) -> None:
        self.farewell: Farewell | None = None
        self._socket = socket
        self._idle_s = idle_s
        self._outbox: asyncio.Queue[Message | _Sound | None] = asyncio.Queue()
        self._silenced = 0  # how often the caller spoke: sound from before that is not sent
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writer: asyncio.Task[None] | None = None
        self._reading: asyncio.Task[Message | None] | None = None
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._gone = False  # the peer hears nothing more
        self._clock = LiveClock(self._now())
        self._busy_at = self._now()  # when a message came last, or sound was given to the peer
        self._sent_until = 0.0  # when what was sent will have been played

    async def __aenter__(self) -> Self:
        self._writer = asyncio.create_task(self._write())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Deliver what is left to tell, within `FAREWELL_S`, and close."""
        farewell = self.farewell or Farewell("the call is over", NORMAL)
        if self._reading:
            self._reading.cancel()
        self._outbox.put_nowait(None)
        self._flowing.set()
        try:
            async with asyncio.timeout(FAREWELL_S):
                if self._writer:
                    await self._writer
                if not self._gone:
                    await self._socket.close(farewell.code, farewell.reason)
        except TimeoutError:
            self._gone = True
        finally:
            self._socket.drop()

    # ------------------------------------------------------------ how it ends

    def over(self) -> bool:
        """Has somebody hung up?"""
        return self.farewell is not None

    def gone(self) -> bool:
        """Has the peer left, or stopped reading?"""
        return self._gone

    def hang_up(self, reason: str, code: int = NORMAL) -> None:
        """End the call: who waits in `next` wakes. The first reason given is the one told."""
        if self.farewell is None:
            self.farewell = Farewell(reason, code)
            self._ended.set_result(None)

    # ------------------------------------------------------------ in

    async def next(self, limit_s: float) -> Message | None:
        """The next message; None once the call is over.

        Raises:
            TimeoutError: none came in time; the next call goes on waiting.
        """
        if self.over():
            return None
        return await self._received(limit_s, self._ended)

    async def last(self, limit_s: float) -> Message | None:
        """As `next`, after the call is over: what the peer still says."""
        return None if self._gone else await self._received(limit_s)

    async def _received(self, limit_s: float, *ended: asyncio.Future[None]) -> Message | None:
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._socket.receive())
        either: set[asyncio.Future[Any]] = {self._reading, *ended}
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if ended and self.over():
            return None
        if not self._reading.done():
            raise TimeoutError
        reading, self._reading = self._reading, None
        message = reading.result()
        if message is None:
            self._leave("the caller left")
        return message

    def start_clock(self) -> None:
        """From now on `listen` tells the time where nothing comes."""
        self._clock, self._busy_at = LiveClock(self._now()), self._now()

    async def listen(self) -> Message | Samples | None:
        """The next message, or silence where sound is missing; None once the call is over.

        Who sends no message for `idle_s`, and is not being spoken to, is hung up on.
        """
        while True:
            left_s = max(0.0, self._busy_at + self._idle_s - self._now())
            try:
                message = await self.next(min(self._clock.wait_s(self._now()), left_s))
            except TimeoutError:
                if not left_s:
                    self.hang_up(f"idle: no message came in {self._idle_s:g} s", POLICY)
                    return None
                if (silence := self._clock.silence(self._now())) is not None:
                    return silence
            else:
                self._busy_at = self._now()
                return message

    def known(self, filled: int) -> int:
        """How many of the `filled` samples for lost packets `listen` has given already."""
        return self._clock.known(filled)

    async def pace(self, count: int) -> None:
        """Let the other calls have their turn, and wait where the sound is far ahead of time.

        An honest line that stalls and catches up is at most `idle_s` ahead: after a longer stall
        it has been hung up on. So this holds back only who sends faster than anyone speaks.
        """
        self._clock.heard(count, self._now())
        await asyncio.sleep(max(0.0, self._clock.ahead_s(self._now()) - self._idle_s))

    # ------------------------------------------------------------ out

    def queue(self, messages: Sequence[Message]) -> None:
        """Put messages into the writer's queue."""
        for message in messages:
            self._put(message)

    def queue_sound(self, messages: Sequence[Message], lasts_s: float = 0.0) -> None:
        """Put sound there.

        Args:
            messages: the sound, and marks in it.
            lasts_s: how long all of it plays, where it must go out no faster; 0 where it may.
        """
        self._busy_at = self._now()
        for message in messages:
            self._put(_Sound(message, lasts_s / len(messages), self._silenced))

    def silence(self) -> None:
        """Sound that waits is not sent any more."""
        self._silenced += 1
        self._sent_until = 0.0
        self._flowing.set()

    def flow(self, *, paused: bool) -> None:
        """The peer's queue is full, or takes sound again."""
        if paused:
            self._flowing.clear()
        else:
            self._flowing.set()

    def _put(self, message: Message | _Sound) -> None:
        if self._gone:
            return
        if self._outbox.qsize() >= MOST_UNREAD:
            self._leave(f"{MOST_UNREAD} messages wait unread: read what is sent to you", POLICY)
            return
        self._outbox.put_nowait(message)

    def _leave(self, reason: str, code: int = NORMAL) -> None:
        self._gone = True
        self.hang_up(reason, code)

    async def _write(self) -> None:
        while (message := await self._outbox.get()) is not None:
            try:
                if isinstance(message, _Sound):
                    await self._in_time(message)
                    if message.silenced != self._silenced:
                        continue
                    message = message.message
                async with asyncio.timeout(MOST_BLOCKED_S):
                    await self._socket.send(message)
            except TimeoutError:
                self._leave(f"nothing was read for {MOST_BLOCKED_S:g} s", POLICY)
                return
            except PeerLeft:
                self._leave("the caller left")
                return

    async def _in_time(self, sound: _Sound) -> None:
        """Wait until sound may go out: the peer takes it, and has played what came before."""
        if sound.silenced == self._silenced and not self.over():
            await self._flowing.wait()
        if sound.lasts_s and sound.silenced == self._silenced:
            now = self._now()
            begins = max(self._sent_until, now)
            self._sent_until = begins + sound.lasts_s
            await asyncio.sleep(begins - now)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
