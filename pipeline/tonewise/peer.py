"""What passes between a peer and a call: sound and signals in, events and speech out.

A peer is a browser, a telephone or a recording. Its transport moves the bytes; the call sees only
what stands here.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tonewise.audio import Samples
from tonewise.events import AnyEvent
from tonewise.facts import Scalar
from tonewise.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Heard:
    """Caller audio, as it came."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Played:
    """The caller's device has played the reply to `turn`.

    Attributes:
        turn: whose reply; 0 is what was said before the first turn.
        upto_s: seconds of its sound that have been played; None: all of it.
    """

    turn: int
    upto_s: float | None = None


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key of the telephone: one of 0 to 9, *, # and A to D."""

    digit: str


@dataclass(frozen=True, slots=True)
class EmotionSwitched:
    """The caller, or their application, wants the voice's feelings read, or not read any more."""

    on: bool


@dataclass(frozen=True, slots=True)
class Tuned:
    """The caller's page wishes the call to go by this from now on, in place of what it wished."""

    tuning: Tuning


@dataclass(frozen=True, slots=True)
class Rated:
    """What the caller thinks of the reply to `turn`.

    Attributes:
        score: from 0, bad, to 1, good.
        label: a word of the application's own.
    """

    turn: int
    score: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Misasked:
    """The caller's page asked for something that cannot be understood; `problem` tells why."""

    request: Literal["tune", "feedback"]
    problem: str


@dataclass(frozen=True, slots=True)
class OtherParty:
    """On a recording: the other channel's voice ended at second `at` of the call."""

    at: float


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller's side is over. `answer_last_turn`: the audio simply ended (a recording)."""

    reason: str
    answer_last_turn: bool = False


Wish = Tuned | Rated | Misasked
"""What a page asks for that is no matter of sound."""

Inbound = Heard | Played | Pressed | EmotionSwitched | Wish | OtherParty | HungUp


NAME_BYTES = 8
"""Random bytes of a call's identifier. Records are kept by it for years, so among a million calls
no two may have the same: with 8 that happens once in 40 million such years, with 4 a hundred times
in each."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is known when a call begins.

    Attributes:
        call: our own identifier of it, whatever the provider or the client calls it.
        notice_shown: the application has shown the caller our notice already: it is not spoken.
    """

    call: str
    wire: str
    caller: Mapping[str, Scalar] = field(default_factory=dict)
    language: str | None = None
    notice_shown: bool = False


class Transport(Protocol):
    """Moves bytes between a peer and a call.

    Attributes:
        greeting: known once the transport is open.
        lock_step: True where time is the audio's own: the next frame waits for the reply.
        speaks: True where the peer can hear us; else nothing is spoken to it.
        has_keys: True where the peer has the keys of a telephone.
    """

    greeting: Greeting
    lock_step: bool
    speaks: bool
    has_keys: bool

    def receive(self) -> AsyncGenerator[Inbound, None]:
        """What comes from the peer; ends with, or after, a HungUp."""
        ...

    def send(self, event: AnyEvent) -> None:
        """Tell the peer what happened. Never blocks; a peer that does not read is hung up on."""
        ...

    def play(self, turn: int, samples: Samples, from_s: float) -> None:
        """Sound of the reply to `turn`, 16 kHz, when it is due. Never blocks.

        What is given here comes paced: at most `speech.lead` seconds ahead of its time.

        Args:
            turn: whose reply; 0 is what is said before the first turn.
            samples: the sound.
            from_s: where in the reply it begins: one that was held goes on from a little before.
        """
        ...

    def stop_playing(self) -> None:
        """The caller speaks: what the peer has not played yet must not be played."""
        ...


class Witness(Protocol):
    """Follows a call: is told every event after the peer, and given both voices."""

    def told(self, event: AnyEvent) -> None:
        """What happened."""
        ...

    def heard(self, samples: Samples) -> None:
        """The caller's sound, all of it, in order: sample n is second n / 16000 of the call."""
        ...

    def spoke(self, turn: int, samples: Samples, at_s: float) -> None:
        """Our sound, as it was given to the peer, due at second `at_s` of the call."""
        ...
