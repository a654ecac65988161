"""Killed with -9 under load: what was acknowledged is there after the restart, and charged once."""

import ast
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import pytest

from tonewise.operating import Store
from tonewise.store.found import Query
from tonewise.store.keeper import open_store

pytest_plugins = ["database_fixtures"]

CHILD = """
import sys, threading, time
from tonewise.operating import Store
from tonewise.plan import Plan, Reason
from tonewise.records import Decided, Replied, Tried
from tonewise.store.keeper import open_store

url, journal, life = sys.argv[1:]
store = open_store(Store(url=url, journal=journal), {})
plan = Plan("fast", ("quick",), (Reason("complexity", "complexity 0.20 < 0.50", 0.2),), 0.2)
door = threading.Lock()

def work(thread):
    number = 0
    while True:
        decision = f"{life}.{thread}.{number}"
        at = time.time()
        store.note(Decided(at=at, decision=decision, source="api", plan=plan, client="app"))
        store.note(Tried(at=at, decision=decision, attempt=1, model="quick", outcome="answered",
            client="app", cost_usd=0.001, input_tokens=7, output_tokens=3))
        with door:  # acknowledged: from here on it may not be missing
            print("d", decision, flush=True)
            if number % 50 == 0:
                body = repr((time.time(), decision))
                store.keep("profile", body.encode())
        number += 1
        time.sleep(0.001)

print("ready", flush=True)
for thread in range(2):
    threading.Thread(target=work, args=(thread,), daemon=True).start()
time.sleep(60)
"""


class Life(NamedTuple):
    """What a process acknowledged until it was killed, and when that was."""

    acknowledged: list[str]
    died: float


def killed(url: str, journal: Path, life: int, after_s: float) -> Life:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(journal), str(life)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout.readline() == "ready\n", child.stderr.read()
        timer = subprocess.Popen(["sleep", str(after_s)])  # the pipe must be read meanwhile
        told = []
        for line in child.stdout:
            told.append(line)
            if timer.poll() is not None:
                child.kill()
                died = time.time()
                break
        told += child.stdout.readlines()
        timer.wait()
    assert child.returncode == -9
    return Life([line.split()[1] for line in told if line.endswith("\n")], died)


def check(url: str, journal: Path, acknowledged: set[str], died: float) -> float:
    """All that was told is there; how old the latest snapshot was when the process died."""
    store = open_store(Store(url=url, journal=str(journal)), {})
    stored = {turn.decision for turn in store.reading.variant_turns(0, 1e12, every=True)}
    assert acknowledged - stored == set()
    tries = sum(turn.attempts for turn in store.reading.variant_turns(0, 1e12, every=True))
    # A decision may have been noted just before the end, and its attempt not, or not told.
    assert len(acknowledged) <= tries <= len(stored)
    month = store.spent("app", "month", died)
    assert (round(month.usd * 1000), month.tokens) == (tries, 10 * tries)
    assert month.requests == len(stored)
    assert store.spent("", "month", died) == month
    kept_at, decision = 0.0, None
    if kept := store.kept("profile"):
        kept_at, decision = ast.literal_eval(kept.decode())
        assert decision in stored
    page = store.reading.decisions(Query(limit=1000))
    assert all(row.attempts <= 1 for row in page.rows)
    store.close()
    assert list(journal.iterdir()) == []
    return died - kept_at


@pytest.mark.slow
def test_twelve_times_killed_and_no_acknowledged_decision_is_missing(url, tmp_path):
    chance = random.Random(6)
    acknowledged: set[str] = set()
    ages = []
    for number in range(12):
        after_s = 2.5 if number % 3 == 2 else chance.uniform(0.05, 0.7)
        life = killed(url, tmp_path / "journal", number, after_s)
        assert life.acknowledged, "it was killed before it did anything: this shows nothing"
        acknowledged |= set(life.acknowledged)
        if number % 3 == 2:  # else the next one finds what two or three left
            ages.append(check(url, tmp_path / "journal", acknowledged, life.died))
    assert len(acknowledged) > 200
    assert min(ages) < 2.0  # a second, and one for a busy machine


def test_killed_once_and_no_acknowledged_decision_is_missing(tmp_path):
    url = f"sqlite:///{tmp_path / 'tonewise.db'}"
    life = killed(url, tmp_path / "journal", 0, 0.3)
    assert life.acknowledged
    check(url, tmp_path / "journal", set(life.acknowledged), life.died)


@pytest.mark.slow
def test_killed_while_the_database_is_away_and_nothing_is_missing(cluster, tmp_path):
    url = cluster.new()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, url, str(tmp_path / "journal"), "1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # it says that the database is away
        text=True,
    ) as child:
        assert child.stdout.readline() == "ready\n"
        began = time.time()
        lines = [child.stdout.readline() for _ in range(200)]
        cluster.stop()
        try:
            snapshots = (tmp_path / "journal").glob
            while time.time() < began + 2.5 or len(lines) < 500 or not [*snapshots("*.snapshot")]:
                lines.append(child.stdout.readline())
                assert lines[-1], "it ended by itself"
            child.kill()
            died = time.time()
            lines += child.stdout.readlines()
        finally:
            cluster.start()
    assert list((tmp_path / "journal").glob("*.snapshot"))
    acknowledged = {line.split()[1] for line in lines if line.endswith("\n")}
    assert len(acknowledged) > 400
    check(url, tmp_path / "journal", acknowledged, died)
