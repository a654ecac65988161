"""A request as the router sees it: the last words of the user are the turn, all before is history.

Words only: pictures, sounds and what tools said do not count as said. While a round of tool calls
goes on, the turn is still the one that began it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from tonewise.api.options import Options, plain, wrong
from tonewise.facts import Transcript
from tonewise.plan import Circumstances, Exchange
from tonewise.stages import Message, Turn

MOST_EXCHANGES = 50
"""Of the history that are looked at, the latest ones."""

_TOOLS = ("tool", "function")
_SYSTEM = ("system", "developer")


class Part(msgspec.Struct):
    """Of a message; only the words are read."""

    text: Any = None


class Said(msgspec.Struct):
    """A message of the request; only who said which words is read."""

    role: str = ""
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """Its words, the parts on a line each."""
        if isinstance(self.content, str):
            return self.content
        parts = [part.text for part in self.content or ()]
        return "\n".join(text for text in parts if isinstance(text, str) and text)


_decode = msgspec.json.Decoder(list[Said]).decode


def messages(value: object) -> list[Said]:
    """The conversation of a chat completion request.

    Args:
        value: of its field `messages`, as it came or decoded.

    Raises:
        ApiError: 400, names the message that is wrong.
    """
    if value is None:
        raise wrong("messages", "it is missing; send a list of messages")
    try:
        if isinstance(value, msgspec.Raw):
            said = _decode(value)
        else:
            said = msgspec.convert(value, list[Said])
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        raise wrong(f"messages{where.rstrip('`')}", what[:1].lower() + what[1:]) from error
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise wrong("messages", f"it cannot be read: {error}") from error
    if not said:
        raise wrong("messages", "it is empty; send at least one message")
    return said


def turn_of(
    said: list[Said],
    options: Options,
    only: tuple[str, ...] = (),
    time: str | None = None,
    decision: str = "",
) -> Turn:
    """The turn that a request asks an answer for.

    Args:
        said: the conversation.
        options: what the request wishes.
        only: models that may answer; empty: all.
        time: local time in ISO 8601.
        decision: draws the variant of an experiment where the request names no `user`.
    """
    exchanges = _exchanges(said)
    words = exchanges.pop()[0] if exchanges else ""
    number = len(exchanges) + 1
    # Who answered is told for the last exchange alone, and only if the client echoes it.
    history = tuple(
        Exchange(turn, told, replied, "", options.began if turn == number - 1 else "")
        for turn, (told, replied) in enumerate(exchanges, 1)
    )
    around = Circumstances(
        call=decision,
        wire="api",
        time=time,
        weights=options.weights,
        only=only,
        tools=in_tools(said),
    )
    return Turn(
        number,
        Transcript(words),
        options.cues,
        history[-MOST_EXCHANGES:],
        options.caller,
        around,
    )


def in_tools(said: list[Said]) -> bool:
    """Does a round of tool calls go on?"""
    return said[-1].role in _TOOLS


def prompt(said: list[Said]) -> tuple[Message, ...]:
    """The words of the conversation, for an engine that knows nothing else."""
    told: list[Message] = []
    for one in said:
        if text := one.text:
            if one.role in _SYSTEM:
                told.append(Message("system", text))
            elif one.role == "assistant":
                told.append(Message("assistant", text))
            else:
                told.append(Message("user", text))
    return tuple(told)


def longest_reply(fields: Mapping[str, Any], usual: int) -> int:
    """Tokens that a request wants at most.

    Raises:
        ApiError: 400, that cannot be read.
    """
    for name in ("max_completion_tokens", "max_tokens"):
        value = plain(fields.get(name), name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return usual


def _exchanges(said: list[Said]) -> list[tuple[str, str]]:
    """What the user said and what was replied; what was said in several messages is one turn."""
    told: list[tuple[str, str]] = []
    answered = True
    for one in said:
        text = one.text
        if one.role == "user":
            if answered:
                told.append((text, ""))
            else:
                told[-1] = (f"{told[-1][0]}\n{text}".strip(), "")
            answered = False
        elif one.role == "assistant" and told:
            words, replied = told[-1]
            told[-1] = (words, f"{replied}\n{text}".strip() if replied else text)
            answered = True
    return told
