"""Who records a call, if anyone: the settings and the caller's consent decide."""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import msgspec

from tonewise import __version__, plugins
from tonewise.config import Config
from tonewise.engines import Engines
from tonewise.errors import ConfigError
from tonewise.keeping import Recording
from tonewise.peer import Greeting
from tonewise.recording.folder import About, Sealing
from tonewise.recording.recorder import Recorder
from tonewise.recording.retention import sweep

CONSENT = "recording_consent"
"""What a caller's `start` holds where they agree to be recorded."""


class Recorders:
    """Makes a recorder per call.

    Args:
        engines: what the calls are made with.
        keeping: what may be kept.
        environ: holds the key.
        calendar: the local time.
        troubled: told where a recording ended before its call. From any thread.

    Raises:
        ConfigError: recordings are to be encrypted and there is no key.
        PluginError: … and the package for it is not installed.
    """

    def __init__(
        self,
        engines: Engines,
        keeping: Recording,
        environ: Mapping[str, str],
        calendar: Callable[[], datetime] = datetime.now,
        troubled: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._engines, self._keeping = engines, keeping
        self._calendar, self._troubled = calendar, troubled
        self._seal = seal_of(keeping, environ) if keeping.folder and keeping.encrypt else None
        self._swept: object = None

    def of(self, greeting: Greeting, *, patient: bool = False) -> Recorder | None:
        """The recorder of a call; None where it is not to be recorded.

        Args:
            greeting: what is known when the call begins.
            patient: the call waits for the disk, as a replay can.
        """
        keeping, now = self._keeping, self._calendar().astimezone()
        if not keeping.folder:
            return None
        root = Path(keeping.folder)
        if root.is_dir() and self._swept != now.date():
            self._swept = now.date()
            threading.Thread(target=sweep, args=(root, now.date()), daemon=True).start()
        agreed = greeting.caller.get(CONSENT) is True
        if not agreed and keeping.consent == "required":
            return None
        return Recorder(
            _free(root, f"{now:%Y-%m-%dT%H-%M-%S}-{_file_name(greeting.call)}"),
            self._about(greeting, now, "given by the caller" if agreed else "assumed"),
            keeping,
            seal=self._seal,
            lead_in_s=self._engines.config.turns.lead_in,
            patient=patient,
            troubled=self._troubled,
        )

    def _about(self, greeting: Greeting, now: datetime, consent: str) -> About:
        days = self._keeping.keep_days
        return About(
            tonewise=__version__,
            call=greeting.call,
            wire=greeting.wire,
            began=now.isoformat(timespec="seconds"),
            language=greeting.language,
            consent=consent,
            delete_after=(now + timedelta(days=days)).date() if days else None,
            channels=("caller", "reply"),
            redacted=self._keeping.redact,
            encrypted=self._keeping.encrypt,
            config=fingerprint(self._engines),
            engines=self._engines.names,
            weights=weights(self._engines),
        )


def check(keeping: Recording, environ: Mapping[str, str]) -> None:
    """Could calls be recorded? Makes nothing yet.

    Raises:
        ConfigError: the folder cannot be made or written to, or there is no key.
        PluginError: the package that encrypts is not installed.
    """
    if not keeping.folder:
        return
    folder = Path(keeping.folder).absolute()
    there = next(each for each in (folder, *folder.parents) if os.access(each, os.F_OK))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        msg = f"recording.folder: {folder} cannot be made: {there} is no folder to write in"
        if there == folder:
            msg = f"recording.folder: {folder} is no folder to write in"
        raise ConfigError(msg)
    if keeping.encrypt:
        seal_of(keeping, environ)


def seal_of(keeping: Recording, environ: Mapping[str, str]) -> Sealing:
    """What encrypts recordings and opens them.

    Raises:
        ConfigError: there is no key.
        PluginError: the package for it is not installed.
    """
    key = environ.get(keeping.key_env, "")
    seal: Sealing = plugins.load("recording", "sealed", {"key": key, "key_env": keeping.key_env})
    return seal


def seal_for(config: Config, environ: Mapping[str, str]) -> Callable[[], Sealing]:
    """Opens sealed recordings with the key that the settings name, once one is met."""
    keeping = config.recording

    def seal() -> Sealing:
        if not environ.get(keeping.key_env):
            msg = (
                f"recording: this call is encrypted: put the key that it was recorded with into "
                f"${keeping.key_env}"
            )
            raise ConfigError(msg)
        return seal_of(keeping, environ)

    return seal


def fingerprint(engines: Engines) -> str:
    """SHA-256 of the settings: the same settings, the same fingerprint."""
    settings = msgspec.json.encode(engines.config, order="deterministic")
    return hashlib.sha256(settings).hexdigest()


def weights(engines: Engines) -> dict[str, str]:
    """SHA-256 of each stage's weights, where the engine tells its files in `weight_files`."""
    stages: dict[str, object] = {
        "vad": engines.vad,
        "stt": engines.stt,
        "acoustic": engines.acoustic,
        "routing": engines.policy,
    }
    files = {stage: getattr(engine, "weight_files", ()) for stage, engine in stages.items()}
    return {stage: _hashed(tuple(map(Path, paths))) for stage, paths in files.items() if paths}


@cache
def _hashed(paths: tuple[Path, ...]) -> str:
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()


def _file_name(call: str) -> str:
    return re.sub(r"[^\w.\-]+", "-", call).strip(".-")[:60] or "call"


def _free(root: Path, name: str) -> Path:
    number, path = 1, root / name
    while path.exists():
        number += 1
        path = root / f"{name}-{number}"
    return path
