"""Makes a Piper voice that hums, so that the real onnxruntime can be tested on one.

Its network has the inputs and the output of Piper's: each phoneme becomes 256 samples of a tone of
its own. Written in ONNX's wire format by hand, as the package `onnx` is needed nowhere else.
"""

import json
from pathlib import Path

import numpy as np

RATE = 22_050
PER_PHONEME = 256
PHONEMES = "_^$ .,!?abdefhijklmnopstuvwzæðŋɐɑɒɔəɚɛɜɡɪɹʃʊʌʒθˈˌː"


def make(folder: Path, *, speakers: int = 1, voice: str = "en-us") -> Path:
    """Write the two files of the voice and return the first."""
    path = folder / "hum.onnx"
    path.write_bytes(_model(several=speakers > 1))
    told = {
        "audio": {"sample_rate": RATE, "quality": "low"},
        "espeak": {"voice": voice},
        "inference": {"noise_scale": 0.6, "length_scale": 1, "noise_w": 0.8},
        "num_speakers": speakers,
        "phoneme_id_map": {phoneme: [number] for number, phoneme in enumerate(PHONEMES)},
    }
    Path(f"{path}.json").write_text(json.dumps(told))
    return path


def _model(*, several: bool) -> bytes:
    ramp = (np.arange(PER_PHONEME) * 2 * np.pi * 40 / RATE).astype("<f4")
    nodes = (
        _node("Cast", ["input"], "ids", _attribute("to", 1)),
        _node("Unsqueeze", ["ids", "last"], "columns"),
        _node("Mul", ["columns", "ramp"], "phases"),
        _node("Sin", ["phases"], "tones"),
        _node("Reshape", ["tones", "shape"], "output"),
    )
    constants = (
        _tensor("ramp", 1, [PER_PHONEME], ramp.tobytes()),
        _tensor("last", 7, [1], np.array([2], "<i8").tobytes()),
        _tensor("shape", 7, [4], np.array([1, 1, 1, -1], "<i8").tobytes()),
    )
    inputs = [("input", 7, 2), ("input_lengths", 7, 1), ("scales", 1, 1)]
    inputs += [("sid", 7, 1)] if several else []
    graph = b"".join(_field(1, node) for node in nodes) + _field(2, b"hum")
    graph += b"".join(_field(5, constant) for constant in constants)
    graph += b"".join(_field(11, _value(*one)) for one in inputs)
    graph += _field(12, _value("output", 1, 4))
    return _number(1, 8) + _field(7, graph) + _field(8, _field(1, b"") + _number(2, 13))


def _node(kind: str, inputs: list[str], output: str, attribute: bytes = b"") -> bytes:
    told = b"".join(_field(1, name.encode()) for name in inputs) + _field(2, output.encode())
    return told + _field(4, kind.encode()) + attribute


def _attribute(name: str, value: int) -> bytes:
    return _field(5, _field(1, name.encode()) + _number(3, value) + _number(20, 2))


def _tensor(name: str, kind: int, shape: list[int], data: bytes) -> bytes:
    dims = b"".join(_number(1, size) for size in shape)
    return dims + _number(2, kind) + _field(8, name.encode()) + _field(9, data)


def _value(name: str, kind: int, rank: int) -> bytes:
    shape = b"".join(_field(1, _field(2, f"{name}{axis}".encode())) for axis in range(rank))
    tensor = _number(1, kind) + _field(2, shape)
    return _field(1, name.encode()) + _field(2, _field(1, tensor))


def _number(tag: int, value: int) -> bytes:
    return _varint(tag << 3) + _varint(value)


def _field(tag: int, data: bytes) -> bytes:
    return _varint(tag << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
