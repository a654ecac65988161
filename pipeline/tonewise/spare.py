"""Work that may as well not be done: one thread that gives way, beside the workers of all calls."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
A = TypeVar("A")

_NICENESS = 15
"""Whoever else wants the processor gets it (Linux knows it thread by thread; elsewhere it is as it
is)."""


class Spare:
    """Shared by all calls of a server. Nothing here holds up anything else.

    Attributes:
        stages: how many stages the workers have in hand or waiting.
    """

    def __init__(self) -> None:
        self.stages = 0
        self._thread = ThreadPoolExecutor(1, "spare", initializer=_give_way)
        self._busy = False

    @property
    def free(self) -> bool:
        """Is there nothing else to compute, in any call?"""
        return not (self.stages or self._busy)

    async def run(self, stage: Callable[[A], T], about: A) -> T:
        """Do it in the spare thread; only where `free`, so that nothing waits there."""
        self._busy = True
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, stage, about)
        finally:
            self._busy = False

    def close(self) -> None:
        """Let go of the thread; what it computes it brings to its end."""
        self._thread.shutdown(wait=False, cancel_futures=True)


def _give_way() -> None:
    with suppress(OSError, AttributeError):  # the system has no such thing, or forbids it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
