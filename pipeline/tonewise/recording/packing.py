"""A recorded call as one ZIP file, to be taken away: opened, should it be sealed on the disk."""

import shutil
import zipfile
from pathlib import Path
from typing import BinaryIO

from msgspec.structs import replace

from tonewise.recording.folder import ABOUT, SEALED, CallFolder, about_as_text
from tonewise.recording.retention import OURS


def pack(call: CallFolder, into: BinaryIO) -> None:
    """Write the files of a recording as a ZIP. FLAC gains nothing by being packed, text does.

    Args:
        call: brought to its end.
        into: takes the ZIP; can be sought in.

    Raises:
        RecordingError: a sealed file cannot be opened.
    """
    name = call.path.name
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{name}/{ABOUT}", about_as_text(replace(call.about, encrypted=False)))
        for file in _kept(call.path):
            member = zipfile.ZipInfo(f"{name}/{file.name.removesuffix(SEALED)}")
            member.compress_type = zipfile.ZIP_DEFLATED
            if file.name.removesuffix(SEALED).endswith(".flac"):
                member.compress_type = zipfile.ZIP_STORED
            member.external_attr = 0o600 << 16
            with call.opened(file) as source, packed.open(member, "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink, 1 << 18)


def _kept(folder: Path) -> list[Path]:
    return [folder / name for name in OURS if name != ABOUT and (folder / name).is_file()]
