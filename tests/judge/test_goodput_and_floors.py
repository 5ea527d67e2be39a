"""Goodput gates, and percentiles that too few samples carry."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadstone.judge.bands import Grade, grade_all
from loadstone.judge.gates import GateWatch
from loadstone.judge.verdict import Status, Verdict
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.catalogue import Catalogue, Kind, Metric
from loadstone.measure.snapshot import Series, Snapshot
from loadstone.plan.gate_text import parse_gate
from loadstone.plan.model import BandLine
from loadstone.stats.histogram import Histogram
from loadstone.stats.quantiles import least_samples

OBJECTIVE = "ttft < 500ms and tpot < 50ms"
GATE = f"goodput({OBJECTIVE}) > 95%"
FLOOR = Metric("llm.first", "ms", Kind.DISTRIBUTION, "lower", "a time of a stream", scale=1e6)


def answers(requests: int, good: int | None, at: int = 0, objective: str = OBJECTIVE) -> Snapshot:
    counts = {Series("llm.requests", (("scenario", "s"),)): requests} if requests else {}
    if good is not None:
        counts[Series("llm.good", (("scenario", "s"), ("slo", objective)))] = good
    return Snapshot(at, float(at), at + 1.0, True, counts=counts)


def times(count: int, ms: float = 100.0) -> Snapshot:
    histogram = Histogram()
    histogram.record_many(np.full(count, int(ms * 1e6), dtype=np.int64))
    return Snapshot(0, 0.0, 1.0, True, distributions={Series("llm.first"): histogram})


def judged(snapshots: Sequence[Snapshot], gate: str, *, allow_few: bool = False) -> Verdict:
    watch = GateWatch([parse_gate(gate)], Catalogue((FLOOR,)), allow_few=allow_few)
    for snapshot in snapshots:
        watch.see(snapshot)
    return watch.verdicts(Aggregate(snapshots))[0]


@pytest.mark.parametrize(
    ("requests", "good", "status", "value"),
    [
        (100, 96, Status.PASS, 96),
        (100, 95, Status.FAIL, 95),
        (100, None, Status.FAIL, 0),
        (0, None, Status.NO_DATA, None),
    ],
)
def test_goodput_is_the_share_of_requests_that_met_the_objective(
    requests: int, good: int | None, status: Status, value: float | None
) -> None:
    verdict = judged([answers(requests, good)], GATE)
    assert (verdict.status, verdict.value) == (status, value)


def test_only_the_requests_that_met_this_objective_count() -> None:
    assert judged([answers(100, 100, objective="e2e < 1s")], GATE).value == 0


def test_goodput_per_second_counts_good_answers_over_time() -> None:
    verdict = judged([answers(10, 6, at) for at in range(4)], f"goodput({OBJECTIVE}) > 5/s")
    assert (verdict.status, verdict.value, verdict.unit) == (Status.PASS, 6, "/s")


def test_goodput_is_judged_in_windows_and_may_end_the_run() -> None:
    verdict = judged([answers(10, 10 if at < 5 else 0, at) for at in range(10)], f"{GATE} over 2s abort")
    assert (verdict.status, verdict.value, verdict.at_s) == (Status.FAIL, 50, 6)


@pytest.mark.parametrize(("stat", "least"), [("p50", 11), ("p90", 64), ("p95", 130), ("p99", 662), ("p99.9", 6636)])
def test_a_percentile_of_a_stream_below_its_floor_is_no_data(stat: str, least: int) -> None:
    gate = f"{stat}(llm.first) < 2s"
    short, long = judged([times(least - 1)], gate), judged([times(least)], gate)
    assert (short.status, long.status) == (Status.NO_DATA, Status.PASS)
    assert f"too few samples for {stat} ({least - 1} of {least})" in short.reason


def test_a_plan_may_allow_few_samples() -> None:
    assert judged([times(20)], "p99(llm.first) < 2s", allow_few=True).status is Status.PASS


def test_other_statistics_of_a_stream_need_no_number_of_samples() -> None:
    assert judged([times(1)], "max(llm.first) < 2s").status is Status.PASS


def test_a_percentile_of_exchanges_on_few_samples_is_judged_as_before(second: Callable[..., Snapshot]) -> None:
    assert judged([second(0, [100.0] * 20)], "p99(http.response_time) < 2s").status is Status.PASS


def test_a_window_below_the_floor_has_no_value() -> None:
    verdict = judged([times(20)], "p95(llm.first) < 2s over 1s")
    assert verdict.status is Status.NO_DATA


def test_a_band_on_too_few_samples_has_no_grade() -> None:
    band = BandLine(value="p99(llm.first)", good="1s", issue="2s")
    few, enough = Aggregate([times(20)]), Aggregate([times(least_samples(0.99))])
    catalogue = Catalogue((FLOOR,))
    assert grade_all([band], few, catalogue)[0].grade is Grade.NO_DATA
    assert grade_all([band], few, catalogue, allow_few=True)[0].grade is Grade.GOOD
    assert grade_all([band], enough, catalogue)[0].grade is Grade.GOOD
