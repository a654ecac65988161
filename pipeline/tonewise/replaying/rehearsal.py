"""A call, replayed: on its own clock, with live stages or recorded ones."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from tonewise import audio_file, plugins
from tonewise.audio import Samples
from tonewise.call import Call
from tonewise.engines import Engines
from tonewise.errors import RecordingError, TonewiseError
from tonewise.events import AnyEvent, CallStarted, ConsentChanged, KeyPressed
from tonewise.keeping import Recording
from tonewise.live_events import CallTuned
from tonewise.peer import EmotionSwitched, Inbound, Tuned, Witness
from tonewise.recorders import Recorders
from tonewise.recording.folder import CallFolder, Sealing
from tonewise.replaying import script
from tonewise.replaying.expectations import FILE as EXPECTATIONS
from tonewise.replaying.faults import with_faults
from tonewise.replaying.recorded import Recorded
from tonewise.replaying.scripted_caller import ScriptedCaller
from tonewise.replaying.turn_log import TurnTaken, turns
from tonewise.stages import TtsEngine
from tonewise.transports.replay import Replay
from tonewise.tuning import Tuning

SCRIPT = "script.toml"

Tell = Callable[[AnyEvent], None]


@dataclass(frozen=True)
class Replayed:
    """What came of a replay."""

    path: Path
    events: tuple[AnyEvent, ...]
    error: TonewiseError | None = None

    @cached_property
    def turns(self) -> tuple[TurnTaken, ...]:
        """Turn by turn."""
        return turns(self.events)


class Source:
    """A call that can be replayed: a recording, a folder, or a script.

    Args:
        path: where it is.
        channel: the caller's, where the call itself does not say.
        seal: opens what is encrypted.

    Raises:
        RecordingError: there is no call, or its files cannot be understood.
        AudioError: its sound cannot be heard.
    """

    def __init__(
        self, path: Path, channel: int | None = None, seal: Callable[[], Sealing] | None = None
    ) -> None:
        self.path = path
        self.folder: CallFolder | None = None
        self.script: script.Script | None = None
        self._channel = channel
        if path.is_dir() and not (path / SCRIPT).exists():
            self.folder = CallFolder(path, seal)
        elif path.is_dir() or path.suffix == ".toml":
            self._script_at = path / SCRIPT if path.is_dir() else path
            self.script = script.read(self._script_at)

    @cached_property
    def recorded(self) -> tuple[AnyEvent, ...]:
        """What was recorded of it."""
        return self.folder.events() if self.folder else ()

    @property
    def expectations(self) -> Path:
        """Where it stands what is expected of it."""
        if self.path.is_dir():
            return self.path / EXPECTATIONS
        return self.path.with_suffix(f".{EXPECTATIONS}")

    @property
    def seconds(self) -> float | None:
        """How long its sound is; None where that is not known."""
        if self.script:
            return None
        if self.folder and self.folder.about.seconds:
            return self.folder.about.seconds
        return audio_file.probe(self.sound, self.opened).seconds

    @property
    def sound(self) -> Path:
        """Its recording.

        Raises:
            RecordingError: a script has none.
        """
        if self.script:
            raise RecordingError(f"{self.path}: a script has no sound; replay it with --record")
        return self.folder.sound if self.folder else self.path

    def opened(self, path: Path) -> BinaryIO:
        """Its recording, to be read."""
        return self.folder.opened(path) if self.folder else audio_file.plainly(path)

    @property
    def caller_channel(self) -> int:
        """From 0."""
        told = self.folder.caller_channel if self.folder else None
        return next((number for number in (self._channel, told) if number is not None), 0)

    def transport(
        self, engines: Engines, speed: float = 0.0, *, spoken: bool = False
    ) -> Replay | ScriptedCaller:
        """The caller; `spoken` lets a recorded one hear our replies, which then take time."""
        if self.script:
            return ScriptedCaller(self._script_at, self.script, self._voice(engines))
        if not self.folder:
            return Replay(self.path, self._channel, speed=speed, speaks=spoken)
        about, began = self.folder.about, next(iter(self.recorded), None)
        known = began if isinstance(began, CallStarted) else None
        channel = self.folder.caller_channel if self._channel is None else self._channel
        return Replay(
            self.folder.sound,
            channel,
            caller=about.caller or (known.caller if known else {}),
            speed=speed,
            speaks=spoken,
            language=about.language or (known.language if known else None),
            call=about.call or self.path.name,
            opener=self.folder.opened,
            keys=[(each.at, each.digit) for each in self.recorded if isinstance(each, KeyPressed)],
            asked=_asked(self.recorded),
        )

    def _voice(self, engines: Engines) -> TtsEngine | None:
        if not self.script or not any(step.say for step in self.script.steps):
            return None
        if self.script.voice:
            made: TtsEngine = plugins.load("tts", self.script.voice, self.script.voice_options)
            return made
        if engines.tts is None:
            msg = f'{self._script_at}: its lines need a voice; write voice = "espeak", or set [tts]'
            raise RecordingError(msg)
        return engines.tts


def _asked(recorded: Sequence[AnyEvent]) -> list[tuple[float, Inbound]]:
    """What the caller's page asked for and got, each at its second of the call."""
    asked: list[tuple[float, Inbound]] = []
    for event in recorded:
        match event:
            case CallTuned(at=at, weights=weights, patience=patience, only=only):
                asked.append((at, Tuned(Tuning(weights, patience, only))))
            case ConsentChanged(at=at, emotion=on, by="api"):
                asked.append((at, EmotionSwitched(on)))
    return asked


class _All:
    """Several witnesses as one."""

    def __init__(self, tell: Tell, witnesses: Sequence[Witness]) -> None:
        self._tell = tell
        self._witnesses = witnesses

    def told(self, event: AnyEvent) -> None:
        self._tell(event)
        for witness in self._witnesses:
            witness.told(event)

    def heard(self, samples: Samples) -> None:
        for witness in self._witnesses:
            witness.heard(samples)

    def spoke(self, turn: int, samples: Samples, at_s: float) -> None:
        for witness in self._witnesses:
            witness.spoke(turn, samples, at_s)


async def replay(
    engines: Engines,
    source: Source,
    *,
    recorded: Collection[str] = (),
    speed: float = 0.0,
    spoken: bool = False,
    tell: Tell = lambda _: None,
    record: Path | None = None,
    follow: Sequence[Witness] = (),
) -> Replayed:
    """Replay a call.

    Args:
        engines: live.
        source: the call.
        recorded: stages that are taken from the recording instead.
        speed: 1 is real time, 0 as fast as it goes.
        spoken: speak the replies, on the audio's own clock.
        tell: told every event.
        record: make a folder of it here, unredacted.
        follow: more witnesses.

    Returns:
        The events, and what was wrong with the recording where it broke off, or could not be made.

    Raises:
        RecordingError: a stage is to be taken from a call that has no events.
    """
    if recorded and not source.recorded:
        stages = ", ".join(recorded)
        raise RecordingError(f"{source.path}: it has no events, so {stages} must be live")
    stand_in = Recorded(turns(source.recorded), recorded)
    events: list[AnyEvent] = []

    def note(event: AnyEvent) -> None:
        events.append(event)
        tell(event)

    transport = source.transport(engines, speed, spoken=spoken)
    faults = source.script.faults if source.script else ()
    own = with_faults(stand_in.engines(engines), faults, source.path)
    keeping = Recording(folder=str(record or ""), consent="assumed", keep_days=None, redact=())
    troubles: list[str] = []
    made = Recorders(own, keeping, {}, troubled=troubles.append)
    recorder = made.of(transport.greeting, patient=True)
    witnesses = [stand_in, *follow, *([recorder] if recorder else [])]
    try:
        await Call(own, transport, witness=_All(note, witnesses)).run()
    finally:
        if recorder:
            recorder.close()
    lost = RecordingError(f"{source.path}: {troubles[0]}") if troubles else None
    return Replayed(source.path, tuple(events), transport.error or lost)
