"""The network that hears feelings and filled pauses: an ONNX file, and the contract it keeps.

    input      audio         float32 [batch, samples]    16 kHz PCM in [-1, 1], any length from 1 s
    outputs    emotion       float32 [batch, labels]     logits; their softmax is calibrated
               arousal       float32 [batch]             logit
               valence       float32 [batch]             logit; may be missing
               filled_pause  float32 [batch, frames]     a logit per frame_s; may be missing

    metadata   labels        JSON list of names, in the order of `emotion`
               rate          16000
               version, license, corpora                 for people
               window_s, hop_s, frame_s                  seconds: how it wants to listen
               thresholds    JSON {"unknown": …, "anger": …, "filled_pause": …} in [0, 1]; see there
               baseline      JSON {"arousal": {"mean": …, "sd_within": …}, "valence": …}, of logits

What a file leaves out is absent from the cues. Whatever else keeps this contract can be named in
the settings instead of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import onnxruntime
from msgspec import Meta
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.errors import PluginError
from tonewise.plan import Share

_INPUT = "audio"
_NEEDED, _OPTIONAL = ("emotion", "arousal"), ("valence", "filled_pause")
_IN_JSON = ("labels", "thresholds", "baseline")

Span = Annotated[float, Meta(gt=0, le=30)]


class Thresholds(msgspec.Struct, frozen=True):
    """From where on something counts.

    Attributes:
        unknown: posterior that the likeliest feeling must have.
        anger: posterior of anger that is an alarm: such a caller is not calm.
        filled_pause: posterior of a frame that belongs to a filled pause.
        filled_pause_least_s: how long one lasts at least.
        filled_pause_bridge_s: two with no more than this between them are one.
    """

    unknown: Share
    anger: Share = 0.5
    filled_pause: Share = 0.5
    filled_pause_least_s: Span = 0.16
    filled_pause_bridge_s: Share = 0.08


class Usual(msgspec.Struct, frozen=True):
    """A logit over the population: its mean, and its deviation between one speaker's turns."""

    mean: float
    sd_within: Annotated[float, Meta(gt=0)]


class Card(msgspec.Struct, frozen=True):
    """What an ONNX file says of itself."""

    labels: Annotated[tuple[str, ...], Meta(min_length=2)]
    rate: int
    version: str
    license: str
    window_s: Span
    hop_s: Span
    thresholds: Thresholds
    baseline: dict[str, Usual]
    frame_s: Span = 0.04
    corpora: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Logits of one window.

    Attributes:
        emotion: by label, shape [labels].
        dimensions: arousal and, where the network tells it, valence, shape [1 or 2].
        filled_pause: per frame, shape [frames]; None where the network does not listen for them.
    """

    emotion: NDArray[np.float64]
    dimensions: NDArray[np.float64]
    filled_pause: NDArray[np.float32] | None

    @property
    def finite(self) -> bool:
        """Is every number a number?"""
        told = (self.emotion, self.dimensions, self.filled_pause)
        return all(part is None or bool(np.isfinite(part).all()) for part in told)


class CueNetwork:
    """One session, shared by all calls and safe from any thread.

    Args:
        path: the ONNX file.

    Raises:
        PluginError: it is not there, is no ONNX file, or does not keep the contract.
    """

    def __init__(self, path: Path) -> None:
        self._session = _session(path)
        outputs = [output.name for output in self._session.get_outputs()]
        metadata = dict(self._session.get_modelmeta().custom_metadata_map)
        inputs = [given.name for given in self._session.get_inputs()]
        missing = [f"the input {_INPUT!r}"] if inputs != [_INPUT] else []
        missing += [f"the output {name!r}" for name in _NEEDED if name not in outputs]
        fields = msgspec.structs.fields(Card)
        missing += [
            f"the metadata {f.name!r}" for f in fields if f.required and f.name not in metadata
        ]
        if missing:
            raise PluginError(f"{_broken(path)}: it lacks {', '.join(missing)}")
        self.card = _card(path, metadata)
        self._outputs = [*_NEEDED, *(name for name in _OPTIONAL if name in outputs)]
        self._check(path)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """What `Reading.dimensions` holds: arousal, and valence where the network tells it."""
        return tuple(name for name in ("arousal", "valence") if name in self._outputs)

    def read(self, samples: Samples) -> Reading:
        """What the network hears in a window of at least 1 s, shape [n]."""
        heard = np.clip(np.nan_to_num(samples, nan=0.0), -1.0, 1.0)[np.newaxis]
        found = dict(
            zip(self._outputs, self._session.run(self._outputs, {_INPUT: heard}), strict=True)
        )
        filled = found.get("filled_pause")
        return Reading(
            emotion=found["emotion"][0].astype(np.float64),
            dimensions=np.array([float(found[name][0]) for name in self.dimensions]),
            filled_pause=None if filled is None else filled[0],
        )

    def _check(self, path: Path) -> None:
        """Ask it once, about a second of silence: shapes are told by no header."""
        try:
            reading = self.read(np.zeros(RATE, np.float32))
        except Exception as error:
            told = " ".join(str(error).split())[:300]
            raise PluginError(f"{_broken(path)}: it cannot be run: {told}") from error
        if reading.emotion.shape != (len(self.card.labels),):
            wanted, given = len(self.card.labels), reading.emotion.shape
            msg = f"{_broken(path)}: it has {wanted} labels, and 'emotion' is of shape {given}"
            raise PluginError(msg)
        frames = reading.filled_pause
        if frames is not None and (
            frames.ndim != 1 or abs(len(frames) * self.card.frame_s - 1) > 0.1
        ):
            msg = f"{_broken(path)}: for 1 s 'filled_pause' is of shape {frames.shape}"
            raise PluginError(f"{msg}, not a frame for every {self.card.frame_s} s")


def _card(path: Path, metadata: Mapping[str, str]) -> Card:
    """What the file says of itself; metadata are strings, some of them in JSON."""
    try:
        told: dict[str, Any] = {
            name: msgspec.json.decode(text) if name in _IN_JSON else text
            for name, text in metadata.items()
        }
        card = msgspec.convert(told, Card, strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise PluginError(f"{_broken(path)}: metadata: {error}") from error
    if card.rate != RATE:
        raise PluginError(f"{_broken(path)}: it wants {card.rate} Hz, and a call has {RATE} Hz")
    if "arousal" not in card.baseline:
        raise PluginError(f"{_broken(path)}: the metadata 'baseline' lack 'arousal'")
    return card


def _broken(path: Path) -> str:
    return f"{path} does not keep the contract of voice cues (acoustic/cue_network.py)"


def _session(path: Path) -> onnxruntime.InferenceSession:
    """One thread per window: calls run side by side, and a window is too small to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 4  # what goes wrong is raised, and told once
    try:
        return onnxruntime.InferenceSession(
            path, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        told = " ".join(str(error).split())[:300]
        raise PluginError(f"{path} cannot be read as an ONNX file: {told}") from error
