"""What a caller's page asks for in mid-call: settings of its own, and a verdict on a reply.

Who calls could choose dear models, so tuning is allowed where the settings say so. What cannot be
done is answered with a sentence, and the call goes on.
"""

from collections.abc import Callable

import msgspec

from tonewise.engines import Engines
from tonewise.events import AnyEvent
from tonewise.live_events import CallTuned, FeedbackGiven, RequestRefused
from tonewise.peer import Misasked, Rated, Tuned, Wish
from tonewise.stages import Policy
from tonewise.tuning import Tuning
from tonewise.wire.origin import is_loopback


class Wishes:
    """One call's.

    Args:
        engines: shared by all calls.
        emit: takes what happens.
        at: seconds of the call.
        tune: takes what the call goes by from now on.
        live: False: a recording, whose caller was allowed it then.
    """

    def __init__(
        self,
        engines: Engines,
        emit: Callable[[AnyEvent], None],
        at: Callable[[], float],
        tune: Callable[[Tuning], None],
        *,
        live: bool,
    ) -> None:
        self._engines = engines
        self._emit, self._at = emit, at
        self._tune = tune
        self._live = live
        self._routed: set[int] = set()

    def routed(self, turn: int) -> None:
        """A turn is being answered, and may be judged from now on."""
        self._routed.add(turn)

    def take(self, wish: Wish) -> None:
        """Do it, and say so; or say why not."""
        match wish:
            case Tuned(tuning):
                self._tuned(tuning)
            case Rated(turn, score, label):
                if turn in self._routed:
                    self._emit(FeedbackGiven(at=self._at(), turn=turn, score=score, label=label))
                else:
                    told = f"turn {turn} has no reply that could be judged"
                    self._emit(RequestRefused(at=self._at(), request="feedback", problem=told))
            case Misasked(request, problem):
                self._emit(RequestRefused(at=self._at(), request=request, problem=problem))

    def _tuned(self, tuning: Tuning) -> None:
        if self._live and (problem := self._problem(tuning)):
            self._emit(RequestRefused(at=self._at(), request="tune", problem=problem))
            return
        self._tune(tuning)
        self._emit(
            CallTuned(
                at=self._at(),
                weights=dict(tuning.weights),
                patience=tuning.patience,
                only=tuning.only,
            )
        )

    def _problem(self, tuning: Tuning) -> str | None:
        if not may_tune(self._engines):
            return "callers may not tune this server; server.tuning in its settings allows it"
        names = list(self._engines.targets)
        if unknown := [name for name in tuning.only if name not in names]:
            return f"only: there is no model {unknown[0]!r} here; choose from {', '.join(names)}"
        known = weights_of(self._engines.policy)
        if unknown := [name for name in tuning.weights if name not in known]:
            if not known:
                router = self._engines.policy.name
                return f"weights: the router {router!r} weighs nothing; leave them out"
            return f"weights: there is no {unknown[0]!r}; choose from {', '.join(known)}"
        return None


def may_tune(engines: Engines) -> bool:
    """May callers tune their calls? Where the settings do not say, only those at this machine."""
    server = engines.config.server
    return is_loopback(server.host) if server.tuning is None else server.tuning


def weights_of(policy: Policy) -> dict[str, float]:
    """What a policy weighs, as the deployment has it; empty where it weighs nothing."""
    weights = getattr(policy, "weights", None)
    if not isinstance(weights, msgspec.Struct | dict):
        return {}
    told: dict[str, float] = msgspec.to_builtins(weights)
    return told
