"""What is usual for this caller: population norms, shrunk towards the caller's own first turns.

    b = (k · μ + Σ q_i · x_i) / (k + Σ q_i)      q_i = min(1, speech_s / 3)      k = 2 turns

At first the caller is measured against everybody, after a few turns mostly against themselves.
The scale stays the population's: a caller's own spread would make a caller who hesitates all the
time look ordinary. Once learnt the baseline stands: to let it drift, one would have to know when
the caller is calm. It is a handful of numbers in memory and dies with the call.
"""

from collections.abc import Mapping

PRIOR_TURNS = 2.0
"""k: how many full turns the population weighs."""

FULL_TURN_S = 3.0
"""From this much speech a turn counts whole."""

LEARNT_TURNS, LEARNT_SPEECH_S = 4, 6.0
"""The baseline stands after both: four times "yes" tell too little."""


class Baseline:
    """One call's. `usual` is what to expect of the next turn."""

    def __init__(self, population: Mapping[str, float]) -> None:
        self._population = dict(population)
        self._sums = dict.fromkeys(population, 0.0)
        self._weights = dict.fromkeys(population, 0.0)
        self._turns = 0
        self._speech_s = 0.0

    @property
    def ready(self) -> bool:
        """True once enough was heard; the baseline does not change any more."""
        return self._turns >= LEARNT_TURNS and self._speech_s >= LEARNT_SPEECH_S

    def usual(self, name: str) -> float:
        """The expected value of the measure `name`."""
        whole = PRIOR_TURNS * self._population[name] + self._sums[name]
        return whole / (PRIOR_TURNS + self._weights[name])

    def learn(self, measured: Mapping[str, float], speech_s: float) -> None:
        """Take in what was measured in a turn with `speech_s` seconds of speech."""
        if self.ready:
            return
        weight = min(1.0, speech_s / FULL_TURN_S)
        for name, value in measured.items():
            self._sums[name] += weight * value
            self._weights[name] += weight
        self._turns += 1
        self._speech_s += speech_s
