"""Takes out what is for the eye: Markdown, HTML, emoji. Any language."""

import html
import re
import unicodedata

_RULES = tuple(
    (re.compile(pattern, re.MULTILINE), replacement)
    for pattern, replacement in (
        (r"```[\w+-]*\n?", "\n"),  # a fence; the code stays
        (
            r"!?\[([^\[\]]*)\]\((?:[^()\s]|\([^()]*\))*(?:\s+\"[^\"]*\")?\)",
            r"\1",
        ),  # a link, an image
        (r"\[\^?\d{1,3}\]", ""),  # a footnote
        (r"</?[A-Za-z][^<>\n]{0,200}>", " "),  # a tag
        (r"^[ \t]*(?:[-*_][ \t]*){3,}$", ""),  # a rule
        (r"^[ \t]*\|?[ \t]*:?-{2,}[-:| \t]*$", ""),  # below a table's head
        (r"^[ \t]*(?:>[ \t]*)+", ""),
        (r"^[ \t]*#{1,6}[ \t]+", ""),
        (r"^[ \t]*[-*+•▪◦‣·][ \t]+", ""),
        (r"^[ \t]*\|[ \t]*|[ \t]*\|[ \t]*$", ""),
        (r"(?<=\S)[ \t]*\|[ \t]*(?=\S)", ", "),  # cells of a table
        (r"(?<![^\W_])_{1,3}(?=\S)(.+?)(?<=\S)_{1,3}(?![^\W_])", r"\1"),
        (r"(?:(?<=\s)|^)[:;=8]['’]?-?[()\[\]DPp3](?=\s|$)", ""),  # a smiley
    )
)
_MARKS = str.maketrans(dict.fromkeys("*`~|{}[]<>\\^", " "))
_DROPPED = {"Cc", "Cf", "Cs", "Co", "Cn", "Sk"}
_SPOKEN_SYMBOLS = "©®™°№℃℉"
_KEYCAP = re.compile(r"([0-9#*])\ufe0f?\u20e3")


def without_markup(text: str) -> str:
    """The words alone, line by line."""
    text = html.unescape(text)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def without_signs(text: str) -> str:
    """Without emoji, control characters and stray marks; white space squeezed."""
    text = _KEYCAP.sub(r"\1", text)
    kept = "".join(character for character in text if _is_heard(character))
    return " ".join(kept.translate(_MARKS).split())


def _is_heard(character: str) -> bool:
    if character.isspace() or character in _SPOKEN_SYMBOLS or character == "\u200c":
        return True  # the last shapes letters in Persian
    category = unicodedata.category(character)
    if "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0000":
        return False  # variation selectors, tags
    return category != "So" and category not in _DROPPED
