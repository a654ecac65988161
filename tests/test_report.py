"""A call as one page: its sound, its turns, and nothing from anywhere else."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from chromium import browser, executable
from loudness_vad import sound
from recordings import write
from tonewise import audio_file
from tonewise.audio import RATE
from tonewise.events import (
    CallEnded,
    CallStarted,
    ReplyEnded,
    SpeechStarted,
    TurnEnded,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Transcript, VoiceCues
from tonewise.plan import Plan, Reason
from tonewise.replaying.picture import COLUMNS, picture
from tonewise.replaying.rehearsal import Source
from tonewise.replaying.report import page

ODD = "</script><b>hello</b> \u2028 & “you”"
CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2))
EVENTS = [
    CallStarted(at=0.0, call="call", wire="replay", engines={"vad": "loudness"}),
    SpeechStarted(at=0.6, turn=1, start_s=0.5),
    TurnEnded(at=2.0, turn=1, start_s=0.5, end_s=1.3, reason="patience"),
    TurnTranscribed(at=2.0, turn=1, transcript=Transcript(ODD), stt_ms=120.0),
    TurnMeasured(at=2.0, turn=1, cues=VoiceCues(speech_s=0.8, hesitation=0.3)),
    TurnRouted(at=2.0, turn=1, plan=Plan("fast", ("m",), (Reason("x", "it is simple"),), 0.2)),
    ReplyEnded(at=2.0, turn=1, text=ODD, outcome="answered", model="m", total_ms=200.0),
    CallEnded(at=2.5, reason="end of recording", turns=1),
]


@pytest.fixture
def source(tmp_path) -> Source:
    path = write(tmp_path / "call.wav", CALL, np.zeros_like(CALL))
    return Source(path, 0)


def test_the_page_holds_everything_and_loads_nothing(source):
    html = page(source, EVENTS)
    assert not re.search(r"https?://", html)
    assert html.count("<script") == html.count("</script>") == 2
    data = re.search(r'<script type="application/json" id="call">(.*?)</script>', html, re.DOTALL)
    told = json.loads(data[1])
    assert told["turns"][0]["said"] == ODD
    assert told["turns"][0]["ms"] == {"stt": 120.0, "total": 200.0}
    assert len(told["sound"]["peaks"]) == 2


def test_the_sound_is_embedded_so_that_it_can_be_heard_again(source, tmp_path):
    drawn = picture(audio_file.blocks(source.sound), 0)
    (tmp_path / "again.ogg").write_bytes(drawn.audio)
    again = audio_file.probe(tmp_path / "again.ogg")
    assert drawn.kind == "audio/ogg"
    assert again.channels == 2
    assert again.seconds == pytest.approx(2.5, abs=0.1)


def test_the_waveform_and_the_spectrogram_show_where_and_how_high_the_sound_is():
    t = np.arange(2 * RATE) / RATE
    tone = 0.5 * np.sin(2 * np.pi * 1000 * t) * (t > 1.0)
    drawn = picture([tone.astype(np.float32)[np.newaxis]], 0)
    (peaks,) = drawn.peaks
    middle = len(peaks) // 2
    assert peaks[: middle - 1].max() == 0
    assert peaks[middle + 1 :].min() > 100
    bands, columns = drawn.spectrogram.shape
    strongest = drawn.spectrogram[:, columns * 3 // 4].argmax()
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (80, 8000))
    assert strongest == pytest.approx((1000 - low) / (high - low) * bands, abs=1.5)
    assert drawn.spectrogram[:, : columns // 2 - 2].max() == 0


def test_an_hour_is_drawn_with_as_many_steps_as_a_page_is_wide():
    block = np.zeros((1, RATE * 10), np.float32)
    drawn = picture((block for _ in range(12)), 0)
    assert len(drawn.peaks[0]) == COLUMNS
    assert drawn.spectrogram.shape[1] == COLUMNS
    assert drawn.seconds == 120.0


def test_a_recording_without_sound_makes_a_page_as_well():
    drawn = picture([np.zeros((1, 0), np.float32)], 0)
    assert drawn.seconds == 0
    assert drawn.audio == b""


@pytest.mark.slow
@pytest.mark.skipif(executable() is None, reason="no Chromium here (apt install chromium)")
async def test_the_page_opens_from_the_disk_plays_and_has_no_errors(source, tmp_path):
    path: Path = tmp_path / "call.html"
    path.write_text(page(source, EVENTS), encoding="utf-8")  # noqa: ASYNC240 - a small file
    async with browser("--autoplay-policy=no-user-gesture-required") as shown:
        await shown.go(path.as_uri())
        await shown.until("document.querySelectorAll('article').length === 1")
        assert "</script><b>hello</b>" in await shown.text("article")
        await shown.until("document.getElementById('audio').readyState > 1")
        await shown.click("#show")
        assert await shown.js("document.getElementById('spectrum').hidden") is False
        await shown.click("article button")
        await shown.until("document.querySelector('article.now') !== null")
        assert await shown.js("document.getElementById('audio').currentTime") >= 0.5
        await shown.window(390, 844)
        assert await shown.js("document.documentElement.scrollWidth") == 390
        assert shown.errors == []
