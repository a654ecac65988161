"""What can be asked over HTTP: every address, what it reads and what it may answer."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tonewise.api.openapi_schemas import Schema, number, record, ref, text

Who = Literal["anyone", "client", "operator", "caller"]
"""anyone: no key is asked for. caller: the server's own token, as for a call."""

MEANINGS = {
    200: "Done.",
    201: "Made.",
    400: "What was sent is wrong; `param` names the field.",
    401: "No key, or a wrong one.",
    403: "This key may not do that.",
    404: "There is no such thing, or it is not yours.",
    405: "Another method is wanted.",
    406: "The offer cannot be answered.",
    409: "Not as the settings are.",
    413: "Too large.",
    415: "Another media type is wanted.",
    429: "Too much for this minute (`rate_limit_exceeded`), or the budget is spent "
    "(`insufficient_quota`); `retry-after` tells when it may go well.",
    500: "The server failed; its log tells why.",
    501: "Not installed, or not enabled.",
    502: "No model answered.",
    503: "Not now; come back.",
    504: "It took too long.",
}

_JSON, _EVENTS, _SDP = "application/json", "text/event-stream", "application/sdp"
_ASKED = (400, 401, 403, 404, 413, 415, 429, 500, 502, 503, 504)
_DESK = (400, 401, 403, 503, 504)
_WHEN = "Seconds since 1970, ISO 8601 (UTC unless it says), or an age as in `30m`, `24h`, `7d`."


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked.

    Attributes:
        answers: the schema of a good answer, by media type.
        refusals: other statuses.
        errors: the schema of their bodies.
        body: of the request, with its media type.
        example: of that body.
        query: parameters, by name; one that stands in the path is found there.
    """

    method: str
    path: str
    summary: str
    tag: str
    who: Who = "client"
    answers: dict[str, Schema] = field(default_factory=dict)
    refusals: tuple[int, ...] = ()
    errors: str = "Error"
    body: tuple[str, Schema] | None = None
    example: Any = None
    query: dict[str, Schema] = field(default_factory=dict)
    good: int = 200


def _model(
    path: str,
    summary: str,
    kind: str,
    answer: str,
    errors: str = "Error",
    **asked: Any,  # noqa: ANN401
) -> Operation:
    event = record("data", data=text("JSON, piece by piece."), event=text())
    told = {**event, "description": "With `stream`: server-sent events, each like this."}
    answers = {_JSON: ref(answer), _EVENTS: told}
    body, example = (_JSON, ref(f"{kind}Request")), {"model": "auto", **asked}
    return Operation(
        "post", path, summary, "Models", "client", answers, _ASKED, errors, body, example
    )


def _desk(method: str, path: str, summary: str, answer: str, **more: Any) -> Operation:  # noqa: ANN401
    refusals = (*_DESK, *more.pop("also", ()))
    answers = {_JSON: ref(answer)}
    return Operation(method, path, summary, "Operating", more.pop("who", "operator"), answers,
                     refusals, **more)  # fmt: skip


def _choice(*values: str) -> Schema:
    return {"enum": list(values)}


_HELLO = [{"role": "user", "content": "Where is my order?"}]
_SHARE = number(minimum=0, maximum=1)
_FLAG = _choice("true", "false")
_PERIOD = {"since": text(_WHEN), "until": text(_WHEN)}
_FILTERS = {
    **{name: text() for name in ("route", "model", "client", "user", "call", "rule", "router",
                                 "variant", "task")},
    "source": _choice("call", "api", "replay"),
    "outcome": _choice("answered", "interrupted", "cut_short", "failed"),
    "escalated": _FLAG, "explored": _FLAG, "calm": _FLAG,
    "feedback": _choice("good", "bad", "any", "none"),
    "min_frustration": _SHARE, "max_frustration": _SHARE, "min_complexity": _SHARE,
    **_PERIOD,
    "q": text("In identifiers and reasons; in words where transcripts are kept."),
    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
    "cursor": text("`next_cursor` of the page before."),
}  # fmt: skip

OPERATIONS = (
    _model("/v1/chat/completions", "Answer a conversation, as OpenAI's clients ask.", "Chat",
           "ChatCompletion", messages=_HELLO),
    _model("/v1/responses", "Answer, as OpenAI's Responses clients ask.", "Responses", "Response",
           input="Where is my order?"),
    _model("/v1/messages", "Answer, as Anthropic's clients ask.", "Messages", "Message",
           "MessagesError", messages=_HELLO, max_tokens=300),
    Operation("get", "/v1/models", "What may be asked for.", "Models", "client",
              {_JSON: ref("Models")}, (401,)),
    Operation("get", "/v1/models/{model}", "One of them; its name may hold slashes.", "Models",
              "client", {_JSON: ref("Model")}, (401, 404)),
    Operation("post", "/v1/feedback", "Judge a decision; the latest word of a client counts.",
              "Feedback", "client", {_JSON: ref("FeedbackKept")}, (400, 401, 404, 413, 429),
              body=(_JSON, ref("Feedback")), example={"decision": "ab12cd34.1", "thumbs": "up"}),
    _desk("get", "/v1/decisions", "Decisions, newest first; a client sees its own.", "Decisions",
          who="client", query=_FILTERS),
    _desk("get", "/v1/decisions/{decision}", "One decision, and all that belongs to it.",
          "Decision", who="client", also=(404,)),
    _desk("get", "/v1/routes", "What went to which route, over time.", "RoutesOverTime",
          query={**_PERIOD, "bucket": _choice("minute", "hour", "day"), "router": text(),
                 "client": text()}),
    _desk("get", "/v1/profile", "What was measured of the models lately.", "Profile"),
    _desk("get", "/v1/experiments", "What variants of routes did to callers.", "Experiments",
          query={**_PERIOD, "route": text()}),
    _desk("get", "/v1/learning", "What was learned.", "Learning"),
    _desk("post", "/v1/learning", "Learn and explore no more, or do again.", "Learning",
          also=(409, 413), body=(_JSON, ref("Freeze")), example={"frozen": True}),
    _desk("delete", "/v1/learning", "Forget what was learned, of one model or of all.", "Learning",
          also=(409,), query={"model": text()}),
    Operation("get", "/healthz", "Does the server live, and with what?", "Health", "anyone",
              {_JSON: ref("Health")}),
    Operation("get", "/readyz", "May callers be sent here now? 503 tells why not.", "Health",
              "anyone", {_JSON: ref("Readiness")}, (503,), "Readiness"),
    Operation("get", "/metrics", "Figures for Prometheus.", "Health", "operator",
              {"text/plain": text()}, (401, 403, 404)),
    Operation("get", "/openapi.json", "This document.", "Health", "anyone",
              {_JSON: {"type": "object"}}),
    Operation("get", "/webrtc/config", "What a page needs before it calls.", "Calls", "caller",
              {_JSON: {"type": "object"}}, (401,), "PlainError"),
    Operation("post", "/webrtc", "Call from a browser: an offer in, an answer out.", "Calls",
              "caller", {_JSON: {"type": "object"}},
              (400, 401, 406, 413, 415, 429, 501, 503), "PlainError", (_JSON, ref("Offer")),
              good=201),
    Operation("post", "/whip", "The same with bare SDP (RFC 9725).", "Calls", "caller",
              {_SDP: text()}, (400, 401, 406, 413, 415, 429, 501, 503), "PlainError",
              (_SDP, text()), None, {"language": text(), "emotion": _choice("on", "off")}, 201),
    Operation("get", "/call/options", "What a page may offer its visitor.", "Calls", "anyone",
              {_JSON: {"type": "object"}}),
    Operation("get", "/recordings/{link}", "A recorded call, by the link that its caller got.",
              "Calls", "anyone", {"application/zip": text()}, (404, 409, 500), "PlainError"),
    Operation("delete", "/recordings/{link}", "Delete it from the server.", "Calls", "anyone",
              {_JSON: {"type": "object"}}, (404, 409, 500), "PlainError"),
    Operation("delete", "/whip/{name}", "Hang up.", "Calls", "caller", {}, (401, 404),
              "PlainError"),
)  # fmt: skip
