"""What was said? Every engine, by the real libraries."""

import dataclasses
import importlib.util
import itertools
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_whisper
from spoken import needs_real_speech, noise, real, sample, turn
from tonewise import plugins
from tonewise.audio import RATE, Samples
from tonewise.ear import Ear
from tonewise.errors import ConfigError, PluginError, StageError
from tonewise.events import TurnEnded
from tonewise.facts import Transcript
from tonewise.floor import Timing
from tonewise.stages import SttEngine, TurnAudio
from tonewise.stt import auto, faster_whisper, moonshine, moonshine_network, scripted
from tonewise.stt.pauses import pieces
from tonewise.stt.repeats import allowed_repeats, loop_start
from tonewise.vad import silero

needs_moonshine = pytest.mark.skipif(
    importlib.util.find_spec("moonshine_voice") is None,
    reason="moonshine-voice is not installed (pip install 'tonewise[offline]')",
)
SILENCE = turn(np.zeros(2 * RATE, np.float32))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    return tiny_whisper.make(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest.fixture(scope="session")
def whisper(tiny) -> faster_whisper.FasterWhisper:
    return faster_whisper.load(model=str(tiny))


@pytest.fixture(scope="session")
def tiny_moonshine() -> moonshine.Moonshine:
    return moonshine.load()


def words_of(engine: SttEngine, audio: TurnAudio) -> list[str]:
    text = engine.open().transcribe(audio).text
    return "".join(c for c in text.lower() if c.isalnum() or c in " '").split()


def turns_of(samples: Samples) -> list[TurnAudio]:
    ear, found = Ear(silero.load(), Timing()), []
    for event, audio in itertools.chain(ear.hear(samples), ear.audio_over()):
        if isinstance(event, TurnEnded) and audio is not None:
            found.append(audio)
            ear.taking.reply_over(event.turn)
    return found


# ---------------------------------------------------------------- repeats


@pytest.mark.parametrize(
    ("tokens", "seconds", "kept"),
    [
        ("to be or not to be", 2.0, None),
        ("no no no no", 1.0, None),
        ("zero zero zero zero", 2.0, None),
        ("six six six", 0.4, "six"),
        ("go on and on and on and on and on and on and on and on and on", 9.0, None),
        ("a a a a a a a", 9.0, "a"),
        ("well I see you and I see you and I see you and I see you and", 9.0, "well I see you and"),
        ("well I see you and I see you and I see you and", 9.0, None),
    ],
)
def test_a_loop_is_cut_after_its_first_time_and_speech_is_left_alone(tokens, seconds, kept):
    found = None
    said = tokens.split()
    for length in range(1, len(said) + 1):
        found = loop_start(said[:length], seconds) if found is None else found
    if tokens.startswith("go"):  # seven times "on and" is more than anybody says
        assert found == 3
    else:
        assert (None if found is None else " ".join(said[:found])) == kept


@given(st.lists(st.integers(), unique=True), st.floats(0.2, 60))
def test_words_that_all_differ_never_loop(tokens, seconds):
    assert loop_start(tokens, seconds) is None


@given(
    st.lists(st.integers(), max_size=10, unique=True),
    st.lists(st.integers(), min_size=1, max_size=12, unique=True),
    st.floats(5, 60),
)
def test_any_phrase_that_goes_on_for_ever_is_cut(before, phrase, seconds):
    tokens = before + phrase * (allowed_repeats(len(phrase), seconds) + 1)
    cut = loop_start(tokens, seconds)
    assert cut is not None
    assert cut <= len(before) + len(phrase)


# ---------------------------------------------------------------- long turns


@settings(deadline=None, max_examples=50)
@given(
    seconds=st.floats(0, 40),
    longest=st.floats(2, 20),
    pauses=st.lists(st.tuples(st.floats(0, 40), st.floats(0.1, 1.5)), max_size=8),
)
def test_a_long_turn_is_cut_without_losing_or_doubling_a_sample(seconds, longest, pauses):
    samples = np.arange(round(seconds * RATE), dtype=np.float32)
    spoken = np.ones(-(-len(samples) // 512), bool)
    for begin, length in pauses:
        spoken[round(begin / 0.032) : round((begin + length) / 0.032)] = False
    cut = pieces(turn(samples, spoken), longest)
    np.testing.assert_array_equal(np.concatenate(cut), samples)
    assert max(len(piece) for piece in cut) <= longest * RATE


def test_a_long_turn_is_cut_in_its_longest_pause():
    spoken = np.ones(round(25 / 0.032), bool)
    spoken[round(9 / 0.032) : round(9.3 / 0.032)] = False
    spoken[round(14 / 0.032) : round(14.8 / 0.032)] = False
    first, _ = pieces(turn(noise(25.0), spoken), 20)
    assert len(first) / RATE == pytest.approx(14.4, abs=0.05)


def test_speech_without_a_pause_is_cut_where_it_is_quietest():
    samples = noise(25.0)
    samples[15 * RATE : round(15.02 * RATE)] = 0
    first, _ = pieces(turn(samples), 20)
    assert len(first) / RATE == pytest.approx(15.01, abs=0.02)


# ---------------------------------------------------------------- moonshine


@given(st.lists(st.binary(max_size=400).filter(lambda piece: not piece.startswith(b"<"))))
def test_a_vocabulary_is_read_as_it_was_written(pieces):
    def length(piece: bytes) -> bytes:
        n = len(piece)
        return bytes([n]) if n < 128 else bytes([128 + n % 128, n // 128])

    data = b"".join(length(piece) + piece for piece in pieces)
    assert moonshine_network.read_vocabulary(data) == pieces


@pytest.mark.parametrize("data", [b"\x05abc", b"\x80", b"\x85\x01abc"])
def test_a_vocabulary_that_was_cut_short_is_refused(data):
    with pytest.raises(PluginError, match="cut short"):
        moonshine_network.read_vocabulary(data)


@given(st.floats(-50, 0), st.floats(0, 2))
def test_quiet_and_loud_callers_reach_the_network_at_one_level(dbfs, seconds):
    samples = noise(seconds, 0.3)
    heard = moonshine_network.prepared(samples * np.float32(10 ** (dbfs / 20)))
    assert len(heard) >= RATE / 2
    assert np.abs(heard).max(initial=0) <= 1.0001
    inside = heard[RATE // 5 : RATE // 5 + len(samples)]
    if len(inside) > RATE // 10:
        assert 20 * np.log10(np.std(inside)) == pytest.approx(-26, abs=1)


@needs_moonshine
def test_moonshine_writes_what_a_caller_says(tiny_moonshine):
    first, second, third = turns_of(sample(1))
    assert words_of(tiny_moonshine, first)[-3:] == ["my", "order", "is"]
    assert words_of(tiny_moonshine, second) == ["yes", "please"]
    assert words_of(tiny_moonshine, third)[:2] == ["thank", "you"]


@needs_moonshine
@needs_real_speech
def test_moonshine_hears_a_real_speaker(tiny_moonshine):
    (audio,) = turns_of(real("picovoice/leopard_test.flac"))
    said = "mr quilter is the apostle of the middle classes and we are glad to welcome his gospel"
    assert words_of(tiny_moonshine, audio) == said.split()


@needs_moonshine
@needs_real_speech
def test_moonshine_hears_a_turn_of_three_quarters_of_a_minute(tiny_moonshine):
    heard = words_of(tiny_moonshine, turn(real("moonshine/two_cities_16k.flac")))
    assert heard[:6] == ["it", "was", "the", "best", "of", "times"]
    assert "superlative" in heard[-8:]
    assert 110 < len(heard) < 130


@needs_moonshine
@needs_real_speech
@pytest.mark.parametrize("speaker", ["george", "theo", "jackson"])
def test_a_digit_said_once_is_not_written_over_and_over(tiny_moonshine, speaker):
    for audio in turns_of(real(f"fsdd/6_{speaker}_0.flac")):
        assert len(words_of(tiny_moonshine, audio)) <= 2


@needs_moonshine
def test_moonshine_says_how_sure_it_is(tiny_moonshine):
    clear = tiny_moonshine.open("en-US").transcribe(turns_of(sample(1))[1])
    guess = tiny_moonshine.open("en").transcribe(turn(noise(2.0)))
    assert clear.language == "en"
    assert clear.log_probability is not None
    assert -1 < clear.log_probability <= 0
    assert guess.log_probability is None or guess.log_probability < clear.log_probability


@needs_moonshine
@pytest.mark.parametrize("samples", [np.zeros(0), np.zeros(RATE), np.full(RATE, 1e-5)])
def test_moonshine_hears_nothing_in_silence(tiny_moonshine, samples):
    assert tiny_moonshine.open().transcribe(turn(samples)) == Transcript(text="", language="en")


@needs_moonshine
@pytest.mark.parametrize("length", [1, 10, 160, 3000])
def test_moonshine_takes_the_shortest_sounds(tiny_moonshine, length):
    assert tiny_moonshine.open().transcribe(turn(noise(1.0)[:length])).text is not None


@needs_moonshine
def test_moonshine_refuses_a_caller_who_speaks_german(tiny_moonshine):
    with pytest.raises(StageError, match=r"English only.*'de'"):
        tiny_moonshine.open("de").transcribe(SILENCE)


@needs_moonshine
def test_moonshine_writes_english_letters_whatever_it_hears(tiny_moonshine):
    for seed in range(6):
        heard = tiny_moonshine.open().transcribe(turn(noise(1.5, 0.2, seed))).text
        assert all(ord(c) < 0x250 or c in "‘’“”–—…£€" for c in heard)


@needs_moonshine
def test_moonshine_serves_many_calls_at_once(tiny_moonshine):
    turns = turns_of(sample(1)) * 3
    alone = [tiny_moonshine.open().transcribe(audio) for audio in turns[:3]] * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda audio: tiny_moonshine.open().transcribe(audio), turns)) == alone


@needs_moonshine
def test_moonshine_does_not_open_the_sound_card():
    code = (
        "import sys, tonewise.stt.moonshine as m; m.load();"
        "print([n for n in ('moonshine_voice', 'sounddevice') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_without_its_wheel_moonshine_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r"pip install 'tonewise\[offline\]'"):
        moonshine.load()


def test_a_folder_without_moonshine_names_what_is_missing(tmp_path):
    with pytest.raises(PluginError, match=r"tokenizer\.bin"):
        moonshine.load(folder=str(tmp_path))


@pytest.mark.parametrize("option", [{"threads": 0}, {"longest_s": 60}])
def test_moonshine_names_an_option_out_of_range(option):
    with pytest.raises(ConfigError, match=next(iter(option))):
        moonshine.load(**option)


# ---------------------------------------------------------------- faster-whisper


def test_whisper_gives_words_with_their_times(whisper):
    heard = whisper.open().transcribe(turn(noise(3.0)))
    assert heard.text
    assert " ".join(word.text for word in heard.words) == heard.text
    times = [time for word in heard.words for time in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= 3.0
    assert all(0 <= word.probability <= 1 for word in heard.words)


def test_whisper_says_how_sure_it_is(whisper):
    heard = whisper.open().transcribe(turn(noise(3.0)))
    assert heard.log_probability < 0
    assert 0 < heard.no_speech < 1


def test_whisper_finds_out_the_language_unless_it_is_told(whisper):
    audio = turn(noise(3.0))
    found = whisper.open().transcribe(audio).language
    told = "de" if found != "de" else "fr"
    assert found in whisper._model.supported_languages
    assert whisper.open(told).transcribe(audio).language == told
    assert whisper.open(f"{told}-CH").transcribe(audio).language == told


def test_the_callers_language_goes_before_the_configured_one(tiny):
    engine = faster_whisper.load(model=str(tiny), language="pl")
    assert engine.open().transcribe(turn(noise(1.0))).language == "pl"
    assert engine.open("it").transcribe(turn(noise(1.0))).language == "it"


def test_whisper_gives_the_same_words_on_every_replay(whisper):
    audio = turn(noise(2.0))
    assert whisper.open().transcribe(audio) == whisper.open().transcribe(audio)


def test_whisper_serves_many_calls_at_once(whisper):
    turns = [turn(noise(1.0, seed=seed)) for seed in range(4)] * 2
    alone = [whisper.open("en").transcribe(audio) for audio in turns]
    assert len({heard.text for heard in alone}) > 1
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda audio: whisper.open("en").transcribe(audio), turns)) == alone


@pytest.mark.parametrize("option", [{"initial_prompt": "tonewise"}, {"hotwords": "tonewise"}])
def test_prompt_and_hotwords_reach_whisper(tiny, option):
    audio = turn(noise(2.0))
    plain = faster_whisper.load(model=str(tiny), language="en").open().transcribe(audio)
    led = faster_whisper.load(model=str(tiny), language="en", **option).open().transcribe(audio)
    assert led.text != plain.text


def test_whisper_hears_more_than_its_window_of_30_seconds(whisper):
    heard = whisper.open("en").transcribe(turn(noise(40.0)))
    assert heard.words[-1].end_s > 30


@pytest.mark.parametrize("length", [0, 100, RATE])
def test_whisper_hears_nothing_in_silence(whisper, length):
    heard = whisper.open().transcribe(turn(np.zeros(length)))
    assert heard == Transcript(text="")


def test_an_english_whisper_refuses_a_caller_who_speaks_german(tmp_path):
    engine = faster_whisper.load(model=str(tiny_whisper.make(tmp_path, multilingual=False)))
    assert engine.open("en").transcribe(turn(noise(1.0))).language == "en"
    with pytest.raises(StageError, match="does not know the language 'de'"):
        engine.open("de").transcribe(turn(noise(1.0)))


@pytest.mark.parametrize("engine", ["whisper", "tiny_moonshine"])
def test_samples_that_are_no_numbers_cost_the_turn(request, engine):
    if engine == "tiny_moonshine" and importlib.util.find_spec("moonshine_voice") is None:
        pytest.skip("moonshine-voice is not installed")
    broken = turn(np.full(RATE, np.nan))
    with pytest.raises(StageError, match="no number"):
        request.getfixturevalue(engine).open().transcribe(broken)


def test_on_the_cpu_whisper_computes_in_int8(whisper, tiny):
    import ctranslate2

    if ctranslate2.get_cuda_device_count():
        pytest.skip("this machine has a GPU")
    assert whisper.name == "faster_whisper tiny int8"
    exact = faster_whisper.load(model=str(tiny), compute_type="float32", device="cpu")
    assert exact.name == "faster_whisper tiny float32"


def test_whisper_is_not_downloaded_unless_asked(tmp_path):
    with pytest.raises(PluginError, match=r"not on disk.*\n.*download_model\('small.en'\)"):
        faster_whisper.load(model="small.en", cache=str(tmp_path))


def test_an_unknown_model_is_told_from_one_that_is_not_there(tmp_path):
    with pytest.raises(PluginError, match="cannot be loaded: Invalid model size"):
        faster_whisper.load(model="smalll", cache=str(tmp_path))


def test_a_folder_without_a_tokenizer_is_refused_before_the_network_is_asked(tmp_path):
    tiny_whisper.make(tmp_path)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(PluginError, match=r"no tokenizer\.json"):
        faster_whisper.load(model=str(tmp_path))


def test_a_broken_model_file_is_named(tmp_path):
    tiny_whisper.make(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"nonsense")
    with pytest.raises(PluginError, match="cannot be loaded"):
        faster_whisper.load(model=str(tmp_path))


# ---------------------------------------------------------------- auto


def in_cache(root: Path, repository: str = "Systran/faster-whisper-small.en") -> Path:
    """A Whisper where Hugging Face would have put it."""
    folder = root / f"models--{repository.replace('/', '--')}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    return tiny_whisper.make(folder / "snapshots" / ("0" * 40))


def test_auto_takes_whisper_when_its_weights_are_on_disk(tmp_path):
    in_cache(tmp_path)
    engine = auto.load(whisper={"cache": str(tmp_path), "language": "en", "device": "cpu"})
    assert engine.chosen == "faster_whisper"
    assert engine.name in engine.notice
    assert engine.open().transcribe(turn(noise(2.0))).words


@needs_moonshine
def test_auto_takes_moonshine_and_says_how_to_fetch_whisper(tmp_path):
    engine = auto.load(model="base.en", whisper={"cache": str(tmp_path)})
    assert engine.chosen == "moonshine"
    assert engine.name == moonshine.Moonshine.name
    command = "from faster_whisper import download_model; download_model('base.en')"
    assert f'python -c "{command}"' in engine.notice
    assert engine.open("en").transcribe(SILENCE).text == ""


@needs_moonshine
def test_auto_says_why_when_whisper_is_there_but_broken(tmp_path):
    (in_cache(tmp_path) / "model.bin").write_bytes(b"nonsense")
    engine = auto.load(whisper={"cache": str(tmp_path)})
    assert engine.chosen == "moonshine"
    assert "cannot be loaded" in engine.notice


def test_auto_says_how_to_get_either_when_there_is_neither(tmp_path):
    options = {"folder": str(tmp_path)}
    with pytest.raises(PluginError, match=r"(?s)download_model.*Moonshine:"):
        auto.load(whisper={"cache": str(tmp_path)}, moonshine=options)


@pytest.mark.parametrize(
    ("model", "repository"),
    [
        ("tiny.en", "Systran/faster-whisper-tiny.en"),
        ("turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo"),
        ("distil-small.en", "Systran/faster-distil-whisper-small.en"),
        ("me/my-whisper", "me/my-whisper"),
    ],
)
def test_auto_knows_where_each_model_is_kept(tmp_path, monkeypatch, model, repository):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert not auto.on_disk(model)
    weights = (
        tmp_path / f"models--{repository.replace('/', '--')}" / "snapshots" / "0" / "model.bin"
    )
    weights.parent.mkdir(parents=True)
    weights.touch()
    assert auto.on_disk(model)
    assert not auto.on_disk("tiny")


def test_auto_looks_for_the_names_that_faster_whisper_uses(tmp_path):
    from faster_whisper.utils import _MODELS

    for name, repository in _MODELS.items():
        weights = tmp_path / name / f"models--{repository.replace('/', '--')}/snapshots/0/model.bin"
        weights.parent.mkdir(parents=True)
        weights.touch()
        assert auto.on_disk(name, str(tmp_path / name)), name


# ---------------------------------------------------------------- scripted


def silence_at(start_s: float) -> TurnAudio:
    return dataclasses.replace(SILENCE, start_s=start_s)


def test_a_script_gives_every_call_its_lines_in_order():
    engine = scripted.load(lines=["one", "two"])
    first, second = engine.open("en"), engine.open()
    assert [first.transcribe(silence_at(turn)).text for turn in range(3)] == ["one", "two", ""]
    assert second.transcribe(silence_at(0)).text == "one"


def test_a_turn_that_is_read_ahead_keeps_its_line():
    stream = scripted.load(lines=["one", "two"]).open()
    heard = [stream.transcribe(silence_at(turn)).text for turn in (0, 0, 1, 0)]
    assert heard == ["one", "one", "two", "one"]


def test_a_script_fails_on_the_turns_it_is_told_to():
    stream = scripted.load(lines=["one", "two", "three"], fail_on=[2]).open()
    assert stream.transcribe(silence_at(0)).text == "one"
    with pytest.raises(StageError, match="turn 2"):
        stream.transcribe(silence_at(1))
    assert stream.transcribe(silence_at(2)).text == "three"


@pytest.mark.parametrize("wrong", [{"lines": "one"}, {"delay_s": -1}])
def test_a_script_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        scripted.load(**wrong)


# ---------------------------------------------------------------- all


def test_the_folder_is_the_registry():
    assert plugins.names("stt") == ["auto", "faster_whisper", "moonshine", "scripted"]
    assert plugins.names("vad") == ["silero", "webrtc"]
