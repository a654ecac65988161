"""What a replay must give: checked, told when it does not come, and written anew."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tonewise.errors import RecordingError
from tonewise.events import (
    AnyEvent,
    CallEnded,
    ReplyEnded,
    ReplyStreamed,
    SpeechStarted,
    StageFailed,
    TurnEnded,
    TurnMeasured,
    TurnRouted,
    TurnTranscribed,
)
from tonewise.facts import Pauses, Transcript, VoiceCues
from tonewise.plan import Plan, Reason
from tonewise.recording import tables
from tonewise.replaying import expecting
from tonewise.replaying.expectations import disappointments, read, told
from tonewise.replaying.words import word_errors


def turn(number: int, start_s: float, said: str, route: str, **cues) -> list[AnyEvent]:
    end_s, at = start_s + 1.0, start_s + 1.7
    plan = Plan(route, ("quick",), (Reason("complexity", f"it is {route}"),), 0.3)
    return [
        SpeechStarted(at=start_s + 0.1, turn=number, start_s=start_s),
        TurnEnded(at=at, turn=number, start_s=start_s, end_s=end_s, reason="patience"),
        TurnTranscribed(at=at, turn=number, transcript=Transcript(said)),
        TurnMeasured(at=at, turn=number, cues=VoiceCues(speech_s=1.0, **cues)),
        TurnRouted(at=at, turn=number, plan=plan),
        ReplyStreamed(at=at, turn=number, text="Your order is on its way."),
        ReplyEnded(at=at, turn=number, text="Your order is on its way.", outcome="answered"),
    ]


CALL = [
    *turn(1, 1.0, "where is my order", "fast", hesitation=0.2),
    *turn(2, 5.0, "and the other one", "frontier", pauses=Pauses(2, 0.5, 0.1)),
    CallEnded(at=8.0, reason="hung up", turns=2),
]


def checked(tmp_path, text: str, events: list[AnyEvent] | None = None) -> list[str]:
    path = tmp_path / "expect.toml"
    path.write_text(text)
    return [each.text for each in disappointments(read(path), CALL if events is None else events)]


FIRST = "[[turns]]\nat = [1.0, 2.0]\n"


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("[call]\nturns = 2", None),
        ("[call]\nturns = 3", "2 turns, expected 3"),
        ("[call]\nwithin_s = 0.7", None),
        ("[call]\nwithin_s = 0.6", "replied after 0.7 s, expected within 0.6 s"),
        ('[call]\norder = ["turn_ended", "turn_routed", "turn_ended", "call_ended"]', None),
        (
            '[call]\norder = ["turn_routed", "turn_measured", "turn_measured"]',
            "turn_measured did not happen where it was expected in the order",
        ),
        (FIRST + 'route = "fast"', None),
        (FIRST + 'route = "frontier"', "route fast, expected frontier"),
        (FIRST + 'said = "Where is my order?"\nwer = 0.0', None),
        (FIRST + 'said = "Where was the order?"\nwer = 0.5', None),
        (
            FIRST + 'said = "Where was the order?"',
            "WER 50%, expected at most 20%, of “Where was the order?”",
        ),
        (FIRST + 'reply_contains = ["ORDER", "way"]', None),
        (
            FIRST + 'reply_contains = ["refund"]',
            "the reply does not hold “refund”: “Your order is on its way.”",
        ),
        (FIRST + "within_s = 0.5", "replied after 0.7 s, expected within 0.5 s"),
        (FIRST + "cues = { hesitation = [0.1, 0.3], speech_s = [1, 1] }", None),
        (FIRST + "[turns.cues]\nhesitation = [0.3, 0.4]", "hesitation 0.2, expected 0.3 to 0.4"),
        (FIRST + "cues.arousal = [0.0, 1.0]", "arousal was not measured, expected 0.0 to 1.0"),
        ("[[turns]]\nat = [5, 6]\ncues.pauses = [2, 2]", None),
        ("[[turns]]\nat = [5, 6]\ncues.longest_pause_s = [0, 0.4]", "longest_pause_s 0.5, "),
        (
            '[[turns]]\nat = [3.0, 3.6]\nsaid = "hello"',
            "no turn was heard at 3.00 to 3.60 s, where “hello” was expected",
        ),
        ("[[turns]]\nat = [4.0, 5.2]\nroute = 'frontier'", None),
    ],
)
def test_every_kind_of_expectation_is_checked(tmp_path, wanted, complaint):
    found = checked(tmp_path, wanted)
    assert found == [] if complaint is None else found and found[0].startswith(complaint)


def test_a_failing_stage_is_never_expected_by_itself(tmp_path):
    broken = [*CALL, StageFailed(at=6.7, turn=2, stage="acoustic", engine="x", error="it broke")]
    assert checked(tmp_path, "", broken) == ["failed: acoustic: it broke"]
    assert checked(tmp_path, "[call]\nfailures = 1", broken) == []


def test_a_failure_tells_the_turn_what_was_heard_and_the_reasons_before_and_after(tmp_path):
    path = tmp_path / "expect.toml"
    path.write_text(FIRST + 'route = "frontier"\nreasons = ["it was frontier"]')
    assert told(disappointments(read(path), CALL)).splitlines() == [
        "turn 1  1.00 to 2.00 s",
        "  heard   “where is my order”",
        "  FAILED  route fast, expected frontier",
        "  before  it was frontier",
        "  now     it is fast",
    ]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (
            "[call]\n\nturn = 2",
            r"expect.toml:3: there is no key 'turn' \(did you mean 'turns'\?\); here ",
        ),
        ("[[turns]]\nat = [1, 2]\n\n[[turns]]\nroute = 'a'", r"expect.toml:4: turns\[1\]: .*`at`"),
        ("[[turns]]\nat = [1, 2]\n[[turns]]\nat = 3", r"expect.toml:4: turns\[1\].at: expected"),
        (FIRST + "[turns.cues]\nhesitatoin = [0, 1]", r"expect.toml:4: there is no cue 'hesita"),
        (FIRST + "cues = { hesitation = [1, 0] }", r"expect.toml:3: hesitation: no number"),
        ("[call]\norder = ['turn_ende']", r"expect.toml:2: there is no event 'turn_ende'; there"),
        ("[call]\nturns = = 2", r"expect.toml:2: invalid value"),
        (FIRST + "wer = 'low'", r"expect.toml:3: turns\[0\].wer: expected `float`"),
    ],
)
def test_a_wrong_file_is_told_with_file_and_line(tmp_path, wanted, complaint):
    with pytest.raises(RecordingError, match=complaint):
        checked(tmp_path, wanted)


# ---------------------------------------------------------------- written anew


def test_what_is_written_from_a_replay_is_met_by_it(tmp_path):
    path = tmp_path / "expect.toml"
    expecting.write(path, expecting.updated(None, CALL))
    wanted = read(path)
    assert disappointments(wanted, CALL) == []
    assert [turn.route for turn in wanted.turns] == ["fast", "frontier"]
    assert wanted.turns[0].reasons == ("it is fast",)
    assert wanted.turns[0].cues["hesitation"] == (0.1, 0.3)


def test_no_range_goes_beyond_what_a_cue_can_be():
    sure = turn(1, 1.0, "um, well, I do not know", "fast", hesitation=0.96)
    assert expecting.updated(None, sure).turns[0].cues["hesitation"] == (0.86, 1.0)


def test_an_update_keeps_what_holds_and_replaces_what_does_not(tmp_path):
    path = tmp_path / "expect.toml"
    path.write_text(
        "[call]\nwithin_s = 2.0\norder = ['call_ended', 'turn_ended']\n"
        + FIRST
        + "route = 'frontier'\nwer = 0.05\nwithin_s = 0.9\nreply_contains = ['order', 'refund']\n"
        + "cues = { hesitation = [0.0, 0.9], loudness_dbfs = [-90, 0], speech_s = [3, 4] }\n"
    )
    expecting.write(path, expecting.updated(read(path), CALL))
    wanted = read(path)
    first = wanted.turns[0]
    assert disappointments(wanted, CALL) == []
    assert (wanted.call.within_s, wanted.call.order) == (2.0, ())
    assert (first.route, first.wer, first.within_s) == ("fast", 0.05, 0.9)
    assert first.reply_contains == ("order",)
    assert first.cues == {"hesitation": (0.0, 0.9), "speech_s": (0.7, 1.3)}


@given(
    st.dictionaries(
        st.text(min_size=1),
        st.recursive(
            st.text() | st.integers(-(2**60), 2**60) | st.booleans() | st.floats(-1e9, 1e9),
            lambda inner: st.dictionaries(st.text(min_size=1), inner, min_size=1, max_size=3),
            max_leaves=5,
        ),
        max_size=4,
    )
)
def test_what_is_written_as_toml_is_read_as_it_was(table):
    import tomllib

    assert tomllib.loads(tables.written(table)) == table


# ---------------------------------------------------------------- word errors


@pytest.mark.parametrize(
    ("reference", "heard", "rate"),
    [
        ("", "", 0.0),
        ("", "a", 1.0),
        ("a b c d", "", 1.0),
        ("Where's my order?", "where’s MY order", 0.0),
        ("a b c d", "a x c d", 0.25),
        ("a b c d", "a b c d e", 0.25),
        ("a b c d", "b c d", 0.25),
        ("a", "x y z", 3.0),
    ],
)
def test_word_errors_are_counted_per_word_of_the_reference(reference, heard, rate):
    assert word_errors(reference, heard) == rate


@given(st.lists(st.sampled_from("abc"), min_size=1), st.lists(st.sampled_from("abc"), min_size=1))
def test_word_errors_agree_with_an_independent_count(reference, heard):
    jiwer = pytest.importorskip("jiwer")
    ours = word_errors(" ".join(reference), " ".join(heard))
    assert ours == pytest.approx(jiwer.wer(" ".join(reference), " ".join(heard)))


# ---------------------------------------------------------------- on the command line


def test_the_command_writes_expectations_checks_them_and_fails_where_they_are_not_met(
    tmp_path, monkeypatch
):
    from loudness_vad import sound
    from recordings import write
    from tonewise.cli.replay import command

    call = write(tmp_path / "call.wav", sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2)))
    settings = tmp_path / "settings.toml"
    settings.write_text(
        "[vad]\nuse = 'webrtc'\noptions = {aggressiveness = 0}\n"
        "[stt]\nuse = 'scripted'\noptions = {lines = ['where is my order']}\n"
    )

    def run(*options: str) -> tuple[int, str]:
        done = CliRunner().invoke(command, [*options, "-c", str(settings), str(call)])
        return done.exit_code, done.output

    assert run()[0] == 0
    assert "wrote" in run("--update")[1]
    path = tmp_path / "call.expect.toml"
    assert run()[0] == 0
    path.write_text(path.read_text().replace('"fast"', '"frontier"'))
    code, output = run("--json")
    assert code == 1
    assert "1 of what is expected did not come" in output
    assert "FAILED  route fast, expected frontier" in output
