"""What we answer when the telephone rings, and what we ask of the provider afterwards."""

import json
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise import plugins
from tonewise.errors import PluginError, WireError
from tonewise.wire.call_control import document, element
from tonewise.wire.telephone import Answer, Asked, Provider, Ringing, Stream
from tonewise.wire.vocabulary import LONGEST_VALUE

STREAM = Stream(
    url="wss://voice.example.org/telephony/x",
    call="CA1",
    token="0a1b2c",
    caller={"tenant": "t1"},
    greeting="Hello & welcome",
)
RINGING = Ringing("CA1", "AC1", "+13125550100", "+13125550101")
ASKS = ("twilio", "signalwire", "telnyx", "vonage", "plivo", "exotel", "jambonz")
OPENS = ("genesys", "asterisk", "freeswitch", "audiosocket")


def provider(name: str, **options: object) -> Provider:
    try:
        return plugins.load("wire", name, options)
    except PluginError as error:
        pytest.skip(str(error))


def xml(answer: Answer) -> ElementTree.Element:
    assert answer.content_type.startswith("text/xml")
    assert answer.status == 200
    return ElementTree.fromstring(answer.body)


def test_every_wire_asks_or_opens_at_once():
    assert sorted((*ASKS, *OPENS)) == plugins.names("wire")
    for name in ASKS:
        assert provider(name).gives_token, name
    for name in OPENS:
        assert not provider(name).gives_token, name


@pytest.mark.parametrize("name", ["twilio", "signalwire", "telnyx"])
def test_twiml_greets_connects_and_hangs_up(name):
    response = xml(provider(name).answer(STREAM))
    assert [verb.tag for verb in response] == ["Say", "Connect", "Hangup"]
    assert response[0].text == "Hello & welcome"
    (stream,) = response[1]
    passed = {one.get("name"): one.get("value") for one in stream}
    assert passed == {"tenant": "t1", "call": "CA1", "token": "0a1b2c"}
    url = urlsplit(stream.get("url"))
    assert f"{url.scheme}://{url.netloc}{url.path}" == STREAM.url
    if name == "twilio":
        assert not url.query  # Twilio refuses a URL with one
        assert set(stream.keys()) == {"url"}
    if name == "telnyx":
        assert stream.get("bidirectionalMode") == "rtp"
        assert parse_qs(url.query) == {"call": ["CA1"], "token": ["0a1b2c"]}
    if name == "signalwire":
        assert stream.get("codec") == "L16@16000h"


@pytest.mark.parametrize("name", ["twilio", "signalwire", "telnyx", "plivo"])
def test_one_call_too_many_hears_the_busy_tone(name):
    (verb,) = xml(provider(name).refuse())
    assert verb.get("reason") == "busy"
    assert verb.tag == ("Hangup" if name == "plivo" else "Reject")


def test_plivo_passes_letters_and_digits_only():
    caller = {"tenant": "t-1", "long": "x" * 600}
    odd = Stream(STREAM.url, "c-1", "0a1b", caller)
    (verb,) = xml(provider("plivo").answer(odd))
    assert verb.text == STREAM.url
    assert verb.get("extraHeaders") == "tenant=t1,call=c1,token=0a1b"
    assert (verb.get("bidirectional"), verb.get("keepCallAlive")) == ("true", "true")


def test_vonages_ncco_keeps_its_headers_short():
    answer = provider("vonage").answer(Stream(STREAM.url, "u", "t", {"a": "1", "b": "x" * 500}))
    (connect,) = json.loads(answer.body)
    (endpoint,) = connect["endpoint"]
    assert endpoint["headers"] == {"a": "1", "call": "u", "token": "t"}
    assert endpoint["content-type"] == "audio/l16;rate=16000"
    assert json.loads(provider("vonage").refuse().body)[0]["action"] == "talk"


def test_exotel_is_told_a_url_of_at_most_three_parameters():
    (url,) = json.loads(provider("exotel").answer(STREAM).body).values()
    query = dict(parse_qsl(urlsplit(url).query))
    own = {"tenant": "t1", "call": "CA1", "token": "0a1b2c"}
    assert query == {"sample-rate": "16000", **own}
    assert len(urlsplit(url).query) <= 256
    assert provider("exotel").refuse().status == 503


def test_jambonz_listens_both_ways():
    first, listen, last = json.loads(provider("jambonz").answer(STREAM).body)
    assert (first["verb"], listen["verb"], last["verb"]) == ("say", "listen", "hangup")
    assert listen["bidirectionalAudio"] == {"enabled": True, "streaming": True, "sampleRate": 16000}
    assert listen["metadata"] == {"tenant": "t1", "token": "0a1b2c"}
    assert json.loads(provider("jambonz").refuse().body)[0]["status"] == 486


@pytest.mark.parametrize("name", OPENS)
def test_who_opens_the_stream_at_once_has_no_webhook(name):
    asked = Asked("POST", "https://h/", {}, b"CallSid=CA1")
    for refused in (
        lambda: provider(name).check_webhook(asked, "s", 0.0),
        lambda: provider(name).ringing(asked),
        lambda: provider(name).answer(STREAM),
    ):
        with pytest.raises(WireError):
            refused()
    assert provider(name).refuse().status == 503
    assert provider(name).transfer(RINGING, "+1312") is None
    assert provider(name).end(RINGING) is None


# ---------------------------------------------------------------- who rings

FORM = b"CallSid=CA1&AccountSid=AC1&From=%2B13125550100&To=%2B13125550101"
RINGS = {
    "twilio": FORM,
    "signalwire": FORM,
    "telnyx": FORM,
    "plivo": b"CallUUID=CA1&ParentAuthID=AC1&From=%2B13125550100&To=%2B13125550101",
    "exotel": b"CallSid=CA1&AccountSid=AC1&CallFrom=%2B13125550100&CallTo=%2B13125550101",
    "vonage": b'{"uuid":"CA1","conversation_uuid":"AC1","from":"+13125550100","to":"+13125550101"}',
    "jambonz": b'{"call_sid":"CA1","account_sid":"AC1","from":"+13125550100",'
    b'"to":"+13125550101","sip":{"headers":{}}}',
}


@pytest.mark.parametrize("name", RINGS)
def test_a_webhook_tells_who_calls_whom(name):
    assert provider(name).ringing(Asked("POST", "https://h/", {}, RINGS[name])) == RINGING


@pytest.mark.parametrize("name", ASKS)
@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"uuid":{}}', b"a=1&" * 400, b"x" * 70_000, b"[" * 9000]
)
def test_a_webhook_that_names_no_call_is_refused(name, body):
    with pytest.raises(WireError):
        provider(name).ringing(Asked("POST", "https://h/", {}, body))


# ---------------------------------------------------------------- hand over, hang up


def test_a_call_is_handed_to_a_person_by_the_providers_own_means():
    twilio = provider("twilio").transfer(RINGING, "+13125550199")
    assert twilio.url == "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1.json"
    assert (twilio.auth, twilio.user) == ("basic", "AC1")
    (twiml,) = parse_qs(twilio.body)["Twiml"]
    assert ElementTree.fromstring(twiml)[0][0].text == "+13125550199"

    sip = provider("telnyx").transfer(RINGING, "sip:anna@example.org")
    (texml,) = parse_qs(sip.body)["Texml"]
    assert ElementTree.fromstring(texml)[0][0].tag == "Sip"
    assert (sip.auth, sip.user) == ("bearer", "")

    vonage = provider("vonage").transfer(RINGING, "+13125550199")
    (connect,) = json.loads(vonage.body)["destination"]["ncco"]
    assert connect["endpoint"] == [{"type": "phone", "number": "13125550199"}]
    assert vonage.method == "PUT"

    where = "https://example.org/dial?to={to}"
    plivo = provider("plivo", transfer_url=where).transfer(RINGING, "+1 2")
    assert json.loads(plivo.body)["aleg_url"] == "https://example.org/dial?to=%2B1%202"
    jambonz = provider("jambonz", transfer_url=where).transfer(RINGING, "+1")
    assert json.loads(jambonz.body) == {"call_hook": "https://example.org/dial?to=%2B1"}
    space = provider("signalwire", space="a.signalwire.com").transfer(RINGING, "+1")
    assert urlsplit(space.url).netloc == "a.signalwire.com"


@pytest.mark.parametrize("name", ["plivo", "jambonz", "signalwire", "exotel"])
def test_who_cannot_transfer_says_so(name):
    assert provider(name).transfer(RINGING, "+1") is None


@pytest.mark.parametrize("name", ["twilio", "telnyx", "vonage", "plivo", "jambonz"])
def test_a_call_is_hung_up(name):
    asked = provider(name).end(RINGING)
    assert "CA1" in asked.url
    assert asked.method in ("POST", "PUT", "DELETE")


@pytest.mark.parametrize("name", ["twilio", "telnyx", "vonage", "plivo", "jambonz"])
def test_a_calls_name_leads_nowhere_else(name):
    asked = provider(name).end(Ringing("../../x?y#z", "AC1"))
    assert ".." not in asked.url.replace("..%2F..%2Fx%3Fy%23z", "")
    assert not urlsplit(asked.url).query


# ---------------------------------------------------------------- XML


@given(st.text(max_size=80), st.text(max_size=80))
def test_whatever_is_said_stays_text(text, value):
    response = ElementTree.fromstring(document(element("Say", text, voice=value)))
    (verb,) = response
    assert len(verb) == 0
    assert set(verb.keys()) <= {"voice"}
    shown = "".join(c for c in text if c >= " " and c < "\ufffe" and not "\ud800" <= c <= "\udfff")
    assert (verb.text or "") == shown.replace("\r", "\n")


@given(caller=st.dictionaries(st.text(max_size=20), st.text(max_size=LONGEST_VALUE), max_size=5))
@pytest.mark.parametrize("name", ASKS)
def test_any_caller_data_can_be_passed_on(name, caller):
    answer = provider(name).answer(Stream(STREAM.url, "CA1", "0a1b", caller))
    if answer.content_type == "application/json":
        json.loads(answer.body)
    else:
        xml(answer)
