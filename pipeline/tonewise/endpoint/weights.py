"""How much each sign weighs, in log-odds of "done". Fitted by `scripts/fit_endpoint`.

Signs may only push the way that speech science says they do: a weight that the recordings would
turn round is 0. Three sets: before the words are known, with them, and with another ear besides.
0 in all is even odds.
"""

VOICE = {
    "bias": -0.175,
    "pitch falls": 0.168,
    "last syllable drawn out": -1.137,
    "held steady": -0.86,
    "long phrase": 1.307,
    "long turn": -0.539,
}

WORDS = {
    "bias": -2.072,
    "question": 0.665,
    "closed": 0.728,
    "answer": 1.26,
    "dictated": 0.479,
    "may go on": -0.239,
    "acknowledging": -0.868,
    "trails off": 0.0,
    "listing": 0.0,
    "open": -0.625,
    "filler": -0.323,
    "full stop": 1.541,
    "last syllable drawn out": -0.684,
    "held steady": -0.535,
    "long phrase": 1.117,
    "long turn": -0.63,
    "announced": -1.5,
    "dictating": -1.0,
}

WITH_SMART_TURN = {
    "bias": -1.849,
    "question": 0.586,
    "closed": 0.836,
    "answer": 1.187,
    "dictated": 0.339,
    "may go on": -0.042,
    "acknowledging": -1.121,
    "trails off": 0.0,
    "listing": 0.0,
    "open": -0.515,
    "filler": -0.072,
    "full stop": 1.237,
    "last syllable drawn out": -0.485,
    "held steady": -0.281,
    "long phrase": 0.871,
    "long turn": -0.371,
    "smart turn": 0.583,
    "announced": -1.5,
    "dictating": -1.0,
}
"""Words and voice, where Smart Turn listens along."""

PACE_S = 0.36
"""By how much pauses outlast 0.2 s, in seconds, on average over the dialogues fitted to."""

CAUTION = 0.7
"""Log-odds from which a turn is surely over."""
