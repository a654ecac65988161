"""The clips that callers play: real speech, cut to its utterance, with the words and their times.

The true end of speech is the last window of 10 ms whose RMS is above -35 dB of the clip's peak.
Nobody wrote down when which word was said, so the words, as the installed STT writes the whole
clip, are spread over the windows with sound, by their letters.
"""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise import plugins
from tonewise.audio import RATE, Samples
from tonewise.audio_file import read
from tonewise.stages import SttStream, TurnAudio

WINDOW = RATE // 100
LOUD = 10 ** (-35 / 20)
LEAD_S, TAIL_S = 0.1, 0.2
ROOM = 10 ** (-66 / 20)
"""RMS of the room between two clips: a line is never digitally silent."""

LONGEST_S = 3.4

WHOLE = {
    "picovoice-barista/": "orders",
    "gcp/": "questions and short answers",
    "realtimestt/LJ001-0002": "read",
    "realtimestt/LJ001-0008": "read",
    "realtimestt/LJ001-0013": "read",
    "deepspeech/": "read",
    "speechbrain/spk1": "read",
    "pocketsphinx/cards_00": "questions and short answers",
    "pocketsphinx/goforward": "orders",
    "srec/": "spelled",
    "an4/": "spelled",
}
"""Beginnings of paths. Left out is a clip whose room is as loud as the end of a word."""

NO_SPEECH = ("gcp/audio", "gcp/fair", "gcp/Google", "gcp/multi", "gcp/two_channel", "gcp/comm")
SPELLED = 16
"""Clips of names and numbers: there are a hundred, and the stub searches all that it is given."""

MID_CLAUSE = (
    "realtimestt/LJ001-0004",
    "realtimestt/LJ001-0006",
    "lhotse/LJ002-0020",
)
"""Clips that were cut in the middle of a sentence."""


@dataclass(frozen=True)
class Clip:
    """One utterance.

    Attributes:
        name: its file.
        kind: what sort of utterance.
        samples: from shortly before its first sound to shortly after its last, as 16-bit values.
        end: the sample at which speech ends.
        words: each with the second at which it ends.
    """

    name: str
    kind: str
    samples: Samples
    end: int
    words: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        """To the end of speech."""
        return self.end / RATE

    def until(self, sample: int) -> "Clip":
        """The same, cut off at a sample in a pause."""
        cut = self.samples[:sample].copy()
        loud = np.flatnonzero(loud_windows(cut, float(np.abs(self.samples).max())))
        end = (int(loud[-1]) + 1) * WINDOW
        words = tuple(word for word in self.words if word[1] <= end / RATE + 0.1)
        return replace(self, samples=cut[: end + round(TAIL_S * RATE)], end=end, words=words)


def loud_windows(samples: Samples, peak: float | None = None) -> NDArray[np.bool_]:
    """Whose RMS is above -35 dB of the peak, window by window."""
    whole = len(samples) // WINDOW * WINDOW
    levels = np.sqrt(np.mean(samples[:whole].reshape(-1, WINDOW) ** 2, axis=1))
    least = LOUD * float(np.abs(samples).max() if peak is None else peak)
    return np.asarray(levels > least, np.bool_)


def clips(data: Path, cache: Path, longest_s: float = LONGEST_S) -> list[Clip]:
    """All whole utterances, and those that were cut in the middle of a sentence."""
    speech = data / "speech"
    with (speech / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["path"])
    known = Words(cache / "live-words-in-a-room.json")
    found = []
    for row in rows:
        path = row["path"]
        kind = next((k for start, k in WHOLE.items() if path.startswith(start)), "")
        kind = "unfinished" if path.startswith(MID_CLAUSE) else kind
        if not kind or path.startswith(NO_SPEECH):
            continue
        samples, end = trimmed(read(speech / path))
        limit = 2 * longest_s if kind == "unfinished" else longest_s
        if end > limit * RATE:
            continue
        if (text := known.of(path, samples)).strip():
            # What STT hears as half a sentence sounds unfinished, whatever was meant.
            half = kind != "spelled" and text[-1] not in ".?!"
            kind = "unfinished" if half else kind
            found.append(Clip(path, kind, samples, end, spread(text.split(), samples)))
    known.keep()
    spelled = [clip for clip in found if clip.kind == "spelled"]
    kept = {clip.name for clip in spelled[:: max(1, len(spelled) // SPELLED)]}
    return [clip for clip in found if clip.kind != "spelled" or clip.name in kept]


def trimmed(samples: Samples) -> tuple[Samples, int]:
    """The utterance without the silence around it, in 16-bit values, and where its speech ends."""
    loud = np.flatnonzero(loud_windows(samples))
    begin = max(0, int(loud[0]) * WINDOW - round(LEAD_S * RATE))
    end = (int(loud[-1]) + 1) * WINDOW
    cut = samples[begin : end + round(TAIL_S * RATE)].copy()
    cut *= 0.5 / np.abs(cut).max()
    after = len(cut) - (end - begin)
    fade = min(RATE // 50, after)
    if fade:
        cut[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return (np.round(cut * 32768) / 32768).astype(np.float32), end - begin


def spread(words: Sequence[str], samples: Samples) -> tuple[tuple[str, float], ...]:
    """The words over the windows with sound, each as long as it has letters.

    Above -25 dB: the last word is known before its last breath.
    """
    loud = np.flatnonzero(loud_windows(samples, float(np.abs(samples).max()) * 10 ** (10 / 20)))
    lengths = np.cumsum([len(word) + 1 for word in words])
    places = np.minimum(len(loud) - 1, np.ceil(lengths / lengths[-1] * len(loud)).astype(int) - 1)
    return tuple(
        (word, (int(loud[at]) + 1) * WINDOW / RATE) for word, at in zip(words, places, strict=True)
    )


def pauses(clip: Clip, least_s: float = 0.15) -> list[int]:
    """The middles of its inner pauses, in samples; half a second of speech on either side."""
    loud = np.flatnonzero(loud_windows(clip.samples))
    gaps = np.flatnonzero(np.diff(loud) > least_s * RATE / WINDOW)
    return [
        int(loud[gap] + loud[gap + 1]) * WINDOW // 2
        for gap in gaps
        if loud[gap] >= 50 and loud[-1] - loud[gap + 1] >= 50
    ]


def write(chosen: Iterable[Clip], folder: Path) -> None:
    """What the STT stub reads."""
    table, begin = [], 0
    with (folder / "clips.pcm").open("wb") as file:
        for clip in chosen:
            file.write(np.round(clip.samples * 32768).astype("<i2").tobytes())
            table.append({"begin": begin, "words": clip.words})
            begin += len(clip.samples)
    (folder / "clips.json").write_text(json.dumps(table), encoding="utf-8")


class Words:
    """What is said in the clips, by the installed STT, kept on disk."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.is_file() else {}
        self._stt: SttStream | None = None

    def of(self, path: str, samples: Samples) -> str:
        """The words of a clip."""
        if path not in self._known:
            stt: SttStream = self._stt or plugins.load("stt", "auto").open("en")
            self._stt = stt
            room = np.random.default_rng(0).normal(0, ROOM, round(TAIL_S * RATE))
            sound = np.concatenate([samples, room.astype(np.float32)])  # it goes on after a clip
            turn = TurnAudio(sound, 0.0, np.ones(1, np.bool_), len(sound) / RATE)
            self._known[path] = stt.transcribe(turn).text
        return self._known[path]

    def keep(self) -> None:
        """Write them down."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._known, indent=0), encoding="utf-8")
