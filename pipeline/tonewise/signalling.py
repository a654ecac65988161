"""How a WebRTC call is arranged: one offer in, one answer out, over HTTP (RFC 9725, WHIP).

    GET    /webrtc/config   {"enabled", "reason", "iceServers"}: what a page needs beforehand
    POST   /webrtc          JSON {"type": "offer", "sdp", …} to JSON {"type": "answer", "sdp", …}
    POST   /whip            the same with bare SDP, as WHIP wants it
    DELETE /whip/<id>       hang up
    OPTIONS                 what may be posted; of pages of other origins see `api/cors.py`

A refusal is JSON `{"error": …}`, which says what was wrong and what would be right.
"""

import asyncio
import importlib
import importlib.util
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tonewise import call_options
from tonewise.config import Config
from tonewise.errors import WireError
from tonewise.facts import Scalar
from tonewise.peer import NAME_BYTES, Greeting
from tonewise.switchboard import Switchboard
from tonewise.wire.ice import ice_servers
from tonewise.wire.plain import POLICY, TRY_LATER, check_caller
from tonewise.wire.turnstile import Turnstile

if TYPE_CHECKING:
    from tonewise.transports.webrtc import WebRtcTransport

MOST_OFFER = 65_536
"""Bytes of a request; a browser's offer has about 6,000."""

INSTALL = "python -m pip install 'tonewise[webrtc]'"

_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_SDP = "application/sdp"
_JSON = "application/json"


class Offer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a caller's page sends; beside the offer, what `start` tells on the plain WebSocket."""

    sdp: str
    type: Literal["offer"] = "offer"
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")] | None = None
    caller: Annotated[dict[str, Scalar], Meta(max_length=32)] = {}
    token: str = ""
    emotion: bool = True
    notice_shown: bool = False


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """The request is answered with this status and sentence."""

    def __init__(self, status: int, text: str, **headers: str) -> None:
        super().__init__(text)
        self.status = status
        self.headers = headers


class Signalling:
    """Arranges calls, and remembers which peer is which.

    Args:
        board: who conducts them.
        config: the settings.
        environ: where the TURN server's secret is looked for.
    """

    def __init__(self, board: Switchboard, config: Config, environ: Mapping[str, str]) -> None:
        self._board = board
        self._settings = config.webrtc
        self._secret = environ.get(config.webrtc.turn_secret_env, "")
        self._peers: dict[str, WebRtcTransport] = {}
        self._turnstile = Turnstile(config.webrtc.offers_per_minute)

    # ------------------------------------------------------------ what is asked

    async def config(self, request: Request) -> Response:
        """What a page needs to know before it makes an offer."""
        _only(request, "GET")
        self._check_token(request)
        reason = None
        try:
            await self._room()
        except Refused as refused:
            reason = str(refused)
        servers = [] if reason else self._ice_servers()
        return JSONResponse({"enabled": reason is None, "reason": reason, "iceServers": servers})

    async def webrtc(self, request: Request) -> Response:
        """An offer as JSON."""
        body = await self._body(request, _JSON)
        try:
            offer = msgspec.json.decode(body, type=Offer)
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, f"this is no offer: {error}") from error
        name, sdp = await self._answer(request, offer)
        place = f"/whip/{name}"
        told = {"type": "answer", "sdp": sdp, "id": name, "location": place}
        return JSONResponse(told, 201, {"Location": place})

    async def whip(self, request: Request) -> Response:
        """An offer as bare SDP."""
        body = await self._body(request, _SDP)
        query = request.query_params
        options = {"sdp": body.decode(errors="replace"), "emotion": query.get("emotion") != "off"}
        if language := query.get("language"):
            options["language"] = language
        try:
            offer = msgspec.convert(options, Offer)
        except msgspec.ValidationError as error:
            raise Refused(400, f"this is no offer: {error}") from error
        name, sdp = await self._answer(request, offer)
        return Response(sdp, 201, {"Location": f"/whip/{name}"}, media_type=_SDP)

    async def session(self, request: Request) -> Response:
        """The end of a call."""
        _only(request, "DELETE")
        self._check_token(request)
        peer = self._peers.get(request.path_params["name"])
        if peer is None:
            raise Refused(404, "there is no such call; it may be over already")
        peer.hang_up("hung up")
        return Response(status_code=200)

    # ------------------------------------------------------------ answering

    async def _body(self, request: Request, kind: str) -> bytes:
        _only(request, "POST")
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent != kind:
            raise Refused(415, f"send the offer as {kind}, not as {sent or 'nothing'}")
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_OFFER:
                raise Refused(413, f"an offer has at most {MOST_OFFER} bytes")
        return body

    async def _answer(self, request: Request, offer: Offer) -> tuple[str, str]:
        self._check_token(request, offer.token)
        room = await self._room()
        address = request.client.host if request.client else ""
        if wait_s := self._turnstile.wait_s(address, time.monotonic()):
            text = f"too many offers from your address; try again in {wait_s:.0f} s"
            raise Refused(429, text, **{"Retry-After": f"{wait_s:.0f}"})
        name = secrets.token_urlsafe(16)
        try:
            check_caller(offer.caller)
        except WireError as error:
            raise Refused(400, str(error)) from error
        call = secrets.token_hex(NAME_BYTES)
        greeting = Greeting(call, "webrtc", offer.caller, offer.language, offer.notice_shown)
        try:
            self._board.check_room()
        except WireError as error:
            raise _refusal(error) from error
        peer: WebRtcTransport = room(
            greeting, self._settings, self._ice_servers(), emotion=offer.emotion
        )
        self._peers[name] = peer
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._board.begin(peer, self._conduct(name, peer, offer.sdp, answered))
        try:
            return name, await asyncio.shield(answered)
        except WireError as error:
            raise _refusal(error) from error

    async def _conduct(
        self, name: str, peer: "WebRtcTransport", offer: str, answered: asyncio.Future[str]
    ) -> None:
        """One call, offer to goodbye."""
        try:
            async with peer:
                try:
                    answered.set_result(await peer.answer(offer))
                except WireError as error:
                    answered.set_exception(error)
                    answered.exception()  # whoever asked may have left
                    return
                await peer.connected()
                await self._board.converse(peer)
        finally:
            del self._peers[name]
            answered.cancel()

    async def _room(self) -> Callable[..., "WebRtcTransport"]:
        """The class of the transport; loading aiortc takes half a second, so not before it must."""
        if not self._settings.enabled:
            raise Refused(501, "webrtc.enabled is false in the settings; use the plain WebSocket")
        if importlib.util.find_spec("aiortc") is None:
            raise Refused(501, f"WebRTC needs aiortc, which is not installed; {INSTALL}")
        try:
            room = await asyncio.to_thread(importlib.import_module, "tonewise.transports.webrtc")
        except ImportError as error:
            raise Refused(501, f"aiortc cannot be loaded ({error}); {INSTALL}") from error
        transport: Callable[..., WebRtcTransport] = room.WebRtcTransport
        return transport

    def _ice_servers(self) -> list[dict[str, Any]]:
        return ice_servers(self._settings, self._secret, time.time())

    def _check_token(self, request: Request, brought: str = "") -> None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            self._board.check_token(value if scheme.lower() == "bearer" else brought)
        except WireError as error:
            raise Refused(401, str(error), **{"WWW-Authenticate": "Bearer"}) from error


def _refusal(error: WireError) -> Refused:
    status = {TRY_LATER: 503, POLICY: 401}.get(error.close_code, 406)
    headers = {"Retry-After": "60"} if status == 503 else {}
    return Refused(status, str(error), **headers)


def _only(request: Request, method: str) -> None:
    if request.method != method:
        raise Refused(405, f"{request.method} is not for this; use {method}", Allow=method)


# ---------------------------------------------------------------- the routes


def routes() -> list[Route]:
    """The routes; the app's state holds the `Signalling` that answers."""
    return [
        Route("/webrtc/config", _served(Signalling.config), methods=_ALL),
        Route("/webrtc", _served(Signalling.webrtc), methods=_ALL),
        Route("/whip", _served(Signalling.whip), methods=_ALL),
        Route("/whip/{name}", _served(Signalling.session), methods=_ALL),
        *call_options.routes(),
    ]


def _served(
    answer: Callable[[Signalling, Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def serve(request: Request) -> Response:
        signalling: Signalling = request.app.state.signalling
        try:
            if request.method == "OPTIONS":
                told = Response(status_code=204, headers={"Accept-Post": f"{_SDP}, {_JSON}"})
            else:
                told = await answer(signalling, request)
        except Refused as refused:
            told = JSONResponse({"error": str(refused)}, refused.status, refused.headers)
        return told

    return serve
