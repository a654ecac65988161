"""Fits the heads on pooled statistics, then everything on log-mels, and goes half the way back."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from voice_cues.clips import Store
from voice_cues.model import Outputs, Targets, VoiceCues, loss
from voice_cues.rows import Rows

Index = npt.NDArray[np.intp]
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Recipe:
    """What can be chosen; the defaults are what was chosen, on corpora that were held out.

    Attributes:
        decay: L2 on the heads' weights, on standardised statistics.
        drop: Share of statistics that are left out while everything learns.
        rounds: Steps of L-BFGS for the heads.
        clips: Clips drawn for fine-tuning, with replacement, by weight.
        crop: Longest stretch that fine-tuning hears, in frames of 10 ms: half the price of 3 s.
    rate: Step size for the encoder; the heads take five times that.
        kept: Share of the weights before fine-tuning in the average that is taken in the end.
        seed: Of everything that is drawn.
    """

    decay: float = 0.1
    drop: float = 0.3
    rounds: int = 30
    clips: int = 2240
    crop: int = 160
    rate: float = 6e-5
    kept: float = 0.5
    seed: int = 11


def to_targets(rows: Rows, index: Index, weight: npt.NDArray[np.float32] | None = None) -> Targets:
    """Tensors of some rows."""
    told = rows.weight[index] if weight is None else weight
    parts = (rows.emotion[index], rows.allowed[index], rows.dims[index], told)
    emotion, allowed, dims, weights = (torch.from_numpy(part).to(DEVICE) for part in parts)
    return Targets(emotion, allowed, dims, weights)


def fit_heads(model: VoiceCues, pooled: Tensor, target: Targets, recipe: Recipe) -> None:
    """Fits the heads on [n, POOLED] raw statistics; sets the model's mean and scale by them."""
    mass = (target.weight / target.weight.sum())[:, None]
    mean = (pooled * mass).sum(0)
    model.mean.copy_(mean)
    model.scale.copy_((((pooled - mean) ** 2) * mass).sum(0).sqrt() + 1e-3)
    model.drop.p = recipe.drop
    z = (pooled - model.mean) / model.scale
    torch.nn.init.zeros_(model.head.weight)
    torch.nn.init.zeros_(model.head.bias)
    optimiser = torch.optim.LBFGS(
        model.head.parameters(), max_iter=recipe.rounds, line_search_fn="strong_wolfe"
    )
    model.eval()  # nothing is dropped: convex, and found exactly

    def closure() -> Tensor:
        optimiser.zero_grad()
        fit = loss(model.from_pooled(z), target)
        penalised: Tensor = fit + recipe.decay * 0.5 * (model.head.weight**2).sum()
        penalised.backward()
        return penalised

    optimiser.step(closure)


def batches(
    store: Store, pairs: list[tuple[int, int]], size: int, *, shuffle: np.random.Generator | None
) -> Iterator[tuple[list[int], Tensor]]:
    """Batches of (row, version) with as many frames each: their places in `pairs`, and log-mels."""
    order = range(len(pairs)) if shuffle is None else shuffle.permutation(len(pairs)).tolist()
    chunks = [list(order)[i : i + 40 * size] for i in range(0, len(pairs), 40 * size)]
    for chunk in chunks:
        length = {i: int(store.frames[pairs[i]]) for i in chunk}
        groups = [list(g) for _, g in groupby(sorted(chunk, key=length.__getitem__), length.get)]
        parts = [g[i : i + size] for g in groups for i in range(0, len(g), size)]
        if shuffle is not None:
            shuffle.shuffle(parts)  # type: ignore[arg-type]
        for part in parts:
            n = length[part[0]]
            mels = np.stack([store.mels[pairs[i]][:, :n] for i in part]).astype(np.float32)
            yield part, torch.from_numpy(mels).to(DEVICE)


def fine_tune(model: VoiceCues, store: Store, rows: Rows, train: Index, recipe: Recipe) -> None:
    """Fits everything on versions drawn by weight, and takes the average of before and after.

    The average (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models") keeps more of what
    holds on corpora that were never seen than either end.

    Args:
        model: With fitted heads.
        store: The log-mels.
        rows: Targets of the store's clips.
        train: Row numbers that may be learnt from.
        recipe: `clips`, `crop`, `rate`, `kept` and `seed` matter.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    # Half by weight, half as they come: rare classes of small corpora would be seen too often.
    mass = np.sqrt(rows.weight[train] / rows.weight[train].sum() / len(train))
    drawn = rng.choice(train, recipe.clips, p=mass / mass.sum())
    corrected = rows.weight[train] / (mass / mass.sum())
    weight_of = dict(zip(train.tolist(), (corrected / corrected.mean()).tolist(), strict=True))
    pairs = [(int(r), int(rng.choice(np.flatnonzero(store.frames[r])))) for r in drawn]
    start = [p.detach().clone() for p in model.parameters()]
    groups = [
        {"params": list(model.encoder.parameters()), "lr": recipe.rate},
        {"params": list(model.head.parameters()), "lr": 5 * recipe.rate},
    ]
    optimiser = torch.optim.AdamW(groups, weight_decay=0.0)
    most = most_batches(store, pairs, 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [recipe.rate, 5 * recipe.rate], total_steps=most + 1, pct_start=0.15
    )
    model.train()
    bar = tqdm(batches(store, pairs, 32, shuffle=rng), total=most, desc="fine-tuning")
    for places, whole in bar:
        mels = masked(cropped(whole, recipe.crop, rng), rng)
        index = np.array([pairs[i][0] for i in places])
        weight = np.array([weight_of[r] for r in index.tolist()], np.float32)
        optimiser.zero_grad()
        with torch.autocast(DEVICE.type, torch.bfloat16):
            pooled = model.pooled(mels)
        fit = loss(model.from_pooled(pooled.float()), to_targets(rows, index, weight)) * float(
            weight.mean()
        )
        (fit + recipe.decay * 0.5 * (model.head.weight**2).sum()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        for now, was in zip(model.parameters(), start, strict=True):
            now.lerp_(was, recipe.kept)


def most_batches(store: Store, pairs: list[tuple[int, int]], size: int) -> int:
    """An upper bound of how many batches there will be."""
    lengths = len(np.unique([int(store.frames[p]) for p in pairs]))
    return len(pairs) // size + lengths * (len(pairs) // (40 * size) + 1) + 1


def cropped(mels: Tensor, frames: int, rng: np.random.Generator) -> Tensor:
    """A stretch of at most so many frames, the same for the batch."""
    spare = mels.shape[2] - frames
    at = int(rng.integers(spare + 1)) if spare > 0 else 0
    return mels[:, :, at : at + frames].clone()


def masked(mels: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mels with a stripe of frequencies and one of time at their mean, at times."""
    _, filters, frames = mels.shape
    if rng.random() < 0.5:
        at, wide = int(rng.integers(filters - 8)), int(rng.integers(1, 9))
        mels[:, at : at + wide] = mels.mean()
    if rng.random() < 0.5:
        at, wide = int(rng.integers(max(1, frames - 20))), int(rng.integers(1, 21))
        mels[:, :, at : at + wide] = mels.mean()
    return mels


@torch.no_grad()
def predict(model: VoiceCues, store: Store, rows: Index, version: int) -> npt.NDArray[np.float32]:
    """Logits [n, CLASSES + 2] of a version of some rows."""
    model.eval()
    pairs = [(int(r), version) for r in rows]
    found: dict[int, npt.NDArray[np.float32]] = {}
    for places, mels in batches(store, pairs, 64, shuffle=None):
        with torch.autocast(DEVICE.type, torch.bfloat16):
            pooled = model.pooled(mels)
        out: Outputs = model.from_pooled(pooled.float())
        both = torch.cat([out.emotion, out.dims], 1).cpu().numpy()
        found.update(zip(places, both, strict=True))
    return np.stack([found[i] for i in range(len(pairs))])
