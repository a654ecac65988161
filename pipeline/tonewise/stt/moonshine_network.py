"""Moonshine tiny as a function: samples in, tokens and their probability out.

A transformer that hears raw 16 kHz samples: an encoder run once per utterance, a decoder run once
per token with its keys and values fed back. Both run on plain onnxruntime; the sessions hold no
state, so that any number of threads may share one `Network`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples
from tonewise.errors import PluginError
from tonewise.stt.repeats import loop_start

START, END = 1, 2
_TOKENS_PER_S, _SPARE_TOKENS = 6.5, 8
"""English runs at about 4 tokens a second; beyond this cap the decoder is making things up."""

_SILENCE = RATE // 5
"""Samples of silence before and after every utterance. Without them the network mishears first and
last words: WER 23 % instead of 15 % on 20 commands and short turns, 2.5 % instead of 1 % on read
speech (chosen on these same recordings, as the level below is)."""

_SHORTEST = RATE // 2
"""Shorter sounds, silences included, are filled up: the network never saw any in training."""

_LEVEL_DBFS, _MOST_GAIN_DB = -26.0, 40.0
"""ITU-T P.56's nominal speech level. The network hears a caller of -50 dBFS worse than one of
-26 dBFS: WER 21.8 % against 13.8 % on a telephone conversation."""

_ENGLISH_MARKS = frozenset("\u2581‘’“”–—…£€")
"""What English is written with beyond Latin letters; U+2581 is the vocabulary's blank."""

_FULL_STOPS, _COMMAS = frozenset(".?!"), frozenset({",", "-", "...", "…", ";", ":", "—", "–"})

_DOUBLED = re.compile(r"(?<![.,])([.,])\1(?![.,])")

FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder said.

    Attributes:
        text: without surrounding blanks.
        log_probabilities: natural log of each token's probability, the end mark's included.
        looped: it began to repeat itself, and the repeats were cut off.
        sentence_end: how likely the last word is the last of its sentence, in [0, 1]: the
            probability of a full stop after it, against that of a full stop or a comma.
    """

    text: str
    log_probabilities: tuple[float, ...]
    looped: bool
    sentence_end: float | None = None


class Network:
    """Encoder, decoder and vocabulary, loaded once.

    Raises:
        PluginError: a file is missing from `folder`, or is no such network.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        missing = [name for name in FILES if not (folder / name).is_file()]
        if missing:
            msg = f"stt 'moonshine': {folder} has no {', '.join(missing)}"
            raise PluginError(msg)
        self.weight_files = tuple(folder / name for name in FILES)
        self._vocabulary = read_vocabulary((folder / FILES[2]).read_bytes())
        self._foreign = np.array([_is_foreign(piece) for piece in self._vocabulary])
        marks = [piece.decode("utf-8", "replace").strip("\u2581 ") for piece in self._vocabulary]
        self._full_stops = np.array([mark in _FULL_STOPS for mark in marks])
        self._commas = np.array([mark in _COMMAS for mark in marks])
        self._encoder = _session(folder / FILES[0], threads)
        self._decoder = _session(folder / FILES[1], threads)
        inputs = {entry.name: entry for entry in self._decoder.get_inputs()}
        self._wants_mask = "encoder_attention_mask" in inputs
        self._first_cache: dict[str, NDArray[np.float32]] = {
            name: np.zeros((1, entry.shape[1], 0, entry.shape[3]), np.float32)
            for name, entry in inputs.items()
            if name.startswith("past_key_values.")
        }
        names = [entry.name for entry in self._decoder.get_outputs()]
        self._first_outputs = names
        self._later_outputs = [name for name in names if ".encoder." not in name]

    def decode(self, samples: Samples) -> Decoded:
        """The words of one utterance, the likeliest token at every step.

        Args:
            samples: shape [n], 16 kHz, of any level.
        """
        duration_s = len(samples) / RATE
        limit = int(duration_s * _TOKENS_PER_S) + _SPARE_TOKENS
        feed = self._encoded(prepared(samples))
        tokens: list[int] = []
        log_probabilities: list[float] = []
        stops: list[float] = []
        token, cut = START, None
        while len(tokens) < limit and cut is None:
            token, log_probability, stop = self._step(feed, token)
            log_probabilities.append(log_probability)
            stops.append(stop)
            if token == END:
                break
            tokens.append(token)
            cut = loop_start(tokens, duration_s)
        text = self._text(tokens[:cut])
        end = self._sentence_end(tokens, stops) if text and cut is None else None
        return Decoded(text, tuple(log_probabilities[:cut]), cut is not None, end)

    def _sentence_end(self, tokens: list[int], stops: list[float]) -> float:
        """The chance of a full stop where the last word ended, whatever was written there."""
        place = len(tokens)
        while place and (self._full_stops[tokens[place - 1]] or self._commas[tokens[place - 1]]):
            place -= 1
        return round(stops[min(place, len(stops) - 1)], 4)

    def _encoded(self, samples: Samples) -> dict[str, Any]:
        """The decoder's first feed."""
        mask = np.ones((1, len(samples)), np.int64)
        states = self._encoder.run(None, {"input_values": samples[None], "attention_mask": mask})[0]
        feed: dict[str, Any] = {"encoder_hidden_states": states, **self._first_cache}
        feed["use_cache_branch"] = np.array([False])
        if self._wants_mask:
            feed["encoder_attention_mask"] = mask  # of samples; the decoder thins it out itself
        return feed

    def _step(self, feed: dict[str, Any], token: int) -> tuple[int, float, float]:
        """The next token, its log-probability, and the chance of a full stop against a comma.

        `feed` is made ready for the step after.
        """
        feed["input_ids"] = np.array([[token]], np.int64)
        outputs = self._later_outputs if feed["use_cache_branch"][0] else self._first_outputs
        logits, *present = self._decoder.run(outputs, feed)
        for name, value in zip(outputs[1:], present, strict=True):
            feed[name.replace("present", "past_key_values", 1)] = value
        feed["use_cache_branch"] = np.array([True])
        scores = np.where(self._foreign, -np.inf, logits[0, -1])
        best = int(scores.argmax())
        shares = np.exp(scores - scores[best])
        stop, comma = float(shares[self._full_stops].sum()), float(shares[self._commas].sum())
        return best, -float(np.log(shares.sum())), stop / (stop + comma + 1e-9)

    def _text(self, tokens: list[int]) -> str:
        pieces = b"".join(self._vocabulary[token] for token in tokens)
        text = pieces.decode("utf-8", "replace").replace("\u2581", " ").strip()
        return _DOUBLED.sub(r"\1", text)


def prepared(samples: Samples) -> Samples:
    """The utterance at the level that the network hears best, between two short silences."""
    loudest = float(np.abs(samples).max(initial=0.0))
    if loudest:
        rms = float(np.sqrt(np.mean(np.square(samples))))
        gain = min(_amplitude(_LEVEL_DBFS) / rms, _amplitude(_MOST_GAIN_DB), 1.0 / loudest)
        samples = samples * np.float32(gain)
    missing = max(0, _SHORTEST - len(samples) - 2 * _SILENCE)
    return np.pad(samples, (_SILENCE, _SILENCE + missing))


def _amplitude(decibels: float) -> float:
    return float(10.0 ** (decibels / 20.0))


def read_vocabulary(data: bytes) -> list[bytes]:
    """The pieces of `tokenizer.bin`, in token order.

    A record is a length and that many bytes. A length of 128 or more takes two bytes: the low
    seven bits first, with the top bit set.

    Raises:
        PluginError: the file ends inside a record.
    """
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length = (data[at] << 7) + length - 128 if at < len(data) else len(data)
            at += 1
        if at + length > len(data):
            msg = "stt 'moonshine': tokenizer.bin is cut short"
            raise PluginError(msg)
        pieces.append(data[at : at + length])
        at += length
    return [b"" if _is_mark(piece) else piece for piece in pieces]


def _is_mark(piece: bytes) -> bool:
    """Marks of the network's own, which nobody says."""
    return piece in {b"<unk>", b"<s>", b"</s>"} or piece.startswith(b"<<ST_")


def _is_foreign(piece: bytes) -> bool:
    """Can this be no part of an English word? In doubt the network turns to other scripts."""
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return True  # a byte of a character beyond ASCII
    return any(ord(character) > 0x24F and character not in _ENGLISH_MARKS for character in text)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        path, sess_options=options, providers=["CPUExecutionProvider"]
    )
