"""Telephone calls: the webhook that rings, the stream that speaks, and the way to a person.

    GET, POST /telephony/<wire>             the provider asks what to do with a call
    WS        /telephony/<wire>             its sound
    GET       /telephony/calls              the calls in hand
    POST      /telephony/calls/<call>/transfer   {"to", "reason"}: hand one to a person

One URL is all that a number is pointed at. Nothing is answered that is not signed, where the
provider signs; a stream that nobody announced, or that comes twice, is a stranger's.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from tonewise.config import Config
from tonewise.errors import WireError
from tonewise.gate import Gate, body_of
from tonewise.handover import Notes
from tonewise.peer import NAME_BYTES, Greeting
from tonewise.reception import Reception, Unwelcome
from tonewise.switchboard import Switchboard
from tonewise.transfers import InHand, Transfers
from tonewise.transports.sockets import Socket, TcpPeer, WebSocketPeer
from tonewise.transports.telephone import TelephoneTransport
from tonewise.trunks import TCP, Trunk, tcp_place
from tonewise.wire.telephone import POLICY, TOO_BIG, TRY_LATER, Answer, Asked, Stream, Wire

log = logging.getLogger(__name__)


class Telephony:
    """Answers the telephones.

    Args:
        board: who conducts calls.
        config: the settings.
        environ: where secrets are looked for.
        trunks: who brings calls.
        insecure: signatures and tokens are not checked.
    """

    def __init__(
        self,
        board: Switchboard,
        config: Config,
        environ: Mapping[str, str],
        trunks: Mapping[str, Trunk],
        *,
        insecure: bool = False,
    ) -> None:
        self._board = board
        self._server = config.server
        self._settings = config.telephony
        self._trunks = trunks
        self._gate = Gate(config, environ, insecure=insecure)
        self._limits = msgspec.structs.replace(
            config.server, idle=self._settings.idle, hello=self._settings.hello
        )
        self._reception = Reception(self._settings)
        voice = board.engines.tts.name if board.engines.tts else ""
        wanted = self._settings.clearer
        self._clearer = voice.startswith("espeak") if wanted is None else wanted
        self.transfers = Transfers(self._settings, environ)

    @property
    def tallies(self) -> dict[str, dict[str, int]]:
        """What became of the calls, by wire."""
        return {name: dict(sorted(trunk.tally.items())) for name, trunk in self._trunks.items()}

    # ------------------------------------------------------------ it rings

    async def webhook(self, request: Request) -> Response:
        """The provider asks what to do with a call."""
        trunk = self._trunk(request)
        if trunk is None:
            return Response("There is no such wire here.\n", 404)
        try:
            return _response(self._ring(trunk, await self._gate.webhook(trunk, request)))
        except WireError as error:
            _refused(trunk, "webhook", error)
            status = {POLICY: 403, TOO_BIG: 413}.get(error.close_code, 400)
            return Response("This request is not welcome here.\n", status)

    def _ring(self, trunk: Trunk, asked: Asked) -> Answer:
        provider = trunk.provider
        ring = provider.ringing(asked)
        try:
            self._board.check_room()
            free = self._server.max_calls - self._board.calls
            self._reception.ring(trunk.name, ring, free, time.monotonic())
        except WireError as error:
            _refused(trunk, "call", error)
            return provider.refuse()
        trunk.tally["rung"] += 1
        told = {"from": ring.caller, "to": ring.called}
        stream = Stream(
            url=f"{self._gate.ws}/telephony/{trunk.name}",
            call=ring.call,
            token=self._gate.token(ring.call),
            caller={name: number for name, number in told.items() if number},
            greeting=self._settings.notice,
        )
        return provider.answer(stream)

    # ------------------------------------------------------------ it speaks

    async def stream(self, websocket: WebSocket) -> None:
        """A call's sound, start to end."""
        trunk = self._trunk(websocket)
        if trunk is None or trunk.name == TCP:
            await websocket.send_denial_response(Response("There is no such wire here.\n", 404))
            return
        provider = trunk.provider
        try:
            self._gate.upgrade(trunk, websocket)
            self._board.check_room()
        except WireError as error:
            _refused(trunk, "stream", error)
            busy = error.close_code == TRY_LATER
            told = _response(provider.refuse()) if busy else Response("Not welcome.\n", 403)
            told.status_code = 503 if busy else 403
            await websocket.send_denial_response(told)
            return
        await websocket.accept(provider.subprotocol)
        wire = provider.open(dict(websocket.query_params))
        await self._attend(trunk, WebSocketPeer(websocket), wire)

    async def tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A call over AudioSocket."""
        trunk, peer = self._trunks[TCP], TcpPeer(reader, writer)
        try:
            self._gate.tcp(str(writer.get_extra_info("peername", ("",))[0]))
        except WireError as error:
            _refused(trunk, "stream", error)
            peer.drop()
            return
        await self._attend(trunk, peer, trunk.provider.open({}))

    async def _attend(self, trunk: Trunk, peer: Socket, wire: Wire) -> None:
        greeting = Greeting(secrets.token_hex(NAME_BYTES), trunk.name)
        transport = TelephoneTransport(peer, wire, self._limits, greeting, clearer=self._clearer)
        await self._board.attend(transport, self._converse(trunk, transport))
        code = transport.farewell.code if transport.farewell else 1000
        trunk.tally[f"closed_{code}"] += 1

    async def _converse(self, trunk: Trunk, transport: TelephoneTransport) -> None:
        started = await transport.hello()
        caller, now = str(started.caller.get("from", "")), time.monotonic()
        try:
            self._gate.check_token(trunk, started)
            ring = self._reception.begin(trunk.name, started.call, caller, now)
        except WireError as error:
            _refused(trunk, "stream", error)
            raise
        call = InHand(trunk, transport, ring, Notes(ring.call))
        trunk.tally["started"] += 1
        longest = self._settings.longest_call
        told = f"longest_call of {longest:g} s reached"
        bound = asyncio.get_running_loop().call_later(longest, transport.hang_up, told)
        try:
            async with self.transfers.holding(call) as hand_over:
                await self._board.hold(transport, call.notes.take, hand_over)
        except WireError as error:
            _refused(trunk, "stream", error)
            raise
        finally:
            bound.cancel()
            self._reception.end(trunk.name, started.call)

    def _trunk(self, connection: HTTPConnection) -> Trunk | None:
        return self._trunks.get(connection.path_params["wire"])

    # ------------------------------------------------------------ over TCP, and over HTTP

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """AudioSocket's TCP, where the settings want it, as long as the context."""
        if TCP not in self._trunks:
            yield
            return
        server = await asyncio.start_server(self.tcp, *tcp_place(self._settings))
        try:
            yield
        finally:
            server.close()

    async def calls(self, request: Request) -> Response:
        """The calls in hand."""
        if refusal := self._stranger(request):
            return refusal
        return JSONResponse(self.transfers.calls())

    async def transfer(self, request: Request) -> Response:
        """Hand a call to a person."""
        if refusal := self._stranger(request):
            return refusal
        try:
            body = await body_of(request)
        except WireError as error:
            return JSONResponse({"error": str(error)}, 413)
        return await self.transfers.asked(request.path_params["call"], body)

    def _stranger(self, request: Request) -> Response | None:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        try:
            self._board.check_token(value if scheme.lower() == "bearer" else "")
        except WireError as error:
            return JSONResponse({"error": str(error)}, 401, {"WWW-Authenticate": "Bearer"})
        return None


def _refused(trunk: Trunk, what: str, error: WireError) -> None:
    """Counted and logged; what an error tells holds nothing secret."""
    kinds = {TRY_LATER: "busy", POLICY: "forbidden", TOO_BIG: "too_big"}
    kind = "unwelcome" if isinstance(error, Unwelcome) else kinds.get(error.close_code, "garbled")
    trunk.tally[f"refused_{kind}"] += 1
    log.warning("%s: a %s was refused: %s", trunk.name, what, error)


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, media_type=answer.content_type)


# ---------------------------------------------------------------- the routes


def routes() -> list[Route | WebSocketRoute]:
    """The routes; the app's state holds the `Telephony` that answers."""

    async def webhook(request: Request) -> Response:
        return await _of(request).webhook(request)

    async def stream(websocket: WebSocket) -> None:
        await _of(websocket).stream(websocket)

    async def calls(request: Request) -> Response:
        return await _of(request).calls(request)

    async def transfer(request: Request) -> Response:
        return await _of(request).transfer(request)

    return [
        Route("/telephony/calls", calls),
        Route("/telephony/calls/{call}/transfer", transfer, methods=["POST"]),
        Route("/telephony/{wire}", webhook, methods=["GET", "POST"]),
        WebSocketRoute("/telephony/{wire}", stream),
    ]


def _of(connection: HTTPConnection) -> Telephony:
    telephony: Telephony = connection.app.state.telephony
    return telephony
