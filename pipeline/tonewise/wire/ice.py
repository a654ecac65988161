"""What is read and told before a WebRTC call: the offer (SDP, RFC 8866), and ICE servers. Pure.

An offer is another program's text: only what we need of it is passed on, and no name in it is ever
looked up.
"""

import base64
import hashlib
import hmac
import ipaddress
from typing import Any

from tonewise.errors import WireError
from tonewise.settings import WebRtc

UNACCEPTABLE = 1003
"""The close code for what we cannot answer; over HTTP it is 406 (RFC 9725 §4.2)."""

MOST_CANDIDATES = 40
"""Addresses of a caller that are tried: each costs packets to wherever it says."""

_LASTS_S = 6 * 3600
"""How long credentials made for a TURN server are good."""


def usable(offer: str) -> str:
    """An offer, without the candidates that only cost time.

    Browsers hide their addresses behind names in `.local` until the microphone may be used. Looking
    one up takes a second and fails off the local network, while the caller's own packets show the
    address anyway. With them goes the line that says that there are no more.

    Raises:
        WireError: it offers no sound that we can hear.
    """
    kept, candidates, sound, opus = [], 0, False, False
    for line in offer.splitlines():
        if line.startswith("a=candidate:"):
            candidates += 1
            if candidates > MOST_CANDIDATES or not _reachable(line):
                continue
        elif line == "a=end-of-candidates":
            continue
        sound |= line.startswith("m=audio ") and not line.startswith("m=audio 0 ")
        opus |= line.startswith("a=rtpmap:") and line.lower().split(" ")[-1].startswith(
            "opus/48000"
        )
        kept.append(line)
    if not offer.startswith("v=0"):
        raise WireError("this is no SDP: an offer begins with v=0", UNACCEPTABLE)
    if not sound:
        raise WireError("the offer has no sound in it; add an audio track to it", UNACCEPTABLE)
    if not opus:
        raise WireError("the offer has no Opus; it is the one codec we take", UNACCEPTABLE)
    return "\r\n".join(kept) + "\r\n"


def repairable(answer: str) -> str:
    """An answer that asks for packets with a rough copy of the one before (RFC 7587 §6.1)."""
    lines = []
    for line in answer.splitlines():
        lines.append(line)
        if line.startswith("a=rtpmap:") and " opus/48000" in line:
            lines.append(f"a=fmtp:{line[9:].split(' ')[0]} minptime=10;useinbandfec=1")
    return "\r\n".join(lines) + "\r\n"


def _reachable(line: str) -> bool:
    words = line.split()
    try:
        ipaddress.ip_address(words[4])
    except (IndexError, ValueError):
        return False
    return words[2].lower() == "udp"


def ice_servers(settings: WebRtc, secret: str, now_s: float) -> list[dict[str, Any]]:
    """`RTCConfiguration.iceServers` for the page and for us: a STUN and a TURN server, where set.

    Args:
        settings: the `[webrtc]` table.
        secret: the TURN server's password; without `turn_user` its shared secret, with which
            credentials that expire are made (coturn's `use-auth-secret`).
        now_s: seconds since 1970.
    """
    servers: list[dict[str, Any]] = [{"urls": [settings.stun]}] if settings.stun else []
    if settings.turn:
        user, credential = settings.turn_user, secret
        if not user:
            user = str(int(now_s) + _LASTS_S)
            made = hmac.digest(secret.encode(), user.encode(), hashlib.sha1)
            credential = base64.b64encode(made).decode()
        servers.append({"urls": [settings.turn], "username": user, "credential": credential})
    return servers
