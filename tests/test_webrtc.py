"""Calls over WebRTC: aiortc plays the browser, over real sockets, some of them rough."""

import asyncio
import gc
import importlib.util
import re
import statistics
import threading
import time
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rough_net import Relay
from spoken import sample
from starved import unless_starved
from test_websocket import SPEECH, calls_in_hand, health, served, settings
from tonewise import plugins
from tonewise.errors import AudioError, PluginError, WireError
from tonewise.peer import Greeting, Heard, HungUp
from tonewise.server import Running
from tonewise.settings import Endpoint, Tts, WebRtc
from tonewise.stages import TurnAudio
from tonewise.wire.jitter import Packet

aiortc = pytest.importorskip("aiortc", reason="the extra `webrtc` is not installed")

from tonewise.transports.opus import FfmpegDecoder, decoder, duration, libopus  # noqa: E402
from tonewise.transports.webrtc import WebRtcTransport  # noqa: E402 - needs aiortc
from tonewise.transports.webrtc_ear import CallerSound, OpusEar  # noqa: E402
from tonewise.transports.webrtc_tap import put_tap  # noqa: E402
from tonewise.transports.webrtc_voice import FRAME, FRAME_S, ReplyTrack  # noqa: E402
from webrtc_caller import Caller  # noqa: E402

FREED_S = 5.0
TOKEN = "a-callers-secret"


def has_address() -> bool:
    from aioice.ice import get_host_addresses

    return bool(get_host_addresses(use_ipv4=True, use_ipv6=False))


needs_address = pytest.mark.skipif(
    not has_address(), reason="this machine has no address but loopback, which WebRTC leaves out"
)


@asynccontextmanager
async def webrtc_server(
    llm: dict[str, Any] | None = None, token: str | None = None, **server: Any
) -> AsyncIterator[Running]:
    """A server with a voice of tones; options that begin with `webrtc_` are of that table."""
    table = {key.removeprefix("webrtc_"): server.pop(key) for key in [*server] if "webrtc_" in key}
    config = msgspec.structs.replace(
        settings(llm, **server),
        webrtc=WebRtc(**table),
        tts=Tts(use="scripted"),
        endpoint=Endpoint(use="fixed"),  # the script's words are not those that are being said
    )
    async with served(config, token) as running:
        yield running


async def post(server: Running, path: str, **request: Any) -> httpx2.Response:
    async with httpx2.AsyncClient(base_url=server.url) as client:
        return await client.request(request.pop("method", "POST"), path, timeout=15, **request)


async def an_offer() -> str:
    async with Caller("") as caller:
        return await caller.offer()


# ---------------------------------------------------------------- a call


@needs_address
@unless_starved
async def test_a_caller_is_heard_and_hears_the_reply_and_every_event():
    async with webrtc_server() as server:
        async with Caller(server.url) as caller:
            await caller.call(language="en", caller={"tier": "gold"})
            caller.microphone.say(SPEECH)
            await caller.until("reply_ended")
            caller.send(type="stop")
            last = await caller.until("call_ended")
        first = caller.told[0]
        assert (first["event"], first["wire"], first["language"]) == (
            "call_started",
            "webrtc",
            "en",
        )
        assert first["caller"] == {"tier": "gold"}
        assert last["reason"] == "hung up"
        started = next(each for each in caller.told if each["event"] == "speech_started")
        assert started["at"] < 3
        loud = [np.abs(frame).max() > 0.02 for frame in caller.heard]
        assert sum(loud) * FRAME_S > 0.3  # "All right.", in tones
        await calls_in_hand(server, 0)


@needs_address
@unless_starved
async def test_speaking_over_a_reply_silences_it():
    long = {"replies": ["This is a very long reply that goes on and on and on. " * 20] * 9}
    async with webrtc_server(long) as server, Caller(server.url) as caller:
        await caller.call()
        caller.microphone.say(SPEECH)
        await caller.until("reply_sounded")
        await asyncio.sleep(1.0)
        caller.microphone.say(SPEECH[16_000:])
        await caller.until("reply_held")
        held = asyncio.get_running_loop().time()
        await asyncio.sleep(0.6)
        when = [
            at
            for at, frame in zip(caller.heard_at, caller.heard, strict=False)
            if np.abs(frame).max() > 0.02
        ]
        assert when[0] < held - 0.5
        # 60 ms beyond recall on the way out, and the 80 ms that aiortc holds back as a receiver.
        silent_after = max(at for at in when if at < held + 0.55) - held
        assert silent_after < 0.3


@needs_address
async def test_a_caller_whose_device_falls_silent_is_answered_all_the_same():
    async with webrtc_server() as server, Caller(server.url) as caller:
        await caller.call()
        caller.microphone.say(SPEECH[: len(SPEECH) - 15_000])
        await caller.until("speech_paused")
        caller.microphone.on = False
        await caller.until("turn_ended")


@needs_address
async def test_whip_answers_bare_sdp_and_a_caller_without_a_channel_is_heard():
    async with webrtc_server() as server, Caller(server.url, channel=False) as caller:
        body = (await caller.offer()).encode()
        kind = {"content-type": "application/sdp"}
        got = await post(server, "whip?language=en", content=body, headers=kind)
        assert (got.status_code, got.headers["content-type"]) == (201, "application/sdp")
        place = got.headers["location"]
        assert re.fullmatch(r"/whip/[\w-]{22}", place)
        await caller.accept(got.text)
        await calls_in_hand(server, 1)
        async with asyncio.timeout(20):
            while len(caller.heard) < 10:
                await asyncio.sleep(0.02)
        assert (await post(server, place, method="DELETE")).status_code == 200
        await calls_in_hand(server, 0)
        gone = await post(server, place, method="DELETE")
        assert (gone.status_code, "no such call" in gone.json()["error"]) == (404, True)


@needs_address
async def test_delete_ends_the_call_and_its_last_event_is_told():
    async with webrtc_server() as server, Caller(server.url) as caller:
        await caller.call(emotion=False)
        await caller.until("call_started")
        assert (await post(server, caller.place, method="DELETE")).status_code == 200
        assert (await caller.until("call_ended"))["reason"] == "hung up"


@needs_address
@pytest.mark.parametrize("garbage", ["what?", '{"type":"start"}', '{"type":"dance"}', b"\x00\x00"])
async def test_garbage_on_the_channel_ends_that_call_with_a_reason(garbage):
    async with webrtc_server() as server, Caller(server.url) as caller:
        await caller.call()
        await caller.until("call_started")
        caller.events.send(garbage)
        assert len((await caller.until("call_ended"))["reason"]) > 10
        await calls_in_hand(server, 0)


@needs_address
async def test_video_and_a_second_sound_are_declined_and_the_rest_works():
    async with webrtc_server() as server, Caller(server.url) as caller:
        caller.pc.addTransceiver("video", "sendonly")
        caller.pc.addTransceiver("audio", "sendonly")
        await caller.call()
        await caller.until("call_started")
        directions = [line.currentDirection for line in caller.pc.getTransceivers()]
        assert directions == ["sendrecv", "inactive", "inactive"]


# ---------------------------------------------------------------- refusals


OFFER_KINDS = [
    ("webrtc", {"json": {"sdp": "hello"}}, 406, "SDP"),
    ("webrtc", {"json": {"sdp": "v=0", "type": "answer"}}, 400, "offer"),
    ("webrtc", {"json": {"sdp": "v=0", "speed": 3}}, 400, "speed"),
    ("webrtc", {"json": {"sdp": "v=0", "caller": {"a": 2**60}}}, 400, "caller.a"),
    ("webrtc", {"content": b"{", "headers": {"content-type": "application/json"}}, 400, "offer"),
    ("webrtc", {"content": b"v=0", "headers": {"content-type": "application/sdp"}}, 415, "json"),
    ("whip", {"json": {}}, 415, "application/sdp"),
    ("whip", {"content": b"v=0", "headers": {"content-type": "application/sdp"}}, 406, "sound"),
    ("whip", {"content": b"x" * 70_000, "headers": {"content-type": "application/sdp"}}, 413, "65"),
    ("whip", {"method": "GET"}, 405, "POST"),
    ("whip/none", {"method": "PATCH"}, 405, "DELETE"),
    ("whip/none", {"method": "DELETE"}, 404, "no such call"),
    ("webrtc/config", {"method": "POST"}, 405, "GET"),
]


async def test_what_cannot_be_answered_is_refused_with_a_sentence():
    async with webrtc_server() as server:
        for path, request, status, told in OFFER_KINDS:
            got = await post(server, path, **request)
            assert (got.status_code, told in got.json()["error"]) == (status, True), got.text
        assert (await health(server))["calls"] == 0


async def test_an_offer_that_is_broken_anywhere_is_answered_or_refused():
    offer = await an_offer()
    lines = offer.splitlines()
    rng = np.random.default_rng(5)
    async with webrtc_server(webrtc_offers_per_minute=1000, webrtc_connect=0.1) as server:
        for number in range(40):
            at = int(rng.integers(len(lines)))
            broken = [*lines]
            match number % 4:
                case 0:
                    del broken[at]
                case 1:
                    broken[at] = broken[at][: len(broken[at]) // 2]
                case 2:
                    broken[at] = broken[at] + " \x00é" * 3
                case _:
                    broken.insert(at, broken[int(rng.integers(len(lines)))])
            got = await post(server, "webrtc", json={"sdp": "\r\n".join(broken) + "\r\n"})
            assert got.status_code in (201, 406, 503), got.text
        await calls_in_hand(server, 0)


@needs_address
async def test_an_offer_of_chromium_is_answered_with_opus_and_a_channel():
    offer = (Path(__file__).parent / "chromium_offer.sdp").read_text()
    async with WebRtcTransport(Greeting("c", "webrtc"), WebRtc(), []) as transport:
        answer = await transport.answer(offer)
    assert re.findall(r"^m=.*", answer, re.MULTILINE)[0].split()[2:] == ["UDP/TLS/RTP/SAVPF", "111"]
    assert "m=application" in answer
    assert "a=sendrecv" in answer


async def test_who_brings_no_token_or_comes_from_a_strangers_page_is_turned_away():
    offer = await an_offer()
    async with webrtc_server(token=TOKEN) as server:
        bare = await post(server, "webrtc", json={"sdp": offer})
        assert (bare.status_code, "token" in bare.json()["error"]) == (401, True)
        wrong = await post(server, "webrtc", json={"sdp": offer, "token": "wrong"})
        assert wrong.status_code == 401
        assert (await post(server, "webrtc/config", method="GET")).status_code == 401
        assert (await post(server, "whip/x", method="DELETE")).status_code == 401
        evil = {"origin": "https://evil.example"}
        foreign = await post(server, "webrtc", json={"sdp": offer}, headers=evil)
        assert foreign.status_code == 403


async def test_pages_of_named_origins_may_read_the_answers_and_others_may_not():
    friend = "https://friend.example"
    async with webrtc_server(origins=(friend,)) as server:
        asks = {
            "origin": friend,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, content-type",
        }
        for path in ("webrtc", "whip", "whip/none", "webrtc/config"):
            got = await post(server, path, method="OPTIONS", headers=asks)
            assert got.status_code == 204
            assert got.headers["access-control-allow-origin"] == friend
            assert "DELETE" in got.headers["access-control-allow-methods"]
            assert "authorization" in got.headers["access-control-allow-headers"]
        got = await post(server, "webrtc", json={}, headers={"origin": friend})
        assert got.status_code == 400
        assert got.headers["access-control-allow-origin"] == friend, "a refusal can be read, too"
        assert "location" in got.headers["access-control-expose-headers"]
        got = await post(server, "whip", method="OPTIONS")
        assert "application/sdp" in got.headers["accept-post"], "RFC 9725, 4.2"
        other = {**asks, "origin": "https://stranger.example"}
        got = await post(server, "webrtc", method="OPTIONS", headers=other)
        assert got.status_code == 403
        assert "access-control-allow-origin" not in got.headers
        got = await post(server, "webrtc/config", method="GET", headers={"origin": other["origin"]})
        assert "access-control-allow-origin" not in got.headers


@needs_address
async def test_the_token_may_come_in_the_header_or_in_the_offer():
    async with webrtc_server(token=TOKEN) as server:
        async with Caller(server.url) as caller:
            await caller.call(token=TOKEN)
            await caller.until("call_started")
        header = {"authorization": f"Bearer {TOKEN}"}
        got = await post(server, "webrtc/config", method="GET", headers=header)
        assert got.json() == {"enabled": True, "reason": None, "iceServers": []}


@needs_address
async def test_the_visitor_after_the_last_line_is_told_to_come_back():
    async with webrtc_server(max_calls=1) as server:
        async with Caller(server.url) as caller:
            await caller.call()
            full = await post(server, "webrtc", json={"sdp": await an_offer()})
            assert (full.status_code, "busy" in full.json()["error"]) == (503, True)
            assert int(full.headers["retry-after"]) > 0
        await calls_in_hand(server, 0)
        async with Caller(server.url) as caller:
            await caller.call()
            await caller.until("call_started")


async def test_too_many_offers_are_slowed_down():
    async with webrtc_server(webrtc_offers_per_minute=2) as server:
        for status in (406, 406, 429):
            got = await post(server, "webrtc", json={"sdp": "v=0"})
            assert got.status_code == status
        assert int(got.headers["retry-after"]) > 0


async def test_without_aiortc_the_page_is_told_how_to_get_it(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "aiortc" else found(name)
    )
    async with webrtc_server() as server:
        got = await post(server, "webrtc", json={"sdp": "v=0"})
        assert (got.status_code, "pip install" in got.json()["error"]) == (501, True)
        told = (await post(server, "webrtc/config", method="GET")).json()
        assert (told["enabled"], "pip install" in told["reason"]) == (False, True)


async def test_it_can_be_switched_off():
    async with webrtc_server(webrtc_enabled=False) as server:
        got = await post(server, "webrtc", json={"sdp": "v=0"})
        assert (got.status_code, "webrtc.enabled" in got.json()["error"]) == (501, True)


# ---------------------------------------------------------------- rough lines


@asynccontextmanager
async def line(relay: Relay | None = None) -> AsyncIterator[tuple[Caller, WebRtcTransport]]:
    """A caller and the transport that hears them, without a server."""
    transport = WebRtcTransport(Greeting("c", "webrtc"), WebRtc(), [])
    async with Caller("", relay) as caller, transport:
        answer = await transport.answer(await caller.offer())
        await caller.accept(await relay.through(answer) if relay else answer)
        await transport.connected()
        yield caller, transport
        transport.hang_up("enough")


async def hear(transport: WebRtcTransport, seconds: float) -> tuple[np.ndarray, list[float]]:
    """What is heard, and how far behind the clock it is, piece by piece."""
    pieces, behind, count = [], [], 0
    clock = asyncio.get_running_loop().time
    began = clock()
    async for inbound in transport.receive():
        if isinstance(inbound, HungUp):
            break
        if isinstance(inbound, Heard):
            pieces.append(inbound.samples)
            count += len(inbound.samples)
            behind.append(clock() - began - count / 16_000)
        if clock() - began > seconds:
            break
    return np.concatenate(pieces), behind


def chirp(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * 16_000)) / 16_000
    return (0.3 * np.sin(2 * np.pi * (200 * t + 300 * t**2 / seconds))).astype(np.float32)


async def rough_call(seconds: float) -> tuple[np.ndarray, list[float], Relay]:
    relay = Relay(loss=0.05, jitter_s=0.08)
    async with line(relay) as (caller, transport):
        caller.microphone.say(np.zeros(8_000, np.float32))
        caller.microphone.say(chirp(seconds))
        heard, behind = await hear(transport, seconds)
    return heard, behind, relay


def check_rough(heard: np.ndarray, behind: list[float], seconds: float) -> None:
    # The clock of the call is right: nothing that was lost has shortened it.
    assert len(heard) / 16_000 == pytest.approx(seconds, abs=0.4)
    # Nothing is later at the end than at the beginning.
    half = len(behind) // 2
    assert statistics.median(behind[half:]) - statistics.median(behind[:half]) < 0.05
    # 19 packets of 20 came through: so much of the sound is there.
    frames = heard[16_000 : len(heard) // FRAME * FRAME].reshape(-1, FRAME)
    assert (np.abs(frames).max(axis=1) > 0.1).mean() > 0.9


@needs_address
@unless_starved
async def test_loss_and_jitter_leave_the_sound_usable_and_on_time():
    heard, behind, relay = await rough_call(6.0)
    assert relay.lost > 0
    check_rough(heard, behind, 6.0)


async def test_in_a_minute_of_loss_and_jitter_the_delay_does_not_grow():
    pieces, behind = await over_a_rough_line(chirp(60.0), 0.05, 0.08)
    check_rough(np.concatenate(pieces), behind, 60.0)
    thirds = np.array_split(np.array(behind), 3)
    assert np.median(thirds[2]) - np.median(thirds[0]) < 0.03


@needs_address
@unless_starved
async def test_a_caller_behind_names_in_local_is_answered_at_once_and_heard():
    relay = Relay()
    async with webrtc_server() as server, Caller(server.url, relay) as caller:
        hidden = await caller.offer()
        name = "a=candidate:1 1 udp 2122260223 0c1b-77.local 54400 typ host\r\n"
        hidden = hidden.replace("a=ice-ufrag", f"{name}a=ice-ufrag", 1)
        assert ".local" in hidden
        await post(server, "webrtc/config", method="GET")  # warms up, as the page does
        began = time.monotonic()
        got = await post(server, "webrtc", json={"sdp": hidden})
        assert time.monotonic() - began < 0.9
        await caller.accept(await relay.through(got.json()["sdp"]))
        await caller.until("call_started")


# ---------------------------------------------------------------- who goes


@needs_address
@unless_starved
async def test_a_caller_who_is_killed_is_freed_within_five_seconds():
    relay = Relay()
    async with webrtc_server() as server, Caller(server.url, relay) as caller:
        await caller.call()
        await caller.until("call_started")
        relay.dead = True
        began = time.monotonic()
        async with asyncio.timeout(FREED_S + 1):
            while (await health(server))["calls"]:
                await asyncio.sleep(0.05)
        assert time.monotonic() - began < FREED_S


@needs_address
@unless_starved
async def test_a_caller_who_closes_is_freed_at_once_in_any_moment():
    slow = {"replies": ["one two three four"], "token_delay_s": 5.0}
    async with webrtc_server(slow) as server:
        for moment in ("call_started", "speech_started", "turn_ended"):
            async with Caller(server.url) as caller:
                await caller.call()
                caller.microphone.say(SPEECH)
                await caller.until(moment)
            began = time.monotonic()
            await calls_in_hand(server, 0)
            assert time.monotonic() - began < 2


@needs_address
@unless_starved
async def test_who_makes_an_offer_and_never_comes_is_let_go():
    async with webrtc_server(webrtc_connect=0.5) as server:
        got = await post(server, "webrtc", json={"sdp": await an_offer()})
        assert got.status_code == 201
        assert (await health(server))["calls"] == 1
        await calls_in_hand(server, 0)


@needs_address
@unless_starved
async def test_when_the_server_stops_the_caller_hears_it():
    async with Caller("") as caller:
        async with webrtc_server() as server:
            caller.url = server.url
            await caller.call()
            await caller.until("call_started")
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert (await caller.until("call_ended"))["reason"] == "the server stops"


@needs_address
async def test_five_callers_at_once_are_all_served_and_freed():
    async def one(server: Running) -> list[str]:
        async with Caller(server.url) as caller:
            await caller.call()
            caller.microphone.say(SPEECH)
            await caller.until("reply_ended", seconds=60)
            return caller.names()

    async with webrtc_server() as server:
        told = await asyncio.gather(*[one(server) for _ in range(5)])
        assert all(names[0] == "call_started" for names in told)
        await calls_in_hand(server, 0)


@needs_address
async def test_what_a_call_took_is_given_back_when_it_ends_and_not_when_it_is_collected():
    gc.disable()
    try:
        async with line() as (_, transport):
            await hear(transport, 0.2)
            sound = weakref.ref(transport._sound)
            assert sound() is not None
        assert sound() is None
    finally:
        gc.enable()


@needs_address
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists all threads")
async def test_thirty_short_calls_leave_no_thread_behind():
    def threads() -> int:
        """Those that Python did not start: FFmpeg's. Its own are pools, and grow to their size."""
        return len([*Path("/proc/self/task").iterdir()]) - threading.active_count()

    async def one(server: Running) -> None:
        async with Caller(server.url) as caller:
            await caller.call()
            async with asyncio.timeout(30):
                while not caller.heard:
                    await asyncio.sleep(0.01)

    async with webrtc_server() as server:
        await asyncio.gather(*[one(server) for _ in range(10)])
        await calls_in_hand(server, 0)
        gc.collect()
        before = threads()
        gc.disable()
        try:
            for _ in range(3):
                await asyncio.gather(*[one(server) for _ in range(10)])
            await calls_in_hand(server, 0)
            async with asyncio.timeout(FREED_S):
                while threads() > before:
                    await asyncio.sleep(0.02)
        finally:
            gc.enable()


# ---------------------------------------------------------------- the parts


def test_the_tap_fits_this_aiortc_and_says_so_where_it_does_not():
    class Stranger:
        pass

    with pytest.raises(PluginError, match="aiortc"):
        put_tap(Stranger(), lambda _: None)  # type: ignore[arg-type]


async def packets(samples: np.ndarray) -> list[Packet]:
    """A sound as Opus packets, as our own voice makes them."""
    track = ReplyTrack()
    track.play(samples)
    made = []
    for number in range(len(samples) // FRAME):
        track._began_at = -1e9  # no need to wait
        track._frames = round((asyncio.get_running_loop().time() + 1e9) / FRAME_S)
        made.append(Packet(number, number * 960, bytes(await track.recv())))
    return made


async def test_a_lost_packet_is_filled_in_and_the_clock_is_right():
    sent = await packets(chirp(1.0))
    whole, lossy = OpusEar(decoder()), OpusEar(decoder())
    every = np.concatenate([whole.hear(each)[0] for each in sent])
    without = np.concatenate([lossy.hear(each)[0] for each in sent if each.number not in (20, 21)])
    assert len(every) == len(without) == pytest.approx(16_000, abs=20)
    gap = without[20 * FRAME : 21 * FRAME]
    assert 0.02 < np.abs(gap).max() < 0.5
    after = slice(25 * FRAME, 45 * FRAME)
    assert np.corrcoef(every[after], without[after])[0, 1] > 0.95


async def test_silence_that_stood_in_for_a_gap_is_not_heard_twice():
    sent = await packets(chirp(1.0))
    ear = OpusEar(decoder())
    for each in sent[:10]:
        ear.hear(each)
    samples, used = ear.hear(sent[30], known=15 * FRAME)
    assert used == 15 * FRAME
    assert len(samples) == (20 - 15 + 1) * FRAME


def test_libopus_is_found_where_pyav_carries_it():
    assert libopus() is not None


async def test_a_line_that_stalls_again_and_again_is_heard_in_full_and_never_hung_up():
    sent = await packets(chirp(40.0))
    sound, heard = CallerSound(0.0), 0
    for second in range(40):  # nothing for most of a second, and then all of it
        for tenth in range(9):
            heard += sum(map(len, sound.ready(second + tenth / 10)))
        for each in sent[second * 50 : second * 50 + 50]:
            if each.number % 20:  # and some of it is lost
                sound.buffer.put(each, second + 0.95)
        heard += sum(map(len, sound.ready(second + 0.95)))
    heard += sum(map(len, sound.ready(41.0)))
    assert sound.buffer.lost == 99  # one in 20; nobody can tell that the very first is missing
    assert heard / 16_000 >= 39.9


async def test_sound_that_comes_faster_than_anyone_speaks_is_refused():
    sound = CallerSound(0.0)
    with pytest.raises(AudioError, match="faster"):
        for each in await packets(chirp(12.0)):
            sound.buffer.put(each, 0.0)
            list(sound.ready(0.0))


@pytest.mark.parametrize("make", [decoder, FfmpegDecoder])
async def test_what_is_no_opus_is_an_error_that_says_so(make):
    ear = OpusEar(make())
    for garbage in (b"\xff\x00", b"\xff", b"\x03\xff\xff"):
        with pytest.raises(AudioError, match="Opus"):
            ear.hear(Packet(0, 0, garbage))
    assert len(ear.hear(Packet(0, 0, b""))[0]) == 0
    assert len(ear.hear((await packets(chirp(0.1)))[0])[0]) > 0


@given(st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 100_000)), max_size=8))
def test_whatever_a_packet_holds_it_is_sound_or_an_error(stream):
    ear = OpusEar(decoder())
    at = 0
    for payload, later in stream:
        at += later
        with suppress(AudioError):
            samples, _ = ear.hear(Packet(0, at % 2**32, payload))
            assert np.isfinite(samples).all()


@pytest.mark.parametrize(
    ("payload", "samples"),
    [(b"", 0), (b"\x08", 960), (b"\x18", 2880), (b"\x69", 1920), (b"\x83\x03", 360), (b"\xff", 0)],
)
def test_a_packet_tells_how_long_it_lasts(payload, samples):
    assert duration(payload) == samples


async def test_a_packet_repairs_the_one_that_was_lost_before_it():
    speech = sample(1)[16_000:64_000]
    sent = await packets(speech)
    lost = set(range(5, len(sent) - 1, 12))

    def off(ear: OpusEar, through: list[Packet]) -> float:
        heard = np.concatenate([ear.hear(each)[0] for each in through])
        return float(np.sqrt(np.mean((heard[: len(whole)] - whole[: len(heard)]) ** 2)))

    ear = OpusEar(decoder())
    whole = np.concatenate([ear.hear(each)[0] for each in sent])
    through = [each for each in sent if each.number not in lost]
    guess = OpusEar(decoder())
    guess._decoder.lost = lambda count, follows: np.zeros(count, np.float32)
    assert off(OpusEar(decoder()), through) < 0.4 * off(guess, through)


@unless_starved
async def test_our_voice_keeps_time_and_falls_silent_at_once():
    track, ear = ReplyTrack(), OpusEar(decoder())
    track.play(chirp(2.0))
    clock = asyncio.get_running_loop().time
    began, heard, stamps = clock(), [], []
    for number in range(50):
        if number == 25:
            track.silence()
            assert track.waiting_s < FRAME_S
        packet = await track.recv()
        stamps.append(packet.pts)
        heard.append(ear.hear(Packet(number, packet.pts, bytes(packet)))[0])
    assert 0.9 < clock() - began < 1.6
    assert stamps == sorted(set(stamps))
    assert np.abs(heard[24]).max() > 0.1
    assert np.abs(np.concatenate(heard[28:])).max() < 0.01


@unless_starved
async def test_a_voice_that_was_held_up_leaves_time_out_and_does_not_hurry():
    track = ReplyTrack()
    first = (await track.recv()).pts
    await asyncio.sleep(0.5)
    late, clock = (await track.recv()).pts, asyncio.get_running_loop().time
    assert late - first >= 0.4 * 48_000
    began = clock()
    for _ in range(5):
        await track.recv()
    assert clock() - began > 0.06


async def test_an_offer_that_tells_of_no_sound_is_refused_by_the_transport_too():
    async with WebRtcTransport(Greeting("c", "webrtc"), WebRtc(), []) as transport:
        with pytest.raises(WireError, match="sound"):
            await transport.answer("v=0\r\n")


async def over_a_rough_line(
    call: np.ndarray, loss: float, jitter_s: float
) -> tuple[list[np.ndarray], list[float]]:
    """What is heard, and how far behind the clock it is: a clock that no busy machine holds up."""
    chance = np.random.default_rng(len(call))
    sent = [(each, each.number * FRAME_S) for each in await packets(call)]
    coming = [
        (at + chance.uniform(0, jitter_s), each.number, each)
        for each, at in sent
        if chance.random() >= loss or not each.number
    ]
    sound, heard, behind, count = CallerSound(0.0), [], [], 0
    for at, _, each in [*sorted(coming), (len(sent) * FRAME_S + 0.3, 0, None)]:
        if each:
            sound.buffer.put(each, at)
        for samples in sound.ready(at):
            heard.append(samples)
            count += len(samples)
            behind.append(at - count / 16_000)
    return heard, behind


@pytest.mark.slow
async def test_words_survive_loss_and_jitter():
    jiwer = pytest.importorskip("jiwer", reason="word errors are counted by jiwer")
    pytest.importorskip("moonshine_voice", reason="the extra `offline` is not installed")
    stt = plugins.load("stt", "moonshine")
    calls = [sample(number)[: 20 * 16_000] for number in (1, 2, 3)]

    def words(call: np.ndarray) -> str:
        frames = np.ones(len(call) // 512, bool)
        said = stt.open("en").transcribe(TurnAudio(call, 0.0, frames, 512 / 16_000)).text
        return re.sub(r"[^a-z0-9 ]", "", said.lower())

    truth = [words(call) for call in calls]
    clean = [await over_a_rough_line(call, 0.0, 0.0) for call in calls]
    rough = [await over_a_rough_line(call, 0.05, 0.08) for call in calls]
    ideal, real = ([words(np.concatenate(heard)) for heard, _ in each] for each in (clean, rough))
    assert jiwer.wer(truth, real) <= jiwer.wer(truth, ideal) + 0.05
