"""`GET /openapi.json` (OpenAPI 3.1), and `GET /docs`, a page that shows it to people.

Also answers whatever is asked under `/v1/` that is not there, and those who leave `/v1` out.
"""

import re
from functools import cache
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from tonewise import __version__, assets
from tonewise.api.openapi_paths import MEANINGS, OPERATIONS, Operation
from tonewise.api.openapi_schemas import Schema, components, ref, text
from tonewise.api.problems import ApiError
from tonewise.api.serving import JSON

ABOUT = (
    "Routes a live conversation to the right model by what is said and by how it is said. "
    "OpenAI's and Anthropic's own clients work with another `base_url`; calls themselves come "
    "over WebSocket (`/call`), WebRTC and telephone wires, which this document does not describe "
    "beyond how a browser's call is arranged."
)

_SCHEMES: Schema = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "As OpenAI's clients send it."},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
}
_WITHOUT_V1 = ("/chat/completions", "/responses", "/messages", "/models")
_HEADERS = {
    "tonewise-decision": "For POST /v1/feedback and GET /v1/decisions/{decision}.",
    "tonewise-route": "The class of model that the turn deserved.",
    "tonewise-model": "Who answers.",
    "tonewise-attempts": "Tries up to then.",
    "tonewise-reason": "Why that route, in ASCII.",
}


def routes() -> list[BaseRoute]:
    """The document and its page, and what is not there: after all others; needs state.clients."""
    every = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]
    return [
        Route("/openapi.json", _openapi, methods=["GET"]),
        Route("/docs", _docs, methods=["GET"]),
        Route("/v1/{rest:path}", _absent, methods=every),
        *(Route(path, _absent, methods=every) for path in _WITHOUT_V1),
    ]


async def _openapi(request: Request) -> Response:
    return Response(_encoded(keys=request.app.state.clients.ask_for_key), media_type=JSON)


async def _docs(_: Request) -> Response:
    return FileResponse(assets.folder("web") / "docs.html")


async def _absent(request: Request) -> Response:
    """There is no such address, or it wants another method."""
    path = request.url.path
    methods = [one.method.upper() for one in OPERATIONS if _is_at(one.path, path)]
    if methods:
        allowed = ", ".join(methods)
        msg = f"{request.method} is not for this address; use {allowed}"
        problem = ApiError(405, msg, code="method_not_allowed", also={"allow": allowed})
    else:
        instead = _meant(path) or "GET /docs tells what there is"
        msg = f"there is nothing at {path[:100]!r}; {instead}"
        problem = ApiError(404, msg, code="not_found")
    like_anthropic = path.startswith("/v1/messages") or path.endswith("/messages")
    body = problem.as_anthropic() if like_anthropic else problem.as_openai()
    return Response(body, problem.status, problem.headers, JSON)


def _meant(path: str) -> str:
    """What is wrong with a client's `base_url`; empty where its path looks like nothing of ours."""
    for address in _WITHOUT_V1:
        if path.rstrip("/").endswith(address):
            where = "ends with /v1 for OpenAI's clients, and has no path for Anthropic's"
            return f"ask /v1{address}: base_url {where}"
    return ""


def _is_at(address: str, path: str) -> bool:
    """Is a path one of an address's? A name in it may hold slashes."""
    return re.fullmatch(re.sub(r"{\w+}", ".+", address), path) is not None


@cache
def _encoded(*, keys: bool) -> bytes:
    return msgspec.json.encode(document(keys=keys))


def document(*, keys: bool = True) -> dict[str, Any]:
    """All of it.

    Args:
        keys: this server asks for keys.
    """
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method] = _operation(operation, keys=keys)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "tonewise",
            "version": __version__,
            "summary": "One LLM interface for all models, chosen turn by turn.",
            "description": ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths,
        "components": {
            "schemas": components(),
            **({"securitySchemes": _SCHEMES} if keys else {}),
        },
    }


def _operation(operation: Operation, *, keys: bool) -> Schema:
    told: Schema = {
        "operationId": _name(operation),
        "summary": operation.summary,
        "tags": [operation.tag],
    }
    if parameters := _parameters(operation):
        told["parameters"] = parameters
    if operation.body:
        media, schema = operation.body
        content: Schema = {"schema": schema}
        if operation.example is not None:
            content["example"] = operation.example
        told["requestBody"] = {"required": True, "content": {media: content}}
    told["responses"] = _responses(operation, keys=keys)
    if keys and operation.who != "anyone":
        told["security"] = [{"bearer": []}]
        if operation.who != "caller":
            told["security"].append({"key": []})
    return told


def _name(operation: Operation) -> str:
    """As in `get_v1_decisions_decision`."""
    return "_".join([operation.method, *re.findall(r"\w+", operation.path)])


def _parameters(operation: Operation) -> list[Schema]:
    in_path = re.findall(r"{(\w+)}", operation.path)
    told: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": text(minLength=1)}
        for name in in_path
    ]
    for name, schema in operation.query.items():
        told.append({"name": name, "in": "query", "schema": schema})
    return told


def _responses(operation: Operation, *, keys: bool) -> dict[str, Schema]:
    good: Schema = {"description": MEANINGS[operation.good]}
    if operation.answers:
        good["content"] = {media: {"schema": one} for media, one in operation.answers.items()}
    asks_model = operation.tag == "Models" and operation.method == "post"
    if asks_model:
        good["headers"] = {
            name: {"description": about, "schema": text()} for name, about in _HEADERS.items()
        }
    told = {str(operation.good): good}
    for status in operation.refusals:
        if keys or status != 401:
            told[str(status)] = {
                "description": MEANINGS[status],
                "content": {JSON: {"schema": ref(operation.errors)}},
            }
    return told
