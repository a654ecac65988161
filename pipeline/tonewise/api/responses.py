"""`POST /v1/responses`, for clients of OpenAI's newer interface.

Responses are not kept: whoever asks for one by its identifier is told so. Nor are tokens counted,
or conversations made shorter, before a model is asked.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tonewise.api.endpoint import Endpoint
from tonewise.api.problems import ApiError
from tonewise.api.serving import JSON
from tonewise.dialects.responses import RESPONSES

_NOTHING_KEPT = (
    "this server keeps no responses (they say `store: false`): keep what you were answered, and "
    "send the whole conversation in `input`"
)
_NOT_DONE = (
    "this server only answers, at /v1/responses; `usage` of the answer tells the tokens that the "
    "model counted"
)


def routes() -> list[BaseRoute]:
    """The endpoint, and what OpenAI's clients may look for beside it."""
    return [
        Route("/v1/responses", Endpoint(RESPONSES), methods=["POST"]),
        Route("/v1/responses/{rest:path}", _absent, methods=["GET", "POST", "DELETE"]),
    ]


async def _absent(request: Request) -> Response:
    if request.path_params["rest"] in ("input_tokens", "compact"):
        problem = ApiError(404, _NOT_DONE, code="not_found")
    else:
        problem = ApiError(404, _NOTHING_KEPT, code="response_not_found", param="response_id")
    return Response(problem.as_openai(), 404, media_type=JSON)
