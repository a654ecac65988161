"""The page in a real browser: it plays a call through the very socket that everybody uses."""

import json
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from chromium import Page, browser, executable
from spoken import sample
from tonewise.audio import RATE, to_pcm16
from tonewise.config import Config, Server, Stt
from tonewise.default_models import DEFAULT_MODELS
from tonewise.server import Running, running

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium here (apt install chromium)"),
]

SAID = ["Where is <b>my</b> order?", "Um, I am not so sure what I want.", "Thank you."]
TALKS_AT_ONCE = "--autoplay-policy=no-user-gesture-required"


def settings(**server: Any) -> Config:
    return Config(
        server=Server(port=0, **server),
        stt=Stt(use="scripted", options={"lines": SAID}),
        models=DEFAULT_MODELS[None],
    )


@asynccontextmanager
async def page_of(
    *flags: str, token: str | None = None, **server: Any
) -> AsyncIterator[tuple[Page, Running]]:
    environ = {"TONEWISE_TOKEN": token} if token else {}
    started = running(settings(**server), environ=environ)
    async with started as serving, browser(TALKS_AT_ONCE, *flags) as page:
        await page.go(serving.url)
        await page.until("document.getElementById('engines').textContent")
        yield page, serving


async def problem(page: Page, says: str) -> None:
    """Waits until the page tells of this problem."""
    shown = "document.getElementById('problem').innerText"
    await page.until(f"{shown}.includes({json.dumps(says)})")


async def test_a_sample_plays_through_and_every_turn_becomes_a_card():
    async with page_of() as (page, _):
        await page.click("#samples button")
        await page.until("document.querySelector('.foot')?.textContent", 40)
        cards = await page.js(
            "[...document.querySelectorAll('.turn')].map(card => ({"
            "  said: card.querySelector('.said').textContent,"
            "  route: card.dataset.route,"
            "  why: card.querySelector('.because').textContent,"
            "  how: card.querySelector('.how').innerText,"
            "  terms: card.querySelectorAll('.how .terms li').length,"
            "  tries: card.querySelector('.tries').innerText,"
            "  reply: card.querySelector('.reply').textContent,"
            "  latency: card.querySelector('.latency').innerText,"
            "  markup: card.querySelectorAll('.said *').length }))"
        )
        assert [card["said"] for card in cards] == SAID
        assert {card["markup"] for card in cards} == {0}, "what callers say is text, never markup"
        for card in cards:
            assert card["why"].startswith(f"{card['route'].capitalize()}, because ")
            assert "syllables/s" in card["how"]
            assert "frustration, arousal, emotion: not measured" in card["how"]
            assert card["terms"] > 0
            assert "demo" in card["tries"]
            assert "demo responder" in card["reply"]
            assert "ms" in card["latency"]
        assert "3 turns" in await page.text(".foot")
        await page.until("document.getElementById('status').innerText === 'The call has ended.'")
        assert page.errors == []


async def test_the_microphone_opens_only_after_the_notice_and_is_heard(tmp_path: Path):
    wav = tmp_path / "caller.wav"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(to_pcm16(sample(1)))
    flags = (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}%noloop",
    )
    async with page_of(*flags) as (page, _):
        await page.click("#talk")
        notice = await page.text("#notice")
        assert "No emotion model is installed" in notice
        assert "Nothing is stored" in notice
        assert await page.js("document.querySelectorAll('.call').length") == 0
        await page.click("#notice [value=yes]")
        await page.until("document.querySelector('.turn .reply')?.textContent", 20)
        assert SAID[0] in await page.text(".said")
        await page.click("#stop")
        await page.until("document.querySelector('.foot')?.textContent")
        assert "hung up" in await page.text(".foot")
        assert page.errors == []


async def test_a_refused_or_missing_microphone_is_told_in_words():
    async with page_of() as (page, _):
        for name, says in (("NotAllowedError", "refused"), ("NotFoundError", "no microphone")):
            await page.js(
                "navigator.mediaDevices.getUserMedia = () =>"
                f" Promise.reject(new DOMException('x', {json.dumps(name)})); 0"
            )
            await page.click("#talk")
            if await page.js("document.getElementById('notice').open"):
                await page.click("#notice [value=yes]")
            await problem(page, says)
            assert await page.js("document.getElementById('talk').hidden") is False


async def test_a_full_server_is_told_in_words():
    async with page_of(max_calls=1) as (page, serving):
        async with connect(f"ws://127.0.0.1:{serving.port}/call") as other:
            await other.send('{"type":"start"}')
            await other.recv()
            await page.click("#samples button")
            await problem(page, "The server is full")
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")
        assert await page.js("document.getElementById('problem').hidden")


async def test_a_token_is_taken_from_the_address():
    async with page_of(token="secret") as (page, serving):
        await page.click("#samples button")
        await problem(page, "#token=")
        await page.go(f"{serving.url}?again#token=secret")
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")


async def test_a_server_that_stops_and_a_server_that_is_gone_are_told_in_words():
    async with browser(TALKS_AT_ONCE) as page:
        async with running(settings(), environ={}) as serving:
            await page.go(serving.url)
            await page.click("#samples button")
            await page.until("document.querySelector('.turn') !== null")
        await problem(page, "The server has stopped")
        assert "the server stops" in await page.text(".foot")
        await page.click("#samples li:last-child button")
        await problem(page, "The server cannot be reached")


async def test_the_page_fits_a_phone_and_is_small():
    async with page_of() as (page, _):
        await page.window(390, 844)
        assert await page.js("document.documentElement.scrollWidth") == 390
        size = await page.js(
            "performance.getEntriesByType('resource')"
            ".filter(e => !e.name.includes('samples')).reduce((n, e) => n + e.encodedBodySize, 0)"
        )
        assert size < 150_000
        assert page.errors == []
