"""How long a model has for a reply that passes through to a client."""

import math
from dataclasses import dataclass

from tonewise.llm.order import Order
from tonewise.llm.target import Target


@dataclass(frozen=True, slots=True)
class Step:
    """A model to ask now.

    Attributes:
        window_s: most seconds to its first useful piece.
        whole_s: most seconds to a reply that comes as a whole.
        stall_s: most seconds between two pieces.
    """

    target: Target
    window_s: float
    whole_s: float
    stall_s: float


def step_to(
    target: Target, order: Order, ttft_s: float | None, silence_s: float, now: float
) -> Step:
    """The step to the model that an order gave.

    Args:
        target: the model.
        order: that gave it.
        ttft_s: seconds to the first useful piece that the request allows a model, while there is
            another one to ask.
        silence_s: seconds without a word after which nobody is asked any more.
        now: the event loop's time.
    """
    left_s, whole_s = max(order.left_s, 0.0), target.total_s
    window_s = target.window_s(now)
    if not order.ahead:
        # A model that thinks long is better than none, and a long reply none the worse for it.
        window_s, whole_s = max(window_s, left_s), math.inf
    elif ttft_s is not None:
        window_s = ttft_s
    # Nobody can go on from what the client has read: a pause is better than half a reply.
    return Step(target, min(window_s, left_s), whole_s, max(target.stall_s, silence_s))
