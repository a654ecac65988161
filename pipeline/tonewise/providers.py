"""What every provider behind HTTP has in common: our key, and its words without the key in them."""

import os
import re
from collections.abc import Iterable, Mapping

import msgspec

from tonewise.errors import ConfigError

MESSAGE_LENGTH = 200
"""Characters of a provider's message that are kept: enough to act on, and one line of a screen."""

_KEY_PIECE = 8
"""So many characters of a key in a row are taken for the key: providers echo it in part."""

_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)

_TELLING = ("error", "message", "msg", "detail", "type", "code")


def api_key(variable: str | None) -> str | None:
    """The key in an environment variable; None where no variable is named.

    Raises:
        ConfigError: the variable is not set, or holds what no header can carry.
    """
    if not variable:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        msg = (
            f"no API key: set the environment variable {variable}, or name another one in "
            'api_key_env (api_key_env = "" for a server that asks for no key)'
        )
        raise ConfigError(msg)
    check_header(key, f"the key in the environment variable {variable}")
    return key


def check_header(value: str, what: str) -> None:
    """Could a header carry this?

    Raises:
        ConfigError: it could not; `what` names it.
    """
    if not (value.isascii() and value.isprintable()):
        # The value stays untold: it may be a key with a stray character in it.
        msg = f"{what} holds a line break or another character that no HTTP header can carry"
        raise ConfigError(msg)


def secrets_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """What must never be shown of the headers that we send."""
    # A bare key, too: a provider echoes "sk-…" where we sent "Bearer sk-…".
    return tuple(
        value.removeprefix("Bearer ")
        for name, value in headers.items()
        if _SECRET_HEADER.search(name)
    )


def provider_message(body: bytes) -> str:
    """The provider's own words in the body of an error; empty where it holds none.

    Knows the shapes of OpenAI and Anthropic (`{"error": {"message"}}`), Ollama (`{"error"}`),
    FastAPI (`{"detail"}`) and plain text. A page of HTML says nothing.
    """
    try:
        return message_in(msgspec.json.decode(body))
    except (msgspec.DecodeError, RecursionError, ValueError):
        text = body.decode("utf-8", "replace").strip()
        return "" if text.startswith(("<", "{", "[")) else text


def message_in(error: object) -> str:
    """The words in an error object, however deep they lie."""
    while isinstance(error, dict | list):
        if isinstance(error, list):
            error = error[0] if error else ""
        else:
            error = next((error[name] for name in _TELLING if error.get(name)), "")
    return "" if error is None else str(error)


def presentable(text: str, secrets: Iterable[str]) -> str:
    """`text` on one line, without control characters or any piece of a secret, and cut short."""
    # Redacted before it is cut: a cut must not leave a piece too short to be recognised.
    line = " ".join("".join(c if c.isprintable() else " " for c in redacted(text, secrets)).split())
    return line if len(line) <= MESSAGE_LENGTH else line[: MESSAGE_LENGTH - 1] + "…"


def redacted(text: str, secrets: Iterable[str]) -> str:
    """`text` with `[key]` in place of every secret and every longer piece of one."""
    hidden = [False] * len(text)
    for secret in secrets:
        for start in range(max(1, len(secret) - _KEY_PIECE + 1)):
            piece = secret[start : start + _KEY_PIECE]
            at = text.find(piece) if piece else -1
            while at >= 0:
                hidden[at : at + len(piece)] = [True] * len(piece)
                at = text.find(piece, at + 1)
    kept: list[str] = []
    for place, character in enumerate(text):
        if not hidden[place]:
            kept.append(character)
        elif not place or not hidden[place - 1]:
            kept.append("[key]")
    return "".join(kept)
