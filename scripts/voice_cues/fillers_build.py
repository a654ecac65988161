"""Builds the labelled material once and keeps it: `python -m voice_cues.fillers_build DATA WORK`.

Run from `scripts/`, with `tonewise` importable. Writes `items.npy` to the work folder, all sounds
one after another as int16, and `items.json`, what each is (`Item`) and its part. Five minutes.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from voice_cues import fillers_material as material
from voice_cues.fillers_corpora import (
    EMOTION,
    Recording,
    bursts,
    hums,
    is_nasal,
    is_schwa,
    marked,
    noises,
    part_of,
    sentences,
)
from voice_cues.fillers_material import Item, Rng
from voice_cues.fillers_sound import RATE, Samples, at_level, joined, loud_part, rms, room_tone

PARTS = ("train", "dev", "test")
LONGEST_S = 8.0
SHORTEST_S = 0.6
MOST = 500
"""Recordings of a corpus."""

PER_SENTENCE = {"train": 0.75, "dev": 0.7, "test": 0.7}
"""Share of the sentences that get a filled pause; the others serve as negatives."""

SPEECHLIKE = ("neutral", "calm", "boredom", "arousal_normal", "arousal_low", "sadness", "")
"""Labels of sentences that filled pauses are put into: nobody says "um" in a fit of rage."""

REAL_REPEATED = 4
"""Times that the few real conversations are heard in training, each time disturbed anew."""

MARKS = Path(__file__).with_name("fillers_marks.csv")


@dataclass
class Stock:
    """What a part of the material is made from."""

    sentences: list[Recording]
    hums: list[Recording]
    vowels: dict[str, list[Samples]]
    nasals: dict[str, list[Samples]]
    others: list[Samples]
    bursts: list[Recording]
    noises: list[Samples]


def stocks(data: Path, emotion: tuple[str, ...]) -> dict[str, Stock]:
    """The material by part; no speaker and no source of a token is in two parts."""
    found = {
        part: Stock([], [], defaultdict(list), defaultdict(list), [], [], []) for part in PARTS
    }
    for recording in tqdm(sentences(data, MOST, emotion), desc="sentences"):
        if len(recording.sound) < SHORTEST_S * RATE:
            continue
        stock = found[recording.part]
        sound = recording.sound[: round(LONGEST_S * RATE)]
        kept = Recording(
            sound, recording.speaker, recording.corpus, recording.label, recording.part
        )
        stock.sentences.append(kept)
        for vowel in material.steady_vowels(sound):
            if is_nasal(vowel):
                stock.nasals[recording.speaker].append(vowel)
            elif is_schwa(vowel):
                stock.vowels[recording.speaker].append(vowel)
            else:
                stock.others.append(vowel)
    for recording in tqdm(hums(data), desc="hums"):
        found[recording.part].hums.append(recording)
    for recording in tqdm(bursts(data, MOST), desc="bursts"):
        found[recording.part].bursts.append(recording)
    for name, sound in noises(data):
        found[part_of(name)].noises.append(sound)
    return found


def pseudo(stock: Stock, speaker: str, rng: Rng) -> Samples | None:
    """An "uh" or "um" made from the speaker's own neutral vowels, or None where there are none."""
    vowels = stock.vowels.get(speaker, [])
    if not vowels:
        return None
    seconds = float(np.clip(rng.lognormal(np.log(0.33), 0.35), 0.22, 0.7))
    vowel = material.lengthened(vowels[int(rng.integers(0, len(vowels)))], seconds, rng)
    nasals = stock.nasals.get(speaker, [])
    if nasals and rng.random() < 0.45:
        hum = nasals[int(rng.integers(0, len(nasals)))]
        hum = material.lengthened(hum, float(rng.uniform(0.12, 0.35)), rng)
        hum = hum * np.float32(0.5 * rms(vowel) / rms(hum))
        return joined([vowel[: round(0.8 * len(vowel))], hum], 0.03)
    return vowel


def spliced(stock: Stock, recording: Recording, rng: Rng, *, vary: bool) -> Item:
    """A sentence with a filled pause in it: the speaker's own vowel, or another's real hum."""
    kind, name = "vowel", recording.speaker
    token = pseudo(stock, recording.speaker, rng) if rng.random() < 0.4 else None
    if token is None:
        hum = stock.hums[int(rng.integers(0, len(stock.hums)))]
        kind, name = "hum", hum.speaker
        token = material.varied(hum.sound, rng) if vary else shortened(hum, rng)
    sound, event = material.insert(recording.sound, token, rng)
    return Item(sound, [event], kind, recording.speaker, name, recording.corpus)


def shortened(hum: Recording, rng: Rng) -> Samples:
    """A real hum as it is, but no longer than filled pauses are."""
    wanted = float(np.clip(rng.lognormal(np.log(0.4), 0.35), 0.2, 0.9))
    return hum.sound[: round(wanted * RATE)]


def negative(stock: Stock, recording: Recording, rng: Rng) -> Item:
    """A sentence with something in it that is no filled pause, or as it is."""
    kind = str(rng.choice(["drawled", "word", "vowel-no", "burst", "breath", "tone", "untouched"]))
    sound, token = recording.sound, None
    if kind == "drawled":
        sound = material.drawled(sound, rng)
    elif kind == "word":
        other = stock.sentences[int(rng.integers(0, len(stock.sentences)))].sound
        size = min(len(other), round(rng.uniform(0.15, 0.7) * RATE))
        start = int(rng.integers(0, len(other) - size + 1))
        token = other[start : start + size]
    elif kind == "vowel-no" and stock.others:
        # Too short for a filled pause, but with the same cuts: 60 to 120 ms of any other vowel.
        token = stock.others[int(rng.integers(0, len(stock.others)))][: round(0.12 * RATE)]
    elif kind == "burst" and stock.bursts:
        token = stock.bursts[int(rng.integers(0, len(stock.bursts)))].sound
    elif kind == "breath":
        token = material.breath(rng)
    elif kind == "tone":
        token = material.tone(rng)
    if token is not None and len(token) > 160:
        sound, _ = material.insert(sound, token, rng)
    return Item(sound, [], kind, recording.speaker, "", recording.corpus)


def items(stock: Stock, part: str, rng: Rng) -> Iterator[Item]:
    """All of a part's recordings, undisturbed for testing and disturbed for training."""
    rounds = 2 if part == "train" else 1
    for _ in range(rounds):
        for recording in stock.sentences:
            calm = recording.label in SPEECHLIKE
            if part != "train":
                yield Item(
                    recording.sound, [], "untouched", recording.speaker, "", recording.corpus
                )
            if calm and rng.random() < PER_SENTENCE[part]:
                yield spliced(stock, recording, rng, vary=part == "train")
            elif part != "test" or rng.random() < 0.5:
                yield negative(stock, recording, rng)
    for sound in stock.noises:
        for start in range(0, min(len(sound), 30 * RATE) - RATE, 3 * RATE):
            yield Item(sound[start : start + 3 * RATE], [], "noise", "noise", "", "noise")


def real(data: Path, part: str) -> Iterator[Item]:
    """The marked conversations of a part."""
    for labelled in marked(data, MARKS) if MARKS.is_file() else ():
        if labelled.part == part:
            yield Item(
                labelled.sound, labelled.events, "real", labelled.name, labelled.name, "real"
            )


def finished(item: Item, part: str, stock: Stock, rng: Rng) -> Item:
    """As it is stored: levelled; in training in noise, on telephone lines and at any level."""
    sound = item.sound
    around = round(rng.uniform(0.1, 0.4) * RATE)
    if item.kind not in {"real", "noise"}:
        tone = room_tone(sound, around, rng)
        sound = joined([tone, sound, tone], 0.005)
        shift = around / RATE - 0.005
    else:
        shift = 0.0
    if part == "train":
        sound = material.disturbed(sound, stock.noises, rng)
    elif rms(loud_part(sound)) > 1e-5:
        sound = at_level(sound, -23)
    events = [(a + shift, b + shift) for a, b in item.events]
    return Item(sound, events, item.kind, item.speaker, item.token, item.corpus)


def build(data: Path, work: Path, emotion: tuple[str, ...] = EMOTION, seed: int = 11) -> None:
    """Makes `items.npy` and `items.json` in the work folder, where they are not there yet.

    Args:
        data: holds `emotion/` and `speech/`.
        work: gets the two files.
        emotion: corpora of acted speech; `OPEN` for weights that anybody may use.
        seed: of all draws.
    """
    if (work / "items.json").is_file():
        return
    work.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    table, sounds, at = [], [], 0
    for part, stock in stocks(data, emotion).items():
        repeats = REAL_REPEATED if part == "train" else 1
        parted = [*items(stock, part, rng), *(i for i in real(data, part) for _ in range(repeats))]
        for made in tqdm(parted, desc=part):
            item = finished(made, part, stock, rng)
            sounds.append((np.clip(item.sound, -1, 1) * 32767).astype(np.int16))
            names = {"kind": item.kind, "speaker": item.speaker, "token": item.token}
            span = {"start": at, "size": len(item.sound), "events": item.events}
            table.append({"part": part, "corpus": item.corpus, **names, **span})
            at += len(item.sound)
    np.save(work / "items.npy", np.concatenate(sounds))
    (work / "items.json").write_text(json.dumps(table))


if __name__ == "__main__":
    build(Path(sys.argv[1]), Path(sys.argv[2]))
