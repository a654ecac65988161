"""Silero v6: a small recurrent network, the default VAD.

The weights (MIT, 1.2 MB) travel inside the faster-whisper wheel. They are read from there and run
by onnxruntime, about 0.1 ms of CPU per 32 ms frame; faster-whisper itself, whose import takes
seconds, is not imported.
"""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime

from tonewise.audio import Samples
from tonewise.errors import ConfigError, PluginError, StageError

FRAME_SAMPLES = 512
_CONTEXT_SAMPLES = 64
"""How much of the frame before the network wants to see again."""

_STATE_SHAPE = (1, 1, 128)

THRESHOLD = 0.35
"""One value for wide-band and telephone sound. Share of loud speech frames found on 64 clips of
read speech, as recorded and through 8 kHz µ-law; turns wrongly begun per minute of noise (59 clips
of clatter, rain, dogs, cafés), likewise:

    threshold   speech   by telephone   noise: turns a minute   by telephone
    0.2         97 %     96 %           3.9                     2.0
    0.35        96 %     94 %           2.1                     1.0
    0.5         95 %     91 %           1.7                     0.9

On a poor telephone recording Silero's own 0.5 loses a sixth of the frames that 0.35 calls speech.
"""


class SileroStream:
    """The ear of one call: the network's two states and the end of the last frame."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self._session = session
        self._hidden = np.zeros(_STATE_SHAPE, np.float32)
        self._cell = np.zeros(_STATE_SHAPE, np.float32)
        self._window = np.zeros((1, _CONTEXT_SAMPLES + FRAME_SAMPLES), np.float32)

    def speech(self, frame: Samples) -> float:
        """The probability in [0, 1] that `frame` holds speech.

        Samples that are no numbers count as silence: one of them in the recurrent state would
        deafen the rest of the call.

        Args:
            frame: shape [512], 32 ms.

        Raises:
            StageError: a frame of another length.
        """
        if frame.shape != (FRAME_SAMPLES,):
            msg = f"Silero hears frames of {FRAME_SAMPLES} samples; this one has {frame.shape}"
            raise StageError(msg)
        window = self._window
        window[0, :_CONTEXT_SAMPLES] = window[0, -_CONTEXT_SAMPLES:]
        if not np.isfinite(frame).all():  # asked first: mending costs five times as much
            frame = np.nan_to_num(frame)
        window[0, _CONTEXT_SAMPLES:] = np.clip(frame, -1.0, 1.0)
        probability, self._hidden, self._cell = self._session.run(
            None, {"input": window, "h": self._hidden, "c": self._cell}
        )
        return float(probability.reshape(-1)[0])


class Silero:
    """The network, loaded once; `open()` gives each call its own memory."""

    name = "silero v6"
    frame_samples = FRAME_SAMPLES

    def __init__(self, weights: Path, threshold: float) -> None:
        self.threshold = threshold
        self.weight_files = (weights,)
        self._session = _session(weights)

    def open(self) -> SileroStream:
        """A fresh stream for one call."""
        return SileroStream(self._session)


def load(threshold: float = THRESHOLD, weights: str | None = None) -> Silero:
    """Silero v6 on the CPU.

    Args:
        threshold: probability from which a frame counts as speech, in (0, 1).
        weights: the path of `silero_vad_v6.onnx`; None takes the file in faster-whisper's wheel.

    Raises:
        ConfigError: a threshold that is no probability.
        PluginError: the weights are not there.
    """
    if not 0 < threshold < 1:
        msg = f"vad silero: threshold is a probability between 0 and 1, not {threshold}"
        raise ConfigError(msg)
    path = Path(weights) if weights else weights_in_wheel()
    if path is None or not path.is_file():
        msg = (
            f"vad 'silero': no weights at {path or 'faster_whisper/assets/silero_vad_v6.onnx'}; "
            "python -m pip install 'faster-whisper>=1.2,<2' brings them, "
            "or take the vad 'webrtc'"
        )
        raise PluginError(msg)
    return Silero(path, threshold)


def weights_in_wheel() -> Path | None:
    """Where faster-whisper's wheel keeps them; None where it is not installed."""
    spec = importlib.util.find_spec("faster_whisper")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "assets" / "silero_vad_v6.onnx"


def _session(weights: Path) -> onnxruntime.InferenceSession:
    """One thread per frame: calls run side by side, and a frame is too small to share out."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        weights, sess_options=options, providers=["CPUExecutionProvider"]
    )
