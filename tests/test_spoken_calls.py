"""Replies that are heard: paced, interruptible, and never silent for long."""

import asyncio
import time

import numpy as np
import pytest

from loudness_vad import sound
from starved import unless_starved
from test_call import Curious, Feeling, Line, engines
from tonewise import head_start, plugins
from tonewise.audio import RATE, Samples
from tonewise.call import Call
from tonewise.config import Config
from tonewise.engines import Engines
from tonewise.events import (
    AsideSpoken,
    AttemptEnded,
    CallEnded,
    NoticeGiven,
    ReplyEnded,
    ReplyHeld,
    ReplyInterrupted,
    ReplyResumed,
    ReplySounded,
    ReplyStreamed,
    StageFailed,
    TurnEnded,
    TurnRouted,
    to_json,
)
from tonewise.facts import Patience, Transcript
from tonewise.llm.dispatch import Target
from tonewise.peer import Heard, HungUp, Pressed
from tonewise.settings import Early, Speech, Tts
from tonewise.stages import Delta, Lull, TurnAudio

QUESTION = sound(("silence", 0.3), ("speech", 0.6), ("silence", 0.5))
REPLY = "It was shipped on Monday. It will arrive on Friday. Is there anything else?"
PACKET = RATE // 50


def speaking(
    lines: list[str], *, reply: str = REPLY, config: Config | None = None, **replaced: object
) -> Engines:
    replaced.setdefault("endpoint", plugins.load("endpoint", "fixed", {"seconds": 0.3}))
    replaced.setdefault("tts", plugins.load("tts", "scripted", {"character_s": 0.04}))
    replaced.setdefault("llm", {"replies": [reply]})
    return engines(lines, config=config, **replaced)


class Peer:
    """A caller on a live line, in real time."""

    def __init__(self, loaded: Engines, *, keys: bool = False) -> None:
        self.line = Line(lock_step=False, speaks=True)
        self.line.has_keys = keys
        self.call = Call(loaded, self.line)

    async def says(self, *stretches: tuple[str, float]) -> None:
        samples = sound(*stretches)
        for at in range(0, len(samples), PACKET):
            self.line.queue.put_nowait(Heard(samples[at : at + PACKET]))
            await asyncio.sleep(0.018)

    async def __aenter__(self) -> "Peer":
        self.task = asyncio.create_task(self.call.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.line.queue.put_nowait(HungUp("bye"))
        async with asyncio.timeout(20):
            await self.task


def spoken_s(line: Line) -> float:
    return sum(len(samples) for _, samples in line.played) / RATE


async def replayed(loaded: Engines, *samples: Samples) -> Line:
    pieces = [Heard(part[at : at + PACKET]) for part in samples for at in range(0, len(part), 320)]
    line = Line(*pieces, HungUp("end", answer_last_turn=True), speaks=True)
    async with asyncio.timeout(60):
        await Call(loaded, line).run()
    await loaded.aclose()
    return line


async def test_a_reply_lasts_as_long_as_it_takes_to_say():
    line = await replayed(speaking(["where is it"]), QUESTION, sound(("silence", 5.0)))
    (ended,) = line.all(ReplyEnded)
    (sounded,) = line.all(ReplySounded)
    assert (ended.text, ended.outcome, ended.unspoken) == (REPLY, "answered", "")
    pauses_s = 3 * 0.25  # one after each sentence
    assert spoken_s(line) == pytest.approx(len(REPLY) * 0.04 + pauses_s, abs=0.2)
    assert ended.at - sounded.at == pytest.approx(spoken_s(line), abs=0.15)


async def test_the_line_does_not_go_dead_between_our_sentences():
    line = await replayed(speaking(["where is it"]), QUESTION, sound(("silence", 5.0)))
    said = np.concatenate([samples for _, samples in line.played])
    blocks = said[: len(said) // 320 * 320].reshape(-1, 320)
    levels = 20 * np.log10(np.sqrt(np.mean(blocks**2, axis=1)) + 1e-9)
    hush = levels[(levels > -72) & (levels < -55)]  # above µ-law's smallest step
    assert len(hush) > 3 * 0.2 * RATE / 320  # the pauses after three sentences
    dead = "".join("." if level < -72 else " " for level in levels).split()
    assert max(map(len, dead), default=0) * 320 / RATE <= 0.1


async def test_an_interrupted_reply_is_remembered_as_far_as_it_was_heard():
    over = sound(("silence", 1.5), ("speech", 0.8), ("silence", 1.0))
    line = await replayed(speaking(["where is it", "no no wait"]), QUESTION, over)
    first, second = line.all(ReplyEnded)
    assert (first.turn, first.outcome) == (1, "interrupted")
    assert first.text.startswith("It was shipped on Monday.")
    assert first.text + first.unspoken == REPLY
    assert "anything else" in first.unspoken
    assert line.all(ReplyInterrupted)[0].turn == 1
    assert (second.turn, second.outcome) == (2, "answered")


async def test_a_listeners_hum_does_not_cost_a_word():
    hum = sound(("silence", 1.0), ("speech", 0.25), ("silence", 5.0))
    line = await replayed(speaking(["where is it", "mm-hm"]), QUESTION, hum)
    (ended,) = line.all(ReplyEnded)
    assert (ended.text, ended.outcome) == (REPLY, "answered")
    assert len(line.all(ReplyHeld)) == len(line.all(ReplyResumed)) == 1
    assert line.all(ReplyInterrupted) == []


async def test_a_short_stop_stops_us():
    stop = sound(("silence", 1.0), ("speech", 0.25), ("silence", 1.5))
    line = await replayed(speaking(["where is it", "stop"]), QUESTION, stop)
    assert line.all(ReplyEnded)[0].outcome == "interrupted"
    assert [event.turn for event in line.all(TurnEnded)] == [1, 2]


async def test_a_spoken_replay_is_the_same_every_time():
    async def told() -> list[str]:
        over = sound(("silence", 1.5), ("speech", 0.8), ("silence", 1.0))
        line = await replayed(speaking(["where is it", "no no wait"]), QUESTION, over)
        return [to_json(event, wall=False).decode() for event in line.told]

    assert await told() == await told()


async def test_how_fast_the_engines_are_changes_nothing_in_a_replay():
    async def told(slow_voice_s: float, slow_token_s: float) -> list[bytes]:
        options = {"first_piece_delay_s": slow_voice_s, "fail_after_s": 0.3, "fail_on": ["Friday"]}
        tts = plugins.load("tts", "scripted", options)
        llm = {"replies": [REPLY], "token_delay_s": slow_token_s}
        over = sound(("silence", 1.5), ("speech", 0.8), ("silence", 1.0))
        line = await replayed(
            speaking(["where is it", "no wait"], tts=tts, llm=llm), QUESTION, over
        )
        assert len(line.all(StageFailed)) == 2
        return [to_json(event, wall=False) for event in line.told]

    assert await told(0.0, 0.01) == await told(0.03, 0.0)


async def test_a_recording_that_ends_before_our_last_word_is_answered_to_the_end():
    line = await replayed(speaking(["where is it"]), QUESTION)
    assert line.all(ReplyEnded)[0].text == REPLY


@unless_starved
async def test_on_a_live_line_sound_never_runs_ahead_and_never_gaps():
    loaded = speaking(["where is it"])
    sent: list[tuple[float, int]] = []
    async with Peer(loaded) as peer:
        loop = asyncio.get_running_loop()
        peer.line.play = lambda _turn, samples, _from_s: sent.append((loop.time(), len(samples)))
        await peer.says(("silence", 0.3), ("speech", 0.6), ("silence", 4.5))
    began, given = sent[0][0], 0
    for at, samples in sent:
        assert given / RATE <= at - began + 0.2 + 0.05  # a lead of 0.2 s
        assert given / RATE >= at - began - 0.05 or given == 0  # the peer never ran dry
        given += samples
    await loaded.aclose()


@unless_starved
async def test_speech_over_the_reply_silences_it_within_a_tenth_of_a_second():
    loaded = speaking(["where is it", "no no wait"])
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.3), ("speech", 0.6), ("silence", 1.5))
        assert spoken_s(peer.line) > 0
        before = peer.call._ear.position_s
        await peer.says(("speech", 0.8))
        await peer.line.until(ReplyInterrupted)
        held = peer.line.all(ReplyHeld)[0]
        assert held.at - before <= 0.1
        spoken = spoken_s(peer.line)
        await peer.says(("speech", 0.3))
        assert spoken_s(peer.line) == spoken
    await loaded.aclose()


async def test_a_stage_that_breaks_costs_the_sound_not_the_words():
    tts = plugins.load("tts", "scripted", {"fail_after_s": 0.0})
    line = await replayed(speaking(["where is it"], tts=tts), QUESTION)
    (failed,) = line.all(StageFailed)
    assert (failed.stage, failed.engine) == ("tts", "scripted")
    assert line.all(ReplyEnded)[0].text == REPLY


@unless_starved
async def test_who_waits_for_a_slow_model_hears_a_hold_phrase_and_never_the_same_twice():
    config = Config(speech=Speech(hold_after=0.2))
    slow = {"replies": [REPLY], "first_token_delay_s": 0.8}
    loaded = speaking(["one please", "two please"], config=config, llm=slow)
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.5), ("silence", 1.6))
        await peer.says(("speech", 0.7), ("silence", 1.6))
        first, second = peer.line.all(AsideSpoken)
        assert (first.kind, first.turn, second.turn) == ("hold", 1, 2)
        assert first.text != second.text
        await peer.line.until(ReplySounded)
    assert all(first.text not in event.text for event in peer.line.all(ReplyEnded))
    await loaded.aclose()


class Sure:
    """Knows at every pause whether the caller is done."""

    name = "sure"

    def __init__(self, done: float, seconds: float) -> None:
        self._answer = Patience(seconds, done)

    def open(self, language: str | None = None) -> "Sure":
        del language
        return self

    def patience(self, lull: Lull) -> Patience:
        del lull
        return self._answer


@unless_starved
async def test_a_model_asked_early_answers_at_once():
    slow = {"replies": [REPLY], "first_token_delay_s": 0.4}
    loaded = speaking(["where is it"], llm=slow, endpoint=Sure(0.9, 0.6))
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.5), ("silence", 1.2))
        await peer.line.until(ReplyStreamed)
    first = peer.line.all(ReplyEnded)[0]
    assert first.first_token_ms < 200  # of 400 that the model took
    assert [event.early for event in peer.line.all(AttemptEnded)] == [False]
    await loaded.aclose()


@unless_starved
async def test_nothing_of_a_model_asked_too_early_is_heard_or_remembered():
    config = Config(early=Early(most_cancelled=1))
    slow = {"replies": [REPLY], "first_token_delay_s": 0.05}
    loaded = speaking(["where is my order"], config=config, llm=slow, endpoint=Sure(0.9, 0.6))
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4), ("speech", 0.4))
        await peer.says(("silence", 1.0))
        await peer.line.until(ReplyStreamed)
    early = [event for event in peer.line.all(AttemptEnded) if event.early]
    assert len(early) == 1
    assert len(peer.line.all(TurnRouted)) == 1
    told = "".join(event.text for event in peer.line.all(ReplyStreamed))
    assert REPLY.startswith(told)
    assert len({event.turn for event in peer.line.all(ReplyEnded)}) == 1
    await loaded.aclose()


@unless_starved
@pytest.mark.slow
async def test_what_was_thrown_away_long_ago_keeps_no_model_from_being_asked_early(monkeypatch):
    monkeypatch.setattr(head_start, "LATELY", 2)
    config = Config(early=Early(most_cancelled=1))
    loaded = speaking(["where is it"] * 20, reply="There.", config=config, endpoint=Sure(0.9, 0.6))
    async with Peer(loaded) as peer:
        for turn in (1, 2, 3):  # each with a pause, at which it sounds like all
            await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4), ("speech", 0.4))
            await peer.says(("silence", 0.8))
            await peer.line.until(ReplyEnded, turn)
    thrown_away = [event.turn for event in peer.line.all(AttemptEnded) if event.early]
    assert thrown_away == [1, 3]
    await loaded.aclose()


async def test_a_caller_who_says_nothing_is_asked_once_and_then_the_call_is_closed():
    config = Config(speech=Speech(idle_after=0.4, idle_prompt="Hello?"))
    loaded = speaking([], config=config)
    peer = Peer(loaded)
    async with asyncio.timeout(30):
        await peer.call.run()
    (asked,) = peer.line.all(AsideSpoken)
    assert (asked.kind, asked.text) == ("idle", "Hello?")
    assert peer.line.all(CallEnded)[0].reason.startswith("idle")
    await loaded.aclose()


@unless_starved
async def test_a_model_may_end_the_call_when_its_goodbye_has_been_heard():
    config = Config(speech=Speech(end_marker="[hang up]"))
    loaded = speaking(["goodbye"], reply="Goodbye then. [hang up]", config=config)
    async with asyncio.timeout(30):
        peer = Peer(loaded)
        task = asyncio.create_task(peer.call.run())
        await peer.says(("silence", 0.2), ("speech", 0.5), ("silence", 1.5))
        await task
    assert peer.line.all(CallEnded)[0].reason == "the agent ended the call"
    assert peer.line.all(ReplyEnded)[0].text.strip() == "Goodbye then."
    await loaded.aclose()


async def test_a_call_that_we_have_ended_hears_no_more_even_in_lock_step():
    config = Config(speech=Speech(end_marker="[bye]"))
    loaded = speaking(["goodbye", "and more"], reply="Goodbye. [bye]", config=config)
    line = await replayed(loaded, QUESTION, sound(("silence", 5.0)), QUESTION)
    assert line.told[-1].reason == "the agent ended the call"
    assert line.told[-1].at == line.all(ReplyEnded)[0].at


@unless_starved
async def test_a_yes_in_the_middle_of_a_slow_voice_answers_no_question_to_come():
    tts = plugins.load("tts", "scripted", {"character_s": 0.04, "piece_delay_s": 0.1})
    loaded = speaking(["where is it", "yes"], tts=tts)
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.9))
        await peer.says(("speech", 0.25), ("silence", 0.3))
        assert len(peer.line.all(ReplyResumed)) == 1
    await loaded.aclose()


@unless_starved
async def test_a_call_that_is_ended_at_any_moment_leaves_no_task_behind():
    loaded = speaking(["where is it"] * 3)
    rng = np.random.default_rng(1)
    before = len(asyncio.all_tasks())
    for cut_s in rng.uniform(0.0, 2.0, 12):
        line = Line(lock_step=False, speaks=True)
        call = Call(loaded, line)
        task = asyncio.create_task(call.run())
        samples = sound(("silence", 0.2), ("speech", 0.5), ("silence", 0.6), ("speech", 0.7))
        line.queue.put_nowait(Heard(samples[: round(cut_s * RATE)]))
        await asyncio.sleep(float(rng.uniform(0, 0.15)))
        line.queue.put_nowait(HungUp("gone"))
        async with asyncio.timeout(20):
            await task
        assert line.told[-1].reason == "gone"
    assert len(asyncio.all_tasks()) == before
    await loaded.aclose()


class Clinging:
    """A model that talks slowly and takes its time to let go."""

    name = "clinging"

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def stream(self, request):
        self.asked.append([f"{m.role}: {m.content}" for m in request.messages[1:]])
        try:
            for word in REPLY.split():
                yield Delta(f"{word} ")
                await asyncio.sleep(0.1)
        finally:
            await asyncio.sleep(0.1)

    async def aclose(self) -> None:
        pass


@unless_starved
async def test_a_reply_that_lets_go_slowly_is_remembered_before_the_next_is_asked_for():
    model = Clinging()
    targets = {"quick": Target("quick", model), "deep": Target("deep", model)}
    loaded = speaking(["where is it"], targets=targets)
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 1.2))
        for digit in "42#":
            peer.line.queue.put_nowait(Pressed(digit))
        await peer.line.until(TurnRouted, 2)
        await peer.says(("silence", 0.2))
    ended = [(event.turn, event.outcome) for event in peer.line.all(ReplyEnded)]
    assert ended == [(1, "interrupted"), (2, "interrupted")]
    said, replied, typed = model.asked[1]
    assert (said, typed) == ("user: where is it", "user: 42")
    assert replied.startswith("assistant: It was")
    await loaded.aclose()


@unless_starved
async def test_what_was_asked_too_early_may_let_go_in_peace():
    class Polite(Clinging):
        let_go = 0

        async def stream(self, request):
            try:
                await asyncio.Event().wait()
                yield Delta()
            finally:
                await asyncio.sleep(0.1)
                self.let_go += 1

    model = Polite()
    targets = {"quick": Target("quick", model), "deep": Target("deep", model)}
    loaded = speaking(["where is my order"], targets=targets, endpoint=Sure(0.9, 0.6))
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4), ("speech", 0.2))
        await asyncio.sleep(0.2)
        assert model.let_go == 1
        assert [event.early for event in peer.line.all(AttemptEnded)] == [True]
    await loaded.aclose()


@unless_starved
async def test_a_model_that_never_lets_go_keeps_no_call_from_its_end():
    class Stuck(Clinging):
        async def stream(self, request):
            try:
                yield Delta("One moment. ")
                await asyncio.Event().wait()
            finally:
                await asyncio.Event().wait()

    model = Stuck()
    targets = {"quick": Target("quick", model), "deep": Target("deep", model)}
    loaded = speaking(["where is it"], targets=targets)
    async with Peer(loaded) as peer:  # whose goodbye has to be taken in time
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.6))
        await peer.line.until(ReplyStreamed)
    assert peer.line.told[-1].reason == "bye"
    await loaded.aclose()


@unless_starved
async def test_a_reply_that_is_ready_while_the_caller_makes_a_sound_waits_for_its_end():
    stt = plugins.load("stt", "scripted", {"lines": ["where is it", "mm"], "delay_s": 0.9})
    loaded = speaking([], stt=stt)
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.76))
        await peer.says(("speech", 0.3), ("silence", 0.3))
        assert peer.line.all(ReplyStreamed)
        assert not peer.line.all(ReplyResumed)
        assert spoken_s(peer.line) == 0
        await peer.says(("silence", 1.3))
        assert spoken_s(peer.line) > 0
    await loaded.aclose()


class Deliberate:
    """Takes its time to tell a short sound from a longer one."""

    name = "deliberate"

    def open(self, language: str | None = None) -> "Deliberate":
        del language
        return self

    def transcribe(self, turn: TurnAudio) -> Transcript:
        if turn.start_s < 0.5:
            return Transcript("where is it")
        time.sleep(0.3)
        longer = turn.spoken.sum() * turn.frame_s > 0.25
        return Transcript("mm stop" if longer else "mm")


@unless_starved
async def test_a_sound_that_has_gone_on_is_not_judged_by_its_beginning():
    loaded = speaking([], stt=Deliberate())
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 1.0))
        await peer.says(("speech", 0.2), ("silence", 0.12), ("speech", 0.1), ("silence", 0.7))
        assert peer.line.all(ReplyResumed) == []
        assert len(peer.line.all(ReplyInterrupted)) == 1
    await loaded.aclose()


@unless_starved
async def test_who_has_listened_for_long_is_not_asked_whether_they_are_there():
    config = Config(speech=Speech(idle_after=0.6))
    loaded = speaking(["where is it"], reply="It was shipped on Monday, sir.", config=config)
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4))
        await peer.line.until(ReplyEnded)
        await asyncio.sleep(0.3)
        assert peer.line.all(AsideSpoken) == []
    await loaded.aclose()


@unless_starved
async def test_who_hangs_up_during_the_notice_has_hung_up():
    loaded = speaking(["hello"], acoustic=Feeling())
    async with Peer(loaded) as peer:
        await peer.line.until(AsideSpoken)
    assert peer.line.told[-1].reason == "bye"
    await loaded.aclose()


@unless_starved
async def test_a_notice_that_the_voice_cannot_say_was_not_given():
    tts = plugins.load("tts", "scripted", {"fail_after_s": 0.0})
    loaded = speaking(["hello"], acoustic=Feeling(), tts=tts)
    async with Peer(loaded) as peer:
        await peer.line.until(StageFailed)
        await asyncio.sleep(0.3)
        assert peer.line.all(NoticeGiven) == []
        assert len(peer.line.all(AsideSpoken)) == 1  # and it is not tried all the time
    await loaded.aclose()


@unless_starved
async def test_who_objects_while_the_notice_is_spoken_has_not_said_a_number():
    loaded = speaking(["hello"], acoustic=Feeling())
    peer = Peer(loaded, keys=True)
    async with peer:
        await peer.line.until(AsideSpoken)
        for key in "9#":
            peer.line.queue.put_nowait(Pressed(key))
        await asyncio.sleep(0.2)
        assert peer.line.all(TurnEnded) == peer.line.all(NoticeGiven) == []
        assert not peer.call._dialogue.listener.acoustic.emotion
    await loaded.aclose()


@unless_starved
async def test_a_turn_that_objects_is_not_routed_by_feelings_even_if_it_was_asked_early():
    policy = Curious()
    loaded = speaking(
        ["stop analysing my voice"], acoustic=Feeling(), policy=policy, endpoint=Sure(0.9, 0.6)
    )
    async with Peer(loaded) as peer:
        peer.call._courtesy._consent.given()
        peer.call._dialogue.listener.acoustic.emotion = True
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.8))
        await peer.line.until(TurnRouted)
    assert [turn.cues.emotion is None for turn in policy.asked] == [False, True]
    await loaded.aclose()


@unless_starved
async def test_a_call_that_is_stopped_remembers_only_what_was_heard():
    loaded = speaking(["where is it"])
    peer = Peer(loaded)
    task = asyncio.create_task(peer.call.run())
    await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 1.0))
    task.cancel()
    await asyncio.wait([task])
    (ended,) = peer.line.all(ReplyEnded)
    assert (ended.outcome, ended.text + ended.unspoken) == ("interrupted", REPLY)
    assert "anything else" in ended.unspoken
    await loaded.aclose()


@unless_starved
async def test_a_voice_that_stalls_is_waited_for_once_in_a_reply():
    tts = plugins.load("tts", "scripted", {"character_s": 0.01, "stall_after_s": 0.1})
    loaded = speaking(["where is it"], tts=tts, config=Config(tts=Tts(timeout=0.3)))
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4))
        async with asyncio.timeout(0.8):  # of three sentences
            await peer.line.until(ReplyEnded)
    assert [event.stage for event in peer.line.all(StageFailed)] == ["tts"]
    await loaded.aclose()
