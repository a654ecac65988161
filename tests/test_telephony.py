"""The telephone rings at a real server: who is let in, who is not, and what becomes of the call."""

import asyncio
import base64
import json
import re
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec
import numpy as np
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import test_wire_signatures as signing
from on_a_port import port_for_later
from phones import PHONES, Phone, decode, tone
from starved import unless_starved
from test_telephone import ONE_EACH, SPEECH, Handset
from test_websocket import health, served, settings
from tonewise import application, posting
from tonewise.cli import tonewise as cli
from tonewise.errors import ConfigError, PluginError, WireError
from tonewise.phones.dialect import Dialled
from tonewise.phones.handset import Errand
from tonewise.phones.handset import Handset as Telephone
from tonewise.phones.json_dialects import Twilio
from tonewise.phones.providers import dialect
from tonewise.posting import PostError, check_url, is_public, post_json
from tonewise.reception import Reception
from tonewise.server import Running, running
from tonewise.settings import Telephony, Tts
from tonewise.wire import twilio as twilio_wire
from tonewise.wire.telephone import Asked, Ringing

PUBLIC = "https://voice.example.org"
TOKEN = "a-token-of-the-operator"
SECRET = signing.SECRET
ENVIRON = {
    "TWILIO_AUTH_TOKEN": SECRET,
    "SIGNALWIRE_SIGNING_KEY": SECRET,
    "PLIVO_AUTH_TOKEN": SECRET,
    "VONAGE_SIGNATURE_SECRET": SECRET,
    "EXOTEL_BASIC": SECRET,
    "JAMBONZ_BASIC": SECRET,
    "ASTERISK_BASIC": SECRET,
    "FREESWITCH_BASIC": SECRET,
    "GENESYS_CREDENTIALS": f"{signing.KEY}:{signing.CLIENT}",
}
LONG = {"replies": ["This is a very long reply that goes on and on. " * 20] * 9}


@asynccontextmanager
async def exchange(
    *wires: str,
    llm: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    insecure: bool = False,
    options: dict[str, Any] | None = None,
    max_calls: int = 16,
    **telephony: Any,
) -> AsyncIterator[Running]:
    """A server with telephones, and a voice of tones."""
    given = {"wires": {wire: options or {} for wire in wires or ("twilio",)}}
    public = {} if insecure else {"public_url": PUBLIC}
    table = Telephony(**(given | public | telephony))
    config = msgspec.structs.replace(
        settings(llm, max_calls=max_calls), telephony=table, tts=Tts(use="scripted")
    )
    async with running(config, environ={**ENVIRON, **(environ or {})}, insecure=insecure) as made:
        yield made


def errand(server: Running, wire: str = "twilio", **more: Any) -> Errand:
    given = {"public_url": PUBLIC, "secret": SECRET, "linger_s": 2.0} | more
    return Errand(server.url.rstrip("/"), wire, **given)


async def tally(server: Running, wire: str = "twilio") -> dict[str, int]:
    return (await health(server))["telephony"][wire]


async def webhook(server: Running, wire: str, asked: Asked, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        return await client.request(
            asked.method,
            f"{server.url}telephony/{wire}",
            content=asked.body,
            headers={**asked.headers, **headers},
        )


def signed(call: str = "CA1", wire: str = "twilio", **fields: str) -> Asked:
    """Twilio's webhook, or SignalWire's."""
    told = {"CallSid": call, "AccountSid": "AC1", "From": "+13125550100", "To": "+1", **fields}
    url = f"{PUBLIC}/telephony/{wire}"
    headers = {
        "x-twilio-signature": signing.sha1(url, told),
        "content-type": "application/x-www-form-urlencoded",
    }
    return Asked("POST", url, headers, urlencode(told).encode())


def token_in(text: str) -> str:
    """The one-time token, in whatever words the answer has."""
    (found,) = set(re.findall(r"[0-9a-f]{42}", text))
    return found


async def token(server: Running, call: str = "CA1", **fields: str) -> str:
    answer = await webhook(server, "twilio", signed(call, **fields))
    assert answer.status_code == 200
    return token_in(answer.text)


@asynccontextmanager
async def stream(server: Running) -> AsyncIterator[ClientConnection]:
    """Twilio's stream, its upgrade signed."""
    headers = {"x-twilio-signature": signing.sha1("wss://voice.example.org/telephony/twilio", {})}
    async with connect(
        f"ws://127.0.0.1:{server.port}/telephony/twilio",
        additional_headers=headers,
        compression=None,
    ) as line:
        yield line


async def closed(line: ClientConnection, seconds: float = 30) -> int:
    async with asyncio.timeout(seconds):
        try:
            while True:
                await line.recv()
        except ConnectionClosed as error:
            return error.rcvd.code if error.rcvd else 1006


def start(call: str, brought: str) -> list[str]:
    return [str(each) for each in Twilio().hello(Dialled(call, "+1", "+2", {"token": brought}))]


# ---------------------------------------------------------------- every wire's call


class Caller(Handset):
    """A phone that calls the server, rather than the transport alone."""

    @asynccontextmanager
    async def at(self, url: str, headers: dict[str, str], kind: str | None) -> AsyncIterator[None]:
        protocols = [kind] if kind else None
        self._link = await connect(
            url, additional_headers=headers, subprotocols=protocols, compression=None
        )
        listening = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            await self.leave()
            await listening


def rung(phone: Phone, wire: str) -> Asked | None:
    """The webhook of a wire, signed; None for those that ask nobody."""
    url = f"{PUBLIC}/telephony/{wire}"
    if wire in ("twilio", "signalwire"):
        return signed(phone.call, wire)
    if wire in ("plivo", "vonage"):
        spoken = dialect(wire)
        asked = spoken.ring(Dialled(phone.call, "+1312", "+1313"), url)
        headers = {**asked.headers, **spoken.sign(asked, SECRET, time.time())}
        return Asked("POST", url, headers, asked.body)
    if wire == "telnyx":  # who is not asked to prove it
        return Asked("POST", url, {}, urlencode({"CallSid": phone.call, "From": "+1312"}).encode())
    if wire in ("exotel", "jambonz"):
        told = {"CallSid": phone.call, "call_sid": phone.call, "From": "+1312", "from": "+1312"}
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return Asked("POST", url, {**signing.basic().headers, **kind}, urlencode(told).encode())
    return None


def upgrade(wire: str) -> tuple[str, dict[str, str]]:
    """The query and the headers of a wire's upgrade, signed."""
    if wire == "twilio":
        return "", {"x-twilio-signature": signing.sha1(f"wss{PUBLIC[5:]}/telephony/twilio", {})}
    if wire == "genesys":
        return "?x=1", signing.genesys(created=time.time(), nonce=f"{time.time_ns():022d}").headers
    if wire in ("asterisk", "freeswitch"):
        return "", signing.basic().headers
    return "", {}


@pytest.mark.parametrize("wire", [name for name in ONE_EACH if name != "audiosocket"])
async def test_a_call_by_every_wire_is_let_in_and_its_reply_is_heard(wire):
    phone = PHONES[wire]()
    environ, wanted = {}, rung(phone, wire)
    if wire == "telnyx":
        ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
        key = ed25519.Ed25519PrivateKey.generate()
        environ["TELNYX_PUBLIC_KEY"] = signing.b64(key.public_key().public_bytes_raw())
        body = urlencode({"CallSid": phone.call, "From": "+1312"}).encode()
        stamp = str(int(time.time()))
        signature = signing.b64(key.sign(f"{stamp}|".encode() + body))
        headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}
        wanted = Asked("POST", "", headers, body)
    async with exchange(wire, environ=environ) as server:
        query, headers = upgrade(wire)
        if wanted:
            answer = await webhook(server, wire, wanted)
            assert answer.status_code == 200, answer.text
            assert f"wss://voice.example.org/telephony/{wire}" in answer.text.replace("\\/", "/")
            phone.token = token_in(answer.text)
            if wire in ("telnyx", "exotel"):
                query = f"?call={phone.call}&token={phone.token}"
        caller = Caller(phone)
        kind = {"asterisk": "media", "jambonz": "audio.jambonz.org"}.get(wire)
        async with caller.at(f"ws{server.url[4:]}telephony/{wire}{query}", headers, kind):
            await caller.begin()
            await caller.say(*caller.frames(SPEECH))
            await caller.until(lambda: bool((np.abs(caller.heard) > 0.02).sum() > 2000))
        async with asyncio.timeout(20):
            while (await health(server))["calls"]:
                await asyncio.sleep(0.02)
        assert (await tally(server, wire))["started"] == 1


async def test_a_call_over_audiosocket_is_answered_on_its_own_port():
    phone = PHONES["audiosocket"]()
    port = port_for_later()
    async with exchange("audiosocket", audiosocket=f"127.0.0.1:{port}") as server:
        async with Handset(phone).calling(port) as handset:
            await handset.begin()
            await handset.say(*handset.frames(SPEECH))
            await handset.until(lambda: bool((np.abs(handset.heard) > 0.02).sum() > 2000))
        answer = await webhook(server, "audiosocket", Asked("POST", "", {}))
        assert answer.status_code in (400, 403)
        async with asyncio.timeout(20):
            while (await health(server))["calls"]:
                await asyncio.sleep(0.02)


# ---------------------------------------------------------------- who is not let in


STRANGERS = {
    "unsigned": Asked("POST", "", {"content-type": signed().headers["content-type"]}, b"CallSid=1"),
    "another field": Asked("POST", "", signed().headers, signed().body + b"&From=%2B1900"),
    "another host's": Asked("POST", "", {"x-twilio-signature": signing.sha1("https://h/", {})}),
}


@pytest.mark.parametrize("who", STRANGERS)
async def test_a_webhook_that_is_not_the_providers_is_refused(who):
    async with exchange() as server:
        answer = await webhook(server, "twilio", STRANGERS[who])
        assert answer.status_code == 403
        assert SECRET not in answer.text
        assert await tally(server) == {"refused_forbidden": 1}


async def test_a_webhook_comes_once_and_only_so_big_and_only_where_there_is_a_wire():
    async with exchange("vonage", "twilio") as server:
        asked = rung(PHONES["vonage"](), "vonage")
        assert asked
        assert (await webhook(server, "vonage", asked)).status_code == 200
        assert (await webhook(server, "vonage", asked)).status_code == 403
        huge = Asked("POST", "", {}, b"x" * 70_000)
        assert (await webhook(server, "twilio", huge)).status_code == 413
        assert (await webhook(server, "plivo", signed())).status_code == 404
        assert (await webhook(server, "nobody", signed())).status_code == 404


@pytest.mark.parametrize(
    ("path", "signature", "status"),
    [
        ("twilio", "", 403),
        ("twilio", signing.sha1("https://voice.example.org/telephony/twilio", {}), 403),
        ("nobody", "", 404),
        ("", "", 403),
    ],
)
async def test_a_stream_that_nobody_signed_never_opens(path, signature, status):
    async with exchange() as server:
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                f"ws://127.0.0.1:{server.port}/telephony/{path}",
                additional_headers={"x-twilio-signature": signature},
            )
        assert refused.value.response.status_code in (status, 404)


async def test_a_tunnels_name_opens_the_signed_door_and_no_other():
    async with exchange() as server:
        asked = signed()
        assert (await webhook(server, "twilio", asked, host="voice.example.org")).status_code == 200
        async with httpx2.AsyncClient(headers={"host": "voice.example.org"}) as client:
            for path in ("", "healthz", "telephony/calls"):
                assert (await client.get(f"{server.url}{path}")).status_code == 403


Misdeed = Callable[[Running, ClientConnection], Any]


async def stranger(server: Running, line: ClientConnection) -> None:
    for message in start("CA9", ""):
        await line.send(message)


async def forger(server: Running, line: ClientConnection) -> None:
    for message in start("CA9", f"{int(time.time() + 50):010x}" + "0" * 32):
        await line.send(message)


async def thief(server: Running, line: ClientConnection) -> None:
    stolen = await token(server, "CA7", From="+7")
    for message in start("CA8", stolen):
        await line.send(message)


async def twin(server: Running, line: ClientConnection) -> None:
    once = await token(server, "CA6", From="+6")
    async with stream(server) as first:
        for message in start("CA6", once):
            await first.send(message)
        await asyncio.sleep(0.2)
        for message in start("CA6", once):
            await line.send(message)
        assert await closed(line) == 1008


async def twice(server: Running, line: ClientConnection) -> None:
    for message in [*start("CA5", await token(server, "CA5", From="+5")), *start("CA5", "")]:
        await line.send(message)


async def too_early(server: Running, line: ClientConnection) -> None:
    await line.send(str(Twilio().sound(b"\xff" * 160)))


async def silent(server: Running, line: ClientConnection) -> None:
    for message in start("CA4", await token(server, "CA4", From="+4")):
        await line.send(message)


async def flood(server: Running, line: ClientConnection) -> None:
    for message in start("CA3", await token(server, "CA3", From="+3")):
        await line.send(message)
    told = str(Twilio().reached("x"))  # sound in haste is only held back
    try:
        for _ in range(6000):
            await line.send(told)
    except ConnectionClosed:
        pass


async def giant(server: Running, line: ClientConnection) -> None:
    for message in start("CA2", await token(server, "CA2", From="+2")):
        await line.send(message)
    await line.send('{"event":"media","media":{"payload":"' + "A" * 120_000 + '"}}')


async def mute(server: Running, line: ClientConnection) -> None:
    """Says nothing at all."""


MISDEEDS = {
    stranger: 1008,
    forger: 1008,
    thief: 1008,
    twin: 1008,
    twice: 1008,
    too_early: 1008,
    silent: 1008,
    flood: 1008,
    giant: 1009,
    mute: 1008,
}


async def misdeed(server: Running, act: Misdeed) -> int:
    async with stream(server) as line:
        await act(server, line)
        return await closed(line)


@unless_starved
async def test_every_misdeed_is_closed_with_its_code_and_another_call_is_unharmed(caplog):
    async with exchange(hello=4.0, idle=3.0) as server:
        good = Telephone(dialect("twilio"), errand(server, linger_s=5.0))
        calling = asyncio.create_task(good.call("CA0", SPEECH))
        await asyncio.sleep(0.3)
        codes = await asyncio.gather(*(misdeed(server, act) for act in MISDEEDS))
        assert dict(zip(MISDEEDS, codes, strict=True)) == MISDEEDS
        heard = await calling
        assert heard.refused == ""
        assert (np.abs(heard.samples) > 0.02).sum() > 2000
        told = await tally(server)
        assert told["refused_forbidden"] == 4  # whose token was wrong
        assert told["closed_1009"] == 1
        assert told["closed_1008"] >= len(MISDEEDS) - 1
    assert SECRET not in caplog.text
    assert not re.search(r"[0-9a-f]{42}", caplog.text)


# ---------------------------------------------------------------- how many, and whose


async def test_one_call_too_many_hears_the_busy_tone():
    async with exchange(max_calls=2) as server:
        for number in ("1", "2"):
            await token(server, f"CA{number}", From=f"+{number}")
        answer = await webhook(server, "twilio", signed("CA3", From="+3"))
        assert (answer.status_code, "<Reject" in answer.text) == (200, True)
        told = await tally(server)
        assert (told["rung"], told["refused_busy"]) == (2, 1)


async def test_one_number_has_only_so_many_calls():
    async with exchange(calls_per_number=1, callers=("+1312*",)) as server:
        await token(server, "CA1")
        assert "<Reject" in (await webhook(server, "twilio", signed("CA2"))).text
        other = signed("CA3", From="+44")
        assert "<Reject" in (await webhook(server, "twilio", other)).text
        told = await tally(server)
        assert (told["refused_busy"], told["refused_unwelcome"]) == (1, 1)


def test_a_call_that_never_started_frees_its_line():
    reception = Reception(Telephony(calls_per_number=1))
    reception.ring("twilio", Ringing("CA1", "", "+1"), 1, 0.0)
    for caller in ("+1", "+2"):
        with pytest.raises(WireError):
            reception.ring("twilio", Ringing("CA2", "", caller), 1, 59.0)
    reception.ring("twilio", Ringing("CA2", "", "+1"), 1, 61.0)


def test_a_provider_that_asks_again_for_a_ringing_call_takes_no_second_line():
    reception = Reception(Telephony())
    for _ in range(3):
        reception.ring("twilio", Ringing("CA1", "", "+1"), 1, 0.0)
    assert reception.ringing(0.0) == 1
    assert reception.begin("twilio", "CA1", "", 1.0).caller == "+1"
    with pytest.raises(WireError, match="in hand"):
        reception.ring("twilio", Ringing("CA1", "", "+1"), 5, 2.0)
    reception.end("twilio", "CA1")
    reception.ring("twilio", Ringing("CA1", "", "+1"), 5, 3.0)


# ---------------------------------------------------------------- what the settings allow


@pytest.mark.parametrize(
    ("table", "environ", "told"),
    [
        ({"public_url": PUBLIC}, {}, "TWILIO_AUTH_TOKEN"),
        ({}, ENVIRON, "telephony.public_url"),
        ({"public_url": "http://voice.example.org"}, ENVIRON, "telephony.public_url"),
        ({"public_url": PUBLIC, "audiosocket": "0.0.0.0:9092"}, ENVIRON, "private address"),
        ({"public_url": PUBLIC, "audiosocket": "8.8.8.8:9092"}, ENVIRON, "private address"),
        ({"public_url": PUBLIC, "addresses": ("10.0.0.0/40",)}, ENVIRON, "telephony.addresses"),
        ({"public_url": PUBLIC, "transfer_marker": "[person]"}, ENVIRON, "telephony.transfer_to"),
        ({"public_url": PUBLIC, "summary_url": "http://h/x"}, ENVIRON, "https"),
        ({"public_url": PUBLIC, "summary_url": "https://127.0.0.1/"}, ENVIRON, "private"),
    ],
)
def test_a_server_that_would_not_be_safe_does_not_start(table, environ, told):
    config = msgspec.structs.replace(settings(), telephony=Telephony(wires={"twilio": {}}, **table))
    with pytest.raises(ConfigError, match=re.escape(told)):
        application.create_app(config, environ=environ)


def test_a_wire_with_a_typo_is_told_before_what_else_it_lacks():
    config = msgspec.structs.replace(settings(), telephony=Telephony(wires={"twillio": {}}))
    with pytest.raises(PluginError, match=r"telephony\.wires.*did you mean 'twilio'"):
        application.create_app(config, environ=ENVIRON)


def test_insecure_is_for_loopback_only():
    config = msgspec.structs.replace(
        settings(host="0.0.0.0"), telephony=Telephony(wires={"twilio": {}})
    )
    with pytest.raises(ConfigError, match="--insecure"):
        application.create_app(config, environ={"TONEWISE_TOKEN": TOKEN}, insecure=True)


async def test_without_telephones_there_is_nothing_to_call():
    async with served() as quiet:
        assert (await webhook(quiet, "twilio", signed())).status_code == 404
        assert "telephony" not in await health(quiet)


# ---------------------------------------------------------------- the simulator


SIGNING = [
    "twilio",
    *(pytest.param(wire, marks=pytest.mark.slow) for wire in ("asterisk", "plivo", "vonage")),
]


@pytest.mark.parametrize("wire", SIGNING)
async def test_the_simulator_signs_calls_and_hears_as_a_phone_does(wire):
    async with exchange(wire) as server:
        phone = Telephone(dialect(wire), errand(server, wire))
        heard = await phone.call("CA0", SPEECH)
        assert heard.refused == ""
        assert (np.abs(heard.samples) > 0.02).sum() > 2000
        stranger = Telephone(dialect(wire), errand(server, wire, secret="wrong"))
        assert "refused: HTTP 403" in (await stranger.call("CA1", SPEECH)).refused


@pytest.mark.slow
async def test_the_command_calls_and_keeps_both_voices(tmp_path):
    out = tmp_path / "both.wav"
    sample = "web/samples/1-simple-synthetic.flac"
    async with exchange(insecure=True) as server:
        arguments = ["call", sample, "--url", server.url, "--linger", "1", "--out", str(out)]
        done = await asyncio.to_thread(CliRunner().invoke, cli, [*arguments, "--keys", "1:5"])
        assert done.exit_code == 0, done.output
        assert "pressed 5" in done.output
        assert (await tally(server))["closed_1000"] == 1
    with wave.open(str(out)) as file:
        assert file.getnchannels() == 2
        data = file.readframes(file.getnframes())
    left, right = (np.frombuffer(data, "<i2").reshape(-1, 2) / 32768).T
    assert min(np.abs(left).max(), np.abs(right).max()) > 0.05


@pytest.mark.slow
async def test_who_speaks_over_a_reply_clears_what_waits():
    async with exchange(llm=LONG) as server:
        over = np.concatenate([SPEECH, np.zeros(32_000, np.float32), SPEECH[16_000:]])
        heard = await Telephone(dialect("twilio"), errand(server, linger_s=0.5)).call("CA0", over)
        begins = (len(SPEECH) + 32_000) / 16_000  # of the second question
        clears = [at for at, waited in heard.clears if at > begins and waited]
        assert clears
        assert clears[0] - begins < 1.0
        silent = heard.samples[round((clears[0] + 0.05) * 8000) :][:1600]
        assert np.abs(silent).max() < 0.02


# ---------------------------------------------------------------- to a person


@asynccontextmanager
async def listening(status: int = 200) -> AsyncIterator[tuple[str, list[tuple[str, bytes]]]]:
    """An HTTP server that keeps what it is sent."""
    kept: list[tuple[str, bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        size = int(re.findall(r"(?i)content-length: (\d+)", head)[0])
        kept.append((head, await reader.readexactly(size)))
        moved = "Location: http://127.0.0.1:1/\r\n" if status == 302 else ""
        writer.write(
            f"HTTP/1.1 {status} X\r\n{moved}Content-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listener:
        yield f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}", kept


@pytest.mark.slow
async def test_a_model_hands_the_caller_to_a_person_who_can_read_what_went_before(monkeypatch):
    handing = {"replies": ["I will get somebody. [person]"]}
    async with listening() as (api, asked), listening() as (notes, told):
        monkeypatch.setattr(twilio_wire, "API", api)
        async with exchange(
            llm=handing,
            transfer_to=("+15550123",),
            transfer_marker="[person]",
            summary_url=f"{notes}/calls",
            summary_private=True,
            environ={"SUMMARY_TOKEN": "s-1"},
        ) as server:
            heard = await Telephone(dialect("twilio"), errand(server, linger_s=14)).call(
                "CA0", SPEECH
            )
            assert heard.close[0] == 1000  # our side lets go, a while after the provider took it
            assert (await tally(server))["transferred"] == 1
    ((head, body),) = asked
    assert "/Calls/CA0.json" in head
    assert "%2B15550123" in body.decode()
    assert (
        base64.b64encode(f"AC00000000000000000000000000000001:{SECRET}".encode()).decode() in head
    )
    ((head, body),) = told
    summary = json.loads(body)
    assert "Bearer s-1" in head
    said = [(line["who"], line["text"]) for line in summary["transcript"] if "text" in line]
    assert ("caller", "Where is my order?") in said
    assert ("agent", "I will get somebody. ") in said or ("agent", "I will get somebody.") in said
    assert summary["decisions"][0]["route"] == "fast"
    assert summary["cues"][0]["turn"] == 1
    assert summary["caller"]["from"] == "+13125550100"
    assert SECRET not in body.decode()


@unless_starved
async def test_an_application_hands_a_call_over_and_a_refusal_lets_it_go_on(monkeypatch):
    async with listening(500) as (api, _):
        monkeypatch.setattr(twilio_wire, "API", api)
        async with exchange(
            transfer_to=("+15550123",), environ={"TONEWISE_TOKEN": TOKEN}
        ) as server:
            calling = asyncio.create_task(
                Telephone(dialect("twilio"), errand(server, linger_s=3)).call("CA0", SPEECH)
            )
            async with httpx2.AsyncClient(base_url=server.url) as client:
                assert (await client.get("telephony/calls")).status_code == 401
                client.headers["authorization"] = f"Bearer {TOKEN}"
                async with asyncio.timeout(20):
                    while not (calls := (await client.get("telephony/calls")).json()):
                        await asyncio.sleep(0.02)
                (call,) = calls
                place = f"telephony/calls/{call['call']}/transfer"
                premium = await client.post(place, json={"to": "+1900"})
                assert premium.status_code == 403
                failed = await client.post(place, json={})
                assert (failed.status_code, "500" in failed.json()["error"]) == (502, True)
                assert (await client.post("telephony/calls/x/transfer")).status_code == 404
            heard = await calling
            assert (np.abs(heard.samples) > 0.02).sum() > 2000
            assert (await tally(server))["transfers_failed"] == 1


# ---------------------------------------------------------------- whom the server talks to


PRIVATE = (
    *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "224.0.0.1"),
    *("2002:a00:1::", "255.255.255.255"),
)


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_are_known_in_every_disguise(address):
    assert not is_public(address)
    with pytest.raises(ConfigError):
        check_url(f"https://{f'[{address}]' if ':' in address else address}/x")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("found", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"]])
async def test_a_name_that_leads_into_a_private_network_is_not_called(found, monkeypatch):
    async def resolved(host: str, port: int, **_: Any) -> list[Any]:
        return [(2, 1, 6, "", (address, port)) for address in found]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolved, raising=False)
    with pytest.raises(PostError, match="private network"):
        await post_json("https://innocent.example.org/x", b"{}")


async def test_a_redirect_is_not_followed():
    async with listening(302) as (url, kept):
        with pytest.raises(PostError, match="302"):
            await post_json(url, b"{}", private=True)
        assert len(kept) == 1


async def test_what_does_not_answer_is_given_up(monkeypatch):
    monkeypatch.setattr(posting, "TIMEOUT_S", 0.2)

    gone = asyncio.Event()

    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        gone.set()

    async with await asyncio.start_server(never, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(PostError):
            await post_json(f"http://127.0.0.1:{port}/", b"{}", private=True)
        await gone.wait()


def test_what_the_simulator_hears_is_what_was_sent():
    phone = PHONES["twilio"]()
    sound = tone(0.1, 8000)
    (packet, *_) = phone.speaking(sound)
    data = base64.b64decode(json.loads(packet)["media"]["payload"])
    assert len(decode(data, phone.form)) == 160
