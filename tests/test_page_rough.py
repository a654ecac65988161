"""A real browser on a rough line: 5 % of packets lost both ways, each up to 80 ms late."""

import os

import pytest

import page_calls
from rough_browser import call, material, plain
from rough_net import Relay

pytestmark = page_calls.in_a_browser

MINUTES = float(os.environ.get("TONEWISE_ROUGH_MINUTES", "0.8"))
"""Of the call; `scripts/bench_webrtc --browser` takes five."""


async def test_words_survive_a_rough_line_and_nothing_gets_later():
    jiwer = pytest.importorskip("jiwer", reason="word errors are counted by jiwer")
    pytest.importorskip("moonshine_voice", reason="the extra `offline` is not installed")
    sound, text = material(60 * MINUTES)
    rough = await call(sound, Relay(loss=0.05, jitter_s=0.08))
    clean = await call(sound)
    assert rough.lost > 0.03 * rough.passed
    errors = [jiwer.wer(plain(text), plain(" ".join(each.said))) for each in (clean, rough)]
    # 5 points over five minutes; a short call has too few words to be held to that.
    assert errors[1] <= errors[0] + (0.05 if MINUTES >= 4 else 0.1)
    assert rough.growth_s < 0.1
