"""What a person who takes a call over should know: who calls, what was said, felt and decided.

It is JSON, posted to `telephony.summary_url` at the moment the caller is handed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tonewise.events import (
    AnyEvent,
    AsideSpoken,
    CallStarted,
    KeyPressed,
    ReplyEnded,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import VoiceCues

MOST_LINES = 1_000
"""Lines of a transcript; of a longer call the last are kept."""


@dataclass(slots=True)
class Notes:
    """Taken during one call.

    Args:
        number: the provider's name for the call.
    """

    number: str = ""
    _call: str = ""
    _wire: str = ""
    _caller: Mapping[str, object] = field(default_factory=dict)
    _said: list[dict[str, Any]] = field(default_factory=list)
    _cues: dict[int, VoiceCues] = field(default_factory=dict)
    _decisions: dict[int, dict[str, Any]] = field(default_factory=dict)
    _at: float = 0.0

    def take(self, event: AnyEvent) -> None:
        """What happened."""
        self._at = event.at
        match event:
            case CallStarted():
                self._call, self._wire, self._caller = event.call, event.wire, event.caller
            case TurnTranscribed(turn=turn, transcript=heard):
                self._say("caller", turn, heard.text)
            case ReplyEnded(turn=turn, text=text) if text:
                self._say("agent", turn, text)
            case AsideSpoken(turn=turn, text=text):
                self._say("agent", turn, text)
            case KeyPressed(digit=digit):
                self._said.append({"at": self._at, "who": "caller", "key": digit})
            case TurnMeasured(turn=turn, cues=cues):
                self._cues[turn] = cues
            case TurnRouted(turn=turn, plan=plan):
                self._decisions[turn] = {
                    "turn": turn,
                    "route": plan.route,
                    "models": plan.models,
                    "reasons": plan.reasons,
                }
            case _:
                pass
        del self._said[:-MOST_LINES]

    def summary(self, reason: str, to: str) -> bytes:
        """The JSON.

        Args:
            reason: why the caller is handed over.
            to: to whom.
        """
        return msgspec.json.encode(
            {
                "event": "handed_over",
                "call": self._call,
                "wire": self._wire,
                "provider_call": self.number,
                "caller": self._caller,
                "reason": reason,
                "to": to,
                "at": round(self._at, 3),
                "transcript": self._said,
                "cues": [{"turn": turn, "cues": cues} for turn, cues in self._cues.items()],
                "decisions": list(self._decisions.values()),
            }
        )

    def _say(self, who: str, turn: int, text: str) -> None:
        self._said.append({"at": round(self._at, 3), "who": who, "turn": turn, "text": text})
