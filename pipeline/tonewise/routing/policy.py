"""Rules first, then what each model is worth: quality, cost, latency, energy, a lost prompt cache.

    1. constraints: which models may answer at all (constraints.py)
    2. rules, in order: the first that is true chooses the route (rules.py). One that hears the
       voice does not end the search: it may raise what the others find, and never lowers it.
    3. no rule: the default route, where there is one; else the model that is worth most
       (utility.py), among the strongest ones for a caller who is frustrated, was so lately
       (escalation.py), or hesitates over something that is not trivial
    4. the plan: the models of the route, then its fallbacks, each in the order of their worth

How a caller sounds can only move a turn up: no model is excluded, priced or weighed by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from tonewise.errors import ConfigError
from tonewise.plan import Amount, Plan, Reason, Score, Skipped
from tonewise.routes import RouteSettings, Rule, strength_of
from tonewise.routing import frustration
from tonewise.routing.constraints import Limits, sift, size
from tonewise.routing.escalation import (
    Escalation,
    Hesitation,
    frustrated,
    hesitant,
    hysteresis,
    state,
)
from tonewise.routing.ladder import Ladders
from tonewise.routing.learned import LearnedComplexity
from tonewise.routing.options import read_option
from tonewise.routing.rules import Asked, Compiled, compiled, read_by
from tonewise.routing.understanding import trained, understand
from tonewise.routing.utility import Weights, bill, preferences, scores, wished
from tonewise.routing.variables import values
from tonewise.routing.weighing import Weighed, nobody, worth
from tonewise.stages import Candidate, Turn

Tokens = Annotated[int, Meta(ge=1, le=1_000_000)]


class _Choice(msgspec.Struct, frozen=True):
    """A route, the models to try, and why."""

    route: str
    models: tuple[str, ...]
    reasons: tuple[Reason, ...]
    rule: str | None = None
    escalated: bool = False


@dataclass(frozen=True, slots=True)
class RulesAndUtility:
    """The policy; see `load`."""

    rules: tuple[Compiled, ...]
    ladders: Ladders
    default_route: str
    limits: Limits
    weights: Weights
    prefer: Mapping[str, Weights]
    escalation: Escalation
    hesitation: Hesitation
    reply_tokens: int
    max_tokens: int
    reads: frozenset[str]
    trained: LearnedComplexity | None
    name: str = "policy"

    def decide(self, turn: Turn, candidates: tuple[Candidate, ...]) -> Plan:
        """The plan for a turn, with every model's worth in numbers."""
        known = self._weigh(turn, candidates)
        choice = self._choose(known)
        reasons = [*choice.reasons, *self._remarks(known, choice)]
        excluded = [
            Score(each.name, each.route, excluded_by=known.sieve.excluded[each.name])
            for each in candidates
            if each.name in known.sieve.excluded
        ]
        best_first = sorted(known.scores.values(), key=lambda score: -(score.utility or 0.0))
        return Plan(
            choice.route,
            choice.models,
            tuple(reasons),
            known.understood.complexity,
            known.understood.terms,
            (*best_first, *excluded),
            choice.rule,
            tuple(known.skipped),
            choice.escalated,
            known.frustration,
            known.frustration_terms,
            known.ladder.drawn.get(choice.route, ""),
            known.understood.task,
        )

    # ------------------------------------------------------------ weighing

    def _weigh(self, turn: Turn, candidates: Sequence[Candidate]) -> Weighed:
        understood = understand(turn, self.trained)
        upset, upset_by = frustration.of_turn(turn)
        tokens = size(turn, self.reply_tokens, self.max_tokens)
        bills = {each.name: bill(each.facts, each.name, tokens) for each in candidates}
        costs = {name: made.due for name, made in bills.items() if made}
        sieve = sift(turn, candidates, tokens, self.limits, costs)
        ladder = self.ladders.of(turn, candidates)
        allowed = {each.name for each in sieve.allowed}
        places = [each for each in ladder.places(ladder.names) if each.entry.model in allowed]
        preferred = self.prefer.get(str(turn.caller.get("prefer", "")), self.weights)
        weights = wished(preferred, turn.around.weights)
        entries = [each.entry for each in places]
        scored = scores(entries, turn, bills, understood.need, understood.task, weights)
        by_place = {(each.route, each.model): each for each in scored}
        for at in ((each.entry.route, each.entry.model) for each in places if each.reserve):
            by_place[at] = replace(by_place[at], reserve=True)
        return Weighed(
            turn,
            understood,
            ladder,
            sieve,
            by_place,
            state(self.escalation, turn.history, upset),
            upset,
            upset_by,
        )

    # ------------------------------------------------------------ choosing

    def _choose(self, known: Weighed) -> _Choice:
        raising: list[Compiled] = []
        chosen: Compiled | None = None
        if self.rules:
            told = known.understood
            variables = values(known.turn, told.complexity, told.task, self.reads)
            asked = Asked(variables, self.rules[0].language)
            for rule in self.rules:
                if not asked.matches(rule) or not self._leads_anywhere(rule, known):
                    continue
                if not rule.hears:
                    chosen = rule
                    break
                raising.append(rule)
            known.skipped[:0] = asked.skipped
        base = self._by_rule(chosen, known) if chosen else self._without_rule(known)
        return self._raised(base, raising, known)

    def _leads_anywhere(self, rule: Compiled, known: Weighed) -> bool:
        route = rule.rule.route
        if known.ranked([route, *known.ladder.fallbacks(route)]):
            return True
        known.skipped.append(Skipped(rule.rule.name, f"no model of route {route!r} may answer"))
        return False

    def _by_rule(self, rule: Compiled, known: Weighed) -> _Choice:
        route = rule.rule.route
        return _Choice(route, known.order(route), (Reason("rule", rule.why),), rule.rule.name)

    def _raised(self, base: _Choice, raising: Sequence[Compiled], known: Weighed) -> _Choice:
        """The strongest route that a rule which hears the voice asks for, if not weaker."""
        strength = known.ladder.strength
        strongest = sorted(raising, key=lambda rule: -strength(rule.rule.route))
        # A route that stands aside has no strength: nothing is at least as strong as it.
        if not strongest or not strength(strongest[0].rule.route) >= strength(base.route):
            return base
        rule = strongest[0]
        route = rule.rule.route
        models = tuple(dict.fromkeys([*known.order(route), *base.models]))
        why = (Reason("rule", rule.why), *base.reasons)
        escalated = base.escalated or strength(route) > strength(base.route)
        return _Choice(route, models, why, rule.rule.name, escalated)

    def _without_rule(self, known: Weighed) -> _Choice:
        ladder, default = known.ladder, self.default_route
        hesitation = known.turn.cues.hesitation if known.turn.cues else None
        asks = [
            *frustrated(self.escalation, known.state, known.frustration),
            *hesitant(self.hesitation, hesitation, known.understood.need),
        ]
        floor = ladder.top if any(asked for asked, _ in asks) else 0.0
        why = [reason for asked, reason in asks if asked]
        others = [reason for asked, reason in asks if not asked]
        by_default = known.order(default) if default else ()
        ranked = known.ranked(ladder.rungs, floor)
        strongest = ranked[0].entry.strength if ranked else -1.0
        # A route that stands aside has no strength: nothing is stronger than it.
        if by_default and not (strongest > ladder.strength(default) and floor):
            plain = Reason("default", f"no rule is true: {default!r} is the default route")
            return _Choice(default, by_default, (plain, *why, *others))
        ranked = ranked or known.ranked(ladder.names)
        if not ranked:
            return _Choice(default or "none", (), (nobody(known),))
        models = tuple(dict.fromkeys([*(place.entry.model for place in ranked), *by_default]))
        told = (*why, worth(known, ranked, floor), *others)
        escalated = known.state.escalated and floor > 0
        return _Choice(ranked[0].entry.route, models, told, escalated=escalated)

    # ------------------------------------------------------------ telling

    def _remarks(self, known: Weighed, choice: _Choice) -> list[Reason]:
        score = known.understood.complexity
        text = f"complexity {score:.2f}: {known.understood.words}"
        remarks = [Reason("complexity", text, score)]
        if drawn := known.ladder.drawn.get(choice.route):
            text = f"of the variants of {choice.route!r} this caller always gets {drawn}"
            remarks.append(Reason("variant", text))
        remarks += [Reason("constraint", text) for text in known.sieve.relaxed]
        if wish := str(known.turn.caller.get("prefer", "")):
            text = f"the caller prefers {wish!r}"
            if wish not in self.prefer:
                text += ", which router option 'prefer' does not know: it is ignored"
            remarks.append(Reason("prefer", text))
        return remarks


def load(
    *,
    rules: tuple[Rule, ...] = (),
    routes: tuple[RouteSettings, ...] = (),
    metadata: tuple[str, ...] = (),
    default_route: str = "",
    require: tuple[str, ...] = (),
    ceiling: float | None = None,
    weights: dict[str, float] | None = None,
    prefer: dict[str, dict[str, float]] | None = None,
    escalation: dict[str, float] | None = None,
    hesitation: dict[str, float] | None = None,
    reply_tokens: int = 80,
    max_tokens: int = 400,
    complexity: str = "rules",
) -> RulesAndUtility:
    """The policy that reads `[[rules]]` and `[[routes]]`.

    Args:
        rules: `[[rules]]`; put in by the settings.
        routes: `[[routes]]`; put in by the settings.
        metadata: keys of the caller that rules may read without `caller.` before them; `["*"]`:
            any that is not a name of ours.
        default_route: taken where no rule is true; empty: the model that is worth most.
        require: tags that every model must have, as in `["eu"]`.
        ceiling: USD that a turn may cost, where the prices are known.
        weights: what counts how much, by the names in `Weights`.
        prefer: sets of weights by name; a caller whose metadata say `prefer: <name>` gets them.
        escalation: `enter`, `leave` and `decay` of frustration, as in `Escalation`.
        hesitation: `at` and `complexity`, as in `Hesitation`.
        reply_tokens: of a usual reply, for its price.
        max_tokens: of the longest reply, for the context window.
        complexity: `rules` (the score that is set by hand) or `learned` (the trained one, which
            tells the task as well), as in `thresholds.load`.

    Raises:
        ConfigError: names the option, or the rule and the place in it, and the choices.
    """
    listed = read_option(tuple[RouteSettings, ...], routes, "routes")
    keys = read_option(tuple[str, ...], metadata, "metadata")
    read = compiled(read_option(tuple[Rule, ...], rules, "rules"), keys)
    _check_strengths(read, listed)
    own = read_option(Weights, weights or {}, "weights")
    return RulesAndUtility(
        rules=read,
        ladders=Ladders(listed),
        default_route=read_option(str, default_route, "default_route"),
        limits=Limits(
            read_option(tuple[str, ...], require, "require"),
            read_option(Amount | None, ceiling, "ceiling"),
        ),
        weights=own,
        prefer=preferences(own, prefer or {}),
        escalation=hysteresis(escalation or {}),
        hesitation=read_option(Hesitation, hesitation or {}, "hesitation"),
        reply_tokens=read_option(Tokens, reply_tokens, "reply_tokens"),
        max_tokens=read_option(Tokens, max_tokens, "max_tokens"),
        reads=read_by(read),
        trained=trained(complexity),
    )


def _check_strengths(rules: Sequence[Compiled], routes: Sequence[RouteSettings]) -> None:
    for at, each in enumerate(rules):
        route = each.rule.route
        if each.hears and strength_of(route, routes) is None:
            msg = (
                f"rules[{at}] {each.rule.name!r} hears the voice, which may only raise a turn: "
                f"give route {route!r} a strength (0 is as fast, 1 as frontier) under [[routes]]"
            )
            raise ConfigError(msg)
