"""A telephone call from the other end, in real time: rings, speaks, listens, notes what it hears.

It behaves as a provider does: a packet of the caller's sound every 20 ms, whatever comes; sound
that is received waits in a buffer, some of it before any is played, and is played in time; a mark
comes back when it is reached; a clear empties the buffer and brings the marks in it back.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tonewise.audio import RATE, Samples
from tonewise.phones.dialect import Clear, Dialect, Dialled, Leave, Mark, Play
from tonewise.wire.sound import Decoder, Encoder
from tonewise.wire.telephone import Asked, Message

TICK_S = 0.02

_WHY = {
    403: ": its signature was not accepted; are secret and --public-url those of the server?",
    404: ": this server takes no such calls; [telephony.wires.{wire}] in its settings does",
}
"""What a server's answer to a webhook mostly means."""

LOUD = 0.01
"""Amplitude from which a packet counts as speech: below every voice, above a line's noise."""


@dataclass(frozen=True, slots=True)
class Errand:
    """How to call.

    Attributes:
        url: of the server, as in `http://127.0.0.1:8600`.
        public_url: how the server knows itself, for signatures; empty: as `url`.
        secret: to sign with; empty signs nothing.
        keys: digits to press, each at a second of the call.
        linger_s: how long to listen after the recording's end.
        buffer_s: for how long sound waits that comes when the buffer is dry.
    """

    url: str
    wire: str
    public_url: str = ""
    secret: str = ""
    caller: str = "+13125550100"
    called: str = "+13125550199"
    keys: Sequence[tuple[float, str]] = ()
    linger_s: float = 8.0
    buffer_s: float = 0.0


@dataclass(slots=True)
class Heard:
    """What became of a call. Seconds count from the first packet.

    Attributes:
        refused: why there was no call; empty where there was one.
        sound: what the caller heard, at `rate`, aligned with what they said.
        first_sounds: when sound came and none waited: a reply begins, or there was a gap.
        gaps: when the buffer ran dry for less than a second, and for how long.
        clears: when what waited was cleared, and how many seconds of it.
        marks: when each was reached.
        close: code and reason of the socket.
    """

    rate: int
    refused: str = ""
    sound: list[np.ndarray] = field(default_factory=list)
    first_sounds: list[float] = field(default_factory=list)
    gaps: list[tuple[float, float]] = field(default_factory=list)
    clears: list[tuple[float, float]] = field(default_factory=list)
    marks: list[tuple[float, str]] = field(default_factory=list)
    close: tuple[int, str] = (1006, "")

    @property
    def samples(self) -> np.ndarray:
        """All that the caller heard."""
        return np.concatenate(self.sound) if self.sound else np.zeros(0, np.float32)


class Handset:
    """One call.

    Args:
        dialect: the provider's.
        errand: how to call.
        note: told what happens, with the second of the call.
    """

    def __init__(
        self,
        dialect: Dialect,
        errand: Errand,
        note: Callable[[float, str], None] = lambda _at, _what: None,
    ) -> None:
        self._dialect = dialect
        self._errand = errand
        self._note = note
        form = dialect.form
        self.heard = Heard(form.rate)
        self._decoder = Decoder(form)
        self._frame = form.rate // 50
        self._buffer: deque[np.ndarray | str] = deque()  # sound, and marks in it
        self._waiting = 0  # samples in the buffer
        self._dry = RATE  # samples of silence since the buffer ran dry
        self._plays_from = 0.0  # the second from which what waits is played
        self._began = 0.0
        self._over = False

    async def call(self, name: str, recording: Samples) -> Heard:
        """Ring, play a recording, and listen.

        Args:
            name: the provider's for this call.
            recording: what the caller says, 16 kHz.
        """
        errand = self._errand
        dialled = Dialled(name, errand.caller, errand.called)
        path = f"/telephony/{errand.wire}"
        if self._dialect.rings:
            found = await self._ring(dialled, path)
            if found is None:
                return self.heard
            dialled, path = found
        try:
            async with connect(
                self._here(path, "ws"),
                additional_headers=dict(self._upgrade(path)),
                subprotocols=[Subprotocol(self._dialect.subprotocol)]
                if self._dialect.subprotocol
                else None,
                compression=None,
                max_size=1_000_000,
            ) as line:
                await self._speak(line, dialled, recording)
        except InvalidStatus as error:
            self.heard.refused = f"the stream was refused: HTTP {error.response.status_code}"
        except OSError as error:
            self.heard.refused = f"nobody answers at {errand.url}: {error.strerror or error}"
        return self.heard

    # ------------------------------------------------------------ before

    async def _ring(self, dialled: Dialled, path: str) -> tuple[Dialled, str] | None:
        errand = self._errand
        public = (errand.public_url or errand.url).rstrip("/")
        asked = self._dialect.ring(dialled, f"{public}{path}")
        try:
            async with httpx2.AsyncClient(timeout=15, trust_env=False) as client:
                answer = await client.post(
                    self._here(path, "http"),
                    content=asked.body,
                    headers={**asked.headers, **self._signed(asked)},
                )
        except httpx2.HTTPError as error:
            kind = type(error).__name__
            self.heard.refused = f"nobody answers at {errand.url} ({kind}): is a server running?"
            return None
        if not answer.is_success:
            why = _WHY.get(answer.status_code, "").format(wire=errand.wire)
            self.heard.refused = f"the webhook was refused: HTTP {answer.status_code}{why}"
            return None
        found = self._dialect.answered(answer.text)
        if found is None:
            self.heard.refused = f"the call was not taken: {answer.text[:200]}"
            return None
        parts = urlsplit(found.url)
        query = f"?{parts.query}" if parts.query else ""
        named = Dialled(dialled.call, dialled.caller, dialled.called, found.parameters)
        return named, f"{parts.path}{query}"

    def _upgrade(self, path: str) -> Mapping[str, str]:
        public = (self._errand.public_url or self._errand.url).rstrip("/")
        return self._signed(Asked("GET", f"ws{public.removeprefix('http')}{path}", {}))

    def _signed(self, asked: Asked) -> Mapping[str, str]:
        secret = self._errand.secret
        return self._dialect.sign(asked, secret, time.time()) if secret else {}

    def _here(self, path: str, scheme: str) -> str:
        """The path on the server that is really called: tunnels and proxies are left out."""
        return f"{scheme}{self._errand.url.rstrip('/').removeprefix('http')}{path}"

    # ------------------------------------------------------------ the call

    async def _speak(self, line: ClientConnection, dialled: Dialled, recording: Samples) -> None:
        for message in self._dialect.hello(dialled):
            await line.send(message)
        self._began = time.monotonic()
        self._note(0.0, "connected")
        listening = asyncio.create_task(self._listen(line))
        with suppress(ConnectionClosed):
            await self._play(line, recording)
            for message in self._dialect.stop():
                await line.send(message)
        await line.close()
        await listening
        self._note(self._now(), f"closed with {self.heard.close[0]} {self.heard.close[1]}".rstrip())

    async def _play(self, line: ClientConnection, recording: Samples) -> None:
        """A packet every 20 ms; what was received is played at the same pace."""
        coder = Encoder(self._dialect.form, self._dialect.form.size(20))
        packets = [*coder.push(recording), *coder.rest()]
        silence = [coder.push(np.zeros(RATE // 50, np.float32)) for _ in range(10)][-1][0]
        keys = deque(self._errand.keys)
        ticks = len(packets) + round(self._errand.linger_s / TICK_S)
        for tick in range(ticks):
            await asyncio.sleep(self._began + tick * TICK_S - time.monotonic())
            if self._over:
                return
            await line.send(self._dialect.sound(packets[tick] if tick < len(packets) else silence))
            while keys and keys[0][0] <= tick * TICK_S:
                digit = keys.popleft()[1]
                self._note(self._now(), f"pressed {digit}")
                await line.send(self._dialect.key(digit))
            for name in self._hear():
                await line.send(self._dialect.reached(name))

    def _hear(self) -> list[str]:
        """20 ms of what waits; the names of the marks that were reached."""
        form = self._dialect.form
        parts: list[np.ndarray] = []
        reached: list[str] = []
        room = self._frame
        while self._buffer and self._now() >= self._plays_from:
            first = self._buffer[0]
            if isinstance(first, str):
                reached.append(first)
                self._buffer.popleft()
                continue
            if not room:
                break
            parts.append(first[:room])
            if len(first) > room:
                self._buffer[0] = first[room:]
            else:
                self._buffer.popleft()
            room -= len(parts[-1])
        played = self._frame - room
        self._waiting -= played
        if played and 0 < self._dry < form.rate:
            self.heard.gaps.append((len(self.heard.sound) * TICK_S, self._dry / form.rate))
        self._dry = room if played else self._dry + room
        parts.append(np.zeros(room, np.float32))
        self.heard.sound.append(np.concatenate(parts))
        self.heard.marks += [(self._now(), name) for name in reached]
        return reached

    async def _listen(self, line: ClientConnection) -> None:
        try:
            async for message in line:
                for answer in self._take(message):
                    await line.send(answer)
        except ConnectionClosed:
            pass
        self._over = True
        self.heard.close = (line.close_code or 1006, line.close_reason or "")

    def _take(self, message: Message) -> list[Message]:
        told = self._dialect.read(message)
        match told:
            case Play(data):
                if not self._waiting:
                    self._plays_from = self._now() + self._errand.buffer_s
                    self.heard.first_sounds.append(self._now())
                    self._note(self._now(), "sound")
                samples = self._decoder.push(data)
                self._buffer.append(samples)
                self._waiting += len(samples)
            case Mark(name):
                self._buffer.append(name)
            case Clear():
                return self._clear()
            case Leave():
                self._over = True
        return []

    def _clear(self) -> list[Message]:
        waited = self._waiting / self._dialect.form.rate
        marks = [name for name in self._buffer if isinstance(name, str)]
        self._buffer.clear()
        self._waiting, self._dry = 0, RATE
        self.heard.clears.append((self._now(), waited))
        self._note(self._now(), f"cleared {waited * 1000:.0f} ms")
        return [*self._dialect.cleared(), *(self._dialect.reached(name) for name in marks)]

    def _now(self) -> float:
        return time.monotonic() - self._began
