"""The card's tables, written between markers; words are by hand, figures never."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

UNTOUCHED = ("untouched read", "untouched noise", "untouched all speech")
BEGIN, END = "<!-- {}: written by scripts/train_voice_cues -->", "<!-- end of {} -->"


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def shown(value: Any) -> str:  # noqa: ANN401 whatever JSON held
    """A figure with its interval, a number, or a dash."""
    if isinstance(value, list) and len(value) == 3:
        return f"{value[0]:.1f} [{value[1]:.0f}, {value[2]:.0f}]"
    if isinstance(value, list):
        return " / ".join(f"{v:.2f}" for v in value) or "-"
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "-" if missing else str(value)


def of_unseen(found: Mapping[str, Any]) -> str:
    """One row for each corpus that was left out whole."""
    keys = ("anger", "arousal", "four", "four_caller", "alarms", "hits", "valence", "ece")
    heading = (
        "left out", "clips", "speakers", "anger AUC", "arousal AUC", "UAR of 4", "with caller",
        "false alarms %", "hits %", "valence AUC", "ECE clean / tel",
    )  # fmt: skip
    rows = [
        [name, str(row["clips"]), str(row["speakers"]), *(shown(row.get(key)) for key in keys)]
        for name, row in found["unseen"].items()
    ]
    means = found["means"]
    for label, suffix in (("**mean**", ""), ("mean without emodb", " without emodb")):
        cells = [shown(means.get(f"{key}{suffix}")) for key in keys[:5]]
        ece = f"{means['ece clean']:.2f} / {means['ece tel']:.2f}" if not suffix else "-"
        rows.append([label, "", "", *cells, "-", shown(means.get(f"valence{suffix}")), ece])
    pooled = " / ".join(f"{value:.3f}" for value in means["ece pooled"])
    return table(heading, rows) + f"\n\nECE over all clips together, clean / telephone: {pooled}."


def of_known(found: Mapping[str, Any]) -> str:
    """Speakers that were left out, of corpora that were not."""
    names = (("ravdess", "RAVDESS, 8 classes"), ("emodb", "EmoDB, 7 classes"))
    own = found.get("own head", {})
    rows = [
        [f"{title}, {kind}", shown(part[key]["clean"]), shown(part[key]["tel"])]
        for kind, part in (("the shipped head", found), ("a head of its own", own))
        for key, title in names
        if key in part
    ]
    return table(("UAR, held-out speakers", "clean", "telephone"), rows)


def of_fairness(found: Mapping[str, Any]) -> str:
    """By sex and by language."""
    heading = (
        "unseen corpora, telephone",
        "speakers",
        "UAR of 4",
        "false alarms %",
        "calm arousal",
    )
    rows = [
        [row["group"], *(str(row[key]) for key in ("speakers", "four", "alarms", "arousal"))]
        for row in found["fairness"]
    ]
    return table(heading, rows)


def of_pauses(found: Mapping[str, Any]) -> str:
    """Events of held-out speakers, and false alarms."""
    rows = []
    for row in found["pauses"]["rows"]:
        if row["what"].startswith("untouched") and row["what"] not in UNTOUCHED:
            continue
        if "F1" in row:
            value = f"F1 {row['F1']} [{row['low']}, {row['high']}], P {row['P']}, R {row['R']}"
            size = f"{row['events']} events, {row['speakers']} speakers"
        elif "FA/min" in row:
            value = f"{row['FA/min']} a minute [{row['low']}, {row['high']}]"
            size = f"{row['minutes']} min, {row['speakers']} speakers"
        else:
            continue
        rows.append([str(row["line"]), str(row["what"]), value, size])
    return table(("line", "what", "found", "of"), rows)


def tables(found: Mapping[str, Any]) -> dict[str, str]:
    """All tables, by the name of their markers."""
    made = {"unseen": of_unseen(found), "fairness": of_fairness(found)}
    if "ravdess" in found:
        made["held-out speakers"] = of_known(found)
    if found["pauses"]["rows"]:
        made["filled pauses"] = of_pauses(found)
    return made


def written(card: Path, found: Mapping[str, str]) -> None:
    """Puts each table between its markers; a card without a marker gets it at its end."""
    text = card.read_text(encoding="utf-8") if card.is_file() else f"# {card.parent.name}\n"
    for name, body in found.items():
        begin, end = BEGIN.format(name), END.format(name)
        block = f"{begin}\n{body}\n{end}"
        if begin in text and end in text:
            head, _, rest = text.partition(begin)
            text = head + block + rest.partition(end)[2]
        else:
            text += f"\n{block}\n"
    card.write_text(text, encoding="utf-8")
