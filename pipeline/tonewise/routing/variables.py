"""What a rule may read of a turn. What was not measured is absent, never zero.

voice    frustration (the voice's part alone) anger hesitation arousal valence confidence quality
         (all in [0, 1]) · trend (of turn.frustration, in [-1, 1]) · arousal_change, valence_change
         (from the caller's own usual, in standard deviations) · rate (syllables/s) · pauses,
         filled_pauses (their number) · longest_pause, filled_pause_s (s), pause_ratio
         · talk_over (began over our reply)
turn     text words language task complexity number repeats digits stt_confidence keys
         · frustration (words, voice and the call together: what escalates)
call     wire duration (s) escalations
caller   what the transport told; the keys of router option `metadata` at top level too
profile  by model: p50 p95 (s to the first token) error_rate cost
budget   limit spent left (USD)
time     hour (0–23) minute weekday (1 Monday – 7 Sunday)
messages the conversation, as a list of role and content
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tonewise.facts import Departure, Scalar, Transcript
from tonewise.plan import Exchange
from tonewise.routing import frustration
from tonewise.routing.cel_vocabulary import ANY, Many, RecordType, Type
from tonewise.routing.complexity import tokens
from tonewise.routing.small_talk import DIGIT_WORDS
from tonewise.stages import Turn

ALIKE = 0.65
"""Share of words that two turns have in common, of all in either, from which one repeats the
other. By hand: "so where is my order then" repeats "where is my order" (0.67); "where is my
refund" does not (0.60)."""
FEWEST = 3
"""Words; a shorter turn ("yes please") repeats nothing."""

_DOUBLES = (
    "frustration anger hesitation arousal valence confidence quality trend arousal_change "
    "valence_change rate longest_pause filled_pause_s pause_ratio"
)

PROFILE = ("p50", "p95", "error_rate", "cost", "throughput", "tries")
"""What may be known of a model; see `Circumstances.profile`."""

VARIABLES: dict[str, Type] = {
    "voice": RecordType(
        "voice",
        dict.fromkeys(_DOUBLES.split(), "double")
        | {"pauses": "int", "filled_pauses": "int", "talk_over": "bool"},
    ),
    "turn": RecordType(
        "turn",
        dict.fromkeys(("text", "language", "task", "keys"), "string")
        | dict.fromkeys(("words", "number", "repeats", "digits"), "int")
        | dict.fromkeys(("complexity", "stt_confidence", "frustration"), "double"),
    ),
    "call": RecordType("call", {"wire": "string", "duration": "double", "escalations": "int"}),
    "caller": Many(ANY, is_map=True),
    "profile": Many(
        RecordType("profile[…]", dict.fromkeys(PROFILE, "double")),
        is_map=True,
    ),
    "budget": RecordType("budget", dict.fromkeys(("limit", "spent", "left"), "double")),
    "time": RecordType("time", dict.fromkeys(("hour", "minute", "weekday"), "int")),
    "messages": Many(RecordType("messages[…]", {"role": "string", "content": "string"})),
}
"""Every variable that a rule may read, and its type."""

_DIGITS = frozenset(re.findall(r"\w+", DIGIT_WORDS))


def values(
    turn: Turn, complexity: float, task: str | None, needed: frozenset[str]
) -> dict[str, Any]:
    """The variables of a turn.

    Args:
        turn: the turn.
        complexity: its score in [0, 1].
        task: what kind of work it asks for, where that is known.
        needed: which of `VARIABLES` any rule reads, with their fields, and of the caller's keys.
    """
    caller = {key: _fitting(value) for key, value in turn.caller.items()}
    makers: dict[str, Callable[[], Any]] = {
        "voice": lambda: _voice(turn, needed),
        "turn": lambda: _turn(turn, complexity, task, needed),
        "call": lambda: _call(turn),
        "caller": lambda: caller,
        "profile": lambda: {name: _doubles(facts) for name, facts in turn.around.profile.items()},
        "budget": lambda: _doubles(turn.around.budget),
        "time": lambda: _time(turn.around.time),
        "messages": lambda: _messages(turn),
    }
    top = {key: value for key, value in caller.items() if key in needed}
    return top | {name: make() for name, make in makers.items() if name in needed}


def repeats(text: str, history: Sequence[Exchange]) -> int:
    """How many earlier turns of the caller this one says again, in much the same words."""
    said = frozenset(tokens(text))
    if len(said) < FEWEST:
        return 0
    earlier = (frozenset(tokens(past.said)) for past in history)
    return sum(len(said & words) >= ALIKE * len(said | words) for words in earlier)


def _voice(turn: Turn, needed: frozenset[str]) -> dict[str, Any]:
    cues = turn.cues
    if cues is None:
        return _present({"talk_over": turn.around.talk_over})
    emotion, departure = cues.emotion or {}, cues.departure or Departure()
    anger = next((emotion[name] for name in frustration.ANGRY if name in emotion), None)
    return _present(
        {
            "frustration": frustration.heard(cues),
            "anger": _finite(anger),
            "hesitation": _finite(cues.hesitation),
            "arousal": _finite(cues.arousal),
            "valence": _finite(cues.valence),
            "confidence": _finite(max(emotion.values())) if emotion else None,
            "quality": _finite(cues.quality),
            "trend": _trend(turn) if "voice.trend" in needed else None,
            "arousal_change": _finite(departure.arousal),
            "valence_change": _finite(departure.valence),
            "rate": _finite(cues.articulation_rate),
            "pauses": cues.pauses.count if cues.pauses else None,
            "longest_pause": _finite(cues.pauses.longest_s) if cues.pauses else None,
            "pause_ratio": _finite(cues.pauses.ratio) if cues.pauses else None,
            "filled_pauses": cues.filled_pauses,
            "filled_pause_s": _finite(cues.filled_pause_s),
            "talk_over": turn.around.talk_over,
        }
    )


def _trend(turn: Turn) -> float | None:
    """How much more frustration there is than there was in the mean of the earlier turns."""
    now, _ = frustration.of_turn(turn)
    before = [past.frustration for past in turn.history if past.frustration is not None]
    return now - math.fsum(before) / len(before) if now is not None and before else None


def _turn(
    turn: Turn, complexity: float, task: str | None, needed: frozenset[str]
) -> dict[str, Any]:
    text = turn.transcript.text
    # In the order of what they cost: the cheap ones are there whether they are read or not.
    known = {
        "text": text,
        "language": turn.transcript.language,
        "keys": turn.transcript.digits,
        "task": task,
        "complexity": complexity,
        "number": turn.number,
        "words": len(text.split()),
        "stt_confidence": _stt_confidence(turn.transcript),
    }
    if "turn.digits" in needed:
        spelled = sum(word in _DIGITS for word in tokens(text))
        known["digits"] = sum(map(str.isdigit, text)) + spelled
    if "turn.repeats" in needed:
        known["repeats"] = repeats(text, turn.history)
    if "turn.frustration" in needed:
        known["frustration"] = _finite(frustration.of_turn(turn)[0])
    return _present(known)


def _stt_confidence(transcript: Transcript) -> float | None:
    """The mean probability of a word, or the geometric mean of a token's."""
    known = [word.probability for word in transcript.words if word.probability is not None]
    if known:
        return math.fsum(known) / len(known)
    certain = _finite(transcript.log_probability)
    return None if certain is None else math.exp(min(certain, 0.0))


def _call(turn: Turn) -> dict[str, Any]:
    return _present(
        {
            "wire": turn.around.wire or None,
            "duration": _finite(turn.around.at_s),
            "escalations": sum(past.escalated for past in turn.history),
        }
    )


def _time(told: str | None) -> dict[str, int]:
    if told is None:
        return {}
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return {}
    return {"hour": moment.hour, "minute": moment.minute, "weekday": moment.isoweekday()}


def _messages(turn: Turn) -> list[dict[str, str]]:
    told = [
        {"role": role, "content": content}
        for past in turn.history
        for role, content in (("user", past.said), ("assistant", past.replied))
        if content
    ]
    return [*told, {"role": "user", "content": turn.transcript.text}]


def _present(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _doubles(given: Mapping[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in given.items() if math.isfinite(value)}


def _fitting(value: Scalar) -> Scalar:
    """A whole number that CEL cannot hold becomes one that it can."""
    return float(value) if isinstance(value, int) and abs(value) >= 2**63 else value


def _finite(value: float | None) -> float | None:
    """As a float: to CEL, 1 and 1.0 are of two types."""
    return None if value is None or not math.isfinite(value) else float(value)
