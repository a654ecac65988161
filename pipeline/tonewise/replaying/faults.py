"""Faults of models at given moments of a call, laid over whatever engine answers."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

import msgspec

from tonewise.engines import Engines
from tonewise.errors import AttemptError, Failure, RecordingError
from tonewise.plugins import did_you_mean
from tonewise.stages import Delta, LlmEngine, LlmRequest


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model that fails.

    Attributes:
        outcome: how; `stall` falls silent and never ends.
        turn: in which turn; None: in every one.
        model: which; None: each.
        after_words: pieces of its reply that it gives before.
    """

    outcome: Literal[Failure, "stall"]
    turn: int | None = None
    model: str | None = None
    after_words: int = 0


def with_faults(engines: Engines, faults: Sequence[Fault], place: object) -> Engines:
    """The same engines, whose models fail as told.

    Args:
        engines: live, or recorded.
        faults: of the models that these are.
        place: where the faults are written down.

    Raises:
        RecordingError: there is no such model, so that nothing would fail.
    """
    known = list(engines.targets)
    for fault in faults:
        if fault.model is not None and fault.model not in known:
            hint = did_you_mean(fault.model, known)
            there = f"under these settings answer: {', '.join(known)}"
            raise RecordingError(
                f"{place}: faults: there is no model {fault.model!r}{hint}; {there}"
            )
    targets = {}
    for name, target in engines.targets.items():
        own = [fault for fault in faults if fault.model in (None, name)]
        targets[name] = replace(target, engine=_Faulty(target.engine, own)) if own else target
    return replace(engines, targets=targets)


class _Faulty:
    def __init__(self, engine: LlmEngine, faults: Sequence[Fault]) -> None:
        self.name = engine.name
        self._engine = engine
        self._faults = faults

    async def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        fault = next((each for each in self._faults if each.turn in (None, request.turn)), None)
        given = 0
        if fault and not fault.after_words:
            await _fail(fault)
        async with aclosing(self._engine.stream(request)) as deltas:
            async for delta in deltas:
                if fault and delta.text and given == fault.after_words:
                    await _fail(fault)
                given += bool(delta.text)
                yield delta
        if fault:
            await _fail(fault)

    async def aclose(self) -> None:
        await self._engine.aclose()


async def _fail(fault: Fault) -> None:
    if fault.outcome == "stall":
        await asyncio.Event().wait()
        return
    raise AttemptError(fault.outcome, "the script says so")
