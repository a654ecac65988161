"""Calls by telephone over real sockets: every wire's turn is routed and its reply is heard."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from loudness_vad import sound
from phones import PHONES, Phone, decode, tone
from spoken import sample
from starved import unless_starved
from test_spoken_calls import speaking
from tonewise import engines, plugins
from tonewise.call import Call
from tonewise.config import Config
from tonewise.default_models import Model
from tonewise.errors import PluginError, WireError
from tonewise.events import AnyEvent, ReplyEnded, ReplyInterrupted, ReplyResumed, TurnRouted
from tonewise.peer import Greeting, Heard, HungUp, Inbound, Played, Pressed
from tonewise.phones.handset import Errand
from tonewise.phones.handset import Handset as Simulator
from tonewise.phones.providers import dialect
from tonewise.settings import Endpoint, Server, Stt, Tts, Vad
from tonewise.transports.sockets import Socket, TcpPeer, WebSocketPeer
from tonewise.transports.telephone import MOST_GARBLED, TelephoneTransport

ONE_EACH = [name for name in PHONES if " " not in name]
TWINS = ("signalwire", "telnyx", "plivo", "exotel", "jambonz")
"""Here as everywhere in test_wire_telephone.py; over a socket they are as Twilio or Vonage are."""


def each(names: Iterable[str]) -> pytest.MarkDecorator:
    def one(name: str) -> object:
        return pytest.param(name, marks=pytest.mark.slow) if name in TWINS else name

    return pytest.mark.parametrize("name", [one(name) for name in sorted(names)])


Conduct = Callable[[TelephoneTransport], Awaitable[None]]


def one_turn(call: np.ndarray) -> np.ndarray:
    """A call until a second after its first turn."""
    loud = np.flatnonzero(np.abs(call) > 0.02)
    end = loud[np.flatnonzero(np.diff(loud) > 16_000)[0]]
    return call[: end + 16_000]


SPEECH = one_turn(sample(1))


class Exchange:
    """Answers one phone's calls, over WebSockets or TCP, and keeps what became of them."""

    def __init__(self, phone: Phone, conduct: Conduct, limits: Server) -> None:
        self.phone, self._conduct, self._limits = phone, conduct, limits
        self.failed: list[WireError] = []
        self.port = 0
        self.answering: set[asyncio.Task[object] | None] = set()

    async def answer(self, peer: Socket) -> None:
        wire = plugins.load("wire", self.phone.wire, self.phone.options).open(self.phone.query)
        greeting = Greeting("t-1", self.phone.wire)
        async with TelephoneTransport(peer, wire, self._limits, greeting) as transport:
            try:
                await transport.hello()
                await self._conduct(transport)
            except WireError as error:
                self.failed.append(error)
                transport.hang_up(str(error), error.close_code)

    async def websocket(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await self.answer(WebSocketPeer(websocket))

    async def tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.answering.add(asyncio.current_task())
        await self.answer(TcpPeer(reader, writer))


@asynccontextmanager
async def exchange(name: str, conduct: Conduct, **limits: float) -> AsyncIterator[Exchange]:
    made = Exchange(PHONES[name](), conduct, Server(**{"idle": 20.0, "hello": 5.0} | limits))
    try:
        plugins.load("wire", made.phone.wire)
    except PluginError as error:  # as where `cryptography` is not installed
        pytest.skip(str(error))
    if made.phone.wire == "audiosocket":
        async with await asyncio.start_server(made.tcp, "127.0.0.1", 0) as server:
            made.port = server.sockets[0].getsockname()[1]
            yield made
            await asyncio.wait(made.answering, timeout=20)  # the server itself waits for nobody
        return
    with socket.create_server(("127.0.0.1", 0)) as listener:
        routes = [WebSocketRoute(path, made.websocket) for path in ("/", "/telephony/{wire}")]
        app = Starlette(routes=routes)
        settings = uvicorn.Config(
            app,
            ws="websockets-sansio",
            log_config=None,
            lifespan="off",
            ws_max_size=1_000_000,
            timeout_graceful_shutdown=1,
        )
        web = uvicorn.Server(settings)
        task = asyncio.create_task(web.serve(sockets=[listener]))
        while not web.started:
            await asyncio.sleep(0.005)
        made.port = listener.getsockname()[1]
        try:
            yield made
        finally:
            web.should_exit = True
            await task


class Handset:
    """The phone in a caller's hand: it plays what comes, returns marks, and remembers."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.sent: list[str | bytes] = []
        self.times: list[float] = []
        self.close: tuple[int, str] | None = None
        self._link: ClientConnection | tuple[asyncio.StreamReader, asyncio.StreamWriter]

    @asynccontextmanager
    async def calling(self, port: int) -> AsyncIterator["Handset"]:
        if self.phone.wire == "audiosocket":
            self._link = await asyncio.open_connection("127.0.0.1", port)
            listening = asyncio.create_task(self._listen_tcp())
        else:
            chosen = connect(f"ws://127.0.0.1:{port}/", compression=None)
            self._link = await chosen
            listening = asyncio.create_task(self._listen())
        try:
            yield self
        finally:
            await self.leave()
            await listening

    async def leave(self) -> None:
        if isinstance(self._link, tuple):
            self._link[1].close()
            with suppress(OSError):
                await self._link[1].wait_closed()
        else:
            await self._link.close()

    async def say(self, *messages: str | bytes) -> None:
        for message in messages:
            if isinstance(self._link, tuple):
                self._link[1].write(message)
                await self._link[1].drain()
            else:
                await self._link.send(message)

    async def begin(self) -> None:
        await self.say(*self.phone.hello(), self.phone.start())

    def frames(self, samples: np.ndarray) -> list[str | bytes]:
        """16 kHz samples as the phone's messages."""
        import av

        step = self.phone.form.rate / 16_000
        line = av.AudioResampler("flt", "mono", self.phone.form.rate)
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = 16_000
        parts = [piece.to_ndarray()[0] for piece in line.resample(frame) + line.resample(None)]
        assert step
        return self.phone.speaking(np.concatenate(parts))

    @property
    def heard(self) -> np.ndarray:
        return decode(self.phone.heard(self.sent), self.phone.out_form())

    async def until(self, true: Callable[[], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not true():
                await asyncio.sleep(0.01)

    def marks(self) -> list[str]:
        return [name for message in self.sent if (name := mark_in(message))]

    async def _listen(self) -> None:
        assert not isinstance(self._link, tuple)
        try:
            while True:
                await self._take(await self._link.recv())
        except ConnectionClosed as closed:
            self.close = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")

    async def _listen_tcp(self) -> None:
        assert isinstance(self._link, tuple)
        waiting = b""
        while data := await self._link[0].read(4096):
            waiting += data
            while len(waiting) >= 3 and len(waiting) >= (end := 3 + int.from_bytes(waiting[1:3])):
                await self._take(waiting[:end])
                waiting = waiting[end:]
        self.close = (1000, "")

    async def _take(self, message: str | bytes) -> None:
        self.sent.append(message)
        self.times.append(asyncio.get_running_loop().time())
        if (name := mark_in(message)) and self.phone.marks:
            await self.say(self.phone.reached(name))


def mark_in(message: str | bytes) -> str | None:
    """The name of a mark that is asked for."""
    if isinstance(message, bytes) or not message.startswith("{"):
        return message[11:] if isinstance(message, str) and message.startswith("MARK_") else None
    told = json.loads(message)
    places = [told, told.get("mark"), told.get("payload"), told.get("data")]
    names = [
        place.get("name") or place.get("mark") or place.get("correlation_id")
        for place in places
        if isinstance(place, dict)
    ]
    return next((name for name in names if isinstance(name, str)), None)


@pytest.fixture(scope="module")
def loaded():
    config = Config(
        vad=Vad(use="silero"),
        stt=Stt(use="scripted", options={"lines": ["Where is my order?"] * 9}),
        endpoint=Endpoint(use="fixed"),
        tts=Tts(use="scripted"),
        models=(Model("script", "fast", "scripted"),),
    )
    return engines.load(config)


def conducted(loaded, told: list[AnyEvent]) -> Conduct:
    async def conduct(transport: TelephoneTransport) -> None:
        await Call(loaded, transport, told.append).run()

    return conduct


# ---------------------------------------------------------------- a call


@each(ONE_EACH)
async def test_a_turn_is_routed_and_its_reply_is_heard(name, loaded):
    told: list[AnyEvent] = []
    async with (
        exchange(name, conducted(loaded, told)) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(*handset.frames(SPEECH))
        await handset.until(lambda: any(isinstance(event, ReplyEnded) for event in told))
        await handset.say(*([line.phone.stop()] if line.phone.stops else []))
    assert not line.failed
    assert any(isinstance(event, TurnRouted) for event in told)
    (reply,) = [event for event in told if isinstance(event, ReplyEnded)]
    assert (reply.text, reply.outcome) == ("All right.", "answered")
    loud = np.abs(handset.heard) > 0.02
    assert loud.sum() / line.phone.out_form().rate > 0.3
    assert told[0].caller == line.phone.caller
    assert told[0].wire == line.phone.wire


async def test_a_line_that_falls_silent_still_ends_the_turn(loaded):
    told: list[AnyEvent] = []
    async with (
        exchange("twilio", conducted(loaded, told)) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(*handset.frames(SPEECH[-40_000:-16_000]))
        await handset.until(lambda: any(isinstance(event, ReplyEnded) for event in told))
    assert any(isinstance(event, TurnRouted) for event in told)


# ---------------------------------------------------------------- the transport alone


class Script:
    """Stands in for a call: does what a test says, and keeps what the phone tells."""

    def __init__(self, act: Conduct | None = None) -> None:
        self.inbound: list[Inbound] = []
        self.transport: TelephoneTransport | None = None
        self.over = asyncio.Event()
        self._act = act

    async def __call__(self, transport: TelephoneTransport) -> None:
        self.transport = transport
        acting = asyncio.ensure_future(self._act(transport)) if self._act else None
        async for inbound in transport.receive():
            self.inbound.append(inbound)
        if acting:
            await acting
        self.over.set()

    async def end(self, handset: Handset) -> None:
        """The phone goes away; all that was begun comes to its end."""
        await handset.leave()
        async with asyncio.timeout(20):
            await self.over.wait()

    def told(self, kind: type) -> list:
        return [inbound for inbound in self.inbound if isinstance(inbound, kind)]

    @property
    def reason(self) -> str:
        (last,) = self.told(HungUp)
        return last.reason


async def speak(
    transport: TelephoneTransport, turn: int, seconds: float, from_s: float = 0.0
) -> None:
    """Sound as the conductor gives it: 200 ms at once, and then in time."""
    sound = tone(seconds)
    transport.play(turn, sound[:3200], from_s)
    for at in range(3200, len(sound), 320):
        await asyncio.sleep(0.02)
        transport.play(turn, sound[at : at + 320], from_s + at / 16_000)


def ended(turn: int) -> ReplyEnded:
    return ReplyEnded(at=1.0, turn=turn, text="x", outcome="answered")


MARKING = [name for name in ONE_EACH if PHONES[name]().marks]


@each(MARKING)
@unless_starved
async def test_what_the_caller_has_heard_is_told_by_marks(name):
    async def act(transport: TelephoneTransport) -> None:
        await speak(transport, 1, 0.7)
        transport.send(ended(1))

    script = Script(act)
    async with (
        exchange(name, script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: Played(1) in script.inbound)
        await script.end(handset)
    places = [played.upto_s for played in script.told(Played)]
    assert places == [0.2, 0.4, 0.6, None]
    assert len(handset.heard) / line.phone.out_form().rate == pytest.approx(0.7, abs=0.21)


@each({*ONE_EACH} - {*MARKING})
async def test_without_marks_the_clock_tells_when_a_reply_is_over(name):
    async def act(transport: TelephoneTransport) -> None:
        await speak(transport, 1, 0.3)
        transport.send(ended(1))

    script = Script(act)
    async with (
        exchange(name, script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: script.told(Played) == [Played(1)])


@each(ONE_EACH)
@unless_starved
async def test_who_speaks_over_a_reply_hears_no_more_of_it(name):
    stopped = asyncio.Event()
    words = ("clear", "clearAudio", "FLUSH_MEDIA", "killAudio", "barge_in")
    # Nothing waits in the others, or it cannot be taken back.
    clears = int(name not in ("freeswitch", "audiosocket"))

    async def act(transport: TelephoneTransport) -> None:
        await speak(transport, 1, 0.3)
        transport.stop_playing()
        transport.send(ended(1))  # by then nobody hears it any more
        stopped.set()

    def cleared(handset: Handset) -> int:
        told = [message for message in handset.sent if not isinstance(message, bytes)]
        return sum(any(f'"{word}"' in message for word in words) for message in told)

    script = Script(act)
    async with (
        exchange(name, script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await stopped.wait()
        await handset.until(lambda: cleared(handset) >= clears)
        await asyncio.sleep(0.3)  # for what must not come
        await script.end(handset)
    assert None not in [played.upto_s for played in script.told(Played)]
    assert len(handset.heard) / line.phone.out_form().rate <= 0.41
    assert cleared(handset) == clears


async def test_after_a_silence_the_places_of_what_is_sent_again_are_told():
    async def act(transport: TelephoneTransport) -> None:
        await speak(transport, 1, 0.3)
        await asyncio.sleep(0.1)
        transport.stop_playing()
        await speak(transport, 1, 0.5, from_s=0.1)  # it goes on from a little before
        transport.send(ended(1))
        await speak(transport, 2, 0.3)

    script = Script(act)
    async with (
        exchange("twilio", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: Played(2, 0.2) in script.inbound)
    assert script.told(Played) == [
        Played(1, 0.2),
        *(Played(1, 0.3), Played(1, 0.5)),
        *(Played(1), Played(2, 0.2)),
    ]


async def test_a_mark_that_comes_back_for_sound_that_was_thrown_away_tells_nothing():
    there = asyncio.Event()

    async def act(transport: TelephoneTransport) -> None:
        transport.play(1, tone(0.2), 0.0)
        await there.wait()
        transport.stop_playing()
        transport.play(1, tone(0.2), 0.0)

    script = Script(act)
    async with (
        exchange("twilio", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        line.phone.marks = False  # it returns what this test says
        await handset.begin()
        await handset.until(lambda: len(handset.marks()) == 1)
        there.set()
        await handset.until(lambda: len(handset.marks()) == 2)
        thrown_away, again = handset.marks()
        await handset.say(line.phone.reached(thrown_away), line.phone.key("1"))
        await handset.until(lambda: bool(script.told(Pressed)))
        assert script.told(Played) == []
        await handset.say(line.phone.reached(again))
        await handset.until(lambda: script.told(Played) == [Played(1, 0.2)])


class Chirp:
    """A voice whose pitch tells how far it has come."""

    name = "chirp"
    text, character_s = "word " * 40, 0.06

    async def speak(self, text: str, language: str | None = None) -> AsyncIterator[np.ndarray]:
        del language
        t = np.arange(round(len(text) * self.character_s * 16_000)) / 16_000
        yield (0.2 * np.sin(2 * np.pi * (300 * t + 100 * t**2))).astype(np.float32)

    async def aclose(self) -> None:
        pass

    @staticmethod
    def place(heard: np.ndarray) -> float:
        """The second of the chirp that is heard in the middle of some sound at 8 kHz."""
        spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 8192))
        return (float(spectrum.argmax()) * 8000 / 8192 - 300) / 200


@pytest.mark.slow
@unless_starved
async def test_of_a_reply_that_was_held_and_went_on_the_history_holds_just_what_was_played():
    chirp, told = Chirp(), []
    lines = ["where is it", "mm-hm", "no no wait"]
    loaded = speaking(lines, reply=chirp.text, tts=chirp)
    said = sound(
        *(("silence", 0.3), ("speech", 0.6), ("silence", 2.5), ("speech", 0.25)),  # a hum over it
        *(("silence", 2.0), ("speech", 0.9), ("silence", 0.5)),
    )
    async with exchange("asterisk", conducted(loaded, told)) as line:
        errand = Errand(f"http://127.0.0.1:{line.port}", "asterisk", buffer_s=0.6, linger_s=0.5)
        heard = await Simulator(dialect("asterisk"), errand).call("1", said)
    await loaded.aclose()
    kinds = [type(event) for event in told if isinstance(event, ReplyResumed | ReplyInterrupted)]
    assert kinds == [ReplyResumed, ReplyInterrupted]
    reply = next(event for event in told if isinstance(event, ReplyEnded))
    upto = np.flatnonzero(np.abs(heard.samples[: round(heard.clears[1][0] * 8000)]) > 0.05)[-1]
    played_s = chirp.place(heard.samples[upto - 480 : upto]) + 0.03
    claimed_s = len(reply.text) * chirp.character_s
    assert played_s - 0.7 < claimed_s < played_s + 0.1  # a word is cut off, and a mark is late


@unless_starved
async def test_audiosocket_is_sent_its_packets_when_they_are_due():
    async def act(transport: TelephoneTransport) -> None:
        transport.play(1, tone(1.0), 0.0)

    script = Script(act)
    async with (
        exchange("audiosocket", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: len(handset.heard) >= 7840)
    gaps = np.diff(handset.times[:49])
    assert sum(gaps) == pytest.approx(0.96, abs=0.15)


async def test_keys_and_sound_come_in_their_order():
    script = Script()
    async with (
        exchange("vonage", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        frame = handset.frames(tone(0.02))
        await handset.say(*frame, line.phone.key("1"), *frame, line.phone.key("#"))
        await handset.until(lambda: len(script.told(Pressed)) == 2)
    assert [type(inbound) for inbound in script.inbound[:4]] == [Heard, Pressed, Heard, Pressed]


@unless_starved
async def test_a_full_queue_is_sent_nothing_until_it_has_drained():
    async def act(transport: TelephoneTransport) -> None:
        await asyncio.sleep(0.2)
        transport.play(1, tone(0.2), 0.0)

    script = Script(act)
    async with (
        exchange("asterisk", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(line.phone.told("MEDIA_XOFF"))
        await asyncio.sleep(0.5)
        assert not len(handset.heard)
        await handset.say(line.phone.told("MEDIA_XON"))
        await handset.until(lambda: len(handset.heard) >= 1440)


@unless_starved
async def test_silence_that_was_made_up_is_not_heard_again_as_lost_packets():
    script = Script()
    async with (
        exchange("twilio", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(*handset.frames(tone(0.2)))
        await asyncio.sleep(1.0)
        line.phone.chunk += 50  # a second that never came
        await handset.say(*handset.frames(tone(0.2)))
        await asyncio.sleep(0.1)
        await script.end(handset)
    heard_s = sum(len(heard.samples) for heard in script.told(Heard)) / 16_000
    assert heard_s == pytest.approx(1.4, abs=0.15)


# ---------------------------------------------------------------- how it ends


async def test_genesys_closes_first():
    async def act(transport: TelephoneTransport) -> None:
        await asyncio.sleep(0.1)
        transport.hang_up("all is said")

    async with (
        exchange("genesys", Script(act)) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: '"disconnect"' in str(handset.sent[-1:]))
        await handset.say(line.phone.told("close", reason="disconnect"))
        await handset.until(lambda: '"closed"' in str(handset.sent[-1:]))
        assert handset.close is None
    told = [json.loads(message) for message in handset.sent]
    assert [one["seq"] for one in told] == [1, 2, 3]


@pytest.mark.parametrize("name", ["asterisk", "jambonz", "audiosocket"])
async def test_we_hang_up_in_the_providers_words(name):
    async def act(transport: TelephoneTransport) -> None:
        transport.hang_up("all is said")

    async with (
        exchange(name, Script(act)) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        words = ("HANGUP", "disconnect", "\\x00\\x00\\x00")
        await handset.until(lambda: any(word in str(handset.sent[-1:]) for word in words))


async def closed(name: str, *messages: str | bytes, started: bool = True, **limits: float) -> tuple:
    """How a call ends that says this."""
    script = Script()
    async with (
        exchange(name, script, **limits) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        if started:
            await handset.begin()
        await handset.say(*messages)
        await handset.until(lambda: handset.close is not None)
    return handset.close


async def test_sound_before_the_start_is_refused():
    phone = PHONES["twilio"]()
    code, reason = await closed("twilio", phone.sound(b"\xff" * 160), started=False)
    assert (code, reason) == (1008, "the stream has not started; start comes first")


async def test_a_second_start_ends_the_call():
    code, _ = await closed("twilio", PHONES["twilio"]().start())
    assert code == 1008


async def test_who_says_nothing_is_hung_up():
    code, reason = await closed("twilio", started=False, hello=0.3)
    assert (code, reason) == (1008, "the stream did not start in 0.3 s")
    code, reason = await closed("twilio", idle=0.5)
    assert (code, reason) == (1008, "idle: no message came in 0.5 s")


async def test_a_flood_of_messages_is_hung_up():
    code, reason = await closed("twilio", *['{"event":"new"}'] * 3000)
    assert (code, reason) == (1008, "more than 200 messages in a second")


async def test_messages_that_make_no_sense_are_left_out_up_to_a_point():
    script = Script()
    async with (
        exchange("twilio", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(*["{"] * MOST_GARBLED, line.phone.key("1"))
        await handset.until(lambda: script.told(Pressed) == [Pressed("1")])
        await handset.say("{")
        await handset.until(lambda: handset.close is not None)
    assert handset.close == (1007, "this text is not JSON")


async def test_a_stop_is_a_hang_up():
    script = Script()
    async with (
        exchange("twilio", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.say(line.phone.stop())
        await handset.until(lambda: bool(script.told(HungUp)))
    assert script.reason == "hung up"


async def test_a_phone_that_just_goes_away_ends_the_call():
    script = Script()
    async with (
        exchange("vonage", script) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        await handset.begin()
        await handset.until(lambda: script.transport is not None)
        await script.end(handset)
    assert script.reason == "the caller left"
