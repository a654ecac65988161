"""Pages of other origins that may use what is asked over HTTP: those of `[server] origins`.

The browser asks beforehand (a preflight) and shows the answer to the page only if the headers here
allow it. Keys come in headers and never in cookies, so nothing is said of credentials.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tonewise.settings import Server

METHODS = "GET, POST, DELETE, OPTIONS"
PLACES = ("/v1/", "/openapi.json", "/webrtc", "/whip")
"""Where the paths begin that such pages may use."""

SHOWN = (
    "location, request-id, retry-after, tonewise-attempts, tonewise-decision, tonewise-model, "
    "tonewise-reason, tonewise-route, x-ratelimit-limit-requests, x-ratelimit-limit-tokens, "
    "x-ratelimit-remaining-requests, x-ratelimit-remaining-tokens, x-ratelimit-reset-requests, "
    "x-ratelimit-reset-tokens, x-request-id"
)
"""Headers of ours that a page may read."""

VARYING = (b"vary", b"origin")
"""Tells caches that an answer depends on who asks."""

_KEPT_S = 600


class Cors:
    """Answers preflights, and tells browsers whose pages may read an answer.

    Stands inside the doorkeeper, who has turned away what strangers' pages send.

    Args:
        app: what it serves.
        server: the `[server]` table.
    """

    def __init__(self, app: ASGIApp, server: Server) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/") for origin in server.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or let it pass and mark the answer."""
        if scope["type"] != "http" or not scope["path"].startswith(PLACES):
            await self._app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        welcome = origin.decode("latin-1") in self._origins

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _varying(message["headers"])
                if welcome:
                    told = MutableHeaders(scope=message)
                    told["access-control-allow-origin"] = origin.decode("latin-1")
                    told["access-control-expose-headers"] = SHOWN
            await send(message)

        app = self._app
        if scope["method"] == "OPTIONS":
            headers = Headers(scope=scope)
            if "access-control-request-method" in headers:
                app = _preflight(headers) if welcome else Response(status_code=403)
        await app(scope, receive, marked)


def _varying(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers that tell caches that the answer depends on who asks."""
    told = list(headers)
    for at, (name, value) in enumerate(told):
        if name.lower() == b"vary":
            told[at] = (name, value + b", origin")
            return told
    return [*told, VARYING]


def _preflight(headers: Headers) -> Response:
    """SDKs send a dozen headers of their own, so whichever are asked for may come."""
    told = {"access-control-allow-methods": METHODS, "access-control-max-age": str(_KEPT_S)}
    if asked := headers.get("access-control-request-headers"):
        told["access-control-allow-headers"] = asked
    return Response(status_code=204, headers=told)
