"""The demo responder: what answers where no model is configured. It says what it is."""

from collections.abc import AsyncGenerator

from tonewise.stages import Delta, LlmRequest

_QUOTED_WORDS = 12
_QUOTED_CHARACTERS = 90  # for languages that put no spaces between words


class _Demo:
    name = "demo"

    def __init__(self, words_per_delta: int) -> None:
        self._words_per_delta = words_per_delta

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """Two or three sentences, at once, the same for the same request."""
        words = _reply(request).split(" ")
        for start in range(0, len(words), self._words_per_delta):
            group = " ".join(words[start : start + self._words_per_delta])
            yield Delta(group if start == 0 else f" {group}")

    async def aclose(self) -> None:
        """Nothing to let go of."""


def load(words_per_delta: int = 4) -> _Demo:
    """The demo responder.

    Args:
        words_per_delta: size of the pieces in which the reply comes.
    """
    return _Demo(max(1, words_per_delta))


def _reply(request: LlmRequest) -> str:
    return (
        f"This is the demo responder, standing in for the {request.route} model."
        f"{_quote(_said(request))} Set OPENAI_API_KEY to hear a real answer."
    )


def _said(request: LlmRequest) -> str:
    """What the caller said since the last reply to them, which may have come in pieces."""
    pieces: list[str] = []
    for message in reversed(request.messages):
        if message.role == "user":
            pieces.insert(0, message.content)
        elif pieces:  # else it is a reply that another model has begun
            break
    return " ".join(pieces)


def _quote(said: str) -> str:
    words = said.split()
    beginning = " ".join(words[:_QUOTED_WORDS])[:_QUOTED_CHARACTERS].rstrip()
    if not beginning:
        return ""
    whole = beginning == " ".join(words)
    if not whole:
        return f" You said: {beginning.rstrip('.,;:!?')}…"
    return f" You said: {beginning}" + ("" if beginning[-1] in ".!?…。！？" else ".")
