"""The operator's desk: decisions, routes over time, the models' profile, experiments, learning.

    GET /v1/decisions, /v1/decisions/{id}     also for clients: their own
    GET /v1/routes, /v1/profile, /v1/experiments, /v1/learning
    POST /v1/learning {"frozen": true}, DELETE /v1/learning?model=…

All of it is JSON.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tonewise.api import shapes
from tonewise.api.clients import Admitted
from tonewise.api.inquiries import Inquiries, in_time
from tonewise.api.parameters import Parameters, path_parameter
from tonewise.api.problems import ApiError
from tonewise.api.serving import Answer, as_json, body_of, decoded, served
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.experience import Experience
from tonewise.learning.experiments import Experiment, compare
from tonewise.records import ReplyEnding, Source
from tonewise.store.found import Feedback, Page, Query, Whole
from tonewise.store.keeper import RecordStore

log = logging.getLogger(__name__)

DAY_S = 86_400.0
LONGEST_S = 3660 * DAY_S
"""Ten years."""

_TEXTS = ("route", "model", "client", "user", "call", "rule", "router", "variant", "task")
_ASKED = (
    *_TEXTS,
    "source",
    "outcome",
    "escalated",
    "explored",
    "calm",
    "feedback",
    "min_frustration",
    "max_frustration",
    "min_complexity",
    "since",
    "until",
    "q",
    "limit",
    "cursor",
)


class Freeze(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /v1/learning`: learn and explore no more, or do again."""

    frozen: bool


def routes() -> list[BaseRoute]:
    """The endpoints; the app's state holds `clients`, `store`, `engines` and `experience`."""
    desk = Desk()
    return [
        _route("/v1/decisions", desk.decisions),
        _route("/v1/decisions/{decision:path}", desk.decision),
        _route("/v1/routes", desk.routes),
        _route("/v1/profile", desk.profile),
        _route("/v1/experiments", desk.experiments),
        _route("/v1/learning", desk.learning),
        _route("/v1/learning", desk.freeze, "POST"),
        _route("/v1/learning", desk.forget, "DELETE"),
    ]


def _route(path: str, answer: Answer, method: str = "GET") -> Route:
    return Route(path, served(answer), methods=[method])


class Desk:
    """One app's.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._store = Inquiries()

    # ------------------------------------------------------------ decisions

    async def decisions(self, request: Request) -> Response:
        """A page of decisions, newest first."""
        admitted: Admitted = request.app.state.clients.identify(request.headers)
        query = _query(Parameters(request, _ASKED), self._clock(), admitted)
        store: RecordStore = request.app.state.store

        def ask() -> Page:
            try:
                return store.reading.decisions(query)
            except ValueError as error:
                msg = "cursor: take it from next_cursor of the page before, as it is"
                raise ApiError(400, msg, param="cursor") from error

        return _told(shapes.decisions(await self._store.ask(ask)))

    async def decision(self, request: Request) -> Response:
        """One decision, whole."""
        admitted: Admitted = request.app.state.clients.identify(request.headers)
        Parameters(request, ())
        name = path_parameter(request.path_params, "decision")
        store: RecordStore = request.app.state.store

        def ask() -> Whole | None:
            found = store.reading.decision(name)
            if found is None and store.flush(1.0):  # it may be on its way to the database
                found = store.reading.decision(name)
            return found

        found = await self._store.ask(ask)
        if found is None or not _may_see(admitted, found):
            yours = "" if admitted.operator else " of yours"
            raise ApiError(
                404, f"there is no decision {name!r}{yours}", code="not_found", param="decision"
            )
        return _told(shapes.decision(found))

    async def routes(self, request: Request) -> Response:
        """What went to which route, over time."""
        engines = _engines(request)
        given = Parameters(request, ("since", "until", "bucket", "router", "client"))
        since, until = given.period(self._clock(), DAY_S, LONGEST_S)
        step: shapes.Step = given.choice("bucket", shapes.Step) or shapes.usual_step(until - since)
        step_s = shapes.STEPS[step]
        since = math.floor(since / step_s) * step_s
        if until - since > shapes.MOST_BUCKETS * step_s:
            msg = f"bucket: that makes more than {shapes.MOST_BUCKETS} of a {step} each"
            raise ApiError(400, f"{msg}; take longer ones, or a later since", param="bucket")
        router, client = given.text("router"), given.text("client")
        reading = request.app.state.store.reading
        found = await self._store.ask(
            lambda: reading.routes_over_time(since, until, step_s, router=router, client=client)
        )
        known = [each.name for each in engines.config.routes]
        known += [each.route for each in engines.candidates]
        return _told(shapes.routes(since, until, step, found, known))

    # ------------------------------------------------------------ figures

    async def profile(self, request: Request) -> Response:
        """What was measured of the models lately."""
        engines = _engines(request)
        Parameters(request, ())
        now = asyncio.get_running_loop().time()
        return _told(shapes.profile(engines, request.app.state.experience, now))

    async def experiments(self, request: Request) -> Response:
        """What the variants of routes did to callers."""
        engines = _engines(request)
        given = Parameters(request, ("since", "until", "route"))
        since, until = given.period(self._clock(), 30 * DAY_S, LONGEST_S)
        route, reading = given.text("route"), request.app.state.store.reading

        def ask() -> list[Experiment]:
            turns = in_time(reading.variant_turns(since, until, route=route))
            return compare(turns, engines.config.routes, route)

        return _told(shapes.experiments(since, until, await self._store.ask(ask)))

    # ------------------------------------------------------------ learning

    async def learning(self, request: Request) -> Response:
        """What was learned."""
        experience = _experience(request)
        Parameters(request, ())
        return _told(shapes.learning(experience))

    async def freeze(self, request: Request) -> Response:
        """Learn no more, or do again."""
        experience = _experience(request)
        Parameters(request, ())
        frozen = decoded(await body_of(request), Freeze).frozen
        _check_learning(experience)
        await self._store.ask(lambda: experience.freeze(frozen))
        log.info("learning is %s from now on, by %s", "frozen" if frozen else "on", _by(request))
        return _told(shapes.learning(experience))

    async def forget(self, request: Request) -> Response:
        """Forget what was learned, of one model or of all."""
        experience = _experience(request)
        model = Parameters(request, ("model",)).text("model")
        _check_learning(experience)

        def reset() -> None:
            try:
                experience.reset(model)
            except ConfigError as error:
                raise ApiError(400, f"model: {error}", param="model") from error

        await self._store.ask(reset)
        log.info("what was learned of %s is forgotten, by %s", model or "all models", _by(request))
        return _told(shapes.learning(experience))


def _engines(request: Request) -> Engines:
    """The engines, for an operator."""
    request.app.state.clients.operator(request.headers)
    engines: Engines = request.app.state.engines
    return engines


def _experience(request: Request) -> Experience:
    """The experience, for an operator."""
    request.app.state.clients.operator(request.headers)
    experience: Experience = request.app.state.experience
    return experience


def _by(request: Request) -> str:
    admitted: Admitted = request.app.state.clients.identify(request.headers)
    return f"client {admitted.client!r}" if admitted.client else "the operator"


def _check_learning(experience: Experience) -> None:
    if not experience.learning.enabled:
        msg = "learning is off: put 'enabled = true' under [learning]"
        raise ApiError(409, msg, code="learning_is_off")


def _may_see(admitted: Admitted, found: Whole) -> bool:
    """Operators see all; a client its own, and never a call: those belong to nobody's key."""
    return admitted.operator or (admitted.client != "" and found.decision.client == admitted.client)


def _query(given: Parameters, now: float, admitted: Admitted) -> Query:
    """What is asked for, of what they may see."""
    texts = {name: given.text(name) for name in _TEXTS}
    if not admitted.operator:
        if texts["client"] not in (None, admitted.client):
            msg = "client: this key sees only its own decisions"
            raise ApiError(403, msg, code="not_an_operator", param="client")
        texts["client"] = admitted.client
    return Query(
        since=given.time("since", now),
        until=given.time("until", now),
        source=given.choice("source", Source),
        outcome=given.choice("outcome", ReplyEnding),
        escalated=given.yes_or_no("escalated"),
        explored=given.yes_or_no("explored"),
        calm=given.yes_or_no("calm"),
        feedback=given.choice("feedback", Feedback),
        min_frustration=given.share("min_frustration"),
        max_frustration=given.share("max_frustration"),
        min_complexity=given.share("min_complexity"),
        search=given.text("q"),
        limit=given.whole("limit", 1, 200) or 50,
        cursor=given.text("cursor"),
        **texts,
    )


def _told(value: shapes.Told) -> Response:
    return as_json(value, headers={"cache-control": "no-store"})
