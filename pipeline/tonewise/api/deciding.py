"""Who is to answer a request: what a router decides, or the model that is asked for by name."""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from msgspec.structs import replace

from tonewise import decision as policies
from tonewise.api.asking import Said, turn_of
from tonewise.api.names import AUTO, Names, allows
from tonewise.api.options import Options, wrong
from tonewise.api.problems import ApiError
from tonewise.engines import Engines
from tonewise.experience import Experience
from tonewise.learning.exploring import calm
from tonewise.llm.reply_words import within
from tonewise.plan import Plan, Reason
from tonewise.records import Decided
from tonewise.stages import Candidate, Turn
from tonewise.store.discretion import without_words

log = logging.getLogger(__name__)

_NAME_BYTES = 12
LONGEST = 2000
"""Characters of a turn that are kept, where words are."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who is to answer.

    Attributes:
        name: the identifier, `dec_` and 24 hexadecimal digits.
        router: who decided; empty: the request named a model.
    """

    name: str
    router: str
    plan: Plan
    turn: Turn


class _Chance:
    """Names that nobody can guess.

    The system is asked for many at a time: a call to it costs more than all else that a name does.
    """

    def __init__(self) -> None:
        self._left = b""

    def token(self) -> str:
        """24 hexadecimal digits."""
        if not self._left:
            self._left = secrets.token_bytes(_NAME_BYTES * 256)
        name, self._left = self._left[:_NAME_BYTES], self._left[_NAME_BYTES:]
        return name.hex()


class Decider:
    """Decides, and writes down what was decided before anybody is told.

    Args:
        engines: shared by all calls.
        experience: of all calls.
        pseudonym: of who is answered.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        engines: Engines,
        experience: Experience,
        pseudonym: Callable[[str], str],
        clock: Callable[[], float],
    ) -> None:
        self.names = Names(tuple(engines.routers), engines.config.models)
        self._engines, self._experience = engines, experience
        self._pseudonym, self._clock = pseudonym, clock
        self._keeps_words = engines.config.store.transcripts
        self._chance = _Chance()

    def decide(
        self,
        asked: str,
        said: list[Said],
        options: Options,
        client: str,
        limits: tuple[str, ...] = (),
    ) -> Decision:
        """Who should answer?

        Args:
            asked: the `model` of the request.
            said: its conversation.
            options: what it wishes.
            client: who asks, by the name of the key.
            limits: what the client may ask for, as patterns; empty: everything.

        Raises:
            ApiError: a name is not known, or may not be asked for.
        """
        router = self.names.router(asked or AUTO)
        only = self._only(asked, options, limits, named=router is None)
        name = f"dec_{self._chance.token()}"
        turn = turn_of(said, options, only, _local_time(int(time.time())), name)
        if router is None:
            plan = self._as_asked(only)
        else:
            plan = self._routed(router, turn, only, client, name, options)
        decision = Decision(name, router or "", plan, turn)
        self._write_down(decision, options, client)
        return decision

    def _only(
        self, asked: str, options: Options, limits: tuple[str, ...], *, named: bool
    ) -> tuple[str, ...]:
        """The models that may answer; empty: all."""
        names = [self.names.model(each, "models") for each in options.models]
        if named:
            names.insert(0, self.names.model(asked))
        for wanted, found in zip(options.models, names[named:], strict=True):
            if not (allows(limits, wanted) or allows(limits, found)):
                raise _forbidden(f"this key may not ask for {wanted[:100]!r}", limits, "models")
        ignored = {self.names.model(each, "ignore") for each in options.ignore}
        if limits and not names and (among := self.names.among(limits)) is not None:
            if not among:
                what = "this key may have none of the models that there are"
                raise _forbidden(what, limits, "model")
            names = list(among)
        if not names and ignored:
            names = [each.name for each in self._engines.candidates]
        left = tuple(each for each in dict.fromkeys(names) if each not in ignored)
        if names and not left:
            raise wrong("ignore", "it leaves no model that may answer")
        return left

    def _as_asked(self, names: tuple[str, ...]) -> Plan:
        route = next(each.route for each in self._engines.candidates if each.name == names[0])
        why = Reason("model", f"the request asks for {names[0]}")
        return Plan(route, names, (why,), 0.0)

    def _routed(
        self,
        router: str,
        turn: Turn,
        only: tuple[str, ...],
        client: str,
        decision: str,
        options: Options,
    ) -> Plan:
        turn = _knowing(turn, self._experience, client)
        candidates = policies.permitted(self._engines.candidates, only)
        try:
            plan = policies.asked(self._engines.routers[router], turn, candidates)
        except Exception as error:  # noqa: BLE001 - a policy of the user's own may break in any way
            log.warning("router %r failed: %s: %s", router, type(error).__name__, error)
            plan = policies.without_policy(candidates)
        else:
            plan = self._experience.explored(plan, turn, candidates, decision)
        return _going_on(plan, turn, options.began, candidates)

    def _write_down(self, decision: Decision, options: Options, client: str) -> None:
        plan, turn = decision.plan, decision.turn
        record = Decided(
            at=self._clock(),
            decision=decision.name,
            source="api",
            plan=plan,
            turn=turn.number,
            client=client,
            router=decision.router,
            user=self._pseudonym(options.user),
            calm=calm(plan, turn),
            said=within(turn.transcript.text, LONGEST) or None,
        )
        self._experience.note(record if self._keeps_words else without_words(record))


def _forbidden(why: str, limits: tuple[str, ...], param: str) -> ApiError:
    told = f"{why}; it may ask for {', '.join(limits)}"
    return ApiError(403, told, kind="permission_error", param=param)


@lru_cache(1)
def _local_time(second: int) -> str:
    """A second since 1970 in ISO 8601; the same for all who ask within it."""
    return datetime.fromtimestamp(second).astimezone().isoformat()


def _knowing(turn: Turn, experience: Experience, client: str) -> Turn:
    """The turn, with what was learned of the models."""
    around = experience.around(turn.around, client)
    return Turn(turn.number, turn.transcript, turn.cues, turn.history, turn.caller, around)


def _going_on(plan: Plan, turn: Turn, began: str, candidates: tuple[Candidate, ...]) -> Plan:
    """While a round of tool calls goes on, the model that began it goes on."""
    known = any(each.name == began for each in candidates)
    if not (turn.around.tools and known) or plan.models[:1] == (began,):
        return plan
    others = tuple(name for name in plan.models if name != began)
    why = Reason("tools", f"{began} began the round of tool calls, and goes on")
    return replace(plan, models=(began, *others), reasons=(why, *plan.reasons))
