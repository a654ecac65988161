"""The plain WebSocket protocol, without the socket: PCM in, JSON events and PCM out.

    WS /call

    from the caller                           meaning
    {"type": "start", …}                      optional, the first message; see below
    binary                                    16-bit signed little-endian mono PCM, at `rate`; a
                                              message may end anywhere, even inside a sample
    {"type": "played", "turn": 3}             your device has played the reply to turn 3 to its end;
                                              with "upto_s": 1.5, so many seconds of it
    {"type": "press", "digit": "5"}           a key: one of 0 to 9, *, #, A to D
    {"type": "emotion", "on": false}          do not read feelings in the voice from now on
    {"type": "tune", …}                       wishes for this call from now on, see below; the
                                              answer is the event `call_tuned` or `request_refused`
    {"type": "feedback", "turn": 3,           what the caller thinks of the reply to turn 3, from 0,
     "score": 1, "label": "resolved"}         bad, to 1, good; the label may be absent. Answered by
                                              `feedback_given` or `request_refused`
    {"type": "stop"}                          hang up; what is not answered yet is not answered

    start: key      default   value
    rate            16000     8000 to 48000, samples per second of the binary messages
    language        unknown   what is spoken: ISO 639-1, as in "en"
    caller          {}        what the router may know of the caller: at most 32 keys and 4096
                              bytes of JSON; each value a text, a number, true or false
    speech          false     send the replies as sound, too
    notice_shown    false     you have shown the caller the notice (`[emotion]`): do not say it
    token           none      where the server asks for one that no `Authorization: Bearer` brings

    tune: key       default   value; each message takes the place of the one before
    weights         {}        of `quality`, `cost`, `latency` …: 0 to 1000, by the router's names
    patience        1         0.25 to 4 times as long as usual a silence may last in a turn
    only            all       names of the models that may answer

    to the caller                             meaning
    {"event": "call_started", …}              one event of the call per text message, in the order
    {"event": "turn_routed", …}               in which they happened; `events.py` lists them all
    {"event": "call_ended", "reason": …}      always the last
    binary                                    with `speech`: the reply's sound when it is due, as
                                              16-bit PCM at 16000 a second; at `reply_held` and
                                              `reply_interrupted` throw away what is not played yet

    close code   why
    1000         the call is over: you said stop, or it reached its longest time
    1001         the server stops
    1003         a message of a type that is not in this table
    1007         not JSON, or JSON with a wrong key or value
    1008         a wrong token; `start` in the middle of a call; no message for too long while we
                 say nothing either; events that nobody reads
    1009         a message too big
    1011         the server failed
    1013         too many calls: try again later

The close frame's reason says in words what was wrong and what would be right. Send audio as it is
spoken: what runs far ahead of real time is read no faster than real time. Who stops sending has
stopped speaking: from 0.4 s after all that was sent would have been spoken, silence is heard.
"""

from typing import Annotated, assert_never

import msgspec
from msgspec import Meta

from tonewise.audio import RATE, Resampler, from_pcm16
from tonewise.errors import WireError
from tonewise.facts import Scalar
from tonewise.peer import (
    EmotionSwitched,
    Heard,
    HungUp,
    Inbound,
    Misasked,
    Played,
    Pressed,
    Rated,
    Tuned,
    Wish,
)
from tonewise.tuning import Names, Times, Tuning, Weights

UNSUPPORTED, INVALID, POLICY, TOO_BIG, TRY_LATER = 1003, 1007, 1008, 1009, 1013
"""Close codes of RFC 6455 §7.4.1 and its registry."""

MOST_TEXT = 8192
"""Characters of a text message."""

MOST_CALLER = 4096
"""Bytes of `caller` as JSON."""

WHOLE_UNTIL = 2**53
"""Beyond this a whole number is not the same number in every JSON reader."""

Key = Annotated[str, Meta(min_length=1, max_length=64)]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """A text message from the caller."""


class Start(Message, frozen=True, tag="start"):
    """How the audio is sampled, and what is known of the caller."""

    rate: Annotated[int, Meta(ge=8_000, le=48_000)] = RATE
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z")] | None = None
    caller: Annotated[dict[Key, Scalar], Meta(max_length=32)] = {}
    speech: bool = False
    notice_shown: bool = False
    token: str | None = None


class ReplyPlayed(Message, frozen=True, tag="played"):
    """The reply to `turn` has been played, to its end or so many seconds of it."""

    turn: Annotated[int, Meta(ge=0, le=1_000_000)]
    upto_s: Annotated[float, Meta(ge=0, le=86_400)] | None = None


class KeyPressed(Message, frozen=True, tag="press"):
    """A key of a telephone."""

    digit: Annotated[str, Meta(pattern=r"^[0-9*#A-D]\Z")]


class Emotion(Message, frozen=True, tag="emotion"):
    """May feelings be read in the voice?"""

    on: bool


class Tune(Message, frozen=True, tag="tune"):
    """Wishes for this call, in place of those before."""

    weights: Weights = {}
    patience: Times = 1.0
    only: Names = ()


class Feedback(Message, frozen=True, tag="feedback"):
    """What the caller thinks of the reply to `turn`."""

    turn: Annotated[int, Meta(ge=1, le=1_000_000)]
    score: Annotated[float, Meta(ge=0, le=1)]
    label: Annotated[str, Meta(max_length=64)] = ""


class Stop(Message, frozen=True, tag="stop"):
    """The caller hangs up."""


Said = Start | ReplyPlayed | KeyPressed | Emotion | Tune | Feedback | Stop

_decoder: msgspec.json.Decoder[Said] = msgspec.json.Decoder(Said)


class PlainWire:
    """One caller's side of the protocol.

    Args:
        max_message: bytes of one message.
    """

    def __init__(self, max_message: int = 65_536) -> None:
        self._max_message = max_message
        self._resampler = Resampler(RATE)
        self._half = b""  # the first byte of a sample whose second is still to come

    def begin(self, message: str | bytes) -> tuple[Start, Inbound | None]:
        """Read the first message: `start`, or anything else after an implied one.

        Raises:
            WireError: as `read` does.
        """
        first = _decoded(message) if isinstance(message, str) else None
        start = first if isinstance(first, Start) else Start()
        self._resampler = Resampler(start.rate)
        return start, None if first is start else self.read(message)

    def read(self, message: str | bytes) -> Inbound:
        """What a message says; sound of any rate comes out at 16 kHz.

        Raises:
            WireError: it is none of ours; `close_code` tells in which way.
        """
        if isinstance(message, bytes):
            return Heard(self._resampler.push(from_pcm16(self._whole_samples(message))))
        match _decoded(message):
            case Start():
                raise WireError("start must be the first message of a call", POLICY)
            case ReplyPlayed(turn, upto_s):
                return Played(turn, upto_s)
            case KeyPressed(digit):
                return Pressed(digit)
            case Emotion(on):
                return EmotionSwitched(on)
            case Tune() | Feedback() | Misasked() as asked:
                return _wish(asked)
            case Stop():
                return HungUp("hung up")
            case other:
                assert_never(other)

    def _whole_samples(self, message: bytes) -> bytes:
        if len(message) > self._max_message:
            text = f"{len(message)} bytes in one message; send at most {self._max_message}"
            raise WireError(text, TOO_BIG)
        data = self._half + message
        whole = len(data) // 2 * 2
        self._half = data[whole:]
        return data[:whole]


def _wish(asked: Tune | Feedback | Misasked) -> Wish:
    match asked:
        case Tune(weights, patience, only):
            return Tuned(Tuning(weights, patience, only))
        case Feedback(turn, score, label):
            return Rated(turn, score, label)
    return asked


def _decoded(text: str) -> Said | Misasked:
    if len(text) > MOST_TEXT:
        msg = f"{len(text)} characters of text in one message; send at most {MOST_TEXT}"
        raise WireError(msg, TOO_BIG)
    try:
        message = _decoder.decode(text)
    except msgspec.ValidationError as error:
        wrong = _wrong(error)
        match _kind(text):
            case "tune" | "feedback" as request:  # a slip in a wish ends no call
                return Misasked(request, str(wrong))
        raise wrong from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise WireError('this text is not JSON; send it like {"type":"stop"}', INVALID) from error
    if isinstance(message, Start):
        check_caller(message.caller)
    return message


def _kind(text: str) -> object:
    """The type of a message of which something else is wrong."""
    try:
        message = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None
    return message.get("type") if isinstance(message, dict) else None


def _wrong(error: msgspec.ValidationError) -> WireError:
    what, _, where = str(error).partition(" - at `$.")
    if where.startswith("type") or "field `type`" in what:
        return WireError(
            "no such message type; choose start, played, press, emotion, tune, feedback or stop",
            UNSUPPORTED,
        )
    place = f"{where.rstrip('`')}: " if where else ""
    return WireError(f"{place}{what[:1].lower()}{what[1:]}", INVALID)


def check_caller(caller: dict[str, Scalar]) -> None:
    """Is it short enough, and are its numbers numbers to everyone?

    Raises:
        WireError: it is not.
    """
    for key, value in caller.items():
        if isinstance(value, int) and abs(value) > WHOLE_UNTIL:
            raise WireError(f"caller.{key}: whole numbers go up to {WHOLE_UNTIL}", INVALID)
    size = len(msgspec.json.encode(caller))
    if size > MOST_CALLER:
        raise WireError(f"caller: {size} bytes of JSON; send at most {MOST_CALLER}", INVALID)
