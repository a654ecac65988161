"""The trace of an API request: its span, and in it those of its decision.

POST /v1/chat/completions ─┬─ routing    from the request's arrival to the decision
                           └─ attempt    one for each try at a model
"""

import time
from collections.abc import Iterable

from tonewise.facts import Scalar
from tonewise.observing.spans import Give, Span, known, new_span
from tonewise.observing.stage_facts import of_attempt, of_plan
from tonewise.records import Decided, Replied, Tried

Noted = tuple[Decided | Tried | Replied, int]
"""A record, and when it came, in nanoseconds since 1970."""


class RequestTrace:
    """One request's, from its arrival to the end of the answer.

    Args:
        give: takes the spans.
        trace: its identifier.
        parent: the span of whoever asks; 0: unknown.
    """

    def __init__(self, give: Give, trace: int, parent: int) -> None:
        self._give, self._trace, self._parent = give, trace, parent
        self._number = new_span()
        self._began_ns = time.time_ns()

    def end(self, name: str, facts: dict[str, Scalar], failed: str, noted: Iterable[Noted]) -> None:
        """The answer is over.

        Args:
            name: of the request's span, as in `POST /v1/messages`.
            facts: what is known of it.
            failed: why it failed; empty: it did not.
            noted: the records of its decision.
        """
        spans: list[Span] = []
        for record, at_ns in noted:
            match record:
                case Decided():
                    told = of_plan(record.plan)
                    facts |= told | known(tonewise__router=record.router)
                    spans.append(
                        Span(
                            self._trace,
                            new_span(),
                            self._number,
                            "routing",
                            self._began_ns,
                            at_ns,
                            told,
                        )
                    )
                case Tried():
                    spans.append(of_attempt(record, at_ns, self._trace, self._number))
                case Replied():
                    facts |= known(
                        tonewise__outcome=record.outcome,
                        tonewise__model=record.model or None,
                        tonewise__first_token_ms=record.first_token_ms,
                    )
        began_ns, now_ns = self._began_ns, time.time_ns()
        own = Span(
            self._trace,
            self._number,
            self._parent,
            name,
            began_ns,
            now_ns,
            facts,
            failed,
            "server",
        )
        self._give([*spans, own])
