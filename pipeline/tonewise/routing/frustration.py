"""How frustrated a caller is: an additive score in log-odds that can be read term by term.

    L   = −3 + 0.50 anger + 0.40 arousal + 0.50 rise + 0.15 drop        the voice      x1 … x4
             + 1.20 complains + 1.00 insists + 0.60 talk-overs          what is said   x5 … x7
             + 0.80 getting worse − content                             the call       x8
    F   = σ(L);   S = max(F, 0.6 · S of the turn before + 0.4 · F)

Every input is 0 in an ordinary turn, which gives 0.05. A cue that was not measured is absent: it
adds nothing and is not listed. Quick to rise, slow to fall. The weights are set by hand, and so are
the words (`complaint_words.py`): nothing was trained.

x1 anger     log-odds of the calibrated posterior above a base rate of 0.10, 0 … 4
x2 arousal   above 0.5, in steps of 0.15, 0 … 3
x3, x4       arousal above, valence below the caller's own, in standard deviations, 0 … 3
x5 complains by words, 0 … 3. From 2 on only by a plain outburst ("this is unacceptable"), which
             alone makes 0.65, or by several complaints at once: where no voice was measured,
             words must be able to do it alone
x6 insists   corrects us, asks for a person, says again what was said, after we failed, 0 … 3
x7           times that the caller talked over us in this turn, 0 … 2
x8           slope of L over the last three turns, 0 … 1
content      agreement and praise, at most 1.5, and 0.5 where we have not answered anything yet; the
             less of it, the more there is of the others: only this one lowers

x1 to x4 come from an acoustic model (`acoustic/voice_cues.py`). A plainly angry voice alone makes
0.46, under the 0.60 that escalates: it takes a word as well, or a voice far out of the ordinary,
which makes 0.85 at most.

A frustration that a client brings stands for the voice where it says more than the voice's own
terms: alone it is the score, and words add to it.
"""

import math
from collections.abc import Sequence

from tonewise.facts import Departure, Term, VoiceCues
from tonewise.plan import Exchange
from tonewise.routing.complaints import REPLIES, SIGNS, answer, evidence
from tonewise.routing.said_again import said
from tonewise.stages import Turn

BIAS = -3.0
ANGER, ANGER_BASE_RATE, MOST_ANGER = 0.50, 0.10, 4.0
AROUSAL, CALM_AROUSAL, AROUSAL_STEP, MOST_AROUSAL = 0.40, 0.50, 0.15, 3.0
RISE, DROP, MOST_DEPARTURE = 0.50, 0.15, 3.0
TALK_OVER, MOST_TALK_OVERS = 0.60, 2
WORSE, MOST_WORSE = 0.80, 1.0
KEPT = 0.6
"""Share of the turn before that is kept."""
KEPT_FROM = 0.40
"""Under it nobody is frustrated any more, and nothing is left to keep."""
LOOK_BACK = 6
"""Earlier turns that are compared with this one."""
REPLAYED = 2
"""Earlier turns whose words are scored again, where the history does not bring their score."""
LONGEST = 2000
"""Characters of a turn that are read: two minutes of speech."""
ANGRY = ("anger", "angry")
"""What an acoustic model may call it."""


def frustration(
    text: str,
    history: Sequence[Exchange] = (),
    cues: VoiceCues | None = None,
    *,
    talk_overs: int | None = None,
    language: str | None = None,
) -> tuple[float | None, tuple[Term, ...]]:
    """How frustrated a caller is in this turn, and what the score is made of.

    Args:
        text: what was said; case and punctuation do not matter.
        history: the earlier exchanges, oldest first. Their replies tell where we failed; their
            `frustration`, where it is known, is what the score falls from.
        cues: how it was said, against the caller's own baseline where there is one.
        talk_overs: times that the caller talked over us; None where that is not known.
        language: ISO 639-1 code; in any but English only repetition is read of the words.

    Returns:
        A number in [0, 1], and its terms in log-odds: it is σ of the sum of their contributions.
        None without terms where nothing was said, or nothing that could be read, and nothing heard.
    """
    voice = _voice(cues)
    past = history[-LOOK_BACK:]
    turns = [said(each.said[:LONGEST]) for each in past]
    now = said(text[:LONGEST])
    if not now.words and not voice and not talk_overs:
        return None, ()
    english = language is None or language.lower().startswith("en")
    known = [_finite(each.frustration) for each in past]
    replay = [at for at in range(len(past))[-REPLAYED:] if known[at] is None]
    unread = max(min([*replay, len(past)]) - REPLIES, 0)
    replies = [answer(each.replied) for each in past[unread:]]
    levels: list[float] = []
    for at in range(len(past))[-REPLAYED:]:
        level = known[at]
        if level is None:
            found = evidence(turns[at], turns[:at], replies[: max(at - unread, 0)], english=english)
            level = _kept(_sigmoid(BIAS + _sum(found.terms)), levels)
        levels.append(min(max(level, 0.0), 1.0))
    over = _talk_overs(talk_overs)
    beside = _sum([*voice, *over])
    found = evidence(now, turns, replies, beside=beside, english=english)
    if not english and not voice and not over and not found.terms:
        return None, ()
    return _score([*voice, *found.terms, *over], levels)


def of_turn(turn: Turn) -> tuple[float | None, tuple[Term, ...]]:
    """The same for all that is known of a turn."""
    over = turn.around.talk_over
    return frustration(
        turn.transcript.text,
        turn.history,
        turn.cues,
        talk_overs=None if over is None else int(over),
        language=turn.transcript.language,
    )


def heard(cues: VoiceCues | None) -> float | None:
    """The voice's part alone, in [0, 1]; None where nothing of it was measured."""
    terms = _voice(cues)
    return round(_sigmoid(BIAS + _sum(terms)), 9) if terms else None


def in_words(terms: Sequence[Term]) -> str:
    """What weighs most in a score, as in "says that nobody has put it right, asks for a person"."""
    raising = sorted((term for term in terms if term.contribution > 0.2), key=_most_first)
    return ", ".join(SAYS[term.name] for term in raising if term.name in SAYS)


def _score(found: list[Term], levels: list[float]) -> tuple[float, tuple[Term, ...]]:
    terms = [Term("bias", 1, BIAS), *found]
    if len(levels) >= 2:
        slope = (_sum(terms) - max(_logit(levels[-2]), BIAS)) / 2
        if slope > 0:
            terms.append(Term("getting worse", slope, WORSE * min(slope, MOST_WORSE)))
    fresh = _sum(terms)
    score = _kept(_sigmoid(fresh), levels)
    if (more := _logit(score) - fresh) > 1e-9:
        terms.append(Term("was frustrated", levels[-1], more))
    return round(score, 9), tuple(terms)  # 0.6 that a client told is 0.6 again


def _talk_overs(times: int | None) -> list[Term]:
    if not times or times < 0:
        return []
    return [Term("talks over us", times, TALK_OVER * min(times, MOST_TALK_OVERS))]


def _voice(cues: VoiceCues | None) -> list[Term]:
    """The terms of the voice; of what a client measured itself where that says more."""
    if cues is None:
        return []
    terms = []
    emotion = cues.emotion or {}
    anger = next((_finite(emotion[name]) for name in ANGRY if name in emotion), None)
    if anger is not None:
        above = _logit(anger) - _logit(ANGER_BASE_RATE)
        terms.append(Term("angry voice", anger, ANGER * _clip(above, MOST_ANGER)))
    if (arousal := _finite(cues.arousal)) is not None:
        above = (arousal - CALM_AROUSAL) / AROUSAL_STEP
        terms.append(Term("arousal", arousal, AROUSAL * _clip(above, MOST_AROUSAL)))
    departure = cues.departure or Departure()
    if (rise := _finite(departure.arousal)) is not None:
        terms.append(Term("arousal rises", rise, RISE * _clip(rise, MOST_DEPARTURE)))
    if (change := _finite(departure.valence)) is not None:
        terms.append(Term("valence drops", change, DROP * _clip(-change, MOST_DEPARTURE)))
    given = _finite(cues.frustration)
    if given is not None:
        told = Term("told by the client", given, max(_logit(given) - BIAS, 0.0))
        if not terms or told.contribution > _sum(terms):
            return [told]
    return terms


def _kept(fresh: float, levels: Sequence[float]) -> float:
    """Quick attack, slow release."""
    before = levels[-1] if levels else 0.0
    return max(fresh, KEPT * before + (1 - KEPT) * fresh) if before >= KEPT_FROM else fresh


def _most_first(term: Term) -> float:
    return -term.contribution


def _sum(terms: Sequence[Term]) -> float:
    return math.fsum(term.contribution for term in terms)


def _sigmoid(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds))


def _logit(share: float) -> float:
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _clip(value: float, most: float) -> float:
    return min(max(value, 0.0), most)


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


SAYS = {sign.name: sign.says for sign in SIGNS} | {
    "says it again": "says it again",
    "in fewer words": "in fewer words",
    "has tried often": "has tried three times or more",
    "has tried twice": "has tried twice",
    "we failed": "we had failed",
    "we asked again": "we had asked twice",
    "talks over us": "talks over us",
    "getting worse": "it is getting worse",
    "was frustrated": "was frustrated before",
    "told by the client": "the caller is frustrated",
    "angry voice": "sounds angry",
    "arousal": "is agitated",
    "arousal rises": "is more agitated than before",
    "valence drops": "sounds less pleased",
}
