"""The network: log-mel, Whisper tiny.en's conv stem and first layers, statistics pooling, heads.

Everything from raw PCM to logits is one graph. The front end sees 80 to 3800 Hz only, and what it
sees is divided by the window's mean power: a telephone line and a studio microphone look alike, and
so do a whisper into the phone and a shout across the room, as far as level goes.
"""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 everybody's name for it

RATE, WINDOW, HOP = 16000, 400, 160
LOWEST, HIGHEST = 80, 3800  # Hz
MELS = 80  # of Whisper's filter bank, which reaches to 8 kHz
FLOOR = -5.0  # log10 of power against the window's mean: 50 dB
WIDTH, HEADS = 384, 6


def mel_filters() -> Tensor:
    """Whisper's triangular filters (Slaney's scale and area) as far as they lie below HIGHEST.

    Returns:
        [filters, bins] for the bins of a 400-point DFT at 16 kHz from 0 up to HIGHEST.
    """

    def to_hz(mel: np.ndarray) -> np.ndarray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))

    top = 15 + np.log(8.0) / np.log(6.4) * 27
    edges = to_hz(np.linspace(0, top, MELS + 2))
    bins = np.arange(0, HIGHEST + 1, RATE / WINDOW)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    filters = np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None]
    filters[:, bins < LOWEST] = 0
    return torch.from_numpy(filters[edges[2:] <= HIGHEST]).float()


class LogMel(nn.Module):
    """Log-mel of PCM, relative to the window's own mean power; FLOOR and above."""

    def __init__(self) -> None:
        super().__init__()
        filters = mel_filters()
        time = np.arange(WINDOW) / WINDOW
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * time)
        first = LOWEST * WINDOW // RATE
        angle = 2 * np.pi * np.arange(first, filters.shape[1])[:, None] * np.arange(WINDOW) / WINDOW
        kernel = np.concatenate([np.cos(angle), np.sin(angle)]) * hann
        self.register_buffer("dft", torch.from_numpy(kernel[:, None]).float(), persistent=False)
        self.register_buffer("mel", filters[:, first:].contiguous(), persistent=False)

    def forward(self, audio: Tensor) -> Tensor:
        """From [batch, samples] in [-1, 1] to [batch, filters, samples // 160]."""
        audio = audio - audio.mean(1, keepdim=True)
        both = F.conv1d(audio[:, None], self.dft, stride=HOP, padding=WINDOW // 2)[:, :, :-1]
        half = both.shape[1] // 2
        mel = self.mel @ (both[:, :half] ** 2 + both[:, half:] ** 2)
        mean = mel.mean((1, 2), keepdim=True)
        # Under 1e-9 (about -100 dBFS) there is nothing to hear: silence becomes the floor.
        return torch.log10((mel / (mean + 1e-9)).clamp_min(10**FLOOR))


def sinusoids(frames: int) -> Tensor:
    """Whisper's position code: [frames, WIDTH], sines beside cosines."""
    half = WIDTH // 2
    scale = torch.exp(-np.log(10000) / (half - 1) * torch.arange(half))
    angle = torch.arange(frames)[:, None] * scale
    return torch.cat([angle.sin(), angle.cos()], 1)


class Layer(nn.Module):
    """One pre-norm transformer layer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """From and to [batch, frames, WIDTH]."""
        batch, frames, _ = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, frames, 3, HEADS, WIDTH // HEADS)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(q, k, v)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, frames, WIDTH))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Encoder(nn.Module):
    """Conv stem and the first layers; a frame is 20 ms."""

    def __init__(self, layers: int = 2, longest: int = 1500) -> None:
        super().__init__()
        self.filters = mel_filters().shape[0]
        self.conv1 = nn.Conv1d(self.filters, WIDTH, 3, padding=1)
        self.conv2 = nn.Conv1d(WIDTH, WIDTH, 3, stride=2, padding=1)
        self.layers = nn.ModuleList(Layer() for _ in range(layers))
        self.register_buffer("positions", sinusoids(longest), persistent=False)

    def forward(self, mel: Tensor) -> list[Tensor]:
        """From [batch, filters, n] to the stem's and each layer's [batch, n / 2, WIDTH]."""
        x = F.gelu(self.conv1((mel + 3.2) / 4))  # Whisper's scaling, at an ordinary level
        x = F.gelu(self.conv2(x)).transpose(1, 2)
        found = [x]
        x = x + self.positions[: x.shape[1]]
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found


def whisper_encoder(folder: Path, layers: int = 2) -> Encoder:
    """The encoder with Whisper's weights (transformers' names) for the filters that are kept.

    The filters above HIGHEST are taken to be at the floor always, which is a bias.
    """
    given = {k: v.float() for k, v in load_file(folder / "encoder_fp16.safetensors").items()}
    prefix = next(k for k in given if k.endswith("conv1.weight")).removesuffix("conv1.weight")
    encoder = Encoder(layers)
    n = encoder.filters
    weight = given[f"{prefix}conv1.weight"]
    with torch.no_grad():
        encoder.conv1.weight.copy_(weight[:, :n])
        floor = (FLOOR + 3.2) / 4
        encoder.conv1.bias.copy_(given[f"{prefix}conv1.bias"] + floor * weight[:, n:].sum((1, 2)))
        encoder.conv2.weight.copy_(given[f"{prefix}conv2.weight"])
        encoder.conv2.bias.copy_(given[f"{prefix}conv2.bias"])
        for i, layer in enumerate(encoder.layers):
            _copy_layer(layer, given, f"{prefix}layers.{i}.")
    return encoder


def _copy_layer(layer: nn.Module, given: dict[str, Tensor], prefix: str) -> None:
    at = f"{prefix}self_attn."
    k_bias = torch.zeros(WIDTH)  # Whisper's keys have none
    mine = {
        "qkv.weight": torch.cat([given[f"{at}{x}_proj.weight"] for x in "qkv"]),
        "qkv.bias": torch.cat([given[f"{at}q_proj.bias"], k_bias, given[f"{at}v_proj.bias"]]),
    }
    names = {
        "norm1": "self_attn_layer_norm",
        "out": "self_attn.out_proj",
        "norm2": "final_layer_norm",
        "up": "fc1",
        "down": "fc2",
    }
    for own, theirs in names.items():
        mine |= {f"{own}.{part}": given[f"{prefix}{theirs}.{part}"] for part in ("weight", "bias")}
    layer.load_state_dict(mine)


def statistics(frames: Tensor) -> Tensor:
    """Mean and standard deviation over time: [batch, frames, n] to [batch, 2 n]."""
    mean = frames.mean(1)
    deviation = ((frames - mean[:, None]) ** 2).mean(1).add(1e-5).sqrt()
    return torch.cat([mean, deviation], 1)
