"""Keys pressed one by one are read as one number."""

from hypothesis import given
from hypothesis import strategies as st

from tonewise.keypad import AFTER_S, LONGEST, Keypad


def test_a_number_ends_with_the_hash_key_which_is_no_part_of_it():
    keypad = Keypad()
    assert [keypad.pressed(digit, 1.0) for digit in "427#"] == [None, None, None, "427"]


def test_a_number_ends_when_no_other_key_comes():
    keypad = Keypad()
    keypad.pressed("4", 1.0)
    keypad.pressed("2", 2.0)
    assert keypad.waited(2.0 + AFTER_S - 0.1) is None
    assert keypad.waited(2.0 + AFTER_S) == "42"
    assert keypad.waited(99.0) is None


def test_a_number_that_could_not_be_used_is_kept_for_later():
    keypad = Keypad()
    keypad.keep("427", 1.0)
    keypad.pressed("1", 1.5)
    assert keypad.waited(1.5 + AFTER_S) == "4271"


def test_a_hash_alone_is_a_key_like_another():
    keypad = Keypad()
    assert keypad.pressed("#", 1.0) is None
    assert keypad.waited(9.0) == "#"


@given(st.text("0123456789*ABCD", max_size=200))
def test_no_key_is_lost_and_no_number_grows_for_ever(keys):
    keypad = Keypad()
    numbers = [number for key in keys if (number := keypad.pressed(key, 0.0))]
    last = keypad.waited(AFTER_S)
    assert "".join([*numbers, last or ""]) == keys
    assert all(len(number) <= LONGEST for number in numbers)
