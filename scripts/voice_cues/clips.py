"""Decodes every clip once, disturbs it in several ways, and keeps the log-mels on disk.

Three stages, each skipped where its result lies in the work folder: the list of clips, int16 PCM,
float16 log-mels of COPIES versions. Version 0 is the clip as it is, 1 through a telephone line, the
others are draws of `augment.disturbed`. A version is the energetic part of the clip, cut to a whole
number of quarter seconds, 3 s at most: how long a clip was is not told.
"""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch
from tqdm import tqdm

from voice_cues import augment
from voice_cues.corpora import Clip, read_corpus
from voice_cues.network import HOP, RATE, LogMel

COPIES = 5
QUARTER, LONGEST = RATE // 4, 3 * RATE
FRAMES = LONGEST // HOP
CORPORA = (
    "ravdess",
    "emodb",
    "nemo",
    "ased",
    "emospeech_commands",
    "baved",
    "casia",
    "cremad_sample",
    "thorsten_emotional_samples",
    "emogator",
)


@dataclass
class Store:
    """Clips, and the log-mels of their versions.

    Attributes:
        clips: One for each row.
        mels: float16 [clips, COPIES, filters, FRAMES], memory-mapped; zero beyond `frames`.
        frames: int16 [clips, COPIES]; 0 where a version was not made.
    """

    clips: list[Clip]
    mels: npt.NDArray[np.float16]
    frames: npt.NDArray[np.int16]


def decode(path: Path) -> npt.NDArray[np.int16]:
    """A file as 16 kHz mono."""
    pcm, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = pcm.mean(1)
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE)
    return (np.clip(mono, -1, 1) * 32767).astype(np.int16)


def active(pcm: augment.Pcm) -> augment.Pcm:
    """The part between the first and the last 20 ms above -35 dB of the loudest, 0.1 s around."""
    frame = RATE // 50
    n = pcm.size // frame
    if n < 10:
        return pcm
    power = (pcm[: n * frame].reshape(n, frame) ** 2).mean(1)
    loud = np.flatnonzero(power > np.quantile(power, 0.98) * 10**-3.5)
    first, last = max(0, loud[0] - 5), min(n, loud[-1] + 6)
    return pcm[first * frame : last * frame]


def cut(pcm: augment.Pcm, rng: np.random.Generator | None) -> augment.Pcm:
    """A whole number of quarter seconds, at least two: the middle, or drawn and sometimes short."""
    if pcm.size < 2 * QUARTER:
        return np.pad(pcm, (0, 2 * QUARTER - pcm.size))
    size = min(pcm.size, LONGEST) // QUARTER * QUARTER
    if rng is not None and rng.random() < 0.4 and size > 5 * QUARTER:
        size = int(rng.integers(5, size // QUARTER + 1)) * QUARTER
    spare = pcm.size - size
    at = spare // 2 if rng is None else int(rng.integers(0, spare + 1))
    return pcm[at : at + size]


def version(
    pcm: augment.Pcm, number: int, babble: augment.Pcm, rng: np.random.Generator
) -> augment.Pcm:
    """Version 0, 1 or a drawn one of a clip's active part."""
    if number == 0:
        return augment.level(cut(pcm, None), -20)
    if number == 1:
        return augment.telephone(augment.level(cut(pcm, None), float(rng.uniform(-30, -12))))
    if rng.random() < 0.35:
        pcm = augment.faster(pcm, float(rng.uniform(0.93, 1.07)))
    return augment.disturbed(cut(pcm, rng), babble, rng)


def _part(job: tuple[int, int, Path, int]) -> int:
    """Makes the versions of some rows, in a process of its own."""
    first, last, work, seed = job
    torch.set_num_threads(1)
    store = open_store(work, "r+")
    at = np.load(work / "offsets.npy")
    pcm = np.load(work / "pcm.npy", mmap_mode="r")
    front = LogMel()
    for row in range(first, last):
        rng = np.random.default_rng([seed, row])
        clip = active(pcm[at[row] : at[row + 1]].astype(np.float32) / 32768)
        other = int(rng.integers(len(at) - 1))
        babble = pcm[at[other] : at[other + 1]].astype(np.float32) / 32768
        copies = 3 if store.clips[row].corpus == "emogator" else COPIES
        for number in range(copies):
            sound = version(clip, number, babble, rng)
            with torch.no_grad():
                mel = front(torch.from_numpy(sound[None]))[0].numpy()
            store.mels[row, number, :, : mel.shape[1]] = mel
            store.frames[row, number] = mel.shape[1]
    cast("np.memmap", store.mels).flush()
    return last - first


def open_store(work: Path, mode: str = "r") -> Store:
    """What `build` left."""
    rows = json.loads((work / "clips.json").read_text())
    return Store(
        [Clip(**row) for row in rows],
        np.load(work / "mels.npy", mmap_mode=mode),  # type: ignore[arg-type]
        np.load(work / "frames.npy", mmap_mode=mode),  # type: ignore[arg-type]
    )


def build(data: Path, work: Path, *, corpora: tuple[str, ...] = CORPORA, seed: int = 3) -> Store:
    """The store of all corpora that are there; made where it is not yet.

    Args:
        data: Holds one folder for each corpus.
        work: Where results lie.
        corpora: Folders to read; others are left.
        seed: Of the disturbances.
    """
    work.mkdir(parents=True, exist_ok=True)
    if not (work / "pcm.npy").is_file():
        _decode_all(data, work, corpora)
    rows = len(json.loads((work / "clips.json").read_text()))
    if not (work / "mels.done").is_file():
        shape = (rows, COPIES, LogMel().mel.shape[0], FRAMES)
        np.lib.format.open_memmap(work / "mels.npy", "w+", np.float16, shape).flush()
        np.save(work / "frames.npy", np.zeros((rows, COPIES), np.int16))
        jobs = [(i, min(i + 100, rows), work, seed) for i in range(0, rows, 100)]
        with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
            bar = tqdm(pool.map(_part, jobs), total=len(jobs), desc="log-mels")
            if sum(bar) != rows:
                raise RuntimeError("not every clip was read")
        (work / "mels.done").touch()
    return open_store(work)


def _decode_all(data: Path, work: Path, corpora: tuple[str, ...]) -> None:
    found = [
        (name, c) for name in corpora if (data / name).is_dir() for c in read_corpus(data / name)
    ]
    sounds = [decode(data / name / clip.path) for name, clip in tqdm(found, desc="decoding")]
    offsets = np.cumsum([0] + [sound.size for sound in sounds])
    (work / "clips.json").write_text(json.dumps([asdict(clip) for _, clip in found]))
    np.save(work / "offsets.npy", offsets)
    np.save(work / "pcm.npy", np.concatenate(sounds))
