"""Writes expectations from what a replay gave."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tonewise.events import AnyEvent
from tonewise.recording import tables
from tonewise.replaying.expectations import (
    Expectations,
    ExpectedCall,
    ExpectedTurn,
    Range,
    cue,
    disappointments,
)
from tonewise.replaying.turn_log import TurnTaken, turns

MARGINS = {"hesitation": 0.1, "speech_s": 0.3}
"""The cues that are expected by themselves, and how far they may be off."""

SHARES = ("hesitation", "arousal", "valence", "frustration", "clipping", "quality")
"""Cues that no call can have more than 1 of."""

SLACK_S = 0.1
"""So much later a reply may come."""

_HEAD = """# What a replay of this call must give, written by `tonewise replay --update`.
# Another update keeps what still holds and replaces the rest.

"""


def updated(wanted: Expectations | None, events: Sequence[AnyEvent]) -> Expectations:
    """Expectations that the events meet; those that are met already stay as they are."""
    taken = turns(events)
    earlier = wanted.turns if wanted else ()
    failures = sum(len(turn.failures) for turn in taken)
    call = msgspec.structs.replace(
        wanted.call if wanted else ExpectedCall(), turns=len(taken), failures=failures
    )
    alone = Expectations(call=call)
    if any("order" in each.text for each in disappointments(alone, events)):
        call = msgspec.structs.replace(call, order=())
    slowest = max((turn.waited_s or 0.0 for turn in taken), default=0.0)
    if call.within_s is not None and slowest > call.within_s:
        call = msgspec.structs.replace(call, within_s=round(slowest + SLACK_S, 3))
    return Expectations(call, tuple(_turn(_earlier(earlier, turn), turn) for turn in taken))


def _earlier(among: Sequence[ExpectedTurn], turn: TurnTaken) -> ExpectedTurn | None:
    def overlap(expected: ExpectedTurn) -> float:
        return min(expected.at[1], turn.end_s) - max(expected.at[0], turn.start_s)

    best = max(among, key=overlap, default=None)
    return best if best and overlap(best) > 0 else None


def _turn(earlier: ExpectedTurn | None, turn: TurnTaken) -> ExpectedTurn:
    reply = turn.reply_text.lower()
    waited = turn.waited_s
    within = earlier.within_s if earlier else None
    if within is None or (waited or 0.0) > within:
        within = None if waited is None else round(waited + SLACK_S, 3)
    parts = earlier.reply_contains if earlier else ()
    return ExpectedTurn(
        at=(turn.start_s, turn.end_s),
        route=turn.route,
        said=turn.said,
        wer=earlier.wer if earlier else 0.2,
        reply_contains=tuple(part for part in parts if part.lower() in reply),
        within_s=within,
        cues=_cues(earlier, turn),
        reasons=turn.reasons,
    )


def _cues(earlier: ExpectedTurn | None, turn: TurnTaken) -> dict[str, Range]:
    kept = dict(earlier.cues) if earlier else dict.fromkeys(MARGINS, (1.0, 0.0))
    ranges: dict[str, Range] = {}
    for name, (low, high) in kept.items():
        value = cue(turn.cues, name)
        if value is None:
            continue
        margin = MARGINS.get(name, max(abs(value) * 0.1, 0.05))
        least = 0.0 if name in MARGINS else value - margin
        most = 1.0 if name in SHARES else value + margin
        new = (round(max(value - margin, least), 3), round(min(value + margin, most), 3))
        ranges[name] = (low, high) if low <= value <= high else new
    return ranges


def write(path: Path, wanted: Expectations) -> None:
    """Write a file of expectations."""
    table: dict[str, Any] = msgspec.to_builtins(wanted)
    table["call"] = {key: value for key, value in table["call"].items() if value not in (None, ())}
    table["turns"] = [_plain(turn) for turn in table["turns"]]
    path.write_text(_HEAD + tables.written(table), encoding="utf-8")


def _plain(turn: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in turn.items() if value not in (None, (), [], {})}
