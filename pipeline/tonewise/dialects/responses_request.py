"""A request to /v1/responses, as chat completions take it.

    Responses                                    chat completions
    instructions                                 a system message, the first
    input: a string                              a user message
      message: user, assistant                   the same
      message: system, developer                 a system message
      function_call                              assistant.tool_calls
      function_call_output                       a tool message; images and files in it go into a
                                                 user message after all outputs
      reasoning                                  dropped: no other model can go on from it
    max_output_tokens                            max_tokens
    text.format, tools, tool_choice              see schemas.py, tools.py
    text.verbosity                               verbosity
    reasoning.effort                             reasoning_effort
    temperature, top_p, parallel_tool_calls,     the same
      user, prompt_cache_key, service_tier,
      safety_identifier

This server keeps nothing between requests. So `previous_response_id`, `conversation`, `background`,
`prompt` and items by reference are refused; `store` is accepted, and answered as false. Refused as
well: tools that OpenAI runs, tools in free text (`custom`), log probabilities, `moderation`.
Dropped: `include`, `truncation` (answered as `disabled`), `max_tool_calls`, `stream_options`,
`context_management`, and whatever neither side names. `metadata` is answered as it came.
"""

from tonewise.dialects.fields import (
    Json,
    a_count,
    a_number,
    a_text,
    an_object,
    objects,
    refusal,
    told,
)
from tonewise.dialects.parts import chat_part, text_part
from tonewise.dialects.schemas import chat_format_of_text
from tonewise.dialects.tools import chat_functions, named

_KEPT_NOWHERE = {
    "previous_response_id": "send the whole conversation in input",
    "conversation": "send the whole conversation in input",
    "prompt": "send its text in instructions",
    "background": "ask with stream, or wait for the answer",
}
_SAME = ("user", "prompt_cache_key", "safety_identifier", "service_tier")


def to_chat(body: Json) -> Json:
    """The request as `POST /v1/chat/completions` has it; `body` is left as it is.

    Raises:
        DialectError: names the field that cannot be read, or not be carried over.
    """
    _check(body)
    chat: Json = {name: body[name] for name in ("model", "stream") if name in body}
    messages = [*_instructions(body), *_conversation(body)]
    if not messages:
        raise refusal("says what there is to answer; it is required", "input")
    chat["messages"] = messages
    if body.get("max_output_tokens") is not None:
        chat["max_tokens"] = a_count(body["max_output_tokens"], "max_output_tokens")
    for name in ("temperature", "top_p"):
        if body.get(name) is not None:
            chat[name] = a_number(body[name], name)
    return {**chat, **chat_functions(body), **_text(body), **_reasoning(body), **told(body, *_SAME)}


def _check(body: Json) -> None:
    for name, instead in _KEPT_NOWHERE.items():
        if body.get(name):
            raise refusal(f"this server keeps nothing between requests; {instead}", name)
    if body.get("moderation"):
        raise refusal("this server moderates nothing; leave it out", "moderation")
    included = body.get("include")
    wanted = isinstance(included, list) and "message.output_text.logprobs" in included
    if wanted or body.get("top_logprobs"):
        what = "log probabilities are told by /v1/chat/completions only"
        raise refusal(what, "include" if wanted else "top_logprobs")


def _instructions(body: Json) -> list[Json]:
    if body.get("instructions") is None:
        return []
    return [{"role": "system", "content": a_text(body["instructions"], "instructions")}]


def _text(body: Json) -> Json:
    if body.get("text") is None:
        return {}
    text = an_object(body["text"], "text")
    made: Json = told(text, "verbosity")
    form = (
        None if text.get("format") is None else chat_format_of_text(text["format"], "text.format")
    )
    return made if form is None else {**made, "response_format": form}


def _reasoning(body: Json) -> Json:
    if body.get("reasoning") is None:
        return {}
    effort = an_object(body["reasoning"], "reasoning").get("effort")
    if effort is None:
        return {}
    return {"reasoning_effort": a_text(effort, "reasoning.effort")}


# ---------------------------------------------------------------- the conversation


def _conversation(body: Json) -> list[Json]:
    given = body.get("input")
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    made: list[Json] = []
    shown: list[Json] = []
    for where, item in objects(given, "input"):
        kind = a_text(item.get("type", "message"), f"{where}.type")
        if kind == "reasoning":
            continue
        if kind == "function_call_output":
            message, seen = _output(item, where)
            made.append(message)
            shown += seen
            continue
        if shown:
            made.append({"role": "user", "content": shown})
            shown = []
        if kind == "function_call":
            _add_call(made, _call(item, where))
        elif kind == "message":
            made.append(_message(item, where))
        else:
            raise _unknown(kind, where)
    return [*made, {"role": "user", "content": shown}] if shown else made


def _unknown(kind: str, where: str) -> Exception:
    if kind == "item_reference":
        what = "this server keeps nothing between requests; send the item itself"
    else:
        what = f"{kind!r} belongs to a tool that this server does not run; leave it out"
    return refusal(what, f"{where}.type")


def _message(item: Json, where: str) -> Json:
    role = item.get("role")
    if role not in ("user", "assistant", "system", "developer"):
        raise refusal("must be user, assistant, system or developer", f"{where}.role")
    role = "system" if role == "developer" else role
    return {"role": role, "content": _content(item.get("content"), f"{where}.content", role)}


def _content(content: object, where: str, role: str) -> str | list[Json]:
    """A string where it is all text: that is what every server takes."""
    if isinstance(content, str):
        return content
    parts = [chat_part(part, at) for at, part in objects(content, where)]
    if all(part["type"] == "text" for part in parts) and (len(parts) < 2 or role != "user"):
        return "".join(part["text"] for part in parts)
    if role != "user":
        raise refusal(f"the {role}'s messages hold text only", where)
    return parts


def _call(item: Json, where: str) -> Json:
    arguments = a_text(item.get("arguments"), f"{where}.arguments")
    function = {"name": named(item, where), "arguments": arguments}
    call = a_text(item.get("call_id"), f"{where}.call_id")
    return {"id": call, "type": "function", "function": function}


def _add_call(made: list[Json], call: Json) -> None:
    """Calls stand with the words before them, and several together."""
    if not made or made[-1]["role"] != "assistant":
        made.append({"role": "assistant", "content": None})
    made[-1].setdefault("tool_calls", []).append(call)


def _output(item: Json, where: str) -> tuple[Json, list[Json]]:
    """A tool message, and what a tool message cannot hold: images and files."""
    call = a_text(item.get("call_id"), f"{where}.call_id")
    given, where = item.get("output"), f"{where}.output"
    if isinstance(given, str):
        return {"role": "tool", "tool_call_id": call, "content": given}, []
    parts = [chat_part(part, at) for at, part in objects(given, where)]
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    shown = [part for part in parts if part["type"] != "text"]
    if shown:
        shown.insert(0, text_part(f"(Shown by the tool call {call}:)"))
    return {"role": "tool", "tool_call_id": call, "content": text}, shown
