"""A call that was never made, written down: what the caller says, and when; what goes wrong.

    language = "en"
    voice = "espeak"                    # who speaks its lines; else the [tts] of the settings

    [[steps]]
    say = "Where is my order?"

    [[steps]]                           # 0.4 s into our reply
    say = "No, wait!"
    barge_in = 0.4

    [[steps]]
    pause = 1.5

    [[steps]]
    press = "12#"

    [[steps]]
    play = "sigh.wav"                   # beside the script

    [[faults]]
    turn = 2
    outcome = "rate_limited"

A caller who has spoken waits for the reply to end, unless a pause or a barge-in comes next.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from tonewise import audio_file
from tonewise.errors import AudioError, RecordingError
from tonewise.facts import Scalar
from tonewise.recording import tables
from tonewise.replaying.faults import Fault

KEYS = frozenset("0123456789*#ABCD")
"""Of a telephone."""

Wait = Annotated[float, Meta(ge=0, le=600)]


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that the caller does; exactly one of `say`, `play`, `pause` and `press`.

    Attributes:
        say: a line, spoken by TTS.
        play: a recording beside the script; its first channel.
        pause: seconds of silence.
        press: keys of the telephone, one after the other.
        barge_in: with `say` and `play`: so many seconds after our reply began.
    """

    say: str | None = None
    play: str | None = None
    pause: Wait | None = None
    press: str | None = None
    barge_in: Wait | None = None

    @property
    def does(self) -> list[str]:
        """Which of the four it does."""
        return [key for key in ("say", "play", "pause", "press") if getattr(self, key) is not None]


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scripted call.

    Attributes:
        voice: the TTS engine of its lines; None takes the settings'.
        voice_options: of that engine.
        spoken_to: the caller hears our replies spoken, where the settings name a voice; without it
            a reply takes no time and nothing can be spoken over.
        noise_dbfs: of the line, white; None: digital silence.
    """

    steps: tuple[Step, ...]
    language: str | None = None
    voice: str | None = None
    voice_options: dict[str, Any] = {}
    spoken_to: bool = True
    noise_dbfs: Annotated[float, Meta(ge=-120, le=-20)] | None = None
    caller: dict[str, Scalar] = {}
    faults: tuple[Fault, ...] = ()


def read(path: Path) -> Script:
    """A script.

    Raises:
        RecordingError: the message names the file and the line.
    """
    script = tables.read(path, Script)
    for number, step in enumerate(script.steps):
        if wrong := _wrong(step, path.parent):
            line = tables.line_of(path.read_text(encoding="utf-8-sig"), ("steps", number))
            raise RecordingError(f"{path}:{line}: step {number + 1} {wrong}")
    if not script.steps:
        raise RecordingError(f"{path}:1: a script needs steps: [[steps]]")
    return script


def _wrong(step: Step, folder: Path) -> str:
    if len(step.does) != 1:
        told = " and ".join(step.does) or "nothing"
        return f"does {told}; a step is one of say, play, pause and press"
    if step.barge_in is not None and step.does[0] not in ("say", "play"):
        return f"cannot barge in with {step.does[0]}; only say and play can"
    if step.press is not None and not (step.press and KEYS.issuperset(step.press)):
        return f"presses {step.press!r}; a telephone has the keys 0 to 9, *, # and A to D"
    if step.play is not None:
        try:
            audio_file.probe(folder / step.play)
        except AudioError as error:
            return f"cannot be played: {error}"
    return ""
