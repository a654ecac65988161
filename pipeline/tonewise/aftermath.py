"""What came of one decision of a call: how its reply went, and what the caller did next."""

from dataclasses import dataclass

from tonewise.records import Followed
from tonewise.routing.said_again import again, said
from tonewise.routing.thanks import takes_leave, thanks

RIGHT_AFTER_S = 5.0
"""Seconds of caller audio after a reply within which to hang up is an answer to it. Set by hand:
who stays longer has taken in what was said, and was not driven away by it."""


@dataclass(slots=True)
class Aftermath:
    """As far as it is known.

    Attributes:
        decision: its identifier.
        answered: the caller's words that it answers.
        before: frustration in them, in [0, 1]; None where it was not measured.
        streamed, sounded: of the reply something was written, something was heard.
        first_sound_ms: from the end of the turn to its first sound.
        interrupted: the caller took the floor while the reply was not over.
        over_at: second of the call at which the reply was over; None: it is not.
        given: something of it reached the caller; None while it is not over.
        next_words: what the caller said after it; None while nothing was decided after it.
        after: frustration in those.
        hung_up: the caller left over it.
    """

    decision: str
    answered: tuple[str, ...] = ()
    before: float | None = None
    streamed: bool = False
    sounded: bool = False
    first_sound_ms: float | None = None
    interrupted: bool = False
    over_at: float | None = None
    given: bool | None = None
    next_words: tuple[str, ...] | None = None
    after: float | None = None
    hung_up: bool = False

    @property
    def settled(self) -> bool:
        """Is all known?"""
        return self.over_at is not None and self.next_words is not None

    @property
    def talked_over(self) -> bool:
        """Was it the reply that the caller spoke over, and not the silence before it?"""
        heard = self.streamed if self.given is None else self.given
        return self.interrupted and (heard or self.sounded)

    def left(self, at: float, last_words: tuple[str, ...]) -> bool:
        """Is it an answer to this reply that the caller hangs up: soon, and without a farewell?

        Args:
            at: second of the call.
            last_words: what they said after it, and nobody answered.
        """
        soon = self.over_at is None or at - self.over_at <= RIGHT_AFTER_S
        words = (*self.answered, *last_words)
        return soon and not any(thanks(text) or takes_leave(text) for text in words)

    def followed(self, at: float) -> Followed:
        """The record of it, made at `at` on the wall clock."""
        words = self.next_words or ()
        return Followed(
            at=at,
            decision=self.decision,
            frustration=self.after,
            before=self.before,
            interrupted=self.talked_over,
            repeated=_says_again(words, self.answered),
            thanked=any(thanks(text) for text in words),
            hung_up=self.hung_up,
        )


def _says_again(words: tuple[str, ...], before: tuple[str, ...]) -> bool:
    """Do words say those before again, piece by piece or as a whole?"""
    earlier = [said(text) for text in {*before, " ".join(before)} if text]
    now = [said(text) for text in {*words, " ".join(words)} if text]
    return any(again(one, other) for one in now for other in earlier)
