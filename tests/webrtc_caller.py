"""A browser's part in a WebRTC call, played by aiortc over real sockets."""

import asyncio
import json
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import httpx2
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from rough_net import Relay
from tonewise.audio import to_pcm16

FRAME = 320


class Microphone(MediaStreamTrack):
    """Says what it is given, at 16 kHz, and is silent before and after; encoded as browsers do."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._sound = np.zeros(0, np.float32)
        self._frames = 0
        self._began: float | None = None
        self.on = True
        self._opus = av.CodecContext.create("libopus", "w")
        self._opus.format, self._opus.layout, self._opus.sample_rate = "s16", "mono", 16_000
        self._opus.bit_rate = 32_000
        self._opus.options = {"application": "voip", "fec": "1", "packet_loss": "5"}

    def say(self, samples: np.ndarray) -> None:
        self._sound = np.concatenate([self._sound, samples])

    async def recv(self) -> av.Packet:
        now = asyncio.get_running_loop().time()
        self._began = self._began or now
        await asyncio.sleep(max(0.0, self._began + self._frames * 0.02 - now))
        while not self.on:
            await asyncio.sleep(0.01)
        piece, self._sound = self._sound[:FRAME], self._sound[FRAME:]
        whole = np.zeros(FRAME, np.float32)
        whole[: len(piece)] = piece
        pcm = np.frombuffer(to_pcm16(whole), np.int16)[np.newaxis, :]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.sample_rate = 16_000
        packet = av.Packet(b"".join(map(bytes, self._opus.encode(frame))))
        packet.pts, packet.time_base = self._frames * FRAME, Fraction(1, 16_000)
        self._frames += 1
        return packet


class Caller:
    """One browser. Use it as `async with`; its end hangs up as a closed page does."""

    def __init__(self, url: str, relay: Relay | None = None, channel: bool = True) -> None:
        self.url, self.relay = url, relay
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.microphone = Microphone()
        self.told: list[dict[str, Any]] = []
        self.heard: list[np.ndarray] = []  # 48 kHz, 20 ms each, mono
        self.heard_at: list[float] = []
        self.place = ""
        self._news = asyncio.Event()
        self._listening: asyncio.Task[None] | None = None
        self.pc.addTrack(self.microphone)
        self.pc.on("track", self._listen_to)
        if channel:
            self.events = self.pc.createDataChannel("events")
            self.events.on("message", self._hear_event)

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pc.close()
        if self._listening:
            await asyncio.wait([self._listening], timeout=2)
        if self.relay:
            self.relay.close()

    async def offer(self) -> str:
        """The offer; behind a relay it tells of no address, so that nothing goes around it."""
        await self.pc.setLocalDescription()
        lines = self.pc.localDescription.sdp.splitlines()
        kept = [each for each in lines if not (self.relay and each.startswith("a=candidate:"))]
        return "\r\n".join(kept) + "\r\n"

    async def call(self, **options: Any) -> "Caller":
        """Call by POST /webrtc, and wait for the first event."""
        offer = await self.offer()
        body = {"type": "offer", "sdp": offer, **options}
        async with httpx2.AsyncClient() as client:
            got = await client.post(f"{self.url}webrtc", json=body, timeout=30)
        assert got.status_code == 201, got.text
        self.place = got.headers["location"]
        sdp = got.json()["sdp"]
        await self.accept(await self.relay.through(sdp) if self.relay else sdp)
        return self

    async def accept(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def _hear_event(self, text: str) -> None:
        self.told.append(json.loads(text))
        self._news.set()

    def _listen_to(self, track: MediaStreamTrack) -> None:
        self._listening = asyncio.ensure_future(self._listen(track))

    async def _listen(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                pcm = frame.to_ndarray().reshape(-1, 2).mean(axis=1) / 32768
                self.heard.append(pcm.astype(np.float32))
                self.heard_at.append(asyncio.get_running_loop().time())

    async def until(self, event: str, seconds: float = 30) -> dict[str, Any]:
        """Wait for the first event of this name; the event."""
        async with asyncio.timeout(seconds):
            while True:
                for each in self.told:
                    if each["event"] == event:
                        return each
                self._news.clear()
                await self._news.wait()

    def send(self, **message: Any) -> None:
        self.events.send(json.dumps(message))

    def names(self) -> list[str]:
        return [each["event"] for each in self.told]
