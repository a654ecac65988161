"""An STT for measurements: it knows the clips, takes its time, and tells no word too early.

What it is given is looked up, sample by sample, in the clips that the callers play; of a clip's
words it tells those that were said by then. Sound that is in no clip has no words. As a plug-in of
the server under test: `use = "turn_taking.stub_stt"`.
"""

import asyncio
import ctypes
import gc
import json
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.facts import Transcript
from tonewise.stages import TurnAudio

_PIECE = 48
"""Samples that are looked up: loud ones of a recording occur nowhere else."""

_SEARCHED = RATE // 2

asked = {"times": 0}
"""How often it was asked."""


class StubStt:
    """Engine and stream in one.

    Args:
        folder: `clips.pcm`, the clips one after another, and `clips.json`: for each where it begins
            there, in samples, and its words, each with the second of the clip at which it ends.
        delay_s: how long every transcription takes.
    """

    name = "stub"

    def __init__(self, folder: Path, delay_s: float) -> None:
        self._pcm = (folder / "clips.pcm").read_bytes()
        self._clips = json.loads((folder / "clips.json").read_text(encoding="utf-8"))
        self._delay_s = delay_s
        asked["times"] = 0

    def open(self, language: str | None = None) -> "StubStt":
        """The same for every call."""
        del language
        return self

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The words that were said by the end of the latest speech."""
        began = time.perf_counter()
        asked["times"] += 1
        words = self._words(turn)
        time.sleep(max(0.0, self._delay_s - (time.perf_counter() - began)))
        return Transcript(" ".join(words))

    def _words(self, turn: TurnAudio) -> list[str]:
        frame = round(turn.frame_s * RATE)
        spoken = turn.spoken.nonzero()[0]
        if not len(spoken):
            return []
        first, last = int(spoken[0]) * frame, (int(spoken[-1]) + 1) * frame
        sound = turn.samples[max(0, first - frame) : last + frame]
        last_piece = sound[-_SEARCHED:]
        begin, end = self._place(sound[:_SEARCHED]), self._place(last_piece)
        if end is None:
            return []
        middle = end + len(last_piece) // 2
        clip = max((c for c in self._clips if c["begin"] <= middle), key=lambda c: c["begin"])
        until_s = (end + len(last_piece) - clip["begin"]) / RATE
        from_s = (begin - clip["begin"]) / RATE if begin and begin >= clip["begin"] else 0.0
        return [word for word, ends_s in clip["words"] if from_s < ends_s <= until_s + 0.1]

    def _place(self, sound: Samples) -> int | None:
        """Where the first sample of a sound stands among the clips: by its loudest moments."""
        whole = np.round(sound * 32768).astype("<i2")
        loudness = np.abs(whole[: max(0, len(whole) - _PIECE)].astype(np.int32))
        for _ in range(3):
            if not loudness.any():
                return None
            at = int(np.argmax(loudness))
            piece = whole[at : at + _PIECE].tobytes()
            found = self._pcm.find(piece)
            while found > 0 and found % 2:
                found = self._pcm.find(piece, found + 1)
            if found >= 0:
                return max(0, found // 2 - at)
            loudness[max(0, at - _PIECE) : at + _PIECE] = 0
        return None


def census(file: Path) -> None:
    """Count what is alive in this process whenever somebody removes the file; for ever."""
    while True:
        if not file.exists():
            gc.collect()
            with suppress(OSError, AttributeError):  # glibc keeps freed memory for later
                ctypes.CDLL(None).malloc_trim(0)
            alive = gc.get_objects()
            kinds = [type(each).__name__ for each in alive]
            tasks = [each for each in alive if isinstance(each, asyncio.Task) and not each.done()]
            counts = {"tasks": len(tasks), "threads": threading.active_count()}
            counts["transcriptions"] = asked["times"]
            counts["objects"] = len(alive)
            for kind in ("Call", "Dialogue", "Voice", "WebSocketTransport", "Start"):
                counts[kind] = kinds.count(kind)
            part = file.with_suffix(".part")
            part.write_text(json.dumps(counts), encoding="utf-8")
            part.rename(file)
        time.sleep(0.1)


def load(folder: str, delay_s: float = 0.1, census_file: str | None = None) -> StubStt:
    """The clips of a folder; with `census_file`, told what is alive in the server."""
    if census_file:
        threading.Thread(target=census, args=[Path(census_file)], daemon=True).start()
    return StubStt(Path(folder), delay_s)
