from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from loadstone.judge.notices import NoticeCode, find_notices
from loadstone.judge.trust import GeneratorFacts, Level, assess
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.stats.histogram import Histogram

FACTS = GeneratorFacts(asked_arrivals=1000, achieved_arrivals=1000)


def facts(**changes: object) -> GeneratorFacts:
    return GeneratorFacts(**({"asked_arrivals": 1000, "achieved_arrivals": 1000} | changes))  # type: ignore[arg-type]


def view(
    response_ms: float = 40, lag_ms: float = 0.1, *, loop_ms: float = 0.1, cpu: float = 30, seconds: float = 60, **counts: int
) -> Aggregate:
    def of(milliseconds: float) -> Histogram:
        histogram = Histogram()
        histogram.record_many(np.full(1000, milliseconds * 1e6).astype(np.int64))
        return histogram

    numbers = {"http.requests": 1000, "generator.reads": 1000} | {name.replace("__", "."): count for name, count in counts.items()}
    snapshot = Snapshot(
        0,
        0.0,
        seconds,
        distributions={
            Series("http.response_time", (("outcome", "ok"),)): of(response_ms),
            Series("load.send_lag"): of(lag_ms),
            Series("generator.loop_lag"): of(loop_ms),
        },
        counts={Series(name): count for name, count in numbers.items()},
        gauges={
            Series("generator.cpu", (("worker", "0"),)): Gauge.of(5.0),
            Series("generator.cpu", (("worker", "1"),)): Gauge.of(cpu),
            Series("generator.descriptors"): Gauge.of(900.0),
        },
    )
    return Aggregate([snapshot])


@pytest.mark.parametrize(
    ("seen", "known", "level", "reason"),
    [
        (view(), facts(), Level.OK, ""),
        (view(lag_ms=4.9), facts(), Level.OK, ""),
        (view(lag_ms=6), facts(), Level.DEGRADED, "sends were late: p99 6 ms, more than 5 ms"),
        (view(lag_ms=6, response_ms=100), facts(), Level.OK, ""),
        (view(lag_ms=26), facts(), Level.UNTRUSTWORTHY, "sends were late: p99 26 ms, more than 25 ms"),
        (view(lag_ms=60, response_ms=1000), facts(), Level.OK, ""),
        (view(), facts(achieved_arrivals=995), Level.OK, ""),
        (view(), facts(achieved_arrivals=980), Level.DEGRADED, "980 of 1,000 asked arrivals were sent, 98%"),
        (view(), facts(achieved_arrivals=900), Level.UNTRUSTWORTHY, "at least 95% are needed"),
        (view(), facts(achieved_arrivals=900, allow_unreached=True), Level.DEGRADED, "90%"),
        (view(), facts(asked_arrivals=None, achieved_arrivals=3), Level.OK, ""),
        (view(cpu=95), facts(), Level.DEGRADED, "a worker used 95% of a core"),
        (view(cpu=99), facts(), Level.DEGRADED, "a worker used 99% of a core"),
        (view(cpu=99), facts(kernel_clock=False), Level.UNTRUSTWORTHY, "a worker used 99% of a core"),
        (view(loop_ms=30), facts(), Level.OK, ""),
        (view(loop_ms=30), facts(kernel_clock=False), Level.UNTRUSTWORTHY, "by the application's clock"),
        (view(), facts(clock_steps=1), Level.DEGRADED, "the wall clock was set once"),
        (view(), facts(clock_steps=1, kernel_clock=False), Level.OK, ""),
        (view(generator__unstamped_reads=60), facts(), Level.DEGRADED, "6% of the reads had no kernel stamp"),
        (Aggregate(), facts(asked_arrivals=None, achieved_arrivals=0), Level.OK, ""),
    ],
)
def test_trust_has_stated_limits(seen: Aggregate, known: GeneratorFacts, level: Level, reason: str) -> None:
    trust = assess(seen, known)
    assert trust.level is level
    assert bool(trust.reasons) == (level is not Level.OK)
    assert any(reason in one for one in trust.reasons) or not reason


def test_the_gravest_reason_comes_first() -> None:
    trust = assess(view(cpu=95), facts(achieved_arrivals=100))
    assert [reason.split()[0] for reason in trust.reasons] == ["100", "a"]
    assert not trust.load_reached


def test_an_unreached_load_that_was_allowed_counts_as_reached() -> None:
    assert assess(view(), facts(achieved_arrivals=100, allow_unreached=True)).load_reached


def test_a_lost_worker_is_never_trusted() -> None:
    assert assess(view(), facts(lost=("worker 1 (pid 7) was ended by SIGKILL",))).level is Level.UNTRUSTWORTHY


def silent_probe(missed: int) -> Aggregate:
    """A good run beside which a probe of `h` missed some of its 30 readings."""
    seen, tags = view(), (("probe", "h"),)
    counts = {Series("probe.readings", tags): 30, Series("probe.missed", (("kind", "timeout"), *tags)): missed}
    seen.add(Snapshot(31, 30.0, 30.0, counts=counts))
    return seen


def with_levels(metric: str, *levels: float, **tags: str) -> Aggregate:
    """A good run with one more level, second by second."""
    seen = view()
    for number, level in enumerate(levels):
        gauges = {Series(metric, tuple(sorted(tags.items()))): Gauge.of(level)}
        seen.add(Snapshot(31 + number, 30.0, 30.0, gauges=gauges))
    return seen


def test_a_few_missed_readings_of_a_probe_are_no_notice() -> None:
    assert codes(silent_probe(missed=3)) == []


def codes(seen: Aggregate, known: GeneratorFacts = FACTS, *gates: str) -> list[NoticeCode]:
    found = find_notices(seen, known, [parse_gate(gate) for gate in gates])
    assert all(notice.text and notice.advice for notice in found)
    return [notice.code for notice in found]


def test_a_good_run_has_no_notice() -> None:
    assert codes(view(), FACTS, "p99(http.response_time) < 1s", "rate(http.errors) < 1%") == []


@pytest.mark.parametrize(
    ("code", "seen", "known"),
    [
        (NoticeCode.GENERATOR_LATE, view(lag_ms=6), FACTS),
        (NoticeCode.LOAD_NOT_REACHED, view(), facts(achieved_arrivals=980)),
        (NoticeCode.ARRIVALS_DROPPED, view(load__arrivals=1000, load__dropped=3), FACTS),
        (NoticeCode.CLOCK_STEPPED, view(), facts(clock_steps=2)),
        (NoticeCode.COALESCED_READS, view(generator__coalesced_reads=300), FACTS),
        (NoticeCode.UNSTAMPED_READS, view(generator__unstamped_reads=20), FACTS),
        (NoticeCode.NO_KERNEL_CLOCK, view(), facts(kernel_clock=False)),
        (NoticeCode.WORKER_BUSY, view(cpu=91), FACTS),
        (NoticeCode.LOOP_LATE, view(loop_ms=6), FACTS),
        (NoticeCode.FEW_DESCRIPTORS, view(), facts(descriptor_limit=1024)),
        (NoticeCode.MANY_FAILURES, view(http__errors=200), FACTS),
        (NoticeCode.CHECKS_FAILED, view(check__count=10, check__failures=1), FACTS),
        (NoticeCode.USER_CODE_FAILED, view(iteration__count=10, iteration__errors=1), FACTS),
        (NoticeCode.SHORT_RUN, view(seconds=5), FACTS),
        (NoticeCode.NOTHING_MEASURED, Aggregate(), FACTS),
        (NoticeCode.PROBE_SILENT, silent_probe(missed=6), FACTS),
        (NoticeCode.PROBE_BLIND, with_levels("probe.unreadable", 2, probe="pid 7", value="disk"), FACTS),
        (NoticeCode.GENERATOR_GROWS, with_levels("generator.memory", 50e6, 200e6, worker="1"), FACTS),
        (NoticeCode.PRESSED, view(), facts(pressed="1 core for 30 s")),
        (NoticeCode.NOT_PRESSED, view(), facts(unpressed="stress-ng is not installed")),
        (NoticeCode.RESUMED, view(), facts(gaps_s=(90.0,))),
        (NoticeCode.LOAD_CHANGED, view(), facts(changes=("load x 2 (by key)",))),
        (NoticeCode.ITERATIONS_UNMADE, view(), facts(unmade=("61 of 100 iterations of main were begun",))),
        (NoticeCode.WORKER_LOST, view(), facts(lost=("worker 1 (pid 7) was ended by SIGKILL 3 s into the run",))),
    ],
)
def test_each_notice_has_its_cause_and_comes_alone(code: NoticeCode, seen: Aggregate, known: GeneratorFacts) -> None:
    assert codes(seen, known) == [code]


def test_a_percentile_on_too_few_samples_is_noticed_once() -> None:
    gates = ("p99.9(http.response_time) < 1s", "p99.9(http.response_time) < 2s", "p99(http.response_time) < 1s")
    assert codes(view(), FACTS, *gates) == [NoticeCode.TOO_FEW_SAMPLES]


def test_exhausted_ports_are_noticed() -> None:
    snapshot = Snapshot(0, 0.0, 30.0, counts={Series("http.requests"): 100, Series("http.errors", (("kind", "no_ports"),)): 5})
    assert codes(Aggregate([snapshot])) == [NoticeCode.NO_PORTS]


def test_every_notice_is_shown_by_a_test() -> None:
    cases: Callable[..., object] = test_each_notice_has_its_cause_and_comes_alone
    shown = {case[0] for mark in getattr(cases, "pytestmark", []) for case in mark.args[1]}
    assert shown | {NoticeCode.TOO_FEW_SAMPLES, NoticeCode.NO_PORTS} == set(NoticeCode)
