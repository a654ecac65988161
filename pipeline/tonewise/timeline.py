"""A call as a person reads it: one paragraph per turn, written while the call goes on."""

from collections.abc import Callable

import click

from tonewise.events import (
    AnyEvent,
    AsideSpoken,
    AttemptEnded,
    CallEnded,
    CallStarted,
    ConsentChanged,
    ReplyEnded,
    ReplyInterrupted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import VoiceCues

_ROUTE_COLOURS = {"fast": "green", "frontier": "magenta"}
_END_REASONS = {
    "too_long": " (cut: the turn grew too long)",
    "end_of_audio": " (the audio ended)",
    "keys": " (typed)",
}


class Timeline:
    """Writes what happens.

    Args:
        write: takes one line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._times: dict[int, dict[str, float | None]] = {}
        self._routes: dict[str, int] = {}

    def tell(self, event: AnyEvent) -> None:
        """Write what this event adds; most add nothing by themselves."""
        match event:
            case CallStarted():
                engines = event.engines
                ears = [engines.get(stage, "") for stage in ("vad", "stt", "acoustic", "endpoint")]
                self._write(_faint(f"hears with {', '.join(filter(None, ears))}"))
                self._write(
                    _faint(f"routes by {engines['routing']}, answers with {engines['llm']}")
                )
            case TurnEnded():
                span = f"{event.start_s:.2f} to {event.end_s:.2f} s"
                self._write("")
                self._write(
                    click.style(f"turn {event.turn}", bold=True)
                    + _faint(f"  {span}{_ending(event)}")
                )
            case TurnTranscribed():
                self._time(event.turn, "STT", event.stt_ms)
                self._line(
                    "said", f"“{_shown(event.transcript.text)}”" if event.transcript.text else "–"
                )
            case TurnMeasured():
                self._time(event.turn, "cues", event.acoustic_ms)
                self._line("how", how(event.cues))
            case TurnRouted():
                self._routed(event)
            case _:
                self._answered(event)

    def _routed(self, event: TurnRouted) -> None:
        self._time(event.turn, "routing", event.routing_ms)
        route = event.plan.route
        self._routes[route] = self._routes.get(route, 0) + 1
        colour = _ROUTE_COLOURS.get(route, "cyan")
        why = "; ".join(_shown(reason.text) for reason in event.plan.reasons)
        self._line("route", f"{click.style(route, fg=colour, bold=True)}: {why}")

    def _answered(self, event: AnyEvent) -> None:
        match event:
            case AttemptEnded(outcome="answered"):
                pass
            case AttemptEnded():
                detail = f": {event.detail}" if event.detail else ""
                self._line("tried", f"{event.model}, {event.outcome}{detail}", "yellow")
            case ReplyEnded():
                self._time(event.turn, "first token", event.first_token_ms)
                self._time(event.turn, "whole turn", event.total_ms)
                ending = "" if event.outcome == "answered" else f" ({event.outcome})"
                self._line(
                    "reply", f"“{_shown(event.text)}”" + _faint(f" {event.model or ''}{ending}")
                )
                self._line("ms", _faint(self._waterfall(event.turn)))
            case AsideSpoken():
                self._line("spoke", f"“{_shown(event.text)}” ({event.kind})")
            case ConsentChanged():
                self._line("", f"feelings are {'' if event.emotion else 'not '}read ({event.by})")
            case ReplyInterrupted():
                self._line("", f"the caller spoke over the reply to turn {event.turn}", "yellow")
            case TurnIgnored():
                self._line("", event.reason, "yellow")
            case StageFailed():
                self._line("failed", f"{event.stage} {event.engine}: {_shown(event.error)}", "red")
            case CallEnded():
                self._write("")
                routes = ", ".join(f"{count} {route}" for route, count in self._routes.items())
                turns = f"{event.turns} turn" + ("" if event.turns == 1 else "s")
                told = f"{turns} ({routes or 'none routed'})" if event.turns else "nobody spoke"
                self._write(f"{told}; {event.reason}")

    def _line(self, label: str, text: str, colour: str | None = None) -> None:
        self._write(f"  {click.style(f'{label:6}', dim=True)} {click.style(text, fg=colour)}")

    def _time(self, turn: int, stage: str, ms: float | None) -> None:
        self._times.setdefault(turn, {})[stage] = ms

    def _waterfall(self, turn: int) -> str:
        measured = self._times.pop(turn, {})
        return ", ".join(f"{stage} {ms:.4g}" for stage, ms in measured.items() if ms is not None)


def _ending(event: TurnEnded) -> str:
    """How it is known that the turn was over."""
    if event.patience is None:
        return _END_REASONS.get(event.reason, "")
    waited = f", waited {event.patience.seconds:.2g} s"
    return f"{waited}: {event.patience.reason}" if event.patience.reason else waited


def how(cues: VoiceCues) -> str:
    """Voice cues in one line; what was not measured is not in it."""
    parts = [f"{cues.speech_s:.1f} s of speech"]
    if cues.pauses:
        longest = f", longest {cues.pauses.longest_s:.2f} s" if cues.pauses.count else ""
        parts.append(f"{_counted(cues.pauses.count, 'pause')}{longest}")
    measures: list[tuple[str, float | None]] = [
        ("{:.1f} syllables/s", cues.articulation_rate),
        ("began after {:.1f} s", cues.response_latency_s),
        ("pitch {:.0f} Hz", cues.f0_median_hz),
        ("range {:.1f} st", cues.f0_range_st),
        ("{:.0f} dBFS", cues.loudness_dbfs),
        ("SNR {:.0f} dB", cues.snr_db),
        ("filled pauses {:.0f}", cues.filled_pauses or None),
        ("hesitation {:.2f}", cues.hesitation),
        ("arousal {:.2f}", cues.arousal),
        ("valence {:.2f}", cues.valence),
        ("frustration {:.2f}", cues.frustration),
    ]
    parts += [text.format(value) for text, value in measures if value is not None]
    if cues.emotion:
        likeliest, share = max(cues.emotion.items(), key=lambda item: item[1])
        parts.append(f"{likeliest} {share:.0%}")
    elif cues.unknown:
        parts.append(f"feelings unknown: {cues.unknown}")
    if cues.clipping:
        parts.append(f"{cues.clipping:.1%} clipped")
    return ", ".join(parts)


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _shown(text: str) -> str:
    """Text from elsewhere, on one line: a model's reply must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def _faint(text: str) -> str:
    return click.style(text, dim=True)
