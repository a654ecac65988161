"""Takes the offline voice where it is installed; else replies are text."""

import importlib.util

from tonewise import plugins
from tonewise.stages import TtsEngine


def load() -> TtsEngine | None:
    """The voice `espeak` where its wheel is there; None, and so no voice, where it is not."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    voice: TtsEngine = plugins.load("tts", "espeak")
    return voice
