"""The types and functions that rules may use: the part of CEL that our library computes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RecordType:
    """A group of variables: `voice.frustration`. Any of its fields may be absent."""

    name: str
    fields: Mapping[str, "Type"]


@dataclass(frozen=True, slots=True)
class Many:
    """A list, or a map by strings, of one type."""

    item: "Type"
    is_map: bool = False


Type = str | RecordType | Many
ANY = "any"
"""A type that only the call will tell."""
NUMBERS = ("int", "uint", "double")
ORDERED = (*NUMBERS, "string", "bool", "bytes", "timestamp", "duration")
SUMS = (*NUMBERS, "string", "bytes", "timestamp", "duration")
_TEXT = ("string",)
_SIZED = ("string", "bytes")
MACROS = ("all", "exists", "exists_one", "map", "filter")
_CALENDAR = (
    *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)
# What each function takes and gives. On a method, the value before the dot comes first.
FUNCTIONS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "lower": ((_TEXT,), "string"),
    "size_chars": ((_TEXT,), "int"),
    "int": ((("int", "uint", "double", "string", "timestamp"),), "int"),
    "uint": (((*NUMBERS, "string"),), "uint"),
    "double": (((*NUMBERS, "string"),), "double"),
    "string": ((ORDERED,), "string"),
    "timestamp": ((_TEXT,), "timestamp"),
    "duration": ((_TEXT,), "duration"),
}
METHODS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "contains": ((_TEXT, _TEXT), "bool"),
    "startsWith": ((_TEXT, _TEXT), "bool"),
    "endsWith": ((_TEXT, _TEXT), "bool"),
    "matches": ((_TEXT, _TEXT), "bool"),
    **dict.fromkeys(_CALENDAR, ((("timestamp",),), "int")),
}
SIZE = "size"
HAS = "has"


def has_size(kind: Type) -> bool:
    """May size() be asked of it?"""
    return isinstance(kind, Many) or kind in (*_SIZED, ANY)


def told(kind: Type) -> str:
    """A type in words."""
    if isinstance(kind, RecordType):
        return f"the group {kind.name}"
    if isinstance(kind, Many):
        return "a map" if kind.is_map else "a list"
    return f"{'an' if kind in ('int', 'any') else 'a'} {kind}"


def either(kinds: tuple[str, ...]) -> str:
    """Several types in words."""
    return " or ".join(told(kind) for kind in kinds)
