"""Voice cues that need no model: pauses, pace, loudness, pitch, noise; hesitation from them.

A few milliseconds of CPU per turn, on any line and in any language. What it cannot hear is absent:
emotion and arousal need an acoustic model, and so do filled pauses ("um"), so `hesitation` here is
the part that silence and pace tell.
"""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tonewise.acoustic.baseline import Baseline, Lessons
from tonewise.acoustic.edges import sharpened
from tonewise.acoustic.hesitation import LEAST_SPEECH_S, MEASURES, hesitation, per_minute
from tonewise.acoustic.levels import QUIETEST, clipping, loudness_dbfs, snr_db
from tonewise.acoustic.pauses import Phrasing, phrasing
from tonewise.acoustic.syllables import nuclei
from tonewise.contours import HOP_S, Contours, contours
from tonewise.facts import Pauses, VoiceCues
from tonewise.pitch import f0, pitch
from tonewise.stages import TurnAudio

_FAINT_DB = 30.0
"""Below the loudest speech (95th percentile), pitch is echo or crosstalk."""


class ProsodyStream:
    """One call's cues: remembers what is usual for this caller, in memory only.

    Attributes:
        emotion: of no effect: there is none in these cues.
    """

    def __init__(self) -> None:
        self.emotion = False
        self._baseline = Baseline({name: measure.mean for name, measure in MEASURES.items()})
        self._lessons = Lessons()

    def measure(self, turn: TurnAudio) -> VoiceCues:
        """The cues of a turn, or of as much of it as there is. See `prosody`."""
        return self.with_hesitation(prosody(turn), turn.start_s)

    def with_hesitation(self, cues: VoiceCues, start_s: float) -> VoiceCues:
        """The cues of the turn that began at `start_s`, and how hesitant they sound together."""
        self._lessons.begin(start_s)
        if cues.speech_s < LEAST_SPEECH_S or cues.pauses is None:
            return cues
        filled = cues.filled_pauses
        found = {
            "filled_pauses_per_min": None if filled is None else per_minute(filled, cues.speech_s),
            "pause_ratio": cues.pauses.ratio,
            "longest_pause_s": cues.pauses.longest_s,
            "articulation_rate": cues.articulation_rate,
            "response_latency_s": cues.response_latency_s,
        }
        measured = {name: value for name, value in found.items() if value is not None}
        score, terms = hesitation(measured, self._baseline.usual)
        self._lessons.keep(lambda: self._baseline.learn(measured, cues.speech_s))
        return replace(cues, hesitation=score, hesitation_terms=terms)


class Prosody:
    """The measures are pure, so there is nothing to load and nothing to share."""

    name = "prosody"
    emotion = False

    def open(self) -> ProsodyStream:
        """The cues of one call."""
        return ProsodyStream()


def load() -> Prosody:
    """Voice cues without a model. It has no settings: its constants have sources."""
    return Prosody()


def prosody(turn: TurnAudio) -> VoiceCues:
    """All that needs no memory of the caller. Samples that are no numbers count as silence."""
    samples = np.clip(np.nan_to_num(turn.samples, nan=0.0), -1.0, 1.0)
    cues = VoiceCues(
        speech_s=0.0,
        response_latency_s=_rounded(turn.response_latency_s, 3),
        clipping=round(clipping(samples), 4),
    )
    sound = contours(samples)
    level_db = 10 * np.log10(np.maximum(sound.power, QUIETEST))
    spoken = sharpened(_spoken(turn, len(level_db)), level_db)
    phrases = phrasing(spoken, HOP_S)
    if phrases is None:
        return cues
    return _with_voice(_with_phrases(cues, phrases), sound, level_db, spoken)


def _spoken(turn: TurnAudio, count: int) -> NDArray[np.bool_]:
    """The VAD's answer for each of `count` contour frames of 10 ms."""
    if not len(turn.spoken):
        return np.zeros(count, np.bool_)
    # A hair's breadth more, so that 0.32 s lies in frame 10 of 0.032 s in floating point, too.
    at = ((np.arange(count) * HOP_S + 1e-9) / turn.frame_s).astype(np.intp)
    return turn.spoken[np.minimum(at, len(turn.spoken) - 1)]


def _with_phrases(cues: VoiceCues, phrases: Phrasing) -> VoiceCues:
    pauses = Pauses(
        count=phrases.pauses.count,
        longest_s=round(phrases.pauses.longest_s, 3),
        ratio=round(phrases.pauses.ratio, 3),
    )
    return replace(cues, speech_s=round(phrases.speech_s, 3), pauses=pauses)


def _with_voice(
    cues: VoiceCues, sound: Contours, level_db: NDArray[np.float32], spoken: NDArray[np.bool_]
) -> VoiceCues:
    audible = spoken & (level_db >= np.percentile(level_db[spoken], 95) - _FAINT_DB)
    hertz = f0(sound.periodicity * audible[:, np.newaxis])
    heard = pitch(hertz)
    syllables = len(nuclei(level_db, hertz > 0, spoken))
    enough = syllables > 0 and cues.speech_s >= LEAST_SPEECH_S
    return replace(
        cues,
        articulation_rate=round(syllables / cues.speech_s, 2) if enough else None,
        loudness_dbfs=_rounded(loudness_dbfs(sound.power, spoken), 1),
        f0_median_hz=round(heard.median_hz, 1) if heard else None,
        f0_range_st=round(heard.range_st, 1) if heard else None,
        snr_db=_rounded(snr_db(sound.power, spoken), 1),
    )


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
