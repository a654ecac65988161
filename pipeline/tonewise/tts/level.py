"""One loudness for every voice, and no dead air at the edges of what it says. Pure, streaming."""

import numpy as np

from tonewise.audio import RATE, Samples

TARGET_DBFS = -20.0
"""Level of the speech, its pauses left out; telephone speech is aligned near it (ITU-T P.56)."""

KEPT_S = 0.03
"""Silence that stays before and after; engines leave up to half a second."""

EDGE_S = 0.005
"""Length of the raised cosine with which sound begins and ends: shorter, it clicks."""

PEAK = 0.891
"""-1 dBFS: peaks are bent to stay below it, as µ-law and codecs overshoot."""

_BLOCK = RATE // 100
_SILENT = 10 ** (-55 / 20)
_HIGHEST, _LOWEST = 10 ** (18 / 20), 10 ** (-18 / 20)
_LEARNING_BLOCKS = 20
"""After so many blocks of speech (0.2 s), a voice's level is half known."""


class VoiceLevel:
    """What is known of one voice's loudness; keep it from one sentence to the next."""

    def __init__(self, target_dbfs: float = TARGET_DBFS) -> None:
        self._target = 10 ** (target_dbfs / 20)
        self._power = 0.0
        self._blocks = 0.0

    def learn(self, block: Samples) -> float:
        """The gain for voiced sound, after `block` has been heard."""
        power = float(np.mean(np.square(block), dtype=np.float64))
        if power > _SILENT**2:
            # Every block counts alike at first; later the last ten seconds do.
            self._blocks = min(self._blocks + 1, 1000)
            self._power += (power - self._power) / self._blocks
        return self.gain

    @property
    def gain(self) -> float:
        """Between -18 and 18 dB, carefully at first."""
        if not self._blocks:
            return 1.0
        wanted = min(max(self._target / self._power**0.5, _LOWEST), _HIGHEST)
        sure = self._blocks / (self._blocks + _LEARNING_BLOCKS)
        return float(wanted**sure)


class Levelled:
    """One utterance: trimmed, at one level, with soft edges.

    It holds back what may be the silence at the end, and one block, so that the end can be faded.

    Args:
        level: of the voice that speaks.
        kept_s: seconds of silence that stay at either edge.
    """

    def __init__(self, level: VoiceLevel, kept_s: float = KEPT_S) -> None:
        self._level = level
        self._kept = max(round(EDGE_S * RATE), round(kept_s * RATE))
        self._rest = np.zeros(0, np.float32)
        self._held: list[Samples] = []
        self._begun = False
        self._gain = level.gain

    def push(self, samples: Samples) -> Samples:
        """What may be played now."""
        self._rest = np.concatenate([self._rest, samples])
        whole = len(self._rest) // _BLOCK * _BLOCK
        ready = [
            sound
            for at in range(0, whole, _BLOCK)
            if len(sound := self._hear(self._rest[at : at + _BLOCK]))
        ]
        self._rest = self._rest[whole:]
        return _joined(ready)

    def flush(self) -> Samples:
        """The end, faded out; nothing where nothing was heard."""
        ready = self._hear(self._rest) if len(self._rest) else self._rest
        self._rest = self._rest[:0]
        if not self._begun:
            return np.zeros(0, np.float32)
        last = _joined([ready, *self._held])
        edge = min(len(last), round(EDGE_S * RATE))
        silent = len(self._trailing()) - self._kept
        if silent > 0:
            last = last[:-silent]
        last = last.copy()
        edge = min(len(last), edge)
        if edge:
            last[-edge:] *= _fade(edge)[::-1]
        self._held.clear()
        return last

    def _trailing(self) -> Samples:
        return _joined(self._held[1:])

    def _hear(self, block: Samples) -> Samples:
        """`_held` is the latest speech block and the silence after it."""
        loud = float(np.sqrt(np.mean(np.square(block)))) > _SILENT
        if not self._begun:
            self._held.append(block)
            if not loud:
                self._held = [_joined(self._held)[-self._kept :]]
                return self._held[0][:0]
            self._begun = True
            before = _joined(self._held[:-1])[-self._kept :]
            block = np.concatenate([before, block])
            edge = min(len(block), round(EDGE_S * RATE))
            self._held = [self._louder(block)]
            self._held[0][:edge] *= _fade(edge)
            return block[:0]
        block = self._louder(block)
        if not loud:
            self._held.append(block)
            return block[:0]
        ready, self._held = _joined(self._held), [block]
        return ready

    def _louder(self, block: Samples) -> Samples:
        """At the voice's gain, which glides over the block; peaks are bent."""
        gain = self._level.learn(block)
        ramp = np.linspace(self._gain, gain, len(block), dtype=np.float32)
        self._gain = gain
        return _bent(block * ramp)


def _bent(samples: Samples) -> Samples:
    """Peaks above half of `PEAK` approach it, and never pass it."""
    knee = np.float32(PEAK / 2)
    size = np.abs(samples)
    over = np.maximum(size - knee, 0) / (PEAK - knee)
    bent = np.where(size > knee, knee + (PEAK - knee) * np.tanh(over), size)
    return (np.sign(samples) * bent).astype(np.float32)


def _fade(size: int) -> Samples:
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(size) + 0.5) / size)).astype(np.float32)


def _joined(parts: list[Samples]) -> Samples:
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
