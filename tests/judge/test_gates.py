from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from loadstone.errors import PlanError
from loadstone.judge.gates import GateWatch
from loadstone.judge.verdict import Status, Verdict, show_value
from loadstone.measure.aggregate import Aggregate
from loadstone.measure.snapshot import Gauge, Series, Snapshot
from loadstone.stats.histogram import Histogram

Second = Callable[..., Snapshot]
Judge = Callable[..., list[Verdict]]
Watch = Callable[..., GateWatch]
STEADY = [100.0] * 20


def statuses(verdicts: Sequence[Verdict]) -> list[Status]:
    return [verdict.status for verdict in verdicts]


@pytest.mark.parametrize(
    ("gate", "shown"),
    [
        ("p50(http.response_time) < 2s", (200, 2000, "ms")),
        ("p95(http.response_time) < 2s", (400, 2000, "ms")),
        ("median(http.response_time) < 2s", (200, 2000, "ms")),
        ("min(http.response_time) >= 100ms", (100, 100, "ms")),
        ("max(http.response_time) <= 400ms", (400, 400, "ms")),
        ("mean(http.response_time) < 300ms", (250, 300, "ms")),
        ("sum(http.response_time) == 10s", (10_000, 10_000, "ms")),
        ("count(http.response_time) > 10", (40, 10, "1")),
        ("count(http.requests) == 40", (40, 40, "1")),
        ("sum(http.requests) >= 40", (40, 40, "1")),
        ("rate(http.errors) < 10%", (5, 10, "%")),
        ("throughput(http.requests) > 3/s", (4, 3, "/s")),
        ("throughput(http.bytes_in) < 1MB/s", (50_000, 1_000_000, "B/s")),
        ("sum(http.bytes_in) < 1MiB", (500_000, 1 << 20, "B")),
        ("throughput(tokens.made) > 60/m", (2, 1, "tokens/s")),
        ("last(load.users) == 9", (9, 9, "1")),
        ("max(generator.cpu) < 90%", (85, 90, "%")),
        ("mean(generator.cpu) < 90", (80.5, 90, "%")),
        ("min(generator.cpu) > 70%", (76, 70, "%")),
        ("max(generator.memory) < 1GB", (2e8, 1e9, "B")),
    ],
)
def test_every_statistic_is_judged_in_the_displayed_unit(judge: Judge, second: Second, gate: str, shown: tuple[float, float, str]) -> None:
    value, limit, unit = shown
    counts = {"http.bytes_in": 50_000, "tokens.made": 2}
    run = [
        second(
            at,
            [100, 200, 300, 400],
            errors=2 if at == 0 else 0,
            gauges={"load.users": at, "generator.cpu": 76 + at, "generator.memory": 2e8},
            counts=counts,
        )
        for at in range(10)
    ]
    (verdict,) = judge(run, gate)
    assert (verdict.status, verdict.unit) == (Status.PASS, unit)
    assert verdict.value == pytest.approx(value, rel=2**-8)
    assert verdict.limit == pytest.approx(limit)
    assert verdict.samples > 0


def test_a_gate_that_does_not_hold_fails_with_value_and_limit_in_its_reason(judge: Judge, second: Second) -> None:
    (verdict,) = judge([second(0, [2300.0] * 200)], "p95(http.response_time) < 2s")
    assert verdict.status is Status.FAIL
    assert verdict.reason == "2.3 s is not < 2 s"
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low <= 2300 <= verdict.high


def test_few_samples_are_told_beside_the_verdict(judge: Judge, second: Second) -> None:
    (verdict,) = judge([second(0, STEADY)], "p99(http.response_time) < 2s")
    assert verdict.status is Status.PASS
    assert "20 samples, p99 needs 662" in verdict.reason


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ("p95(http.connect_time) < 1s", "nothing was recorded for http.connect_time"),
        ("throughput(iteration.count) > 1/s", "nothing was recorded for iteration.count"),
        ("last(load.users) > 1", "nothing was recorded for load.users"),
        ("p95(http.response_time{step=asc}) < 1s", "known: ask; did you mean 'ask'?"),
        ("p95(http.response_time{stpe=ask}) < 1s", "no value of http.response_time has the tag 'stpe'"),
        ("rate(http.errors{step=other}) < 1%", "no value of http.requests has step=other; known: ask"),
        ("rate(http.errors{stpe=ask}) < 1%", "did you mean 'step'?"),
        ("rate(check.failures) < 1%", "nothing was recorded for check.count"),
        ("p95(http.response_time) < 1s over 1h", "no judged stretch was as long as the window of 1h 00m"),
    ],
)
def test_what_was_not_measured_is_no_data_and_says_why(judge: Judge, second: Second, gate: str, reason: str) -> None:
    (verdict,) = judge([second(0, STEADY)], gate)
    assert verdict.status is Status.NO_DATA
    assert not verdict.passed
    assert verdict.value is None
    assert reason in verdict.reason


def test_an_empty_run_lacks_data_for_every_gate(judge: Judge) -> None:
    gates = (
        "p95(http.response_time) < 1s",
        "rate(http.errors) < 1%",
        "count(http.errors) == 0",
        "throughput(http.requests) < 1/s over 10s",
    )
    assert statuses(judge([], *gates)) == [Status.NO_DATA] * 4


def test_no_error_among_requests_is_a_true_zero(judge: Judge, second: Second) -> None:
    gates = ("rate(http.errors) < 1%", "count(http.errors) == 0", "rate(http.errors{kind=tls}) <= 0%", "rate(http.errors{step=ask}) < 1%")
    verdicts = judge([second(0, STEADY)], *gates)
    assert statuses(verdicts) == [Status.PASS] * 4
    assert [verdict.value for verdict in verdicts] == [0, 0, 0, 0]


def test_a_share_of_zero_requests_is_no_data(judge: Judge) -> None:
    nothing = Snapshot(0, 0.0, 1.0, counts={Series("http.requests"): 0})
    (verdict,) = judge([nothing], "rate(http.errors) < 1%")
    assert verdict.status is Status.NO_DATA


def test_errors_of_one_kind_are_a_share_of_all_requests(judge: Judge, second: Second) -> None:
    run = [second(0, STEADY, errors=1)]
    reset, dns = judge(run, "rate(http.errors{kind=reset}) < 1%", "rate(http.errors{kind=dns}) < 1%")
    assert (reset.status, reset.value) == (Status.FAIL, 5)
    assert (dns.status, dns.value) == (Status.PASS, 0)


def test_a_percentile_among_what_never_came_back_is_infinite_and_fails(judge: Judge, second: Second) -> None:
    p95, p50, longest = judge(
        [second(0, [100.0] * 90, beyond=10)], "p95(http.response_time) < 1h", "p50(http.response_time) < 1s", "max(http.response_time) < 1h"
    )
    assert (p95.status, p95.value) == (Status.FAIL, math.inf)
    assert p50.status is Status.PASS
    assert (longest.status, longest.value) == (Status.FAIL, math.inf)


def test_a_mean_with_unanswered_exchanges_is_decided_only_where_it_can_be(judge: Judge, second: Second) -> None:
    run = [second(0, [100.0] * 99, beyond=1)]
    below, far_below, above = judge(
        run, "mean(http.response_time) < 200ms", "mean(http.response_time) < 50ms", "mean(http.response_time) > 50ms"
    )
    assert below.status is Status.NO_DATA
    assert "never came back" in below.reason
    assert far_below.status is Status.FAIL
    assert far_below.reason.startswith("at least 100 ms")
    assert above.status is Status.PASS


def test_warm_up_is_not_judged(judge: Judge, second: Second) -> None:
    run = [second(0, [9000.0] * 50, judged=False), second(1, STEADY)]
    assert statuses(judge(run, "max(http.response_time) < 1s", "max(http.response_time) < 1s over 1s")) == [Status.PASS] * 2


def test_a_windowed_gate_must_hold_in_every_window(judge: Judge, second: Second) -> None:
    run = [second(at, requests=100 if at not in (20, 21, 22) else 40) for at in range(40)]
    whole, window = judge(run, "throughput(http.requests) > 90/s", "throughput(http.requests) > 90/s over 5s")
    assert whole.status is Status.PASS
    assert window.status is Status.FAIL
    assert window.value == pytest.approx(64)
    assert window.at_s == 23
    assert "worst of 36 windows of 5 s, ended at 23 s" in window.reason


def test_a_short_dip_within_a_long_window_may_pass(judge: Judge, second: Second) -> None:
    run = [second(at, requests=100 if at != 20 else 40) for at in range(40)]
    (verdict,) = judge(run, "throughput(http.requests) > 90/s over 10s")
    assert verdict.status is Status.PASS
    assert verdict.value == pytest.approx(94)


def test_a_silent_second_is_a_throughput_of_zero(judge: Judge, second: Second) -> None:
    run = [second(at, requests=100 if at != 7 else 0) for at in range(10)]
    (verdict,) = judge(run, "throughput(http.requests) > 1/s over 1s")
    assert (verdict.status, verdict.value, verdict.at_s) == (Status.FAIL, 0, 8)


def test_windows_without_values_say_nothing_about_a_percentile(judge: Judge, second: Second) -> None:
    run = [second(at, STEADY if at % 2 else ()) for at in range(10)]
    (verdict,) = judge(run, "p95(http.response_time) < 1s over 1s")
    assert verdict.status is Status.PASS
    assert "worst of 10 windows of 1 s, 5 without a value" in verdict.reason


def test_a_window_never_reaches_across_unjudged_seconds(judge: Judge, second: Second) -> None:
    run = [second(at, STEADY, judged=at % 5 != 0) for at in range(20)]
    four, five = judge(run, "p95(http.response_time) < 1s over 4s", "p95(http.response_time) < 1s over 5s")
    assert four.status is Status.PASS
    assert five.status is Status.NO_DATA
    assert "16 s were judged in all" in five.reason


def test_jitter_of_the_snapshots_leaves_windows_full(judge: Judge) -> None:
    run = [Snapshot(at, at * 0.9997, (at + 1) * 0.9997, counts={Series("http.requests"): 10}) for at in range(10)]
    (verdict,) = judge(run, "throughput(http.requests) > 9/s over 10s")
    assert verdict.status is Status.PASS


def test_long_windows_keep_only_sixty_blocks(watch: Watch, second: Second) -> None:
    watching = watch("throughput(http.requests) > 9/s over 10m")
    for at in range(1800):
        watching.see(second(at, requests=10 if not 1000 <= at < 1100 else 0))
    (window,) = watching._windows.values()
    assert len(window._ring) <= 61
    verdict = window.verdict()
    assert verdict.status is Status.FAIL
    assert verdict.value == pytest.approx(10 * 500 / 600)


def test_a_windowed_verdict_equals_the_worst_of_all_windows_by_brute_force(judge: Judge, second: Second) -> None:
    rng = np.random.default_rng(7)
    run = [second(at, rng.lognormal(4, 0.5, int(rng.integers(1, 30)))) for at in range(60)]
    (verdict,) = judge(run, "p90(http.response_time) < 1ms over 7s")
    quantiles = []
    for start in range(54):
        histogram = Aggregate(run[start : start + 7]).distribution("http.response_time")
        assert isinstance(histogram, Histogram)
        quantiles.append(histogram.quantile(0.9) / 1e6)
    assert verdict.value == max(quantiles)
    assert verdict.at_s == quantiles.index(max(quantiles)) + 7


def fire_times(watching: GateWatch, run: Sequence[Snapshot]) -> list[float | None]:
    return [verdict.at_s for snapshot in run for verdict in watching.see(snapshot)]


def test_a_single_early_failure_does_not_stop_a_run(watch: Watch, second: Second) -> None:
    watching = watch("rate(http.errors) < 1% abort", "p95(http.response_time) < 1s abort", "mean(http.response_time) < 1s abort")
    run = [second(0, [5000.0], errors=1), *(second(at, STEADY) for at in range(1, 60))]
    assert fire_times(watching, run) == []


def test_an_abort_gate_fires_once_when_the_failure_is_beyond_chance(watch: Watch, second: Second) -> None:
    watching = watch("rate(http.errors) < 1% abort", "p95(http.response_time) < 1s abort")
    run = [second(at, [5000.0] * 20, errors=20) for at in range(10)]
    assert fire_times(watching, run) == [2.0, 2.0]


def test_a_failure_that_cannot_be_mended_stops_at_once(watch: Watch, second: Second) -> None:
    watching = watch("count(http.errors) < 3 abort", "max(http.response_time) < 1s abort", "throughput(http.requests) > 50/s over 2s abort")
    run = [second(0, STEADY, errors=2), second(1, [*STEADY, 2000.0], errors=1)]
    assert sorted(fire_times(watching, run), key=str) == [2.0, 2.0, 2.0]


def test_a_level_has_ten_seconds_to_recover(watch: Watch, second: Second) -> None:
    watching = watch("mean(generator.cpu) < 90% abort", "throughput(http.requests) > 50/s abort")
    assert fire_times(watching, [second(at, STEADY, gauges={"generator.cpu": 99.0}) for at in range(12)]) == [10.0, 10.0]


def test_a_gate_that_stopped_the_run_stays_failed(watch: Watch, second: Second) -> None:
    watching = watch("mean(generator.cpu) < 90% abort")
    run = [second(at, STEADY, gauges={"generator.cpu": 99.0 if at < 10 else 1.0}) for at in range(60)]
    assert fire_times(watching, run) == [10.0]
    (verdict,) = watching.verdicts(Aggregate(run))
    assert verdict.status is Status.FAIL
    assert verdict.at_s == 10


def test_what_may_still_come_true_never_stops_a_run(watch: Watch, second: Second) -> None:
    watching = watch(
        "count(http.requests) >= 40 abort",
        "count(http.requests) == 40 abort",
        "sum(http.response_time) > 3s abort",
        "max(http.response_time) > 1s abort",
        "min(http.response_time) < 50ms abort",
        "min(http.response_time) == 50ms abort",
    )
    assert [watching.see(second(at, [100.0] * 2)) for at in range(19)] == [[]] * 19


def test_what_can_never_come_true_again_stops_a_run_at_once(watch: Watch, second: Second) -> None:
    watching = watch("count(http.requests) == 40 abort", "min(http.response_time) == 50ms abort", "min(http.response_time) >= 50ms abort")
    assert watching.see(second(0, [100.0] * 40)) == []
    assert statuses(watching.see(second(1, [40.0]))) == [Status.FAIL] * 3


def test_gates_without_abort_never_stop_a_run(watch: Watch, second: Second) -> None:
    watching = watch("rate(http.errors) < 1%", "rate(http.errors) < 1% over 2s", "count(http.errors) == 0")
    assert fire_times(watching, [second(at, STEADY, errors=20) for at in range(20)]) == []


def test_a_run_exactly_at_the_limit_is_seldom_stopped(watch: Watch, second: Second) -> None:
    rng, stopped, runs = np.random.default_rng(11), 0, 60
    for _ in range(runs):
        watching = watch("rate(http.errors) < 10% abort")
        run = (second(at, requests=50, errors=int(rng.binomial(50, 0.1))) for at in range(120))
        stopped += bool(fire_times(watching, list(run)))
    assert stopped / runs <= 0.05


def test_every_gate_that_does_not_fit_is_reported_at_once(watch: Watch) -> None:
    with pytest.raises(PlanError) as caught:
        watch(
            "p95(http.respons_time) < 2s",
            "p95(http.response_time) < 5%",
            "p95(http.response_time) < 2",
            "throughput(http.requests) > 5",
            "throughput(http.bytes_in) > 5/s",
            "p95(http.requests) < 1",
            "rate(http.requests) < 1%",
            "rate(http.errors{kind=timeout}) < 1%",
            "rate(http.errors) < 5",
            "rate(http.errors) < 150%",
            "count(http.requests) < 5s",
            "p95(answer.length) < 5s",
        )
    assert len(caught.value.mistakes) == 12
    text = str(caught.value)
    assert "did you mean 'http.response_time'?" in text
    assert "http.response_time is measured in ms, and '5%' is a share" in text
    assert "did you mean 'timeout_idle'?" in text
    assert all(mistake.hint for mistake in caught.value.mistakes)


def test_gauges_of_several_workers_are_judged_together(judge: Judge) -> None:
    series = [Series("generator.cpu", (("worker", str(worker)),)) for worker in range(2)]
    run = [Snapshot(0, 0.0, 1.0, gauges={series[0]: Gauge.of(20.0), series[1]: Gauge.of(95.0)})]
    (verdict,) = judge(run, "max(generator.cpu) < 90%")
    assert (verdict.status, verdict.value) == (Status.FAIL, 95)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (2300, "ms", "2.3 s"),
        (5e6, "B", "5 MB"),
        (5e6, "B/s", "5 MB/s"),
        (150, "/s", "150/s"),
        (12, "tokens/s", "12 tokens/s"),
        (0.25, "tokens/s", "0.25 tokens/s"),
        (0.5, "%", "0.5%"),
        (99.996, "%", "99.996%"),
        (250, "%", "250%"),
        (12, "1", "12"),
        (12, "words", "12 words"),
        (math.inf, "ms", "∞"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value: float, unit: str, text: str) -> None:
    assert show_value(value, unit) == text
