"""Piper's voices: neural, on the CPU, from a voice file that you bring.

A voice is two files, `NAME.onnx` and `NAME.onnx.json`. The network (VITS) is run by onnxruntime;
the phonemes come from the library in the wheel `espeakng-loader`. The package `piper-tts`, which is
under GPL-3, is not used.
"""

import asyncio
import re
import unicodedata
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tonewise.audio import Resampler, Samples
from tonewise.errors import AudioError, ConfigError, PluginError, StageError
from tonewise.tts.espeak_library import EspeakLibrary, library

_BEGIN, _END, _PAD = "^", "$", "_"
_SIGNS = ".!?,;:…—"
_CLAUSE = re.compile(rf"[^{_SIGNS}]*[{_SIGNS}]*\s*")
_OTHER_LANGUAGE = re.compile(r"\([a-z-]+\)")  # espeak-ng marks foreign words so
_PIECE = 1600


class _Audio(msgspec.Struct):
    sample_rate: int


class _Espeak(msgspec.Struct):
    voice: str


class _Inference(msgspec.Struct):
    noise_scale: float = 0.667
    length_scale: float = 1.0
    noise_w: float = 0.8


class _Voice(msgspec.Struct):
    """What we read of a voice's JSON file."""

    audio: _Audio
    espeak: _Espeak
    phoneme_id_map: dict[str, list[int]]
    inference: _Inference = msgspec.field(default_factory=_Inference)
    num_speakers: int = 1


class Piper:
    """A voice, shared by all calls; says one clause per thread at a time."""

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        voice: _Voice,
        espeak: EspeakLibrary,
        name: str,
        speaker: int,
        pace: float,
        workers: int,
    ) -> None:
        self._session = session
        self._voice = voice
        self._espeak = espeak
        self._speaker = speaker
        self._pace = pace
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="piper")
        self.name = f"piper {name}"

    async def speak(self, text: str, language: str | None = None) -> AsyncGenerator[Samples, None]:
        """The text as sound, clause by clause.

        Raises:
            StageError: another language than the voice's, or the network failed.
        """
        own = self._voice.espeak.voice
        if language is not None and _base(language) != _base(own):
            raise StageError(f"tts {self.name} speaks {own!r} and no {language!r}")
        resampler = Resampler(self._voice.audio.sample_rate)
        stop = onnxruntime.RunOptions()
        try:
            for clause in _clauses(text):
                sound = await self._made(clause, stop)
                for at in range(0, len(sound), _PIECE):
                    if len(piece := resampler.push(sound[at : at + _PIECE])):
                        yield piece
            if len(piece := resampler.flush()):
                yield piece
        finally:
            stop.terminate = True  # ends a run in the middle of the network

    async def aclose(self) -> None:
        """Let the threads go."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def _made(self, clause: str, stop: onnxruntime.RunOptions) -> NDArray[np.float32]:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._workers, self._run, clause, stop)
        except StageError:
            raise
        except Exception as error:
            msg = f"tts {self.name} broke: {type(error).__name__}: {error}"
            raise StageError(msg) from error

    def _run(self, clause: str, stop: onnxruntime.RunOptions) -> NDArray[np.float32]:
        ids = self._ids(clause)
        if len(ids) <= 3:
            return np.zeros(0, np.float32)
        manner = self._voice.inference
        scales = [manner.noise_scale, manner.length_scale / self._pace, manner.noise_w]
        given = {
            "input": np.array([ids], np.int64),
            "input_lengths": np.array([len(ids)], np.int64),
            "scales": np.array(scales, np.float32),
        }
        if self._voice.num_speakers > 1:
            given["sid"] = np.array([self._speaker], np.int64)
        (sound,) = self._session.run(None, given, stop)
        return np.clip(np.asarray(sound, np.float32).reshape(-1), -1, 1)

    def _ids(self, clause: str) -> list[int]:
        """Phonemes as the network knows them, a pad after each; what it does not know is left out.

        Piper's voices were trained on decomposed IPA with the clause's sign behind it.
        """
        spoken = clause.rstrip().rstrip(_SIGNS)
        sign = clause[len(spoken) :].strip()
        ipa = self._espeak.phonemes(spoken, self._voice.espeak.voice)
        ipa = unicodedata.normalize("NFD", _OTHER_LANGUAGE.sub("", ipa)) + sign[:1]
        known = self._voice.phoneme_id_map
        ids = [*known[_BEGIN], *known[_PAD]]
        for phoneme in ipa:
            if phoneme in known:
                ids += [*known[phoneme], *known[_PAD]]
        return [*ids, *known[_END]]


def load(
    voice: str = "", speaker: int = 0, pace: float = 1.0, workers: int = 1, threads: int = 1
) -> Piper:
    """A Piper voice.

    Args:
        voice: its `.onnx` file; the `.onnx.json` file lies beside it.
        speaker: of a voice with several, from 0.
        pace: 0.5 to 2; 1 is the voice's own.
        workers: calls that are served at once.
        threads: per call.

    Raises:
        ConfigError: an option out of range.
        PluginError: the voice is not there, or is none of Piper's.
    """
    if not 0.5 <= pace <= 2:
        raise ConfigError(f"tts piper: pace is 0.5 to 2, not {pace}")
    if workers < 1 or threads < 1:
        raise ConfigError("tts piper: workers and threads are 1 or more")
    path = Path(voice)
    if not voice or not path.is_file():
        msg = (
            f"tts 'piper' needs a voice, and there is no file {voice!r}: give options.voice the "
            ".onnx file of one, with its .onnx.json file beside it (rhasspy/piper-voices has many)"
        )
        raise PluginError(msg)
    try:
        told = msgspec.json.decode(Path(f"{path}.json").read_bytes(), type=_Voice)
        for sign in (_BEGIN, _PAD, _END):
            told.phoneme_id_map[sign]
        Resampler(told.audio.sample_rate)
    except (OSError, KeyError, msgspec.DecodeError, AudioError) as error:
        raise PluginError(f"tts piper: {path}.json cannot be read: {error}") from error
    if not 0 <= speaker < max(1, told.num_speakers):
        msg = f"tts piper: this voice has speakers 0 to {told.num_speakers - 1}, not {speaker}"
        raise ConfigError(msg)
    session = _session(path, threads)
    return Piper(session, told, library(), path.stem, speaker, pace, workers)


def _session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise PluginError(f"tts piper: {path} is no voice: {error}") from error


def _clauses(text: str) -> list[str]:
    return [found[0] for found in _CLAUSE.finditer(text) if any(map(str.isalnum, found[0]))]


def _base(tag: str) -> str:
    return tag.lower().replace("_", "-").partition("-")[0]
