"""What is usual for this caller: population norms, shrunk towards the caller's own first turns.

    b = (k · μ + Σ q_i · x_i) / (k + Σ q_i)      q_i = quality_i · min(1, speech_s / 3)      k = 2

At first the caller is measured against everybody, after a few turns mostly against themselves.
The scale stays the population's: a caller's own spread would make a caller who hesitates all the
time look ordinary. And because of k a caller who arrives angry never becomes the measure of calm.
Once learnt the baseline stands, but for a slow drift where somebody knows that the caller is calm.
It is a handful of numbers in memory and dies with the call.
"""

from collections.abc import Callable, Mapping

PRIOR_TURNS = 2.0
"""k: how many full turns the population weighs."""

FULL_TURN_S = 3.0
"""From this much speech a turn counts whole."""

LEARNT_TURNS, LEARNT_SPEECH_S = 4, 6.0
"""The baseline stands after both: four times "yes" tell too little."""

DRIFT_TURNS = 20.0
"""Calm turns after which a baseline that stands has moved two thirds of the way."""


class Baseline:
    """One call's. `usual` is what to expect of the next turn."""

    def __init__(self, population: Mapping[str, float]) -> None:
        self._population = dict(population)
        self._sums = dict.fromkeys(population, 0.0)
        self._weights = dict.fromkeys(population, 0.0)
        self._drifted = dict.fromkeys(population, 0.0)
        self._turns = 0
        self._speech_s = 0.0

    @property
    def begun(self) -> bool:
        """True once anything of the caller was learnt."""
        return self._turns > 0

    @property
    def ready(self) -> bool:
        """True once enough was heard; the baseline does not change any more, but for a drift."""
        return self._turns >= LEARNT_TURNS and self._speech_s >= LEARNT_SPEECH_S

    def usual(self, name: str) -> float:
        """The expected value of the measure `name`."""
        whole = PRIOR_TURNS * self._population[name] + self._sums[name]
        return whole / (PRIOR_TURNS + self._weights[name]) + self._drifted[name]

    def learn(self, measured: Mapping[str, float], speech_s: float, quality: float = 1.0) -> None:
        """Take in what was measured in a turn, until enough is known.

        Args:
            measured: value by name.
            speech_s: seconds of speech in the turn.
            quality: how far the measures can be believed, in [0, 1].
        """
        if self.ready:
            return
        weight = quality * min(1.0, speech_s / FULL_TURN_S)
        for name, value in measured.items():
            self._sums[name] += weight * value
            self._weights[name] += weight
        self._turns += 1
        self._speech_s += speech_s

    def drift(self, measured: Mapping[str, float], quality: float = 1.0) -> None:
        """Follow a caller who is calm, slowly, once the baseline stands."""
        if self.ready:
            for name, value in measured.items():
                self._drifted[name] += quality * (value - self.usual(name)) / DRIFT_TURNS


class Lessons:
    """What turns teach, each of them once.

    A turn is measured again and again while it grows. Only its latest reading counts, and it is
    learnt when another turn begins, so that a turn is never compared with itself.
    """

    def __init__(self) -> None:
        self._start_s: float | None = None
        self._teach: Callable[[], None] | None = None

    def begin(self, start_s: float) -> None:
        """The turn that began at `start_s` is measured, for the first time or again."""
        if self._teach and start_s != self._start_s:
            self._teach()
        self._start_s, self._teach = start_s, None

    def keep(self, teach: Callable[[], None]) -> None:
        """What the turn at hand teaches, if nothing better comes."""
        self._teach = teach
