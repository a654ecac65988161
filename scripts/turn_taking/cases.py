"""Recordings to cases: the signs in every silence, and what came of it."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tonewise import plugins
from tonewise.endpoint.signs import halved_odds, signs
from turn_taking.fitting import Case
from turn_taking.questions import CONDITIONS, LULL_S, Question, questions

SMART_TURN_AFTER_S = 0.2
"""pipecat asks Smart Turn after 0.2 s of silence."""


def everything(data: Path, cache: Path) -> Iterator[Question]:
    """All recordings as they are, and the dialogues over every line."""
    vad, stt = plugins.load("vad", "silero"), plugins.load("stt", "moonshine")
    yield from questions(data, cache, vad, stt, ("clean",))
    worse = tuple(line for line in CONDITIONS if line != "clean")
    yield from questions(data, cache, vad, stt, worse, ("dialogue",))


def cases(asked: Iterable[Question]) -> list[Case]:
    """What `endpoint/patience.py` would see 0.1 s into each silence, with the words known."""
    found = []
    for question in asked:
        seen = signs(question.lull(LULL_S, words=True), "en")
        found.append(
            Case(
                dialogue=question.voice.dialogue,
                corpus=question.voice.corpus,
                kind=question.voice.kind,
                line=question.condition,
                signs=seen.values,
                length_s=question.silence.length_s,
                pauses=question.silence.pauses,
                unfinished=seen.unfinished,
            )
        )
    return found


def listened(asked: list[Question], cache: Path, file: Path) -> NDArray[np.float64]:
    """Smart Turn's probability in every silence, kept on disk: shape [questions]."""
    engine = plugins.load("endpoint", "smart_turn", {"path": str(file)})
    kept = cache / "smart-turn.json"
    known: dict[str, float] = json.loads(kept.read_text()) if kept.is_file() else {}
    found = []
    for question in asked:
        samples = question.lull(SMART_TURN_AFTER_S, words=False).turn.samples
        key = hashlib.sha1(samples[-128_000:].tobytes(), usedforsecurity=False).hexdigest()[:20]
        if key not in known:
            known[key] = engine.probability(samples)
        found.append(known[key])
    kept.write_text(json.dumps(known))
    return np.array(found)


def with_smart_turn(found: list[Case], probabilities: NDArray[np.float64]) -> None:
    """Add its sign to each case."""
    for case, probability in zip(found, probabilities, strict=True):
        case.signs["smart turn"] = halved_odds(float(probability))
