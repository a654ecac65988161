"""The server under test, `tonewise serve` in a process of its own, and its model provider."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2

STUB = "turn_taking.stub_stt"
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Server:
    """A running server, seen from outside.

    Attributes:
        call: the address of its WebSocket.
    """

    def __init__(self, url: str, provider: str, pid: int, folder: Path) -> None:
        self.url, self.provider = url, provider
        self.call = url.replace("http", "ws", 1) + "call"
        self.pid = pid
        self._proc = Path(f"/proc/{pid}")
        self._census = folder / "census.json"

    def cpu_s(self) -> float:
        """Seconds of CPU that it has used, user and system."""
        fields = (self._proc / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self) -> float:
        """Resident memory."""
        pages = int((self._proc / "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def open_files(self) -> int:
        """File descriptors."""
        return len(list((self._proc / "fd").iterdir()))

    async def calls(self) -> int:
        """As /healthz tells."""
        async with httpx2.AsyncClient() as client:
            return int((await client.get(self.url + "healthz")).json()["calls"])

    async def asked(self) -> list[dict[str, Any]]:
        """What the model was asked since the last time."""
        async with httpx2.AsyncClient() as client:
            return list((await client.get(self.provider + "/asked")).json())

    async def census(self) -> dict[str, int]:
        """What is alive in it."""
        self._census.unlink(missing_ok=True)
        while not self._census.exists():  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
        return dict(json.loads(self._census.read_text(encoding="utf-8")))


@asynccontextmanager
async def running(
    folder: Path,
    *,
    endpoint: str,
    models: str = '[[models]]\nname = "stub"\noptions = { model = "m", base_url = "URL/instant" }',
    more: str = "",
    stt: str = "",
    workers: int = 16,
) -> AsyncIterator[Server]:
    """A server, ready to answer.

    Args:
        folder: temporary; the STT stub's clips are there.
        endpoint: the endpoint engine; empty takes the default.
        models: tables of the settings; URL stands for the provider's address.
        more: more tables.
        stt: the STT engine; empty takes the stub.
        workers: threads; a stub that sleeps holds one.
    """
    pipe = asyncio.subprocess.PIPE
    llm = await asyncio.create_subprocess_exec(sys.executable, HERE / "stub_llm.py", stdout=pipe)
    port = int(await llm.stdout.readline() if llm.stdout else 0)
    provider = f"http://127.0.0.1:{port}"
    settings = folder / "tonewise.toml"
    settings.write_text(
        _settings(folder, endpoint, stt or STUB, workers)
        + models.replace("URL", provider)
        + f"\n{more}",
        encoding="utf-8",
    )
    environment = {key: value for key, value in os.environ.items() if "TONEWISE" not in key}
    paths = [str(ROOT / "pipeline"), str(HERE.parent)]
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "NO_PROXY": "127.0.0.1"}
    environment["OPENAI_API_KEY"] = "none"
    command = ["-m", "tonewise", "serve", "--config", str(settings), "--port", "0"]
    with (folder / "server.log").open("wb") as log:
        serve = await asyncio.create_subprocess_exec(
            sys.executable, *command, env=environment, cwd=folder, stderr=log, stdout=pipe
        )
    try:
        yield Server(await _ready(serve, folder), provider, serve.pid, folder)
    finally:
        for process in (serve, llm):
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _settings(folder: Path, endpoint: str, stt: str, workers: int) -> str:
    options = {"folder": str(folder), "census_file": str(folder / "census.json")}
    (folder / "census.json").touch()
    lines = ["[server]", "max_calls = 64", "[stt]", f"use = {json.dumps(stt)}"]
    lines += [f"workers = {workers}"]
    if "stub" in stt:
        lines += ["[stt.options]", *(f"{k} = {json.dumps(v)}" for k, v in options.items())]
    if endpoint:
        name, _, seconds = endpoint.partition(":")
        lines += ["[endpoint]", f"use = {json.dumps(name)}"]
        lines += [f"options = {{ seconds = {seconds} }}"] if seconds else []
    return "\n".join(lines) + "\n"


async def _ready(serve: asyncio.subprocess.Process, folder: Path) -> str:
    began = time.perf_counter()
    while serve.stdout and (line := (await serve.stdout.readline()).decode()):
        if "Ready." in line:
            return line.split("Open ")[1].split()[0]
    log = (folder / "server.log").read_text(errors="replace")[-2000:]
    msg = f"the server did not start ({time.perf_counter() - began:.0f} s):\n{log}"
    raise RuntimeError(msg)
