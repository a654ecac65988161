"""What of a reply has been made, sent and played: pure, it is told what time it is.

Sound is made as fast as the TTS goes, and sent when it is due: `lead` seconds ahead of its time, so
that a late packet leaves no gap, and no more, so that little has to be taken back when the caller
speaks. The peer is thought to play what it is sent without a break; where it reports its place, the
report is believed.

    made     ------------------------------------------>
    sent     ------------------------->
    played   ------------------>        lead seconds behind what was sent
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from tonewise.audio import RATE, Samples

REWIND_S = 0.2
"""A reply that was held goes on from a little before where it fell silent, so that no half word is
lost: about a syllable."""

_FADE = round(0.005 * RATE)
"""Samples over which a reply that goes on fades in: a step is a click."""


_CHARACTER_S = 0.06
"""Seconds of speech per character, about: what is not made yet is as long as this says."""

_UNFINISHED = 0.999
"""The most of a chunk that counts as heard before its end: its last word does not."""


@dataclass(slots=True)
class _Chunk:
    """A part of the text, and where in the sound it is."""

    text: str
    begin: int
    end: int | None = None


class Speaker:
    """The sound of one reply.

    Args:
        lead_s: how far ahead of its time sound is sent.
    """

    def __init__(self, lead_s: float) -> None:
        self._lead = round(lead_s * RATE)
        self._sound: list[Samples] = []  # all of it: a held reply goes back a little
        self._begins: list[int] = []  # where each piece begins
        self._made = 0
        self._sent = 0
        self._chunks: list[_Chunk] = []
        self._complete = False
        self._held = False
        self._fading = False
        self._anchor = 0  # this sample
        self._anchor_s = 0.0  # was played at this time
        self._reported_s = 0.0  # the peer has played so much, as it said last

    @property
    def made_s(self) -> float:
        """Seconds of sound that have been made."""
        return self._made / RATE

    @property
    def sent_s(self) -> float:
        """Seconds of sound that have been given to the peer."""
        return self._sent / RATE

    @property
    def ahead_s(self) -> float:
        """Seconds of sound that were made and not sent."""
        return (self._made - self._sent) / RATE

    @property
    def held(self) -> bool:
        """Is it silent until somebody lets it go on?"""
        return self._held

    @property
    def complete(self) -> bool:
        """Will no more sound come?"""
        return self._complete

    # ------------------------------------------------------------ made

    def begin_chunk(self, text: str) -> None:
        """The sound that comes next says `text`."""
        self.end_chunk()
        self._chunks.append(_Chunk(text, self._made))

    def add(self, samples: Samples) -> None:
        """Sound of the chunk that was begun last."""
        if len(samples):
            self._sound.append(samples)
            self._begins.append(self._made)
            self._made += len(samples)

    def end_chunk(self) -> None:
        """All of the latest chunk's sound has been made."""
        if self._chunks and self._chunks[-1].end is None:
            self._chunks[-1].end = self._made

    def finish(self) -> None:
        """No more sound will come."""
        self.end_chunk()
        self._complete = True

    # ------------------------------------------------------------ sent

    def due(self, now_s: float) -> Samples | None:
        """The sound to be sent now; None where none is due."""
        if self._held or self._sent >= self._made:
            return None
        if self._played(now_s) >= self._sent:  # nothing is left to play: it starts now
            self._anchor, self._anchor_s = self._sent, now_s
        until = min(self._made, self._played(now_s) + self._lead)
        if until <= self._sent:
            return None
        samples = self._between(self._sent, until)
        self._sent = until
        if self._fading:
            self._fading = False
            fade = min(_FADE, len(samples))
            samples[:fade] *= np.linspace(0.0, 1.0, fade, dtype=np.float32)
        return samples

    def hold(self, now_s: float) -> None:
        """Fall silent; what was sent and not played is thought never to have been sent."""
        if not self._held:
            self._sent = self._anchor = self._played(now_s)
            self._anchor_s = now_s
            self._held = True
            self._reported_s = 0.0

    def resume(self, now_s: float) -> None:
        """Go on, from a little before where it fell silent."""
        if self._held:
            self._held = False
            self._fading = True
            self._sent = self._anchor = max(0, self._sent - round(REWIND_S * RATE))
            self._anchor_s = now_s

    def played_upto(self, seconds: float, now_s: float) -> None:
        """The peer reports that it has played so many seconds."""
        if not self._held and seconds >= self._reported_s:  # one that was overtaken tells nothing
            self._reported_s = seconds
            self._anchor = min(self._sent, max(0, round(seconds * RATE)))
            self._anchor_s = now_s

    # ------------------------------------------------------------ played

    def played_s(self, now_s: float) -> float:
        """Seconds of the sound that the caller has heard."""
        return self._played(now_s) / RATE

    def over(self, now_s: float) -> bool:
        """Has the caller heard all of it?"""
        return self._complete and not self._held and self._played(now_s) >= self._made

    def left_s(self, now_s: float) -> float:
        """Seconds until all that was sent has been played."""
        return (self._sent - self._played(now_s)) / RATE

    def heard(self, now_s: float) -> str:
        """The text as far as the caller has heard it, cut between words."""
        played = self._played(now_s)
        text = ""
        for chunk in self._chunks:
            if chunk.end is not None and played >= chunk.end:
                text += chunk.text
                continue
            least = chunk.begin + round(len(chunk.text) * _CHARACTER_S * RATE)
            end = max(self._made, least) if chunk.end is None else chunk.end
            share = max(0.0, (played - chunk.begin) / max(1, end - chunk.begin))
            known = chunk.text if chunk.end is not None else chunk.text.rstrip()
            return text + _share_of(known, min(share, _UNFINISHED))
        return text

    def _played(self, now_s: float) -> int:
        if self._held:
            return self._sent
        return min(self._sent, self._anchor + max(0, round((now_s - self._anchor_s) * RATE)))

    def _between(self, begin: int, end: int) -> Samples:
        first = bisect_right(self._begins, begin) - 1
        pieces = np.concatenate(self._sound[first : bisect_left(self._begins, end)])
        return pieces[begin - self._begins[first] : end - self._begins[first]]


def _share_of(text: str, share: float) -> str:
    """The first words of a text, about so much of it; a word begun counts only when it is over."""
    reach = int(len(text) * share)
    if reach >= len(text):
        return text
    cut = text.rfind(" ", 0, reach + 1)
    return text[: cut + 1] if cut >= 0 else ""
