"""Escalation that sticks: one calm word does not hand a frustrated caller back.

    level(t) = max(frustration(t), decay · level(t - 1))

Escalated from `enter` on, and until the level falls under `leave`. It is computed from the history
alone. Where frustration was not measured, the level only fades. Hesitation does not stick: it is
about this turn's words.
"""

import math
from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from tonewise.errors import ConfigError
from tonewise.plan import Exchange, Reason, Share
from tonewise.routing.options import read_option

WORTH_TELLING = 0.10
"""Frustration under it is not among the reasons: it is every turn's."""


class Escalation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a caller is moved to the strongest route, and when back.

    Set by hand: with the defaults a caller who sounded furious once (0.9) is kept for two calm
    turns more, one who was just frustrated enough (0.6) for one.

    Attributes:
        enter: level from which a caller is escalated.
        leave: level under which it is over.
        decay: share of the level that is left a turn later.
    """

    enter: Share = 0.60
    leave: Share = 0.40
    decay: Annotated[float, Meta(ge=0, lt=1)] = 0.7


class Hesitation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From where on hesitation asks for the strongest route: see `thresholds.load`."""

    at: Share = 0.4
    complexity: Share = 0.25


class State(msgspec.Struct, frozen=True):
    """Where a caller stands.

    Attributes:
        level: of frustration, in [0, 1], faded.
        escalated: the strongest route is due.
        turns: since the level was entered; 0 where it is this turn that did it.
    """

    level: float
    escalated: bool
    turns: int


def state(settings: Escalation, history: Sequence[Exchange], now: float | None) -> State:
    """Where the caller stands in this turn.

    Args:
        settings: the thresholds.
        history: the earlier exchanges, oldest first.
        now: frustration in this turn; None where it was not measured.
    """
    level, escalated, turns = 0.0, False, 0
    for heard in [*(past.frustration for past in history), now]:
        fresh = heard if heard is not None and math.isfinite(heard) else 0.0
        level = max(fresh, settings.decay * level)
        if fresh >= settings.enter:
            turns = 0
        elif escalated:
            turns += 1
        escalated = level >= (settings.leave if escalated else settings.enter)
    return State(level, escalated, turns)


def frustrated(
    settings: Escalation, state: State, heard: float | None
) -> list[tuple[bool, Reason]]:
    """Does frustration ask for the strongest route, and why; nothing where none was measured."""
    if state.escalated and state.turns:
        ago = f"{state.turns} turn{'s' * (state.turns > 1)} ago"
        text = (
            f"the caller was frustrated {ago}, {_beside('faded to', state.level, settings.leave)}"
        )
        text += ": stays with the stronger model"
        return [(True, Reason("escalation", text, state.level, settings.leave))]
    if heard is None or (heard < WORTH_TELLING and not state.escalated):
        return []
    text = _beside("frustration", heard, settings.enter)
    text += ": the caller is frustrated" * state.escalated
    return [(state.escalated, Reason("frustration", text, heard, settings.enter))]


def hesitant(
    settings: Hesitation, heard: float | None, complexity: float
) -> list[tuple[bool, Reason]]:
    """Does hesitation ask for the strongest route, and why; nothing where it was not measured."""
    if heard is None or math.isnan(heard):
        return []
    asked = heard >= settings.at and complexity >= settings.complexity
    text = _beside("hesitation", heard, settings.at)
    if heard >= settings.at:
        joined = "and" if asked else "but the turn is simple:"
        text += f", {joined} {_beside('complexity', complexity, settings.complexity)}"
    return [(asked, Reason("hesitation", text, heard, settings.at))]


def _beside(what: str, value: float, threshold: float) -> str:
    """As in "complexity 0.71 ≥ 0.50"; two decimals, more where two would not tell them apart."""
    sign = "≥" if value >= threshold else "<"
    digits = 2 if abs(value - threshold) >= 0.01 else 4
    return f"{what} {value:.{digits}f} {sign} {threshold:.{digits}f}"


def hysteresis(given: object) -> Escalation:
    """The option `escalation`.

    Raises:
        ConfigError: it is none, or leaves above where it enters.
    """
    read: Escalation = read_option(Escalation, given, "escalation")
    if read.leave > read.enter:
        msg = f"router option 'escalation': leave ({read.leave}) must not be above enter"
        raise ConfigError(f"{msg} ({read.enter})")
    return read
