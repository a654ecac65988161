"""One Protocol per stage: read this page before adding an engine.

A stage is a question asked of every turn. An engine answers it, and is one file in the stage's
folder with a function `load(**options)` that returns it; the file's name is the engine's name.

    folder       question                      engine          returns
    vad/         is this speech?               VadEngine       a probability per frame
    stt/         what was said?                SttEngine       Transcript
    acoustic/    how was it said?              AcousticEngine  VoiceCues
    endpoint/    is the caller done?           EndpointEngine  Patience
    routing/     who should answer?            Policy          Plan
    llm/         what is the answer?           LlmEngine       a stream of Deltas
    tts/         how does it sound?            TtsEngine       a stream of Samples

An engine is loaded once and shared by all calls, so it holds no call's state: what belongs to one
call lives in what `open()` returns. `vad`, `stt`, `acoustic` and `endpoint` are synchronous and
compute; all but the VAD run in worker threads, side by side, for many calls at once. `routing` is
pure: the same turn gives the same plan. Only `llm`, `tts` and the transports (`peer.py`) wait, and
are async.
"""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.facts import Patience, Scalar, Transcript, VoiceCues
from tonewise.plan import Circumstances, Exchange, ModelFacts, Plan

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

    emotion: bool  # may feelings be read? Set to False, what was learnt of them is forgotten

    def measure(self, turn: TurnAudio) -> VoiceCues:
        """How a turn was said, or so far: the same `start_s` is the same turn. As `transcribe`."""
        ...


class AcousticEngine(Protocol):
    """How was it said?"""

    name: str
    emotion: bool  # does it read feelings at all? Then callers have to be told

    def open(self) -> AcousticStream:
        """The cues of one call."""
        ...


# ---------------------------------------------------------------- endpoint


@dataclass(frozen=True, slots=True)
class Lull:
    """A silence in the caller's turn, and all that is known when it is asked about.

    Attributes:
        turn: the sound so far, from shortly before the first speech to now.
        silence_s: since the latest speech ended.
        transcript: the words so far; None where STT has not told them yet.
        cues: how they were said; None where that is not known yet.
        pauses: earlier silences of the caller's that turned out to be pauses, in seconds.
    """

    turn: TurnAudio
    silence_s: float
    transcript: Transcript | None = None
    cues: VoiceCues | None = None
    pauses: tuple[float, ...] = ()


class EndpointStream(Protocol):
    """One call's."""

    def patience(self, lull: Lull) -> Patience:
        """How long to wait. Asked once when a lull begins and again when its words are known.

        Runs in a worker thread; the same lull gives the same answer.
        """
        ...


class EndpointEngine(Protocol):
    """Is the caller done? Hears only the past."""

    name: str

    def open(self, language: str | None = None) -> EndpointStream:
        """Endpointing for one call."""
        ...


# ---------------------------------------------------------------- routing


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


# ---------------------------------------------------------------- tts


class TtsEngine(Protocol):
    """How does it sound? Shared by all calls; says many things at once, or one after the other."""

    name: str

    def speak(self, text: str, language: str | None = None) -> AsyncGenerator[Samples, None]:
        """A sentence or a part of one as 16 kHz sound, piece by piece as it is made.

        Closing the generator stops the work, also upstream.

        Args:
            text: as a person would read it aloud; no markup.
            language: ISO 639-1 code; None takes the engine's own.

        Raises:
            StageError: the engine could not say it.
        """
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
