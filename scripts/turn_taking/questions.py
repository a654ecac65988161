"""What is asked in a silence: the turn so far, as it comes over a line, and nothing after it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE, Resampler, Samples, from_g711, to_g711
from tonewise.audio_file import read
from tonewise.ear import supposed_over
from tonewise.facts import Transcript
from tonewise.stages import Lull, SttEngine, TurnAudio, VadEngine
from turn_taking.recordings import Voice, voices
from turn_taking.silences import Hearing, Silence, hearing, runs, silences, with_silence_after

CONDITIONS = ("clean", "µ-law", "noise")
SNR_DB = 10.0
LEAD_IN_S = 0.3
LATELY_S = 12.0
LULL_S = 0.1
"""Asked after this much silence."""

WORDS_S = 0.05
"""STT hears the turn up to here, and then the room: it begins when the voice has just fallen, so
that the words are there when they are asked for."""


@dataclass(frozen=True)
class Question:
    """One silence on one line.

    Attributes:
        heard: the channel on that line.
        hearing: the ear's answers on that line.
        words: STT of the turn up to `WORDS_S` into the silence.
    """

    voice: Voice
    silence: Silence
    condition: str
    heard: Samples
    hearing: Hearing
    words: Transcript

    def lull(self, after_s: float, *, words: bool) -> Lull:
        """What is known `after_s` into the silence: not one sample later."""
        frame_s, size = self.hearing.frame_s, self.hearing.frame_samples
        begin = max(0, round((self.silence.turn_s - LEAD_IN_S) / frame_s))
        # Whole frames that lie before now: an engine cannot have heard half a frame.
        now_s = self.silence.start_s + after_s
        end = int(now_s / frame_s + 1e-6)
        samples = self.heard[begin * size : end * size]
        if begin * frame_s + len(samples) / RATE > now_s + 1e-6:
            raise AssertionError("that is the future")
        spoken = self.hearing.spoken[begin:end].copy()
        last = np.flatnonzero(self.hearing.quiet[begin:end] < size)
        spoken[int(last[-1]) + 1 if len(last) else 0 :] = False  # as the ear tells it
        turn = TurnAudio(samples, begin * frame_s, spoken, frame_s)
        return Lull(
            turn,
            after_s,
            transcript=self.words if words else None,
            pauses=self.silence.pauses,
        )


def questions(
    data: Path,
    cache: Path,
    vad: VadEngine,
    stt: SttEngine,
    conditions: tuple[str, ...] = CONDITIONS,
    kinds: tuple[str, ...] | None = None,
) -> Iterator[Question]:
    """Every silence of every recording (of some `kinds` only), on every line.

    Where the silences are is decided once, on the clean sound: all lines are asked the same.
    """
    cache.mkdir(parents=True, exist_ok=True)
    noise = read(data / "speech" / "noise" / "coffee-shop.flac")
    written = _Written(cache / "words.jsonl", stt)
    for number, voice in enumerate(voices(data)):
        if kinds is not None and voice.kind not in kinds:
            continue
        clip = voice.spans is None and voice.other is None and not voice.one_side
        clean = with_silence_after(voice.samples) if clip else voice.samples
        ear = _heard(cache, vad, voice.samples, clean)
        other = None
        if voice.other is not None:
            other = runs(_heard(cache, vad, voice.other, voice.other))
        found = list(silences(number, voice, runs(ear), other))
        for condition in conditions:
            line = on_line(clean, condition, noise, ear.spoken, vad.frame_samples)
            these = ear if condition == "clean" else _heard(cache, vad, line, line)
            for silence in found:
                asked = Question(voice, silence, condition, line, these, Transcript(""))
                turn = supposed_over(asked.lull(WORDS_S, words=False).turn, silence.start_s)
                words = written.words(_lately(turn))
                yield Question(voice, silence, condition, line, these, words)


def on_line(
    samples: Samples, condition: str, noise: Samples, flags: NDArray[np.bool_], size: int
) -> Samples:
    """`samples` as they arrive: as they are, through 8 kHz µ-law, or with a café 10 dB below."""
    if condition == "µ-law":
        return _telephone(samples)
    if condition == "noise":
        voiced = np.repeat(flags, size)
        speech = samples[: len(voiced)][voiced]
        wanted = float(np.mean(speech**2)) / 10 ** (SNR_DB / 10) if len(speech) else 0.0
        added = np.resize(noise, len(samples))
        return samples + added * np.float32(np.sqrt(wanted / float(np.mean(added**2))))
    return samples


def _telephone(samples: Samples) -> Samples:
    """8 kHz, 300 to 3400 Hz, µ-law and back."""
    spectrum = np.fft.rfft(samples, 2 * -(-len(samples) // 2))
    hertz = np.linspace(0, RATE / 2, len(spectrum))
    spectrum[(hertz < 300) | (hertz > 3400)] = 0
    narrow = np.fft.irfft(spectrum)[::2].astype(np.float32)
    resampler = Resampler(RATE // 2)
    coded = from_g711(to_g711(narrow, "mu"), "mu")
    wide = np.concatenate([resampler.push(coded), resampler.flush()])
    return np.resize(wide, len(samples)) if len(wide) < len(samples) else wide[: len(samples)]


def _heard(cache: Path, vad: VadEngine, original: Samples, whole: Samples) -> Hearing:
    """What the ear makes of `original`, and silence for what `whole` adds; kept on disk."""
    file = cache / f"ear-{vad.name.replace(' ', '-')}-{_digest(original)}.npz"
    if not file.is_file():
        heard = hearing(vad, original)
        np.savez(file, spoken=heard.spoken, quiet=heard.quiet)
    known, size = np.load(file), vad.frame_samples
    missing = len(whole) // size - len(known["spoken"])
    return Hearing(
        np.pad(known["spoken"], (0, missing)),
        np.pad(known["quiet"], (0, missing), constant_values=size),
        size,
    )


class _Written:
    """STT's words by the sound they came from, kept on disk: they are dear and never change."""

    def __init__(self, file: Path, stt: SttEngine) -> None:
        self._file = file
        self._stream = stt.open("en")
        lines = file.read_text().splitlines() if file.is_file() else []
        self._known = dict(json.loads(line) for line in lines)
        self._name = stt.name

    def words(self, turn: TurnAudio) -> Transcript:
        key = f"{self._name} {_digest(turn.samples)}"
        if key not in self._known:
            heard = self._stream.transcribe(turn)
            self._known[key] = [heard.text, heard.sentence_end]
            with self._file.open("a") as file:
                file.write(json.dumps([key, self._known[key]]) + "\n")
        text, sentence_end = self._known[key]
        return Transcript(text, language="en", sentence_end=sentence_end)


def _lately(turn: TurnAudio) -> TurnAudio:
    """The last of a long turn: nobody transcribes a minute of speech anew at every pause."""
    count = round(LATELY_S / turn.frame_s)
    if len(turn.spoken) <= count:
        return turn
    size = round(turn.frame_s * RATE)
    samples, spoken_ = turn.samples[-count * size :], turn.spoken[-count:]
    return TurnAudio(samples, turn.start_s + turn.duration_s - LATELY_S, spoken_, turn.frame_s)


def _digest(samples: Samples) -> str:
    return hashlib.sha1(samples.tobytes(), usedforsecurity=False).hexdigest()[:20]
