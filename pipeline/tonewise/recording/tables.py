"""TOML files read into types, and written; what is wrong in one is told with its file and line."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from tonewise.errors import RecordingError
from tonewise.plugins import did_you_mean

T = TypeVar("T")
Keys = tuple[str | int, ...]

_HEADER = re.compile(r"^\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"^\s*([\w.\-\"']+)\s*=")
_BARE = re.compile(r"[A-Za-z0-9_\-]+")


def read(path: Path, kind: type[T]) -> T:
    """A TOML file as a `kind`.

    Raises:
        RecordingError: it cannot be read, is no TOML, or holds what a `kind` does not; the message
            begins with the file and the line.
    """
    text, table = parsed(path)
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        what, keys = _told(str(error), kind)
        raise RecordingError(f"{path}:{line_of(text, keys)}: {what}") from error


def parsed(path: Path) -> tuple[str, dict[str, Any]]:
    """A TOML file as text and as a table.

    Raises:
        RecordingError: it cannot be read, or is no TOML.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path}: not UTF-8 text") from error
    except tomllib.TOMLDecodeError as error:
        what, _, place = str(error).partition(" (at line ")
        line = place.partition(",")[0] if place[:1].isdigit() else str(len(text.splitlines()))
        raise RecordingError(f"{path}:{line}: {what[:1].lower()}{what[1:]}") from error


def line_of(text: str, keys: Keys) -> int:
    """The line, from 1, on which a key stands; of what holds it, where it is not there itself."""
    best, line = 0, 1
    counts: dict[Keys, int] = {}
    table: Keys = ()
    for number, content in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(content):
            table = _entered(counts, _parts(header[2]), many=header[1] == "[[")
            here = table
        elif key := _KEY.match(content):
            here = (*table, *_parts(key[1]))
        else:
            continue
        if here == keys[: len(here)] and len(here) > best:
            best, line = len(here), number
    return line


def _entered(counts: dict[Keys, int], parts: list[str], *, many: bool) -> Keys:
    keys: Keys = ()
    for depth, part in enumerate(parts, 1):
        keys = (*keys, part)
        if many and depth == len(parts):
            counts[keys] = counts.get(keys, -1) + 1
        if keys in counts:
            keys = (*keys, counts[keys])
    return keys


def _parts(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _told(error: str, kind: Any) -> tuple[str, Keys]:  # noqa: ANN401 - any type
    """What msgspec says of a `kind`, for a person, and the keys of the place that it means."""
    what, _, where = error.partition(" - at `$")
    where = where.lstrip(".").rstrip("`")
    keys: list[str | int] = []
    for name, index in re.findall(r"([\w\-]+)|\[(\d+|\.\.\.)\]", where):
        if name:
            keys.append(name)
        elif index.isdigit():
            keys.append(int(index))
    if unknown := re.search(r"unknown field `([^`]+)`", what):
        known = [field.name for field in _fields(_kind_at(kind, keys))]
        keys.append(unknown[1])
        hint = did_you_mean(unknown[1], known)
        return f"there is no key {unknown[1]!r}{hint}; here are: {', '.join(known)}", tuple(keys)
    told = f"{where or 'the file'}: {what[:1].lower()}{what[1:]}"
    if wrong := re.search(r"[Ii]nvalid enum value '(.*)'", what):
        choices = _choices(_kind_at(kind, keys))
        told += f"{did_you_mean(wrong[1], choices)}; choose from {', '.join(choices)}"
    return told, tuple(keys)


def _kind_at(kind: Any, keys: Iterable[str | int]) -> Any:  # noqa: ANN401 - any type
    """The type at a place within a `kind` made of tables."""
    for key in keys:
        if isinstance(key, str):
            kind = {field.name: field.type for field in _fields(kind)}.get(key)
        kind = next((each for each in (kind, *get_args(kind)) if _fields(each)), kind)
    return kind


def _fields(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - any type
    return msgspec.structs.fields(kind) if hasattr(kind, "__struct_fields__") else ()


def _choices(kind: Any) -> list[str]:  # noqa: ANN401 - any type
    """What a `Literal` may be, also one that may be absent."""
    literals = [each for each in (kind, *get_args(kind)) if get_origin(each) is Literal]
    return [str(choice) for each in literals for choice in get_args(each)]


# ---------------------------------------------------------------- writing


def written(table: Mapping[str, Any]) -> str:
    """A table as TOML: plain values first, then its tables. A value that is None is left out."""
    return "\n".join(_lines(table, "")).strip() + "\n"


def _lines(table: Mapping[str, Any], prefix: str) -> Iterable[str]:
    plain = {k: v for k, v in table.items() if v is not None and not _is_table(v)}
    yield from (f"{_key(key)} = {value_text(value)}" for key, value in plain.items())
    for key, value in table.items():
        name = f"{prefix}{_key(key)}"
        if isinstance(value, Mapping) and value:
            yield from ("", f"[{name}]", *_lines(value, f"{name}."))
        elif _is_table(value) and not isinstance(value, Mapping):
            for each in value:
                yield from ("", f"[[{name}]]", *_lines(each, f"{name}."))


def _is_table(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else value_text(key)


def value_text(value: object) -> str:
    """A plain value as TOML writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(value_text(each) for each in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return value.isoformat() if isinstance(value, date) else str(value)
