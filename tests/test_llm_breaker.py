"""The circuit breaker, told what time it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonewise.llm.breaker import LONGEST_S, Breaker


def opened(at: float = 0.0, **settings) -> Breaker:
    breaker = Breaker(faults=1, **settings)
    breaker.failed(at, "HTTP 503")
    return breaker


def test_it_opens_after_so_many_faults_in_a_row():
    breaker = Breaker(faults=3, cooldown_s=10)
    for _ in range(2):
        breaker.failed(0, "HTTP 503")
        assert breaker.may_try(0)
    breaker.failed(0, "HTTP 502")
    assert breaker.state == "open"
    assert not breaker.may_try(9.9)
    assert breaker.reason == "3 faults in a row, the last: HTTP 502"


def test_a_reply_begins_the_count_anew():
    breaker = Breaker(faults=2)
    for _ in range(5):
        breaker.failed(0, "HTTP 503")
        breaker.replied(0)
    assert breaker.may_try(0)


def test_after_the_cooldown_one_try_is_let_through():
    breaker = opened(cooldown_s=10)
    assert not breaker.may_try(9.99)
    assert breaker.may_try(10)
    assert not breaker.may_try(10)
    breaker.replied(11)
    assert breaker.state == "closed"
    assert breaker.may_try(11)
    assert breaker.may_try(11)


def test_each_failure_of_that_try_doubles_the_rest_up_to_a_limit():
    breaker, now, rests = opened(cooldown_s=50), 0.0, []
    for _ in range(5):
        rests.append(breaker.opens_at - now)
        now = breaker.opens_at
        assert breaker.may_try(now)
        breaker.failed(now, "HTTP 503")
    assert rests == [50, 100, 200, LONGEST_S, LONGEST_S]


def test_once_it_answers_the_next_rest_is_short_again():
    breaker = opened(cooldown_s=10)
    breaker.may_try(10)
    breaker.failed(10, "HTTP 503")
    assert breaker.may_try(30)
    breaker.replied(30)
    breaker.failed(40, "HTTP 503")
    assert breaker.opens_at == 50


def test_a_try_that_was_given_up_leaves_the_way_free():
    breaker = opened(cooldown_s=10)
    assert breaker.may_try(10)
    breaker.gave_up()
    assert breaker.may_try(10.1)


def test_a_provider_that_asks_us_to_wait_is_left_alone_for_as_long():
    breaker = Breaker(faults=3, cooldown_s=20)
    breaker.failed(0, "HTTP 429", wait_s=7)
    assert not breaker.may_try(6.9)
    assert breaker.may_try(7)


def test_nobody_is_left_alone_for_ever():
    breaker = Breaker()
    breaker.failed(0, "HTTP 429", wait_s=86_400)
    assert breaker.may_try(LONGEST_S)


def test_a_shorter_wait_does_not_end_a_longer_one():
    breaker = Breaker()
    breaker.failed(0, "HTTP 429", wait_s=60)
    breaker.failed(1, "HTTP 429", wait_s=2)
    assert not breaker.may_try(59)


@pytest.mark.parametrize("news", ["replied", "failed", "gave_up"])
def test_tries_that_began_before_it_opened_change_nothing(news):
    breaker = opened(cooldown_s=10)
    getattr(breaker, news)(*{"replied": (5,), "failed": (5, "late"), "gave_up": ()}[news])
    assert (breaker.state, breaker.opens_at) == ("open", 10)


def test_a_try_that_is_made_anyway_closes_it_if_it_succeeds():
    breaker = opened(cooldown_s=10)
    breaker.try_anyway()
    breaker.replied(1)
    assert breaker.may_try(1)


EVENTS = st.tuples(
    st.floats(0, 30),
    st.sampled_from(["ask", "replied", "failed", "wait", "gave_up", "anyway"]),
)


@given(st.lists(EVENTS, max_size=60), st.integers(1, 4))
def test_whatever_happens_it_lets_somebody_through_in_the_end(events, faults):
    """And while it is open before its time, or half-open, it lets nobody through."""
    breaker, now = Breaker(faults=faults, cooldown_s=5), 0.0
    for elapsed, event in events:
        now += elapsed
        before, opens_at = breaker.state, breaker.opens_at
        match event:
            case "ask":
                allowed = breaker.may_try(now)
                assert allowed == (before == "closed" or (before == "open" and now >= opens_at))
            case "replied":
                breaker.replied(now)
            case "failed":
                breaker.failed(now, "…")
            case "wait":
                breaker.failed(now, "…", wait_s=elapsed)
            case "gave_up":
                breaker.gave_up()
            case "anyway":
                breaker.try_anyway()
        assert breaker.state != "open" or breaker.opens_at <= now + LONGEST_S
    breaker.gave_up()  # a try under way ends somehow
    assert breaker.may_try(now + LONGEST_S)
