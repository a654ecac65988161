"""A call as a folder: `call.toml`, `events.jsonl` and `call.flac`, plain or sealed.

    call.toml      what was recorded, by what, with whose consent
    events.jsonl   everything that happened, a line each
    call.flac      the caller on the first channel, our reply on the second

Sealed files bear the suffix `.sealed`. A folder that a killed process leaves has no end and can be
read up to there. Any folder with one recording in it is a call, too: `call.toml` may be absent.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import msgspec

from tonewise import __version__
from tonewise.errors import RecordingError
from tonewise.events import AnyEvent, from_json
from tonewise.facts import Scalar
from tonewise.recording import tables

FORMAT = 1
"""Of the folder. A newer one is refused, for what it means is not known."""

ABOUT, EVENTS, SOUND = "call.toml", "events.jsonl", "call.flac"
SEALED = ".sealed"
MAGIC = b"tonewise sealed 1\n"
"""What a sealed file begins with."""

SOUNDS = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".wma", ".webm"})

Voice = Literal["caller", "reply", "other"]
"""Who is on a channel: the caller, tonewise, or another party, as an agent."""


class About(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `call.toml` tells.

    Attributes:
        format: of the folder.
        tonewise: the version that recorded it.
        began: local time in ISO 8601.
        complete: the recording was brought to its end; a killed process leaves False.
        stopped: why the recording ended before the call did.
        seconds: of sound.
        consent: how the caller's agreement is known.
        delete_after: the last day on which it may be kept.
        channels: who speaks on each channel of the sound.
        engines: which implementation served each stage.
        weights: SHA-256 of each stage's weights, where the engine tells them.
        config: SHA-256 of the settings.
        redacted: what is masked.
        source: where an imported call comes from.
    """

    format: int = FORMAT
    tonewise: str = ""
    call: str = ""
    wire: str = ""
    began: str = ""
    complete: bool = True
    stopped: str | None = None
    seconds: float | None = None
    language: str | None = None
    consent: str = ""
    delete_after: date | None = None
    channels: tuple[Voice, ...] = ()
    redacted: tuple[str, ...] = ()
    encrypted: bool = False
    config: str = ""
    source: str | None = None
    engines: dict[str, str] = {}
    weights: dict[str, str] = {}
    caller: dict[str, Scalar] = {}


class Sealing(Protocol):
    """Seals files and opens them: `sealed.py`."""

    def chunk(self, name: str, number: int, data: bytes) -> bytes:
        """A chunk, sealed."""
        ...

    def opened(self, path: Path) -> BinaryIO:
        """A sealed file, as one that can be read."""
        ...


class CallFolder:
    """A recorded call on disk.

    Args:
        path: its folder.
        seal: opens what is sealed; asked for only where something is.

    Raises:
        RecordingError: no folder, no sound in it, or a `call.toml` that cannot be understood.
    """

    def __init__(self, path: Path, seal: Callable[[], Sealing] | None = None) -> None:
        self.path = path
        self._seal = seal
        if not path.is_dir():
            raise RecordingError(f"{path}: no such folder")
        self.about = about(path)
        self.sound = self._sound()

    @property
    def caller_channel(self) -> int | None:
        """From 0; None where it is not said."""
        named = self.about.channels
        return named.index("caller") if "caller" in named else None

    def opened(self, path: Path) -> BinaryIO:
        """One of its files, to be read."""
        if path.suffix != SEALED:
            return path.open("rb")
        if self._seal is None:
            raise RecordingError(f"{path}: sealed; its key is needed")
        return self._seal().opened(path)

    def events(self) -> tuple[AnyEvent, ...]:
        """What happened, as it was told; nothing where no events were kept.

        Raises:
            RecordingError: a line is no event. A torn last line of a killed process is left out.
        """
        path = _existing(self.path / EVENTS)
        if path is None:
            return ()
        with self.opened(path) as file:
            *lines, last = file.read().split(b"\n")
        if last and self.about.complete:
            raise RecordingError(f"{path}:{len(lines) + 1}: cut off in the middle of a line")
        found = []
        for number, line in enumerate(lines, 1):
            try:
                found.append(from_json(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise RecordingError(f"{path}:{number}: no event: {error}") from error
        return tuple(found)

    def _sound(self) -> Path:
        if own := _existing(self.path / SOUND):
            return own
        found = [path for path in sorted(self.path.iterdir()) if path.suffix.lower() in SOUNDS]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(path.name for path in found)
            raise RecordingError(f"{self.path}: one recording makes a call; here are {names}")
        raise RecordingError(f"{self.path}: no sound in it: {SOUND} or another recording")


def about(folder: Path) -> About:
    """What `call.toml` tells; the defaults where there is none.

    Raises:
        RecordingError: it cannot be understood, or a newer version wrote it.
    """
    path = folder / ABOUT
    if not path.exists():
        return About()
    text, table = tables.parsed(path)
    form = table.get("format", FORMAT)
    if isinstance(form, int) and form > FORMAT:
        line = tables.line_of(text, ("format",))
        by = table.get("tonewise", "a newer version")
        msg = f"{path}:{line}: format {form}, written by tonewise {by}; this is tonewise"
        raise RecordingError(f"{msg} {__version__}, which reads format {FORMAT}: update it")
    return tables.read(path, About)


def write_about(folder: Path, told: About) -> None:
    """Write `call.toml`, so that there is a whole one at any moment."""
    draft = folder / f".{ABOUT}"
    draft.write_text(about_as_text(told), encoding="utf-8")
    draft.replace(folder / ABOUT)


def about_as_text(told: About) -> str:
    """What stands in `call.toml`."""
    table = {field: getattr(told, field) for field in told.__struct_fields__}
    kept = {key: value for key, value in table.items() if value not in ("", (), {}, None)}
    return tables.written(kept)


class Kept:
    """A file of a recording: every piece is on its way to the disk when `write` returns."""

    def __init__(self, path: Path, seal: Sealing | None) -> None:
        self._name = path.name + (SEALED if seal else "")
        self._seal = seal
        self._number = 0
        self._begin = len(MAGIC) if seal else 0
        self._file = path.with_name(self._name).open("xb", buffering=0)
        if seal:
            self._file.write(MAGIC)

    def write(self, piece: bytes) -> None:
        """Append a piece."""
        self._file.write(self._shut(self._number, piece))
        self._number += 1

    def rewrite_first(self, piece: bytes) -> None:
        """Write the first piece anew, with as many bytes as before."""
        self._file.seek(self._begin)
        self._file.write(self._shut(0, piece))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _shut(self, number: int, piece: bytes) -> bytes:
        return self._seal.chunk(self._name, number, piece) if self._seal else piece


def _existing(path: Path) -> Path | None:
    sealed = path.with_name(path.name + SEALED)
    return next((each for each in (path, sealed) if each.is_file()), None)
