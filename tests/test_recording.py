"""A call is kept as it goes: both voices, all events, and nothing that must not be kept."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loudness_vad import sound
from tonewise import audio_file, engines
from tonewise.audio import RATE
from tonewise.config import Config
from tonewise.default_models import DEFAULT_MODELS
from tonewise.errors import AudioError, ConfigError, RecordingError
from tonewise.events import (
    AnyEvent,
    CallEnded,
    CallStarted,
    KeyPressed,
    ReplyEnded,
    ReplyHeld,
    ReplyStreamed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnTranscribed,
)
from tonewise.facts import Transcript, Word
from tonewise.keeping import Recording
from tonewise.peer import Greeting
from tonewise.recorders import Recorders
from tonewise.recording import sealed
from tonewise.recording.folder import FORMAT, About, CallFolder
from tonewise.recording.recorder import Recorder
from tonewise.recording.redaction import masked, redacted
from tonewise.recording.retention import sweep
from tonewise.recording.sound import TwoVoices, pcm
from tonewise.settings import Stt, Vad

BOTH = ("digits", "emails")
KEY = "A" * 43 + "="
OPEN = Recording(redact=())
ABOUT = About(call="call", channels=("caller", "reply"))


def buzz(seconds: float, level: float = 0.5) -> np.ndarray:
    return np.full(round(seconds * RATE), level, np.float32)


def recorder(folder: Path, keeping: Recording = OPEN, **options) -> Recorder:
    return Recorder(folder, ABOUT, keeping, patient=True, **options)


def ended(at: float) -> CallEnded:
    return CallEnded(at=at, reason="hung up", turns=1)


def heard(folder: Path, **options) -> np.ndarray:
    """The sound of a folder, shape [2, n]."""
    kept = CallFolder(folder, **options)
    return np.concatenate(list(audio_file.blocks(kept.sound, kept.opened)), axis=1)


# ---------------------------------------------------------------- both voices


@given(st.lists(st.integers(1, 4000), min_size=1, max_size=20), st.integers(0, 5000))
@settings(max_examples=50, deadline=None)
def test_the_callers_sound_is_kept_sample_by_sample_however_it_comes(sizes, lag):
    voices, whole = TwoVoices(), np.arange(sum(sizes), dtype=np.int64).astype(np.int16)
    taken, begin = [], 0
    for size in sizes:
        voices.hear(whole[begin : begin + size])
        begin += size
        taken.append(voices.take(voices.heard - lag))
    taken.append(voices.take(voices.heard))
    both = np.concatenate(taken)
    np.testing.assert_array_equal(both[:, 0], whole)
    assert not both[:, 1].any()


@given(st.floats(0.0, 3.0), st.integers(1, RATE), st.lists(st.integers(1, 9000), min_size=1))
@settings(max_examples=50, deadline=None)
def test_a_reply_stands_where_it_was_due(at_s, length, sizes):
    voices = TwoVoices()
    voices.speak(1, np.full(length, 7, np.int16), at_s)
    taken = []
    for size in sizes:
        voices.hear(np.zeros(size, np.int16))
        taken.append(voices.take(voices.heard))
    reply = np.concatenate(taken)[:, 1]
    wanted = np.zeros(sum(sizes), np.int16)
    wanted[round(at_s * RATE) : round(at_s * RATE) + length] = 7
    np.testing.assert_array_equal(reply, wanted)


def test_a_reply_that_comes_late_follows_at_once_and_keeps_its_order():
    voices = TwoVoices()
    voices.hear(np.zeros(RATE, np.int16))
    voices.take(RATE)
    voices.speak(1, np.full(100, 1, np.int16), 0.5)
    voices.speak(1, np.full(100, 2, np.int16), 0.51)
    voices.hear(np.zeros(RATE, np.int16))
    reply = voices.take(2 * RATE)[:, 1]
    assert list(reply[:200]) == [1] * 100 + [2] * 100
    assert not reply[200:].any()


def test_what_sixteen_bits_hold_comes_back_unchanged(tmp_path):
    samples = (np.arange(-32768, 32768) / 32768).astype(np.float32)
    keeping = recorder(tmp_path / "call")
    keeping.heard(samples)
    keeping.told(ended(4.0))
    keeping.close()
    np.testing.assert_array_equal(heard(tmp_path / "call")[0], samples)


def test_numbers_that_are_no_sound_are_silence_or_full_scale():
    odd = np.array([np.nan, np.inf, -np.inf, 2.0, -2.0], np.float32)
    assert list(pcm(odd)) == [0, 32767, -32768, 32767, -32768]


def test_a_reply_that_was_interrupted_is_kept_as_far_as_it_was_heard(tmp_path):
    keeping = recorder(tmp_path / "call")
    for number in range(30):
        keeping.heard(np.zeros(RATE // 10, np.float32))
        if number == 10:
            keeping.spoke(1, buzz(1.0), 1.1)
        if number == 14:
            keeping.told(ReplyHeld(at=1.5, turn=1))
    keeping.told(ended(3.0))
    keeping.close()
    loud = np.nonzero(heard(tmp_path / "call")[1])[0]
    assert loud[0] == pytest.approx(1.1 * RATE, abs=1)
    assert loud[-1] == pytest.approx(1.5 * RATE, abs=1)


# ---------------------------------------------------------------- the folder


def test_a_folder_tells_the_sound_the_events_and_what_made_them(tmp_path):
    keeping = recorder(tmp_path / "call")
    keeping.told(CallStarted(at=0.0, call="call", wire="line", engines={"vad": "loudness"}))
    keeping.heard(sound(("speech", 1.0)))
    keeping.told(ended(1.0))
    keeping.close()
    kept = CallFolder(tmp_path / "call")
    assert [type(event) for event in kept.events()] == [CallStarted, CallEnded]
    assert kept.about.complete
    assert kept.about.seconds == 1.0
    assert kept.caller_channel == 0
    assert audio_file.probe(kept.sound).seconds == pytest.approx(1.0, abs=0.01)
    assert stat.S_IMODE((tmp_path / "call").stat().st_mode) == 0o700


@pytest.mark.parametrize("seconds", [0.4, 1.3])
def test_a_killed_process_leaves_all_but_the_last_second(tmp_path, seconds):
    program = Path(__file__).with_name("slow_recorder.py")
    with subprocess.Popen(
        [sys.executable, str(program), str(tmp_path / "call")], stdout=subprocess.PIPE, text=True
    ) as process:
        given = "0"
        while float(given) < seconds:
            given = process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        given_s = float((given + process.stdout.read()).split()[-1])
    kept = CallFolder(tmp_path / "call")
    assert not kept.about.complete
    sound_s = heard(tmp_path / "call").shape[1] / RATE
    assert given_s - 1.0 < sound_s <= given_s + 0.05
    events = kept.events()
    assert [event.text for event in events] == [str(n) for n in range(len(events))]
    assert events[-1].at > given_s - 1.0


def test_a_torn_last_line_of_a_killed_process_is_left_out(tmp_path):
    folder = written(tmp_path, "complete = false\n", b'{"event":"call_ended","at":1.0,')
    assert CallFolder(folder).events() == ()


def written(tmp_path: Path, about: str, events: bytes = b"") -> Path:
    folder = tmp_path / "call"
    folder.mkdir()
    (folder / "call.toml").write_text(about)
    (folder / "events.jsonl").write_bytes(events)
    (folder / "call.flac").write_bytes(b"fLaC")
    return folder


@pytest.mark.parametrize(
    ("about", "events", "complaint"),
    [
        ("format = 1\nwire = 3", b"", r"call.toml:2: wire: expected `str`"),
        ("\n\nwier = 'x'", b"", r"call.toml:3: there is no key 'wier'"),
        ("call = 'a'\nwire = ", b"", r"call.toml:2: invalid value"),
        ("call = 'a'\nwire", b"", r"call.toml:2: expected '='"),
        ("[engines]\nvad = 'x'\nstt = 4", b"", r"call.toml:1: engines.*expected `str`"),
        (
            f"tonewise = '9.1'\nformat = {FORMAT + 1}",
            b"",
            r"call.toml:2: format 2, written by tonewise 9.1; this is .*reads format 1: update",
        ),
        ("", b'{"event":"call_ended","at":1.0,"turns":0,"reason":""}\nnonsense\n', r"jsonl:2: no "),
        ("", b'{"event":"call_went_home","at":1.0}\n', r"events.jsonl:1: no event: .*call_went"),
        ("", b'{"event":"call_ended"', r"events.jsonl:1: cut off in the middle of a line"),
    ],
)
def test_what_is_wrong_in_a_folder_is_told_with_file_and_line(tmp_path, about, events, complaint):
    folder = written(tmp_path, about, events)
    with pytest.raises(RecordingError, match=complaint):
        CallFolder(folder).events()


def test_missing_things_are_named(tmp_path):
    with pytest.raises(RecordingError, match="none: no such folder"):
        CallFolder(tmp_path / "none")
    with pytest.raises(RecordingError, match="no sound in it"):
        CallFolder(tmp_path)
    for name in ("a.wav", "b.mp3"):
        (tmp_path / name).touch()
    with pytest.raises(RecordingError, match=r"one recording makes a call; here are a.wav, b.mp3"):
        CallFolder(tmp_path)


# ---------------------------------------------------------------- a slow disk, a full disk


class SlowSeal:
    """Stands for a disk: every piece takes its time, or there is no room for it."""

    def __init__(self, seconds: float = 0.0, full_after: int = 10**6) -> None:
        self.seconds, self.left = seconds, full_after

    def chunk(self, name: str, number: int, data: bytes) -> bytes:
        time.sleep(self.seconds)
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return data

    def opened(self, path: Path):
        return path.open("rb")


def test_a_slow_disk_ends_the_recording_and_never_holds_up_the_call(tmp_path):
    troubles: list[str] = []
    keeping = Recorder(
        tmp_path / "call",
        ABOUT,
        Recording(redact=(), queue=10),
        seal=SlowSeal(0.05),
        troubled=troubles.append,
    )
    began = time.perf_counter()
    for number in range(500):
        keeping.heard(np.zeros(320, np.float32))
        keeping.told(ReplyStreamed(at=number / 50, turn=1, text="word"))
    assert time.perf_counter() - began < 15
    assert len(troubles) == 1
    assert "the disk was too slow" in troubles[0]
    keeping.close()
    kept = CallFolder(tmp_path / "call")
    assert "too slow" in kept.about.stopped
    assert kept.about.complete


def test_a_full_disk_ends_the_recording_and_says_so(tmp_path):
    troubles: list[str] = []
    keeping = recorder(tmp_path / "call", seal=SlowSeal(full_after=5), troubled=troubles.append)
    for _ in range(50):
        keeping.heard(buzz(0.1))
    keeping.told(ended(5.0))
    keeping.close()
    assert troubles == [
        "recording call ended before the call: OSError: [Errno 28] No space left on device"
    ]
    assert "No space left" in CallFolder(tmp_path / "call").about.stopped


# ---------------------------------------------------------------- what must not be kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("My number is 555-1234.", "My number is ###-####."),
        ("It is four one five, nine two six five.", "It is #### ### ##### #### ### ### ####."),
        ("I have one or two questions.", "I have one or two questions."),
        ("One moment, and two more.", "One moment, and two more."),
        (
            "Write to jane.doe+x@example.co.uk, please.",
            "Write to ########################, please.",
        ),
        ("jane dot doe at example dot com", "#### ### ### ## ####### ### ###"),
        ("Meet me at noon. Dot com is dead.", "Meet me at noon. Dot com is dead."),
        ("double seven three", "###### ##### #####"),
        ("", ""),
    ],
)
def test_digits_and_addresses_are_masked_spoken_or_written(text, kept):
    assert masked(text, BOTH) == kept


@given(st.text())
def test_masking_keeps_the_length_and_leaves_no_digit(text):
    kept = masked(text, BOTH)
    assert len(kept) == len(text)
    assert not any(character.isdecimal() for character in kept)
    assert masked(kept, BOTH) == kept


def test_nothing_of_a_number_is_kept_in_any_event(tmp_path):
    secret = "4929 1234 5678"
    words = tuple(Word(part, i, i + 0.5) for i, part in enumerate(secret.split()))
    events: list[AnyEvent] = [
        CallStarted(
            at=0.0, call="c", wire="w", engines={}, caller={"phone": 49301234, "n": secret}
        ),
        TurnTranscribed(at=1.0, turn=1, transcript=Transcript(secret, words=words)),
        ReplyStreamed(at=1.0, turn=1, text="4929 12"),
        ReplyStreamed(at=1.0, turn=1, text="34 5678"),
        ReplyEnded(at=1.0, turn=1, text=secret, outcome="answered", unspoken=secret),
        KeyPressed(at=1.0, digit="4"),
        StageFailed(at=1.0, turn=1, stage="llm", engine="e", error=f"cannot say {secret}"),
    ]
    kept = [each for event in events for each in redacted(event, BOTH)]
    assert len(kept) == 4  # neither the pieces of the reply nor keys are kept
    text = msgspec.json.encode(kept).decode()
    assert "4929" not in text
    assert "5678" not in text
    assert "1234" not in text


def digits_said(words: tuple[Word, ...]) -> list[AnyEvent]:
    transcript = Transcript("my code is 1234 thanks", words=words)
    return [
        SpeechStarted(at=1.1, turn=1, start_s=1.0),
        TurnEnded(at=3.7, turn=1, start_s=1.0, end_s=3.0, reason="patience"),
        TurnTranscribed(at=3.7, turn=1, transcript=transcript),
    ]


TIMED = tuple(
    Word(text, begin + 0.3, begin + 0.7)
    for text, begin in (("my", 0.0), ("code", 0.4), ("is", 0.8), ("1234", 1.2), ("thanks", 1.6))
)


@pytest.mark.parametrize(
    ("words", "begins", "ends"),
    [(TIMED, 2.0, 2.8), ((), 0.8, 3.2)],
    ids=["the word, where its time is known", "the whole turn, where it is not"],
)
def test_silence_lies_over_digits(tmp_path, words, begins, ends):
    keeping = recorder(tmp_path / "call", Recording(silence=True), lead_in_s=0.3)
    events = digits_said(words)
    for number in range(60):
        keeping.heard(buzz(0.1))
        while events and events[0].at <= (number + 1) / 10:
            keeping.told(events.pop(0))
    keeping.told(ended(6.0))
    keeping.close()
    silent = np.nonzero(heard(tmp_path / "call")[0] == 0)[0]
    assert silent[0] / RATE == pytest.approx(begins, abs=0.01)
    assert silent[-1] / RATE == pytest.approx(ends, abs=0.01)
    assert len(silent) == silent[-1] - silent[0] + 1


def test_a_turn_whose_words_nobody_knows_is_silenced(tmp_path):
    keeping = recorder(tmp_path / "call", Recording(silence=True))
    keeping.heard(buzz(2.0))
    keeping.told(SpeechStarted(at=1.1, turn=1, start_s=1.0))
    keeping.heard(buzz(2.0))
    keeping.told(ended(4.0))
    keeping.close()
    caller = heard(tmp_path / "call")[0]
    assert caller[: round(0.7 * RATE)].all()
    assert not caller[RATE:].any()


def test_a_reply_that_repeats_a_number_is_silenced(tmp_path):
    keeping = recorder(tmp_path / "call", Recording(silence=True))
    keeping.told(ReplyStreamed(at=0.1, turn=1, text="Hello. "))
    keeping.spoke(1, buzz(0.5), 0.5)
    keeping.told(ReplyStreamed(at=0.1, turn=1, text="Your code is 1234."))
    keeping.spoke(1, buzz(0.5), 1.0)
    keeping.heard(buzz(3.0))
    keeping.told(ended(3.0))
    keeping.close()
    loud = np.nonzero(heard(tmp_path / "call")[1])[0]
    assert (loud[0], loud[-1] + 1) == (RATE // 2, RATE)


# ---------------------------------------------------------------- encrypted at rest

pytest.importorskip("cryptography")


def sealed_call(folder: Path) -> None:
    keeping = recorder(folder, seal=sealed.load(KEY))
    keeping.told(ReplyEnded(at=1.0, turn=1, text="a secret", outcome="answered"))
    keeping.heard(np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32))
    keeping.told(ended(5.0))
    keeping.close()


def test_what_is_sealed_can_be_read_with_the_key_and_not_without(tmp_path):
    sealed_call(tmp_path / "call")
    assert sorted(path.name for path in (tmp_path / "call").iterdir()) == [
        "call.flac.sealed",
        "call.toml",
        "events.jsonl.sealed",
    ]
    assert b"secret" not in (tmp_path / "call" / "events.jsonl.sealed").read_bytes()
    kept = CallFolder(tmp_path / "call", lambda: sealed.load(KEY))
    assert kept.events()[0].text == "a secret"
    assert heard(tmp_path / "call", seal=lambda: sealed.load(KEY)).shape == (2, 5 * RATE)
    with pytest.raises(RecordingError, match="its key is needed"):
        CallFolder(tmp_path / "call").events()
    with pytest.raises(RecordingError, match="another key, or the file was changed"):
        CallFolder(tmp_path / "call", lambda: sealed.load("B" * 43 + "=")).events()


@given(st.integers(0, 20_000), st.integers(0, 300))
@settings(max_examples=30, deadline=None)
def test_a_sealed_file_is_read_from_anywhere(tmp_path_factory, at, count):
    path = tmp_path_factory.mktemp("sealed") / "file.sealed"
    seal, text = sealed.load(KEY), bytes(range(256)) * 64
    pieces = [text[begin : begin + 777] for begin in range(0, len(text), 777)]
    chunks = [seal.chunk("file.sealed", number, piece) for number, piece in enumerate(pieces)]
    path.write_bytes(b"tonewise sealed 1\n" + b"".join(chunks))
    with seal.opened(path) as file:
        file.seek(at)
        assert file.read(count) == text[at : at + count]


def test_a_chunk_that_was_changed_or_moved_is_refused_and_a_torn_one_left_out(tmp_path):
    seal, path = sealed.load(KEY), tmp_path / "file.sealed"
    one, two = (seal.chunk("file.sealed", n, text) for n, text in enumerate([b"one", b"two"]))
    path.write_bytes(b"tonewise sealed 1\n" + one + two[:-1])
    with seal.opened(path) as file:
        assert file.read() == b"one"
    for wrong in (two + one, one + two[:-1] + b"x"):
        path.write_bytes(b"tonewise sealed 1\n" + wrong)
        with seal.opened(path) as file, pytest.raises(RecordingError, match="cannot be opened"):
            file.read()


@pytest.mark.parametrize("key", ["", "not base64!", "c2hvcnQ="])
def test_a_key_that_is_none_is_told_with_how_to_make_one_and_without_the_key(key):
    with pytest.raises(ConfigError, match="openssl rand -base64 32") as told:
        sealed.load(key, "THE_KEY")
    assert "$THE_KEY" in str(told.value)
    assert not key or key not in str(told.value)


# ---------------------------------------------------------------- who is recorded, and how long


@pytest.fixture(scope="module")
def loaded():
    stt = Stt(use="scripted", options={"lines": ["hello"]})
    return engines.load(Config(vad=Vad(use="webrtc"), stt=stt, models=DEFAULT_MODELS[None]))


@pytest.mark.parametrize(
    ("keeping", "caller", "recorded"),
    [
        (Recording(), {"recording_consent": True}, False),
        (Recording(folder="calls"), {}, False),
        (Recording(folder="calls"), {"recording_consent": False}, False),
        (Recording(folder="calls"), {"recording_consent": "true"}, False),
        (Recording(folder="calls"), {"recording_consent": True}, True),
        (Recording(folder="calls", consent="assumed"), {}, True),
    ],
)
def test_nobody_is_recorded_who_has_not_agreed(
    tmp_path, monkeypatch, loaded, keeping, caller, recorded
):
    monkeypatch.chdir(tmp_path)
    made = Recorders(loaded, keeping, {}).of(Greeting("a/../b", "line", caller))
    assert (made is not None) == recorded
    if made:
        made.close()
        (folder,) = Path("calls").iterdir()
        about = CallFolder(folder).about
        assert folder.name.endswith("-a-..-b")
        assert about.consent == ("given by the caller" if caller else "assumed")
        assert about.engines["vad"] == loaded.vad.name
        assert len(about.config) == 64


def test_a_recording_is_deleted_when_its_time_is_over(tmp_path, loaded):
    day = datetime(2026, 1, 31, 12)
    keeping = Recording(folder=str(tmp_path), consent="assumed", keep_days=7)
    made = Recorders(loaded, keeping, {}, lambda: day).of(Greeting("one", "line"))
    made.close()
    assert sweep(tmp_path, date(2026, 2, 7)) == []
    (tmp_path / "not ours").mkdir()
    (tmp_path / "not ours" / "call.wav").touch()
    assert sweep(tmp_path, date(2026, 2, 8)) == [made.folder]
    assert [path.name for path in tmp_path.iterdir()] == ["not ours"]


def test_an_hour_of_waiting_sound_is_not_kept_in_memory():
    voices = TwoVoices()
    for number in range(100):
        voices.speak(1, np.zeros(RATE, np.int16), number * 60.0)
    assert sum(len(samples) for _, samples in voices._reply) <= 3 * RATE


def test_a_recording_that_breaks_off_inside_a_frame_is_heard_as_far_as_it_goes(tmp_path):
    keeping = recorder(tmp_path / "call")
    keeping.heard(np.random.default_rng(0).normal(0, 0.1, 2 * RATE).astype(np.float32))
    keeping.told(ended(2.0))
    keeping.close()
    path = tmp_path / "call" / "call.flac"
    path.write_bytes(path.read_bytes()[:-1000])
    got = 0
    with pytest.raises(AudioError, match="cut off"):
        for block in audio_file.blocks(path):
            got += block.shape[1]
    assert got > 1.8 * RATE
