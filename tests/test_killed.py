"""A server is killed under load and started again: nothing that clients were told is missing."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tonewise.operating import Store
from tonewise.store.keeper import open_store
from tonewise.store.reading import open_reading
from upstream import openai_says, upstream

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL"),
]

KEY = "the-key-of-the-application"
LIVES_S = (0.5, 1.0, 4.5, 0.7, 1.5)
SAVED_S = 3.0
"""What was learnt is saved within one second, and two for a busy machine."""
PRICE = (12 * 2.0 + 3 * 10.0) / 1e6
"""USD of a reply of `openai_says`: 12 tokens read, 3 written."""

SETTINGS = """
[stt]
use = "scripted"
[tts]
use = "none"
[store]
url = "sqlite:///{folder}/store.db"
[learning]
enabled = true
[[clients]]
name = "app"
token_env = "APP_KEY"
operator = true
budget = {{ usd = 100, per = "month" }}
[[models]]
name = "quick"
price_in = 2.0
price_out = 10.0
options = {{ model = "m", base_url = "{url}/v1", api_key_env = "" }}
"""


@asynccontextmanager
async def serving(folder: Path):
    """`tonewise serve`, in a process of its own; gives the process and its address."""
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [sys.executable, "-m", "tonewise", "serve", "--port", "0"],
        cwd=folder,
        env={
            **os.environ,
            "APP_KEY": KEY,
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        told = ""
        while "Ready. Open" not in told:
            async with asyncio.timeout(60):
                line = await asyncio.to_thread(process.stdout.readline)
            assert line, f"it ended after: {told}"
            told += line
        yield process, f"http://127.0.0.1:{told.rsplit(':', 1)[1].split('/')[0]}"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


async def ask(client: httpx2.AsyncClient, told: list[str], whole: list[tuple[str, float]]) -> None:
    """Ask for as long as somebody answers; note what was acknowledged, and what came whole."""
    body = {"model": "auto", "stream": True, "messages": [{"role": "user", "content": "Hello?"}]}
    with suppress(httpx2.HTTPError):
        while True:
            async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
                assert answer.status_code == 200
                decision = answer.headers["tonewise-decision"]
                told.append(decision)
                text = (await answer.aread()).decode()
                if "data: [DONE]" in text:
                    whole.append((decision, time.monotonic()))


async def test_no_decision_that_a_client_was_told_is_missing_and_the_books_are_right(tmp_path):
    told: list[str] = []
    whole: list[tuple[str, float]] = []
    async with upstream(openai_says("Hello", ", ", "you.")) as provider:
        settings = SETTINGS.format(folder=tmp_path, url=provider.url)
        (tmp_path / "tonewise.toml").write_text(settings)
        late = 0
        for lasts_s in LIVES_S:
            async with serving(tmp_path) as (process, url):
                headers = {"authorization": f"Bearer {KEY}"}
                async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
                    askers = [asyncio.create_task(ask(client, told, whole)) for _ in range(8)]
                    enough = len(told) + 20
                    await asyncio.sleep(lasts_s)
                    while len(told) < enough:
                        await asyncio.sleep(0.02)
                    process.send_signal(signal.SIGKILL)
                    killed = time.monotonic()
                    await asyncio.gather(*askers)
            late += sum(0 <= killed - at < SAVED_S for _, at in whole)
    assert len(told) >= 20 * len(LIVES_S)
    assert len(whole) > late

    store = open_store(
        Store(url=f"sqlite:///{tmp_path}/store.db"), {}
    )  # as a start does: it recovers
    store.close()
    reading = open_reading(Store(url=f"sqlite:///{tmp_path}/store.db"), {})
    try:
        known = {name: reading.decision(name) for name in told}
        assert [name for name, found in known.items() if found is None] == []
        unpaid = [name for name, _ in whole if not known[name].attempts]
        assert unpaid == [], "a reply that came whole has its attempt in the books"
        assert all(
            one.cost_usd == pytest.approx(PRICE)
            for name, _ in whole
            for one in known[name].attempts
        )
    finally:
        reading.close()

    async with (
        serving(tmp_path) as (_, url),
        httpx2.AsyncClient(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as client,
    ):
        metrics = (await client.get("/metrics")).text
        profile = (await client.get("/v1/profile")).json()["models"][0]
    line = next(
        line
        for line in metrics.splitlines()
        if "budget_left_usd" in line and 'client="app"' in line
    )
    spent = 100 - float(line.split()[-1])
    assert len(whole) * PRICE <= spent + 1e-6
    assert spent <= (len(told) + 8 * len(LIVES_S)) * PRICE + 1e-6
    assert profile["tries"] >= 0.8 * (len(whole) - late)
