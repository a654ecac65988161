"""How hesitant a turn sounds, in [0, 1], with every term that made it so.

    σ(-2.2 + 0.9 z(filled pauses a minute) + 0.7 z(pause ratio) + 0.5 z(longest pause)
           - 0.4 z(articulation rate) + 0.3 z(response latency))

z = (value - usual) / sd, clipped to ±3, where "usual" is the caller's own baseline (baseline.py).
The weights are priors, not fitted: nobody has published a labelled corpus to fit them on. Filled
pauses ("um") need an acoustic model that listens for them; without one the term is absent, not
zero. So are two terms that nothing here can hear: lengthened vowels, and restarts, which are in the
words.

A person who stutters is misread by these measures. Never let a high score make a service worse.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tonewise.facts import Term

BIAS = -2.2
"""An ordinary turn scores σ(-2.2) = 0.10."""

CLIP = 3.0

LEAST_SPEECH_S = 0.5
"""Under this a turn says nothing about how fluent its speaker is."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One summand.

    Attributes:
        weight: added to the log-odds per standard deviation above what is usual.
        mean: over the population.
        sd: between the turns of one speaker.
    """

    weight: float
    mean: float
    sd: float


LEAST_RATE_S = 3.0
"""A rate is taken over at least this much speech: one "um" in "um, yes" is not 60 a minute."""

MEASURES: dict[str, Measure] = {
    "filled_pauses_per_min": Measure(weight=0.9, mean=3.5, sd=7.0),
    "pause_ratio": Measure(weight=0.7, mean=0.08, sd=0.11),
    "longest_pause_s": Measure(weight=0.5, mean=0.2, sd=0.25),
    "articulation_rate": Measure(weight=-0.4, mean=3.9, sd=1.0),
    "response_latency_s": Measure(weight=0.3, mean=0.9, sd=0.6),
}
"""Filled pauses: 2 to 2.6 in 100 words of conversation (Bortfeld et al. 2001), which at 150 words a
minute is 3 to 4. They come by chance, so in turns of 4 s of speech (0.23 of them) the deviation is
√0.23 / 4 s = 7 a minute.

Pauses and pace: 100 turns of callers, conversation and monologue, cut as in a call with the
default patience (`scripts/bench_cues --only turns`). They lie below the literature for good
reasons: a turn ends at a silence of 0.7 s, so long pauses are rare within (in monologue 15 to 30 %
of the time is pause), and loudness finds nine syllables in ten (4 to 5.5 a second in English).

Response latency: people answer one another after 0.2 s (Stivers et al. 2009), the one caller that
we could measure after 1.2 s (median of 11); the mean is between. By the rule that 1.2 s above one's
own median is hesitation, that is two standard deviations."""


def per_minute(count: int, speech_s: float) -> float:
    """How many a minute of speech."""
    return 60 * count / max(speech_s, LEAST_RATE_S)


def hesitation(
    measured: Mapping[str, float], usual: Callable[[str], float]
) -> tuple[float, tuple[Term, ...]]:
    """The score, and its terms: the bias first, then what was measured; they add to its log-odds.

    Args:
        measured: value by name, of the names in MEASURES. What is missing adds no term.
        usual: what to expect of each, for this caller.
    """
    terms = [Term(name="bias", value=1.0, contribution=BIAS)]
    for name, measure in MEASURES.items():
        if name in measured:
            z = (measured[name] - usual(name)) / measure.sd
            added = measure.weight * min(CLIP, max(-CLIP, z))
            terms.append(Term(name, round(measured[name], 3), round(added, 3)))
    log_odds = sum(term.contribution for term in terms)
    return round(1 / (1 + math.exp(-log_odds)), 3), tuple(terms)
