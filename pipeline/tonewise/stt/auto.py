"""Takes the best engine that is there: Whisper where its weights are on disk, else Moonshine.

It never uses the network. What it chose, and the command that would fetch Whisper, is in `notice`.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from tonewise import plugins
from tonewise.errors import PluginError
from tonewise.stages import SttEngine, SttStream

DEFAULT_MODEL = "small.en"

_FETCH = 'python -c "from faster_whisper import download_model; download_model({model!r})"'

_ALIASES = {
    "large": "large-v3",
    "turbo": "large-v3-turbo",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}
"""faster-whisper's short names that do not tell the repository."""


class Auto:
    """The chosen engine.

    Attributes:
        name: the chosen engine's own.
        chosen: the chosen engine's name as a plug-in.
        notice: one sentence: what was chosen, why, and what else could be had.
    """

    def __init__(self, engine: SttEngine, chosen: str, notice: str) -> None:
        self.name = engine.name
        self.chosen = chosen
        self.notice = notice
        self.weight_files = getattr(engine, "weight_files", ())
        self._engine = engine

    def open(self, language: str | None = None) -> SttStream:
        """STT for one call, by the chosen engine."""
        return self._engine.open(language)


def load(
    model: str = DEFAULT_MODEL,
    whisper: Mapping[str, Any] | None = None,
    moonshine: Mapping[str, Any] | None = None,
) -> Auto:
    """The best engine that needs no network.

    Args:
        model: the Whisper model to look for: a name, a Hugging Face id or a folder.
        whisper: options for `faster_whisper`, should it be chosen.
        moonshine: options for `moonshine`, should it be chosen.

    Raises:
        PluginError: neither can be loaded; the message says how to get them.
    """
    options = dict(whisper or {})
    fetch = _FETCH.format(model=model)
    if on_disk(model, options.get("cache")):
        try:
            engine = _load("faster_whisper", {"model": model, **options})
        except PluginError as error:
            why = f"Whisper {model!r} is on disk but cannot be loaded ({error})"
        else:
            notice = f"STT is {engine.name}: its weights are on disk."
            return Auto(engine, "faster_whisper", notice)
    else:
        why = f"no Whisper {model!r} is on disk; to fetch it: {fetch}"
    try:
        engine = _load("moonshine", moonshine or {})
    except PluginError as error:
        msg = f"no STT engine is at hand. Whisper: {why}. Moonshine: {error}"
        raise PluginError(msg) from error
    return Auto(engine, "moonshine", f"STT is {engine.name} (English): {why}")


def on_disk(model: str, cache: str | None = None) -> bool:
    """Are the weights of a Whisper model here? Looks at files only.

    Args:
        model: a name ("small.en"), a Hugging Face id ("Systran/faster-whisper-small.en") or a
            folder.
        cache: Hugging Face's cache; None takes the place that its environment variables tell.
    """
    if (Path(model).expanduser() / "model.bin").is_file():
        return True
    root = Path(cache).expanduser() if cache else _cache()
    return any(root.glob(f"models--{_repository(model)}/snapshots/*/model.bin"))


def _load(use: str, options: Mapping[str, Any]) -> SttEngine:
    return cast("SttEngine", plugins.load("stt", use, options))


def _repository(model: str) -> str:
    """The cache's folder name for a model, as a pattern: faster-whisper's names have many homes."""
    name = _ALIASES.get(model, model)
    if "/" in name:
        return name.replace("/", "--")
    distilled = name.removeprefix("distil-")
    return f"*--faster-{'distil-' if distilled != name else ''}whisper-{distilled}"


def _cache() -> Path:
    """As huggingface_hub finds it; importing it would cost more than looking."""
    if place := os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE"):
        return Path(place).expanduser()
    if home := os.environ.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser() / "huggingface" / "hub"
