"""Makes a voice-cue network that listens for loudness and pitch, and keeps the contract.

What it says can be worked out by hand: arousal is the level in steps of 10 dB above -20 dBFS, a
loud voice is angry and any other neutral, and a frame of 40 ms is a filled pause where a steady
tone of 250 Hz is in it. So the real onnxruntime, the windows, the decoding and the baseline can be
tested without weights. About 10 kB.
"""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

RATE, FRAME = 16_000, 640
LABELS = ("neutral", "happiness", "sadness", "anger")
METADATA = {
    "labels": json.dumps(LABELS),
    "rate": "16000",
    "version": "0.0.1",
    "license": "CC0-1.0",
    "corpora": "none",
    "window_s": "3.0",
    "hop_s": "1.0",
    "frame_s": "0.04",
    "thresholds": json.dumps({"unknown": 0.45, "anger": 0.5, "filled_pause": 0.5}),
    "calibration": json.dumps({"temperature": 1.0}),
    "baseline": json.dumps(
        {"arousal": {"mean": -1.0, "sd_within": 0.5}, "valence": {"mean": 0.0, "sd_within": 0.5}}
    ),
}
TONE_HZ = 250
"""Ten periods in a frame, so that neighbouring frequencies of speech do not leak in."""


def make(
    path: Path, *, without: tuple[str, ...] = (), neutral: float = 2.0, **metadata: str
) -> Path:
    """Write the network to `path` and return it.

    Args:
        path: of the file.
        without: outputs and metadata that are left out.
        neutral: its logit, where those of happiness and sadness are 0 and that of anger is
            twice the level.
        metadata: other values than METADATA.
    """
    steps = [
        # arousal = (10 log10(mean square) + 20) / 10
        ("Mul", ["audio", "audio"], ["power"]),
        ("ReduceMean", ["power", "axis"], ["mean"]),
        ("Add", ["mean", "least"], ["some"]),
        ("Log", ["some"], ["log"]),
        ("Mul", ["log", "decades"], ["bels"]),
        ("Add", ["bels", "two"], ["level"]),
        ("Squeeze", ["level", "axis"], ["arousal"]),
        ("Neg", ["arousal"], ["valence"]),
        ("Mul", ["level", "towards"], ["leaning"]),
        ("Add", ["leaning", "neutral"], ["emotion"]),
        # a filter for sine and one for cosine, frame by frame; share of the frame's power
        ("Unsqueeze", ["audio", "axis"], ["wave"]),
        ("Conv", ["wave", "tones"], ["both"]),
        ("Mul", ["both", "both"], ["squares"]),
        ("ReduceSum", ["squares", "axis"], ["tone"]),
        ("Mul", ["wave", "wave"], ["wave_power"]),
        ("Conv", ["wave_power", "ones"], ["whole"]),
        ("Add", ["whole", "least"], ["whole_some"]),
        ("Div", ["tone", "whole_some"], ["share"]),
        ("Mul", ["share", "twenty"], ["steep"]),
        ("Add", ["steep", "minus_ten"], ["logits"]),
        ("Squeeze", ["logits", "axis"], ["filled_pause"]),
    ]
    phase = 2 * np.pi * TONE_HZ * np.arange(FRAME) / RATE
    tones = np.stack([np.sin(phase), np.cos(phase)])[:, None] * np.sqrt(2 / FRAME)
    constants = {
        "axis": np.array([1]),
        "least": np.float32(1e-10),
        "decades": np.float32(1 / np.log(10)),
        "two": np.float32(2.0),
        "towards": np.array([[0.0, 0.0, 0.0, 2.0]], np.float32),
        "neutral": np.array([[neutral, 0.0, 0.0, 0.0]], np.float32),
        "tones": tones.astype(np.float32),
        "ones": np.ones((1, 1, FRAME), np.float32),
        "twenty": np.float32(20.0),
        "minus_ten": np.float32(-10.0),
    }
    strides = {"Conv": {"strides": [FRAME]}, "ReduceMean": {"keepdims": 1}}
    nodes = [helper.make_node(kind, i, o, **strides.get(kind, {})) for kind, i, o in steps]
    shapes = {
        "emotion": ["batch", len(LABELS)],
        "arousal": ["batch"],
        "valence": ["batch"],
        "filled_pause": ["batch", "frames"],
    }
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["batch", "samples"])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
            if name not in without
        ],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    told = {key: text for key, text in (METADATA | metadata).items() if key not in without}
    helper.set_model_props(model, told)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
