"""A request to /v1/messages, as chat completions take it.

    Messages                                  chat completions
    system                                    a system message, the first
    messages: user, assistant, system         the same
      tool_use                                assistant.tool_calls
      tool_result                             a tool message; `is_error`: it begins with "Error: "
        images and documents in it            in the user message after all results
      thinking, redacted_thinking             dropped: no other model can go on from them
    max_tokens                                max_tokens
    stop_sequences, temperature, top_p        stop, temperature, top_p
    thinking.budget_tokens                    reasoning_effort: below 4096 low, below 16384 medium,
                                              else high
    output_config.effort                      reasoning_effort
    metadata.user_id                          user
    tools, tool_choice, output_config.format  see tools.py, schemas.py

Refused: what Anthropic runs or keeps (its own tools and their results, `container`, `mcp_servers`,
`compaction`, files by `file_id`), and `inference_geo`, which no other provider promises. `thread`,
a conversation that Anthropic keeps, is refused with the code by which its SDK goes on without one.
Dropped: `top_k`, `service_tier`, `speed`, `cache_control`, `diagnostics`, `context_management`,
`fallbacks`, and whatever neither side names.
"""

import msgspec

from tonewise.dialects.fields import (
    Json,
    a_count,
    a_list,
    a_number,
    a_text,
    an_object,
    kind_of,
    objects,
    refusal,
)
from tonewise.dialects.parts import chat_parts, text_part
from tonewise.dialects.schemas import chat_format_of_claude
from tonewise.dialects.tools import chat_tools, named

EFFORTS = ("low", "medium", "high", "xhigh", "max")
_BUDGETS = ((4096, "low"), (16_384, "medium"))
_ERROR = "Error: "


def to_chat(body: Json) -> Json:
    """The request as `POST /v1/chat/completions` has it; `body` is left as it is.

    Raises:
        DialectError: names the field that cannot be read, or not be carried over.
    """
    if body.get("thread") is not None:
        what = "conversations are kept by nobody here; send the whole of it, without thread"
        raise refusal(what, "thread", "thread_unsupported_request")
    for name, why in (
        ("compaction", "this server makes no conversation shorter"),
        ("container", "this server runs no code"),
        ("mcp_servers", "this server calls no MCP servers; declare their tools as your own"),
        ("inference_geo", "only Anthropic promises where it computes; name such models instead"),
    ):
        if body.get(name):
            raise refusal(f"{why}; leave it out", name)
    chat: Json = {name: body[name] for name in ("model", "stream") if name in body}
    chat["messages"] = [*_system(body.get("system"), "system"), *_conversation(body)]
    if body.get("max_tokens") is None:
        raise refusal("says how long the answer may be; it is required", "max_tokens")
    chat["max_tokens"] = a_count(body["max_tokens"], "max_tokens")
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            chat[name] = a_number(body[name], name)
    stops = a_list(body.get("stop_sequences"), "stop_sequences")
    if stops:
        chat["stop"] = [a_text(stop, f"stop_sequences[{at}]") for at, stop in enumerate(stops)]
    return {**chat, **chat_tools(body), **_thinking(body), **_output(body), **_user(body)}


def thinks_aloud(body: Json) -> bool:
    """Does the client ask for the model's thoughts?"""
    asked = body.get("thinking")
    if not isinstance(asked, dict) or asked.get("display") == "omitted":
        return False
    return asked.get("type") in ("enabled", "adaptive", "between_tools")


def _thinking(body: Json) -> Json:
    if body.get("thinking") is None:
        return {}
    asked = an_object(body["thinking"], "thinking")
    if kind_of(asked, "thinking") != "enabled":
        return {}
    budget = a_count(asked.get("budget_tokens"), "thinking.budget_tokens")
    return {"reasoning_effort": next((name for top, name in _BUDGETS if budget < top), "high")}


def _output(body: Json) -> Json:
    made: Json = {}
    if body.get("output_config") is None:
        return made
    config = an_object(body["output_config"], "output_config")
    effort = config.get("effort")
    if effort is not None and effort not in EFFORTS:
        raise refusal(f"must be one of {', '.join(EFFORTS)}", "output_config.effort")
    if effort is not None:
        made["reasoning_effort"] = effort
    if config.get("format") is not None:
        made["response_format"] = chat_format_of_claude(config["format"], "output_config.format")
    return made


def _user(body: Json) -> Json:
    metadata = body.get("metadata")
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return {"user": user} if isinstance(user, str) and user else {}


# ---------------------------------------------------------------- the conversation


def _system(content: object, where: str) -> list[Json]:
    if content is None:
        return []
    if isinstance(content, str):
        return [{"role": "system", "content": content}]
    texts = []
    for at, block in objects(content, where):
        if kind_of(block, at) != "text":
            raise refusal("system holds text only", f"{at}.type")
        texts.append(a_text(block.get("text"), f"{at}.text"))
    return [{"role": "system", "content": "\n\n".join(texts)}] if texts else []


def _conversation(body: Json) -> list[Json]:
    if not isinstance(body.get("messages"), list):
        raise refusal("must be a list of messages", "messages")
    made: list[Json] = []
    for where, turn in objects(body["messages"], "messages"):
        content, place = turn.get("content"), f"{where}.content"
        match turn.get("role"):
            case "system":
                made += _system(content, place)
            case "user" | "assistant" as role if isinstance(content, str):
                made.append({"role": role, "content": content})
            case "user":
                made += _heard(content, place)
            case "assistant":
                made += _said(content, place)
            case _:
                raise refusal("must be user, assistant or system", f"{where}.role")
    return made


def _heard(content: object, where: str) -> list[Json]:
    """A user turn: what its tools gave, and then the rest of it."""
    results: list[Json] = []
    seen: list[Json] = []
    rest: list[Json] = []
    for at, block in objects(content, where):
        if kind_of(block, at) == "tool_result":
            result, shown = _result(block, at)
            results.append(result)
            seen += shown
        else:
            rest += chat_parts(block, at)
    parts = seen + rest
    if len(parts) == 1 and parts[0]["type"] == "text":
        return [*results, {"role": "user", "content": parts[0]["text"]}]
    return [*results, {"role": "user", "content": parts}] if parts else results


def _result(block: Json, where: str) -> tuple[Json, list[Json]]:
    """A tool message, and what a tool message cannot hold: images and documents."""
    call = a_text(block.get("tool_use_id"), f"{where}.tool_use_id")
    content, where = block.get("content"), f"{where}.content"
    parts = (
        [text_part(content)]
        if isinstance(content, str)
        else [part for at, inner in objects(content, where) for part in chat_parts(inner, at)]
    )
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    shown = [part for part in parts if part["type"] != "text"]
    if shown:
        shown.insert(0, text_part(f"(Shown by the tool call {call}:)"))
    if block.get("is_error") is True and not text.startswith(_ERROR):
        text = _ERROR + text
    return {"role": "tool", "tool_call_id": call, "content": text}, shown


def _said(content: object, where: str) -> list[Json]:
    texts: list[str] = []
    calls: list[Json] = []
    for at, block in objects(content, where):
        match kind_of(block, at):
            case "tool_use":
                calls.append(_call(block, at))
            case "thinking" | "redacted_thinking":
                pass
            case "text":
                texts.append(a_text(block.get("text"), f"{at}.text"))
            case other:
                what = f"{other!r} means something to Anthropic's models only; leave it out"
                raise refusal(what, f"{at}.type")
    if not texts and not calls:
        return []
    made: Json = {"role": "assistant", "content": "".join(texts) if texts else None}
    return [{**made, "tool_calls": calls} if calls else made]


def _call(block: Json, where: str) -> Json:
    given = an_object(block.get("input", {}), f"{where}.input")
    function = {"name": named(block, where), "arguments": msgspec.json.encode(given).decode()}
    call = a_text(block.get("id"), f"{where}.id")
    return {"id": call, "type": "function", "function": function}
