"""Who may knock: the server's names, whose web pages may call, and the headers of every answer."""

from collections.abc import Collection
from functools import lru_cache

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonewise.settings import Server
from tonewise.wire.origin import host_is_ours, is_loopback, origin_is_welcome

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # ask each time; an unchanged file costs a 304
}
PAIRS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
"""The same as ASGI tells them."""
_NAMES = frozenset(name for name, _ in PAIRS)

_HOSTS = 64
"""Names whose verdict is kept: a server is asked by two or three."""


class Doorkeeper:
    """Turns away what comes by a wrong name or from a stranger's page; see `wire/origin.py`.

    Args:
        app: what it guards.
        server: the `[server]` table.
        signed: paths where every request is signed, and may come by any name, as through a tunnel.
    """

    def __init__(self, app: ASGIApp, server: Server, signed: Collection[str] = ()) -> None:
        self._app = app
        self._origins = server.origins
        self._loopback = is_loopback(server.host)
        self._is_ours = lru_cache(_HOSTS)(lambda host: host_is_ours(host, server.origins))
        self._signed = signed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 403, or let it in; either way with our headers."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [pair for pair in message["headers"] if pair[0].lower() not in _NAMES]
                message["headers"] = told + PAIRS
            await send(message)

        refusal = self.refusal(scope) if scope["type"] in ("http", "websocket") else None
        app = PlainTextResponse(refusal, 403) if refusal else self._app
        await app(scope, receive, with_headers)

    def refusal(self, scope: Scope) -> str | None:
        """Why a request may not come in; None: it may."""
        if scope["path"] in self._signed:
            return None
        headers = dict(reversed(scope["headers"]))  # of a name that comes twice the first counts
        host = headers.get(b"host", b"").decode("latin-1")
        origin = headers[b"origin"].decode("latin-1") if b"origin" in headers else None
        if self._loopback and not self._is_ours(host):
            return "This server answers to 127.0.0.1 and localhost only.\n"
        asks = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD")
        if asks and not origin_is_welcome(origin, host, self._origins):
            return "Pages of this origin may not call; server.origins in the settings lists who.\n"
        return None
