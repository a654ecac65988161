"""How does it sound? Every engine, by the real library, the real network code and real sockets."""

import asyncio
import importlib.util
import struct
import sys
import threading
import time
from contextlib import aclosing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_piper
from starved import unless_starved
from tonewise import plugins
from tonewise.audio import RATE, Samples
from tonewise.errors import AudioError, ConfigError, PluginError, StageError
from tonewise.tts import openai_compatible, scripted
from tonewise.tts.level import Levelled, VoiceLevel
from tonewise.tts.wav_stream import WavStream
from upstream import upstream

needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None,
    reason="espeakng-loader is not installed (pip install 'tonewise[offline]')",
)
SHORT = "Sure, I can help."
LONG = (
    "Your order will arrive on Tuesday, and we will write to you as soon as it is on its way. " * 20
)


async def said(engine, text: str, language: str | None = None) -> Samples:
    pieces = [piece async for piece in engine.speak(text, language)]
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


def tone(seconds: float, level: float = 0.1, rate: int = RATE) -> Samples:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 300 * t)).astype(np.float32)


def dbfs(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(samples))) + 1e-9))


# ---------------------------------------------------------------- espeak


@pytest.fixture
async def espeak():
    engine = plugins.load("tts", "espeak")
    yield engine
    await engine.aclose()


@needs_espeak
async def test_espeak_speaks_at_a_persons_pace_and_at_a_useful_level(espeak):
    sound = await said(espeak, "The quick brown fox jumps over the lazy dog near the river bank.")
    assert sound.dtype == np.float32
    assert 2.5 < len(sound) / RATE < 6
    assert -25 < dbfs(sound) < -15
    assert np.abs(sound).max() <= 1.0


@needs_espeak
async def test_the_first_piece_costs_a_few_milliseconds(espeak):
    await said(espeak, SHORT)
    costs = []
    for _ in range(10):
        began = time.process_time()
        async with aclosing(espeak.speak(SHORT)) as pieces:
            await anext(pieces)
        costs.append(time.process_time() - began)
    assert min(costs) < 0.020


@needs_espeak
@pytest.mark.parametrize(
    "language", ["en", "en-GB", "en_us", "de", "fr", "es", "zh", "pt-BR", "no"]
)
async def test_espeak_speaks_the_callers_language(espeak, language):
    assert len(await said(espeak, "Radio, 3.", language)) > RATE / 4


@needs_espeak
async def test_a_language_without_a_voice_is_an_error_of_the_stage(espeak):
    with pytest.raises(StageError, match="no voice for 'xx'"):
        await said(espeak, "Hello", "xx")
    assert len(await said(espeak, "Hello"))


@needs_espeak
@unless_starved
async def test_closing_the_generator_stops_the_work(espeak):
    async with aclosing(espeak.speak(LONG)) as pieces:
        await anext(pieces)
    began = time.perf_counter()
    await said(espeak, "Yes.")
    whole = time.perf_counter()
    await said(espeak, LONG)
    assert (whole - began) < (time.perf_counter() - whole)


@needs_espeak
async def test_many_calls_are_served_in_turn_and_none_hears_another(espeak):
    alone = {text: len(await said(espeak, text)) for text in ("One.", "Twenty two thousand.")}
    texts = list(alone) * 8
    lengths = await asyncio.gather(*(said(espeak, text) for text in texts))
    for text, sound in zip(texts, lengths, strict=True):
        assert len(sound) == pytest.approx(alone[text], rel=0.1)


@needs_espeak
@pytest.mark.parametrize("text", ["", "   ", "...", "\0", "\ud800", "🙂", "<b>&", "[[h@'loU]]"])
async def test_espeak_takes_any_text(espeak, text):
    await said(espeak, text)
    assert len(await said(espeak, "Still here."))


@needs_espeak
async def test_nothing_is_left_of_an_engine_that_was_closed():
    engine = plugins.load("tts", "espeak")
    await said(engine, SHORT)
    await engine.aclose()
    for _ in range(2000):
        if not any(thread.name.startswith("espeak") for thread in threading.enumerate()):
            break
        await asyncio.sleep(0.01)
    else:
        pytest.fail("its thread lives on")


@needs_espeak
async def test_slow_is_slow_and_high_is_high():
    slow, fast = (plugins.load("tts", "espeak", {"rate_wpm": rate}) for rate in (100, 300))
    assert len(await said(slow, SHORT)) > 1.5 * len(await said(fast, SHORT))
    await slow.aclose()
    await fast.aclose()


@needs_espeak
@pytest.mark.parametrize(
    "options", [{"rate_wpm": 20}, {"pitch": 101}, {"volume": -1}, {"voice": "xx"}]
)
def test_espeak_refuses_options_that_make_no_sense(options):
    with pytest.raises(ConfigError, match="tts espeak"):
        plugins.load("tts", "espeak", options)


@pytest.mark.parametrize("name", ["espeak", "piper"])
def test_without_its_wheel_the_way_to_get_it_is_told(monkeypatch, name):
    for module in ("espeakng_loader", "tonewise.tts.espeak_library", f"tonewise.tts.{name}"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [_Missing(), *sys.meta_path])
    with pytest.raises(PluginError, match=r"needs 'espeakng_loader'.*pip install"):
        plugins.load("tts", name)


class _Missing:
    def find_spec(self, name, *_):
        if name == "espeakng_loader":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


# ---------------------------------------------------------------- piper


@pytest.fixture
async def piper(tmp_path):
    engine = plugins.load("tts", "piper", {"voice": str(tiny_piper.make(tmp_path))})
    yield engine
    await engine.aclose()


@needs_espeak
async def test_a_piper_voice_speaks_every_phoneme_at_16_khz(piper):
    short, long = await said(piper, "Hello."), await said(piper, "Hello, hello, and hello.")
    assert piper.name == "piper hum"
    assert 0.1 < len(short) / RATE < 1
    assert len(long) > 2.5 * len(short)
    assert np.abs(short).max() > 0.5


@needs_espeak
async def test_a_piper_voice_speaks_its_own_language_only(piper):
    assert len(await said(piper, "Hello", "en-GB"))
    with pytest.raises(StageError, match="no 'de'"):
        await said(piper, "Hallo", "de")


@needs_espeak
async def test_a_piper_voice_with_several_speakers_is_told_which(tmp_path):
    path = str(tiny_piper.make(tmp_path, speakers=3))
    engine = plugins.load("tts", "piper", {"voice": path, "speaker": 2})
    assert len(await said(engine, "Hello."))
    await engine.aclose()
    with pytest.raises(ConfigError, match="speakers 0 to 2"):
        plugins.load("tts", "piper", {"voice": path, "speaker": 3})


@needs_espeak
def test_a_piper_voice_that_is_none_is_told_at_once(tmp_path):
    with pytest.raises(PluginError, match="needs a voice"):
        plugins.load("tts", "piper", {"voice": "nowhere.onnx"})
    path = tiny_piper.make(tmp_path)
    path.write_bytes(b"no network")
    with pytest.raises(PluginError, match="is no voice"):
        plugins.load("tts", "piper", {"voice": str(path)})
    (tmp_path / "hum.onnx.json").write_text("{}")
    with pytest.raises(PluginError, match="cannot be read"):
        plugins.load("tts", "piper", {"voice": str(path)})


# ---------------------------------------------------------------- openai_compatible

PCM = (tone(1.0, 0.5, 24_000) * 32767).astype("<i2").tobytes()
KEY = "sk-1234567890abcdef"


def wav(data: bytes, rate: int = 24_000, channels: int = 1, code: int = 1, bits: int = 16) -> bytes:
    step = channels * bits // 8
    fmt = struct.pack("<HHIIHH", code, channels, rate, rate * step, step, bits)
    listed = b"LIST" + struct.pack("<I", 3) + b"abc\0"
    head = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<I", len(fmt)) + fmt
    return head + listed + b"data\xff\xff\xff\xff" + data


def sends(data: bytes, kind: str = "audio/pcm", size: int = 999):
    async def behave(peer):
        await peer.head(kind=kind)
        for at in range(0, len(data), size):
            await peer.chunk(data[at : at + size])
        await peer.end()

    return behave


def voice(server, **options):
    given = {"base_url": f"{server.url}/v1", "api_key_env": None} | options
    return openai_compatible.load(**given)


@pytest.mark.parametrize("body", [PCM, wav(PCM), wav(np.repeat(tone(1, 0.5, 24_000), 2).tobytes(),
    channels=2, code=3, bits=32)], ids=["pcm", "wav", "stereo float"])  # fmt: skip
async def test_sound_is_heard_as_the_server_streams_it(body):
    async with upstream(sends(body)) as server:
        engine = voice(server, model="kokoro", voice="heart", extra_body={"speed": 1.1})
        sound = await said(engine, "Hello.")
        await engine.aclose()
    assert len(sound) / RATE == pytest.approx(1.0, abs=0.01)
    assert dbfs(sound) == pytest.approx(dbfs(tone(1, 0.5)), abs=0.3)
    asked = server.requests[0]
    assert asked.path == "/v1/audio/speech"
    assert asked.json == {
        "model": "kokoro",
        "voice": "heart",
        "response_format": "pcm",
        "input": "Hello.",
        "speed": 1.1,
    }


async def test_the_first_sound_is_there_before_the_last_is_made():
    async def behave(peer):
        await peer.head(kind="audio/pcm")
        await peer.chunk(PCM[:9600])
        await peer.stall()

    async with upstream(behave) as server:
        engine = voice(server)
        async with aclosing(engine.speak("Hello.")) as pieces:
            assert len(await asyncio.wait_for(anext(pieces), 20)) > 2000
        # And closing it lets go of the request.
        await asyncio.wait_for(server.left.wait(), 20)
        await engine.aclose()


async def test_the_key_goes_to_the_server_and_nowhere_else(monkeypatch):
    async def behave(peer):
        await peer.answer(401, {"error": {"message": f"Incorrect API key: {KEY[:-4]}****"}})

    monkeypatch.setenv("VOICE_KEY", KEY)
    async with upstream(behave) as server:
        engine = voice(server, api_key_env="VOICE_KEY")
        with pytest.raises(StageError, match="HTTP 401") as failed:
            await said(engine, "Hello.")
        await engine.aclose()
    assert server.requests[0].raw_headers["authorization"] == f"Bearer {KEY}"
    assert KEY[:8] not in str(failed.value)


def answers(status: int, body, kind: str = "application/json"):
    async def behave(peer):
        await peer.answer(status, body, kind)

    return behave


async def crashes(peer):
    peer.crash()


async def breaks_off(peer):
    await peer.head(kind="audio/pcm")
    await peer.chunk(PCM[:960])
    peer.hang_up()


async def falls_silent(peer):
    await peer.head(kind="audio/pcm")
    await peer.stall()


@pytest.mark.parametrize(
    ("behave", "told"),
    [
        (answers(404, {"error": {"message": "no such voice"}}), "HTTP 404: no such voice"),
        (answers(500, b"<html>", "text/html"), "HTTP 500$"),
        (answers(200, {"detail": "out of memory"}), "HTTP 200: out of memory"),
        (answers(302, b"", "audio/pcm"), "HTTP 302"),
        (answers(200, b"ID3abcdefgh", "audio/mpeg"), "compressed"),
        (answers(200, wav(b"", bits=8), "audio/wav"), "8 bits"),
        (sends(b""), "without any sound"),
        (crashes, "broke"),
        (breaks_off, "broke"),
        (falls_silent, "fell silent"),
    ],
)
async def test_every_fault_of_a_server_is_an_error_of_the_stage(behave, told):
    async with upstream(behave) as server:
        engine = voice(server, read_s=0.2)
        with pytest.raises(StageError, match=told):
            await said(engine, "Hello.")
        await engine.aclose()


async def test_nobody_there_is_an_error_of_the_stage():
    engine = openai_compatible.load(base_url="http://127.0.0.1:1", api_key_env=None)
    with pytest.raises(StageError, match="cannot be reached"):
        await said(engine, "Hello.")
    await engine.aclose()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"base_url": "file:///etc/passwd"}, "http://"),
        ({"base_url": "http://"}, "base_url"),
        ({"headers": {"x-token": "a\nb"}}, "'x-token' holds"),
        ({"response_format": "mp3"}, "pcm"),
        ({"rate": 7}, "sample rate"),
        ({"api_key_env": "NO_SUCH_KEY"}, "set the environment variable NO_SUCH_KEY"),
    ],
)
def test_settings_that_cannot_work_are_told_at_once(options, told):
    with pytest.raises(ConfigError, match=told):
        openai_compatible.load(**{"api_key_env": None} | options)


@given(st.lists(st.integers(1, 50), min_size=1), st.booleans())
def test_sound_is_the_same_however_its_bytes_arrive(sizes, headed):
    data = wav(PCM[:400]) if headed else PCM[:400]
    stream, heard, at = WavStream(24_000), [], 0
    for size in sizes:
        heard.append(stream.feed(data[at : at + size]))
        at += size
    heard.append(stream.feed(data[at:]))
    assert np.array_equal(np.concatenate(heard), WavStream(24_000).feed(data))


@given(st.binary(max_size=200), st.booleans())
def test_bytes_that_are_no_sound_break_nothing(data, headed):
    try:
        samples = WavStream(24_000).feed((b"RIFF" if headed else b"") + data)
    except AudioError:
        return
    assert samples.dtype == np.float32


# ---------------------------------------------------------------- scripted


async def test_a_script_gives_the_same_tones_every_time_and_as_long_as_the_text():
    engine = scripted.load(character_s=0.05)
    first, second = await said(engine, "Hello you"), await said(engine, "Hello you", "en")
    assert np.array_equal(first, second)
    assert len(first) == 9 * 0.05 * RATE
    assert not np.array_equal(first, await said(engine, "Other you"))
    assert engine.said[:2] == [("Hello you", None), ("Hello you", "en")]


async def test_a_script_fails_and_stalls_when_it_says_so():
    engine = scripted.load(fail_after_s=0.3, fail_on=["bad"], piece_s=0.1)
    assert len(await said(engine, "all good"))
    async with aclosing(engine.speak("this is bad")) as pieces:
        for _ in range(3):
            await anext(pieces)
        with pytest.raises(StageError, match=r"after 0.30 s"):
            await anext(pieces)
    engine = scripted.load(stall_after_s=0.1)
    async with aclosing(engine.speak("Hello")) as pieces:
        await anext(pieces)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(pieces), 0.05)
    for options in ({"character_s": 0}, {"piece_s": -1}):
        with pytest.raises(ConfigError, match="above 0"):
            scripted.load(**options)


# ---------------------------------------------------------------- level


def levelled(samples: Samples, size: int = 640, level: VoiceLevel | None = None) -> Samples:
    one = Levelled(level or VoiceLevel())
    parts = [one.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    return np.concatenate([*parts, one.flush()])


def padded(samples: Samples, before_s: float = 0.4, after_s: float = 0.5) -> Samples:
    silence = [np.zeros(round(s * RATE), np.float32) for s in (before_s, after_s)]
    return np.concatenate([silence[0], samples, silence[1]])


def test_silence_at_the_edges_is_cut_and_silence_inside_stays():
    speech = np.concatenate([tone(0.5), np.zeros(RATE // 2, np.float32), tone(0.5)])
    sound = levelled(padded(speech))
    assert len(sound) / RATE == pytest.approx(1.5 + 0.06, abs=0.021)


@pytest.mark.parametrize("loudness", [0.03, 0.1, 0.5])
def test_quiet_and_loud_voices_come_out_at_one_level(loudness):
    level = VoiceLevel()
    for _ in range(3):
        sound = levelled(tone(2.0, loudness), level=level)
    assert dbfs(sound) == pytest.approx(-20, abs=1.5)


def test_edges_do_not_click_and_the_gain_does_not_jump():
    sound = levelled(tone(1.0, 0.02))
    assert abs(sound[0]) < 1e-3
    assert abs(sound[-1]) < 1e-3
    steepest = 2 * np.pi * 300 / RATE * np.abs(sound).max()
    assert np.abs(np.diff(sound)).max() < 1.2 * steepest


def test_a_shout_is_bent_and_never_clipped():
    level = VoiceLevel()
    levelled(tone(3.0, 0.01), level=level)
    assert np.abs(levelled(tone(1.0, 1.0), level=level)).max() < 0.9


@given(st.integers(1, 4000), st.integers(0, 3000), st.integers(0, 3000))
def test_the_size_of_pieces_makes_no_difference(size, before, after):
    samples = padded(tone(0.2), before / RATE, after / RATE)
    assert np.array_equal(levelled(samples, size), levelled(samples, len(samples)))


def test_nothing_comes_of_silence():
    assert len(levelled(np.zeros(RATE, np.float32))) == 0
    assert len(levelled(np.zeros(0, np.float32))) == 0
