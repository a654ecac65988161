"""The query parameters of the operator's endpoints: each has its kind, and is named when wrong."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, get_args

from starlette.requests import Request

from tonewise.api.problems import ApiError
from tonewise.moments import EXAMPLES, moment
from tonewise.plugins import did_you_mean

T = TypeVar("T")

LONGEST = 500
"""Characters of a parameter."""


class Parameters:
    """Those of one request.

    Args:
        request: the request.
        known: the names that the endpoint reads.

    Raises:
        ApiError: 400, a name is unknown, twice there, or its value too long.
    """

    def __init__(self, request: Request, known: Sequence[str]) -> None:
        self._given: dict[str, str] = {}
        for name, value in request.query_params.multi_items():
            if name not in known:
                hint = did_you_mean(name, list(known))
                choices = ", ".join(known) or "there are none here"
                raise _wrong(name, f"unknown parameter{hint}; parameters are: {choices}")
            if name in self._given:
                raise _wrong(name, "it is given twice; give it once")
            if len(value) > LONGEST:
                raise _wrong(name, f"a value has at most {LONGEST} characters")
            if value:  # an empty field of a form asks for nothing
                self._given[name] = value

    def text(self, name: str) -> str | None:
        """As it is; None where it is not given."""
        return self._given.get(name)

    def yes_or_no(self, name: str) -> bool | None:
        """`true` or `false`."""
        return self._read(name, {"true": True, "false": False}.get, "it must be true or false")

    def choice(self, name: str, kind: Any) -> Any:  # noqa: ANN401 - one of a Literal's values
        """One of the values of a `Literal`."""
        choices = get_args(kind)
        wrong = f"it must be one of {', '.join(choices)}"
        return self._read(name, lambda value: value if value in choices else None, wrong)

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""

        def read(value: str) -> int | None:
            number = int(value) if re.fullmatch(r"\d{1,9}", value) else -1
            return number if least <= number <= most else None

        return self._read(name, read, f"it must be a whole number from {least} to {most}")

    def share(self, name: str) -> float | None:
        """A number in [0, 1]."""

        def read(value: str) -> float | None:
            number = _number(value)
            return number if number is not None and 0 <= number <= 1 else None

        return self._read(name, read, "it must be a number from 0 to 1")

    def time(self, name: str, now: float) -> float | None:
        """Seconds since 1970, a date and time in ISO 8601 (UTC unless it says), or an age."""
        wrong = f"it must be a time, as in {EXAMPLES}"
        return self._read(name, lambda value: moment(value, now), wrong)

    def period(self, now: float, usual_s: float, longest_s: float) -> tuple[float, float]:
        """From `since` to `until`, in seconds since 1970.

        Args:
            now: where it ends unless `until` is given.
            usual_s: its length unless `since` is given.
            longest_s: more than that is refused.

        Raises:
            ApiError: 400, it ends before it begins, or is too long.
        """
        until = self.time("until", now)
        until = now if until is None else until
        since = self.time("since", now)
        since = max(0.0, until - usual_s) if since is None else since
        if since >= until:
            raise _wrong("since", "it must lie before until")
        if until - since > longest_s:
            raise _wrong("since", f"at most {longest_s / 86_400:.0f} days are told at once")
        return since, until

    def _read(self, name: str, read: Callable[[str], T | None], wrong: str) -> T | None:
        value = self._given.get(name)
        if value is None:
            return None
        found = read(value)
        if found is None:
            raise _wrong(name, f"{wrong}, not {value[:100]!r}")
        return found


def path_parameter(values: Mapping[str, Any], name: str) -> str:
    """A part of the path, within bounds.

    Raises:
        ApiError: 404, nothing has so long a name.
    """
    value = str(values[name])
    if len(value) > LONGEST:
        raise ApiError(404, f"{name}: nothing has a name of more than {LONGEST} characters")
    return value


def _number(value: str) -> float | None:
    if not re.fullmatch(r"\d{1,15}(?:\.\d{1,15})?", value):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _wrong(name: str, why: str) -> ApiError:
    return ApiError(400, f"{name[:100]}: {why}", param=name[:100])
