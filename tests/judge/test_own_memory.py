"""Growth of the generator's own memory is judged by its course, as a target's is."""

import pytest

from loadstone.judge.notices import NoticeCode, find_notices
from loadstone.judge.own_memory import OwnMemory
from loadstone.judge.trust import GeneratorFacts
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Gauge, Series, Snapshot

MB = 1e6
WORKER = Series("generator.memory", (("worker", "1"),))
FACTS = GeneratorFacts(asked_arrivals=None, achieved_arrivals=10)


def texts(sizes: list[float], users: tuple[int, int] = (5, 5)) -> list[str]:
    """The notices about growth after seconds with these sizes; users at first and at the end."""
    total, memory = Aggregate(), OwnMemory()
    for number, size in enumerate(sizes):
        count = users[0] if number < len(sizes) // 2 else users[1]
        gauges = {WORKER: Gauge.of(size), Series("load.users"): Gauge.of(count)}
        second = Snapshot(number, number, number + 1.0, counts={Series("http.requests"): 5}, gauges=gauges)
        total.add(second)
        memory.see(second)
    return [notice.text for notice in find_notices(total, FACTS, own_memory=memory) if notice.code is NoticeCode.GENERATOR_GROWS]


def test_a_steady_rise_too_small_to_see_at_its_ends_is_told_with_its_rate() -> None:
    (text,) = texts([50 * MB + 0.1 * MB * second for second in range(300)])
    assert text.startswith("memory of worker 1 rises steadily, by 36")


def test_much_memory_taken_once_and_kept_is_no_growth() -> None:
    assert texts([50 * MB + min(second, 40) * 5 * MB for second in range(300)]) == []


def test_where_the_course_is_too_short_to_tell_the_ends_are_compared() -> None:
    assert texts([50 * MB, 60 * MB, 200 * MB]) == ["memory of worker 1 grew from 50 MB to 200 MB"]


@pytest.mark.parametrize("users", [(2, 9)])
def test_what_more_users_hold_is_let_pass(users: tuple[int, int]) -> None:
    assert texts([50 * MB + 0.1 * MB * second for second in range(300)], users) == []
