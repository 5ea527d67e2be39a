"""Any number of absolute deadlines on one alarm, by a clock that only the test moves."""

import asyncio
import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadstone.clock import MOST_CANCELLED, Deadline, KernelAlarm, LoopAlarm, Timers, now_ns


class HandAlarm:
    """An alarm that remembers what it was set for."""

    def __init__(self) -> None:
        self.set_for: list[int] = []
        self.closed = False

    def set(self, deadline_ns: int) -> None:
        self.set_for.append(deadline_ns)

    def close(self) -> None:
        self.closed = True


class Bench:
    """Timers, their alarm, and the time."""

    def __init__(self) -> None:
        self.now = 0
        self.alarm = HandAlarm()
        self.timers = Timers(lambda: self.now)
        self.timers.use(self.alarm)
        self.fired: list[object] = []

    def at(self, at_ns: int, name: object = None) -> Deadline:
        return self.timers.at(at_ns, lambda: self.fired.append(at_ns if name is None else name))

    def move(self, now: int) -> None:
        self.now = now
        self.timers.fire()


@given(st.lists(st.integers(0, 50)), st.integers(0, 60))
def test_what_is_due_fires_in_order_and_the_alarm_is_set_for_the_rest(deadlines: list[int], now: int) -> None:
    bench = Bench()
    for at_ns in deadlines:
        bench.at(at_ns)
    bench.move(now)
    assert bench.fired == sorted(at_ns for at_ns in deadlines if at_ns <= now)
    later = [at_ns for at_ns in deadlines if at_ns > now]
    if later:
        assert bench.alarm.set_for[-1] == min(later)


def test_deadlines_of_one_time_fire_in_the_order_they_were_set() -> None:
    bench = Bench()
    for name in "abc":
        bench.at(5, name)
    bench.move(5)
    assert bench.fired == ["a", "b", "c"]


def test_the_alarm_is_only_touched_for_an_earlier_deadline() -> None:
    bench = Bench()
    for at_ns in (10, 20, 5, 7):
        bench.at(at_ns)
    assert bench.alarm.set_for == [10, 5]


def test_a_cancelled_deadline_does_nothing() -> None:
    bench = Bench()
    first, second = bench.at(1), bench.at(2)
    first.cancel()
    first.cancel()
    bench.move(3)
    second.cancel()
    assert bench.fired == [2]


def test_a_callback_may_add_an_earlier_deadline_while_firing() -> None:
    bench = Bench()

    def earlier() -> None:
        bench.at(3)

    bench.timers.at(10, earlier)
    bench.at(20)
    bench.at(30)
    bench.move(20)
    assert bench.fired == [20], "what was due when the turn began has it before what was added meanwhile"
    bench.timers.fire()
    assert bench.fired == [20, 3]
    assert bench.alarm.set_for[-1] == 30


def test_a_callback_may_cancel_what_is_due_with_it() -> None:
    bench = Bench()
    other: list[Deadline] = []

    def cancel_the_other() -> None:
        other[0].cancel()

    bench.timers.at(1, cancel_the_other)
    other.append(bench.at(2))
    bench.at(3)
    bench.move(5)
    assert bench.fired == [3]


def test_a_callback_that_is_always_late_does_not_keep_the_loop_for_itself() -> None:
    bench = Bench()

    def again() -> None:
        bench.fired.append("late")
        bench.timers.at(0, again)

    bench.timers.at(1, again)
    bench.move(10)
    assert bench.fired == ["late"]
    assert bench.alarm.set_for[-1] <= 10, "its next turn comes at once"
    bench.timers.fire()
    assert bench.fired == ["late", "late"]


def test_a_callback_that_is_always_late_keeps_nobody_else_from_its_turn() -> None:
    bench = Bench()

    def again() -> None:
        bench.timers.at(2, again)

    bench.timers.at(1, again)
    for due in (5, 15, 25):
        bench.at(due)
    for now in (10, 20, 30):
        bench.move(now)
    assert bench.fired == [5, 15, 25]


def test_a_callback_that_raises_does_not_stop_the_clock() -> None:
    bench = Bench()

    def wrong() -> None:
        raise ZeroDivisionError

    bench.timers.at(1, wrong)
    bench.at(2)
    with pytest.raises(ZeroDivisionError):
        bench.move(5)
    assert bench.alarm.set_for[-1] == 2
    bench.timers.fire()
    assert bench.fired == [2]


def test_cancelled_deadlines_do_not_pile_up() -> None:
    bench = Bench()
    kept = [bench.at(1_000_000 + number) for number in range(10)]
    for number in range(20 * MOST_CANCELLED):
        bench.at(500_000 + number).cancel()
    assert len(bench.timers._heap) <= 2 * MOST_CANCELLED + len(kept)
    bench.move(2_000_000)
    assert bench.fired == [1_000_000 + number for number in range(10)]
    assert bench.timers._cancelled == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60), st.lists(st.integers(0, 25), max_size=4))
def test_the_number_of_cancelled_entries_is_always_known(deadlines: list[tuple[int, bool]], times: list[int]) -> None:
    bench = Bench()
    made = [(bench.at(at_ns), cancelled) for at_ns, cancelled in deadlines]
    for deadline, cancelled in made:
        if cancelled:
            deadline.cancel()
    for now in sorted(times):
        bench.move(now)
        assert bench.timers._cancelled == sum(entry[2].call is None for entry in bench.timers._heap)


@pytest.mark.skipif(not KernelAlarm.available(), reason="timerfd is Linux's")
def test_the_kernels_alarm_rings_once_and_for_the_past_at_once() -> None:
    alarm = KernelAlarm()
    poll = select.poll()
    poll.register(alarm.fileno(), select.POLLIN)
    due = now_ns() + 2_000_000
    alarm.set(due)
    assert poll.poll(5_000)
    assert now_ns() >= due
    alarm.clear()
    assert not poll.poll(0)
    alarm.clear()
    for past in (due - 1, 0, -5):
        alarm.set(past)
        assert poll.poll(5_000)
        alarm.clear()
    alarm.close()


def test_waiting_ends_at_its_time_on_the_loops_own_timers() -> None:
    async def conversation() -> None:
        timers = Timers()
        timers.use(LoopAlarm(asyncio.get_running_loop(), timers.fire))
        due = now_ns() + 2_000_000
        await timers.wait_until(due)
        assert now_ns() >= due - 1_000_000, "the loop rounds to its own resolution"
        waiting = asyncio.ensure_future(timers.wait_until(now_ns() + 10**12))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        timers.close()

    asyncio.run(conversation())
