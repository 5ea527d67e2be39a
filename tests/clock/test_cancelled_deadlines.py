"""Cancelled deadlines: they do nothing, and they do not pile up."""

from functools import partial
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clock import MOST_CANCELLED, SECOND, Timers


class Bell:
    """An alarm that remembers what it was set for."""

    def __init__(self) -> None:
        self.set_for: int | None = None

    def set(self, deadline_ns: int) -> None:
        self.set_for = deadline_ns

    def close(self) -> None:
        self.set_for = None


def ringing() -> tuple[Timers, Bell, list[int]]:
    now = [0]
    timers, bell = Timers(lambda: now[0]), Bell()
    timers.use(bell)
    return timers, bell, now


def test_deadlines_fire_in_order_of_time_and_equal_ones_in_order_of_asking() -> None:
    timers, _, now = ringing()
    fired: list[str] = []
    for at_ns, name in ((30, "c"), (10, "a"), (20, "b"), (10, "a2")):
        timers.at(at_ns, partial(fired.append, name))
    now[0] = 20
    timers.fire()
    assert fired == ["a", "a2", "b"]


def test_a_cancelled_deadline_does_nothing_and_cancelling_twice_or_late_is_allowed() -> None:
    timers, _, now = ringing()
    fired: list[int] = []
    kept, gone = timers.at(5, lambda: fired.append(5)), timers.at(6, lambda: fired.append(6))
    gone.cancel()
    gone.cancel()
    now[0] = 10
    timers.fire()
    kept.cancel()
    assert fired == [5]
    assert len(timers) == 0


def test_time_outs_that_are_cancelled_long_before_they_are_due_do_not_pile_up() -> None:
    timers, _, _ = ringing()
    lasting = timers.at(SECOND, lambda: None)
    for k in range(100_000):
        timers.at(60 * SECOND + k, lambda: None).cancel()
        assert len(timers) <= 2 * MOST_CANCELLED + 2
    assert lasting.call is not None


def test_a_callback_that_raises_does_not_silence_the_deadlines_after_it() -> None:
    timers, bell, now = ringing()

    def broken() -> None:
        raise ValueError

    timers.at(1, broken)
    timers.at(2, lambda: None)
    now[0] = 1
    with pytest.raises(ValueError, match=r"^$"):
        timers.fire()
    assert bell.set_for == 2


@given(st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=600))
def test_whatever_is_cancelled_the_rest_fires_in_order(plans: list[tuple[int, bool]]) -> None:
    with mock.patch("loadstone.clock.MOST_CANCELLED", 3):
        timers, _, now = ringing()
        fired: list[int] = []
        for at_ns, cancelled in plans:
            deadline = timers.at(at_ns, partial(fired.append, at_ns))
            if cancelled:
                deadline.cancel()
        now[0] = 1000
        timers.fire()
    assert fired == sorted(at_ns for at_ns, cancelled in plans if not cancelled)
