"""What passes between a peer and a call: sound and signals in, events and speech out.

A peer is a browser, a telephone or a recording. Its transport moves the bytes; the call sees only
what stands here.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tonewise.audio import Samples
from tonewise.events import AnyEvent
from tonewise.facts import Scalar


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
class OtherParty:
    """On a recording: the other channel's voice ended at second `at` of the call."""

    at: float


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller's side is over. `answer_last_turn`: the audio simply ended (a recording)."""

    reason: str
    answer_last_turn: bool = False


Inbound = Heard | Played | Pressed | EmotionSwitched | OtherParty | HungUp


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is known when a call begins.

    Attributes:
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

    def play(self, turn: int, samples: Samples) -> None:
        """Sound of the reply to `turn`, 16 kHz, when it is due. Never blocks.

        What is given here comes paced: at most `speech.lead` seconds ahead of its time.
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
