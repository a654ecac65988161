"""What README.md and CONTRIBUTING.md tell is there: files, links, commands, settings.

The tree is the first fenced block under the heading "The tree". A line is a name, two spaces or
more, and what it is for; a name that ends in / is a folder, and the deeper lines below are in it.
"""

import os
import re
import shlex
from pathlib import Path

import click
import pytest

from tonewise import cli, config

ROOT = Path(__file__).resolve().parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
TOLD = ("*.md", "pyproject.toml", "LICENSE", ".ci/*", ".github/workflows/*")
TOLD += ("pipeline/**/*.py", "scripts/*", "tests/**/*.py", "models/*", "web/*")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^( *)(\S+?)(?:\s{2,}(\S.*))?$")
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
ASSIGNMENT = re.compile(r"[A-Z_]+=")


def tree() -> dict[str, str]:
    """Each path of the README's tree, and what the README says that it is for."""
    _, _, rest = (ROOT / "README.md").read_text().partition("# The tree\n")
    block = BLOCK.search(rest)
    assert block, 'README.md has no fenced block under "The tree"'
    paths: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in block[2].splitlines():
        if not line.strip():
            continue
        found = LINE.match(line)
        assert found, f"not a name, two spaces and a description: {line!r}"
        depth, name, about = len(found[1]), found[2], found[3] or ""
        above = [(indent, folder) for indent, folder in above if indent < depth]
        path = (above[-1][1] if above else "") + name
        paths[path] = about
        if name.endswith("/"):
            above.append((depth, path))
    return paths


def files() -> list[str]:
    """What a tree must tell of; an `__init__.py` is told of by its folder."""
    found = {path for pattern in TOLD for path in ROOT.glob(pattern)}
    names = (path.relative_to(ROOT).as_posix() + "/" * path.is_dir() for path in sorted(found))
    return [name for name in names if not name.endswith(("__init__.py", "__pycache__/"))]


def commands(page: str) -> list[list[str]]:
    """The words of every command of ours in a page's fenced blocks, up to a pipe or the like."""
    told = []
    for language, block in BLOCK.findall((ROOT / page).read_text()):
        if language not in ("", "bash", "console", "sh"):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            if not re.match(r"(\$ )?([A-Z_]+=\S+ )*(\./scripts/|tonewise )", line):
                continue
            words = shlex.split(re.split(r" [|><&]+|;", line.removeprefix("$ "))[0], comments=True)
            told.append([word for word in words if not ASSIGNMENT.match(word)])
    return told


def test_the_tree_tells_of_every_file():
    told = tree()
    assert [name for name in files() if name not in told] == []


def test_the_tree_tells_of_nothing_that_is_not_there():
    assert [path for path in tree() if not (ROOT / path).exists()] == []


def test_every_line_of_the_tree_says_what_the_file_is_for():
    assert [path for path, about in tree().items() if not about] == []


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    links = LINK.findall((ROOT / page).read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_can_be_typed_as_they_are_told(page, tmp_path, monkeypatch):
    told = commands(page)
    assert told
    for program, *arguments in told:
        if program != "tonewise":
            assert os.access(ROOT / program, os.X_OK), f"{program} is no script"
        ours = [word for word in arguments if word.startswith(("web/", "models/", "tests/"))]
        assert [word for word in ours if not list(ROOT.glob(word.partition("::")[0]))] == []
        monkeypatch.chdir(tmp_path)
        for word in arguments:
            if Path(word).suffix:  # a file of the reader's
                Path(word).parent.mkdir(parents=True, exist_ok=True)
                Path(word).touch()
        if program in ("tonewise", "./scripts/run"):
            parse(arguments or ["serve"])


def test_settings_can_be_copied_as_they_are_told(tmp_path):
    blocks = BLOCK.findall((ROOT / "README.md").read_text())
    told = [block for language, block in blocks if language == "toml"]
    assert told
    for number, block in enumerate(told):
        file = tmp_path / f"{number}.toml"
        file.write_text(block)
        config.load(file, {})


def parse(arguments: list[str]) -> None:
    """Read a command line as click does, without running it."""
    name, *rest = arguments
    try:
        if name.startswith("-"):
            cli.tonewise.make_context("tonewise", arguments)
        else:
            command = cli.tonewise.get_command(click.Context(cli.tonewise), name)
            assert command, f"there is no command {name!r}"
            command.make_context(name, rest).close()
    except click.exceptions.Exit:
        pass  # --help, --version
    except click.ClickException as error:
        pytest.fail(f"tonewise {shlex.join(arguments)}: {error.format_message()}")
