"""Trains with something held out, and keeps what the network says of it: one file for each fold.

A fold is a corpus held out whole ("nemo"), each n-th speaker of RAVDESS and EmoDB ("speakers:0/3"),
all corpora without an open licence ("closed"), or nothing ("all"). One whose file is there is not
run again.
"""

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from voice_cues.clips import Store
from voice_cues.corpora import is_open
from voice_cues.fitting import (
    DEVICE,
    Index,
    Recipe,
    batches,
    fine_tune,
    fit_heads,
    predict,
    to_targets,
)
from voice_cues.model import POOLED, VoiceCues
from voice_cues.network import Encoder, statistics
from voice_cues.rows import Rows

LEFT_OUT = ("ravdess", "emodb", "nemo", "ased", "emospeech_commands", "baved", "casia")
IN_CORPUS = ("ravdess", "emodb")
MOST = 1200  # clips of a corpus that are predicted, drawn by seed; all speakers are among them


@dataclass
class Material:
    """All that training takes: log-mels, targets, frozen statistics, the encoder they came from."""

    store: Store
    rows: Rows
    frozen: npt.NDArray[np.float16]
    encoder: Encoder
    work: Path


@dataclass(frozen=True)
class Held:
    """What a fold left out, and the logits [n, CLASSES + 2] for it."""

    rows: Index
    clean: npt.NDArray[np.float32]
    tel: npt.NDArray[np.float32]


def frozen_statistics(store: Store, encoder: Encoder, work: Path) -> npt.NDArray[np.float16]:
    """Statistics of both layers of the untouched encoder, clean and by telephone; made once."""
    path = work / "statistics.npy"
    if not (work / "statistics.done").is_file():
        shape = (len(store.clips), 2, POOLED)
        out = np.lib.format.open_memmap(path, "w+", np.float16, shape)
        encoder = encoder.to(DEVICE).eval()
        pairs = [(int(r), k) for k in (0, 1) for r in np.flatnonzero(store.frames[:, k])]
        bar = tqdm(total=len(pairs), desc="frozen statistics")
        for places, mels in batches(store, pairs, 64, shuffle=None):
            with torch.no_grad(), torch.autocast(DEVICE.type, torch.bfloat16):
                _, *layers = encoder(mels)
            both = torch.cat([statistics(layer.float()) for layer in layers], 1).cpu().numpy()
            for i, row in zip(places, both, strict=True):
                out[pairs[i]] = row
            bar.update(len(places))
        out.flush()
        (work / "statistics.done").touch()
    return np.load(path, mmap_mode="r")


def split(material: Material, fold: str, *, open_only: bool = False) -> tuple[Index, Index]:
    """Row numbers held out, and row numbers to learn from."""
    clips = material.store.clips
    corpus = np.array([clip.corpus for clip in clips])
    speaker = np.array([clip.speaker for clip in clips])
    name, _, part = fold.partition(":")
    is_closed = np.array([not is_open(clip.corpus) for clip in clips])
    out = is_closed if name == "closed" else corpus == name
    if part:
        k, n = (int(x) for x in part.split("/"))
        for one in IN_CORPUS:
            here = corpus == one
            out |= here & np.isin(speaker, np.unique(speaker[here])[k::n])
    keep = ~out
    if open_only:
        keep &= ~is_closed
    return np.flatnonzero(out), np.flatnonzero(keep)


def fit(material: Material, train: Index, recipe: Recipe) -> VoiceCues:
    """Heads on frozen statistics first, then everything."""
    store = material.store
    model = VoiceCues(copy.deepcopy(material.encoder)).to(DEVICE)
    row = np.repeat(train, 2)
    pooled = material.frozen[train].reshape(len(row), POOLED).astype(np.float32)
    fit_heads(model, torch.from_numpy(pooled).to(DEVICE), to_targets(material.rows, row), recipe)
    if recipe.clips:
        fine_tune(model, store, material.rows, train, recipe)
    return model


def some(store: Store, rows: Index) -> Index:
    """MOST rows of each corpus."""
    corpus = np.array([store.clips[r].corpus for r in rows])
    rng = np.random.default_rng(5)
    kept = [rng.permutation(rows[corpus == name])[:MOST] for name in np.unique(corpus)]
    return np.sort(np.concatenate(kept)).astype(np.intp)


@torch.no_grad()
def from_frozen(model: VoiceCues, pooled: npt.NDArray[np.float16]) -> npt.NDArray[np.float32]:
    """Logits [n, CLASSES + 2] from statistics of the untouched encoder."""
    z = (torch.from_numpy(pooled.astype(np.float32)).to(DEVICE) - model.mean) / model.scale
    logits: npt.NDArray[np.float32] = model.eval().head(z).cpu().numpy()
    return logits


def held_out(
    material: Material, fold: str, name: str, recipe: Recipe, *, open_only: bool = False
) -> Held:
    """The fold's predictions; trained now unless they are there."""
    path = material.work / "folds" / f"{name} {fold.replace('/', ' of ')}.npz"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        out, train = split(material, fold, open_only=open_only)
        out = some(material.store, out)
        model = fit(material, train, recipe)
        if recipe.clips:
            clean, tel = (predict(model, material.store, out, version) for version in (0, 1))
        else:  # the encoder is as it was: its statistics are there
            clean, tel = (from_frozen(model, material.frozen[out, v]) for v in (0, 1))
        np.savez(path, rows=out, clean=clean, tel=tel)
    with np.load(path) as kept:
        return Held(kept["rows"], kept["clean"], kept["tel"])
