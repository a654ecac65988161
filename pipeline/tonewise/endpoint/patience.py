"""Patience that follows the voice and the words: the default.

What the words and the voice say is added up to the log-odds that the caller is done. The silence
that then ends the turn is

    seconds = shortest + pace · (caution - log-odds), from shortest to longest,

or to the cap where the words are surely unfinished. (What speaks clearly against the end counts a
little more than once, see `DOUBTFUL`.)

A straight line is no accident. Where pauses last exponentially long with mean `pace`, every
further moment of waiting makes a turn less likely to go on, and the moment at which waiting costs
more than it saves moves by `pace` for each unit of log-odds (see `pace_s`). So a caller who pauses
long is waited for longer.
"""

import math

from tonewise.endpoint import smart_turn as smart_turn_engine
from tonewise.endpoint.signs import Signs, halved_odds, signs
from tonewise.endpoint.smart_turn import SmartTurn
from tonewise.endpoint.weights import CAUTION, PACE_S, VOICE, WITH_SMART_TURN, WORDS
from tonewise.errors import ConfigError
from tonewise.facts import Patience, Term
from tonewise.stages import Lull

COURTESY = 2.0
"""Log-odds from which a reply may be heard. In dialogues the silence is then 0.62 s on average, and
11 % of inner pauses are talked into; with `CAUTION` they are 0.28 s and 32 %. People answer each
other after 0.2 s in the median, but a model and a voice take 0.5 s anyway."""

SHORTEST_S = 0.12
"""Of silence, before a turn that is surely over ends; with the way to us and STT that makes 0.15 to
0.18 s after the last sound. With 0.1 s one in six dips of 0.1 to 0.2 s in fluent speech, the
closures of consonants and breaths, would be cut off, with 0.12 s one in nine, with 0.15 s one in
twenty (109 dips of the dialogues)."""

DOUBTFUL, STEEPER = -0.5, 0.5
"""Below these log-odds of the end every further one counts one and a half times. In dialogues that
neither costs nor saves (mean wait 0.27 to 0.28 s, cut off 33 to 32 %); but who stops in mid-clause
is waited for 1.2 to 1.5 s instead of 1.0 to 1.2, and nobody else pays for it."""

HEARD_S = 0.25
"""Of silence, before any reply may be heard: what is shorter belongs to how words are spoken, and
is no pause (Goldman-Eisler 1968). A turn may be over sooner: who goes on was not interrupted."""

UNKNOWN_S = 0.4
"""Before its words are known no turn is over so soon."""

SHORTEST_PAUSE_S = 0.2
"""Shorter silences are no pauses: the closures of consonants, the ends of words."""

PAUSES_KNOWN = 6.0
"""The caller's own pauses weigh as much as everybody's after so many of them."""

REASONS = {
    "question": "they have asked something ({shown})",
    "closed": "they hand over ({shown})",
    "answer": "that is a whole answer ({shown})",
    "dictated": "the number is as long as numbers are",
    "may go on": "more could follow “{shown}”",
    "acknowledging": "“{shown}” is more often a beginning",
    "trails off": "the sentence trails off ({shown})",
    "dictating": "a number is being dictated ({shown})",
    "listing": "they go letter by letter or digit by digit ({shown})",
    "announced": "what they announced is still to come ({shown})",
    "open": "the clause is open ({shown})",
    "filler": "they fill the pause ({shown})",
    "plain": "the words could end here ({shown})",
    "no words": "no words were heard",
}

DOUBTED = "the sentence does not sound over ({shown})"
_SHOWN = 3
"""Words that a reason quotes."""

SMART_TURN = "smart turn"
"""The name of its sign."""

VOICE_REASONS = {
    SMART_TURN: ("Smart Turn hears the end", "Smart Turn hears more to come"),
    "pitch falls": ("the pitch falls", "the pitch stays up"),
    "last syllable drawn out": ("the last syllable is short", "the last syllable is drawn out"),
    "held steady": ("the last sound moves", "the last sound is held like an “um”"),
    "long phrase": ("the phrase was a long one", "the phrase was a short one"),
    "long turn": ("the turn was a short one", "they have been talking for long"),
}


class PatienceStream:
    """One call's. It remembers nothing: the caller's pauses are in the lull."""

    def __init__(self, engine: "PatienceEngine", language: str | None) -> None:
        self._engine = engine
        self._language = language

    def patience(self, lull: Lull) -> Patience:
        """How long to wait, and why."""
        engine = self._engine
        found = signs(lull, self._language)
        weights = WORDS if found.words is not None else VOICE
        if engine.ear is not None and found.words is not None:
            # Once a lull: before the words are known nothing is decided that could not wait.
            found.values[SMART_TURN] = halved_odds(engine.ear.probability(lull.turn.samples))
            weights = WITH_SMART_TURN
        terms = _terms(found, weights)
        odds = weights.get("bias", 0.0) + sum(term.contribution for term in terms)
        most = engine.cap if found.unfinished else engine.longest
        least = UNKNOWN_S if found.words is None else engine.shortest
        pace = pace_s(lull.pauses)

        def wait_s(caution: float, least: float) -> float:
            seconds = engine.shortest + pace * (caution - weighted(odds))
            return round(min(max(seconds, least), most), 3)

        return Patience(
            seconds=wait_s(engine.caution, least),
            settled=wait_s(max(engine.caution, engine.courtesy), max(least, HEARD_S)),
            done=round(1 / (1 + math.exp(-odds)), 4),
            terms=terms,
            reason=_reason(found, terms, odds),
        )


class PatienceEngine:
    """The settings, shared by all calls."""

    name = "patience"

    def __init__(
        self,
        shortest: float,
        longest: float,
        cap: float,
        caution: float,
        courtesy: float,
        ear: SmartTurn | None,
    ) -> None:
        self.shortest, self.longest, self.cap = shortest, longest, cap
        self.caution, self.courtesy, self.ear = caution, courtesy, ear

    def open(self, language: str | None = None) -> PatienceStream:
        """Endpointing for one call; words are read in English, other languages are neutral."""
        return PatienceStream(self, language)


def load(
    shortest: float = SHORTEST_S,
    longest: float = 1.6,
    cap: float = 2.5,
    caution: float = CAUTION,
    courtesy: float = COURTESY,
    smart_turn: str | None = None,
) -> PatienceEngine:
    """Patience that follows the voice.

    Args:
        shortest: seconds of silence that end a turn that is surely over.
        longest: seconds that end any other.
        cap: seconds that end even one whose words are surely unfinished: an open clause, a filler,
            a number half dictated.
        caution: log-odds from which a turn is surely over; more waits longer and cuts off less.
        courtesy: the same for the sound of the reply, which is held until then: work on it begins
            at `caution`, and is thrown away unheard if the caller goes on.
        smart_turn: a learned ear to listen along, where its file is there: the path of Smart
            Turn's ONNX file, or "wheel" for the one in pipecat-ai's wheel. It costs about 75 ms of
            CPU per lull; on wide-band lines it gains nothing, on 8 kHz lines and in noise it cuts
            off a quarter to a third fewer where ends are waited for 0.6 s on average.

    Raises:
        ConfigError: an option out of range.
        PluginError: Smart Turn's file is not there.
    """
    if not 0.1 <= shortest <= longest <= cap <= 5:
        msg = (
            "endpoint patience: 0.1 ≤ shortest ≤ longest ≤ cap ≤ 5 seconds, "
            f"not {shortest}, {longest} and {cap}"
        )
        raise ConfigError(msg)
    for name, value in (("caution", caution), ("courtesy", courtesy)):
        if not -10 <= value <= 10:
            raise ConfigError(f"endpoint patience: {name} is -10 to 10, not {value}")
    ear = None
    if smart_turn is not None:
        ear = smart_turn_engine.load(None if smart_turn == "wheel" else smart_turn)
    return PatienceEngine(shortest, longest, cap, caution, courtesy, ear)


def weighted(odds: float) -> float:
    """Log-odds as they count: what speaks clearly against the end counts more than once."""
    return odds + STEEPER * min(0.0, odds - DOUBTFUL)


def pace_s(pauses: tuple[float, ...]) -> float:
    """How long this caller's pauses last beyond the shortest, on average, in seconds.

    Shrunk to everybody's average by as many pauses as `PAUSES_KNOWN`, so that one long look at a
    bill does not slow down a whole call. It is the mean of the exponential distribution whose
    hazard decides the best moment: waiting until T risks odds⁻¹·e^(-T/pace) and costs T, which is
    least at T = pace·(constant - ln odds).
    """
    beyond = sum(min(max(0.0, pause - SHORTEST_PAUSE_S), 2.0) for pause in pauses)
    return (PAUSES_KNOWN * PACE_S + beyond) / (PAUSES_KNOWN + len(pauses))


def _terms(found: Signs, weights: dict[str, float]) -> tuple[Term, ...]:
    terms = (
        Term(name, round(value, 3), round(weights[name] * value, 3))
        for name, value in found.values.items()
        if weights.get(name) and value
    )
    return tuple(sorted(terms, key=lambda term: -abs(term.contribution)))


def _reason(found: Signs, terms: tuple[Term, ...], odds: float) -> str:
    """What the words say, and the strongest thing in the voice that agrees with the verdict."""
    parts = []
    if found.words is not None:
        words = found.words
        shown = words.shown if words.count <= _SHOWN else f"…{words.shown}"
        against = bool(terms) and terms[0].name == "full stop" and terms[0].contribution < 0
        doubted = against and not found.unfinished and words.count > 0
        parts.append((DOUBTED if doubted else REASONS[words.ending]).format(shown=shown))
    agreeing = (
        term for term in terms if term.name in VOICE_REASONS and term.contribution * odds > 0
    )
    strongest = next(agreeing, None)
    if strongest is not None:
        parts.append(VOICE_REASONS[strongest.name][strongest.contribution < 0])
    text = ", ".join(part for part in parts if part) or "nothing tells yet"
    return text[0].upper() + text[1:]
