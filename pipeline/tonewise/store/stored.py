"""A row of a table as the record that it was made of."""

from typing import Any, TypeVar

import msgspec
from sqlalchemy import Row

from tonewise.plan import Plan
from tonewise.records import CallBegan, Followed, Judged, Replied, Tried

T = TypeVar("T", CallBegan, Followed, Judged, Replied, Tried)


def plan_in(told: object) -> Plan:
    """The plan of a decision's row."""
    return msgspec.convert(told, Plan)


def record_in(kind: type[T], row: Row[Any]) -> T:
    """The record of a row that holds all columns of the kind's table."""
    told = {name: row._mapping[name] for name in kind.__struct_fields__}
    return kind(**told)
