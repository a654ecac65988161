"""English numbers in words: cardinals, ordinals, decimals, years, digits one by one."""

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_POWERS = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"))
_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

LONGEST = 15
"""Digits of the longest number that is read as one; beyond it, digit by digit."""


def digits(text: str) -> str:
    """Every digit of `text` by itself."""
    return " ".join(_UNITS[int(character)] for character in text if character in "0123456789")


def cardinal(number: int) -> str:
    """`number`, 0 or more, in words."""
    if number < 20:
        return _UNITS[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f"-{_UNITS[rest]}" if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_UNITS[hundreds]} hundred" + (f" {cardinal(rest)}" if rest else "")
    for power, name in _POWERS:
        if number >= power:
            count, rest = divmod(number, power)
            return f"{cardinal(count)} {name}" + (f" {cardinal(rest)}" if rest else "")
    return _UNITS[0]


def ordinal(number: int) -> str:
    """Its place in a row: first, twenty-second and so on."""
    words = cardinal(number)
    cut = max(words.rfind("-"), words.rfind(" ")) + 1
    last = words[cut:]
    if last in _ORDINALS:
        return words[:cut] + _ORDINALS[last]
    return words[:cut] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """Nineteen ninety-nine, two thousand five, twenty twenty-six."""
    century, rest = divmod(number, 100)
    if not 1000 <= number < 10_000 or number % 1000 < 10:
        return cardinal(number)
    if not rest:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def plain(text: str) -> str:
    """A number as it is written: "1,299", "3.50", "-4", "007".

    What has leading zeros, or more digits than anyone counts, is read digit by digit.
    """
    sign = "minus " if text[:1] in {"-", "−"} else ""
    whole, _, fraction = text.lstrip("-−").replace(",", "").partition(".")
    spelled = len(whole) > LONGEST or (len(whole) > 1 and whole.startswith("0"))
    words = digits(whole) if spelled else cardinal(int(whole or "0"))
    return sign + words + (f" point {digits(fraction)}" if fraction else "")
