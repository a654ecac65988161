"""Every telephone wire, held to one contract: what the provider says becomes the same events."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phones import CALL, PHONES, Phone, decode, tone
from tonewise import plugins
from tonewise.errors import PluginError, WireError
from tonewise.peer import Pressed
from tonewise.wire.sound import Format
from tonewise.wire.telephone import (
    Due,
    Flow,
    Marked,
    Media,
    Reported,
    Started,
    Stopped,
    Wire,
)

each = pytest.mark.parametrize("name", PHONES)


def each_that(fits: Callable[[Phone], bool]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [name for name in PHONES if fits(PHONES[name]())])


NO_SIGN = ("freeswitch", "jambonz")
"""Nothing marks their first message, so that the same again is no second start."""


def dialled(name: str) -> tuple[Phone, Wire]:
    """A phone, and our end of its wire; nothing said yet."""
    phone = PHONES[name]()
    return phone, opened(phone, phone.options)


def opened(phone: Phone, options: dict[str, Any]) -> Wire:
    try:
        return plugins.load("wire", phone.wire, options).open(phone.query)
    except PluginError as error:  # as where `cryptography` is not installed
        pytest.skip(str(error))


def connected(name: str) -> tuple[Phone, Wire]:
    """A phone whose stream has started."""
    phone, wire = dialled(name)
    for message in [*phone.hello(), phone.start()]:
        wire.read(message)
    wire.accept()
    return phone, wire


def said(events: list) -> np.ndarray:
    sound = [event.samples for event in events if isinstance(event, Media)]
    return np.concatenate(sound) if sound else np.zeros(0, np.float32)


def likeness(found: np.ndarray, wanted: np.ndarray) -> float:
    """How much of `wanted` is in `found`: 1 is all; a short delay is made good first."""
    delays = range(400)
    size = len(wanted) - 2 * 400
    best = max(
        delays,
        key=lambda delay: float(found[400 + delay : 400 + delay + size] @ wanted[400 : 400 + size]),
    )
    part, whole = found[400 + best : 400 + best + size], wanted[400 : 400 + size]
    return 1 - float(np.sum((part - whole) ** 2) / np.sum(whole**2))


def test_the_room_lists_the_telephone_wires_and_nothing_else():
    assert plugins.names("wire") == sorted({PHONES[name]().wire for name in PHONES})


# ---------------------------------------------------------------- a call, from start to end


@each
def test_a_start_tells_who_calls_and_how_it_sounds(name):
    phone, wire = dialled(name)
    assert [wire.read(message) for message in phone.hello()] == [[] for _ in phone.hello()]
    (started,) = wire.read(phone.start())
    assert isinstance(started, Started)
    assert started.call == phone.call
    assert started.stream
    assert started.format == phone.form
    assert dict(started.caller) == phone.caller
    assert started.token == phone.token


@each
def test_the_caller_is_heard_as_they_spoke(name):
    phone, wire = connected(name)
    spoken = tone(1.0, phone.form.rate)
    heard = said([event for message in phone.speaking(spoken) for event in wire.read(message)])
    assert len(heard) == pytest.approx(16_000, abs=400)
    assert likeness(np.pad(heard, (0, 2000)), tone(1.0)) > 0.99


@each
def test_the_caller_hears_what_we_say(name):
    phone, wire = connected(name)
    words = tone(1.0)
    sent = [m for at in range(0, 16_000, 320) for m in wire.media(words[at : at + 320])]
    sent += wire.rest()
    form = phone.out_form()
    heard = decode(phone.heard(sent), form)
    assert len(heard) == pytest.approx(form.rate, abs=0.21 * form.rate)
    wanted = tone(1.0, form.rate)
    assert likeness(np.pad(heard, (0, 2000)), wanted) > 0.99


@each
def test_frames_to_the_caller_are_all_of_one_size(name):
    phone, wire = connected(name)
    sent = wire.media(tone(0.5)) + wire.rest()
    assert len({len(phone.heard([message])) for message in sent}) == 1
    assert wire.rest() == []


@each_that(lambda phone: phone.marks)
def test_marks_come_back_once_and_not_after_a_clear(name):
    phone, wire = connected(name)
    assert wire.marks
    wire.mark("t1")
    wire.mark("t2")
    assert wire.read(phone.reached("t1")) == [Marked("t1")]
    assert wire.read(phone.reached("t1")) == []
    assert wire.read(phone.reached("nobody's")) == []
    wire.clear()
    assert wire.read(phone.reached("t2")) == []


@each
def test_a_clear_drops_what_fills_no_frame(name):
    _, wire = connected(name)
    wire.media(tone(0.015))
    wire.clear()
    assert wire.rest() == []


@each
def test_keys_are_heard(name):
    phone, wire = connected(name)
    for digit in "0123456789*#ABCD":
        assert wire.read(phone.key(digit)) == [Pressed(digit)]
    with pytest.raises(WireError):
        wire.read(phone.key("x"))
    with pytest.raises(WireError):
        wire.read(phone.key("12"))


@each_that(lambda phone: phone.stops)
def test_a_stop_ends_the_call(name):
    phone, wire = connected(name)
    *before, last = wire.read(phone.stop())
    assert last == Stopped("hung up")
    assert all(isinstance(event, Due) for event in before)


# ---------------------------------------------------------------- what may not be


@each_that(lambda phone: phone.wire != "freeswitch")  # its metadata is optional
def test_sound_before_the_start_is_a_strangers(name):
    phone, wire = dialled(name)
    with pytest.raises(WireError) as refused:
        for message in phone.speaking(tone(0.02, phone.form.rate)):
            wire.read(message)
    assert refused.value.close_code == 1008


@each_that(lambda phone: phone.wire not in NO_SIGN)
def test_a_second_start_is_refused(name):
    phone, wire = connected(name)
    with pytest.raises(WireError) as refused:
        wire.read(phone.start())
    assert refused.value.close_code == 1008


@each_that(lambda phone: phone.wire in NO_SIGN)
def test_where_nothing_marks_a_start_a_second_one_says_nothing(name):
    phone, wire = connected(name)
    assert wire.read(phone.start()) == []


@each_that(lambda phone: phone.wire != "audiosocket")  # its length has two bytes
def test_a_message_too_big_is_refused(name):
    phone, wire = connected(name)
    with pytest.raises(WireError) as refused:
        wire.read(phone.sound(b"\x00" * 70_000))
    assert refused.value.close_code == 1009


@each_that(lambda phone: phone.wire != "audiosocket")  # it has no text
def test_deep_json_and_broken_json_are_refused(name):
    _, wire = connected(name)
    deep = '{"event":' + "[" * 40_000
    for message in (deep, '{"event":"media","media":', '{"a":"\\ud800', "{" * 50_000):
        with pytest.raises(WireError):
            wire.read(message)


@each_that(lambda phone: phone.wire in ("twilio", "telnyx", "plivo", "signalwire"))
def test_what_the_other_way_carries_is_no_callers_sound(name):
    phone, wire = connected(name)
    assert wire.read(phone.sound(b"\x00" * 160, track="outbound")) == []


@each_that(lambda phone: hasattr(phone, "told"))
def test_a_kind_of_message_that_is_new_says_nothing(name):
    phone, wire = connected(name)
    assert wire.read(phone.told("brand_new")) == []


@each_that(lambda phone: isinstance(phone.sound(b""), str))
def test_text_and_binary_are_not_mixed_up(name):
    _, wire = connected(name)
    (reported,) = wire.read(b"\x00" * 160)
    assert isinstance(reported, Reported)


# ---------------------------------------------------------------- hostile messages


KNOWN = (Started, Media, Marked, Pressed, Flow, Reported, Due, Stopped)


def mangled(message: str | bytes, seed: int) -> str | bytes:
    """A message with a few bytes changed, dropped, doubled, or a number made absurd."""
    chance = np.random.default_rng(seed)
    data = bytearray(message.encode() if isinstance(message, str) else message)
    for _ in range(int(chance.integers(1, 6))):
        at = int(chance.integers(0, max(1, len(data))))
        size = int(chance.integers(1, 9))
        match int(chance.integers(0, 6)):
            case 0:
                del data[at : at + size]
            case 1:
                data[at:at] = bytes(chance.integers(0, 256, size, dtype=np.uint8))
            case 2:
                data[at : at + 1] = bytes(chance.integers(32, 127, 1, dtype=np.uint8))
            case 3:
                data[at:at] = data[at : at + 64]
            case 4:
                data = data[:at]
            case 5:
                word = (b"null", b"-1", b"1e308", b'"\\u0000"', b"[]", b"{}", b"9" * 30, b"true")
                colon = data.find(b":", at)
                if colon >= 0:
                    data[colon + 1 : colon + 1 + size] = word[int(chance.integers(0, len(word)))]
    return data.decode(errors="replace") if isinstance(message, str) else bytes(data)


def survives(name: str, count: int) -> None:
    """Any message gives events that are known, or a WireError with a close code."""
    seed = 0
    while seed < count:
        phone, wire = dialled(name)
        marks = [phone.reached("t1")] if phone.marks else []
        stops = [phone.stop()] if phone.stops else []
        talk = phone.speaking(tone(0.04, phone.form.rate))
        for message in [*phone.hello(), phone.start(), *talk, *marks, phone.key("5"), *stops]:
            wire.mark("t1")
            seed += 1
            events = tried(wire, mangled(message, seed) if seed % 3 else message)
            assert sum(len(e.samples) for e in events if isinstance(e, Media)) < 16_000 * 12


def tried(wire: Wire, message: str | bytes) -> list:
    try:
        events = wire.read(message)
    except WireError as error:
        refused = error
    else:
        assert all(isinstance(event, KNOWN) for event in events)
        return events
    assert 1002 <= refused.close_code <= 1013
    return []


@each
def test_hostile_messages_end_nothing_but_their_own_call(name):
    survives(name, 300)


@pytest.mark.slow
@each
def test_ten_thousand_hostile_messages_end_nothing_but_their_own_call(name):
    survives(name, 10_000)


@each
@settings(deadline=None, max_examples=40)
@given(message=st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_any_text_or_bytes_are_read_or_refused(name, message):
    for phone, wire in (dialled(name), connected(name)):
        assert phone.wire
        tried(wire, message)


@settings(deadline=None, max_examples=40)
@given(cuts=st.lists(st.integers(1, 700), min_size=1, max_size=40))
def test_tcp_may_cut_the_packets_anywhere(cuts):
    phone, wire = dialled("audiosocket")
    whole = b"".join(
        [phone.start(), *phone.speaking(tone(0.2, 8000)), phone.key("5"), phone.stop()]
    )
    events, at = [], 0
    for cut in [*cuts, len(whole)]:
        events += wire.read(whole[at : at + cut])
        at += cut
    assert isinstance(events[0], Started)
    assert events[-2:] == [Pressed("5"), Stopped("hung up")]
    assert len(said(events)) == pytest.approx(3200, abs=64)


# ---------------------------------------------------------------- one provider's own ways


def test_audiosocket_learns_its_rate_from_the_first_packet_of_sound():
    phone = PHONES["audiosocket 16 kHz"]()
    wire = plugins.load("wire", "audiosocket").open({})
    wire.read(phone.start())
    heard = said([event for m in phone.speaking(tone(0.5, 16_000)) for event in wire.read(m)])
    assert likeness(np.pad(heard, (0, 2000)), tone(0.5)) > 0.99
    assert len(phone.heard(wire.media(tone(0.2)))) == 6400


def test_packets_out_of_order_are_put_right():
    phone, wire = connected("telnyx")
    spoken = phone.speaking(tone(1.0, 8000))
    for at in range(0, 48, 3):
        spoken[at], spoken[at + 1] = spoken[at + 1], spoken[at]
    heard = said([event for message in spoken for event in wire.read(message)])
    assert likeness(np.pad(heard, (0, 2000)), tone(1.0)) > 0.99


@pytest.mark.parametrize("name", ["telnyx", "twilio", "plivo", "exotel"])
def test_a_lost_packet_leaves_its_time_behind(name):
    phone, wire = connected(name)
    spoken = phone.speaking(tone(1.0, phone.form.rate))
    lost = len(spoken) // 5
    kept = spoken[: 2 * lost] + spoken[3 * lost :]
    events = [event for message in kept for event in wire.read(message)]
    assert len(said(events)) == pytest.approx(16_000, abs=640)
    filled = sum(event.filled for event in events if isinstance(event, Media))
    assert filled == pytest.approx(3200, abs=320)


def test_a_clock_that_leaps_costs_at_most_two_seconds():
    phone, wire = connected("twilio")
    first, *_ = phone.speaking(tone(0.02, 8000))
    phone.chunk = 10**7
    later, *_ = phone.speaking(tone(0.02, 8000))
    assert len(said(wire.read(first) + wire.read(later))) < 2.1 * 16_000


def test_genesys_counts_its_messages_and_is_answered():
    phone, wire = dialled("genesys stereo")
    wire.read(phone.start())
    (opened,) = map(json.loads, wire.accept())
    assert opened["type"] == "opened"
    assert (opened["seq"], opened["clientseq"]) == (1, 1)
    (media,) = opened["parameters"]["media"]
    assert media == {
        "type": "audio",
        "format": "PCMU",
        "channels": ["external", "internal"],
        "rate": 8000,
    }
    (due,) = wire.read(phone.told("ping", rtt="PT0.1S"))
    pong = json.loads(due.message)
    assert (pong["type"], pong["seq"], pong["clientseq"]) == ("pong", 2, 2)
    phone.next()
    with pytest.raises(WireError, match="message 3 was next"):
        wire.read(phone.told("ping"))


def test_genesys_plays_all_or_tells_nothing():
    phone, wire = connected("genesys")
    wire.mark("t1")
    wire.mark("t2")
    assert wire.read(phone.told("playback_completed")) == [Marked("t1"), Marked("t2")]
    assert wire.read(phone.told("discarded", start="PT1S", discarded="PT0.5S")) == []
    assert len(said(wire.read(b"\xff" * 160))) == pytest.approx(8320, abs=64)


@pytest.mark.parametrize("name", ["asterisk", "asterisk plain"])
def test_asterisk_is_answered_as_it_speaks(name):
    phone, wire = dialled(name)
    wire.read(phone.start())
    as_json = name == "asterisk"
    assert wire.accept() == ['{"command":"ANSWER"}' if as_json else "ANSWER"]
    mark = '{"command":"MARK_MEDIA","correlation_id":"t1"}' if as_json else "MARK_MEDIA t1"
    assert wire.mark("t1") == [mark]
    assert wire.clear() == ['{"command":"FLUSH_MEDIA"}' if as_json else "FLUSH_MEDIA"]
    assert wire.hang_up("bye") == ['{"command":"HANGUP"}' if as_json else "HANGUP"]
    assert wire.read(phone.told("MEDIA_XOFF")) == [Flow(paused=True)]
    assert wire.read(phone.told("MEDIA_XON")) == [Flow(paused=False)]


def test_jambonz_says_whether_a_mark_was_played_or_cleared():
    _, wire = connected("jambonz")
    wire.mark("t1")
    cleared = {"type": "mark", "data": {"name": "t1", "event": "cleared"}}
    assert wire.read(json.dumps(cleared)) == []


def test_freeswitch_needs_no_metadata():
    engine = plugins.load("wire", "freeswitch", {"rate": 16_000, "playback": "fork"})
    wire = engine.open({"call": CALL})
    started, media = wire.read(bytes(640))
    assert started.call == CALL
    assert started.format == Format("l16", 16_000)
    assert isinstance(media, Media)
    assert json.loads(wire.clear()[0]) == {"type": "killAudio"}
    (sent,) = map(json.loads, wire.media(tone(0.21)))
    assert sent["data"]["sampleRate"] == 16_000


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("plivo", ['{"event":"sendDTMF","dtmf":"12#"}']),
        ("audiosocket", [b"\x03\x00\x011", b"\x03\x00\x012", b"\x03\x00\x01#"]),
        ("twilio", []),
    ],
)
def test_keys_are_pressed_where_there_are_means(name, wanted):
    _, wire = connected(name)
    assert wire.press("12#") == wanted


@pytest.mark.parametrize("name", ["signalwire", "telnyx L16"])
def test_l16_in_network_byte_order_can_be_told(name):
    phone = PHONES[name]()
    phone.form = Format("l16", 16_000, big_endian=True)
    wire = opened(phone, {"big_endian": True})
    wire.read(phone.start())
    heard = said([event for m in phone.speaking(tone(0.5, 16_000)) for event in wire.read(m)])
    assert likeness(np.pad(heard, (0, 2000)), tone(0.5)) > 0.99


@pytest.mark.parametrize("name", ["vonage", "plivo L16", "jambonz", "freeswitch"])
def test_a_message_cut_inside_a_sample_costs_nothing_but_itself(name):
    phone, wire = connected(name)
    wire.read(phone.sound(b"\x01" * 639))
    spoken = phone.speaking(tone(0.5, phone.form.rate))
    heard = said([event for message in spoken for event in wire.read(message)])
    assert likeness(np.pad(heard, (0, 2000)), tone(0.5)) > 0.98


def test_what_is_too_loud_is_bent_and_never_cut():
    phone, wire = connected("vonage")
    sent = wire.media(tone(0.5, level=1.0))
    heard = decode(phone.heard(sent), Format("l16", 16_000))
    assert 0.6 < float(np.abs(heard).max()) < 0.72


@pytest.mark.parametrize(
    "message",
    [
        '{"event":"start","start":{"callSid":"CA","mediaFormat":{"encoding":"OPUS"}}}',
        '{"event":"start","start":{"callSid":"CA","mediaFormat":{"sampleRate":1}}}',
        '{"event":"start","start":{"callSid":"CA","mediaFormat":{"sampleRate":"x","channels":9}}}',
        '{"event":"start","start":{}}',
        '{"event":"start"}',
    ],
)
def test_a_start_that_cannot_be_heard_is_refused(message):
    with pytest.raises(WireError):
        plugins.load("wire", "twilio").open({}).read(message)


def test_too_many_or_too_long_parameters_do_not_cost_the_call():
    wire = plugins.load("wire", "twilio").open({})
    given = {f"k{number}": "v" for number in range(100)} | {"big": "x" * 5000, "deep": {"a": 1}}
    start = {"callSid": "CA1", "customParameters": given}
    (started,) = wire.read(json.dumps({"event": "start", "start": start}))
    assert len(started.caller) == 32
    assert "big" not in started.caller
