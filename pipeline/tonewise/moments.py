"""A time as people write it: a date, a date and time, seconds since 1970, or an age."""

import math
import re
from datetime import UTC, datetime

LATEST = 253_402_300_799.0
"""The last second of the year 9999, since 1970."""

EXAMPLES = "2026-11-21, 2026-11-21T17:00:00Z, or 24h for a day ago"

_AGE = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)([smhdw])")
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(value: str, now: float) -> float | None:
    """A time in seconds since 1970, at least 0; None where it is none.

    Args:
        value: seconds since 1970; a date, or date and time, in ISO 8601, in UTC unless it says
            otherwise; or an age, as in `30m`, `24h` or `7d`.
        now: what an age is counted from.
    """
    if aged := _AGE.fullmatch(value):
        return max(0.0, now - float(aged[1]) * _UNITS[aged[2]])
    if _NUMBER.fullmatch(value):
        number = float(value)
        return number if number <= LATEST else None
    try:
        read = datetime.fromisoformat(value.replace(" ", "+"))  # a + that nobody escaped
        seconds = (read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and 0 <= seconds <= LATEST else None
