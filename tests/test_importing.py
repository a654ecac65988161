"""Calls of other systems become call folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from loudness_vad import sound
from recordings import wav_bytes, write
from tonewise.cli import tonewise
from tonewise.errors import AudioError, RecordingError
from tonewise.recording.folder import CallFolder
from tonewise.replaying import expectations, importing
from tonewise.replaying.turn_log import turns


def said(who: str, text: str, begin: int, end: int) -> dict:
    times = {"BeginOffsetMillis": begin, "EndOffsetMillis": end}
    return {"ParticipantId": who, "Content": text, **times}


CONNECT = {
    "Version": "1.1.0",
    "LanguageCode": "en-US",
    "CustomerMetadata": {"ContactId": "c-1"},
    "Participants": [
        {"ParticipantId": "p1", "ParticipantRole": "AGENT"},
        {"ParticipantId": "p2", "ParticipantRole": "CUSTOMER"},
    ],
    "Transcript": [
        said("p1", "Hello.", 0, 400),
        said("p2", "My", 500, 900),
        said("p2", "order?", 950, 1300),
        said("p1", "On its way.", 1500, 2000),
        said("p1", "Bye.", 4000, 4200),
    ],
}


def genesys(**times) -> dict:
    parts = (("internal", "Hello.", 0, 400), ("external", "My order?", 500, 800))
    phrases = [
        {
            "text": text.lower(),
            "decoratedText": text,
            "participantPurpose": who,
            "duration": {"milliseconds": length},
            **(
                {"offset": {"milliseconds": begin}}
                if times.get("offset")
                else {"startTimeMs": 1_700_000_000_000 + begin}
            ),
        }
        for who, text, begin, length in parts
    ]
    return {
        "conversationId": "g-1",
        "startTime": 1_700_000_000_000,
        "transcripts": [{"language": "en-us", "phrases": phrases}],
    }


@pytest.fixture
def stereo(tmp_path) -> Path:
    caller = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2))
    return write(tmp_path / "call.wav", caller, np.zeros_like(caller), rate=8000)


def made(tmp_path: Path, stereo: Path, told: object) -> CallFolder:
    path = tmp_path / "transcript.json"
    path.write_text(json.dumps(told))
    return CallFolder(importing.make(tmp_path / "made", stereo, path, None))


def test_contact_lens_becomes_turns_and_the_agents_replies(tmp_path, stereo):
    kept = made(tmp_path, stereo, CONNECT)
    (turn,) = turns(kept.events())
    assert (turn.said, turn.start_s, turn.end_s) == ("My order?", 0.5, 1.3)
    assert turn.reply_text == "On its way. Bye."
    assert turn.reply.model == "agent"
    assert kept.about.source == "Amazon Connect c-1"
    assert kept.about.language == "en"
    assert kept.about.channels == ("caller", "other")


@pytest.mark.parametrize("offset", [True, False])
def test_genesys_becomes_turns_by_offset_and_by_time_of_day(tmp_path, stereo, offset):
    kept = made(tmp_path, stereo, genesys(offset=offset))
    (turn,) = turns(kept.events())
    assert (turn.said, turn.start_s, turn.end_s) == ("My order?", 0.5, 1.3)
    assert kept.about.source == "Genesys g-1"


def test_plain_text_becomes_what_is_expected_to_be_heard(tmp_path, stereo):
    (tmp_path / "said.txt").write_text("Where is\nmy order?\n")
    folder = importing.make(tmp_path / "made", stereo, tmp_path / "said.txt", 1)
    assert expectations.read(folder / "expect.toml").call.said == "Where is my order?"
    assert CallFolder(folder).caller_channel == 1
    assert CallFolder(folder).events() == ()


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        ({"something": "else"}, "neither Contact Lens"),
        ({"Transcript": [{"Content": "x"}]}, "not what its format promises: KeyError"),
        ({"transcripts": 3}, "not what its format promises"),
        (genesys() | {"startTime": 1_800_000_000_000}, "begins before the call"),
    ],
)
def test_a_strange_transcript_is_refused_and_nothing_is_made(tmp_path, stereo, told, complaint):
    with pytest.raises(RecordingError, match=complaint):
        made(tmp_path, stereo, told)
    assert not (tmp_path / "made").exists()


def test_what_cannot_be_imported_says_why(tmp_path, stereo):
    (tmp_path / "there").mkdir()
    with pytest.raises(RecordingError, match="there is something already"):
        importing.make(tmp_path / "there", stereo, None, None)
    with pytest.raises(RecordingError, match="no channel 7; choose from 0, 1"):
        importing.make(tmp_path / "made", stereo, None, 7)
    with pytest.raises(AudioError, match="no such file"):
        importing.make(tmp_path / "made", tmp_path / "none.wav", None, None)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it holds no words"),
        (b"\xef\xbb\xbf \n", "it holds no words"),
        (b"SQLite format 3\0\x10", "no text, but data"),
        (b"\xff\xfe", "no text in UTF-8"),
        (b' {"no": "transcript"}', "neither Contact Lens"),
    ],
    ids=["empty", "blank", "data", "another encoding", "strange JSON"],
)
def test_a_transcript_without_words_is_refused_and_nothing_is_made(
    tmp_path, stereo, content, complaint
):
    (tmp_path / "words.txt").write_bytes(content)
    with pytest.raises(RecordingError, match=complaint):
        importing.make(tmp_path / "made", stereo, tmp_path / "words.txt", None)
    with pytest.raises(RecordingError, match="cannot be read: Is a directory"):
        importing.make(tmp_path / "made", stereo, tmp_path, None)
    assert not (tmp_path / "made").exists()


def test_a_transcript_is_known_by_what_it_holds_whatever_its_name(tmp_path, stereo):
    (tmp_path / "connect.txt").write_text(json.dumps(CONNECT))
    folder = importing.make(tmp_path / "made", stereo, tmp_path / "connect.txt", None)
    assert CallFolder(folder).events()


def test_a_recording_without_sound_makes_no_call(tmp_path):
    empty = tmp_path / "empty.wav"
    empty.write_bytes(wav_bytes(np.zeros(0)))
    with pytest.raises(AudioError, match="it holds no sound"):
        importing.make(tmp_path / "made", empty, None, None)
    assert not (tmp_path / "made").exists()


def test_an_imported_call_is_replayed_with_its_own_words(tmp_path, stereo):
    (tmp_path / "connect.json").write_text(json.dumps(CONNECT))
    settings = tmp_path / "settings.toml"
    settings.write_text("[vad]\nuse = 'webrtc'\noptions = {aggressiveness = 0}\n")
    folder = tmp_path / "made"
    run = CliRunner().invoke
    done = run(tonewise, ["import", str(stereo), str(tmp_path / "connect.json"), "-o", str(folder)])
    assert done.exit_code == 0, done.output
    done = run(
        tonewise,
        ["replay", "--recorded", "stt,llm", "-c", str(settings), "--json", str(folder)],
    )
    assert done.exit_code == 0, done.output
    assert '"text":"My order?"' in done.output
    assert "On its way. Bye." in done.output
