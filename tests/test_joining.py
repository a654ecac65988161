"""What a caller said in pieces before any of it was answered is one thing, and routed as one."""

from test_spoken_calls import REPLY, Peer, speaking, spoken_s
from tonewise.events import ReplyEnded, ReplySounded, TurnEnded, TurnRouted
from tonewise.facts import Patience, Term, Transcript, VoiceCues
from tonewise.joining import joined
from tonewise.listener import Outcome, Understood, unhurried
from tonewise.stages import Lull


def understood(text: str, cues: VoiceCues | None = None) -> Understood:
    return Understood(Outcome(Transcript(text), 0.0), Outcome(cues, 0.0))


def test_words_are_joined_and_the_voice_is_that_of_the_longest_piece():
    calm = VoiceCues(speech_s=3.0, arousal=0.4, hesitation=0.1, frustration=0.1, filled_pauses=1)
    angry = VoiceCues(speech_s=1.0, arousal=0.9, hesitation=0.6, frustration=0.8, filled_pauses=2)
    angry = VoiceCues(
        **{name: getattr(angry, name) for name in angry.__struct_fields__}
        | {"hesitation_terms": (Term("pauses", 2.0, 1.0),)}
    )
    words, cues = joined([understood("I have a question ", calm), understood("about it", angry)])
    assert words.text == "I have a question about it"
    assert (cues.arousal, cues.speech_s, cues.filled_pauses) == (0.4, 4.0, 3)
    assert (cues.frustration, cues.hesitation) == (0.8, 0.6)
    assert cues.hesitation_terms == angry.hesitation_terms


def test_one_piece_is_itself_and_what_was_not_measured_stays_absent():
    alone = understood("hello", VoiceCues(speech_s=1.0))
    assert joined([alone]) == (alone.transcript, alone.cues)
    words, cues = joined([understood("a"), understood(""), understood("b")])
    assert (words.text, cues) == ("a b", None)
    _, cues = joined([understood("a", VoiceCues(speech_s=1.0)), understood("b")])
    assert (cues.frustration, cues.filled_pauses) == (None, None)


class Hasty:
    """Ends every turn at once, and lets nothing be heard for a while."""

    name = "hasty"

    def open(self, language=None):
        return self

    def patience(self, lull: Lull) -> Patience:
        return Patience(0.2, done=0.9, reason="hasty", settled=0.9)


async def test_who_goes_on_before_the_reply_is_heard_is_not_interrupted_and_is_routed_as_one():
    loaded = speaking(["compare the two plans", "for a family of four"], endpoint=Hasty())
    async with Peer(loaded) as peer:
        pieces = ("silence", 0.3), ("speech", 0.6), ("silence", 0.55), ("speech", 0.9)
        await peer.says(*pieces, ("silence", 2.5))
    line = peer.line
    first, second = line.all(TurnRouted)
    unheard, heard = line.all(ReplyEnded)
    assert (unheard.text, unheard.outcome) == ("", "interrupted")
    assert heard.text
    assert [event.turn for event in line.all(ReplySounded)] == [2]
    reasons = {each.signal: each.text for each in second.plan.reasons}
    assert "2 turns are taken as one" in reasons["continued"]
    assert second.plan.complexity > first.plan.complexity
    await loaded.aclose()


async def test_a_reply_is_held_until_it_is_settled_that_the_caller_is_done():
    loaded = speaking(["where is it"], endpoint=Hasty())
    async with Peer(loaded) as peer:
        await peer.says(("silence", 0.3), ("speech", 0.6), ("silence", 1.6))
    (sounded,) = peer.line.all(ReplySounded)
    (over,) = peer.line.all(TurnEnded)
    assert over.patience.seconds == 0.2
    assert 0.6 <= sounded.first_sound_ms / 1000 <= 1.1  # 0.9 s of silence, 0.2 of it waited for
    assert spoken_s(peer.line) > 0
    assert REPLY.startswith("It was")
    await loaded.aclose()


def test_where_nobody_waits_a_turn_is_over_when_it_is_settled():
    assert unhurried(Patience(0.2, done=0.9, settled=0.9)).seconds == 0.9
    assert unhurried(Patience(0.2, done=0.9)).seconds == 0.2
