"""What was said is kept only where transcripts are asked for, and no longer; secrets never."""

import json
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from databases import PASSWORD
from tonewise import config, engines
from tonewise.cli.decisions import command
from tonewise.facts import Term, Transcript
from tonewise.operating import Store
from tonewise.plan import Circumstances, Plan, Reason, Skipped
from tonewise.records import AnyRecord, Decided, Judged, Replied, Tried
from tonewise.routes import Rule
from tonewise.stages import Turn
from tonewise.store import schema
from tonewise.store.database import Address, Database
from tonewise.store.discretion import Discretion, plan_without_words
from tonewise.store.found import Query
from tonewise.store.keeper import RecordStore, open_store
from tonewise.store.segments import SUFFIX

pytest_plugins = ["database_fixtures"]

DAY = 86_400.0
SAID = "my daughter Wilhelmina lost her passport in Montevideo"
WORDS = ("Wilhelmina", "passport", "Montevideo", "embassy", "splendid")
KEY = "sk-proj-Zx81hAq0vv7LmN3kTtQwErTy"
TOKEN = "a-token-of-the-operator"
ENVIRON = {"OPENAI_API_KEY": "plain-looking-key-99", "SUPPORT_APP_TOKEN": TOKEN, "HOME": "/tmp"}

QUOTING = Plan(
    "frontier",
    ("deep",),
    (
        Reason("complexity", "complexity 0.71 ≥ 0.50: says “passport”, 9 words", 0.71, 0.5),
        Reason("own", f"a policy of one's own heard: {SAID}"),
    ),
    0.71,
    (Term("bias", 1, -1.0), Term("“passport”", 1, 0.8), Term("“lost her”", 1, 0.1)),
    skipped=(
        Skipped("slow", f'it cannot be computed: Parsing Error: {{ input: "{SAID}" }}'),
        Skipped("odd", f"'{SAID}' is absent"),
        Skipped("odder", "'passport' is absent"),
        Skipped("voice", "'hesitation' is absent"),
        Skipped("vip", "tier is absent"),
        Skipped("nobody", "no model of route 'eu' may answer"),
    ),
)


def spoken(decision: str, at: float) -> list[AnyRecord]:
    """A decision that tells words in every place that can hold them."""
    return [
        Decided(at=at, decision=decision, source="api", plan=QUOTING, said=SAID, client="app"),
        Tried(
            at=at,
            decision=decision,
            attempt=1,
            model="deep",
            outcome="content_filtered",
            detail=f'HTTP 400: the prompt "{SAID}" is not allowed for model "deep"',
        ),
        Replied(at=at, decision=decision, outcome="answered", replied="Ask the embassy at once."),
        Judged(at=at, decision=decision, score=1.0, text="a splendid answer"),
    ]


def everything(url: str, tmp_path: Path) -> bytes:
    """Every byte that the store has on disk, or all rows in PostgreSQL."""
    found = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    if url.startswith("postgresql"):
        database = Database(Address(Store(url=url), {}))
        with database.connected() as connection:
            for table in schema.metadata.tables.values():
                found += repr(connection.execute(table.select()).all()).encode()
        database.close()
    return found


def opened(url: str, tmp_path: Path, **settings: object) -> RecordStore:
    return open_store(Store(url=url, journal=str(tmp_path / "journal"), **settings), ENVIRON)


def test_without_transcripts_nothing_that_was_said_is_written_anywhere(url, tmp_path, monkeypatch):
    store = opened(url, tmp_path)
    journalled = []
    append = store._journal.append
    monkeypatch.setattr(
        store._journal, "append", lambda line: journalled.append(line) or append(line)
    )
    for record in spoken("d1", time.time()):
        store.note(record)
    assert store.flush()
    whole = store.reading.decision("d1")
    store.close()
    assert len(journalled) == 4
    kept = everything(url, tmp_path) + b"".join(journalled)
    assert [word for word in WORDS if word.encode() in kept] == []
    assert b"complexity 0.71" in kept
    assert whole.decision.said is None
    assert whole.reply.replied is None
    assert [each.why for each in whole.plan.skipped] == [
        "it cannot be computed",
        "'…' is absent",
        "'…' is absent",
        "'hesitation' is absent",
        "tier is absent",
        "no model of route 'eu' may answer",
    ]
    assert whole.attempts[0].detail == 'HTTP 400: the prompt … is not allowed for model "deep"'
    assert whole.plan.complexity_terms[1] == Term("“…”", 1, 0.8)


def test_with_transcripts_words_are_kept_until_their_time_is_over(url, tmp_path):
    store = opened(url, tmp_path, transcripts=True, transcript_days=30)
    now = time.time()
    for record in (*spoken("old", now - 31 * DAY), *spoken("young", now - 29 * DAY)):
        store.note(record)
    assert store.flush()
    store.delete_expired(now)
    whole = store.reading.decision("young")
    assert whole.plan == QUOTING
    assert (whole.decision.said, whole.reply.replied) == (SAID, "Ask the embassy at once.")
    assert whole.feedback[0].text == "a splendid answer"
    store.delete_expired(now + 3 * DAY)
    for decision in ("old", "young"):
        whole = store.reading.decision(decision)
        assert whole.plan == plan_without_words(QUOTING, SAID)
        assert (whole.decision.said, whole.reply.replied) == (None, None)
        assert whole.feedback[0].text is None
        assert whole.feedback[0].score == 1.0
        assert whole.decision.reason == "complexity 0.71 ≥ 0.50: says “…”, 9 words"
    assert store.reading.decisions(Query(search="Montevideo")).rows == ()
    store.close()
    kept = everything(url, tmp_path)
    assert [word for word in WORDS if word.encode() in kept] == [], "free pages of the file, too"


def test_words_that_wait_in_the_journal_are_left_out_once_transcripts_are_off(tmp_path):
    url = f"sqlite:///{tmp_path / 'tonewise.db'}"
    killed = (
        "import os, sys, sqlite3; sys.path.insert(0, sys.argv[3]); import test_store_words as t\n"
        "from pathlib import Path\n"
        "s = t.opened(sys.argv[1], Path(sys.argv[2]), transcripts=True)\n"
        "s.flush(); lock = sqlite3.connect(sys.argv[1][10:]); lock.execute('BEGIN EXCLUSIVE')\n"
        "[s.note(r) for r in t.spoken('d1', 1.7e9)]; os.kill(os.getpid(), 9)"
    )
    here = str(Path(__file__).parent)
    subprocess.run([sys.executable, "-c", killed, url, str(tmp_path), here], check=False)
    (segment,) = (tmp_path / "journal").glob(f"*{SUFFIX}")
    assert b"Montevideo" in segment.read_bytes()
    store = opened(url, tmp_path, transcripts=False, days=36_500)
    assert store.reading.decision("d1").decision.said is None
    store.close()
    kept = everything(url, tmp_path)
    assert [word for word in WORDS if word.encode() in kept] == []


def test_decisions_go_after_their_days_with_all_that_belongs_to_them(url, tmp_path):
    store = opened(url, tmp_path, days=10)
    assert store.flush()  # what was over when it was opened is deleted by now
    now = time.time()
    for number in range(1200):  # more than are deleted at once
        store.note(spoken(f"old{number}", now - 11 * DAY)[0])
    for record in (*spoken("old", now - 11 * DAY), *spoken("young", now - 9 * DAY)):
        store.note(record)
    store.note(Judged(at=now - 11 * DAY, decision="unknown", score=0.0))
    assert store.flush()
    assert store.reading.count() == 1202
    assert store.delete_expired(now).decisions == 1201
    assert store.reading.decision("old") is None
    whole = store.reading.decision("young")
    assert (len(whole.attempts), len(whole.feedback)) == (1, 1)
    store.close()
    left = Database(Address(Store(url=url), {}))
    with left.connected() as connection:
        for table in ("decisions", "attempts", "replies", "feedback"):
            count = connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar()
            assert (table, count) == (table, 1)
    left.close()


def test_what_is_over_is_deleted_without_being_asked(url, tmp_path):
    store = opened(url, tmp_path, days=10)
    for record in spoken("old", time.time() - 11 * DAY):
        store.note(record)
    store.close()
    store = opened(url, tmp_path, days=10)
    deadline = time.monotonic() + 5
    while store.reading.count() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert store.reading.count() == 0
    store.close()


def test_deleting_keeps_what_budgets_are_counted_by(url, tmp_path):
    store = opened(url, tmp_path, days=1)
    now = time.time()
    for back in (0, 2, 40):
        facts = {"model": "m", "outcome": "answered", "cost_usd": 1.0, "client": "app"}
        store.note(Tried(at=now - back * DAY, decision=f"d{back}", attempt=1, **facts))
    assert store.flush()
    month = store.spent("app", "month", now)
    store.delete_expired(now)
    store.close()
    store = opened(url, tmp_path, days=1)
    assert store.spent("app", "month", now) == month
    assert month.usd >= 1.0
    store.close()


def test_secrets_are_in_no_file_no_row_no_log_no_error_and_no_json(url, tmp_path, caplog):
    caplog.set_level(0)
    store = opened(url, tmp_path, transcripts=True)
    details = (
        f"HTTP 401: Incorrect API key provided: {KEY}",
        f"upstream said: Authorization: Bearer {TOKEN}",
        "key plain-looking-key-99 is not valid",
        f"connect to https://user:{PASSWORD}@proxy.example failed",
    )
    for at, detail in enumerate(details, start=1):
        facts = {"model": "deep", "outcome": "refused", "detail": detail}
        store.note(Tried(at=time.time(), decision="d1", attempt=at, **facts))
    store.note(Decided(at=time.time(), decision="d1", source="api", plan=QUOTING))
    assert store.flush()
    told = [each.detail for each in store.reading.decision("d1").attempts]
    told += [repr(store), repr(store._database), repr(store._database.address), store.shown]
    store.close()
    printed = ""
    for arguments in (["--json"], ["d1", "--json"], ["d1"], []):
        done = CliRunner().invoke(command, ["--store", url, *arguments], catch_exceptions=False)
        printed += done.output
        assert "--json" not in arguments or json.loads(done.stdout)
    assert "HTTP 401: Incorrect API key provided: ***" in printed
    kept = everything(url, tmp_path).decode(errors="replace")
    for secret in (KEY, TOKEN, "plain-looking-key-99", PASSWORD):
        for place in (kept, caplog.text, printed, "\n".join(told)):
            assert secret not in place
    assert "HTTP 401" in kept


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 404: the model 'gpt-5-nano' does not exist",
        "no first token after 2.0 s",
        "HTTP 400: max_tokens must be at least 16, not 8 (param: 'max_tokens')",
        "connection to https://api.example.com/v1 refused",
    ],
)
def test_what_is_no_secret_and_no_quotation_stays_as_it_is(text):
    record = Tried(at=1.0, decision="d", attempt=1, model="m", outcome="refused", detail=text)
    assert Discretion(words=False, environ=ENVIRON).kept(record) is record


def test_a_plan_that_quotes_nobody_is_left_as_it_is():
    plan = plan_without_words(QUOTING, SAID)
    assert plan_without_words(plan) is plan


def test_plans_of_our_own_policies_hold_no_words_once_they_are_left_out():
    """Whatever the policies come to tell: not one word of the turn that is none of ours."""
    rules = [
        {"name": "a", "when": "caller[turn.text] == 1", "route": "frontier"},
        {"name": "b", "when": "duration(turn.text) > duration('1s')", "route": "frontier"},
    ]
    strange = "zyxomma quaggle blivet frobnicate passport contract lawyer"
    for use, options in (("policy", {"complexity": "learned"}), ("thresholds", {})):
        settings = config.Config()
        router = type(settings.router)(use=use, options=options)
        changes = {"router": router} | ({"rules": _rules(rules)} if use == "policy" else {})
        settings = msgspec.structs.replace(settings, **changes)
        policy = engines.load_policy(settings, settings.router)
        turn = Turn(1, Transcript(strange), around=Circumstances())
        plan = policy.decide(turn, engines.candidates(settings))
        left = msgspec.json.encode(plan_without_words(plan, strange)).decode()
        assert [word for word in strange.split() if word in left] == []


def _rules(told: list[dict[str, str]]) -> tuple[object, ...]:
    return tuple(msgspec.convert(each, Rule) for each in told)
