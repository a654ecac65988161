"""The dashboard in a real browser: what was decided, how it went, and why, from the store."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette

import page_calls
from chromium import Page, browser
from page_calls import axe, settings
from test_page_live import PRICED
from test_page_trouble import serious
from tonewise import server
from tonewise.config import Config
from tonewise.facts import Term
from tonewise.operating import Learning
from tonewise.plan import Plan, Reason, Score
from tonewise.records import AnyRecord, Decided, Followed, Judged, Replied, Tried
from tonewise.server import Running, running

pytestmark = page_calls.in_a_browser

CALLS = 12
TURNS = 3


@asynccontextmanager
async def board(
    monkeypatch: pytest.MonkeyPatch,
    *,
    token: str | None = None,
    fill: bool = True,
    **changed: Any,
) -> AsyncIterator[tuple[Page, Running]]:
    """The dashboard of a server that has answered some calls already."""
    apps: list[Starlette] = []
    create = server.create_app

    def spy(*how: Any, **options: Any) -> Starlette:
        apps.append(create(*how, **options))
        return apps[-1]

    monkeypatch.setattr(server, "create_app", spy)
    config: Config = msgspec.structs.replace(settings(), models=PRICED, **changed)
    environ = {"TONEWISE_TOKEN": token} if token else {}
    async with running(config, environ=environ) as serving, browser() as page:
        if fill:
            answer_calls(apps[0].state.experience.note)
        await page.go(f"{serving.url}dashboard.html")
        await page.until("document.body.classList.contains('ready')")
        if fill and not token:
            await _all_there(page)
        yield page, serving


async def _all_there(page: Page) -> None:
    """The store writes in a thread of its own, in order: what was noted last is there last."""
    last = f"fetch('v1/decisions/c{CALLS - 1}.{TURNS}').then(r => r.ok ? r.json() : {{}})"
    await page.until(f"{last}.then(({{ feedback }}) => feedback?.length === 1)")
    await page.js("document.getElementById('live').dispatchEvent(new Event('change')); 0")
    await page.until(f"document.querySelector('#summary dd').textContent === '{CALLS * TURNS}'")
    await page.until("document.querySelectorAll('#decisions tbody tr').length === 25")


def answer_calls(note: Callable[[AnyRecord], None]) -> None:
    """What so many calls leave behind; the second turn of each fails over, the third is hard."""
    now = time.time()
    for call in range(CALLS):
        for turn in range(1, TURNS + 1):
            at, name = now - 60 * (CALLS - call) + turn, f"c{call:02}.{turn}"
            hard, failed = turn == 3, turn == 2
            best, other = ("deep", "quick") if hard else ("quick", "deep")
            note(_decided(at, name, call, turn, best, other, hard=hard))
            if failed:
                note(_tried(at + 0.9, name, 1, best, "no_first_token", 800.0))
            model = other if failed else best
            note(_tried(at + 1.5, name, 1 + failed, model, "answered", 600.0))
            spoke = {"first_token_ms": 300.0, "first_sound_ms": 500.0, "total_ms": 1500.0}
            note(Replied(at=at + 2, decision=name, outcome="answered", model=model, **spoke))
            note(Followed(at=at + 9, decision=name, before=0.4, frustration=0.1, thanked=hard))
            if hard and call % 2:
                note(Judged(at=at + 10, decision=name, score=float(call % 4 == 1), by="caller"))


def _decided(
    at: float, name: str, call: int, turn: int, best: str, other: str, *, hard: bool
) -> Decided:
    complexity = 0.82 if hard else 0.2
    why = Reason("complexity", f"complexity {complexity}: <b>two</b> questions", complexity, 0.6)
    scores = (
        Score(best, "frontier" if hard else "fast", 0.7, (Term("quality", 0.9, 0.9),)),
        Score(other, "fast" if hard else "frontier", 0.3, (Term("cost", 1.0, -0.6),)),
    )
    plan = Plan(
        "frontier" if hard else "fast",
        (best, other),
        (why,),
        complexity,
        (Term("questions", 2, 0.4),),
        scores,
        frustration=0.4,
        frustration_terms=(Term("words", 1, 0.4),),
        escalated=hard and call == 0,
        variant="usual" if call % 2 else "bold",
    )
    return Decided(
        at=at,
        decision=name,
        source="call",
        plan=plan,
        call=f"c{call:02}",
        turn=turn,
        user=f"u{call}",
    )


def _tried(at: float, name: str, attempt: int, model: str, outcome: Any, ms: float) -> Tried:
    good = outcome == "answered"
    counted = {"input_tokens": 300, "output_tokens": 60} if good else {}
    return Tried(
        at=at,
        decision=name,
        attempt=attempt,
        model=model,
        outcome=outcome,
        detail=None if good else "no first token in 0.8 s",
        first_token_ms=210.0 if good else None,
        total_ms=ms,
        cost_usd=0.0018 if model == "deep" and good else 0.0001,
        **counted,
    )


async def test_routes_models_and_sums_are_told(monkeypatch: pytest.MonkeyPatch):
    async with board(monkeypatch) as (page, _):
        sums = await page.text("#summary")
        assert "33 %" in sums, "a third went to frontier"
        assert "$0.04" in sums
        bars = "document.querySelectorAll('#routes .series rect').length"
        assert await page.js(bars) >= 2
        await page.click("#routes summary")
        rows = "[...document.querySelectorAll('#routes tbody tr')].map(row => row.innerText)"
        assert sum(int(row.split("\t")[1]) for row in await page.js(rows)) == 2 * CALLS
        models = await page.text("#models")
        assert "demo" not in models
        assert "50 %" in models, "quick failed in every second try"
        pick = "const s = document.getElementById('measure'); s.value = 'first_token_ms';"
        await page.js(f"{pick} s.dispatchEvent(new Event('change')); 0")
        await page.until("document.querySelectorAll('#routes .series circle').length > 0")
        assert page.errors == []


async def test_decisions_are_searched_filtered_and_explained(monkeypatch: pytest.MonkeyPatch):
    async with board(monkeypatch) as (page, _):
        rows = "document.querySelectorAll('#decisions tbody tr').length"
        await page.click("#decisions > .quiet")
        await page.until(f"{rows} === {CALLS * TURNS}")
        pick = "const s = document.querySelector('#search [name=route]'); s.value = 'frontier';"
        await page.js(f"{pick} s.dispatchEvent(new Event('input', {{ bubbles: true }})); 0")
        await page.until(f"{rows} === {CALLS}")
        pick = "const t = document.querySelector('#search [name=out]'); t.value = 'escalated';"
        await page.js(f"{pick} t.dispatchEvent(new Event('input', {{ bubbles: true }})); 0")
        await page.until(f"{rows} === 1")
        await page.click("#decisions .open")
        await page.until("document.getElementById('explanation').open")
        told = await page.text("#explanation")
        for part in ("c00.3", "<b>two</b> questions", "complexity", "deep", "quick", "thanked"):
            assert part in told, part
        assert await page.js("document.querySelectorAll('#explanation .pull').length") >= 2
        await page.key("Escape", 27)
        await page.until("!document.getElementById('explanation').open")
        await page.js("location.hash = 'decision=c03.2'; 0")
        await page.until("document.getElementById('explanation').open")
        told = await page.text("#explanation")
        assert "no first token in 0.8 s" in told
        assert await page.js("document.querySelectorAll('#explanation .latency .bad').length") == 1
        assert page.errors == []


async def test_experiments_and_beliefs_come_with_their_intervals(monkeypatch: pytest.MonkeyPatch):
    learning = Learning(enabled=True)
    async with board(monkeypatch, learning=learning) as (page, _):
        told = await page.text("#experiments")
        assert "usual" in told
        assert "bold" in told
        assert await page.js("document.querySelectorAll('#experiments .interval').length") >= 2
        learned = await page.text("#learned")
        assert "of calm turns try another model" in learned
        assert page.errors == []


async def test_an_empty_desk_says_how_to_fill_it(monkeypatch: pytest.MonkeyPatch):
    async with board(monkeypatch, fill=False) as (page, _):
        for place, says in (
            ("#routes", "Make a call"),
            ("#decisions", "No decision yet"),
            ("#experiments", "[[routes]]"),
            ("#learned", "[learning]"),
        ):
            assert says in await page.text(place)
        assert "no try yet" in await page.text("#models")
        assert page.errors == []


async def test_a_server_with_a_key_asks_for_it_and_forgets_it_with_the_tab(
    monkeypatch: pytest.MonkeyPatch,
):
    async with board(monkeypatch, token="only-for-operators") as (page, serving):
        assert "asks for a key" in await page.text("#key")
        await page.until("document.activeElement.id === 'key-field'")
        give = "document.querySelector('#key-field').value = "
        told = "document.getElementById('key-problem').textContent"
        await page.js(
            f"{told} = ''; {give}'wrong'; document.querySelector('#key').requestSubmit(); 0"
        )
        await page.until(f"{told} !== ''")  # told anew
        await page.js(f"{give}'only-for-operators'; 0")
        await page.js("document.querySelector('#key').requestSubmit(); 0")
        await page.until("!document.getElementById('desk').hidden")
        await page.until("document.querySelector('#summary dd') !== null")
        assert await page.js("Object.keys(localStorage).length") == 0
        assert "only-for-operators" in await page.js("JSON.stringify(sessionStorage)")
        await page.go(f"{serving.url}dashboard.html?again")
        await page.until("document.querySelector('#summary dd') !== null")
        await page.until("document.getElementById('key').hidden")


async def test_it_fits_a_phone_is_small_and_axe_finds_nothing_serious(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
):
    script = axe(request.config.cache.mkdir("npm"))
    async with board(monkeypatch) as (page, _):
        entries = "performance.getEntriesByType('resource')"
        files = f"{entries}.filter(e => !e.name.includes('/v1/'))"
        assert await page.js(f"{files}.reduce((n, e) => n + e.encodedBodySize, 0)") < 100_000
        await page.js(f"{script}; 0")
        for width, dark in ((1200, False), (1200, True), (390, True), (390, False)):
            await page.window(width, 900, dark)
            await page.until(f"document.documentElement.scrollWidth <= {width}")
            assert await serious(page) == [], (width, dark)
        await page.click("#decisions .open")
        await page.until("document.getElementById('explanation').open")
        await page.js("document.querySelectorAll('details').forEach(each => each.open = true)")
        for dark in (False, True):
            await page.window(390, 844, dark)
            assert await serious(page) == [], "a decision explained"
        assert json.dumps(page.errors) == "[]"
