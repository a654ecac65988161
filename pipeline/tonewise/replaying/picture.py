"""The sound of a call for a page: small enough to embed, and drawn as waveform and spectrogram."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from tonewise.audio import RATE, Samples, to_pcm16

PEAK = RATE // 100
"""Samples per step of the waveform: 10 ms."""

COLUMNS = 2400
"""Most steps across a page, of the waveform and of the spectrogram."""

_WINDOW, _HOP, _BANDS = 512, 320, 72
_FLOOR_DB = -90.0
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 8000.0
_OPUS_RATE, _BITS = 48_000, 24_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A call's sound.

    Attributes:
        peaks: per channel, how loud each step is: 0 to 255 of full scale.
        spectrogram: of the first channel given, shape [bands, columns], 0 to 255 from -90 to 0 dB;
            the lowest band first, as a mel scale has them, 80 to 8000 Hz.
        audio: all channels, compressed.
        kind: its MIME type.
    """

    seconds: float
    peaks: list[NDArray[np.uint8]]
    spectrogram: NDArray[np.uint8]
    audio: bytes
    kind: str


def picture(blocks: Iterable[NDArray[np.float32]], caller: int) -> Picture:
    """The sound, in one pass; blocks have the shape [channels, n].

    Args:
        blocks: at 16 kHz.
        caller: whose spectrogram is drawn.
    """
    made = _Drawing(caller)
    for block in blocks:
        made.take(block)
    return made.finish()


class _Drawing:
    def __init__(self, caller: int) -> None:
        self._caller = caller
        self._rest = np.zeros((0, 0), np.float32)
        self._peaks: list[NDArray[np.uint8]] = []
        self._columns: list[NDArray[np.uint8]] = []
        self._tail = np.zeros(0, np.float32)
        self._encoder: _Opus | None = None
        self._count = 0

    def take(self, block: NDArray[np.float32]) -> None:
        block = block[:2]
        if self._encoder is None:
            self._encoder = _Opus(len(block))
            self._rest = np.zeros((len(block), 0), np.float32)
        self._encoder.push(block)
        self._count += block.shape[1]
        joined = np.concatenate([self._rest, block], axis=1)
        whole = joined.shape[1] // PEAK * PEAK
        steps = np.abs(joined[:, :whole]).reshape(len(joined), -1, PEAK).max(axis=2, initial=0.0)
        self._peaks.append(np.minimum(steps * 255, 255).astype(np.uint8))
        self._rest = joined[:, whole:]
        self._analyse(block[min(self._caller, len(block) - 1)])

    def _analyse(self, samples: Samples) -> None:
        joined = np.concatenate([self._tail, samples])
        count = max(0, (len(joined) - _WINDOW) // _HOP + 1)
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(joined, _WINDOW)[::_HOP][:count]
            power = np.square(np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)))
            level = 10 * np.log10(power @ _MEL / (_WINDOW / 4) ** 2 + 1e-12)
            shade = np.clip((level - _FLOOR_DB) / -_FLOOR_DB, 0.0, 1.0) * 255
            self._columns.append(shade.astype(np.uint8))
        self._tail = joined[count * _HOP :]

    def finish(self) -> Picture:
        empty = np.zeros((1, 0), np.uint8)
        peaks = np.concatenate(self._peaks, axis=1) if self._peaks else empty
        columns = (
            np.concatenate(self._columns) if self._columns else np.zeros((1, _BANDS), np.uint8)
        )
        audio, kind = self._encoder.finish() if self._encoder else (b"", "audio/wav")
        return Picture(
            seconds=self._count / RATE,
            peaks=[_fewer(channel[:, np.newaxis])[:, 0] for channel in peaks],
            spectrogram=_fewer(columns).T,
            audio=audio,
            kind=kind,
        )


def _fewer(steps: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """At most COLUMNS steps, each the loudest of those that it stands for; shape [n, …]."""
    if not len(steps):
        return steps
    edges = np.unique(np.linspace(0, len(steps), min(len(steps), COLUMNS) + 1).astype(int)[:-1])
    fewer: NDArray[np.uint8] = np.maximum.reduceat(steps, edges, axis=0)
    return fewer


def _mel_bands() -> NDArray[np.float64]:
    """Triangles on a mel scale (O'Shaughnessy 1987), shape [bins, bands]."""

    def mel(hertz: float) -> float:
        return float(2595 * np.log10(1 + hertz / 700))

    edges = 700 * (10 ** (np.linspace(mel(_LOWEST_HZ), mel(_HIGHEST_HZ), _BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_WINDOW, 1 / RATE)[:, np.newaxis]
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    bands = np.maximum(0.0, np.minimum(rising, falling))
    nearest = np.abs(hertz - edges[1:-1]).argmin(axis=0)  # narrow bands may fall between two bins
    bands[nearest, np.arange(_BANDS)] = np.maximum(bands[nearest, np.arange(_BANDS)], 0.5)
    return bands


_MEL = _mel_bands()


class _Opus:
    """Compresses as it goes; as WAV at 16 kHz where this FFmpeg has no Opus."""

    def __init__(self, channels: int) -> None:
        self._layout = {1: "mono", 2: "stereo"}[channels]
        self._file = io.BytesIO()
        opus = "libopus" in av.codecs_available
        self._kind = "audio/ogg" if opus else "audio/wav"
        self._container = av.open(self._file, "w", format="ogg" if opus else "wav")
        codec, rate = ("libopus", _OPUS_RATE) if opus else ("pcm_s16le", RATE)
        stream = self._container.add_stream(codec, rate=rate, layout=self._layout)
        self._stream = cast("AudioStream", stream)
        if opus:
            self._stream.bit_rate = _BITS
        self._fit = av.AudioResampler("s16", self._layout, rate, 960 if opus else None)

    def push(self, block: NDArray[np.float32]) -> None:
        if not block.shape[1]:
            return
        flat = np.frombuffer(to_pcm16(block.T.reshape(-1)), dtype="<i2")[np.newaxis]
        frame = av.AudioFrame.from_ndarray(flat, format="s16", layout=self._layout)
        frame.sample_rate = RATE
        for piece in self._fit.resample(frame):
            self._container.mux(self._stream.encode(piece))

    def finish(self) -> tuple[bytes, str]:
        for piece in self._fit.resample(None):
            self._container.mux(self._stream.encode(piece))
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.getvalue(), self._kind
