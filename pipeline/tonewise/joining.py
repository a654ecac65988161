"""What a caller said in pieces before any of it was answered is one thing, and routed as one."""

from collections.abc import Sequence

from msgspec.structs import replace

from tonewise.facts import Transcript, VoiceCues
from tonewise.listener import Understood

MOST_PIECES = 8
"""Pieces that are joined at most, the latest: who is never answered says everything again."""


def joined(pieces: Sequence[Understood]) -> tuple[Transcript, VoiceCues | None]:
    """The words of all pieces, and how they were said as a whole.

    The voice is that of the piece with the most speech; frustration and hesitation are the most
    that was heard in any, for both only ever help the caller.

    Args:
        pieces: one or more, the oldest first.
    """
    latest = pieces[-1]
    if len(pieces) == 1:
        return latest.transcript, latest.cues
    texts = (each.transcript.text.strip() for each in pieces)
    words = replace(latest.transcript, text=" ".join(text for text in texts if text), words=())
    cues = [each.cues for each in pieces if each.cues]
    return words, _together(cues) if cues else None


def _together(cues: Sequence[VoiceCues]) -> VoiceCues:
    longest = max(cues, key=lambda each: each.speech_s)
    hesitant = max(cues, key=lambda each: each.hesitation or 0.0)
    frustrations = [each.frustration for each in cues if each.frustration is not None]
    filled = [each.filled_pauses for each in cues if each.filled_pauses is not None]
    return replace(
        longest,
        speech_s=round(sum(each.speech_s for each in cues), 3),
        hesitation=hesitant.hesitation,
        hesitation_terms=hesitant.hesitation_terms,
        frustration=max(frustrations, default=None),
        filled_pauses=sum(filled) if filled else None,
    )
