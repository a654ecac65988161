"""One call, hello to goodbye."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from loudness_vad import LoudnessVad, sound
from starved import unless_starved
from tonewise import plugins
from tonewise.audio import RATE, Samples
from tonewise.call import Call
from tonewise.config import Config
from tonewise.consent import Emotion
from tonewise.engines import Engines
from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    CallEnded,
    CallStarted,
    ConsentChanged,
    KeyPressed,
    NoticeGiven,
    ReplyEnded,
    ReplyInterrupted,
    ReplyStreamed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnIgnored,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
    to_json,
)
from tonewise.facts import Transcript, VoiceCues
from tonewise.llm.breaker import Breaker
from tonewise.llm.dispatch import Target
from tonewise.peer import EmotionSwitched, Greeting, Heard, HungUp, Inbound, Played, Pressed
from tonewise.plan import Plan, Reason
from tonewise.settings import Llm, Server, Stt
from tonewise.stages import Candidate, Delta, TurnAudio

TURN = sound(("silence", 0.3), ("speech", 0.6), ("silence", 0.9))


class Line:
    """A transport whose other end is the test."""

    def __init__(self, *inbound: Inbound, lock_step: bool = True, speaks: bool = False) -> None:
        self.lock_step = lock_step
        self.speaks = speaks
        self.has_keys = False
        self.played: list[tuple[int, Samples]] = []
        self.greeting = Greeting(call="test", wire="line", caller={"tier": "gold"})
        self.told: list[AnyEvent] = []
        self.queue: asyncio.Queue[Inbound] = asyncio.Queue()
        self.changed = asyncio.Event()
        for item in inbound:
            self.queue.put_nowait(item)

    async def receive(self) -> AsyncIterator[Inbound]:
        while True:
            yield await self.queue.get()

    def send(self, event: AnyEvent) -> None:
        self.told.append(event)
        self.changed.set()

    def play(self, turn: int, samples: Samples, from_s: float) -> None:
        self.played.append((turn, samples))

    def stop_playing(self) -> None:
        self.played.append((0, np.zeros(0, np.float32)))

    def all(self, kind: type) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    async def until(self, kind: type, count: int = 1) -> None:
        async with asyncio.timeout(20):
            while len(self.all(kind)) < count:
                self.changed.clear()
                await self.changed.wait()


def engines(
    lines: list[str] | None = None,
    config: Config | None = None,
    llm: dict[str, Any] | None = None,
    **replaced: Any,
) -> Engines:
    """Real engines, with a scripted caller and scripted models."""
    models = {"quick": ("fast", llm or {"replies": ["All right."]}), "deep": ("frontier", {})}
    made = Engines(
        config=config or Config(),
        vad=LoudnessVad(),
        stt=plugins.load("stt", "scripted", {"lines": lines or ["hello there"]}),
        acoustic=plugins.load("acoustic", "prosody"),
        endpoint=plugins.load("endpoint", "fixed", {"seconds": 0.7}),
        policy=plugins.load("routing", "thresholds"),
        targets={
            name: Target(name, plugins.load("llm", "scripted", options))
            for name, (_, options) in models.items()
        },
        candidates=tuple(Candidate(name, route) for name, (route, _) in models.items()),
        workers=ThreadPoolExecutor(2),
    )
    return Engines(**{f: getattr(made, f) for f in made.__slots__} | replaced)


async def conduct(loaded: Engines, line: Line) -> None:
    async with asyncio.timeout(30):
        await Call(loaded, line).run()
    await loaded.aclose()


async def test_a_turn_walks_through_every_stage_in_order():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["where is my order"]), line)
    kinds = [type(event) for event in line.told]
    assert kinds[0] is CallStarted
    assert kinds[-1] is CallEnded
    walk = [TurnEnded, TurnTranscribed, TurnMeasured, TurnRouted, ReplyStreamed, AttemptEnded]
    assert [kind for kind in kinds if kind in walk and kind is not ReplyStreamed] == [
        kind for kind in walk if kind is not ReplyStreamed
    ]
    assert line.all(ReplyEnded)[0].text == "All right."
    assert line.all(TurnRouted)[0].plan.models[0] == "quick"
    assert line.told[0].caller == {"tier": "gold"}
    assert line.told[-1].reason == "bye"


async def test_every_turn_event_bears_its_turn_number():
    line = Line(Heard(TURN), Heard(TURN), Heard(TURN), HungUp("bye"))
    await conduct(engines(["one please", "two please", "three please"]), line)
    for kind in (TurnEnded, TurnTranscribed, TurnMeasured, TurnRouted, ReplyEnded):
        assert [event.turn for event in line.all(kind)] == [1, 2, 3]
    said = [event.transcript.text for event in line.all(TurnTranscribed)]
    assert said == ["one please", "two please", "three please"]


async def test_a_broken_stt_costs_one_turn_not_the_call():
    line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
    stt = plugins.load("stt", "scripted", {"lines": ["one", "two"], "fail_on": [1]})
    await conduct(engines(stt=stt), line)
    (failed,) = line.all(StageFailed)
    assert (failed.turn, failed.stage) == (1, "stt")
    assert line.all(TurnIgnored)[0].turn == 1
    assert [event.turn for event in line.all(ReplyEnded)] == [2]


class Broken:
    """An engine that breaks in a way nobody thought of."""

    name = "broken"

    def open(self) -> "Broken":
        return self

    def measure(self, turn) -> VoiceCues:
        raise ZeroDivisionError("division by zero")

    def decide(self, turn, candidates):
        raise KeyError("no such rule")


async def test_broken_cues_are_neutral_and_the_turn_is_answered():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(acoustic=Broken()), line)
    (failed,) = line.all(StageFailed)
    assert (failed.stage, failed.error) == ("acoustic", "ZeroDivisionError: division by zero")
    assert not line.all(TurnMeasured)
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_a_broken_policy_still_gets_the_caller_an_answer():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(policy=Broken()), line)
    assert line.all(StageFailed)[0].stage == "routing"
    assert "failed" in line.all(TurnRouted)[0].plan.reasons[0].text
    assert line.all(ReplyEnded)[0].outcome == "answered"


class Sloppy:
    """An engine that gives, or raises, what it should not."""

    name = "sloppy"

    def __init__(self, found: Any) -> None:
        self.found = found

    def open(self, language: str | None = None) -> "Sloppy":
        return self

    def transcribe(self, turn) -> Any:
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    def decide(self, turn, candidates) -> Any:
        return self.found


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (None, "null"),
        ("a text", "`str`"),
        (Transcript("hi", log_probability=np.float32(-0.5)), "numpy.float32"),
        (TimeoutError("its server is slow"), "TimeoutError: its server is slow"),
    ],
)
async def test_what_is_no_transcript_costs_one_turn_and_is_told_in_words(found, told):
    line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
    await conduct(engines(stt=Sloppy(found)), line)
    assert [event.turn for event in line.all(StageFailed)] == [1, 2]
    assert told in line.all(StageFailed)[0].error
    assert line.told[-1].reason == "bye"


async def test_what_is_no_plan_is_told_and_the_caller_gets_an_answer():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(policy=Sloppy(None)), line)
    assert line.all(StageFailed)[0].stage == "routing"
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_a_plan_that_names_no_model_of_ours_is_told_and_the_caller_gets_an_answer():
    plan = Plan("fast", ("nobody",), (Reason("rule", "a slip"),), 0.0)
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(policy=Sloppy(plan)), line)
    assert "nobody" in line.all(StageFailed)[0].error
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_half_a_character_of_a_model_breaks_no_call():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(llm={"replies": ["oh \ud83d well"]}), line)
    (ended,) = line.all(ReplyEnded)
    assert to_json(ended)
    assert ended.text == "oh ? well"


async def test_a_vad_that_gives_no_number_hears_nothing_and_the_call_goes_on():
    class Silent(LoudnessVad):
        def speech(self, frame: Samples) -> Any:
            return None

    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(vad=Silent()), line)
    assert [event.stage for event in line.all(StageFailed)] == ["vad"]
    assert line.told[-1].reason == "bye"


async def test_a_timeout_of_the_line_is_not_taken_for_the_calls_longest_time():
    class Slow(Line):
        async def receive(self):
            yield Heard(TURN)
            raise TimeoutError("the socket timed out")

    line = Slow()
    with pytest.raises(ExceptionGroup) as caught:
        await conduct(engines(), line)
    assert caught.group_contains(TimeoutError, match="the socket timed out")
    assert line.told[-1].reason == "failed"


async def test_an_engine_that_breaks_as_it_is_let_go_keeps_no_other_from_it():
    class Stubborn(Reluctant):
        async def aclose(self) -> None:
            self.letting_go.set()
            raise OSError("it will not close")

    models = [Stubborn(), Stubborn()]
    loaded = engines(targets={str(at): Target(str(at), model) for at, model in enumerate(models)})
    with pytest.raises(OSError, match="it will not close"):
        await loaded.aclose()
    assert all(model.letting_go.is_set() for model in models)
    with pytest.raises(RuntimeError, match="shutdown"):
        loaded.workers.submit(print)


async def test_a_stuck_stt_is_not_waited_for():
    slow = plugins.load("stt", "scripted", {"lines": ["too late"], "delay_s": 0.5})
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(config=Config(stt=Stt(timeout=0.05)), stt=slow), line)
    assert "no result in 0.05 s" in line.all(StageFailed)[0].error


async def test_a_model_that_fails_is_replaced_by_the_next_and_every_try_is_told():
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(llm={"replies": ["never"], "fail": "rate_limited"}), line)
    tries = [(event.attempt, event.model, event.outcome) for event in line.all(AttemptEnded)]
    assert tries == [(1, "quick", "rate_limited"), (2, "deep", "answered")]
    assert line.all(ReplyEnded)[0].model == "deep"


async def test_when_every_model_fails_the_call_goes_on():
    line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
    failing = plugins.load("llm", "scripted", {"fail": "unreachable"})
    targets = {name: Target(name, failing) for name in ("quick", "deep")}
    await conduct(engines(["one", "two"], targets=targets), line)
    assert [event.outcome for event in line.all(ReplyEnded)] == ["failed", "failed"]
    assert line.told[-1] == CallEnded(at=line.told[-1].at, reason="bye", turns=2)


async def test_a_turn_without_words_is_not_answered_and_the_floor_is_open_again():
    line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
    await conduct(engines([" ", "hello"]), line)
    assert line.all(TurnIgnored)[0].turn == 1
    assert [event.turn for event in line.all(ReplyEnded)] == [2]


@unless_starved
async def test_the_caller_can_speak_over_the_reply():
    line = Line(Heard(TURN), lock_step=False)
    slow = {"replies": ["one two three four five"], "token_delay_s": 0.1}
    loaded = engines(["tell me", "stop it"], llm=slow)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(ReplyStreamed, 2)
        line.queue.put_nowait(Heard(TURN))
        await line.until(ReplyEnded, 2)
        line.queue.put_nowait(HungUp("bye"))
    first, second = line.all(ReplyEnded)
    assert (first.turn, first.outcome) == (1, "interrupted")
    assert first.text in "one two three four five"
    assert first.text.startswith("one two")
    assert line.all(ReplyInterrupted)[0].turn == 1
    assert line.all(AttemptEnded)[0].outcome == "cancelled"
    assert (second.turn, second.outcome) == (2, "answered")
    streamed = "".join(e.text for e in line.all(ReplyStreamed) if e.turn == 1)
    assert streamed == first.text  # nothing of turn 1 is heard after it was interrupted
    await loaded.aclose()


@pytest.mark.parametrize(("patient", "over_us"), [(True, True), (False, False)])
@unless_starved
async def test_only_who_speaks_over_words_of_ours_talks_over_us(patient, over_us):
    """Who goes on while we still think has not heard us yet."""
    policy = Curious()
    stt = {"lines": ["well", "stop"], "delay_s": 0.0 if patient else 0.2}
    slow = {"replies": ["one two three four five"], "token_delay_s": 0.1}
    loaded = engines(llm=slow, policy=policy, stt=plugins.load("stt", "scripted", stt))
    line = Line(Heard(TURN), lock_step=False)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(ReplyStreamed if patient else TurnEnded)
        line.queue.put_nowait(Heard(TURN))
        await line.until(TurnRouted, 2 if patient else 1)
        line.queue.put_nowait(HungUp("bye"))
    assert line.all(ReplyInterrupted)[0].turn == 1
    assert (policy.asked[-1].number, policy.asked[-1].around.talk_over) == (2, over_us)
    await loaded.aclose()


class Reluctant:
    """A model that never speaks, and takes its time to hang up."""

    name = "reluctant"

    def __init__(self) -> None:
        self.lines, self.letting_go = 0, asyncio.Event()

    async def stream(self, request):
        self.lines += 1
        try:
            await asyncio.Event().wait()
            yield Delta()
        finally:
            self.letting_go.set()
            await asyncio.sleep(0.05)
            self.lines -= 1

    async def aclose(self) -> None:
        pass


async def test_who_interrupts_and_hangs_up_at_once_leaves_no_model_out_of_reach():
    """Both cancel the reply: the second while the first is still letting go of two models."""
    model = Reluctant()
    targets = {
        "quick": Target("quick", model, hedge_after_s=0.01, breaker=Breaker(state="open")),
        "deep": Target("deep", model, breaker=Breaker(state="open")),
    }
    line = Line(Heard(TURN), lock_step=False)
    loaded = engines(targets=targets)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        while model.lines < 2:
            await asyncio.sleep(0.005)
        line.queue.put_nowait(Heard(TURN[: round(1.0 * RATE)]))
        await model.letting_go.wait()
        line.queue.put_nowait(HungUp("bye"))
    assert all(target.breaker.state != "half_open" for target in targets.values())
    async with asyncio.timeout(20):
        while model.lines:
            await asyncio.sleep(0.005)
    assert [event.outcome for event in line.all(AttemptEnded)] == ["cancelled", "cancelled"]
    await loaded.aclose()


class Remembering:
    """A model that keeps what it was asked."""

    name = "remembering"

    def __init__(self) -> None:
        self.asked: list[list[tuple[str, str]]] = []
        self.real = plugins.load("llm", "scripted", {"replies": ["noted"]})

    def stream(self, request):
        self.asked.append([(m.role, m.content) for m in request.messages[1:]])
        return self.real.stream(request)

    async def aclose(self) -> None:
        pass


@unless_starved
async def test_a_turn_that_was_talked_past_is_not_lost():
    """The caller goes on before STT is done: nothing is answered twice, nothing forgotten."""
    model = Remembering()
    slow = plugins.load("stt", "scripted", {"lines": ["i want to", "go home"], "delay_s": 0.2})
    line = Line(Heard(TURN), Heard(TURN), lock_step=False)
    targets = {"quick": Target("quick", model), "deep": Target("deep", model)}
    loaded = engines(stt=slow, targets=targets)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(ReplyEnded)
        line.queue.put_nowait(HungUp("bye"))
    assert [event.turn for event in line.all(ReplyEnded)] == [2]
    assert model.asked == [[("user", "i want to"), ("user", "go home")]]
    await loaded.aclose()


async def test_a_model_is_told_what_was_said_before_and_no_more_than_the_settings_allow():
    model = Remembering()
    line = Line(*[Heard(TURN)] * 4, HungUp("bye"))
    targets = {"quick": Target("quick", model), "deep": Target("deep", model)}
    config = Config(llm=Llm(history=2))
    await conduct(engines(["a", "b", "c", "d"], config=config, targets=targets), line)
    assert model.asked[3] == [
        ("user", "b"),
        ("assistant", "noted"),
        ("user", "c"),
        ("assistant", "noted"),
        ("user", "d"),
    ]


async def test_hanging_up_in_the_middle_of_a_reply_ends_everything():
    line = Line(Heard(TURN), lock_step=False)
    loaded = engines(llm={"replies": ["never ending"], "stall_after_words": 1})
    async with asyncio.timeout(20):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(Call(loaded, line).run())
            await line.until(ReplyStreamed)
            line.queue.put_nowait(HungUp("the caller hung up"))
    assert line.all(ReplyEnded)[0].outcome == "interrupted"
    assert isinstance(line.told[-1], CallEnded)
    assert len(asyncio.all_tasks()) == 1
    await loaded.aclose()


async def test_a_call_that_is_stopped_says_so_last():
    line = Line(Heard(TURN), lock_step=False)
    loaded = engines(llm={"replies": ["x y"], "stall_after_words": 1})
    task = asyncio.create_task(Call(loaded, line).run())
    await line.until(ReplyStreamed)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert line.told[-1].reason == "stopped"
    await loaded.aclose()


async def test_a_call_cannot_last_for_ever():
    line = Line(lock_step=False)
    await conduct(engines(config=Config(server=Server(longest_call=0.05))), line)
    assert "longest_call" in line.told[-1].reason


async def test_a_recording_that_ends_in_mid_turn_is_answered():
    line = Line(Heard(TURN[: round(0.8 * RATE)]), HungUp("end", answer_last_turn=True))
    await conduct(engines(), line)
    assert line.all(TurnEnded)[0].reason == "end_of_audio"
    assert line.all(ReplyEnded)[0].outcome == "answered"


async def test_the_callers_delay_counts_from_when_our_voice_was_played_to_its_end():
    line = Line(Heard(TURN), Played(1), Heard(TURN), HungUp("bye"))
    await conduct(engines(["one", "two"]), line)
    first, second = line.all(TurnMeasured)
    assert first.cues.response_latency_s is None
    assert second.cues.response_latency_s == pytest.approx(0.3, abs=0.02)


async def test_the_same_audio_gives_the_same_events():
    from tonewise.events import to_json

    logs = []
    for _ in range(3):
        line = Line(Heard(TURN), Heard(TURN), HungUp("bye"))
        await conduct(engines(["compare these two", "yes"]), line)
        logs.append([to_json(event, wall=False) for event in line.told])
    assert logs[0] == logs[1] == logs[2]


async def test_many_calls_share_the_engines_and_one_bad_call_harms_no_other():
    loaded = engines(["one", "two"])
    lines = [Line(Heard(TURN), Heard(TURN), HungUp("bye")) for _ in range(8)]

    class Rotten(Line):
        async def receive(self):
            yield Heard(TURN)
            raise RuntimeError("the transport broke")

    bad = Rotten()
    async with asyncio.timeout(30):
        results = await asyncio.gather(
            *(Call(loaded, line).run() for line in [*lines, bad]), return_exceptions=True
        )
    assert results[:-1] == [None] * 8
    assert isinstance(results[-1], Exception)
    assert bad.told[-1].reason == "failed"
    for line in lines:
        assert [e.transcript.text for e in line.all(TurnTranscribed)] == ["one", "two"]
    await loaded.aclose()


class Curious:
    """A policy that keeps what it was asked."""

    name = "curious"

    def __init__(self) -> None:
        self.asked: list = []
        self.real = plugins.load("routing", "thresholds")

    def decide(self, turn, candidates):
        self.asked.append(turn)
        return self.real.decide(turn, candidates)


@pytest.mark.parametrize(("lock_step", "knows"), [(True, False), (False, True)])
async def test_a_live_call_knows_the_time_of_day_and_a_replay_does_not(lock_step, knows):
    policy = Curious()
    line = Line(Heard(TURN), lock_step=lock_step)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(engines(policy=policy), line).run())
        await line.until(ReplyEnded)
        line.queue.put_nowait(HungUp("bye"))
    assert (policy.asked[0].around.time is not None) == knows


async def test_a_shadow_policy_is_told_and_never_obeyed():
    shadow = plugins.load("routing", "thresholds", {"frontier_at": 0.0})
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["yes please"], shadow=shadow), line)
    (routed,) = line.all(TurnRouted)
    assert (routed.plan.route, routed.shadow.route) == ("fast", "frontier")
    assert line.all(ReplyEnded)[0].model == "quick"


@unless_starved
async def test_a_question_followed_by_a_cough_is_answered():
    """The cough comes before STT is done with the question, and turns out to hold no words."""
    slow = plugins.load("stt", "scripted", {"lines": ["where is my order", ""], "delay_s": 0.2})
    line = Line(Heard(TURN), Heard(TURN), lock_step=False)
    loaded = engines(stt=slow)
    async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(ReplyEnded)
        line.queue.put_nowait(Heard(TURN))  # the floor is open again
        await line.until(SpeechStarted, 3)
        line.queue.put_nowait(HungUp("bye"))
    (reply,) = [event for event in line.all(ReplyEnded) if event.outcome == "answered"]
    assert reply.turn == 1
    assert [event.turn for event in line.all(TurnIgnored)] == [2]
    await loaded.aclose()


async def test_a_number_typed_while_speaking_is_a_turn_of_its_own_afterwards():
    speaks, quiet = Heard(sound(("speech", 0.5))), Heard(sound(("silence", 0.5)))
    line = Line(speaks, *map(Pressed, "427#"), *[quiet] * 8, HungUp("bye"))
    await conduct(engines(["my number is"]), line)
    said = [event.transcript.text for event in line.all(TurnTranscribed)]
    assert said == ["my number is", "427"]


async def test_digits_that_are_typed_are_a_turn_of_their_own():
    quiet = [Heard(sound(("silence", 0.5)))] * 6
    line = Line(*map(Pressed, "427"), *quiet, HungUp("bye"))
    await conduct(engines(["never heard"]), line)
    assert [event.digit for event in line.all(KeyPressed)] == ["4", "2", "7"]
    (typed,) = line.all(TurnTranscribed)
    assert (typed.turn, typed.transcript.digits, typed.transcript.text) == (1, "427", "427")
    assert [event.turn for event in line.all(ReplyEnded)] == [1]


class Feeling:
    """An acoustic engine that reads something in every voice, where it may."""

    name = "feeling"
    emotion = True

    def open(self) -> "Feeling":
        made = Feeling()
        made.emotion = True
        return made

    def measure(self, turn: TurnAudio) -> VoiceCues:
        read = {"anger": 1.0} if self.emotion else None
        return VoiceCues(turn.duration_s, emotion=read, arousal=0.9 if self.emotion else None)


@pytest.mark.parametrize("way", ["phrase", "digit", "api"])
async def test_who_objects_in_mid_call_is_not_read_any_more(way):
    objects = {
        "phrase": [],
        "digit": [Pressed("9"), *[Heard(sound(("silence", 0.5)))] * 5],
        "api": [EmotionSwitched(on=False)],
    }[way]
    said = ["hello there", "stop analysing my voice" if way == "phrase" else "where is it", "hm ok"]
    line = Line(*[Heard(TURN)] * 2, *objects, Heard(TURN), HungUp("bye"), lock_step=True)
    line.has_keys = True
    await conduct(engines(said, acoustic=Feeling()), line)
    read = [event.cues.emotion is not None for event in line.all(TurnMeasured)]
    assert read == [True, way != "phrase", False]
    (changed,) = line.all(ConsentChanged)
    assert (changed.emotion, changed.by) == (False, way)
    assert len(line.all(ReplyEnded)) == 3  # all are answered


async def test_nobody_is_read_before_they_were_told():
    line = Line(lock_step=False)
    loaded = engines(["hello"], acoustic=Feeling())
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(Call(loaded, line).run())
        await line.until(NoticeGiven)
        line.queue.put_nowait(HungUp("bye"))
    kinds = [type(event) for event in line.told]
    assert kinds[:3] == [CallStarted, NoticeGiven, ConsentChanged]
    silent = Config(emotion=Emotion(notice=""))
    line = Line(Heard(TURN), HungUp("bye"))
    await conduct(engines(["hello"], config=silent, acoustic=Feeling()), line)
    assert line.all(TurnMeasured)[0].cues.emotion is None
    await loaded.aclose()
