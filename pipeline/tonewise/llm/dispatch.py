"""Walks a plan: asks its models until one has answered, and joins what they say to one reply.

    fault                             what follows
    busy, and asks us to wait         the next model; the same again, if nobody is left and it is
                                      worth the wait; it rests meanwhile, for all calls
    an error, no way in, garbage      the next model; the same again, once, if nobody is left
    silence, or no useful text        the next model; asked earlier, beside it, where it may be
    refused, filtered, bad request    the next model
    conversation too long             a model that holds more, or the same without the older half
    breaks off after some words       the next model goes on from what was said
    several faults in a row           the model rests for a while, for all calls

The caller never hears a thing twice, and nothing of a model that was given up.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence

from tonewise.default_models import Attempts
from tonewise.llm.continuation import Words
from tonewise.llm.target import Attempt, Target
from tonewise.llm.walk import Walk
from tonewise.stages import LlmRequest

__all__ = ["Attempt", "Target", "answer"]


async def answer(
    targets: Sequence[Target],
    request: LlmRequest,
    clock: Callable[[], float],
    on_cancelled: Callable[[Attempt], None] | None = None,
    settings: Attempts = Attempts(),  # noqa: B008 - it is frozen
) -> AsyncGenerator[str | Attempt, None]:
    """The reply, piece by piece, and the record of every try as it ends.

    Joined, the pieces are what the models said, without white space around it. The record of a try
    comes after its pieces; only the half of a word that a model left behind comes last of all, if
    nobody went on from there. Closing the generator, or cancelling the task that waits for it,
    cancels the requests upstream.

    Args:
        targets: the models to try, the first first.
        request: what they are asked.
        clock: seconds, for the figures in the records. The bounds keep the event loop's time, and
            time that the consumer takes between two pieces is not held against the model.
        on_cancelled: is given the records of the tries that were under way when the caller left,
            which a closed generator can no longer yield.
        settings: how models stand in for each other.
    """
    walk, words = Walk(targets, request, clock, settings), Words()
    try:
        while event := await walk.next():
            if isinstance(event, Attempt):
                yield event
                continue
            words.go_on(prefilled=event.target.prefill)
            piece = event.first
            while piece:
                if text := words.take(piece):
                    event.heard = True
                    yield text
                    walk.heard(event)
                piece = await event.words()
            rest = words.finish() if walk.ends_with(event) else words.broke_off()
            event.heard = event.heard or bool(rest)
            await walk.leave(event, words.said)
            if rest:
                yield rest
        if rest := words.finish():
            yield rest
    except (asyncio.CancelledError, GeneratorExit):
        for record in walk.cancelled():
            if on_cancelled:
                on_cancelled(record)
        raise
    finally:
        await walk.close()
