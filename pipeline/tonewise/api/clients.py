"""Who asks, and what they may: keys, models, so much a minute, so much money in a window.

A key comes as `Authorization: Bearer …` or `x-api-key: …`. `[[clients]]` names the applications;
the server's own token (`[server] token_env`) is the operator's. Where there is neither, the server
listens on loopback only and anyone there may ask anything.

Money and tokens are counted when they are known, at the end of each try. So what is in hand when a
budget runs out is still answered: the budget is passed by at most what those requests cost, which
are no more than `api.max_requests`. What was spent is the store's to tell, so a restart resets no
budget. A try of unknown price costs nothing here.
"""

import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from tonewise.api.keys import Headers, digest, digest_of_client, key_in, own_token
from tonewise.api.limits import Minute, window_end
from tonewise.api.names import allows
from tonewise.api.problems import ApiError
from tonewise.config import Config
from tonewise.errors import ConfigError
from tonewise.operating import Budget, Client, Window
from tonewise.records import AnyRecord, Tried
from tonewise.store.ledger import Spending
from tonewise.wire.origin import is_loopback


class Ledger(Protocol):
    """Knows what was spent; the store is one."""

    def spent(self, client: str, window: Window, now: float) -> Spending:
        """By a client, or by all for an empty name, in the window of the calendar around `now`."""
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who was let in.

    Attributes:
        client: its name, as records and metrics call it; empty: the operator, or anyone where no
            key is asked for.
        operator: may see and steer what belongs to all.
        headers: for the answer: what is left of the limits.
        models: names that it may ask for, `*` at an end for the rest; empty: all.
    """

    client: str
    operator: bool
    headers: dict[str, str] = field(default_factory=dict)
    models: tuple[str, ...] = ()

    def may(self, model: str) -> bool:
        """May it ask for this one?"""
        return allows(self.models, model)


_ANYONE = Admitted("", operator=True)
"""Whoever asks where no key is needed, and the operator."""


@dataclass(slots=True)
class _Account:
    """A client, and what it had in the last minute."""

    settings: Client
    requests: Minute | None
    tokens: Minute | None

    def headers(self, now_s: float) -> dict[str, str]:
        """By the names that OpenAI gave them, and others took over."""
        told: dict[str, str] = {}
        for what, minute in (("requests", self.requests), ("tokens", self.tokens)):
            if minute:
                told[f"x-ratelimit-limit-{what}"] = str(minute.limit)
                told[f"x-ratelimit-remaining-{what}"] = str(minute.left(now_s))
                told[f"x-ratelimit-reset-{what}"] = f"{minute.whole_s(now_s):.3f}s"
        return told


class Clients:
    """All who may ask. May be used from several threads.

    Args:
        config: the settings.
        environ: where the keys are looked for.
        ledger: knows what was spent; asked at every request that costs money.
        clock: monotonic seconds.
        wall: seconds since 1970.

    Raises:
        ConfigError: a key is missing, short, or another's as well; a name is taken; or other
            machines could ask and no key is needed.
    """

    def __init__(
        self,
        config: Config,
        environ: Mapping[str, str],
        ledger: Ledger,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._clock, self._wall, self._lock = clock, wall, Lock()
        self._ledger = ledger
        self._budget = config.budget
        self._accounts: dict[str, _Account] = {}
        self._keys: list[tuple[bytes, str]] = []  # a key's digest, and whose it is
        if token := own_token(config.server, environ):
            self._keys.append((digest(token), ""))
        for client in config.clients:
            self._keys.append((digest_of_client(client, environ, self._keys), client.name))
            self._accounts[client.name] = _Account(
                client,
                Minute(client.requests_per_minute) if client.requests_per_minute else None,
                Minute(client.tokens_per_minute) if client.tokens_per_minute else None,
            )
        if not self._keys and not is_loopback(config.server.host):
            msg = (
                f"server.host is {config.server.host!r}, so other machines could ask: put a long "
                f"random token into the variable {config.server.token_env}, or add [[clients]]"
            )
            raise ConfigError(msg)

    # ------------------------------------------------------------ who asks

    @property
    def ask_for_key(self) -> bool:
        """Does anybody need one? Where none is set, whoever is on this machine may ask."""
        return bool(self._keys)

    def identify(self, headers: Headers) -> Admitted:
        """Who asks? Counts nothing.

        Raises:
            ApiError: 401, they brought no key, or a wrong one.
        """
        if not self._keys:
            return _ANYONE
        key = key_in(headers)
        brought, found = digest(key), None
        for other, name in self._keys:  # all of them: the time tells nothing of which it was
            if hmac.compare_digest(brought, other):
                found = name
        if found is None:
            what = "this key is not valid here" if key else "this server asks for a key"
            raise ApiError(
                401,
                f"{what}; send it as 'Authorization: Bearer …' or 'x-api-key: …'",
                code="invalid_api_key",
                also={"www-authenticate": "Bearer"},
            )
        if not found:
            return _ANYONE
        settings = self._accounts[found].settings
        return Admitted(found, settings.operator, models=settings.models)

    def operator(self, headers: Headers) -> Admitted:
        """Who asks, where only an operator may.

        Raises:
            ApiError: 401, as `identify`; 403, this key is no operator's.
        """
        admitted = self.identify(headers)
        if not admitted.operator:
            msg = (
                "this key is no operator's; use the server's own token, or set operator = true "
                f"for {admitted.client!r} in [[clients]]"
            )
            raise ApiError(403, msg, code="not_an_operator")
        return admitted

    # ------------------------------------------------------------ what they may

    def admit(self, headers: Headers, model: str = "") -> Admitted:
        """Let one request in, and count it.

        Args:
            headers: of the request; their names are lower case, or any.
            model: that it asks for; empty: it asks for none and costs no money.

        Raises:
            ApiError: 401, as `identify`; 403, not this model; 429, too much in this minute, or the
                money is spent: `retry_after_s` tells when it may go well.
        """
        admitted = self.identify(headers)
        if model and not admitted.may(model):
            allowed = ", ".join(admitted.models)
            told = f"the key of {admitted.client!r} may not ask for {model[:100]!r}; it may ask for"
            raise ApiError(403, f"{told} {allowed}", code="model_not_found", param="model")
        account, now_s = self._accounts.get(admitted.client), self._clock()
        with self._lock:
            if account:
                _check_minute(account, now_s)
            if model:
                self._check_money(account.settings if account else None)
            if not account:
                return admitted
            if account.requests:
                account.requests.add(1, now_s)
            return replace(admitted, headers=account.headers(now_s))

    def _check_money(self, client: Client | None) -> None:
        now = self._wall()
        if client and (told := self._used_up(client.name, client.budget, now)):
            raise _spent(f"the budget of this key is spent: {told}", client.budget, now)
        if told := self._used_up("", self._budget, now):
            raise _spent(f"this server's budget is spent: {told}", self._budget, now)

    def _used_up(self, client: str, budget: Budget, now: float) -> str:
        """How much of how much, where all is spent; empty where there is some left."""
        if budget.usd is None:
            return ""
        spent = self._ledger.spent(client, budget.per, now).usd
        return "" if spent < budget.usd else f"${spent:.4f} of ${budget.usd:.2f}"

    # ------------------------------------------------------------ what it came to

    def note(self, record: AnyRecord) -> None:
        """Count the tokens that a try read and wrote; takes any record, and microseconds.

        Money is not counted here: the ledger does that.
        """
        account = self._accounts.get(record.client) if isinstance(record, Tried) else None
        if isinstance(record, Tried) and account and account.tokens:
            tokens = (record.input_tokens or 0) + (record.output_tokens or 0)
            with self._lock:
                account.tokens.add(tokens, self._clock())

    def budget(self, client: str = "") -> dict[str, float]:
        """USD of a client's budget as `limit`, `spent` and `left`, as rules and `around` know it.

        A client without one of its own has the server's; empty where there is none either.
        """
        account = self._accounts.get(client)
        own = self._told(client, account.settings.budget) if account else {}
        return own or self._told("", self._budget)

    def budgets(self) -> dict[str, dict[str, float]]:
        """Those that there are, by the client's name; the server's own under the empty name."""
        every = {"": self._budget, **{one: a.settings.budget for one, a in self._accounts.items()}}
        return {name: told for name, one in every.items() if (told := self._told(name, one))}

    def _told(self, client: str, budget: Budget) -> dict[str, float]:
        if budget.usd is None:
            return {}
        spent = self._ledger.spent(client, budget.per, self._wall()).usd
        return {"limit": budget.usd, "spent": spent, "left": max(0.0, budget.usd - spent)}


def _spent(what: str, budget: Budget, now: float) -> ApiError:
    ends = window_end(budget.per, now)
    at = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return ApiError(
        429,
        f"{what} for this {budget.per}; it begins anew at {at}",
        kind="insufficient_quota",
        code="insufficient_quota",
        retry_after_s=ends - now,
        also={"x-should-retry": "false"},  # the SDKs would try again within seconds, in vain
    )


def _check_minute(account: _Account, now_s: float) -> None:
    for what, minute in (("requests", account.requests), ("tokens", account.tokens)):
        if minute and (wait_s := minute.wait_s(now_s)):
            told = f"{minute.limit} {what} a minute are the limit of this key"
            raise ApiError(
                429,
                f"{told}; try again in {wait_s:.1f} s",
                kind=what,
                code="rate_limit_exceeded",
                retry_after_s=wait_s,
                also=account.headers(now_s),
            )
