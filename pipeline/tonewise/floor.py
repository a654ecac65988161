"""Who has the floor: turn-taking as a table.

Time is counted in samples of caller audio, so the same recording gives the same turns at any speed.

    floor      signal      next floor  what it means
    LISTENING  ONSET       SPEAKING    the caller takes the floor: turn + 1
    SPEAKING   LULL        PAUSING     silence: to think, or done?
    PAUSING    SPEECH      SPEAKING    only to think
    PAUSING    PATIENCE    REPLYING    done: the turn is ours to answer
    SPEAKING   TOO_LONG    REPLYING    nobody listens for ever
    PAUSING    TOO_LONG    REPLYING
    SPEAKING   AUDIO_OVER  REPLYING    the recording ends in a turn
    PAUSING    AUDIO_OVER  REPLYING
    REPLYING   ONSET       OVERLAP     a sound over the reply, which falls silent
    OVERLAP    BARGE_IN    SPEAKING    it goes on: the caller takes the floor back, turn + 1
    OVERLAP    LULL        WEIGHING    it was short: what was it?
    WEIGHING   SPEECH      OVERLAP     there is more of it
    WEIGHING   MEANT       PAUSING     words for us: turn + 1, whose first pause has begun
    WEIGHING   NOT_MEANT   REPLYING    a cough, "mm-hm": the reply goes on
    WEIGHING   PATIENCE    REPLYING    nobody could tell in time
    REPLYING   MEANT       PAUSING     now it is known: it was words for us
    LISTENING  MEANT       PAUSING     the same, and the reply is over
    OVERLAP    MEANT       SPEAKING    the same, and the caller makes a sound again
    REPLYING   REPLY_OVER  LISTENING   only if it names the turn that is being answered

A pair that is not in the table changes nothing: a reply that ends late, for a turn that is no
longer being answered, cannot take the floor from anybody. A reply that ends under an overlap waits
with its end until that is settled.
"""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Annotated

import msgspec
from msgspec import Meta

from tonewise.events import (
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    TurnEnded,
)


@dataclass(frozen=True, slots=True)
class Hushed:
    """The voice in turn `turn` has just fallen: nobody is told, but words may be read already."""

    turn: int


@dataclass(frozen=True, slots=True)
class Lingered:
    """The silence in turn `turn` lasts: nobody outside is told, but what was said may be read."""

    turn: int


@dataclass(frozen=True, slots=True)
class Interjected:
    """A short sound over the reply to `turn` is over, and has to be weighed."""

    turn: int
    start_s: float
    end_s: float


FloorEvent = (
    SpeechStarted
    | SpeechPaused
    | SpeechResumed
    | TurnEnded
    | ReplyHeld
    | ReplyResumed
    | ReplyInterrupted
    | Hushed
    | Lingered
    | Interjected
)


class Floor(Enum):
    """What is going on between the two sides."""

    LISTENING = auto()
    SPEAKING = auto()
    PAUSING = auto()
    REPLYING = auto()
    OVERLAP = auto()
    WEIGHING = auto()


class Signal(Enum):
    """What can change that."""

    ONSET = auto()
    SPEECH = auto()
    LULL = auto()
    PATIENCE = auto()
    TOO_LONG = auto()
    AUDIO_OVER = auto()
    BARGE_IN = auto()
    MEANT = auto()
    NOT_MEANT = auto()
    REPLY_OVER = auto()


TABLE: dict[tuple[Floor, Signal], Floor] = {
    (Floor.LISTENING, Signal.ONSET): Floor.SPEAKING,
    (Floor.SPEAKING, Signal.LULL): Floor.PAUSING,
    (Floor.PAUSING, Signal.SPEECH): Floor.SPEAKING,
    (Floor.PAUSING, Signal.PATIENCE): Floor.REPLYING,
    (Floor.SPEAKING, Signal.TOO_LONG): Floor.REPLYING,
    (Floor.PAUSING, Signal.TOO_LONG): Floor.REPLYING,
    (Floor.SPEAKING, Signal.AUDIO_OVER): Floor.REPLYING,
    (Floor.PAUSING, Signal.AUDIO_OVER): Floor.REPLYING,
    (Floor.REPLYING, Signal.ONSET): Floor.OVERLAP,
    (Floor.OVERLAP, Signal.BARGE_IN): Floor.SPEAKING,
    (Floor.OVERLAP, Signal.LULL): Floor.WEIGHING,
    (Floor.WEIGHING, Signal.SPEECH): Floor.OVERLAP,
    (Floor.WEIGHING, Signal.MEANT): Floor.PAUSING,
    (Floor.WEIGHING, Signal.NOT_MEANT): Floor.REPLYING,
    (Floor.WEIGHING, Signal.PATIENCE): Floor.REPLYING,
    (Floor.REPLYING, Signal.MEANT): Floor.PAUSING,
    (Floor.LISTENING, Signal.MEANT): Floor.PAUSING,
    (Floor.OVERLAP, Signal.MEANT): Floor.SPEAKING,
    (Floor.REPLYING, Signal.REPLY_OVER): Floor.LISTENING,
}


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long is long enough, in seconds.

    Attributes:
        onset: speech that begins a turn; shorter sounds are coughs and clicks.
        hold: speech over a reply at which it falls silent, until it is known what that was. A
            single frame: to wait for two stops a sixth of all replies later than in 0.1 s, and
            spares little (2.0 needless holds a minute of noise against 1.5).
        barge_in: speech over a reply that takes the floor without being weighed; what is shorter
            may be a "mm-hm" (at most 0.6 s: ACOUSTICS, backchannels; VADs hear 0.1 s more) and is
            heard first. The reply is silent meanwhile.
        hush: silence at which STT begins to read what was said so far, on a live call: where the
            turn is over the words are then there as soon as that can be told.
        lull: silence that counts as a pause: what was said so far is read ahead.
        linger: silence at which it is read ahead even if the caller sounded unfinished.
        patience: silence that ends a turn of which nothing more is known; the endpoint engine
            shortens or lengthens it pause by pause.
        weigh: silence after a short sound over the reply, at which the reply goes on even though
            nobody could tell what the sound was; words that are known later end it all the same.
        longest_turn: after this the turn ends even if the caller speaks on.
        lead_in: sound kept from before the onset, so that no first consonant is lost.
        tail: sound kept from after the last speech.
    """

    onset: Annotated[float, Meta(gt=0, le=1)] = 0.1
    hold: Annotated[float, Meta(gt=0, le=1)] = 0.03
    barge_in: Annotated[float, Meta(gt=0, le=2)] = 0.6
    hush: Annotated[float, Meta(gt=0, le=2)] = 0.016
    lull: Annotated[float, Meta(gt=0, le=2)] = 0.1
    linger: Annotated[float, Meta(gt=0, le=2)] = 0.3
    patience: Annotated[float, Meta(gt=0, le=5)] = 0.7
    weigh: Annotated[float, Meta(gt=0, le=5)] = 1.2
    longest_turn: Annotated[float, Meta(ge=1, le=600)] = 60.0
    lead_in: Annotated[float, Meta(ge=0, le=2)] = 0.3
    tail: Annotated[float, Meta(ge=0, le=2)] = 0.2
