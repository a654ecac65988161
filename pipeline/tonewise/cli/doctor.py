"""`tonewise doctor`: what is installed, what will be used, what is missing and how to get it."""

import importlib.metadata
import os
import platform
import re
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from tonewise import __version__, assets
from tonewise.cli import config_option, folded, width
from tonewise.errors import TonewiseError

if TYPE_CHECKING:
    from tonewise.config import Config
    from tonewise.default_models import Model
    from tonewise.keeping import Recording
    from tonewise.settings import Router, Shadow

DECODERS = ("pcm_s16le", "pcm_mulaw", "pcm_alaw", "flac", "mp3", "vorbis", "opus", "aac")


NAMES = 26
"""Characters of the column with the names."""

FETCH = "; to fetch it: "
"""What comes behind it in an engine's notice is a command."""

TESTS_ONLY = ("all", "dev", "telephony-tests")
"""Extras that bring nothing that a call could use."""


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that was looked at.

    Attributes:
        ok: it is there and works.
        fix: what to type, or to set, where it is not; also how to get something better.
        needed: no call can be answered without it.
    """

    section: str
    name: str
    ok: bool
    detail: str
    fix: str = ""
    needed: bool = True


@click.command("doctor")
@config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def command(config_file: Path | None, as_json: bool) -> None:
    """Tell what is installed, what a call would use, and how to get what is missing.

    Loads every engine that the settings name, but calls nobody. Keys are told of by their names,
    never by their values. Exits with 0 if a call could be answered now, else with 1.
    """
    findings = []
    for finding in examine(config_file):
        findings.append(finding)
        if not as_json:
            new = len(findings) == 1 or findings[-2].section != finding.section
            _write(finding, heading=new)
    lacking = [finding for finding in findings if finding.needed and not finding.ok]
    if as_json:
        told = {"version": __version__, "ready": not lacking, "findings": findings}
        click.echo(msgspec.json.encode(told))
    elif lacking:
        names = ", ".join(finding.name for finding in lacking)
        click.secho(f"\nNot ready: no call can be answered without {names}.", fg="red", bold=True)
    else:
        click.secho("\nReady: a call can be answered.", fg="green", bold=True)
    sys.exit(1 if lacking else 0)


def _write(finding: Finding, *, heading: bool) -> None:
    if heading:
        click.secho(f"\n{finding.section}", bold=True)
    mark, color = ("no", "red") if finding.needed else (" -", "yellow")
    if finding.ok:
        mark, color = "ok", "green"
    line = f"  {click.style(mark, fg=color)}  {finding.name:<{NAMES}} {finding.detail}"
    click.echo(folded(line, NAMES + 7, width()))
    if finding.fix:  # in one piece, to be copied
        click.echo(f"      {click.style(finding.fix, fg='cyan')}")


def examine(config_file: Path | None) -> Iterator[Finding]:
    """Everything that was found, as it is found."""
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    yield Finding("Machine", "tonewise", True, f"{__version__} in {Path(__file__).parents[1]}")
    yield Finding("Machine", "Python", True, f"{platform.python_version()} on {system}")
    yield from _packages()
    yield from _files()
    yield from _settings(config_file)


def _packages() -> Iterator[Finding]:
    """What pyproject.toml asks for; an extra is never needed, and what only tests use is left out.

    A requirement reads `av>=14` or `webrtcvad-wheels>=2; extra == "webrtcvad"`.
    """
    try:
        requirements = importlib.metadata.requires("tonewise") or ()
    except importlib.metadata.PackageNotFoundError:
        yield Finding("Packages", "tonewise", False, "runs uninstalled", "./scripts/run", False)
        return
    wanted: dict[str, tuple[str, bool, list[str]]] = {}
    for requirement in requirements:
        text, _, marker = (part.strip() for part in requirement.partition(";"))
        found = re.match(r"[\w.-]+", text)
        extra = re.search(r"""extra == ['"]([\w-]+)['"]""", marker)
        if extra and extra[1] in TESTS_ONLY:
            continue
        needed = not extra and "sys_platform" not in marker
        _, _, extras = wanted.setdefault(found[0] if found else text, (text, needed, []))
        extras += [extra[1]] if extra else []
    for name, (text, needed, extras) in wanted.items():
        try:
            version, fix = importlib.metadata.version(name), ""
        except importlib.metadata.PackageNotFoundError:
            version, fix = "", f"python -m pip install '{text}'"
        lacking = "not installed" if needed else "not installed; optional"
        lacking += f", for {' and '.join(extras)}" if extras else ""
        yield Finding("Packages", name, bool(version), version or lacking, fix, needed)


def _files() -> Iterator[Finding]:
    yield _checked("Files", "web/", lambda: str(assets.folder("web")), needed=False)
    yield _checked("Files", "models/", lambda: str(assets.folder("models")), needed=False)
    yield _checked("Files", "audio formats", _decoding)
    yield _checked("Files", "sample call", _sample, needed=False)


def _checked(
    section: str, name: str, check: Callable[[], str], *, needed: bool = True, fix: str = ""
) -> Finding:
    """What `check` says, or what went wrong in it."""
    try:
        return Finding(section, name, True, check(), needed=needed)
    except Exception as error:  # noqa: BLE001 - a doctor tells of every ailment and goes on
        kind = "" if isinstance(error, TonewiseError | OSError) else f"{type(error).__name__}: "
        return Finding(section, name, False, f"{kind}{error}", fix, needed)


def _decoding() -> str:
    import av

    for name in DECODERS:
        av.Codec(name, "r")
    versions = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"{', '.join(DECODERS)} (PyAV {av.__version__}, libavcodec {versions})"


def _sample() -> str:
    from tonewise import audio, audio_file

    sample = min((assets.folder("web") / "samples").glob("*.flac"))
    return f"{sample} decodes to {len(audio_file.read(sample)) / audio.RATE:.1f} s"


# ---------------------------------------------------------------- what a call would use


def _settings(config_file: Path | None) -> Iterator[Finding]:
    from tonewise import config

    here = "tonewise.toml" if Path("tonewise.toml").is_file() else ""
    place = str(config_file or os.environ.get("TONEWISE_CONFIG") or here or "defaults, no file")
    try:
        settings = config.load(config_file, os.environ)
    except TonewiseError as error:
        yield Finding("Settings", "configuration", False, str(error))
        return
    own = [f"${name}" for name in sorted(os.environ) if re.match("TONEWISE_[A-Z]+__", name)]
    yield Finding("Settings", "configuration", True, ", ".join([place, *own]))
    yield _port(settings)
    yield from _interfaces(settings)
    yield from _keys(settings)
    yield from _engines(settings)
    for model in settings.models:
        yield _model(model)
    if all(model.use == "demo" for model in settings.models):
        told = "none is configured: the demo responder answers, and says so"
        fix = "export OPENAI_API_KEY=... (or another of the keys above)"
        yield Finding("Models", "a real model", False, told, fix, needed=False)


def _port(settings: "Config") -> Finding:
    host, port = settings.server.host, settings.server.port
    detail = f"{host} port {port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=1)[0]
        with socket.socket(family, kind, protocol) as door:
            # As the server does: a port that was in use a moment ago is free.
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(address)
    except OSError as error:
        detail += f" cannot be had: {error.strerror}"
        return Finding("Settings", "server", False, detail, "tonewise serve --port 0", needed=False)
    return Finding("Settings", "server", True, f"{detail} is free", needed=False)


def _keys(settings: "Config") -> Iterator[Finding]:
    from tonewise.default_models import DEFAULT_MODELS

    named = [*DEFAULT_MODELS, *(model.options.get("api_key_env") for model in settings.models)]
    named += [client.token_env for client in settings.clients]
    for name in dict.fromkeys([*named, settings.server.token_env]):
        if name:
            is_set = bool(os.environ.get(name))
            yield Finding("Keys", name, is_set, "set" if is_set else "not set", needed=False)


def _interfaces(settings: "Config") -> Iterator[Finding]:
    """What the server would refuse to start with. The database itself is not asked."""
    from tonewise.api.clients import Clients
    from tonewise.store.database import Address
    from tonewise.store.ledger import Ledger

    def clients() -> str:
        Clients(settings, os.environ, Ledger())
        return ", ".join(client.name for client in settings.clients)

    def traces() -> str:
        from tonewise.observing import otlp

        return f"{settings.telemetry.traces}, by {otlp.__name__}"

    yield _checked("Settings", "store", lambda: Address(settings.store, os.environ).shown)
    if settings.clients:
        yield _checked("Settings", "clients", clients)
    if settings.recording.folder:
        yield _checked("Settings", "recording", lambda: _recording(settings.recording))
    if settings.telemetry.traces:
        fix = "python -m pip install 'tonewise[traces]'"
        yield _checked("Settings", "traces", traces, fix=fix)


def _recording(keeping: "Recording") -> str:
    """Where calls are recorded; nobody would learn from a call that it could not be."""
    from tonewise import recorders

    recorders.check(keeping, os.environ)
    folder = Path(keeping.folder).absolute()
    return f"into {folder}" + (", encrypted" if keeping.encrypt else "")


def _engines(settings: "Config") -> Iterator[Finding]:
    from tonewise import engines, plugins

    for stage in ("vad", "stt", "acoustic", "endpoint", "tts"):

        def load(stage: str = stage) -> str:
            section = getattr(settings, stage)
            use, engine = section.use, plugins.load(stage, section.use, section.options)
            if engine is None:
                return f"{use}: none; pip install 'tonewise[offline]' brings a voice"
            notice: str = getattr(engine, "notice", "")
            # Of weights that were trained here: what a deployer may do with them.
            licence: str = getattr(engine, "license", "")
            return f"{use}: {notice or engine.name}" + (f"; licence {licence}" if licence else "")

        found = _checked("Engines", stage, load)
        detail, _, fix = found.detail.partition(FETCH)
        yield msgspec.structs.replace(found, detail=detail, fix=fix)

    for name, section in (("routing", settings.router), ("shadow", settings.router.shadow)):

        def load_policy(section: "Router | Shadow" = section) -> str:
            return f"{section.use}: {engines.load_policy(settings, section).name}"

        if section.use:
            yield _checked("Engines", name, load_policy)


def _model(model: "Model") -> Finding:
    from tonewise import plugins

    def load() -> str:
        plugins.load("llm", model.use, model.options)
        return f"{model.route} route, by {model.use}"

    return _checked("Models", model.name, load)
