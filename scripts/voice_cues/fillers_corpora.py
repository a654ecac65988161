"""Where sentences and filled pauses come from, and who is kept for testing.

Everything is split by speaker. A speaker's part is a hash of the name, so it never changes when a
corpus is added; whole corpora are kept for testing besides.
"""

import csv
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tonewise.audio_file import read
from voice_cues.fillers_events import Event
from voice_cues.fillers_rules import contour, formants, runs
from voice_cues.fillers_sound import RATE, Samples, trimmed

EMOTION = ("ravdess", "nemo", "emodb", "casia", "ased", "emospeech_commands", "baved")
OPEN = ("emodb",)
"""Those that anybody may use; what lies in `speech/`, and EmoGator, is open as well."""

TEST_ONLY = ("an4", "lhotse", "pocketsphinx", "realtimestt", "moonshine", "watson", "speechbrain")
"""Read speech that training never sees: the untouched speech of the report."""

SPEECH = (*TEST_ONLY, "picovoice-barista", "fsdd")

WIDEST_ST, LEAST_STEADY = 5.0, 0.15
"""A hum is taken where its pitch stays within WIDEST_ST semitones (10th to 90th percentile) and at
least LEAST_STEADY of it is steady by the rules: this leaves sighs, laughs and exclamations out."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording to cut from or to insert into."""

    sound: Samples
    speaker: str
    corpus: str
    label: str
    part: str


@dataclass(frozen=True, slots=True)
class Labelled:
    """A recording of real filled pauses, marked by hand (`fillers_marks.csv`)."""

    sound: Samples
    events: list[Event]
    name: str
    part: str


def part_of(speaker: str) -> str:
    """`train` (65 %), `dev` (15 %) or `test` (20 %), by the speaker's name."""
    drawn = zlib.crc32(f"filled pauses {speaker}".encode()) % 100
    return "train" if drawn < 65 else "dev" if drawn < 80 else "test"


def sentences(
    data: Path, most: int, emotion: tuple[str, ...] = EMOTION, seed: int = 7
) -> Iterator[Recording]:
    """Speech without filled pauses, as far as anybody knows: read or acted.

    Args:
        data: holds `emotion/` and `speech/`.
        most: recordings of a corpus.
        emotion: the corpora of acted speech to read.
        seed: of the draw.
    """
    rng = np.random.default_rng(seed)
    for corpus in emotion:
        rows = _rows(data / "emotion" / corpus)
        for index in rng.permutation(len(rows))[:most]:
            row = rows[int(index)]
            sound = trimmed(read(data / "emotion" / corpus / row["path"]))
            yield Recording(sound, row["speaker"], corpus, row["label"], part_of(row["speaker"]))
    for row in _rows(data / "speech"):
        corpus = row["path"].split("/")[0]
        if corpus in SPEECH and row["channels"] == "1" and "noise" not in row["tags"]:
            speaker = _speaker(row["path"], corpus)
            part = "test" if corpus in TEST_ONLY else part_of(speaker)
            yield Recording(trimmed(read(data / "speech" / row["path"])), speaker, corpus, "", part)


def hums(data: Path) -> Iterator[Recording]:
    """The held voices among EmoGator's neutral and confused bursts: real hums of lay people."""
    folder = data / "emotion" / "emogator"
    for row in _rows(folder):
        if row["label"] in {"neutral", "confusion"}:
            sound = read(folder / row["path"])
            span = hum_span(sound)
            if span is not None:
                cut = sound[round(span[0] * RATE) : round(span[1] * RATE)]
                part = part_of(row["speaker"])
                yield Recording(cut, row["speaker"], "emogator", row["label"], part)


def bursts(data: Path, most: int, seed: int = 7) -> Iterator[Recording]:
    """EmoGator's bursts that no rule takes for a hum: laughs, sighs, groans, exclamations."""
    folder = data / "emotion" / "emogator"
    rows = [r for r in _rows(folder) if r["label"] not in {"neutral", "confusion"}]
    for index in np.random.default_rng(seed).permutation(len(rows))[:most]:
        row = rows[int(index)]
        sound = trimmed(read(folder / row["path"]), 0.02)
        if hum_span(sound) is None and len(sound) > RATE // 8:
            part = part_of(row["speaker"])
            yield Recording(sound[: 3 * RATE // 2], row["speaker"], "emogator", row["label"], part)


def hum_span(sound: Samples) -> Event | None:
    """Where the one held voice of a recording is; None where there is none, or more than one."""
    heard = contour(sound)
    if not len(heard.level_db):
        return None
    loud = heard.level_db > heard.level_db.max() - 25
    spans = [(a, b) for a, b in runs((heard.f0_hz > 0) & loud, 3) if b - a >= 16]
    if len(spans) != 1:
        return None
    start, end = spans[0]
    pitch = heard.f0_hz[start:end][heard.f0_hz[start:end] > 0]
    low, high = np.percentile(pitch, (10, 90))
    if 12 * np.log2(high / low) > WIDEST_ST or heard.steady[start:end].mean() < LEAST_STEADY:
        return None
    return start * 0.01, end * 0.01


def is_schwa(vowel: Samples) -> bool:
    """A neutral vowel, as in "uh": neither open nor close, neither front nor back."""
    first, second = formants(vowel)
    return 420 <= first <= 760 and 1050 <= second <= 1750


def is_nasal(vowel: Samples) -> bool:
    """A held "m" or "n": nearly all of its energy lies under 500 Hz."""
    power = np.abs(np.fft.rfft(vowel * np.hanning(len(vowel)))) ** 2
    hertz = np.fft.rfftfreq(len(vowel), 1 / RATE)
    return bool(power[hertz > 600].sum() < 0.03 * power.sum())


def marked(data: Path, marks: Path) -> Iterator[Labelled]:
    """Real conversation with its filled pauses marked; `channel` is empty where there is one."""
    with marks.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    for name in dict.fromkeys((r["path"], r["channel"], r["from_s"], r["to_s"]) for r in rows):
        path, channel, first, last = name
        sound = read(data / path, int(channel) if channel else None)
        low, high = float(first), float(last)
        mine = [r for r in rows if (r["path"], r["channel"], r["from_s"], r["to_s"]) == name]
        events = [
            (float(r["start_s"]) - low, float(r["end_s"]) - low) for r in mine if r["start_s"]
        ]
        cut = sound[round(low * RATE) : round(high * RATE)]
        yield Labelled(cut, events, path, mine[0]["part"])


def noises(data: Path) -> list[tuple[str, Samples]]:
    """Background noise and other sounds that are no speech, with their names."""
    found = []
    for row in _rows(data / "speech"):
        corpus = row["path"].split("/")[0]
        if corpus in {"noise", "esc10"} or (corpus == "speechbrain" and "noise" in row["tags"]):
            found.append((row["path"], read(data / "speech" / row["path"])))
    return found


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _speaker(path: str, corpus: str) -> str:
    name = Path(path).stem
    if corpus == "an4":
        return f"an4_{name.split('-')[1]}"
    if corpus == "fsdd":
        return f"fsdd_{name.split('_')[1]}"
    return f"{corpus}_{re.split(r'[-_.0-9]', name)[0] or name}"
