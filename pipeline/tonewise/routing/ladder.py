"""Which models a caller's routes hold, and in which order they are tried."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tonewise.routes import RouteSettings, all_routes, variant_of
from tonewise.routing.utility import Entry
from tonewise.stages import Candidate, Turn

CALLER_KEYS = ("user", "id", "from")
"""What transports call the one who calls; the call's own identifier where none is told."""


@dataclass(frozen=True, slots=True)
class Place:
    """A model in a route. `reserve`: the caller's variant is another one."""

    entry: Entry
    reserve: bool


class Ladder:
    """The routes of one caller, from weak to strong, and those that stand aside.

    Attributes:
        names: of every route.
        rungs: routes that have a strength; every route where none has one.
        top: the strength of the strongest route; 0 where none has one.
        drawn: the variant that this caller gets, by route, where there are several.

    Args:
        listed: `[[routes]]`.
        candidates: all models.
        caller: who calls; draws the variant.
    """

    def __init__(
        self, listed: Sequence[RouteSettings], candidates: Sequence[Candidate], caller: str
    ) -> None:
        in_variants = {m for route in listed for variant in route.variants for m in variant.models}
        loose = [each for each in candidates if each.name not in in_variants]
        routes = all_routes(listed, [each.route for each in loose])
        self._routes = {route.name: route for route in routes}
        by_name = {each.name: each for each in candidates}
        self.drawn: dict[str, str] = {}
        self._places: dict[str, list[Place]] = {}
        for name, route in self._routes.items():
            self._places[name] = list(self._of(route, by_name, loose, caller))
        strengths = {n: r.strength for n, r in self._routes.items() if r.strength is not None}
        self.names = tuple(self._routes)
        self.rungs = tuple(strengths or self._routes)
        self.top = max(strengths.values(), default=0.0)

    def strength(self, route: str) -> float:
        """In [0, 1]; NaN for a route that stands aside."""
        known = self._routes.get(route)
        if known is None or known.strength is None:
            return math.nan
        return known.strength

    def places(self, routes: Iterable[str]) -> list[Place]:
        """The models of some routes, in the order of the configuration."""
        return [place for route in routes for place in self._places.get(route, ())]

    def fallbacks(self, route: str) -> tuple[str, ...]:
        """The routes whose models are tried when those of `route` fail."""
        known = self._routes.get(route)
        if known is None:
            return ()
        if known.fallback is not None:
            return known.fallback
        return tuple(name for name in self.rungs if name != route and known.strength is not None)

    def _of(
        self,
        route: RouteSettings,
        by_name: Mapping[str, Candidate],
        loose: Sequence[Candidate],
        caller: str,
    ) -> Iterable[Place]:
        strength = 0.0 if route.strength is None else route.strength
        drawn = variant_of(route, caller)
        if drawn is None:
            names = [each.name for each in loose if each.route == route.name]
        else:
            if len(route.variants) > 1:
                self.drawn[route.name] = drawn.name or ", ".join(drawn.models)
            others = [m for each in route.variants if each.weight for m in each.models]
            names = list(dict.fromkeys([*drawn.models, *others]))
        for name in names:
            if model := by_name.get(name):
                entry = Entry(name, route.name, strength, model.facts)
                yield Place(entry, drawn is not None and name not in drawn.models)


class Ladders:
    """The ladders of all callers: one and the same where no route has variants.

    Args:
        listed: `[[routes]]`.
    """

    def __init__(self, listed: Sequence[RouteSettings]) -> None:
        self._listed = listed
        self._is_the_same = not any(route.variants for route in listed)
        self._last: tuple[Sequence[Candidate], Ladder] = ((), Ladder(listed, (), ""))

    def of(self, turn: Turn, candidates: Sequence[Candidate]) -> Ladder:
        """That of who calls, over these models."""
        if not self._is_the_same:
            return Ladder(self._listed, candidates, who_calls(turn))
        known, ladder = self._last
        if known is not candidates:
            ladder = Ladder(self._listed, candidates, "")
            self._last = candidates, ladder
        return ladder


def who_calls(turn: Turn) -> str:
    """What tells a caller from others, for a draw that always falls the same way."""
    known = (turn.caller.get(key) for key in CALLER_KEYS)
    return next((str(value) for value in known if value), turn.around.call)
