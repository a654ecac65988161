"""The pytest plug-in: every call folder under `tests/calls` is a test, by being there.

    [tool.tonewise]                       # in pyproject.toml; this is all of it, and optional
    config = "tonewise.toml"              # settings, beside pyproject.toml
    calls = ["tests/calls"]               # folders that hold a folder per call
    recorded = ["llm"]                    # stages that are taken from the recordings

A call is replayed and its `expect.toml` is checked; without one it must only be replayed without a
failing stage. A test of your own that asks for the fixture `call` runs once for every call, and
`replay` replays one.
"""

# Imported by every pytest run on a machine where tonewise is installed: what is heavy is imported
# when the first call is met.

import asyncio
import os
import threading
import tomllib
from collections.abc import Callable, Collection, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from tonewise.engines import Engines
    from tonewise.replaying.rehearsal import Replayed

T = TypeVar("T")
_KEY = pytest.StashKey["Rehearsals"]()


@dataclass(slots=True)
class Section:
    """`[tool.tonewise]` of pyproject.toml."""

    root: Path
    config: str | None = None
    calls: list[str] = field(default_factory=lambda: ["tests/calls"])
    recorded: list[str] = field(default_factory=list)

    @property
    def folders(self) -> list[Path]:
        """That hold a folder per call."""
        return [(self.root / folder).resolve() for folder in self.calls]


class Rehearsals:
    """Replays calls for one pytest process: the engines are loaded once, by the first call."""

    def __init__(self, section: Section, *, update: bool) -> None:
        self.section = section
        self.update = update
        self._engines: Engines | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def replay(
        self, path: Path, recorded: Collection[str] | None = None, channel: int | None = None
    ) -> "Replayed":
        """Replay a call; what is not said here is as pyproject.toml has it."""
        from tonewise.recorders import seal_for  # noqa: PLC0415
        from tonewise.replaying import rehearsal  # noqa: PLC0415

        engines = self._loaded()
        source = rehearsal.Source(path, channel, seal_for(engines.config, os.environ))
        stages = self.section.recorded if recorded is None else recorded
        stages = stages if source.recorded else ()
        return self._run(rehearsal.replay(engines, source, recorded=stages))

    def close(self) -> None:
        """Let go of the engines."""
        if self._engines:
            self._run(self._engines.aclose())
        if self._loop:
            self._loop.call_soon_threadsafe(self._loop.stop)

    def _loaded(self) -> "Engines":
        from tonewise import config, engines  # noqa: PLC0415

        if self._engines is None:
            named = self.section.config
            path = self.section.root / named if named else None
            self._engines = engines.load(config.load(path, os.environ))
        return self._engines

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """In a loop of our own, for a test may have one that runs."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_turn, args=(self._loop,), daemon=True).start()
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


class CallFolder(pytest.Directory):
    """The folder of a call."""

    def collect(self) -> Iterator[pytest.Item]:
        """One test."""
        yield CallTest.from_parent(self, name="replay")


class CallDisappointsError(Exception):
    """What is expected of a call did not come."""


class CallTest(pytest.Item):
    """Replays a call and checks what is expected of it."""

    def runtest(self) -> None:
        """Replay, and compare."""
        from tonewise.replaying import expectations, expecting  # noqa: PLC0415

        rehearsals = self.config.stash[_KEY]
        path = self.path / expectations.FILE
        wanted = expectations.read(path) if path.exists() else None
        played = rehearsals.replay(self.path)
        if played.error:
            raise played.error
        if rehearsals.update:
            expecting.write(path, expecting.updated(wanted, played.events))
            return
        found = expectations.disappointments(wanted or expectations.Expectations(), played.events)
        if found:
            raise CallDisappointsError(expectations.told(found))

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - as pytest types it
        """What a person needs to see; no traceback for what is no slip of ours."""
        from tonewise.errors import TonewiseError  # noqa: PLC0415

        if isinstance(excinfo.value, CallDisappointsError | TonewiseError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Where it is."""
        return self.path, 0, f"call {self.path.name}"


# ---------------------------------------------------------------- hooks


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option that writes expectations."""
    parser.getgroup("tonewise").addoption(
        "--update-calls",
        action="store_true",
        help="write expect.toml of every call anew from what its replay gives",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Read pyproject.toml."""
    update = config.getoption("--update-calls")
    config.stash[_KEY] = Rehearsals(_section(config.rootpath), update=update)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let go of the engines."""
    if rehearsals := config.stash.get(_KEY, None):
        rehearsals.close()


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A folder in a folder of calls is a test."""
    section = parent.config.stash[_KEY].section
    if path.resolve().parent in section.folders and not path.name.startswith((".", "_")):
        return CallFolder.from_parent(parent, path=path)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `call` runs once for every call."""
    if "call" not in metafunc.fixturenames or not _is_ours(metafunc):
        return
    section = metafunc.config.stash[_KEY].section
    found = [
        path
        for folder in section.folders
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith((".", "_"))
    ]
    metafunc.parametrize("call", found, ids=[path.name for path in found], indirect=True)


def _is_ours(metafunc: pytest.Metafunc) -> bool:
    """Is `call` our fixture, and not one of the same name in the user's tests?"""
    definitions = metafunc.definition._fixtureinfo.name2fixturedefs.get("call", ())
    return bool(definitions) and definitions[-1].func.__module__ == __name__


def _section(root: Path) -> Section:
    path = root / "pyproject.toml"
    if not path.is_file():
        return Section(root)
    told = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {}).get("tonewise", {})
    known = ("config", "calls", "recorded")
    for key, value in told.items():
        if key not in known:
            msg = f"{path}: [tool.tonewise] has no key {key!r}; it has {', '.join(known)}"
            raise pytest.UsageError(msg)
        right = isinstance(value, str) if key == "config" else _are_texts(value)
        if not right:
            kind = "a text" if key == "config" else "a list of texts"
            raise pytest.UsageError(f"{path}: [tool.tonewise]: {key} is {kind}, not {value!r}")
    return Section(root, **told)


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


# ---------------------------------------------------------------- fixtures


@pytest.fixture
def call(request: pytest.FixtureRequest) -> Path:
    """The folder of a call; the test runs once for every one."""
    path: Path = request.param
    return path


@pytest.fixture(scope="session")
def replay(request: pytest.FixtureRequest) -> Callable[..., "Replayed"]:
    """Replays a call: `replay(path, recorded=["stt"], channel=None)`, with `.turns`, `.events`."""
    from tonewise.errors import TonewiseError  # noqa: PLC0415

    rehearsals = request.config.stash[_KEY]

    def replayed(
        path: Path, recorded: Collection[str] | None = None, channel: int | None = None
    ) -> "Replayed":
        try:
            played: Replayed = rehearsals.replay(path, recorded, channel)
        except TonewiseError as error:  # as a setting with a typo: no line of ours explains it
            pytest.fail(str(error), pytrace=False)
        return played

    return replayed
