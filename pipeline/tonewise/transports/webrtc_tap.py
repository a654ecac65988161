"""The one place that reaches into aiortc: packets are taken where they arrive.

aiortc 1.16 lets sound out of its jitter buffer when four later packets are in; where one packet is
lost, it throws away the four before it as well, and is 200 ms later from then on (issue 543 there).
No public way leads around that: `RemoteStreamTrack.recv` comes after it. So the buffer of a
receiver is replaced by a tap. What stands before it goes on (decryption, the statistics that the
sender is told), and nothing comes after it: aiortc decodes nothing, and nothing piles up in its
track.
"""

from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.rtp import RtpPacket

from tonewise.errors import PluginError
from tonewise.wire.jitter import Packet

_BUFFER = "_RTCRtpReceiver__jitter_buffer"
"""As it is called in aiortc 1.9 to 1.16; `tests/test_webrtc.py` tells when that changes."""


def put_tap(receiver: RTCRtpReceiver, arrived: Callable[[Packet], None]) -> None:
    """From now on `arrived` is given every packet of the receiver, as it comes.

    Raises:
        PluginError: this aiortc is made in another way.
    """
    if not hasattr(receiver, _BUFFER):
        raise PluginError("this release of aiortc is unknown; pip install 'aiortc>=1.16,<1.17'")
    setattr(receiver, _BUFFER, _Tap(arrived))


class _Tap:
    """Looks like aiortc's `JitterBuffer`, and never has a frame ready."""

    def __init__(self, arrived: Callable[[Packet], None]) -> None:
        self._arrived = arrived

    def add(self, packet: RtpPacket) -> tuple[bool, None]:
        """A packet has come: no key frame is wanted, and none is complete."""
        self._arrived(Packet(packet.sequence_number, packet.timestamp, packet.payload, packet.ssrc))
        return False, None
