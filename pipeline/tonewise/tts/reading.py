"""Text as a person reads it aloud. Pure: small tables of rules, applied from top to bottom.

English is read out in full, numbers and all. Of other languages only the markup, links and e-mail
addresses are dealt with: numbers are left to the engine, which knows the language.
"""

import re
from collections.abc import Callable
from functools import cache

from tonewise.tts.abbreviations import BEFORE_A_NUMBER, READ_AS
from tonewise.tts.english import RULES, Rule
from tonewise.tts.english_tables import EARLY_SYMBOLS
from tonewise.tts.markup import without_markup, without_signs

_AT_AND_DOT = {
    "en": ("at", "dot"),
    "de": ("at", "Punkt"),
    "fr": ("arobase", "point"),
    "es": ("arroba", "punto"),
    "pt": ("arroba", "ponto"),
    "it": ("chiocciola", "punto"),
    "nl": ("apenstaartje", "punt"),
}
_EMAIL = re.compile(r"(?<![\w.+-])([\w.+-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_LINK = re.compile(
    r"<?(?:(?:https?|ftp)://(?:[^\s/@]*@)?|(?<![\w@.])(?=www\.))"
    r"(?P<host>[^\s/?#<>()\[\]\"'*`|,;:!]+)(?::\d+)?(?P<path>[/?#][^\s<>\"'*`|]*)?>?",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    r"(?<![\w@.])((?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|co|ai|app|dev|uk|de|fr|eu|us))\b(?!@)"
)
_SHORT_PATH = re.compile(r"/[\w-]{1,20}(?:/[\w-]{1,20})?/?\Z")
_ABBREVIATION = re.compile(r"(?<![\w.])([A-Za-z](?:\.[A-Za-z])*[A-Za-z]*\.)(?=\s*(\S?))")
_EARLY = tuple((re.compile(pattern), words) for pattern, words in EARLY_SYMBOLS)
_TIDY = (
    (re.compile(r"_+"), " "),
    (re.compile(r"([!?,;:])(?:\s*\1)+"), r"\1"),
    (re.compile(r"\.{4,}"), "..."),
    (re.compile(r"\s+(?=[,;:!?])|(?<=\w)\s+(?=\.(?:\s|$))"), ""),
    (re.compile(r"\(\s*\)|\"\s*\""), ""),
    (re.compile(r"(?:(?<=\s)|^)[-–—=/#+]+(?=\s|$)"), ","),
    (re.compile(r"^[\s,;:.]+(?=\w)"), ""),
    (re.compile(r"(?:\s*,)+"), ","),
)


def readable(text: str, language: str | None = None) -> str:
    """`text` as it is read aloud.

    Args:
        text: of a reply; may hold Markdown, links, numbers.
        language: ISO 639-1 code, or with a region, as in "en-GB"; None is English.

    Returns:
        One line, without markup or emoji. Not empty where `text` holds a letter or a digit.
    """
    tag = (language or "en").lower().replace("_", "-")
    base = tag.partition("-")[0]
    read = _addresses(without_markup(text), *_AT_AND_DOT.get(base, ("at", "dot")))
    if base == "en":
        for pattern, words in _EARLY:
            read = pattern.sub(words, read)
    read = without_signs(_lines_joined(read))
    if base == "en":
        read = _ABBREVIATION.sub(_abbreviation, read)
        for rule in RULES:
            read = _applied(rule, read, british=tag == "en-gb")
    read = _tidied(read)
    return read if any(map(str.isalnum, read)) else _bare(text)


def _applied(rule: Rule, text: str, *, british: bool) -> str:
    pattern, reading = rule
    return pattern.sub(lambda found: reading(found, british=british), text)


def _lines_joined(text: str) -> str:
    """One line; a line that ends without a sign gets a full stop, so that a list has pauses."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line]
    return " ".join(
        line + "." if number < len(lines) - 1 and line[-1].isalnum() else line
        for number, line in enumerate(lines)
    )


def _addresses(text: str, at: str, dot: str) -> str:
    speak = _speller(dot)

    def email(found: re.Match[str]) -> str:
        return f"{speak(found[1])} {at} {speak(found[2])}"

    def link(found: re.Match[str]) -> str:
        whole = found[0].removeprefix("<").removesuffix(">")
        told = whole.rstrip(".,;:!?)")
        path = (found["path"] or "")[: len(found["path"] or "") - len(whole) + len(told)]
        shown = re.sub(r"(?i)\Awww\.", "", found["host"].rstrip("."))
        if _SHORT_PATH.fullmatch(path):  # nobody wants to hear a long one
            shown += path.rstrip("/")
        return speak(shown) + whole[len(told) :]

    text = _EMAIL.sub(email, _LINK.sub(link, text))
    return _DOMAIN.sub(lambda found: speak(found[1]), text)


@cache
def _speller(dot: str) -> Callable[[str], str]:
    names = {".": f" {dot} ", "_": " underscore ", "-": " dash ", "+": " plus ", "/": " slash "}

    def speak(text: str) -> str:
        return " ".join("".join(names.get(character, character) for character in text).split())

    return speak


def _abbreviation(found: re.Match[str]) -> str:
    """An abbreviation read out; its full stop stays where it ends the sentence, too."""
    short, following = found[1].lower(), found[2]
    if short == "st.":
        return "Saint" if following.isupper() else "Street" + ("." if not following else "")
    if short not in READ_AS or (short in BEFORE_A_NUMBER and not following.isdigit()):
        return found[0]
    return READ_AS[short] + ("." if not following else "")


def _tidied(text: str) -> str:
    for pattern, replacement in _TIDY:
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


def _bare(text: str) -> str:
    """Where a rule took all: the letters and digits of the text."""
    return " ".join("".join(c if c.isalnum() else " " for c in text).split())
