"""What is forgotten of a conversation that a model cannot hold."""

from dataclasses import replace

from tonewise.stages import LlmRequest


def shortened(request: LlmRequest) -> LlmRequest | None:
    """The request without the older half of what was said before; None where nothing was.

    The instructions and the turn to be answered stay, and an exchange is kept or dropped whole.
    """
    system = [message for message in request.messages if message.role == "system"]
    spoken = [message for message in request.messages if message.role != "system"]
    turns = [place for place, message in enumerate(spoken) if message.role == "user"]
    if len(turns) < 2:
        return None
    kept = spoken[turns[(len(turns) + 1) // 2] :]
    return replace(request, messages=(*system, *kept))
