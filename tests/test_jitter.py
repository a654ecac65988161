"""Sound packets on a rough line, and what stands at the door of a WebRTC call: all without one."""

import random
import statistics
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.errors import WireError
from tonewise.settings import WebRtc
from tonewise.wire.ice import MOST_CANDIDATES, ice_servers, usable
from tonewise.wire.jitter import MOST_HELD, PATIENCE_S, JitterBuffer, Packet
from tonewise.wire.turnstile import MOST_ADDRESSES, Turnstile

SPACING_S = 0.02


def packet(number: int, source: int = 0) -> Packet:
    return Packet(number % 65_536, number * 960 % 2**32, str(number).encode(), source)


def sent_over(line: list[float | None], first: int = 0) -> tuple[list[tuple[int, float]], int]:
    """What comes out: number and delay of each packet; `line` has each packet's delay or loss."""
    buffer = JitterBuffer()
    coming = sorted(
        (number * SPACING_S + delay, number)
        for number, delay in enumerate(line)
        if delay is not None
    )
    out: list[tuple[int, float]] = []
    now = 0.0

    def take() -> None:
        for each in buffer.ready(now):
            number = int(each.payload) - first
            out.append((number, now - number * SPACING_S))

    for at, number in [*coming, (len(line) * SPACING_S + 1, None)]:
        while (wait := buffer.wait_s(now)) is not None and now + wait < at:
            now += wait + 1e-9
            take()
        now = at
        if number is not None:
            buffer.put(packet(first + number), now)
        take()
    return out, buffer.lost


# ---------------------------------------------------------------- order and delay


def test_what_comes_in_its_turn_goes_on_at_once():
    out, lost = sent_over([0.03] * 50)
    assert [number for number, _ in out] == list(range(50))
    assert max(delay for _, delay in out) == pytest.approx(0.03)
    assert lost == 0


@given(
    st.lists(st.floats(0, 0.08), min_size=1, max_size=60),
    st.integers(0, 65_535),
)
def test_packets_that_overtake_each_other_come_out_in_order_and_none_is_given_up(delays, first):
    delays[0] = 0.0
    out, lost = sent_over(delays, first)
    assert [number for number, _ in out] == list(range(len(delays)))
    assert lost == 0


def test_one_lost_packet_costs_that_packet_and_nobody_is_late_for_long():
    line: list[float | None] = [0.0] * 100
    line[40] = None
    out, lost = sent_over(line)
    assert [number for number, _ in out] == [n for n in range(100) if n != 40]
    assert lost == 1
    late = [number for number, delay in out if delay > 0.001]
    assert set(late) <= set(range(41, 47))
    assert max(delay for _, delay in out) == pytest.approx(PATIENCE_S, abs=0.001)


def test_five_minutes_of_loss_and_jitter_and_the_delay_does_not_grow():
    chance = random.Random(7)
    minutes, per_minute = 5, 3000
    line = [
        None if chance.random() < 0.05 else chance.uniform(0, 0.08)
        for _ in range(minutes * per_minute)
    ]
    line[0] = 0.0
    out, lost = sent_over(line)
    survived = [number for number, delay in enumerate(line) if delay is not None]
    assert [number for number, _ in out] == survived
    assert lost == pytest.approx(len(line) - len(survived), abs=3)
    delays = [delay for _, delay in out]
    medians = [
        statistics.median(delays[at : at + 2800]) for at in range(0, len(delays) - 2800, 2800)
    ]
    assert max(medians) - min(medians) < 0.01
    assert max(delays) <= 0.08 + PATIENCE_S
    assert statistics.median(delays) < 0.09


# ---------------------------------------------------------------- odd streams


def test_a_packet_that_comes_twice_or_too_late_is_left_out():
    buffer = JitterBuffer()
    for number in (5, 5, 6, 8):
        buffer.put(packet(number), 0.0)
    assert [each.number for each in buffer.ready(0.0)] == [5, 6]
    assert [each.number for each in buffer.ready(PATIENCE_S)] == [8]
    buffer.put(packet(7), 0.2)
    assert buffer.ready(9.0) == []
    assert (buffer.lost, buffer.late) == (1, 2)


def test_a_sender_that_starts_anew_is_heard_at_once():
    buffer = JitterBuffer()
    for each in (packet(100), packet(102), packet(30_000), packet(30_001), packet(7, source=9)):
        buffer.put(each, 0.0)
    assert [each.number for each in buffer.ready(0.0)] == [7]


def test_what_waits_has_an_end():
    buffer = JitterBuffer()
    buffer.put(packet(0), 0.0)
    assert len(buffer.ready(0.0)) == 1
    for number in range(2, MOST_HELD + 2):
        assert buffer.ready(0.0) == []
        buffer.put(packet(number), 0.0)
    assert len(buffer.ready(0.0)) == MOST_HELD


@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, 1), st.floats(0, 1)), max_size=80))
def test_whatever_comes_no_packet_comes_out_twice_and_nothing_waits_for_ever(stream):
    buffer, now, out = JitterBuffer(), 0.0, 0
    for number, source, later in stream:
        now += later
        buffer.put(Packet(number, 0, b"", source), now)
        out += len(buffer.ready(now))
    for _ in range(len(stream) + 1):
        now += PATIENCE_S
        out += len(buffer.ready(now))
    assert out <= len(stream)
    assert buffer.wait_s(now) is None


# ---------------------------------------------------------------- offers

OFFER = """v=0
o=- 1 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=rtpmap:111 opus/48000/2
a=candidate:1 1 udp 2122 192.0.2.9 54400 typ host
a=candidate:2 1 udp 2122 0c1b.local 54401 typ host
a=candidate:3 1 tcp 1518 192.0.2.9 9 typ host tcptype active
a=candidate:4 1 udp 2122 internal.example 80 typ host
a=end-of-candidates
"""


def test_of_an_offer_only_addresses_are_kept_and_no_name_is_looked_up():
    kept = usable(OFFER)
    assert "192.0.2.9 54400" in kept
    for gone in (".local", "tcptype", "internal.example", "end-of-candidates"):
        assert gone not in kept


def test_an_offer_cannot_send_us_to_a_thousand_places():
    line = "a=candidate:1 1 udp 2122 192.0.2.9 54400 typ host\n"
    assert usable(OFFER + line * 1000).count("a=candidate") <= MOST_CANDIDATES


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("v=0", "x"), "SDP"),
        (("m=audio 9", "m=audio 0"), "sound"),
        (("m=audio 9", "m=video 9"), "sound"),
        (("opus/48000/2", "PCMU/8000"), "Opus"),
    ],
)
def test_an_offer_without_sound_that_we_know_is_refused_with_a_reason(change, told):
    with pytest.raises(WireError, match=told):
        usable(OFFER.replace(*change))


@given(st.text() | st.text().map(lambda text: OFFER + text))
def test_whatever_is_offered_is_taken_or_refused(text):
    with suppress(WireError):
        assert usable(text).startswith("v=0")


def test_the_page_is_told_of_the_servers_that_are_set():
    assert ice_servers(WebRtc(), "", 0) == []
    told = ice_servers(WebRtc(stun="stun:s:1", turn="turn:t", turn_user="u"), "pw", 0)
    assert told[0] == {"urls": ["stun:s:1"]}
    assert told[1] == {"urls": ["turn:t"], "username": "u", "credential": "pw"}


def test_a_shared_secret_makes_credentials_that_expire():
    (told,) = ice_servers(WebRtc(turn="turn:t"), "north", 1_000_000)
    assert told["username"] == "1021600"
    # printf 1021600 | openssl dgst -sha1 -hmac north -binary | base64
    assert told["credential"] == "kV6NncgBsNDfv3SmnK0uadLfs60="


# ---------------------------------------------------------------- visits


def test_so_many_visits_a_minute_and_then_one_at_a_time():
    door = Turnstile(per_minute=6)
    assert [door.wait_s("a", 0.0) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]
    assert door.wait_s("b", 0.0) == 0
    assert door.wait_s("a", 9.0) == pytest.approx(1)
    assert door.wait_s("a", 10.0) == 0
    assert door.wait_s("a", 10.0) > 0


def test_a_million_addresses_are_not_remembered():
    door = Turnstile(per_minute=6)
    for number in range(MOST_ADDRESSES + 500):
        assert door.wait_s(str(number), number / 1000) == 0
    assert len(door._left) <= MOST_ADDRESSES
