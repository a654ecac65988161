"""A call as one HTML file that opens from the disk: heard, seen and explained."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tonewise import __version__, assets, audio_file
from tonewise.events import AnyEvent, CallEnded, CallStarted
from tonewise.replaying.expectations import Disappointment, told
from tonewise.replaying.picture import Picture, picture
from tonewise.replaying.rehearsal import Source
from tonewise.replaying.turn_log import TurnTaken, turns

TEMPLATE = "report.html"
_DATA = "__CALL__"


def page(source: Source, events: Sequence[AnyEvent], failed: Sequence[Disappointment] = ()) -> str:
    """The whole page.

    Args:
        source: the call; its sound is embedded.
        events: of the run that is told of.
        failed: expectations that it did not meet.

    Raises:
        AudioError: its sound cannot be read.
    """
    drawn = picture(audio_file.blocks(source.sound, source.opened), source.caller_channel)
    began = next((event for event in events if isinstance(event, CallStarted)), None)
    ended = next((event for event in events if isinstance(event, CallEnded)), None)
    table = {
        "name": source.path.name,
        "tonewise": __version__,
        "engines": began.engines if began else {},
        "reason": ended.reason if ended else "it broke off",
        "failed": told(failed),
        "sound": _sound(drawn, source.caller_channel),
        "turns": [_turn(turn) for turn in turns(events)],
    }
    text = msgspec.json.encode(table).decode()
    safe = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    template = (assets.folder("web") / TEMPLATE).read_text(encoding="utf-8")
    return template.replace(_DATA, safe)


def _sound(drawn: Picture, caller: int) -> dict[str, Any]:
    bands, columns = drawn.spectrogram.shape
    return {
        "seconds": round(drawn.seconds, 3),
        "caller": min(caller, len(drawn.peaks) - 1),
        "peaks": [_text(channel) for channel in drawn.peaks],
        "spectrogram": {"bands": bands, "columns": columns, "data": _text(drawn.spectrogram)},
        "audio": f"data:{drawn.kind};base64,{base64.b64encode(drawn.audio).decode()}",
    }


def _text(values: NDArray[np.uint8]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _turn(turn: TurnTaken) -> dict[str, Any]:
    plan, cues = turn.plan, turn.cues
    return {
        "number": turn.number,
        "start_s": turn.start_s,
        "end_s": turn.end_s,
        "ended_at": turn.ended_at,
        "interrupted_at": turn.interrupted_at,
        "said": turn.said,
        "ignored": turn.ignored,
        "route": turn.route,
        "shadow": turn.shadow.route if turn.shadow else None,
        "reasons": turn.reasons,
        "rule": plan.rule if plan else None,
        "cues": cues,
        "score": {
            "complexity": plan.complexity if plan else None,
            "hesitation": cues.hesitation if cues else None,
            "frustration": plan.frustration if plan else None,
            "arousal": cues.arousal if cues else None,
        },
        "terms": {
            "complexity": plan.complexity_terms if plan else (),
            "hesitation": cues.hesitation_terms if cues else (),
            "frustration": plan.frustration_terms if plan else (),
        },
        **_reply(turn),
    }


def _reply(turn: TurnTaken) -> dict[str, Any]:
    tries = turn.attempts
    return {
        "reply": turn.reply_text,
        "unspoken": turn.reply.unspoken if turn.reply else "",
        "outcome": turn.reply.outcome if turn.reply else None,
        "model": turn.reply.model if turn.reply else None,
        "attempts": [
            {"model": each.model, "outcome": each.outcome, "detail": each.detail} for each in tries
        ],
        "waited_s": turn.waited_s,
        "cost_usd": turn.cost_usd,
        "ms": turn.measured_ms,
        "failures": turn.failures,
    }
