"""The plain protocol, message by message, and whose pages may call. No socket."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.audio import from_pcm16
from tonewise.errors import WireError
from tonewise.peer import Heard, HungUp, Misasked, Played, Rated, Tuned
from tonewise.tuning import Tuning
from tonewise.wire.origin import host_is_ours, is_loopback, origin_is_welcome
from tonewise.wire.plain import PlainWire


def begun(**start: object) -> PlainWire:
    wire = PlainWire()
    wire.begin(json.dumps({"type": "start", **start}))
    return wire


def heard(wire: PlainWire, chunks: list[bytes]) -> np.ndarray:
    return np.concatenate([wire.read(chunk).samples for chunk in chunks])


def test_start_says_what_is_known_of_the_caller():
    message = '{"type":"start","rate":8000,"language":"de","caller":{"tier":"gold","calls":3}}'
    start, first = PlainWire().begin(message)
    assert (start.rate, start.language, first) == (8000, "de", None)
    assert start.caller == {"tier": "gold", "calls": 3}


def test_a_call_may_begin_with_audio():
    start, first = PlainWire().begin(b"\x00\x40" * 160)
    assert start.rate == 16_000
    assert isinstance(first, Heard)
    assert len(first.samples) == 160


def test_played_and_stop_are_understood():
    assert begun().read('{"type":"played","turn":3}') == Played(3)
    assert begun().read('{"type":"stop"}') == HungUp("hung up")


def test_wishes_and_verdicts_are_understood():
    tune = {"type": "tune", "weights": {"cost": 2}, "patience": 1.5, "only": ["quick"]}
    assert begun().read(json.dumps(tune)) == Tuned(Tuning({"cost": 2.0}, 1.5, ("quick",)))
    assert begun().read('{"type":"tune"}') == Tuned(Tuning())
    said = begun().read('{"type":"feedback","turn":3,"score":1,"label":"resolved"}')
    assert said == Rated(3, 1.0, "resolved")


@pytest.mark.parametrize(
    ("message", "request_", "says"),
    [
        ('{"type":"tune","weights":{"cost":-1}}', "tune", "weights"),
        ('{"type":"tune","weights":{"cost":"much"}}', "tune", "weights"),
        ('{"type":"tune","patience":99}', "tune", "patience: expected `float` <= 4"),
        ('{"type":"tune","only":"quick"}', "tune", "only"),
        ('{"type":"tune","temperature":2}', "tune", "unknown field `temperature`"),
        ('{"type":"feedback","turn":3}', "feedback", "missing required field `score`"),
        ('{"type":"feedback","turn":0,"score":1}', "feedback", "turn"),
        ('{"type":"feedback","turn":1,"score":7}', "feedback", "score: expected `float` <= 1"),
    ],
)
def test_a_wish_that_is_no_wish_is_answered_and_ends_no_call(message, request_, says):
    wire = begun()
    misasked = wire.read(message)
    assert isinstance(misasked, Misasked)
    assert misasked.request == request_
    assert says in misasked.problem
    assert wire.read('{"type":"stop"}') == HungUp("hung up")


@given(pcm=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=8))
def test_a_message_may_end_anywhere_even_inside_a_sample(pcm: bytes, cuts: list[int]):
    edges = [0, *sorted(cut for cut in cuts if cut <= len(pcm)), len(pcm)]
    chunks = [pcm[a:b] for a, b in pairwise(edges)]
    whole = from_pcm16(pcm[: len(pcm) // 2 * 2])
    np.testing.assert_array_equal(heard(begun(), chunks), whole)


@pytest.mark.parametrize("rate", [8_000, 11_025, 24_000, 44_100, 48_000])
def test_any_rate_comes_out_at_16_khz(rate: int):
    tone = np.sin(2 * np.pi * 300 * np.arange(rate * 2) / rate)
    pcm = (tone * 10_000).astype("<i2").tobytes()
    out = heard(begun(rate=rate), [pcm[i : i + 999] for i in range(0, len(pcm), 999)])
    assert len(out) == pytest.approx(32_000, abs=160)
    crossings = np.count_nonzero(np.diff(np.signbit(out)))
    assert crossings / (len(out) / 16_000) / 2 == pytest.approx(300, abs=3)


@pytest.mark.parametrize(
    ("message", "code", "says"),
    [
        ("", 1007, "not JSON"),
        ("hello", 1007, "not JSON"),
        ('{"type":"stop"', 1007, "not JSON"),
        ('{"type":"start","caller":{"name":"\\ud800"}}', 1007, "not JSON"),
        ("[" * 8000, 1007, "expected `object`"),
        ("[]", 1007, "expected `object`"),
        ("{}", 1003, "choose start, played, press, emotion, tune, feedback or stop"),
        ('{"type":"dance"}', 1003, "choose start, played, press, emotion, tune, feedback or stop"),
        ('{"type":5}', 1003, "choose start, played, press, emotion, tune, feedback or stop"),
        ('{"type":"start","rate":1}', 1007, "rate: expected `int` >= 8000"),
        ('{"type":"start","rate":1e9}', 1007, "rate"),
        ('{"type":"start","rat":8000}', 1007, "unknown field `rat`"),
        ('{"type":"start","language":"English"}', 1007, "language"),
        ('{"type":"start","language":"en\\n"}', 1007, "language"),
        ('{"type":"start","caller":{"a":[1]}}', 1007, "caller"),
        ('{"type":"start","caller":{"a":1e999}}', 1007, "caller"),
        ('{"type":"start","caller":{"a":' + "9" * 40 + "}}", 1007, "caller.a"),
        (json.dumps({"type": "start", "caller": {"a": "x" * 5000}}), 1007, "4096"),
        (json.dumps({"type": "start", "caller": {f"k{i}": 1 for i in range(33)}}), 1007, "32"),
        (json.dumps({"type": "start", "caller": {"a": "x" * 9000}}), 1009, "8192"),
        ('{"type":"played","turn":-1}', 1007, "turn"),
        ('{"type":"played"}', 1007, "turn"),
        (b"\x00" * 65_537, 1009, "at most 65536"),
    ],
)
def test_garbage_is_refused_with_a_code_and_a_word_on_what_would_be_right(message, code, says):
    with pytest.raises(WireError, match=says) as refused:
        PlainWire().begin(message)
    assert refused.value.close_code == code


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_whatever_comes_it_is_a_message_or_a_wire_error(message: str | bytes):
    try:
        read = begun().read(message)
    except WireError as error:
        read = error
    assert isinstance(read, Heard | Played | HungUp | WireError)


def test_deeply_nested_json_is_refused():
    """As too deep, or for what it says: how deep is too deep depends on the Python."""
    with pytest.raises(WireError) as refused:
        PlainWire().begin('{"x":' + "[" * 3900 + "]" * 3900 + "}")
    assert refused.value.close_code in (1003, 1007)


def test_start_comes_once():
    with pytest.raises(WireError, match="first message") as refused:
        begun().read('{"type":"start"}')
    assert refused.value.close_code == 1008


@pytest.mark.parametrize(
    ("origin", "host", "welcome"),
    [
        (None, "127.0.0.1:8600", True),
        ("http://127.0.0.1:8600", "127.0.0.1:8600", True),
        ("http://localhost:8600", "127.0.0.1:8600", True),
        ("http://[::1]:8600", "localhost:8600", True),
        ("http://localhost:3000", "localhost:8600", False),
        ("http://localhost", "localhost:8600", False),
        ("http://evil.example", "localhost:8600", False),
        ("http://localhost.evil.example:8600", "localhost:8600", False),
        ("http://localhost:8600@evil.example:8600", "localhost:8600", False),
        ("http://evil.example:8600", "localhost:8600", False),
        ("null", "localhost:8600", False),
        ("", "localhost:8600", False),
        ("file://", "localhost:8600", False),
        ("http://", "localhost:8600", False),
        ("http://localhost:99999", "localhost:8600", False),
        ("https://voice.example", "voice.example", True),
        ("https://voice.example", "voice.example:443", True),
        ("https://voice.example", "other.example", False),
        ("https://friend.example", "localhost:8600", True),
        ("https://friend.example/", "localhost:8600", True),
        ("http://friend.example", "localhost:8600", False),
    ],
)
def test_only_our_own_pages_and_named_origins_may_call(origin, host, welcome):
    assert origin_is_welcome(origin, host, ["https://friend.example"]) is welcome


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_these_are_loopback(host: str):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "0.0.0.0", "::", "192.168.1.5", "evil.example", "localhost."])
def test_these_are_not(host: str):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost:8600", True),
        ("[::1]:8600", True),
        ("friend.example", True),
        ("evil.example:8600", False),
        ("", False),
        ("localhost:x", False),
        ("127.0.0.1.evil.example", False),
    ],
)
def test_a_name_that_is_not_ours_is_dns_rebinding(host: str, ours: bool):
    assert host_is_ours(host, ["https://friend.example"]) is ours
