"""A chat completions request, as Anthropic's Messages API takes it.

    chat completions                        Messages
    messages: system, developer             system, wherever they stood
      user, assistant                       the same; neighbours of one role are one turn
      assistant.tool_calls                  tool_use
      tool                                  tool_result, first in the next user turn
    max_completion_tokens, max_tokens       max_tokens, else the model's own
    stop                                    stop_sequences
    temperature 0 to 2                      temperature 0 to 1: above 1 is 1
    top_p                                   top_p, where no temperature is given: not both
    reasoning_effort                        output_config.effort; `none`: thinking disabled
    user, safety_identifier                 metadata.user_id
    tools, response_format                  see tools.py, schemas.py

Refused: `n` above 1, `logprobs`, `logit_bias`, sound, `functions` (the old form of tools), web
search, and stop sequences of white space alone. Dropped, as hints that change nothing that was
asked for: `seed`, penalties, `verbosity`, `prediction`, `service_tier`, cache keys, `name` of a
message, and whatever neither side names.
"""

from typing import Any

from tonewise.dialects.arguments import asked_with
from tonewise.dialects.fields import (
    Json,
    a_count,
    a_list,
    a_number,
    a_text,
    an_object,
    objects,
    refusal,
)
from tonewise.dialects.parts import claude_block, text_part
from tonewise.dialects.schemas import claude_format
from tonewise.dialects.tools import claude_id, claude_stand_ins, claude_tools, named

OPENING = "(Begin.)"
"""Stands in for the user where there is only a system message, or the assistant spoke first: the
API wants the first message to be the user's."""

FOREIGN = "tonewise"
"""What stands for a signature under thoughts that are not Claude's own."""

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"} | {
    "xhigh": "xhigh",
    "max": "max",
}


def messages_request(body: Json, max_tokens: int = 4096) -> Json:
    """The request for `POST /v1/messages`.

    Args:
        body: of `POST /v1/chat/completions`; it is left as it is.
        max_tokens: the longest reply, where the body does not say.

    Raises:
        DialectError: names the field that Claude cannot be asked for.
    """
    _check(body)
    system, turns, called = _conversation(body)
    made: Json = {name: body[name] for name in ("model", "stream") if name in body}
    made["max_tokens"] = _limit(body, max_tokens)
    made["messages"] = turns
    made |= _format(body, system)
    if system:
        cached = any("cache_control" in block for block in system)
        made["system"] = system if cached else "\n\n".join(block["text"] for block in system)
    made |= _sampling(body)
    made |= claude_tools(body) or claude_stand_ins(called)
    for name in ("user", "safety_identifier"):
        if isinstance(body.get(name), str) and body[name]:
            made["metadata"] = {"user_id": body[name]}
            break
    return made


def for_claude(body: Json) -> Json:
    """A Messages request without thoughts that are not Claude's own: it would refuse them.

    They are in it when another model answered earlier in the conversation. The same object comes
    back where there are none.
    """
    turns = body.get("messages")
    if not isinstance(turns, list) or not any(_is_foreign(b) for t in turns for b in _blocks(t)):
        return body
    kept = [
        {**turn, "content": [b for b in turn["content"] if not _is_foreign(b)]}
        if _blocks(turn)
        else turn
        for turn in turns
    ]
    return {**body, "messages": [turn for turn in kept if _blocks(turn) or turn.get("content")]}


def _blocks(turn: object) -> list[Any]:
    content = turn.get("content") if isinstance(turn, dict) else None
    return content if isinstance(content, list) else []


def _is_foreign(block: object) -> bool:
    return (
        isinstance(block, dict)
        and block.get("type") == "thinking"
        and block.get("signature") in (FOREIGN, "", None)
    )


def _check(body: Json) -> None:
    if body.get("n") not in (None, 1):
        raise refusal("Anthropic's models give one answer at a time; ask with n = 1", "n")
    for name in ("logprobs", "top_logprobs", "logit_bias", "web_search_options"):
        if body.get(name):
            raise refusal("Anthropic's models do not have it; leave it out", name)
    for name, now in (("functions", "tools"), ("function_call", "tool_choice")):
        if body.get(name):
            raise refusal(f"is the old form; say the same in {now}", name)
    if "audio" in a_list(body.get("modalities"), "modalities"):
        raise refusal("Anthropic's models answer in text; leave audio out", "modalities")


def _limit(body: Json, otherwise: int) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        if body.get(name) is not None:
            return a_count(body[name], name)
    return otherwise


def _sampling(body: Json) -> Json:
    made: Json = {}
    if body.get("temperature") is not None:
        made["temperature"] = min(a_number(body["temperature"], "temperature"), 1)
    elif body.get("top_p") is not None:
        made["top_p"] = a_number(body["top_p"], "top_p")
    if body.get("stop") is not None:
        listed = [body["stop"]] if isinstance(body["stop"], str) else a_list(body["stop"], "stop")
        for at, stop in enumerate(listed):
            if not a_text(stop, f"stop[{at}]").strip():
                what = "Anthropic's models stop at words only, and not at white space alone"
                raise refusal(what, f"stop[{at}]")
        if listed:
            made["stop_sequences"] = list(listed)
    return made


def _format(body: Json, system: list[Json]) -> Json:
    """`output_config` and `thinking`; where only JSON is asked for, `system` gains a sentence."""
    made: Json = {}
    config: Json = {}
    form = None if body.get("response_format") is None else claude_format(body["response_format"])
    if isinstance(form, str):
        system.append(text_part(form))
    elif form is not None:
        config["format"] = form
    effort = body.get("reasoning_effort")
    if effort == "none":
        made["thinking"] = {"type": "disabled"}
    elif isinstance(effort, str) and effort in _EFFORTS:
        config["effort"] = _EFFORTS[effort]
    elif effort is not None:
        raise refusal(f"must be none, {', '.join(_EFFORTS)}", "reasoning_effort")
    return {**made, "output_config": config} if config else made


# ---------------------------------------------------------------- the conversation


def _conversation(body: Json) -> tuple[list[Json], list[Json], list[str]]:
    """The system's words, the turns, and the names of tools that were called in them."""
    system: list[Json] = []
    turns: list[Json] = []
    called: list[str] = []
    for where, message in objects(body.get("messages"), "messages"):
        match message.get("role"):
            case "system" | "developer":
                system += _content(message, where)
            case "user":
                _add(turns, "user", _content(message, where))
            case "assistant":
                calls = _calls(message, where)
                called += [call["name"] for call in calls]
                _add(turns, "assistant", [*_spoken(message, where), *calls])
            case "tool":
                _add(turns, "user", [_result(message, where)])
            case other:
                told = other if isinstance(other, str) else None
                what = f"must be system, developer, user, assistant or tool, not {told!r}"
                raise refusal(what, f"{where}.role")
    if not turns or turns[0]["role"] != "user":
        turns.insert(0, {"role": "user", "content": [text_part(OPENING)]})
    _trim_the_end(turns[-1])
    return system, turns, called


def _add(turns: list[Json], role: str, blocks: list[Json]) -> None:
    if blocks and turns and turns[-1]["role"] == role:
        turns[-1]["content"] += blocks
    elif blocks:
        turns.append({"role": role, "content": blocks})


def _content(message: Json, where: str) -> list[Json]:
    """Its blocks, without the blank ones, which the API refuses."""
    content, where = message.get("content"), f"{where}.content"
    if content is None:
        return []
    if isinstance(content, str):
        blocks = [text_part(content)]
    else:
        blocks = [claude_block(part, at) for at, part in objects(content, where)]
    return [b for b in blocks if b["type"] != "text" or b["text"].strip()]


def _spoken(message: Json, where: str) -> list[Json]:
    if message.get("function_call"):
        raise refusal("is the old form; say the same in tool_calls", f"{where}.function_call")
    if message.get("audio"):
        what = "Anthropic's models do not hear; send the words as content"
        raise refusal(what, f"{where}.audio")
    blocks = _content(message, where)
    declined = message.get("refusal")
    if not blocks and isinstance(declined, str) and declined.strip():
        blocks = [text_part(declined)]
    return blocks


def _calls(message: Json, where: str) -> list[Json]:
    made = []
    for at, call in objects(message.get("tool_calls"), f"{where}.tool_calls"):
        if call.get("type", "function") != "function":
            raise refusal("Anthropic's models call functions only", f"{at}.type")
        function = an_object(call.get("function"), f"{at}.function")
        given = function.get("arguments", "")
        made.append(
            {
                "type": "tool_use",
                "id": claude_id(a_text(call.get("id"), f"{at}.id")),
                "name": named(function, f"{at}.function"),
                "input": asked_with(a_text(given, f"{at}.function.arguments")),
            }
        )
    return made


def _result(message: Json, where: str) -> Json:
    call = claude_id(a_text(message.get("tool_call_id"), f"{where}.tool_call_id"))
    blocks = _content(message, where)
    made: Json = {"type": "tool_result", "tool_use_id": call}
    if isinstance(message.get("content"), str) and blocks:
        made["content"] = message["content"]
    elif blocks:
        made["content"] = blocks
    return made


def _trim_the_end(turn: Json) -> None:
    """Words that the model shall go on from must not end in white space: the API refuses that."""
    last = turn["content"][-1]
    if turn["role"] == "assistant" and last["type"] == "text":
        last["text"] = last["text"].rstrip()
