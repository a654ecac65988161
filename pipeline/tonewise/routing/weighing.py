"""One turn, weighed: everything that a choice is made from, and how it is told."""

from collections.abc import Sequence

import msgspec

from tonewise.facts import Term
from tonewise.plan import Reason, Score, Skipped
from tonewise.routing.constraints import Sieve
from tonewise.routing.escalation import State
from tonewise.routing.ladder import Ladder, Place
from tonewise.routing.understanding import Understood
from tonewise.stages import Turn


class Weighed(msgspec.Struct):
    """Everything that is known of one turn when the choice is made."""

    turn: Turn
    understood: Understood
    ladder: Ladder
    sieve: Sieve
    scores: dict[tuple[str, str], Score]
    state: State
    frustration: float | None = None
    frustration_terms: tuple[Term, ...] = ()
    skipped: list[Skipped] = msgspec.field(default_factory=list)

    def ranked(self, routes: Sequence[str], floor: float = 0.0) -> list[Place]:
        """The models of some routes that may answer: those under `floor` last, then by worth."""

        def rank(place: Place) -> tuple[bool, bool, float]:
            entry = place.entry
            worth = self.scores[entry.route, entry.model].utility or 0.0
            return entry.strength < floor, place.reserve, -worth

        places = self.ladder.places(routes)
        allowed = (each for each in places if (each.entry.route, each.entry.model) in self.scores)
        return sorted(allowed, key=rank)

    def order(self, route: str) -> tuple[str, ...]:
        """The models of a route, then those of its fallbacks."""
        places = [*self.ranked([route]), *self.ranked(self.ladder.fallbacks(route))]
        return tuple(dict.fromkeys(place.entry.model for place in places))


def worth(known: Weighed, ranked: Sequence[Place], floor: float) -> Reason:
    """Why the first is the first: what speaks most for it, or against the next best."""
    best, *others = [
        known.scores[each.entry.route, each.entry.model]
        for each in ranked
        if each.entry.strength >= floor or each is ranked[0]
    ]
    among = "of the strongest models " if floor else ""
    text = f"{among}{best.model} is worth most: {best.utility or 0:.2f} ({_told(best)})"
    rival = max(others, key=lambda score: score.utility or 0.0, default=None)
    if rival and rival.model != best.model:
        text += f"; {rival.model} {rival.utility or 0:.2f} ({_told(rival)})"
    return Reason("utility", text, best.utility)


def _told(score: Score) -> str:
    parts = [f"{term.name} {term.contribution:+z.2f}" for term in score.contributions]
    return ", ".join(parts)


def nobody(known: Weighed) -> Reason:
    """Why there is nobody to try."""
    why = "; ".join(f"{name} {what}" for name, what in known.sieve.excluded.items())
    return Reason("constraint", f"no model may answer: {why or 'there are none'}")
