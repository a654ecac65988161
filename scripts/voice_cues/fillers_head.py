"""The filled-pause head: from an encoder's frames of 20 ms to a logit for each 40 ms.

After the encoder has been trained: `train(audio → frames, work)` fits a head on the material of
`fillers_build` in a few minutes on one core, chooses the threshold on the development speakers and
leaves `fillers_head.pt` and `fillers.json` in the work folder. The encoder is not touched.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 everybody's name for it
from tqdm import tqdm

from voice_cues.fillers_events import Event
from voice_cues.fillers_material import UNSURE, labels

RATE = 16_000
SQUEEZED = 48
WINDOW_S, HOP_S = 3.0, 1.0
"""As in the product: windows of 3 s, one each second."""

SHORTEST_S = 0.6
EPOCHS, BATCH, RATE_MAX = 8, 32, 2e-3
POSITIVE_WEIGHT = 2.0

Frames = Callable[[Tensor], Tensor]
"""From audio [batch, samples] to encoder frames [batch, T50, width]."""


class FillerHead(nn.Module):
    """Some 36,000 parameters that hear 0.5 s to either side.

    Args:
        width: of the encoder's frames; mel frames do as well.
    """

    def __init__(self, width: int = 384) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.squeeze = nn.Linear(width, SQUEEZED)
        self.halve = nn.Conv1d(SQUEEZED, SQUEEZED, 5, stride=2, padding=2)
        self.near = nn.Conv1d(SQUEEZED, SQUEEZED, 9, padding=4, groups=SQUEEZED)
        self.mix1 = nn.Conv1d(SQUEEZED, SQUEEZED, 1)
        self.far = nn.Conv1d(SQUEEZED, SQUEEZED, 15, padding=7, groups=SQUEEZED)
        self.mix2 = nn.Conv1d(SQUEEZED, SQUEEZED, 1)
        self.out = nn.Conv1d(SQUEEZED, 1, 1)
        self.drop = nn.Dropout(0.15)

    def forward(self, frames: Tensor) -> Tensor:
        """From [batch, T50, width] to logits [batch, ceil(T50 / 2)], one for each 40 ms."""
        x = F.gelu(self.squeeze(self.norm(frames))).transpose(1, 2)
        x = self.drop(F.gelu(self.halve(x)))
        x = x + self.drop(F.gelu(self.mix1(self.near(x))))
        x = x + self.drop(F.gelu(self.mix2(self.far(x))))
        return self.out(x).squeeze(1)


@dataclass(frozen=True, slots=True)
class Built:
    """One recording of the material, as it lies on the disk."""

    pcm: NDArray[np.int16]
    part: str
    kind: str
    speaker: str
    corpus: str
    events: list[Event]

    @property
    def sound(self) -> NDArray[np.float32]:
        """In [-1, 1]."""
        return np.asarray(self.pcm / np.float32(32767), np.float32)


def material(work: Path, part: str) -> list[Built]:
    """What `fillers_build` has left for a part."""
    pcm = np.load(work / "items.npy", mmap_mode="r")
    found = []
    for row in json.loads((work / "items.json").read_text()):
        if row["part"] == part:
            cut = pcm[row["start"] : row["start"] + row["size"]]
            events = [(float(a), float(b)) for a, b in row["events"]]
            names = (row["kind"], row["speaker"], row["corpus"])
            found.append(Built(cut, part, *names, events))
    return found


def windows(built: Built, hop_s: float) -> list[tuple[int, int]]:
    """First and last sample of windows over a recording, whole frames of 40 ms; the last fits."""
    frame = RATE // 25
    size = len(built.pcm) // frame * frame
    length = min(size, round(WINDOW_S * RATE))
    if size < SHORTEST_S * RATE:
        return []
    starts = list(range(0, size - length + 1, round(hop_s * RATE)))
    if starts[-1] + length < size:
        starts.append((size - length) // frame * frame)
    return [(start, start + length) for start in starts]


@dataclass
class Set:
    """Training windows of one length: frames [n, T50, width] in half precision, marks [n, T25]."""

    frames: Tensor
    marks: Tensor


def encoded(items: list[Built], frames: Frames, hop_s: float = 2.0) -> list[Set]:
    """The encoder's frames of all windows, by length (a quarter of a second at a time)."""
    by_length: dict[int, list[tuple[NDArray[np.float32], NDArray[np.int8]]]] = {}
    for item in items:
        sound = item.sound
        marks = labels(item.events, len(sound) * 25 // RATE)
        for start, end in windows(item, hop_s):
            size = (end - start) // (RATE // 4) * (RATE // 4) // (RATE // 25) * (RATE // 25)
            first = start * 25 // RATE
            piece = (sound[start : start + size], marks[first : first + size * 25 // RATE])
            by_length.setdefault(size, []).append(piece)
    sets = []
    for pieces in tqdm(by_length.values(), desc="encoding"):
        kept = []
        for at in range(0, len(pieces), 16):
            batch = torch.from_numpy(np.stack([sound for sound, _ in pieces[at : at + 16]]))
            with torch.no_grad():
                kept.append(frames(batch).half())
        sets.append(Set(torch.cat(kept), torch.from_numpy(np.stack([m for _, m in pieces]))))
    return sets


def batches(sets: list[Set], rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """All windows once, in any order, each batch of one length."""
    jobs = []
    for index, one in enumerate(sets):
        order = rng.permutation(len(one.marks))
        jobs += [(index, order[at : at + BATCH]) for at in range(0, len(order), BATCH)]
    for job in rng.permutation(len(jobs)):
        index, rows = jobs[int(job)]
        yield sets[index].frames[rows].float(), sets[index].marks[rows]


def loss(logits: Tensor, marks: Tensor) -> Tensor:
    """Binary cross-entropy over the frames that are sure."""
    count = min(logits.shape[1], marks.shape[1])
    logits, marks = logits[:, :count], marks[:, :count]
    sure = marks != UNSURE
    aimed = (marks == 1).float()
    weight = sure.float() * (1 + (POSITIVE_WEIGHT - 1) * aimed)
    each = F.binary_cross_entropy_with_logits(logits, aimed, reduction="none")
    return (each * weight).sum() / weight.sum().clamp_min(1)


def fit(sets: list[Set], epochs: int = EPOCHS, seed: int = 5) -> FillerHead:
    """A head fitted to encoded windows."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    head = FillerHead(sets[0].frames.shape[2])
    optimiser = torch.optim.AdamW(head.parameters(), lr=RATE_MAX, weight_decay=0.02)
    steps = epochs * sum(-(-len(one.marks) // BATCH) for one in sets)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_MAX, total_steps=steps)
    for epoch in range(epochs):
        head.train()
        began, total, count = time.monotonic(), 0.0, 0
        for frames, marks in batches(sets, rng):
            value = loss(head(frames), marks)
            optimiser.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            total, count = total + float(value.detach()), count + 1
        print(
            f"epoch {epoch}: loss {total / count:.4f}, {time.monotonic() - began:.0f} s", flush=True
        )
    head.eval()
    return head


def logits_of(
    item: Built, frames: Frames, head: FillerHead
) -> list[tuple[int, NDArray[np.float32]]]:
    """The head's logits of every window of a recording, with the window's first frame of 40 ms."""
    found = []
    for start, end in windows(item, HOP_S):
        with torch.no_grad():
            row = head(frames(torch.from_numpy(item.sound[None, start:end])))[0].numpy()
        found.append((start * 25 // RATE, row))
    return found
