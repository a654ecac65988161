"""What a telephone says and is told, whoever carries it: the page to read before adding a wire.

A file in this room with a `load(**options)` is a telephone wire, and `/telephony/<its name>` is
where it calls. `load` gives a `Provider`, one for all calls; `Provider.open` gives a `Wire`, one
for each call. Neither has a socket or a clock: messages go in and events come out, events go in and
messages come out, and what needs the time is told it.

    the telephone rings      Provider.check_webhook → ringing → answer, or refuse
    it opens the stream      Provider.check_upgrade → open → Wire.read … Started → Wire.accept
    both speak               Wire.read → Media; Wire.media, mark, rest; the caller speaks: clear
    it is over               Stopped, or Wire.hang_up; Provider.transfer hands it to a person
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tonewise.audio import Samples
from tonewise.facts import Scalar
from tonewise.peer import Pressed
from tonewise.wire.sound import Format

UNSUPPORTED, INVALID, POLICY, TOO_BIG, TRY_LATER = 1003, 1007, 1008, 1009, 1013
"""Close codes of RFC 6455 §7.4.1 and its registry."""

Message = str | bytes
"""A WebSocket message: text or binary. On a TCP wire, any piece of the stream."""

# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Started:
    """The stream is open; nothing is heard before this.

    Attributes:
        call: the provider's name for the call, or the one that `answer` sent along.
        stream: the provider's name for the stream; the call's where it has none.
        format: of the caller's sound.
        caller: what the call's set-up passed on, for `caller.*` of the router's rules.
        token: the one-time token that `answer` sent along.
        language: ISO 639-1, where the provider tells it.
    """

    call: str
    stream: str
    format: Format
    caller: Mapping[str, Scalar] = field(default_factory=dict)
    token: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Media:
    """The caller's sound, 16 kHz. The first `filled` samples stand in for packets that are lost."""

    samples: Samples
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """The caller has heard everything up to the mark of this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The provider's queue is full (`paused`), or takes sound again."""

    paused: bool


@dataclass(frozen=True, slots=True)
class Reported:
    """The provider tells of something that went wrong. The call goes on."""

    error: str


@dataclass(frozen=True, slots=True)
class Due:
    """A message that the protocol wants sent back at once."""

    message: Message


@dataclass(frozen=True, slots=True)
class Stopped:
    """The provider ends the stream."""

    reason: str


WireEvent = Started | Media | Marked | Pressed | Flow | Reported | Due | Stopped

# ---------------------------------------------------------------- the stream


class Wire(Protocol):
    """One call's messages. A message of a kind that is not known says nothing.

    Attributes:
        marks: True where the provider tells when a mark is reached; else the clock has to.
        pace_ms: how long a message of sound lasts, where the next may be sent only when it is
            over; 0 where the provider buffers what it is sent, and plays it in time.
    """

    marks: bool
    pace_ms: int

    def read(self, message: Message) -> list[WireEvent]:
        """What a message says.

        Raises:
            WireError: it breaks the protocol; `close_code` tells in which way.
        """
        ...

    def accept(self) -> list[Message]:
        """What to send when the call is taken."""
        ...

    def media(self, samples: Samples) -> list[Message]:
        """Sound for the caller, 16 kHz; what fills no whole frame waits for the next."""
        ...

    def rest(self) -> list[Message]:
        """The last frame, filled up with silence, at the end of a reply."""
        ...

    def mark(self, name: str) -> list[Message]:
        """Ask to be told when everything sent so far has been heard."""
        ...

    def clear(self) -> list[Message]:
        """The caller speaks: drop what has not been played, and forget the marks behind it."""
        ...

    def press(self, digits: str) -> list[Message]:
        """Press keys towards the caller's side; nothing where the provider has no means."""
        ...

    def hang_up(self, reason: str) -> list[Message]:
        """What to send before the socket closes; `reason` is for the provider's log."""
        ...


# ---------------------------------------------------------------- call control


@dataclass(frozen=True, slots=True)
class Asked:
    """An HTTP request of the provider's, an upgrade to a WebSocket included.

    Attributes:
        method: as in `POST`.
        url: from the configured public origin, never from a header; with path and query, as the
            provider requested it (`wss://…` for an upgrade).
        headers: names in lower case.
        body: as it came.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Ringing:
    """A call that waits for an answer. Numbers are as the provider writes them."""

    call: str
    account: str = ""
    caller: str = ""
    called: str = ""


@dataclass(frozen=True, slots=True)
class Stream:
    """Where the provider should connect the call.

    Attributes:
        url: `wss://…`, without a query.
        call: the call's name; comes back in `Started`.
        token: from `stream_token.py`; comes back in `Started`.
        caller: comes back in `Started.caller`.
        greeting: what the provider's own voice says first; empty where ours does.
    """

    url: str
    call: str
    token: str
    caller: Mapping[str, str] = field(default_factory=dict)
    greeting: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer a webhook with."""

    content_type: str
    body: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the provider's API, without its secret: `auth` says how that is added.

    Attributes:
        auth: `basic`: `user` and the API's secret as the password; `bearer`: the secret alone.
    """

    method: str
    url: str
    content_type: str
    body: str
    auth: Literal["basic", "bearer"]
    user: str = ""


class Provider(Protocol):
    """Who brings calls: a telephone company's API, or a switch of one's own."""

    @property
    def name(self) -> str:
        """The plug-in's."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """The WebSocket subprotocol that must be chosen; None where there is none."""
        ...

    @property
    def secret_env(self) -> str:
        """The variable that holds what signatures are checked with; empty where none is."""
        ...

    @property
    def gives_token(self) -> bool:
        """True where `answer` puts a token into the stream: without it, it is a stranger's."""
        ...

    def open(self, query: Mapping[str, str]) -> Wire:
        """The messages of one call. `query`: what the stream's URL said after its `?`."""
        ...

    def check_webhook(self, asked: Asked, secret: str, now: float) -> str:
        """Is a webhook the provider's? What makes it one of a kind, to refuse it a second time.

        Args:
            asked: the request.
            secret: what stands in `secret_env`.
            now: seconds since 1970.

        Returns:
            a text that no honest request repeats; empty where the provider gives none.

        Raises:
            WireError: it is not, or it is too old.
        """
        ...

    def check_upgrade(self, asked: Asked, secret: str, now: float) -> str:
        """Is a stream the provider's? As `check_webhook`; says nothing where none is signed."""
        ...

    def ringing(self, asked: Asked) -> Ringing:
        """The call that a webhook tells of.

        Raises:
            WireError: it tells of none.
        """
        ...

    def answer(self, stream: Stream) -> Answer:
        """Connect the call to us."""
        ...

    def refuse(self) -> Answer:
        """Too many calls: say so with the provider's own means."""
        ...

    def transfer(self, call: Ringing, to: str) -> ApiRequest | None:
        """Hand a running call to the telephone number or SIP address `to`; None: see `end`."""
        ...

    def end(self, call: Ringing) -> ApiRequest | None:
        """Hang up a running call; None where closing the stream does it."""
        ...
