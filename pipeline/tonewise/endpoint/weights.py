"""How much each sign weighs, in log-odds of "done". Fitted by `scripts/fit_endpoint`.

Signs may only push the way that speech science says they do: a weight that the recordings would
turn round is 0. Three sets: before the words are known, with them, and with another ear besides.
0 in all is even odds.
"""

VOICE = {
    "bias": -0.072,
    "pitch falls": 0.278,
    "last syllable drawn out": -1.017,
    "held steady": -0.821,
    "long phrase": 0.707,
}

WORDS = {
    "bias": -1.553,
    "question": 0.744,
    "closed": 0.895,
    "answer": 1.329,
    "dictated": 0.399,
    "may go on": -0.249,
    "acknowledging": -0.414,
    "trails off": -0.039,
    "listing": 0.0,
    "open": -0.897,
    "filler": -0.098,
    "full stop": 1.226,
    "last syllable drawn out": -0.699,
    "held steady": -0.377,
    "long phrase": 0.472,
    "announced": -1.5,
    "dictating": -1.0,
}

WITH_SMART_TURN = {
    "bias": -1.426,
    "question": 0.713,
    "closed": 0.835,
    "answer": 1.139,
    "dictated": 0.241,
    "may go on": 0.0,
    "acknowledging": -1.038,
    "trails off": 0.0,
    "listing": 0.0,
    "open": -0.76,
    "filler": 0.0,
    "full stop": 0.815,
    "last syllable drawn out": -0.367,
    "held steady": 0.0,
    "long phrase": 0.524,
    "smart turn": 0.79,
    "announced": -1.5,
    "dictating": -1.0,
}
"""Words and voice, where Smart Turn listens along."""

PACE_S = 0.39
"""By how much pauses outlast 0.2 s, in seconds, on average over the dialogues fitted to."""

CAUTION = 1.6
"""Log-odds from which a turn is surely over."""
