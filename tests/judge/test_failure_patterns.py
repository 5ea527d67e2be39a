"""How failures lie in time and over payloads."""

from collections.abc import Callable

import pytest

from loadstone.judge.course import RunCourse
from loadstone.judge.failure_patterns import MOST_PATTERNS, FailurePattern, Timing, failure_patterns
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Failure, Snapshot
from loadstone.testing.samples import make_series, make_snapshot

BROKEN = Failure("status", "home", "status 500")


def patterns(count: Callable[[int], int], seconds: int = 60) -> tuple[FailurePattern, ...]:
    course, total = RunCourse(), Aggregate()
    for at in range(seconds):
        failures = {BROKEN: count(at)} if count(at) else {}
        snapshot = make_snapshot(at, steps={"home": (100, 10.0)}, failures=failures)
        course.see(snapshot)
        total.add(snapshot)
    return failure_patterns(course, total)


@pytest.mark.parametrize(
    ("timing", "count"),
    [
        (Timing.STEADY, lambda at: 5 + at % 3),
        (Timing.BURST, lambda at: 30 if 20 <= at < 26 else 0),
        (Timing.AT_FIRST, lambda at: 30 if at < 8 else 0),
        (Timing.FROM_THEN_ON, lambda at: 20 if at >= 40 else 0),
        (Timing.PERIODIC, lambda at: 40 if at % 10 == 0 else 0),
        (Timing.UNKNOWN, lambda at: 0 if at else 5),
    ],
    ids=lambda value: str(value) if isinstance(value, Timing) else "",
)
def test_the_course_of_failures_is_told(timing: Timing, count: Callable[[int], int]) -> None:
    (found,) = patterns(count, 4 if timing is Timing.UNKNOWN else 60)
    assert found.timing is timing


def test_a_burst_has_its_time_and_a_period_its_length() -> None:
    (burst,) = patterns(lambda at: 30 if 20 <= at < 26 else 0)
    assert (burst.from_s, burst.to_s) == (20.0, 26.0)
    (periodic,) = patterns(lambda at: 40 if at % 10 == 0 else 0)
    assert periodic.period_s == pytest.approx(10.0, rel=0.05)


def test_no_failures_and_very_few_make_no_pattern() -> None:
    assert patterns(lambda _: 0) == ()
    assert patterns(lambda at: 1 if at < 4 else 0) == ()


def test_a_payload_with_which_failures_come_more_often_is_named_with_its_interval() -> None:
    course, total = RunCourse(), Aggregate()
    for at in range(20):
        counts = {}
        for payload, errors in (("plain", 1), ("emoji", 12)):
            counts[make_series("http.requests", scenario="s", step="home", payload=payload)] = 50
            counts[make_series("http.errors", scenario="s", step="home", payload=payload, kind="status")] = errors
        snapshot = Snapshot(at, float(at), at + 1.0, counts=counts, failures={BROKEN: 13})
        course.see(snapshot)
        total.add(snapshot)
    (found,) = failure_patterns(course, total)
    (tag,) = found.tags
    assert (tag.tag, tag.value, tag.failures) == ("payload", "emoji", 240)
    assert tag.low < 12 < tag.high


def test_patterns_are_bounded_and_the_most_frequent_come_first() -> None:
    course, total = RunCourse(), Aggregate()
    failures = {Failure("status", f"step {number}", "status 500"): 5 + number for number in range(40)}
    for at in range(3):
        snapshot = Snapshot(at, float(at), at + 1.0, failures=failures)
        course.see(snapshot)
        total.add(snapshot)
    found = failure_patterns(course, total)
    assert len(found) == MOST_PATTERNS
    assert [one.count for one in found] == sorted((one.count for one in found), reverse=True)
