"""What a turn cost beyond what the policy counted with.

The policy takes every reply to be as long as a usual one; some models write three times as much, or
think before they speak and ask money for that.
"""

from collections.abc import Mapping

from tonewise.plan import ModelFacts
from tonewise.records import Tried

USUAL_REPLY = 80
"""Tokens of a reply that `routing.policy` counts with unless told otherwise."""
KEPT = 0.98
"""Share of the mean length that is left after a try: the mean is over the latest fifty or so."""
MOST = 3.0
"""Times the dearest model's turn that one surprise may count."""

Written = tuple[float, float]
"""Fading sum of the tokens of a model's replies, and of the replies."""


class Prices:
    """Prices of models, and how much they write.

    Args:
        facts: by model.
        written: by model.
    """

    def __init__(self, facts: Mapping[str, ModelFacts], written: dict[str, Written]) -> None:
        self.facts = facts
        self.written = written

    def of(self, tried: Tried) -> tuple[float | None, float | None]:
        """What a try cost, and how much of it was not expected.

        Both as shares of what the dearest model would have taken for the turn; None where tokens
        or prices are not known.
        """
        facts, read, wrote = self.facts.get(tried.model), tried.input_tokens, tried.output_tokens
        if facts is None or read is None or wrote is None or read < 0 or wrote < 0:
            return None, None
        if tried.outcome == "answered":
            tokens, replies = self.written.get(tried.model, (0.0, 0.0))
            self.written[tried.model] = (tokens * KEPT + wrote, replies * KEPT + 1)
        due = _bill(facts, read, wrote)
        usual = _bill(facts, read, USUAL_REPLY)
        bills = [
            (_bill(each, read, self._length(name)), _bill(each, read, USUAL_REPLY))
            for name, each in self.facts.items()
        ]
        dearest = max((real for real, _ in bills if real), default=0.0)
        expected = max((usual for _, usual in bills if usual), default=0.0)
        if due is None or usual is None or not dearest or not expected:
            return None, None
        share = min(due / dearest, MOST)
        return share, share - usual / expected

    def _length(self, model: str) -> float:
        """Tokens of a model's replies; the usual ones count as five of them."""
        tokens, replies = self.written.get(model, (0.0, 0.0))
        return (tokens + 5 * USUAL_REPLY) / (replies + 5)


def _bill(facts: ModelFacts, read: float, wrote: float) -> float | None:
    if facts.price_in is None or facts.price_out is None:
        return None
    return read * facts.price_in + wrote * facts.price_out
