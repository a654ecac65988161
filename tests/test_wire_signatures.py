"""Who may call: signatures, tokens, replay. Nothing wrong, old, repeated or another's passes."""

import base64
import hashlib
import hmac
import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise import plugins
from tonewise.errors import WireError
from tonewise.wire.stream_token import LIFETIME_S, Once, check, mint
from tonewise.wire.telephone import Asked

NOW = 1_790_000_000.0
SECRET = "a-secret-of-ours"
FORM = {"CallSid": "CA1", "From": "+13125550100", "To": "+13125550101", "Empty": ""}
URL = "https://voice.example.org/telephony/x"


def sha1(url: str, form: dict[str, str]) -> str:
    text = url + "".join(key + form[key] for key in sorted(form))
    return b64(hmac.new(SECRET.encode(), text.encode(), hashlib.sha1).digest())


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def url64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def twilio(form: dict[str, str] = FORM, url: str = URL, **changed: str) -> Asked:
    return Asked(
        "POST", url, {"x-twilio-signature": sha1(url, form)}, urlencode(form | changed).encode()
    )


def plivo(nonce: str = "n-1", **changed: str) -> Asked:
    text = URL + "?" + "".join(key + FORM[key] for key in sorted(FORM)) + "." + nonce
    signature = b64(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())
    headers = {
        "x-plivo-signature-v3": f"old=,{signature}",
        "x-plivo-signature-v3-nonce": nonce,
    }
    return Asked("POST", URL, headers, urlencode(FORM | changed).encode())


def vonage(algorithm: str = "HS256", body: bytes = b'{"uuid":"u"}', **claims: object) -> Asked:
    signed_body = b'{"uuid":"u"}'
    told = {"iat": NOW, "jti": "j-1", "payload_hash": hashlib.sha256(signed_body).hexdigest()}
    told = {key: value for key, value in (told | claims).items() if value is not None}
    told["iat"] = int(told["iat"])
    text = f"{url64(json.dumps({'alg': algorithm}).encode())}.{url64(json.dumps(told).encode())}"
    made = url64(hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest())
    made = "" if algorithm == "none" else made
    return Asked("POST", URL, {"authorization": f"Bearer {text}.{made}"}, body)


KEY, CLIENT = "key-1", b64(b"client-secret")
COVERED = (
    "@request-target",
    "@authority",
    "audiohook-organization-id",
    "audiohook-session-id",
    "audiohook-correlation-id",
    "x-api-key",
)


def genesys(covered=COVERED, nonce="n" * 22, created=NOW, key=KEY, **changed: str) -> Asked:
    headers = {
        "audiohook-organization-id": "o-1",
        "audiohook-session-id": "s-1",
        "audiohook-correlation-id": "c-1",
        "x-api-key": KEY,
    }
    own = {"@request-target": "/telephony/genesys?x=1", "@authority": "voice.example.org"}
    listed = " ".join(f'"{name}"' for name in covered)
    told = (
        f'({listed});keyid="{key}";nonce="{nonce}";alg="hmac-sha256";'
        f"created={int(created)};expires={int(created) + 10}"
    )
    lines = [f'"{name}": {(own | headers)[name]}' for name in covered]
    text = "\n".join([*lines, f'"@signature-params": {told}'])
    made = hmac.new(base64.b64decode(CLIENT), text.encode(), hashlib.sha256).digest()
    signed = {"signature-input": f"sig1={told}", "signature": f"sig1=:{b64(made)}:"}
    return Asked("GET", "wss://voice.example.org/telephony/genesys?x=1", headers | signed | changed)


def basic(given: str = SECRET) -> Asked:
    return Asked("POST", URL, {"authorization": "Basic " + b64(given.encode())})


def unsigned(asked: Asked) -> Asked:
    return Asked(asked.method, asked.url, {}, asked.body)


def webhook(name: str, asked: Asked, secret: str = SECRET, now: float = NOW) -> str:
    return plugins.load("wire", name).check_webhook(asked, secret, now)


def upgrade(name: str, asked: Asked, secret: str, now: float = NOW) -> str:
    return plugins.load("wire", name).check_upgrade(asked, secret, now)


GENUINE = {
    "twilio": twilio(),
    "twilio wss": Asked("GET", "wss://h/t/", {"x-twilio-signature": sha1("wss://h/t", {})}),
    "signalwire": twilio(),
    "plivo": plivo(),
    "vonage": vonage(),
    "exotel": basic(),
    "jambonz": basic(),
}


@pytest.mark.parametrize("name", GENUINE)
def test_what_the_provider_signed_is_let_in(name):
    webhook(name.split()[0], GENUINE[name])


@pytest.mark.parametrize("name", GENUINE)
def test_unsigned_wrongly_signed_and_unset_secrets_are_refused(name):
    for asked, secret in (
        (unsigned(GENUINE[name]), SECRET),
        (GENUINE[name], "another secret"),
        (GENUINE[name], ""),
        (unsigned(GENUINE[name]), ""),
    ):
        with pytest.raises(WireError) as refused:
            webhook(name.split()[0], asked, secret)
        assert refused.value.close_code == 1008
        assert SECRET not in str(refused.value)


WRONG = {
    "twilio, another field": ("twilio", twilio(From="+1900")),
    "twilio, one more field": ("twilio", twilio(Extra="1")),
    "twilio, another host": (
        "twilio",
        Asked("POST", "https://evil.example/telephony/x", twilio().headers, twilio().body),
    ),
    "plivo, another field": ("plivo", plivo(From="+1900")),
    "plivo, no nonce": ("plivo", plivo("")),
    "vonage, another body": ("vonage", vonage(body=b'{"uuid":"other"}')),
    "vonage, no algorithm": ("vonage", vonage("none")),
    "vonage, another algorithm": ("vonage", vonage("HS512")),
    "vonage, old": ("vonage", vonage(iat=NOW - 301)),
    "vonage, from the future": ("vonage", vonage(iat=NOW + 301)),
    "vonage, expired": ("vonage", vonage(exp=int(NOW) - 1)),
    "vonage, body not covered": ("vonage", vonage(payload_hash=None)),
    "exotel, another password": ("exotel", basic("user:other")),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_changed_on_the_way_is_refused(name):
    wire, asked = WRONG[name]
    with pytest.raises(WireError):
        webhook(wire, asked)


def test_genesys_signs_the_upgrade():
    assert upgrade("genesys", genesys(), f"{KEY}:{CLIENT}") == "n" * 22


GENESYS_WRONG = {
    "a header changed": genesys(**{"audiohook-session-id": "s-2"}),
    "a header not covered": genesys(covered=COVERED[:-1]),
    "a short nonce": genesys(nonce="short"),
    "too old": genesys(created=NOW - 14),
    "from the future": genesys(created=NOW + 4),
    "another key": genesys(key="key-2"),
    "another key in the header": genesys(**{"x-api-key": "key-2"}),
    "no signature": genesys(signature=""),
    "no input": genesys(**{"signature-input": ""}),
    "a hostile input": genesys(**{"signature-input": "sig1=(" + '"a" ' * 5000}),
}


@pytest.mark.parametrize("name", GENESYS_WRONG)
def test_genesys_upgrades_that_are_wrong_are_refused(name):
    with pytest.raises(WireError):
        upgrade("genesys", GENESYS_WRONG[name], f"{KEY}:{CLIENT}")


@pytest.mark.parametrize("secret", ["", ":", KEY, f"{KEY}:", f":{CLIENT}", f"{KEY}:not base64!"])
def test_genesys_without_its_credentials_lets_nobody_in(secret):
    with pytest.raises(WireError):
        upgrade("genesys", genesys(), secret)


@pytest.mark.parametrize("name", ["asterisk", "freeswitch"])
def test_ones_own_switch_brings_a_password(name):
    upgrade(name, basic(), SECRET)
    for asked, secret in ((basic("x:y"), SECRET), (unsigned(basic()), SECRET), (basic(""), "")):
        with pytest.raises(WireError):
            upgrade(name, asked, secret)


def test_a_json_webhook_of_twilios_is_signed_by_its_hash():
    body = b'{"CallSid":"CA1"}'
    url = f"{URL}?bodySHA256={hashlib.sha256(body).hexdigest()}"
    headers = {"x-twilio-signature": sha1(url, {})}
    webhook("twilio", Asked("POST", url, headers, body))
    with pytest.raises(WireError):
        webhook("twilio", Asked("POST", url, headers, body + b" "))


def test_telnyx_signs_with_its_key():
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    key, another = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    public, other = (b64(one.public_key().public_bytes_raw()) for one in (key, another))
    body = b"CallSid=v3%3Ax"

    def asked(stamp: float = NOW, body: bytes = body) -> Asked:
        signature = b64(key.sign(f"{int(stamp)}|".encode() + b"CallSid=v3%3Ax"))
        stamped = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": str(int(stamp))}
        return Asked("POST", URL, stamped, body)

    assert webhook("telnyx", asked(), public)
    for wrong, secret in (
        (asked(NOW - 301), public),
        (asked(NOW + 301), public),
        (asked(body=b"CallSid=other"), public),
        (asked(), other),
        (asked(), ""),
        (asked(), "AAAA"),
        (unsigned(asked()), public),
    ):
        with pytest.raises(WireError):
            webhook("telnyx", wrong, secret)


NAMES = ("twilio", "plivo", "vonage", "exotel", "jambonz", "signalwire")
HEADERS = (
    "x-twilio-signature",
    "x-plivo-signature-v3",
    "x-plivo-signature-v3-nonce",
    "authorization",
    "signature-input",
    "signature",
    "x-api-key",
)


@given(
    name=st.sampled_from((*NAMES, "genesys", "asterisk", "freeswitch")),
    headers=st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=80)),
    url=st.text(max_size=60),
    body=st.binary(max_size=60),
)
def test_whatever_a_stranger_sends_is_refused_in_order(name, headers, url, body):
    check = webhook if name in NAMES else upgrade
    with pytest.raises(WireError):
        check(name, Asked("POST", f"https://h/{url}", headers, body), f"user:{CLIENT}")


# ---------------------------------------------------------------- the one-time token

OURS = b"sixteen bytes or more"


def test_a_token_is_good_for_its_call_and_its_minute():
    token = mint(OURS, "CA1", NOW)
    check(OURS, "CA1", token, NOW)
    check(OURS, "CA1", token, NOW + LIFETIME_S)
    assert token.isalnum()
    assert len(token) == 42


@pytest.mark.parametrize(
    ("secret", "call", "late"),
    [(OURS, "CA2", 0), (b"another server's", "CA1", 0), (OURS, "CA1", LIFETIME_S + 1)],
)
def test_a_token_of_another_call_server_or_hour_is_refused(secret, call, late):
    with pytest.raises(WireError):
        check(secret, call, mint(OURS, "CA1", NOW), NOW + late)


@given(token=st.none() | st.text(max_size=60))
def test_a_guessed_token_is_refused(token):
    with pytest.raises(WireError):
        check(OURS, "CA1", token, NOW)


@given(at=st.integers(0, 41), digit=st.sampled_from("0123456789abcdef"))
def test_a_token_with_one_digit_changed_is_refused(at, digit):
    token = mint(OURS, "CA1", NOW)
    changed = token[:at] + digit + token[at + 1 :]
    if changed != token:
        with pytest.raises(WireError):
            check(OURS, "CA1", changed, NOW)


def test_what_came_once_does_not_come_again_while_it_is_good():
    once = Once(most=3)
    assert once.first("a", NOW, 60)
    assert not once.first("a", NOW + 59, 60)
    assert once.first("a", NOW + 61, 60)
    assert once.first("b", NOW + 61, 60)
    assert once.first("c", NOW + 61, 60)
    assert not once.first("d", NOW + 61, 60)  # full: better no call than a replayed one
    assert once.first("d", NOW + 122, 60)
