"""What `bench_cues` measures against: recordings, the VADs, known pauses, Praat and espeak-ng."""

import csv
import ctypes
import importlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tonewise import audio_file
from tonewise.acoustic.edges import sharpened, silences
from tonewise.acoustic.levels import QUIETEST
from tonewise.audio import RATE, Samples, from_g711, to_g711
from tonewise.contours import HOP_S, contours
from tonewise.ear import RELEASE, Ear
from tonewise.events import TurnEnded
from tonewise.floor import Timing
from tonewise.pitch import f0
from tonewise.stages import TurnAudio, VadEngine

Flags = NDArray[np.bool_]


def optional(module: str) -> Any:  # noqa: ANN401, an untyped package
    """A package that only this bench would like to have; None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None


def default_data() -> Path:
    """Where data lies that is not part of the project."""
    named = os.environ.get("TONEWISE_DATA")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "shared" / "data"


parselmouth = optional("parselmouth")
espeakng_loader = optional("espeakng_loader")

KINDS: dict[str, tuple[tuple[str, int | None], ...]] = {
    "caller, telephone": (("aws-lca/auto_repairs_40_2ch.flac", 1),),
    "agents, telephone": (
        ("aws-lca/auto_repairs_40_2ch.flac", 0),
        ("aws-lca/demo_agent.flac", None),
        ("aws-lca/demo_agent1.flac", None),
        ("aws-lca/demo_agent2.flac", None),
    ),
    "two parties, telephone": (
        ("pyannote/sample.flac", None),
        ("gcp/commercial_mono.flac", None),
        ("aws-pca/Auto0_mono.flac", None),
    ),
    "monologue": (
        ("realtimestt/asr-reference.flac", None),
        ("watson/english2.g712.flac", None),
        ("watson/en-GB_Narrowband_sample1.flac", None),
        ("watson/en-GB_Narrowband_sample2.flac", None),
        ("watson/new_single2-mono-NB.flac", None),
        ("watson/Us_English_Narrowband_Sample_2.flac", None),
    ),
    "short turns": tuple(
        (f"{folder}/{name}.flac", None)
        for folder, names in {
            "dograh": "yes nope not_so_sure billing_department",
            "gcp": "book_a_room 230pm half_an_hour mountain_view two_people brooklyn_bridge",
        }.items()
        for name in names.split()
    ),
}
SPONTANEOUS = ("caller, telephone", "two parties, telephone", "monologue")
"""The kinds that the norms come from: agents half read aloud, and one word is no phrase."""


@dataclass(frozen=True)
class Known:
    """A recording and what was said in it."""

    path: str
    text: str
    samples: Samples


def read_sentences(speech: Path) -> Iterator[Known]:
    """Read speech of 1 to 20 s with a published transcript, most of it from AN4."""
    with (speech / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        known = row["text_kind"].startswith(("reference", "known")) and row["channels"] == "1"
        alone = not row["path"].startswith(("fsdd", "srec", "pyannote", "lhotse/ES"))
        if known and alone and row["text"] and 1 < float(row["seconds"]) < 20:
            samples = audio_file.read(speech / row["path"])
            yield Known(row["path"], row["text"], samples)


def narrow(samples: Samples) -> Samples:
    """Only 300 to 3400 Hz, with nothing at all outside: harsher than a real line."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    return np.fft.irfft(spectrum, len(samples)).astype(np.float32)


def by_phone(samples: Samples) -> Samples:
    """As `narrow`, through µ-law."""
    return from_g711(to_g711(narrow(samples), "mu"), "mu")


def flags(vad: VadEngine, samples: Samples) -> Flags:
    """What the ear would hear as speech, frame by frame."""
    stream, size, spoken, found = vad.open(), vad.frame_samples, False, []
    for begin in range(0, len(samples) - size + 1, size):
        probability = stream.speech(samples[begin : begin + size])
        spoken = probability >= vad.threshold - (RELEASE if spoken else 0)
        found.append(spoken)
    return np.array(found, np.bool_)


def turns(vad: VadEngine, samples: Samples) -> list[TurnAudio]:
    """A recording's turns, cut as in a call with the default patience."""
    ear, found = Ear(vad, Timing()), []
    for heard in (ear.hear(samples), ear.audio_over()):
        for event, sound in heard:
            if isinstance(event, TurnEnded) and sound is not None:
                found.append(sound)
                ear.taking.reply_over(event.turn)
    return found


def level(power: NDArray[np.float32]) -> NDArray[np.float32]:
    """In dB."""
    decibels: NDArray[np.float32] = 10 * np.log10(np.maximum(power, QUIETEST))
    return decibels


def on_contour(spoken: Flags, frame_s: float, count: int) -> Flags:
    """The VAD's frames as 10 ms frames."""
    at = (np.arange(count) * HOP_S / frame_s).astype(int)
    spread: Flags = spoken[np.minimum(at, len(spoken) - 1)]
    return spread


def on_air(vad: VadEngine, samples: Samples) -> list[tuple[float, float]]:
    """When each turn of a channel was spoken: first to last speech."""
    spans = []
    for turn in turns(vad, samples):
        spoken = np.flatnonzero(turn.spoken) * turn.frame_s + turn.start_s
        spans.append((float(spoken[0]), float(spoken[-1]) + turn.frame_s))
    return spans


def trimmed(samples: Samples) -> Samples:
    """From the first to the last 10 ms that are within 30 dB of the loudest, at RMS 0.1."""
    size = RATE // 100
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > np.percentile(power, 98) / 1000)
    voice = samples[loud[0] * size : (loud[-1] + 1) * size]
    at_level: Samples = (0.1 / np.sqrt(np.mean(voice**2)) * voice).astype(np.float32)
    return at_level


def pause_errors(vad: VadEngine, voices: list[Samples], snr: int) -> Iterator[tuple[float, float]]:
    """Measured minus true length in seconds of each pause that was heard, before and after."""
    rng = np.random.default_rng(0)
    around = np.zeros(RATE // 2, np.float32)
    for before, after in pairwise(voices):
        for pause_s in (0.3, 0.6):
            gap = np.zeros(round(pause_s * RATE), np.float32)
            sound = np.concatenate([around, before, gap, after, around])
            sound += rng.normal(0, 0.1 * 10 ** (-snr / 20), len(sound)).astype(np.float32)
            level_db = level(contours(sound).power)
            spoken = on_contour(flags(vad, sound), vad.frame_samples / RATE, len(level_db))
            middle = (len(around) + len(before)) / RATE + pause_s / 2
            found = [length_at(f, middle) for f in (spoken, sharpened(spoken, level_db))]
            if all(found):
                yield found[0] - pause_s, found[1] - pause_s


def length_at(spoken: Flags, second: float) -> float:
    """How long the silence around `second` is; 0 where there is none."""
    frame = round(second / HOP_S)
    return sum((end - start) * HOP_S for start, end in silences(spoken) if start <= frame < end)


def track(samples: Samples) -> NDArray[np.float64]:
    """F0 of the frames within 30 dB of the loudest."""
    sound = contours(samples)
    level_db = level(sound.power)
    loud = level_db > np.percentile(level_db, 95) - 30
    return f0(sound.periodicity) * loud


def praat_track(samples: Samples, count: int) -> NDArray[np.float64]:
    """Praat's F0 on the same frames."""
    found = parselmouth.Sound(samples.astype(np.float64), RATE).to_pitch_ac(
        time_step=HOP_S, pitch_floor=65.0, pitch_ceiling=500.0
    )
    track = np.zeros(count)
    at = np.clip(np.rint(found.xs() / HOP_S).astype(int), 0, count - 1)
    track[at] = found.selected_array["frequency"]
    return track


class Pronunciation:
    """Asks espeak-ng how a text is pronounced."""

    _PARTED_BY_UNDERSCORE = ord("_") << 8

    def __init__(self) -> None:
        self._espeak: Any = ctypes.CDLL(espeakng_loader.get_library_path())
        path = Path(espeakng_loader.get_data_path())
        self._espeak.espeak_Initialize(1, 0, str(path.parent).encode(), 0)
        self._espeak.espeak_SetVoiceByName(b"en-us")
        self._espeak.espeak_TextToPhonemes.restype = ctypes.c_char_p

    def syllables(self, text: str) -> int:
        """How many vowels and syllabic consonants are spoken."""
        rest = ctypes.c_char_p(text.encode())
        spoken = []
        while rest.value:
            said = self._espeak.espeak_TextToPhonemes(
                ctypes.byref(rest), 1, self._PARTED_BY_UNDERSCORE
            )
            spoken += re.split(r"[_ ]+", (said or b"").decode())
        sounds = [sound.lstrip("',%=|:;") for sound in spoken]
        return sum(s[0] in "aeiouAEIOUV03@Y" or s.endswith("-") for s in sounds if s)
