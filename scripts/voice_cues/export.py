"""Writes the shipped graph: PCM in, calibrated logits out, int8 weights, all facts as metadata."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 everybody's name for it

from voice_cues.corpora import CLASSES, LABELS
from voice_cues.model import VoiceCues, fold
from voice_cues.network import WIDTH, statistics

OUTPUTS = ("emotion", "arousal", "valence", "filled_pause")


class Shipped(nn.Module):
    """The graph as it is exported: calibration is part of it.

    Args:
        model: The fitted network.
        pauses: The filled-pause head: 20 ms frames [batch, n, WIDTH] to logits [batch, n / 2];
            without one there is no such output.
        pauses_hear: Which layer it was trained on, from 1.
        bias: Of the emotion logits, by label.
        temperature: By which emotion logits are divided after that.
    """

    def __init__(
        self,
        model: VoiceCues,
        pauses: nn.Module | None = None,
        pauses_hear: int = 1,
        bias: Sequence[float] = (0.0,) * len(LABELS),
        temperature: float = 1.0,
    ) -> None:
        super().__init__()
        self.front, self.encoder = model.front, model.encoder
        self.pauses, self.pauses_hear = pauses, pauses_hear
        self.temperature = temperature
        self.register_buffer("bias", torch.tensor(bias, dtype=torch.float32))
        self.head = nn.Linear(model.head.in_features, model.head.out_features)
        self.halve = nn.Linear(3 * WIDTH, WIDTH)
        with torch.no_grad():
            self.halve.weight.copy_(model.encoder.conv2.weight.permute(0, 2, 1).flatten(1))
            self.halve.bias.copy_(model.encoder.conv2.bias)
            weight = model.head.weight / model.scale
            self.head.weight.copy_(weight)
            self.head.bias.copy_(model.head.bias - weight @ model.mean)

    def forward(self, audio: Tensor) -> tuple[Tensor, ...]:
        """From [batch, samples] to emotion, arousal, valence, filled_pause logits."""
        x = F.gelu(self.encoder.conv1((self.front(audio) + 3.2) / 4)).transpose(1, 2)
        # The second convolution as a matrix product: int8 reaches those alone.
        x = F.pad(x, (0, 0, 1, 1))
        x = F.gelu(self.halve(torch.cat([x[:, :-2:2], x[:, 1:-1:2], x[:, 2::2]], 2)))
        half = WIDTH // 2
        # The position code is computed: no table in the file, and no longest window.
        scale = torch.exp(-np.log(10000) / (half - 1) * torch.arange(half))
        angle = torch.arange(x.shape[1])[:, None] * scale
        x = x + torch.cat([angle.sin(), angle.cos()], 1)
        found = []
        for layer in self.encoder.layers:
            x = layer(x)
            found.append(x)
        logits = self.head(torch.cat([statistics(layer) for layer in found], 1))
        n = len(CLASSES)
        told = (
            (fold(logits[:, :n]) + self.bias) / self.temperature,
            logits[:, n],
            logits[:, n + 1],
        )
        if self.pauses is None:
            return told
        return (*told, self.pauses(found[self.pauses_hear - 1]))

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what `forward` gives."""
        return OUTPUTS if self.pauses is not None else OUTPUTS[:-1]


def write(shipped: Shipped, path: Path, metadata: dict[str, Any], *, int8: bool = True) -> None:
    """Writes an ONNX file (opset 17) with metadata; MatMul weights in int8 unless told not to."""
    shipped = shipped.eval().cpu().float()
    full = path.with_suffix(".fp32.onnx")
    axes = {name: {0: "batch"} for name in shipped.outputs}
    axes |= {"audio": {0: "batch", 1: "samples"}}
    if shipped.pauses is not None:
        axes["filled_pause"] = {0: "batch", 1: "frames"}
    torch.onnx.export(
        shipped,
        (torch.randn(1, 32000) * 0.05,),
        str(full),
        input_names=["audio"],
        output_names=list(shipped.outputs),
        dynamic_axes=axes,
        opset_version=17,
        dynamo=False,
    )
    if int8:
        quantize_dynamic(
            full,
            path,
            op_types_to_quantize=["MatMul", "Gemm"],
            weight_type=QuantType.QInt8,
            per_channel=True,
            extra_options={"MatMulConstBOnly": True},
        )
        full.unlink()
    else:
        full.replace(path)
    graph = onnx.load(path)
    graph.producer_name, graph.doc_string = "tonewise", "tonewise voice cues"
    del graph.metadata_props[:]
    for key, value in metadata.items():
        text = value if isinstance(value, str) else json.dumps(value)
        graph.metadata_props.add(key=key, value=text)
    onnx.save(graph, path)


def session(path: Path) -> ort.InferenceSession:
    """One thread, no spinning: as at run time."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def parity(shipped: Shipped, path: Path, sounds: list[npt.NDArray[np.float32]]) -> dict[str, float]:
    """The largest difference of each output between torch and the file, over some sounds."""
    ran = session(path)
    worst = dict.fromkeys(shipped.outputs, 0.0)
    for sound in sounds:
        with torch.no_grad():
            expected = shipped.eval()(torch.from_numpy(sound[None]))
        got = ran.run(list(shipped.outputs), {"audio": sound[None]})
        for name, one, other in zip(shipped.outputs, expected, got, strict=True):
            worst[name] = max(worst[name], float(np.abs(one.numpy() - other).max()))
    return worst
