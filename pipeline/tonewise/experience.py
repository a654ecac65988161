"""What was learnt from all calls so far: one for the whole server, and none in a replay.

Records go in, as calls and requests make them; out comes what the next decision should know: the
models' live profile, what is left of the budget, and which model did better than expected.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from tonewise.errors import ConfigError
from tonewise.learning.learner import Learner
from tonewise.learning.profile import Profile
from tonewise.learning.table import Told
from tonewise.masking import masked_record
from tonewise.operating import Learning
from tonewise.operating import Profile as ProfileSettings
from tonewise.plan import Circumstances, ModelFacts, Plan
from tonewise.plugins import did_you_mean
from tonewise.records import AnyRecord, Decided, Replied, Tried
from tonewise.stages import Candidate, Turn

log = logging.getLogger(__name__)

FRESH_S = 0.25
"""Seconds for which profile and lifts are told as they were: they change slowly, and turns come
hundreds a second."""

PROFILE, LEARNER, FROZEN = "profile", "learner", "learner_frozen"
"""Names of what is kept in the store."""


class Keeper(Protocol):
    """What keeps records, and the latest of what was made of them; see `store.keeper`."""

    def note(self, *records: AnyRecord) -> None:
        """Remember, in microseconds; kept even if the process is killed."""
        ...

    def keep(self, name: str, body: bytes) -> None:
        """The latest state of something; written within a second."""
        ...

    def kept(self, name: str) -> bytes | None:
        """What `keep` was given last, perhaps by an earlier process."""
        ...

    def keep_own(self, name: str, body: bytes) -> None:
        """The same for what each server has of its own."""
        ...

    def kept_own(self, name: str) -> bytes | None:
        """Where this server has none yet, the newest of another's."""
        ...


class Experience:
    """Shared by all calls and requests; every method may be called from any thread.

    Args:
        store: keeps records and states.
        candidates: the models.
        profile: `[profile]`.
        learning: `[learning]`.
        budget: what a client's budget is; empty where there is none.
        listeners: told every record after the store.
        redact: what is masked in words that are kept.
        clock: seconds since 1970.
    """

    def __init__(
        self,
        store: Keeper,
        candidates: Sequence[Candidate],
        profile: ProfileSettings,
        learning: Learning,
        budget: Callable[[str], dict[str, float]] = lambda _: {},
        listeners: Sequence[Callable[[AnyRecord], None]] = (),
        redact: tuple[str, ...] = (),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store, self._clock = store, clock
        self._budget, self._listeners, self._redact = budget, tuple(listeners), redact
        self._facts = {each.name: each.facts for each in candidates}
        self._used = profile.use
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._settings = learning
        if learning.enabled and store.kept(FROZEN) == b"true":
            self._settings = msgspec.structs.replace(learning, frozen=True)
        self._profile = _profile(store.kept_own(PROFILE), profile.half_life)
        self._learner = _learner(store.kept_own(LEARNER), self._settings, self._facts)
        self._changed = False
        self._told_at = -1.0
        self._told: tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]] = ({}, {})

    # ------------------------------------------------------------ calls and requests

    def note(self, *records: AnyRecord) -> None:
        """Remember. Takes microseconds, waits for nobody; kept even if the process is killed.

        Several at once cost the store one write.
        """
        masked = [masked_record(record, self._redact) for record in records]
        self._store.note(*masked)
        with self._lock:
            for record in masked:
                self._learn(record)
        for record in masked:
            for listener in self._listeners:
                try:
                    listener(record)
                except Exception:  # what is counted is worth no call, and no other record
                    log.exception("a record was not listened to")

    def around(self, known: Circumstances, client: str = "") -> Circumstances:
        """The same, with the models' live profile, the budget and what was learned."""
        profile, learned = self._lately()
        return msgspec.structs.replace(
            known, profile=profile, learned=learned, budget=self._budget(client)
        )

    def explored(
        self, plan: Plan, turn: Turn, candidates: Sequence[Candidate], decision: str
    ) -> Plan:
        """The plan, or, for a share of calm turns, one that tries another model first."""
        if not self._settings.enabled:
            return plan
        with self._lock:
            return self._learner.explored(plan, turn, candidates, decision, self._clock())

    # ------------------------------------------------------------ keeping

    def save(self) -> None:
        """Give what was learnt to the store, where it has changed. Call it every half second."""
        with self._saving:
            with self._lock:
                if not self._changed:
                    return
                self._changed = False
                profile, learner = self._profile.snapshot(), self._learner.snapshot()
            self._store.keep_own(PROFILE, profile)
            self._store.keep_own(LEARNER, learner)

    def recall(self, decided: Decided, replied: Replied | None) -> None:
        """Learn of a forgotten decision once more, so that a judgement of it means something.

        Args:
            decided: as the store has it; nothing happens where it is not forgotten.
            replied: how the reply to it ended.
        """
        with self._lock:
            if self._learner.knows(decided.decision):
                return
            self._learner.note(decided)
            if replied:
                self._learner.note(replied)

    # ------------------------------------------------------------ for operators

    def profile(self) -> dict[str, dict[str, float]]:
        """By model: those of `p50`, `p95`, `error_rate`, `cost`, `throughput`, `tries` known."""
        with self._lock:
            return self._profile.told(self._clock())

    def beliefs(self) -> list[Told]:
        """What is believed of each model, by task."""
        with self._lock:
            return self._learner.told(self._clock())

    @property
    def learning(self) -> Learning:
        """`[learning]`, as it is now."""
        return self._settings

    def freeze(self, on: bool) -> None:
        """From now on, also after a restart: learn and explore no more; or do again.

        Raises:
            ConfigError: learning is off.
        """
        self._check_learning()
        with self._lock:
            self._settings = msgspec.structs.replace(self._settings, frozen=on)
            self._learner.settings = self._settings
            self._store.keep(FROZEN, b"true" if on else b"false")

    def reset(self, model: str | None = None) -> None:
        """Forget what was learned, of one model or of all.

        Raises:
            ConfigError: learning is off, or there is no such model.
        """
        self._check_learning()
        if model is not None and model not in self._facts:
            known = {each.model for each in self.beliefs()}
            if model not in known:
                choices = sorted(self._facts)
                msg = f"there is no model {model!r}{did_you_mean(model, choices)}; here are: "
                raise ConfigError(msg + ", ".join(choices))
        with self._lock:
            self._learner.reset(model)
            self._changed, self._told_at = True, -1.0
        self.save()

    # ------------------------------------------------------------ inside

    def _learn(self, record: AnyRecord) -> None:
        try:
            if isinstance(record, Tried):
                self._profile.note(record)
            self._learner.note(record)
        except Exception:  # what is learnt is worth no call
            log.exception("a record could not be learnt from")
        self._changed = True

    def _lately(self) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, float]]]:
        now = self._clock()
        if not 0 <= now - self._told_at < FRESH_S:
            with self._lock:
                profile = self._profile.told(now) if self._used else {}
                self._told = profile, self._learner.lifts_by_task(now)
                self._told_at = now
        return self._told

    def _check_learning(self) -> None:
        if not self._settings.enabled:
            raise ConfigError("learning is off: put 'enabled = true' under [learning]")


def _profile(kept: bytes | None, half_life: float) -> Profile:
    try:
        return Profile.from_snapshot(kept, half_life) if kept else Profile(half_life)
    except ValueError as error:
        log.warning("the models' profile begins anew: %s", error)
        return Profile(half_life)


def _learner(kept: bytes | None, settings: Learning, facts: Mapping[str, ModelFacts]) -> Learner:
    try:
        return Learner.from_snapshot(kept, settings, facts) if kept else Learner(settings, facts)
    except ValueError as error:
        log.warning("learning begins anew: %s", error)
        return Learner(settings, facts)
