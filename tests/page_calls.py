"""The page in a real browser, with a server of its own: what the page's tests share."""

import asyncio
import json
import os
import shutil
import subprocess
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chromium import Page, browser, executable
from spoken import CALLS
from tonewise.audio import RATE, Samples, to_pcm16
from tonewise.audio_file import read
from tonewise.config import Config
from tonewise.default_models import DEFAULT_MODELS
from tonewise.server import Running, running
from tonewise.settings import Acoustic, Endpoint, Server, Stt, Tts

in_a_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(executable() is None, reason="no Chromium here (apt install chromium)"),
]

SAID = ["Where is <b>my</b> order?", "Um, I am not so sure what I want.", "Thank you."]
TALKS_AT_ONCE = "--autoplay-policy=no-user-gesture-required"

QUICK = Tts(use="scripted", options={"character_s": 0.008})
"""Reads a reply of the demo responder in about a second."""

SLOW = Tts(use="scripted")
"""At a person's pace, so that there is time to interrupt."""

SILENT = Tts(use="none")


def settings(tts: Tts = SILENT, acoustic: Acoustic | None = None, **server: Any) -> Config:
    return Config(
        server=Server(port=0, **server),
        stt=Stt(use="scripted", options={"lines": SAID}),
        acoustic=acoustic or Acoustic(use="prosody"),
        endpoint=Endpoint(use="fixed"),  # the script's words are not those that are being said
        models=DEFAULT_MODELS[None],
        tts=tts,
    )


@asynccontextmanager
async def page_of(
    *flags: str,
    token: str | None = None,
    way: str = "auto",
    config: Config | None = None,
) -> AsyncIterator[tuple[Page, Running]]:
    """A page that has looked around. `way`: how it connects, `auto` or `socket`."""
    environ = {"TONEWISE_TOKEN": token} if token else {}
    started = running(config or settings(), environ=environ)
    async with started as serving, browser(TALKS_AT_ONCE, *flags) as page:
        await opened(page, serving.url, way)
        yield page, serving


async def opened(page: Page, url: str, way: str = "auto") -> None:
    await page.go(url)
    if way != "auto":
        await page.js(f"localStorage.tonewise = {json.dumps(json.dumps({'way': way}))}")
        await page.go(url)
    await page.until("document.body.classList.contains('ready')")


async def needs_webrtc(page: Page) -> None:
    """Skips where the server has none."""
    told = await page.js("fetch('webrtc/config').then(r => r.ok ? r.json() : {reason: 'none'})")
    if not told.get("enabled"):
        pytest.skip(f"no WebRTC here: {told.get('reason')}")


def microphone(folder: Path, caller: Samples) -> tuple[str, ...]:
    """Flags of a browser that hears `caller` in its microphone, then silence."""
    wav = folder / "caller.wav"
    with wave.open(str(wav), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(to_pcm16(np.concatenate([caller, np.zeros(RATE, np.float32)])))
    return (
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}%noloop",
    )


def sample(number: int) -> Samples:
    return read(CALLS[number - 1])


async def problem(page: Page, says: str, seconds: float = 15) -> None:
    """Waits until the page tells of this problem."""
    shown = "document.getElementById('problem').innerText"
    await page.until(f"{shown}.includes({json.dumps(says)})", seconds)


async def call_over(page: Page, seconds: float = 60) -> str:
    await page.until("document.querySelector('.foot')?.textContent", seconds)
    return await page.text(".foot")


async def nobody_calls(port: int, seconds: float = 15) -> None:
    """Waits until the server has let go of every call."""
    async with asyncio.timeout(seconds):
        while await _calls(port):
            await asyncio.sleep(0.05)


async def _calls(port: int) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    body = (await reader.read()).partition(b"\r\n\r\n")[2]
    writer.close()
    return int(json.loads(body)["calls"])


async def replied(page: Page) -> int:
    """Twentieths of a second in which the page has heard the reply."""
    return int(await page.js("document.getElementById('wave').dataset.replied"))


@cache
def axe(folder: Path) -> str:
    """The source of axe-core, fetched once into a cache folder."""
    packed = folder / "axe-core"
    script = packed / "package" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("no npm here, and so no axe-core")
        packed.mkdir(parents=True, exist_ok=True)
        asked = [npm, "pack", "axe-core@4", "--pack-destination", str(packed), "--silent"]
        fetched = subprocess.run(
            asked,
            cwd=packed,
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ,
            check=False,
        )
        if fetched.returncode:
            pytest.skip("axe-core cannot be fetched from npm's registry")
        shutil.unpack_archive(next(packed.glob("*.tgz")), packed, filter="data")
    return script.read_text()
