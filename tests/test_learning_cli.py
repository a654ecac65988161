"""`tonewise learning`, on a real store."""

import json
import time

import pytest
from click.testing import CliRunner

from tonewise.cli import tonewise
from tonewise.errors import ConfigError, StoreError
from tonewise.facts import Term
from tonewise.learning.learner import Learner
from tonewise.learning.profile import Profile
from tonewise.operating import Learning, Store
from tonewise.plan import Plan, Score
from tonewise.records import Decided, Judged, Replied, Tried
from tonewise.store.keeper import open_store


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/tonewise.db"


@pytest.fixture
def lived(url):
    """A store in which a server has kept what it knows."""
    now = time.time()
    profile, learner = Profile(600.0), Learner(Learning(enabled=True))
    for number in range(30):
        model = ("deep", "quick")[number % 2]
        scores = (Score(model, "r", 1.0, (Term("quality", 0.8, 0.8),)),)
        plan = Plan("r", (model,), (), 0.5, scores=scores, task="maths")
        about = {"at": now, "decision": f"c.{number}"}
        tried = Tried(attempt=1, model=model, outcome="answered", first_token_ms=500.0, **about)
        profile.note(tried)
        learner.note(Decided(source="call", plan=plan, **about))
        learner.note(Replied(outcome="answered", model=model, **about))
        learner.note(Judged(score=float(model == "deep"), **about))
    store = open_store(Store(url=url, url_env=""), {})
    store.keep("profile", profile.snapshot())
    store.keep("learner", learner.snapshot())
    assert store.flush()
    store.close()
    return url


def run(*arguments):
    return CliRunner().invoke(tonewise, ["learning", *arguments], catch_exceptions=True)


def beliefs(url):
    told = json.loads(run("--store", url, "--json").stdout)
    return {row["model"]: row["lift"] for row in told["beliefs"] if row["task"] is None}


def test_it_shows_what_was_measured_and_what_is_believed(lived):
    shown = run("--store", lived)
    assert shown.exit_code == 0, shown.output
    lines = [line.split() for line in shown.stdout.splitlines()]
    measured = next(line for line in lines if line[:1] == ["deep"])
    assert float(measured[1]) == pytest.approx(0.5, rel=0.05)
    assert measured[2:] == ["s", "·", "0.0%", "·", "·", "15"]
    assert "learning is off: beliefs are not used" in shown.stdout
    assert any(line[:2] == ["deep", "all"] and line[2].startswith("+") for line in lines if line)
    assert any(line[:2] == ["quick", "all"] and line[2].startswith("-") for line in lines if line)


def test_json_has_it_all(lived):
    told = json.loads(run("--store", lived, "--json").stdout)
    assert told["enabled"] is False
    assert told["profile"]["deep"]["p50"] == pytest.approx(0.5, rel=0.05)
    assert [(row["model"], row["task"]) for row in told["beliefs"]] == [
        ("deep", None),
        ("deep", "maths"),
        ("quick", None),
        ("quick", "maths"),
    ]


def test_one_model_is_forgotten(lived):
    before = beliefs(lived)
    done = run("reset", "--store", lived, "--model", "deep")
    assert done.exit_code == 0, done.output
    assert set(before) == {"deep", "quick"}
    assert set(beliefs(lived)) == {"quick"}


def test_all_is_forgotten_and_what_was_measured_stays(lived):
    assert run("--store", lived, "reset").exit_code == 0
    told = json.loads(run("--store", lived, "--json").stdout)
    assert told["beliefs"] == []
    assert "deep" in told["profile"]


def test_a_slip_in_the_models_name_is_told_with_the_right_one(lived):
    failed = run("reset", "--store", lived, "--model", "depe")
    assert isinstance(failed.exception, ConfigError)
    assert "did you mean 'deep'" in str(failed.exception)
    assert set(beliefs(lived)) == {"deep", "quick"}


def test_a_store_in_memory_is_nobodys_but_its_servers(tmp_path):
    settings = tmp_path / "tonewise.toml"
    settings.write_text("")
    failed = run("--config", str(settings))
    assert isinstance(failed.exception, ConfigError)
    assert "/v1/learning" in str(failed.exception)


def test_an_empty_store_says_so(url):
    open_store(Store(url=url, url_env=""), {}).close()
    assert "nothing was learnt yet" in run("--store", url).stdout
    failed = run("reset", "--store", url)
    assert isinstance(failed.exception, StoreError)
    assert "nothing to forget" in str(failed.exception)


def test_a_snapshot_that_cannot_be_read_is_told_and_not_a_traceback(url):
    store = open_store(Store(url=url, url_env=""), {})
    store.keep("learner", b"\x00garbage")
    store.flush()
    store.close()
    failed = run("--store", url)
    assert isinstance(failed.exception, StoreError)
    assert "no snapshot of a learner" in str(failed.exception)


def test_frozen_learning_is_told(lived, tmp_path):
    settings = tmp_path / "tonewise.toml"
    settings.write_text("[learning]\nenabled = true\nfrozen = true\n")
    shown = run("--store", lived, "--config", str(settings)).stdout
    assert "learning is frozen: beliefs are used, nothing is learnt or explored" in shown


def test_so_is_what_an_operator_froze(lived, tmp_path):
    store = open_store(Store(url=lived, url_env=""), {})
    store.keep("learner_frozen", b"true")
    store.flush()
    store.close()
    settings = tmp_path / "tonewise.toml"
    settings.write_text("[learning]\nenabled = true\n")
    assert "learning is frozen" in run("--store", lived, "--config", str(settings)).stdout
    assert json.loads(run("--store", lived, "--json").stdout)["frozen"] is True
