"""`tonewise decisions`: lists, filters, explains, and says plainly what it cannot."""

import json
import re
import time

import pytest
from click.testing import CliRunner, Result

from databases import PASSWORD
from tonewise.cli import decisions
from tonewise.cli import tonewise as program
from tonewise.errors import ConfigError, StoreError
from tonewise.facts import Term
from tonewise.operating import Store
from tonewise.plan import Plan, Reason
from tonewise.records import AnyRecord, CallBegan, Decided, Followed, Judged, Replied, Tried
from tonewise.store.keeper import open_store

pytest_plugins = ["database_fixtures"]

AT = 1_795_282_000.0
PLAN = Plan(
    "frontier",
    ("deep", "quick"),
    (Reason("frustration", "frustration 0.70 ≥ 0.60", 0.7, 0.6),),
    0.35,
    (Term("bias", 1, -1.0), Term("words", 9, 0.4)),
    escalated=True,
    frustration=0.7,
)
RECORDS: tuple[AnyRecord, ...] = (
    CallBegan(at=AT - 5, call="ab12", wire="plain"),
    Decided(at=AT, decision="ab12.3", source="call", call="ab12", turn=3, plan=PLAN, said="Hello?"),
    Tried(at=AT, decision="ab12.3", attempt=1, model="deep", outcome="no_first_token"),
    Tried(at=AT, decision="ab12.3", attempt=2, model="quick", outcome="answered", cost_usd=0.0012),
    Replied(
        at=AT + 1,
        decision="ab12.3",
        outcome="answered",
        model="quick",
        first_token_ms=412.0,
        replied="Good day \x1b[31mred",
    ),
    Followed(at=AT + 5, decision="ab12.3", before=0.7, frustration=0.2, thanked=True),
    Judged(at=AT + 6, decision="ab12.3", score=1.0, label="resolved", by="caller"),
    *(
        Decided(
            at=AT + 60 + number,
            decision=f"dec_{number:024x}",
            source="api",
            client="support-app",
            plan=Plan("fast", ("quick",), (Reason("complexity", "simple"),), 0.1),
        )
        for number in range(30)
    ),
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a store that is only read, one for all tests."""
    folder = tmp_path_factory.mktemp("filled")
    url = f"sqlite:///{folder / 'tonewise.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("cluster").new()
    ages = {"days": 36_500, "transcript_days": 36_500}  # the records are of a day in the calendar
    settings = Store(url=url, journal=str(folder / "journal"), transcripts=True, **ages)
    store = open_store(settings, {})
    for record in RECORDS:
        store.note(record)
    store.close()
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(program, ["decisions", *arguments], catch_exceptions=False)


def test_the_latest_twenty_come_as_a_table(filled):
    lines = run("--store", filled).stdout.splitlines()
    heads = "at (UTC), decision, route, answered by, cplx, frus, 1st, usd, because"
    assert re.split(r"  +", lines[0]) == heads.split(", ")
    assert len(lines) == 1 + 20 + 1
    assert [line.split()[2] for line in lines[1:21]] == [
        f"dec_{number:024x}" for number in range(29, 9, -1)
    ]
    cursor = lines[-1].partition("--cursor ")[2].strip("'")
    rest = run("--store", filled, "--cursor", cursor).stdout.splitlines()
    assert len(rest) == 1 + 11
    cells = "2026-11-21 17:26:40, ab12.3, frontier ↑, quick, 0.35, 0.70, 0.41 s, 0.00120"
    assert re.split(r"  +", rest[-1]) == [*cells.split(", "), "frustration 0.70 ≥ 0.60"]


def test_in_a_narrow_terminal_every_decision_is_a_few_lines(filled, monkeypatch):
    monkeypatch.setattr(decisions, "width", lambda: 80)
    lines = run("--store", filled, "--escalated").stdout.splitlines()
    assert lines == [
        "2026-11-21 17:26:40  ab12.3",
        "    frontier ↑, quick; cplx 0.35, frus 0.70, 1st 0.41 s, usd 0.00120",
        "    frustration 0.70 ≥ 0.60",
    ]
    monkeypatch.setattr(decisions, "width", lambda: 200)
    assert len(run("--store", filled, "--escalated").stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (["--client", "support-app", "-n", "100"], 30),
        (["--escalated"], 1),
        (["--not-escalated", "-n", "5"], 5),
        (["--min-frustration", "0.6"], 1),
        (["--since", "2026-11-21T17:26:39", "--until", "2026-11-21T17:26:41"], 1),
        (["--since", "2026-11-21T18:26:39+01:00", "--until", "2026-11-21T18:26:41+01:00"], 1),
        (["--until", "2026-11-21"], 0),
        (["--feedback", "good"], 1),
        (["--model", "quick", "--route", "frontier"], 1),
        (["--search", "HELLO"], 1),
        (["--source", "call", "--outcome", "answered", "--call", "ab12"], 1),
    ],
)
def test_filters_are_those_of_the_store(filled, asked, count):
    told = json.loads(run("--store", filled, "--json", *asked).stdout)
    assert len(told["decisions"]) == count
    if not count:
        assert run("--store", filled, *asked).stdout == "no decision matches\n"


def test_an_age_counts_from_now(tmp_path):
    url = f"sqlite:///{tmp_path / 'tonewise.db'}"
    store = open_store(Store(url=url), {})
    for minutes in (5, 50):
        facts = {"decision": f"d{minutes}", "source": "api", "plan": PLAN}
        store.note(Decided(at=time.time() - 60 * minutes, **facts))
    store.close()
    for age, count in (("30m", 1), ("1.5h", 2), ("1d", 2), ("1s", 0)):
        told = json.loads(run("--store", url, "--json", "--since", age).stdout)
        assert len(told["decisions"]) == count


def test_one_decision_is_explained_from_the_words_to_what_followed(filled):
    told = run("--store", filled, "ab12.3").stdout
    for part in (
        "decision    ab12.3",
        "asked       2026-11-21 17:26:40, turn 3 of call ab12, router default, wire plain",
        "said        Hello?",
        "because     frustration 0.70 ≥ 0.60",
        "models      deep, then quick",
        "complexity  0.35",
        "words           9   +0.40",
        "deep",
        "resolved",
    ):
        assert part in told
    assert "thanks" in told
    assert "0.20" in told
    assert "\x1b" not in told, "what was said must not steer the terminal"
    assert "Good day \N{REPLACEMENT CHARACTER}[31mred" in told


def test_json_of_one_decision_holds_the_records_themselves(filled):
    told = json.loads(run("--store", filled, "ab12.3", "--json").stdout)
    assert told["plan"]["complexity_terms"][1]["name"] == "words"
    assert [each["outcome"] for each in told["attempts"]] == ["no_first_token", "answered"]
    assert told["feedback"][0]["label"] == "resolved"
    assert told["decision"]["model"] == "quick"


def test_an_empty_store_says_so(url, tmp_path):
    open_store(Store(url=url, journal=str(tmp_path / "journal")), {}).close()
    assert run("--store", url).stdout == "the store holds no decision yet\n"
    assert json.loads(run("--store", url, "--json").stdout) == {
        "decisions": [],
        "next_cursor": None,
    }


def test_a_store_in_memory_says_how_to_keep_decisions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TONEWISE_DATABASE_URL", raising=False)
    monkeypatch.delenv("TONEWISE_CONFIG", raising=False)
    with pytest.raises(ConfigError, match=r'write url = "sqlite:///tonewise.db" under \[store\]'):
        run()


def test_the_settings_tell_the_store(filled, tmp_path, monkeypatch):
    monkeypatch.delenv("TONEWISE_DATABASE_URL", raising=False)
    settings = tmp_path / "mine.toml"
    settings.write_text(f'[store]\nurl = "{filled}"\n')
    assert "dec_" in run("--config", str(settings)).stdout
    monkeypatch.setenv("TONEWISE_DATABASE_URL", f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(StoreError, match=r"no store at .*none.db yet"):
        run("--config", str(settings))


def test_an_unknown_decision_and_a_database_that_is_not_there_are_told_in_a_line(filled):
    with pytest.raises(StoreError, match="holds no decision 'nope'"):
        run("--store", filled, "nope")
    with pytest.raises(StoreError, match="cannot be opened") as caught:
        run("--store", f"postgresql://u:{PASSWORD}@127.0.0.1:1/x")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [["--since", "soon"], ["--cursor", "x"], ["-n", "0"], ["--min-frustration", "2"]]
)
def test_a_wrong_option_is_told_with_what_would_be_right(filled, wrong):
    done = run("--store", filled, *wrong)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
