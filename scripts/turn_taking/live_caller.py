"""A caller on the plain WebSocket, in real time: 20 ms packets, each sent when it has been spoken.

Everything that comes back is kept with the moment at which it came. What the caller's device plays
is kept, too: sound is played in the order in which it comes, and thrown away where the server says
that the reply is held or interrupted.
"""

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tonewise.audio import RATE, Samples, from_pcm16
from turn_taking.live_clips import ROOM

PACKET = RATE // 50
LONGEST_S = 600

Told = tuple[float, dict[str, Any]]


class Caller:
    """One call. Use it as `async with`.

    Args:
        url: of the WebSocket.
        rng: for the room's noise and the phase of the packets.
        speech: hear the replies, too.
        echo: gain and seconds at which what is played comes back.
    """

    def __init__(
        self,
        url: str,
        rng: np.random.Generator,
        *,
        speech: bool = False,
        echo: tuple[float, float] | None = None,
    ) -> None:
        self._url, self._rng, self._speech = url, rng, speech
        self._echo = echo
        self.told: list[Told] = []
        """Events, each with when it came (`time.perf_counter`)."""
        self.sound: list[tuple[float, int]] = []
        """Pieces of sound: when, and how many samples."""
        self.played = np.zeros(LONGEST_S * RATE, np.float32)
        """What the device plays, on the time line of what it sends."""
        self._playing = np.zeros(LONGEST_S * RATE, np.bool_)
        self._play_upto = 0
        self._pending: deque[Samples] = deque()
        self._planned = 0  # samples sent or waiting to be
        self._sent_at: list[float] = []
        self._came = asyncio.Event()
        self.lost = False

    async def __aenter__(self) -> Self:
        await asyncio.sleep(self._rng.uniform(0, 0.02))
        self.socket = await connect(self._url, compression=None, max_size=None)
        await self.socket.send(json.dumps({"type": "start", "speech": self._speech}))
        self._t0 = time.perf_counter()
        self._work = [asyncio.create_task(self._read()), asyncio.create_task(self._speak())]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._work[1].cancel()
        if not self.lost:
            await self.socket.close()
        await asyncio.wait(self._work)

    def abort(self) -> None:
        """Reset the connection, as a process that is killed does."""
        self.lost = True
        self.socket.transport.abort()

    def fall_silent(self) -> None:
        """Send nothing more, and stay on the line."""
        self._work[1].cancel()

    # ------------------------------------------------------------ speaking

    def say(self, samples: Samples) -> int:
        """Speak when all before has been said; the sample of the call at which it begins."""
        now = PACKET * len(self._sent_at)
        begin = self._planned = max(self._planned, now)
        self._pending.append(samples)
        self._planned += len(samples)
        return begin

    def room(self, seconds: float) -> Samples:
        """The room between two clips."""
        noise = self._rng.normal(0, ROOM, round(seconds * RATE))
        return noise.astype(np.float32)

    def now_s(self) -> float:
        """Seconds of sound sent."""
        return PACKET * len(self._sent_at) / RATE

    def when_spoken(self, sample: int) -> float:
        """When a sample was spoken: its packet was sent when the last of it had been."""
        packet, within = divmod(sample, PACKET)
        return self._sent_at[packet] - (PACKET - within) / RATE

    def when_sent(self, sample: int) -> float:
        """When the packet with this sample was sent."""
        return self._sent_at[sample // PACKET]

    async def until_sent(self, sample: int) -> None:
        """Wait until the packet with this sample has been sent."""
        while len(self._sent_at) <= sample // PACKET:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def _speak(self) -> None:
        rest = np.zeros(0, np.float32)
        try:
            while True:
                number = len(self._sent_at)
                delay = self._t0 + (number + 1) * PACKET / RATE - time.perf_counter()
                await asyncio.sleep(max(0.0, delay))
                while len(rest) < PACKET and self._pending:
                    rest = np.concatenate([rest, self._pending.popleft()])
                packet, rest = rest[:PACKET], rest[PACKET:]
                if len(packet) < PACKET:
                    packet = np.concatenate([packet, self.room((PACKET - len(packet)) / RATE)])
                pcm = np.clip(packet + self._echoed(number * PACKET), -1, 32767 / 32768)
                await self.socket.send(np.round(pcm * 32768).astype("<i2").tobytes())
                self._sent_at.append(time.perf_counter())
                self._planned = max(self._planned, len(self._sent_at) * PACKET)
        except ConnectionClosed:
            self.lost = True

    def _echoed(self, at: int) -> Samples | float:
        if self._echo is None:
            return 0.0
        gain, delay_s = self._echo
        begin = at - round(delay_s * RATE)
        return gain * self.played[begin : begin + PACKET] if begin >= 0 else 0.0

    # ------------------------------------------------------------ hearing

    def _position(self) -> int:
        return round((time.perf_counter() - self._t0) * RATE)

    async def _read(self) -> None:
        try:
            async for message in self.socket:
                now = time.perf_counter()
                if isinstance(message, bytes):
                    self._play(from_pcm16(message))
                    self.sound.append((now, len(message) // 2))
                else:
                    event = json.loads(message)
                    self.told.append((now, event))
                    if event["event"] in ("reply_held", "reply_interrupted"):
                        self._throw_away()
                self._came.set()
                self._came = asyncio.Event()
        except ConnectionClosed:
            pass
        self.lost = True
        self._came.set()

    def _play(self, samples: Samples) -> None:
        begin = max(self._play_upto, self._position())
        self.played[begin : begin + len(samples)] = samples
        self._playing[begin : begin + len(samples)] = True
        self._play_upto = begin + len(samples)

    def _throw_away(self) -> None:
        here = self._position()
        if here < self._play_upto:
            self.played[here : self._play_upto] = 0
            self._playing[here : self._play_upto] = False
            self._play_upto = here

    def played_between(self, begin: float, end: float) -> float:
        """Seconds of sound that the device played between two moments."""
        first, last = (max(0, round((at - self._t0) * RATE)) for at in (begin, end))
        return float(np.count_nonzero(self._playing[first:last])) / RATE

    def playing_upto(self) -> float:
        """When all that came so far will have been played."""
        return self._t0 + self._play_upto / RATE

    def all(self, kind: str, since: float = 0.0) -> list[Told]:
        """The events of one kind that came since."""
        return [(at, event) for at, event in self.told if at >= since and event["event"] == kind]

    async def until(
        self, kind: str, since: float, limit_s: float, which: Callable[[Any], bool] = lambda _: True
    ) -> Told | None:
        """The first such event since; None where it does not come in time."""
        end = time.perf_counter() + limit_s
        while time.perf_counter() < end:
            for told in self.all(kind, since):
                if which(told[1]):
                    return told
            if self.lost:
                return None
            came = self._came
            try:
                async with asyncio.timeout(end - time.perf_counter()):
                    await came.wait()
            except TimeoutError:
                break
        return None
