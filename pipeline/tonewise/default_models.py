"""The settings of a model, and which models answer when the configuration names none.

The first provider whose key is in the environment; without any key, the built-in demo responder.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tonewise.plan import ModelFacts

Seconds = Annotated[float, Meta(gt=0, le=86_400)]


class Model(ModelFacts, frozen=True, forbid_unknown_fields=True):
    """A `[[models]]` entry: one model that may answer, and what `ModelFacts` tells of it.

    Attributes:
        name: ours, as plans and attempts call it.
        route: the class of models it belongs to.
        use: the LLM engine that talks to it.
        first_token: seconds that it may take to its first useful token; then the next one is tried.
        stall: seconds that it may take between one useful piece and the next; then, in a call, the
            next model goes on. To a client of the HTTP interfaces nobody can: there it is
            `[attempts] silence`, where that is longer.
        total: seconds that a whole reply may take.
        cold_first_token: in place of `first_token` where it has not answered for five minutes: a
            model that must be loaded first wants more. None: the same.
        hedge_after: seconds without a useful token after which the next model is asked beside it;
            who speaks first has the floor. Its p95 is a good value. None: never.
        prefill: the API goes on from a request that ends with the model's own words, as Anthropic's
            does up to Claude 4.5; where it does not, the model is asked to go on.
        options: for the engine's `load`.
    """

    name: Annotated[str, Meta(min_length=1)]
    route: Annotated[str, Meta(min_length=1)] = "fast"
    use: str = "openai_compatible"
    first_token: Seconds = 4.0
    stall: Seconds = 5.0
    total: Seconds = 60.0
    cold_first_token: Seconds | None = None
    hedge_after: Seconds | None = None
    prefill: bool = False
    options: dict[str, Any] = {}  # noqa: RUF012 - msgspec gives each model one of its own


class Attempts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How models stand in for each other.

    Attributes:
        carry_on: when a model breaks off in the middle of a reply, the next one goes on from what
            was said; otherwise the reply ends there.
        second_tries: how often, for one turn, a model is tried again after a passing fault, once
            nobody else is left.
        retry_wait: most seconds to wait for that, where the provider asks us to wait.
        silence: seconds without a word, whatever the number of models, after which no other one is
            asked. A client of the HTTP interfaces waits as long for the last one's first word, and
            between two pieces of a stream, where nobody could go on.
        max_price_ratio: a model that would cost more than so many times the plan's first is left
            out, where both prices are known. None: never.
        faults: of a model in a row, after which it rests, for all calls.
        cooldown: seconds that it rests; twice as long each time that it fails again, up to 300.
    """

    carry_on: bool = True
    second_tries: Annotated[int, Meta(ge=0, le=5)] = 1
    retry_wait: Annotated[float, Meta(ge=0, le=60)] = 2.0
    silence: Seconds = 30.0
    max_price_ratio: Annotated[float, Meta(ge=0)] | None = None
    faults: Annotated[int, Meta(ge=1, le=10_000)] = 3
    cooldown: Annotated[float, Meta(gt=0, le=300)] = 20.0


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
