"""Routes, their weighted variants and the rules that lead to them, as the settings write them.

[[routes]]                                  [[rules]]
name = "frontier"                           name = "angry"
strength = 1                                when = "voice.frustration > 0.7"
variants = [                                route = "frontier"
  { models = ["deep"], weight = 90 },       reason = "the caller is losing patience"
  { models = ["deeper"], weight = 10 },
]
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from tonewise.errors import ConfigError
from tonewise.facts import Route
from tonewise.plugins import did_you_mean

STRENGTHS = {"fast": 0.0, "frontier": 1.0}
"""How strong the routes are that everybody has, where the settings do not say."""

Percent = Annotated[int, Meta(ge=0, le=100)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Models that answer a share of the callers of a route: `weight` per cent of them."""

    models: Annotated[tuple[Name, ...], Meta(min_length=1)]
    weight: Percent = 100
    name: str = ""


class RouteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `[[routes]]` entry.

    Attributes:
        name: as rules and plans call it.
        strength: its place on the ladder from weak (0) to strong (1). Where no rule decides, the
            models of the ladder's routes are weighed against each other, and a caller who needs
            more is moved up it. A route without a strength stands aside: only a rule leads to it.
        fallback: routes whose models are tried when its own fail. None: the other routes of the
            ladder, or, for a route that stands aside, no other.
        variants: whose weights sum to 100. None: the models whose `route` is this one.
    """

    name: Name
    strength: Annotated[float, Meta(ge=0, le=1)] | None = None
    fallback: tuple[Name, ...] | None = None
    variants: tuple[Variant, ...] = ()


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A `[[rules]]` entry: the first whose condition is true chooses the route.

    Attributes:
        name: as plans call it.
        when: the condition, in CEL.
        route: where it leads.
        reason: one sentence for a person; None: the condition itself.
    """

    name: Name
    when: str
    route: Name
    reason: str | None = None


def all_routes(
    listed: Iterable[RouteSettings], models: Iterable[Route]
) -> tuple[RouteSettings, ...]:
    """The routes that are listed, then those that only models name.

    Args:
        listed: `[[routes]]`.
        models: the `route` of every model.
    """
    routes = {route.name: _with_strength(route) for route in listed}
    for name in models:
        routes.setdefault(name, _with_strength(RouteSettings(name)))
    return tuple(routes.values())


def strength_of(name: Route, listed: Iterable[RouteSettings]) -> float | None:
    """The strength of a route, listed or not; None where it stands aside."""
    known = next((route for route in listed if route.name == name), RouteSettings(name))
    return _with_strength(known).strength


def variant_of(route: RouteSettings, caller: str) -> Variant | None:
    """The variant that a caller gets: always the same one, as long as the weights stay.

    Args:
        route: whose variants they are.
        caller: who calls; the draw is a hash of this and of the route's name.
    """
    if not route.variants:
        return None
    digest = hashlib.blake2b(f"{route.name}\n{caller}".encode(), digest_size=8).digest()
    drawn = int.from_bytes(digest, "big") % 100
    for variant in route.variants:
        drawn -= variant.weight
        if drawn < 0:
            return variant
    return route.variants[-1]


def check(
    routes: Sequence[RouteSettings],
    rules: Sequence[Rule],
    models: dict[str, Route],
    place: str,
    *,
    imported: bool = False,
) -> None:
    """Every name must be somebody's, once; conditions are checked where they are compiled.

    Args:
        routes: `[[routes]]`.
        rules: `[[rules]]`.
        models: the name of each model, and its route.
        place: the file, for the message.
        imported: the routes are another router's, which knows no others.

    Raises:
        ConfigError: names the key, what is wrong and the choices.
    """
    _once([route.name for route in routes], f"{place}: routes")
    _once([rule.name for rule in rules], f"{place}: rules")
    in_variants = _in_variants(routes)
    left = {route for name, route in models.items() if imported or name not in in_variants}
    known = _known_routes(routes, models)
    for at, route in enumerate(routes):
        where = f"{place}: routes[{at}] {route.name!r}"
        _check_variants(route, models, where)
        for name in route.fallback or ():
            _known(name, known, f"{where}.fallback", "route")
        if not route.variants and route.name not in left:
            raise ConfigError(f"{where} has no models: {_who_left(route.name, routes, models)}")
    if routes:
        for name, route_name in models.items():
            if name not in in_variants:
                listed = list(dict.fromkeys([*(route.name for route in routes), *STRENGTHS]))
                _known(route_name, listed, f"{place}: model {name!r}.route", "route")
    if not imported:
        _check_left(routes, models, known, place)
    for at, rule in enumerate(rules):
        _known(rule.route, known, f"{place}: rules[{at}] {rule.name!r}.route", "route")


def check_default(
    name: object, routes: Sequence[RouteSettings], models: dict[str, Route], place: str
) -> None:
    """The default route must be one of the routes; None and "" are no default.

    Raises:
        ConfigError: names the choices.
    """
    if name:
        choices = _known_routes(routes, models)
        _known(str(name), choices, f"{place}: router option 'default_route'", "route")


def _check_left(
    routes: Sequence[RouteSettings], models: dict[str, Route], known: list[str], place: str
) -> None:
    """No route may lose its last model to variants of others, but `fast`, where nobody names it."""
    for name, route in models.items():
        if route not in known and route != "fast":
            why = _who_left(route, routes, models)
            raise ConfigError(f"{place}: model {name!r}.route: {route!r} is left empty: {why}")


def _who_left(route: Route, routes: Sequence[RouteSettings], models: dict[str, Route]) -> str:
    """Why a route has no models, and what to do."""
    gone = next((name for name, own in models.items() if own == route), None)
    if gone is None:
        return "name it in a model's route, or give it variants"
    other = next(each.name for each in routes for one in each.variants if gone in one.models)
    return (
        f"{gone!r} stands in variants of {other!r}; where it should answer here as well, give "
        f"this route variants, too: [[routes]] name = {route!r}, "
        f"variants = [{{ models = [{gone!r}] }}]"
    )


def _in_variants(routes: Sequence[RouteSettings]) -> set[str]:
    return {name for route in routes for variant in route.variants for name in variant.models}


def _known_routes(routes: Sequence[RouteSettings], models: dict[str, Route]) -> list[str]:
    named = _in_variants(routes)
    loose = [route for name, route in models.items() if name not in named]
    return [route.name for route in all_routes(routes, loose)]


def _with_strength(route: RouteSettings) -> RouteSettings:
    strength = STRENGTHS.get(route.name) if route.strength is None else route.strength
    return msgspec.structs.replace(route, strength=strength)


def _check_variants(route: RouteSettings, models: dict[str, Route], where: str) -> None:
    if not route.variants:
        return
    total = sum(variant.weight for variant in route.variants)
    if total != 100:
        msg = f"{where}.variants: the weights must sum to 100, not {total}"
        raise ConfigError(msg)
    for at, variant in enumerate(route.variants):
        for name in variant.models:
            _known(name, list(models), f"{where}.variants[{at}].models", "model")


def _once(names: Sequence[str], where: str) -> None:
    for name in names:
        if names.count(name) > 1:
            msg = f"{where}: two are called {name!r}; give each its own name"
            raise ConfigError(msg)


def _known(name: str, choices: list[str], where: str, what: str) -> None:
    if name not in choices:
        msg = (
            f"{where}: there is no {what} {name!r}{did_you_mean(name, choices)}; "
            f"choose one of {', '.join(choices) or 'none'}"
        )
        raise ConfigError(msg)
