"""The clips a corpus offers: one manifest format, and three official layouts read by file name.

A corpus is a folder with a `manifest.csv` (columns path, speaker, sex, label, intensity, text,
seconds at least), or an untouched download of CREMA-D, RAVDESS or EmoDB, recognised by its files'
names. Speakers are unique over all corpora; everything is split by them.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path

# What the network tells apart while it is trained. Calm and boredom are folded into neutral in the
# shipped graph; they are kept apart here so that RAVDESS's eight and EmoDB's seven can be measured.
CLASSES = (
    "neutral",
    "calm",
    "happiness",
    "sadness",
    "anger",
    "fear",
    "disgust",
    "surprise",
    "boredom",
)

# What is shipped, and which of CLASSES count as what.
LABELS = ("neutral", "happiness", "sadness", "anger", "fear", "disgust", "surprise")
FOLDED = {"calm": "neutral", "boredom": "neutral"}
KINDS = tuple(tuple(i for i, c in enumerate(CLASSES) if FOLDED.get(c, c) == n) for n in LABELS)

# Arousal and valence that a label stands for: ACOUSTICS.md section 6.2. Priors, not ratings.
AROUSAL = {
    "neutral": 0.45,
    "calm": 0.3,
    "happiness": 0.75,
    "sadness": 0.3,
    "anger": 0.85,
    "fear": 0.75,
    "disgust": 0.55,
    "surprise": 0.75,
    "boredom": 0.2,
    "arousal_low": 0.25,
    "arousal_normal": 0.45,
    "arousal_high": 0.8,
}
VALENCE = {
    "neutral": 0.5,
    "calm": 0.6,
    "happiness": 0.8,
    "sadness": 0.25,
    "anger": 0.2,
    "fear": 0.25,
    "disgust": 0.25,
    "surprise": 0.55,
    "boredom": 0.4,
}
HIGH = frozenset({"happiness", "anger", "fear", "surprise", "arousal_high"})
LOW = frozenset({"neutral", "calm", "sadness", "boredom", "arousal_low"})

LICENCES = {
    "ravdess": "CC BY-NC-SA 4.0",
    "emodb": "CC0-1.0",
    "nemo": "CC BY-NC-SA 4.0",
    "ased": "none stated",
    "emospeech_commands": "CC BY-NC-SA 4.0",
    "baved": "none stated",
    "casia": "research only",
    "cremad_sample": "ODbL 1.0",
    "cremad": "ODbL 1.0",
    "emogator": "Apache-2.0",
    "thorsten_emotional_samples": "CC0-1.0",
    "subesco": "CC BY 4.0",
    "mesd": "CC BY 4.0",
    "emozionalmente": "CC BY 4.0",
}
OPEN = frozenset({"CC0-1.0", "Apache-2.0", "ODbL 1.0", "CC BY 4.0"})
LANGUAGES = {
    "ravdess": "en",
    "emodb": "de",
    "nemo": "pl",
    "ased": "am",
    "emospeech_commands": "hi/en",
    "baved": "ar",
    "casia": "zh",
    "cremad_sample": "en",
    "cremad": "en",
    "thorsten_emotional_samples": "de",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: where it lies, who speaks, what is acted.

    `label` is one of CLASSES, one of baved's three levels of arousal, or another word that the
    network has no class for. `intensity` is "normal", "strong" or "" where nothing is told.
    """

    corpus: str
    path: str
    speaker: str
    sex: str
    label: str
    intensity: str
    text: str


RAVDESS_EMOTIONS = dict(
    zip(
        ("01", "02", "03", "04", "05", "06", "07", "08"),
        ("neutral", "calm", "happiness", "sadness", "anger", "fear", "disgust", "surprise"),
        strict=True,
    )
)
RAVDESS_TEXTS = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
EMODB_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
EMODB_MEN = frozenset({"03", "10", "11", "12", "15"})
CREMAD_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
CREMAD_INTENSITY = {"LO": "low", "MD": "normal", "HI": "strong", "XX": ""}


def from_ravdess(name: str) -> Clip | None:
    """Reads RAVDESS's name of an audio-only speech file: 03-01-05-02-01-02-07.wav."""
    found = re.fullmatch(r"03-01-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)\.\w+", Path(name).name)
    if found is None:
        return None
    emotion, intensity, text, _, actor = found.groups()
    return Clip(
        "ravdess",
        name,
        f"ravdess_{actor}",
        "M" if int(actor) % 2 else "F",
        RAVDESS_EMOTIONS[emotion],
        "strong" if intensity == "02" else "normal",
        RAVDESS_TEXTS[text],
    )


def from_emodb(name: str) -> Clip | None:
    """Reads EmoDB's name of a file: 03a01Fa.wav is speaker 03, text a01, happiness, take a."""
    found = re.fullmatch(r"(\d\d)([ab]\d\d)([WLEAFTN])[a-z]\.\w+", Path(name).name)
    if found is None:
        return None
    speaker, text, emotion = found.groups()
    sex = "M" if speaker in EMODB_MEN else "F"
    return Clip("emodb", name, f"emodb_{speaker}", sex, EMODB_EMOTIONS[emotion], "", text)


def from_cremad(name: str, sexes: dict[str, str] | None = None) -> Clip | None:
    """Reads CREMA-D's name of a file: 1001_DFA_ANG_XX.wav; `sexes` is by actor, where known."""
    found = re.fullmatch(
        r"(1\d{3})_([A-Z]{3})_(ANG|DIS|FEA|HAP|NEU|SAD)_(LO|MD|HI|XX?)\.\w+", Path(name).name
    )
    if found is None:
        return None
    actor, text, emotion, intensity = found.groups()
    return Clip(
        "cremad",
        name,
        f"cremad_{actor}",
        (sexes or {}).get(actor, ""),
        CREMAD_EMOTIONS[emotion],
        CREMAD_INTENSITY.get(intensity, ""),
        text,
    )


AUDIO = frozenset({".wav", ".flac", ".opus", ".ogg", ".mp3"})


def read_layout(folder: Path) -> list[Clip]:
    """The clips of an untouched download, by their files' names; other files are left."""
    sexes: dict[str, str] = {}
    for table in folder.rglob("VideoDemographics.csv"):
        with table.open(newline="") as lines:
            sexes = {row["ActorID"]: row["Sex"][:1] for row in csv.DictReader(lines)}
    clips = []
    for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in AUDIO):
        name = path.relative_to(folder).as_posix()
        clip = from_ravdess(name) or from_emodb(name) or from_cremad(name, sexes)
        if clip is not None:
            clips.append(clip)
    return clips


def read_manifest(folder: Path) -> list[Clip]:
    """The clips of a folder with a manifest."""
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as lines:
        return [
            Clip(
                folder.name,
                row["path"],
                row["speaker"],
                row.get("sex", ""),
                row["label"],
                row.get("intensity", ""),
                row.get("text", ""),
            )
            for row in csv.DictReader(lines)
        ]


def read_corpus(folder: Path) -> list[Clip]:
    """The clips of a corpus, sorted by path.

    Raises:
        ValueError: The folder has neither a manifest nor files of a known layout.
    """
    has_manifest = (folder / "manifest.csv").is_file()
    clips = read_manifest(folder) if has_manifest else read_layout(folder)
    if not clips:
        raise ValueError(f"{folder}: no manifest.csv, and no CREMA-D, RAVDESS or EmoDB file names")
    return sorted(clips, key=lambda clip: clip.path)


def is_open(corpus: str) -> bool:
    """Whether the corpus's licence lets anybody use what was trained on it."""
    return LICENCES.get(corpus, "") in OPEN
