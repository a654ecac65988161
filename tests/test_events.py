"""One JSON form for everything that happens."""

import typing

import msgspec
import pytest

from tonewise.events import (
    AnyEvent,
    AttemptEnded,
    CallStarted,
    TurnMeasured,
    TurnRouted,
    from_json,
    to_json,
)
from tonewise.facts import Pauses, Term, VoiceCues
from tonewise.plan import Plan, Reason

EVERY_KIND = typing.get_args(AnyEvent)
ROUTED = TurnRouted(
    at=1.5,
    turn=1,
    plan=Plan("fast", ("a", "b"), (Reason("complexity", "short", 0.2, 0.5),), 0.2),
    routing_ms=0.4,
)


def test_an_event_survives_the_trip_through_json():
    cues = VoiceCues(1.0, Pauses(1, 0.4, 0.2), hesitation_terms=(Term("pause_ratio", 0.2, 0.1),))
    for event in (ROUTED, TurnMeasured(at=1.0, turn=1, cues=cues)):
        assert from_json(to_json(event)) == event


def test_the_kind_of_an_event_comes_first_and_is_written_in_words():
    assert to_json(ROUTED).startswith(b'{"event":"turn_routed"')


def test_what_the_wall_clock_measured_can_be_left_out():
    assert b"routing_ms" in to_json(ROUTED)
    assert b"routing_ms" not in to_json(ROUTED, wall=False)
    assert b'"value":0.2' in to_json(ROUTED, wall=False)


def test_a_cue_that_was_not_measured_is_absent_never_zero():
    line = to_json(TurnMeasured(at=1.0, turn=1, cues=VoiceCues(speech_s=0.0)))
    assert msgspec.json.decode(line)["cues"] == {"speech_s": 0.0}


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_wall_times_stand_in_fields_that_may_be_left_out(kind):
    """Else `wall=False` would not be an event any more."""
    for field in msgspec.structs.fields(kind):
        if field.name.endswith("_ms"):
            assert field.default is None


@pytest.mark.parametrize("kind", EVERY_KIND, ids=lambda kind: kind.__name__)
def test_an_event_never_changes(kind):
    assert kind.__struct_config__.frozen


def test_a_line_that_is_no_event_is_refused():
    with pytest.raises(msgspec.ValidationError):
        from_json(b'{"event":"moon_landed","at":1.0}')
    with pytest.raises(msgspec.DecodeError):
        from_json(b"hello")


def test_attempts_name_their_outcome():
    with pytest.raises(msgspec.ValidationError, match="outcome"):
        from_json(
            b'{"event":"attempt_ended","at":1.0,"turn":1,"attempt":1,"model":"m","outcome":"x"}'
        )
    assert AttemptEnded(at=0, turn=1, attempt=1, model="m", outcome="answered")


def test_two_calls_do_not_share_what_is_known_of_the_caller():
    one = CallStarted(at=0, call="a", wire="replay", engines={})
    two = CallStarted(at=0, call="b", wire="replay", engines={})
    assert one.caller is not two.caller
