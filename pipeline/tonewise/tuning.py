"""What a caller, or an API request, wishes for itself: this call only, from the next turn on."""

from typing import Annotated

from msgspec import Meta

from tonewise.facts import Fact

Weight = Annotated[float, Meta(ge=0, le=1000)]
Weights = Annotated[
    dict[Annotated[str, Meta(min_length=1, max_length=32)], Weight], Meta(max_length=16)
]
Times = Annotated[float, Meta(ge=0.25, le=4)]
Names = Annotated[tuple[Annotated[str, Meta(max_length=256)], ...], Meta(max_length=64)]


class Tuning(Fact, frozen=True):
    """Wishes for one call or request; empty wishes nothing.

    Attributes:
        weights: of `quality`, `cost`, `latency` …, by the names in `routing.utility.Weights`; they
            win over the deployment's.
        patience: times as long as usual a silence may last before it ends the turn.
        only: models that may answer; empty: all.
    """

    weights: Weights = {}  # noqa: RUF012 - msgspec makes one for each
    patience: Times = 1.0
    only: Names = ()
