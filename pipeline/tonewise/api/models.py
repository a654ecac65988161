"""GET /v1/models: what a request may ask for, as OpenAI's clients list it, with what is known."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tonewise.api.answering import Answering
from tonewise.api.names import AUTO, OURS
from tonewise.api.problems import ApiError
from tonewise.api.serving import served
from tonewise.default_models import Model
from tonewise.plan import ModelFacts

_FACTS = ModelFacts.__struct_fields__


def routes() -> list[BaseRoute]:
    """The list, and each one's own address; a name may have slashes in it."""
    return [
        Route("/v1/models", served(_all), methods=["GET"]),
        Route("/v1/models/{name:path}", served(_one), methods=["GET"]),
    ]


async def _all(request: Request) -> Response:
    return JSONResponse({"object": "list", "data": list(_allowed(request).values())})


async def _one(request: Request) -> Response:
    name = request.path_params["name"]
    if known := _allowed(request).get(name):
        return JSONResponse(known)
    msg = f"there is no model {name[:80]!r} here; GET /v1/models lists them"
    raise ApiError(404, msg, code="model_not_found", param="model")


def _allowed(request: Request) -> dict[str, dict[str, Any]]:
    """By its name, what the client's key may ask for."""
    admitted = request.app.state.clients.identify(request.headers)
    answering: Answering = request.app.state.answering
    names = answering.decider.names
    told = [_entry(AUTO, "router")]
    told += [_entry(f"{OURS}{router}", "router") for router in names.routers]
    told += [_of_model(model) for model in names.models]
    return {each["id"]: each for each in told if admitted.may(each["id"])}


def _of_model(model: Model) -> dict[str, Any]:
    known = {name: value for name in _FACTS if (value := getattr(model, name)) not in (None, ())}
    return {**_entry(model.name, model.use), "route": model.route, **known}


def _entry(name: str, owner: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
