"""The first policy: thresholds on complexity, hesitation and frustration, and nothing learnt.

    frustration ≥ frustrated_at                                        → frontier
    complexity ≥ frontier_at                                           → frontier
    hesitation ≥ hesitant_at and complexity ≥ hesitant_complexity      → frontier
    else                                                               → fast

Frustration is heard in the words, the replies before them and the voice, as far as it was measured
(`frustration.py`). The voice can only ever move a turn towards the stronger model. A cue that was
not measured is absent and decides nothing.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tonewise import assets
from tonewise.errors import ConfigError, PluginError
from tonewise.facts import Term, VoiceCues
from tonewise.plan import Plan, Reason
from tonewise.routing import complexity as by_hand
from tonewise.routing import frustration as patience
from tonewise.routing.complexity import in_words
from tonewise.routing.learned import LearnedComplexity
from tonewise.stages import Candidate, Turn

log = logging.getLogger(__name__)

Score = Callable[[str, Sequence[str]], tuple[float, tuple[Term, ...]]]
"""Complexity of a text after others, and its terms."""

WORTH_TELLING = 0.10
"""Frustration under it is not among the reasons, unless the voice was asked: it is every turn's."""

FAST = "fast"
FRONTIER = "frontier"


@dataclass(slots=True)
class Thresholds:
    """From where on a signal, in [0, 1], asks for the stronger model; see `load`."""

    frontier_at: float
    hesitant_at: float
    hesitant_complexity: float
    frustrated_at: float
    score: Score = by_hand.complexity
    name: str = "thresholds"

    def decide(self, turn: Turn, candidates: tuple[Candidate, ...]) -> Plan:
        """The route of a turn, with what decided it as the first reason.

        The models of the route come first, then those of the other one, each in the order of
        `candidates`; models of any other route come last. None is left out.
        """
        score, terms = self.score(turn.transcript.text, [past.said for past in turn.history])
        upset, upset_by = patience.of_turn(turn)
        made_of = f"{_compared('complexity', score, self.frontier_at)}: {in_words(terms)}"
        asks = [
            *self._frustration(turn.cues, upset, upset_by),
            (
                score >= self.frontier_at,
                Reason("complexity", made_of, score, self.frontier_at),
            ),
            *self._hesitation(turn.cues, score),
        ]
        frontier = any(asked for asked, _ in asks)
        # The deciding reason first: whoever asked for the frontier, else the low complexity.
        asks.sort(key=lambda ask: not ask[0] if frontier else ask[1].signal != "complexity")
        route = FRONTIER if frontier else FAST
        reasons = tuple(reason for _, reason in asks)
        return Plan(
            route,
            _in_order(candidates, route),
            reasons,
            score,
            terms,
            frustration=upset,
            frustration_terms=upset_by,
        )

    def _frustration(
        self, cues: VoiceCues | None, score: float | None, terms: tuple[Term, ...]
    ) -> list[tuple[bool, Reason]]:
        told = cues is not None and _measured(cues.frustration) is not None
        asked = score is not None and score >= self.frustrated_at
        if score is None or not (asked or told or score >= WORTH_TELLING):
            return []
        text = _compared("frustration", score, self.frustrated_at)
        if made_of := patience.in_words(terms):
            text += f": {made_of}"
        return [(asked, Reason("frustration", text, score, self.frustrated_at))]

    def _hesitation(self, cues: VoiceCues | None, score: float) -> list[tuple[bool, Reason]]:
        heard = _measured(cues.hesitation) if cues else None
        if heard is None:
            return []
        asked = False
        text = _compared("hesitation", heard, self.hesitant_at)
        if heard >= self.hesitant_at:
            bar = self.hesitant_complexity
            asked = score >= bar
            joined = "and" if asked else "but the turn is simple:"
            text += f", {joined} {_compared('complexity', score, bar)}"
        return [(asked, Reason("hesitation", text, heard, self.hesitant_at))]


def load(
    frontier_at: float = 0.5,
    hesitant_at: float = 0.4,
    hesitant_complexity: float = 0.25,
    frustrated_at: float = 0.6,
    complexity: str = "rules",
) -> Thresholds:
    """Thresholds, each in [0, 1].

    Args:
        frontier_at: complexity from which a turn goes to the frontier model.
        hesitant_at: hesitation from which `hesitant_complexity` counts instead: what a hesitant
            caller says carries less of what is meant, and the stronger model makes more of it.
            One spontaneous turn in twenty reaches 0.4 (`scripts/bench_cues --only turns`).
        hesitant_complexity: complexity from which a hesitant caller's turn goes there; below it
            ("um, yes") the turn is simple however it was said.
        frustrated_at: frustration from which any turn goes there.
        complexity: `rules` (the score that is set by hand) or `learned` (the trained one; the
            other takes its place, with a warning in the log, where its file cannot be read).

    Raises:
        ConfigError: a threshold that is no number in [0, 1], or an unknown score.
    """
    settings = {
        "frontier_at": frontier_at,
        "hesitant_at": hesitant_at,
        "hesitant_complexity": hesitant_complexity,
        "frustrated_at": frustrated_at,
    }
    for key, value in settings.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= 1:
            msg = f"router option {key!r} must be a number from 0 to 1, not {value!r}"
            raise ConfigError(msg)
    score = _score(complexity)
    return Thresholds(frontier_at, hesitant_at, hesitant_complexity, frustrated_at, score)


def _score(use: str) -> Score:
    if use not in ("rules", "learned"):
        msg = f"router option 'complexity' must be 'rules' or 'learned', not {use!r}"
        raise ConfigError(msg)
    if use == "learned":
        try:
            return LearnedComplexity(assets.folder("models") / "complexity").score
        except (PluginError, FileNotFoundError) as error:
            log.warning("%s; complexity is scored by rules instead", error)
    return by_hand.complexity


def _in_order(candidates: tuple[Candidate, ...], route: str) -> tuple[str, ...]:
    other = FAST if route == FRONTIER else FRONTIER
    rank = {route: 0, other: 1}
    return tuple(each.name for each in sorted(candidates, key=lambda c: rank.get(c.route, 2)))


def _measured(cue: float | None) -> float | None:
    return None if cue is None or math.isnan(cue) else cue


def _compared(what: str, value: float, threshold: float) -> str:
    """As in "complexity 0.71 ≥ 0.50"; two decimals, more where two would not tell them apart."""
    sign = "≥" if value >= threshold else "<"
    digits = 2 if abs(value - threshold) >= 0.01 else 4
    return f"{what} {value:.{digits}f} {sign} {threshold:.{digits}f}"
