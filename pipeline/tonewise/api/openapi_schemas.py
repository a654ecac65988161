"""The shapes that `/openapi.json` speaks of: from our types where we have them, else by hand.

What a provider reads is described only as far as we read it ourselves: all other fields pass.
"""

import re
from typing import Any, get_args

import msgspec

from tonewise.api.desk import Freeze
from tonewise.api.feedback import Feedback, FeedbackKept
from tonewise.api.options import LONGEST_USER, MOST_FACTS, MOST_NAMES
from tonewise.errors import Outcome
from tonewise.observing.readiness import Readiness
from tonewise.plan import Plan
from tonewise.routing.utility import Weights
from tonewise.signalling import Offer
from tonewise.store.found import Bucket, Row

Schema = dict[str, Any]

OURS = (Feedback, FeedbackKept, Freeze, Readiness, Plan, Row, Bucket, Offer)
"""Types whose schemas msgspec knows."""

SORTS = ("price", "latency", "throughput", "quality", "intelligence", "math", "coding")
"""What a request may ask to be sorted by."""


def ref(name: str) -> Schema:
    """A named shape."""
    return {"$ref": f"#/components/schemas/{name}"}


def record(required: str = "", /, **properties: Schema) -> Schema:
    """An object; `required` lists names with spaces between them, `*`: all."""
    names = list(properties) if required == "*" else required.split()
    told: Schema = {"type": "object", "properties": properties}
    return {**told, "required": names} if names else told


def array(items: Schema, **more: Any) -> Schema:  # noqa: ANN401 - any JSON
    """A list."""
    return {"type": "array", "items": items, **more}


def text(description: str = "", **more: Any) -> Schema:  # noqa: ANN401
    """A string."""
    return _told("string", description, more)


def number(description: str = "", **more: Any) -> Schema:  # noqa: ANN401
    """A number."""
    return _told("number", description, more)


def or_null(schema: Schema) -> Schema:
    """The same, or null where it is not known."""
    return {"anyOf": [schema, {"type": "null"}]}


def components() -> dict[str, Schema]:
    """All of them, by name."""
    _, ours = msgspec.json.schema_components(OURS, ref_template="#/components/schemas/{name}")
    for schema in ours.values():
        _describe(schema)
    return dict(sorted({**ours, **_asked(), **_answered(), **_desk()}.items()))


def _describe(schema: Schema) -> None:
    """What a docstring tells of each attribute belongs to that property."""
    about, _, attributes = schema.get("description", "").partition("\n\n    Attributes:\n")
    if about:
        schema["description"] = re.sub(r"\s+", " ", about).strip()
    for names, told in re.findall(
        r"^ {8}(\w[\w, ]*): (.+(?:\n {12}.+)*)", attributes, re.MULTILINE
    ):
        for name in names.split(", "):
            if name in schema["properties"]:
                described = re.sub(r"\s+", " ", told)
                schema["properties"][name]["description"] = described[:1].upper() + described[1:]


def _told(kind: str, description: str, more: Schema) -> Schema:
    return {"type": kind, **({"description": description} if description else {}), **more}


BOOLEAN: Schema = {"type": "boolean"}
SOME_OBJECT: Schema = {"type": "object"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NAMES: Schema = {"anyOf": [array(text(minLength=1), maxItems=MOST_NAMES), text()]}


def _options() -> dict[str, Schema]:
    """What a request may wish in every dialect; see `options.py`."""
    shares = {"type": "number", "minimum": 0, "maximum": 1000}
    told = "`auto`, `tonewise/<router>` or a model's name; see GET /v1/models."
    return {
        "model": text(told, default="auto"),
        "stream": BOOLEAN,
        "models": {**NAMES, "description": "For `auto` those that may answer; else who stands in."},
        "ignore": {**NAMES, "description": "Models that may not answer."},
        "sort": {"anyOf": [array({"enum": list(SORTS)}), {"enum": list(SORTS)}]},
        "weights": record(**dict.fromkeys(Weights.__struct_fields__, shares)),
        "ttft_timeout": {
            "description": "So long a model may take to its first useful piece.",
            "anyOf": [text(pattern=r"^\d{1,2}(ms|s)$"), number(minimum=0.001, maximum=600)],
        },
        "user": text("Who is answered; experiments stick to it.", maxLength=LONGEST_USER),
        "metadata": {
            "description": "Facts of the caller that rules may read.",
            "type": "object",
            "maxProperties": MOST_FACTS,
            "additionalProperties": text(),
        },
        "voice": {
            **SOME_OBJECT,
            "description": "How it was said: voice cues, as events name them.",
        },
    }


def _asked() -> dict[str, Schema]:
    """What clients send, besides our own types."""
    options = _options()
    message = record("role", role=text(), content={"type": ["string", "array", "null"]})
    tokens = {"type": "integer", "minimum": 1}
    chat = record(
        "messages", messages=array(message, minItems=1), max_tokens=tokens, n=COUNT, **options
    )
    spoken = record(
        "*",
        role={"enum": ["user", "assistant"]},
        content={"anyOf": [text(minLength=1), array(SOME_OBJECT, minItems=1)]},
    )
    messages = record(
        "messages max_tokens", messages=array(spoken, minItems=1), max_tokens=tokens, **options
    )
    said = {"anyOf": [text(minLength=1), array(SOME_OBJECT, minItems=1)]}
    responses = record("input", input=said, instructions=text(), **options)
    return {"ChatRequest": chat, "MessagesRequest": messages, "ResponsesRequest": responses}


def _answered() -> dict[str, Schema]:
    """What models answer, and how errors are told."""
    attempt = record(
        "*",
        model=text(),
        outcome={"enum": list(get_args(Outcome))},
        success=BOOLEAN,
        first_token_ms=or_null(number()),
        detail=or_null(text()),
    )
    ours = record(
        "*",
        decision=text("For POST /v1/feedback and GET /v1/decisions/{decision}."),
        route=text(),
        router=or_null(text()),
        model=or_null(text("Who answered.")),
        attempts=array(attempt),
        reasons=array(text()),
    )
    problem = record(
        "message type param code",
        message=text("What was wrong, and what would be right."),
        type=text(),
        param=or_null(text("The field that is wrong.")),
        code=or_null(text()),
    )
    kept = {"tonewise": ref("Explanation")}
    theirs = record("*", type=text(), message=text())
    listed = record("id object created owned_by", id=text(), object={"const": "model"},
                    created=COUNT, owned_by=text())  # fmt: skip
    return {
        "Explanation": ours,
        "ChatCompletion": record("choices", choices=array(SOME_OBJECT), **kept),
        "Message": record("content", content=array(SOME_OBJECT), **kept),
        "Response": record("output", output=array(SOME_OBJECT), **kept),
        "Error": record("error", error=problem, **kept),
        "MessagesError": record("type error", type={"const": "error"}, error=theirs, **kept),
        "PlainError": record("error", error=text()),
        "Model": listed,
        "Models": record("*", object={"const": "list"}, data=array(ref("Model"))),
    }


def _desk() -> dict[str, Schema]:
    """What operators read."""
    page = record("*", object={"const": "list"}, data=array(ref("Row")), has_more=BOOLEAN,
                  next_cursor=or_null(text()))  # fmt: skip
    whole = record(
        "*",
        decision=ref("Row"),
        plan=ref("Plan"),
        attempts=array(SOME_OBJECT),
        reply=or_null(SOME_OBJECT),
        followed=or_null(SOME_OBJECT),
        feedback=array(SOME_OBJECT),
        words=array(text()),
        sentences=array(text()),
    )
    routes = record("*", since=number(), until=number(), bucket=text(), bucket_s=number(),
                    routes=array(text()), buckets=array(ref("Bucket")))  # fmt: skip
    learning = record("*", enabled=BOOLEAN, frozen=BOOLEAN, explore=number(),
                      half_life_days=number(), beliefs=array(SOME_OBJECT))  # fmt: skip
    experiments = record("*", since=number(), until=number(), cautions=array(text()),
                         how=or_null(text()), experiments=array(SOME_OBJECT))  # fmt: skip
    profile = record("*", models=array(SOME_OBJECT), half_life_s=number(), used=BOOLEAN)
    return {
        "Decisions": page,
        "Decision": whole,
        "RoutesOverTime": routes,
        "Learning": learning,
        "Experiments": experiments,
        "Profile": profile,
        "Health": record("status version", status=text(), version=text()),
    }
