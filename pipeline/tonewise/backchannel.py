"""Was a short sound over our reply meant for us, or was it a cough, an echo, a "mm-hm"?

A listener's backchannel asks for nothing: the reply goes on. The same "yes" that encourages us in
the middle of a sentence is an answer at the end of a question, so what we were saying counts, too.
"""

import re

from tonewise.facts import Transcript


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LISTENING = _words(
    "mm mmm mhm mhmm hm hmm mm-hm mm-hmm uh-huh uhhuh uh huh um ah aha oh ooh wow er"
)
"""Sounds of a listener: never an answer by themselves."""

ASSENT = _words(
    """yes yeah yep yup ya ok okay right sure fine good great alright indeed exactly true cool nice
    i see got it of course all gotcha understood really so
    ja jo genau stimmt klar gut richtig verstehe sí vale claro bueno oui ouais d'accord bien bon"""
)
"""Words that encourage a speaker, and that answer a question; also in the other languages in which
we have hold phrases."""

_FEW_WORDS = 3
_LEAST_LOG_PROBABILITY = -0.9
"""Mean log-probability of a token under which one or two words are noise that was given a name:
real short answers on our recordings lie above (`scripts/bench_stt`)."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d+")


def is_meant(transcript: Transcript, *, asked: bool, ours: str = "") -> bool:
    """Are these words for us, so that the reply has to yield?

    Args:
        transcript: what was heard over the reply.
        asked: had our reply come to a question, or to its end, so that a "yes" answers it?
        ours: what we were saying: three words of it in a row that are heard again are an echo.
    """
    words = _said(transcript.text)
    if not words or _is_noise(transcript, len(words)) or _is_echo(words, _said(ours)):
        return False
    if all(word in LISTENING for word in words):
        return False
    short = len(words) <= _FEW_WORDS and all(word in LISTENING | ASSENT for word in words)
    return asked or not short


def _said(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _is_echo(words: list[str], ours: list[str]) -> bool:
    if len(words) < _FEW_WORDS:
        return False
    spans = range(len(ours) - _FEW_WORDS + 1)
    said = {tuple(ours[at : at + _FEW_WORDS]) for at in spans}
    heard = [tuple(words[at : at + _FEW_WORDS]) for at in range(len(words) - _FEW_WORDS + 1)]
    return sum(span in said for span in heard) * 2 >= len(heard)


def _is_noise(transcript: Transcript, words: int) -> bool:
    sure = transcript.log_probability
    return sure is not None and sure < _LEAST_LOG_PROBABILITY and words < _FEW_WORDS
