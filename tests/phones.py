"""The other side of every telephone wire, as the providers' documentation has it.

A `Phone` says what the provider would say and reads what it is sent. Nothing here is shared with
the code under test but the sound itself: messages are written out by hand.
"""

import base64
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tonewise.wire.sound import Format

Message = str | bytes

CALL = "CA0000000000000000000000000000000a"
UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


def tone(
    seconds: float, rate: int = 16_000, hertz: float = 440.0, level: float = 0.3
) -> np.ndarray:
    t = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def law(samples: np.ndarray, encoding: str) -> bytes:
    """µ-law or A-law by PyAV's codec, which knows nothing of ours."""
    import av

    name = {"mu": "pcm_mulaw", "a": "pcm_alaw"}[encoding]
    codec = av.CodecContext.create(name, "w")
    codec.sample_rate, codec.layout, codec.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(pcm(samples)[np.newaxis, :], format="s16", layout="mono")
    frame.sample_rate = 8000
    return b"".join(bytes(packet) for packet in codec.encode(frame))


def unlaw(data: bytes, encoding: str) -> np.ndarray:
    import av

    name = {"mu": "pcm_mulaw", "a": "pcm_alaw"}[encoding]
    codec = av.CodecContext.create(name, "r")
    codec.sample_rate, codec.layout = 8000, "mono"
    frames = codec.decode(av.Packet(data)) if data else []
    parts = [frame.to_ndarray().ravel() for frame in frames]
    return np.concatenate(parts).astype(np.float32) / 32768 if parts else np.zeros(0, np.float32)


def pcm(samples: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2")


def encode(samples: np.ndarray, form: Format) -> bytes:
    if form.encoding != "l16":
        return law(samples, form.encoding)
    return pcm(samples).astype(">i2" if form.big_endian else "<i2").tobytes()


def decode(data: bytes, form: Format) -> np.ndarray:
    if form.encoding != "l16":
        return unlaw(data, form.encoding)
    return np.frombuffer(data, ">i2" if form.big_endian else "<i2").astype(np.float32) / 32768


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@dataclass
class Phone:
    """One provider's side of one call. The counters are its own."""

    form: Format
    frame_ms: int = 20
    sequence: int = 0
    chunk: int = 0

    wire = ""
    options: ClassVar[dict[str, Any]] = {}
    """Of the wire's `load`."""
    spoken: Format | None = None
    """What we send, where it differs from what we hear."""
    query: ClassVar[dict[str, str]] = {}
    caller: ClassVar[dict[str, str]] = {"tenant": "t1"}
    token = "a1b2"
    call = CALL
    keys = True
    stops = True
    marks = True

    def hello(self) -> list[Message]:
        """What comes before the start."""
        return []

    def next(self) -> int:
        self.sequence += 1
        return self.sequence

    def sound(self, data: bytes) -> Message:
        return data

    def speaking(self, samples: np.ndarray) -> list[Message]:
        """Samples at the line's rate, a frame a message."""
        size = self.form.rate * self.frame_ms // 1000
        parts = [samples[at : at + size] for at in range(0, len(samples), size)]
        return [self.sound(encode(part, self.form)) for part in parts]

    def heard(self, sent: Iterable[Message]) -> bytes:
        return b"".join(message for message in sent if isinstance(message, bytes))

    def out_form(self) -> Format:
        return self.spoken or Format(self.form.encoding, self.form.rate, 1, self.form.big_endian)


class Json(Phone):
    """Sound in base64 inside JSON."""

    def heard(self, sent: Iterable[Message]) -> bytes:
        told = [json.loads(message) for message in sent]
        media = [one for one in told if one["event"] in ("media", "playAudio")]
        return b"".join(base64.b64decode(one["media"]["payload"], validate=True) for one in media)


class Twilio(Json):
    wire = "twilio"
    encoding = "audio/x-mulaw"

    def hello(self):
        return [json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})]

    def start(self):
        form = {"encoding": self.encoding, "sampleRate": self.form.rate, "channels": 1}
        start = {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": self.call,
            "tracks": ["inbound"],
            "customParameters": {"tenant": "t1", "call": self.call, "token": self.token},
            "mediaFormat": form,
        }
        return self.told("start", start=start)

    def told(self, event, **more):
        return json.dumps(
            {"event": event, "sequenceNumber": str(self.next()), "streamSid": "MZ1", **more}
        )

    def sound(self, data, track="inbound"):
        self.chunk += 1
        media = {
            "track": track,
            "chunk": str(self.chunk),
            "timestamp": str((self.chunk - 1) * self.frame_ms),
            "payload": b64(data),
        }
        return self.told("media", media=media)

    def key(self, digit):
        return self.told("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def reached(self, name):
        return self.told("mark", mark={"name": name})

    def stop(self):
        return self.told("stop", stop={"accountSid": "AC1", "callSid": self.call})


class SignalWire(Twilio):
    wire = "signalwire"
    encoding = "audio/x-L16"

    def key(self, digit):
        return self.told("dtmf", dtmf={"digit": digit, "duration": 120})

    def stop(self):
        return json.dumps({"event": "stop", "sequenceNumber": self.next()})


class Telnyx(Json):
    wire = "telnyx"

    def hello(self):
        return [json.dumps({"event": "connected", "version": "1.0.0"})]

    def start(self):
        names = {"mu": "PCMU", "a": "PCMA", "l16": "L16"}
        form = {"encoding": names[self.form.encoding], "sample_rate": self.form.rate, "channels": 1}
        start = {
            "user_id": "U",
            "call_control_id": self.call,
            "call_session_id": "cs",
            "from": "+13125550100",
            "to": "+13125550101",
            "tags": [],
            "client_state": "",
            "custom_parameters": {"tenant": "t1", "token": self.token},
            "media_format": form,
        }
        return self.told("start", start=start)

    def told(self, event, **more):
        return json.dumps(
            {"event": event, "sequence_number": str(self.next()), "stream_id": "S1", **more}
        )

    def sound(self, data, track="inbound"):
        self.chunk += 1
        media = {
            "track": track,
            "chunk": str(self.chunk),
            "timestamp": str(self.chunk * 5),
            "payload": b64(data),
        }
        return self.told("media", media=media)

    def key(self, digit):
        return self.told("dtmf", dtmf={"digit": digit})

    def reached(self, name):
        return self.told("mark", mark={"name": name})

    def stop(self):
        return self.told("stop", stop={"user_id": "U", "call_control_id": self.call})


class Vonage(Phone):
    wire = "vonage"
    stops = False

    def start(self):
        return json.dumps(
            {
                "event": "websocket:connected",
                "content-type": f"audio/l16;rate={self.form.rate}",
                "tenant": "t1",
                "call": self.call,
                "token": self.token,
            }
        )

    def key(self, digit):
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def reached(self, name):
        return json.dumps({"event": "websocket:notify", "payload": {"mark": name}})


class Plivo(Json):
    wire = "plivo"

    def start(self):
        name = {"mu": "audio/x-mulaw", "l16": "audio/x-l16"}[self.form.encoding]
        start = {
            "callId": self.call,
            "streamId": "ST1",
            "accountId": "MA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": name, "sampleRate": self.form.rate},
        }
        passed = json.dumps({"tenant": "t1", "call": self.call, "token": self.token})
        return json.dumps(
            {"event": "start", "sequenceNumber": 0, "start": start, "extra_headers": passed}
        )

    def told(self, event, **more):
        return json.dumps(
            {"event": event, "sequenceNumber": self.next(), "streamId": "ST1", **more}
        )

    def sound(self, data, track="inbound"):
        self.chunk += 1
        media = {
            "track": track,
            "timestamp": str(1_700_000_000_000 + self.chunk * self.frame_ms),
            "chunk": self.chunk,
            "payload": b64(data),
        }
        return self.told("media", media=media, extra_headers="{}")

    def key(self, digit):
        return self.told("dtmf", dtmf={"track": "inbound", "digit": digit, "timestamp": "1"})

    def reached(self, name):
        return self.told("playedStream", name=name)

    def stop(self):
        return self.told("stop")


class Exotel(Json):
    wire = "exotel"
    caller: ClassVar[dict[str, str]] = {"tenant": "t1", "from": "+911", "to": "+912"}

    def hello(self):
        return [json.dumps({"event": "connected"})]

    def start(self):
        start = {
            "stream_sid": "SS1",
            "call_sid": self.call,
            "account_sid": "AC1",
            "from": "+911",
            "to": "+912",
            "custom_parameters": {"tenant": "t1", "call": self.call, "token": self.token},
            "media_format": {
                "encoding": "base64",
                "sample_rate": str(self.form.rate),
                "bit_rate": "128kbps",
            },
        }
        return self.told("start", start=start)

    def told(self, event, **more):
        return json.dumps(
            {"event": event, "sequence_number": str(self.next()), "stream_sid": "SS1", **more}
        )

    def sound(self, data):
        self.chunk += 1
        media = {
            "chunk": str(self.chunk),
            "timestamp": str(self.chunk * self.frame_ms),
            "payload": b64(data),
        }
        return self.told("media", media=media)

    def key(self, digit):
        return self.told("dtmf", dtmf={"digit": digit, "duration": "100"})

    def reached(self, name):
        return self.told("mark", mark={"name": name})

    def stop(self):
        stop = {"call_sid": self.call, "account_sid": "AC1", "reason": "callended"}
        return self.told("stop", stop=stop)


class Genesys(Phone):
    wire = "genesys"
    call = "c-1"
    token = None
    caller: ClassVar[dict[str, str]] = {"from": "+1312", "to": "+1313", "tenant": "t1"}
    marks = False

    def told(self, kind, **parameters):
        return json.dumps(
            {
                "version": "2",
                "id": UUID,
                "type": kind,
                "seq": self.next(),
                "serverseq": 0,
                "position": "PT1.23S",
                "parameters": parameters,
            }
        )

    def start(self):
        stereo = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"]}
        mono = {"type": "audio", "format": "PCMU", "channels": ["external"]}
        offers = [stereo, mono] if self.form.channels == 2 else [mono]
        return self.told(
            "open",
            organizationId="o-1",
            conversationId=self.call,
            participant={"id": "p", "ani": "+1312", "aniName": "", "dnis": "+1313"},
            media=[{**offer, "rate": 8000} for offer in offers],
            language="en-US",
            inputVariables={"tenant": "t1"},
        )

    def speaking(self, samples):
        if self.form.channels == 1:
            return super().speaking(samples)
        ours, agent = encode(samples, self.form), encode(-samples[::-1], self.form)
        both = np.stack([np.frombuffer(ours, np.uint8), np.frombuffer(agent, np.uint8)], axis=1)
        data = both.tobytes()
        return [data[at : at + 320] for at in range(0, len(data), 320)]

    def key(self, digit):
        return self.told("dtmf", digit=digit)

    def stop(self):
        return self.told("close", reason="end")


class Asterisk(Phone):
    wire = "asterisk"
    call = "1790.1"
    token = None
    stops = False
    plain = False

    def start(self):
        names = {
            ("mu", 8000): "ulaw",
            ("a", 8000): "alaw",
            ("l16", 8000): "slin",
            ("l16", 16000): "slin16",
            ("l16", 24000): "slin24",
        }
        name = names[self.form.encoding, self.form.rate]
        size = self.form.size(20)
        if self.plain:
            return (
                "MEDIA_START connection_id:lab1 channel:WebSocket/lab1/0x7f channel_id:1790.1 "
                f"format:{name} optimal_frame_size:{size} ptime:20"
            )
        return json.dumps(
            {
                "event": "MEDIA_START",
                "connection_id": "lab1",
                "channel": "WebSocket/lab1/0x7f",
                "channel_id": "1790.1",
                "format": name,
                "optimal_frame_size": size,
                "ptime": 20,
                "channel_variables": {"tenant": "t1"},
            }
        )

    def told(self, event, **more):
        if self.plain:
            return " ".join([event, *(f"{key}:{value}" for key, value in more.items())])
        return json.dumps({"event": event, "channel_id": "1790.1", **more})

    def key(self, digit):
        return self.told("DTMF_END", digit=digit)

    def reached(self, name):
        return self.told("MEDIA_MARK_PROCESSED", correlation_id=name)


class PlainAsterisk(Asterisk):
    plain = True
    query: ClassVar[dict[str, str]] = {"tenant": "t1"}


class FreeSwitch(Phone):
    wire = "freeswitch"
    stops = True
    marks = False

    def start(self):
        return json.dumps(
            {"rate": self.form.rate, "call": self.call, "token": self.token, "tenant": "t1"}
        )

    def key(self, digit):
        return json.dumps({"event": "dtmf", "digit": digit})

    def stop(self):
        return json.dumps({"event": "stop"})

    def heard(self, sent):
        told = [json.loads(message) for message in sent]
        return b"".join(
            base64.b64decode(one["data"]["audioData"], validate=True)
            for one in told
            if one["type"] == "streamAudio"
        )


class Jambonz(Phone):
    wire = "jambonz"
    stops = False
    caller: ClassVar[dict[str, str]] = {"tenant": "t1", "from": "+1312", "to": "+1313"}

    def start(self):
        return json.dumps(
            {
                "callSid": self.call,
                "from": "+1312",
                "to": "+1313",
                "callId": "x",
                "accountSid": "a",
                "sampleRate": self.form.rate,
                "mixType": "mono",
                "metadata": {"tenant": "t1", "token": self.token},
            }
        )

    def key(self, digit):
        return json.dumps({"event": "dtmf", "dtmf": digit, "duration": "1600"})

    def reached(self, name):
        return json.dumps({"type": "mark", "data": {"name": name, "event": "playout"}})


class AudioSocket(Phone):
    wire = "audiosocket"
    call = UUID
    token = None
    caller: ClassVar[dict[str, str]] = {}
    marks = False
    kinds: ClassVar[dict[int, int]] = {8000: 0x10, 16000: 0x12, 24000: 0x13}

    def start(self):
        return self.packet(0x01, uuid.UUID(UUID).bytes)

    def packet(self, kind, payload):
        return bytes([kind, *divmod(len(payload), 256)]) + payload

    def sound(self, data):
        return self.packet(self.kinds[self.form.rate], data)

    def key(self, digit):
        return self.packet(0x03, digit.encode())

    def stop(self):
        return self.packet(0x00, b"")

    def heard(self, sent):
        stream, found = b"".join(sent), b""
        while stream:
            size = int.from_bytes(stream[1:3], "big")
            if stream[0] == self.kinds[self.form.rate]:
                found += stream[3 : 3 + size]
            stream = stream[3 + size :]
        return found


MU, A = Format("mu"), Format("a")
L8, L16, L24 = Format("l16", 8000), Format("l16", 16_000), Format("l16", 24_000)

PHONES = {
    "twilio": lambda: Twilio(MU),
    "signalwire": lambda: SignalWire(L16),
    "signalwire 24 kHz": lambda: SignalWire(L24),
    "telnyx": lambda: Telnyx(MU),
    "telnyx A-law": lambda: optioned(Telnyx(A), codec="PCMA"),
    "telnyx L16": lambda: optioned(Telnyx(L16), codec="L16", rate=16_000),
    "vonage": lambda: Vonage(L16),
    "vonage 8 kHz": lambda: Vonage(L8),
    "plivo": lambda: Plivo(MU),
    "plivo L16": lambda: Plivo(L16),
    "exotel": lambda: Exotel(L8, 100),
    "exotel 24 kHz": lambda: Exotel(L24, 100),
    "genesys": lambda: Genesys(MU),
    "genesys stereo": lambda: spoken(Genesys(Format("mu", 8000, 2)), MU),
    "asterisk": lambda: Asterisk(MU),
    "asterisk A-law": lambda: Asterisk(A),
    "asterisk 24 kHz": lambda: Asterisk(L24),
    "asterisk plain": lambda: PlainAsterisk(L16),
    "freeswitch": lambda: FreeSwitch(L8),
    "freeswitch 16 kHz": lambda: FreeSwitch(L16),
    "jambonz": lambda: Jambonz(L16),
    "audiosocket": lambda: AudioSocket(L8),
    "audiosocket 16 kHz": lambda: optioned(AudioSocket(L16), rate=16_000),
}


def optioned(phone: Phone, **options: Any) -> Phone:
    phone.options = options  # type: ignore[misc]
    return phone


def spoken(phone: Phone, form: Format) -> Phone:
    phone.spoken = form
    return phone
