"""The network with its heads, and what it is fitted by."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 everybody's name for it

from voice_cues.corpora import CLASSES, KINDS
from voice_cues.network import WIDTH, Encoder, LogMel, statistics

POOLED = 4 * WIDTH  # mean and deviation over time of the two layers


@dataclass
class Outputs:
    """Logits: emotion [batch, CLASSES], dims [batch, 2] (arousal, valence); and the statistics."""

    emotion: Tensor
    dims: Tensor
    pooled: Tensor


class VoiceCues(nn.Module):
    """Raw PCM, or its log-mel, to logits."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.front, self.encoder = LogMel(), encoder
        self.register_buffer("mean", torch.zeros(POOLED))
        self.register_buffer("scale", torch.ones(POOLED))
        self.drop = nn.Dropout(0.3)
        self.head = nn.Linear(POOLED, len(CLASSES) + 2)

    def pooled(self, mel: Tensor) -> Tensor:
        """From [batch, filters, n] to the standardised statistics of both layers."""
        _, *layers = self.encoder(mel)
        both = torch.cat([statistics(layer.float()) for layer in layers], 1)
        return (both - self.mean) / self.scale

    def from_pooled(self, pooled: Tensor) -> Outputs:
        """The heads."""
        logits = self.head(self.drop(pooled))
        return Outputs(logits[:, : len(CLASSES)], logits[:, len(CLASSES) :], pooled)

    def forward(self, mel: Tensor) -> Outputs:
        """From log-mel."""
        return self.from_pooled(self.pooled(mel))


@dataclass
class Targets:
    """`rows.Rows` of a batch, as tensors."""

    emotion: Tensor
    allowed: Tensor
    dims: Tensor
    weight: Tensor


def fold(logits: Tensor) -> Tensor:
    """[batch, CLASSES] to [batch, LABELS]: calm and boredom are kinds of neutral."""
    return torch.stack([logits[:, at].logsumexp(1) for at in KINDS], 1)


def cross_entropy(logits: Tensor, target: Tensor, allowed: Tensor) -> Tensor:
    """[batch] over the classes that are allowed; 0 where the target is empty."""
    masked = logits.masked_fill(allowed == 0, -1e4)
    return -(target * F.log_softmax(masked, 1)).sum(1)


def loss(outputs: Outputs, target: Targets) -> Tensor:
    """Masked cross-entropy over the shipped labels, and over what is folded where that is told.

    Classes that a clip's corpus has not are left out of its softmax: they are not known to be
    absent, they were not asked for. Kinds of neutral are told apart by RAVDESS and EmoDB alone;
    elsewhere any of them will do.
    """
    of_label = torch.stack([target.emotion[:, at].sum(1) for at in KINDS], 1)
    has_label = torch.stack([target.allowed[:, at].amax(1) for at in KINDS], 1)
    finer = (target.allowed[:, KINDS[0]].sum(1) > 1).float()
    emotion = cross_entropy(fold(outputs.emotion), of_label, has_label)
    fine = cross_entropy(outputs.emotion, target.emotion, target.allowed)
    known = target.dims == target.dims
    aimed = torch.where(known, target.dims, 0.5)
    dims = F.binary_cross_entropy_with_logits(outputs.dims, aimed, reduction="none") * known
    each = (emotion + finer * fine) / (1 + finer) + 1.5 * dims[:, 0] + 0.5 * dims[:, 1]
    return (each * target.weight).sum() / target.weight.sum()
