"""What a model must keep to answer a turn at all. None of it depends on how the caller sounds.

    tags      `require` of the deployment, and of the caller ("eu, zdr"); never relaxed
    language  of the transcript, where the model says which ones it speaks
    context   the conversation and the longest reply must fit the model's window
    budget    a ceiling per turn, and what is left of a budget

A call is not left without an answer because every model speaks another language or costs too much:
then all of them may answer, or the cheapest, and the plan says so. A tag is a promise to the
caller: it is kept, though nobody be left.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from tonewise.stages import Candidate, Turn

CHARACTERS_PER_TOKEN = 4
"""Of ASCII. Any other character counts as a token: right for Chinese, more than enough for accents,
and a prompt that does not fit is worse than one that might have."""
INSTRUCTIONS = 100
"""Tokens of instructions and of the format around messages: our own are 40."""


class Size(msgspec.Struct, frozen=True):
    """Tokens of a turn, estimated.

    Attributes:
        history: the conversation so far, instructions included.
        turn: what was said now.
        reply: that is to be expected.
        longest_reply: that may come.
        answered: for each model that answered before, how much of `history` it has read or said.
    """

    history: int
    turn: int
    reply: int
    longest_reply: int
    answered: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the deployment asks of every model.

    Attributes:
        tags: that every model must have.
        ceiling: USD that a turn may cost.
    """

    tags: tuple[str, ...] = ()
    ceiling: float | None = None


class Sieve(msgspec.Struct, frozen=True):
    """Which models may answer.

    Attributes:
        allowed: in the order of the configuration.
        excluded: the others, and what excludes them.
        relaxed: constraints that nobody met and that were let go, in words.
    """

    allowed: tuple[Candidate, ...]
    excluded: dict[str, str]
    relaxed: tuple[str, ...]


def size(turn: Turn, reply: int, longest_reply: int) -> Size:
    """How many tokens a turn makes."""
    read = INSTRUCTIONS
    answered: dict[str, int] = {}
    for past in turn.history:
        read += _tokens(past.said) + _tokens(past.replied)
        if past.model:
            answered[past.model] = read
    return Size(read, _tokens(turn.transcript.text), reply, longest_reply, answered)


def sift(
    turn: Turn,
    candidates: Sequence[Candidate],
    size: Size,
    limits: Limits,
    costs: Mapping[str, float],
) -> Sieve:
    """The models that may answer a turn.

    Args:
        turn: the turn.
        candidates: all of them.
        size: of the turn.
        limits: of the deployment.
        costs: USD of the turn on each model whose prices are known.
    """
    excluded: dict[str, str] = {}
    relaxed: list[str] = []
    left = list(candidates)
    tags, dear = _lacks_tags(turn, limits), _too_dear(turn, limits, costs)
    for broken in (tags, _does_not_fit(size), dear, _speaks_not(turn)):
        if broken is None:
            continue
        why = {each.name: reason for each in left if (reason := broken(each))}
        if left and len(why) == len(left) and broken is not tags:
            first = left[0].name
            if broken is dear:
                first = min(left, key=lambda each: costs[each.name]).name
            relaxed.append(
                f"no model is left, so it may answer all the same: {first}, {why[first]}"
            )
            why = {name: told for name, told in why.items() if broken is dear and name != first}
        excluded |= why
        left = [each for each in left if each.name not in why]
    return Sieve(tuple(left), excluded, tuple(relaxed))


Broken = Callable[[Candidate], str | None]


def _lacks_tags(turn: Turn, limits: Limits) -> Broken | None:
    asked = str(turn.caller.get("require", "")).replace(",", " ").split()
    needed = [*limits.tags, *asked]
    if not needed:
        return None

    def broken(model: Candidate) -> str | None:
        lacking = [tag for tag in needed if tag not in model.facts.tags]
        return f"lacks the tag {lacking[0]!r}" if lacking else None

    return broken


def _does_not_fit(size: Size) -> Broken:
    needed = size.history + size.turn + size.longest_reply

    def broken(model: Candidate) -> str | None:
        window = model.facts.context_window
        if window is None or needed <= window:
            return None
        return f"about {needed} tokens do not fit its context window of {window}"

    return broken


def _too_dear(turn: Turn, limits: Limits, costs: Mapping[str, float]) -> Broken | None:
    limit = (limits.ceiling, turn.around.budget.get("left"))
    known = [each for each in limit if each is not None]
    if not known:
        return None
    most = min(known)

    def broken(model: Candidate) -> str | None:
        cost = costs.get(model.name)
        if cost is None or cost <= most:
            return None
        return f"a turn costs about ${cost:.5f}, more than ${max(most, 0):.5f}"

    return broken


def _speaks_not(turn: Turn) -> Broken | None:
    language = (turn.transcript.language or "").partition("-")[0].lower()
    if not language:
        return None

    def broken(model: Candidate) -> str | None:
        spoken = model.facts.languages
        if not spoken or language in spoken:
            return None
        return f"does not speak {language!r}"

    return broken


def _tokens(text: str) -> int:
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return -(-(len(text) - beyond) // CHARACTERS_PER_TOKEN) + beyond
