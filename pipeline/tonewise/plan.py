"""What is decided for a turn, and what it is decided on: plans, reasons, models and circumstances.

Immutable, and in JSON as they are written here. A value that is None is absent from the JSON.
"""

from typing import Annotated

from msgspec import Meta

from tonewise.facts import Fact, Route, Term

Amount = Annotated[float, Meta(ge=0, le=1_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]


class ModelFacts(Fact, frozen=True, kw_only=True):
    """What is known of a model, whoever provides it. What is not known is absent.

    Attributes:
        price_in, price_out: USD per million tokens read and written.
        price_cached: USD per million tokens that the provider has read before in this call and
            still keeps (its prompt cache); None where it keeps nothing.
        context_window: tokens that a request and its reply may hold.
        languages: that it speaks well (ISO 639-1); empty: any.
        tags: what a constraint may ask for, as in `local`, `eu`, `zdr` (zero data retention).
        energy: watt-hours per 1000 tokens, read or written.
        quality: share of turns of middling complexity that it answers well, in [0, 1]; or by task,
            with `default` for the tasks that are not named.
        latency: seconds that it usually takes to its first token.
    """

    price_in: Amount | None = None
    price_out: Amount | None = None
    price_cached: Amount | None = None
    context_window: Annotated[int, Meta(ge=1)] | None = None
    languages: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    energy: Amount | None = None
    quality: Share | dict[str, Share] | None = None
    latency: Annotated[float, Meta(gt=0, le=600)] | None = None


class Reason(Fact, frozen=True):
    """Why a route was chosen: the signal, its value, and one sentence for a person."""

    signal: str
    text: str
    value: float | None = None
    threshold: float | None = None


class Exchange(Fact, frozen=True):
    """An earlier turn and its reply, as far as it was given.

    Attributes:
        model: who answered; empty where nobody did.
        frustration: as it was heard then, in [0, 1]; None where it was not measured.
        escalated: the turn went to a stronger route because of how the call went.
    """

    turn: int
    said: str
    replied: str
    route: str
    model: str = ""
    frustration: float | None = None
    escalated: bool = False


class Circumstances(Fact, frozen=True, kw_only=True):
    """What is known when a turn is routed, besides the turn itself. Absent is absent.

    Attributes:
        call: the call's identifier.
        wire: the wire that the call came on.
        at_s: seconds of caller audio since the call began.
        talk_over: did the turn begin over our reply?
        time: local time in ISO 8601, told by whoever has a clock.
        profile: of models by name, what was measured lately: `p50` and `p95` (seconds to the first
            token), `error_rate` in [0, 1], `cost` (USD per turn), `throughput` (tokens a second),
            `tries` (how many that is known from).
        budget: in USD, where there is one: `limit`, `spent`, `left`.
        learned: by model and task, how much better or worse than expected it did lately, in units
            of quality; `default` for the tasks that are not named.
        weights: that the caller's application asked for in this turn, by the names in `Weights`;
            they win over the deployment's.
        only: models that may answer, where the application named some; empty: all.
        tools: the turn belongs to a round of tool calls.
    """

    call: str = ""
    wire: str = ""
    at_s: float | None = None
    talk_over: bool | None = None
    time: str | None = None
    profile: dict[str, dict[str, float]] = {}  # noqa: RUF012 - msgspec makes one for each
    budget: dict[str, float] = {}  # noqa: RUF012
    learned: dict[str, dict[str, float]] = {}  # noqa: RUF012
    weights: dict[str, float] = {}  # noqa: RUF012
    only: tuple[str, ...] = ()
    tools: bool = False


class Score(Fact, frozen=True):
    """What speaks for and against a model in one turn.

    Attributes:
        utility: the sum of its contributions; None where the model is excluded.
        contributions: each with its value in the unit that the name tells.
        excluded_by: the constraint that keeps the model from answering, in words.
        reserve: it is for callers of another variant of its route, and answers this one only where
            those before it fail.
    """

    model: str
    route: Route
    utility: float | None = None
    contributions: tuple[Term, ...] = ()
    excluded_by: str | None = None
    reserve: bool = False


class Skipped(Fact, frozen=True):
    """A rule that could not be asked of this turn, and why: it did not match."""

    rule: str
    why: str


class Plan(Fact, frozen=True):
    """What the router decided for a turn.

    Attributes:
        route: the class of model that the turn deserves.
        models: names of the models to try, the first first.
        reasons: why, the deciding one first.
        complexity: in [0, 1]; `complexity_terms` says what it is made of.
        scores: of every model, the best first, where the policy weighs models.
        rule: the name of the rule that chose the route.
        skipped: rules that could not be asked.
        escalated: the route is stronger than the words alone would have earned, because of the
            caller's frustration in this turn or lately.
        frustration: in [0, 1], by the words and the voice; `frustration_terms` says what it is made
            of. None where nothing was said and nothing heard, or the policy does not ask.
        variant: which of the route's variants the caller gets, where it has any.
        task: what kind of work the turn asks for, where that is known.
        explored: the first model is tried to learn of it; the policy would have taken another.
    """

    route: Route
    models: tuple[str, ...]
    reasons: tuple[Reason, ...]
    complexity: float
    complexity_terms: tuple[Term, ...] = ()
    scores: tuple[Score, ...] = ()
    rule: str | None = None
    skipped: tuple[Skipped, ...] = ()
    escalated: bool = False
    frustration: float | None = None
    frustration_terms: tuple[Term, ...] = ()
    variant: str = ""
    task: str | None = None
    explored: bool = False
