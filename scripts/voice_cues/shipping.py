"""From weights and held-out predictions to what is shipped: the file, and the card's tables."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from voice_cues.calibrate import Calibration, constants, fit_calibration, joined
from voice_cues.card import tables, written
from voice_cues.clips import active, version
from voice_cues.corpora import LABELS, is_open
from voice_cues.evaluation import ANGER, Part, part
from voice_cues.export import Shipped, parity, session, write
from voice_cues.figures import fairness, known, means, pooled_ece, quick, unseen
from voice_cues.fillers_build import build as build_pauses
from voice_cues.fillers_head import FillerHead, Frames, material
from voice_cues.fillers_train import (
    THRESHOLDS,
    both_lines,
    by_head,
    choose,
    judged,
    measure,
    train,
)
from voice_cues.fitting import Recipe
from voice_cues.folds import IN_CORPUS, LEFT_OUT, Held, Material, fit, held_out, split
from voice_cues.inside import own_head
from voice_cues.measures import anger_log_odds, auc, log_softmax
from voice_cues.model import VoiceCues
from voice_cues.network import Encoder
from voice_cues.probes import probes

VERSION = "1"
SPEAKERS = tuple(f"speakers:{k}/3" for k in range(3))
PAUSES_HEAR = 2  # the layer whose frames the filled-pause head hears


def by_corpus(given: Material, held: Sequence[Held]) -> tuple[dict[str, Part], dict[str, Part]]:
    """Held-out predictions by corpus: clean, and by telephone."""
    clips = given.store.clips
    found: tuple[dict[str, Part], dict[str, Part]] = ({}, {})
    for i in (0, 1):
        whole = joined([part(clips, h.rows, (h.clean, h.tel)[i]) for h in held])
        for name in np.unique(whole.corpus):
            if name in LEFT_OUT:
                found[i][str(name)] = whole.take(np.flatnonzero(whole.corpus == name))
    return found


def figures(
    given: Material, name: str, recipe: Recipe, *, speakers: bool = True, open_only: bool = False
) -> dict[str, Any]:
    """All figures of a recipe; folds that are missing are run."""

    def held(folds: Sequence[str]) -> tuple[dict[str, Part], dict[str, Part]]:
        kept = [held_out(given, f, name, recipe, open_only=open_only) for f in folds]
        return by_corpus(given, kept)

    clean, tel = held(("closed",) if open_only else LEFT_OUT)
    found: dict[str, Any] = {"quick": quick(tel)}
    if not speakers:
        return found
    found["unseen"] = unseen(clean, tel)
    found["means"] = means(found["unseen"])
    found["means"]["ece pooled"] = pooled_ece(clean, tel)
    found["fairness"] = fairness(clean, tel)
    found["constants"] = constants(clean, tel)
    if open_only:  # of the open corpora only EmoDB is speech; nothing is left out of it
        return found
    inside, by_phone = held(SPEAKERS)
    for corpus in IN_CORPUS:
        found[corpus] = known(inside[corpus], by_phone[corpus])
    calibrated = fit_calibration([p for c, p in tel.items() if c != "ravdess"])
    found["own head"] = {c: own_head(given.store, given.frozen, c) for c in IN_CORPUS}
    found["same words"] = said(given, held_out(given, "ravdess", name, recipe), calibrated)
    return found


def said(given: Material, held: Held, calibrated: Calibration) -> list[dict[str, Any]]:
    """What held-out networks say of RAVDESS's sentences, for the bench of the same words."""
    p = part(given.store.clips, held.rows, held.tel)
    shares = np.exp(log_softmax(calibrated.apply(p).emotion))
    arousal = 1 / (1 + np.exp(-p.arousal))
    return [
        {
            "text": given.store.clips[row].text,
            "label": str(p.label[i]),
            "speaker": str(p.speaker[i]),
            "emotion": dict(zip(LABELS, shares[i].round(5).tolist(), strict=True)),
            "arousal": round(float(arousal[i]), 5),
        }
        for i, row in enumerate(held.rows)
    ]


def weights(given: Material, name: str, recipe: Recipe, *, open_only: bool = False) -> VoiceCues:
    """The network fitted on everything; kept in the work folder.

    Raises:
        RuntimeError: A tensor of the encoder is as it was: nothing is shipped as it was found.
    """
    path = given.work / f"{name}.pt"
    if path.is_file():
        model = VoiceCues(type(given.encoder)())
        model.load_state_dict(torch.load(path, map_location="cpu"))
    else:
        _, rows = split(given, "all", open_only=open_only)
        model = fit(given, rows, recipe).cpu()
        torch.save(model.state_dict(), path)
    before = dict(given.encoder.cpu().named_parameters())
    for key, tensor in model.encoder.named_parameters():
        if torch.equal(tensor, before[key]):
            raise RuntimeError(f"{key} was not trained")
    return model.eval()


def pauses(
    given: Material, model: VoiceCues, data: Path, work: Path
) -> tuple[FillerHead, dict[str, Any]]:
    """The filled-pause head, its constants and figures; each made once.

    The head is fitted on the untouched encoder, which fine-tuning moves little; its threshold is
    chosen, and all is measured, on the encoder that is shipped.
    """
    if not (work / "items.json").is_file():
        build_pauses(data, work)
    state, told = work / "fillers_head.pt", work / "shipped.json"
    if state.is_file():
        head = FillerHead()
        head.load_state_dict(torch.load(state, map_location="cpu"))
        head.eval()
    else:
        head, _ = train(hearing(given.encoder, model), work)
    if not told.is_file():
        judge = by_head(hearing(model.encoder, model), head)
        heard = judged(both_lines(material(work, "dev")), judge, "choosing")
        constants = json.loads((work / "fillers.json").read_text())
        constants["filled_pause"] = choose(heard, THRESHOLDS.tolist())
        rows = measure(judge, work, constants["filled_pause"])
        told.write_text(json.dumps({"constants": constants, "rows": rows}, ensure_ascii=False))
    return head, json.loads(told.read_text())


def hearing(encoder: Encoder, model: VoiceCues) -> Frames:
    """From audio to the frames that the filled-pause head hears."""

    def frames(audio: Tensor) -> Tensor:
        with torch.no_grad():
            found: Tensor = encoder.eval()(model.front(audio))[PAUSES_HEAR]
        return found

    return frames


def metadata(
    name: str, found: dict[str, Any], heard: dict[str, Any], used: list[str]
) -> dict[str, Any]:
    """The file's metadata: `acoustic/cue_network.py` tells what they mean."""
    fixed = found["constants"]
    return {
        "labels": list(LABELS),
        "rate": "16000",
        "version": VERSION,
        "window_s": "3.0",
        "hop_s": "1.0",
        "frame_s": "0.04",
        "thresholds": {"anger": fixed["anger"], "unknown": fixed["unknown"]} | heard["constants"],
        "calibration": {
            "temperature": fixed["temperature"],
            "bias": fixed["bias"],
            "ece_clean": found["means"]["ece pooled"][0],
            "ece_telephone": found["means"]["ece pooled"][1],
        },
        "baseline": {k: fixed["baseline"][k] for k in ("arousal", "valence")},
        "baseline_emotion": fixed["baseline"]["emotion"],
        "license": "MIT" if all(map(is_open, used)) else "non-commercial (CC BY-NC-SA 4.0)",
        "corpora": ", ".join(used),
        "name": name,
    }


def numbers(shipped: Shipped) -> dict[str, list[Any]]:
    """What torch makes of the probes, for the test of the file; the pauses' first 10 frames."""
    found: dict[str, list[Any]] = {name: [] for name in shipped.outputs}
    for sound in probes():
        with torch.no_grad():
            told = shipped.eval()(torch.from_numpy(sound[None]))
        for name, value in zip(shipped.outputs, told, strict=True):
            found[name].append(np.round(value[0].numpy(), 4).reshape(-1)[:10].tolist())
    return found


def after_int8(given: Material, shipped: Shipped, path: Path) -> dict[str, float]:
    """How far int8 moves what is said of 240 clips by telephone, and the AUC of anger in both."""
    at, pcm = np.load(given.work / "offsets.npy"), np.load(given.work / "pcm.npy", mmap_mode="r")
    rows = [r for r, c in enumerate(given.store.clips) if c.corpus in LEFT_OUT][::53][:240]
    ran, rng = session(path), np.random.default_rng(4)
    full, small = [], []
    for r in rows:
        sound = version(active(pcm[at[r] : at[r + 1]].astype(np.float32) / 32768), 1, pcm[:1], rng)
        with torch.no_grad():
            told = shipped(torch.from_numpy(sound[None]))
        got = ran.run(list(shipped.outputs[:2]), {"audio": sound[None]})
        full.append(np.append(told[0][0].numpy(), told[1][0].numpy()))
        small.append(np.append(got[0][0], got[1][0]))
    one, other = np.array(full, np.float64), np.array(small, np.float64)
    posteriors = [np.exp(log_softmax(x[:, :-1])) for x in (one, other)]
    angry = np.array([given.store.clips[r].label == "anger" for r in rows])
    shares = [1 / (1 + np.exp(-x[:, -1])) for x in (one, other)]
    return {
        "mean change of posteriors": round(float(np.abs(posteriors[0] - posteriors[1]).mean()), 4),
        "largest change of arousal": round(float(np.abs(shares[0] - shares[1]).max()), 4),
        "anger AUC fp32": round(auc(anger_log_odds(one[:, :-1], ANGER), angry), 4),
        "anger AUC int8": round(auc(anger_log_odds(other[:, :-1], ANGER), angry), 4),
    }


def ship(given: Material, model: VoiceCues, name: str, data: Path, folder: Path) -> None:
    """Writes model.onnx, parity.json, and the tables of the card between its markers.

    The openly licensed file has no filled pauses: their material is cut from all corpora.
    """
    open_only = name.endswith("permissive")
    found = figures(given, name, Recipe(), open_only=open_only)
    head, heard = None, dict[str, Any](constants={}, rows=[])
    if not open_only:
        head, heard = pauses(given, model, data, given.work / f"pauses {name}")
    _, rows = split(given, "all", open_only=open_only)
    used = sorted({given.store.clips[r].corpus for r in rows})
    folder.mkdir(parents=True, exist_ok=True)
    fixed, path = found["constants"], folder / "model.onnx"
    shipped = Shipped(model, head, PAUSES_HEAR, fixed["bias"], fixed["temperature"]).eval()
    write(shipped, path, metadata(name, found, heard, used))
    (folder / "parity.json").write_text(json.dumps(numbers(shipped), indent=1) + "\n")
    found["int8"] = parity(shipped, path, probes()) | after_int8(given, shipped, path)
    found["pauses"] = heard
    same = found.pop("same words", None)
    if same:
        (given.work / "same words.json").write_text(json.dumps(same))
    (given.work / f"{name}.json").write_text(json.dumps(found, indent=1))
    written(folder / "README.md", tables(found))
    print(f"wrote {path}, {path.stat().st_size / 1e6:.2f} MB; int8 against torch: {found['int8']}")
