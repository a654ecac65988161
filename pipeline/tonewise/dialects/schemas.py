"""Answers in JSON: what they must look like, between the three formats."""

from typing import Any

from tonewise.dialects.fields import Json, a_text, an_object, kind_of, refusal, told

JSON_ONLY = "Answer with one JSON object and nothing else."
"""Stands in, for Anthropic's models, for `{"type": "json_object"}`."""


def chat_format_of_claude(given: object, where: str) -> Json:
    """`response_format`, from `output_config.format` of Messages.

    Raises:
        DialectError: it is no JSON schema.
    """
    form = an_object(given, where)
    if kind_of(form, where) != "json_schema":
        raise refusal("must be json_schema", f"{where}.type")
    schema = an_object(form.get("schema"), f"{where}.schema")
    made: Json = {"name": "answer", "schema": schema}
    if _is_strict(schema):
        made["strict"] = True
    return {"type": "json_schema", "json_schema": made}


def chat_format_of_text(given: object, where: str) -> Json | None:
    """`response_format`, from `text.format` of Responses; None for plain text.

    Raises:
        DialectError: there is no such format.
    """
    form = an_object(given, where)
    match kind_of(form, where):
        case "text":
            return None
        case "json_object":
            return {"type": "json_object"}
        case "json_schema":
            made: Json = {"name": a_text(form.get("name"), f"{where}.name")}
            made["schema"] = an_object(form.get("schema"), f"{where}.schema")
            made |= told(form, "strict", "description")
            return {"type": "json_schema", "json_schema": made}
        case other:
            raise refusal(f"must be text, json_object or json_schema, not {other!r}", where)


def claude_format(given: object) -> Json | str | None:
    """`output_config.format`, from `response_format`; words for `system` where it is only JSON.

    Raises:
        DialectError: there is no such format.
    """
    where = "response_format"
    form = an_object(given, where)
    match kind_of(form, where):
        case "text":
            return None
        case "json_object":
            return JSON_ONLY
        case "json_schema":
            where = f"{where}.json_schema"
            schema = an_object(form.get("json_schema"), where).get("schema")
            return {"type": "json_schema", "schema": an_object(schema, f"{where}.schema")}
        case other:
            raise refusal(f"must be text, json_object or json_schema, not {other!r}", where)


def _is_strict(schema: Json) -> bool:
    """Would OpenAI take it as strict: every object closed, and all of its properties required?

    Walked without recursion: a client's schema may be nested as deep as JSON may.
    """
    left: list[Any] = [schema]
    while left:
        here = left.pop()
        if isinstance(here, list):
            left += here
        if not isinstance(here, dict):
            continue
        left += here.values()
        if here.get("type") == "object":
            properties, required = here.get("properties"), here.get("required")
            closed = here.get("additionalProperties") is False
            if not (closed and isinstance(properties, dict) and isinstance(required, list)):
                return False
            if not all(name in required for name in properties):
                return False
    return True
