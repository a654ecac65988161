"""Keys, limits and budgets: who is let in, how often, and for how much."""

import time
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from starved import least_s
from tonewise.api.clients import Admitted, Clients
from tonewise.api.limits import MINUTE_S, Minute, window_end
from tonewise.api.problems import ApiError
from tonewise.application import create_app
from tonewise.config import Config
from tonewise.errors import ConfigError
from tonewise.operating import Budget, Client, Store
from tonewise.records import Tried
from tonewise.settings import Server
from tonewise.store.keeper import RecordStore, open_store
from tonewise.store.ledger import Ledger, window_start

KEY, OTHER_KEY, TOKEN = "shop-key-0123456789", "desk-key-0123456789", "the-servers-own-token"
NOON = 1_795_262_400.0  # 2026-11-21 12:00 UTC
ENVIRON = {"SHOP_KEY": KEY, "DESK_KEY": OTHER_KEY, "TONEWISE_TOKEN": TOKEN}


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def client(name: str = "shop", token_env: str = "SHOP_KEY", **settings) -> Client:
    return Client(name=name, token_env=token_env, **settings)


def clients(
    *named: Client,
    environ: dict[str, str] = ENVIRON,
    ledger: Ledger | RecordStore | None = None,
    clock: Clock | None = None,
    wall: Clock | None = None,
    **config,
) -> Clients:
    return Clients(
        Config(clients=named, **config),
        environ,
        ledger or Ledger(),
        clock or Clock(1000.0),
        wall or Clock(NOON),
    )


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def tried(usd: float | None, at: float = NOON, client: str = "shop", **tokens) -> Tried:
    return Tried(
        at=at, decision="d", attempt=1, model="m", outcome="answered", client=client,
        cost_usd=usd, **tokens,
    )  # fmt: skip


# ---------------------------------------------------------------- who asks


@pytest.mark.parametrize(
    "headers",
    [
        bearer(KEY),
        {"authorization": f"bearer {KEY}"},
        {"x-api-key": KEY},
        {"authorization": "Basic c2hvcA==", "x-api-key": KEY},
        [(b"host", b"here"), (b"authorization", b"Bearer " + KEY.encode())],
        [(b"x-api-key", KEY.encode())],
        {"authorization": "Bearer ", "x-api-key": KEY},
        [(b"authorization", b"Bearer"), (b"x-api-key", KEY.encode())],
        [(b"authorization", b"Bearer " + KEY.encode()), (b"authorization", b"Bearer another")],
    ],
)
def test_a_key_comes_as_openais_and_as_anthropics_clients_send_it(headers):
    assert clients(client()).identify(headers).client == "shop"


def test_the_servers_own_token_is_the_operators():
    door = clients(client())
    assert door.operator(bearer(TOKEN)) == Admitted("", operator=True)
    with pytest.raises(ApiError, match="no operator's") as refused:
        door.operator(bearer(KEY))
    assert refused.value.status == 403


def test_a_client_may_be_an_operator_as_well():
    assert clients(client(operator=True)).operator(bearer(KEY)).client == "shop"


@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": ""}, bearer(""), bearer("wrong"), bearer(KEY[:-1]), bearer(KEY + " x"),
     {"x-api-key": "ключ"}, {"authorization": KEY}, [(b"x-api-key", b"\xff\xfe")]],
)  # fmt: skip
def test_no_key_and_a_wrong_key_are_refused_without_being_repeated(headers):
    with pytest.raises(ApiError) as refused:
        clients(client()).identify(headers)
    error = refused.value
    assert (error.status, error.code) == (401, "invalid_api_key")
    assert error.headers["www-authenticate"] == "Bearer"
    assert KEY[:-1] not in error.message


def test_where_no_key_is_set_anyone_on_this_machine_may_ask_anything():
    door = clients(environ={})
    assert door.operator({}).operator
    assert door.admit({}, "auto").client == ""


def test_other_machines_need_a_key():
    with pytest.raises(ConfigError, match="TONEWISE_TOKEN"):
        clients(environ={}, server=Server(host="0.0.0.0"))
    assert clients(environ={"TONEWISE_TOKEN": TOKEN}, server=Server(host="0.0.0.0"))


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (None, "SHOP_KEY, is not set"),
        ("short-key", "fewer than 16 characters"),
        ("a-key-with-a-line\nbreak-in-it", "no header can carry"),
        (" a-key-with-a-space-before", "no header can carry"),
        ("ein-schlüssel-mit-umlaut", "no header can carry"),
        (TOKEN, "another's key as well"),
    ],
)
def test_a_key_that_will_not_do_is_named_by_its_variable_and_never_told(key, told):
    environ = {"TONEWISE_TOKEN": TOKEN} | ({"SHOP_KEY": key} if key else {})
    with pytest.raises(ConfigError, match=told) as refused:
        clients(client(), environ=environ)
    assert "SHOP_KEY" in str(refused.value)
    assert not key or key.strip() not in str(refused.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize(
    ("token", "told"),
    [("secret", "fewer than 16 characters"), (TOKEN + " ", "no header can carry")],
)
def test_so_is_a_token_of_the_servers_own(token, told, host):
    config = Config(server=Server(host=host))
    with pytest.raises(ConfigError, match=told) as refused:
        create_app(config, environ={"TONEWISE_TOKEN": token})
    assert "variable TONEWISE_TOKEN" in str(refused.value)
    assert token.strip() not in str(refused.value)
    assert create_app(config, environ={"TONEWISE_TOKEN": TOKEN})


def test_two_clients_need_two_names_and_two_keys():
    with pytest.raises(ConfigError, match="is taken"):
        clients(client(), client(token_env="DESK_KEY"))
    with pytest.raises(ConfigError, match="another's key"):
        clients(client(), client("desk"))
    with pytest.raises(ConfigError, match="another meaning"):
        clients(client("caller"))


# ---------------------------------------------------------------- which models


@pytest.mark.parametrize(
    ("model", "may"),
    [("auto", True), ("openai/gpt-5.4", True), ("openai/", True), ("tonewise/support", True),
     ("tonewise/supporters", False), ("anthropic/claude", False), ("autos", False)],
)  # fmt: skip
def test_a_client_asks_for_the_models_that_it_may_have(model, may):
    door = clients(client(models=("auto", "tonewise/support", "openai/*")))
    if may:
        assert door.admit(bearer(KEY), model).may(model)
        return
    with pytest.raises(ApiError, match="may not ask for") as refused:
        door.admit(bearer(KEY), model)
    assert (refused.value.status, refused.value.code) == (403, "model_not_found")


# ---------------------------------------------------------------- so much a minute


@given(
    limit=st.integers(1, 20),
    steps=st.lists(st.floats(0, 30, allow_subnormal=False), min_size=1, max_size=200),
    start=st.floats(0, 1e6),
)
def test_no_sixty_seconds_ever_hold_more_than_the_limit(limit, steps, start):
    minute, now, let_in = Minute(limit), start, []
    for step in steps:
        now += step
        if not minute.wait_s(now):
            minute.add(1, now)
            let_in.append(now)
        assert sum(1 for at in let_in if at > now - MINUTE_S) <= limit


@given(
    limit=st.integers(1, 20),
    amounts=st.lists(st.tuples(st.floats(0, 30), st.integers(0, 30)), max_size=50),
    start=st.floats(0, 1e6),
)
def test_who_waits_as_long_as_told_is_let_in_and_not_a_moment_too_late(limit, amounts, start):
    minute, now = Minute(limit), start
    for step, amount in amounts:
        now += step
        minute.add(amount, now)
    wait = minute.wait_s(now)
    assert wait <= MINUTE_S + 0.2
    if wait > 0.3:
        assert minute.wait_s(now + wait - 0.2)
    assert not minute.wait_s(now + wait + 1e-6)


def test_requests_of_a_minute_run_out_and_come_back():
    clock = Clock(1000.0)
    door = clients(client(requests_per_minute=3), clock=clock)
    left = [door.admit(bearer(KEY)).headers["x-ratelimit-remaining-requests"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    clock.now += 20
    with pytest.raises(ApiError) as refused:
        door.admit(bearer(KEY))
    error = refused.value
    assert (error.status, error.kind, error.code) == (429, "requests", "rate_limit_exceeded")
    assert error.headers["x-ratelimit-limit-requests"] == "3"
    assert error.headers["x-ratelimit-remaining-requests"] == "0"
    wait = int(error.headers["retry-after"])
    assert 40 <= wait <= 41
    clock.now += wait
    assert door.admit(bearer(KEY)).headers["x-ratelimit-remaining-requests"] == "2"


def test_a_refused_request_counts_for_nothing():
    clock = Clock(1000.0)
    door = clients(client(requests_per_minute=1), clock=clock)
    door.admit(bearer(KEY))
    for _ in range(50):
        clock.now += 1
        with pytest.raises(ApiError):
            door.admit(bearer(KEY))
    clock.now += 10.2
    door.admit(bearer(KEY))


def test_tokens_are_counted_when_they_are_known():
    door = clients(client(tokens_per_minute=100))
    assert door.admit(bearer(KEY), "auto").headers["x-ratelimit-remaining-tokens"] == "100"
    door.note(tried(None, input_tokens=70, output_tokens=20))
    assert door.admit(bearer(KEY), "auto").headers["x-ratelimit-remaining-tokens"] == "10"
    door.note(tried(None, input_tokens=70, output_tokens=20))
    with pytest.raises(ApiError, match="100 tokens a minute") as refused:
        door.admit(bearer(KEY), "auto")
    assert refused.value.kind == "tokens"


def test_one_client_is_not_limited_by_what_another_does():
    door = clients(client(requests_per_minute=1), client("desk", "DESK_KEY", requests_per_minute=1))
    door.admit(bearer(KEY))
    door.admit(bearer(OTHER_KEY))
    door.admit(bearer(TOKEN))
    with pytest.raises(ApiError):
        door.admit(bearer(KEY))


# ---------------------------------------------------------------- so much money


@given(at=st.floats(0, 4e9), window=st.sampled_from(["minute", "hour", "day", "month"]))
def test_a_window_of_the_calendar_ends_where_the_next_begins(at, window):
    end = window_end(window, at)
    assert window_start(window, at) <= at < end
    assert window_start(window, end) == end
    assert window_start(window, end - 0.001) == window_start(window, at)


def test_a_spent_budget_refuses_and_says_how_much_of_what_until_when():
    ledger, wall = Ledger(), Clock(NOON)
    door = clients(client(budget=Budget(usd=2.0, per="day")), ledger=ledger, wall=wall)
    ledger.noted(tried(1.9))
    door.admit(bearer(KEY), "auto")
    ledger.noted(tried(0.25))  # it was in hand: the budget is passed by what it cost, once
    assert door.budget("shop") == {"limit": 2.0, "spent": 2.15, "left": 0.0}
    with pytest.raises(ApiError) as refused:
        door.admit(bearer(KEY), "auto")
    error = refused.value
    assert (error.status, error.code) == (429, "insufficient_quota")
    assert "$2.1500 of $2.00 for this day" in error.message
    assert "begins anew at 2026-11-22 00:00 UTC" in error.message
    assert int(error.headers["retry-after"]) == 12 * 3600
    assert error.headers["x-should-retry"] == "false"
    wall.now += 12 * 3600
    door.admit(bearer(KEY), "auto")
    assert door.budget("shop") == {"limit": 2.0, "spent": 0.0, "left": 2.0}


def test_what_costs_nothing_is_answered_all_the_same():
    ledger = Ledger()
    door = clients(client(budget=Budget(usd=1.0)), ledger=ledger)
    ledger.noted(tried(5.0))
    assert door.admit(bearer(KEY)).client == "shop"


def test_the_servers_budget_holds_for_all_and_counts_calls():
    ledger = Ledger()
    door = clients(
        client(budget=Budget(usd=10.0)), ledger=ledger, budget=Budget(usd=3.0, per="month")
    )
    ledger.noted(tried(2.0, client=""))  # a call
    assert door.budget("shop") == {"limit": 10.0, "spent": 0.0, "left": 10.0}
    assert door.budget()["left"] == 1.0
    ledger.noted(tried(1.0))
    for headers in (bearer(KEY), bearer(TOKEN)):
        with pytest.raises(ApiError, match=r"this server's budget is spent: .* for this month"):
            door.admit(headers, "auto")
    assert set(door.budgets()) == {"", "shop"}


@given(costs=st.lists(st.floats(0.0, 0.5), max_size=40), limit=st.floats(0.1, 3.0))
def test_one_at_a_time_a_budget_is_passed_by_less_than_one_request(costs, limit):
    ledger = Ledger()
    door = clients(client(budget=Budget(usd=limit)), ledger=ledger)
    spent = 0.0
    for cost in costs:
        try:
            door.admit(bearer(KEY), "auto")
        except ApiError:
            assert spent >= limit - 1e-6
            continue
        assert spent < limit + 1e-6
        ledger.noted(tried(cost))
        spent += cost
    assert spent <= limit + max(costs, default=0.0) + 1e-6


def test_letting_in_takes_microseconds():
    many = tuple(client(f"c{n}", f"KEY_{n}", requests_per_minute=10_000_000) for n in range(50))
    environ = {f"KEY_{n}": f"a-key-of-client-{n:04}" for n in range(50)}
    door = Clients(Config(clients=many), environ, Ledger())
    headers = bearer("a-key-of-client-0049")

    def work() -> None:
        for _ in range(100):
            door.admit(headers, "auto")

    assert least_s(work) / 100 < 200e-6


@settings(max_examples=8, deadline=None)
@given(before=st.floats(0.01, 3.0), after=st.floats(0.01, 3.0))
def test_a_restart_resets_no_budget(before, after):
    with TemporaryDirectory() as folder:
        kept = Store(url=f"sqlite:///{folder}/store.db")
        now, spent = time.time(), 0.0
        for usd in (before, after):
            store = open_store(kept, {})
            try:
                door = clients(
                    client(budget=Budget(usd=2.0, per="month")), ledger=store, wall=Clock(now)
                )
                assert door.budget("shop")["spent"] == pytest.approx(spent)
                if spent < 2.0:
                    door.admit(bearer(KEY), "auto")
                else:
                    with pytest.raises(ApiError, match="is spent"):
                        door.admit(bearer(KEY), "auto")
                store.note(tried(usd, at=now))
                spent += usd
                assert door.budget("shop")["spent"] == pytest.approx(spent)
            finally:
                store.close()
