"""Masks digits and e-mail addresses in what is kept of a call."""

import re
from collections.abc import Iterator

from msgspec.structs import replace

from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    CallStarted,
    KeyPressed,
    ReplyEnded,
    ReplyStreamed,
    StageFailed,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Scalar, Transcript, Word
from tonewise.plan import Plan

MASK = "#"

_NUMERAL = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
_DIGIT = re.compile(r"\d")
_SPELLED = re.compile(
    rf"\b(?:{_NUMERAL})(?:[\s,.\-]+(?:and[\s,]+)?(?:{_NUMERAL}|{MASK}+)){{2,}}\b", re.IGNORECASE
)
"""Three digits or more, spelled out: a telephone number or a code. "One or two" is not one."""

_EMAIL = re.compile(
    r"[\w.+\-]+\s?@\s?[\w\-]+(?:\.[\w\-]+)*"  # as written
    r"|\b[\w+\-]+(?:\s+(?:dot|period|underscore|dash)\s+[\w+\-]+)*\s+at\s+[\w\-]+"
    r"(?:\s+(?:dot|period)\s+[\w\-]+)+\b",  # as spoken: jane dot doe at example dot com
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"\d(?:[\s\-./]?\d){3,}")
"""In our own prose, where "0.30 < 0.50" tells nothing of a person."""


def spans(text: str, what: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where in a text something is to be masked, from and to, in order."""
    patterns = [_EMAIL] if "emails" in what else []
    patterns += [_DIGIT, _SPELLED] if "digits" in what else []
    found = sorted(match.span() for pattern in patterns for match in pattern.finditer(text))
    joined: list[tuple[int, int]] = []
    for begin, end in found:
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined


def masked(text: str, what: tuple[str, ...]) -> str:
    """A text in which every masked character is a `#`; spaces stay, so that words stay words."""
    for begin, end in spans(text, what):
        text = text[:begin] + re.sub(r"\S", MASK, text[begin:end]) + text[end:]
    return text


def masked_words(words: tuple[Word, ...], what: tuple[str, ...]) -> tuple[Word, ...]:
    """The words of a transcript, masked as in the text that they make together."""
    joined = " ".join(word.text.strip() for word in words)
    kept, begin = masked(joined, what), 0
    told = []
    for word in words:
        length = len(word.text.strip())
        told.append(replace(word, text=kept[begin : begin + length]))
        begin += length + 1
    return tuple(told)


def hidden_times(transcript: Transcript, what: tuple[str, ...]) -> list[tuple[float, float]] | None:
    """From and to, in seconds of the turn's audio, what must not be heard.

    None where something must be hidden and it is not known when it was said.
    """
    if not spans(transcript.text, what):
        return []
    told = masked_words(transcript.words, what)
    pairs = zip(transcript.words, told, strict=True)
    times = [(word.start_s, word.end_s) for word, shown in pairs if shown.text != word.text.strip()]
    return times or None


def redacted(event: AnyEvent, what: tuple[str, ...]) -> Iterator[AnyEvent]:
    """An event as it may be kept.

    A reply's pieces are not kept, for an address may be split between two of them: its end holds
    all of its words. Nor are keys, where digits are masked: a code is typed as often as spoken.
    """
    if not what:
        yield event
        return
    match event:
        case ReplyStreamed():
            return
        case KeyPressed() if "digits" in what:
            return
        case TurnTranscribed(transcript=said):
            words = masked_words(said.words, what)
            hidden = replace(said, text=masked(said.text, what), words=words)
            yield replace(event, transcript=hidden)
        case ReplyEnded(text=text, unspoken=unspoken):
            yield replace(event, text=masked(text, what), unspoken=masked(unspoken, what))
        case TurnRouted(plan=plan, shadow=shadow):
            told = masked_plan(plan, what)
            yield replace(event, plan=told, shadow=masked_plan(shadow, what) if shadow else None)
        case CallStarted(caller=caller):
            yield replace(event, caller={key: _known(value, what) for key, value in caller.items()})
        case StageFailed(error=error):
            yield replace(event, error=_prose(error, what))
        case AttemptEnded(detail=str(detail)):
            yield replace(event, detail=_prose(detail, what))
        case _:
            shown = getattr(event, "text", None)  # whatever else comes to tell of what was said
            yield replace(event, text=masked(shown, what)) if isinstance(shown, str) else event


def _known(value: Scalar, what: tuple[str, ...]) -> Scalar:
    """What is known of the caller: a long number is a telephone's or a customer's."""
    if isinstance(value, str):
        return masked(value, what)
    is_long = not isinstance(value, bool) and abs(value) >= 1000
    return masked(str(value), what) if is_long else value


def masked_plan(plan: Plan, what: tuple[str, ...]) -> Plan:
    """A plan that quotes no long number: not in its reasons, nor why a rule was skipped."""
    reasons = tuple(replace(reason, text=_prose(reason.text, what)) for reason in plan.reasons)
    skipped = tuple(replace(each, why=_prose(each.why, what)) for each in plan.skipped)
    return replace(plan, reasons=reasons, skipped=skipped)


def _prose(text: str, what: tuple[str, ...]) -> str:
    if "digits" in what:
        text = _LONG_NUMBER.sub(lambda found: re.sub(r"\d", MASK, found[0]), text)
    return masked(text, ("emails",)) if "emails" in what else text
