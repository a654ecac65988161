"""Fits the filled-pause head on an encoder, chooses its threshold, measures it.

    train(frames, work)     the recipe's step: head, threshold, constants for the ONNX metadata
    python -m voice_cues.fillers_train WORK WHISPER_FOLDER [stem|1|2|mel|rule]

The second tries the frozen Whisper encoder's layers, the mel and the rules; run from `scripts/`.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from tqdm import tqdm

from voice_cues import fillers_events as decoding
from voice_cues.fillers_corpora import TEST_ONLY
from voice_cues.fillers_events import Count
from voice_cues.fillers_head import Built, FillerHead, Frames, encoded, fit, logits_of, material
from voice_cues.fillers_rules import scores
from voice_cues.fillers_sound import telephone
from voice_cues.network import LogMel, whisper_encoder

MOST_ALARMS = 0.3
"""A minute, on the development speakers' untouched speech, at the chosen threshold."""

NEARLY = 0.02
"""F1 on the development speakers is known no better than this."""

THRESHOLDS = np.round(
    np.concatenate([np.arange(0.2, 0.95, 0.025), np.arange(0.95, 0.995, 0.01)]), 3
)
Judge = Callable[[Built], NDArray[np.float64]]
"""A recording to a probability for each frame of 40 ms."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A recording, and what was made of it."""

    item: Built
    probability: NDArray[np.float64]

    @property
    def minutes(self) -> float:
        """Of sound."""
        return len(self.item.pcm) / 16_000 / 60


def judged(items: Sequence[Built], judge: Judge, name: str) -> list[Heard]:
    """What a judge makes of recordings."""
    return [Heard(item, judge(item)) for item in tqdm(items, desc=name)]


def by_head(frames: Frames, head: FillerHead) -> Judge:
    """The head's probability, as the product computes it: windows of 3 s, one each second."""

    def judge(item: Built) -> NDArray[np.float64]:
        count = len(item.pcm) * 25 // 16_000
        logit = decoding.overlap_added(logits_of(item, frames, head), count)
        return np.asarray(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    return judge


def by_rule(item: Built) -> NDArray[np.float64]:
    """Seconds for which the voice is held: 0.2 and more is a filled pause."""
    return scores(item.sound, len(item.pcm) * 25 // 16_000)


def on_the_telephone(items: Sequence[Built]) -> list[Built]:
    """The same recordings through 8 kHz µ-law."""
    found = []
    for i in items:
        pcm = (np.clip(telephone(i.sound), -1, 1) * 32767).astype(np.int16)
        found.append(Built(pcm, i.part, i.kind, i.speaker, i.corpus, i.events))
    return found


def counts(heard: Sequence[Heard], threshold: float, *, lax: bool = False) -> dict[str, Count]:
    """Hits, false alarms and misses by speaker."""
    match = decoding.overlapping if lax else decoding.compared
    found: dict[str, Count] = defaultdict(Count)
    for one in heard:
        guess = decoding.events(one.probability, threshold)
        found[one.item.speaker] = found[one.item.speaker] + match(guess, one.item.events)
    return found


def alarms(heard: Sequence[Heard], threshold: float) -> dict[str, tuple[int, float]]:
    """False alarms and minutes by speaker; the recordings hold no filled pause."""
    found: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for one in heard:
        had = found[one.item.speaker]
        more = len(decoding.events(one.probability, threshold))
        found[one.item.speaker] = (had[0] + more, had[1] + one.minutes)
    return found


def rate(found: dict[str, tuple[int, float]]) -> float:
    """False alarms a minute."""
    return sum(n for n, _ in found.values()) / max(1e-9, sum(m for _, m in found.values()))


def choose(heard: Sequence[Heard], thresholds: Sequence[float]) -> float:
    """The lowest threshold that keeps MOST_ALARMS and is nearly as good as the best.

    Spliced filled pauses are easier to hear than those in conversation, so F1 hardly depends on the
    threshold here, while recall in conversation does: hence the lowest.
    """
    untouched = [h for h in heard if h.item.kind == "untouched"]
    allowed = [t for t in thresholds if rate(alarms(untouched, t)) <= MOST_ALARMS]
    score = {t: sum(counts(heard, t).values(), Count()).f1 for t in allowed}
    if not score:
        return float(max(thresholds))
    best = max(score.values())
    return float(min(t for t in score if score[t] >= best - NEARLY))


def both_lines(items: list[Built]) -> list[Built]:
    """Every second recording through the telephone."""
    return [*items[::2], *on_the_telephone(items[1::2])]


def train(frames: Frames, work: Path) -> tuple[FillerHead, dict[str, float]]:
    """Fits the head on a trained encoder and chooses the threshold on the development speakers.

    Args:
        frames: from audio [batch, samples] to the encoder's frames [batch, T50, width]. Call it
            with the encoder in `eval()`; no gradient is asked for.
        work: where `fillers_build` has left the material; gets `fillers_head.pt`, `fillers.json`.

    Returns:
        The head, and the constants for the ONNX metadata.
    """
    head = fit(encoded(material(work, "train"), frames))
    heard = judged(both_lines(material(work, "dev")), by_head(frames, head), "choosing")
    constants = {
        "filled_pause": choose(heard, THRESHOLDS.tolist()),
        "filled_pause_least_s": decoding.LEAST_S,
        "filled_pause_bridge_s": decoding.BRIDGE_S,
        "filled_pause_frame_s": decoding.FRAME_S,
    }
    torch.save(head.state_dict(), work / "fillers_head.pt")
    (work / "fillers.json").write_text(json.dumps(constants))
    return head, constants


def measure(judge: Judge, work: Path, threshold: float) -> list[dict[str, object]]:
    """The report's rows: clean and telephone, each kind of filled pause, false alarms by corpus."""
    rows: list[dict[str, object]] = []
    items = material(work, "test")
    for line, given in (("clean", items), ("µ-law", on_the_telephone(items))):
        heard = judged(given, judge, line)
        spoken = [h for h in heard if h.item.kind not in {"noise", "untouched", "real"}]
        for kind in ("hum", "vowel", "all"):
            kept = [h for h in spoken if kind in {"all", h.item.kind}]
            rows.append({"line": line, "what": kind, **_f1(kept, threshold)})
        for name in sorted({h.item.speaker for h in heard if h.item.kind == "real"}):
            kept = [h for h in heard if h.item.speaker == name and h.item.kind == "real"]
            rows.append({"line": line, "what": f"real {name}", **_f1(kept, threshold)})
        untouched = [h for h in heard if h.item.kind in {"untouched", "noise"}]
        for corpus in ("read", *sorted({h.item.corpus for h in untouched}), "all speech"):
            kept = [
                h
                for h in untouched
                if corpus == h.item.corpus
                or (corpus == "read" and h.item.corpus in TEST_ONLY)
                or (corpus == "all speech" and h.item.corpus != "noise")
            ]
            rows.append({"line": line, "what": f"untouched {corpus}", **_rate(kept, threshold)})
    return rows


def _f1(heard: Sequence[Heard], threshold: float) -> dict[str, object]:
    by_speaker = counts(heard, threshold)
    if not by_speaker:
        return {}
    total = sum(by_speaker.values(), Count())
    lax = sum(counts(heard, threshold, lax=True).values(), Count())
    low, high = decoding.interval(list(by_speaker.values()))
    names = {"F1": total.f1, "low": low, "high": high, "P": total.precision, "R": total.recall}
    rounded = {name: round(value, 3) for name, value in names.items()}
    n = total.hits + total.missed
    return {**rounded, "lax F1": round(lax.f1, 3), "events": n, "speakers": len(by_speaker)}


def _rate(heard: Sequence[Heard], threshold: float) -> dict[str, object]:
    found = alarms(heard, threshold)
    if not found:
        return {}
    numbers, minutes = zip(*found.values(), strict=True)
    low, high = decoding.rate_interval(numbers, minutes)
    shown = {"FA/min": rate(found), "low": low, "high": high, "minutes": sum(minutes)}
    return {**{k: round(v, 2) for k, v in shown.items()}, "speakers": len(found)}


def frozen(folder: Path, layer: str) -> Frames:
    """Frames of the untrained Whisper encoder: `stem`, `1`, `2`; or `mel`, two beside another."""
    index = {"stem": 0, "1": 1, "2": 2}.get(layer)
    front, encoder = LogMel().eval(), whisper_encoder(folder, layers=index or 0).eval()

    def frames(audio: Tensor) -> Tensor:
        mel = front(audio)
        if index is None:
            pairs = mel[:, :, : mel.shape[2] // 2 * 2].transpose(1, 2)
            return pairs.reshape(len(pairs), -1, 2 * mel.shape[1])
        found: Tensor = encoder(mel)[index]
        return found

    return frames


def main() -> None:
    """Trains and measures on one kind of frame, or measures the rules."""
    work, folder, layer = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    torch.set_num_threads(1)
    if layer == "rule":
        heard = judged(both_lines(material(work, "dev")), by_rule, "choosing")
        threshold = choose(heard, np.round(np.arange(0.16, 0.6, 0.02), 2).tolist())
        rows = measure(by_rule, work, threshold)
    else:
        frames = frozen(folder, layer)
        head, constants = train(frames, work)
        threshold = constants["filled_pause"]
        torch.save(head.state_dict(), work / f"fillers_head_{layer}.pt")
        rows = measure(by_head(frames, head), work, threshold)
    (work / f"rows_{layer}.json").write_text(json.dumps(rows, ensure_ascii=False))
    print(f"{layer}: threshold {threshold}")
    for row in rows:
        print("  ".join(f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
