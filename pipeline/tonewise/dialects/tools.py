"""Tools, the choice among them, and what structured answers must look like, in three formats.

    chat completions               Messages                       Responses
    tools[].function               tools[] (type custom)          tools[] (type function)
    tool_choice auto               auto                           auto
      none                           none                           none
      required                       any                            required
      {function: {name}}             {tool, name}                   {function, name}
      {allowed_tools}                fewer tools, auto or any       fewer tools, auto or required
    parallel_tool_calls: false     disable_parallel_tool_use      parallel_tool_calls: false
    response_format json_schema    output_config.format           text.format json_schema
      json_object                    a sentence in `system`         json_object

Tools that a provider runs itself (web search, code, computers) are refused: no other has them.
"""

import re
from hashlib import blake2b

from tonewise.dialects.fields import (
    Json,
    a_text,
    an_object,
    kind_of,
    objects,
    refusal,
    told,
)

_BUILT_IN = (
    "this server runs no tools of its own; declare a function, run it yourself and send its result"
)
_EMPTY: Json = {"type": "object", "properties": {}}
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")


def named(body: Json, where: str) -> str:
    """The `name` in an object.

    Raises:
        DialectError: it has none.
    """
    return a_text(body.get("name"), f"{where}.name")


def claude_id(call: str) -> str:
    """The identifier of a tool call in letters that Anthropic takes; others keep theirs apart."""
    clean = _FOREIGN.sub("_", call)
    if clean and clean == call:
        return call
    return f"{clean}_{blake2b(call.encode('utf-8', 'surrogatepass'), digest_size=4).hexdigest()}"


# ---------------------------------------------------------------- Messages to chat


def chat_tools(body: Json) -> Json:
    """`tools`, `tool_choice` and `parallel_tool_calls` of a chat request, from Messages.

    Raises:
        DialectError: a tool that Anthropic runs, or no tool at all.
    """
    made: Json = {}
    if tools := [_chat_tool(tool, where) for where, tool in objects(body.get("tools"), "tools")]:
        made["tools"] = tools
    if body.get("tool_choice") is None:
        return made
    choice = an_object(body["tool_choice"], "tool_choice")
    match kind_of(choice, "tool_choice"):
        case "auto" | "none" as kind:
            made["tool_choice"] = kind
        case "any":
            made["tool_choice"] = "required"
        case "tool":
            name = named(choice, "tool_choice")
            made["tool_choice"] = {"type": "function", "function": {"name": name}}
        case other:
            raise refusal(f"must be auto, any, tool or none, not {other!r}", "tool_choice.type")
    if choice.get("disable_parallel_tool_use") is True:
        made["parallel_tool_calls"] = False
    return made


def _chat_tool(tool: Json, where: str) -> Json:
    if tool.get("type") not in (None, "custom"):
        raise refusal(_BUILT_IN, f"{where}.type")
    schema = an_object(tool.get("input_schema"), f"{where}.input_schema")
    function: Json = {"name": named(tool, where), **told(tool, "description")}
    return {"type": "function", "function": {**function, "parameters": schema, **_strict(tool)}}


def _strict(tool: Json) -> Json:
    return {"strict": tool["strict"]} if isinstance(tool.get("strict"), bool) else {}


# ---------------------------------------------------------------- Responses to chat


def chat_functions(body: Json) -> Json:
    """`tools`, `tool_choice` and `parallel_tool_calls` of a chat request, from Responses.

    Raises:
        DialectError: a tool that OpenAI runs, or no tool at all.
    """
    made: Json = {}
    tools = [_chat_function(tool, where) for where, tool in objects(body.get("tools"), "tools")]
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        kind = kind_of(choice, "tool_choice")
        if kind == "function":
            name = named(choice, "tool_choice")
            choice = {"type": "function", "function": {"name": name}}
        elif kind == "allowed_tools":
            allowed = [(at, named(t, at)) for at, t in objects(choice.get("tools"), "tool_choice")]
            tools, choice = _allowed(tools, allowed, choice.get("mode"))
        else:
            raise refusal(_BUILT_IN, "tool_choice.type")
    elif choice is not None and choice not in ("auto", "none", "required"):
        raise refusal("must be auto, none, required, or one function by name", "tool_choice")
    if tools:
        made["tools"] = tools
    if choice is not None and tools:
        made["tool_choice"] = choice
    if isinstance(body.get("parallel_tool_calls"), bool) and tools:
        made["parallel_tool_calls"] = body["parallel_tool_calls"]
    return made


def _chat_function(tool: Json, where: str) -> Json:
    if kind_of(tool, where) != "function":
        raise refusal(_BUILT_IN, f"{where}.type")
    function: Json = {"name": named(tool, where), **told(tool, "description")}
    if tool.get("parameters") is not None:
        function["parameters"] = an_object(tool["parameters"], f"{where}.parameters")
    return {"type": "function", "function": {**function, **_strict(tool)}}


def _allowed(
    tools: list[Json], allowed: list[tuple[str, str]], mode: object
) -> tuple[list[Json], str]:
    """Only those tools, and how they are to be chosen from."""
    known = {tool["function"]["name"] for tool in tools}
    for where, name in allowed:
        if name not in known:
            raise refusal(f"there is no tool {name!r} in tools", f"{where}.name")
    names = {name for _, name in allowed}
    left = [tool for tool in tools if tool["function"]["name"] in names]
    return left, "required" if mode == "required" else "auto"


# ---------------------------------------------------------------- chat to Messages


def claude_tools(body: Json) -> Json:
    """`tools` and `tool_choice` of a Messages request, from chat completions.

    Raises:
        DialectError: a tool that is no function.
    """
    found = objects(body.get("tools"), "tools")
    tools = [_claude_tool(tool, where) for where, tool in found]
    choice, parallel = body.get("tool_choice"), body.get("parallel_tool_calls")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        tools, choice = _claude_allowed(tools, choice)
    if not tools:
        return {}
    chosen = _claude_choice(choice)
    if parallel is False and chosen["type"] != "none":
        chosen["disable_parallel_tool_use"] = True
    plain = chosen == {"type": "auto"} and choice is None
    return {"tools": tools} if plain else {"tools": tools, "tool_choice": chosen}


def _claude_tool(tool: Json, where: str) -> Json:
    if kind_of(tool, where) != "function":
        raise refusal("Anthropic's models take functions only", f"{where}.type")
    function, where = an_object(tool.get("function"), f"{where}.function"), f"{where}.function"
    given = function.get("parameters")
    schema = dict(_EMPTY) if given is None else an_object(given, f"{where}.parameters")
    made: Json = {"name": named(function, where), **told(function, "description")}
    made["input_schema"] = schema if "type" in schema else {"type": "object", **schema}
    cached = tool.get("cache_control")
    return {**made, **_strict(function), **({"cache_control": cached} if cached else {})}


def _claude_allowed(tools: list[Json], choice: Json) -> tuple[list[Json], str]:
    where = "tool_choice.allowed_tools"
    told_of = an_object(choice.get("allowed_tools"), where)
    places = objects(told_of.get("tools"), f"{where}.tools")
    names = {named(an_object(t.get("function"), at), f"{at}.function") for at, t in places}
    left = [tool for tool in tools if tool["name"] in names]
    return left, "required" if told_of.get("mode") == "required" else "auto"


def _claude_choice(choice: object) -> Json:
    if choice in (None, "auto"):
        return {"type": "auto"}
    if choice == "none":
        return {"type": "none"}
    if choice == "required":
        return {"type": "any"}
    asked = an_object(choice, "tool_choice")
    if asked.get("type") != "function":
        raise refusal("must be auto, none, required, or one function by name", "tool_choice")
    function = an_object(asked.get("function"), "tool_choice.function")
    return {"type": "tool", "name": named(function, "tool_choice.function")}


def claude_stand_ins(names: list[str]) -> Json:
    """Tools for a history that speaks of some while the request declares none.

    Anthropic wants every tool in the history declared; with `none` the model calls none of them.
    """
    tools = [{"name": name, "input_schema": dict(_EMPTY)} for name in dict.fromkeys(names)]
    return {"tools": tools, "tool_choice": {"type": "none"}} if tools else {}
