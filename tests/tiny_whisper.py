"""Makes a Whisper that knows nothing, so that the real faster-whisper can be tested on it.

One layer of random weights in CTranslate2's own format, with Whisper's special tokens, its 80 mel
bands and its 51,865 tokens: what it says is rubbish, but words, times, language, no-speech and
log-probability come the way they come from a real model. About 5 MB, made in half a second.
"""

import itertools
import json
import string
from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from faster_whisper.tokenizer import _LANGUAGE_CODES
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

WIDTH, HEADS, MELS = 16, 1, 80
LETTERS = string.ascii_lowercase


def make(folder: Path, *, seed: int = 0, multilingual: bool = True) -> Path:
    """Write the model to `folder` and return it."""
    tokens = _vocabulary(multilingual)
    spec = _spec(tokens, np.random.default_rng(seed))
    spec.register_vocabulary(tokens)
    first = tokens.index("<|startoftranscript|>") + 1
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = list(range(first, first + len(_languages(multilingual))))
    spec.config.alignment_heads = [(0, 0)]
    folder.mkdir(parents=True, exist_ok=True)
    spec.validate()
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS}))
    return folder


def _languages(multilingual: bool) -> tuple[str, ...]:
    # Whisper's first 99; `yue` came with large-v3 and a larger vocabulary.
    return tuple(c for c in _LANGUAGE_CODES if c != "yue") if multilingual else ("en",)


def _vocabulary(multilingual: bool) -> list[str]:
    """In the order that CTranslate2 and faster-whisper rely on.

    CTranslate2 takes a model for multilingual by its 51,865 tokens, newer releases by the empty
    one that comes last of the text.
    """
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ("Ġ" + "".join(four) for four in itertools.product(LETTERS, repeat=4))
    text = letters + list(itertools.islice(words, 50_256 - len(letters)))
    marks = ["<|endoftext|>", "<|startoftranscript|>"]
    marks += [f"<|{code}|>" for code in _languages(multilingual)]
    if not multilingual:  # Whisper's English models keep the places of the other languages
        marks += [f"<|unused{n}|>" for n in range(98)]
    marks += ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>"]
    marks += ["<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{n * 0.02:.2f}|>" for n in range(1_501)]
    return text + ([""] if multilingual else []) + marks + times


def _tokenizer(tokens: list[str]) -> Tokenizer:
    text = {token: n for n, token in enumerate(tokens) if not token.startswith("<|")}
    tokenizer = Tokenizer(models.BPE(vocab=text, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    marks = [token for token in tokens if token.startswith("<|")]
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in marks])
    return tokenizer


def _spec(tokens: list[str], rng: np.random.Generator) -> WhisperSpec:
    def weights(*shape: int, scale: float = 0.3) -> np.ndarray:
        return rng.normal(0, scale, shape).astype(np.float32)

    def norm(spec) -> None:
        spec.gamma, spec.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def linear(spec, out: int, into: int = WIDTH) -> None:
        spec.weight, spec.bias = weights(out, into), np.zeros(out, np.float32)

    def attention(spec, *sizes: int) -> None:
        norm(spec.layer_norm)
        for part, size in zip(spec.linear, sizes, strict=True):
            linear(part, size)

    def block(layer) -> None:
        attention(layer.self_attention, 3 * WIDTH, WIDTH)
        norm(layer.ffn.layer_norm)
        linear(layer.ffn.linear_0, 4 * WIDTH)
        linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)

    spec = WhisperSpec(1, HEADS, 1, HEADS)
    for convolution, bands in ((spec.encoder.conv1, MELS), (spec.encoder.conv2, WIDTH)):
        convolution.weight = weights(WIDTH, bands, 3)
        convolution.bias = np.zeros(WIDTH, np.float32)
    spec.encoder.position_encodings.encodings = weights(1500, WIDTH)
    spec.decoder.position_encodings.encodings = weights(448, WIDTH)
    for side in (spec.encoder, spec.decoder):
        norm(side.layer_norm)
        block(side.layer[0])
    attention(spec.decoder.layer[0].attention, WIDTH, 2 * WIDTH, WIDTH)
    spec.decoder.embeddings.weight = weights(len(tokens), WIDTH)
    linear(spec.decoder.projection, len(tokens))
    spec.decoder.projection.bias = _leaning(tokens)
    return spec


def _leaning(tokens: list[str]) -> np.ndarray:
    """Whole words are likelier than stray bytes and marks, so that the rubbish has words in it."""
    bias = np.full(len(tokens), -3.0, np.float32)
    bias[[n for n, token in enumerate(tokens) if token.startswith("Ġ") and len(token) > 1]] = 3.0
    bias[tokens.index("<|endoftext|>")] = 7.3
    bias[tokens.index("<|nospeech|>")] = 9.0
    return bias
