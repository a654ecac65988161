"""Walks a plan of real engines against servers of ours."""

import time
from contextlib import aclosing, asynccontextmanager

from tonewise import plugins
from tonewise.default_models import Attempts
from tonewise.llm.dispatch import Attempt, Target, answer
from tonewise.stages import LlmRequest, Message
from upstream import Behaviour, Upstream, upstream

KEY = "sk-test-0123456789abcdefghij"
ASKED = LlmRequest(turn=1, route="fast", messages=(Message("user", "Hello."),))
PATIENCE_S = 0.15
"""What a model that is to be found silent is given; others have seconds."""
IMPATIENT = {"first_token_s": PATIENCE_S, "stall_s": PATIENCE_S}
DEAD_AIR_S = 0.7
"""What the caller may wait beyond the bounds that the settings name, on a busy machine."""


class Plan:
    """Targets by name, each with a server of its own, and what became of walks through them."""

    def __init__(self, targets: list[Target], servers: list[Upstream]) -> None:
        self.targets = targets
        self.servers = servers

    async def walk(self, settings=Attempts(), asked=ASKED) -> tuple[str, list[Attempt]]:  # noqa: B008
        """The whole reply, and the attempts."""
        return await walk(self.targets, settings, asked)

    async def outcomes(self, settings=Attempts()) -> list[tuple[str, str]]:  # noqa: B008
        return [(a.model, a.outcome) for a in (await self.walk(settings))[1]]


async def walk(targets, settings=Attempts(), asked=ASKED, on_cancelled=None):  # noqa: B008
    """All pieces as one text, and the attempts."""
    text, attempts = "", []
    stream = answer(targets, asked, time.perf_counter, on_cancelled, settings)
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            if isinstance(piece, Attempt):
                attempts.append(piece)
            else:
                text += piece
    return text, attempts


@asynccontextmanager
async def plan(**models: Behaviour | tuple[Behaviour, dict]):
    """A plan of models that behave so. Bounds of a target go beside its behaviour.

    A model whose name begins with `claude` speaks Anthropic's language.
    """
    targets, servers, contexts = [], [], []
    try:
        for name, model in models.items():
            behave, bounds = model if isinstance(model, tuple) else (model, {})
            context = upstream(behave)
            server = await context.__aenter__()
            contexts.append(context)
            servers.append(server)
            kind = "anthropic" if name.startswith("claude") else "openai_compatible"
            engine = plugins.load("llm", kind, {"model": name, "base_url": server.url})
            targets.append(Target(name, engine, **bounds))
        yield Plan(targets, servers)
    finally:
        for target in targets:
            await target.engine.aclose()
        for context in contexts:
            await context.__aexit__(None, None, None)


async def silences(targets, settings=Attempts()):  # noqa: B008 - it is frozen
    """The reply, the attempts, and the longest that the caller waited for a word."""
    text, attempts, longest, heard = "", [], 0.0, time.perf_counter()
    stream = answer(targets, ASKED, time.perf_counter, settings=settings)
    async with aclosing(stream) as pieces:
        async for piece in pieces:
            if isinstance(piece, Attempt):
                attempts.append(piece)
                continue
            text += piece
            longest, heard = max(longest, time.perf_counter() - heard), time.perf_counter()
    return text, attempts, longest
