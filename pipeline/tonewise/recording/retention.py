"""Deletes recordings whose time is over."""

from datetime import date
from pathlib import Path

from tonewise.errors import RecordingError
from tonewise.recording.folder import ABOUT, EVENTS, SEALED, SOUND, about

OURS = tuple(name + suffix for name in (EVENTS, SOUND, ABOUT) for suffix in (SEALED, ""))
"""The files that the recorder makes; the one that tells the day goes last."""


def sweep(root: Path, today: date) -> list[Path]:
    """Delete what may not be kept any longer; the folders that were deleted.

    Only what the recorder made is deleted: a folder that holds more keeps the rest. A folder whose
    `call.toml` names no day, or cannot be read, is left alone.
    """
    return [path for path in sorted(root.glob("*/")) if _is_over(path, today) and delete(path)]


def _is_over(folder: Path, today: date) -> bool:
    try:
        last = about(folder).delete_after
    except RecordingError:
        return False
    return last is not None and last < today


def delete(folder: Path) -> bool:
    """Delete what the recorder made of a call, and the folder if it holds nothing else."""
    for name in OURS:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
    return True
