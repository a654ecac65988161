"""Queries over what was kept, on every kind of database."""

import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonewise.operating import Store
from tonewise.plan import Plan, Reason
from tonewise.records import Decided, Followed, Judged, Replied, Tried
from tonewise.store.found import Query
from tonewise.store.keeper import RecordStore, open_store

pytest_plugins = ["database_fixtures"]

BEGAN = 1_700_000_000.0


def plan(route: str, **more: object) -> Plan:
    reason = Reason("complexity", f"100% of it speaks_for {route}", 0.5)
    facts = {"complexity": 0.5, "variant": "", "frustration": 0.1}
    return Plan(route, ("quick", "deep"), (reason,), **{**facts, **more})


@pytest.fixture
def store(any_url, tmp_path):
    opened = open_store(
        Store(url=any_url, journal=str(tmp_path / "j"), transcripts=True, days=36_500), {}
    )
    opened.flush()
    yield opened
    opened.close()


@pytest.fixture(scope="module", params=["memory", "sqlite", "postgresql"])
def filled(request, tmp_path_factory):
    """A store that is only read, one for all tests."""
    folder = tmp_path_factory.mktemp("filled")
    urls = {"memory": "", "sqlite": f"sqlite:///{folder / 'tonewise.db'}"}
    url = urls.get(request.param)
    url = request.getfixturevalue("cluster").new() if url is None else url
    opened = open_store(
        Store(url=url, journal=str(folder / "j"), transcripts=True, days=36_500), {}
    )
    opened.flush()
    fill(opened)
    yield opened
    opened.close()


def fill(store: RecordStore) -> None:
    """Six decisions, ten seconds apart, that differ in one thing or two."""

    def decided(number: int, made: Plan, **more: object) -> Decided:
        facts = {"source": "api", "client": "app", "user": "u_1"} | more
        return Decided(at=BEGAN + 10 * number, decision=f"d{number}", plan=made, **facts)

    for record in (
        decided(0, plan("fast"), said="Good MORNING to you"),
        decided(1, plan("frontier", escalated=True, frustration=0.8), client="other"),
        decided(2, plan("fast", variant="a", explored=True), user="u_2", calm=True),
        decided(3, plan("fast", rule="vip", task="code"), source="call", call="c1", turn=2),
        decided(4, plan("fast", complexity=0.9, frustration=None), router="support"),
        decided(5, plan("frontier", variant="b")),
        Replied(at=BEGAN, decision="d0", outcome="answered", model="quick", first_token_ms=100.0),
        Replied(at=BEGAN, decision="d1", outcome="interrupted", model="deep", first_token_ms=300.0),
        Replied(at=BEGAN, decision="d2", outcome="failed"),
        Replied(at=BEGAN, decision="d3", outcome="answered", model="deep", replied="Just a moment"),
        Judged(at=BEGAN, decision="d0", score=1.0),
        Judged(at=BEGAN, decision="d1", score=0.0, label="wrong"),
        Judged(at=BEGAN + 1, decision="d1", score=0.5, by="caller"),
        *(
            Tried(
                at=BEGAN, decision=f"d{n}", attempt=a, model="m", outcome="answered", cost_usd=0.25
            )
            for n, a in ((0, 1), (1, 1), (1, 2), (5, 1))
        ),
        Tried(at=BEGAN, decision="d2", attempt=1, model="m", outcome="refused"),
        Followed(at=BEGAN, decision="d5", frustration=0.4, before=0.2, repeated=True),
    ):
        store.note(record)
    assert store.flush()


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "543210"),
        ({"since": BEGAN + 20, "until": BEGAN + 40}, "32"),
        ({"route": "frontier"}, "51"),
        ({"model": "deep"}, "31"),
        ({"model": "quick"}, "540"),  # where no reply is over, who was to be tried first
        ({"client": "other"}, "1"),
        ({"user": "u_2"}, "2"),
        ({"call": "c1"}, "3"),
        ({"rule": "vip"}, "3"),
        ({"router": "support"}, "4"),
        ({"variant": "b"}, "5"),
        ({"task": "code"}, "3"),
        ({"source": "call"}, "3"),
        ({"outcome": "failed"}, "2"),
        ({"min_frustration": 0.5}, "1"),
        ({"max_frustration": 0.5}, "5320"),
        ({"min_complexity": 0.8}, "4"),
        ({"escalated": True}, "1"),
        ({"escalated": False}, "54320"),
        ({"explored": True}, "2"),
        ({"calm": True}, "2"),
        ({"feedback": "good"}, "10"),
        ({"feedback": "bad"}, "1"),
        ({"feedback": "any"}, "10"),
        ({"feedback": "none"}, "5432"),
        ({"search": "good morning"}, "0"),
        ({"search": "A MOMENT"}, "3"),
        ({"search": "speaks_for frontier"}, "51"),
        ({"search": "speaksXfor"}, ""),
        ({"search": "100%"}, "543210"),
        ({"search": "d4"}, "4"),
        ({"search": "'; DROP TABLE decisions; --"}, ""),
        ({"route": "frontier", "escalated": False}, "5"),
        ({"route": "nowhere"}, ""),
    ],
)
def test_each_filter_finds_what_it_asks_for(filled, asked, found):
    page = filled.reading.decisions(Query(**asked))
    assert [row.decision for row in page.rows] == [f"d{number}" for number in found]
    assert page.next_cursor is None


def test_a_row_tells_what_came_of_a_decision(filled):
    rows = {row.decision: row for row in filled.reading.decisions(Query()).rows}
    one = rows["d1"]
    assert (one.model, one.outcome, one.first_token_ms) == ("deep", "interrupted", 300.0)
    assert (one.attempts, one.cost_usd, one.score) == (2, 0.5, 0.25)
    two = rows["d2"]
    assert (two.model, two.outcome, two.attempts, two.cost_usd) == (None, "failed", 1, None)
    assert (rows["d5"].model, rows["d5"].outcome) == (None, None)
    assert rows["d4"].frustration is None
    assert rows["d0"].models == ("quick", "deep")


@given(limit=st.integers(1, 12), ties=st.integers(1, 4))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_pages_together_are_the_whole_list_even_where_times_are_the_same(limit, ties):
    store = open_store(Store(days=36_500), {})
    numbers = list(range(23))
    random.Random(1).shuffle(numbers)
    for number in numbers:
        at = BEGAN + number // ties / 3
        facts = {"decision": f"d{number:02}", "source": "api", "plan": plan("fast")}
        store.note(Decided(at=at, **facts))
    assert store.flush()
    found, cursor = [], None
    while True:
        page = store.reading.decisions(Query(limit=limit, cursor=cursor))
        found += [row.decision for row in page.rows]
        assert len(page.rows) <= limit
        if (cursor := page.next_cursor) is None:
            break
    assert found == [f"d{number:02}" for number in reversed(range(23))]
    store.close()


@pytest.mark.parametrize("cursor", ["", "x", "1.0", "one~d1", "nan"])
def test_a_cursor_of_somebody_else_is_refused(filled, cursor):
    with pytest.raises(ValueError, match="cursor"):
        filled.reading.decisions(Query(cursor=cursor))


def test_what_is_not_there_is_none(store):
    assert store.reading.decision("nothing") is None
    assert store.reading.decision("nul\0") is None
    assert store.reading.decisions(Query()).rows == ()
    assert store.reading.count() == 0


def test_routes_over_time_add_up(filled):
    buckets = filled.reading.routes_over_time(BEGAN, BEGAN + 70, 20)
    assert [bucket.at - BEGAN for bucket in buckets] == [0, 20, 40, 60]
    first, second, third, empty = (bucket.routes for bucket in buckets)
    assert set(first) == {"fast", "frontier"}
    fast, frontier = first["fast"], first["frontier"]
    assert (fast.turns, fast.failed, fast.escalated, fast.cost_usd) == (1, 0, 0, 0.25)
    assert (frontier.turns, frontier.escalated, frontier.cost_usd) == (1, 1, 0.5)
    assert frontier.first_token_ms == 300.0
    assert math.isclose(frontier.frustration, 0.8)
    assert (second["fast"].turns, second["fast"].failed, second["fast"].cost_usd) == (2, 1, None)
    assert third["fast"].frustration is None
    assert empty == {}
    mine = filled.reading.routes_over_time(BEGAN, BEGAN + 70, 70, client="other", router="default")
    assert {route: share.turns for route, share in mine[0].routes.items()} == {"frontier": 1}


@pytest.mark.parametrize(("until", "step"), [(BEGAN - 1, 60), (BEGAN + 1e9, 1), (BEGAN + 1, 0)])
def test_stretches_without_end_are_refused(filled, until, step):
    with pytest.raises(ValueError, match="at most 10000 stretches"):
        filled.reading.routes_over_time(BEGAN, until, step)


def test_turns_of_variants_tell_what_experiments_count(filled):
    turns = list(filled.reading.variant_turns(0, BEGAN + 1e6))
    assert [(turn.decision, turn.route, turn.variant) for turn in turns] == [
        ("d2", "fast", "a"),
        ("d5", "frontier", "b"),
    ]
    last = turns[1]
    assert (last.before, last.frustration, last.followed, last.repeated) == (0.2, 0.4, True, True)
    assert (last.cost_usd, last.who, last.model) == (0.25, "u_1", "quick")
    first = turns[0]
    assert (first.who, first.followed, first.explored, first.cost_usd) == ("u_2", False, True, None)
    every = [turn.decision for turn in filled.reading.variant_turns(0, BEGAN + 1e6, every=True)]
    assert every == [f"d{number}" for number in range(6)]
    only = filled.reading.variant_turns(0, BEGAN + 1e6, route="frontier", every=True)
    assert [turn.decision for turn in only] == ["d1", "d5"]


def test_many_turns_are_streamed_in_order_and_each_once(store):
    for number in range(1203):
        facts = {"decision": f"d{number}", "source": "api", "plan": plan("fast", variant="a")}
        store.note(Decided(at=BEGAN + number // 7, **facts))
    assert store.flush(30)
    turns = list(store.reading.variant_turns(BEGAN, BEGAN + 1e6))
    assert [turn.at for turn in turns] == sorted(turn.at for turn in turns)
    assert len({turn.decision for turn in turns}) == len(turns) == 1203
