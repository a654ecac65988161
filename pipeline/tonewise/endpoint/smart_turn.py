"""Smart Turn v3: a learned ear for endings, in 23 languages, where its file is there.

Daily's network (BSD-2-Clause): a Whisper-tiny encoder on the last 8 s of the turn, 8.7 MB, about
75 ms of CPU per silence. The file travels inside the wheel `pipecat-ai`; it is read from there, or
from `path`, and run by onnxruntime. Nothing of pipecat is imported.
"""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.errors import ConfigError, PluginError
from tonewise.facts import Patience, Term
from tonewise.stages import Lull

HEARD_S = 8
_IN_WHEEL = ("audio", "turn", "smart_turn", "data")
_WINDOW, _HOP, _BANDS = 400, 160, 80
"""Whisper's log-mel: 25 ms windows every 10 ms, 80 bands (Radford et al. 2022)."""

_CERTAIN = 1e-4


class SmartTurnStream:
    """One call's: remembers nothing, the turn so far is in every lull."""

    def __init__(self, engine: "SmartTurn") -> None:
        self._engine = engine

    def patience(self, lull: Lull) -> Patience:
        """From the sound alone; the words change nothing."""
        engine = self._engine
        done = engine.probability(lull.turn.samples)
        seconds = engine.longest - done * (engine.longest - engine.shortest)
        sounds = "finished" if done >= 0.5 else "unfinished"
        odds = min(max(done, _CERTAIN), 1 - _CERTAIN)
        return Patience(
            seconds=round(seconds, 3),
            done=round(done, 4),
            terms=(Term("smart_turn", round(done, 4), round(float(np.log(odds / (1 - odds))), 3)),),
            reason=f"Smart Turn hears a turn that is {done:.0%} likely to be over: {sounds}",
        )


class SmartTurn:
    """The network, loaded once and shared by all calls and threads."""

    name = "smart turn v3"

    def __init__(self, path: Path, shortest: float, longest: float) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise PluginError(f"endpoint smart_turn cannot read {path}: {error}") from error
        self._input = self._session.get_inputs()[0].name
        self.shortest, self.longest = shortest, longest

    def open(self, language: str | None = None) -> SmartTurnStream:
        """Endpointing for one call, in any language."""
        del language
        return SmartTurnStream(self)

    def probability(self, samples: Samples) -> float:
        """That a turn which sounds like this, up to now, is over."""
        mel = log_mel(np.nan_to_num(samples))
        answer = self._session.run(None, {self._input: mel[np.newaxis]})[0]
        return float(np.asarray(answer).reshape(-1)[0])


def load(path: str | None = None, shortest: float = 0.2, longest: float = 1.6) -> SmartTurn:
    """Smart Turn v3 on the CPU.

    Args:
        path: the ONNX file; None takes the one in pipecat-ai's wheel.
        shortest: seconds of silence that end a turn that is surely over.
        longest: and one that surely is not.

    Raises:
        ConfigError: an option out of range.
        PluginError: the file is not there.
    """
    if not 0.05 <= shortest <= longest <= 5:
        msg = f"endpoint smart_turn: 0.05 ≤ shortest ≤ longest ≤ 5, not {shortest} and {longest}"
        raise ConfigError(msg)
    return SmartTurn(Path(path) if path else _file_in_wheel(), shortest, longest)


def log_mel(samples: Samples) -> NDArray[np.float32]:
    """Whisper's features of the last 8 s, shape [80, 800]; what is missing at the front is silence.

    The whole window is brought to mean 0 and variance 1 first, as the network was trained.
    """
    sound = np.zeros(HEARD_S * RATE, np.float32)
    last = samples[-len(sound) :]
    if len(last):
        sound[-len(last) :] = last
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    padded = np.pad(sound.astype(np.float64), _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:-1]
    power = np.abs(np.fft.rfft(frames * _HANN)) ** 2
    mel = np.log10(np.maximum(_FILTERS @ power.T, 1e-10))
    features: NDArray[np.float32] = (np.maximum(mel, mel.max() - 8.0) / 4.0 + 1.0).astype(
        np.float32
    )
    return features


def _file_in_wheel() -> Path:
    spec = importlib.util.find_spec("pipecat")
    folder = Path(spec.origin).parent.joinpath(*_IN_WHEEL) if spec and spec.origin else None
    files = sorted(folder.glob("smart-turn-v3*.onnx")) if folder and folder.is_dir() else []
    if not files:
        msg = (
            "endpoint 'smart_turn' needs smart-turn-v3.2-cpu.onnx (BSD-2-Clause), which travels in "
            "the wheel pipecat-ai: python -m pip install --no-deps pipecat-ai, or download the "
            "wheel, unpack it and set the option path"
        )
        raise PluginError(msg)
    return files[-1]


def _mel_filters() -> NDArray[np.float64]:
    """Slaney's triangles of equal area: linear to 1 kHz, logarithmic above. Shape [80, 201]."""
    step = np.log(6.4) / 27
    top = 15 + np.log(RATE / 2 / 1000) / step
    mels = np.linspace(0, top, _BANDS + 2)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * np.exp(step * (mels - 15)))
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    low, middle, high = edges[:-2, np.newaxis], edges[1:-1, np.newaxis], edges[2:, np.newaxis]
    rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
    triangles: NDArray[np.float64] = np.maximum(0, np.minimum(rise, fall)) * 2 / (high - low)
    return triangles


_HANN = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
_FILTERS = _mel_filters()
