"""When not to say how somebody feels, and how far the line lets it be said at all.

    quality = min(1, speech / 3 s) · min(1, SNR / 20 dB) · (1 - min(1, clipped / 10 %))

Nothing is told from under 1 s of speech, from speech that is hardly louder than the noise, or
where no feeling stands out: a guess that looks like a measurement does more harm than silence.
"""

from collections.abc import Mapping

from tonewise.facts import VoiceCues

LEAST_SPEECH_S = 1.0
LEAST_SNR_DB = 5.0

_FULL_SPEECH_S, _CLEAN_DB, _RUINED = 3.0, 20.0, 0.10
"""From here on more speech, or less noise, adds nothing; with a tenth of its samples clipped a
voice is a square wave."""

SWITCHED_OFF = "feelings are not read from this voice"


def quality(cues: VoiceCues) -> float:
    """How far a voice can be judged by what was heard of it, in [0, 1].

    Noise that could not be measured, for want of a silence, is not held against the line.
    """
    share = min(1.0, cues.speech_s / _FULL_SPEECH_S)
    if cues.snr_db is not None:
        share *= min(1.0, max(0.0, cues.snr_db / _CLEAN_DB))
    return round(share * (1.0 - min(1.0, (cues.clipping or 0.0) / _RUINED)), 3)


def too_little(cues: VoiceCues) -> str | None:
    """Why so short a turn says nothing of feelings; None where it is long enough."""
    if cues.speech_s >= LEAST_SPEECH_S:
        return None
    return f"{cues.speech_s:.1f} s of speech, and {LEAST_SPEECH_S:.0f} s is the least"


def too_noisy(cues: VoiceCues) -> str | None:
    """Why the line says nothing of the voice; None where it is quiet enough."""
    if cues.snr_db is None or cues.snr_db >= LEAST_SNR_DB:
        return None
    return f"speech {cues.snr_db:.0f} dB above the noise, and {LEAST_SNR_DB:.0f} dB is the least"


def unlikely(posteriors: Mapping[str, float], least: float) -> str | None:
    """Why no feeling can be told; None where one is likely enough.

    Args:
        posteriors: by label.
        least: posterior that the likeliest must have.
    """
    label, likeliest = max(posteriors.items(), key=lambda item: item[1])
    if likeliest >= least:
        return None
    return f"nothing stands out: the likeliest is {label} with {likeliest:.2f}, under {least:.2f}"
