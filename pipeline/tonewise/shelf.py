"""Recordings that their callers may take away: a link each, unguessable and short-lived.

A link is made for one call whose caller asked for it, leads nowhere before the call is over, and to
nothing but that call's recording. It is told to that caller alone and kept in memory alone: it is
in no log and no recording, and a server that stops forgets it.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tonewise.errors import TonewiseError

MINUTES = 15.0
"""After the end of the call."""


class NotYetError(TonewiseError):
    """The call goes on."""


@dataclass(slots=True)
class _Laid:
    folder: Path
    until: float = float("inf")
    over: bool = False


class Shelf:
    """The links of a server.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._laid: dict[str, _Laid] = {}

    def lay(self, folder: Path) -> str:
        """A link to a recording that has begun."""
        self._tidy()
        link = secrets.token_urlsafe(32)
        self._laid[link] = _Laid(folder)
        return link

    def over(self, link: str) -> None:
        """The call is over, and its recording written."""
        if laid := self._laid.get(link):
            laid.over, laid.until = True, self._clock() + MINUTES * 60

    def folder(self, link: str) -> Path:
        """Where the recording lies.

        Raises:
            NotYetError: its call is not over.
            KeyError: there is no such link, or its time is over.
        """
        self._tidy()
        laid = self._laid[link]
        if not laid.over:
            raise NotYetError("the call goes on; its recording can be fetched when it is over")
        return laid.folder

    def forget(self, link: str) -> None:
        """From now on the link leads nowhere."""
        self._laid.pop(link, None)

    def _tidy(self) -> None:
        now = self._clock()
        for link in [link for link, laid in self._laid.items() if laid.until <= now]:
            del self._laid[link]
