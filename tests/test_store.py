"""Records go in; rows, sums and snapshots come out: on SQLite, on PostgreSQL and in memory."""

import itertools
import logging
import os
import random
import re
import shutil
import sqlite3
import stat
import statistics
import tempfile
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest

from databases import PASSWORD, Cluster
from tonewise.errors import ConfigError, StoreError
from tonewise.operating import Store
from tonewise.plan import Plan, Reason
from tonewise.records import CallBegan, CallOver, Decided, Followed, Judged, Replied, Tried, to_json
from tonewise.store import keeper, retention, writer, writing
from tonewise.store.database import Address
from tonewise.store.found import Query
from tonewise.store.journal import Journal
from tonewise.store.keeper import RecordStore, open_store
from tonewise.store.ledger import WINDOWS, window_start
from tonewise.store.segments import framed

pytest_plugins = ["database_fixtures"]

NOW = datetime(2026, 11, 21, 17, 44, 30, tzinfo=UTC).timestamp()
PLAN = Plan("fast", ("quick", "deep"), (Reason("complexity", "complexity 0.20 < 0.50", 0.2),), 0.2)

LONG = "".join(map(chr, random.Random(5).sample(range(0x4E00, 0x9FFF), 5000)))
"""A name that no index of PostgreSQL takes, however it is packed."""


KEPT = {"days": 36_500, "transcript_days": 36_500}
"""So long, since NOW is a day in the calendar and does not move."""


def opened(url: str, tmp_path: Path, **settings: object) -> RecordStore:
    settings = {"journal": str(tmp_path / "journal"), **KEPT, **settings}
    return open_store(Store(url=url, **settings), {})


def decided(decision: str, at: float = NOW, **more: object) -> Decided:
    return Decided(at=at, decision=decision, **{"source": "api", "plan": PLAN, **more})


def tried(decision: str, attempt: int = 1, at: float = NOW, **more: object) -> Tried:
    facts = {"model": "quick", "outcome": "answered", "cost_usd": 0.001, "input_tokens": 100}
    return Tried(
        at=at, decision=decision, attempt=attempt, **{**facts, "output_tokens": 20, **more}
    )


def test_everything_that_was_noted_of_a_decision_is_told_again(any_url, tmp_path):
    store = opened(any_url, tmp_path)
    records = [
        CallBegan(at=NOW - 9, call="c1", wire="plain", caller="u_1", language="en"),
        decided("c1.1", source="call", call="c1", turn=1, user="u_1", client="", calm=True),
        tried("c1.1", 1, outcome="no_first_token", detail="no word in 2 s", cost_usd=None),
        tried("c1.1", 2, model="deep", task="chat", first_token_ms=212.5, total_ms=900.0),
        Replied(at=NOW + 1, decision="c1.1", outcome="answered", model="deep", first_token_ms=2.2),
        Followed(at=NOW + 5, decision="c1.1", frustration=0.2, before=0.6, thanked=True),
        Judged(at=NOW + 6, decision="c1.1", score=1.0, label="resolved", by="caller"),
        Judged(at=NOW + 7, decision="c1.1", score=0.0, by="app"),
        CallOver(at=NOW + 9, call="c1", reason="hung up", turns=1, seconds=18.0),
    ]
    for record in records:
        store.note(record)
    assert store.flush()
    whole = store.reading.decision("c1.1")
    store.close()
    assert whole.plan == PLAN
    assert whole.began == records[0]
    assert list(whole.attempts) == records[2:4]
    assert whole.reply == records[4]
    assert whole.followed == records[5]
    assert list(whole.feedback) == records[6:8]
    assert whole.decision.calm
    assert (whole.decision.model, whole.decision.attempts, whole.decision.score) == ("deep", 2, 0.5)


def test_what_was_noted_is_there_after_an_orderly_stop(url, tmp_path):
    store = opened(url, tmp_path)
    for number in range(500):
        store.note(decided(f"d{number}"))
        store.note(tried(f"d{number}", client="app"))
    store.keep("profile", b"\x00warm")
    store.close()
    assert list((tmp_path / "journal").iterdir()) == []
    again = opened(url, tmp_path)
    assert again.reading.count() == 500
    assert again.kept("profile") == b"\x00warm"
    again.close()


def test_spending_counts_what_has_not_arrived_yet(any_url, tmp_path):
    store = opened(any_url, tmp_path)
    now = time.time()
    for number in range(40):
        store.note(decided(f"d{number}", at=now, client="app"))
        store.note(tried(f"d{number}", at=now, client="app"))
        spent = store.spent("app", "day", now)
        assert (round(spent.usd * 1000), spent.tokens, spent.requests) == (
            number + 1,
            120 * (number + 1),
            number + 1,
        )
    store.note(tried("call.1", at=now, cost_usd=0.5))  # a call's, of no client
    assert store.spent("app", "minute", now).usd == 0.04
    assert store.spent("", "minute", now).usd == 0.54
    assert store.flush()
    assert store.spent("app", "minute", now) == (0.04, 4800, 40)
    assert store.spent("", "month", now) == (0.54, 4920, 40)
    store.close()


def test_spending_is_known_after_a_restart_by_window_of_the_calendar(url, tmp_path, monkeypatch):
    store = opened(url, tmp_path)
    monkeypatch.setattr(time, "time", lambda: NOW)
    for back, cost in ((0, 1.0), (60, 2.0), (3600, 4.0), (86_400, 8.0), (31 * 86_400, 16.0)):
        store.note(tried(f"d{back}", at=NOW - back, client="app", cost_usd=cost))
    store.close()
    store = opened(url, tmp_path)
    told = {window: store.spent("app", window, NOW).usd for window in ("minute", "hour", "day")}
    assert told == {"minute": 1.0, "hour": 3.0, "day": 7.0}
    assert store.spent("app", "month", NOW).usd == 15.0
    assert store.spent("other", "month", NOW).usd == 0.0
    store.close()


@pytest.mark.parametrize(
    ("window", "began"),
    [
        ("minute", "2026-11-21T17:44:00"),
        ("hour", "2026-11-21T17:00:00"),
        ("day", "2026-11-21T00:00:00"),
        ("month", "2026-11-01T00:00:00"),
    ],
)
def test_windows_are_those_of_the_calendar_in_utc(window, began):
    told = datetime.fromtimestamp(window_start(window, NOW), UTC)
    assert told.isoformat() == f"{began}+00:00"


def test_the_same_record_is_charged_and_stored_once(url, tmp_path):
    store = opened(url, tmp_path)
    now = time.time()
    for _ in range(3):
        store.note(decided("d1", at=now, client="app"))
        store.note(tried("d1", at=now, client="app"))
        store.note(Judged(at=now, decision="d1", score=1.0, by="app"))
        assert store.flush()
    assert store.spent("app", "day", now) == (0.001, 120, 1)
    whole = store.reading.decision("d1")
    assert (len(whole.attempts), len(whole.feedback)) == (1, 1)
    store.close()


def test_two_processes_see_each_others_spending(url, tmp_path):
    one, two = opened(url, tmp_path), opened(url, tmp_path)
    now = time.time()
    one.note(tried("a", at=now, client="app", cost_usd=1.0))
    two.note(tried("b", at=now, client="app", cost_usd=2.0))
    assert one.flush()
    assert two.flush()
    deadline = time.monotonic() + 20
    while one.spent("app", "day", now).usd != 3.0 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert one.spent("app", "day", now).usd == 3.0
    one.close()
    two.close()


def test_the_two_ends_of_a_call_may_come_in_any_order(url, tmp_path):
    store = opened(url, tmp_path)
    store.note(CallOver(at=NOW + 9, call="c1", reason="hung up", turns=1, seconds=18.0))
    assert store.flush()
    store.note(CallBegan(at=NOW, call="c1", wire="plain"))
    store.note(decided("c1.1", call="c1", turn=1, source="call"))
    assert store.flush()
    assert store.reading.decision("c1.1").began == CallBegan(at=NOW, call="c1", wire="plain")
    store.close()


def test_the_latest_snapshot_wins_and_is_written_within_a_second(url, tmp_path):
    store = opened(url, tmp_path)
    other = opened(url, tmp_path)
    assert store.kept("profile") is None

    def takes(run: int) -> float:
        for number in range(100):
            store.keep("profile", b"%d.%d" % (run, number))
        assert store.kept("profile") == b"%d.99" % run
        began = time.monotonic()
        while other.kept("profile") != b"%d.99" % run:
            assert time.monotonic() - began < 20
            time.sleep(0.02)
        return time.monotonic() - began

    # What waits for longer does so every time; a machine that is busy elsewhere, now and then.
    assert any(takes(run) < 1.5 for run in range(10))
    store.close()
    other.close()


def test_letters_that_no_database_takes_do_not_stop_the_rest(any_url, tmp_path, caplog):
    store = opened(any_url, tmp_path, transcripts=True)
    store.note(decided("nul", user="a\0b", said="zero \0 byte"))
    store.note(decided("half", said="half a face \ud83d"))
    store.note(tried("huge", input_tokens=10**18))
    store.note(decided("long", user=LONG, router=LONG, client=LONG))
    store.note(decided("last"))
    assert store.flush()
    rows = {row.decision: row for row in store.reading.decisions(Query()).rows}
    assert set(rows) == {"nul", "half", "last", "long"}
    assert rows["long"].user == LONG[:250]
    assert store.reading.decisions(Query(user="a\0b")).rows[0].decision == "nul"
    assert store.reading.decisions(Query(user="half \ud83d", search="\0\ud83d")).rows == ()
    assert rows["nul"].said == "zero \ufffd byte"
    assert rows["half"].said == "half a face ?"
    store.close()
    assert caplog.text == ""


def test_a_record_that_the_database_refuses_is_left_out_and_the_others_are_not(
    url, tmp_path, caplog
):
    store = opened(url, tmp_path)
    now = time.time()
    store.note(decided("good", at=now, client="app"))
    assert store.flush()
    store.note(decided("good", at=now, client="app"))  # known, in a batch with one that is wrong
    store.note(decided("bad", at=float("nan")))
    store.note(tried("good", at=now, client="app"))
    assert store.flush()
    assert [row.decision for row in store.reading.decisions(Query()).rows] == ["good"]
    assert store.spent("app", "day", now) == (0.001, 120, 1)
    store.close()
    assert "left out" in caplog.text


def test_what_was_left_and_the_database_refuses_does_not_keep_a_server_from_starting(url, tmp_path):
    folder = tmp_path / "journal"
    folder.mkdir()
    records = (decided("d1"), decided("bad", at=float("nan")), tried(LONG, model=LONG))
    lines = b"".join(framed(to_json(record)) for record in records)
    (folder / "0-1-0.lines").write_bytes(lines)
    store = opened(url, tmp_path)
    assert store.reading.count() == 1
    store.close()
    assert list(folder.iterdir()) == []


def test_a_database_that_is_away_costs_nobody_anything(cluster: Cluster, tmp_path, caplog):
    store = opened(cluster.new(), tmp_path)
    now = time.time()
    store.note(decided("before", at=now, client="app"))
    assert store.flush()
    cluster.stop()
    try:
        took = []
        for number in range(200):
            began = time.perf_counter()
            store.note(tried(f"d{number}", at=now, client="app"))
            took.append(time.perf_counter() - began)
        assert statistics.median(took) < 0.005
        store.keep("profile", b"while away")
        assert not store.flush(0.5)
        assert store.spent("app", "day", now).tokens == 200 * 120
        assert store.kept("profile") == b"while away"
        with pytest.raises(StoreError, match="cannot be read"):
            store.reading.count()
    finally:
        cluster.start()
    assert store.flush(30)
    assert store.spent("app", "day", now) == (0.2, 24_000, 1)
    store.close()
    assert "what is noted waits for it" in caplog.text
    assert PASSWORD not in caplog.text


def test_what_the_database_did_not_take_before_the_end_is_written_at_the_next_start(
    cluster: Cluster, tmp_path, caplog
):
    url = cluster.new()
    store = opened(url, tmp_path)
    now = time.time()
    cluster.stop()
    try:
        for number in range(50):
            store.note(decided(f"d{number}", at=now, client="app"))
        store.keep("profile", b"latest")
        began = time.monotonic()
        store.close(timeout_s=0.5)
        assert time.monotonic() - began < 20
        assert re.search(r"[1-9][\d.]* KiB wait in the journal", caplog.text)
        with pytest.raises(StoreError, match="cannot be opened"):
            opened(url, tmp_path)
    finally:
        cluster.start()
    store = opened(url, tmp_path)
    assert store.reading.count() == 50
    assert store.kept("profile") == b"latest"
    assert store.spent("app", "day", now).requests == 50
    store.close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_an_older_snapshot_beside_the_journal_does_not_replace_a_newer_one(url, tmp_path):
    from tonewise.store.spill import Snapshot, Spill

    store = opened(url, tmp_path)
    store.keep("profile", b"new")
    store.close()
    Spill(tmp_path / "journal").write("profile", Snapshot(NOW - 1e6, b"old"))
    Spill(tmp_path / "journal").write("a/../b", Snapshot(NOW, b"other"))
    store = opened(url, tmp_path)
    assert store.kept("profile") == b"new"
    assert store.kept("a/../b") == b"other"
    store.close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_many_threads_may_note_at_once(any_url, tmp_path):
    store = opened(any_url, tmp_path)
    now = time.time()

    def note(thread: int) -> None:
        for number in range(200):
            store.note(decided(f"{thread}.{number}", at=now, client="app"))
            store.note(tried(f"{thread}.{number}", at=now, client="app"))

    threads = [threading.Thread(target=note, args=(at,)) for at in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.flush(30)
    assert store.reading.count() == 1200
    assert store.spent("app", "day", now) == (1.2, 1200 * 120, 1200)
    store.close()


def test_a_busy_server_with_a_slow_database_is_written_in_batches_and_can_be_flushed(
    any_url, tmp_path, monkeypatch
):
    store, written, plain = opened(any_url, tmp_path), [], writing.write

    def slow(connection, records, **more):
        time.sleep(0.01)  # a database in the next room
        written.append(len(records))
        return plain(connection, records, **more)

    monkeypatch.setattr(writing, "write", slow)
    over = threading.Event()

    def never_quiet():
        for number in itertools.count():
            store.note(CallOver(at=NOW, call=f"c{number}", reason="x", turns=1, seconds=1.0))
            if number % 50 == 0 and over.wait(0.05):
                return

    busy = threading.Thread(target=never_quiet)
    busy.start()
    try:
        time.sleep(1.5)
        assert store.flush(20.0)
    finally:
        over.set()
        busy.join()
        store.close()
    assert sum(written) / len(written) > 10, "gathered, not record by record"


def test_a_disk_that_fails_for_once_does_not_end_all_writing(tmp_path, monkeypatch, caplog):
    store = opened(f"sqlite:///{tmp_path / 'tonewise.db'}", tmp_path)
    monkeypatch.setattr(writer, "BROKEN_S", 0.1)
    plain, failed = Journal.done, []

    def done(journal):
        if not failed:
            failed.append(True)
            raise OSError(5, "Input/output error")
        plain(journal)

    monkeypatch.setattr(Journal, "done", done)
    store.note(decided("d1"))
    deadline = time.monotonic() + 20
    while not failed and time.monotonic() < deadline:
        time.sleep(0.01)
    store.note(decided("d2"))
    assert store.flush(20.0)
    assert store.reading.count() == 2
    store.close()
    assert "the store was not written; in 0 s it is tried again" in caplog.text


def test_sums_of_windows_that_are_over_are_not_remembered_where_nobody_asks(
    any_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(writer, "READ_AGAIN_S", 0.0)
    store, now = opened(any_url, tmp_path), time.time()
    for back in range(200):  # as if it had run for hours
        store.note(decided(f"d{back}", at=now - 60 * back, client="app"))
    assert store.flush()
    assert store.flush()
    assert len(store._ledger._written) <= 2 * len(WINDOWS)
    assert store.spent("app", "month", now).requests == store.spent("", "month", now).requests > 0
    store.close()


def test_what_is_over_is_deleted_piece_by_piece_so_that_writing_never_waits_for_long(
    any_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    monkeypatch.setattr(keeper, "SWEPT_AT_ONCE", 4)
    monkeypatch.setattr(keeper, "SWEEP_S", 1e9)
    monkeypatch.setattr(keeper, "SWEEP_MEMORY_S", 1e9)
    store, left = opened(any_url, tmp_path, days=1), []
    assert store.flush()
    for number in range(11):
        store.note(decided(f"d{number}", at=NOW - 10 * 86_400))
    assert store.flush()
    plain = store._sweep
    store._writer._sweep = lambda now: left.append(store.reading.count()) or plain(now)
    store._writer._swept_at = -1e18  # as after an hour
    deadline = time.monotonic() + 20
    while store.reading.count() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == [11, 7, 3]
    store.close()


def test_a_store_in_memory_writes_no_file_and_forgets_the_oldest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tonewise.store.keeper.IN_MEMORY", 50)
    store = open_store(Store(**KEPT), {})
    for number in range(120):
        store.note(decided(f"d{number}", at=NOW + number))
        store.note(tried(f"d{number}", at=NOW + number))
    assert store.flush()
    store.delete_expired(NOW + 200)
    page = store.reading.decisions(Query(limit=100))
    assert [row.decision for row in page.rows] == [f"d{n}" for n in range(119, 69, -1)]
    assert store.reading.decision("d70").attempts
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_sqlite_files_are_the_owners_alone(tmp_path):
    store = opened(f"sqlite:///{tmp_path / 'tonewise.db'}", tmp_path)
    store.note(decided("d1"))
    assert store.flush()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} >= {".db", ".db-wal", ".lines"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    store.close()


def test_the_journal_stands_beside_the_database_unless_it_is_told_elsewhere(tmp_path):
    store = open_store(Store(url=f"sqlite:///{tmp_path / 'tonewise.db'}"), {})
    assert (tmp_path / "tonewise.db.journal").is_dir()
    store.close()


def test_a_line_break_after_the_address_is_no_part_of_it_as_secrets_in_files_have_one(tmp_path):
    environ = {"TONEWISE_DATABASE_URL": "postgresql://me@db/calls\n"}
    assert Address(Store(), environ).url.database == "calls"


def test_the_variable_wins_over_the_settings(tmp_path):
    settings = Store(url="sqlite:////nowhere/at/all.db", url_env="MY_DATABASE")
    store = open_store(settings, {"MY_DATABASE": f"sqlite:///{tmp_path / 'mine.db'}"})
    assert store.shown == f"sqlite:///{tmp_path / 'mine.db'}"
    store.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://root:hush-hush-4711@db/x", "not the address of a store"),
        ("hush-hush-4711", "not the address of a store"),
        ("postgresql://u:hush-hush-4711@host:port/x", "cannot be understood"),
        ("postgresql://u:hush-hush-4711:@h:5432:1/x", "cannot be understood"),
        ("sqlite://tonewise.db", "three slashes"),
        ("sqlite:////no/such/folder/tonewise.db", "cannot be made: No such file"),
    ],
)
def test_a_wrong_address_is_told_plainly_and_without_its_password(url, told):
    with pytest.raises((ConfigError, StoreError), match=told) as caught:
        open_store(Store(url=url), {})
    assert PASSWORD not in "".join(traceback.format_exception(caught.value))


def test_a_folder_that_cannot_be_the_journal_is_told_at_the_start(tmp_path):
    (tmp_path / "journal").write_text("a file")
    with pytest.raises(StoreError, match=r"journal's folder .* cannot be written to"):
        opened(f"sqlite:///{tmp_path / 'tonewise.db'}", tmp_path)


def test_a_file_that_is_no_database_is_told_at_the_start(tmp_path):
    (tmp_path / "tonewise.db").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match=r"cannot be opened: file is not a database"):
        opened(f"sqlite:///{tmp_path / 'tonewise.db'}", tmp_path)


def test_without_its_driver_postgresql_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    from tonewise.errors import PluginError

    with pytest.raises(PluginError, match=r"pip install 'tonewise\[postgres\]'") as caught:
        open_store(Store(url=f"postgresql://u:{PASSWORD}@h/x"), {})
    assert PASSWORD not in str(caught.value)


def test_a_database_that_may_not_be_written_is_told_at_the_start_and_nothing_stays_open(
    url, tmp_path
):
    store = opened(url, tmp_path)
    store.note(decided("d1"))
    assert store.flush()
    with store._database.connected(write=True) as connection:
        connection.exec_driver_sql("DROP TABLE spending")
    store.close()
    left = tmp_path / "journal" / "0-1-0.lines"
    line = framed(to_json(tried("d1")))
    left.write_bytes(line)
    threads = threading.active_count()
    with pytest.raises(StoreError, match=r"cannot be used: .*spending"):
        opened(url, tmp_path)
    assert threading.active_count() <= threads
    assert [each.name for each in (tmp_path / "journal").iterdir()] == [left.name]
    assert left.read_bytes() == line, "what it holds is for a start that goes well"


def test_where_no_journal_can_work_records_are_kept_all_the_same(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(keeper, "WORKS_HERE", False)
    store = opened(f"sqlite:///{tmp_path / 'tonewise.db'}", tmp_path)
    store.note(decided("d1"))
    assert store.flush()
    assert store.reading.count() == 1
    store.close()
    assert not (tmp_path / "journal").exists()
    assert "no journal on Windows" in caplog.text


def test_a_full_disk_hurts_no_call_and_is_told(tmp_path, caplog):
    """Where the tests may mount a file system of their own, a real one of 1 MiB runs full."""
    mount = shutil.which("mount")
    if os.getuid() or mount is None:
        pytest.skip("only root may mount a small file system")
    # Not in tmp_path: pytest could not tidy up after a run that was killed.
    small = Path(tempfile.mkdtemp(prefix="tw-small-"))
    command = f"{mount} -t tmpfs -o size=256k tmpfs {small}"
    if os.system(f"{command} 2>/dev/null"):
        small.rmdir()
        pytest.skip("no file system may be mounted here")
    try:
        url = f"sqlite:///{tmp_path / 'tonewise.db'}"
        store = open_store(Store(url=url, journal=str(small), queue=100, **KEPT), {})
        with sqlite3.connect(tmp_path / "tonewise.db") as lock:
            lock.execute("BEGIN EXCLUSIVE")  # the database takes nothing, so the journal fills
            for number in range(2000):
                store.note(decided(f"d{number}"))
            lock.rollback()
        assert store.flush(30)
        stored = store.reading.count()
        assert 200 < stored < 2000  # the journal's, and a hundred from memory
        store.note(decided("afterwards"))
        assert store.flush()
        assert store.reading.count() == stored + 1
        store.close()
    finally:
        os.system(f"umount {small}")
        small.rmdir()
    assert "No space left" in caplog.text
    assert "lost: neither journal nor memory has room" in caplog.text
    assert caplog.text.count("No space left") == 1


def test_a_record_after_the_end_is_told_and_hurts_nobody(tmp_path, caplog):
    store = opened("", tmp_path)
    store.close()
    store.note(decided("late"))
    store.close()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
