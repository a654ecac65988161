"""Reads recordings: WAV, FLAC, Ogg, MP3 and whatever else PyAV decodes, as blocks of 16 kHz mono.

A block at a time, so that an hour of audio costs no more memory than a second.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from tonewise.audio import HIGHEST_RATE, LOWEST_RATE, Resampler, Samples
from tonewise.errors import AudioError

Opener = Callable[[Path], BinaryIO]
"""Opens a recording to be read and moved about in; not each lies on the disk as it sounds."""

SHORT_BY_S = 0.1
"""A file that holds this much less than its header says was cut off. Encoders round their last
block up by less."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What a file's header says.

    Attributes:
        seconds: as announced; None where the format does not say.
    """

    path: Path
    rate: int
    channels: int
    seconds: float | None

    def at(self, samples: int) -> str:
        """How far `samples` is into the recording, in words."""
        whole = f" of {self.seconds:.2f} s" if self.seconds else " s"
        return f"{samples / self.rate:.2f}{whole}"

    def callers(self, channel: int | None) -> int:
        """Which channel is the caller's; None: the only one.

        Raises:
            AudioError: there is no such channel, or there are several and none is named.
        """
        if channel is None and self.channels == 1:
            return 0
        choices = ", ".join(map(str, range(self.channels)))
        if channel is None:
            msg = f"it has {self.channels} channels; say which one is the caller's with --channel"
            raise AudioError(f"{self.path}: {msg} ({choices})")
        if not 0 <= channel < self.channels:
            raise AudioError(f"{self.path}: it has no channel {channel}; choose from {choices}")
        return channel


def plainly(path: Path) -> BinaryIO:
    """Opens what lies on the disk as it sounds."""
    return path.open("rb")


def probe(path: Path, opener: Opener = plainly) -> Recording:
    """Read a recording's header.

    Raises:
        AudioError: it cannot be read, is no audio, or has an impossible rate or no channels.
    """
    with _opened(path, opener) as (container, stream):
        return _described(path, container, stream)


def blocks(path: Path, opener: Opener = plainly) -> Iterator[NDArray[np.float32]]:
    """The recording at 16 kHz, as blocks of shape [channels, n].

    Raises:
        AudioError: it is no audio, or broke off before the end that its header announces. All that
            could be read has been yielded by then.
    """
    with _opened(path, opener) as (container, stream):
        recording = _described(path, container, stream)
        resamplers = [Resampler(recording.rate) for _ in range(recording.channels)]
        heard = 0
        try:
            for planes in _decoded(container, stream, recording):
                heard += planes.shape[1]
                yield np.stack([r.push(p) for r, p in zip(resamplers, planes, strict=True)])
        except av.FFmpegError as error:
            raise AudioError(f"{path}: cut off or broken after {recording.at(heard)}") from error
        yield np.stack([resampler.flush() for resampler in resamplers])
    _check_whole(recording, heard)


def read(path: Path, channel: int | None = None) -> Samples:
    """A whole recording, mono. For short ones; a long one is better taken in `blocks`.

    Args:
        path: the file.
        channel: from 0; None mixes all channels.
    """
    parts = [b.mean(axis=0) if channel is None else b[channel] for b in blocks(path)]
    return np.concatenate(parts).astype(np.float32)


@contextmanager
def _opened(path: Path, opener: Opener) -> Iterator[tuple[InputContainer, AudioStream]]:
    try:
        if not path.is_file():
            raise AudioError(f"{path}: {_what_else(path)}")
        if not path.stat().st_size:
            raise AudioError(f"{path}: empty file")
        # Opened as a Python file, so that a path can never be read as one of FFmpeg's URLs.
        with opener(path) as file, av.open(file, "r") as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: no audio in it")
            yield container, container.streams.audio[0]
    except PermissionError as error:
        raise AudioError(f"{path}: not allowed to read it") from error
    except (av.FFmpegError, OSError) as error:
        raise AudioError(f"{path}: not audio that can be decoded ({error.strerror})") from error


def _what_else(path: Path) -> str:
    if path.is_dir():
        return "a folder"
    if path.exists():  # its header is read before its sound: a pipe has no way back
        return "a pipe or a device; save what comes out of it in a file first"
    return "no such file"


def _described(path: Path, container: InputContainer, stream: AudioStream) -> Recording:
    rate, channels = stream.codec_context.sample_rate, stream.codec_context.channels
    if not channels:
        raise AudioError(f"{path}: its header says 0 channels")
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        msg = f"{path}: its header says {rate} Hz; sound has {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        raise AudioError(msg)
    # AAC without a container announces nothing, and FFmpeg's guess is out by minutes.
    length = None if container.format.name == "aac" else container.duration
    announced = length / 1e6 if length else None
    return Recording(path, rate, channels, announced)


def _decoded(
    container: InputContainer, stream: AudioStream, recording: Recording
) -> Iterator[NDArray[np.float32]]:
    """The blocks at the rate and with the channels that the header says, shape [channels, n]."""
    layout, form = stream.codec_context.layout.name, None
    for frame in container.decode(stream):
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if now != form:  # at first, and where recordings were joined that differ
            form, to_float = now, av.AudioResampler("fltp", layout, recording.rate)
        for converted in to_float.resample(frame):
            planes = converted.to_ndarray().astype(np.float32, copy=False)
            # Float formats may hold more than full scale, and NaN, which would silence the rest.
            yield np.clip(np.nan_to_num(planes, nan=0.0), -1.0, 1.0)


def _check_whole(recording: Recording, heard: int) -> None:
    if not heard:
        raise AudioError(f"{recording.path}: it holds no sound")
    if recording.seconds and heard / recording.rate < recording.seconds - SHORT_BY_S:
        raise AudioError(f"{recording.path}: cut off after {recording.at(heard)}")
    if _riff_is_cut(recording.path):
        # FFmpeg took the length from what is there, so only what was heard is told.
        heard_s = heard / recording.rate
        raise AudioError(f"{recording.path}: cut off after {heard_s:.2f} s; its header says more")


def _riff_is_cut(path: Path) -> bool:
    """Does a WAV file hold less than its header says? FFmpeg trusts the file's length instead."""
    with path.open("rb") as file:
        header = file.read(8)
    announced = int.from_bytes(header[4:8], "little")
    unknown = announced in (0, 0xFFFF_FFFF)  # a recorder that never came back to fill it in
    return header[:4] == b"RIFF" and not unknown and announced + 8 > path.stat().st_size
