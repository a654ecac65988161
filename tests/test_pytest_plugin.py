"""Call folders are tests in anybody's repository."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import tonewise
from loudness_vad import sound
from recordings import scripted, write

SETTINGS = scripted("where is my order")


@pytest.fixture
def repository(tmp_path) -> Path:
    """A user's own, with a package that is called as our source folder is."""
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline" / "__init__.py").write_text("OURS = True\n")
    (tmp_path / "pyproject.toml").write_text('[tool.tonewise]\nconfig = "calls.toml"\n')
    (tmp_path / "calls.toml").write_text(SETTINGS)
    for name in ("simple", "other"):
        folder = tmp_path / "tests" / "calls" / name
        folder.mkdir(parents=True)
        stretches = ("silence", 0.5), ("speech", 0.8), ("silence", 1.2)
        write(folder / "call.wav", sound(*stretches))
    expect(tmp_path, "simple", "fast")
    return tmp_path


def expect(repository: Path, name: str, route: str) -> None:
    text = f'[[turns]]\nat = [0.5, 1.3]\nroute = "{route}"\nreasons = ["as it was"]\n'
    (repository / "tests" / "calls" / name / "expect.toml").write_text(text)


def run(repository: Path, *options: str) -> tuple[int, str]:
    """Pytest, with the plug-in as its entry point would bring it."""
    source = str(Path(tonewise.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", *PLUGIN, *options],
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": source, "PYTEST_ADDOPTS": ""},
    )
    return done.returncode, done.stdout + done.stderr


def _plugin() -> list[str]:
    from importlib.metadata import entry_points

    known = [each.value for each in entry_points(group="pytest11")]
    return [] if "tonewise.pytest_plugin" in known else ["-p", "tonewise.pytest_plugin"]


PLUGIN = _plugin()


def test_every_call_is_a_test_beside_the_users_own_package(repository):
    (repository / "tests" / "test_mine.py").write_text(
        "import pipeline\n\n\n"
        "def test_that_ours_is_ours():\n    assert pipeline.OURS\n\n\n"
        "def test_somebody_is_asked(call, replay):\n"
        "    assert all(turn.route for turn in replay(call).turns)\n"
    )
    code, told = run(repository, "-v")
    assert code == 0, told
    for name in ("calls/simple::replay PASSED", "calls/other::replay PASSED"):
        assert name in told
    assert "test_somebody_is_asked[simple] PASSED" in told
    assert "5 passed" in told


def test_a_call_that_disappoints_tells_turn_words_and_reasons_without_a_traceback(repository):
    expect(repository, "other", "frontier")
    code, told = run(repository)
    assert code == 1
    for line in ("heard   “where is my order”", "FAILED  route fast, expected frontier"):
        assert line in told
    assert "before  as it was" in told
    assert "now     complexity" in told
    assert "Traceback" not in told
    assert "1 failed, 1 passed" in told


@pytest.mark.slow
def test_expectations_are_written_on_demand(repository):
    expect(repository, "other", "frontier")
    assert run(repository, "--update-calls")[0] == 0
    text = (repository / "tests" / "calls" / "other" / "expect.toml").read_text()
    assert 'route = "fast"' in text
    assert run(repository)[0] == 0


def test_a_broken_file_is_named_with_its_line(repository):
    path = repository / "tests" / "calls" / "other" / "expect.toml"
    path.write_text("[call]\nturnes = 3\n")
    code, told = run(repository)
    assert code == 1
    assert f"{path}:2: there is no key 'turnes' (did you mean 'turns'?); here are: " in told


def test_settings_that_are_not_there_are_one_line_for_a_test_of_the_users_own(repository):
    (repository / "calls.toml").unlink()
    (repository / "tests" / "test_mine.py").write_text(
        "def test_somebody_is_asked(call, replay):\n    assert replay(call).turns\n"
    )
    code, told = run(repository)
    assert code == 1
    assert f"{repository / 'calls.toml'}: cannot be read: No such file or directory" in told
    assert "def _read" not in told


@pytest.mark.parametrize(
    ("section", "complaint"),
    [("cals = ['x']", "has no key 'cals'; it has config"), ("calls = 'x'", "calls is a list of")],
)
def test_a_slip_in_pyproject_is_one_clear_line(repository, section, complaint):
    (repository / "pyproject.toml").write_text(f"[tool.tonewise]\n{section}\n")
    code, told = run(repository)
    assert code == pytest.ExitCode.USAGE_ERROR
    assert complaint in told


def test_a_fixture_named_call_of_the_users_own_stays_theirs(repository):
    (repository / "tests" / "test_mine.py").write_text(
        "import pytest\n\n\n@pytest.fixture\ndef call():\n    return 'mine'\n\n\n"
        "def test_that_mine_is_mine(call):\n    assert call == 'mine'\n"
    )
    code, told = run(repository)
    assert code == 0, told
    assert "3 passed" in told


def test_pytest_runs_as_before_where_there_are_no_calls(tmp_path):
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    code, told = run(tmp_path)
    assert code == 0, told


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("xdist"), reason="no pytest-xdist here")
def test_calls_are_shared_out_among_workers(repository):
    code, told = run(repository, "-n", "2")
    assert code == 0, told
    assert "2 passed" in told
