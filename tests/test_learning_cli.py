"""`tonewise learning`, on a real store."""

import json
import time

import pytest
from click.testing import CliRunner

from tonewise.cli import tonewise
from tonewise.default_models import Model
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


def keep(url, learner):
    store = open_store(Store(url=url, url_env=""), {})
    store.keep("learner", learner.snapshot())
    assert store.flush()
    store.close()


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


def test_it_shows_the_very_belief_that_plans_are_made_with(url, tmp_path):
    """A model of unknown quality is believed to be anything sooner than one whose is written."""
    now, on = time.time(), Learning(enabled=True)
    models = (Model("told", quality=0.8), Model("untold"))
    learner = Learner(on, {model.name: model for model in models})
    for number in range(12):
        model, about = models[number % 2].name, {"at": now, "decision": f"c.{number}"}
        scores = (Score(model, "fast", 1.0, (Term("quality", 0.8, 0.8),)),)
        plan = Plan("fast", (model,), (), 0.5, scores=scores, task="maths")
        learner.note(Decided(source="call", plan=plan, **about))
        learner.note(Replied(outcome="answered", model=model, **about))
        learner.note(Judged(score=0.0, **about))
    keep(url, learner)
    (tmp_path / "two.toml").write_text(
        "[[models]]\nname = 'told'\nuse = 'demo'\nquality = 0.8\n"
        "[[models]]\nname = 'untold'\nuse = 'demo'\n"
    )
    told = json.loads(run("--store", url, "-c", str(tmp_path / "two.toml"), "--json").stdout)
    shown = {row["model"]: row["lift"] for row in told["beliefs"] if row["task"] == "maths"}
    used = learner.lifts(now, "maths")
    assert shown == pytest.approx(used, abs=0.001)
    assert used["untold"] < used["told"] - 0.02, "the two differ, or this would show nothing"


def test_a_hair_less_than_expected_is_told_as_nothing_and_not_as_minus_nothing(url):
    now, learner = time.time(), Learner(Learning(enabled=True))
    scores = (Score("deep", "r", 1.0, (Term("quality", 0.8, 0.8), Term("latency", 0.5, -0.1))),)
    plan = Plan("r", ("deep",), (), 0.5, scores=scores)
    learner.note(Decided(at=now, decision="c.1", source="call", plan=plan))
    tried = {"attempt": 1, "model": "deep", "outcome": "answered", "first_token_ms": 530.0}
    learner.note(Tried(at=now, decision="c.1", **tried))
    keep(url, learner)
    assert -0.0005 < beliefs(url)["deep"] < 0
    (shown,) = [line for line in run("--store", url).stdout.splitlines() if " all " in line]
    assert shown.split()[2] == "+0.000"


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
