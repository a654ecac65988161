"""What the learner keeps: decisions of which more may be learnt, and snapshots of all of it."""

import math

import msgspec

from tonewise.learning.beliefs import Cell, Share
from tonewise.learning.prices import Written
from tonewise.learning.reward import Measured
from tonewise.learning.usual import STATES, Moments, State
from tonewise.plan import Plan

VERSION = 1
USUAL_QUALITY = 0.75
"""Expected of an answer where the policy does not weigh models."""


class OpenDecision(msgspec.Struct, array_like=True):
    """A decision, and what is known of it so far."""

    at: float
    task: str
    expected: dict[str, tuple[float, float | None]]
    model: str = ""
    followed: Measured | None = None
    judged: dict[str, float] = {}
    score: Measured | None = None
    share: Share | None = None
    cost: float | None = None
    wait_s: float | None = None
    replied: bool = False


class Kept(msgspec.Struct, array_like=True):
    """A snapshot."""

    version: int
    latest: float | None
    models: dict[str, dict[str, Cell]]
    usual_latest: float | None
    states: list[State]
    scores: Moments
    scored: Moments
    written: dict[str, Written]
    open: dict[str, OpenDecision]

    def to_bytes(self) -> bytes:
        """In MessagePack."""
        return msgspec.msgpack.encode(self)


def kept_from(data: bytes) -> Kept:
    """The snapshot that `to_bytes` wrote.

    Raises:
        ValueError: it is none, of another version, or holds numbers that cannot be.
    """
    try:
        kept = msgspec.msgpack.decode(data, type=Kept)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"this is no snapshot of a learner: {error}"
        raise ValueError(msg) from error
    if kept.version != VERSION:
        msg = f"this snapshot of a learner is of version {kept.version}, not {VERSION}"
        raise ValueError(msg)
    if not _sound(kept):
        msg = "this snapshot of a learner holds numbers that cannot be"
        raise ValueError(msg)
    return kept


def expected_of(plan: Plan) -> dict[str, tuple[float, float | None]]:
    """By model: quality and seconds to the first token that the policy counted with."""
    expected = {}
    for score in plan.scores:
        if score.utility is not None and score.model not in expected:
            terms = {term.name: term.value for term in score.contributions}
            told = terms.get("quality", USUAL_QUALITY)
            expected[score.model] = (told if math.isfinite(told) else 0.5, terms.get("latency"))
    return expected


def _sound(kept: Kept) -> bool:
    """Only numbers that can be: finite, and sums of weights not below 0."""
    numbers = [kept.latest or 0.0, kept.usual_latest or 0.0]
    sums: list[float] = []
    for cells in kept.models.values():
        for cell in cells.values():
            numbers += [cell.pull, cell.measured, cell.reward or 0.0, cell.at, cell.new_pull]
            sums += [cell.information, cell.turns, cell.tries]
            sums += [cell.new_information, cell.new_turns]
    moments = [each for state in kept.states for each in state.moments()]
    for each in (*moments, kept.scores, kept.scored):
        numbers.append(each.sum)
        sums += [each.weight, each.squares]
    sums += [value for written in kept.written.values() for value in written]
    numbers += sums
    whole = len(kept.states) == len(STATES) + 2
    return whole and all(map(math.isfinite, numbers)) and min(sums, default=0.0) >= -1e-9
