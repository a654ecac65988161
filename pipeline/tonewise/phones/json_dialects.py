"""Providers who put sound into JSON: Twilio, Telnyx, Plivo."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.etree import ElementTree

from tonewise.phones.dialect import Answered, Clear, Dialled, Mark, Play, Told
from tonewise.wire.sound import Format
from tonewise.wire.telephone import Asked, Message

STREAM = "MZ00000000000000000000000000000001"
ACCOUNT = "AC00000000000000000000000000000001"

_FORM = {"content-type": "application/x-www-form-urlencoded"}


class Twilio:
    """Media Streams. The webhook and the upgrade are both signed."""

    form = Format("mu", 8000)
    rings = True
    subprotocol: str | None = None

    def __init__(self) -> None:
        self._number = 0
        self._chunk = 0

    def ring(self, call: Dialled, url: str) -> Asked:
        """See `Dialect`."""
        return _ring(call, url)

    def answered(self, body: str) -> Answered | None:
        """See `Dialect`."""
        return _stream_of(body)

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:  # noqa: ARG002
        """HMAC-SHA1 over the URL and the sorted fields."""
        fields = sorted(parse_qsl(asked.body.decode(), keep_blank_values=True))
        text = asked.url + "".join(key + value for key, value in fields)
        made = hmac.new(secret.encode(), text.encode(), hashlib.sha1).digest()
        return {"x-twilio-signature": base64.b64encode(made).decode()}

    def hello(self, call: Dialled) -> list[Message]:
        """See `Dialect`."""
        start = {
            "accountSid": ACCOUNT,
            "streamSid": STREAM,
            "callSid": call.call,
            "tracks": ["inbound"],
            "customParameters": dict(call.parameters),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        first = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
        return [json.dumps(first), self._tell("start", start=start)]

    def sound(self, data: bytes) -> Message:
        """See `Dialect`."""
        self._chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str((self._chunk - 1) * 20),
            "payload": base64.b64encode(data).decode(),
        }
        return self._tell("media", media=media)

    def key(self, digit: str) -> Message:
        """See `Dialect`."""
        return self._tell("dtmf", dtmf={"track": "inbound_track", "digit": digit})

    def reached(self, name: str) -> Message:
        """See `Dialect`."""
        return self._tell("mark", mark={"name": name})

    def cleared(self) -> list[Message]:
        """Its marks come back; nothing else is told."""
        return []

    def stop(self) -> list[Message]:
        """See `Dialect`."""
        return [self._tell("stop", stop={"accountSid": ACCOUNT})]

    def read(self, message: Message) -> Told | None:
        """See `Dialect`."""
        return _read(json.loads(message))

    def _tell(self, event: str, **more: Any) -> str:  # noqa: ANN401 - JSON
        self._number += 1
        number = str(self._number)
        return json.dumps({"event": event, "sequenceNumber": number, "streamSid": STREAM, **more})


class Telnyx:
    """Media Streaming. Telnyx signs with a key of its own, so this cannot: serve `--insecure`."""

    form = Format("mu", 8000)
    rings = True
    subprotocol: str | None = None

    def __init__(self) -> None:
        self._number = 0
        self._chunk = 0

    def ring(self, call: Dialled, url: str) -> Asked:
        """See `Dialect`."""
        return _ring(call, url)

    def answered(self, body: str) -> Answered | None:
        """See `Dialect`."""
        return _stream_of(body)

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:  # noqa: ARG002
        """Only Telnyx can."""
        return {}

    def hello(self, call: Dialled) -> list[Message]:
        """See `Dialect`."""
        start = {
            "user_id": "U",
            "call_control_id": call.call,
            "from": call.caller,
            "to": call.called,
            "custom_parameters": dict(call.parameters),
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        }
        first = {"event": "connected", "version": "1.0.0"}
        return [json.dumps(first), self._tell("start", start=start)]

    def sound(self, data: bytes) -> Message:
        """See `Dialect`."""
        self._chunk += 1
        media = {
            "track": "inbound",
            "chunk": str(self._chunk),
            "timestamp": str(self._chunk * 20),
            "payload": base64.b64encode(data).decode(),
        }
        return self._tell("media", media=media)

    def key(self, digit: str) -> Message:
        """See `Dialect`."""
        return self._tell("dtmf", dtmf={"digit": digit})

    def reached(self, name: str) -> Message:
        """See `Dialect`."""
        return self._tell("mark", mark={"name": name})

    def cleared(self) -> list[Message]:
        """Nothing is told."""
        return []

    def stop(self) -> list[Message]:
        """See `Dialect`."""
        return [self._tell("stop", stop={"user_id": "U"})]

    def read(self, message: Message) -> Told | None:
        """See `Dialect`."""
        return _read(json.loads(message))

    def _tell(self, event: str, **more: Any) -> str:  # noqa: ANN401 - JSON
        self._number += 1
        number = str(self._number)
        return json.dumps({"event": event, "sequence_number": number, "stream_id": "S1", **more})


class Plivo:
    """Audio Streaming, wide-band."""

    form = Format("l16", 16_000)
    rings = True
    subprotocol: str | None = None

    def __init__(self) -> None:
        self._number = 0

    def ring(self, call: Dialled, url: str) -> Asked:
        """See `Dialect`."""
        told = {"CallUUID": call.call, "From": call.caller, "To": call.called, "Direction": "in"}
        return Asked("POST", url, _FORM, urlencode(told).encode())

    def answered(self, body: str) -> Answered | None:
        """See `Dialect`."""
        stream = ElementTree.fromstring(body).find(".//Stream")  # noqa: S314 - our own server's
        if stream is None:
            return None
        written = stream.get("extraHeaders", "").split(",")
        pairs = (each.partition("=") for each in written if each)
        return Answered(stream.text or "", {key: value for key, _, value in pairs})

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:
        """V3: HMAC-SHA256 over the URL, the sorted fields and a nonce."""
        if asked.method != "POST":
            return {}
        nonce = f"{now:.6f}".replace(".", "")
        fields = sorted(parse_qsl(asked.body.decode(), keep_blank_values=True))
        text = asked.url + "?" + "".join(key + value for key, value in fields) + "." + nonce
        made = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
        return {
            "x-plivo-signature-v3": base64.b64encode(made).decode(),
            "x-plivo-signature-v3-nonce": nonce,
        }

    def hello(self, call: Dialled) -> list[Message]:
        """See `Dialect`."""
        start = {
            "callId": call.call,
            "streamId": STREAM,
            "accountId": "MA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16_000},
        }
        passed = json.dumps(dict(call.parameters))
        return [self._tell("start", start=start, extra_headers=passed)]

    def sound(self, data: bytes) -> Message:
        """See `Dialect`."""
        media = {
            "track": "inbound",
            "chunk": self._number,
            "timestamp": str(1_700_000_000_000 + self._number * 20),
            "payload": base64.b64encode(data).decode(),
        }
        return self._tell("media", media=media, extra_headers="{}")

    def key(self, digit: str) -> Message:
        """See `Dialect`."""
        return self._tell("dtmf", dtmf={"track": "inbound", "digit": digit, "timestamp": "1"})

    def reached(self, name: str) -> Message:
        """See `Dialect`."""
        return self._tell("playedStream", name=name)

    def cleared(self) -> list[Message]:
        """See `Dialect`."""
        return [self._tell("clearedAudio")]

    def stop(self) -> list[Message]:
        """See `Dialect`."""
        return [self._tell("stop")]

    def read(self, message: Message) -> Told | None:
        """See `Dialect`."""
        return _read(json.loads(message))

    def _tell(self, event: str, **more: Any) -> str:  # noqa: ANN401 - JSON
        self._number += 1
        told = {"event": event, "sequenceNumber": self._number, "streamId": STREAM}
        return json.dumps(told | more)


def _ring(call: Dialled, url: str) -> Asked:
    told = {
        "CallSid": call.call,
        "AccountSid": ACCOUNT,
        "From": call.caller,
        "To": call.called,
        "CallStatus": "ringing",
    }
    return Asked("POST", url, _FORM, urlencode(told).encode())


def _stream_of(body: str) -> Answered | None:
    """`<Stream>` with its parameters and those in its URL."""
    stream = ElementTree.fromstring(body).find(".//Stream")  # noqa: S314 - our own server's
    if stream is None:
        return None
    url = stream.get("url", "")
    parameters = dict(parse_qsl(urlsplit(url).query))
    parameters |= {each.get("name", ""): each.get("value", "") for each in stream}
    return Answered(url, parameters)


def _read(told: dict[str, Any]) -> Told | None:
    match told["event"]:
        case "media" | "playAudio":
            return Play(base64.b64decode(told["media"]["payload"], validate=True))
        case "mark":
            return Mark(told["mark"]["name"])
        case "checkpoint":
            return Mark(told["name"])
        case "clear" | "clearAudio":
            return Clear()
    return None
