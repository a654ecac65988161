"""What a caller's page asks for in mid-call: weights, patience, models, and its verdicts."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from loudness_vad import sound
from recordings import write
from starved import unless_starved
from test_call import TURN, Feeling, Line, conduct, engines
from tonewise import plugins
from tonewise.audio import RATE
from tonewise.call import Call
from tonewise.config import Config
from tonewise.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    ConsentChanged,
    ReplyEnded,
    TurnEnded,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
    to_json,
)
from tonewise.facts import Patience, Transcript
from tonewise.listener import stretched
from tonewise.live_events import CallTuned, FeedbackGiven, RequestRefused, TurnPartlyTranscribed
from tonewise.peer import Heard, HungUp, Inbound, Misasked, Rated, Tuned
from tonewise.plan import ModelFacts
from tonewise.replaying.rehearsal import Source, replay
from tonewise.settings import Server, Stt
from tonewise.stages import Candidate, TurnAudio
from tonewise.tuning import Tuning
from tonewise.turns import MOST_S
from tonewise.wishes import may_tune, weights_of

MODELS = (
    Candidate("quick", "fast", ModelFacts(price_in=0.1, price_out=0.4, quality=0.6)),
    Candidate("deep", "frontier", ModelFacts(price_in=3, price_out=15, quality=0.95)),
)


def weighing(lines: list[str] | None = None, **server: Any) -> Any:
    """Engines whose router weighs."""
    config = Config(server=Server(**server)) if server else None
    policy = plugins.load("routing", "policy")
    return engines(lines or ["hello there"] * 3, config, policy=policy, candidates=MODELS)


async def live(loaded: Any, *inbound: Inbound, awaited: type = ReplyEnded, count: int = 1) -> Line:
    """A live call that hears this, and is hung up when so many of these were told."""
    line = Line(*inbound, lock_step=False)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(awaited, count)
        line.queue.put_nowait(HungUp("bye"))
    await loaded.aclose()
    return line


# ---------------------------------------------------------------- tuning


async def test_weights_hold_from_the_next_decision_on_and_show_in_its_scores():
    cheap, best = Tuned(Tuning({"cost": 900.0})), Tuned(Tuning({"quality": 900.0, "cost": 0.0}))
    said = ["compare both contracts over three years and explain the difference"] * 3
    line = Line(Heard(TURN), cheap, Heard(TURN), best, Heard(TURN), HungUp("bye"))
    await conduct(weighing(said), line)
    plans = [event.plan for event in line.all(TurnRouted)]
    assert [plan.models[0] for plan in plans][1:] == ["quick", "deep"]
    costs = [
        abs(term.contribution)
        for plan in plans
        for score in plan.scores
        if score.model == "deep"
        for term in score.contributions
        if term.name == "cost"
    ]
    assert costs[1] > 100 * costs[0]
    tuned = line.all(CallTuned)
    assert [event.weights for event in tuned] == [{"cost": 900.0}, {"quality": 900.0, "cost": 0.0}]


async def test_only_the_named_models_answer():
    line = Line(Heard(TURN), Tuned(Tuning(only=("deep",))), Heard(TURN), HungUp("bye"))
    await conduct(weighing(), line)
    assert [event.model for event in line.all(ReplyEnded)] == ["quick", "deep"]
    assert line.all(TurnRouted)[1].plan.models == ("deep",)


async def test_patience_stretches_what_the_endpoint_engine_says():
    quiet = sound(("silence", 3.0))
    line = Line(Heard(TURN), Tuned(Tuning(patience=2.0)), Heard(TURN), Heard(quiet), HungUp("bye"))
    await conduct(weighing(), line)
    waited = [event.at - event.end_s for event in line.all(TurnEnded)]
    assert waited == pytest.approx([0.7, 1.4], abs=0.06)
    assert "2 times as long" in line.all(TurnEnded)[1].patience.reason


@pytest.mark.parametrize(
    ("seconds", "times", "waits"), [(1, 1.5, 1.5), (1, 0.25, 0.25), (2.5, 4, 5)]
)
def test_no_silence_is_waited_for_longer_than_any_may_last(seconds, times, waits):
    assert stretched(Patience(seconds, 0.5), times).seconds == waits <= MOST_S


@pytest.mark.parametrize(
    ("tuning", "says"),
    [
        (Tuning(only=("quick", "nobody")), "there is no model 'nobody' here; choose from quick"),
        (Tuning({"speed": 1.0}), "there is no 'speed'; choose from quality, cost"),
    ],
)
async def test_what_cannot_be_done_is_answered_with_a_sentence_and_the_call_goes_on(tuning, says):
    line = await live(weighing(), Tuned(tuning), Heard(TURN))
    (refused,) = line.all(RequestRefused)
    assert refused.request == "tune"
    assert says in refused.problem
    assert not line.all(CallTuned)
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_a_router_that_weighs_nothing_says_so():
    line = await live(engines(), Tuned(Tuning({"cost": 1.0})), awaited=RequestRefused)
    assert "router 'thresholds' weighs nothing" in line.all(RequestRefused)[0].problem


async def test_a_message_that_cannot_be_understood_is_told_to_the_page():
    line = await live(engines(), Misasked("tune", "patience: no"), awaited=RequestRefused)
    assert line.all(RequestRefused)[0].problem == "patience: no"


@pytest.mark.parametrize(
    ("server", "may"),
    [
        (Server(), True),
        (Server(host="::1"), True),
        (Server(host="0.0.0.0"), False),
        (Server(host="0.0.0.0", tuning=True), True),
        (Server(tuning=False), False),
    ],
)
async def test_whoever_calls_from_elsewhere_may_not_choose_dear_models(server, may):
    loaded = engines(config=Config(server=server))
    assert may_tune(loaded) is may
    awaited = CallTuned if may else RequestRefused
    line = await live(loaded, Tuned(Tuning(only=("deep",))), awaited=awaited)
    told = line.all(awaited)[0]
    assert may or "server.tuning" in told.problem


def test_the_weights_in_use_are_told_by_policies_that_have_any():
    own = plugins.load("routing", "policy", {"weights": {"cost": 2.0}})
    assert weights_of(own)["cost"] == 2.0
    assert set(weights_of(own)) >= {"quality", "cost", "latency"}
    assert weights_of(plugins.load("routing", "thresholds")) == {}


# ---------------------------------------------------------------- a replay does the same


async def test_a_replay_of_the_recorded_call_is_tuned_at_the_same_place(tmp_path: Path):
    sounds = sound(("silence", 0.3), *[("speech", 0.6), ("silence", 1.5)] * 2)
    config = Config(server=Server(tuning=False))
    before = engines(["hello there"] * 2, config=config, acoustic=Feeling())
    told: list[AnyEvent] = [
        CallStarted(at=0, call="c", wire="webrtc", engines={}),
        CallTuned(at=1.75, only=("deep",), patience=1.5),
        ConsentChanged(at=2.0, emotion=False, by="api"),
        CallEnded(at=4.5, reason="bye", turns=2),
    ]
    write(tmp_path / "call.flac", sounds)
    lines = b"".join(to_json(event) + b"\n" for event in told)
    (tmp_path / "events.jsonl").write_bytes(lines)
    again = await replay(before, Source(tmp_path))
    await before.aclose()
    (tuned,) = [event for event in again.events if isinstance(event, CallTuned)]
    assert tuned.at == pytest.approx(1.75, abs=0.04)
    assert (tuned.only, tuned.patience) == (("deep",), 1.5)
    models = [event.model for event in again.events if isinstance(event, ReplyEnded)]
    assert models == ["quick", "deep"]
    felt = [e.cues.emotion is not None for e in again.events if isinstance(e, TurnMeasured)]
    assert felt == [True, False], "who switched it off is not read in a replay either"


# ---------------------------------------------------------------- feedback


async def test_a_verdict_on_a_reply_is_an_event():
    heard = [Heard(TURN), Rated(1, 1.0, "resolved"), Rated(1, 0.0), HungUp("bye")]
    line = Line(*heard)
    await conduct(engines(), line)
    given = [(e.turn, e.score, e.label) for e in line.all(FeedbackGiven)]
    assert given == [(1, 1.0, "resolved"), (1, 0.0, "")]


async def test_what_was_not_answered_cannot_be_judged():
    line = await live(engines(), Rated(7, 1.0), awaited=RequestRefused)
    assert line.all(RequestRefused)[0].request == "feedback"
    assert not line.all(FeedbackGiven)


# ---------------------------------------------------------------- words before their time


class Counting:
    """STT that tells how many seconds of speech it was given."""

    name = "counting"

    def __init__(self) -> None:
        self.heard: list[float] = []

    def open(self, language: str | None = None) -> "Counting":
        return self

    def transcribe(self, turn: TurnAudio) -> Transcript:
        self.heard.append(turn.duration_s)
        return Transcript(f"{turn.duration_s:.1f} seconds")


LONG = sound(("silence", 0.3), ("speech", 6.0), ("silence", 1.5))


async def spoken(line: Line, samples: Any, speed: float = 10.0) -> None:
    """Say it, so many times as fast as people speak."""
    for begin in range(0, len(samples), RATE // 10):
        line.queue.put_nowait(Heard(samples[begin : begin + RATE // 10]))
        await asyncio.sleep(0.1 / speed)


async def listened(loaded: Any, samples: Any) -> tuple[Line, list[AnyEvent]]:
    """A live call in which this is said; what the page was told, and what everybody was."""
    line, watched = Line(lock_step=False), []
    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line, watched.append).run())
        await spoken(line, samples)
        await line.until(ReplyEnded)
        line.queue.put_nowait(HungUp("bye"))
    await loaded.aclose()
    return line, watched


@unless_starved
async def test_a_long_turn_is_shown_as_it_is_spoken_and_then_replaced():
    line, watched = await listened(engines(stt=Counting()), LONG)
    partly = line.all(TurnPartlyTranscribed)
    assert 2 <= len(partly) <= 6, "about every second and a half, and at the pause"
    texts = [event.transcript.text for event in partly]
    assert texts == sorted(set(texts)), "it grows"
    final = line.told.index(line.all(TurnTranscribed)[0])
    assert max(line.told.index(event) for event in partly) < final
    assert all(gap.at >= 1 for gap in partly)
    assert not any(isinstance(event, TurnPartlyTranscribed) for event in watched), "the page alone"


async def test_it_can_be_switched_off():
    loaded = engines(config=Config(stt=Stt(partials=0)), stt=Counting())
    line, _ = await listened(loaded, LONG)
    assert not line.all(TurnPartlyTranscribed)


async def test_nothing_is_read_along_while_the_workers_have_something_to_do():
    stt = Counting()
    loaded = engines(stt=stt)
    loaded.spare.stages = 1  # another call's
    line, _ = await listened(loaded, LONG)
    in_speech = [e for e in line.all(TurnPartlyTranscribed) if e.at < 6]
    assert not in_speech


async def test_in_lock_step_only_whole_turns_are_told():
    line = Line(Heard(LONG), HungUp("bye"))
    await conduct(engines(stt=Counting()), line)
    assert not line.all(TurnPartlyTranscribed)
    assert len(line.all(TurnTranscribed)) == 1


def test_the_wishes_of_a_call_are_read_as_they_were_told():
    tuned = CallTuned(at=1.0, weights={"cost": 1.0}, only=("a",))
    assert msgspec.json.decode(to_json(tuned)) == {
        "event": "call_tuned",
        "at": 1.0,
        "weights": {"cost": 1.0},
        "only": ["a"],
    }
