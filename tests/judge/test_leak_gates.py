from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadstone.errors import UsageError
from loadstone.judge.leak_gates import growth, sizes_of
from loadstone.judge.level_history import MOST_READINGS, MOST_SERIES, Course, GaugeCourses
from loadstone.judge.limits import resolve
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.catalogue import Catalogue
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate

Second = Callable[..., Snapshot]
Judge = Callable[..., list[Verdict]]
LEAK = "leak(generator.memory) = none"


def levels(rate: float, seconds: int = 300, base: float = 2e8) -> list[float]:
    rng = np.random.default_rng(7)
    return [base + rate * at + 2e5 * float(rng.normal()) for at in range(seconds)]


def run(second: Second, values: Sequence[float], metric: str = "generator.memory", ms: float = 10.0) -> list[Snapshot]:
    return [second(at, [ms, ms * 1.1], gauges={metric: value}) for at, value in enumerate(values)]


def test_a_leak_fails_and_tells_its_rate_per_second(judge: Judge, second: Second) -> None:
    (verdict,) = judge(run(second, levels(1e5)), LEAK)
    assert verdict.status is Status.FAIL
    assert verdict.unit == "B/s"
    assert verdict.value == pytest.approx(1e5, rel=0.1)
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < 1e5 < verdict.high
    assert verdict.samples == 300
    assert "per 1,000 requests" in verdict.reason


def test_a_stable_level_passes(judge: Judge, second: Second) -> None:
    assert judge(run(second, levels(0)), LEAK)[0].status is Status.PASS


def test_cannot_tell_is_no_data_with_advice(judge: Judge, second: Second) -> None:
    (verdict,) = judge(run(second, levels(2e4)), LEAK)
    assert verdict.status is Status.NO_DATA
    assert verdict.reason.startswith("CANNOT TELL")
    assert "twice as long" in verdict.reason


@pytest.mark.parametrize("seconds", [0, 1, 40])
@pytest.mark.parametrize("gate", [LEAK, "drift(http.response_time) = none"])
def test_too_little_is_no_data(judge: Judge, second: Second, gate: str, seconds: int) -> None:
    assert judge(run(second, levels(0, seconds)), gate)[0].status is Status.NO_DATA


def test_a_level_that_nobody_read_is_no_data(judge: Judge, second: Second) -> None:
    snapshots = [second(at, [10.0]) for at in range(100)]
    for verdict in judge(snapshots, LEAK, "growth(generator.memory) < 1GB"):
        assert verdict.status is Status.NO_DATA


def test_seconds_of_warm_up_are_not_judged(judge: Judge, second: Second) -> None:
    warm = [second(at, [10.0], judged=False, gauges={"generator.memory": 2e8 + 1e6 * at}) for at in range(100)]
    rest = [second(100 + at, [10.0], gauges={"generator.memory": value}) for at, value in enumerate(levels(0, base=3e8))]
    (verdict,) = judge([*warm, *rest], LEAK)
    assert verdict.status is Status.PASS
    assert verdict.samples == 300


@pytest.mark.parametrize(("rate", "status"), [(0.0, Status.PASS), (1e5, Status.FAIL)])
def test_growth_is_compared_with_its_limit(judge: Judge, second: Second, rate: float, status: Status) -> None:
    (verdict,) = judge(run(second, levels(rate)), "growth(generator.memory) < 10MB")
    assert verdict.status is status
    assert verdict.value == pytest.approx(rate * 270, abs=3e5)


def test_growth_of_a_few_readings_is_no_data(judge: Judge, second: Second) -> None:
    (verdict,) = judge(run(second, levels(0, 19)), "growth(generator.memory) < 10MB")
    assert (verdict.status, verdict.samples) == (Status.NO_DATA, 19)


@pytest.mark.parametrize(("factor", "status"), [(0.0, Status.PASS), (1.0, Status.FAIL)])
def test_latency_that_creeps_upwards_drifts(judge: Judge, second: Second, factor: float, status: Status) -> None:
    rng = np.random.default_rng(2)
    snapshots = [second(at, list(rng.lognormal(3, 0.2, 40) * (1 + factor * at / 300))) for at in range(300)]
    (verdict,) = judge(snapshots, "drift(http.response_time) = none")
    assert verdict.status is status
    assert verdict.unit == "ms/s"


def test_latencies_that_are_no_longer_known_are_not_called_steady(judge: Judge, second: Second) -> None:
    rng = np.random.default_rng(2)
    snapshots = [second(at, list(rng.lognormal(3, 0.2, 40)) if at < 200 else [20.0], beyond=0 if at < 200 else 30) for at in range(300)]
    (verdict,) = judge(snapshots, "drift(http.response_time) = none")
    assert verdict.status is Status.NO_DATA
    assert "200 readings alone" in verdict.reason
    (verdict,) = judge(snapshots[:205], "drift(http.response_time) = none")
    assert verdict.status is Status.PASS


def test_errors_that_become_more_drift(judge: Judge, second: Second) -> None:
    rng = np.random.default_rng(2)
    snapshots = [second(at, requests=1000, errors=int(rng.binomial(1000, 0.01 + 0.1 * at / 300))) for at in range(300)]
    (verdict,) = judge(snapshots, "drift(http.errors) = none")
    assert verdict.status is Status.FAIL


def test_the_series_that_leaks_is_named(judge: Judge) -> None:
    def both(at: int) -> dict[Series, Gauge]:
        return {Series("generator.memory", (("worker", name),)): Gauge.of(value) for name, value in (("a", 2e8), ("b", 1e8 + 1e5 * at))}

    snapshots = [Snapshot(at, float(at), at + 1.0, gauges=both(at)) for at in range(300)]
    (verdict,) = judge(snapshots, LEAK)
    assert verdict.status is Status.FAIL
    assert "generator.memory{worker=b}" in verdict.reason
    assert judge(snapshots, "leak(generator.memory{worker=a}) = none")[0].status is Status.PASS


def test_a_limit_that_a_probe_reads_gives_the_time_that_is_left(judge: Judge, second: Second) -> None:
    snapshots = [
        second(at, [10.0], gauges={"generator.memory": value, "generator.memory_limit": 1e9}) for at, value in enumerate(levels(1e5))
    ]
    assert "at its limit in 2h 0" in judge(snapshots, LEAK)[0].reason


@pytest.mark.parametrize("text", ["leak(generator.memory) = none", "drift(http.response_time{step=ask}) = none", "growth(load.users) < 5"])
def test_such_a_gate_is_read_back_as_it_is_written(text: str) -> None:
    gate = parse_gate(text)
    assert str(gate) == text
    assert parse_gate(str(gate)) == gate
    assert parse_gate(text.replace("= none", "== none")) == gate


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("leak(generator.memory) < 5MB", "expected '= none'"),
        ("leak(generator.memory)", "expected '= none', found the end"),
        ("leak(generator.memory) = nonesuch", "expected '= none'"),
        ("leak(generator.memory) = none over 1m", "whole run"),
        ("growth(generator.memory) < 5MB abort", "whole run"),
        ("leak(http.response_time) = none", "has no 'leak'"),
        ("drift(generator.memory) = none", "has no 'drift'"),
        ("drift(http.requests) = none", "not a share"),
        ("growth(generator.memory) < 5s", "is measured in B"),
    ],
)
def test_such_a_gate_that_makes_no_sense_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        resolve(parse_gate(text), Catalogue())


def test_a_course_keeps_its_memory_however_long_it_lasts() -> None:
    course = Course()
    for at in range(72 * 3600):
        course.add(float(at), 1e6 + at)
    assert MOST_READINGS / 2 <= len(course.values) <= MOST_READINGS
    assert course.seen == 72 * 3600
    gaps = np.diff(course.times_s)
    assert gaps.min() == gaps.max() == 64
    assert growth(course) == pytest.approx(0.9 * 72 * 3600, rel=0.01)


def test_processes_that_come_and_go_do_not_grow_our_memory() -> None:
    history = GaugeCourses("generator.memory")
    for at in range(1000):
        history.see(Snapshot(at, float(at), at + 1.0, gauges={Series("generator.memory", (("pid", str(at)),)): Gauge.of(1.0)}))
    assert len(history.courses) == MOST_SERIES


def test_a_process_that_lived_shortly_does_not_spoil_the_answer(judge: Judge, second: Second) -> None:
    snapshots = run(second, levels(0))
    short = Series("generator.memory", (("worker", "short"),))
    snapshots[:30] = [
        Snapshot(one.seq, one.start_s, one.end_s, gauges={**one.gauges, short: Gauge.of(1e8 + 1e6 * one.seq)}) for one in snapshots[:30]
    ]
    assert judge(snapshots, LEAK)[0].status is Status.PASS


def test_sizes_follow_the_unit() -> None:
    catalogue = Catalogue()
    memory, time, count = (catalogue.get(name) for name in ("generator.memory", "http.response_time", "generator.descriptors"))
    assert memory is not None
    assert time is not None
    assert count is not None
    assert sizes_of(memory).small(2e8) == 4e6
    assert sizes_of(time).small(100.0) == 5.0
    assert sizes_of(count).small(10.0) == 4.0


def saw_tooth(lives: Sequence[int], rate: float = 2e5, probe: str = "web") -> list[Snapshot]:
    """A target that grows from the same level again each time it is started."""
    tags = (("probe", probe),)
    lived = [(number, at) for number, life in enumerate(lives) for at in range(life)]
    return [
        Snapshot(
            at,
            float(at),
            at + 1.0,
            gauges={Series("target.memory", tags): Gauge.of(5e7 + rate * age), Series("target.restarts", tags): Gauge.of(number)},
        )
        for at, (number, age) in enumerate(lived)
    ]


@pytest.mark.parametrize(
    ("lives", "rate", "status", "said"),
    [
        ([60, 300, 60, 60], 2e5, Status.FAIL, "started again 3 times; judged is the longest time between, 60 s to 36"),
        ([60, 300], 0.0, Status.PASS, "started again once"),
        ([30] * 20, 2e5, Status.NO_DATA, "started again 19 times"),
        ([30] * 20, 2e5, Status.NO_DATA, "are the fewest; let processes live longer, or watch between their restarts; "),
        ([30, 30], 2e5, Status.NO_DATA, "are the fewest; run longer"),
    ],
)
def test_restarts_do_not_hide_a_leak(judge: Judge, lives: list[int], rate: float, status: Status, said: str) -> None:
    (verdict,) = judge(saw_tooth(lives, rate), "leak(target.memory) = none")
    assert (verdict.status, said in verdict.reason) == (status, True), verdict.reason


def test_restarts_of_one_target_say_nothing_of_another(judge: Judge) -> None:
    steady = Series("target.memory", (("probe", "database"),))
    snapshots = [Snapshot(one.seq, one.start_s, one.end_s, gauges={**one.gauges, steady: Gauge.of(1e8)}) for one in saw_tooth([30] * 20)]
    (verdict,) = judge(snapshots, "leak(target.memory{probe=database}) = none")
    assert (verdict.status, "started again" in verdict.reason) == (Status.PASS, False)
