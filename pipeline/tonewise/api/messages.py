"""`POST /v1/messages`, for clients of Anthropic.

Tokens are not counted before a model is asked: how many there are depends on who will answer, and
that is decided with the request. So `/v1/messages/count_tokens` is told to be absent; the answer's
`usage` tells what the model counted. Batches are absent as well.

Anthropic's clients look for the identifier of a request in the header `request-id`, and know that a
server is overloaded by the status 529.
"""

import secrets
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tonewise.api.endpoint import Endpoint, Receive, Scope, Send
from tonewise.api.problems import ApiError
from tonewise.api.serving import JSON
from tonewise.dialects.messages import MESSAGES

_NO_COUNT = (
    "tokens are counted by the model that answers, and which one that is, is decided with the "
    "request: read `usage` of the answer, or count them yourself"
)


def routes() -> list[BaseRoute]:
    """The endpoint, and what Anthropic's clients may look for beside it."""
    return [
        Route("/v1/messages", _Messages(), methods=["POST"]),
        Route("/v1/messages/count_tokens", _no_count, methods=["POST"]),
        Route("/v1/messages/batches{rest:path}", _no_batches),
    ]


class _Messages:
    def __init__(self) -> None:
        self._endpoint = Endpoint(MESSAGES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == 503:
                    message["status"] = 529
                known = dict(message["headers"])
                name = known.get(b"tonewise-decision") or f"req_{secrets.token_hex(12)}".encode()
                message["headers"] = [*message["headers"], (b"request-id", name)]
            await send(message)

        await self._endpoint(scope, receive, sent)


async def _no_count(_: Request) -> Response:
    return _absent(_NO_COUNT)


async def _no_batches(_: Request) -> Response:
    return _absent("this server answers one request at a time; send them to /v1/messages")


def _absent(why: str) -> Response:
    return Response(ApiError(404, why).as_anthropic(), 404, media_type=JSON)
