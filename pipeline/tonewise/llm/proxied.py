"""The way to a provider that leads through a proxy, or that a plain connection cannot take.

aiohttp knows proxies, and URLs with everything that may be in one. Everybody else is asked over
`connection.py`, which costs half the CPU.
"""

import asyncio
import io
import ssl
from collections.abc import Mapping

import aiohttp

from tonewise.errors import AttemptError, Outcome

_LARGE = 1 << 20  # aiohttp wants to copy more than this from a file-like object
_KEEP_ALIVE_S = 60.0
_HEADER_BYTES = 16_384
_NO_WAY_IN = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientProxyConnectionError,
    aiohttp.ClientHttpProxyError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.InvalidURL,
)
_BREAKAGES = (aiohttp.ClientError, OSError, RuntimeError, ValueError)
"""What aiohttp raises: RuntimeError where a connection is read that has just been closed, and
ValueError for a proxy that it cannot talk to."""


class Proxied:
    """One answer under way, as aiohttp brings it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def read(self) -> bytes:
        """What has come; empty at the end.

        Raises:
            AttemptError: the connection broke.
        """
        try:
            return await self._response.content.readany()
        except _BREAKAGES as error:
            raise _breakage(error, answered=True) from error

    def ended(self) -> bool:
        """Was it read to its end?"""
        return self._response.content.at_eof()

    def close(self) -> None:
        """Let go of it."""
        self._response.close()


class Proxies:
    """Connections through proxies, shared by all requests of one event loop."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._session: aiohttp.ClientSession | None = None

    async def ask(
        self, url: str, body: bytes, headers: Mapping[str, str], proxy: str | None, connect_s: float
    ) -> Proxied:
        """Post, and have the answer, once its headers have come.

        Raises:
            AttemptError: in every way in which that can fail; its message is not yet safe to show.
        """
        waited: list[bool] = []
        asyncio.get_running_loop().call_soon(waited.append, True)
        try:
            response = await self._connections().post(
                url,
                data=body if len(body) < _LARGE else io.BytesIO(body),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
                proxy=proxy,
            )
        except _BREAKAGES as error:
            raise _breakage(error, answered=False) from error
        if not waited:  # see leftovers.py: it is somebody else's answer
            response.close()
            raise AttemptError("garbled", "the server had answered before it was asked")
        return Proxied(response)

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._session:
            await self._session.close()

    def _connections(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=_KEEP_ALIVE_S, ssl=self._context
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                raise_for_status=False,
            )
        return self._session


def _breakage(error: Exception, *, answered: bool) -> AttemptError:
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    outcome: Outcome = "upstream_error"
    if isinstance(error, _NO_WAY_IN):
        outcome, meaning = "unreachable", "no way in"
    elif isinstance(error, aiohttp.ClientResponseError):
        outcome, meaning = "garbled", "the server does not speak HTTP"
    elif answered:
        meaning = "the connection broke in the reply"
    else:
        outcome, meaning = "unreachable", "the connection broke before an answer"
    return AttemptError(outcome, f"{meaning} ({what})")
