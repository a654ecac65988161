"""Voice cues with a network: emotion, arousal, valence and filled pauses, beside all of prosody.

The network hears windows of 3 s, one every second and one at each pause (`windows.py`); what it
says of a window is kept while the turn grows, so nothing is heard twice. Feelings are told only
where they can be (`abstention.py`): a turn is either measured or `unknown`, never zero. Departures
from the caller's own first turns (`baseline.py`) stay in memory until the call ends.

Emotion can be switched off, for all calls or in the middle of one. Then the network is not asked at
all, not for filled pauses either, and what it told of the caller is forgotten; prosody goes on.

There is no `frustration` among these cues: it is a matter of words, too, and the router scores it.
"""

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from tonewise import assets
from tonewise.acoustic.abstention import SWITCHED_OFF, quality, too_little, too_noisy, unlikely
from tonewise.acoustic.baseline import Baseline, Lessons
from tonewise.acoustic.cue_network import CueNetwork, Reading
from tonewise.acoustic.filled_pauses import filled_pauses, joined
from tonewise.acoustic.prosody import ProsodyStream, prosody
from tonewise.acoustic.windows import Window, sigmoid, softmax, together, windows
from tonewise.audio import RATE
from tonewise.errors import PluginError
from tonewise.facts import Departure, VoiceCues
from tonewise.stages import TurnAudio

FILE = "model.onnx"
ANGER = ("anger", "angry")
"""What a network may call it."""

CALM_DEPARTURE = 1.0
"""Within so many standard deviations of their own usual arousal a caller is calm."""

MOST_DEPARTURE = 3.0

Heard = list[tuple[Window, Reading]]


class _Caller:
    """What is known of one caller's feelings; forgotten as a whole."""

    def __init__(self, network: CueNetwork) -> None:
        self._network = network
        self._card = network.card
        usual = self._card.baseline
        self._dimensions = [name for name in network.dimensions if name in usual]
        self._baseline = Baseline({name: usual[name].mean for name in self._dimensions})
        self._lessons = Lessons()
        self._start_s: float | None = None
        self._readings: dict[tuple[int, int], Reading] = {}

    def listen(self, turn: TurnAudio) -> Heard:
        """Every window of a turn; those of its last time are remembered."""
        if turn.start_s != self._start_s:
            self._start_s, self._readings = turn.start_s, {}
        card, known = self._card, self._readings
        found = windows(turn, card.window_s, card.hop_s, card.frame_s)
        spans = [(each.begin, each.end) for each in found]
        self._readings = {
            span: known.get(span) or self._network.read(turn.samples[slice(*span)])
            for span in spans
        }
        heard = zip(found, self._readings.values(), strict=True)
        return [(window, reading) for window, reading in heard if reading.finite]

    def with_filled_pauses(self, cues: VoiceCues, heard: Heard) -> VoiceCues:
        """How many filled pauses there are, where the network listens for them."""
        frame_s = self._card.frame_s
        parts = [
            (round(window.begin / RATE / frame_s), reading.filled_pause)
            for window, reading in heard
            if reading.filled_pause is not None
        ]
        if not parts:
            return cues
        limits = self._card.thresholds
        found = filled_pauses(
            joined(parts),
            limits.filled_pause,
            least_s=limits.filled_pause_least_s,
            bridge_s=limits.filled_pause_bridge_s,
            frame_s=frame_s,
        )
        lasted = sum(each.end_s - each.start_s for each in found)
        return replace(cues, filled_pauses=len(found), filled_pause_s=round(lasted, 2))

    def with_feelings(self, cues: VoiceCues, heard: Heard, start_s: float) -> VoiceCues:
        """Emotion, arousal and valence, or why they are unknown.

        Where no feeling stands out none is named, but how aroused a voice is can be told all the
        same: it transfers to unknown callers better than any label.
        """
        self._lessons.begin(start_s)
        if why := too_little(cues) or (None if heard else "the network could not hear the turn"):
            return replace(cues, unknown=why)
        spans = [window for window, _ in heard]
        shares = softmax(together(spans, [reading.emotion for _, reading in heard]))
        emotion = dict(zip(self._card.labels, (round(float(p), 4) for p in shares), strict=True))
        why = unlikely(emotion, self._card.thresholds.unknown)
        logits = together(spans, [reading.dimensions for _, reading in heard])
        measured = dict(zip(self._network.dimensions, (float(x) for x in logits), strict=True))
        told = {name: round(float(sigmoid(np.array(x))), 4) for name, x in measured.items()}
        departures = self._departures(measured)
        self._keep(cues, measured, self._is_calm(emotion, departures))
        return replace(
            cues,
            emotion=None if why else emotion,
            unknown=why,
            arousal=told["arousal"],
            valence=told.get("valence"),
            departure=Departure(**departures) if self._baseline.begun else None,
        )

    def _departures(self, measured: dict[str, float]) -> dict[str, float]:
        """From what is usual for this caller, in the population's standard deviations."""
        found = {}
        for name in self._dimensions:
            by = (measured[name] - self._baseline.usual(name)) / self._card.baseline[name].sd_within
            found[name] = round(min(MOST_DEPARTURE, max(-MOST_DEPARTURE, by)), 2)
        return found

    def _is_calm(self, emotion: dict[str, float], departures: dict[str, float]) -> bool:
        anger = max((emotion[name] for name in ANGER if name in emotion), default=0.0)
        angry = anger >= self._card.thresholds.anger
        return not angry and abs(departures["arousal"]) <= CALM_DEPARTURE

    def _keep(self, cues: VoiceCues, measured: dict[str, float], calm: bool) -> None:
        known = {name: measured[name] for name in self._dimensions}
        heard_well, speech_s = cues.quality or 0.0, cues.speech_s

        def teach() -> None:
            if not self._baseline.ready:
                self._baseline.learn(known, speech_s, heard_well)
            elif calm:
                self._baseline.drift(known, heard_well)

        self._lessons.keep(teach)


class VoiceCuesStream:
    """One call's cues."""

    def __init__(self, network: CueNetwork | None) -> None:
        self._network = network
        self._prosody = ProsodyStream()
        self._caller = _Caller(network) if network else None

    @property
    def emotion(self) -> bool:
        """May feelings be read? May be set at any time, from any thread.

        False forgets at once what was learnt of them, also in the turn that is being measured.
        """
        return self._caller is not None

    @emotion.setter
    def emotion(self, on: bool) -> None:
        if not on:
            self._caller = None
        elif self._caller is None and self._network:
            self._caller = _Caller(self._network)

    def measure(self, turn: TurnAudio) -> VoiceCues:
        """The cues of a turn, or of as much of it as there is."""
        caller, cues = self._caller, prosody(turn)
        cues = replace(cues, quality=quality(cues))
        if caller is None:
            return self._without(cues, turn)
        if why := too_noisy(cues):
            return self._prosody.with_hesitation(replace(cues, unknown=why), turn.start_s)
        heard = caller.listen(turn)
        full = caller.with_filled_pauses(cues, heard)
        full = caller.with_feelings(full, heard, turn.start_s)
        if caller is not self._caller:  # switched off meanwhile
            return self._without(cues, turn)
        return self._prosody.with_hesitation(full, turn.start_s)

    def _without(self, cues: VoiceCues, turn: TurnAudio) -> VoiceCues:
        return self._prosody.with_hesitation(replace(cues, unknown=SWITCHED_OFF), turn.start_s)


class VoiceCuesEngine:
    """The network, loaded once; `open()` gives each call its own memory.

    Attributes:
        emotion: False where it was switched off for all calls.
        license: of the weights, for `tonewise doctor`.
        weight_files: that were loaded.
    """

    def __init__(self, model: str, path: Path | None) -> None:
        self._network = network = CueNetwork(path) if path else None
        self.emotion = network is not None
        self.weight_files = (path,) if path else ()
        self.name = "prosody, emotion off" if network is None else f"{model} {network.card.version}"
        self.license = network.card.license if network else ""

    def open(self) -> VoiceCuesStream:
        """The cues of one call."""
        return VoiceCuesStream(self._network)


def load(model: str = "voice-cues", emotion: bool = True) -> VoiceCuesEngine:
    """Voice cues by a network on the CPU.

    Args:
        model: a folder of `models/`, or the path of any ONNX file that keeps the contract
            (`acoustic/cue_network.py`).
        emotion: False loads no network at all: no call's feelings can be read, and filled pauses
            are absent as well.

    Raises:
        PluginError: there is no such model, or it does not keep the contract.
    """
    if not emotion:
        return VoiceCuesEngine(model, None)
    path = _file(model)
    return VoiceCuesEngine(path.stem if path.name != FILE else path.parent.name, path)


def _file(model: str) -> Path:
    given = Path(model)
    if given.suffix == ".onnx":
        if given.is_file():
            return given
        raise PluginError(f"acoustic 'voice_cues': there is no file {given}")
    folder = assets.folder("models")
    if (path := folder / model / FILE).is_file():
        return path
    here = sorted(path.parent.name for path in folder.glob(f"*/{FILE}"))
    choices = f"here are: {', '.join(here)}" if here else "none is here"
    msg = f"acoustic 'voice_cues': there is no model {model!r} ({path}); {choices}"
    raise PluginError(f"{msg}, or name an ONNX file of your own, or take the acoustic 'prosody'")
