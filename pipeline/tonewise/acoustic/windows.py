"""Where in a turn the network listens, and what its windows say together.

A window every hop, and one that ends where the speech ends: so each pause is asked about, and the
windows of a turn that goes on are the same ones as before, with others behind them. Windows are
weighted by the speech in them, in log-odds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tonewise.audio import RATE
from tonewise.stages import TurnAudio

TAIL_S = 0.2
"""Sound after the last speech that still belongs to it: an ended turn keeps as much."""

LEAST_SOUND_S = 1.0
"""A shorter stretch is not shown to the network: it was trained on nothing so short."""

LEAST_SPEECH_S = 0.25
"""A window with less speech has nothing to say."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples `begin` to `end` of a turn, and the seconds of speech in them."""

    begin: int
    end: int
    speech_s: float


def windows(turn: TurnAudio, window_s: float, hop_s: float, frame_s: float) -> list[Window]:
    """The windows of a turn, the earliest first; none where there is too little to hear.

    Args:
        turn: the turn, or as much of it as there is so far.
        window_s: length of a window. A turn that is shorter is one window of its own length.
        hop_s: from one window to the next.
        frame_s: every window begins at a multiple of it, so that their frames coincide.
    """
    speech = np.flatnonzero(turn.spoken)
    if not len(speech):
        return []
    frame, window = round(frame_s * RATE), round(window_s * RATE)
    over = round(((int(speech[-1]) + 1) * turn.frame_s + TAIL_S) * RATE)
    end = min(len(turn.samples), over)
    last = max(0, end - window) // frame * frame
    begins = [*range(0, last, round(hop_s * RATE)), last]
    length = min(window, end)
    if length < round(LEAST_SOUND_S * RATE):
        return []
    spoken_s = np.concatenate([[0.0], np.cumsum(turn.spoken) * turn.frame_s])
    edges = np.arange(len(spoken_s)) * turn.frame_s
    at = np.array([(begin, begin + length) for begin in begins]) / RATE
    heard = np.interp(at[:, 1], edges, spoken_s) - np.interp(at[:, 0], edges, spoken_s)
    return [
        Window(begin, begin + length, float(speech_s))
        for begin, speech_s in zip(begins, heard, strict=True)
        if speech_s >= LEAST_SPEECH_S
    ]


def together(
    windows: Sequence[Window], logits: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """The mean of `logits` (one per window, each of shape [n]), weighted by speech; shape [n]."""
    weights = np.array([window.speech_s for window in windows])
    mean: NDArray[np.float64] = weights @ np.stack(logits) / weights.sum()
    return mean


def softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares that sum to 1."""
    raised = np.exp(logits - logits.max())
    shares: NDArray[np.float64] = raised / raised.sum()
    return shares


def sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities; without an overflow however large the number."""
    shares: NDArray[np.float64] = 0.5 * (1 + np.tanh(0.5 * logits))
    return shares
