"""Is it true? Signatures, one-time tokens and addresses, checked before a telephone call is taken.

What was signed is checked against the URL of the settings; what comes a second time is refused.
"""

import secrets
import time
from collections.abc import Mapping
from typing import Literal

from starlette.requests import HTTPConnection, Request

from tonewise.config import Config
from tonewise.errors import WireError
from tonewise.reception import Unwelcome
from tonewise.trunks import Trunk, is_from, networks
from tonewise.wire.origin import is_loopback
from tonewise.wire.stream_token import LIFETIME_S, Once, check, mint
from tonewise.wire.telephone import POLICY, TOO_BIG, Asked, Started

MOST_BODY = 65_536
"""Bytes of a webhook."""

REPLAY_S = 620.0
"""A signature is good for 300 s before and after its time; for so long it cannot come again."""


class Gate:
    """Lets in what is true.

    Args:
        config: the settings.
        environ: holds the secret that tokens are made with, where processes share one.
        insecure: everything is let in.
    """

    def __init__(self, config: Config, environ: Mapping[str, str], *, insecure: bool) -> None:
        self._insecure = insecure
        self._networks = networks(config.telephony)
        self._once = Once()
        place = f"http://{config.server.host}:{config.server.port}"
        self.http = (config.telephony.public_url or place).rstrip("/")
        """How the provider reaches us, as in `https://voice.example.org`."""
        self.ws = f"ws{self.http.removeprefix('http')}"
        """The same for a stream."""
        shared = environ.get(config.telephony.token_secret_env, "").encode()
        self._key = shared or secrets.token_bytes(32)

    async def webhook(self, trunk: Trunk, request: Request) -> Asked:
        """A webhook that is the provider's.

        Raises:
            WireError: it is not, or it came before, or it is too big.
        """
        asked = self._asked(request, self.http, await body_of(request))
        self._prove(trunk, asked, "webhook")
        return asked

    def upgrade(self, trunk: Trunk, connection: HTTPConnection) -> None:
        """May this stream be opened?

        Raises:
            WireError: it may not.
        """
        self._prove(trunk, self._asked(connection, self.ws, b""), "upgrade")

    def tcp(self, address: str) -> None:
        """May this address connect? Nothing is signed on TCP: only whom the settings name, or us.

        Raises:
            WireError: it may not.
        """
        if not (is_from(address, self._networks) if self._networks else is_loopback(address)):
            raise Unwelcome("this address may not connect", POLICY)

    def token(self, call: str) -> str:
        """For the one stream of a call that rings."""
        return mint(self._key, call, time.time())

    def check_token(self, trunk: Trunk, started: Started) -> None:
        """Was this stream announced?

        Raises:
            WireError: it was not, or it comes a second time.
        """
        if self._insecure or not trunk.provider.gives_token:
            return
        now = time.time()
        check(self._key, started.call, started.token, now)
        if not self._once.first(f"token {started.token}", now, LIFETIME_S):
            raise WireError("this stream's token was used before", POLICY)

    def _asked(self, connection: HTTPConnection, origin: str, body: bytes) -> Asked:
        """What was asked, under the URL that the settings give this server."""
        scope = connection.scope
        path = scope.get("raw_path", connection.url.path.encode()).decode("ascii", "replace")
        query = scope["query_string"].decode("ascii", "replace")
        url = f"{origin}{path.partition('?')[0]}" + (f"?{query}" if query else "")
        address = connection.client.host if connection.client else ""
        if self._networks and not is_from(address, self._networks):
            raise Unwelcome("this address is not on telephony.addresses", POLICY)
        return Asked(scope.get("method", "GET"), url, dict(connection.headers), body)

    def _prove(self, trunk: Trunk, asked: Asked, kind: Literal["webhook", "upgrade"]) -> None:
        if self._insecure:
            return
        provider, now = trunk.provider, time.time()
        proof = provider.check_webhook if kind == "webhook" else provider.check_upgrade
        seen = proof(asked, trunk.secret, now)
        if seen and not self._once.first(f"{trunk.name} {seen}", now, REPLAY_S):
            raise WireError(f"this {kind} came before", POLICY)


async def body_of(request: Request) -> bytes:
    """The body of a request.

    Raises:
        WireError: it is too big.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BODY:
            raise WireError(f"a request here has at most {MOST_BODY} bytes", TOO_BIG)
    return body
