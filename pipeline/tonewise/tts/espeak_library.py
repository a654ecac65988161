"""The library espeak-ng, from the wheel `espeakng-loader`: text to sound, and text to phonemes.

It speaks with one voice at a time in a process, so whoever calls it waits in line; a sentence
takes it 10 to 20 ms. Only its public C functions are used (`speak_lib.h`), by ctypes.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from tonewise.errors import PluginError, StageError

SLOWEST_WPM, FASTEST_WPM = 80, 450
"""Words per minute that the library takes (speak_lib.h, espeakRATE)."""

_SYNCHRONOUS = 2
_RATE, _VOLUME, _PITCH = 1, 2, 3
_UTF8 = 1
_IPA = 2
_CHARACTERS = 0
_PIECE_MS = 40
"""Sound per callback: the shortest work that a stop has to wait for."""

_VOICES = {"en": "en-us", "en-gb": "en-gb-x-rp", "zh": "cmn", "no": "nb", "iw": "he", "in": "id"}
"""Languages that the library knows by another name, or by several."""

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak.

    Attributes:
        voice: as espeak-ng names it, or a language.
        rate_wpm: words per minute, 80 to 450.
        pitch: 0 to 100.
        volume: 0 to 200; from about 110 on the loudest peaks are clipped.
    """

    voice: str
    rate_wpm: int = 175
    pitch: int = 50
    volume: int = 100


class EspeakLibrary:
    """The one of this process; `library()` has it.

    Attributes:
        rate: samples per second of what it says.
        version: of the library.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        data = Path(espeakng_loader.get_data_path())
        try:
            self._c = ctypes.CDLL(espeakng_loader.get_library_path())
            # It wants the folder that holds espeak-ng-data, not that folder itself.
            self.rate = int(
                self._c.espeak_Initialize(_SYNCHRONOUS, _PIECE_MS, str(data.parent).encode(), 0)
            )
        except OSError as error:
            msg = f"the espeak-ng library of the wheel espeakng-loader cannot be loaded: {error}"
            raise PluginError(msg) from error
        if self.rate <= 0:
            raise PluginError(f"espeak-ng does not start with its data in {data}")
        self._c.espeak_Info.restype = ctypes.c_char_p
        self.version = self._c.espeak_Info(None).decode()
        self._c.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._c.espeak_TextToPhonemes.argtypes = [
            ctypes.POINTER(ctypes.c_char_p),
            ctypes.c_int,
            ctypes.c_int,
        ]

    def say(self, text: str, manner: Manner, take: Callable[[NDArray[np.float32]], bool]) -> None:
        """Sound of `text`, piece by piece, from this thread. Waits while another is speaking.

        Args:
            text: what to say; no markup is read out of it.
            manner: how.
            take: given each piece at `rate` as it is made; False stops the rest.

        Raises:
            StageError: no such voice, or the library failed.
        """

        def receive(sound: "ctypes._Pointer[ctypes.c_short]", count: int, _: int | None) -> int:
            if not sound or count <= 0:
                return 0
            # Not `np.ctypeslib.as_array`: ctypes keeps a type for every length, for ever.
            pcm = np.frombuffer(ctypes.string_at(sound, 2 * count), np.int16)
            return 0 if take(pcm.astype(np.float32) / np.float32(32768)) else 1

        callback = _Callback(receive)
        data = _encoded(text)
        with self._lock:
            self._choose(manner.voice)
            for parameter, value in (
                (_RATE, manner.rate_wpm),
                (_PITCH, manner.pitch),
                (_VOLUME, manner.volume),
            ):
                self._c.espeak_SetParameter(parameter, value, 0)
            self._c.espeak_SetSynthCallback(callback)
            failed = self._c.espeak_Synth(
                data, ctypes.c_size_t(len(data) + 1), 0, _CHARACTERS, 0, _UTF8, None, None
            )
            self._c.espeak_Synchronize()
        if failed:
            raise StageError(f"espeak-ng could not say it (its error {failed})")

    def phonemes(self, text: str, voice: str) -> str:
        """How `text` sounds in IPA, clause by clause, a space between.

        Raises:
            StageError: no such voice.
        """
        rest, clauses = ctypes.c_char_p(_encoded(text)), []
        with self._lock:
            self._choose(voice)
            while rest.value:
                clauses.append(self._c.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA))
        return " ".join(clause.decode() for clause in clauses if clause)

    def check_voice(self, voice: str) -> None:
        """Whether there is such a voice.

        Raises:
            StageError: there is none.
        """
        with self._lock:
            self._choose(voice)

    def _choose(self, voice: str) -> None:
        tag = voice.lower().replace("_", "-")
        language = tag.partition("-")[0]
        for name in (_VOICES.get(tag), voice, tag, _VOICES.get(language), language):
            if name and self._c.espeak_SetVoiceByName(name.encode()) == 0:
                return
        raise StageError(f"espeak-ng has no voice for {voice!r}")


@cache
def library() -> EspeakLibrary:
    """The library, loaded at the first call.

    Raises:
        PluginError: it does not start.
    """
    return EspeakLibrary()


def _encoded(text: str) -> bytes:
    """A NUL would end the text early, and a lone surrogate has no UTF-8."""
    return text.replace("\0", " ").encode("utf-8", "replace")
