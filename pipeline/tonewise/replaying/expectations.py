"""What a replay must give: `expect.toml` beside a call.

    [call]
    turns = 2
    said = "Where is my order? Thanks."   # all of it, and how many word errors per word
    wer = 0.2
    within_s = 1.0                    # from the end of speech to the reply, on the call's clock
    order = ["turn_routed", "reply_ended", "call_ended"]

    [[turns]]
    at = [0.99, 4.29]                 # where the turn is, in seconds; numbers may change
    route = "fast"
    said = "Where is my order?"
    wer = 0.2                         # most word errors per word
    reply_contains = ["order"]
    cues = { hesitation = [0.0, 0.3] }
    reasons = ["complexity 0.30 < 0.50"]   # as they were: shown when the route changes

Whatever is not written is not checked.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from tonewise.errors import RecordingError
from tonewise.events import AnyEvent
from tonewise.facts import VoiceCues
from tonewise.recording import tables
from tonewise.replaying.turn_log import TurnTaken, same_turn, turns
from tonewise.replaying.words import word_errors

FILE = "expect.toml"

Seconds = Annotated[float, Meta(ge=0)]
Range = tuple[float, float]

CUES = (
    *(
        field.name
        for field in msgspec.structs.fields(VoiceCues)
        if field.type in (float, float | None, int | None)
    ),
    *("pauses", "longest_pause_s", "pause_ratio"),
)
"""The cues that are one number."""

EVENTS = tuple(kind.__struct_config__.tag for kind in get_args(AnyEvent))


class ExpectedTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is expected of the turn that lies at these seconds."""

    at: tuple[Seconds, Seconds]
    route: str | None = None
    said: str | None = None
    wer: Annotated[float, Meta(ge=0)] = 0.2
    reply_contains: tuple[str, ...] = ()
    within_s: Seconds | None = None
    cues: dict[str, Range] = {}
    reasons: tuple[str, ...] = ()


class ExpectedCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is expected of the whole call."""

    turns: int | None = None
    said: str | None = None
    wer: Annotated[float, Meta(ge=0)] = 0.2
    within_s: Seconds | None = None
    order: tuple[str, ...] = ()
    failures: Annotated[int, Meta(ge=0)] = 0


class Expectations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of them. Stages that fail are expected nowhere, unless `failures` says so."""

    call: ExpectedCall = ExpectedCall()
    turns: tuple[ExpectedTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class Disappointment:
    """An expectation that was not met. `turn` is None where it is one of the whole call."""

    text: str
    turn: TurnTaken | None = None
    before: tuple[str, ...] = ()


def read(path: Path) -> Expectations:
    """Expectations.

    Raises:
        RecordingError: the message names the file and the line.
    """
    wanted = tables.read(path, Expectations)
    for keys, wrong in _mistakes(wanted):
        line = tables.line_of(path.read_text(encoding="utf-8-sig"), keys)
        raise RecordingError(f"{path}:{line}: {wrong}")
    return wanted


def _mistakes(wanted: Expectations) -> Iterator[tuple[tables.Keys, str]]:
    for name in wanted.call.order:
        if name not in EVENTS:
            known = ", ".join(EVENTS)
            yield ("call", "order"), f"there is no event {name!r}; there are: {known}"
    for number, turn in enumerate(wanted.turns):
        for name, (low, high) in turn.cues.items():
            where = ("turns", number, "cues", name)
            if name not in CUES:
                yield where, f"there is no cue {name!r}; there are: {', '.join(CUES)}"
            elif low > high:
                yield where, f"{name}: no number is above {low} and below {high}"


def disappointments(wanted: Expectations, events: Sequence[AnyEvent]) -> list[Disappointment]:
    """All that is not as it was expected, in the order of the call."""
    taken = turns(events)
    found = list(_of_call(wanted.call, taken, events))
    for expected in wanted.turns:
        turn = same_turn(taken, *expected.at)
        if turn is None:
            span = f"{expected.at[0]:.2f} to {expected.at[1]:.2f} s"
            text = f"no turn was heard at {span}, where “{expected.said or '…'}” was expected"
            found.append(Disappointment(text))
        else:
            texts = _of_turn(expected, turn)
            found += [Disappointment(text, turn, expected.reasons) for text in texts]
    return found


def _of_call(
    wanted: ExpectedCall, taken: Sequence[TurnTaken], events: Sequence[AnyEvent]
) -> Iterator[Disappointment]:
    if wanted.turns is not None and len(taken) != wanted.turns:
        yield Disappointment(f"{len(taken)} turns, expected {wanted.turns}")
    heard = " ".join(turn.said for turn in taken)
    if wanted.said is not None and (wer := word_errors(wanted.said, heard)) > wanted.wer:
        yield Disappointment(f"WER {wer:.0%} of the whole call, expected at most {wanted.wer:.0%}")
    for turn in taken:
        if wanted.within_s is not None and (turn.waited_s or 0.0) > wanted.within_s:
            text = f"replied after {turn.waited_s} s, expected within {wanted.within_s} s"
            yield Disappointment(text, turn)
    failures = [(turn, failure) for turn in taken for failure in turn.failures]
    if len(failures) > wanted.failures:
        for turn, failure in failures:
            yield Disappointment(f"failed: {failure}", turn)
    happened = iter(event.__struct_config__.tag for event in events)
    for name in wanted.order:
        if name not in happened:  # the iterator goes on from the one before
            yield Disappointment(f"{name} did not happen where it was expected in the order")
            return


def _of_turn(wanted: ExpectedTurn, turn: TurnTaken) -> Iterator[str]:
    if wanted.route is not None and turn.route != wanted.route:
        yield f"route {turn.route or 'none'}, expected {wanted.route}"
    if wanted.said is not None and (wer := word_errors(wanted.said, turn.said)) > wanted.wer:
        yield f"WER {wer:.0%}, expected at most {wanted.wer:.0%}, of “{wanted.said}”"
    for part in wanted.reply_contains:
        if part.lower() not in turn.reply_text.lower():
            yield f"the reply does not hold “{part}”: “{turn.reply_text}”"
    if wanted.within_s is not None and (turn.waited_s or 0.0) > wanted.within_s:
        yield f"replied after {turn.waited_s} s, expected within {wanted.within_s} s"
    for name, (low, high) in wanted.cues.items():
        value = cue(turn.cues, name)
        if value is None:
            yield f"{name} was not measured, expected {low} to {high}"
        elif not low <= value <= high:
            yield f"{name} {value:.4g}, expected {low} to {high}"


def cue(cues: VoiceCues | None, name: str) -> float | None:
    """A cue by its name; None where it was not measured."""
    if cues is None:
        return None
    if name in ("pauses", "longest_pause_s", "pause_ratio"):
        field = {"pauses": "count", "longest_pause_s": "longest_s", "pause_ratio": "ratio"}[name]
        return getattr(cues.pauses, field) if cues.pauses else None
    value: float | None = getattr(cues, name)
    return value


def told(found: Sequence[Disappointment]) -> str:
    """For a person: the turn, what was heard, and the reasons before and after."""
    lines: list[str] = []
    shown: set[int] = set()
    for each in found:
        turn = each.turn
        if turn and turn.number not in shown:
            shown.add(turn.number)
            lines += [f"turn {turn.number}  {turn.start_s:.2f} to {turn.end_s:.2f} s"]
            lines += [f"  heard   “{turn.said}”"]
        lines.append(f"  {'FAILED'}  {each.text}" if turn else f"FAILED  {each.text}")
        if turn and each.text.startswith("route "):
            lines += [f"  before  {reason}" for reason in each.before]
            lines += [f"  now     {reason}" for reason in turn.reasons]
    return "\n".join(lines)
