"""Every plug-in keeps its stage's contract; a new file in a room is held to it without an edit.

An engine that cannot be loaded here, for want of a package or of weights, is skipped and says why.
"""

import importlib
import inspect
import math
from collections.abc import Iterator
from contextlib import aclosing
from types import ModuleType
from typing import Any, get_args, get_type_hints

import msgspec
import numpy as np
import pytest

from tonewise import plugins, stages
from tonewise.audio import RATE, Samples
from tonewise.errors import AttemptError, Outcome, PluginError, StageError
from tonewise.facts import Patience, Transcript, VoiceCues
from tonewise.plan import Plan
from tonewise.stages import Candidate, LlmRequest, Lull, Message, Turn, TurnAudio

CONTRACTS: dict[str, type] = {
    "vad": stages.VadEngine,
    "stt": stages.SttEngine,
    "acoustic": stages.AcousticEngine,
    "endpoint": stages.EndpointEngine,
    "routing": stages.Policy,
    "llm": stages.LlmEngine,
    "tts": stages.TtsEngine,
}
PLUGINS = [(stage, name) for stage in CONTRACTS for name in plugins.names(stage)]
NOBODY = "http://127.0.0.1:1"
REQUIRED = {"llm": {"model": "any"}}
"""What an engine may insist on being told: which model it stands for is anybody's guess."""


def each(stage: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", plugins.names(stage))


def module(stage: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(f"tonewise.{stage}.{name}")
    except ModuleNotFoundError as error:
        pytest.skip(f"{stage} {name}: {error}")


def options(stage: str, name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(module(stage, name).load).parameters)


def loaded(stage: str, name: str) -> Any:
    known = options(stage, name)
    # Nobody is called in earnest.
    given = REQUIRED.get(stage, {}) | {"base_url": NOBODY, "api_key_env": None}
    try:
        engine = plugins.load(stage, name, {key: given[key] for key in given if key in known})
    except PluginError as error:
        pytest.skip(f"{stage} {name}: {error}")
    if engine is None:  # a voice that is none: replies are text
        pytest.skip(f"{stage} {name} is no engine")
    return engine


def noise(seconds: float, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE)).astype(np.float32)


def hummed(pitch: float = 140.0) -> TurnAudio:
    """Two seconds of a voice-like hum in syllables, with a pause of half a second between."""
    t = np.arange(2 * RATE) / RATE
    voice = sum(np.sin(2 * np.pi * pitch * k * t) / k for k in range(1, 12))
    spoken = (t < 0.8) | (t > 1.3)
    samples = 0.1 * voice * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)) * spoken
    return turn((samples + noise(2) * 0.01).astype(np.float32), spoken)


def turn(samples: Samples, spoken: np.ndarray) -> TurnAudio:
    return TurnAudio(samples=samples, start_s=1.0, spoken=spoken[::512], frame_s=512 / RATE)


SILENCE = turn(np.zeros(RATE, np.float32), np.zeros(RATE, bool))

# ---------------------------------------------------------------- all stages


@pytest.mark.parametrize(("stage", "name"), PLUGINS)
def test_every_option_has_a_type_a_default_and_a_line_of_help(stage, name):
    load = module(stage, name).load
    hints = get_type_hints(load)
    for option, parameter in options(stage, name).items():
        assert option in hints, f"{option} has no type"
        required = option in REQUIRED.get(stage, {})
        assert required or parameter.default is not parameter.empty, f"{option} has no default"
        assert f"{option}: " in (load.__doc__ or ""), f"{option} is not explained"


@pytest.mark.parametrize(("stage", "name"), PLUGINS)
async def test_an_engine_has_what_its_stage_promises(stage, name):
    engine, contract = loaded(stage, name), CONTRACTS[stage]
    assert engine.name
    assert isinstance(engine.name, str)
    assert [known for known in get_type_hints(contract) if not hasattr(engine, known)] == []
    for method, promised in inspect.getmembers(contract, inspect.isfunction):
        if not method.startswith("_"):
            wanted = list(inspect.signature(promised).parameters)[1:]
            assert list(inspect.signature(getattr(engine, method)).parameters) == wanted
    if hasattr(contract, "aclose"):
        await engine.aclose()


# ---------------------------------------------------------------- vad


def frames(samples: Samples, size: int) -> Iterator[Samples]:
    return (samples[at : at + size] for at in range(0, len(samples) - size + 1, size))


@each("vad")
def test_a_vad_answers_each_frame_with_a_probability(name):
    vad = loaded("vad", name)
    assert 160 <= vad.frame_samples <= 512
    assert 0 < vad.threshold < 1
    silence = np.zeros(RATE, np.float32)
    for sound in (silence, noise(1), noise(1) * 20, hummed().samples):
        stream = vad.open()
        answers = [stream.speech(frame) for frame in frames(sound, vad.frame_samples)]
        assert all(isinstance(answer, float) and 0 <= answer <= 1 for answer in answers)
    stream = vad.open()
    quiet = [stream.speech(frame) for frame in frames(silence, vad.frame_samples)]
    assert max(quiet) < vad.threshold


@each("vad")
def test_a_call_does_not_hear_another_call(name):
    vad = loaded("vad", name)
    sound = list(frames(hummed().samples, vad.frame_samples))
    other = list(frames(noise(2, seed=1), vad.frame_samples))
    alone = vad.open()
    wanted = [alone.speech(frame) for frame in sound]
    ours, theirs = vad.open(), vad.open()
    heard = []
    for frame, elsewhere in zip(sound, other, strict=True):
        theirs.speech(elsewhere)
        heard.append(ours.speech(frame))
    assert heard == wanted


# ---------------------------------------------------------------- stt and acoustic


@each("stt")
def test_stt_answers_silence_and_noise_with_a_transcript(name):
    stream = loaded("stt", name).open()
    for sound in (SILENCE, turn(noise(0.3), np.ones(len(noise(0.3)), bool))):
        transcript = stream.transcribe(sound)
        assert isinstance(transcript, Transcript)
        assert transcript.text == transcript.text.strip()
        assert all(word.start_s <= word.end_s <= sound.duration_s for word in transcript.words)


@each("stt")
def test_stt_remembers_nothing_of_another_call(name):
    stt = loaded("stt", name)
    wanted = stt.open().transcribe(hummed())
    stt.open().transcribe(hummed(220))
    assert stt.open().transcribe(hummed()) == wanted


@each("acoustic")
def test_voice_cues_are_numbers_or_absent(name):
    acoustic = loaded("acoustic", name)
    none, one = np.zeros(0, np.float32), np.zeros(1, np.float32)
    empty, click = turn(none, none.astype(bool)), turn(one, one.astype(bool))
    for sound in (hummed(), SILENCE, empty, click, turn(noise(2) * 30, np.ones(2 * RATE, bool))):
        cues = acoustic.open().measure(sound)
        assert isinstance(cues, VoiceCues)
        assert all(math.isfinite(number) for number in numbers(msgspec.to_builtins(cues)))
        for share in (cues.clipping, cues.hesitation, cues.frustration):
            assert share is None or 0 <= share <= 1


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from numbers(inner)
    elif isinstance(value, int | float):
        yield value


@each("acoustic")
def test_what_is_learnt_of_a_voice_stays_in_its_call(name):
    acoustic = loaded("acoustic", name)
    wanted = acoustic.open().measure(hummed())
    other = acoustic.open()
    for pitch in (90, 180, 260):
        other.measure(hummed(pitch))
    assert acoustic.open().measure(hummed()) == wanted


# ---------------------------------------------------------------- endpoint


@each("endpoint")
@pytest.mark.parametrize(
    "text", [None, "", "I would like to", "How old is it?", "\U0001f3b5 \u0301"]
)
def test_an_endpoint_engine_answers_any_lull_within_reach_and_says_why(name, text):
    engine = loaded("endpoint", name)
    words = None if text is None else Transcript(text)
    for sound in (SILENCE, hummed(), turn(np.zeros(0, np.float32), np.zeros(0, bool))):
        lull = Lull(sound, 0.1, words, pauses=(0.3, 2.0))
        answer = engine.open("en").patience(lull)
        assert isinstance(answer, Patience)
        assert 0.05 <= answer.seconds <= 5
        assert 0 <= answer.done <= 1
        assert answer.reason
        assert all(math.isfinite(term.contribution) for term in answer.terms)
        assert engine.open("en").patience(lull) == answer


# ---------------------------------------------------------------- routing and llm

CANDIDATES = (Candidate("small", "fast"), Candidate("large", "frontier"))
SAID = (
    "",
    "yes",
    "Where is my order?",
    "Compare both plans for three lines, step by step, and say what changes if I cancel one.",
)


@each("routing")
@pytest.mark.parametrize("cues", [None, VoiceCues(speech_s=2.0, hesitation=0.9)])
@pytest.mark.parametrize("said", SAID)
def test_a_policy_gives_the_same_plan_with_reasons_every_time(name, said, cues):
    asked = Turn(number=1, transcript=Transcript(said), cues=cues)
    plan = loaded("routing", name).decide(asked, CANDIDATES)
    assert isinstance(plan, Plan)
    assert plan == loaded("routing", name).decide(asked, CANDIDATES)
    assert plan.models
    assert set(plan.models) <= {candidate.name for candidate in CANDIDATES}
    assert plan.route in {candidate.route for candidate in CANDIDATES}
    assert 0 <= plan.complexity <= 1
    assert plan.reasons
    assert all(reason.text for reason in plan.reasons)


@each("llm")
async def test_a_model_says_something_or_says_how_it_failed(name):
    engine = loaded("llm", name)
    request = LlmRequest(turn=1, route="fast", messages=(Message("user", "Hello"),))
    words, outcome = "", "answered"
    try:
        words = "".join([delta.text async for delta in engine.stream(request)])
    except AttemptError as error:
        outcome = error.outcome
    await engine.aclose()
    is_called = "base_url" in options("llm", name)
    assert outcome in get_args(Outcome)
    assert words.strip() if not is_called else outcome == "unreachable"


# ---------------------------------------------------------------- tts


@each("tts")
@pytest.mark.parametrize("text", ["Sure, I can help with that.", "OK", "?"])
async def test_a_voice_says_it_as_16_khz_sound_or_says_that_it_cannot(name, text):
    engine = loaded("tts", name)
    pieces, failed = [], False
    try:
        pieces = [piece async for piece in engine.speak(text, "en")]
    except StageError:
        failed = True
    await engine.aclose()
    assert failed == ("base_url" in options("tts", name))
    assert all(piece.dtype == np.float32 and piece.ndim == 1 and len(piece) for piece in pieces)
    assert all(np.abs(piece).max() <= 1 for piece in pieces)
    assert failed or text == "?" or sum(map(len, pieces)) > 0.1 * RATE


@each("tts")
async def test_a_voice_that_is_interrupted_can_speak_again(name):
    engine = loaded("tts", name)
    if "base_url" in options("tts", name):
        pytest.skip("nobody is called in earnest")
    for _ in range(3):
        async with aclosing(engine.speak("One, two, three, four, five. " * 5, "en")) as pieces:
            await anext(pieces)
    assert [piece async for piece in engine.speak("Yes.", "en")]
    await engine.aclose()
