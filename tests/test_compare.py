"""Two settings, the same calls: which callers would have been treated differently, in words."""

import pytest
from click.testing import CliRunner

from loudness_vad import sound
from recordings import write
from tonewise.cli.compare import command
from tonewise.events import AttemptEnded
from tonewise.facts import Transcript, VoiceCues
from tonewise.plan import Plan, Reason
from tonewise.replaying.comparison import Comparison, compared, text
from tonewise.replaying.comparison_page import page
from tonewise.replaying.turn_log import TurnTaken


def taken(start_s: float, route: str, cost: float, said: str = "hello", **cues) -> TurnTaken:
    tried = AttemptEnded(at=1.0, turn=1, attempt=1, model="m", outcome="answered", cost_usd=cost)
    return TurnTaken(
        number=1,
        start_s=start_s,
        end_s=start_s + 1,
        transcript=Transcript(said),
        cues=VoiceCues(speech_s=1.0, **cues),
        plan=Plan(route, ("m",), (Reason("x", f"because {route}"),), 0.3),
        replied_at=start_s + 1.7,
        attempts=[tried],
    )


BEFORE = [taken(1.0, "fast", 0.1, hesitation=0.2), taken(5.0, "fast", 0.1), taken(9.0, "fast", 0.1)]
AFTER = [taken(1.1, "frontier", 0.5, hesitation=0.4), taken(5.0, "fast", 0.1)]


@pytest.fixture
def found() -> Comparison:
    return compared([("one", BEFORE, AFTER), ("<two>", BEFORE[:1], BEFORE[:1])])


def test_routes_are_counted_side_by_side(found):
    assert found.confusion == {
        ("fast", "frontier"): 1,
        ("fast", "fast"): 2,
        ("fast", "none"): 1,
    }


def test_each_change_is_told_turn_by_turn(found):
    first, second = found.changes
    assert first.what == ("route fast → frontier", "hesitation 0.2 → 0.4")
    assert second.what == ("is no turn any more",)


def test_a_measure_is_compared_over_the_turns_that_both_runs_have(found):
    cost = found.difference("cost, USD")
    assert cost.turns == 3
    assert cost.before == pytest.approx(0.1)
    assert cost.after == pytest.approx(0.7 / 3)
    assert 0.0 <= cost.low <= cost.after - cost.before <= cost.high <= 0.2 + 1e-9
    assert found.difference("frustration") is None


def test_nothing_changes_between_a_run_and_itself():
    same = compared([("one", BEFORE, BEFORE)])
    assert same.changes == []
    assert {(d.low, d.high) for d in same.differences} == {(0.0, 0.0)}


def test_the_text_and_the_page_tell_it_and_no_name_is_taken_for_markup(found):
    told = "\n".join(text(found, "a.toml", "b.toml"))
    assert "2 calls, 4 turns; 2 take another route" in told
    assert "before  because fast" in told
    html = page(found, "a.toml", "b.toml")
    assert "&lt;two&gt;" in html
    assert "<two>" not in html
    assert "route fast → frontier" in html


def test_the_command_compares_two_files_of_settings(tmp_path):
    call = write(tmp_path / "call.wav", sound(("silence", 0.5), ("speech", 0.8), ("silence", 1.2)))
    common = (
        "[vad]\nuse = 'webrtc'\noptions = {aggressiveness = 0}\n"
        "[stt]\nuse = 'scripted'\noptions = {lines = ['is my contract still valid']}\n"
    )
    (tmp_path / "a.toml").write_text(common)
    (tmp_path / "b.toml").write_text(
        common + "[router]\nuse = 'thresholds'\n[router.options]\nfrontier_at = 0.01\n"
    )
    arguments = [str(tmp_path / "a.toml"), str(tmp_path / "b.toml"), str(call)]
    done = CliRunner().invoke(command, [*arguments, "--html", str(tmp_path / "page.html")])
    assert done.exit_code == 0, done.output
    assert "1 calls, 1 turns; 1 take another route" in done.output
    assert "route fast → frontier" in (tmp_path / "page.html").read_text()
