"""Who follows a call's events beside its peer."""

from tonewise.events import CallEnded, KeyPressed
from tonewise.following import all_of, nobody
from tonewise.peer import Greeting

GREETING = Greeting("call-1", "test")
PRESSED, ENDED = KeyPressed(at=1.0, digit="5"), CallEnded(at=2.0, reason="hung up", turns=0)


def test_every_follower_is_told_every_event_in_order():
    told = {"one": [], "two": []}
    follow = all_of([lambda _: told["one"].append, lambda _: told["two"].append])(GREETING)
    follow(PRESSED)
    follow(ENDED)
    assert told == {"one": [PRESSED, ENDED], "two": [PRESSED, ENDED]}


def test_one_that_breaks_follows_no_more_and_keeps_nobody_from_it(caplog):
    told, broken = [], []

    def breaks(event):
        broken.append(event)
        raise RuntimeError("out of ink")

    follow = all_of([lambda _: breaks, lambda _: told.append, nobody])(GREETING)
    follow(PRESSED)
    follow(ENDED)
    assert (told, broken) == ([PRESSED, ENDED], [PRESSED])
    assert caplog.text.count("call call-1 is not followed any more") == 1


def test_one_that_cannot_begin_keeps_nobody_from_it(caplog):
    told = []

    def cannot(greeting):
        raise OSError("no pen")

    all_of([cannot, lambda _: told.append])(GREETING)(PRESSED)
    assert told == [PRESSED]
    assert "call call-1 is not followed by one" in caplog.text
