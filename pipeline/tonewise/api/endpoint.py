"""An address of the HTTP interface that a model answers at, in any dialect.

Bare ASGI: what a framework would do for each request costs more than all that is done here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from tonewise.api.answering import Answering, Reply
from tonewise.api.asking import messages
from tonewise.api.clients import Admitted, Clients
from tonewise.api.names import AUTO
from tonewise.api.options import Fields, plain, take, wrong
from tonewise.api.problems import ApiError
from tonewise.api.receiving import Gone, body_of, fields_of
from tonewise.api.tongues import Tongue, counted
from tonewise.api.wish import Wish
from tonewise.dialects.fields import DialectError

log = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class State(Protocol):
    """What the app's state must hold."""

    answering: Answering
    clients: Clients


class Endpoint:
    """One address.

    Args:
        tongue: that its clients speak.
    """

    def __init__(self, tongue: Tongue) -> None:
        self._tongue = tongue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        state: State = scope["app"].state
        answering = state.answering
        answering.in_hand += 1
        began = answering.time()
        reply: Reply | None = None
        body = b""
        try:
            body = await _body(scope, receive, state)
            reply = self._understood(scope, body, state, began)
            await _passed_on(reply, receive, send)
        except ApiError as problem:
            await self._refuse(send, problem)
        except Gone:
            return
        except Exception:
            log.exception("a request to %s failed", scope["path"])
            if reply is None or not reply.started:
                msg = "this server made a mistake; its log tells more"
                await self._refuse(send, ApiError(500, msg, kind="api_error", code="internal"))
        finally:
            answering.in_hand -= 1
            answering.room.give_back(len(body))

    def _understood(self, scope: Scope, body: bytes, state: State, began: float) -> Reply:
        """What is asked, and who is to answer.

        Raises:
            ApiError: it cannot be answered.
        """
        answering, headers = state.answering, scope["headers"]
        config = answering.engines.config
        fields = fields_of(body)
        asked = _text(fields, "model") or AUTO
        options = take(fields, keeps_metadata=self._tongue.upstream is None)
        wish = self._wish(fields, scope, config.api.total, config.llm.max_tokens)
        admitted: Admitted = state.clients.admit(headers, asked)
        decision = answering.decider.decide(
            asked, wish.said, options, admitted.client, admitted.models
        )
        wish.name, wish.route = decision.name, decision.plan.route
        wish.turn = decision.turn.number
        more = [(name.encode(), value.encode()) for name, value in admitted.headers.items()]
        return Reply(answering, wish, decision, admitted.client, options.ttft_s, more, began)

    def _wish(self, fields: Fields, scope: Scope, total_s: float, usual_limit: int) -> Wish:
        stream = plain(fields.get("stream"), "stream")
        if stream is not None and not isinstance(stream, bool):
            raise wrong("stream", "it must be true or false")
        replies = plain(fields.get("n"), "n")
        wish = Wish(
            self._tongue,
            fields,
            [],
            bool(stream),
            replies if isinstance(replies, int) else 1,
            counted(plain(fields.get("stream_options"), "stream_options")),
            lambda: _headers(scope),
            total_s,
            usual_limit,
        )
        if self._tongue.upstream == "chat":
            wish.said = messages(fields.get("messages"))
            return wish
        try:
            wish.chat = self._tongue.to_chat(wish.body())
        except DialectError as error:
            if self._tongue.upstream and not error.code:
                # A provider of its own dialect may know what chat completions do not.
                wish.refused, wish.said = error.message, messages(fields.get("messages"))
                return wish
            raise ApiError(400, error.message, param=error.param, code=error.code) from error
        wish.said = messages(wish.chat.get("messages"))
        return wish

    async def _refuse(self, send: Send, problem: ApiError) -> None:
        like = self._tongue.errors_like
        body = problem.as_anthropic() if like == "anthropic" else problem.as_openai()
        headers = {"content-type": "application/json", "content-length": str(len(body))}
        told = [(k.encode(), v.encode()) for k, v in {**headers, **problem.headers}.items()]
        await send({"type": "http.response.start", "status": problem.status, "headers": told})
        await send({"type": "http.response.body", "body": body})


async def _body(scope: Scope, receive: Receive, state: State) -> bytes:
    """The body of a request for which there is room and a key.

    Raises:
        ApiError: there is not, or it has too many bytes.
        Gone: nobody asks any more.
    """
    answering = state.answering
    if answering.in_hand > answering.engines.config.api.max_requests:
        msg = "too many requests are in hand; come back in a second"
        kind = "overloaded_error"
        raise ApiError(503, msg, kind=kind, code="overloaded", retry_after_s=1.0)
    state.clients.identify(scope["headers"])  # before megabytes are read for nobody
    return await body_of(scope, receive, answering.room)


async def _passed_on(reply: Reply, receive: Receive, send: Send) -> None:
    """Send a reply; as soon as the client is gone, stop."""
    task = asyncio.current_task()
    gone = over = False

    def left(watch: asyncio.Task[Any]) -> None:
        nonlocal gone
        if not over and not watch.cancelled() and watch.exception() is None and task:
            gone = True
            task.cancel()

    watch = asyncio.ensure_future(receive())
    watch.add_done_callback(left)
    try:
        await reply.send(send)
    except asyncio.CancelledError:
        if not gone or task is None:
            raise
        task.uncancel()
    finally:
        over = True
        watch.cancel()
        await reply.close()


def _headers(scope: Scope) -> dict[str, str]:
    """By name in lower case; one that came several times is one, with commas, as HTTP has it."""
    told: dict[str, str] = {}
    for name, value in ((n.decode("latin-1"), v.decode("latin-1")) for n, v in scope["headers"]):
        told[name] = f"{told[name]}, {value}" if name in told else value
    return told


def _text(fields: Fields, name: str) -> str:
    value = plain(fields.get(name), name)
    if value is not None and not isinstance(value, str):
        raise wrong(name, "it must be a text")
    return value or ""
