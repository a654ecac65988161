"""espeak-ng: over a hundred languages, no download and hardly any work; the offline default.

It sounds like a machine and is understood: scripts/bench_speech tells how well. The library speaks
one sentence after the other, some 250 times faster than real time, so calls hardly wait for each
other. The wheel `espeakng-loader` brings it; the library itself is under GPL-3.
"""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import Resampler, Samples
from tonewise.errors import ConfigError, StageError
from tonewise.tts.espeak_library import FASTEST_WPM, SLOWEST_WPM, EspeakLibrary, Manner, library

_End = StageError | None
"""What ends a queue of pieces: all was said, or why not."""


class Espeak:
    """The voice of all calls."""

    def __init__(self, espeak: EspeakLibrary, manner: Manner) -> None:
        self._espeak = espeak
        self._manner = manner
        # One thread of our own: a crowd that waits for the library must not hold up other work.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="espeak")
        self.name = f"espeak {espeak.version} {manner.voice}"

    async def speak(self, text: str, language: str | None = None) -> AsyncGenerator[Samples, None]:
        """The text as sound, in pieces of about 40 ms, the first within a few milliseconds.

        Raises:
            StageError: no voice for the language, or the library failed.
        """
        saying = _Saying(asyncio.get_running_loop(), self._espeak.rate)
        manner = self._spoken_in(language)
        work = self._worker.submit(saying.run, self._espeak, text, manner)
        try:
            while not isinstance(piece := await saying.pieces.get(), _End):
                if len(piece):
                    yield piece
            if piece is not None:
                raise piece
        finally:
            saying.wanted = False
            work.cancel()

    async def aclose(self) -> None:
        """Let the thread go; what it is saying ends at its next piece."""
        self._worker.shutdown(wait=False, cancel_futures=True)

    def _spoken_in(self, language: str | None) -> Manner:
        own = self._manner
        if language is None or _base(language) == _base(own.voice):
            return own
        return Manner(language, own.rate_wpm, own.pitch, own.volume)


class _Saying:
    """One text on its way from the worker's thread to the loop's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rate: int) -> None:
        self._loop = loop
        self._resampler = Resampler(rate)
        self.pieces: asyncio.Queue[Samples | _End] = asyncio.Queue()
        self.wanted = True

    def run(self, espeak: EspeakLibrary, text: str, manner: Manner) -> None:
        """In the worker's thread."""
        end: _End = None
        try:
            if self.wanted:
                espeak.say(text, manner, self._take)
                self._put(self._resampler.flush())
        except StageError as error:
            end = error
        except Exception as error:  # noqa: BLE001 - the loop's side must never wait for good
            end = StageError(f"espeak-ng broke: {type(error).__name__}: {error}")
        self._put(end)

    def _take(self, sound: NDArray[np.float32]) -> bool:
        return self._put(self._resampler.push(sound))

    def _put(self, piece: Samples | _End) -> bool:
        try:
            self._loop.call_soon_threadsafe(self.pieces.put_nowait, piece)
        except RuntimeError:  # the loop is closed: nobody listens
            return False
        return self.wanted


def load(voice: str = "en-us", rate_wpm: int = 165, pitch: int = 50, volume: int = 100) -> Espeak:
    """espeak-ng from the wheel espeakng-loader.

    Args:
        voice: as espeak-ng names it ("en-us", "de", "en-us+f3"), where a call's language is not
            known or the same; other languages take their own voice.
        rate_wpm: words per minute, 80 to 450.
        pitch: 0 to 100.
        volume: 0 to 200, where 100 is about -20 dBFS.

    Raises:
        ConfigError: an option out of range, or no such voice.
        PluginError: the library does not start.
    """
    for name, value, low, high in (
        ("rate_wpm", rate_wpm, SLOWEST_WPM, FASTEST_WPM),
        ("pitch", pitch, 0, 100),
        ("volume", volume, 0, 200),
    ):
        if not low <= value <= high:
            raise ConfigError(f"tts espeak: {name} is {low} to {high}, not {value}")
    espeak = library()
    try:
        espeak.check_voice(voice)
    except StageError as error:
        raise ConfigError(f"tts espeak: {error}") from error
    return Espeak(espeak, Manner(voice, rate_wpm, pitch, volume))


def _base(tag: str) -> str:
    return tag.lower().replace("_", "-").partition("-")[0]
