"""What English readers make of figures: money, times, dates, telephone numbers, units.

A rule is a pattern and the words for what it finds. They are applied in order: a date is a date
before its parts are numbers.
"""

import re
from collections.abc import Callable
from functools import partial

from tonewise.tts.english_tables import (
    CURRENCIES,
    CURRENCY_CODES,
    DAYS,
    FRACTIONS,
    MONTHS,
    SCALES,
    SYMBOLS,
    UNITS,
)
from tonewise.tts.number_words import cardinal, digits, ordinal, plain, year

Rule = tuple[re.Pattern[str], Callable[..., str]]
"""A pattern, and `words(found, british=…)`."""

_N = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SIGNED = rf"(?<![\w.,])[-−]?(?:{_N})"
_MONTH = "|".join(sorted(map(str.title, MONTHS), key=len, reverse=True))
_UNIT = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
_SIGN = "".join(CURRENCIES)
_DAY = "|".join(sorted(DAYS, key=len, reverse=True))
_HALF = r"[aApP]\.?[mM]\b"
_SCALE = r"(?:\s?(?P<scale>trillion|billion|million|thousand|[kKMB]n?\b))?"


def _version(found: re.Match[str], **_: bool) -> str:
    name = "version " if found[1] else ""
    return name + " point ".join(plain(part) for part in found[2].split("."))


def _address(found: re.Match[str], **_: bool) -> str:
    return " dot ".join(digits(part) for part in found[0].split("."))


def _telephone(found: re.Match[str], **_: bool) -> str:
    groups = re.findall(r"\d+", found[0])
    return ("plus " if found[0].startswith("+") else "") + ", ".join(map(digits, groups))


def _iso_date(found: re.Match[str], **_: bool) -> str:
    return _date(int(found[1]), int(found[2]), int(found[3])) or found[0]


def _slash_date(found: re.Match[str], *, british: bool) -> str:
    first, second = int(found[1]), int(found[2])
    day, month = (first, second) if (british or first > 12) and second <= 12 else (second, first)
    number = int(found[3])
    return _date(number + 2000 if number < 100 else number, month, day) or found[0]


def _date(number: int, month: int, day: int) -> str:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return ""
    return f"{list(dict.fromkeys(MONTHS.values()))[month - 1]} {ordinal(day)}, {year(number)}"


def _month_day(found: re.Match[str], **_: bool) -> str:
    told = f"{MONTHS[found['month'].lower()]} {ordinal(int(found['day']))}"
    if found["until"]:
        told += f" to {ordinal(int(found['until']))}"
    return told + (f", {year(int(found['year']))}" if found["year"] else "")


def _day_month(found: re.Match[str], **_: bool) -> str:
    told = f"{ordinal(int(found['day']))} of {MONTHS[found['month'].lower()]}"
    the = "" if re.search(r"(?i)\bthe\s+\Z", found.string[: found.start()]) else "the "
    return the + told + (f" {year(int(found['year']))}" if found["year"] else "")


def _time(found: re.Match[str], **_: bool) -> str:
    hour, minute, half = int(found["hour"]), found["minute"], found["half"]
    if hour > 24 or (minute and int(minute) > 59) or (half and not 1 <= hour <= 12):
        return found[0]
    if minute and int(minute):
        told = f"{cardinal(hour)} {'oh ' if minute[0] == '0' else ''}{cardinal(int(minute))}"
    else:
        told = cardinal(hour)
        if not half:
            told += " o'clock" if 1 <= hour <= 12 else " hundred hours"
    return told + (f" {half[0].upper()}.M." if half else "")


def _money(found: re.Match[str], **_: bool) -> str:
    sign = found["sign"] or CURRENCY_CODES[found["code"].upper()]
    minus = "minus " if found["minus"] else ""
    low, high = found["amount"], found["until"]
    if high:
        return f"{minus}{plain(low)} to {_amount(high, found['scale'], sign)}"
    return minus + _amount(low, found["scale"], sign)


def _amount(number: str, scale: str | None, sign: str) -> str:
    (one, many), (cent, cents) = CURRENCIES[sign]
    whole, _, fraction = number.replace(",", "").partition(".")
    if scale:
        return f"{plain(number)} {SCALES.get(scale.lower(), scale.lower())} {many}"
    if not cent or len(fraction) not in {1, 2} or len(whole) > 15:
        return f"{plain(number)} {one if whole == '1' and not fraction else many}"
    small = int(fraction.ljust(2, "0"))
    part = f"{cardinal(small)} {cent if small == 1 else cents}"
    if not int(whole):
        return part if small else f"zero {many}"
    told = f"{cardinal(int(whole))} {one if int(whole) == 1 else many}"
    return f"{told} and {part}" if small else told


def _measure(found: re.Match[str], **_: bool) -> str:
    low, high = found["amount"], found["until"]
    one, many = UNITS[found["unit"]]
    told = f"{plain(low)} to {plain(high)}" if high else plain(low)
    return f"{told} {one if low == '1' and not high else many}"


def _fraction(found: re.Match[str], **_: bool) -> str:
    whole, part = found[1], FRACTIONS.get(found[2])
    if part is None:
        top, bottom = (int(number) for number in found[2].split("/"))
        if not 0 < top < bottom <= 20:
            return found[0]
        part = f"{cardinal(top)} {ordinal(bottom)}{'s' if top > 1 else ''}"
    return f"{plain(whole)} and {'a' + part[3:] if part == 'one half' else part}" if whole else part


def _height(found: re.Match[str], **_: bool) -> str:
    return f"{plain(found[1])} foot {plain(found[2])}"


def _decade(found: re.Match[str], **_: bool) -> str:
    """The 1990s: the nineteen nineties."""
    number = int(found[1])
    told = year(number) if number > 99 else cardinal(number)
    return f"{told[:-1]}ies" if told.endswith("y") else f"{told}s"


def _range(found: re.Match[str], **_: bool) -> str:
    return f"{_counted(found[1])} to {_counted(found[2])}"


def _counted(number: str) -> str:
    return year(int(number)) if re.fullmatch(r"(?:19|20)\d\d", number) else plain(number)


def _code(found: re.Match[str], **_: bool) -> str:
    """Letters by themselves, digits by themselves."""
    return " ".join(digits(c) if c in "0123456789" else c for c in found[0] if c.isalnum())


def _scaled(found: re.Match[str], **_: bool) -> str:
    return f"{plain(found[1])} {SCALES[found[2].lower()]}"


def _days(found: re.Match[str], **_: bool) -> str:
    return f"{DAYS[found[1]]} to {DAYS[found[2]]}"


def _to(*_: object, **__: bool) -> str:
    return " to "


def _words(words: str, _: re.Match[str], **__: bool) -> str:
    return words


RULES: tuple[Rule, ...] = (
    (re.compile(r"(?:(?<=\bthe )'?|(?<!\w)')([2-9]0)s\b"), _decade),
    (re.compile(r"(?<!\w)'?((?:1\d|20)\d0)s\b"), _decade),
    (re.compile(r"#(?=[A-Z]*\d)"), lambda *_, **__: "number "),
    (re.compile(rf"\b({_DAY})\.?\s?[-–]\s?({_DAY})\b\.?"), _days),
    (re.compile(rf"(?<=\d)\s?[-–]\s?(?=\d\d?(?::\d\d)?\s?{_HALF})"), _to),  # 9-5 pm
    (re.compile(r"(?i)(?:(?<=[ap]m)|(?<=[ap]\.m\.))\s?[-–]\s?(?=\d)"), _to),
    (re.compile(r"(?<=:\d\d)\s?[-–]\s?(?=\d\d?:\d\d)"), _to),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.]*\d)"), _address),
    (re.compile(r"(?<![\w.])(v(?:ersion )?\.?)?(\d{1,4}(?:\.\d{1,4}){2,3})\b(?!\.\d)"), _version),
    (re.compile(r"(?<![\w.])(v)(\d{1,4}(?:\.\d{1,4})?)\b"), _version),
    (re.compile(r"(?<![\w-])(\d{4})-(\d\d)-(\d\d)(?![\w-])"), _iso_date),
    (re.compile(r"(?<![\w/])(\d\d?)/(\d\d?)/(\d{4}|\d\d)(?![\w/])"), _slash_date),
    (
        re.compile(
            r"(?<![\w.])(?:\+\d{1,3}[-. ]?)?(?:\d[-. ])?(?:\(\d{3}\) ?|\d{3}[-. ])?\d{3}[-.]\d{4}"
            r"(?![\w-])|(?<![\w.])(?:\d{3} \d{3} \d{4}|\d{4}(?: \d{4}){3})(?![\w-])"
            r"|(?<![\w.])\+\d{1,3}(?:[-. ]?\(?\d{1,5}\)?){2,6}(?!\w)"
        ),
        _telephone,
    ),
    (
        re.compile(
            rf"\b(?P<month>{_MONTH})\.? (?P<day>\d\d?)(?:st|nd|rd|th)?"
            r"(?:\s?[-–]\s?(?P<until>\d\d?)(?:st|nd|rd|th)?)?"
            r"(?:,? (?P<year>\d{4}))?(?![\w:]|[.,]\d)"
        ),
        _month_day,
    ),
    (
        re.compile(
            rf"(?<![\w.,:])(?P<day>\d\d?)(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b\.?"
            r"(?:,? (?P<year>\d{4}))?(?!\w)"
        ),
        _day_month,
    ),
    (
        re.compile(
            r"(?<![\w.:,$])(?P<hour>\d\d?)(?::(?P<minute>\d\d))?\s?(?P<half>[ap])\.?m\b\.?",
            re.IGNORECASE,
        ),
        _time,
    ),
    (re.compile(r"(?<![\w.:,$])(?P<hour>\d\d?):(?P<minute>\d\d)(?P<half>)(?![\w:])"), _time),
    (
        re.compile(
            rf"(?<!\w)(?P<minus>[-−])?(?P<code>)(?P<sign>[{_SIGN}])\s?(?P<amount>{_N})"
            rf"(?:\s?[-–]\s?[{_SIGN}]?(?P<until>{_N}))?{_SCALE}"
        ),
        _money,
    ),
    (
        re.compile(
            rf"(?<![\w.,])(?P<minus>[-−])?(?P<amount>{_N})(?:\s?[-–]\s?(?P<until>{_N}))?{_SCALE}\s?"
            rf"(?:(?P<sign>[{_SIGN}])|(?P<code>{'|'.join(CURRENCY_CODES)})\b)"
        ),
        _money,
    ),
    (
        re.compile(
            rf"(?P<amount>{_SIGNED})(?:\s?[-–]\s?(?P<until>{_N}))?\s?(?P<unit>{_UNIT})(?!\w)"
        ),
        _measure,
    ),
    (re.compile(r"(?<!\w)(\d)['′’] ?(\d\d?)(?:[\"″”]|'')"), _height),
    (re.compile(r"(?<![\w.,])(\d{1,6})(?:st|nd|rd|th)\b"), lambda m, **_: ordinal(int(m[1]))),
    (re.compile(r"(?<![\w/.,])24/7(?![\w/])"), lambda *_, **__: "twenty-four seven"),
    (re.compile(r"(?<![\w/.,])(?:(\d+) )?(\d{1,2}/\d{1,2})(?![\w/])"), _fraction),
    (re.compile(r"(?<![\w.,])(\d+)?\s?([½⅓⅔¼¾⅛])"), _fraction),
    (re.compile(rf"(?<![\w.,-])({_N})\s?[–-]\s?({_N})(?![\w-]|[.,]\d)"), _range),
    (re.compile(r"(?<=\d)/(?=\d)"), lambda *_, **__: " slash "),
    (re.compile(r"\b(?=[A-Z]*\d)(?=\d*[A-Z])[A-Z\d]{5,}(?:-[A-Z\d]+)*\b"), _code),
    (
        re.compile(
            r"(?<=\bcode )\d{3,}\b|(?<=\bPIN )\d{3,}\b|(?<=number )\d{3,}\b"
            r"|(?<=extension )\d+\b|(?<=account )\d{4,}\b|(?<=order )\d{4,}\b"
            r"|(?<=ending in )\d{3,}\b"
        ),
        lambda m, **_: digits(m[0]),
    ),
    (
        re.compile(
            r"(?:(?<=\b[Ii]n )|(?<=\b[Ss]ince )|(?<=\byear ))(?:1[1-9]|20)\d\d\b(?![,.]\d)"
            r"|(?<=\bof )(?:19|20)\d\d\b(?![,.]\d)"
        ),
        lambda m, **_: year(int(m[0])),
    ),
    (re.compile(rf"({_SIGNED})([kKMB])\b"), _scaled),
    (re.compile(r"(?<![\w.,])\d{7,}(?![\w]|[.,]\d)"), lambda m, **_: digits(m[0])),
    (re.compile(rf"{_SIGNED}(?!\w)"), lambda m, **_: plain(m[0])),
    *((re.compile(sign), partial(_words, words)) for sign, words in SYMBOLS),
)
