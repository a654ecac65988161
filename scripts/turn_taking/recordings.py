"""Which recordings are heard, and who speaks when in them.

Three kinds of source tell who speaks: two channels (one voice each), a table of turns (AMI's own,
and `two_voices.csv`: one-channel calls, told apart by their words and by how high the voice is),
and clips that hold a single utterance.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tonewise.audio import Samples
from tonewise.audio_file import read

UNSURE = "unsure"
"""A speaker that could not be told: what borders on it is left out."""

TWO_CHANNELS = {"aws-lca/auto_repairs_40_2ch.flac": ("agent", "caller")}
ONE_SIDE = ("aws-lca/demo_agent",)
"""Calls of which only the agent's side was recorded: the other party is the long silence."""

MID_CLAUSE = ("LJ001-0004", "LJ001-0006", "LJ002-0020", "LJ001-0002", "LJ001-0008", "LJ001-0013")
"""Clips cut out of a longer sentence: their ends are no ends."""

UTTERANCES = {
    "picovoice-barista/": "orders",
    "an4/": "spelled and numbers",
    "gcp/book_a_room": "short answers",
    "gcp/230pm": "short answers",
    "gcp/half_an_hour": "short answers",
    "gcp/mountain_view": "short answers",
    "gcp/today": "short answers",
    "gcp/two_people": "short answers",
    "gcp/brooklyn_bridge": "short answers",
    "gcp/hello_gemini": "short answers",
    "dograh/yes": "short answers",
    "dograh/nope": "short answers",
    "dograh/vad": "short answers",
    "bolna/": "short answers",
    "wyoming/": "short answers",
    "vosk/": "spelled and numbers",
    "srec/": "spelled and numbers",
    "pocketsphinx/cards": "short answers",
    "pocketsphinx/goforward": "short answers",
    "pocketsphinx/sense": "read speech",
    "realtimestt/LJ": "read speech",
    "lhotse/2412-153948-0000": "read speech",
    "lhotse/libri-1088-134315-0000.flac": "read speech",
    "speechbrain/spk1": "read speech",
    "picovoice/leopard": "read speech",
    "deepspeech/": "read speech",
    "moonshine/": "read speech",
    "watson/sample2": "read speech",
}


@dataclass(frozen=True)
class Span:
    """A stretch of one speaker's speech, pauses included, in seconds."""

    speaker: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Voice:
    """One channel to listen to.

    Attributes:
        dialogue: recordings of the same name share speakers and belong on one side of any split.
        corpus: left out whole in cross-validation.
        kind: `dialogue`, or what sort of single utterance.
        samples: all of the channel.
        spans: who speaks when; None where the channel holds one voice and `other` the other's.
        other: the other party's channel; None where there is none.
        one_side: nothing is known of the other party but the silence that it fills.
    """

    dialogue: str
    corpus: str
    kind: str
    samples: Samples
    spans: tuple[Span, ...] | None = None
    other: Samples | None = None
    one_side: bool = False


def voices(data: Path) -> Iterator[Voice]:
    """Every channel of every recording used, in a fixed order."""
    speech = data / "speech"
    for path, names in TWO_CHANNELS.items():
        sides = (read(speech / path, 0), read(speech / path, 1))
        for number, name in enumerate(names):
            # Both sides share the dialogue: what one hears, the other said.
            yield Voice(
                f"{path} {name}", "aws-lca", "dialogue", sides[number], other=sides[1 - number]
            )
    for path, spans in _table(Path(__file__).with_name("two_voices.csv")).items():
        corpus = path.split("/")[0]
        yield Voice(path, corpus, "dialogue", read(speech / path), spans)
    meetings = data / "emotion" / "ami_excerpts"
    for path, spans in _table(meetings / "turns.csv").items():
        yield Voice(f"ami/{path}", "ami", "dialogue", read(meetings / path), spans)
    yield from _clips(speech)


def _clips(speech: Path) -> Iterator[Voice]:
    with (speech / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = sorted(row["path"] for row in csv.DictReader(file))
    for path in paths:
        if path.startswith(ONE_SIDE):
            yield Voice(path, "aws-lca", "one side", read(speech / path), one_side=True)
        kind = next((kind for start, kind in UTTERANCES.items() if path.startswith(start)), None)
        if kind and not any(cut in path for cut in MID_CLAUSE):
            yield Voice(_speaker(path), path.split("/")[0], kind, read(speech / path))


def _speaker(path: str) -> str:
    """AN4 names the speaker between hyphens; elsewhere a clip stands for its speaker."""
    if path.startswith("an4/"):
        return "an4/" + path.split("-")[1]
    if path.startswith(("pocketsphinx/sense", "pocketsphinx/cards", "gcp/", "speechbrain/spk1")):
        return path.rsplit("/", 1)[0] + path.rsplit("/", 1)[1][:4]
    return path


def _table(path: Path) -> dict[str, tuple[Span, ...]]:
    found: dict[str, list[Span]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            span = Span(row["speaker"], float(row["start"]), float(row["end"]))
            found.setdefault(row["path"], []).append(span)
    return {name: tuple(sorted(spans, key=lambda s: s.start_s)) for name, spans in found.items()}
