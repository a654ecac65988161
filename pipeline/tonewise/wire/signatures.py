"""Did the provider send this? Signatures made with a secret that both sides know.

Each check takes what came and raises `WireError` where it does not hold; a wrong signature is never
compared faster than a right one. Telnyx signs with a key pair: `wire/telnyx_signature.py`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from tonewise.errors import WireError
from tonewise.wire.call_control import check_recent, pairs
from tonewise.wire.telephone import POLICY, Asked

_WRONG = "the signature is wrong, or missing"


def _same(wanted: bytes | str, given: str) -> bool:
    expected = wanted if isinstance(wanted, bytes) else wanted.encode()
    return hmac.compare_digest(expected, given.encode(errors="replace"))


def _refuse() -> WireError:
    return WireError(_WRONG, POLICY)


# ---------------------------------------------------------------- Twilio


def check_twilio(asked: Asked, secret: str, header: str = "x-twilio-signature") -> None:
    """HMAC-SHA1 over the URL and, of a form, its sorted fields.

    A JSON body's hash stands in the URL as `bodySHA256`. Of the URL both spellings of port and of
    the last slash are accepted: Twilio's own SDK tries both ports, and proxies differ in slashes.

    Raises:
        WireError: the signature is wrong or missing, or the body is another.
    """
    query = dict(pairs(urlsplit(asked.url).query))
    told: list[tuple[str, str]] = []
    if "bodySHA256" in query:
        if not _same(hashlib.sha256(asked.body).hexdigest(), query["bodySHA256"]):
            raise _refuse()
    elif asked.method == "POST":
        told = pairs(asked.body.decode(errors="replace"))
    tail = "".join(key + value for key, value in sorted(set(told)))
    given = asked.headers.get(header, "")
    good = [_same(_sha1(secret, url + tail), given) for url in _spellings(asked.url)]
    if not secret or not any(good):
        raise _refuse()


def _sha1(secret: str, text: str) -> str:
    made = hmac.new(secret.encode(), text.encode(errors="replace"), hashlib.sha1)
    return base64.b64encode(made.digest()).decode()


def _spellings(url: str) -> Iterable[str]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    port = 443 if parts.scheme == "https" else 80  # wss too: Twilio's SDK does it so
    for place in (parts.netloc, host, f"{host}:{parts.port or port}"):
        for path in (parts.path, parts.path.rstrip("/"), parts.path.rstrip("/") + "/"):
            yield parts._replace(netloc=place, path=path).geturl()


# ---------------------------------------------------------------- Plivo


def check_plivo(asked: Asked, secret: str) -> str:
    """Plivo's V3: HMAC-SHA256 over URL, sorted query, sorted form and a nonce.

    Returns:
        the nonce.

    Raises:
        WireError: none of the signatures is right.
    """
    nonce = asked.headers.get("x-plivo-signature-v3-nonce", "")
    signed = f"{_plivo_text(asked)}.{nonce}".encode(errors="replace")
    made = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest())
    given = asked.headers.get("x-plivo-signature-v3", "")[:1024].split(",")
    good = [_same(made, one.strip()) for one in given]
    if not secret or not nonce or not any(good):
        raise _refuse()
    return nonce


def _plivo_text(asked: Asked) -> str:
    parts = urlsplit(asked.url)
    query = _sorted(pairs(parts.query))
    told = _sorted(pairs(asked.body.decode(errors="replace"))) if asked.method == "POST" else []
    text = f"{parts.scheme}://{parts.netloc}{parts.path}"
    if query or told:
        text += "?" + "&".join(f"{key}={value}" for key, value in query)
    if query and told:
        text += "."
    return text + "".join(key + value for key, value in told)


def _sorted(given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(given)


# ---------------------------------------------------------------- Vonage: a JWT


class _Claims(msgspec.Struct):
    iat: int
    jti: str = ""
    payload_hash: str = ""
    exp: int | None = None


class _Head(msgspec.Struct):
    alg: str


def check_jwt(asked: Asked, secret: str, now: float) -> str:
    """A bearer JWT (RFC 7519) signed with HS256, whose `payload_hash` is the body's SHA-256.

    `none` and every other algorithm is refused, whatever the token says of itself.

    Returns:
        the token's `jti`, or its signature where it has none.

    Raises:
        WireError: wrong, missing, too old, or of another body.
    """
    kind, _, token = asked.headers.get("authorization", "").partition(" ")
    head, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    signed = f"{head}.{body}".encode(errors="replace")
    made = hmac.new(secret.encode(), signed, hashlib.sha256).digest()
    wanted = base64.urlsafe_b64encode(made).rstrip(b"=")
    if not secret or kind.lower() != "bearer" or not _same(wanted, signature):
        raise _refuse()
    try:
        algorithm = msgspec.json.decode(_unpadded(head), type=_Head).alg
        claims = msgspec.json.decode(_unpadded(body), type=_Claims)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _refuse() from error
    if algorithm != "HS256" or (claims.exp is not None and now > claims.exp):
        raise _refuse()
    if asked.body and not _same(hashlib.sha256(asked.body).hexdigest(), claims.payload_hash):
        raise WireError("the signature is another body's", POLICY)
    check_recent(claims.iat, now)
    return claims.jti or signature


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# ---------------------------------------------------------------- Genesys


SKEW_S, FRESH_S = 3, 10
"""AudioHook's reference: made at most ten seconds ago, give or take three of clock skew."""

COVERED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)
"""What AudioHook's signature has to cover."""

_INPUT = re.compile(
    r'([A-Za-z][\w-]{0,31})=(\(("[^"]{1,64}"(?: "[^"]{1,64}")*)\)((?:;[^;]{1,300})+))'
)


def check_message(asked: Asked, key: str, secret: str, now: float) -> str:
    """An HTTP message signature (draft of RFC 9421, as AudioHook uses it), hmac-sha256.

    Args:
        asked: the upgrade.
        key: the API key that we gave to Genesys.
        secret: the client secret, in base64.
        now: seconds since 1970.

    Returns:
        the nonce.

    Raises:
        WireError: wrong, missing, too old, or it does not cover what matters.
    """
    matched = _INPUT.fullmatch(asked.headers.get("signature-input", "")[:2048])
    if matched is None:
        raise _refuse()
    label, parameters, listed, settings = matched.groups()
    names = re.findall(r'"([^"]+)"', listed)
    told = dict(part.partition("=")[::2] for part in settings[1:].split(";"))
    made = _signed_lines(asked, names, parameters)
    given = _between(asked.headers.get("signature", ""), f"{label}=:", ":")
    try:
        mac = hmac.new(base64.b64decode(secret, validate=True), made, hashlib.sha256).digest()
    except (binascii.Error, ValueError) as error:
        raise WireError("our client secret is not base64", POLICY) from error
    good = [
        bool(secret) and _same(base64.b64encode(mac), given),
        bool(key) and _same(key, asked.headers.get("x-api-key", "")),
        _same(key, _between(told.get("keyid", ""), '"', '"')),
        told.get("alg", '"hmac-sha256"') == '"hmac-sha256"',
        set(COVERED) <= set(names),
    ]
    nonce = _between(told.get("nonce", ""), '"', '"')
    if not all(good) or len(nonce) < 22:
        raise _refuse()
    _check_window(told, now)
    return nonce


def _check_window(told: Mapping[str, str], now: float) -> None:
    created, expires = told.get("created", ""), told.get("expires", "")
    if not (created.isascii() and created.isdigit() and len(created) < 12):
        raise _refuse()
    age = now - int(created)
    late = expires.isascii() and expires.isdigit() and now > int(expires[:12]) + SKEW_S
    if late or not -SKEW_S <= age <= FRESH_S + SKEW_S:
        raise WireError("the signature is too old, or our clock is wrong", POLICY)


def _signed_lines(asked: Asked, names: list[str], parameters: str) -> bytes:
    parts = urlsplit(asked.url)
    own = {
        "@request-target": parts.path + (f"?{parts.query}" if parts.query else ""),
        "@authority": parts.netloc.lower(),
    }
    lines = [f'"{name}": {own.get(name, asked.headers.get(name, ""))}' for name in names]
    return "\n".join([*lines, f'"@signature-params": {parameters}']).encode(errors="replace")


def _between(text: str, left: str, right: str) -> str:
    if not text.startswith(left) or not text.endswith(right) or len(text) < len(left) + len(right):
        return ""
    return text[len(left) : len(text) - len(right)]
