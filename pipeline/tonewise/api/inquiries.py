"""Questions to the store, in threads and a few at a time: who looks may wait, calls may not."""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tonewise.api.problems import ApiError
from tonewise.errors import StoreError

AT_ONCE = 2
"""Questions that are worked on at a time: the database has other work."""
PATIENCE_S = 20.0
"""Seconds that a question may wait for its turn, and again that it may take."""

T = TypeVar("T")


class Inquiries:
    """One app's."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def ask(self, work: Callable[[], T]) -> T:
        """Done in a thread, when there is one to spare; one that is too slow ends by itself.

        Raises:
            ApiError: 503, too many ask, or the store is away; 504, it takes too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
        except TimeoutError as error:
            msg = "others are asking the store; try again in a moment"
            raise ApiError(503, msg, kind="server_error", retry_after_s=5) from error
        task = asyncio.ensure_future(asyncio.to_thread(work))
        task.add_done_callback(self._over)
        await asyncio.wait({task}, timeout=PATIENCE_S)
        if not task.done():
            raise _too_slow()
        try:
            return task.result()
        except StoreError as error:
            raise ApiError(503, str(error), kind="server_error", retry_after_s=5) from error

    def _over(self, task: asyncio.Task[T]) -> None:
        self._free.release()
        if not task.cancelled():
            task.exception()  # looked at, although nobody may be waiting any more


def in_time(rows: Iterable[T]) -> Iterator[T]:
    """The same, as long as somebody may be waiting for them.

    Raises:
        ApiError: 504, nobody is any more.
    """
    ends = time.monotonic() + PATIENCE_S
    for row in rows:
        if time.monotonic() > ends:
            raise _too_slow()
        yield row


def _too_slow() -> ApiError:
    msg = f"the store took more than {PATIENCE_S:g} s; ask for a shorter time"
    return ApiError(504, msg, kind="server_error")
