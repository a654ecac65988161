"""What goes wrong on the page is told in words; and the page fits everybody."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

import page_calls
from chromium import browser
from page_calls import (
    TALKS_AT_ONCE,
    axe,
    call_over,
    microphone,
    needs_webrtc,
    nobody_calls,
    opened,
    page_of,
    problem,
    sample,
    settings,
)
from tonewise.server import running

pytestmark = page_calls.in_a_browser


async def test_a_refused_or_missing_microphone_is_told_in_words():
    async with page_of() as (page, _):
        for name, says in (
            ("NotAllowedError", "refused"),
            ("NotFoundError", "no microphone"),
            ("NotReadableError", "another program"),
        ):
            await page.js(
                "navigator.mediaDevices.getUserMedia = () =>"
                f" Promise.reject(new DOMException('x', {json.dumps(name)})); 0"
            )
            await page.click("#talk")
            await problem(page, says)
            assert await page.js("document.getElementById('talk').hidden") is False


async def test_a_browser_that_refuses_the_microphone_is_understood():
    async with page_of("--use-fake-device-for-media-stream") as (page, _):
        refused = {"permission": {"name": "microphone"}, "setting": "denied"}
        await page.call("Browser.setPermission", **refused)
        await page.click("#talk")
        await problem(page, "The microphone was refused")


async def test_a_page_that_may_not_hear_says_under_which_address_it_could():
    async with page_of() as (page, _):
        await page.js("Object.defineProperty(navigator, 'mediaDevices', { value: undefined }); 0")
        await page.click("#talk")
        await problem(page, "only to https pages and to localhost")


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_a_full_server_is_told_in_words(way: str):
    async with page_of(way=way, config=settings(max_calls=1)) as (page, serving):
        async with connect(f"ws://127.0.0.1:{serving.port}/call") as other:
            await other.send('{"type":"start"}')
            await other.recv()
            await page.click("#samples button")
            await problem(page, "The server is full")
        await nobody_calls(serving.port)
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")
        assert await page.js("document.getElementById('problem').hidden")


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_a_token_is_taken_from_the_address(way: str):
    async with page_of(token="a-callers-secret", way=way) as (page, serving):
        await page.click("#samples button")
        await problem(page, "#token=")
        await opened(page, f"{serving.url}?again#token=a-callers-secret")
        await page.click("#samples button")
        await page.until("document.querySelector('.turn') !== null")


@pytest.mark.parametrize("way", ["auto", "socket"])
async def test_a_server_that_stops_and_a_server_that_is_gone_are_told_in_words(way: str):
    async with browser(TALKS_AT_ONCE) as page:
        async with running(settings(), environ={}) as serving:
            await opened(page, serving.url, way)
            await page.click("#samples button")
            await page.until("document.querySelector('.turn') !== null")
        await problem(page, "The server has stopped")
        assert "the server stops" in await page.text(".foot")
        await page.click("#samples li:last-child button")
        await problem(page, "The server cannot be reached")


async def test_a_lost_network_is_told_and_the_call_begins_again(tmp_path: Path):
    flags = microphone(tmp_path, sample(3))
    async with (
        running(settings(), environ={}) as serving,
        cable(serving.port) as line,
        browser(TALKS_AT_ONCE, *flags) as page,
    ):
        await opened(page, f"http://127.0.0.1:{line.port}/", "socket")
        await page.js(
            "globalThis.announced = []; const place = document.getElementById('announce');"
            "const note = () => announced.push(place.textContent);"
            "new MutationObserver(note).observe(place, { childList: true }); 0"
        )
        await page.click("#talk")
        await page.until("document.querySelector('.turn .badge')?.textContent", 30)
        await line.cut()
        await page.until("document.getElementById('status').innerText.includes('Calling again')")
        assert re.fullmatch(r"\d turns? · \d fast · broken off", await page.text(".foot"))
        await line.mend()
        await page.until("document.querySelectorAll('.call').length === 2")
        assert "called again" in await page.text(".call")
        await page.until("announced.some(told => told.includes('Connected again'))")
        await page.click("#stop")
        assert "hung up" in await call_over(page)


async def test_a_server_that_dies_without_a_word_is_missed_and_called_again(tmp_path: Path):
    port = free_port()
    flags = microphone(tmp_path, sample(3))
    async with browser(TALKS_AT_ONCE, *flags) as page:
        async with process(port):
            await opened(page, f"http://127.0.0.1:{port}/")
            await needs_webrtc(page)
            await page.click("#talk")
            await page.until("document.querySelector('.turn') !== null", 30)
        status = "document.getElementById('status').innerText"
        await page.until(f"{status}.includes('Calling again')", 20)
        async with process(port):
            await page.until("document.querySelectorAll('.call').length === 2", 20)
            assert await page.text("#way") == "over WebRTC"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@asynccontextmanager
async def process(port: int) -> AsyncIterator[None]:
    """A server in a process of its own, which is killed in the end."""
    environ = os.environ | {"TONEWISE_STT__USE": "scripted", "TONEWISE_TTS__USE": "none"}
    command = [sys.executable, "-m", "tonewise", "serve", "--port", str(port)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    serving = await asyncio.create_subprocess_exec(*command, env=environ, **quiet)
    try:
        async with asyncio.timeout(60):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.1)
        yield
    finally:
        serving.kill()
        await serving.wait()


class Cable:
    """A TCP line to the server that can be cut and mended."""

    def __init__(self, to: int) -> None:
        self._to = to
        self._ends: list[asyncio.StreamWriter] = []
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        self._server.close()
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()
        await asyncio.sleep(0)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        self._ends += [writer, back]
        await asyncio.gather(_carry(reader, back), _carry(there, writer))


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def cable(to: int) -> AsyncIterator[Cable]:
    line = Cable(to)
    await line.mend()
    try:
        yield line
    finally:
        await line.cut()


# ---------------------------------------------------------------- it fits everybody


async def test_a_call_needs_no_mouse(tmp_path: Path):
    async with page_of(*microphone(tmp_path, sample(1))) as (page, _):
        focused = "document.activeElement.id"
        for wanted in ("open-dashboard", "open-settings", "talk"):
            await page.key("Tab", 9)
            await page.until(f"{focused} === '{wanted}'")
        await page.key("Enter", 13)
        await page.until("document.querySelector('.turn') !== null", 30)
        await page.until(f"{focused} === 'stop'")
        await page.key("Enter", 13)
        assert "hung up" in await call_over(page)
        await page.until(f"{focused} === 'talk'")


async def test_the_page_fits_a_phone_is_small_and_is_there_at_once():
    async with page_of() as (page, _):
        await page.window(390, 844)
        await page.until("document.documentElement.scrollWidth === 390")
        size = await page.js(
            "performance.getEntriesByType('resource')"
            ".filter(e => !e.name.includes('samples')).reduce((n, e) => n + e.encodedBodySize, 0)"
        )
        assert size < 150_000
        paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
        assert await page.until(paint) < 1000
        assert page.errors == []


async def test_axe_finds_nothing_serious(request: pytest.FixtureRequest):
    script = axe(request.config.cache.mkdir("npm"))
    async with page_of() as (page, _):
        await page.js(f"{script}; 0")
        for dark in (False, True):
            await page.window(1200, 900, dark)
            assert await serious(page) == []
        await page.click("#open-settings")
        for size in (1200, 390):
            await page.window(size, 900)
            assert await serious(page) == [], f"the drawer, {size} wide"
        await page.click("#close-settings")
        await page.window(1200, 900)
        await page.click("#samples button")
        await page.until("document.querySelectorAll('.turn .cost').length > 1", 30)
        assert await serious(page) == [], "in a call"
        await call_over(page)
        await page.js("document.querySelectorAll('details').forEach(each => each.open = true)")
        for dark in (True, False):
            await page.window(390, 844, dark)
            assert await serious(page) == [], "after a call, on a phone"
            await page.until("document.documentElement.scrollWidth === 390")


async def serious(page: page_calls.Page) -> list[str]:
    """What axe-core calls serious or critical."""
    found = await page.js("axe.run().then(result => result.violations)")
    return [
        f"{each['id']}: {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
