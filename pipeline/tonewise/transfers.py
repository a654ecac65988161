"""Handing a running telephone call to a person, by the provider's own means.

The model asks for it (`telephony.transfer_marker`), or an application over HTTP. Whoever takes the
call can read what went before: `handover.py`. Where the provider refuses, the call goes on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import msgspec
from starlette.responses import JSONResponse, Response

from tonewise.handover import Notes
from tonewise.posting import PostError, ask_provider, post_json
from tonewise.settings import Telephony
from tonewise.transports.telephone import TelephoneTransport
from tonewise.trunks import Trunk, has_api
from tonewise.wire.telephone import Ringing

log = logging.getLogger(__name__)

LET_GO_S = 5.0
"""Seconds that the provider has to close the stream of a call that it has taken over."""

HANDED_OVER = "handed over to a person"


@dataclass(frozen=True, slots=True)
class InHand:
    """A call that goes on."""

    trunk: Trunk
    transport: TelephoneTransport
    ring: Ringing
    notes: Notes


class _Wanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an application asks for."""

    to: str = ""
    reason: str = "an application asked for it"


class Transfers:
    """The calls that can be handed over.

    Args:
        settings: to whom, and where the summary goes.
        environ: holds the summary's token.
    """

    def __init__(self, settings: Telephony, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._token = environ.get(settings.summary_token_env, "")
        self._calls: dict[str, InHand] = {}
        self._handed: set[str] = set()

    def calls(self) -> list[dict[str, object]]:
        """The calls in hand, for an application that may choose one."""
        return [
            {
                "call": name,
                "wire": call.trunk.name,
                "provider_call": call.ring.call,
                "caller": dict(call.transport.greeting.caller),
            }
            for name, call in self._calls.items()
        ]

    @asynccontextmanager
    async def holding(self, call: InHand) -> AsyncIterator[Callable[[], None]]:
        """A call as long as it lasts; gives what the model calls to hand it over."""
        name = call.transport.greeting.call
        self._calls[name] = call
        begun: set[asyncio.Task[None]] = set()

        def hand_over() -> None:
            begun.add(asyncio.create_task(self._asked_by_model(call)))

        try:
            yield hand_over
        finally:
            del self._calls[name]
            self._handed.discard(name)
            if begun:  # the stream may end before the provider's API has answered
                await asyncio.wait(begun, timeout=LET_GO_S)

    async def _asked_by_model(self, call: InHand) -> None:
        try:
            await self.hand_over(call, self._target(""), "the model asked for it")
        except PostError as error:
            log.warning("call %s was not handed over: %s", call.transport.greeting.call, error)

    async def asked(self, name: str, body: bytes) -> Response:
        """An application asks for a transfer."""
        call = self._calls.get(name)
        if call is None:
            return JSONResponse({"error": "there is no such call; it may be over already"}, 404)
        try:
            wanted = msgspec.json.decode(body or b"{}", type=_Wanted)
            to = self._target(wanted.to)
        except (msgspec.DecodeError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, 400)
        except PostError as error:
            return JSONResponse({"error": str(error)}, 403)
        try:
            await self.hand_over(call, to, wanted.reason[:200])
        except PostError as error:
            return JSONResponse({"error": str(error)}, 502)
        return JSONResponse({"transferred": True, "to": to})

    async def hand_over(self, call: InHand, to: str, reason: str) -> None:
        """Hand a call to a person, and tell them what went before.

        Args:
            call: still going on.
            to: a telephone number or SIP address; empty where the provider's own flow goes on.
            reason: for the summary.

        Raises:
            PostError: the provider did not take it; the call goes on.
        """
        transport, tally = call.transport, call.trunk.tally
        name = transport.greeting.call
        if name in self._handed:
            raise PostError("this call is being handed over already")
        self._handed.add(name)
        telling = asyncio.create_task(self._tell(call, to, reason))
        try:
            request = call.trunk.provider.transfer(call.ring, to)
            if request is not None:
                if not to:
                    raise PostError("telephony.transfer_to names nobody")
                await ask_provider(request, call.trunk.api_secret)
                loop = asyncio.get_running_loop()
                loop.call_later(LET_GO_S, transport.hang_up, HANDED_OVER)
            elif has_api(call.trunk):
                raise PostError(f"{call.trunk.name} needs its option transfer_url for this")
            else:  # the flow or the dial plan goes on where the stream ends
                transport.hang_up(HANDED_OVER)
        except PostError:
            self._handed.discard(name)
            tally["transfers_failed"] += 1
            raise
        finally:
            await telling
        tally["transferred"] += 1
        log.info("call %s was handed over", name)

    async def _tell(self, call: InHand, to: str, reason: str) -> None:
        if not self._settings.summary_url:
            return
        body = call.notes.summary(reason, to)
        private = self._settings.summary_private
        try:
            await post_json(self._settings.summary_url, body, self._token, private=private)
        except PostError as error:
            call.trunk.tally["summaries_failed"] += 1
            log.warning("the summary was not delivered: %s", error)

    def _target(self, wanted: str) -> str:
        """Whom to call; only people in the settings: another number would be called at our cost."""
        known = self._settings.transfer_to
        if wanted and wanted not in known:
            raise PostError("this number is not in telephony.transfer_to")
        return wanted or (known[0] if known else "")
