"""One Protocol per stage: read this page before adding an engine.

A stage is a question asked of every turn. An engine answers it, and is one file in the stage's
folder with a function `load(**options)` that returns it; the file's name is the engine's name.

    folder       question                      engine          returns
    vad/         is this speech?               VadEngine       a probability per frame
    stt/         what was said?                SttEngine       Transcript
    acoustic/    how was it said?              AcousticEngine  VoiceCues
    routing/     who should answer?            Policy          Plan
    llm/         what is the answer?           LlmEngine       a stream of Deltas
    transports/  where do bytes come from?     Transport       a stream of Inbound

An engine is loaded once and shared by all calls, so it holds no call's state: what belongs to one
call lives in what `open()` returns. `vad`, `stt` and `acoustic` are synchronous and compute; STT
and acoustic run in worker threads, side by side, for many calls at once. `routing` is pure: the
same turn gives the same plan. Only `llm` and `transports` wait, and are async.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.events import AnyEvent
from tonewise.facts import Circumstances, ModelFacts, Plan, Scalar, Transcript, VoiceCues

# ---------------------------------------------------------------- vad


class VadStream(Protocol):
    """The ear of one call: keeps what the engine remembers between frames."""

    def speech(self, frame: Samples) -> float:
        """The probability in [0, 1] that `frame` (exactly `frame_samples` long) holds speech."""
        ...


class VadEngine(Protocol):
    """Is this speech?

    Attributes:
        name: of the engine, as people read it.
        frame_samples: length of a frame at 16 kHz (160 to 512: 10 to 32 ms).
        threshold: probability from which a frame counts as speech, where the config names none.
    """

    name: str
    frame_samples: int
    threshold: float

    def open(self) -> VadStream:
        """A fresh stream for one call."""
        ...


# ---------------------------------------------------------------- stt and acoustic


@dataclass(frozen=True, slots=True)
class TurnAudio:
    """The sound of one turn.

    Attributes:
        samples: from shortly before the first speech to shortly after the last.
        start_s: where `samples` begins in the call.
        spoken: for each frame of `frame_s` seconds of `samples`, was it speech? The last frame may
            be shorter.
        frame_s: seconds per element of `spoken`.
        response_latency_s: from the end of our voice to this turn's first speech, where known.
    """

    samples: Samples
    start_s: float
    spoken: NDArray[np.bool_]
    frame_s: float
    response_latency_s: float | None = None

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return len(self.samples) / RATE


class SttStream(Protocol):
    """One call's STT."""

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The words of a turn. Runs in a worker thread, one turn of a call at a time.

        Raises:
            StageError: the engine could not do it.
        """
        ...


class SttEngine(Protocol):
    """What was said? `open` may be called from any thread; so may its streams, at once."""

    name: str

    def open(self, language: str | None = None) -> SttStream:
        """STT for one call; `language` (ISO 639-1) is what the caller is known to speak."""
        ...


class AcousticStream(Protocol):
    """One call's voice cues; what is learnt of the caller's voice dies with it."""

    def measure(self, turn: TurnAudio) -> VoiceCues:
        """How a turn was said. Runs in a worker thread, one turn of a call at a time."""
        ...


class AcousticEngine(Protocol):
    """How was it said?"""

    name: str

    def open(self) -> AcousticStream:
        """The cues of one call."""
        ...


# ---------------------------------------------------------------- routing


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier turn and its reply, as far as it was given.

    Attributes:
        model: who answered; empty where nobody did.
        frustration: as it was heard then, in [0, 1]; None where it was not measured.
        escalated: the turn went to a stronger route because of how the call went.
    """

    turn: int
    said: str
    replied: str
    route: str
    model: str = ""
    frustration: float | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """All that a policy may know of the turn to be answered.

    Attributes:
        number: from 1.
        transcript: what was said.
        cues: how it was said; None where the acoustic stage is off or failed, which is neutral.
        history: the latest exchanges, oldest first.
        caller: what the transport told of the caller (tier, language, queue …).
        around: what else is known when the turn is routed.
    """

    number: int
    transcript: Transcript
    cues: VoiceCues | None = None
    history: tuple[Exchange, ...] = ()
    caller: Mapping[str, Scalar] = field(default_factory=dict)
    around: Circumstances = Circumstances()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may answer, in the order of the configuration, and what is known of it."""

    name: str
    route: str
    facts: ModelFacts = field(default_factory=ModelFacts, hash=False)


class Policy(Protocol):
    """Who should answer? Pure: no clock, no randomness, no memory between calls."""

    name: str

    def decide(self, turn: Turn, candidates: tuple[Candidate, ...]) -> Plan:
        """An ordered plan of models to try, with reasons."""
        ...


# ---------------------------------------------------------------- llm


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class LlmRequest:
    """What a model is asked. `route` is for engines that say which model they stand for."""

    turn: int
    route: str
    messages: tuple[Message, ...]
    max_tokens: int = 400


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of a reply. `text` may be empty: keep-alives and role announcements are no words."""

    text: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None


class LlmEngine(Protocol):
    """What is the answer? One per configured model, shared by all calls."""

    name: str

    def stream(self, request: LlmRequest) -> AsyncGenerator[Delta, None]:
        """The reply, as it comes. Closing the generator cancels the request upstream.

        Raises:
            AttemptError: the model could not answer, or broke off.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...


# ---------------------------------------------------------------- transports


@dataclass(frozen=True, slots=True)
class Heard:
    """Caller audio, as it came."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Played:
    """The caller's device has played the reply to `turn` to its end: the floor is the caller's."""

    turn: int


@dataclass(frozen=True, slots=True)
class OtherParty:
    """On a recording: the other channel's voice ended at second `at` of the call."""

    at: float


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller's side is over. `answer_last_turn`: the audio simply ended (a recording)."""

    reason: str
    answer_last_turn: bool = False


Inbound = Heard | Played | OtherParty | HungUp


@dataclass(frozen=True, slots=True)
class Greeting:
    """What is known when a call begins."""

    call: str
    wire: str
    caller: Mapping[str, Scalar] = field(default_factory=dict)
    language: str | None = None


class Transport(Protocol):
    """Moves bytes between a peer and a call.

    Attributes:
        greeting: known once the transport is open.
        lock_step: True where time is the audio's own: the next frame waits for the reply.
    """

    greeting: Greeting
    lock_step: bool

    def receive(self) -> AsyncGenerator[Inbound, None]:
        """What comes from the peer; ends with, or after, a HungUp."""
        ...

    def send(self, event: AnyEvent) -> None:
        """Tell the peer what happened. Never blocks; a peer that does not read is hung up on."""
        ...
