"""All figures of the card from held-out predictions, as one dictionary that goes to JSON."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from voice_cues import evaluation as of
from voice_cues.calibrate import NONE, Calibration, fit_calibration, ordinary
from voice_cues.corpora import LANGUAGES
from voice_cues.evaluation import Part
from voice_cues.measures import ece

Parts = Mapping[str, Part]
Figure = list[float]  # value, low, high


def figure(measure: Callable[[Part], float], p: Part) -> Figure:
    """A measure in percent with its 95 % interval over speakers."""
    value = measure(p)
    if np.isnan(value):
        return []
    low, high = of.spread(measure, p)
    return [round(100 * x, 1) for x in (value, low, high)]


def without(parts: Parts, name: str) -> list[Part]:
    """All but one corpus."""
    return [p for other, p in parts.items() if other != name]


def unseen(clean: Parts, tel: Parts) -> dict[str, Any]:
    """What a network says of each corpus that it never saw; calibrated by the other corpora."""
    found: dict[str, Any] = {}
    for name, p in tel.items():
        others = [*without(clean, name), *without(tel, name)]
        fitted = fit_calibration(others)
        fair = fitted.apply(p)
        row: dict[str, Any] = {
            "clips": len(p.label),
            "speakers": len(np.unique(p.speaker)),
            "anger": figure(of.anger_auc, fair),
            "arousal": figure(of.arousal_auc, p),
            "valence": figure(of.valence_auc, p),
        }
        if (p.four == "neutral").any():
            row |= four_ways(fair, fitted, others)
            row |= at_threshold(fair, [fitted.apply(x) for x in others])
            row["ece"] = [round(of.calibration(fitted.apply(x[name])), 3) for x in (clean, tel)]
            row["anger_clean"] = figure(of.anger_auc, fitted.apply(clean[name]))
        found[name] = row
    return found


def pooled_ece(clean: Parts, tel: Parts) -> list[float]:
    """ECE over all clips together, each corpus calibrated by the others: clean, telephone."""
    told: tuple[list[Any], list[Any]] = ([], [])
    for name, p in tel.items():
        if (p.four == "neutral").any():
            fitted = fit_calibration([*without(clean, name), *without(tel, name)])
            for i, channel in enumerate((clean, tel)):
                told[i].append(of.sure(fitted.apply(channel[name])))
    return [
        round(ece(np.concatenate([a for a, _ in t]), np.concatenate([b for _, b in t])), 3)
        for t in told
    ]


def four_ways(fair: Part, fitted: Calibration, others: list[Part]) -> dict[str, Any]:
    """UAR of four classes, without and with the caller's own three calm turns."""
    usual = np.array(ordinary([fitted.apply(x) for x in others], "emotion")["mean"])
    moved = of.with_baseline(fair, usual)
    row = {"four": figure(of.four_way, fair)}
    return row | ({"four_caller": figure(of.four_way, moved)} if moved.label.size else {})


def at_threshold(fair: Part, others: list[Part]) -> dict[str, Any]:
    """False alarms on neutral speech and hits at the threshold that the other corpora set."""
    above = of.threshold([x for x in others if (x.four == "neutral").any()])
    return {
        "alarms": figure(lambda p: of.alarms(p, above), fair.take(np.flatnonzero(fair.four != ""))),
        "hits": round(100 * of.alarms(fair, above, "anger"), 1),
    }


def known(clean: Part, tel: Part) -> dict[str, Figure]:
    """UAR over all classes of a corpus for held-out speakers, clean and by telephone."""
    return {"clean": figure(of.every_class, clean), "tel": figure(of.every_class, tel)}


def fairness(clean: Parts, tel: Parts) -> list[dict[str, Any]]:
    """UAR of four classes and false anger on neutral speech by sex and by language, unseen."""
    groups: dict[str, list[tuple[Part, float]]] = {}
    for name, p in tel.items():
        if not (p.four == "neutral").any():
            continue
        others = [*without(clean, name), *without(tel, name)]
        fitted = fit_calibration(others)
        above = of.threshold([fitted.apply(x) for x in others if (x.four == "neutral").any()])
        fair = fitted.apply(p)
        groups.setdefault(LANGUAGES[name], []).append((fair, above))
        for sex, word in (("F", "women"), ("M", "men")):
            rows = np.flatnonzero(fair.sex == sex)
            if rows.size:
                groups.setdefault(word, []).append((fair.take(rows), above))
    return [
        {
            "group": group,
            "speakers": sum(len(np.unique(p.speaker)) for p, _ in parts),
            "four": round(100 * float(np.mean([of.four_way(p) for p, _ in parts])), 1),
            "alarms": round(100 * float(np.mean([of.alarms(p, above) for p, above in parts])), 1),
            "arousal": round(float(np.mean([calm_arousal(p) for p, _ in parts])), 3),
        }
        for group, parts in groups.items()
    ]


def calm_arousal(p: Part) -> float:
    """Mean arousal, 0 to 1, of neutral speech."""
    return float((1 / (1 + np.exp(-p.arousal[p.four == "neutral"]))).mean())


def means(rows: Mapping[str, Any]) -> dict[str, float]:
    """The means over corpora of what `unseen` found, and those without EmoDB, which is easy."""
    found = {}
    for key in ("anger", "arousal", "valence", "four", "four_caller", "alarms"):
        values = {name: row[key][0] for name, row in rows.items() if row.get(key)}
        found[key] = round(of.mean(values), 1)
        found[f"{key} without emodb"] = round(of.mean(values, "emodb"), 1)
    for i, channel in enumerate(("clean", "tel")):
        eces = {name: row["ece"][i] for name, row in rows.items() if "ece" in row}
        found[f"ece {channel}"] = round(of.mean(eces), 3)
    found["worst alarms"] = max(row["alarms"][0] for row in rows.values() if "alarms" in row)
    return found


def quick(tel: Parts) -> dict[str, float]:
    """The three means alone, uncalibrated: for the table of what was tried."""
    measures = {"anger": of.anger_auc, "arousal": of.arousal_auc, "four": of.four_way}
    return {
        key: round(100 * of.mean({name: measure(NONE.apply(p)) for name, p in tel.items()}), 1)
        for key, measure in measures.items()
    }
