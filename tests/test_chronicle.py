"""The events of a call become records: one decision a turn, and what the caller did after it."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loudness_vad import sound
from test_call import TURN, Line, conduct, engines
from test_spoken_calls import Peer, Sure, speaking
from tonewise import engines as all_engines
from tonewise import events as e
from tonewise.aftermath import RIGHT_AFTER_S
from tonewise.chronicle import Chronicle
from tonewise.config import Config
from tonewise.facts import Term, Transcript, VoiceCues
from tonewise.live_events import FeedbackGiven
from tonewise.peer import Heard, HungUp
from tonewise.plan import Plan, Reason, Skipped
from tonewise.pseudonyms import pseudonyms
from tonewise.records import (
    AnyRecord,
    CallBegan,
    CallOver,
    Decided,
    Followed,
    Judged,
    Replied,
    Tried,
    from_json,
    to_json,
)
from tonewise.replaying.rehearsal import Source, replay
from tonewise.routing.thanks import takes_leave, thanks
from tonewise.settings import Early, Endpoint, Stt, Tts, Vad

SAMPLES = sorted((Path(__file__).parents[1] / "web" / "samples").glob("*.flac"))
KEY = b"a key of this test only"


class Clock:
    """A second passes at each look."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def fresh(*, keeps_words: bool = False, wire: str = "websocket") -> Chronicle:
    return Chronicle("c1", wire, pseudonyms(KEY), keeps_words, Clock())


def told(events: Iterable[e.AnyEvent], **options: bool) -> list[AnyRecord]:
    chronicle = fresh(**options)
    return [record for event in events for record in chronicle.note(event)]


def of(kind: type, records: Iterable[AnyRecord]) -> list:
    return [record for record in records if type(record) is kind]


# ---------------------------------------------------------------- logs by hand


def plan(frustration: float | None = 0.05, **more: object) -> Plan:
    return Plan(
        "fast",
        ("quick",),
        (Reason("complexity", "simple"),),
        0.1,
        **{"frustration": frustration, **more},
    )  # type: ignore[arg-type]


def started(**caller: str) -> e.CallStarted:
    return e.CallStarted(at=0.0, call="c1", wire="websocket", engines={}, caller=caller)


def taken(turn: int, text: str, at: float) -> list[e.AnyEvent]:
    """A turn up to its words."""
    return [
        e.SpeechStarted(at=at, turn=turn, start_s=at),
        e.SpeechPaused(at=at + 1, turn=turn),
        e.TurnEnded(at=at + 1.5, turn=turn, start_s=at, end_s=at + 1, reason="patience"),
        e.TurnTranscribed(at=at + 1.5, turn=turn, transcript=Transcript(text)),
        e.TurnMeasured(at=at + 1.5, turn=turn, cues=VoiceCues(1.0)),
    ]


def routed(turn: int, at: float, frustration: float | None = 0.05, **more: object) -> e.TurnRouted:
    return e.TurnRouted(at=at + 1.5, turn=turn, plan=plan(frustration, **more))


def attempt(turn: int, at: float, number: int = 1, **more: object) -> e.AttemptEnded:
    given = {"model": "quick", "outcome": "answered", "cost_usd": 0.001, **more}
    return e.AttemptEnded(at=at, turn=turn, attempt=number, **given)  # type: ignore[arg-type]


def replied(
    turn: int, at: float, text: str = "All right.", outcome: str = "answered"
) -> list[e.AnyEvent]:
    return [
        e.ReplyStreamed(at=at, turn=turn, text=text or "All"),
        attempt(turn, at),
        e.ReplyEnded(at=at, turn=turn, text=text, outcome=outcome, model="quick"),  # type: ignore[arg-type]
    ]


def answered(turn: int, text: str, at: float, frustration: float | None = 0.05) -> list[e.AnyEvent]:
    """A turn and its whole reply, which is over at second `at` + 3."""
    return [*taken(turn, text, at), routed(turn, at, frustration), *replied(turn, at + 3)]


def ended(at: float, reason: str = "hung up", turns: int = 1) -> e.CallEnded:
    return e.CallEnded(at=at, reason=reason, turns=turns)


ORDER = "where is my order from last week"


def test_a_call_is_told_from_hello_to_goodbye():
    log = [started(user="ada"), *answered(1, ORDER, 1), *answered(2, "thanks", 9, 0.2), ended(60)]
    records = told(log)
    assert [type(record) for record in records] == [
        CallBegan,
        Decided,
        Tried,
        Replied,
        Followed,
        Decided,
        Tried,
        Replied,
        Followed,
        CallOver,
    ]
    began, first, tried, reply, after, *_, last, over = records
    assert began == CallBegan(at=began.at, call="c1", wire="websocket", caller=first.user)
    assert (first.decision, first.source, first.call, first.turn) == ("c1.1", "call", "c1", 1)
    assert tried == Tried(
        at=tried.at, decision="c1.1", attempt=1, model="quick", outcome="answered", cost_usd=0.001
    )
    assert (reply.outcome, reply.model) == ("answered", "quick")
    assert after == Followed(
        at=after.at, decision="c1.1", frustration=0.2, before=0.05, thanked=True
    )
    assert last == Followed(at=last.at, decision="c1.2", before=0.2)
    assert over == CallOver(at=over.at, call="c1", reason="hung up", turns=1, seconds=60)
    assert [record.at for record in records] == sorted(record.at for record in records)


def test_a_try_tells_the_task_of_its_turn_so_that_models_are_measured_by_task():
    log = [*taken(1, ORDER, 1), attempt(1, 2, early=True), routed(1, 1, task="coding")]
    records = told([*log, *replied(1, 4), *answered(2, "and then", 9)])
    assert [each.task for each in of(Tried, records)] == [None, "coding", None]


def test_every_record_survives_its_json():
    log = [started(user="ada"), *answered(1, ORDER, 1), *answered(2, "thanks", 9), ended(60)]
    assert all(from_json(to_json(record)) == record for record in told(log))


@pytest.mark.parametrize(
    ("next_turn", "signals"),
    [
        ("what are your opening hours", ()),
        ("I said where is my order from last week", ("repeated",)),
        ("where's my order? from last week!", ("repeated",)),
        ("great, thank you. And my invoice?", ("thanked",)),
        ("can you send it to the office by Friday, thanks", ()),
        ("thanks for nothing", ()),
    ],
)
def test_the_next_turn_tells_what_the_reply_was_worth(next_turn, signals):
    log = [started(), *answered(1, ORDER, 1), *answered(2, next_turn, 9), ended(60)]
    first = of(Followed, told(log))[0]
    assert {name for name in ("repeated", "thanked") if getattr(first, name)} == set(signals)


@pytest.mark.parametrize(
    ("text", "end", "hung_up"),
    [
        (ORDER, ended(5.5), True),
        (ORDER, ended(5.5, "the caller left"), True),
        (ORDER, ended(4 + RIGHT_AFTER_S + 0.1), False),
        (ORDER, ended(5.5, "the agent ended the call"), False),
        (ORDER, ended(5.5, "the server stops"), False),
        (ORDER, ended(5.5, "end of recording"), False),
        (ORDER, ended(5.5, "handed over to a person"), False),
        (ORDER, ended(5.5, "the connection is lost: nothing came for 10 s"), False),
        ("okay thanks, bye", ended(5.5), False),
        ("Danke, auf Wiederhören!", ended(5.5), False),
        ("no, that's all", ended(5.5), False),
    ],
)
def test_hanging_up_on_a_reply_counts_when_the_caller_does_it_soon_and_without_a_word(
    text, end, hung_up
):
    (followed,) = of(Followed, told([started(), *answered(1, text, 1), end]))
    assert followed.hung_up is hung_up


def test_hanging_up_within_the_reply_counts_and_is_no_interruption():
    log = [
        started(),
        *taken(1, ORDER, 1),
        routed(1, 1),
        *replied(1, 3, "It was", "interrupted"),  # by the end of the call: nobody spoke
        ended(3),
    ]
    records = told(log)
    (followed,) = of(Followed, records)
    assert (followed.hung_up, followed.interrupted) == (True, False)
    assert of(Replied, records)[0].outcome == "interrupted"


def test_who_says_thanks_and_hangs_up_before_it_is_answered_has_not_hung_up_on_us():
    log = [started(), *answered(1, ORDER, 1), *taken(2, "thank you, bye", 5), ended(7)]
    (followed,) = of(Followed, told(log))
    assert (followed.thanked, followed.hung_up) == (True, False)
    log = [started(), *answered(1, ORDER, 1), *taken(2, ORDER, 5), ended(7)]
    (followed,) = of(Followed, told(log))
    assert (followed.repeated, followed.hung_up) == (True, True)


def test_talking_over_the_reply_is_an_interruption():
    log = [
        *taken(1, ORDER, 1),
        routed(1, 1),
        e.ReplySounded(at=3, turn=1, first_sound_ms=700),
        e.ReplyHeld(at=4, turn=1),
        e.ReplyInterrupted(at=4.2, turn=1),
        *replied(1, 4.3, "It was", "interrupted"),
        *answered(2, "no, the other one", 4),
        ended(60),
    ]
    records = told(log)
    assert of(Followed, records)[0].interrupted
    assert not of(Followed, records)[1].interrupted
    assert [each.first_sound_ms for each in of(Replied, records)] == [700, None]


def test_a_sound_over_the_reply_that_wants_nothing_is_no_interruption():
    held = [e.ReplyHeld(at=3, turn=1), e.ReplyResumed(at=3.5, turn=1)]
    log = [*taken(1, ORDER, 1), routed(1, 1), *held, *replied(1, 5), ended(60)]
    assert not of(Followed, told(log))[0].interrupted


def test_going_on_before_a_word_of_the_reply_was_there_interrupts_nothing():
    silent = e.ReplyEnded(at=3.3, turn=1, text="", outcome="interrupted")
    log = [
        *taken(1, ORDER, 1),
        routed(1, 1),
        e.ReplyInterrupted(at=3, turn=1),
        e.SpeechStarted(at=3, turn=2, start_s=3),
        attempt(1, 3.3, outcome="cancelled"),
        silent,
        *answered(2, "and the one before", 3),
        ended(60),
    ]
    records = told(log)
    assert not of(Followed, records)[0].interrupted
    assert of(Replied, records)[0].outcome == "interrupted"


def test_a_turn_that_was_talked_past_belongs_to_the_decision_after_it():
    log = [
        started(),
        *answered(1, "what does the premium plan cost", 1),
        *taken(2, "what does the premium", 9),
        e.ReplyInterrupted(at=11, turn=2),  # nothing was routed: it is no reply of ours
        *taken(3, "plan cost", 11),
        routed(3, 11, 0.4),
        *replied(3, 14),
        ended(60),
    ]
    records = told(log, keeps_words=True)
    assert [each.decision for each in of(Decided, records)] == ["c1.1", "c1.3"]
    assert of(Decided, records)[1].said == "what does the premium plan cost"
    first, second = of(Followed, records)
    assert (first.decision, first.repeated, first.interrupted) == ("c1.1", True, False)
    assert (first.frustration, second.before) == (0.4, 0.4)


def test_a_cough_after_the_words_leaves_the_decision_with_the_words():
    log = [
        started(),
        *taken(1, ORDER, 1),
        e.ReplyInterrupted(at=3, turn=1),
        *taken(2, "", 3),
        e.TurnIgnored(at=5, turn=2, reason="no words were heard"),
        routed(1, 3),
        e.ReplySounded(at=6, turn=1),
        e.ReplyInterrupted(at=7, turn=2),  # the floor was turn 2's
        *replied(1, 7, "It was", "interrupted"),
        *answered(3, "which one", 7),
        ended(60),
    ]
    records = told(log)
    assert [each.decision for each in of(Decided, records)] == ["c1.1", "c1.3"]
    assert [each.interrupted for each in of(Followed, records)] == [True, False]


def test_what_early_starts_cost_is_told_and_their_numbers_are_their_own():
    log = [
        *taken(1, ORDER, 1)[:2],
        attempt(1, 2, outcome="cancelled", early=True),
        e.SpeechResumed(at=2, turn=1, paused_s=0.4),
        attempt(1, 3, outcome="cancelled", early=True),
        *taken(1, ORDER, 3)[2:],
        routed(1, 3),
        attempt(1, 5, 1, outcome="no_first_token"),
        attempt(1, 6, 2),
        attempt(1, 6, 1, outcome="cancelled", early=True),  # let go late
        *replied(1, 6)[2:],
        attempt(2, 9, outcome="cancelled", early=True),  # of a turn that was never routed
        ended(60),
    ]
    tries = of(Tried, told(log))
    assert [(each.decision, each.attempt, each.early) for each in tries] == [
        ("c1.1", 0, True),
        ("c1.1", -1, True),
        ("c1.1", 1, False),
        ("c1.1", 2, False),
        ("c1.1", -2, True),
        ("c1.2", 0, True),
    ]
    assert len(of(Decided, told(log))) == 1


def test_a_reply_that_lets_go_late_is_still_told_before_what_followed():
    log = [
        *taken(1, ORDER, 1),
        routed(1, 1),
        e.ReplySounded(at=3, turn=1),
        e.ReplyInterrupted(at=4, turn=1),
        *taken(2, "stop", 4),
        routed(2, 4),
        *replied(1, 7, "It was", "interrupted"),
        *replied(2, 8),
        ended(60),
    ]
    kinds = [
        (type(r), r.decision) for r in told(log) if isinstance(r, Decided | Replied | Followed)
    ]
    assert kinds == [
        (Decided, "c1.1"),
        (Decided, "c1.2"),
        (Replied, "c1.1"),
        (Followed, "c1.1"),
        (Replied, "c1.2"),
        (Followed, "c1.2"),
    ]


def test_a_turn_that_no_model_answered_has_a_reply_that_failed():
    log = [
        *taken(1, ORDER, 1),
        routed(1, 1),
        attempt(1, 4, outcome="unreachable", detail="no connection", cost_usd=None),
        e.StageFailed(at=4, turn=1, stage="llm", engine="fast", error="no model answered"),
        e.ReplyEnded(at=4, turn=1, text="", outcome="failed"),
        ended(4.5),
    ]
    _, tried, reply, followed, _ = told(log)
    assert (tried.outcome, tried.detail) == ("unreachable", "no connection")
    assert (reply.outcome, reply.model) == ("failed", "")
    assert followed.hung_up


# ---------------------------------------------------------------- calm


def calm_turns(*levels: float | None, **more: object) -> list[bool]:
    log = [
        event
        for turn, level in enumerate(levels, 1)
        for event in [*taken(turn, f"turn {turn}", 9 * turn), routed(turn, 9 * turn, level, **more)]
    ]
    return [each.calm for each in of(Decided, told(log))]


def test_only_a_caller_who_shows_no_frustration_now_or_lately_is_calm():
    assert calm_turns(0.05, 0.09) == [True, True]
    assert calm_turns(0.2) == [False]
    assert calm_turns(0.05, 0.5, 0.05, 0.05, 0.05) == [True, False, False, False, True]


def test_who_was_not_heard_is_not_called_calm():
    assert calm_turns(None) == [False]


def test_who_is_escalated_is_not_calm_whatever_the_score():
    assert calm_turns(0.01, escalated=True) == [False]


def test_where_the_policy_does_not_score_it_the_voices_frustration_counts():
    angry = e.TurnMeasured(at=2, turn=1, cues=VoiceCues(1.0, frustration=0.7))
    log = [*taken(1, ORDER, 1)[:-1], angry, routed(1, 1, None), *replied(1, 3), ended(60)]
    records = told(log)
    assert not of(Decided, records)[0].calm
    assert of(Followed, records)[0].before == 0.7


# ---------------------------------------------------------------- feedback


@pytest.mark.parametrize(("turn", "decision"), [(1, "c1.1"), (2, "c1.3"), (3, "c1.3"), (9, "c1.3")])
def test_feedback_goes_to_the_decision_that_answered_the_turn(turn, decision):
    log = [
        started(),
        *answered(1, ORDER, 1),
        *taken(2, "what does", 9),
        *taken(3, "it cost", 12),
        routed(3, 12),
        FeedbackGiven(at=20, turn=turn, score=1.0, label="resolved"),
    ]
    (judged,) = of(Judged, told(log))
    assert (judged.decision, judged.score, judged.label, judged.by) == (
        decision,
        1.0,
        "resolved",
        "caller",
    )


def test_feedback_on_nothing_is_no_record():
    assert told([FeedbackGiven(at=1, turn=1, score=0.0)]) == []


# ---------------------------------------------------------------- discretion

PLAN = Plan(
    "fast",
    ("quick",),
    (Reason("complexity", "complexity 0.71: says “refund”, “manager”, 31 words"),),
    0.71,
    (Term("“refund”", 1, 0.8), Term("words", 31, 1.2)),
    skipped=(Skipped("vip", "no “refund” there"),),
    frustration_terms=(Term("says “now”", 1, 0.1),),
)


def test_nothing_that_was_said_is_in_the_records_unless_they_may_keep_words():
    words = ["zanzibar", "refund", "manager", "wonderful"]
    log = [
        started(user="ada"),
        *taken(1, "zanzibar refund manager now", 1),
        e.TurnRouted(at=2.5, turn=1, plan=PLAN),
        *replied(1, 4, "wonderful"),
        ended(60),
    ]
    kept = b"".join(to_json(record) for record in told(log)).decode()
    assert not [word for word in words if word in kept]
    kept = b"".join(to_json(record) for record in told(log, keeps_words=True)).decode()
    assert [word for word in words if word in kept] == words


def test_a_caller_has_one_pseudonym_with_one_key_and_it_is_not_the_number():
    number, spaced = "+49 170 1234567", "+491701234567"
    mine, others = pseudonyms(KEY), pseudonyms(b"another key")
    assert mine(number) == mine(spaced) != mine("+49 170 1234568")
    assert mine(number) != others(number)
    assert "1234567" not in mine(number)
    assert mine("") == mine("  ") == ""
    assert len(mine("\ud800")) == 22  # what no UTF-8 can hold is somebody, too


@pytest.mark.parametrize(
    ("caller", "same_as"),
    [({"user": "ada", "from": "+1"}, "ada"), ({"from": "+1"}, "+1"), ({"tier": "gold"}, "")],
)
def test_who_calls_is_told_as_the_draw_of_variants_asks_for_it(caller, same_as):
    (began,) = told([started(**caller)])
    assert began.caller == pseudonyms(KEY)(same_as)


# ---------------------------------------------------------------- thanks and farewells


@pytest.mark.parametrize(
    "text",
    [
        "Thank you!",
        "great, thanks. Now what about Friday",
        "um thanks",
        "okay thanks bye",
        "that was really helpful, thank you",
        "Vielen Dank, das hat geholfen",
        "muchas gracias",
        "merci, c'est tout",
        "dziękuję bardzo",
        "ありがとうございます",
        "谢谢",
        "cảm ơn",
    ],
)
def test_thanks_for_a_reply_are_heard_in_many_languages(text):
    assert thanks(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "where is my order, thank you",
        "thanks for nothing",
        "no thanks",
        "nein danke",
        "thanks but that's not it",
        "I want to thank my manager for the order",
        "注文はどこですか、ありがとう",
        "what is on the menu for thanksgiving",
        "tak",
    ],
)
def test_manners_and_refusals_are_no_thanks(text):
    assert not thanks(text)


@pytest.mark.parametrize("text", ["Bye-bye!", "that's all", "tschüss", "Au revoir", "再见"])
def test_farewells_are_heard_in_many_languages(text):
    assert takes_leave(text)


@given(st.text(max_size=80))
def test_no_text_breaks_the_lists_of_words(text):
    assert thanks(text) in (True, False)
    assert takes_leave(text) in (True, False)


# ---------------------------------------------------------------- any order that can happen

WHOLE = [
    started(user="ada"),
    *answered(1, ORDER, 1),
    *taken(2, "where is", 9),
    attempt(2, 10, outcome="cancelled", early=True),
    e.ReplyInterrupted(at=11, turn=2),
    *taken(3, "my order from last week", 11),
    routed(3, 11, 0.5),
    e.ReplySounded(at=14, turn=3, first_sound_ms=800),
    e.ReplyHeld(at=14, turn=3),
    e.ReplyInterrupted(at=14.5, turn=3),
    *taken(4, "", 14),
    e.TurnIgnored(at=16, turn=4, reason="no words were heard"),
    *taken(5, "forget it, thanks", 17),
    routed(5, 17, 0.7, escalated=True),
    *replied(3, 19, "It", "interrupted"),
    FeedbackGiven(at=20, turn=3, score=0.0),
    e.StageFailed(at=21, turn=5, stage="llm", engine="fast", error="no model answered"),
    *replied(5, 22),
    ended(24, turns=5),
]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.booleans(), min_size=len(WHOLE), max_size=len(WHOLE)))
def test_whatever_events_are_missing_no_turn_is_decided_twice_and_nothing_breaks(kept):
    some = [event for event, keep in zip(WHOLE, kept, strict=True) if keep]
    check(some, told(some))


@settings(max_examples=100, deadline=None)
@given(st.permutations(WHOLE))
def test_even_events_in_no_order_break_nothing(shuffled):
    records = told([*shuffled, *WHOLE])
    decided = [each.decision for each in of(Decided, records)]
    assert len(decided) == len(set(decided))


def check(events: Sequence[e.AnyEvent], records: Sequence[AnyRecord]) -> None:
    """What holds for the records of any call that was told in order."""
    decided = [each.decision for each in of(Decided, records)]
    assert len(decided) == len(set(decided))
    assert decided == [f"c1.{x.turn}" for x in events if isinstance(x, e.TurnRouted)]
    followed = [each.decision for each in of(Followed, records)]
    assert len(followed) == len(set(followed))
    assert set(followed) <= set(decided)
    if any(isinstance(event, e.CallEnded) for event in events):
        assert followed == decided  # each is followed by something, in their order
    replies = [each.decision for each in of(Replied, records)]
    assert len(replies) == len(set(replies))
    assert set(replies) <= set(decided)
    numbers = [(each.decision, each.attempt) for each in of(Tried, records)]
    assert len(numbers) == len(set(numbers))
    spent = [x.cost_usd for x in events if isinstance(x, e.AttemptEnded)]
    assert [each.cost_usd for each in of(Tried, records)] == spent
    for decision in followed:
        order = [type(r) for r in records if getattr(r, "decision", "") == decision]
        assert order.index(Decided) < order.index(Followed)


# ---------------------------------------------------------------- real calls


@dataclass
class Conducted:
    events: list[e.AnyEvent]
    records: list[AnyRecord]


def chronicled(events: Iterable[e.AnyEvent], wire: str = "websocket") -> Conducted:
    listed = list(events)
    chronicle = fresh(wire=wire)
    records = [record for event in listed for record in chronicle.note(event)]
    check(listed, records)
    return Conducted(listed, records)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
@pytest.mark.parametrize("spoken", [False, True], ids=["written", "spoken"])
async def test_the_sample_calls_are_told_as_they_happened(sample, spoken):
    config = Config(
        vad=Vad(use="webrtc"),
        stt=Stt(use="scripted", options={"lines": [ORDER, f"I said {ORDER}", "thanks", "bye"]}),
        endpoint=Endpoint(use="fixed"),
        tts=Tts(use="scripted"),
        models=_offline_models(),
    )
    loaded = await asyncio.to_thread(all_engines.load, config)
    try:
        made = await replay(loaded, Source(sample, channel=0), spoken=spoken)
    finally:
        await loaded.aclose()
    call = chronicled(made.events, "replay")
    turns = [each for each in made.turns if each.plan]
    assert turns
    assert [each.turn for each in of(Decided, call.records)] == [each.number for each in turns]
    assert {each.source for each in of(Decided, call.records)} == {"replay"}
    assert [each.outcome for each in of(Replied, call.records)] == [
        each.reply.outcome for each in turns if each.reply
    ]
    heard = " / ".join(each.said for each in made.turns if each.number > turns[0].number)
    repeated = [each.repeated for each in of(Followed, call.records)]
    assert any(repeated) == (ORDER in heard)
    assert any(each.thanked for each in of(Followed, call.records)) == ("thanks" in heard)
    assert not any(each.hung_up for each in of(Followed, call.records))
    assert call.records[-1].seconds == made.events[-1].at


def _offline_models() -> tuple:
    from tonewise.default_models import DEFAULT_MODELS

    return DEFAULT_MODELS[None]


async def test_a_real_barge_in_is_an_interruption_and_a_real_hang_up_is_one():
    loaded = speaking(["where is my order", "no stop it is the other one"])
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.3), ("speech", 0.6), ("silence", 0.6))
        await peer.line.until(e.ReplySounded)
        await peer.says(("silence", 0.2), ("speech", 0.9), ("silence", 0.6))
        await peer.line.until(e.ReplySounded, 2)
        peer.line.queue.put_nowait(HungUp("hung up"))
    await loaded.aclose()
    call = chronicled(peer.line.told)
    first, second = of(Followed, call.records)
    assert (first.interrupted, first.hung_up) == (True, False)
    assert (second.interrupted, second.hung_up) == (False, True)
    assert of(Replied, call.records)[0].outcome == "interrupted"
    assert of(Replied, call.records)[0].first_sound_ms is not None


async def test_a_real_model_asked_too_early_costs_a_try_and_no_decision():
    slow = {"replies": ["It was shipped."], "first_token_delay_s": 0.05}
    config = Config(early=Early(most_cancelled=1))
    loaded = speaking(["where is my order"], config=config, llm=slow, endpoint=Sure(0.9, 0.6))
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.2), ("speech", 0.4), ("silence", 0.4), ("speech", 0.4))
        await peer.says(("silence", 1.0))
        await peer.line.until(e.ReplyStreamed)
    await loaded.aclose()
    call = chronicled(peer.line.told)
    tries = of(Tried, call.records)
    assert [each.attempt for each in tries if each.early] == [0]
    assert len(of(Decided, call.records)) == 1
    assert {each.decision for each in tries} == {"c1.1"}


async def test_a_real_call_whose_ears_break_is_told_all_the_same():
    from tonewise import plugins

    stt = plugins.load("stt", "scripted", {"lines": ["one", "two please"], "fail_on": [1]})
    line = Line(Heard(TURN), Heard(sound(("speech", 0.6), ("silence", 0.9))), HungUp("hung up"))
    await conduct(engines(stt=stt), line)
    call = chronicled(line.told)
    assert [each.decision for each in of(Decided, call.records)] == ["c1.2"]
    assert of(Decided, call.records)[0].said is None
