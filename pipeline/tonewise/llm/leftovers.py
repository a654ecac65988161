"""Finds an answer that was there before its question.

A server that answers twice leaves the second answer in the buffer of the connection, where the next
request, another caller's, would take it for its own. Such an answer is read without any waiting:
the event loop has not gone round in between.
"""

import asyncio


class Promptness:
    """Watches one request of an HTTP client that is given `trace` as its extension of that name.

    Attributes:
        suspicious: the answer was there before its question.
    """

    def __init__(self) -> None:
        self.suspicious = False
        self._waited = False

    async def trace(self, event: str, _: object) -> None:
        """What the HTTP client tells of its progress."""
        if event == "http11.receive_response_headers.started":
            self._waited = False
            asyncio.get_running_loop().call_soon(self._gone_round)
        elif event == "http11.receive_response_headers.complete":
            self.suspicious = not self._waited

    def _gone_round(self) -> None:
        self._waited = True
