"""The clock of a live line: sound as it comes, and silence where none does.

Who sends nothing (muted, paused, a button let go) does not speak, and time goes on: turns end, and
what we say stands at its place in the call. Pure: it is told what time it is.
"""

import numpy as np

from tonewise.audio import RATE, Samples

QUIET_S = 0.4
"""Without sound for so long, silence is heard: longer than a network stalls, shorter than any
patience with a caller who has finished."""

STEP_S = 0.1
"""From then on it is heard in pieces of this length, until sound comes again."""


class LiveClock:
    """One line's.

    Args:
        now_s: when the call begins.
    """

    def __init__(self, now_s: float) -> None:
        self._upto_s = now_s  # when what was heard would have been spoken, in real time
        self._made_up = 0  # samples of silence since sound came last

    def heard(self, count: int, now_s: float) -> None:
        """So many samples of sound have come, as they are spoken, or in haste."""
        self._upto_s = max(self._upto_s, now_s) + count / RATE
        self._made_up = 0

    def known(self, filled: int) -> int:
        """How much of what stands in for lost sound, `filled` samples, silence stood in for."""
        return min(filled, self._made_up)

    def ahead_s(self, now_s: float) -> float:
        """How far the sound is ahead of real time; negative where it is behind."""
        return self._upto_s - now_s

    def wait_s(self, now_s: float) -> float:
        """Seconds until silence is heard, if nothing comes."""
        return max(0.0, self.ahead_s(now_s) + (STEP_S if self._made_up else QUIET_S))

    def silence(self, now_s: float) -> Samples | None:
        """What is heard in place of sound that does not come; None where it is not time."""
        if self.wait_s(now_s) > 0:
            return None
        count = min(round(-self.ahead_s(now_s) * RATE), RATE)
        self._upto_s += count / RATE
        self._made_up += count
        return np.zeros(count, np.float32)
