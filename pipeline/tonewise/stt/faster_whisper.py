"""Whisper by faster-whisper (CTranslate2): every language, word times, language detection.

The weights are no part of any wheel. By default only what is on disk is used: nothing is
downloaded unless `download` says so. It pads every turn to 30 s, so a short turn costs as much as a
long one: with int8 on two threads about 0.6 CPU seconds for `tiny`, twice that for `base`.

Decoding is greedy in temperature (no random retries), so that a replay gives the same words twice.
"""

from collections.abc import Iterable
from pathlib import Path

import ctranslate2
import faster_whisper
import numpy as np

from tonewise.audio import RATE, Samples
from tonewise.errors import PluginError, StageError
from tonewise.facts import Transcript, Word
from tonewise.stages import TurnAudio

DEFAULT_MODEL = "small.en"
_SHORTEST = RATE // 10
_SILENT = 1e-4
"""RMS of -80 dBFS: below it Whisper would make words up ("Thank you for watching")."""


class FasterWhisperStream:
    """One call's STT. It remembers nothing from turn to turn: a misheard turn spoils no other."""

    def __init__(self, engine: "FasterWhisper", language: str | None) -> None:
        self._engine = engine
        self._language = language

    def transcribe(self, turn: TurnAudio) -> Transcript:
        """The words of a turn, with their times in `turn.samples`.

        Raises:
            StageError: the model does not know the language, or CTranslate2 failed.
        """
        samples = turn.samples
        if not np.isfinite(samples).all():
            msg = "the turn's samples hold something that is no number"
            raise StageError(msg)
        if len(samples) < _SHORTEST or np.sqrt(np.mean(np.square(samples))) < _SILENT:
            return Transcript(text="", language=self._language)
        return self._engine.transcribe(samples, self._language)


class FasterWhisper:
    """The model, loaded once and shared by all calls and threads."""

    def __init__(
        self,
        model: faster_whisper.WhisperModel,
        name: str,
        language: str | None,
        beam_size: int,
        initial_prompt: str | None,
        hotwords: str | None,
    ) -> None:
        self.name = name
        self._model = model
        self._language = language
        self._beam_size = beam_size
        self._initial_prompt = initial_prompt
        self._hotwords = hotwords

    def open(self, language: str | None = None) -> FasterWhisperStream:
        """STT for one call; the caller's `language` goes before the configured one."""
        wanted = language or self._language
        return FasterWhisperStream(self, _base(wanted) if wanted else None)

    def transcribe(self, samples: Samples, language: str | None) -> Transcript:
        """The words of `samples`; `language` None lets Whisper find out.

        Raises:
            StageError: the model does not know the language, or CTranslate2 failed.
        """
        known = self._model.supported_languages
        if language is not None and language not in known:
            msg = f"{self.name} does not know the language {language!r}; it knows {_few(known)}"
            raise StageError(msg)
        try:
            segments, info = self._model.transcribe(
                samples,
                language=language,
                beam_size=self._beam_size,
                temperature=0.0,
                initial_prompt=self._initial_prompt,
                hotwords=self._hotwords,
                condition_on_previous_text=False,
                word_timestamps=True,
                vad_filter=False,
            )
            return _transcript(list(segments), info.language, len(samples) / RATE)
        except (RuntimeError, ValueError, OSError) as error:
            msg = f"{self.name} could not transcribe: {error}"
            raise StageError(msg) from error


def load(
    model: str = DEFAULT_MODEL,
    *,
    device: str = "auto",
    compute_type: str = "default",
    beam_size: int = 5,
    language: str | None = None,
    initial_prompt: str | None = None,
    hotwords: str | None = None,
    download: bool = False,
    cache: str | None = None,
    threads: int = 0,
    workers: int = 1,
) -> FasterWhisper:
    """Whisper on the CPU or the GPU.

    Args:
        model: a name ("small.en", "turbo" …), a Hugging Face id, or the path of a folder.
        device: "cpu", "cuda", or "auto": CUDA where there is a device.
        compute_type: "default" is int8 on the CPU and float16 on CUDA; else CTranslate2's names.
        beam_size: 1 is fastest, 5 is Whisper's own.
        language: what callers speak (ISO 639-1); None detects it turn by turn.
        initial_prompt: text before the first word, to set style and vocabulary.
        hotwords: names and terms to listen for.
        download: fetch the weights if they are not on disk.
        cache: where downloaded models are; None takes Hugging Face's own place.
        threads: per turn on the CPU; 0 leaves it to CTranslate2.
        workers: turns transcribed at the same time.

    Raises:
        PluginError: the weights are not on disk, or cannot be loaded.
    """
    if device == "auto":
        device = "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
    if compute_type == "default":
        compute_type = "float16" if device == "cuda" else "int8"
    folder = Path(model).expanduser()
    if folder.is_dir():
        _check_folder(folder)
    try:
        whisper = faster_whisper.WhisperModel(
            str(folder) if folder.is_dir() else model,
            device=device,
            compute_type=compute_type,
            cpu_threads=threads,
            num_workers=workers,
            download_root=cache,
            local_files_only=not download,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise PluginError(_why(model, error, download=download)) from error
    label = folder.name if folder.is_dir() else model
    name = f"faster_whisper {label} {compute_type}"
    return FasterWhisper(whisper, name, language, beam_size, initial_prompt, hotwords)


def _check_folder(folder: Path) -> None:
    """Without its tokenizer faster-whisper would look for one on the network."""
    missing = [name for name in ("model.bin", "tokenizer.json") if not (folder / name).is_file()]
    if missing:
        msg = (
            f"stt 'faster_whisper': {folder} has no {' and no '.join(missing)}; "
            "it is a folder that ct2-transformers-converter or download_model wrote"
        )
        raise PluginError(msg)


def _why(model: str, error: Exception, *, download: bool) -> str:
    if isinstance(error, FileNotFoundError) and not download:
        return (
            f"stt 'faster_whisper': the model {model!r} is not on disk; fetch it with\n"
            f'  python -c "from faster_whisper import download_model; download_model({model!r})"\n'
            "or set stt.options.download = true"
        )
    return f"stt 'faster_whisper': the model {model!r} cannot be loaded: {error}"


def _transcript(
    segments: list[faster_whisper.transcribe.Segment], language: str, duration_s: float
) -> Transcript:
    """Words are kept inside the turn (Whisper hears 30 s of it, silence and all).

    Means over segments are weighted by their tokens, so that a short one counts little.
    """
    words = tuple(
        Word(
            text=word.word.strip(),
            start_s=round(min(float(word.start), duration_s), 3),
            end_s=round(min(float(word.end), duration_s), 3),
            probability=round(float(word.probability), 4),
        )
        for segment in segments
        for word in segment.words or ()
    )
    weights = [max(1, len(segment.tokens)) for segment in segments]
    return Transcript(
        text=" ".join(segment.text.strip() for segment in segments).strip(),
        language=language,
        words=words,
        no_speech=_mean((segment.no_speech_prob for segment in segments), weights),
        log_probability=_mean((segment.avg_logprob for segment in segments), weights),
    )


def _mean(values: Iterable[float], weights: list[int]) -> float | None:
    return round(float(np.average(list(values), weights=weights)), 4) if weights else None


def _base(language: str) -> str:
    """`en` of `en-US`."""
    return language.lower().replace("_", "-").split("-")[0]


def _few(languages: list[str]) -> str:
    return ", ".join(languages) if len(languages) <= 5 else f"{len(languages)} others"
