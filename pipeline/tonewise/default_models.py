"""Which models answer when the configuration names none.

The first provider whose key is in the environment; without any key, the built-in demo responder.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `[[models]]` entry: one model that may answer.

    Attributes:
        name: ours, as plans and attempts call it.
        route: the class of models it belongs to.
        use: the LLM engine that talks to it.
        first_token: seconds that it may take to its first useful token; then the next one is tried.
        stall: seconds that it may take between one useful piece and the next.
        total: seconds that a whole reply may take.
        options: for the engine's `load`.
    """

    name: str
    route: str = "fast"
    use: str = "openai_compatible"
    first_token: Seconds = 4.0
    stall: Seconds = 5.0
    total: Seconds = 60.0
    options: dict[str, Any] = {}


def _pair(use: str, fast: str, frontier: str, **options: str) -> tuple[Model, ...]:
    # A frontier model thinks before its first word: it gets twice the time.
    return (
        Model(fast, "fast", use, 4.0, options={"model": fast, **options}),
        Model(frontier, "frontier", use, 8.0, options={"model": frontier, **options}),
    )


DEFAULT_MODELS: dict[str | None, tuple[Model, ...]] = {
    "ANTHROPIC_API_KEY": _pair("anthropic", "claude-haiku-4-5", "claude-sonnet-4-6"),
    "OPENAI_API_KEY": _pair("openai_compatible", "gpt-5.4-mini", "gpt-5.4"),
    "OPENROUTER_API_KEY": _pair(
        "openai_compatible",
        "openai/gpt-5.4-mini",
        "anthropic/claude-sonnet-4.6",
        base_url="https://openrouter.ai/api/v1",
        api_key_env="OPENROUTER_API_KEY",
    ),
    None: (Model("demo-fast", "fast", "demo"), Model("demo-frontier", "frontier", "demo")),
}
"""By the environment variable that holds the key, in the order in which they are looked for."""
