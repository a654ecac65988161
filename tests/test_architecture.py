"""The rules that keep the house habitable, checked on the source."""

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tonewise

PACKAGE = Path(tonewise.__file__).parent

# The house, the roof above. A name that ends in / is a room: a folder whose files belong together.
# In the middle a turn is worked on, by engines that know nothing of each other. An indented line
# goes on with the floor above it.
HOUSE = """
server application doorkeeper following front_door signalling switchboard telephony transfers
  handover posting gate reception trunks call_options shelf api/ observing/ phones/ cli/
  pytest_plugin __main__
replaying/
aftermath call chronicle courtesy decision decision_in_words dialogue engines experience
  head_start joining listener masking mouth partials recorders reply spare start voice warming
  wishes
acoustic/ conditions/ ear dialects/ endpoint/ learning/ llm/ recording/ routing/ store/
  stt/ transports/ tts/ vad/
backchannel config consent contours default_models echo floor inworld keeping keypad loudness
  moments operating peer pitch plan_in_words plugins providers pseudonyms routes settings speaker
  stages timeline tuning turns wire/
assets audio audio_file errors events facts live_events plan records
"""
FLOORS = [line.split() for line in reversed(HOUSE.strip().replace("\n  ", " ").splitlines())]
PURE = (*FLOORS[0], *FLOORS[1], "ear", "dialects/", "learning/", "routing/")
IMPURE = {"asyncio", "httpx2", "random", "secrets", "socket", "threading", "time", "websockets"}
# stages.py and peer.py only promise, in Protocols, what llm/, tts/ and transports/ keep.
ASYNC = ("stages", "peer", "llm/", "transports/", "tts/", *FLOORS[3], *FLOORS[4], *FLOORS[5])
VAGUE = {"utils", "util", "helpers", "base", "common", "manager", "misc"}
PARENTS = {"Protocol", "Exception", "Enum", "StrEnum", "Generic[T]", "NamedTuple", "msgspec.Struct"}
FRAMEWORK_PARENTS = {
    "HttpToolsProtocol",
    "click.Group",
    "io.RawIOBase",
    "pytest.Directory",
    "pytest.Item",
}

FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text()) for path in FILES}


def place(path: Path) -> str:
    """The name under which FLOORS lists a file: its own, or its room's."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0] + "/" if len(parts) > 1 else parts[0]


def floor(name: str) -> int:
    return next((number for number, names in enumerate(FLOORS) if name in names), -1)


def imports(path: Path) -> Iterator[str]:
    """Every dotted name that a file imports: at its top, inside functions, for type checking."""
    for node in ast.walk(TREES[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write imports in full"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if own_file(inner) else str(node.module)


def own_file(dotted: str) -> Path | None:
    """The file of a module of ours; None for everything else."""
    top, *rest = dotted.split(".")
    stem = PACKAGE.joinpath(*rest)
    files = (stem.with_suffix(".py"), stem / "__init__.py") if rest else (PACKAGE / "__init__.py",)
    return next((file for file in files if top == "tonewise" and file in TREES), None)


def own_imports(path: Path) -> Iterator[Path]:
    """The files of ours that a file imports; the bare package, with its version, lies under all."""
    files = {own_file(name) for name in imports(path)} - {None, PACKAGE / "__init__.py", path}
    return (file for file in files if file)


def each_file() -> list[Path]:
    return [path for path in FILES if path != PACKAGE / "__init__.py"]


def test_every_file_has_its_place_in_the_house():
    assert [place(path) for path in each_file() if floor(place(path)) < 0] == []


def test_a_file_imports_only_from_floors_below_and_rooms_do_not_import_each_other():
    wrong = []
    for path in each_file():
        here = place(path)
        for file in own_imports(path):
            there = place(file)
            beside = floor(here) == floor(there) and here not in FLOORS[2]
            if not (floor(there) < floor(here) or here == there or beside):
                wrong.append(f"{path.relative_to(PACKAGE)} imports {file.relative_to(PACKAGE)}")
    assert wrong == []


def test_no_file_imports_itself_by_a_detour():
    graphlib.TopologicalSorter({path: set(own_imports(path)) for path in FILES}).prepare()


def test_the_pure_floors_know_no_clock_no_socket_no_thread_and_no_chance():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in each_file()
        if place(path) in PURE
        for name in imports(path)
        if name.split(".")[0] in IMPURE
    ]
    assert wrong == []


def test_only_what_waits_is_async():
    wrong = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in each_file()
        if place(path) not in ASYNC
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await)
    ]
    assert wrong == []


def test_files_are_short():
    lengths = {path.relative_to(PACKAGE): len(path.read_text().splitlines()) for path in FILES}
    assert {path: count for path, count in lengths.items() if count > 300} == {}


def test_functions_are_short():
    long = [
        f"{path.relative_to(PACKAGE)}:{node.lineno} {node.name}: {lines} lines"
        for path in FILES
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := code_lines(node)) > 40
    ]
    assert long == []


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """From `def` to the end, the docstring left out: telling more must not cost anything."""
    whole = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return whole
    return whole - ((first.end_lineno or 0) - first.lineno + 1)


def test_no_file_has_a_name_that_says_nothing():
    assert [path for path in FILES if VAGUE & {path.stem, path.parent.name}] == []


def test_nothing_is_inherited_but_promises_facts_errors_and_choices():
    parents = {
        node.name: [ast.unparse(base) for base in node.bases]
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }

    def allowed(parent: str) -> bool:
        if parent in parents:
            return bool(parents[parent]) and all(allowed(above) for above in parents[parent])
        return parent in PARENTS | FRAMEWORK_PARENTS

    wrong = [
        (name, above) for name, bases in parents.items() for above in bases if not allowed(above)
    ]
    assert wrong == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_says_what_it_is_for(path):
    assert ast.get_docstring(TREES[path])


def test_importing_the_package_costs_next_to_nothing():
    code = (
        "import sys, time; began = time.process_time(); import tonewise; "
        "assert 'numpy' not in sys.modules; print(time.process_time() - began)"
    )
    assert min(float(output(["-c", code])) for _ in range(5)) < 0.3


def test_help_comes_at_once():
    def seconds() -> float:
        began = os.times().children_user  # by the wall's clock, what others do would count
        assert "replay" in output(["-m", "tonewise", "--help"])
        return os.times().children_user - began

    assert min(seconds() for _ in range(5)) < 0.6


def output(arguments: list[str]) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    return done.stdout
