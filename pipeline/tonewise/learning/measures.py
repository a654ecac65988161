"""What is measured of a turn that an experiment is made of, and how a person reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tonewise.learning.intervals import (
    FEWEST_BEYOND,
    FEWEST_CALLERS,
    Callers,
    Estimate,
    Values,
    mean,
    quantile,
    share,
)


class VariantTurn(Protocol):
    """A turn that a variant of `route` answered, and what came of it; None: not known.

    Attributes:
        who: whose turn it was.
        cost_usd: of all tries.
        before, frustration: of the caller, in this turn and in the next one.
        followed: it is known what the caller did next.
        score: mean explicit feedback, in [0, 1].
    """

    @property
    def route(self) -> str: ...  # noqa: D102
    @property
    def variant(self) -> str: ...  # noqa: D102
    @property
    def who(self) -> str: ...  # noqa: D102
    @property
    def explored(self) -> bool: ...  # noqa: D102
    @property
    def cost_usd(self) -> float | None: ...  # noqa: D102
    @property
    def first_token_ms(self) -> float | None: ...  # noqa: D102
    @property
    def before(self) -> float | None: ...  # noqa: D102
    @property
    def frustration(self) -> float | None: ...  # noqa: D102
    @property
    def followed(self) -> bool: ...  # noqa: D102
    @property
    def interrupted(self) -> bool: ...  # noqa: D102
    @property
    def repeated(self) -> bool: ...  # noqa: D102
    @property
    def thanked(self) -> bool: ...  # noqa: D102
    @property
    def hung_up(self) -> bool: ...  # noqa: D102
    @property
    def score(self) -> float | None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is measured of every turn.

    Attributes:
        of: of a turn; None where it is not known.
        told: a value, as a person reads it.
        level: for a quantile.
        more_is_better: else less is.
        happens: it happens or not: a share.
    """

    name: str
    title: str
    of: Callable[[VariantTurn], float | None]
    told: Callable[[float], str]
    level: float | None = None
    more_is_better: bool = False
    happens: bool = False

    @property
    def fewest_turns(self) -> int:
        """Under it no interval is told: so many must lie beyond a quantile."""
        level = self.level
        return 1 if level is None else round(FEWEST_BEYOND / min(level, 1 - level))

    def missing(self, turns: int, callers: int) -> str:
        """What is missing for an interval, in words; empty where nothing is."""
        if callers < FEWEST_CALLERS:
            return f"not enough yet: {callers} of {FEWEST_CALLERS} callers"
        if turns < self.fewest_turns:
            return f"not enough yet: {turns} of {self.fewest_turns} turns"
        return ""

    def estimate(self, values: Values, callers: Callers) -> Estimate:
        """Of some turns; at least one."""
        if self.level is not None:
            return quantile(values, callers, self.level)
        return share(values, callers) if self.happens else mean(values, callers)


def _change(turn: VariantTurn) -> float | None:
    if turn.before is None or turn.frustration is None:
        return None
    return turn.frustration - turn.before


def _followed(happened: Callable[[VariantTurn], bool]) -> Callable[[VariantTurn], float | None]:
    return lambda turn: float(happened(turn)) if turn.followed else None


def _usd(value: float) -> str:
    return f"${value:.3g}" if abs(value) < 1 else f"${value:.2f}"


def _ms(value: float) -> str:
    return f"{value:.0f} ms"


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _plain(value: float) -> str:
    return f"{value:z.3f}".replace("-", "−")


MEASURES = (
    Measure("cost_usd", "cost a turn", lambda turn: turn.cost_usd, _usd),
    Measure("first_token_p50_ms", "first token p50", lambda turn: turn.first_token_ms, _ms, 0.5),
    Measure("first_token_p95_ms", "first token p95", lambda turn: turn.first_token_ms, _ms, 0.95),
    Measure("frustration_change", "frustration change", _change, _plain),
    Measure("repeated", "said again", _followed(lambda t: t.repeated), _percent, happens=True),
    Measure(
        "interrupted", "interrupted", _followed(lambda t: t.interrupted), _percent, happens=True
    ),
    Measure("hung_up", "hung up", _followed(lambda t: t.hung_up), _percent, happens=True),
    Measure(
        "thanked",
        "thanked",
        _followed(lambda t: t.thanked),
        _percent,
        more_is_better=True,
        happens=True,
    ),
    Measure("feedback", "feedback", lambda turn: turn.score, _plain, more_is_better=True),
)
