"""A caller's browser over WebRTC, with aiortc: sound both ways, and a data channel `events`.

On the channel go the events and messages of the plain WebSocket (`wire/plain.py`), without `start`
and without sound. aiortc's own way from packet to sound loses five packets where one is lost and
stays 200 ms late from then on; so packets are taken where they arrive, by a buffer of ours in place
of its own. A peer that is killed says no goodbye: who sends nothing for `webrtc.silent` seconds is
gone.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any, Self, cast

from aiortc import (
    InvalidStateError,
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from tonewise import events
from tonewise.audio import Samples
from tonewise.errors import AudioError, WireError
from tonewise.events import AnyEvent, ReplyEnded
from tonewise.peer import EmotionSwitched, Greeting, Heard, HungUp, Inbound, Played
from tonewise.settings import WebRtc
from tonewise.transports.connection import FAREWELL_S, NORMAL, POLICY, Farewell
from tonewise.transports.webrtc_ear import CallerSound
from tonewise.transports.webrtc_tap import put_tap
from tonewise.transports.webrtc_voice import FRAME_S, ReplyTrack
from tonewise.wire.ice import UNACCEPTABLE, repairable, usable
from tonewise.wire.jitter import Packet
from tonewise.wire.plain import TRY_LATER, UNSUPPORTED, PlainWire

log = logging.getLogger(__name__)

CHANNEL, OPUS = "events", "audio/opus"

MOST_UNREAD = 4_194_304
"""Bytes of events that may wait for a peer to read them."""

MOST_WAITING = 50
"""Messages that wait to be acted on, and events that wait for the channel to open."""

THERE_S = 2.0
"""Who has sent something since is told that the call is over, and not merely cut off."""

GATHERING_S = 5.0
"""For our own addresses: a STUN server that does not answer takes this long."""

_CLOSING: set[asyncio.Task[None]] = set()
"""Connections that take longer to close than anybody waits."""


class WebRtcTransport:
    """One caller's browser. Use it as `async with`; its end closes the connection.

    Args:
        greeting: the call's name, and what the offer came with.
        settings: the `[webrtc]` table.
        ice_servers: as in `RTCConfiguration.iceServers`.
        emotion: False: the caller does not want feelings read, from the start.
    """

    lock_step = False
    speaks = True
    has_keys = False

    def __init__(
        self,
        greeting: Greeting,
        settings: WebRtc,
        ice_servers: list[dict[str, Any]],
        *,
        emotion: bool = True,
    ) -> None:
        self.greeting = greeting
        self.farewell: Farewell | None = None
        self._settings = settings
        opus = [c for c in RTCRtpSender.getCapabilities("audio").codecs if c.mimeType == OPUS]
        servers = [RTCIceServer(**server) for server in ice_servers]
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=servers))
        self._pc.addTransceiver("audio").setCodecPreferences(opus)
        self._pc.on("connectionstatechange", self._state_changed)
        self._pc.on("datachannel", self._channel_opened)
        self._wire = PlainWire()
        self._channel: RTCDataChannel | None = None
        self._unsent: list[str] = []  # events from before the channel was open
        self._expects_channel = False
        self._voice = ReplyTrack()
        self._sound = CallerSound(self._now())
        self._news: deque[Inbound] = deque() if emotion else deque([EmotionSwitched(on=False)])
        self._awake = asyncio.Event()
        self._left = asyncio.Event()
        self._alive_at = 0.0  # when anything came
        self._to_be_heard: int | None = None  # the turn whose reply ends with what waits

    # ------------------------------------------------------------ beginning and end

    async def answer(self, offer: str) -> str:
        """Take an offer; the answer to it.

        Raises:
            WireError: it cannot be taken, or this machine has no address.
        """
        try:
            async with asyncio.timeout(GATHERING_S + 1):
                await self._pc.setRemoteDescription(RTCSessionDescription(usable(offer), "offer"))
                self._arrange()
                await self._pc.setLocalDescription()
        except WireError:
            raise
        except Exception as error:  # another program's text may trip aiortc in any way
            log.info("call %s: an offer that we cannot take: %r", self.greeting.call, error)
            raise WireError(f"this offer cannot be answered: {error!r}", UNACCEPTABLE) from error
        sdp = self._pc.localDescription.sdp
        if "a=candidate:" not in sdp:
            text = "this machine has no network address; call over the plain WebSocket"
            raise WireError(text, TRY_LATER)
        return repairable(sdp)

    def _arrange(self) -> None:
        """Sound both ways, and nothing else."""
        self._expects_channel = self._pc.sctp is not None
        ours, *others = self._pc.getTransceivers()
        ours.sender.replaceTrack(cast("MediaStreamTrack", self._voice))
        put_tap(ours.receiver, self._arrived)
        for line in others:
            line.direction = "inactive"  # what nobody takes would pile up

    async def connected(self) -> None:
        """Wait until the caller can be heard, and told what happens.

        Raises:
            WireError: it did not come to that.
        """
        limit = self._settings.connect
        deadline = self._now() + limit
        while self.farewell is None:
            told = self._channel is not None or not self._expects_channel
            if self._alive_at and told:
                return
            try:
                async with asyncio.timeout_at(deadline):
                    await self._awake.wait()
            except TimeoutError:
                if self._alive_at:
                    return  # a channel by another name: such a caller is heard, and not told
                self.hang_up(f"no sound came in {limit:g} s; is UDP blocked?", POLICY)
            self._awake.clear()
        raise WireError(self.farewell.reason, self.farewell.code)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Deliver what is left to tell, and close, without waiting long for either."""
        self.hang_up("the call is over")
        if self._channel is not None and self._now() - self._alive_at < THERE_S:
            # The caller closes when it has read that the call is over.
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._left.wait()
        closing = asyncio.ensure_future(self._pc.close())
        _CLOSING.add(closing)
        closing.add_done_callback(_CLOSING.discard)
        # aiortc and we know each other, so only the garbage collector would find us: too late for
        # an encoder and a decoder.
        closing.add_done_callback(lambda _: self._voice.close())
        await asyncio.wait([closing], timeout=FAREWELL_S)
        del self._sound

    def hang_up(self, reason: str, code: int = NORMAL) -> None:
        """End the call: `receive` wakes and tells it. The first reason given is the one told."""
        if self.farewell is None:
            self.farewell = Farewell(reason, code)
            self._awake.set()

    def _state_changed(self) -> None:
        if self._pc.connectionState in ("failed", "closed"):
            self._left.set()
            self.hang_up("the caller left")

    # ------------------------------------------------------------ in

    async def receive(self) -> AsyncGenerator[Inbound, None]:
        """What the caller says, and what their page does; at last a HungUp."""
        while self.farewell is None:
            while self._news:
                yield self._news.popleft()
            try:
                for samples in self._sound.ready(self._now()):
                    yield Heard(samples)
            except AudioError as error:
                self.hang_up(str(error), POLICY)
            self._check_life()
            await self._something_new()
        yield HungUp(self.farewell.reason)

    async def _something_new(self) -> None:
        limit = max(0.001, self._sound.wait_s(self._now()))
        if self._to_be_heard is not None:
            limit = min(limit, FRAME_S)
        try:
            async with asyncio.timeout(limit):
                await self._awake.wait()
        except TimeoutError:
            pass
        self._awake.clear()
        if self._to_be_heard is not None and not self._voice.waiting_s:
            self._news.append(Played(self._to_be_heard))
            self._to_be_heard = None

    def _check_life(self) -> None:
        limit = self._settings.silent
        if self._now() - self._alive_at > limit:
            self.hang_up(f"the connection is lost: nothing came for {limit:g} s")

    def _arrived(self, packet: Packet) -> None:
        if self.farewell is None:
            self._sound.buffer.put(packet, self._now())
            self._alive_at = self._now()
            self._awake.set()

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        if channel.label != CHANNEL or self._channel is not None:
            return
        self._channel = channel
        channel.on("message", self._said)
        unsent, self._unsent = self._unsent, []
        for text in unsent:
            self._tell(text)
        self._awake.set()

    def _said(self, message: str | bytes) -> None:
        """The caller's page says something."""
        self._alive_at = self._now()
        try:
            if isinstance(message, bytes):
                text = "sound belongs on the audio track; send text on the channel"
                raise WireError(text, UNSUPPORTED)
            inbound = self._wire.read(message)
        except WireError as error:
            self.hang_up(str(error), error.close_code)
            return
        if isinstance(inbound, HungUp):
            self.hang_up(inbound.reason)
        elif len(self._news) < MOST_WAITING:  # what comes faster than we read is no click
            self._news.append(inbound)
            self._awake.set()

    # ------------------------------------------------------------ out

    def send(self, event: AnyEvent) -> None:
        """Tell the caller's page. Where a reply ends, they have heard it when all has been sent."""
        self._tell(events.to_json(event).decode())
        if isinstance(event, ReplyEnded):
            self._to_be_heard = event.turn
            self._awake.set()

    def play(self, turn: int, samples: Samples, from_s: float) -> None:  # noqa: ARG002 - one voice
        """Sound for the caller."""
        self._voice.play(samples)

    def stop_playing(self) -> None:
        """Nothing that waits is sent."""
        self._voice.silence()
        self._to_be_heard = None

    def _tell(self, text: str) -> None:
        if self._channel is None:
            if self._expects_channel and len(self._unsent) < MOST_WAITING:
                self._unsent.append(text)
            return
        try:
            self._channel.send(text)
        except InvalidStateError:  # the caller has left
            return
        except ValueError as error:  # longer than the peer takes
            log.warning("call %s: an event is not told: %s", self.greeting.call, error)
        if self._channel.bufferedAmount > MOST_UNREAD:
            self.hang_up("events wait unread: read what is sent to you", POLICY)

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
