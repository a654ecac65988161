"""Real calls over real sockets, to a real server with a script for words and replies."""

import asyncio
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as patiently

from spoken import sample
from starved import unless_starved
from tonewise.audio import to_pcm16
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.errors import ConfigError, TonewiseError
from tonewise.floor import Timing
from tonewise.keeping import Recording
from tonewise.server import Running, running
from tonewise.settings import Endpoint, Server, Stt, Tts, Vad
from tonewise.transports import connection


def one_turn(call: np.ndarray) -> np.ndarray:
    """A call until a second after its first turn."""
    loud = np.flatnonzero(np.abs(call) > 0.02)
    end = loud[np.flatnonzero(np.diff(loud) > 16_000)[0]]
    return call[: end + 16_000]


SPEECH = one_turn(sample(1))
TOKEN = "a-callers-secret"
"""One second of silence, one spoken question, and a silence that ends the turn."""

TALKING = SPEECH[12_000:-16_000]
"""The question alone: who sends it lets go of the button at its end."""

Serve = Callable[..., AbstractAsyncContextManager[Running]]


def settings(llm: dict[str, Any] | None = None, stt: Stt | None = None, **server: Any) -> Config:
    return Config(
        server=Server(port=0, **server),
        vad=Vad(use="silero"),
        stt=stt or Stt(use="scripted", options={"lines": ["Where is my order?"] * 9}),
        models=(Model("script", "fast", "scripted", options=llm or {}),),
    )


@asynccontextmanager
async def served(
    config: Config | None = None, token: str | None = None, **server: Any
) -> AsyncIterator[Running]:
    environ = {"TONEWISE_TOKEN": token} if token else {}
    async with running(config or settings(**server), environ=environ) as server_:
        yield server_


def calling(server: Running, **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{server.port}/call", compression=None, **options)


async def say(call: ClientConnection, samples: np.ndarray = SPEECH, chunk: int = 6400) -> None:
    pcm = to_pcm16(samples)
    for start in range(0, len(pcm), chunk):
        await call.send(pcm[start : start + chunk])


async def until(call: ClientConnection, event: str) -> list[dict[str, Any]]:
    """The events up to the first of this name."""
    told: list[dict[str, Any]] = []
    async with asyncio.timeout(60):
        while not told or told[-1]["event"] != event:
            told.append(json.loads(await call.recv()))
    return told


class Events:
    """What a call tells, beside the sound of its replies."""

    def __init__(self, call: ClientConnection) -> None:
        self._call = call
        self.sound_s = 0.0

    async def until(self, *wanted: str) -> list[dict[str, Any]]:
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(20):
            while not told or told[-1]["event"] not in wanted:
                if isinstance(message := await self._call.recv(), str):
                    told.append(json.loads(message))
                else:
                    self.sound_s += len(message) / 32_000
        return told


async def to_the_end(call: ClientConnection) -> tuple[list[dict[str, Any]], int, str]:
    """All that is still told, and how the socket closed."""
    told = []
    async with asyncio.timeout(60):
        try:
            while True:
                told.append(json.loads(await call.recv()))
        except ConnectionClosed as closed:
            frame = closed.rcvd
            return told, frame.code if frame else 1006, frame.reason if frame else ""


async def health(server: Running) -> dict[str, Any]:
    async with httpx2.AsyncClient() as client:
        answer = await client.get(f"{server.url}healthz")
    assert answer.status_code == 200
    return answer.json()


async def calls_in_hand(server: Running, number: int) -> None:
    async with asyncio.timeout(20):
        while (await health(server))["calls"] != number:
            await asyncio.sleep(0.02)


async def a_call_works(server: Running, **options: Any) -> None:
    async with calling(server, **options) as call:
        await say(call)
        await until(call, "reply_ended")
        await call.send('{"type":"stop"}')
        told, code, _ = await to_the_end(call)
    assert (told[-1]["event"], code) == ("call_ended", 1000)


def names(told: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in told]


# ---------------------------------------------------------------- a call


async def test_a_call_gives_its_events_in_order_and_ends():
    async with served() as server, calling(server) as call:
        start = {"type": "start", "rate": 16_000, "language": "en", "caller": {"tier": "gold"}}
        await call.send(json.dumps(start))
        await say(call)
        told = await until(call, "reply_ended")
        await call.send('{"type":"stop"}')
        last, code, _ = await to_the_end(call)
    assert told[0]["wire"] == "plain"
    assert re.fullmatch("[0-9a-f]{16}", told[0]["call"]), "no two in years of records are the same"
    assert told[0]["caller"] == {"tier": "gold"}
    order = [
        "call_started",
        "speech_started",
        "turn_ended",
        "turn_transcribed",
        "turn_measured",
        "turn_routed",
        "reply_streamed",
        "attempt_ended",
        "reply_ended",
    ]
    assert [name for name in dict.fromkeys(names(told)) if name in order] == order
    assert told[-1]["text"] == "All right."
    assert (last[-1]["event"], last[-1]["reason"], code) == ("call_ended", "hung up", 1000)


@unless_starved
async def test_telephone_audio_in_odd_pieces_is_heard_as_well():
    async with served() as server, calling(server) as call:
        await call.send('{"type":"start","rate":8000}')
        await say(call, SPEECH[::2], chunk=333)
        ended = (await until(call, "turn_ended"))[-1]
    assert ended["start_s"] == pytest.approx(1.0, abs=0.3)
    assert ended["reason"] == "patience"


@unless_starved
async def test_a_device_that_says_when_it_has_played_the_reply_gives_the_response_latency():
    async with served() as server, calling(server) as call:
        await say(call)
        await until(call, "reply_ended")
        await call.send('{"type":"played","turn":1}')
        await say(call)
        cues = (await until(call, "turn_measured"))[-1]["cues"]
    assert cues["response_latency_s"] == pytest.approx(1.0, abs=0.3)


async def test_health_tells_engines_and_calls():
    async with served() as server:
        well = await health(server)
        assert (well["status"], well["calls"]) == ("ok", 0)
        assert well["engines"]["stt"] == "scripted"
        async with calling(server) as call:
            await call.send('{"type":"start"}')
            await until(call, "call_started")
            assert (await health(server))["calls"] == 1
        await calls_in_hand(server, 0)


async def test_the_page_and_the_samples_are_served_and_guarded():
    async with served() as server, httpx2.AsyncClient(base_url=server.url) as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["referrer-policy"] == "no-referrer"
        script = await client.get("/app.js")
        assert script.headers["content-type"].startswith("text/javascript")
        call = await client.get("/samples/1-simple-synthetic.flac")
        assert call.headers["content-type"] == "audio/flac"
        assert (await client.get("/../pyproject.toml")).status_code == 404
        assert (await client.get("/", headers={"host": "evil.example"})).status_code == 403


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("garbage", "code"),
    [
        ("what?", 1007),
        ('{"type":"dance"}', 1003),
        ('{"type":"played","turn":"one"}', 1007),
        (b"\x00" * 70_000, 1009),
    ],
)
@pytest.mark.parametrize("moment", ["first", "later"])
async def test_garbage_ends_that_call_with_a_reason_and_the_server_goes_on(garbage, code, moment):
    async with served() as server:
        async with calling(server) as call:
            if moment == "later":
                await call.send('{"type":"start"}')
            await call.send(garbage)
            told, closed, reason = await to_the_end(call)
        assert closed == code
        assert len(reason) > 10
        if moment == "later":
            assert told[-1] == {"event": "call_ended", "at": 0.0, "reason": reason, "turns": 0}
        await calls_in_hand(server, 0)
        await a_call_works(server)


async def test_a_message_beyond_all_bounds_never_gets_into_memory():
    async with served() as server:
        async with calling(server) as call:
            await call.send(b"\x00" * 2_000_000)
            _, code, _ = await to_the_end(call)
        assert code in (1009, 1006)  # 1006: still sending when the door fell shut
        await a_call_works(server)


async def test_random_bytes_are_only_noise():
    rng = np.random.default_rng(3)
    async with served() as server, calling(server) as call:
        for size in (1, 3, 999, 20_001, 0, 64_001):
            await call.send(rng.bytes(size))
        await call.send('{"type":"stop"}')
        told, code, _ = await to_the_end(call)
    assert (told[-1]["event"], code) == ("call_ended", 1000)


async def test_one_call_that_breaks_is_logged_and_touches_no_other(tmp_path, monkeypatch, caplog):
    (tmp_path / "fragile").mkdir()
    (tmp_path / "fragile" / "stt.py").write_text(
        "from tonewise.stt import scripted\n"
        "class Fragile:\n"
        "    name = 'fragile'\n"
        "    def open(self, language=None):\n"
        "        if language == 'xx': raise ZeroDivisionError('no such tongue')\n"
        "        return scripted.load().open()\n"
        "def load(): return Fragile()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    async with served(settings(stt=Stt(use="fragile.stt"))) as server, calling(server) as other:
        await say(other, SPEECH[:16_000])
        async with calling(server) as call:
            await call.send('{"type":"start","language":"xx","caller":{"name":"Ann Onymous"}}')
            _, code, reason = await to_the_end(call)
        assert (code, "server failed" in reason) == (1011, True)
        await say(other, SPEECH[16_000:])
        await until(other, "reply_ended")
    assert "ZeroDivisionError" in caplog.text
    assert "Onymous" not in caplog.text


# ---------------------------------------------------------------- who may call


@pytest.mark.parametrize(
    ("start", "header"),
    [({}, None), ({"token": "wrong"}, None), ({}, "Bearer wrong"), ({}, f"Basic {TOKEN}")],
)
async def test_without_the_right_token_nobody_is_heard(start, header):
    headers = {"Authorization": header} if header else {}
    async with served(token=TOKEN) as server:
        async with calling(server, additional_headers=headers) as call:
            await call.send(json.dumps({"type": "start", **start}))
            told, code, reason = await to_the_end(call)
        assert (told, code) == ([], 1008)
        assert "token" in reason
        assert TOKEN not in reason


async def test_the_token_may_come_in_the_header_or_in_start():
    async with served(token=TOKEN) as server:
        await a_call_works(server, additional_headers={"Authorization": f"bearer {TOKEN}"})
        async with calling(server) as call:
            await call.send(json.dumps({"type": "start", "token": TOKEN}))
            await until(call, "call_started")


@pytest.mark.parametrize("kept", [{"folder": "file/calls"}, {"folder": "calls", "encrypt": True}])
async def test_a_server_that_could_record_nobody_does_not_start(tmp_path, monkeypatch, kept):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    config: Config = msgspec.structs.replace(settings(), recording=Recording(**kept))
    told: list[str] = []
    with pytest.raises(TonewiseError, match="recording"):
        async with running(config, told.append, environ={}):
            pass
    assert told == [], "it is told before anything is opened or loaded"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


async def test_a_page_of_another_origin_may_not_call():
    async with served(origins=("https://friend.example",)) as server:
        with pytest.raises(InvalidStatus) as refused:
            await calling(server, origin="https://evil.example")
        assert refused.value.response.status_code == 403
        assert b"origin" in refused.value.response.body
        await a_call_works(server, origin="https://friend.example")
        await a_call_works(server, origin=f"http://localhost:{server.port}")


async def test_a_foreign_name_for_this_machine_is_turned_away():
    async with served() as server:
        evil = f"ws://evil.example:{server.port}/call"
        with pytest.raises(InvalidStatus) as refused:
            await connect(evil, host="127.0.0.1", port=server.port)
        assert refused.value.response.status_code == 403


async def test_the_caller_after_the_last_line_is_told_to_come_back():
    async with served(max_calls=1) as server:
        async with calling(server) as first:
            await first.send('{"type":"start"}')
            await until(first, "call_started")
            async with calling(server) as second:
                _, code, reason = await to_the_end(second)
            assert (code, "busy" in reason) == (1013, True)
        await calls_in_hand(server, 0)
        await a_call_works(server)


async def test_other_machines_may_call_only_where_a_token_guards_the_door():
    with pytest.raises(ConfigError, match="TONEWISE_TOKEN"):
        async with served(host="0.0.0.0"):
            pass
    async with served(host="0.0.0.0", token=TOKEN) as server:
        await a_call_works(server, additional_headers={"Authorization": f"Bearer {TOKEN}"})


# ---------------------------------------------------------------- silence, haste, absence


async def test_who_connects_and_says_nothing_is_let_go():
    async with served(hello=0.2) as server, calling(server) as call:
        _, code, reason = await to_the_end(call)
    assert code == 1008
    assert "start" in reason


async def test_an_idle_call_is_hung_up_and_told_why():
    async with served(idle=0.3) as server, calling(server) as call:
        await call.send('{"type":"start"}')
        told, code, reason = await to_the_end(call)
        assert "idle" in told[-1]["reason"]
        assert (code, reason) == (1008, told[-1]["reason"])
        await calls_in_hand(server, 0)


async def test_a_caller_who_leaves_in_the_middle_of_a_turn_leaves_nothing_behind(caplog):
    slow = {"replies": ["one two three four"], "token_delay_s": 5.0}
    async with served(settings(llm=slow)) as server:
        for moment in ("speech_started", "turn_ended", "reply_streamed"):
            call = await calling(server)
            await say(call, SPEECH)
            await until(call, moment)
            call.transport.abort()  # a cut cable, not a goodbye
            await calls_in_hand(server, 0)
        assert (await health(server))["status"] == "ok"
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@unless_starved
async def test_audio_in_haste_is_read_no_faster_than_real_time_in_the_long_run():
    async with served(idle=0.5) as server, calling(server) as call:
        began = time.monotonic()
        await say(call, np.zeros(2 * 16_000, np.float32))
        await call.send('{"type":"stop"}')
        told, _, _ = await to_the_end(call)
        took = time.monotonic() - began
    assert told[-1]["at"] == pytest.approx(2.0, abs=0.05)
    assert took > 1.4


@unless_starved
async def test_who_simply_stops_sending_has_ended_their_turn():
    async with served() as server, calling(server) as call:
        for turn in (1, 2):  # and when sound comes again, the call goes on
            await say(call, TALKING)
            ended = (await until(call, "turn_ended"))[-1]
            assert (ended["turn"], ended["reason"]) == (turn, "patience")
            assert ended["at"] - ended["end_s"] < 1.7  # the most patience there is, and a frame
            await until(call, "reply_ended")


async def test_a_key_counts_on_a_line_without_any_sound():
    async with served() as server, calling(server) as call:
        await call.send('{"type":"start"}')
        await call.send('{"type":"press","digit":"5"}')
        said = (await until(call, "turn_transcribed"))[-1]
    assert said["transcript"]["digits"] == "5"


@unless_starved
async def test_no_silence_is_heard_in_sound_that_was_sent_ahead_of_its_time():
    config = msgspec.structs.replace(settings(), endpoint=Endpoint(use="fixed"))

    async def span(*waits: float) -> tuple[float, float]:
        async with served(config) as server, calling(server) as call:
            pieces = np.array_split(SPEECH, len(waits) + 1)
            await say(call, pieces[0])
            for wait_s, piece in zip(waits, pieces[1:], strict=True):
                await asyncio.sleep(wait_s)
                await say(call, piece)
            ended = (await until(call, "turn_ended"))[-1]
            return ended["start_s"], ended["end_s"]

    assert await span(0.6, 0.6) == await span()


@unless_starved
async def test_a_server_that_was_busy_takes_nobody_for_silent():
    def talk(port: int) -> int:
        """In real time, from a thread of its own; how many samples."""
        packets = np.array_split(np.zeros(24_000, np.float32), 75)
        with patiently(f"ws://127.0.0.1:{port}/call", compression=None) as call:
            began = time.monotonic()
            for number, packet in enumerate(packets):
                time.sleep(max(0.0, began + number * 0.02 - time.monotonic()))
                call.send(to_pcm16(packet))
            call.send('{"type":"stop"}')
            ends.extend(json.loads(text) for text in call)
        return sum(map(len, packets))

    ends: list[dict[str, Any]] = []
    async with served() as server:
        talking = asyncio.create_task(asyncio.to_thread(talk, server.port))
        await calls_in_hand(server, 1)
        time.sleep(0.9)  # noqa: ASYNC251 - that is how busy it is
        spoken = await talking
    assert ends[-1]["at"] == pytest.approx(spoken / 16_000, abs=0.05)


@unless_starved
@pytest.mark.slow
async def test_who_only_listens_to_a_long_reply_is_not_idle():
    config = msgspec.structs.replace(
        settings({"replies": ["It was shipped on Monday, I believe."]}, idle=2.0),
        endpoint=Endpoint(use="fixed"),
        tts=Tts(use="scripted", options={"character_s": 0.08}),
    )
    async with served(config) as server, calling(server) as call:
        await call.send('{"type":"start","speech":true,"notice_shown":true}')
        for packet in np.array_split(TALKING, 50):
            await say(call, packet)
            await asyncio.sleep(len(packet) / 16_000)
        line = Events(call)
        told = await line.until("reply_ended", "call_ended")
        assert (names(told)[-1], told[-1].get("outcome")) == ("reply_ended", "answered")
        assert line.sound_s > 2.5
        await call.send('{"type":"stop"}')
        await line.until("call_ended")


async def test_who_does_not_read_is_hung_up(monkeypatch, caplog):
    monkeypatch.setattr(connection, "MOST_BLOCKED_S", 0.3)
    monkeypatch.setattr(connection, "FAREWELL_S", 0.2)
    caplog.set_level(logging.INFO)
    flood = {"replies": ["x" * 30_000_000]}
    async with served(settings(llm=flood)) as server:
        call = await calling(server, max_queue=1)
        try:
            await say(call)
            async with asyncio.timeout(60):
                while "nothing was read" not in caplog.text:
                    await asyncio.sleep(0.02)
            await calls_in_hand(server, 0)
        finally:
            call.transport.abort()


async def test_twenty_calls_at_once_one_of_them_bad_are_all_served():
    async def good(server: Running) -> list[str]:
        async with calling(server) as call:
            await say(call)
            told = await until(call, "reply_ended")
            await call.send('{"type":"stop"}')
            rest, code, _ = await to_the_end(call)
            assert code == 1000
            return names(told + rest)

    async def bad(server: Running) -> int:
        async with calling(server) as call:
            await say(call, SPEECH[:24_000])
            await call.send("}{")
            return (await to_the_end(call))[1]

    async with served(max_calls=20) as server:
        *told, code = await asyncio.gather(*[good(server) for _ in range(19)], bad(server))
        assert code == 1007
        for events in told:
            assert events[0] == "call_started"
            assert events.count("reply_ended") == 1
            assert events[-1] == "call_ended"
        await calls_in_hand(server, 0)


# ---------------------------------------------------------------- over a reply


@pytest.mark.slow
async def test_a_short_stop_ends_the_reply_however_slow_stt_is():
    stt = Stt(use="scripted", options={"lines": ["Stop that."] * 9, "delay_s": 1.0}, partials=0)
    config = msgspec.structs.replace(
        settings(
            {"replies": ["It was shipped on Monday, and it will be with you on Friday. " * 3] * 2},
            stt,
        ),
        turns=Timing(weigh=0.5),
        endpoint=Endpoint(use="fixed"),
        tts=Tts(use="scripted", options={"character_s": 0.08}),
    )
    async with served(config) as server, calling(server) as call:
        line = Events(call)
        await call.send('{"type":"start","speech":true,"notice_shown":true}')
        await say(call, TALKING)
        await line.until("reply_sounded")
        await say(call, TALKING[:5_600])  # a word; then the caller listens
        told = await line.until("reply_interrupted", "reply_ended")
        held = [name for name in names(told) if name in ("reply_held", "reply_resumed")]
        assert held == ["reply_held", "reply_resumed"]
        assert told[-1]["event"] == "reply_interrupted"
        said = (await line.until("turn_transcribed"))[-1]
        assert (said["turn"], said["transcript"]["text"]) == (2, "Stop that.")
        await call.send('{"type":"stop"}')
        await line.until("call_ended")


# ---------------------------------------------------------------- the end


@unless_starved
async def test_when_the_server_stops_every_call_hears_it_at_once():
    slow = {"replies": ["one two three four"], "token_delay_s": 60.0}
    async with served(settings(llm=slow)) as server:
        idle, answered = await calling(server), await calling(server)
        await idle.send('{"type":"start"}')
        await until(idle, "call_started")
        await say(answered)
        await until(answered, "reply_streamed")
        began = time.monotonic()
        ends = [asyncio.create_task(to_the_end(call)) for call in (idle, answered)]
    assert time.monotonic() - began < 2
    for told, code, _ in await asyncio.gather(*ends):
        assert (told[-1]["event"], told[-1]["reason"]) == ("call_ended", "the server stops")
        assert code == 1001


async def test_a_port_that_is_taken_is_told_with_a_way_out():
    async with served() as server:
        config = settings()
        taken = msgspec.structs.replace(config.server, port=server.port)
        with pytest.raises(ConfigError, match="--port"):
            async with served(msgspec.structs.replace(config, server=taken)):
                pass


async def test_an_engine_that_cannot_be_loaded_ends_the_start_with_its_message():
    with pytest.raises(ConfigError, match="lines"):
        async with served(settings(stt=Stt(use="scripted", options={"lines": "one"}))):
            pass


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C comes in another way there")
async def test_the_command_serves_until_ctrl_c(tmp_path: Path):
    (tmp_path / "tonewise.toml").write_text('[stt]\nuse = "scripted"\n')
    command = [sys.executable, "-m", "tonewise", "serve", "--port", "0"]
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        try:
            told = ""
            while "Ready. Open" not in told:
                line = await asyncio.to_thread(process.stdout.readline)
                assert line, f"it ended after: {told}"
                told += line
            assert "scripted" in told
            port = int(told.rsplit(":", 1)[1].split("/")[0])
            async with connect(f"ws://127.0.0.1:{port}/call") as call:
                await call.send('{"type":"start"}')
                await until(call, "call_started")
                process.send_signal(signal.SIGINT)
                last, code, _ = await to_the_end(call)
            assert (last[-1]["reason"], code) == ("the server stops", 1001)
            assert await asyncio.to_thread(process.wait, 20) == 0
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGTERM comes in another way there")
async def test_an_engine_that_hangs_does_not_keep_a_stopped_server_alive(tmp_path: Path):
    (tmp_path / "deafness").mkdir()
    (tmp_path / "deafness" / "deaf.py").write_text(
        "import time\n"
        "class Deaf:\n"
        "    name = 'deaf'\n"
        "    def open(self, language=None): return self\n"
        "    def transcribe(self, turn):\n"
        "        print('asleep', flush=True)\n"
        "        time.sleep(600)\n"
        "def load(): return Deaf()\n"
    )
    (tmp_path / "tonewise.toml").write_text('[stt]\nuse = "deafness.deaf"\n')
    places = [str(tmp_path), *(path for path in sys.path if path)]
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        [sys.executable, "-m", "tonewise", "serve", "--port", "0"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    async def printed(what: str) -> str:
        told = ""
        while what not in told:
            line = await asyncio.to_thread(process.stdout.readline)
            assert line, f"it ended after: {told}"
            told += line
        return told

    with process:
        try:
            port = int((await printed("Ready. Open")).rsplit(":", 1)[1].split("/")[0])
            async with connect(f"ws://127.0.0.1:{port}/call") as call:
                await say(call)
                async with asyncio.timeout(60):
                    await printed("asleep")
                process.send_signal(signal.SIGTERM)
                assert await asyncio.to_thread(process.wait, 30) == 0
        finally:
            process.kill()
