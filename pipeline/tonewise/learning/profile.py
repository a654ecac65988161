"""The live profile: how quick, how reliable and how dear each model is right now.

Made of `records.Tried` alone. What a try tells depends on how it ended:

    answered                     waited, no error, tokens per second, cost
    cut_short                    waited, an error
    timed_out, no_first_token    waited at least so long, an error
    other failures of the model  an error
    lost, cancelled              waited, if it spoke; else waited at least so long. No word on
                                 errors: it was not its doing that nobody listened on
    bad_request, too_long,       nothing: the question was at fault
      content_filtered
    skipped                      nothing: it was not asked
    begun early, then dropped    as it ended, but its cost is not a turn's

A figure is told when there is evidence enough, in tries that count (weights fade, so ten tries a
half-life ago are five): 5 for the median wait, whose standard error is then about a quarter of the
usual spread; 20 for p95, since under that it would be the longest wait; 10 for the error rate; 3
for cost and throughput, which differ little from turn to turn. Where it is not told, the policy
takes what the settings say.
"""

import math
from collections.abc import Iterable

import msgspec

from tonewise.errors import Outcome
from tonewise.learning.fading import Fading
from tonewise.learning.waits import FIRST, LAST, Buckets, Waits
from tonewise.records import Tried

ENOUGH = {"p50": 5.0, "p95": 20.0, "error_rate": 10.0, "cost": 3.0, "throughput": 3.0}
"""Tries that count, from which a figure is told."""
MOST_MODELS, MOST_TASKS = 256, 32
"""More are not kept apart: names come from settings and policies, which are not ours."""
FORGOTTEN = 1e-6
"""Tries that count, under which nothing is left to remember: twenty half-lives after one try."""
OF_THE_REQUEST: frozenset[Outcome] = frozenset({"bad_request", "too_long", "content_filtered"})
NOT_LISTENED_TO: frozenset[Outcome] = frozenset({"lost", "cancelled"})
GAVE_UP_WAITING: frozenset[Outcome] = NOT_LISTENED_TO | {"timed_out", "no_first_token"}

VERSION = 1


class _Cell(msgspec.Struct, array_like=True):
    """Sums of one model, over all tasks or in one."""

    seen: Buckets = {}
    given_up: Buckets = {}
    tries: float = 0.0
    judged: float = 0.0
    failed: float = 0.0
    priced: float = 0.0
    usd: float = 0.0
    replies: float = 0.0
    tokens: float = 0.0
    seconds: float = 0.0

    @property
    def waits(self) -> Waits:
        return Waits(self.seen, self.given_up)


_SUMS = _Cell.__struct_fields__[2:]


class _Kept(msgspec.Struct, array_like=True):
    """A snapshot."""

    version: int
    half_life: float
    latest: float | None
    models: dict[str, dict[str, _Cell]]


class Profile:
    """Of all models. Not thread-safe: whoever shares it brings a lock.

    Args:
        half_life: seconds after which a measurement counts half.
    """

    def __init__(self, half_life: float) -> None:
        self._fading = Fading(half_life)
        self._models: dict[str, dict[str, _Cell]] = {}

    def note(self, tried: Tried) -> None:
        """Remember a try. The same work for every record; the order does not matter."""
        if tried.outcome == "skipped" or not math.isfinite(tried.at) or not self._room(tried):
            return
        if (factor := self._fading.moved_to(tried.at)) != 1:
            self._scale(factor)
        weight = self._fading.weight(tried.at)
        cells = self._models.setdefault(tried.model, {"": _Cell()})
        _add(cells[""], tried, weight)
        task = tried.task or ""
        if task and (task in cells or len(cells) <= MOST_TASKS):
            _add(cells.setdefault(task, _Cell()), tried, weight)

    def told(self, now: float, task: str | None = None) -> dict[str, dict[str, float]]:
        """What is known at `now`, over all tasks or in one: by model, only what is well known.

        The keys are `p50` and `p95` (seconds to the first token), `error_rate` in [0, 1], `cost`
        (USD of a turn), `throughput` (tokens a second after the first) and `tries` (that count).
        """
        left = self._fading.left(now)
        return {
            model: figures
            for model, cells in self._models.items()
            if (cell := cells.get(task or "")) and (figures := _figures(cell, left))
        }

    def tasks(self) -> tuple[str, ...]:
        """That any model was asked for."""
        return tuple(sorted({task for cells in self._models.values() for task in cells if task}))

    def by_task(self, now: float) -> dict[str, dict[str, dict[str, float]]]:
        """The same for every task: by task, then by model."""
        return {task: told for task in self.tasks() if (told := self.told(now, task))}

    def merge(self, other: "Profile") -> None:
        """Add what another profile, of the same half-life, has seen.

        Raises:
            ValueError: its half-life is another.
        """
        mine, theirs = self._fading, other._fading
        if mine.half_life != theirs.half_life:
            msg = (
                f"profiles of half-lives {mine.half_life:g} and {theirs.half_life:g} do not add up"
            )
            raise ValueError(msg)
        if theirs.landmark is None or theirs.latest is None:
            return
        if (factor := mine.moved_to(theirs.latest)) != 1:
            self._scale(factor)
        factor = mine.weight(theirs.landmark)
        for model, cells in other._models.items():
            own = self._models.setdefault(model, {})
            for task, cell in cells.items():
                _merge(own.setdefault(task, _Cell()), cell, factor)

    def forget(self, model: str | None = None) -> None:
        """Begin anew: with one model, or with all."""
        for name in [model] if model is not None else list(self._models):
            self._models.pop(name, None)

    def snapshot(self) -> bytes:
        """All of it, as of the latest record: a few kilobytes a model."""
        self._scale(self._fading.settled())
        return msgspec.msgpack.encode(
            _Kept(VERSION, self._fading.half_life, self._fading.latest, self._models)
        )

    @classmethod
    def from_snapshot(cls, data: bytes, half_life: float) -> "Profile":
        """What `snapshot` gave. The fading goes on over the time between.

        Raises:
            ValueError: it is no snapshot of a profile, or of another version.
        """
        profile = cls(half_life)
        try:
            kept = msgspec.msgpack.decode(data, type=_Kept)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            msg = f"this is no snapshot of a profile: {error}"
            raise ValueError(msg) from error
        if kept.version != VERSION:
            msg = f"this snapshot of a profile is of version {kept.version}, not {VERSION}"
            raise ValueError(msg)
        cells = [cell for by_task in kept.models.values() for cell in by_task.values()]
        if not all(map(_sound, cells)) or not math.isfinite(kept.latest or 0.0):
            msg = "this snapshot of a profile holds numbers that cannot be"
            raise ValueError(msg)
        profile._fading = Fading(half_life, kept.latest)
        profile._models = {model: {"": _Cell(), **by} for model, by in kept.models.items()}
        return profile

    def _room(self, tried: Tried) -> bool:
        return tried.model in self._models or len(self._models) < MOST_MODELS

    def _scale(self, factor: float) -> None:
        """Multiply all sums; who has not been asked for long is forgotten."""
        scaled = {
            model: {task: _scaled(cell, factor) for task, cell in cells.items()}
            for model, cells in self._models.items()
        }
        self._models = {
            model: {task: cell for task, cell in cells.items() if cell.tries > FORGOTTEN}
            for model, cells in scaled.items()
            if cells[""].tries > FORGOTTEN
        }


def _add(cell: _Cell, tried: Tried, weight: float) -> None:
    outcome, first = tried.outcome, _seconds(tried.first_token_ms)
    if outcome in OF_THE_REQUEST:
        return
    cell.tries += weight
    total = _seconds(tried.total_ms)
    if first is not None:
        cell.waits.add(first, weight, over=True)
    elif total is not None and outcome in GAVE_UP_WAITING:
        cell.waits.add(total, weight, over=False)
    if outcome not in NOT_LISTENED_TO:
        cell.judged += weight
        cell.failed += weight * (outcome != "answered")
    if first is None or tried.early:
        return
    if tried.cost_usd is not None and math.isfinite(tried.cost_usd):
        cell.priced += weight
        cell.usd += weight * max(tried.cost_usd, 0.0)
    tokens = tried.output_tokens
    if outcome == "answered" and tokens and tokens > 1 and total is not None and total > first:
        cell.replies += weight
        cell.tokens += weight * (tokens - 1)  # the first came at `first`
        cell.seconds += weight * (total - first)


def _figures(cell: _Cell, left: float) -> dict[str, float]:
    p50, p95 = cell.waits.percentiles((0.5, 0.95))
    known = (
        ("p50", cell.waits.weight, p50),
        ("p95", cell.waits.weight, p95),
        ("error_rate", cell.judged, _ratio(cell.failed, cell.judged)),
        ("cost", cell.priced, _ratio(cell.usd, cell.priced)),
        ("throughput", cell.replies, _ratio(cell.tokens, cell.seconds)),
    )
    # A hair under: weights that were brought from landmark to landmark lose a last digit.
    told = {
        key: value
        for key, weight, value in known
        if value is not None and weight * left >= ENOUGH[key] * (1 - 1e-9)
    }
    return {**told, "tries": cell.tries * left} if told else {}


def _merge(into: _Cell, other: _Cell, factor: float) -> None:
    into.waits.merge(other.waits, factor)
    for name in _SUMS:
        setattr(into, name, getattr(into, name) + getattr(other, name) * factor)


def _scaled(cell: _Cell, factor: float) -> _Cell:
    waits = cell.waits
    waits.scale(factor)
    sums: Iterable[float] = (getattr(cell, name) * factor for name in _SUMS)
    return _Cell(waits.seen, waits.given_up, *sums)


def _sound(cell: _Cell) -> bool:
    buckets = [*cell.seen.items(), *cell.given_up.items()]
    weights = [*(getattr(cell, name) for name in _SUMS), *(weight for _, weight in buckets)]
    numbers = all(math.isfinite(weight) and weight >= 0 for weight in weights)
    return numbers and all(FIRST <= number <= LAST for number, _ in buckets)


def _ratio(sum_: float, of: float) -> float | None:
    return sum_ / of if of > 0 else None


def _seconds(ms: float | None) -> float | None:
    return None if ms is None or not math.isfinite(ms) or ms < 0 else ms / 1000
