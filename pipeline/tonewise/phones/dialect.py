"""What a provider says to us and is told: the other side of `wire/`, written from the documents.

A dialect is pure: it writes messages and reads them. `handset.py` has the sockets and the clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tonewise.wire.sound import Format
from tonewise.wire.telephone import Asked, Message


@dataclass(frozen=True, slots=True)
class Dialled:
    """A call that begins.

    Attributes:
        call: the provider's name for it.
        caller, called: telephone numbers.
        parameters: what the answer to the webhook wants passed on.
    """

    call: str
    caller: str
    called: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Play:
    """Sound for the caller, in the dialect's own form."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """Tell when everything before this has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Play nothing of what waits."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Hang up."""


Told = Play | Mark | Clear | Leave


@dataclass(frozen=True, slots=True)
class Answered:
    """What the webhook was answered with: where to stream to, and what to pass on."""

    url: str
    parameters: Mapping[str, str]


class Dialect(Protocol):
    """One call's.

    Attributes:
        form: of the sound, both ways.
        rings: True where a webhook is asked before the stream.
        subprotocol: of the WebSocket.
    """

    form: Format
    rings: bool
    subprotocol: str | None

    def ring(self, call: Dialled, url: str) -> Asked:
        """The webhook's request, unsigned."""
        ...

    def answered(self, body: str) -> Answered | None:
        """What its answer says; None: refused."""
        ...

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:
        """The headers that prove a webhook, or an upgrade, to be the provider's."""
        ...

    def hello(self, call: Dialled) -> list[Message]:
        """The start of the stream."""
        ...

    def sound(self, data: bytes) -> Message:
        """A packet of the caller's sound."""
        ...

    def key(self, digit: str) -> Message:
        """A key was pressed."""
        ...

    def reached(self, name: str) -> Message:
        """A mark was reached."""
        ...

    def cleared(self) -> list[Message]:
        """What is told of a clear, besides its marks."""
        ...

    def stop(self) -> list[Message]:
        """The caller hangs up."""
        ...

    def read(self, message: Message) -> Told | None:
        """What a message of the server's says."""
        ...
