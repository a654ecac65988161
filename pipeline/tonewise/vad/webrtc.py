"""WebRTC's Gaussian-mixture VAD: the light engine, for where onnxruntime is too much.

It costs a fortieth of Silero and errs far more (area under the ROC curve 0.71 to 0.80 against
0.91 to 0.95): music, clatter and breath are speech to it. It says yes or no, never maybe.

The package is `webrtcvad-wheels`, imported as `webrtcvad`. The older distribution `webrtcvad`
needs a compiler and breaks where setuptools has dropped pkg_resources.
"""

import numpy as np
import webrtcvad

from tonewise.audio import RATE, Samples, to_pcm16
from tonewise.errors import ConfigError, StageError

FRAME_SAMPLES = 480


class WebrtcStream:
    """The ear of one call: the mixture adapts to the caller's noise."""

    def __init__(self, aggressiveness: int) -> None:
        self._vad = webrtcvad.Vad(aggressiveness)

    def speech(self, frame: Samples) -> float:
        """1.0 where `frame` (shape [480], 30 ms) holds speech, else 0.0.

        Raises:
            StageError: a frame of another length.
        """
        if frame.shape != (FRAME_SAMPLES,):
            msg = f"WebRTC's VAD hears frames of {FRAME_SAMPLES} samples, not {frame.shape}"
            raise StageError(msg)
        return 1.0 if self._vad.is_speech(to_pcm16(np.nan_to_num(frame)), RATE) else 0.0


class Webrtc:
    """Opens one adaptive detector per call; nothing is shared."""

    frame_samples = FRAME_SAMPLES
    threshold = 0.5

    def __init__(self, aggressiveness: int) -> None:
        self.name = f"webrtc {aggressiveness}"
        self._aggressiveness = aggressiveness

    def open(self) -> WebrtcStream:
        """A fresh stream for one call."""
        return WebrtcStream(self._aggressiveness)


def load(aggressiveness: int = 2) -> Webrtc:
    """WebRTC's VAD.

    Args:
        aggressiveness: 0 (calls the most speech) to 3 (calls the least; for telephone lines).

    Raises:
        ConfigError: another aggressiveness.
    """
    if aggressiveness not in {0, 1, 2, 3}:
        msg = f"vad webrtc: aggressiveness is 0, 1, 2 or 3, not {aggressiveness!r}"
        raise ConfigError(msg)
    return Webrtc(aggressiveness)
