"""What was learnt from all calls so far, and what the next decision knows of it."""

import asyncio

import pytest

from starved import least_s
from tonewise import application
from tonewise.errors import ConfigError
from tonewise.experience import FRESH_S, Experience
from tonewise.operating import Learning, Profile
from tonewise.plan import Circumstances, ModelFacts, Plan, Reason, Skipped
from tonewise.records import Decided, Followed, Judged, Replied, Tried
from tonewise.stages import Candidate

CANDIDATES = (
    Candidate("quick", "fast", ModelFacts(price_in=0.1, price_out=0.4)),
    Candidate("deep", "frontier", ModelFacts(price_in=3.0, price_out=15.0)),
)


class Drawer:
    """Keeps in memory what a store keeps on disk."""

    def __init__(self):
        self.records, self.states = [], {}

    def note(self, *records):
        self.records += records

    def keep(self, name, body):
        self.states[name] = body

    def kept(self, name):
        return self.states.get(name)

    keep_own, kept_own = keep, kept


class Clock:
    now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def drawer():
    return Drawer()


def experienced(drawer, clock, learning=None, **more):
    learning = learning or Learning(enabled=True)
    return Experience(drawer, CANDIDATES, Profile(), learning, clock=clock, **more)


def turns(experience, clock, count, *, model="quick", first_token_ms=300.0, frustration=0.1):
    for _ in range(count):
        clock.now += 1.0
        name = f"c.{clock.now}"
        plan = Plan("fast", (model,), (Reason("utility", "it is worth most"),), 0.2)
        experience.note(Decided(at=clock.now, decision=name, source="call", plan=plan, calm=True))
        experience.note(
            Tried(
                at=clock.now,
                decision=name,
                attempt=1,
                model=model,
                outcome="answered",
                input_tokens=100,
                output_tokens=50,
                first_token_ms=first_token_ms,
                total_ms=first_token_ms + 500,
                cost_usd=0.001,
            )
        )
        experience.note(Replied(at=clock.now, decision=name, outcome="answered", model=model))
        experience.note(
            Followed(
                at=clock.now,
                decision=name,
                before=0.1,
                frustration=frustration,
                repeated=frustration > 0.5,
            )
        )


def test_the_next_decision_knows_how_quick_a_model_was_lately(drawer, clock):
    experience = experienced(drawer, clock)
    assert experience.around(Circumstances()).profile == {}
    turns(experience, clock, 50)
    clock.now += FRESH_S
    told = experience.around(Circumstances(call="abc")).profile["quick"]
    assert told["p50"] == pytest.approx(0.3, rel=0.06)
    assert told["error_rate"] < 0.1
    assert experience.profile() == {"quick": told}


def test_every_record_goes_to_the_store_first_and_then_to_whoever_listens(drawer, clock):
    heard = []

    def listens(record):
        assert drawer.records[-1] is record
        heard.append(record)

    turns(experienced(drawer, clock, listeners=[listens]), clock, 3)
    assert heard == drawer.records
    assert len(heard) == 12


def test_what_was_learnt_survives_a_restart(drawer, clock):
    first = experienced(drawer, clock)
    turns(first, clock, 60, frustration=0.9)
    first.save()
    clock.now += FRESH_S
    second = experienced(drawer, clock)
    assert second.profile() == first.profile()
    assert second.around(Circumstances()).learned == first.around(Circumstances()).learned
    assert second.around(Circumstances()).learned["quick"]["default"] < 0


def test_nothing_is_saved_where_nothing_was_learnt(drawer, clock):
    experienced(drawer, clock).save()
    assert drawer.states == {}


def test_a_damaged_memory_begins_anew_and_says_so(drawer, clock, caplog):
    drawer.states = {"profile": b"\x00garbage", "learner": b"[]"}
    experience = experienced(drawer, clock)
    assert experience.profile() == {}
    assert "profile begins anew" in caplog.text
    assert "learning begins anew" in caplog.text


def test_with_learning_off_no_lift_is_told_and_the_plan_is_the_policys_own(drawer, clock):
    experience = experienced(drawer, clock, Learning(enabled=False, explore=1.0))
    turns(experience, clock, 60, frustration=0.9)
    clock.now += FRESH_S
    assert experience.around(Circumstances()).learned == {}
    plan = Plan("fast", ("quick", "deep"), (), 0.1)
    assert experience.explored(plan, None, CANDIDATES, "d.1") is plan
    with pytest.raises(ConfigError, match="enabled = true"):
        experience.freeze(on=True)
    with pytest.raises(ConfigError, match="enabled = true"):
        experience.reset()


def test_frozen_it_uses_what_it_learnt_and_learns_no_more_also_after_a_restart(drawer, clock):
    experience = experienced(drawer, clock)
    turns(experience, clock, 60, frustration=0.9)
    experience.freeze(on=True)
    clock.now += FRESH_S
    before = experience.beliefs()
    assert before
    turns(experience, clock, 20, frustration=0.0)
    after = experience.beliefs()
    assert [each.lift for each in after] == pytest.approx([each.lift for each in before], rel=1e-3)
    experience.save()
    assert experienced(drawer, clock).learning.frozen
    experience.freeze(on=False)
    assert not experienced(drawer, clock).learning.frozen


def test_to_freeze_and_go_on_forgets_no_decision_that_is_still_open(drawer, clock):
    experience = experienced(drawer, clock)
    plan = Plan("fast", ("quick",), (Reason("utility", "it is worth most"),), 0.2)
    names = [f"c.{number}" for number in range(400)]
    for name in names:
        experience.note(Decided(at=clock.now, decision=name, source="call", plan=plan))
        experience.note(Replied(at=clock.now, decision=name, outcome="answered", model="quick"))
    experience.freeze(on=True)
    experience.freeze(on=False)
    for name in names:
        experience.note(Judged(at=clock.now, decision=name, score=1.0))
    assert experience.beliefs()[0].evidence == pytest.approx(400)


def test_a_listener_that_breaks_costs_neither_the_record_nor_the_others(drawer, clock, caplog):
    heard = []

    def breaks(record):
        raise RuntimeError("out of ink")

    turns(experienced(drawer, clock, listeners=[breaks, heard.append]), clock, 1)
    assert heard == drawer.records
    assert len(heard) == 4
    assert "a record was not listened to" in caplog.text


async def test_what_was_learnt_is_saved_again_after_it_could_not_be_once(monkeypatch, caplog):
    monkeypatch.setattr(application, "SAVE_EVERY_S", 0.01)
    again, tries = asyncio.Event(), []
    loop = asyncio.get_running_loop()

    class Keeping:
        def save(self):
            tries.append(len(tries))
            if len(tries) == 1:
                raise OSError("no pen")
            loop.call_soon_threadsafe(again.set)

    async with application._saving(Keeping()):
        await asyncio.wait_for(again.wait(), 20)
    assert "what was learnt is not kept" in caplog.text


def test_one_model_can_be_forgotten_and_a_wrong_name_is_answered_with_the_nearest(drawer, clock):
    experience = experienced(drawer, clock)
    turns(experience, clock, 40, model="quick")
    turns(experience, clock, 40, model="deep")
    experience.reset("quick")
    assert {each.model for each in experience.beliefs()} == {"deep"}
    with pytest.raises(ConfigError, match="did you mean 'deep'"):
        experience.reset("depe")
    experience.reset()
    assert experience.beliefs() == []


def test_a_note_costs_microseconds(drawer, clock):
    experience = experienced(drawer, clock)
    turns(experience, clock, 20)
    assert least_s(lambda: turns(experience, clock, 25)) / 100 < 0.0005


def test_the_budget_is_the_clients_own(drawer, clock):
    experience = experienced(drawer, clock, budget=lambda client: {"left": len(client)})
    assert experience.around(Circumstances(), "four").budget == {"left": 4}


def test_numbers_and_addresses_are_masked_in_words_that_are_kept(drawer, clock):
    experience = experienced(drawer, clock, redact=("digits", "emails"))
    plan = Plan("fast", ("quick",), (Reason("rule", "said 4111 1111 1111 1111"),), 0.1)
    said = "my card is 4111 1111, mail jane@example.com"
    experience.note(Decided(at=1, decision="d", source="call", plan=plan, said=said))
    experience.note(Replied(at=2, decision="d", outcome="answered", replied="you said 4111"))
    experience.note(Judged(at=3, decision="d", score=0.0, text="call me: 0151 2345"))
    kept = repr(drawer.records)
    assert "my card is #### ####, mail ####" in kept
    assert not any(part in kept for part in ("4111", "jane", "0151"))
    plain = experienced(drawer, clock)
    plain.note(Replied(at=4, decision="d", outcome="answered", replied="you said 4111"))
    assert drawer.records[-1].replied == "you said 4111"


def test_numbers_are_masked_in_a_plan_as_well_where_the_turn_itself_has_no_words(drawer, clock):
    experience = experienced(drawer, clock, redact=("digits", "emails"))
    skipped = (Skipped("vip", "it cannot be computed: no duration: '4111 1111 1111 1111'"),)
    reasons = (Reason("rule", "said 4111 1111 1111 1111"),)
    plan = Plan("fast", ("quick",), reasons, 0.1, skipped=skipped)
    experience.note(Decided(at=1, decision="d", source="call", plan=plan))
    assert "4111" not in repr(drawer.records)


def test_a_judgement_of_a_forgotten_decision_is_learnt_from_all_the_same(drawer, clock):
    experience = experienced(drawer, clock)
    turns(experience, clock, 40)
    plan = Plan("fast", ("quick",), (Reason("utility", "it is worth most"),), 0.2)
    decided = Decided(at=clock.now, decision="old", source="call", plan=plan)
    replied = Replied(at=clock.now, decision="old", outcome="answered", model="quick")
    judged = Judged(at=clock.now, decision="old", score=0.0)
    before = experience.beliefs()[0].lift
    experience.note(judged)
    assert experience.beliefs()[0].lift == pytest.approx(before, abs=1e-9)
    experience.recall(decided, replied)
    experience.note(judged)
    after = experience.beliefs()[0].lift
    assert after < before
    experience.recall(decided, replied)
    assert experience.beliefs()[0].lift == pytest.approx(after, abs=1e-9)
