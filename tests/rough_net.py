"""A rough network: a UDP relay on this machine that loses, delays and reorders packets."""

import asyncio
import random
import re
from typing import Any


class Relay(asyncio.DatagramProtocol):
    """Stands between a caller and the one address in an answer.

    Attributes:
        loss: share of the packets that are lost.
        jitter_s: each packet is held up by 0 to so many seconds, so that they overtake each other.
        dead: True: nothing gets through any more, in either direction.
    """

    def __init__(self, loss: float = 0.0, jitter_s: float = 0.0, seed: int = 1) -> None:
        self.loss, self.jitter_s, self.dead = loss, jitter_s, False
        self.passed = self.lost = 0
        self._random = random.Random(seed)
        self._server: tuple[str, int] | None = None
        self._caller: tuple[str, int] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    async def through(self, answer: str) -> str:
        """The answer, with us in place of the server; the first address on IPv4 is taken."""
        found = [line.split() for line in answer.splitlines() if line.startswith("a=candidate:")]
        words = next(line for line in found if re.fullmatch(r"[\d.]+", line[4]))
        self._server = words[4], int(words[5])
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(words[4], 0)
        )
        port = self._transport.get_extra_info("sockname")[1]
        line = " ".join([*words[:4], words[4], str(port), *words[6:]])
        kept = [line for line in answer.splitlines() if not line.startswith("a=candidate:")]
        at = next(i for i, each in enumerate(kept) if each.startswith("a=ice-ufrag"))
        return "\r\n".join([*kept[:at], line, *kept[at:]]) + "\r\n"

    def connection_made(self, transport: Any) -> None:
        pass

    def connection_lost(self, error: Exception | None) -> None:
        pass

    def error_received(self, error: Exception) -> None:
        pass

    def datagram_received(self, data: bytes, place: tuple[str, int]) -> None:
        if place != self._server:
            self._caller = place
        goes_to = self._caller if place == self._server else self._server
        media = 128 <= data[0] <= 191  # RFC 7983: what is lost of the rest is sent again
        if self.dead or goes_to is None or (media and self._random.random() < self.loss):
            self.lost += 1
            return
        self.passed += 1
        loop = asyncio.get_running_loop()
        loop.call_later(self._random.uniform(0, self.jitter_s), self._send, data, goes_to)

    def _send(self, data: bytes, goes_to: tuple[str, int]) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.sendto(data, goes_to)

    def close(self) -> None:
        if self._transport:
            self._transport.close()
