"""The page in a real browser: calls through the very lines that everybody uses."""

import asyncio
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

import page_calls
from page_calls import (
    QUICK,
    SAID,
    SLOW,
    call_over,
    microphone,
    needs_webrtc,
    page_of,
    replied,
    sample,
    settings,
)
from tonewise import events
from tonewise.audio import RATE
from tonewise.settings import Acoustic, Stt

pytestmark = page_calls.in_a_browser

CARDS = """[...document.querySelectorAll('.turn')].map(card => ({
    said: card.querySelector('.said').textContent,
    route: card.dataset.route,
    hue: card.dataset.hue,
    why: card.querySelector('.because').textContent,
    how: card.querySelector('.evidence').textContent,
    terms: card.querySelectorAll('.terms li').length,
    tries: card.querySelector('.tries').textContent,
    reply: card.querySelector('.reply').textContent,
    latency: card.querySelector('.latency').textContent,
    cost: card.querySelector('.cost').textContent,
    markup: card.querySelectorAll('.said *').length }))"""


@pytest.mark.parametrize(("way", "name"), [("auto", "WebRTC"), ("socket", "WebSocket")])
async def test_a_sample_plays_through_and_every_turn_becomes_a_card(
    way: str, name: str, tmp_path: Path
):
    async with page_of(way=way, config=settings(QUICK)) as (page, _):
        if way == "auto":
            await needs_webrtc(page)
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")
        assert await page.text("#way") == f"over {name}"
        assert "3 turns" in await call_over(page)
        cards = await page.js(CARDS)
        assert [card["said"] for card in cards] == SAID
        assert {card["markup"] for card in cards} == {0}, "what callers say is text, never markup"
        for card in cards:
            assert card["why"].startswith(f"{card['route'].capitalize()}, because ")
            assert card["hue"] == {"fast": "0", "frontier": "1"}[card["route"]]
            assert "dBFS" in card["how"]
            assert "arousal and emotion: not measured" in card["how"]
            assert card["terms"] > 0
            assert "demo" in card["tries"]
            assert "demo responder" in card["reply"]
            assert "to first sound" in card["latency"]
            assert "told no price" in card["cost"]
        assert "syllables/s" in cards[0]["how"]
        await page.until("document.getElementById('status').innerText === 'The call has ended.'")
        assert await replied(page) > 30, "three replies of about a second each were heard"
        assert page.errors == []
        told = await downloaded(page, tmp_path)
        assert isinstance(told[0], events.CallStarted)
        assert isinstance(told[-1], events.CallEnded)
        assert sum(isinstance(event, events.TurnRouted) for event in told) == 3


async def downloaded(page: page_calls.Page, folder: Path) -> list[events.AnyEvent]:
    """What the button gives."""
    await page.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
    await page.click(".call > header button")
    async with asyncio.timeout(10):
        while not (lines := await asyncio.to_thread(_lines, folder)):
            await asyncio.sleep(0.05)
    return [events.from_json(line) for line in lines]


def _lines(folder: Path) -> list[str]:
    return [line for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_who_speaks_over_the_reply_stops_it(way: str, tmp_path: Path):
    """The caller's second turn begins two seconds after the first, in the midst of the reply."""
    flags = microphone(tmp_path, sample(3)[: 9 * RATE])
    no_words = Stt(
        use="scripted", options={"lines": SAID[:1]}
    )  # over it: nothing is to be answered
    config = msgspec.structs.replace(settings(SLOW), stt=no_words)
    async with page_of(*flags, way=way, config=config) as (page, _):
        await page.js(WATCH)
        await page.click("#talk")
        await page.until("document.querySelector('.turn .reply.sounding') !== null", 30)
        assert await page.text(".turn .said") == SAID[0]
        await page.until("document.querySelector('.turn .reply s') !== null", 20)
        card = await page.text(".turn")
        assert "spoke over the reply" in card
        await page.until("performance.now() - changed > 1000", 20)  # it is silent
        whole = len(await page.js("document.querySelector('.turn .reply').textContent"))
        assert 5 < await replied(page) < 0.8 * 20 * CHARACTER_S * whole, "and was cut off"
        await page.click("#stop")
        assert "hung up" in await call_over(page)
        await page.until("!document.getElementById('talk').hidden")
        assert page.errors == []


CHARACTER_S = 0.06
"""Of the scripted voice, at a person's pace."""

WATCH = """
globalThis.changed = performance.now(); // when the reply was last heard
let before = -1;
setInterval(() => {
    const now = Number(document.getElementById("wave").dataset.replied ?? 0);
    if (now !== before) [before, changed] = [now, performance.now()];
}, 50);
0"""


async def test_feelings_are_read_after_the_notice_until_they_are_switched_off(tmp_path: Path):
    onnx = pytest.importorskip("onnx")
    assert onnx
    import tiny_voice_cues

    model = tiny_voice_cues.make(tmp_path / "model.onnx")
    config = settings(acoustic=Acoustic(use="voice_cues", options={"model": str(model)}))
    async with page_of(config=config) as (page, _):
        notice = await page.text(".told")
        assert "listens to how you sound" in notice
        assert "Listen to how I sound" in notice
        await page.click("#samples li:nth-child(3) button")
        await page.until("document.querySelector('.turn .badge')?.textContent", 30)
        notes = await page.text(".call > .notes")
        assert "From here on it also listens to how you sound" in notes
        arousal = "document.querySelector('.meter[data-cue=arousal] output').textContent"
        assert 0 <= float(await page.js(arousal)) <= 1
        await page.click("#emotion")
        await page.until(f"{arousal} === 'unknown'", 30)
        assert "no longer listens" in await page.text(".call > .notes")
        assert await page.js("JSON.parse(localStorage.tonewise).emotion") is False
        assert await page.js("document.querySelector('.bars i.unknown') !== null")
        await page.click("#stop")
        await call_over(page)
        assert page.errors == []


async def test_without_a_network_for_feelings_the_page_says_so_and_has_no_switch():
    async with page_of() as (page, _):
        assert "neither measured nor guessed" in await page.text("#notice-text")
        assert await page.js("document.getElementById('emotion-switch').hidden")


async def test_what_the_frontier_would_have_cost_is_told_where_prices_are_known():
    """The same words at the price of the frontier model; without a price the page says so."""
    asked = """import('/cost.js').then(({ priced, Bill }) => {
        const attempt = { model: 'quick', outcome: 'answered', cost_usd: 0.0004,
                          input_tokens: 1000, output_tokens: 100 };
        const deep = { name: 'deep', route: 'frontier', price_in: 3, price_out: 15 };
        return [[], [deep]].map(known => {
            priced(known);
            const bill = new Bill();
            bill.add(attempt);
            return bill.draw({ route: 'fast' }).textContent;
        });
    })"""
    async with page_of() as (page, _):
        unknown, known = await page.js(asked)
        assert unknown == "This turn cost $0.0004. What the frontier would have taken is not known."
        assert known == "This turn cost $0.0004. As many words of deep would have cost $0.0045."


async def test_a_number_that_is_rounded_away_has_no_sign():
    async with page_of() as (page, _):
        shown = """import('/dom.js').then(({ number }) =>
            [-0.0004, -0.4, -0.006, -1.5, 0.0004].map(value => number(value, 2)))"""
        assert await page.js(shown) == ["0.00", "−0.40", "−0.01", "−1.50", "0.00"]


async def test_settings_stay_and_are_heeded():
    async with page_of(config=settings(QUICK)) as (page, serving):
        await page.click("#open-settings")
        for name, value in (("speech", "checked = false"), ("language", "value = 'en'")):
            field = f"document.querySelector('#settings [name={name}]')"
            await page.js(f"{field}.{value}; {field}.dispatchEvent(new Event('change')); 0")
        await page.click("#close-settings")
        await page_calls.opened(page, serving.url)
        assert await page.js("document.querySelector('#settings [name=speech]').checked") is False
        await page.click("#samples button")
        await page.until("document.querySelector('.turn .cost')?.textContent", 30)
        assert await page.text("#way") == "over WebSocket"
        assert await replied(page) == 0, "replies are text"
        await page.click("#stop")
        await call_over(page)


async def test_the_microphone_is_heard_and_turns_stay_to_be_opened(tmp_path: Path):
    turns = np.split(sample(1), [round(4.7 * RATE), round(7.5 * RATE)])
    rest = np.zeros(4 * RATE, np.float32)  # what each turn was is known before the next begins
    caller = np.concatenate([each for turn in turns for each in (turn, rest)])
    async with page_of(*microphone(tmp_path, caller)) as (page, _):
        folds = "[...document.querySelectorAll('.evidence:not([hidden])')].map(({ open }) => open)"
        await page.js(
            f"globalThis.seen = []; const note = () => seen.push({folds}.join());"
            "const what = { subtree: true, childList: true, attributes: true };"
            "new MutationObserver(note).observe(document.getElementById('calls'), what); 0"
        )
        await page.click("#talk")
        await page.until("document.querySelector('.evidence:not([hidden])') !== null", 30)
        await page.until("seen.includes('false,true')", 30)  # the latest turn shows its evidence
        await page.click(".evidence summary")
        await page.until("seen.some(each => each.startsWith('true,false,'))", 30)  # it stays open
        assert json.dumps(SAID[0])[1:-1] in await page.text(".said")
        await page.click("#stop")
        await call_over(page)
        assert page.errors == []
