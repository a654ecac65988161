"""The tables behind the rules of `english.py`."""

MONTHS = {
    "january": "January", "february": "February", "march": "March", "april": "April",
    "may": "May", "june": "June", "july": "July", "august": "August",
    "september": "September", "october": "October", "november": "November",
    "december": "December", "jan": "January", "feb": "February", "apr": "April",
    "jun": "June", "jul": "July", "aug": "August", "sept": "September", "sep": "September",
    "oct": "October", "nov": "November", "dec": "December",
}  # fmt: skip
"""As they are written, in lower case; "Mar" is a name too often."""

DAYS = {
    short: day
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    for short in (day, day[:3], day[:4], day[:5])
}
"""Read out in a range only: "Sun" and "Wed" are words, too."""

CURRENCIES = {
    "$": (("dollar", "dollars"), ("cent", "cents")),
    "€": (("euro", "euros"), ("cent", "cents")),
    "£": (("pound", "pounds"), ("penny", "pence")),
    "¥": (("yen", "yen"), ("", "")),
    "₹": (("rupee", "rupees"), ("paisa", "paise")),
}
"""Sign: the unit and its hundredth, one and many."""

CURRENCY_CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}

SCALES = {
    "k": "thousand",
    "m": "million",
    "b": "billion",
    "mn": "million",
    "bn": "billion",
}

_SAME = {
    "%": "percent", "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz",
    "x": "times",
}  # fmt: skip

UNITS = {unit: (name, name) for unit, name in _SAME.items()}
UNITS |= {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "Mbps": ("megabit per second", "megabits per second"),
    "Mbit/s": ("megabit per second", "megabits per second"),
    "MB/s": ("megabyte per second", "megabytes per second"),
    "Gbps": ("gigabit per second", "gigabits per second"),
    "°C": ("degree Celsius", "degrees Celsius"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
    "ft": ("foot", "feet"),
    "in.": ("inch", "inches"),
    "sq ft": ("square foot", "square feet"),
    "m²": ("square meter", "square meters"),
}
_ADD_AN_S = {
    "km": "kilometer", "cm": "centimeter", "mm": "millimeter", "m": "meter", "kg": "kilogram",
    "g": "gram", "mg": "milligram", "lb": "pound", "lbs": "pound", "oz": "ounce", "l": "liter",
    "L": "liter", "ml": "milliliter", "mL": "milliliter", "mi": "mile", "yd": "yard",
    "KB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "ms": "millisecond",
    "s": "second", "sec": "second", "secs": "second", "min": "minute", "mins": "minute",
    "hr": "hour", "hrs": "hour", "h": "hour", "W": "watt", "kW": "kilowatt",
    "kWh": "kilowatt-hour", "V": "volt", "mAh": "milliampere-hour",
}  # fmt: skip
UNITS |= {unit: (name, f"{name}s") for unit, name in _ADD_AN_S.items()}
"""As they are written after a number: one and many."""

FRACTIONS = {
    "1/2": "one half", "1/3": "one third", "2/3": "two thirds", "1/4": "one quarter",
    "3/4": "three quarters", "1/5": "one fifth", "1/8": "one eighth", "3/8": "three eighths",
    "½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter",
    "¾": "three quarters", "⅛": "one eighth",
}  # fmt: skip

SYMBOLS = (
    (r"(?<=[a-z])\s?/\s?(?=(?:day|week|month|year|hour|minute|night|user|person)\b)", " per "),
    (r"(?<=[a-z])\s?/\s?mo\b", " per month"),
    (r"(?<=[a-z])\s?/\s?yr\b", " per year"),
    (r"(?<=[a-z])\s?/\s?hr\b", " per hour"),
    (r"(?<=[a-z])/(?=[a-z])", " or "),
    (r"(?i)\band or or\b", "and or"),
    (r"\s?&\s?", " and "),
    (r"(?<=\w)\s\+\s(?=\w)|(?<=[a-z])\+(?=[a-z])", " plus "),
    (r"(?<=\w)\s?=\s?(?=\w)", " equals "),
    (r"\s?×\s?", " times "),
    (r"\s?±\s?", " plus or minus "),
    (r"\s?≥\s?", " at least "),
    (r"\s?≤\s?", " at most "),
    (r"(?i)\bw/o\b", "without"),
    (r"(?i)(?<!\w)w/(?=\s)", "with"),
    (r"(?<!\w)#(?=[A-Za-z])", "hashtag "),
    (r"(?<!\w)@(?=\w)|(?<=\s)@(?=\s)", "at "),
    (r"©|®|™", ""),
    (r"№\s?", "number "),
    (r"§\s?", "section "),
)
"""A pattern, and what it is in words; numbers are words by now."""

EARLY_SYMBOLS = (
    (r"(?<=[a-z])\s?/\s?(?=(?:day|week|month|year|hour|minute|night|user|person)\b)", " per "),
    (r"(?<=[a-z])\s?/\s?mo\b", " per month"),
    (r"(?<=[a-z])\s?/\s?yr\b", " per year"),
    (r"(?<=[a-z])\s?/\s?hr\b", " per hour"),
    (r"\s?(?:→|⇒|[-=]>)\s?", " to "),
    (r"(?<!\w)[~≈]\s?(?=[$€£]?\d)|\s?≈\s?", " about "),
    (r"(?<!<)\s?<\s?(?=[$€£]?\d)", " less than "),
    (r"(?<!>)\s?>\s?(?=[$€£]?\d)", " more than "),
)
"""Those that would be taken for stray marks."""
