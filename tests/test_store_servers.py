"""Servers that share a store: each keeps what it has learnt, and all make the same pseudonyms."""

import json
import socket
import threading
import time
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from api_server import scripted_model
from on_a_port import port_for_later
from tonewise import application
from tonewise.cli import tonewise
from tonewise.config import Config
from tonewise.experience import Experience
from tonewise.learning.learner import Learner
from tonewise.operating import Learning, Profile, Store
from tonewise.plan import ModelFacts, Plan, Reason
from tonewise.pseudonyms import pseudonyms
from tonewise.records import Decided, Judged, Replied, Tried
from tonewise.server import running
from tonewise.settings import Server, Stt, Vad
from tonewise.stages import Candidate
from tonewise.store import snapshots
from tonewise.store.keeper import RecordStore, open_store
from tonewise.store.reading import open_reading

pytest_plugins = ["database_fixtures"]

CANDIDATES = (Candidate("quick", "fast", ModelFacts()), Candidate("deep", "fast", ModelFacts()))
DAY_S = 86_400.0


def opened(url: str, tmp_path: Path, server: str = "", port: int = 8600) -> RecordStore:
    folder = tmp_path / f"journal-{server or port}"
    return open_store(Store(url=url, journal=str(folder), server=server), {}, port)


def experienced(store: RecordStore) -> Experience:
    return Experience(store, CANDIDATES, Profile(), Learning(enabled=True))


def learn(experience: Experience, model: str, first_token_ms: float) -> None:
    """Enough that profile and beliefs know the model, and no other."""
    now = time.time()
    plan = Plan("fast", (model,), (Reason("utility", "it is worth most"),), 0.2)
    for number in range(30):
        about = {"at": now, "decision": f"{model}.{number}"}
        experience.note(
            Decided(source="call", plan=plan, calm=True, **about),
            Tried(
                attempt=1, model=model, outcome="answered", first_token_ms=first_token_ms, **about
            ),
            Replied(outcome="answered", model=model, **about),
            Judged(score=0.9, **about),
        )
    experience.save()


def known(experience: Experience) -> tuple[set[str], set[str]]:
    return set(experience.profile()), {each.model for each in experience.beliefs()}


def test_what_one_server_learns_another_does_not_overwrite(url, tmp_path):
    first, second = opened(url, tmp_path, "first"), opened(url, tmp_path, "second")
    learn(experienced(first), "quick", 200.0)
    assert first.flush()
    learn(experienced(second), "deep", 900.0)
    first.close()
    second.close()
    for name, models in (("first", {"quick"}), ("second", {"quick", "deep"})):
        again = opened(url, tmp_path, name)
        assert known(experienced(again)) == (models, models)
        again.close()


def test_a_new_server_begins_with_the_newest_that_another_has_learnt(url, tmp_path):
    for server, model in (("old", "quick"), ("newer", "deep")):
        store = opened(url, tmp_path, server)
        experience = Experience(store, CANDIDATES, Profile(), Learning(enabled=True))
        experience.reset()
        learn(experience, model, 200.0)
        store.close()
    store = opened(url, tmp_path, "third")
    assert "deep" in known(experienced(store))[1]
    assert "quick" not in known(experienced(store))[1]
    store.close()


def test_what_servers_kept_before_they_had_names_is_not_lost(url, tmp_path):
    learner = Learner(Learning(enabled=True))
    learner.note(
        Decided(at=1.0, decision="d", source="call", plan=Plan("fast", ("deep",), (), 0.2))
    )
    store = opened(url, tmp_path, "first")
    store.keep("learner", learner.snapshot())
    assert store.flush()
    assert store.kept_own("learner") == learner.snapshot()
    store.keep_own("learner", b"mine")
    assert store.kept_own("learner") == b"mine"
    store.close()


def test_a_server_is_called_by_host_and_port_where_nobody_names_it(url, tmp_path, monkeypatch):
    monkeypatch.setattr(snapshots.socket, "gethostname", lambda: "pod-1")
    here, beside = opened(url, tmp_path, port=8600), opened(url, tmp_path, port=8700)
    here.keep_own("profile", b"here")
    beside.keep_own("profile", b"beside")
    here.close()
    beside.close()
    again = opened(url, tmp_path, port=8600)
    assert again.kept_own("profile") == b"here"
    again.close()
    reading = open_reading(Store(url=url), {})
    assert set(reading.all_kept("profile")) == {"profile@pod-1:8600", "profile@pod-1:8700"}
    reading.close()


async def test_a_real_server_keeps_what_it_measures_under_its_own_name(tmp_path):
    port, store = port_for_later(), Store(url=f"sqlite:///{tmp_path / 'tonewise.db'}")
    config = Config(
        server=Server(port=port),
        vad=Vad(use="webrtc"),
        stt=Stt(use="scripted", options={"lines": ["Hi."]}),
        models=(scripted_model("quick"),),
        store=store,
    )
    async with running(config, environ={}) as server, httpx2.AsyncClient(trust_env=False) as http:
        body = {"model": "quick", "messages": [{"role": "user", "content": "Hi"}]}
        answer = await http.post(f"{server.url}v1/chat/completions", json=body)
        assert answer.status_code == 200
    reading = open_reading(store, {})
    assert list(reading.all_kept("profile")) == [f"profile@{socket.gethostname()}:{port}"]
    reading.close()


def test_what_a_server_knew_that_is_long_gone_is_deleted_but_never_the_newest(url, tmp_path):
    gone, last = opened(url, tmp_path, "gone"), opened(url, tmp_path, "last")
    gone.keep_own("learner", b"old")
    assert gone.flush()
    gone.close()
    last.keep_own("learner", b"new")
    assert last.flush()
    last.delete_expired(time.time() + 29 * DAY_S)
    assert len(last.reading.all_kept("learner")) == 2
    last.delete_expired(time.time() + 300 * DAY_S)
    assert last.reading.all_kept("learner") == {"learner@last": b"new"}
    last.close()


def test_servers_that_start_at_once_on_an_empty_store_make_the_same_pseudonyms(url, tmp_path):
    stores = [opened(url, tmp_path, f"s{number}") for number in range(4)]
    start, keys = threading.Barrier(len(stores)), []

    def begin(store):
        start.wait()
        keys.append(application._key(store, "a secret"))

    threads = [threading.Thread(target=begin, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    assert len(keys) == len(stores)
    assert len({pseudonyms(key)("+1 555 0100") for key in keys}) == 1
    later = opened(url, tmp_path, "later")
    assert application._key(later, "a secret") == keys[0]
    later.close()


@pytest.fixture
def two_servers(tmp_path):
    url = f"sqlite:///{tmp_path / 'tonewise.db'}"
    for server, model in (("first", "quick"), ("second", "deep")):
        store = opened(url, tmp_path, server)
        experience = experienced(store)
        experience.reset()
        learn(experience, model, 200.0)
        store.close()
    settings = tmp_path / "tonewise.toml"
    settings.write_text(f'[store]\nurl = "{url}"\nserver = "first"\n[learning]\nenabled = true\n')
    return settings


def told(settings: Path, **environ: str) -> set[str]:
    shown = CliRunner().invoke(
        tonewise, ["learning", "--json", "--config", str(settings)], env=environ
    )
    assert shown.exit_code == 0, shown.output
    return {each["model"] for each in json.loads(shown.stdout)["beliefs"]}


def test_the_command_tells_what_the_server_of_its_settings_believes(two_servers):
    assert told(two_servers) == {"quick"}
    assert told(two_servers, TONEWISE_STORE__SERVER="second") == {"deep"}
    assert told(two_servers, TONEWISE_STORE__SERVER="a new one") == {"deep"}


def test_the_command_makes_all_servers_forget(two_servers):
    done = CliRunner().invoke(tonewise, ["learning", "reset", "--config", str(two_servers)])
    assert done.exit_code == 0, done.output
    assert told(two_servers) == told(two_servers, TONEWISE_STORE__SERVER="second") == set()
