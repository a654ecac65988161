"""Replies from a script, with the faults of real models on demand: for tests and rehearsals."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import get_args

from tonewise.errors import AttemptError, ConfigError, Outcome
from tonewise.stages import Delta, LlmRequest

_FAULTS = tuple(
    name for name in get_args(Outcome) if name not in {"answered", "cancelled", "lost", "skipped"}
)


class _Scripted:
    name = "scripted"

    def __init__(
        self,
        replies: Sequence[str],
        delays_s: tuple[float, float],
        fail: Outcome | None,
        fail_after_words: int,
        fail_on_turns: Sequence[int],
        stall_after_words: int | None,
    ) -> None:
        self._replies = replies
        self._first_s, self._next_s = delays_s
        self._fail = fail
        self._fail_after = fail_after_words
        self._fail_on = frozenset(fail_on_turns)
        self._stall_after = stall_after_words

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """The reply to turn n: the n-th of the script, which begins anew after its last.

        Raises:
            AttemptError: as the script has it.
        """
        faulty = not self._fail_on or request.turn in self._fail_on
        words = self._replies[(request.turn - 1) % len(self._replies)].split(" ")
        for given, word in enumerate(words):
            delay_s = self._next_s if given else self._first_s
            if delay_s > 0:
                await asyncio.sleep(delay_s)
            if faulty:
                await self._misbehave(given)
            yield Delta(word if given == 0 else f" {word}")
        if faulty:
            await self._misbehave(max(len(words), self._fail_after))

    async def aclose(self) -> None:
        """Nothing to let go of."""

    async def _misbehave(self, given: int) -> None:
        if given == self._stall_after:
            await asyncio.Event().wait()
        if self._fail and given == self._fail_after:
            msg = f"the script says so, after {given} words"
            raise AttemptError(self._fail, msg)


def load(
    replies: Sequence[str] = ("All right.",),
    first_token_delay_s: float = 0.0,
    token_delay_s: float = 0.0,
    fail: Outcome | None = None,
    fail_after_words: int = 0,
    fail_on_turns: Sequence[int] = (),
    stall_after_words: int | None = None,
) -> _Scripted:
    """A model that says what it is told to.

    Args:
        replies: the reply to turn 1, to turn 2 and so on; after the last the first again.
        first_token_delay_s: seconds before the first word.
        token_delay_s: seconds before every other word.
        fail: the outcome to fail with.
        fail_after_words: words given before it fails.
        fail_on_turns: turns on which it fails or stalls; all where none is named.
        stall_after_words: words given before it falls silent for good; it never does where None.

    Raises:
        ConfigError: no replies, or no such outcome.
    """
    if isinstance(replies, str) or not replies:
        msg = "llm 'scripted': replies must be a list of at least one text"
        raise ConfigError(msg)
    if fail is not None and fail not in _FAULTS:
        msg = f"llm 'scripted': fail = {fail!r} is none of {', '.join(_FAULTS)}"
        raise ConfigError(msg)
    return _Scripted(
        tuple(replies),
        (first_token_delay_s, token_delay_s),
        fail,
        fail_after_words,
        fail_on_turns,
        stall_after_words,
    )
