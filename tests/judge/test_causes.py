"""Causes of gates that failed: found where they are known, and not made up where there is none."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from benchmarks.simulated_causes import KNOWN, UNRELATED, false_cause, right_cause
from loadstone.judge.cause import WEIGHTS, Cause, CauseKind
from loadstone.judge.causes import find_causes
from loadstone.judge.course import MOST_LEVELS, MOST_WINDOWS, RunCourse
from loadstone.judge.gates import GateWatch
from loadstone.judge.recommend import ADVICE, THRESHOLDS, recommend
from loadstone.judge.trust import Level, Trust
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Failure, Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.testing.samples import make_histogram, make_series, make_snapshot

LATE = ["a worker used 95% of a core on average, more than 90%"]
FINE, DEGRADED, BROKEN = Trust(Level.OK, []), Trust(Level.DEGRADED, LATE), Trust(Level.UNTRUSTWORTHY, LATE)
SLOW, WRONG = "p95(http.response_time) < 50ms", "rate(http.errors) < 1%"


def causes_of(snapshots: Sequence[Snapshot], *gates: str, trust: Trust = FINE) -> tuple[Cause, ...]:
    watch = GateWatch([parse_gate(gate) for gate in gates], Catalogue())
    course, total = RunCourse(watch.gates), Aggregate()
    for snapshot in snapshots:
        watch.see(snapshot)
        course.see(snapshot)
        total.add(snapshot)
    return find_causes(course, total, watch.verdicts(total), trust, Catalogue())


def seconds(ms: Callable[[int], float], count: int = 40) -> list[Snapshot]:
    return [make_snapshot(at, steps={"home": (100, ms(at)), "ask": (100, 10.0)}) for at in range(count)]


def open_second(at: int, due: int, done: int, ms: float = 100.0) -> Snapshot:
    times = {make_series("http.response_time", scenario="s", step="a", outcome="ok"): make_histogram([ms] * max(done, 0))}
    counts = {Series("load.arrivals"): due, Series("iteration.count"): done, make_series("http.requests", scenario="s", step="a"): done}
    return Snapshot(at, float(at), at + 1.0, distributions=times, counts=counts)


def test_gates_that_hold_have_no_causes_and_nothing_is_advised() -> None:
    assert causes_of(seconds(lambda _: 100.0), "p95(http.response_time) < 10s", WRONG) == ()
    assert recommend(()) == ()


def test_a_constant_failure_that_is_everywhere_has_no_cause() -> None:
    assert causes_of([make_snapshot(at, steps={"home": (100, 90.0)}) for at in range(30)], SLOW) == ()


def test_the_step_that_carries_the_excess_is_named_with_its_share() -> None:
    first, *_ = causes_of(seconds(lambda _: 100.0), SLOW)
    assert (first.kind, first.subject) == (CauseKind.PART, "step=home")
    assert first.figures["share"] == pytest.approx(1.0)
    assert first.figures["fair"] == pytest.approx(0.5)
    assert first.gates == (SLOW,)


def test_an_agent_of_several_steps_is_named_and_not_its_steps() -> None:
    def second(at: int) -> Snapshot:
        times, counts = {}, {}
        for agent, step, ms in (("a", "x", 10), ("a", "y", 10), ("b", "x", 90), ("b", "y", 90)):
            times[make_series("http.response_time", agent=agent, step=step, outcome="ok")] = make_histogram([float(ms)] * 50)
            counts[make_series("http.requests", agent=agent, step=step)] = 50
        return Snapshot(at, float(at), at + 1.0, distributions=times, counts=counts)

    (found,) = [one for one in causes_of([second(at) for at in range(20)], SLOW) if one.kind is CauseKind.PART]
    assert found.subject == "agent=b"


def test_a_mean_is_shared_out_over_steps_too() -> None:
    found = causes_of(seconds(lambda _: 200.0), "mean(http.response_time) < 60ms")
    assert found[0].subject == "step=home"
    assert found[0].figures["lift"] > 5


def test_a_stall_is_named_with_the_silence_before_its_answers() -> None:
    def second(at: int) -> Snapshot:
        if 10 <= at < 13:
            return open_second(at, 100, 0)
        return open_second(at, 100, 400 if at == 13 else 100, 2000.0 if at == 13 else 5.0)

    found = causes_of([second(at) for at in range(30)], SLOW)
    assert found[0].kind is CauseKind.STALL
    assert (found[0].from_s, found[0].to_s) == (10.0, 14.0)
    assert CauseKind.OVERLOAD not in {one.kind for one in found}


def test_arrivals_that_pile_up_are_an_overload_and_the_rise_that_they_make_is_not_told_again() -> None:
    found = causes_of([open_second(at, 100, 60, 100.0 + 50 * at) for at in range(30)], SLOW)
    assert found[0].kind is CauseKind.OVERLOAD
    assert found[0].figures["done_per_s"] == pytest.approx(60)
    assert found[0].figures["left"] == 1200
    assert CauseKind.RISING not in {one.kind for one in found}
    assert "60/s" in recommend(found)[0].text


def test_a_long_constant_latency_is_no_overload() -> None:
    snapshots = [open_second(at, 100, 0 if at < 3 else 100, 3000.0) for at in range(30)]
    assert CauseKind.OVERLOAD not in {one.kind for one in causes_of(snapshots, SLOW)}


def test_users_that_come_without_more_getting_done_are_an_overload() -> None:
    snapshots = [make_snapshot(at, steps={"home": (100, 10.0 + 4 * at)}, users=5 + at) for at in range(30)]
    assert causes_of(snapshots, SLOW)[0].kind is CauseKind.OVERLOAD


@pytest.mark.parametrize("status", ["429", "503"])
def test_requests_that_were_turned_away_are_told_with_their_status(status: str) -> None:
    failure = Failure("status", "home", f"status {status}")
    found = causes_of([make_snapshot(at, failures={failure: 10}) for at in range(20)], WRONG)
    assert found[0].kind is CauseKind.PUSHBACK
    assert found[0].subject == f"status {status}"
    assert found[0].figures["share"] == pytest.approx(0.1)


def test_a_status_500_is_a_failure_and_no_pushback() -> None:
    found = causes_of([make_snapshot(at, failures={Failure("status", "home", "status 500 after 503 ms"): 9}) for at in range(9)], WRONG)
    assert CauseKind.FAILURES in {one.kind for one in found}
    assert CauseKind.PUSHBACK not in {one.kind for one in found}


def test_a_generator_that_was_not_fit_is_the_only_cause() -> None:
    found = causes_of(seconds(lambda _: 100.0), SLOW, trust=BROKEN)
    assert [one.kind for one in found] == [CauseKind.GENERATOR]
    assert "own" in recommend(found)[0].text


def test_a_busy_generator_is_told_beside_the_other_causes_and_one_with_another_doubt_is_not() -> None:
    def kinds(cpu_percent: float) -> set[CauseKind]:
        steps = {"home": (100, 100.0), "ask": (100, 10.0)}
        found = causes_of([make_snapshot(at, steps=steps, cpu_percent=cpu_percent) for at in range(20)], SLOW, trust=DEGRADED)
        return {one.kind for one in found}

    assert kinds(95.0) >= {CauseKind.GENERATOR, CauseKind.PART}
    assert CauseKind.GENERATOR not in kinds(40.0)


def test_growth_is_told_with_what_rises_beside_it() -> None:
    def second(at: int) -> Snapshot:
        levels = {"target.memory": 1e8 + 1e6 * at, "target.descriptors": 20.0 + at}
        return Snapshot(at, float(at), at + 1.0, gauges={make_series(name, probe="p"): Gauge.of(value) for name, value in levels.items()})

    (found,) = causes_of([second(at) for at in range(60)], "growth(target.memory) < 10MB")
    assert found.kind is CauseKind.GROWTH
    assert "target.descriptors by 60 a minute" in found.text


def test_load_that_rose_is_told_where_the_excess_lies_in_that_time() -> None:
    snapshots = [open_second(at, 10 if at < 15 else 40, 10 if at < 15 else 40, 5.0 if at < 15 else 90.0) for at in range(40)]
    found = causes_of(snapshots, SLOW)
    assert found[0].kind is CauseKind.LOAD_RISE
    assert (found[0].figures["before"], found[0].figures["now"]) == (10, 40)


def failing_fast(at: int) -> Snapshot:
    """From second 20 on all connections are taken, and each try fails at once."""
    full = at >= 20
    asked, failed, ms = (5000, 4950, 500.0) if full else (50, 0, 10.0)
    times = {make_series("http.response_time", step="a", outcome="ok"): make_histogram([ms] * 50)}
    counts = {make_series("http.requests", step="a"): asked, make_series("http.errors", step="a", kind="reset"): failed}
    levels = {Series("load.users"): 60.0 if full else 5.0, Series("target.descriptors_used", (("probe", "p"),)): 100.0 if full else 30.0}
    gauges = {series: Gauge.of(level) for series, level in levels.items()}
    return Snapshot(at, float(at), at + 1.0, distributions=times, counts=counts, gauges=gauges)


def test_what_failed_much_faster_than_it_was_answered_before_is_no_stall_and_the_full_resource_goes_before_the_load() -> None:
    found = [(one.kind, one.subject) for one in causes_of([failing_fast(at) for at in range(40)], SLOW)]
    assert found[:2] == [(CauseKind.SATURATED, "target.descriptors_used"), (CauseKind.LOAD_RISE, "")]
    assert CauseKind.STALL not in dict(found)


@pytest.mark.parametrize("shape", UNRELATED)
def test_a_resource_that_has_nothing_to_do_with_it_is_seldom_named(shape: str) -> None:
    assert sum(false_cause(seed, shape) for seed in range(12)) <= 1


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_cause_is_among_the_first_three(name: str) -> None:
    assert sum(right_cause(seed, name) for seed in range(100, 105)) >= 4


def test_the_course_is_bounded_however_long_the_run_and_keeps_every_count() -> None:
    watch = GateWatch([parse_gate(WRONG)], Catalogue())
    course = RunCourse(watch.gates)
    tags = {"scenario": "s", "step": "a"}
    for at in range(3000):
        levels = {Series(f"target.level_{at % 200}"): Gauge.of(1.0)}
        counts = {make_series("http.requests", **tags): 10, make_series("http.errors", kind="status", **tags): 1}
        course.see(Snapshot(at, float(at), at + 1.0, counts=counts, gauges=levels, failures={Failure("status", f"step {at}", "x"): 1}))
    assert len(course.windows) <= MOST_WINDOWS
    assert len(course.level_names()) <= MOST_LEVELS
    events, base = course.events(0)
    assert (events.sum(), base.sum()) == (3000, 30000)
    assert sum(sum(window.failures.values()) for window in course.windows) == 3000
    assert np.all(np.diff(course.at_s) > 0)
    assert (course.windows[0].start_s, course.windows[-1].end_s) == (0.0, 3000.0)


def test_seconds_that_are_not_judged_leave_no_trace() -> None:
    course = RunCourse()
    course.see(make_snapshot(0, judged=False))
    course.see(make_snapshot(1, phase="wind-down"))
    assert course.windows == []


def test_each_kind_of_cause_has_a_weight_an_advice_and_its_threshold() -> None:
    assert set(WEIGHTS) == set(CauseKind) == set(THRESHOLDS)
    assert set(ADVICE) == set(CauseKind) - {CauseKind.SATURATED}


def test_each_advice_names_the_measurement_that_asked_for_it() -> None:
    causes = causes_of(seconds(lambda _: 100.0), SLOW)
    for one in recommend(causes):
        assert one.trigger in {cause.text for cause in causes}
        assert one.threshold == THRESHOLDS[one.cause]
