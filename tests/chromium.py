"""Drives a headless Chromium over the DevTools protocol, with nothing but a WebSocket."""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable() -> str | None:
    """The browser, where one is installed."""
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running browser. Its tabs share one socket, and are told apart by their sessions."""

    def __init__(self, process: subprocess.Popen[bytes], socket: ClientConnection) -> None:
        self.process = process
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._pages: dict[str, Page] = {}

    async def tab(self) -> "Page":
        """One more tab."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", flatten=True, **target)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"], **target)
        for domain in ("Page", "Runtime", "Log", "Network"):
            await page.call(f"{domain}.enable")
        return page

    def kill(self) -> None:
        """As the system kills it: nobody says goodbye."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    async def listen(self) -> None:
        """Until the browser ends."""
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                answer = self._answers.pop(message["id"])
                if answer.done():
                    continue  # nobody waits for it any more
                if "error" in message:
                    answer.set_exception(RuntimeError(message["error"]["message"]))
                else:
                    answer.set_result(message["result"])
            elif page := self._pages.get(message.get("sessionId", "")):
                page.note(message["method"], message["params"])

    async def call(self, method: str, session: str | None = None, **params: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        await self._socket.send(json.dumps(message))
        async with asyncio.timeout(20):
            return await answer


class Page:
    """One tab. What it writes to its console as an error is in `errors`."""

    def __init__(self, whole: Browser, session: str, targetId: str) -> None:  # noqa: N803
        self.whole = whole
        self._session = session
        self._target = targetId
        self.errors: list[str] = []

    async def close(self) -> None:
        """As somebody closes the tab."""
        await self.whole.call("Target.closeTarget", targetId=self._target)

    def note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning"):
            self.errors.append(" ".join(str(each.get("value")) for each in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    async def call(self, method: str, **params: Any) -> Any:
        return await self.whole.call(method, self._session, **params)

    async def go(self, url: str) -> None:
        await self.call("Page.navigate", url=url)
        await self.until("document.readyState === 'complete'")

    async def js(self, expression: str) -> Any:
        """The value of an expression; a promise is awaited. Counts as a user's gesture."""
        told = await self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=True,
            userGesture=True,
        )
        if "exceptionDetails" in told:
            raise RuntimeError(str(told["exceptionDetails"]))
        return told["result"].get("value")

    async def until(self, expression: str, seconds: float = 15) -> Any:
        """Waits until an expression is true."""
        try:
            async with asyncio.timeout(seconds):
                while not (value := await self.js(expression)):
                    await asyncio.sleep(0.05)
                return value
        except TimeoutError:
            shown = await self.js("document.body.innerText.slice(0, 2000)")
            msg = f"not in {seconds} s: {expression}; errors: {self.errors}; the page: {shown}"
            raise AssertionError(msg) from None

    async def click(self, selector: str) -> None:
        await self.js(f"document.querySelector({json.dumps(selector)}).click()")

    async def text(self, selector: str) -> str:
        return str(await self.js(f"document.querySelector({json.dumps(selector)}).innerText"))

    async def key(self, name: str, code: int) -> None:
        """Presses a key, as in `key("Enter", 13)`."""
        key = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if name == "Enter" else {}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **key, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **key)

    async def window(self, width: int, height: int, dark: bool = False) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, path: Path) -> None:
        """A picture of the whole page."""
        size = (await self.call("Page.getLayoutMetrics"))["cssContentSize"]
        shot = await self.call(
            "Page.captureScreenshot", captureBeyondViewport=True, clip={**size, "scale": 1}
        )
        path.write_bytes(base64.b64decode(shot["data"]))  # noqa: ASYNC240 - a small file


@contextlib.asynccontextmanager
async def browser(*flags: str) -> AsyncIterator[Page]:
    """A fresh browser with one tab."""
    async with empty_browser(*flags) as whole:
        yield await whole.tab()


@contextlib.asynccontextmanager
async def empty_browser(*flags: str) -> AsyncIterator[Browser]:
    """A fresh browser, of which nothing is left in the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
            [
                executable() or "chromium",
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--mute-audio",
                "--remote-debugging-port=0",
                f"--user-data-dir={profile}",
                *flags,
                "about:blank",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            port, path = await _door(Path(profile) / "DevToolsActivePort", process)
            address = f"ws://127.0.0.1:{port}{path}"
            async with connect(address, max_size=None, ping_interval=None) as socket:
                whole = Browser(process, socket)
                listening = asyncio.create_task(whole.listen())
                try:
                    yield whole
                finally:
                    listening.cancel()
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


async def _door(file: Path, process: subprocess.Popen[bytes]) -> list[str]:
    async with asyncio.timeout(30):
        while len(lines := await asyncio.to_thread(_words, file)) < 2:
            assert process.poll() is None, f"the browser ended with {process.returncode}"
            await asyncio.sleep(0.05)
    return lines


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []
