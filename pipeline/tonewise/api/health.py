"""`GET /readyz` and `GET /metrics`, for whoever runs the server. `/healthz` is in `server.py`.

Readiness may be asked by anyone, as load balancers have no key. Figures tell what is spent, and by
whom: they are the operator's, who brings the server's token wherever any key is asked for; without
any key the server listens on loopback only.
"""

import asyncio
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tonewise.api.clients import Clients
from tonewise.api.problems import ApiError
from tonewise.api.serving import as_json, served
from tonewise.observing.metrics import Metrics
from tonewise.observing.readiness import Check, readiness


def routes() -> list[BaseRoute]:
    """The endpoints; the app's state holds `clients`, `metrics` (or None) and `checks`."""
    return [
        Route("/readyz", served(_readyz), methods=["GET"]),
        Route("/metrics", served(_metrics), methods=["GET"]),
    ]


async def _readyz(request: Request) -> Response:
    checks: Mapping[str, Check] = request.app.state.checks
    found = await asyncio.to_thread(readiness, checks)
    return as_json(found, 200 if found.ready else 503)


async def _metrics(request: Request) -> Response:
    clients: Clients = request.app.state.clients
    metrics: Metrics | None = request.app.state.metrics
    clients.operator(request.headers)
    if metrics is None:
        raise ApiError(404, "telemetry.metrics is false in the settings", code="not_found")
    body, kind = await asyncio.to_thread(metrics.exposition)
    return Response(body, headers={"content-type": kind})
