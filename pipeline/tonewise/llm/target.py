"""A model to try, and the record of a try."""

from dataclasses import dataclass, field
from typing import get_args

from tonewise.errors import Outcome
from tonewise.llm.breaker import Breaker
from tonewise.plan import ModelFacts
from tonewise.stages import LlmEngine

COLD_AFTER_S = 300.0
"""A model that has not answered for so long is cold: Ollama unloads a model after five minutes."""

_CHARACTERS_PER_TOKEN = 4  # in English, by OpenAI's rule of thumb; only ratios are made of it
_USUAL_REPLY = 80  # tokens: three spoken sentences

_OF_THE_REQUEST: frozenset[Outcome] = frozenset({"bad_request", "too_long", "content_filtered"})
"""Faults of what was asked: they say nothing against the model."""

IN_WORDS: dict[Outcome, str] = {
    "answered": "answered",
    "rate_limited": "was busy",
    "refused": "refused",
    "bad_request": "could not take the request",
    "too_long": "cannot hold the conversation",
    "content_filtered": "filtered the reply out",
    "upstream_error": "had an error",
    "unreachable": "could not be reached",
    "timed_out": "did not answer in time",
    "no_first_token": "said nothing in time",
    "garbled": "answered with what is no reply",
    "cut_short": "broke off",
    "cancelled": "was cancelled",
    "lost": "was slower than the next one",
    "skipped": "was not asked",
}
assert set(IN_WORDS) == set(get_args(Outcome))  # noqa: S101 - a new outcome needs its words


@dataclass(frozen=True, slots=True)
class Target:
    """A model to try, and how long to bear with it.

    Attributes:
        name: as the plan names it.
        engine: what streams its replies.
        first_token_s: most seconds to the first useful text.
        total_s: most seconds spent waiting for this model, from first to last.
        stall_s: most seconds between one useful text and the next.
        cold_first_token_s: in place of `first_token_s` where the model has not answered for
            `COLD_AFTER_S`; None: the same.
        hedge_after_s: seconds without useful text after which the next model is asked beside this
            one; the first to speak has the floor. None: never.
        prefill: the API goes on from a request that ends with the model's own words.
        facts: prices and context window, where they are known.
        breaker: shared by all calls.
    """

    name: str
    engine: LlmEngine
    first_token_s: float = 4.0
    total_s: float = 60.0
    stall_s: float = 5.0
    cold_first_token_s: float | None = None
    hedge_after_s: float | None = None
    prefill: bool = False
    facts: ModelFacts = field(default_factory=ModelFacts)
    breaker: Breaker = field(default_factory=Breaker)

    def window_s(self, now: float) -> float:
        """Seconds to the first useful text for a try that begins now."""
        replied = self.breaker.replied_at
        cold = replied is None or now - replied > COLD_AFTER_S
        return self.cold_first_token_s or self.first_token_s if cold else self.first_token_s

    def cost(self, read: int | None, written: int | None) -> float | None:
        """USD for so many tokens; None where a price or a count is not known."""
        price_in, price_out = self.facts.price_in, self.facts.price_out
        if price_in is None or price_out is None or read is None or written is None:
            return None
        return round((read * price_in + written * price_out) / 1e6, 9)

    def estimate(self, characters: int) -> float | None:
        """USD for a usual reply to so much text, roughly; None where a price is not known."""
        return self.cost(characters // _CHARACTERS_PER_TOKEN + 1, _USUAL_REPLY)


def too_dear(target: Target, choice: Target | None, characters: int, ratio: float | None) -> str:
    """Why a model costs too much to stand in for another; empty where it does not.

    Args:
        target: who would stand in.
        choice: the plan's first; None: there is none.
        characters: of the request.
        ratio: times that it may cost as much, where both prices are known; None: any.
    """
    if ratio is None or choice is None or target is choice:
        return ""
    usual, dear = choice.estimate(characters), target.estimate(characters)
    if usual is None or dear is None or dear <= ratio * usual:
        return ""
    times = f"{dear / usual:.3g} times as much as" if usual else "more than"
    return f"it costs {times} {choice.name}, and {ratio:g} times is the most"


def tell_breaker(
    breaker: Breaker,
    now: float,
    outcome: Outcome,
    *,
    why: str | None = None,
    wait_s: float | None = None,
    spoke: bool = False,
    slow: bool = False,
) -> None:
    """How a try ended, for all who want to try the same model next.

    Args:
        breaker: the model's.
        now: the time.
        outcome: of the try.
        why: in words.
        wait_s: seconds that the provider asks us to wait.
        spoke: something useful came.
        slow: it let the time pass after which another model is asked beside it.
    """
    if outcome == "answered" or (outcome == "cancelled" and spoke):
        breaker.replied(now)
    elif outcome == "lost" and slow:
        breaker.failed(now, "too slow")  # or a model that never speaks is asked in every turn
    elif outcome in ("lost", "cancelled") or outcome in _OF_THE_REQUEST:
        breaker.gave_up()
    else:
        breaker.failed(now, why or outcome, wait_s)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The record of one try at one model, the `number`-th for its turn, from 1.

    Attributes:
        cost_usd: of the tokens that the provider counted; None where it did not, or has no price.
        continued: it was asked to go on from what another model had said.
        heard: words of it were given.
    """

    number: int
    model: str
    outcome: Outcome
    detail: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    first_token_ms: float | None = None
    total_ms: float = 0.0
    cost_usd: float | None = None
    continued: bool = False
    heard: bool = False

    def __str__(self) -> str:
        words = f"{self.model} {IN_WORDS[self.outcome]}"
        return f"{words} ({self.detail})" if self.detail else words
