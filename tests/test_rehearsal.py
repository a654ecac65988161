"""A recorded call is a test: replayed from its folder, stage by stage, or played from a script."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from loudness_vad import LoudnessVad, sound
from recordings import write
from tonewise import audio_file, engines
from tonewise.config import Config
from tonewise.default_models import DEFAULT_MODELS, Model
from tonewise.engines import Engines
from tonewise.errors import AttemptError, ConfigError, RecordingError
from tonewise.events import AttemptEnded, KeyPressed, ReplyInterrupted, ReplyStreamed, to_json
from tonewise.facts import Transcript, VoiceCues
from tonewise.recording.folder import CallFolder
from tonewise.replaying import script
from tonewise.replaying.recorded import Recorded, RecordedModel
from tonewise.replaying.rehearsal import Replayed, Source, replay
from tonewise.replaying.turn_log import TurnTaken, paired, same_turn, within
from tonewise.settings import Endpoint, Stt, Tts, Vad
from tonewise.stages import LlmRequest, TurnAudio

CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2), ("speech", 1.1), ("silence", 1.4))
LINES = ["where is my order", "compare both contracts over three years and explain the difference"]
OTHERS = ["what are your opening hours", "thank you"]


def settings(lines: list[str], models: tuple[Model, ...] = DEFAULT_MODELS[None]) -> Config:
    stt = Stt(use="scripted", options={"lines": lines})
    return Config(
        vad=Vad(use="webrtc"),
        stt=stt,
        endpoint=Endpoint(use="fixed"),
        models=models,
        tts=Tts(use="scripted"),
    )


@pytest.fixture(scope="module")
def loaded() -> Iterator[Engines]:
    yield from _loaded(LINES)


@pytest.fixture(scope="module")
def others() -> Iterator[Engines]:
    """Engines that hear other words and answer otherwise."""
    models = tuple(
        Model(name=model.name, route=model.route, use="scripted", options={"replies": ["New."]})
        for model in DEFAULT_MODELS[None]
    )
    yield from _loaded(OTHERS, models)


def _loaded(
    lines: list[str], models: tuple[Model, ...] = DEFAULT_MODELS[None]
) -> Iterator[Engines]:
    made = replace(engines.load(settings(lines, models)), vad=LoudnessVad())
    yield made
    asyncio.run(made.aclose())


@pytest.fixture
async def folder(tmp_path, loaded) -> Path:
    """The call, recorded."""
    await replay(loaded, Source(write(tmp_path / "call.wav", CALL)), record=tmp_path / "kept")
    (made,) = (tmp_path / "kept").iterdir()
    return made


def log(played: Replayed) -> list[bytes]:
    return [to_json(event, wall=False) for event in played.events]


async def test_a_recorded_call_is_replayed_from_its_folder_event_by_event(tmp_path, folder, loaded):
    first = await replay(loaded, Source(tmp_path / "call.wav"))
    again = await replay(loaded, Source(folder))
    assert log(again) == log(first)
    assert [turn.said for turn in again.turns] == LINES
    assert log(again) == [to_json(event, wall=False) for event in CallFolder(folder).events()]


async def test_a_replay_does_not_depend_on_its_speed(folder, loaded):
    slow = await replay(loaded, Source(folder), speed=20.0)
    assert log(slow) == log(await replay(loaded, Source(folder)))


async def test_words_can_be_taken_from_the_recording_and_the_rest_be_live(folder, others):
    live = await replay(others, Source(folder))
    mixed = await replay(others, Source(folder), recorded=["stt"])
    assert [turn.said for turn in live.turns] == OTHERS
    assert [turn.said for turn in mixed.turns] == LINES
    assert [turn.route for turn in mixed.turns] == ["fast", "frontier"]
    assert [turn.reply_text for turn in mixed.turns] == ["New.", "New."]


async def test_replies_can_be_taken_from_the_recording_whoever_is_asked(folder, others, loaded):
    before = await replay(loaded, Source(folder))
    mixed = await replay(others, Source(folder), recorded=["llm"])
    assert [turn.said for turn in mixed.turns] == OTHERS
    assert [turn.reply_text for turn in mixed.turns] == [t.reply_text for t in before.turns]
    assert mixed.turns[1].route == "fast"  # where the recording had gone to the other


async def test_cues_can_be_taken_from_the_recording(folder, loaded):
    class Deaf:
        name = "deaf"
        emotion = False

        def open(self):
            return self

        def measure(self, turn):
            return VoiceCues(speech_s=0.0)

    before = await replay(loaded, Source(folder))
    mixed = await replay(replace(loaded, acoustic=Deaf()), Source(folder), recorded=["acoustic"])
    assert [turn.cues for turn in mixed.turns] == [turn.cues for turn in before.turns]


async def test_a_fault_is_recorded_and_comes_back(tmp_path, folder, others):
    lines = (folder / "events.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    failed = AttemptEnded(
        at=2.0, turn=1, attempt=1, model="demo-fast", outcome="rate_limited", detail="429"
    )
    at = next(n for n, event in enumerate(told) if event["event"] == "turn_routed")
    lines.insert(at + 1, to_json(failed).decode())
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    mixed = await replay(others, Source(folder), recorded=["stt", "llm"])
    tries = [(tried.model, tried.outcome) for tried in mixed.turns[0].attempts]
    assert tries == [("demo-fast", "rate_limited"), ("demo-frontier", "answered")]


async def test_keys_are_pressed_again_when_they_were(tmp_path, loaded):
    path = scripted(tmp_path, 'press = "7#"\n[[steps]]\nplay = "turn.wav"')
    first = await replay(loaded, Source(path), record=tmp_path / "kept")
    (made,) = (tmp_path / "kept").iterdir()
    again = await replay(loaded, Source(made))
    pressed = [[e for e in each.events if isinstance(e, KeyPressed)] for each in (first, again)]
    assert [event.digit for event in pressed[0]] == ["7", "#"]
    assert pressed[1] == pressed[0]


async def test_what_was_not_recorded_cannot_stand_in(tmp_path, loaded):
    source = Source(write(tmp_path / "call.wav", CALL))
    with pytest.raises(RecordingError, match="it has no events, so stt must be live"):
        await replay(loaded, source, recorded=["stt"])
    with pytest.raises(ConfigError, match=r"cannot stand in for 'vad'; choose from stt, acoustic"):
        Recorded([], ["vad"])


# ---------------------------------------------------------------- the same turn


def taken(number: int, start_s: float, end_s: float, said: str = "") -> TurnTaken:
    return TurnTaken(number, start_s, end_s, transcript=Transcript(said))


def test_turns_are_the_same_where_they_overlap_whatever_their_numbers():
    before = [taken(1, 1.0, 2.0), taken(2, 3.0, 5.0), taken(3, 8.0, 9.0)]
    after = [taken(1, 3.1, 4.9), taken(2, 6.0, 6.5), taken(3, 8.2, 9.4)]
    numbers = [(a and a.number, b and b.number) for a, b in paired(before, after)]
    assert numbers == [(1, None), (2, 1), (None, 2), (3, 3)]
    assert same_turn(before, 2.2, 2.4).number == 1
    assert same_turn(before, 6.0, 7.0) is None
    assert same_turn([], 0.0, 1.0) is None


def test_words_of_turns_that_are_one_now_are_joined_and_none_is_said_twice():
    recorded = [taken(1, 1.0, 2.0, "I would"), taken(2, 2.8, 4.0, "like tea")]
    stt = Recorded(recorded, ["stt"])
    assert [turn.said for turn in within(stt.turns, 0.7, 4.2)] == ["I would", "like tea"]
    pieces = [within(recorded, 0.7, 1.7), within(recorded, 1.7, 3.2), within(recorded, 3.2, 4.2)]
    assert sum(map(len, pieces)) == 2


def test_a_turn_in_the_making_gets_its_words_when_most_of_it_was_said(loaded):
    own = Recorded([taken(1, 1.0, 3.0, "yes please")], ["stt"]).engines(loaded)
    stream = own.stt.open()

    def audio(start_s: float, seconds: float) -> TurnAudio:
        samples = np.zeros(round(seconds * 16_000), np.float32)
        return TurnAudio(samples, start_s, np.ones(10, bool), seconds / 10)

    assert stream.transcribe(audio(0.7, 1.0)).text == ""
    assert stream.transcribe(audio(0.7, 1.8)).text == "yes please"
    assert own.stt.name == "recorded"


# ---------------------------------------------------------------- scripted calls

SCRIPT = """
voice = "scripted"
[caller]
tier = "gold"

[[steps]]
play = "turn.wav"

[[steps]]
{step}

[[faults]]
turn = 1
model = "demo-fast"
outcome = "rate_limited"
"""


def scripted(tmp_path: Path, step: str) -> Path:
    write(tmp_path / "turn.wav", sound(("speech", 0.8), ("silence", 0.1)))
    (tmp_path / "script.toml").write_text(SCRIPT.format(step=step))
    return tmp_path


async def test_a_script_plays_pauses_presses_and_has_models_fail(tmp_path, loaded):
    path = scripted(tmp_path, 'press = "12#"\n[[steps]]\npause = 0.5\n[[steps]]\nplay = "turn.wav"')
    played = await replay(loaded, Source(path))
    assert [turn.said for turn in played.turns] == [LINES[0], "12", LINES[1]]
    tries = [[(t.model, t.outcome) for t in turn.attempts] for turn in played.turns]
    assert tries[0] == [("demo-fast", "rate_limited"), ("demo-frontier", "answered")]
    assert [outcome for _, outcome in tries[1] + tries[2]] == ["answered", "answered"]
    assert played.events[0].caller == {"tier": "gold"}
    assert played.events[-1].reason == "end of script"
    assert log(played) == log(await replay(loaded, Source(path)))


async def test_a_scripted_caller_waits_for_the_reply_unless_the_script_barges_in(tmp_path, loaded):
    patient = await replay(loaded, Source(scripted(tmp_path, 'play = "turn.wav"')))
    assert not any(isinstance(event, ReplyInterrupted) for event in patient.events)
    spoken_s = patient.turns[1].start_s - patient.turns[0].replied_at
    hasty = await replay(loaded, Source(scripted(tmp_path, 'play = "turn.wav"\nbarge_in = 0.5')))
    (interrupted,) = [event for event in hasty.events if isinstance(event, ReplyInterrupted)]
    assert interrupted.turn == 1
    first, second = hasty.turns
    assert second.start_s - first.replied_at == pytest.approx(0.5, abs=0.1)
    assert spoken_s > 2.0
    assert first.reply.outcome == "interrupted"
    assert first.reply.unspoken


async def test_a_scripted_call_can_be_recorded_with_both_voices(tmp_path, loaded):
    path = scripted(tmp_path, 'play = "turn.wav"\nbarge_in = 0.5')
    await replay(loaded, Source(path), record=tmp_path / "kept")
    (made,) = (tmp_path / "kept").iterdir()
    both = np.concatenate(list(audio_file.blocks(made / "call.flac")), axis=1)
    turns = (await replay(loaded, Source(path))).turns
    reply = np.nonzero(np.abs(both[1]) > 0.01)[0] / 16_000
    assert reply[0] == pytest.approx(turns[0].replied_at, abs=0.1)
    silent_s = reply[1:][np.diff(reply) > 0.5]  # after it was spoken over
    assert silent_s[0] == pytest.approx(turns[1].replied_at, abs=0.1)


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ("pause = -1", r"script.toml:11: steps\[1\].pause: expected `float` >= 0"),
        ('say = "a"\npress = "1"', r"script.toml:9: step 2 does say and press; a step is one of"),
        ('press = "x"', r"script.toml:9: step 2 presses 'x'; a telephone has"),
        ("pause = 1\nbarge_in = 2.0", "script.toml:9: step 2 cannot barge in with pause"),
        ('play = "none.wav"', "script.toml:9: step 2 cannot be played: .*no such file"),
        ("hum = 1", r"script.toml:11: there is no key 'hum'; here are: say, .*press"),
        ("pause = ", r"script.toml:11: invalid value"),
    ],
)
def test_a_slip_in_a_script_is_told_with_file_and_line(tmp_path, step, complaint):
    path = scripted(tmp_path, step) / "script.toml"
    # the template begins with an empty line, so steps[1] stands on line 9 and its key on 10
    with pytest.raises(RecordingError, match=complaint.replace(":11:", ":10:")):
        script.read(path)


def test_a_wrong_outcome_names_the_choices(tmp_path):
    path = scripted(tmp_path, "pause = 1") / "script.toml"
    path.write_text(path.read_text().replace("rate_limited", "rate_limitd"))
    told = r"script.toml:15: faults\[0\].outcome: .*mean 'rate_limited'\?\); choose from .*, stall$"
    with pytest.raises(RecordingError, match=told):
        script.read(path)


async def test_a_fault_of_a_model_that_nobody_has_is_no_fault_that_passes_unseen(tmp_path, loaded):
    folder = scripted(tmp_path, "pause = 1")
    path = folder / "script.toml"
    path.write_text(path.read_text() + '[[faults]]\nmodel = "demo-fst"\noutcome = "stall"\n')
    with pytest.raises(RecordingError, match=r"no model 'demo-fst' \(did you mean 'demo-fast'\?\)"):
        await replay(loaded, Source(folder))


async def test_a_line_without_a_voice_says_what_to_write(tmp_path, loaded):
    path = tmp_path / "script.toml"
    path.write_text('[[steps]]\nsay = "hello"\n')
    with pytest.raises(RecordingError, match='voice = "espeak"'):
        await replay(replace(loaded, tts=None), Source(path))


async def test_a_stalled_model_is_passed_over(tmp_path):
    models = tuple(
        Model(name=m.name, route=m.route, use=m.use, first_token=0.2) for m in DEFAULT_MODELS[None]
    )
    made = replace(engines.load(settings(LINES, models)), vad=LoudnessVad())
    path = scripted(tmp_path, "pause = 0.1") / "script.toml"
    path.write_text(path.read_text().replace("rate_limited", "stall"))
    played = await replay(made, Source(path))
    await made.aclose()
    tries = [(tried.model, tried.outcome) for tried in played.turns[0].attempts]
    assert tries == [("demo-fast", "timed_out"), ("demo-frontier", "answered")]
    assert any(isinstance(event, ReplyStreamed) for event in played.events)


async def test_a_turn_that_nobody_answered_is_no_fault_for_which_a_model_would_rest():
    model = RecordedModel("quick", Recorded((), ("llm",)))
    with pytest.raises(AttemptError, match="nothing was replied to this turn") as error:
        _ = [delta async for delta in model.stream(LlmRequest(1, "fast", ()))]
    assert error.value.outcome == "bad_request"


async def test_a_folder_that_cannot_be_made_of_a_replay_is_told(tmp_path, loaded):
    (tmp_path / "file").touch()
    played = await replay(loaded, Source(scripted(tmp_path, "pause = 1")), record=tmp_path / "file")
    assert played.events
    assert "ended before the call: NotADirectoryError" in str(played.error)
