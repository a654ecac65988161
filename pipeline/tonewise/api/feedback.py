"""`POST /v1/feedback`: what somebody thinks of a decision.

    {"decision": "dec_…" | "<call>.<turn>"}  or  {"call": "…", "turn": 3}     which one
    {"score": 0.0 to 1.0}  or  {"thumbs": "up" | "down"}                      how good it was
    {"label": "resolved", "text": "…"}                                        optional

A client speaks once of a decision: what it says later replaces what it said before. It may judge
its own decisions and those of calls; an operator may judge all. `text` is kept only where
transcripts are.
"""

import asyncio
import time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tonewise.api.clients import Admitted, Clients
from tonewise.api.problems import ApiError
from tonewise.api.serving import as_json, body_of, decoded, served
from tonewise.errors import StoreError
from tonewise.plan import Share
from tonewise.records import Decided, Judged
from tonewise.store.found import Whole
from tonewise.store.keeper import RecordStore

Name = Annotated[str, Meta(min_length=1, max_length=128)]


class Feedback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent: one way to name the decision, and one way to judge it."""

    decision: Name | None = None
    call: Name | None = None
    turn: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    score: Share | None = None
    thumbs: Literal["up", "down"] | None = None
    label: Annotated[str, Meta(max_length=64)] = ""
    text: Annotated[str, Meta(max_length=4000)] | None = None


class FeedbackKept(msgspec.Struct, frozen=True):
    """What is answered: how the feedback was understood."""

    decision: str
    score: Share
    label: str
    object: Literal["feedback"] = "feedback"


def routes() -> list[BaseRoute]:
    """The endpoint; the app's state holds `clients`, `store` and `experience`."""
    return [Route("/v1/feedback", served(_feedback), methods=["POST"])]


async def _feedback(request: Request) -> Response:
    state = request.app.state
    clients: Clients = state.clients
    admitted = clients.admit(request.headers)
    feedback = decoded(await body_of(request), Feedback)
    decision, score = _decision(feedback), _score(feedback)
    found = await _known(state.store, decision, admitted)
    if found:  # the learner forgets in days what somebody may judge in weeks
        row = found.decision
        decided = Decided(at=row.at, decision=decision, source=row.source, plan=found.plan)
        state.experience.recall(decided, found.reply)
    state.experience.note(
        Judged(
            at=time.time(),
            decision=decision,
            score=score,
            label=feedback.label,
            by=admitted.client,
            text=feedback.text,
        )
    )
    return as_json(FeedbackKept(decision, score, feedback.label), headers=admitted.headers)


def _decision(feedback: Feedback) -> str:
    if feedback.decision is not None:
        if feedback.call is not None or feedback.turn is not None:
            msg = "decision: name the decision, or call and turn, but not both"
            raise ApiError(400, msg, param="decision")
        return feedback.decision
    if feedback.call is None or feedback.turn is None:
        missing = "turn" if feedback.call is not None else "decision"
        msg = f"{missing}: name the decision, as the header tonewise-decision told it, or call and "
        raise ApiError(400, f"{msg}turn", param=missing)
    return f"{feedback.call}.{feedback.turn}"


def _score(feedback: Feedback) -> float:
    if (feedback.score is None) == (feedback.thumbs is None):
        msg = 'score: judge with score, from 0 to 1, or with thumbs, "up" or "down"; one of them'
        raise ApiError(400, msg, param="score")
    if feedback.score is not None:
        return feedback.score
    return 1.0 if feedback.thumbs == "up" else 0.0


async def _known(store: RecordStore, decision: str, admitted: Admitted) -> Whole | None:
    """The decision, where they may judge it; None where the database cannot tell.

    Raises:
        ApiError: 404. Another client's decision is told as unknown.
    """
    try:
        found = await asyncio.to_thread(_found, store, decision)
    except StoreError:
        return None  # the database is away: the journal keeps what was said until it is back
    row = found.decision if found else None
    if row is None or not (
        admitted.operator or row.source == "call" or row.client == admitted.client
    ):
        msg = f"decision: there is no decision {decision!r} of yours; the header tonewise-decision "
        raise ApiError(404, f"{msg}of an answer names one", code="not_found", param="decision")
    return found


def _found(store: RecordStore, decision: str) -> Whole | None:
    """A decision as the database has it, also one that was on its way there."""
    whole = store.reading.decision(decision)
    if whole is None and store.flush():
        whole = store.reading.decision(decision)
    return whole
