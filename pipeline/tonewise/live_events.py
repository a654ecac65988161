"""Events that only a live call has: what is shown before its time, and what the page asked for.

They follow the conventions of `events.py`, which lists them among all others.
"""

from typing import Annotated, Literal

from msgspec import Meta

from tonewise.facts import Event, Transcript


class TurnPartlyTranscribed(Event, frozen=True):
    """What was said so far in a turn that goes on; what follows may correct it.

    It is told to the caller's page and to nobody else: it is in no recording.
    """

    turn: int
    transcript: Transcript


class CallTuned(Event, frozen=True):
    """From the next decision and the next pause on, the call goes by these wishes; see `Tuning`.

    Attributes:
        weights: all that were wished; the deployment's hold for the others.
        patience: times as long as usual a silence may last before it ends the turn.
        only: models that may answer; empty: all.
    """

    weights: dict[str, float] = {}  # noqa: RUF012 - msgspec makes one for each
    patience: float = 1.0
    only: tuple[str, ...] = ()


class FeedbackGiven(Event, frozen=True):
    """What the caller thinks of the reply to `turn`; a later one about it takes its place.

    Attributes:
        score: from 0, bad, to 1, good.
        label: a word of the application's own.
    """

    turn: int
    score: Annotated[float, Meta(ge=0, le=1)]
    label: str = ""


class RecordingBegan(Event, frozen=True):
    """This call is being recorded, as its caller asked.

    It is told to the caller's page and to nobody else.

    Attributes:
        link: where the recording can be fetched once the call is over, relative to the page.
        minutes: after the end of the call until the link leads nowhere.
    """

    link: str
    minutes: float


class RequestRefused(Event, frozen=True):
    """What the page asked for was not done; the call goes on as before.

    Attributes:
        problem: what was wrong and what would be right.
    """

    request: Literal["tune", "feedback"]
    problem: str


LiveEvent = TurnPartlyTranscribed | CallTuned | FeedbackGiven | RecordingBegan | RequestRefused
