"""What a turn asks for: how much thought, and what kind of work. By hand, or as it was learnt."""

import logging
import math
from collections.abc import Sequence

import msgspec

from tonewise import assets
from tonewise.errors import ConfigError, PluginError
from tonewise.facts import Term
from tonewise.routing import complexity
from tonewise.routing.learned import LearnedComplexity
from tonewise.stages import Turn

log = logging.getLogger(__name__)

TASK_OF_CUES = {
    "comparison": "comparison",
    "mathematics": "maths",
    "code": "code",
    "medicine": "medical",
    "law": "legal",
    "composition": "writing",
    "service": "request",
}
"""Where no trained model tells the task: what the cue words of a group speak for."""


class Understood(msgspec.Struct, frozen=True):
    """What a turn asks for.

    Attributes:
        complexity: in [0, 1], as the plan shows it.
        need: the same with 0.5 where the stronger model begins to be worth it, whichever score it
            comes from.
        terms: what the complexity is made of.
        words: the same for a person.
        task: one of `learned.TASKS`; None where nothing tells.
    """

    complexity: float
    need: float
    terms: tuple[Term, ...]
    words: str
    task: str | None


def trained(use: str) -> LearnedComplexity | None:
    """The trained score; None where `use` is `rules`, or where its file cannot be read.

    Raises:
        ConfigError: `use` is neither `rules` nor `learned`.
    """
    if use not in ("rules", "learned"):
        msg = f"router option 'complexity' must be 'rules' or 'learned', not {use!r}"
        raise ConfigError(msg)
    if use == "rules":
        return None
    try:
        return LearnedComplexity(assets.folder("models") / "complexity")
    except (PluginError, FileNotFoundError) as error:
        log.warning("%s; complexity is scored by rules instead", error)
        return None


def understand(turn: Turn, trained: LearnedComplexity | None) -> Understood:
    """What a turn asks for.

    Args:
        turn: of which the words and the history are read, and nothing else.
        trained: the trained score; None: the score that is set by hand.
    """
    text, before = turn.transcript.text, [past.said for past in turn.history]
    if trained is None:
        score, terms = complexity.complexity(text, before)
        return Understood(score, score, terms, complexity.in_words(terms), _task(terms))
    score, terms = trained.score(text, before)
    need = 1 / (1 + math.exp(_log_odds(trained.frontier_at) - _log_odds(score)))
    return Understood(score, need, terms, complexity.in_words(terms), trained.task(text)[0])


def _task(terms: Sequence[Term]) -> str | None:
    """The kind of work that weighs most in a score set by hand."""
    cues = [term for term in terms if term.name in TASK_OF_CUES]
    if not cues:
        return None
    return TASK_OF_CUES[max(cues, key=lambda term: abs(term.contribution)).name]


def _log_odds(share: float) -> float:
    share = min(max(share, 1e-9), 1 - 1e-9)
    return math.log(share / (1 - share))
