"""Formats as others state them: the vendors' SDKs sign, pipecat's serialisers speak and listen.

Needs the packages of `pip install -e '.[telephony-tests]'`; a test skips where its own is absent.
"""

import base64
import hashlib
import json
import time
from types import SimpleNamespace
from urllib.parse import urlencode
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phones import CALL, PHONES, tone
from test_telephone import SPEECH, Handset, conducted, exchange, loaded
from test_wire_telephone import connected, dialled, likeness, said
from tonewise import plugins
from tonewise.errors import WireError
from tonewise.events import AnyEvent, ReplyEnded, TurnRouted
from tonewise.wire.telephone import Asked, Started, Stream

__all__ = ["loaded"]  # a fixture

pytestmark = pytest.mark.filterwarnings("default")  # theirs, not ours

SECRET = "a-secret-of-ours"
HOST = "https://voice.example.org/telephony/x"
FIELDS = st.dictionaries(
    st.text("abcXYZ", min_size=1, max_size=5), st.text(max_size=20), max_size=5
)
QUERIES = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xyz 1&=", max_size=5))


def asked(
    method: str, query: dict[str, str], form: dict[str, str], headers: dict[str, str]
) -> Asked:
    url = HOST + (f"?{urlencode(query)}" if query else "")
    return Asked(method, url, headers, urlencode(form).encode() if method == "POST" else b"")


# ---------------------------------------------------------------- signatures


@settings(deadline=None, max_examples=60)
@given(form=FIELDS, query=QUERIES)
def test_twilios_own_signatures_are_accepted(form, query):
    validator = pytest.importorskip("twilio.request_validator").RequestValidator(SECRET)
    request = asked("POST", query, form, {})
    signature = validator.compute_signature(request.url, form)
    request.headers["x-twilio-signature"] = signature
    plugins.load("wire", "twilio").check_webhook(request, SECRET, 0.0)
    assert validator.validate(request.url, form, signature)
    with pytest.raises(WireError):
        plugins.load("wire", "twilio").check_webhook(request, "other", 0.0)


@settings(deadline=None, max_examples=60)
@given(method=st.sampled_from(["GET", "POST"]), form=FIELDS, query=QUERIES)
def test_plivos_own_signatures_are_accepted(method, form, query):
    v3 = pytest.importorskip("plivo.utils.signature_v3")
    form = form if method == "POST" else {}
    request = asked(method, query, form, {"x-plivo-signature-v3-nonce": "n-1"})
    written = v3.construct_post_url if method == "POST" else v3.construct_get_url
    base = written(request.url, dict(form)).decode()
    signature = v3.get_signature_v3(SECRET.encode(), base, "n-1").decode()
    request.headers["x-plivo-signature-v3"] = signature
    assert v3.validate_v3_signature(method, request.url, "n-1", SECRET, signature, dict(form))
    assert plugins.load("wire", "plivo").check_webhook(request, SECRET, 0.0) == "n-1"


def test_vonages_own_jwt_is_verified_alike():
    theirs = pytest.importorskip("vonage_jwt")
    jwt = pytest.importorskip("jwt")
    body, now = b'{"uuid":"u"}', int(time.time())
    claims = {"iat": now, "jti": "j", "payload_hash": hashlib.sha256(body).hexdigest()}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    token = token if isinstance(token, str) else token.decode()
    verify = getattr(theirs, "verify_signature", None) or theirs.verify_jwt.verify_signature
    assert verify(token, SECRET)
    request = Asked("POST", HOST, {"authorization": f"Bearer {token}"}, body)
    assert plugins.load("wire", "vonage").check_webhook(request, SECRET, now) == "j"


def test_telnyxs_own_verifier_agrees():
    telnyx = pytest.importorskip("telnyx")
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key = ed25519.Ed25519PrivateKey.generate()
    public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    stamp, body = str(int(time.time())), '{"data":{"event_type":"call.initiated"}}'
    signature = base64.b64encode(key.sign(f"{stamp}|{body}".encode())).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}
    client = telnyx.Telnyx(api_key="k", public_key=public)
    client.webhooks.unwrap(body, headers=headers)
    request = Asked("POST", HOST, headers, body.encode())
    assert plugins.load("wire", "telnyx").check_webhook(request, public, float(stamp)) == signature


def test_twilios_library_writes_the_same_twiml():
    twiml = pytest.importorskip("twilio.twiml.voice_response")
    theirs = twiml.VoiceResponse()
    stream = twiml.Connect().stream(url="wss://h/t")
    for name, value in (("tenant", "t<1>"), ("call", CALL), ("token", "0a")):
        stream.parameter(name=name, value=value)
    connect = twiml.Connect()
    connect.append(stream)
    theirs.append(connect)
    theirs.hangup()
    ours = plugins.load("wire", "twilio").answer(
        Stream("wss://h/t", CALL, "0a", {"tenant": "t<1>"})
    )
    written = [ElementTree.canonicalize(one) for one in (str(theirs), ours.body)]
    assert written[0] == written[1]


# ---------------------------------------------------------------- pipecat's serialisers

PIPECAT = {
    "twilio": ("twilio", "TwilioFrameSerializer", {"stream_sid": "MZ1"}),
    "telnyx": (
        "telnyx",
        "TelnyxFrameSerializer",
        {"stream_id": "S1", "outbound_encoding": "PCMU", "inbound_encoding": "PCMU"},
    ),
    "plivo": ("plivo", "PlivoFrameSerializer", {"stream_id": "ST1"}),
    "exotel": ("exotel", "ExotelFrameSerializer", {"stream_sid": "SS1"}),
    "vonage": ("vonage", "VonageFrameSerializer", {}),
    "genesys": ("genesys", "GenesysAudioHookSerializer", {}),
}
each = pytest.mark.parametrize("name", PIPECAT)


async def serializer(name: str):
    """One of pipecat's, set up for 16 kHz; it takes a server's side, as our wires do."""
    frames = pytest.importorskip("pipecat.frames.frames")
    room, kind, given = PIPECAT[name]
    module = pytest.importorskip(f"pipecat.serializers.{room}")
    made = getattr(module, kind)
    settings = made.InputParams(sample_rate=16_000)
    if hasattr(settings, "auto_hang_up"):
        settings.auto_hang_up = False
    if name == "vonage":
        settings.vonage_sample_rate = 16_000
    theirs = made(**given, params=settings)
    await theirs.setup(SimpleNamespace(audio_in_sample_rate=16_000))
    return theirs, frames


@each
async def test_pipecat_hears_in_our_phones_what_we_hear(name):
    theirs, _ = await serializer(name)
    phone, wire = connected(name)
    if name == "genesys":
        await theirs.deserialize(PHONES[name]().start())
    spoken = tone(1.0, phone.form.rate)
    messages = phone.speaking(spoken)
    heard = said([event for message in messages for event in wire.read(message)])
    frames = [await theirs.deserialize(message) for message in messages]
    sound = b"".join(frame.audio for frame in frames if frame is not None)
    other = np.frombuffer(sound, "<i2").astype(np.float32) / 32768
    assert len(other) > 8000
    level = [float(np.sqrt(np.mean(part[2000:8000] ** 2))) for part in (heard, other)]
    assert level[0] == pytest.approx(level[1], rel=0.03)
    assert likeness(np.pad(heard, (0, 2000)), tone(1.0)) > 0.99


@each
async def test_keys_mean_the_same_to_pipecat(name):
    theirs, _ = await serializer(name)
    phone, wire = connected(name)
    for digit in "0123456789*#":
        key = phone.key(digit)
        (pressed,) = wire.read(key)
        assert (await theirs.deserialize(key)).button.value == pressed.digit == digit


def shape(message: str | bytes) -> object:
    """A message without its payload: keys and constants."""
    if isinstance(message, bytes):
        return "binary"
    told = json.loads(message)
    if "media" in told:
        told["media"].pop("payload")
    for own in ("seq", "clientseq", "id", "streamId", "position"):
        told.pop(own, None)
    return told


@each
async def test_we_say_it_as_pipecat_does(name):
    theirs, frames = await serializer(name)
    phone, wire = dialled(name)
    wire.read(phone.start())
    wire.accept()
    if name == "genesys":
        opened = await theirs.deserialize(PHONES[name]().start())
        ours = json.loads(plugin_opened())
        assert set(ours) <= set(opened.message)
        assert ours["parameters"]["media"] == opened.message["parameters"]["media"]
    sound = (tone(0.5) * 32767).astype("<i2").tobytes()
    frame = frames.OutputAudioRawFrame(audio=sound, sample_rate=16_000, num_channels=1)
    spoken = None
    for _ in range(3):  # its resampler gives nothing at first
        spoken = await theirs.serialize(frame) or spoken
    ours, *_ = wire.media(tone(0.5))
    assert shape(ours) == shape(spoken)
    (clear,) = wire.clear()
    assert shape(clear) == shape(await theirs.serialize(frames.InterruptionFrame()))


def plugin_opened() -> str:
    phone, wire = dialled("genesys")
    (started,) = wire.read(phone.start())
    assert isinstance(started, Started)
    (opened,) = wire.accept()
    return opened


class Pipecat:
    """A telephone whose sound pipecat's serialiser writes and reads; the rest is our phone's."""

    def __init__(self, name: str, theirs: object, frames: object) -> None:
        self.phone = PHONES[name]()
        self._theirs, self._frames = theirs, frames
        self._own = ("playAudio", "media") if name == "plivo" else ("", "")

    async def say(self, samples: np.ndarray) -> list[str | bytes]:
        sound = (samples * 32767).astype("<i2").tobytes()
        said = []
        for at in range(0, len(sound), 640):
            frame = self._frames.OutputAudioRawFrame(
                audio=sound[at : at + 640], sample_rate=16_000, num_channels=1
            )
            if message := await self._theirs.serialize(frame):
                said.append(self._turned(message, *self._own))
        return said

    async def hear(self, sent: list[str | bytes]) -> np.ndarray:
        heard = b""
        for message in sent:
            told = self._turned(message, *self._own)
            if isinstance(told, bytes) or '"media"' in told:
                frame = await self._theirs.deserialize(told)
                heard += frame.audio if frame else b""
        return np.frombuffer(heard, "<i2").astype(np.float32) / 32768

    @staticmethod
    def _turned(message: str | bytes, sent: str, heard: str) -> str | bytes:
        """Plivo names the two directions differently; a serialiser knows a server's side only."""
        if isinstance(message, bytes) or not sent:
            return message
        return message.replace(f'"{sent}"', f'"{heard}"')


@each
async def test_a_call_by_pipecats_serialiser_is_routed_and_its_reply_heard(name, loaded):
    theirs, frames = await serializer(name)
    told: list[AnyEvent] = []
    caller = Pipecat(name, theirs, frames)
    async with (
        exchange(name, conducted(loaded, told)) as line,
        Handset(line.phone).calling(line.port) as handset,
    ):
        start = line.phone.start()
        if name == "genesys":
            await theirs.deserialize(start)
        await handset.say(*line.phone.hello(), start, *await caller.say(SPEECH))
        await handset.until(lambda: any(isinstance(event, ReplyEnded) for event in told))
        heard = await caller.hear(handset.sent)
    assert any(isinstance(event, TurnRouted) for event in told)
    assert (np.abs(heard) > 0.02).sum() / 16_000 > 0.3
