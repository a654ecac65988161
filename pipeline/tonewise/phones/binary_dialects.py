"""Providers who send sound as it is, in binary messages: Vonage, and one's own Asterisk."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tonewise.phones.dialect import Answered, Clear, Dialled, Leave, Mark, Play, Told
from tonewise.wire.sound import Format
from tonewise.wire.telephone import Asked, Message


class Vonage:
    """Voice WebSockets. The webhook is signed with a JWT."""

    form = Format("l16", 16_000)
    rings = True
    subprotocol: str | None = None

    def ring(self, call: Dialled, url: str) -> Asked:
        """See `Dialect`."""
        told = {"uuid": call.call, "from": call.caller, "to": call.called}
        body = json.dumps({**told, "conversation_uuid": "CON-1"}).encode()
        return Asked("POST", url, {"content-type": "application/json"}, body)

    def answered(self, body: str) -> Answered | None:
        """See `Dialect`."""
        verbs: list[dict[str, Any]] = json.loads(body)
        connect = next((verb for verb in verbs if verb["action"] == "connect"), None)
        if connect is None:
            return None
        endpoint = connect["endpoint"][0]
        return Answered(endpoint["uri"], endpoint.get("headers", {}))

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:
        """A JWT with the body's hash."""
        claims = {
            "iat": int(now),
            "jti": f"{now:.6f}",
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(asked.body).hexdigest(),
        }
        head = {"alg": "HS256", "typ": "JWT"}
        text = ".".join(_url64(json.dumps(part).encode()) for part in (head, claims))
        made = _url64(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())
        return {"authorization": f"Bearer {text}.{made}"}

    def hello(self, call: Dialled) -> list[Message]:
        """See `Dialect`."""
        first = {"event": "websocket:connected", "content-type": "audio/l16;rate=16000"}
        return [json.dumps(first | dict(call.parameters))]

    def sound(self, data: bytes) -> Message:
        """See `Dialect`."""
        return data

    def key(self, digit: str) -> Message:
        """See `Dialect`."""
        return json.dumps({"event": "websocket:dtmf", "digit": digit, "duration": 260})

    def reached(self, name: str) -> Message:
        """See `Dialect`."""
        return json.dumps({"event": "websocket:notify", "payload": {"mark": name}})

    def cleared(self) -> list[Message]:
        """See `Dialect`."""
        return [json.dumps({"event": "websocket:cleared"})]

    def stop(self) -> list[Message]:
        """The socket just closes."""
        return []

    def read(self, message: Message) -> Told | None:
        """See `Dialect`."""
        if isinstance(message, bytes):
            return Play(message)
        told = json.loads(message)
        if told["action"] == "clear":
            return Clear()
        return Mark(told["payload"]["mark"]) if told["action"] == "notify" else None


class Asterisk:
    """chan_websocket, with JSON control. It asks nobody: it brings a password."""

    form = Format("mu", 8000)
    rings = False
    subprotocol: str | None = "media"

    def ring(self, call: Dialled, url: str) -> Asked:
        """There is no webhook."""
        raise NotImplementedError(f"{call.call}: {url}")

    def answered(self, body: str) -> Answered | None:
        """There is no webhook."""
        raise NotImplementedError(body)

    def sign(self, asked: Asked, secret: str, now: float) -> Mapping[str, str]:  # noqa: ARG002
        """User name and password."""
        return {"authorization": "Basic " + base64.b64encode(secret.encode()).decode()}

    def hello(self, call: Dialled) -> list[Message]:
        """See `Dialect`."""
        start = {
            "event": "MEDIA_START",
            "connection_id": "lab1",
            "channel": "WebSocket/lab1/0x7f",
            "channel_id": call.call,
            "format": "ulaw",
            "optimal_frame_size": 160,
            "ptime": 20,
            "channel_variables": {"from": call.caller, "to": call.called, **call.parameters},
        }
        return [json.dumps(start)]

    def sound(self, data: bytes) -> Message:
        """See `Dialect`."""
        return data

    def key(self, digit: str) -> Message:
        """See `Dialect`."""
        return json.dumps({"event": "DTMF_END", "digit": digit})

    def reached(self, name: str) -> Message:
        """See `Dialect`."""
        return json.dumps({"event": "MEDIA_MARK_PROCESSED", "correlation_id": name})

    def cleared(self) -> list[Message]:
        """Nothing is told."""
        return []

    def stop(self) -> list[Message]:
        """The socket just closes."""
        return []

    def read(self, message: Message) -> Told | None:
        """See `Dialect`."""
        if isinstance(message, bytes):
            return Play(message)
        told = json.loads(message)
        match told.get("command", told.get("event")):
            case "MARK_MEDIA":
                return Mark(str(told["correlation_id"]))
            case "FLUSH_MEDIA":
                return Clear()
            case "HANGUP":
                return Leave()
        return None


def _url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
