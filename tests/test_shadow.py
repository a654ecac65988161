"""A shadow policy decides beside the live one: it is logged, and nobody acts on it."""

from tonewise import plugins
from tonewise.events import ReplyEnded, StageFailed, TurnRouted, from_json, to_json
from tonewise.peer import Heard, HungUp
from tonewise.plan import Plan, Reason
from tonewise.routing import policy

from test_call import TURN, Line, conduct, engines  # isort: skip


class Remembering:
    """Keeps what it is asked."""

    name = "remembering"

    def __init__(self):
        self.turns = []

    def decide(self, turn, candidates):
        self.turns.append(turn)
        models = tuple(each.name for each in candidates)
        return Plan("frontier", models[::-1], (Reason("test", "because"),), 0.5, escalated=True)


class Broken:
    name = "broken"

    def decide(self, turn, candidates):
        raise RuntimeError("no idea")


async def test_a_shadow_is_logged_and_never_acted_on():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["where is my order"], shadow=Remembering()), line)
    (routed,) = line.all(TurnRouted)
    assert routed.plan.models[0] == "quick"
    assert routed.shadow.models[0] == "deep"
    assert line.all(ReplyEnded)[0].model == "quick"
    assert from_json(to_json(routed)) == routed


async def test_without_a_shadow_there_is_none_in_the_log():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["where is my order"]), line)
    assert b"shadow" not in to_json(line.all(TurnRouted)[0])


async def test_a_shadow_that_breaks_costs_the_caller_nothing():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["where is my order"], shadow=Broken()), line)
    (failed,) = line.all(StageFailed)
    assert (failed.stage, failed.engine) == ("routing", "broken")
    assert line.all(TurnRouted)[0].shadow is None
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_a_policy_is_told_the_circumstances_and_what_came_before():
    asked = Remembering()
    line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
    await conduct(engines(["one please", "two please"], policy=asked), line)
    first, second = asked.turns
    assert (first.around.call, first.around.wire) == ("test", "line")
    assert 0 < first.around.at_s < second.around.at_s
    assert first.around.talk_over is False
    assert first.caller == {"tier": "gold"}
    (before,) = second.history
    assert (before.said, before.route, before.escalated) == ("one please", "frontier", True)
    assert before.model == line.all(ReplyEnded)[0].model == "deep"
    assert before.frustration is None  # no stage measures it yet, so nobody may say that it is 0


async def test_the_policy_conducts_a_call_and_its_scores_are_in_the_log():
    line = Line(Heard(TURN), HungUp("bye"))
    live = policy.load()
    shadow = plugins.load("routing", "thresholds")
    await conduct(engines(["where is my order"], policy=live, shadow=shadow), line)
    (routed,) = line.all(TurnRouted)
    assert {score.model for score in routed.plan.scores} == {"quick", "deep"}
    assert not routed.shadow.scores
    assert from_json(to_json(routed)) == routed
    assert line.all(ReplyEnded)[0].outcome == "answered"
