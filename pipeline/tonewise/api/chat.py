"""POST /v1/chat/completions: OpenAI's API, and that of everybody who copied it.

`model` is `auto`, `tonewise/<router>`, or a configured model's name. What else a request may wish
of us is in `options.py`; all other fields are the provider's to read.
"""

from starlette.routing import BaseRoute, Route

from tonewise.api.endpoint import Endpoint
from tonewise.api.tongues import CHAT


def routes() -> list[BaseRoute]:
    """The address."""
    return [Route("/v1/chat/completions", Endpoint(CHAT), methods=["POST"])]
