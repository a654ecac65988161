"""What a visitor can do in a call, in a real browser: settings, verdicts, words as they grow."""

import asyncio
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

import page_calls
from page_calls import QUICK, Page, call_over, page_of, settings
from tonewise import audio_file
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.keeping import Recording
from tonewise.settings import Router, Server, Stt

pytestmark = page_calls.in_a_browser

PRICED = (
    Model(name="quick", route="fast", use="demo", price_in=0.1, price_out=0.4, quality=0.6),
    Model(name="deep", route="frontier", use="demo", price_in=3.0, price_out=15.0, quality=0.95),
)
COMPLEX = "#samples li:nth-child(3) button"
"""A sample whose third turn is a long one."""


def priced(**changed: Any) -> Config:
    made = settings(QUICK)
    return msgspec.structs.replace(made, **{"models": PRICED, "router": Router(), **changed})


async def moved(page: Page, slider: str, value: float) -> None:
    """As somebody moves a slider with the keyboard."""
    at = f"document.getElementById('tune-{slider}')"
    await page.js(f"{at}.focus(); {at}.value = {value}; 0")
    for kind in ("input", "change"):
        await page.js(f"{at}.dispatchEvent(new Event('{kind}', {{ bubbles: true }})); 0")


async def routed(page: Page, turn: int) -> dict[str, Any]:
    """The card of a turn, once it is known who answers."""
    card = f"document.querySelectorAll('.turn')[{turn - 1}]"
    await page.until(f"{card}?.querySelector('.badge')?.textContent", 40)
    return dict(
        await page.js(
            f"({{ why: {card}.querySelector('.because').textContent,"
            f" models: [...{card}.querySelectorAll('.weighed > ol > li')].map(e => e.innerText),"
            f" wishes: {card}.querySelector('.wishes')?.textContent ?? null,"
            f" bars: {card}.querySelectorAll('.weighed .pull').length }})"
        )
    )


# ---------------------------------------------------------------- settings


async def answered(page: Page) -> None:
    """The first reply is over."""
    await page.until("document.querySelector('.turn .cost')?.textContent", 40)


async def test_what_counts_is_changed_in_mid_call_and_shows_in_the_next_decision():
    async with page_of(config=priced()) as (page, _):
        await page.click("#samples button")
        before = await routed(page, 1)
        assert before["wishes"] is None
        assert before["bars"] >= 4, "quality and cost of either model"
        await page.click("#open-settings")
        await page.until("document.activeElement.id === 'settings-title'")
        await moved(page, "quality", 4)
        assert "16 ×" in await page.text("#tuning .slider output")
        assert "16 ×" in str(
            await page.js("document.getElementById('tune-quality').getAttribute('aria-valuetext')")
        )
        await page.until("document.querySelector('.call > .notes').innerText.includes('From here')")
        after = await routed(page, 2)
        assert "quality counts 16" in after["wishes"]
        assert "deep" in after["models"][0], "the better model is worth most now"
        await page.click("#tuning-reset")
        await page.until(
            "document.querySelector('.call > .notes').innerText.includes('as the server has it')"
        )
        assert (await routed(page, 3))["wishes"] is None
        await call_over(page)
        assert page.errors == []


async def test_models_can_be_left_out_but_never_all_of_them():
    async with page_of(config=priced()) as (page, _):
        await page.click("#open-settings")
        await page.click("#tuning [value=quick]")
        await page.click("#tuning [value=deep]")
        assert "at least one model" in await page.text("#tuning-problem")
        assert await page.js("document.querySelector('#tuning [value=deep]').checked")
        assert await page.text("#open-settings") == "Settings, changed"
        await page.key("Escape", 27)
        await page.until("!document.getElementById('settings').open")
        await page.until("document.activeElement.id === 'open-settings'")
        await page.click("#samples button")
        card = await routed(page, 1)
        assert card["why"].startswith("Frontier, because")
        assert card["wishes"] == "By your settings: only deep."
        await page.click("#stop")
        await call_over(page)


@pytest.mark.parametrize(
    ("changed", "says", "disabled"),
    [
        ({"router": Router(use="thresholds")}, "does not weigh models", False),
        ({"server": Server(port=0, tuning=False)}, "does not let callers change", True),
    ],
)
async def test_what_would_change_nothing_is_told_beforehand(changed, says, disabled):
    async with page_of(config=priced(**changed)) as (page, _):
        await page.click("#open-settings")
        assert says in await page.text("#tuning .aside")
        assert await page.js("document.getElementById('tune-cost').matches(':disabled')")
        patience = "document.getElementById('tune-patience').matches(':disabled')"
        assert await page.js(patience) is disabled


# ---------------------------------------------------------------- words and verdicts


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_a_long_turn_is_read_along_and_what_was_provisional_is_replaced(way):
    pytest.importorskip("moonshine_voice", reason="the extra `offline` is not installed")
    config = msgspec.structs.replace(settings(), stt=Stt(use="moonshine", partials=0.8))
    async with page_of(way=way, config=config) as (page, _):
        await page.click(COMPLEX)
        live = ".turn:last-child .said.partly"
        grown = f"(document.querySelector('{live}')?.textContent.length ?? 0)"
        await page.until(f"document.querySelectorAll('.turn').length === 3 && {grown} > 30", 60)
        first = await page.js(grown)
        await page.until(f"({grown}) > {first + 20}", 20)
        assert "so far" in await page.js(f"document.querySelector('{live}').textContent")
        await page.until(
            "document.querySelectorAll('.turn')[2].querySelector('.cost p, p.cost') !== null", 60
        )
        assert await page.js("document.querySelector('.said.partly') === null")
        said = await page.js("document.querySelectorAll('.turn .said')[2].textContent")
        assert "so far" not in said
        assert "compare two options" in said
        assert page.errors == []


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_a_reply_is_judged_with_the_keyboard_and_the_verdict_stays(way):
    async with page_of(way=way, config=settings(QUICK)) as (page, _):
        await page.click("#samples button")
        await page.until("document.querySelector('.rating:not([hidden])') !== null", 30)
        await page.js("document.querySelector('.rating .down').focus(); 0")
        await page.key("Enter", 13)
        pressed = "[...document.querySelectorAll('.turn:first-child .rating button')]"
        pressed = f"{pressed}.map(each => each.getAttribute('aria-pressed'))"
        await page.until(f"{pressed}.join() === 'false,true'")
        await page.click(".rating .up")
        await page.until(f"{pressed}.join() === 'true,false'")
        await call_over(page)
        assert (await page.js(pressed)) == ["true", "false"]
        assert page.errors == []


async def test_a_verdict_after_the_call_is_taken_by_the_api():
    async with page_of(config=settings(QUICK)) as (page, serving):
        await page.click("#samples button")
        await call_over(page)
        await page.click(".turn:last-child .rating .up")
        await page.until(
            "document.querySelector('.turn:last-child .up').getAttribute('aria-pressed')==='true'"
        )
        url = json.dumps(f"{serving.url}v1/decisions?feedback=good")
        found = f"fetch({url}).then(r => r.json()).then(list => list.data.length)"
        async with asyncio.timeout(10):
            while await page.js(found) != 1:
                await asyncio.sleep(0.1)


# ---------------------------------------------------------------- recordings


async def test_without_the_switch_nothing_is_recorded(tmp_path: Path):
    kept = tmp_path / "calls"
    config = priced(recording=Recording(folder=str(kept)))
    async with page_of(config=config) as (page, _):
        assert "Only if you switch it on" in await page.text("#record-about")
        await page.click("#samples button")
        await answered(page)
        await page.click("#stop")
        await call_over(page)
        assert not await page.js("document.querySelector('.away') !== null")
    assert not kept.exists() or not any(kept.iterdir())


async def test_a_call_is_recorded_on_request_taken_away_and_deleted(tmp_path: Path):
    kept, got = tmp_path / "calls", tmp_path / "got"
    config = priced(recording=Recording(folder=str(kept)))
    async with page_of(config=config) as (page, serving):
        await page.click("#record")
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")
        notes = "document.querySelector('.call > .notes').innerText"
        await page.until(f"{notes}.includes('being recorded on the server')")
        (folder,) = kept.iterdir()
        await call_over(page)
        await page.until("!document.getElementById('record').checked")
        await page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(got))
        await page.click(".away button")
        file = await _downloaded(got, "*.zip")
        packed = zipfile.ZipFile(io.BytesIO(file))
        names = {Path(name).name for name in packed.namelist()}
        assert names == {"call.toml", "events.jsonl", "call.flac"}
        packed.extractall(tmp_path)
        assert len(audio_file.read(tmp_path / folder.name / "call.flac", channel=0)) > 32_000
        told = (tmp_path / folder.name / "events.jsonl").read_text()
        assert "recordings/" not in told, "the link is told to the page alone"
        await page.click(".away button:last-of-type")
        await page.until("document.querySelector('.away').innerText.includes('deleted')")
        assert not folder.exists(), "the server answers when it is done"
        assert page.errors == []
        missing = f"fetch('{serving.url}recordings/none').then(r => r.status)"
        assert await page.js(missing) == 404


async def test_where_the_server_keeps_nothing_the_browser_records_both_voices(tmp_path: Path):
    async with page_of(config=settings(QUICK)) as (page, _):
        assert "In this browser only" in await page.text("#record-about")
        await page.click("#record")
        await page.click("#samples button")
        await answered(page)
        await page.click("#stop")
        await page.until("document.querySelector('.away') !== null")
        await page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        await page.click(".away button")
        file = tmp_path / "call.webm"
        file.write_bytes(await _downloaded(tmp_path, "tonewise-*.webm"))
        voices = [audio_file.read(file, channel=channel) for channel in (0, 1)]
        assert all(abs(voice).max() > 0.01 for voice in voices), "the caller, and the reply"
        assert page.errors == []


async def _downloaded(folder: Path, pattern: str) -> bytes:
    """Chromium gives a file its name when it is whole."""
    async with asyncio.timeout(15):
        while not (found := await asyncio.to_thread(lambda: list(folder.glob(pattern)))):
            await asyncio.sleep(0.05)
        while not (data := await asyncio.to_thread(found[0].read_bytes)):
            await asyncio.sleep(0.05)
    return data


# ---------------------------------------------------------------- nobody waits for who has left


async def test_a_page_that_is_closed_ends_its_call_at_once():
    async with page_of(config=settings()) as (page, serving):
        await page_calls.needs_webrtc(page)
        await page.click(COMPLEX)
        await page.until("document.querySelector('.turn') !== null")
        await page.go("about:blank")
        await page_calls.nobody_calls(serving.port, 3)  # who vanishes is missed after four
