"""Moonshine tiny: English STT that needs no download, the offline default.

The weights (MIT, 43 MB) travel inside the wheel `moonshine-voice==0.1.0`, the last release that
carries them. They are read from there and run by onnxruntime at about 0.03 CPU seconds per second
of speech; moonshine_voice itself, whose import opens the sound card's library, is not imported.

Habits to know: it writes digits as it likes ("2.30 p.m."), joins spelled letters ("M-E-L"), keeps
"um" and "uh", gives no word times, and is at its worst on a single word cut out of its context.
"""

import importlib.util
from pathlib import Path

import numpy as np

from tonewise.errors import ConfigError, PluginError, StageError
from tonewise.facts import Transcript
from tonewise.stages import TurnAudio
from tonewise.stt.moonshine_network import Network
from tonewise.stt.pauses import pieces

LONGEST_S = 20.0
"""It was trained on utterances of up to half a minute, and attention costs the square of length."""

_SILENT = 1e-4
"""RMS of -80 dBFS: below it there is nothing to hear, and a decoder would make words up."""


class MoonshineStream:
    """One call's STT. It remembers nothing from turn to turn."""

    def __init__(self, network: Network, longest_s: float, language: str | None) -> None:
        self._network = network
        self._longest_s = longest_s
        self._language = language

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The words of a turn; a long one is heard piece by piece, cut at its pauses.

        Raises:
            StageError: the caller is known to speak another language than English, or the samples
                hold something that is no number.
        """
        if self._language is not None and not _is_english(self._language):
            msg = (
                f"moonshine knows English only and the caller speaks {self._language!r}: "
                "set stt.use to 'faster_whisper'"
            )
            raise StageError(msg)
        if not np.isfinite(turn.samples).all():
            msg = "the turn's samples hold something that is no number"
            raise StageError(msg)
        heard = [
            self._network.decode(piece)
            for piece in pieces(turn, self._longest_s)
            if len(piece) and np.sqrt(np.mean(np.square(piece))) > _SILENT
        ]
        odds = [odd for piece in heard for odd in piece.log_probabilities]
        return Transcript(
            text=" ".join(piece.text for piece in heard if piece.text),
            language="en",
            log_probability=round(sum(odds) / len(odds), 4) if odds else None,
            sentence_end=heard[-1].sentence_end if heard else None,
        )


class Moonshine:
    """The network, loaded once and shared by all calls and threads."""

    name = "moonshine tiny-en"

    def __init__(self, network: Network, longest_s: float) -> None:
        self.weight_files = network.weight_files
        self._network = network
        self._longest_s = longest_s

    def open(self, language: str | None = None) -> MoonshineStream:
        """STT for one call. Another language than English fails turn by turn, saying so."""
        return MoonshineStream(self._network, self._longest_s, language)


def load(folder: str | None = None, threads: int = 1, longest_s: float = LONGEST_S) -> Moonshine:
    """Moonshine tiny on the CPU.

    Args:
        folder: where its three files are; None takes those in moonshine-voice's wheel.
        threads: per turn. One is best for many calls; more shorten the wait of a single one.
        longest_s: longer turns are cut at their pauses, 5 to 30 seconds.

    Raises:
        ConfigError: an option out of range.
        PluginError: the weights are not there.
    """
    if threads < 1:
        msg = f"stt moonshine: threads is 1 or more, not {threads}"
        raise ConfigError(msg)
    if not 5 <= longest_s <= 30:
        msg = f"stt moonshine: longest_s is 5 to 30 seconds, not {longest_s}"
        raise ConfigError(msg)
    return Moonshine(Network(Path(folder) if folder else _folder_in_wheel(), threads), longest_s)


def _folder_in_wheel() -> Path:
    spec = importlib.util.find_spec("moonshine_voice")
    folder = Path(spec.origin).parent / "assets" / "tiny-en" if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        msg = (
            "stt 'moonshine' needs the English model inside the wheel moonshine-voice==0.1.0: "
            "python -m pip install 'tonewise[offline]'"
        )
        raise PluginError(msg)
    return folder


def _is_english(language: str) -> bool:
    return language.lower().replace("_", "-").split("-")[0] == "en"
