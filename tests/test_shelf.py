"""Links to recordings: for one call, after its end, for a quarter of an hour."""

import asyncio
import base64
import io
import json
import zipfile
from pathlib import Path

import httpx2
import msgspec
import pytest
from websockets.asyncio.client import connect

from loudness_vad import sound
from page_calls import settings
from tonewise.audio import to_pcm16
from tonewise.keeping import Recording
from tonewise.server import running
from tonewise.settings import Vad
from tonewise.shelf import MINUTES, NotYetError, Shelf


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_link_leads_nowhere_before_the_call_is_over_and_nowhere_after_its_time():
    clock = Clock()
    shelf = Shelf(clock)
    link = shelf.lay(Path("call"))
    with pytest.raises(NotYetError, match="goes on"):
        shelf.folder(link)
    clock.now = 7200.0
    shelf.over(link)
    clock.now += MINUTES * 60 - 1
    assert shelf.folder(link) == Path("call")
    clock.now += 2
    with pytest.raises(KeyError):
        shelf.folder(link)


def test_links_cannot_be_guessed_and_each_is_for_one_call():
    shelf = Shelf()
    links = {shelf.lay(Path(str(number))) for number in range(100)}
    assert len(links) == 100
    assert min(map(len, links)) >= 43, "256 bits"
    for link in links:
        shelf.over(link)
    assert {str(shelf.folder(link)) for link in links} == {str(number) for number in range(100)}


def test_a_recording_that_was_deleted_is_forgotten():
    shelf = Shelf()
    link = shelf.lay(Path("call"))
    shelf.over(link)
    shelf.forget(link)
    with pytest.raises(KeyError):
        shelf.folder(link)


# ---------------------------------------------------------------- over real sockets

CALL = sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2))


async def recorded(port: int, **start: object) -> list[dict[str, object]]:
    """A call over the plain WebSocket; what it was told."""
    told: list[dict[str, object]] = []
    async with connect(f"ws://127.0.0.1:{port}/call") as call:
        await call.send(json.dumps({"type": "start", **start}))
        pcm = to_pcm16(CALL)
        for begin in range(0, len(pcm), 6400):
            await call.send(pcm[begin : begin + 6400])
        async for text in call:
            told.append(json.loads(text))
            if told[-1]["event"] == "reply_ended":
                await call.send('{"type":"stop"}')
    return told


@pytest.mark.parametrize("encrypt", [False, True])
async def test_who_agrees_gets_a_link_to_their_recording_and_nobody_else(
    tmp_path: Path, encrypt: bool
):
    key = base64.b64encode(bytes(range(32))).decode()
    keeping = Recording(folder=str(tmp_path / "calls"), encrypt=encrypt)
    config = msgspec.structs.replace(settings(), recording=keeping, vad=Vad(use="webrtc"))
    environ = {"TONEWISE_RECORDING_KEY": key}
    async with running(config, environ=environ) as serving, httpx2.AsyncClient() as client:
        told = await recorded(serving.port)
        assert "recording_began" not in [event["event"] for event in told]
        told = await recorded(serving.port, caller={"recording_consent": True})
        assert [event["event"] for event in told[:2]] == ["call_started", "recording_began"]
        link = f"{serving.url}{told[1]['link']}"
        async with asyncio.timeout(30):
            while (got := await client.get(link)).status_code == 409:
                await asyncio.sleep(0.05)
        assert got.headers["content-type"] == "application/zip"
        packed = zipfile.ZipFile(io.BytesIO(got.content))
        call = {Path(name).name: packed.read(name) for name in packed.namelist()}
        assert set(call) == {"call.toml", "events.jsonl", "call.flac"}
        assert call["call.flac"][:4] == b"fLaC"
        assert b"encrypted = true" not in call["call.toml"]
        assert b"recording_began" not in call["events.jsonl"]
        (folder,) = (tmp_path / "calls").iterdir()
        assert (await client.delete(link)).status_code == 200
        assert not folder.exists()
        assert (await client.get(link)).status_code == 404
        missing = await client.get(f"{serving.url}recordings/{'x' * 43}")
        assert (missing.status_code, "expired" in missing.json()["error"]) == (404, True)


async def test_a_page_is_told_what_it_may_offer(tmp_path: Path):
    keeping = Recording(folder=str(tmp_path), keep_days=7, consent="assumed")
    for recording, told in (
        (Recording(), {"by": "browser", "always": False}),
        (keeping, {"by": "server", "always": True, "days": 7}),
    ):
        config = msgspec.structs.replace(settings(), recording=recording)
        async with running(config, environ={}) as serving, httpx2.AsyncClient() as client:
            options = (await client.get(f"{serving.url}call/options")).json()
        assert options["recording"] | told == options["recording"]
        assert options["tuning"]["allowed"] is True
        assert [model["route"] for model in options["tuning"]["models"]] == ["fast", "frontier"]
